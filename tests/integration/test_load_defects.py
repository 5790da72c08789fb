"""Every planted defect: rows are conserved, the last good data stays, the ledger says it."""

from datetime import date

import pytest

from lib.district_builders import a_district
from lib.warehouse_in_tests import (
    a_fresh_warehouse,
    arrivals,
    findings,
    is_conserved,
    landed_and_loaded,
    raw_state,
)
from wraparound.district import DEFECTS

SIZE = {"schools": 3, "students": 60}
# The file that is spoiled; for a refused one: its code, and what the message must say.
REFUSED = {
    "bad_zip": ("roster.zip", "W21", "roster arrival", "damaged zip", "ask the sender"),
    "encrypted_zip": ("roster.zip", "W23", "roster arrival", "is encrypted", "ask the sender"),
    "nested_folder": ("roster.zip", "W23", "roster arrival", "inside a folder", "at the root"),
    "zip_slip": ("roster.zip", "W23", "roster arrival", "path outside", "ask the sender"),
    "missing_manifest": ("roster.zip", "W21", "no manifest.csv", "with its manifest"),
    "last_years_file": ("roster.zip", "W21", "school year 2025", "2026", "last year's"),
    "missing_column": ("attendance.csv", "W21", "lacks column 'eventDate'", "ask the sender"),
    "renamed_column": ("discipline.zip", "W21", "'incidentDate'", "'incident_dt' may be it"),
    "latin1": ("attendance.csv", "W21", "not utf-8 at byte", "encoding: cp1252"),
    "empty_file": ("service_events.csv", "W21", "is empty", "last good data stays"),
    "unknown_feed": ("mystery.csv", "W22", "which feed mystery.csv", "pass --feed"),
}
BRAKED = {"truncated_roster": ("roster.zip", "W26", "would end", "brake release")}
# For a loaded one: the counts that differ from nothing, and the first finding.
LOADED = {
    "wrong_type": ("attendance.csv", {"rows_quarantined": 1}, (8, "eventDate", "not_a_date")),
    "ragged_rows": ("attendance.csv", {"rows_quarantined": 2}, (6, None, "ragged_row")),
    "orphan_rows": (
        "attendance.csv",
        {"rows_quarantined": 5},
        (None, "studentUniqueId", "student_unknown"),
    ),
    "unknown_code": (
        "attendance.csv",
        {},
        (2, "attendanceEventCategoryDescriptor", "unknown_code"),
    ),
    "repeated_rows": ("attendance.csv", {"rows_duplicate": 25, "rows_quarantined": 0}, None),
    "extra_column": ("attendance.csv", {"rows_quarantined": 0}, None),
    "header_only": ("consents.csv", {"rows_in": 0}, None),
}


@pytest.fixture(scope="module")
def sound(server, tmp_path_factory):
    """A warehouse in which a sound district was loaded."""
    home = tmp_path_factory.mktemp("sound")
    with a_fresh_warehouse(server, home) as settings:
        done = landed_and_loaded(settings, a_district(home / "files", **SIZE))
        assert {arrival["state"] for arrival in done} == {"loaded"}
        assert sum(arrival["rows_quarantined"] for arrival in done) == 0
        yield settings


@pytest.fixture
def loaded(sound, tmp_path):
    with a_fresh_warehouse(sound, tmp_path) as fresh:
        yield fresh


def spoiled(folder, defect, name):
    return a_district(folder / defect, defects=(defect,), **SIZE) / name


def test_an_ordinary_month_is_neither_braked_nor_set_aside(loaded, tmp_path):
    for day in (date(2026, 3, 23), date(2026, 4, 20)):
        folder = a_district(tmp_path / f"{day}", **SIZE, through=day, since=date(2026, 3, 20))
        for arrival in landed_and_loaded(loaded, folder):
            assert arrival["state"] == "loaded", arrival["message"]
            assert arrival["rows_quarantined"] == 0, arrival["message"]


def test_every_defect_is_tried():
    assert {*REFUSED, *BRAKED, *LOADED, "duplicate_file"} == set(DEFECTS)


@pytest.mark.parametrize("defect", sorted(REFUSED | BRAKED))
def test_a_refused_file_changes_nothing_and_says_why(loaded, tmp_path, defect):
    name, code, *words = (REFUSED | BRAKED)[defect]
    before = raw_state(loaded)
    (arrival,) = landed_and_loaded(loaded, spoiled(tmp_path, defect, name))
    assert arrival["state"] == ("braked" if defect in BRAKED else "refused")
    assert arrival["code"] == code
    assert name in arrival["message"]
    assert [word for word in words if word not in arrival["message"]] == []
    assert raw_state(loaded) == before


@pytest.mark.parametrize("defect", sorted(LOADED))
def test_what_is_good_is_loaded_and_the_rest_is_listed(loaded, tmp_path, defect):
    name, counts, finding = LOADED[defect]
    (arrival,) = landed_and_loaded(loaded, spoiled(tmp_path, defect, name))
    assert arrival["state"] == "loaded"
    assert is_conserved(arrival)
    assert {count: arrival[count] for count in counts} == counts
    if finding is None:
        assert findings(loaded) == []
        return
    row, column, rule = finding
    found = findings(loaded)
    assert {entry[0] for entry in found} == {name}
    assert len(found) == arrival["rows_quarantined"] > 0
    assert found[0][2:4] == (column, rule)
    assert row in (None, found[0][1])
    assert f"{name} row {found[0][1]}" in arrival["message"]


def test_the_same_bytes_under_another_name_are_the_same_arrival(loaded, tmp_path):
    before = len(arrivals(loaded))
    path = spoiled(tmp_path, "duplicate_file", "attendance_copy.csv")
    (arrival,) = landed_and_loaded(loaded, path)
    assert len(arrivals(loaded)) == before
    assert arrival["file_name"] == "attendance.csv"
    assert arrival["received_count"] == 2


def test_an_unknown_column_is_told_and_costs_nothing(loaded, tmp_path):
    (arrival,) = landed_and_loaded(loaded, spoiled(tmp_path, "extra_column", "attendance.csv"))
    assert ("column_unknown", "officeCode") in [
        (notice["rule"], notice["column"]) for notice in arrival["notices"]
    ]
