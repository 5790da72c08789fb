"""Whom a row is about: declared ids, people who are not known yet, and the day told anew."""

from dataclasses import replace

import pytest

from lib.feed_builders import EXCUSED, TARDY, UNEXCUSED, Child, a_zip, attendance
from lib.warehouse_in_tests import (
    arrivals,
    findings,
    is_conserved,
    landed_and_loaded,
    live,
    query,
    write_district,
)
from wraparound.orchestration import nights

EVENTS = "attendance__events"
DAY = "2026-10-01"
NEW = Child("Willow99")


def events(settings):
    return live(
        settings,
        EVENTS,
        "_student_source_id",
        "event_date::text",
        "attendance_event_category_descriptor",
    )


def declared(settings, *, student="sourcedId", school="sourcedId"):
    write_district(
        settings,
        "senders: {default: {feeds: {attendance:"
        f" {{student_id: '{student}', school_id: '{school}'}}}}}}}}\n",
    )


MEANINGS = {
    "identifier": lambda child: child.identifier,
    "userIds:State": lambda child: f"S{child.identifier}",
}


@pytest.mark.parametrize("meaning", sorted(MEANINGS))
def test_ids_mean_what_is_declared(rostered, roster, tmp_path, meaning):
    declared(rostered, student=meaning, school="identifier")
    rows = [
        (MEANINGS[meaning](child), f"N{child.school}", DAY, TARDY) for child in roster.students
    ]
    (arrival,) = landed_and_loaded(rostered, attendance(tmp_path / "in", rows))
    assert arrival["rows_loaded"] == 10
    assert live(rostered, EVENTS, "_student_source_id", "_school_source_id") == sorted(
        (child.id, child.school) for child in roster.students
    )


@pytest.mark.parametrize("meaning", sorted(MEANINGS))
def test_where_nothing_matches_the_message_says_what_would(rostered, roster, tmp_path, meaning):
    rows = [(MEANINGS[meaning](child), child.school, DAY, TARDY) for child in roster.students]
    (arrival,) = landed_and_loaded(rostered, attendance(tmp_path / "in", rows))
    assert arrival["state"] == "refused"
    assert "10 of 10 student ids match no roster record by 'sourcedId'" in arrival["message"]
    assert f"set student_id: {meaning} for feed attendance" in arrival["message"]
    assert query(rostered, f"select count(*) as n from raw.{EVENTS}")[0]["n"] == 0


def test_an_id_that_two_children_carry_names_neither(rostered, roster, tmp_path):
    twins = [replace(roster.students[0], name=name) for name in ("Ash", "Has")]
    assert twins[0].identifier == twins[1].identifier
    more = replace(roster, students=(*roster.students, *twins))
    landed_and_loaded(rostered, more.write(tmp_path / "in"))
    declared(rostered, student="identifier")
    rows = [(child.identifier, "T-S1", DAY, TARDY) for child in (*roster.students[:5], twins[0])]
    (arrival,) = landed_and_loaded(rostered, attendance(tmp_path / "in", rows))
    assert (arrival["rows_loaded"], arrival["rows_quarantined"]) == (5, 1)
    assert findings(rostered)[0][2:4] == ("studentUniqueId", "student_unknown")


def test_rows_of_a_child_not_known_yet_wait_for_the_roster(rostered, roster, tmp_path):
    rows = [(child.id, "T-S1", DAY, TARDY) for child in (*roster.students[:6], NEW)]
    (arrival,) = landed_and_loaded(rostered, attendance(tmp_path / "in", rows))
    assert (arrival["rows_loaded"], arrival["rows_quarantined"]) == (6, 1)
    more = replace(roster, students=(*roster.students, NEW))
    landed_and_loaded(rostered, more.write(tmp_path / "in"))
    (arrival,) = [a for a in arrivals(rostered) if a["feed"] == "attendance"]
    assert (arrival["rows_loaded"], arrival["rows_quarantined"]) == (7, 0)
    assert arrival["message"] is None
    assert is_conserved(arrival)
    assert (NEW.id, DAY, TARDY) in events(rostered)
    assert findings(rostered) == []
    assert query(rostered, "select count(*) as n from restricted.quarantine_line")[0]["n"] == 0


def test_a_whole_file_may_come_before_its_roster(settings, roster, tmp_path):
    rows = [(child.id, child.school, DAY, TARDY) for child in roster.students]
    (arrival,) = landed_and_loaded(settings, attendance(tmp_path / "in", rows))
    assert (arrival["state"], arrival["rows_quarantined"]) == ("loaded", 10)
    landed_and_loaded(settings, roster.write(tmp_path / "in"))
    assert len(events(settings)) == 10
    assert all(is_conserved(a) for a in arrivals(settings))


def test_what_waits_is_not_tried_again_before_anything_new_came(rostered, roster, tmp_path):
    rows = [(child.id, "T-S1", DAY, TARDY) for child in (*roster.students[:6], NEW)]
    landed_and_loaded(rostered, attendance(tmp_path / "in", rows))
    assert nights.replay_waiting(rostered) == 0


def test_rows_that_go_on_waiting_stop_no_ingest(rostered, roster, tmp_path):
    # Judged again, they are not their file: a few ids of another kind are no wrong setting, and
    # where none is left to judge, as it lost to another, the file was not empty.
    lost = b"T-S9-HR,,,Homeroom,03,T-C9,HR,homeroom,,T-S1,T-Y2027,,,1\n"
    members = roster.members()
    members["classes.csv"] += lost + lost.replace(b"T-C9", b"T-C")
    rows = [(child.id, child.school, DAY, TARDY) for child in roster.students]
    rows.append((roster.students[0].identifier, "T-S1", DAY, TARDY))
    landed_and_loaded(rostered, a_zip(tmp_path / "1", "roster.zip", members))
    landed_and_loaded(rostered, attendance(tmp_path / "1", rows))
    waiting = findings(rostered)
    assert [rule for *_, rule, _ in waiting] == [
        *("reference_missing", "conflicting_duplicate", "student_unknown")
    ]

    delta = replace(roster, mode="delta", students=(NEW,))
    landed_and_loaded(rostered, delta.write(tmp_path / "2"))

    assert findings(rostered) == waiting
    judged = query(rostered, "select arrival_id from ops.batch where reading_hash is null")
    assert sorted(row["arrival_id"] for row in judged) == [2, 3]
    assert nights.replay_waiting(rostered) == 0


def test_a_later_word_on_a_waiting_row_closes_it(rostered, roster, tmp_path):
    known = [(child.id, "T-S1", DAY, TARDY) for child in roster.students[:6]]
    landed_and_loaded(rostered, attendance(tmp_path / "1", [*known, (NEW.id, "T-S1", DAY, TARDY)]))
    landed_and_loaded(
        rostered, attendance(tmp_path / "2", [*known, (NEW.id, "T-S1", DAY, EXCUSED)])
    )
    assert len(findings(rostered)) == 1
    more = replace(roster, students=(*roster.students, NEW))
    landed_and_loaded(rostered, more.write(tmp_path / "in"))
    assert [e for e in events(rostered) if e[0] == NEW.id] == [(NEW.id, DAY, EXCUSED)]


def test_a_file_replaces_each_day_that_it_speaks_of(rostered, tmp_path):
    first = [("T-Alder1", "T-S1", DAY, UNEXCUSED), ("T-Alder1", "T-S1", "2026-10-02", UNEXCUSED)]
    landed_and_loaded(rostered, attendance(tmp_path / "1", first))
    landed_and_loaded(rostered, attendance(tmp_path / "2", [(*first[0][:3], EXCUSED)]))
    assert events(rostered) == [
        ("T-Alder1", DAY, EXCUSED),
        ("T-Alder1", "2026-10-02", UNEXCUSED),
    ]


def test_an_event_that_cannot_be_read_holds_its_whole_day(rostered, tmp_path):
    landed_and_loaded(rostered, attendance(tmp_path / "1", [("T-Alder1", "T-S1", DAY, UNEXCUSED)]))
    second = [("T-Alder1", "T-S1", DAY, "Nonsense"), ("T-Alder1", "T-S1", DAY, TARDY)]
    landed_and_loaded(rostered, attendance(tmp_path / "2", second))
    held = live(rostered, EVENTS, "attendance_event_category_descriptor", "_held")
    assert held == [(TARDY, True), (UNEXCUSED, True)]
    landed_and_loaded(rostered, attendance(tmp_path / "3", [("T-Alder1", "T-S1", DAY, EXCUSED)]))
    held = live(rostered, EVENTS, "attendance_event_category_descriptor", "_held")
    assert held == [(EXCUSED, False)]
    assert findings(rostered) == []


def test_of_rows_that_differ_under_one_key_the_last_stays_for_good(rostered, roster, tmp_path):
    rows = [
        ("T-Alder1", "T-S1", DAY, TARDY, "first", ""),
        ("T-Alder1", "T-S1", DAY, TARDY, "last", ""),
        ("T-Alder1", "T-S1", DAY, TARDY, "last", ""),
        (NEW.id, "T-S1", DAY, TARDY),
    ]
    (arrival,) = landed_and_loaded(rostered, attendance(tmp_path / "1", rows))
    assert (arrival["rows_loaded"], arrival["rows_quarantined"], arrival["rows_duplicate"]) == (
        1,
        2,
        1,
    )
    more = replace(roster, students=(*roster.students, NEW))
    landed_and_loaded(rostered, more.write(tmp_path / "in"))
    assert live(rostered, EVENTS, "attendance_event_reason") == [("last",), (None,)]
    assert [f[3] for f in findings(rostered)] == ["conflicting_duplicate"]
    assert all(is_conserved(a) for a in arrivals(rostered))
