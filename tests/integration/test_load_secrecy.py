"""Nothing of a child stands in messages, logs, the ledger, or the server's log."""

import logging

from lib.district_builders import a_district, records
from lib.feed_builders import Child, Roster, a_file, attendance
from lib.warehouse_in_tests import (
    any_of,
    arrivals,
    landed_and_loaded,
    places_with,
    query,
    server_log,
)
from wraparound.district import DEFECTS
from wraparound.orchestration import nights

ROW_DEFECTS = ("orphan_rows", "unknown_code", "wrong_type", "ragged_rows", "repeated_rows")
PACKAGE = ("latin1", "missing_column", "renamed_column", "truncated_roster", "bad_zip")


def names_of(folder):
    """Names and ids of every child of a district."""
    users = [u for u in records(folder / "roster.zip", "users.csv") if u["role"] == "student"]
    return sorted(
        {u["sourcedId"] for u in users}
        | {u["username"] for u in users if u["username"]}
        | {f"{u['givenName']} {u['familyName']}" for u in users}
        | {u["identifier"] for u in users if len(u["identifier"]) > 5}
    )


def test_no_defect_brings_a_child_into_the_ledger_or_a_log(server, settings, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    sound = a_district(tmp_path / "sound", schools=2, students=24)
    everybody = any_of(names_of(sound))
    landed_and_loaded(settings, sound)
    for defect in (*ROW_DEFECTS, *PACKAGE):
        assert defect in DEFECTS
        spoiled = a_district(tmp_path / defect, schools=2, students=24, defects=(defect,))
        landed_and_loaded(settings, spoiled)
    assert len({a["state"] for a in arrivals(settings)}) > 1
    assert query(settings, "select 1 from ops.quarantine limit 1")
    assert places_with(settings, everybody) == []
    said = " ".join(record.getMessage() for record in caplog.records)
    for text in (said, server_log(server)):
        assert [name for name in names_of(sound) if name in text] == []


def test_a_canary_in_every_cell_is_told_nowhere(server, rostered, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    canary = "Zwitscherling"
    child = Child(canary)
    header = "studentUniqueId,schoolId,eventDate,attendanceEventCategoryDescriptor"
    files = [
        attendance(tmp_path / "1", [[canary] * 6]),
        attendance(tmp_path / "2", [("T-Alder1", "T-S1", "2026-10-01", canary, canary, canary)]),
        a_file(tmp_path / "3", "attendance.csv", f"{canary},x\n{canary},y\n"),
        a_file(tmp_path / "4", "attendance.csv", f"{header}\n{canary},{canary}\n"),
        a_file(tmp_path / "5", "attendance.csv", f'{header}\n"{canary},{canary}\n'),
        a_file(tmp_path / "6", "attendance.csv", f"{header}\n{canary}\0{canary}\n"),
        a_file(tmp_path / "7", "attendance.csv", f"{header}\n{canary},é\n".encode("latin-1")),
        a_file(tmp_path / "8", "staff.csv", f"{canary},{canary}\n"),
        Roster((child, Child(canary, school=canary))).write(tmp_path / "9"),
    ]
    for file in files:
        landed_and_loaded(rostered, file)
        nights.replay_waiting(rostered)
    assert len(arrivals(rostered)) == len(files) + 1
    assert places_with(rostered, canary) == []
    said = " ".join(record.getMessage() for record in caplog.records)
    assert canary not in said
    assert canary not in server_log(server)
