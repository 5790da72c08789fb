"""A sender's own headers, codes, dates, encoding and constants: a profile, and no code."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lib.feed_builders import UNEXCUSED, a_file, a_zip, attendance, csv_bytes
from lib.warehouse_in_tests import (
    findings,
    is_conserved,
    landed_and_loaded,
    live,
    query,
    write_district,
)
from wraparound.contracts.district import load_district
from wraparound.errors import SettingsWrong
from wraparound.orchestration import nights
from wraparound.warehouse.connection import connect

EVENTS = "attendance__events"
DAY_COLUMNS = (
    *("studentUniqueId", "schoolId", "eventDate", "attendanceEventCategoryDescriptor"),
    *("sectionIdentifier", "classPeriodName"),
)
UNKNOWN = "column_unknown"
PROFILE = """
senders:
  grove:
    title: A local export
    feeds:
      attendance:
        files: ["abs_*.txt"]
        encoding: cp1252
        delimiter: ";"
        date_order: %s
        student_id: identifier
        tables:
          events:
            columns:
              studentUniqueId: No
              eventDate: Datum
              attendanceEventCategoryDescriptor: Code
              attendanceEventReason: Grund
            constants: {schoolId: T-S1, eventDuration: "1"}
            codes: {attendanceEventCategoryDescriptor: {U: Unexcused Absence, T: Tardy}}
"""


@pytest.fixture
def profiled(rostered):
    write_district(rostered, PROFILE % "MDY")
    return rostered


def export(folder, rows, *, name="abs_01.txt"):
    lines = ["No;Datum;Code;Grund", *(";".join(row) for row in rows)]
    return a_file(folder, name, "\r\n".join(lines).encode("cp1252"))


@pytest.mark.parametrize(("label", "state"), [("2026", "refused"), ("2027", "loaded")])
def test_a_school_year_that_the_profile_says_is_held_against_the_days(
    rostered, roster, tmp_path, label, state
):
    labelled = f'constants: {{schoolYear: "{label}", '
    write_district(rostered, (PROFILE % "MDY").replace("constants: {", labelled))
    rows = [(child.identifier, "10/2/2026", "U", "") for child in roster.students]
    (arrival,) = landed_and_loaded(rostered, export(tmp_path / "in", rows), sender="grove")
    assert arrival["state"] == state, arrival["message"]
    if state == "refused":
        assert "says school year 2026 in 10 of 10 rows" in arrival["message"]
        return
    (later,) = landed_and_loaded(
        rostered, export(tmp_path / "in", rows[1:], name="abs_02.txt"), sender="grove"
    )
    assert later["state"] == "loaded"


def test_spaces_of_any_kind_around_a_cell_are_no_part_of_it(profiled, roster, tmp_path):
    first, second, third = (child.identifier for child in roster.students[:3])
    rows = [
        (f"{first}\u00a0", "\u00a010/2/2026", "U", "\u00a0"),
        (f"\t{second}", "10/2/2026\t", "T", ""),
        (third, "10/2/2026", "T\u00a0", "a\u00a0reason"),
    ]
    (arrival,) = landed_and_loaded(profiled, export(tmp_path / "in", rows), sender="grove")
    assert arrival["rows_loaded"] == 3
    assert {reason for (reason,) in live(profiled, EVENTS, "attendance_event_reason")} == {
        None,
        "a\u00a0reason",
    }


def test_two_byte_order_marks_hide_no_column(rostered, roster, tmp_path):
    rows = [(c.id, c.school, "2026-10-02", UNEXCUSED) for c in roster.students]
    path = attendance(tmp_path / "in", rows)
    path.write_bytes(b"\xef\xbb\xbf" * 2 + path.read_bytes())
    (arrival,) = landed_and_loaded(rostered, path)
    assert arrival["rows_loaded"] == 10, arrival["message"]


@pytest.mark.parametrize("quoted", ['="{}"', '"=""{}"""', '="{}" '])
@pytest.mark.parametrize(("declared", "loaded"), [("true", 2), ("false", 0)])
def test_a_formula_that_keeps_zeros_is_its_text_where_the_profile_says_so(
    rostered, roster, tmp_path, quoted, declared, loaded
):
    option = f"formula_text: {declared}\n        encoding:"
    write_district(rostered, (PROFILE % "MDY").replace("encoding:", option))
    rows = [(quoted.format(c.identifier), "10/2/2026", "U", '=""') for c in roster.students[:2]]
    (arrival,) = landed_and_loaded(rostered, export(tmp_path / "in", rows), sender="grove")
    assert arrival["rows_loaded"] == loaded
    if loaded:
        assert live(rostered, EVENTS, "attendance_event_reason") == [(None,), (None,)]


@pytest.mark.parametrize(("digits", "loaded"), [(None, 0), (7, 2), (6, 0)])
def test_zeros_that_a_spreadsheet_ate_come_back_where_the_profile_says_how_many(
    rostered, roster, tmp_path, digits, loaded
):
    identifiers = ("0012345", "0000007")
    with connect(rostered) as connection:
        for child, identifier in zip(roster.students, identifiers, strict=False):
            connection.execute(
                "update raw.roster__users set identifier = %s where sourced_id = %s",
                [identifier, child.id],
            )
    option = f"student_id_digits: {digits}\n        encoding:" if digits else "encoding:"
    write_district(rostered, (PROFILE % "MDY").replace("encoding:", option))
    rows = [(identifier.lstrip("0"), "10/2/2026", "U", "") for identifier in identifiers]
    rows.append(("T-12", "10/2/2026", "U", ""))
    (arrival,) = landed_and_loaded(rostered, export(tmp_path / "in", rows), sender="grove")
    assert (arrival["rows_loaded"], arrival["rows_quarantined"]) == (loaded, 3 - loaded)


def test_records_that_another_sender_had_sent_are_told(rostered, roster, tmp_path):
    write_district(rostered, "senders: {grove: {title: one}, brook: {title: two}}\n")
    header = "studentUniqueId,schoolId,eventDate,attendanceEventCategoryDescriptor"
    first, second = ((c.id, c.school, "2026-10-02", UNEXCUSED) for c in roster.students[:2])

    def told(sender, *rows):
        whole = csv_bytes(f"{header},attendanceEventReason", rows)
        path = a_file(tmp_path / f"{len(rows)} by {sender}", "attendance.csv", whole)
        (arrival,) = landed_and_loaded(rostered, path, sender=sender)
        notices = [n for n in arrival["notices"] if n["rule"] == "taken_over"]
        return [(n["table"], n["count"]) for n in notices]

    assert told("grove", (*first, ""), (*second, "")) == []
    assert told("brook", (*first, "ill"), (*second, "")) == [("events", 1)]
    assert told("brook", (*first, "at home")) == []


def test_a_local_export_is_read_by_its_profile(profiled, roster, tmp_path):
    first, second = roster.students[:2]
    rows = [
        (first.identifier, "10/2/2026", "U", "Congé"),
        (second.identifier, "10/02/2026", "T", ""),
    ]
    (arrival,) = landed_and_loaded(profiled, export(tmp_path / "in", rows), sender="grove")
    assert (arrival["state"], arrival["feed"]) == ("loaded", "attendance"), arrival["message"]
    assert is_conserved(arrival)
    assert live(
        profiled,
        EVENTS,
        "_student_source_id",
        "event_date::text",
        "attendance_event_category_descriptor",
        "attendance_event_reason",
        "_school_source_id",
        "event_duration::text",
        "_sender",
    ) == [
        (first.id, "2026-10-02", "Unexcused Absence", "Congé", "T-S1", "1", "grove"),
        (second.id, "2026-10-02", "Tardy", None, "T-S1", "1", "grove"),
    ]


def test_the_inbox_knows_the_sender_by_its_folder(profiled, roster, tmp_path):
    export(profiled.inbox / "grove", [(roster.students[0].identifier, "10/2/2026", "T", "")])
    nights.scan_inbox(profiled, settle_seconds=0)
    (done,) = nights.ingest(profiled)
    assert (done["sender"], done["rows_loaded"]) == ("grove", 1)


@pytest.mark.parametrize(
    ("order", "written", "read"),
    [
        ("MDY", "2/3/2026", "2026-02-03"),
        ("DMY", "2/3/2026", "2026-03-02"),
        ("MDY", "13/2/2026", None),
        ("DMY", "13/2/2026", "2026-02-13"),
        ("YMD", "2/3/2026", None),
        ("MDY", "2026-02-03", None),
        ("MDY", "2/30/2026", None),
        ("MDY", "2/3/26", None),
        ("YMD", "20260203", "2026-02-03"),
        ("YMD", "2026-02-03 00:00:00.0", "2026-02-03"),
        ("MDY", "2/3/2026 12:00:00 AM", "2026-02-03"),
        ("DMY", "2/3/2026 0:00", "2026-03-02"),
        ("DMY", "3-FEB-26", "2026-02-03"),
        ("YMD", "2026-02-03 08:15:00", None),
        ("YMD", "02032026", None),
    ],
)
def test_the_order_of_a_date_is_declared_and_never_guessed(
    rostered, roster, tmp_path, order, written, read
):
    write_district(rostered, PROFILE % order)
    rows = [(roster.students[0].identifier, written, "T", "")]
    landed_and_loaded(rostered, export(tmp_path / "in", rows), sender="grove")
    assert live(rostered, EVENTS, "event_date::text") == ([(read,)] if read else [])
    assert [finding[2:4] for finding in findings(rostered)] == (
        [] if read else [("eventDate", "not_a_date")]
    )


def test_a_held_day_is_found_whatever_the_order_of_dates(profiled, roster, tmp_path):
    number = roster.students[0].identifier
    landed_and_loaded(
        profiled, export(tmp_path / "1", [(number, "10/2/2026", "T", "")]), sender="grove"
    )
    landed_and_loaded(
        profiled, export(tmp_path / "2", [(number, "10/02/2026", "???", "")]), sender="grove"
    )
    assert live(profiled, EVENTS, "attendance_event_category_descriptor", "_held") == [
        ("Tardy", True)
    ]


def test_a_changed_code_map_lets_the_waiting_rows_in(profiled, roster, tmp_path):
    rows = [(roster.students[0].identifier, "10/2/2026", "E", "")]
    (arrival,) = landed_and_loaded(profiled, export(tmp_path / "in", rows), sender="grove")
    assert arrival["rows_quarantined"] == 1
    write_district(profiled, (PROFILE % "MDY").replace("T: Tardy", "T: Tardy, E: Excused Absence"))
    done = nights.replay_arrival(profiled, arrival["arrival_id"])
    assert (done["rows_loaded"], done["rows_quarantined"], done["message"]) == (1, 0, None)


def test_rows_of_unreadable_days_are_not_closed_by_those_of_other_days(rostered, roster, tmp_path):
    write_district(rostered, PROFILE % "YMD")
    number = roster.students[0].identifier
    nights_of = {
        "1": ["10/2/2026"],
        "2": ["10/5/2026", "10/6/2026"],
        "3": ["10/6/2026", "10/7/2026"],
    }
    told = [
        landed_and_loaded(
            rostered,
            export(tmp_path / night, [(number, d, "T", "") for d in days]),
            sender="grove",
        )[-1]["arrival_id"]
        for night, days in nights_of.items()
    ]
    # Of the day that came twice only the later row waits.
    assert [row for _, row, *_ in findings(rostered)] == [2, 2, 2, 3]
    write_district(rostered, PROFILE % "MDY")
    for arrival_id in told:
        nights.replay_arrival(rostered, arrival_id)
    days = ["2026-10-02", "2026-10-05", "2026-10-06", "2026-10-07"]
    assert live(rostered, EVENTS, "event_date::text") == [(day,) for day in days]
    assert findings(rostered) == []


def test_a_changed_header_is_told_by_its_column_and_its_arrival(profiled, roster, tmp_path):
    number = roster.students[0].identifier
    late = a_file(tmp_path / "in", "abs_02.txt", f"No;Tag;Code\n{number};10/2/2026;T\n")
    (arrival,) = landed_and_loaded(profiled, late, sender="grove")
    assert arrival["state"] == "refused"
    assert "abs_02.txt lacks column 'Datum'" in arrival["message"]
    write_district(profiled, (PROFILE % "MDY").replace("Datum", "Tag"))
    (arrival,) = landed_and_loaded(profiled, late, sender="grove")
    assert arrival["state"] == "loaded", arrival["message"]
    # What claims an earlier time comes in the old form, after the district followed the new one.
    write_district(profiled, PROFILE % "MDY")
    (early,) = landed_and_loaded(
        profiled,
        export(tmp_path / "in", [(number, "10/1/2026", "T", "")]),
        sender="grove",
        effective_at=datetime(2026, 10, 1, tzinfo=UTC),
    )
    assert early["state"] == "refused"
    assert f"arrival {arrival['arrival_id']} claims a later time" in early["message"]


def test_keys_of_json_are_not_passed_over_beside_a_table_of_text(rostered, tmp_path):
    wrong = (PROFILE % "MDY").replace("constants:", "each: No[]\n            constants:")
    write_district(rostered, wrong)
    (arrival,) = landed_and_loaded(
        rostered, export(tmp_path / "in", [("1", "10/2/2026", "T", "")]), sender="grove"
    )
    assert (arrival["state"], arrival["code"]) == ("refused", "W01")
    assert "each is of JSON, which abs_01.txt is not" in arrival["message"]


STUDENTS = """
senders:
  grove:
    feeds:
      roster:
        tables:
          orgs: {file: Schools.csv, columns: {sourcedId: No}, constants: {type: school}}
          users:
            file: Students.csv
            columns: {sourcedId: No, givenName: First, familyName: Last, orgSourcedIds: School}
            constants: {role: student}
          demographics:
            file: Students.csv
            columns: {sourcedId: No, birthDate: Born}
"""


def test_what_one_table_reads_of_a_file_is_not_unknown_to_the_other(settings, tmp_path):
    write_district(settings, STUDENTS)
    members = {
        "Schools.csv": csv_bytes("No,name", [("T-S1", "Grove")]),
        "Students.csv": csv_bytes(
            "No,First,Last,School,Born,Sex,Bus",
            [("T-1", "Alder", "Grove", "T-S1", "2017-05-01", "female", "7")],
        ),
    }
    path = a_zip(tmp_path / "in", "students.zip", members)
    (arrival,) = landed_and_loaded(settings, path, sender="grove", feed="roster")
    unknown = {(n["table"], n["column"]) for n in arrival["notices"] if n["rule"] == UNKNOWN}
    assert unknown == {("users", "Bus"), ("demographics", "Bus")}
    # No name a second time beside the birth date.
    assert live(settings, "roster__demographics", "_extra") == [({"Bus": "7"},)]


DAY_FILES = """
senders:
  default:
    feeds:
      attendance:
        tables:
          events: {file: "day*.csv"}
          section_events: {file: "period*.csv"}
"""


def test_what_the_files_of_one_table_say_keeps_nothing_in_another(rostered, tmp_path):
    write_district(rostered, DAY_FILES)

    def sent(name, **told):
        members = {}
        for file, (child, period) in told.items():
            row = [child, "T-S1", "2026-10-01", UNEXCUSED, "T-S1-HR", period]
            own = row[:4] if file.startswith("day") else row
            members[f"{file}.csv"] = csv_bytes(",".join(DAY_COLUMNS[: len(own)]), [own])
        (arrival,) = landed_and_loaded(
            rostered, a_zip(tmp_path / "in", name, members), feed="attendance"
        )
        assert arrival["state"] == "loaded", arrival["message"]

    alder, birch, cedar = "T-Alder1", "T-Birch2", "T-Cedar3"
    days = {"day1": (alder, ""), "day2": (birch, "")}
    sent("1.zip", **days, period1=(alder, "1"), period2=(birch, "1"))
    sent("2.zip", **days, period1=(cedar, "1"), period2=(alder, "2"))
    told = live(rostered, "attendance__section_events", "student_unique_id", "class_period_name")
    assert told == [(alder, "2"), (birch, "1"), (cedar, "1")]


TOTALS = """
senders:
  grove:
    feeds:
      calendar:
        files: ["days_*.csv"]
        tables:
          dates:
            columns: {schoolId: School, date: Day, calendarEventDescriptor: Kind}
            leave_out: {School: ["Total (*", "Test ?", "[x]*"]}
"""
LINES = "select cells from restricted.quarantine_line"
DAYS = [("T-S1", f"2026-10-0{n}", "Instructional day") for n in range(1, 6)]


def calendar(folder, rows, *lines):
    content = csv_bytes("School,Day,Kind,Password", [(*row, "secret") for row in rows])
    name = f"days_{len(rows)}.csv"
    return a_file(folder, name, content + "".join(f"{line}\n" for line in lines).encode())


@pytest.mark.parametrize(
    "line", [" Total (5 days) ,,,", "Total (5 days)", "Test 1,x,y,z", "[x] all,,,"]
)
def test_a_line_of_totals_that_the_profile_leaves_out_keeps_nothing_in_force(
    rostered, tmp_path, line
):
    write_district(rostered, TOTALS)
    for rows in (DAYS, [*DAYS[:2], *DAYS[3:]]):
        (arrival,) = landed_and_loaded(rostered, calendar(tmp_path / "in", rows, line))
        assert (arrival["state"], arrival["message"]) == ("loaded", None)
        assert (arrival["rows_quarantined"], is_conserved(arrival)) == (1, True)
        # Of the last night only.
        assert [f[1:] for f in findings(rostered)] == [
            (len(rows) + 2, None, "left_out_by_profile", "row")
        ]
    assert arrival["rows_ended"] == 1
    assert len(live(rostered, "calendar__dates", "date")) == 4
    assert {tuple(row["cells"]["_line"]) for row in query(rostered, LINES)} == {()}


def test_a_line_of_totals_that_nobody_leaves_out_is_told_with_what_it_keeps(rostered, tmp_path):
    write_district(rostered, TOTALS)
    for rows in (DAYS, [*DAYS[:2], *DAYS[3:]]):
        (arrival,) = landed_and_loaded(rostered, calendar(tmp_path / "in", rows, "Sum,,,"))
    assert arrival["rows_ended"] == 0
    assert ("silence_ends_nothing", 1) in {(n["rule"], n["count"]) for n in arrival["notices"]}


LAID_OUT = """
senders:
  brook:
    title: Reports with titles above and a count below, and files without a header
    feeds:
      attendance:
        date_order: MDY
        layouts:
          "daily_*.txt": {delimiter: "\\t", lines_above: 3}
          "state_*.txt": {delimiter: "^", header: [LEA, No, Day, Code]}
        tables:
          events:
            columns:
              studentUniqueId: No
              eventDate: Day
              attendanceEventCategoryDescriptor: Code
            constants: {schoolId: T-S1}
            leave_out: {LEA: ["Total*"]}
"""
TITLES = 'Northwood "Wolves"\t\t\t\nAbsences, 10/2/2026\n\nLEA\tNo\tDay\tCode\n'


@pytest.mark.parametrize(
    ("name", "above", "mark", "footer", "first"),
    [
        pytest.param("daily_01.txt", TITLES, "\t", "Total: 3\t\t\t\n", 5, id="titles"),
        pytest.param("daily_01.txt", TITLES, "\t", "Total: 3\n", 5, id="titles, uneven"),
        pytest.param("state_01.txt", "", "^", "", 1, id="no header"),
        pytest.param("state_01.txt", "", "^", "Total: 3\n", 1, id="no header, uneven"),
    ],
)
def test_rows_below_titles_or_without_a_header_keep_their_numbers(
    rostered, roster, tmp_path, name, above, mark, footer, first
):
    write_district(rostered, LAID_OUT)
    words = ["Tardy", "Nonsense", "Tardy"]
    rows = [
        f"N{mark}{child.id}{mark}10/2/2026{mark}{word}\n"
        for child, word in zip(roster.students, words, strict=False)
    ]
    path = a_file(tmp_path / "in", name, (above + "".join(rows) + footer).encode())
    (arrival,) = landed_and_loaded(rostered, path, sender="brook", feed="attendance")
    assert (arrival["rows_loaded"], is_conserved(arrival)) == (2, True), arrival["message"]
    told = {(row, rule) for _, row, _, rule, _ in findings(rostered)}
    assert (first + 1, "unknown_code") in told
    assert ((first + 3, "left_out_by_profile") in told) == bool(footer)
    above_it = {n["count"] for n in arrival["notices"] if n["rule"] == "lines_above"}
    assert above_it == ({3} if above else set())


def test_a_column_to_leave_rows_out_by_has_to_be_there(rostered, tmp_path):
    write_district(rostered, TOTALS.replace("{School: [", "{Skool: ["))
    (arrival,) = landed_and_loaded(rostered, calendar(tmp_path / "in", DAYS))
    assert (arrival["state"], arrival["code"]) == ("refused", "W21")
    assert "no column 'Skool', by which the sender's profile leaves rows out" in arrival["message"]


WRONG = {
    "feed": ("senders: {g: {feeds: {nothing: {}}}}", "there is no feed 'nothing'"),
    "table": ("senders: {g: {feeds: {staff: {tables: {x: {}}}}}}", "there is no table 'x'"),
    "column": (
        "senders: {g: {feeds: {attendance: {tables: {events: {columns: {day: d}}}}}}}",
        "there is no column 'day'",
    ),
    "expected": ("expected: {nothing: {}}", "there is no feed 'nothing'"),
    "meaning": ("senders: {g: {feeds: {staff: {student_id: name}}}}", "must be sourcedId"),
    "spelling": ("senders: {g: {feeds: {staff: {delimeter: x}}}}", "delimeter"),
}


@pytest.mark.parametrize("case", sorted(WRONG))
def test_a_profile_that_names_what_is_not_there_is_refused(rostered, case):
    text, words = WRONG[case]
    write_district(rostered, text + "\n")
    with pytest.raises(SettingsWrong, match=words):
        load_district(rostered.district_file)


OWN_ROSTER = """
senders:
  portal:
    title: Files of a rostering portal
    feeds:
      roster:
        tables:
          orgs:
            file: schools.csv
            columns: {sourcedId: School_id, name: School_name}
            constants: {type: school}
          users:
            file: students.csv
            columns: {sourcedId: Student_id, givenName: First, familyName: Last,
              orgSourcedIds: School_id}
  stays:
    title: Entries and withdrawals
    feeds:
      roster:
        tables:
          school_associations:
            file: stays.csv
            columns: {studentUniqueId: Student_id, schoolId: School_id, entryDate: Entry,
              exitWithdrawDate: Exit}
"""
AS_STUDENTS = "              orgSourcedIds: School_id}\n"
OWN_FILES = {
    "schools.csv": b"School_id,School_name\nT-S1,Grove\n",
    "students.csv": b"Student_id,First,Last,School_id\nT-Alder1,Alder,Grove,T-S1\n",
}


def test_people_of_whom_nobody_says_what_they_are_are_refused_and_not_lost(settings, tmp_path):
    write_district(settings, OWN_ROSTER)
    sent = a_zip(tmp_path / "in", "portal.zip", OWN_FILES)
    (arrival,) = landed_and_loaded(settings, sent, sender="portal")
    assert arrival["state"] == "refused"
    assert "students.csv lacks column 'role'" in arrival["message"]
    assert "constants" in arrival["message"]
    constant = f"{AS_STUDENTS}            constants: {{role: student}}\n"
    write_district(settings, OWN_ROSTER.replace(AS_STUDENTS, constant))
    (arrival,) = landed_and_loaded(settings, sent, sender="portal")
    assert (arrival["state"], arrival["rows_quarantined"]) == ("loaded", 0)
    assert live(settings, "roster__users", "sourced_id", "role") == [("T-Alder1", "student")]


def test_a_sender_of_stays_alone_sends_no_people(rostered, roster, tmp_path):
    write_district(rostered, OWN_ROSTER)
    child = roster.students[0].id
    stays = a_file(
        tmp_path / "in",
        "stays.csv",
        f"Student_id,School_id,Entry,Exit\n{child},T-S1,2026-08-31,2026-10-01\n",
    )
    (arrival,) = landed_and_loaded(rostered, stays, feed="roster", sender="stays")
    assert (arrival["state"], arrival["message"]) == ("loaded", None)
    assert len(live(rostered, "roster__users", "sourced_id")) == len(roster.students)
    # Whose profile has people sends them every time.
    half = a_zip(tmp_path / "in", "portal.zip", {"schools.csv": OWN_FILES["schools.csv"]})
    (arrival,) = landed_and_loaded(rostered, half, feed="roster", sender="portal")
    assert arrival["state"] == "refused"
    assert "lacks users.csv" in arrival["message"]


def test_a_profile_that_names_a_file_of_the_standard_leaves_a_delta_a_delta(
    rostered, roster, tmp_path
):
    write_district(
        rostered,
        "\nsenders:\n  default:\n    feeds:\n      roster:\n        tables:\n"
        "          demographics: {file: demographics.csv, codes: {sex: {F: female}}}\n",
    )
    delta = replace(roster, mode="delta", students=roster.students[:1])
    (arrival,) = landed_and_loaded(rostered, delta.write(tmp_path / "in"))
    assert (arrival["state"], arrival["rows_ended"]) == ("loaded", 0), arrival["message"]
    assert len(live(rostered, "roster__users", "sourced_id")) == len(roster.students)


def test_a_blank_cell_may_be_a_code(profiled, roster, tmp_path):
    mapped = (PROFILE % "MDY").replace("{U:", '{"": Present, U:')
    write_district(profiled, mapped)
    number = roster.students[0].identifier
    rows = [(number, "10/2/2026", "", ""), (number, "10/5/2026", "U", "")]
    (arrival,) = landed_and_loaded(profiled, export(tmp_path / "in", rows), sender="grove")
    assert (arrival["rows_loaded"], arrival["rows_quarantined"]) == (2, 0)
    codes = live(profiled, EVENTS, "event_date::text", "attendance_event_category_descriptor")
    assert codes == [("2026-10-02", "Present"), ("2026-10-05", "Unexcused Absence")]
