"""From built reports to the files in each school's folder, gate included."""

import json
import logging
import os
import shutil
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from unittest.mock import Mock

import pytest

from lib.release_builders import (
    ALDER,
    BIRCH,
    CEDAR,
    MONDAY,
    PROJECT_ROOT,
    a_server,
    a_warehouse,
    build_reports,
    publish_built,
    spoil_metrics,
)
from wraparound.errors import GateUnreadable, ReleaseMissing, ReleaseRejected
from wraparound.orchestration import approvals, nights
from wraparound.publishing import delivery, lists, publish, releases, standings
from wraparound.warehouse import connection as connections
from wraparound.warehouse import ledger

TUESDAY, WEDNESDAY = date(2026, 11, 3), date(2026, 11, 4)


@pytest.fixture(scope="module")
def server():
    with a_server() as settings:
        yield settings


@pytest.fixture
def settings(server, request, tmp_path):
    """The release suite alone: there is no staging here for the feeds' suites to look at."""
    name = f"t{abs(hash(request.node.name)) % 10**9}"
    (tmp_path / "expectations").mkdir()
    shutil.copy(PROJECT_ROOT / "expectations" / "release.json", tmp_path / "expectations")
    settings = a_warehouse(server, name=name, home=tmp_path / "home")
    return replace(settings, project_root=tmp_path)


def night(settings, connection, *schools, as_of=MONDAY, mark="", spoil=None):
    """Build and publish one night; `spoil` maps a school to the metrics that go wrong."""
    build_reports(connection, *schools, as_of=as_of, mark=mark)
    for school, metrics in (spoil or {}).items():
        spoil_metrics(connection, school, **metrics)
    return publish.run_gate_and_publish(settings, build_id=None, as_of=as_of)


def test_a_night_without_a_day_goes_back_behind_no_list_that_is_shown(
    settings, connection, monkeypatch
):
    monkeypatch.setattr(nights, "as_of_at_the_door", lambda _: WEDNESDAY)
    assert nights.not_behind(settings, MONDAY) == MONDAY
    connection.execute(
        "with r as (insert into ops.release (as_of_date, state) values (%s, 'published')"
        " returning release_id) insert into release.pointer"
        " (school_key, school_source_id, release_id) select 1, 'T-ALDER', release_id from r",
        (TUESDAY,),
    )
    connection.commit()
    # Past midnight a night keeps its day; a task of an earlier one, cleared, takes that of now.
    days = {day: nights.not_behind(settings, day) for day in (MONDAY, TUESDAY, WEDNESDAY)}
    assert days == {MONDAY: WEDNESDAY, TUESDAY: TUESDAY, WEDNESDAY: WEDNESDAY}


def page(settings, school):
    return (settings.lists / school.school_source_id / "index.html").read_text()


def test_a_good_night_writes_a_list_for_every_school(settings, connection):
    summary = night(settings, connection, ALDER, BIRCH, mark="wording of monday")
    assert (summary.state, summary.held) == ("published", {})
    assert [(w.school_source_id, w.files, w.is_new) for w in summary.delivered.lists] == [
        ("T-ALDER", ("index.html", "list.xlsx"), True),
        ("T-BIRCH", ("index.html", "list.xlsx"), True),
    ]
    assert "Rowan T-ALDER-1" in page(settings, ALDER)
    assert "T-BIRCH-1" not in page(settings, ALDER)
    assert (settings.lists / "index.html").exists()
    rows = connection.execute("select file_name, channel from ops.delivery order by 1").fetchall()
    assert [row["file_name"] for row in rows] == [
        "T-ALDER/index.html",
        "T-ALDER/list.xlsx",
        "T-BIRCH/index.html",
        "T-BIRCH/list.xlsx",
    ]


def test_a_held_school_keeps_its_list_and_the_page_says_why(settings, connection):
    night(settings, connection, ALDER, BIRCH, mark="monday's wording")
    summary = night(
        settings,
        connection,
        ALDER,
        BIRCH,
        as_of=TUESDAY,
        mark="the wording of tuesday",
        spoil={BIRCH: {"previous_students": 100}},
    )
    assert list(summary.held) == ["T-BIRCH"]
    assert "the wording of tuesday" in page(settings, ALDER)
    held = page(settings, BIRCH)
    assert "the wording of tuesday" not in held
    assert summary.held["T-BIRCH"][0] in held
    assert "Held back since the list of Tuesday, November 3, 2026." in held


def test_a_school_is_held_since_the_first_of_the_nights_in_a_row(settings, connection):
    spoilt = {"duplicate_students": 1}
    for day, spoil in enumerate((spoilt, None, spoilt, spoilt)):
        night(
            settings,
            connection,
            ALDER,
            BIRCH,
            as_of=MONDAY + timedelta(days=day),
            spoil={BIRCH: spoil} if spoil else None,
        )
    [hold] = standings.holds(connection)
    assert (hold.school_source_id, hold.since_date) == ("T-BIRCH", MONDAY + timedelta(days=2))
    assert hold.shown_date == MONDAY + timedelta(days=1)
    told = standings.nights_of_schools(connection, nights=3)
    words = {school.school_source_id: list(school.words.values()) for school in told.schools}
    assert words == {"T-ALDER": ["pass"] * 3, "T-BIRCH": ["pass", "hold", "hold"]}
    nights_page = (settings.lists / lists.NIGHTS_NAME).read_text()
    assert "Held back since the list of Wednesday, November 4, 2026." in nights_page
    assert "A child stands twice on the school&#39;s list." in nights_page


def test_a_school_is_held_by_its_own_rules_that_hold_and_by_those_of_all(settings, connection):
    spoil = {
        ALDER: {"queue_rows": None, "students_in_question": 1},
        BIRCH: {"duplicate_students": 1, "students_in_question": 1},
        CEDAR: {"students_in_question": 1},
    }
    night(settings, connection, ALDER, BIRCH, CEDAR, spoil=spoil)
    connection.execute(
        "insert into ops.verdict"
        " (release_id, school_key, rule_id, severity, failing_count, message)"
        " values (1, null, 'T.all', 'hold', 1, 'A rule failed everywhere.')"
    )
    connection.commit()
    causes = {
        hold.school_source_id: [cause.rule_id for cause in hold.causes]
        for hold in standings.holds(connection)
    }
    assert causes["T-BIRCH"] == ["T.all", "release.students_once"]
    assert "T.all" in causes["T-ALDER"]
    assert not {"release.students_once", "release.ids_of_one_child"} & set(causes["T-ALDER"])


def test_who_has_a_notice_only_was_not_lifted(settings, connection):
    night(settings, connection, ALDER, BIRCH, spoil={BIRCH: {"students_in_question": 1}})
    told = standings.nights_of_schools(connection, nights=1)
    words = {school.school_source_id: list(school.words.values()) for school in told.schools}
    assert words == {"T-ALDER": ["pass"], "T-BIRCH": ["notice"]}


def test_a_lifted_hold_stands_over_the_notices_beside_it(settings, connection):
    spoil = {BIRCH: {"duplicate_students": 1, "suspension_days_without_absence": 1}}
    night(settings, connection, ALDER, BIRCH, spoil=spoil)
    [question] = approvals.open_questions(settings)
    approvals.lift(settings, allow=question.allow, by="R. Reed", reason="Twins")
    _, birch = standings.nights_of_schools(connection, nights=1).schools
    assert [found.rule_id for found in birch.found] == [
        "release.students_once",
        "release.suspensions_attended",
    ]
    assert list(birch.words.values()) == ["lifted"]


def test_an_answer_lifts_what_was_asked_and_nothing_else(settings, connection):
    night(settings, connection, ALDER, BIRCH, mark="monday")
    spoilt = {BIRCH: {"duplicate_students": 1}, ALDER: {"duplicate_students": 1}}
    night(settings, connection, ALDER, BIRCH, as_of=TUESDAY, mark="tuesday", spoil=spoilt)
    alder, birch = approvals.open_questions(settings)
    assert alder.allow == "Show release 2 to T-ALDER"
    assert "release.students_once`: A child stands twice" in alder.body
    assert "Its readers see the list of 2026-11-02." in alder.body
    with pytest.raises(ReleaseRejected, match="reason"):
        approvals.lift(settings, allow=alder.allow, by="R. Reed", reason=" ")
    assert approvals.lift(settings, allow=alder.allow, by="R. Reed", reason="Twins") == "shown"
    assert "tuesday" in page(settings, ALDER)
    assert "monday" in page(settings, BIRCH)
    # Answered again, or after the next night: the question is out of date.
    assert (
        approvals.lift(settings, allow=alder.allow, by="B. Birk", reason="Me too") == "overtaken"
    )
    night(settings, connection, ALDER, BIRCH, as_of=WEDNESDAY, spoil={BIRCH: {"queue_rows": None}})
    assert approvals.lift(settings, allow=birch.allow, by="B. Birk", reason="Late") == "overtaken"
    rows = connection.execute("select granted_by, rule_id, reason from ops.override").fetchall()
    assert [tuple(row.values()) for row in rows] == [("R. Reed", "release.students_once", "Twins")]


def test_a_school_that_is_missing_is_told_on_its_page(settings, connection):
    night(settings, connection, ALDER, BIRCH)
    summary = night(settings, connection, ALDER, as_of=TUESDAY)
    assert summary.held == {"T-BIRCH": ("The school has no students in this night's data.",)}
    assert summary.held["T-BIRCH"][0] in page(settings, BIRCH).replace("&#39;", "'")
    assert approvals.open_questions(settings) == ()
    person = {"by": "R. Reed", "reason": "It closed", "until": date(2100, 1, 1)}
    with pytest.raises(ReleaseRejected, match="Nobody can lift"):
        approvals.approve(settings, school="T-BIRCH", **person)


def test_a_school_that_closed_shows_no_list_once_somebody_says_so(settings, connection):
    night(settings, connection, ALDER, BIRCH)
    said = {"by": "R. Reed", "reason": "It closed in June"}
    with pytest.raises(ReleaseRejected, match="has students of T-BIRCH"):
        nights.withdraw(settings, school="T-BIRCH", **said)
    night(settings, connection, ALDER, as_of=TUESDAY)
    with pytest.raises(ReleaseRejected, match="needs the name"):
        nights.withdraw(settings, school="T-BIRCH", by="", reason="It closed")
    nights.withdraw(settings, school="T-BIRCH", **said)
    assert not (settings.lists / "T-BIRCH").exists()
    assert (settings.lists / "T-ALDER" / "index.html").exists()
    assert "T-BIRCH" not in (settings.lists / "index.html").read_text()
    assert standings.holds(connection) == ()
    told = [line for release in releases.list_releases(connection) for line in release.schools]
    assert {line.school_source_id for line in told if line.live} == {"T-ALDER"}
    with pytest.raises(ReleaseMissing, match="has no published list"):
        nights.withdraw(settings, school="T-BIRCH", **said)
    assert night(settings, connection, ALDER, as_of=WEDNESDAY).held == {}
    assert night(settings, connection, ALDER, BIRCH, as_of=WEDNESDAY).held == {}
    assert (settings.lists / "T-BIRCH" / "index.html").exists()


def test_lifting_what_holds_a_school_now_lifts_nothing_that_is_found_later(settings, connection):
    night(settings, connection, ALDER, BIRCH, spoil={BIRCH: {"duplicate_students": 1}})
    person = {"by": "R. Reed", "reason": "Twins", "until": date(2100, 1, 1)}
    with pytest.raises(ReleaseRejected, match="does not hold T-ALDER"):
        approvals.approve(settings, school="T-ALDER", **person)
    assert approvals.approve(settings, school="T-BIRCH", **person)
    spoilt = {"duplicate_students": 1, "profile_rows_missing": 1}
    assert (
        night(settings, connection, ALDER, BIRCH, spoil={BIRCH: {"duplicate_students": 1}}).held
        == {}
    )
    assert list(night(settings, connection, ALDER, BIRCH, spoil={BIRCH: spoilt}).held) == [
        "T-BIRCH"
    ]


def test_a_list_that_did_not_change_is_not_written_again(settings, connection):
    night(settings, connection, ALDER, BIRCH)
    for _ in range(2):
        summary = night(
            settings,
            connection,
            ALDER,
            BIRCH,
            as_of=TUESDAY,
            spoil={BIRCH: {"duplicate_students": 1}},
        )
    # The second held night is a newer candidate, so the banner names another release.
    assert {w.school_source_id: w.is_new for w in summary.delivered.lists}["T-ALDER"] is True
    again = delivery.deliver_lists(settings, connection)
    assert [w.is_new for w in again.lists] == [False, False]


@pytest.mark.parametrize("lost", ["index.html", delivery.MARKER])
def test_a_list_that_was_lost_is_written_again(settings, connection, lost):
    night(settings, connection, ALDER)
    (settings.lists / "T-ALDER" / lost).unlink()
    again = delivery.deliver_lists(settings, connection)
    assert [w.is_new for w in again.lists] == [True]


def test_a_release_that_a_restored_backup_forgot_is_not_taken_for_the_one_of_its_number(
    settings, connection
):
    night(settings, connection, ALDER)
    # As the ledger is once the night was done again on the backup of the evening before.
    connection.execute("update ops.release set created_at = created_at + interval '1 hour'")
    again = delivery.deliver_lists(settings, connection)
    assert [w.is_new for w in again.lists] == [True]


@pytest.mark.parametrize("text", ["[", "[]", "{}"])
def test_an_unreadable_marker_is_no_marker(settings, connection, text):
    night(settings, connection, ALDER)
    (settings.lists / "T-ALDER" / delivery.MARKER).write_text(text)
    assert delivery.deliver_lists(settings, connection).lists[0].is_new


@pytest.mark.parametrize("cut_short", [False, True])
def test_lists_follow_a_rollback(settings, connection, monkeypatch, cut_short):
    night(settings, connection, ALDER, mark="the wording of monday")
    with monkeypatch.context() as patch:
        if cut_short:
            patch.setattr(delivery, "_write_marker", Mock(side_effect=OSError))
        night(settings, connection, ALDER, as_of=TUESDAY, mark="the wording of tuesday")
    assert "the wording of tuesday" in page(settings, ALDER)
    releases.rollback(connection)
    delivery.deliver_lists(settings, connection)
    assert "the wording of monday" in page(settings, ALDER)
    assert "the wording of tuesday" not in page(settings, ALDER)


def test_a_list_that_is_half_taken_away_is_found_again(settings, connection, monkeypatch):
    night(settings, connection, ALDER, BIRCH)
    connection.execute("delete from release.pointer where school_source_id = 'T-BIRCH'")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            delivery.deliver_lists(settings, connection)
    assert [p.name for p in (settings.lists / "T-BIRCH").iterdir()] == [delivery.MARKER]
    delivery.deliver_lists(settings, connection)
    assert not (settings.lists / "T-BIRCH").exists()


def test_a_night_that_was_killed_before_the_analysts_were_told_tells_them_next(
    settings, connection, monkeypatch
):
    told = "select count(*) as n from ops.event where kind = 'analytics'"
    with monkeypatch.context() as patch:
        patch.setattr(publish, "_analyse", Mock())
        release_id = night(settings, connection, ALDER).release_id
    for _ in range(2):
        publish.show_again(settings, release_id=release_id, as_of=MONDAY)
    assert connection.execute(told).fetchone() == {"n": 1}


def test_a_candidate_that_was_cut_short_is_told_so(settings, connection, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(publish, "audit", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            night(settings, connection, ALDER)
    night(settings, connection, ALDER)
    newest, older = releases.list_releases(connection)
    assert (newest.state, newest.message) == ("published", None)
    assert (older.state, older.message) == ("rejected", "It was cut short.")


def test_a_school_that_never_had_a_list_is_on_the_overview(settings, connection):
    night(settings, connection, ALDER, BIRCH, spoil={BIRCH: {"duplicate_students": 1}})
    overview = (settings.lists / "index.html").read_text()
    assert "no list yet: the first one was held back" in overview
    assert not (settings.lists / "T-BIRCH").exists()


def test_lists_rendered_side_by_side_are_the_same(settings, connection, monkeypatch):
    night(settings, connection, ALDER, BIRCH)
    alone = {school: page(settings, school) for school in (ALDER, BIRCH)}
    for school in (ALDER, BIRCH):
        (settings.lists / school.school_source_id / delivery.MARKER).unlink()

    monkeypatch.setattr(delivery, "APART_FROM", 2)
    again = delivery.deliver_lists(settings, connection)

    assert [w.is_new for w in again.lists] == [True, True]
    assert {school: page(settings, school) for school in (ALDER, BIRCH)} == alone


def test_lists_are_written_by_one_process_at_a_time(settings, connection, monkeypatch):
    """Two persons lift two holds in the same moment, and both have all lists written."""
    build_reports(connection, ALDER, as_of=MONDAY)
    publish_built(connection, as_of=MONDAY)
    record, done = delivery._record, []

    def other():
        with connections.connect(settings) as second:
            done.append(delivery.deliver_lists(settings, second))

    thread = threading.Thread(target=other)

    def meanwhile(*words, **named):
        if not thread.ident:
            thread.start()
            waits = "select from pg_locks where locktype = 'advisory' and not granted"
            while thread.is_alive() and not connection.execute(waits).fetchall():
                connection.rollback()
        record(*words, **named)

    monkeypatch.setattr(delivery, "_record", meanwhile)
    with connections.connect(settings) as first:
        done.append(delivery.deliver_lists(settings, first))
    thread.join()
    assert [each.failed_schools for each in done] == [(), ()]
    assert "Rowan T-ALDER-1" in page(settings, ALDER)


def test_lists_are_rendered_here_when_the_processes_for_it_are_killed(
    settings, connection, monkeypatch, caplog
):
    night(settings, connection, ALDER, BIRCH)
    alone = {school: page(settings, school) for school in (ALDER, BIRCH)}
    for school in (ALDER, BIRCH):
        (settings.lists / school.school_source_id / delivery.MARKER).unlink()
    left = settings.outbox / "T-BIRCH" / ".list.xlsx.1.part"
    left.parent.mkdir(parents=True)
    left.touch()

    monkeypatch.setattr(delivery, "APART_FROM", 2)
    monkeypatch.setattr(delivery, "_begin_apart", partial(os._exit, 9))
    again = delivery.deliver_lists(settings, connection)

    assert [(w.school_source_id, w.is_new) for w in again.lists] == [
        ("T-ALDER", True),
        ("T-BIRCH", True),
    ]
    assert {school: page(settings, school) for school in (ALDER, BIRCH)} == alone
    assert caplog.text.count("goes on alone") == 1
    assert not left.exists()


def test_one_list_that_fails_does_not_keep_the_others_back(
    settings, connection, monkeypatch, caplog
):
    render = lists.render_school

    def fail_for_birch(data, out_dir, **options):
        if data.school.school_source_id == "T-BIRCH":
            raise ValueError("Rowan T-BIRCH-1")
        return render(data, out_dir, **options)

    monkeypatch.setattr(lists, "render_school", fail_for_birch)
    caplog.set_level(logging.DEBUG)
    summary = night(settings, connection, ALDER, BIRCH, CEDAR)
    assert [w.school_source_id for w in summary.delivered.lists] == ["T-ALDER", "T-CEDAR"]
    assert summary.delivered.failed_schools == ("T-BIRCH",)
    assert "Rowan" not in caplog.text


def test_a_gate_that_cannot_be_read_holds_every_school_and_says_so(settings, connection):
    night(settings, connection, ALDER, mark="the wording of monday")
    suite = settings.expectations / "release.json"
    spoilt = json.loads(suite.read_text())
    spoilt["expectations"][0]["type"] = "expect_trees_to_grow"
    suite.write_text(json.dumps(spoilt))
    with pytest.raises(GateUnreadable):
        night(settings, connection, ALDER, as_of=TUESDAY, mark="the wording of tuesday")
    newest = releases.list_releases(connection)[0]
    assert (newest.state, newest.schools[0].verdict) == ("rejected", "hold")
    assert "the wording of monday" in page(settings, ALDER)
    assert "could not be checked" in page(settings, ALDER)


def test_the_suites_of_the_feeds_look_at_staging(settings, connection):
    shutil.copy(PROJECT_ROOT / "expectations" / "staff.json", settings.expectations)
    connection.execute("create schema if not exists staging")
    connection.execute(
        "create table staging.stg_staff__assignments (begin_date date, end_date date)"
    )
    connection.execute(
        "insert into staging.stg_staff__assignments values ('2026-11-02', '2026-11-01')"
    )
    connection.commit()
    summary = night(settings, connection, ALDER)
    assert [(s.verdict, s.reasons) for s in summary.schools] == [
        ("notice", ("An assignment ends before it begins.",))
    ]


def test_a_night_freezes_the_day_it_was_asked_for(settings, connection, monkeypatch):
    def a_build(settings, *, as_of):
        build_reports(connection, ALDER, as_of=as_of)
        build_id = ledger.open_build(connection, as_of=as_of, inputs_hash="")
        words = {"state": "succeeded", "models": 1, "failed": 0, "message": None}
        ledger.close_build(connection, build_id, **words)
        connection.commit()
        return {"build_id": build_id, "models": 1}

    @contextmanager
    def overtaken(settings, step):
        """The build of another night, of another day, waits for ours and comes next."""
        with connections.alone(settings, step):
            yield
        if step == "build" and others:
            a_build(settings, as_of=others.pop())

    others, said = [TUESDAY], []
    monkeypatch.setattr(nights, "_build", a_build)
    monkeypatch.setattr(nights, "alone", overtaken)
    monkeypatch.setattr(nights, "inputs_hash", lambda settings: "")
    monkeypatch.setattr(ledger, "default_as_of", lambda _connection, *, today, seeds: today)

    done = nights.publish(settings, as_of=MONDAY, say=said.append)

    monday, tuesday = MONDAY.isoformat(), TUESDAY.isoformat()
    assert (done["as_of_date"], others) == (monday, [])
    assert said == [
        f"building for school day {monday}",
        "another build came in between",
        f"building for school day {monday}",
    ]
    rows = connection.execute(
        "select distinct r.as_of_date, b.as_of_date as built from release.rpt_students as s"
        " join ops.release as r using (release_id) join ops.build as b using (build_id)"
        " where s.as_of_date = r.as_of_date"
    ).fetchall()
    assert rows == [{"as_of_date": MONDAY, "built": MONDAY}]
    assert nights.publish(settings, as_of=TUESDAY)["as_of_date"] == tuesday


def test_a_repeated_row_holds_its_school(settings, connection):
    build_reports(connection, ALDER, BIRCH)
    connection.execute(
        "insert into reports.rpt_today select * from reports.rpt_today where school_key = 2"
    )
    connection.commit()
    summary = publish.run_gate_and_publish(settings, build_id=None, as_of=MONDAY)
    assert summary.held == {"T-BIRCH": ("A row stands twice on the school's list.",)}


@pytest.mark.parametrize(
    ("source_id", "is_kept"),
    [
        *(("T-ALDER", True), ("../etc", False), ("a b", False), ("", False), ("x" * 90, False)),
        *(("CON", False), ("lpt1", False), ("console", True)),
    ],
)
def test_folder_names_are_safe_and_apart(source_id, is_kept):
    name = delivery.folder_name(source_id, is_alone=True)
    assert (name == source_id) is is_kept
    assert "/" not in name
    assert not name.startswith(".")
    assert name != delivery.folder_name(source_id + "!", is_alone=True)


def test_schools_that_differ_in_letter_case_have_folders_apart_on_any_share(connection):
    ids = ["T-oak", "T-Oak", "T-OAK", "T-elm"]
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.school_crosswalk (school_source_id) values (%s)", [(s,) for s in ids]
        )
    folders = [delivery.school_folder(connection, school) for school in ids]
    assert len({folder.lower() for folder in folders}) == len(ids)
    assert folders[-1] == "T-elm"
