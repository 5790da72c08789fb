"""A night after which a student id is another child's: what is shown, what is not, who is told."""

import csv
from datetime import UTC, date, datetime

import pytest
from click.testing import CliRunner

from lib.feed_builders import a_file, csv_bytes
from lib.need_feeds import (
    ALDER,
    BIRCH,
    ELDER,
    FIR,
    SMALL,
    THURSDAY,
    of_header,
    roster,
)
from lib.returned_lists import need_id_of
from lib.warehouse_in_tests import a_fresh_warehouse, landed_and_loaded, places_with, query
from wraparound import cli
from wraparound.district.support_files import EVENTS_HEADER
from wraparound.orchestration import nights, sending
from wraparound.orchestration.parity import must_hold, parity
from wraparound.warehouse import identities
from wraparound.warehouse.connection import connect

FRIDAY = date(2026, 11, 20)
# Alder's id went to another child; Birch was married off, and Fir's birth date was mistyped.
OTHERS = (
    (ALDER, "Yew", "Heath", "2015-05-01"),
    (BIRCH, "Birch2", "Heath", "2017-04-01"),
    (FIR, "Fir6", "Grove", "2016-04-01"),
)
NAMES = "Yew|Heath"


def at(day, hour):
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def load(settings, *files, when):
    for arrival in landed_and_loaded(settings, *files, effective_at=when):
        assert arrival["state"] == "loaded", arrival["message"]


def late_event(folder):
    """A provider tells on Friday of a referral of the week before."""
    row = of_header(
        EVENTS_HEADER,
        event_id="T-e20",
        referral_id="T-r20",
        student_id=ALDER,
        service_id=SMALL,
        rule_id="RV-AC",
        domain="academics",
        event_type="state",
        state="requested",
        event_date="2026-11-12",
    )
    return a_file(folder, "service_events_2.csv", csv_bytes(",".join(EVENTS_HEADER), [row]))


def student(settings, student_id=ALDER):
    (row,) = query(
        settings, "select * from reports.rpt_students where student_source_id = %s", student_id
    )
    return row


def needs(settings, student_id=ALDER):
    return query(
        settings,
        "select state, consent_status, opened_date, age_days, is_new"
        " from reports.rpt_referral_queue where student_source_id = %s",
        student_id,
    )


def night(settings, day):
    told = nights.night(settings, as_of=day)
    assert told["release"]["state"] == "published", told["release"]


@pytest.fixture(scope="module")
def friday(thursday, tmp_path_factory):
    """The district after the night in which an id came with another child."""
    home = tmp_path_factory.mktemp("friday")
    with a_fresh_warehouse(thursday, home) as settings:
        second = roster(home / "files", name="roster_2.zip", others=OTHERS)
        load(settings, second, when=at(20, 7))
        load(settings, late_event(home / "files"), when=at(20, 8))
        before = query(settings, "select release_id from release.pointer")
        # The lists of Thursday are still out, but its ground is not.
        (sent,) = sending.packets(settings, today=THURSDAY, out=home / "packets")
        assert (sent.row_count, sent.denied_count) == (1, 1)
        night(settings, FRIDAY)
        assert query(settings, "select release_id from release.pointer") != before
        yield settings


@pytest.fixture
def run(friday, monkeypatch):
    """The command line, in the district of Friday."""
    for module in (nights, cli.night):
        monkeypatch.setattr(module, "load_settings", lambda: friday)

    def invoke(*words):
        done = CliRunner().invoke(cli.main, ["--quiet", *words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    return invoke


def test_the_first_child_had_a_story(thursday):
    (need,) = needs(thursday)
    assert (need["state"], need["consent_status"]) == ("requested", "on_file")
    shown = student(thursday)
    assert (shown["decided_tier"], shown["services_waiting_count"]) == ("2a", 1)
    assert (float(shown["days_absent"]), shown["is_in_question"]) == (3, False)


def test_nobody_vanishes_and_the_new_child_has_no_story(thursday, friday):
    listed = "select student_source_id from reports.rpt_students order by 1"
    assert query(friday, listed) == query(thursday, listed)
    shown = student(friday)
    assert (shown["student_name"], shown["age_years"]) == ("Yew Heath", 11)
    assert shown["is_in_question"]
    assert (shown["decided_tier"], shown["last_year_tier"]) == (None, None)
    assert (shown["services_active_count"], shown["services_waiting_count"]) == (0, 0)
    assert (shown["days_enrolled"], float(shown["days_absent"])) == (1, 0)
    assert needs(friday) == []
    packets = query(friday, "select student_source_id from reports.rpt_provider_packets")
    assert ALDER not in {row["student_source_id"] for row in packets}


def test_the_new_child_has_a_key_that_no_log_or_history_knows(thursday, friday):
    key, earlier = student(friday)["student_key"], student(thursday)["student_key"]
    assert key != earlier
    known = query(friday, "select distinct student_key from ops.need_history")
    assert earlier in {row["student_key"] for row in known}
    assert key not in {row["student_key"] for row in known}


@pytest.mark.parametrize("student_id", [BIRCH, ELDER, FIR])
def test_the_others_keep_their_stories(thursday, friday, student_id):
    shown, before = student(friday, student_id), student(thursday, student_id)
    assert not shown["is_in_question"]
    assert [shown[name] for name in ("student_key", "decided_tier")] == [
        before[name] for name in ("student_key", "decided_tier")
    ]
    assert len(needs(friday, student_id)) == 1


def test_the_gate_the_page_and_the_status_tell_of_it(friday, run):
    rows = query(
        friday,
        "select school_source_id, failing_count from ops.verdict as v"
        " inner join ops.school_crosswalk using (school_key)"
        " where rule_id = 'release.ids_of_one_child' and release_id ="
        " (select max(release_id) from ops.release)",
    )
    assert [tuple(row.values()) for row in rows] == [("T-S1", 1)]
    (page,) = (friday.lists / "T-S1").glob("*.html")
    text = page.read_text(encoding="utf-8")
    assert text.count("this looks like another child") == 1
    assert "to what looks like another child" in text
    assert "Student ids that look like another child's: 1." in run("status")
    assert run("student", "list").split()[-2:] == [ALDER, "2026-11-20"]


def test_names_stand_only_in_the_file_that_was_asked_for(friday, run, tmp_path):
    told = run("student", "export", "--out", str(tmp_path / "out"), "--by", "T. Linden")
    (path,) = (tmp_path / "out").iterdir()
    assert path.stat().st_mode & 0o077 == 0
    with path.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert list(row.values()) == [
        *(ALDER, "2026-11-20"),
        *("Alder1", "Grove", "2017-04-01"),
        *("Yew", "Heath", "2015-05-01"),
    ]
    for output in (told, run("student", "list"), run("status")):
        assert "Heath" not in output
    assert places_with(friday, NAMES) == []
    (event,) = query(friday, "select detail from ops.event where state = 'exported'")
    assert event["detail"] == {"by": "T. Linden", "row_count": 1}


def test_an_id_that_nobody_asked_about_has_no_answer(friday, run):
    words = ["student", "same", ALDER, BIRCH, "--by", "T. Linden", "--reason", "x"]
    done = CliRunner().invoke(cli.main, words)
    assert done.exit_code == 7
    assert run("student", "list").split()[-2] == ALDER
    assert BIRCH not in done.output


def test_the_warehouse_loaded_anew_gives_the_same_tables(friday):
    must_hold(parity(friday))


def a_decision(number, **cells):
    """What a coordinator wrote on the day of the change beside a need of Alder's id."""
    told = {"need_id": need_id_of(ALDER, "T-S1", "RV-AC"), "student_id": ALDER, "rule_id": "RV-AC"}
    told |= {"school_id": "T-S1", "domain": "academics", "decision": "contact_tried"}
    told |= {"release_id": str(number), "decided_on": "2026-11-20", "decided_by": "AB"}
    return told | {"sheet_row": "2", "is_edited": "false", "has_formula": "false"} | cells


def test_a_list_that_comes_back_speaks_of_the_child_who_stood_on_it(friday, tmp_path):
    """Though it comes after the change, and though the other child has such a need as well."""
    (change,) = query(friday, "select student_key from ops.student_change")
    own = f"{need_id_of(ALDER, 'T-S1', 'RV-AC')}-{change['student_key']}"
    rows = (a_decision(1), a_decision(2, need_id=own), a_decision(3, need_id=own[:-1]))
    read = "select release_id, need_id from staging.stg_decisions__decisions order by 1"
    with a_fresh_warehouse(friday, tmp_path) as settings:
        lines = [[row[name] for name in rows[0]] for row in rows]
        load(settings, a_file(tmp_path, "decisions.csv", csv_bytes(",".join(rows[0]), lines)),
             when=at(20, 20))  # fmt: skip
        assert [tuple(row.values()) for row in query(settings, read)] == [(2, own)]
        with connect(settings) as connection:
            identities.answer(connection, ALDER, is_same=True, by="T. Linden", reason="asked")
        first = need_id_of(ALDER, "T-S1", "RV-AC")
        told = [tuple(row.values()) for row in query(settings, read)]
        assert told == [(1, first), (2, first)]


def test_the_answer_decides_whose_the_story_is(thursday, friday, run):
    words = ("--by", "T. Linden", "--reason", "asked the school")
    run("student", "same", ALDER, *words)
    night(friday, FRIDAY)
    shown, before = student(friday), student(thursday)
    assert (shown["student_key"], shown["student_name"]) == (before["student_key"], "Yew Heath")
    assert (shown["decided_tier"], shown["is_in_question"]) == ("2a", False)
    assert float(shown["days_absent"]) == 3
    (need,) = needs(friday)
    assert (need["state"], need["is_new"]) == ("requested", False)
    assert need["opened_date"] == needs(thursday)[0]["opened_date"]
    assert run("student", "list").strip() == "No id waits for an answer."

    run("student", "another", ALDER, *words)
    night(friday, FRIDAY)
    shown = student(friday)
    assert shown["student_key"] != before["student_key"]
    assert (shown["decided_tier"], shown["is_in_question"]) == (None, False)
    assert needs(friday) == []
