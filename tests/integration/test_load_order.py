"""Deliveries in any order, late, early, and repeated, end in the same rows."""

import logging
import signal
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lib.feed_builders import (
    ATTENDANCE,
    EXCUSED,
    TARDY,
    UNEXCUSED,
    Child,
    Roster,
    a_file,
    a_zip,
    attendance,
    children,
    csv_bytes,
    with_member,
)
from lib.warehouse_in_tests import a_fresh_warehouse, arrivals, is_conserved, query, raw_state
from wraparound.district import DistrictPlan, make_district
from wraparound.orchestration import nights
from wraparound.orchestration.inputs import inputs_hash
from wraparound.warehouse import ledger
from wraparound.warehouse.connection import connect

SECTIONS = (
    "studentUniqueId,schoolId,eventDate,sectionIdentifier,classPeriodName,"
    "attendanceEventCategoryDescriptor"
)
KIDS = children(4)
NEW = Child("Willow99")
FIRST_EVENING = datetime(2026, 10, 1, 22, tzinfo=UTC)


def deliveries(folder):
    """A week of deliveries in the order of what they claim: files, and none like another."""
    roster = Roster(KIDS)
    spoiled = with_member(
        replace(roster, students=(*KIDS[1:], NEW)).members(),
        "users.csv",
        change=(",Cedar3,Grove", ",,Grove"),
    )
    grown = replace(roster, students=(*(replace(kid, grade="04") for kid in KIDS[:3]), NEW))
    day = "2026-10-01"
    return [
        roster.write(folder / "0", "roster.zip"),
        attendance(
            folder / "1",
            [
                (KIDS[0].id, "T-S1", day, UNEXCUSED),
                (KIDS[1].id, "T-S1", day, TARDY),
                (NEW.id, "T-S1", day, UNEXCUSED),
            ],
        ),
        a_zip(folder / "2", "roster.zip", spoiled),
        attendance(
            folder / "3",
            [
                (KIDS[0].id, "T-S1", day, EXCUSED),
                (KIDS[1].id, "T-S1", day, "Nonsense"),
                (NEW.id, "T-S1", "2026-10-02", TARDY),
            ],
        ),
        grown.write(folder / "4", "roster.zip"),
        # A column that nobody knows, and a day told by periods.
        a_file(
            folder / "5",
            "attendance.csv",
            csv_bytes(
                ATTENDANCE + ",bus", [(KIDS[0].id, "T-S1", day, UNEXCUSED, "again", "0.5", "7")]
            ),
        ),
        a_file(
            folder / "6",
            "section_attendance.csv",
            csv_bytes(
                SECTIONS, [(NEW.id, "T-S1", day, "T-MATH", period, TARDY) for period in "12"]
            ),
        ),
    ]


def deliver(settings, files, order):
    """Land and ingest one after the other, each with the time that it claims."""
    for place in order:
        claimed = FIRST_EVENING + timedelta(days=place)
        nights.land(settings, [files[place]], effective_at=claimed)
        nights.ingest(settings)
    for arrival in arrivals(settings):
        assert arrival["state"] == "loaded", arrival["message"]
        assert is_conserved(arrival), arrival


@pytest.fixture(scope="module")
def week(server, tmp_path_factory):
    """The files, and the rows that they end in when they come in order."""
    folder = tmp_path_factory.mktemp("week")
    files = deliveries(folder / "files")
    with a_fresh_warehouse(server, folder) as settings:
        deliver(settings, files, range(len(files)))
        return files, raw_state(settings)


def test_in_order_the_week_ends_as_it_should(week):
    _, state = week
    assert [row[-2:] for row in state["roster__users"]] == [("default", False)] * 4
    assert {row[0] for row in state["roster__users"]} == {
        *(kid.id for kid in KIDS[:3]),
        NEW.id,
    }
    assert sorted(row[:1] + row[3:4] for row in state["attendance__events"]) == [
        (KIDS[0].id, UNEXCUSED),
        (KIDS[1].id, TARDY),
        (NEW.id, TARDY),
        (NEW.id, UNEXCUSED),
    ]
    assert [row[-3] for row in state["attendance__events"] if row[0] == KIDS[0].id] == [
        {"bus": "7"}
    ]
    assert len(state["attendance__section_events"]) == 2


@hypothesis_settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(order=st.permutations(range(7)))
# A row that waits, and a later one about the same day that cannot be read.
@example(order=[3, 1, 2, 0, 4, 5, 6])
@example(order=[6, 1, 0, 3, 2, 4, 5])
def test_any_order_ends_in_the_same_rows(server, week, tmp_path_factory, order):
    files, wanted = week
    with a_fresh_warehouse(server, tmp_path_factory.mktemp("order")) as settings:
        deliver(settings, files, order)
        assert raw_state(settings) == wanted


def test_everything_twice_ends_in_the_same_rows(server, week, tmp_path):
    files, wanted = week
    with a_fresh_warehouse(server, tmp_path) as settings:
        deliver(settings, files, [*range(7), *range(7)])
        assert raw_state(settings) == wanted


def test_all_at_once_ends_in_the_same_rows(server, week, tmp_path):
    files, wanted = week
    with a_fresh_warehouse(server, tmp_path) as settings:
        for place, file in reversed(list(enumerate(files))):
            nights.land(settings, [file], effective_at=FIRST_EVENING + timedelta(days=place))
        nights.ingest(settings)
        assert raw_state(settings) == wanted


def an_end(settings):
    """The rows, and all of the ledger that does not say when or in which order."""
    counts = "arrival_id, state, code, message, rows_in, rows_loaded, rows_unchanged"
    more = "rows_quarantined, rows_duplicate, rows_ended, notices"
    found = "arrival_id, feed, table_name, file_name, row_number, column_name, rule"
    statements = (
        f"select {counts}, {more} from ops.arrival order by arrival_id",
        f"select {found}, scope, state, superseded_by from ops.quarantine order by {found}",
        f"select {found} from ops.row_notice order by {found}",
        "select arrival_id, table_name, file_name, row_number, record_key, cells"
        " from restricted.quarantine_line order by 1, 2, 3, 4",
        "select feed, sender, last_arrival_id from ops.feed_state order by 1, 2",
        "select student_source_id, student_key from ops.student_crosswalk order by 1",
    )
    return raw_state(settings), *(query(settings, statement) for statement in statements)


def test_feeds_beside_each_other_end_as_one_after_the_other(server, tmp_path, monkeypatch):
    plan = DistrictPlan(2, 40, seed=5, school_year=2027, through=date(2026, 10, 30))
    spoilt = ("orphan_rows", "unknown_code", "header_only", "empty_file", "renamed_column")
    make_district(replace(plan, defects=spoilt), tmp_path / "0")
    make_district(replace(plan, through=date(2026, 11, 6), since=plan.through), tmp_path / "1")
    real, loaders = nights.load_arrival, set()
    monkeypatch.setattr(
        nights,
        "load_arrival",
        lambda *words: loaders.add(threading.get_ident()) or real(*words),
    )
    ends = []
    for lines in (1, 4):
        loaders.clear()
        monkeypatch.setattr(nights, "at_once", lambda lines=lines: lines)
        home = tmp_path / f"by {lines}"
        home.mkdir()
        with a_fresh_warehouse(server, home) as settings:
            for night in (1, 0):
                claimed = FIRST_EVENING + timedelta(days=night)
                nights.land(settings, [tmp_path / f"{night}"], effective_at=claimed)
            nights.ingest(settings)
            ends.append(an_end(settings))
    assert len(loaders) == 5, "the roster here, and four lines beside each other"
    assert ends[1] == ends[0]


def test_an_interrupted_ingest_ends_after_what_is_being_loaded(rostered, tmp_path, monkeypatch):
    make_district(
        DistrictPlan(2, 40, seed=5, school_year=2027, through=date(2026, 10, 30)), tmp_path / "in"
    )
    nights.land(rostered, [tmp_path / "in"])
    asked, is_stopping = threading.Barrier(2), threading.Event()
    loaded, said = [], []

    def load(settings, arrival_id):
        loaded.append(arrival_id)
        if len(loaded) > 1:  # the roster is loaded by itself
            if asked.wait(timeout=60) == 0:
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            assert is_stopping.wait(timeout=60)
        return {"feed": "a feed", "state": "loaded"}

    def say(text):
        said.append(text)
        if "stopping" in text:
            is_stopping.set()

    monkeypatch.setattr(nights, "load_arrival", load)
    monkeypatch.setattr(nights, "at_once", lambda: 2)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            nights.ingest(rostered, say=say)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(loaded) == 1 + 2, "the roster, and a line for each of two threads"
    waiting = len(nights.pending_arrivals(rostered))
    assert said[-1] == f"stopped: {waiting} arrivals wait for the next `ingest`"


def test_a_correction_is_taken_back_by_the_old_bytes_declared_anew(server, tmp_path):
    folder = tmp_path / "files"
    files = [
        Roster(KIDS).write(folder),
        attendance(folder / "1", [(KIDS[0].id, "T-S1", "2026-10-01", TARDY)]),
        attendance(folder / "2", [(KIDS[0].id, "T-S1", "2026-10-01", EXCUSED)]),
    ]
    with a_fresh_warehouse(server, tmp_path) as settings:
        deliver(settings, files, range(3))
        later = FIRST_EVENING + timedelta(days=9)
        (row,) = nights.land(settings, [files[1]], effective_at=later)
        nights.ingest(settings)
        assert row["is_new"]
        (event,) = raw_state(settings)["attendance__events"]
        assert event[3] == TARDY
        (row,) = nights.land(settings, [files[2]])
        assert row["is_new"], "the first was declared, this one is not"


def test_a_file_that_is_put_back_is_a_new_word(server, tmp_path):
    whole = Roster(KIDS).write(tmp_path / "1")
    cut = Roster(KIDS[:-1]).write(tmp_path / "2")
    assert whole.name == cut.name
    with a_fresh_warehouse(server, tmp_path) as settings:
        landed = []
        # Also twice, as an inbox does that was killed when the ledger had its file.
        for file in (whole, whole, cut, whole, whole, cut, cut):
            (row,) = nights.land(settings, [file])
            nights.ingest(settings)
            known = {user[0] for user in raw_state(settings)["roster__users"]}
            landed.append((row["is_new"], KIDS[-1].id in known))
        assert landed == [
            (True, True),
            (False, True),
            (True, False),
            (True, True),
            (False, True),
            (True, False),
            (False, False),
        ]
        assert all(is_conserved(arrival) for arrival in arrivals(settings))


def test_files_that_are_all_left_again_say_nothing_new(rostered, tmp_path):
    files = [
        attendance(tmp_path, [(KIDS[0].id, "T-S1", day, TARDY)]).rename(tmp_path / f"{day}.csv")
        for day in ("2026-10-01", "2026-10-02")
    ]
    known = [nights.land(rostered, [file], feed="attendance")[0] for file in files]
    again = nights.land(rostered, files, feed="attendance")
    assert [row["arrival_id"] for row in again] == [row["arrival_id"] for row in known]
    assert [row["is_new"] for row in again] == [False, False]


def test_a_build_is_due_when_an_older_load_ends_after_it_began(rostered, tmp_path):
    (roster,) = arrivals(rostered)
    batch = "insert into ops.batch (arrival_id, feed, sender) values (%s, 'roster', 'default')"
    with connect(rostered) as slow, connect(rostered) as building:
        slow.execute(batch, [roster["arrival_id"]])
        nights.land(rostered, [attendance(tmp_path, [(KIDS[0].id, "T-S1", "2026-10-01", TARDY)])])
        nights.ingest(rostered)
        build_id = ledger.open_build(
            building, as_of=date(2026, 10, 1), inputs_hash=inputs_hash(rostered)
        )
        ledger.close_build(building, build_id, state="succeeded", models=1, failed=0, message=None)
        building.commit()
        assert not nights.build_needed(rostered)
        slow.commit()
        assert nights.build_needed(rostered)


def test_a_build_is_due_where_the_newest_was_cut_short(rostered):
    made_from = {"as_of": date(2026, 10, 1), "inputs_hash": inputs_hash(rostered)}
    with connect(rostered) as connection:
        first = ledger.open_build(connection, **made_from)
        ledger.close_build(connection, first, state="succeeded", models=1, failed=0, message=None)
        connection.commit()
        assert not nights.build_needed(rostered)
        ledger.open_build(connection, **made_from)
        connection.commit()
        assert nights.build_needed(rostered)
        ledger.open_build(connection, **made_from)
        told = connection.execute("select state, message from ops.build order by build_id")
        assert [(row["state"], row["message"]) for row in told] == [
            ("succeeded", None),
            ("failed", "It was cut short."),
            ("running", None),
        ]


def test_what_comes_later_is_the_newer_word_though_the_clock_was_ahead(rostered, tmp_path):
    day = (KIDS[0].id, "T-S1", "2026-10-01")
    for folder, event in (("1", TARDY), ("2", EXCUSED)):
        nights.land(rostered, [attendance(tmp_path / folder, [(*day, event)])])
        nights.ingest(rostered)
        (loaded,) = raw_state(rostered)["attendance__events"]
        assert loaded[3] == event
        with connect(rostered) as connection:
            for table, column in (("ops.arrival", ""), ("raw.attendance__events", "_")):
                connection.execute(
                    f"update {table} set {column}effective_at = {column}effective_at + '1 year'"
                )


def test_before_the_roster_of_a_new_year_begins_the_lists_stay(rostered, monkeypatch):
    with connect(rostered) as connection:
        begins = ledger.roster_begins(connection)
        build_id = ledger.open_build(
            connection, as_of=date(2026, 6, 10), inputs_hash=inputs_hash(rostered)
        )
        ledger.close_build(
            connection, build_id, state="succeeded", models=1, failed=0, message=None
        )
    said = []
    monkeypatch.setattr(nights, "_build", lambda settings, *, as_of: {"as_of": as_of})
    day_before = begins - timedelta(days=1)
    assert nights.build_if_needed(rostered, as_of=day_before, say=said.append) is None
    assert said == [
        f"the roster in force begins on {begins.isoformat()}: until then the lists stay"
    ]
    assert nights.build_if_needed(rostered, as_of=begins, say=said.append) == {"as_of": begins}


def test_a_day_without_lessons_is_built_for_with_a_word_about_it(rostered, monkeypatch):
    monkeypatch.setattr(nights, "_build", lambda settings, *, as_of: {"as_of": as_of})
    said = []
    for day in (date(2026, 11, 20), date(2026, 11, 22)):
        nights.build_if_needed(rostered, as_of=day, say=said.append)
    assert said == [
        "building for school day 2026-11-20",
        "building for school day 2026-11-22",
        "no lessons are known of on that day; the last before it were on 2026-11-20. "
        "A night for which no day is named takes the last day of lessons there was",
    ]


def test_a_night_says_once_that_the_lists_stay(rostered, monkeypatch, caplog):
    with connect(rostered) as connection:
        day_before = ledger.roster_begins(connection) - timedelta(days=1)
        build_id = ledger.open_build(connection, as_of=day_before, inputs_hash="")
        ledger.close_build(
            connection, build_id, state="succeeded", models=1, failed=0, message=None
        )
    shown = {"is_new": False, "release_id": 1}
    monkeypatch.setattr(ledger, "release_of", lambda connection, build_id: 1)
    monkeypatch.setattr(nights, "show_again", lambda settings, **words: shown)
    caplog.set_level(logging.INFO, "wraparound")
    nights.night(rostered, as_of=day_before)
    assert sum("the roster in force begins" in line for line in caplog.messages) == 1
