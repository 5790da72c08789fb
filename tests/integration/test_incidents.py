"""What went wrong elsewhere, and what happens here; each of these was in the news or a changelog.

The file that was renamed and missed for five weeks is the feed watch's: see its tests.
"""

from dataclasses import replace
from datetime import date

import pytest

from lib.feed_builders import (
    TARDY,
    UNEXCUSED,
    Child,
    Roster,
    a_file,
    a_zip,
    attendance,
    children,
    csv_bytes,
)
from lib.warehouse_in_tests import findings, landed_and_loaded, live, query
from wraparound.orchestration import nights
from wraparound.orchestration.dbt import made_by_code
from wraparound.orchestration.inputs import inputs_hash
from wraparound.warehouse.connection import connect
from wraparound.warehouse.ledger import relations

# As many as vanished: one school of them, and others beside.
LOST = 1_052
CALENDAR = "schoolId,date,calendarEventDescriptor"


def one(settings, path, **words):
    (arrival,) = landed_and_loaded(settings, path, **words)
    return arrival


def students(settings):
    return {row[0] for row in live(settings, "roster__users", "sourced_id")}


@pytest.fixture(scope="module")
def large():
    """A roster of two schools, the larger with as many children as vanished elsewhere."""
    return Roster((*children(LOST), *children(40, school="T-S2", prefix="East")))


# One typing error in the id of a school, each where it may stand.
TYPOS = {
    "in the list of schools": lambda m: {
        **m,
        "orgs.csv": m["orgs.csv"].replace(b"\nT-S1,", b"\nT-Sl,"),
    },
    "in the class of the school": lambda m: {
        **m,
        "classes.csv": m["classes.csv"].replace(b",,T-S1,T-Y2027", b",,T-Sl,T-Y2027"),
    },
    "in the id of the class": lambda m: {
        **m,
        "classes.csv": m["classes.csv"].replace(b"\nT-S1-HR,", b"\nT-S1-HP,"),
    },
}


@pytest.mark.parametrize("typo", sorted(TYPOS))
def test_one_typo_makes_no_school_vanish(settings, large, tmp_path, typo):
    first = one(settings, large.write(tmp_path / "in"))
    assert first["state"] == "loaded", first["message"]
    changed = TYPOS[typo](large.members())
    assert changed != large.members()
    arrival = one(settings, a_zip(tmp_path / "in", "roster_2.zip", changed))
    assert {child.id for child in large.students} <= students(settings)
    enrolled = query(
        settings,
        "select count(distinct user_sourced_id) as n from raw.roster__enrollments"
        " where _deleted_at is null and school_sourced_id = 'T-S1'",
    )
    assert enrolled == [{"n": LOST}]
    # Somebody is told: the file waits for a person, or its rows are listed.
    assert arrival["state"] == "braked" or findings(settings) != []


def test_a_missed_delete_inflates_no_absence(rostered, roster, tmp_path):
    # The school takes back an absence by sending the day anew: the old code must not stay beside
    # the new one, whose key is another.
    days = [f"2026-10-{day:02}" for day in range(1, 12)]
    first, *others = (child for child in roster.students if child.school == "T-S1")
    rows = [(first.id, "T-S1", day, UNEXCUSED) for day in days]
    rows += [(others[0].id, "T-S1", day, TARDY) for day in days]
    one(rostered, attendance(tmp_path / "in", rows))
    corrected = [(first.id, "T-S1", days[0], "Present"), (first.id, "T-S1", days[1], TARDY)]
    one(rostered, attendance(tmp_path / "in", corrected, name="attendance_2.csv"))
    kept = live(
        rostered,
        "attendance__events",
        "event_date::text",
        "_student_source_id",
        "attendance_event_category_descriptor",
    )
    mine = {day: code for day, student, code in kept if student == first.id}
    assert mine == {**dict.fromkeys(days, UNEXCUSED), days[0]: "Present", days[1]: TARDY}
    assert len(kept) == 2 * len(days)
    # And a roster's delete, which the source forgets to send, ends with the next whole file.
    one(rostered, replace(roster, students=roster.students[1:]).write(tmp_path / "in"))
    assert first.id not in students(rostered)


def test_a_correction_of_any_age_counts_the_same_night(rostered, roster, tmp_path):
    days = [date(2026, 9, day).isoformat() for day in (7, 8, 9, 10, 11)]
    days += [date(2027, 3, day).isoformat() for day in (1, 2, 3, 4, 5)]
    calendar = [(school, day, "Instructional day") for school in ("T-S1", "T-S2") for day in days]
    one(rostered, a_file(tmp_path / "in", "calendar.csv", csv_bytes(CALENDAR, calendar)))
    child, new = roster.students[0], Child("Willow99")
    rows = [(child.id, "T-S1", days[0], UNEXCUSED), (child.id, "T-S1", days[-1], TARDY)]
    # Of a child whom the roster does not know yet, on a Sunday, after leaving, and not come yet.
    rows += [(new.id, "T-S1", days[1], UNEXCUSED), (child.id, "T-S1", "2026-09-13", UNEXCUSED)]
    rows += [(child.id, "T-S2", days[1], UNEXCUSED), (child.id, "T-S1", "2027-03-09", UNEXCUSED)]
    arrival = one(rostered, attendance(tmp_path / "in", rows))
    assert (arrival["rows_loaded"], arrival["rows_quarantined"]) == (5, 1)
    with connect(rostered) as connection:
        connection.execute("create table marts.of_another as select 1 as one")
        connection.execute("create table marts.of_an_earlier_version as select 1 as one")
        connection.execute("alter table marts.of_an_earlier_version owner to wraparound_builder")
    first = nights.build(rostered, as_of=date(2027, 3, 5))
    with connect(rostered) as connection:
        tables = relations(connection, schemas=("marts",))
    assert ("marts", "of_another") in tables
    assert ("marts", "of_an_earlier_version") not in tables
    assert absent_days(rostered, child.id) == 1
    assert query(
        rostered,
        "select sum(events_off_calendar)::int as off, sum(events_ahead)::int as ahead,"
        " sum(days_not_enrolled)::int as strangers"
        " from reports.rpt_gate_metrics",
    ) == [{"off": 1, "ahead": 1, "strangers": 1}]
    # September is corrected in March; the roster learns of the child, the calendar of the Sunday.
    corrected = [(child.id, "T-S1", days[0], "Present"), (child.id, "T-S1", days[2], UNEXCUSED)]
    one(rostered, attendance(tmp_path / "in", corrected, name="attendance_2.csv"))
    one(rostered, replace(roster, students=(*roster.students, new)).write(tmp_path / "in"))
    calendar.append(("T-S1", "2026-09-13", "Make-up day"))
    path = a_file(tmp_path / "in", "calendar_2.csv", csv_bytes(CALENDAR, calendar))
    one(rostered, path)
    second = nights.build(rostered, as_of=date(2027, 3, 5))
    assert absent_days(rostered, child.id) == 2
    assert absent_days(rostered, new.id) == 1
    # Seeds and staging were there from the first; a view that went missing would be made again.
    assert first["models"] - second["models"] == len(made_by_code(rostered)) > 0
    with connect(rostered) as connection:
        assert nights.code_stands(rostered, connection, made_from=inputs_hash(rostered))
        assert not nights.code_stands(rostered, connection, made_from="other")
        connection.execute("drop view staging.stg_calendar__dates")
        assert not nights.code_stands(rostered, connection, made_from=inputs_hash(rostered))
        connection.rollback()
        (rostered.dbt_dir / "target" / "manifest.json").unlink()
        assert not nights.code_stands(rostered, connection, made_from=inputs_hash(rostered))


def absent_days(settings, student):
    (row,) = query(
        settings,
        "select count(*) filter (where d.is_absent) as n from marts.fct_attendance_days as d"
        " inner join ops.student_crosswalk as x on d.student_key = x.student_key"
        " where x.student_source_id = %s",
        student,
    )
    return row["n"]


def test_last_julys_file_is_not_this_years(rostered, roster, tmp_path):
    before = live(rostered, "roster__users", "sourced_id", "_batch_id")
    old = replace(roster, school_year=2026, students=roster.students[:5])
    arrival = one(rostered, old.write(tmp_path / "in", "roster_july.zip"))
    assert (arrival["state"], arrival["code"]) == ("refused", "W21")
    assert "last year's file" in arrival["message"]
    assert live(rostered, "roster__users", "sourced_id", "_batch_id") == before


def test_attendance_under_another_years_label_is_not_this_years(rostered, roster, tmp_path):
    header = "studentUniqueId,schoolId,eventDate,attendanceEventCategoryDescriptor,schoolYear"
    rows = [(child.id, child.school, "2025-10-01", UNEXCUSED, 2027) for child in roster.students]
    arrival = one(rostered, a_file(tmp_path / "in", "attendance.csv", csv_bytes(header, rows)))
    assert (arrival["state"], arrival["code"]) == ("refused", "W21")
    assert "says school year 2027 in 10 of 10 rows" in arrival["message"]
    assert "of school year 2026" in arrival["message"]
    rows = [(*row[:2], "2026-10-01", *row[3:]) for row in rows]
    path = a_file(tmp_path / "in", "attendance_2.csv", csv_bytes(header, rows))
    assert one(rostered, path)["state"] == "loaded"
