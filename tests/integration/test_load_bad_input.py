"""Files that cannot be read as they stand: what is said, and that nothing is lost by them."""

import csv
import hashlib
import io
import json
import os
import shutil
import stat
import zipfile
from dataclasses import replace

import pytest
from click.testing import CliRunner

from lib.feed_builders import (
    ATTENDANCE,
    UNEXCUSED,
    Child,
    a_file,
    a_zip,
    attendance,
    csv_bytes,
)
from lib.warehouse_in_tests import (
    arrivals,
    findings,
    is_conserved,
    landed_and_loaded,
    live,
    query,
    raw_state,
    write_district,
)
from wraparound.cli import main
from wraparound.errors import ArrivalIncomplete
from wraparound.landing import archive, opening
from wraparound.orchestration import nights
from wraparound.orchestration.handing_back import hand_back
from wraparound.orchestration.overview import overview
from wraparound.orchestration.tonight import render
from wraparound.settings import environment_for

DAY = "2026-10-01"
GOOD = ("T-Alder1", "T-S1", DAY, UNEXCUSED)
EVENTS = "attendance__events"


def refused(settings, path, **words):
    """The ledger's row of a file that must be refused and must change nothing."""
    before = raw_state(settings)
    (arrival,) = landed_and_loaded(settings, path, **words)
    assert arrival["state"] == "refused"
    assert raw_state(settings) == before
    return arrival


def loaded(settings, path, **words):
    (arrival,) = landed_and_loaded(settings, path, **words)
    assert arrival["state"] == "loaded", arrival["message"]
    assert is_conserved(arrival)
    return arrival


def raw_attendance(folder, content, name="attendance.csv"):
    return a_file(folder, name, ATTENDANCE.encode() + b"\n" + content)


# ----------------------------------------------------------------- zips


def a_link(members):
    entry = zipfile.ZipInfo("orgs.csv")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return {**{k: v for k, v in members.items() if k != "orgs.csv"}, entry: b"/etc/passwd"}


BAD_ZIPS = {
    "absolute": (lambda m: {**m, "/etc/outside.csv": b"x"}, "path outside"),
    "backslash": (lambda m: {**m, "..\\outside.csv": b"x"}, "path outside"),
    "link": (a_link, "symbolic link"),
    "nested": (lambda m: {**m, "more.zip": b"PK\x05\x06" + b"\0" * 18}, "another archive"),
    "too_dense": (lambda m: {**m, "orgs.csv": b"0" * (20 << 20)}, "100 times its size"),
    "promised": (lambda m: {k: v for k, v in m.items() if k != "users.csv"}, "users.csv"),
    "no_rows": (lambda m: {**m, "users.csv": m["users.csv"].split(b"\n")[0]}, "no rows"),
    "only_manifest_says_delta": (
        lambda m: {**m, "manifest.csv": m["manifest.csv"].replace(b"bulk", b"maybe")},
        "neither bulk, delta nor absent",
    ),
    "manifest_of_an_old_mac": (
        lambda m: {
            **m,
            "manifest.csv": m["manifest.csv"].replace(b"\r\n", b"\n").replace(b"\n", b"\r"),
        },
        "manifest.csv cannot be read",
    ),
    "absent_but_there": (
        lambda m: {**m, "manifest.csv": m["manifest.csv"].replace(b"users,bulk", b"users,absent")},
        "users.csv is absent",
    ),
}


@pytest.mark.parametrize("case", sorted(BAD_ZIPS))
def test_a_zip_that_is_not_right_is_refused_whole(rostered, roster, tmp_path, case):
    change, words = BAD_ZIPS[case]
    path = a_zip(tmp_path / "in", "roster.zip", change(roster.members()))
    arrival = refused(rostered, path)
    assert words in arrival["message"]
    assert "roster arrival" in arrival["message"]


def test_an_encrypted_member_is_refused_without_being_opened(rostered, roster, tmp_path):
    path = roster.write(tmp_path / "in")
    content = bytearray(path.read_bytes())
    # The flag of the first entry, in its own header and in the directory at the end.
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert "is encrypted" in refused(rostered, path)["message"]


@pytest.mark.parametrize(
    ("limit", "least", "words"),
    [("MEMBERS_MAX", 3, "more than 3 members"), ("BYTES_MAX", 1 << 9, "would unpack to more")],
)
def test_a_zip_beyond_the_machines_limits_is_refused(
    rostered, roster, tmp_path, monkeypatch, limit, least, words
):
    path = replace(roster, students=roster.students[1:]).write(tmp_path / "in")
    monkeypatch.setattr(opening, limit, least)
    assert words in refused(rostered, path)["message"]


def test_a_zip_that_was_cut_off_is_refused(rostered, roster, tmp_path):
    path = roster.write(tmp_path / "in")
    path.write_bytes(path.read_bytes()[:-300])
    assert "damaged" in refused(rostered, path)["message"]


def test_another_archive_under_the_name_of_a_file_is_no_csv(rostered, roster, tmp_path):
    inner = roster.write(tmp_path / "inner").read_bytes()
    path = a_zip(tmp_path / "in", "roster.zip", {**roster.members(), "users.csv": inner})
    assert "users.csv" in refused(rostered, path)["message"]


def test_two_members_of_one_name_are_refused(rostered, roster, tmp_path):
    path = roster.write(tmp_path / "in")
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as packed:
        packed.writestr("orgs.csv", b"sourcedId\n")
    assert "two members of one name" in refused(rostered, path)["message"]


def test_a_member_with_damaged_bytes_is_refused(rostered, roster, tmp_path):
    path = roster.write(tmp_path / "in")
    with zipfile.ZipFile(path) as packed:
        users = packed.getinfo("users.csv")
    content = bytearray(path.read_bytes())
    content[users.header_offset + 80 : users.header_offset + 120] = b"\xff" * 40
    path.write_bytes(content)
    assert "damaged" in refused(rostered, path)["message"]


def test_a_folder_stands_for_a_zip_of_its_files(rostered, roster, tmp_path):
    folder = tmp_path / "in" / "package"
    for name, content in roster.members().items():
        a_file(folder, name, content)
    a_file(folder, ".DS_Store", b"junk")
    arrival = loaded(rostered, folder)
    assert arrival["rows_unchanged"] == arrival["rows_in"] > 0


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_a_package_folder_with_more_than_files_is_refused(rostered, roster, tmp_path, kind):
    folder = tmp_path / "in" / "package"
    for name, content in roster.members().items():
        a_file(folder, name, content)
    if kind == "folder":
        a_file(folder / "inner", "users.csv", b"x")
    else:
        (folder / "users2.csv").symlink_to("/etc/passwd")
    words = {"folder": "inside a folder", "link": "symbolic link"}[kind]
    assert words in refused(rostered, folder)["message"]


def test_what_systems_add_to_a_zip_is_left_and_names_may_be_in_capitals(
    rostered, roster, tmp_path
):
    members = {name.upper(): content for name, content in roster.members().items()}
    junk = dict.fromkeys(("__MACOSX/._USERS.CSV", ".DS_Store", "Thumbs.db"), b"junk")
    arrival = loaded(rostered, a_zip(tmp_path / "in", "OneRoster Export.ZIP", members | junk))
    assert (arrival["feed"], arrival["rows_unchanged"]) == ("roster", arrival["rows_in"])
    assert arrival["rows_in"] > 0
    told = [notice for notice in arrival["notices"] if "other_case" in notice["rule"]]
    assert {notice["rule"] for notice in told} == {"file_name_in_other_case"}
    assert len(told) == len(members)


# ----------------------------------------------------------------- bytes of a CSV


BAD_BYTES = {
    "nul": (b"T-Alder1,T-S1,2026-10-01,Tardy,a\0b,\n", "NUL byte at byte"),
    "latin": (b"T-Alder1,T-S1,2026-10-01,Tardy,Cong\xe9,\n", "not utf-8 at byte"),
    "unclosed": (b'T-Alder1,T-S1,2026-10-01,Tardy,"never closed,\nT-Birch2,', "row 2"),
    "half_a_character": (b"T-Alder1,T-S1,2026-10-01,Tardy,x\xe2\x82", "not utf-8 at byte"),
}


@pytest.mark.parametrize("case", sorted(BAD_BYTES))
def test_bytes_that_are_no_csv_are_refused_with_their_place(rostered, tmp_path, case):
    content, words = BAD_BYTES[case]
    arrival = refused(rostered, raw_attendance(tmp_path / "in", content))
    assert words in arrival["message"]
    assert "attendance.csv" in arrival["message"]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", ""])
def test_line_ends_and_a_mark_at_the_start_do_not_matter(rostered, tmp_path, ending):
    text = "\ufeff" + ATTENDANCE + (ending or "\n") + ",".join(GOOD) + ",," + ending
    arrival = loaded(rostered, a_file(tmp_path / "in", "attendance.csv", text))
    assert arrival["rows_loaded"] == 1
    assert live(rostered, EVENTS, "student_unique_id") == [("T-Alder1",)]


def test_a_header_with_a_return_inside_is_refused_in_words(rostered, tmp_path):
    text = ATTENDANCE + "\rmore\n" + ",".join(GOOD) + ",,\n"
    path = a_file(tmp_path / "in", "attendance.csv", text)
    assert "LF or CRLF" in refused(rostered, path)["message"]


def test_utf_16_is_called_by_its_name(rostered, tmp_path):
    text = f"{ATTENDANCE}\n{','.join(GOOD)},,\n".encode("utf-16")
    message = refused(rostered, a_file(tmp_path / "in", "attendance.csv", text))["message"]
    assert "attendance.csv is UTF-16 (the mark at byte 0 says so)" in message


def test_a_header_alone_loads_nothing_and_is_no_error(rostered, tmp_path):
    arrival = loaded(rostered, a_file(tmp_path / "in", "attendance.csv", ATTENDANCE))
    assert arrival["rows_in"] == 0


@pytest.mark.parametrize("blank", [b"\n", b",,,,,\n", b",,,,,\n\n,,,\n"])
def test_blank_lines_count_as_rows_of_a_spreadsheet_but_not_as_records(rostered, tmp_path, blank):
    content = csv_bytes("", [(*GOOD, "", ""), ("T-Nobody", *GOOD[1:], "", "")])
    content = blank.splitlines(keepends=True)[0] + content.removeprefix(b"\n") + blank
    arrival = loaded(rostered, raw_attendance(tmp_path / "in", content))
    assert (arrival["rows_in"], arrival["rows_quarantined"]) == (2, 1)
    assert findings(rostered) == [
        ("attendance.csv", 4, "studentUniqueId", "student_unknown", "row")
    ]


@pytest.mark.parametrize(
    ("first", "last"), [('a 5"x', 'c"d'), ('a 24"', 'c 27"'), ('a;"x', 'c;"d')]
)
def test_a_stray_quote_does_not_swallow_the_rows_after_it(rostered, tmp_path, first, last):
    content = b"".join(
        f"{student},T-S1,{DAY},Tardy,{reason},\n".encode()
        for student, reason in (("T-Alder1", first), ("T-Birch2", "b"), ("T-Cedar3", last))
    )
    arrival = loaded(rostered, raw_attendance(tmp_path / "in", content))
    assert (arrival["rows_in"], arrival["rows_loaded"]) == (3, 3)
    assert ("T-Alder1", first) in live(
        rostered, EVENTS, "student_unique_id", "attendance_event_reason"
    )


def test_a_line_that_ends_copies_elsewhere_is_only_text(rostered, roster, tmp_path):
    content = (
        csv_bytes("", [(*GOOD, "", "")])[1:] + b'T-Birch2,T-S1,2026-10-01,Tardy,"x\n\\.\n",\n'
    )
    arrival = loaded(rostered, raw_attendance(tmp_path / "in", content))
    assert arrival["rows_in"] == 2


def test_line_breaks_are_kept_where_text_may_hold_them_and_nowhere_else(
    rostered, roster, tmp_path
):
    rows = [(*GOOD, "two\nlines", ""), ("T-Birch2", *GOOD[1:], "one", "")]
    loaded(rostered, attendance(tmp_path / "in", rows))
    assert live(rostered, EVENTS, "attendance_event_reason") == [("one",), ("two\nlines",)]
    members = roster.members()
    spoiled = members["users.csv"].replace(b",Cedar3,Grove", b',"Ce\ndar3",Grove')
    arrival = loaded(
        rostered, a_zip(tmp_path / "in", "roster.zip", {**members, "users.csv": spoiled})
    )
    assert arrival["rows_quarantined"] == 1
    assert findings(rostered) == [("users.csv", 4, "givenName", "line_break_in_field", "row")]


def test_control_characters_cost_their_row(rostered, tmp_path):
    rows = [(*GOOD, "a\x07b", ""), ("T-Birch2", *GOOD[1:])]
    arrival = loaded(rostered, attendance(tmp_path / "in", rows))
    assert (arrival["rows_loaded"], arrival["rows_quarantined"]) == (1, 1)
    assert findings(rostered) == [
        ("attendance.csv", 2, "attendanceEventReason", "control_character", "row")
    ]


def test_uneven_rows_are_set_aside_each_by_itself(rostered, tmp_path):
    content = b"T-Alder1,T-S1\n" + csv_bytes("", [(*GOOD, "", "")])[1:]
    content += b"T-Birch2,T-S1,2026-10-01,Tardy,,,,\nT-Cedar3,T-S1,2026-10-01,Tardy,,,,surplus\n"
    arrival = loaded(rostered, raw_attendance(tmp_path / "in", content))
    assert (arrival["rows_in"], arrival["rows_loaded"], arrival["rows_quarantined"]) == (4, 2, 2)
    assert [(f[1], f[3]) for f in findings(rostered)] == [(2, "ragged_row"), (5, "ragged_row")]
    assert "empty_cells_beyond_header" in [notice["rule"] for notice in arrival["notices"]]


def test_an_uneven_row_that_comes_every_night_is_one_open_finding(rostered, tmp_path):
    lines = ("T-Birch2,T-S1", "T-Birch2,T-S1", "T-Birch2,T-S1", "T-Birch2,T-S2")
    for night, line in enumerate(lines, start=1):
        content = f"T-Alder1,T-S1,2026-10-0{night},Tardy,,\n{line}\n".encode()
        arrival = loaded(rostered, raw_attendance(tmp_path / f"{night}", content))
    # Of a row that differs nobody can say that it is about the same.
    assert [finding[1:4] for finding in findings(rostered)] == [(3, None, "ragged_row")] * 2
    kept = query(rostered, "select cells from restricted.quarantine_line order by arrival_id")
    assert [row["cells"]["_line"] for row in kept] == [line.split(",") for line in lines[2:]]
    (back,) = hand_back(rostered, arrival["arrival_id"], folder=tmp_path / "out", by="T. Linden")
    assert lines[-1] in back.path.read_text()


def test_no_cell_of_an_uneven_row_is_kept_where_one_may_be_a_secret(rostered, tmp_path):
    content = f"{ATTENDANCE},ssn\nT-Alder1,T-S1,2026-10-01,Tardy,,,000-00-0000,surplus\n"
    loaded(rostered, a_file(tmp_path / "in", "attendance.csv", content))
    broken = '{"password": "Nut"\n{"studentUniqueId": "T-\n'
    loaded(rostered, a_file(tmp_path / "in", "studentSchoolAttendanceEvents.jsonl", broken))
    kept = query(
        rostered,
        "select cells -> '_line' as line from restricted.quarantine_line where cells ? '_line'"
        " order by arrival_id, row_number",
    )
    assert [row["line"] for row in kept] == [[], [], ['{"studentUniqueId": "T-']]


def test_a_megabyte_in_a_field_is_text_in_a_text_and_too_long_for_an_id(rostered, tmp_path):
    rows = [(*GOOD, "r" * (1 << 20), ""), ("T" * (1 << 20), *GOOD[1:])]
    arrival = loaded(rostered, attendance(tmp_path / "in", rows))
    assert (arrival["rows_loaded"], arrival["rows_quarantined"]) == (1, 1)
    assert findings(rostered)[0][2:4] == ("studentUniqueId", "not_an_id")


# ----------------------------------------------------------------- headers


BAD_HEADERS = {
    "twice": (ATTENDANCE + ",eventDate", "column 'eventDate' comes twice"),
    "too_many": (ATTENDANCE + "," + ",".join(f"x{i}" for i in range(2000)), "2006 columns"),
    "one_column": (ATTENDANCE.replace(",", ";"), "lacks column"),
    "blank": ("", "is empty"),
}


@pytest.mark.parametrize("case", sorted(BAD_HEADERS))
def test_a_header_that_is_not_the_feeds_is_refused(rostered, tmp_path, case):
    header, words = BAD_HEADERS[case]
    path = a_file(tmp_path / "in", "attendance.csv", header + "\n")
    assert words in refused(rostered, path)["message"]


def test_a_file_without_a_header_is_refused_without_telling_its_first_row(rostered, tmp_path):
    row = "T-Rowanberry,T-Rowanberry,2026-10-01,Tardy,T-Rowanberry,\n"
    path = a_file(tmp_path / "in", "attendance.csv", row * 2)
    arrival = refused(rostered, path)
    assert "lacks column" in arrival["message"]
    assert "Rowanberry" not in arrival["message"]


def test_a_header_in_another_case_or_order_is_read_with_a_notice(rostered, tmp_path):
    header = ",".join(reversed(ATTENDANCE.split(","))).upper()
    text = header + "\n" + ",".join(["", "", *reversed(GOOD)]) + "\n"
    arrival = loaded(rostered, a_file(tmp_path / "in", "attendance.csv", text))
    assert arrival["rows_loaded"] == 1
    told = {notice["rule"] for notice in arrival["notices"]}
    assert told == {"header_in_other_case", "column_missing"}


def test_an_optional_column_may_be_missing_with_a_notice(rostered, tmp_path):
    text = csv_bytes(
        "studentUniqueId,schoolId,eventDate,attendanceEventCategoryDescriptor", [GOOD]
    )
    arrival = loaded(rostered, a_file(tmp_path / "in", "attendance.csv", text))
    assert [(n["rule"], n["column"]) for n in arrival["notices"]] == [
        ("column_missing", "attendanceEventReason"),
        ("column_missing", "eventDuration"),
        ("column_missing", "schoolYear"),
    ]


# ----------------------------------------------------------------- values


BAD_VALUES = [
    ("eventDate", "not_a_date", 2, "2026-13-01"),
    ("eventDate", "not_a_date", 2, "today"),
    ("eventDate", "not_a_date", 2, "10/01/2026"),
    ("eventDate", "required_value_missing", 2, "  "),
    ("attendanceEventCategoryDescriptor", "unknown_code", 3, "Skipped"),
    ("eventDuration", "out_of_range", 5, "1.5"),
    ("eventDuration", "not_a_number", 5, "NaN"),
    ("eventDuration", "not_a_number", 5, "0x1"),
    ("schoolId", "school_unknown", 1, "T-S9"),
]


@pytest.mark.parametrize(("column", "rule", "place", "value"), BAD_VALUES)
def test_a_bad_value_in_row_7_is_told_by_row_column_and_rule(
    rostered, roster, tmp_path, column, rule, place, value
):
    rows = [[child.id, child.school, DAY, UNEXCUSED, "", "1"] for child in roster.students]
    rows[5][place] = value
    arrival = loaded(rostered, attendance(tmp_path / "in", rows))
    assert findings(rostered) == [("attendance.csv", 7, column, rule, "row")]
    assert (arrival["rows_loaded"], arrival["rows_quarantined"]) == (9, 1)
    assert f"attendance.csv row 7, {column}: {rule}" in arrival["message"]


@pytest.mark.parametrize("written", ["TARDY", "uri://ed-fi.org/X#Tardy", " Tardy "])
def test_a_code_is_read_in_any_case_and_as_a_descriptor(rostered, tmp_path, written):
    loaded(rostered, attendance(tmp_path / "in", [(*GOOD[:3], written)]))
    assert live(rostered, EVENTS, "attendance_event_category_descriptor") == [("Tardy",)]


def test_text_that_looks_like_code_stays_text(rostered, roster, tmp_path):
    odd = ["=1+1", "'; drop table ops.arrival; --", "{{ 7*7 }}", "\u202eabc", "🌲", "%s", "\\N"]
    rows = [
        (child.id, child.school, DAY, UNEXCUSED, text, "")
        for child, text in zip(roster.students, odd, strict=False)
    ]
    loaded(rostered, attendance(tmp_path / "in", rows))
    kept = {row[0] for row in live(rostered, EVENTS, "attendance_event_reason")}
    assert kept == set(odd)


ODD_NAMES = {
    "formula": "=HYPERLINK(1)",
    "sql": "Robert'); drop table ops.arrival;--",
    "template": "{{ 7*7 }}{% raw %}",
    "emoji": "Rowan \U0001f333",
    "right to left": "\u05d0\u05dc\u05d5\u05df",
    "direction marks": "\u202eRowan",
    "delimiter": "Rowan, Alder; Elm|Fir",
    "quotes": 'Rowan "Red" Alder',
    "markup": "<b>Rowan</b>&amp;",
    "combining": "Rowa\u0301n",
}


def test_names_of_every_kind_are_names(rostered, roster, tmp_path):
    kept = dict(zip((child.id for child in roster.students), ODD_NAMES.values(), strict=True))
    records = list(csv.reader(io.StringIO(roster.members()["users.csv"].decode())))
    place = records[0].index("givenName")
    for record in records[1:]:
        record[place] = kept[record[0]]
    users = csv_bytes(",".join(records[0]), records[1:])
    path = a_zip(tmp_path / "in", "roster.zip", {**roster.members(), "users.csv": users})
    arrival = loaded(rostered, path)
    assert (arrival["rows_quarantined"], findings(rostered)) == (0, [])
    assert dict(live(rostered, "roster__users", "sourced_id", "given_name")) == kept


def test_another_encoding_is_read_where_it_is_declared(rostered, tmp_path):
    write_district(rostered, "senders: {default: {feeds: {attendance: {encoding: cp1252}}}}\n")
    row = "T-Alder1,T-S1,2026-10-01,Tardy,Cong\u00e9 \u2014 \u20ac,\n".encode("cp1252")
    loaded(rostered, raw_attendance(tmp_path / "in", row))
    assert live(rostered, EVENTS, "attendance_event_reason") == [("Cong\u00e9 \u2014 \u20ac",)]
    bad = raw_attendance(tmp_path / "in", b"T-Alder1,T-S1,2026-10-01,Tardy,\x81,\n", name="b.csv")
    assert "not cp1252 at byte" in refused(rostered, bad, feed="attendance")["message"]


# ----------------------------------------------------------------- arriving


def test_the_same_file_twice_is_one_arrival(rostered, tmp_path):
    path = attendance(tmp_path / "in", [GOOD])
    first = loaded(rostered, path)
    again = loaded(rostered, path)
    assert again["arrival_id"] == first["arrival_id"]
    assert again["received_count"] == 2
    assert len(arrivals(rostered)) == 2


def test_a_file_that_changes_while_it_is_read_is_not_taken(rostered, tmp_path, monkeypatch):
    path = attendance(tmp_path / "in", [GOOD])
    copy = archive._copy

    def copy_and_append(source, target):
        copy(source, target)
        with source.open("ab") as stream:
            stream.write(b"more\n")

    monkeypatch.setattr(archive, "_copy", copy_and_append)
    with pytest.raises(ArrivalIncomplete, match="still being written"):
        nights.land(rostered, [path])
    assert len(arrivals(rostered)) == 1
    assert list(rostered.archive.glob(".incoming-*")) == []


def test_the_inbox_waits_for_files_that_are_still_written(rostered, tmp_path):
    attendance(rostered.inbox, [GOOD])
    attendance(rostered.inbox, [GOOD], name="attendance_2.csv.part")
    attendance(rostered.inbox, [GOOD], name=".attendance_3.csv")
    assert nights.scan_inbox(rostered, settle_seconds=3600) == []
    assert len(nights.scan_inbox(rostered, settle_seconds=0)) == 1
    assert sorted(p.name for p in rostered.inbox.iterdir()) == [
        ".attendance_3.csv",
        "attendance_2.csv.part",
    ]


def test_a_file_replaced_while_it_is_taken_is_taken_too(rostered, tmp_path, monkeypatch):
    path = attendance(rostered.inbox, [GOOD])
    accept = nights.accept
    newer = csv_bytes(ATTENDANCE, [("T-Birch2", *GOOD[1:], "", "")])

    def accept_and_replace(*words, **named):
        taken = accept(*words, **named)
        if path.read_bytes() != newer:
            a_file(tmp_path, "new.csv", newer).rename(path)
        return taken

    monkeypatch.setattr(nights, "accept", accept_and_replace)
    nights.scan_inbox(rostered, settle_seconds=0)
    nights.scan_inbox(rostered, settle_seconds=0)
    nights.ingest(rostered)
    assert live(rostered, EVENTS, "student_unique_id") == [("T-Alder1",), ("T-Birch2",)]
    assert list(rostered.inbox.iterdir()) == []


def test_a_name_that_is_no_text_keeps_no_other_back(rostered):
    path = attendance(rostered.inbox, [GOOD])
    path.rename(os.fsdecode(os.fsencode(rostered.inbox) + b"/attendance_M\xe4rz\n1.csv"))
    a_file(rostered.inbox, "calendar.csv", "x\n1\n")
    (rostered.inbox / "calendar.csv").rename(
        os.fsdecode(os.fsencode(rostered.inbox) + b"/calendar\xff.csv")
    )
    nights.scan_inbox(rostered, settle_seconds=0)
    nights.ingest(rostered)
    told = {row["file_name"]: row["state"] for row in arrivals(rostered)}
    assert told["attendance_M\\xe4rz\\n1.csv"] == "loaded"
    assert told["calendar\\xff.csv"] == "refused"
    assert list(rostered.inbox.iterdir()) == []


def test_a_folder_with_a_name_that_is_no_text_in_it_is_one_delivery(rostered, roster):
    folder = rostered.inbox / "delivery"
    for name, content in roster.members().items():
        a_file(folder, name, content)
    (folder / os.fsdecode(b"notes_M\xe4rz.txt")).write_text("x")
    nights.scan_inbox(rostered, settle_seconds=0)
    nights.ingest(rostered)
    assert arrivals(rostered)[-1]["file_name"] == "delivery"


def test_a_file_that_cannot_be_taken_away_keeps_no_other_back(rostered, monkeypatch):
    stays = attendance(rostered.inbox, [GOOD])
    a_file(rostered.inbox, "calendar.csv", "x\n1\n")
    take_away = nights.take_away

    def refuse_one(path, **words):
        if path == stays:
            raise PermissionError
        take_away(path, **words)

    monkeypatch.setattr(nights, "take_away", refuse_one)
    assert len(nights.scan_inbox(rostered, settle_seconds=0)) == 2
    assert list(rostered.inbox.iterdir()) == [stays]
    monkeypatch.undo()
    assert nights.scan_inbox(rostered, settle_seconds=0) == []
    assert list(rostered.inbox.iterdir()) == []


def test_what_is_not_ours_to_move_is_not_taken_at_all(rostered, monkeypatch, caplog):
    attendance(rostered.inbox / "theirs" / "inner", [GOOD])
    a_file(rostered.inbox, "calendar.csv", "x\n1\n")
    access = os.access
    monkeypatch.setattr(
        os,
        "access",
        lambda path, mode: (
            access(path, mode) and not (mode & os.W_OK and os.fspath(path).endswith("inner"))
        ),
    )
    with caplog.at_level("WARNING"):
        assert len(nights.scan_inbox(rostered, settle_seconds=0)) == 1
        # The trigger looks twice a second: it says so once.
        assert nights.scan_inbox(rostered, settle_seconds=0) == []
    assert [row["feed"] for row in arrivals(rostered)] == ["roster", "calendar"]
    assert overview(rostered)["inbox"] == 1
    assert caplog.messages == [
        "a file in the inbox may not be read or moved by the user that Wraparound runs as"
    ]


def test_a_wrong_checksum_stands_in_the_status_until_the_file_is_another(
    rostered, monkeypatch, caplog
):
    path = attendance(rostered.inbox, [GOOD])
    a_file(rostered.inbox, f"{path.name}.sha256", "0" * 64)
    read = []
    store = nights.store
    monkeypatch.setattr(nights, "store", lambda *a, **k: read.append(a) or store(*a, **k))
    for _ in range(2):
        assert nights.scan_inbox(rostered, settle_seconds=0) == []
    assert len(read) == 1
    assert [row["file"] for row in overview(rostered)["inbox_untaken"]] == [path.name]
    assert any(
        f"{path.name} is not what its checksum" in one for one in overview(rostered)["lines"]
    )
    assert "is not what its checksum says" in render(rostered)
    assert [one for one in overview(rostered)["events"] if one["kind"] == "inbox"] == []

    attendance(rostered.inbox, [GOOD, GOOD])
    assert overview(rostered)["inbox_untaken"] == []
    assert nights.scan_inbox(rostered, settle_seconds=0) == []
    # Another file of that name is told of, and read, as if it were the first.
    assert len(read) == len(caplog.messages) == 2

    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    a_file(rostered.inbox, f"{path.name}.sha256", digest)
    assert len(nights.scan_inbox(rostered, settle_seconds=0)) == 1
    assert overview(rostered)["inbox_untaken"] == []
    assert list(rostered.inbox.iterdir()) == []


def test_a_full_disk_below_the_archive_is_told_and_filled_no_further(rostered, monkeypatch):
    path = attendance(rostered.inbox, [GOOD])
    usage = shutil.disk_usage(rostered.archive)._replace(free=path.stat().st_size - 1)
    monkeypatch.setattr(archive.shutil, "disk_usage", lambda _folder: usage)
    monkeypatch.setattr(archive, "_copy", lambda *_: pytest.fail("it was written"))
    assert nights.scan_inbox(rostered, settle_seconds=0) == []
    [told] = overview(rostered)["inbox_untaken"]
    assert told["reason"] == "finds no room in the archive"
    monkeypatch.undo()
    assert len(nights.scan_inbox(rostered, settle_seconds=0)) == 1
    assert overview(rostered)["inbox_untaken"] == []


def test_a_file_that_only_its_owner_may_delete_is_not_taken(rostered, monkeypatch):
    attendance(rostered.inbox, [GOOD])
    rostered.inbox.chmod(0o1777)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert nights.scan_inbox(rostered, settle_seconds=0) == []
    assert [row["feed"] for row in arrivals(rostered)] == ["roster"]


def test_a_link_in_the_inbox_is_left_alone(rostered, tmp_path):
    (rostered.inbox / "attendance.csv").symlink_to("/etc/passwd")
    assert nights.scan_inbox(rostered, settle_seconds=0) == []


def test_a_refused_file_gets_another_chance_when_it_is_sent_again(rostered, tmp_path):
    path = attendance(tmp_path / "in", [GOOD], name="mystery.csv")
    first = refused(rostered, path, feed="staff")
    assert first["feed"] == "staff"
    again = loaded(rostered, path)
    assert again["rows_loaded"] == 1


def test_refused_bytes_are_read_by_their_new_name(rostered, tmp_path):
    bad = a_file(
        tmp_path / "in", "agencies.json", json.dumps([{"id": "T-1", "name": "Elm"}]).encode()
    )
    refused(rostered, bad, feed="providers")
    renamed = bad.rename(bad.with_name("organizations.json"))
    again = loaded(rostered, renamed, feed="providers")
    assert (again["file_name"], again["rows_loaded"]) == ("organizations.json", 1)


def test_the_command_line_tells_it_as_json(rostered, tmp_path, monkeypatch):
    for name, value in environment_for(rostered, base={}).items():
        monkeypatch.setenv(name, value)
    loaded(rostered, attendance(tmp_path / "in", [GOOD, ("T-Nobody", *GOOD[1:])]))
    told = json.loads(CliRunner().invoke(main, ["arrivals", "--json"]).stdout)
    wanted = "arrival_id feed file_name sha256 state rows_in rows_loaded rows_unchanged"
    wanted += " rows_quarantined rows_duplicate batch_id message"
    assert set(wanted.split()) <= set(told[-1])
    listed = json.loads(CliRunner().invoke(main, ["quarantine", "list", "--json"]).stdout)
    assert [
        {k: entry[k] for k in ("feed", "file_name", "row_number", "column", "rule", "count")}
        for entry in listed
    ] == [
        {
            "feed": "attendance",
            "file_name": "attendance.csv",
            "row_number": 3,
            "column": "studentUniqueId",
            "rule": "student_unknown",
            "count": 1,
        }
    ]
    # One file may fill several tables.
    assert " events " in CliRunner().invoke(main, ["quarantine", "list"]).stdout


def test_a_refused_file_ends_the_command_with_its_family_of_errors(
    rostered, tmp_path, monkeypatch
):
    for name, value in environment_for(rostered, base={}).items():
        monkeypatch.setenv(name, value)
    path = a_file(tmp_path / "in", "attendance.csv", b"")
    assert CliRunner().invoke(main, ["land", str(path), "--dry-run"]).exit_code == 4
    assert CliRunner().invoke(main, ["land", str(path)]).exit_code == 0
    done = CliRunner().invoke(main, ["ingest"])
    assert done.exit_code == 4
    assert "W21: attendance arrival" in done.stderr
    assert query(rostered, "select count(*) as n from raw.attendance__events")[0]["n"] == 0
    assert os.environ["WRAPAROUND_HOME"] == str(rostered.home)


# ----------------------------------------------------------------- drift


def test_a_column_that_nobody_knows_is_kept_apart_with_a_notice(rostered, tmp_path):
    header = ATTENDANCE + ",bus,metadata.note,Parent Password"
    rows = [(*GOOD, "", "", " 7 ", "", "hush"), ("T-Birch2", *GOOD[1:], "", "", "", "x", "")]
    arrival = loaded(rostered, a_file(tmp_path / "in", "attendance.csv", csv_bytes(header, rows)))
    told = [(n["rule"], n["column"]) for n in arrival["notices"] if n["rule"] != "column_missing"]
    assert told == [
        ("column_unknown", "bus"),
        ("column_unknown", "metadata.note"),
        ("column_refused", "Parent Password"),
    ]
    assert live(rostered, EVENTS, "student_unique_id", "_extra") == [
        ("T-Alder1", {"bus": "7"}),
        ("T-Birch2", {"metadata.note": "x"}),
    ]


def test_what_is_kept_apart_follows_the_file_and_changes_no_record(rostered, roster, tmp_path):
    members = roster.members()
    for night, word in enumerate(("red", "blue")):
        users = members["users.csv"].decode().splitlines()
        grown = [users[0] + ",house", *(f"{line},{word}" for line in users[1:])]
        content = ("\n".join(grown) + "\n").encode()
        path = a_zip(tmp_path / "in", f"roster_{night}.zip", {**members, "users.csv": content})
        arrival = loaded(rostered, path)
        assert arrival["rows_loaded"] == 0
    houses = {row[0]["house"] for row in live(rostered, "roster__users", "_extra")}
    assert houses == {"blue"}


def test_a_row_that_waited_brings_what_was_kept_apart(rostered, roster, tmp_path):
    rows = [("T-Willow99", *GOOD[1:], "", "", "7")]
    content = csv_bytes(ATTENDANCE + ",bus", rows)
    arrival = loaded(rostered, a_file(tmp_path / "in", "attendance.csv", content))
    assert arrival["rows_quarantined"] == 1
    grown = replace(roster, students=(*roster.students, Child("Willow99")))
    loaded(rostered, grown.write(tmp_path / "in"))
    assert live(rostered, EVENTS, "student_unique_id", "_extra") == [("T-Willow99", {"bus": "7"})]


def test_a_renamed_column_that_is_needed_is_held_with_a_suggestion(rostered, tmp_path):
    text = csv_bytes(ATTENDANCE.replace("eventDate", "event_date"), [(*GOOD, "", "")])
    arrival = refused(rostered, a_file(tmp_path / "in", "attendance.csv", text))
    assert "lacks column 'eventDate'" in arrival["message"]
    assert "Its column 'event_date' may be it" in arrival["message"]


def test_rows_of_attendance_that_were_not_read_are_counted_by_school(rostered, roster, tmp_path):
    first, second, third, *_ = (child.id for child in roster.students)
    last = roster.students[-1].id
    rows = [
        *((child, "T-S1", DAY, "Bench warrant") for child in (first, second)),
        (third, "T-S1", "someday", UNEXCUSED),
        (last, "T-S2", DAY, "Bench warrant"),
        # Of nobody, of no school, and twice, of which the last is taken: none lacks in a list.
        ("T-nobody", "T-S1", DAY, UNEXCUSED),
        (first, "T-nowhere", DAY, UNEXCUSED),
        *((second, "T-S1", "2026-10-02", UNEXCUSED, why) for why in ("Rain", "Snow")),
    ]
    (arrival,) = landed_and_loaded(rostered, attendance(tmp_path / "in", rows))
    assert (arrival["rows_loaded"], arrival["rows_quarantined"]) == (1, 7)

    def lacking():
        counts = "select school_source_id as school, sum(row_count)::int as n"
        found = query(rostered, f"{counts} from ops.attendance_set_aside group by 1 order by 1")
        return [tuple(row.values()) for row in found]

    assert lacking() == [("T-S1", 3), ("T-S2", 1)]
    better = [(first, "T-S1", DAY, UNEXCUSED), (last, "T-S2", DAY, UNEXCUSED)]
    landed_and_loaded(rostered, attendance(tmp_path / "in", better, name="attendance_2.csv"))
    assert lacking() == [("T-S1", 2)]
