"""The contracts that ship: what every one of them must be, and what a district file may say."""

import re
from datetime import time

import pytest

from wraparound.contracts.district import load_district
from wraparound.contracts.loader import load_contracts
from wraparound.contracts.models import Table
from wraparound.contracts.resources import place_of
from wraparound.errors import SettingsWrong

TABLES = [
    pytest.param(contract, name, table, id=contract.raw_name(name))
    for contract in load_contracts().values()
    for name, table in contract.tables.items()
]
KEY_TYPES = {"id", "date", "code", "descriptor", "integer", "year"}


@pytest.mark.parametrize(("contract", "name", "table"), TABLES)
def test_a_key_is_of_types_that_an_index_takes(contract, name, table):
    assert {table.columns[column].type for column in table.key} <= KEY_TYPES
    assert any(table.columns[column].required for column in table.key)


def test_a_folder_of_a_day_that_no_calendar_has_tells_no_day():
    place = place_of("students/deletes/rundate=2026-02-30/page.json")
    assert (place.name, place.kind, place.run_date) == ("students", "deletes", None)


@pytest.mark.parametrize(("contract", "name", "table"), TABLES)
def test_who_and_when_are_required(contract, name, table):
    for column in filter(None, (table.student, table.day)):
        assert table.columns[column].required


@pytest.mark.parametrize(("contract", "name", "table"), TABLES)
def test_parents_come_before_children(contract, name, table):
    order = [
        (c.order, place, t)
        for c in load_contracts().values()
        if c.family == contract.family
        for place, t in enumerate(c.tables)
    ]
    place = {t: (o, p) for o, p, t in order}
    for reference in table.references:
        assert place[reference.table] <= place[name], reference.column


@pytest.mark.parametrize(("contract", "name", "table"), TABLES)
def test_a_rule_asks_no_table_of_another_family(contract, name, table):
    # Families are loaded beside each other.
    own = {
        c.raw_name(t)
        for c in load_contracts().values()
        if c.family == contract.family
        for t in c.tables
    }
    asked = {
        word
        for rule in table.rules
        for word in re.findall(r"\braw\.(\w+)", f"{rule.check} {rule.breaks}")
    }
    assert asked <= own


@pytest.mark.parametrize(("contract", "name", "table"), TABLES)
def test_warehouse_names_are_unique(contract, name, table):
    names = [table.raw_column(column) for column in table.columns]
    assert len(set(names)) == len(names)


def test_an_older_version_requires_less_even_after_it_was_used():
    table = load_contracts()["roster"].tables["academic_sessions"]
    assert table.loaded["schoolYear"].required
    assert not table.for_version("1.0").loaded["schoolYear"].required
    assert isinstance(table.for_version("1.0"), Table)


def written(folder, text):
    path = folder / "district.yml"
    path.write_text("name: Grove\ntime_zone: America/New_York\n" + text, encoding="utf-8")
    return path


def test_words_of_the_district_file_are_what_they_look_like(tmp_path):
    text = """
expected: {staff: {by: 05:30, days: [0, 4]}}
senders:
  grove:
    feeds:
      attendance:
        tables:
          events:
            columns: {studentUniqueId: No, schoolId: On}
            codes: {attendanceEventCategoryDescriptor: {01: Tardy, Y: Tardy, No: Tardy}}
"""
    district = load_district(written(tmp_path, text))
    assert district.expected["staff"].by == time(5, 30)
    shape = district.profile(sender="grove", feed="attendance").shape("events")
    assert shape.columns == {"studentUniqueId": "No", "schoolId": "On"}
    assert set(shape.codes["attendanceEventCategoryDescriptor"]) == {"01", "Y", "No"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("senders: [", "is not YAML at line"),
        ("colour: blue", "colour"),
        ("language: fr", "language"),
        ("senders: {g: {feeds: {staff: {delimiter: tab}}}}", 'a tab, written "'),
        ("senders: {g: {feeds: {staff: {delimiter: §}}}}", "one sign"),
        (
            "senders: {g: {feeds: {staff: {tables: {staff: [{file: a.csv}, {file: a.csv}]}}}}}",
            "staff has two entries for one file",
        ),
        ("senders: {g: {title: one}, g: {title: two}}", "line 3: the key 'g' comes twice"),
        ("? [senders]\n: one", "at line 3: found unhashable key"),
        ("senders: {../etc: {title: one}}", "senders: .*'../etc' is no name of a folder"),
        ("senders: {.owed: {title: one}}", "senders: .*'.owed' is no name of a folder"),
        ("senders: {'a\\b': {title: one}}", "is no name of a folder"),
        ("expected: {staff: {days: [1, 7]}}", "staff.days.1"),
        ("expected: {staff: {by: 5:30}}", "staff.by: .* such as"),
        ("publish_hour: 05:30Z", "publish_hour: .* such as"),
        ("school_year_starts: 13-01", "school_year_starts: .* month"),
        ("school_year_starts: 7-1", "school_year_starts: .* such as"),
        (
            "senders: {g: {feeds: {staff: {tables: {assignments: {last_days: [role]}}}}}}",
            "columns of dates only",
        ),
        (
            "senders: {g: {feeds: {staff: {tables: {assignments: {look_ups: {role:"
            " {by: x, table: y, column: z}}}}}}}}",
            "nothing to look up in 'y'",
        ),
    ],
)
def test_what_is_wrong_in_the_district_file_is_named(tmp_path, text, words):
    with pytest.raises(SettingsWrong, match=words):
        load_district(written(tmp_path, text + "\n"))


def test_a_district_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(SettingsWrong, match="cannot be read"):
        load_district(tmp_path / "nowhere.yml")


def test_a_district_file_in_another_encoding_is_said(tmp_path):
    path = tmp_path / "district.yml"
    path.write_bytes("name: Forêt\n".encode("cp1252"))
    with pytest.raises(SettingsWrong, match="not UTF-8 at byte 9"):
        load_district(path)
