"""What the generator writes is what the contracts ask for."""

from datetime import date
from decimal import Decimal
from zipfile import ZipFile

import pytest

from lib.district_builders import a_district, records
from wraparound.contracts.loader import load_contracts
from wraparound.district.making import WRITERS

# Contacts name living people, the invented district takes attendance by the day, and the rest is
# OneRoster 1.2 only, or comes from Ed-Fi. Decisions answer a list, which a night publishes first.
NOT_MADE = {
    "decisions",
    *("school_associations", "education_associations", "contact_associations"),
    *("contacts", "section_events", "roles", "user_profiles", "score_scales"),
    *("line_item_score_scales", "line_item_learning_objectives"),
    *("result_score_scales", "result_learning_objectives"),
}
TABLES = [
    pytest.param(feed, table, id=f"{feed} {name}")
    for feed, contract in load_contracts().items()
    for name, table in contract.tables.items()
    if name not in NOT_MADE and (feed, name) != ("assessments", "assessments")
]
CHECKS = {
    "date": date.fromisoformat,
    "integer": int,
    "year": int,
    "decimal": Decimal,
    "boolean": {"true": True, "false": False}.__getitem__,
}


@pytest.fixture(scope="module")
def district(tmp_path_factory):
    return a_district(tmp_path_factory.mktemp("district"), schools=4, students=200)


def rows_of(district, feed, table):
    path = district / WRITERS[feed][0]
    return records(path, table.file if path.suffix == ".zip" else None)


@pytest.mark.parametrize(("feed", "table"), TABLES)
def test_every_contract_table_is_delivered_with_rows(district, feed, table):
    assert rows_of(district, feed, table)


@pytest.mark.parametrize(("feed", "table"), TABLES)
def test_required_columns_are_filled(district, feed, table):
    needed = [name for name, column in table.columns.items() if column.required]

    for row in rows_of(district, feed, table):
        assert all(row[name] for name in needed)


@pytest.mark.parametrize(("feed", "table"), TABLES)
def test_keys_are_unique(district, feed, table):
    rows = rows_of(district, feed, table)
    keys = {tuple(row.get(name, "") for name in table.key) for row in rows}

    assert len(keys) == len(rows)


@pytest.mark.parametrize(("feed", "table"), TABLES)
def test_codes_are_in_their_sets(district, feed, table):
    rows = rows_of(district, feed, table)

    for name, column in table.columns.items():
        if column.codes and name in rows[0]:
            assert {row[name] for row in rows} - {""} <= set(column.codes), name


@pytest.mark.parametrize(("feed", "table"), TABLES)
def test_values_have_their_types(district, feed, table):
    rows = rows_of(district, feed, table)

    for name, column in table.columns.items():
        if column.type in CHECKS and name in rows[0]:
            for value in {row[name] for row in rows} - {""}:
                CHECKS[column.type](value)


@pytest.mark.parametrize(("feed", "table"), TABLES)
def test_columns_that_must_not_be_read_hold_nothing(district, feed, table):
    refused = [name for name, column in table.columns.items() if column.refused]

    for row in rows_of(district, feed, table):
        assert not any(row.get(name) for name in refused)


def test_no_package_holds_a_member_its_contract_does_not_know(district):
    for feed, contract in load_contracts().items():
        path = district / WRITERS[feed][0] if feed in WRITERS else district
        if path.suffix == ".zip":
            known = {table.file for table in contract.tables.values()}
            known |= {"manifest.csv", *contract.ignored_files}
            with ZipFile(path) as folder:
                assert set(folder.namelist()) <= known
