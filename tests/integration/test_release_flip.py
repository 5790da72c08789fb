"""Freeze, flip, hold, roll back and prune on a real server."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import psycopg
import pytest

from lib.release_builders import (
    ALDER,
    BIRCH,
    CEDAR,
    MANAGER,
    MONDAY,
    a_student,
    add_finding,
    build_reports,
    freeze_audited,
    insert_row,
    publish_built,
)
from wraparound.errors import ReleaseMissing, ReleaseRejected
from wraparound.publishing import freeze, releases
from wraparound.publishing.readers import reading_as
from wraparound.warehouse import connection as connections

TUESDAY, WEDNESDAY = date(2026, 11, 3), date(2026, 11, 4)
FAR = datetime(2100, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def marks(connection, *schools):
    """Return school to the mark of its visible list, as a coordinator of all of them."""
    keys = [school.school_source_id for school in schools]
    with reading_as(connection, MANAGER, today=TUESDAY):
        rows = connection.execute(
            "select school_source_id, homeroom, count(*) as n from coordinator.students"
            " where school_source_id = any (%s) group by 1, 2 order by 1",
            (keys,),
        ).fetchall()
    return [(row["school_source_id"], row["homeroom"], row["n"]) for row in rows]


def states(connection):
    return [(line.release_id, line.state) for line in releases.list_releases(connection)]


def test_a_frozen_candidate_is_invisible_until_it_is_published(connection):
    build_reports(connection, ALDER, mark="first")
    candidate = freeze_audited(connection)
    assert marks(connection, ALDER) == []
    releases.publish_release(connection, candidate.release_id)
    assert marks(connection, ALDER) == [("T-ALDER", "first", 3)]


def test_tables_are_joined_in_a_commit_before_the_flip(connection, settings, monkeypatch):
    """In one commit, a reader could follow a pointer to tables that its session does not know."""
    build_reports(connection, ALDER)
    candidate = freeze_audited(connection)
    flip, joined = releases._publish, []

    def look_first(*words):
        with connections.connect(settings) as other:
            query = "select relispartition as it from pg_class where relname = 'rpt_students_r1'"
            joined.append(other.execute(query).fetchone()["it"])
        return flip(*words)

    monkeypatch.setattr(releases, "_publish", look_first)
    releases.publish_release(connection, candidate.release_id)
    assert joined == [True]


def test_attaching_reads_no_row(connection):
    build_reports(connection, ALDER)
    candidate = freeze_audited(connection)
    said = []
    connection.add_notice_handler(lambda notice: said.append(notice.message_primary))
    connection.execute("set client_min_messages = debug1")
    releases.publish_release(connection, candidate.release_id)
    implied = [text for text in said if "is implied by existing constraints" in text]
    assert len(implied) == len(candidate.reports)


def test_a_held_school_keeps_its_last_list(connection):
    build_reports(connection, ALDER, BIRCH, mark="first")
    publish_built(connection)
    build_reports(connection, ALDER, BIRCH, mark="second", as_of=TUESDAY)
    candidate = freeze_audited(connection, as_of=TUESDAY)
    add_finding(connection, candidate, school=BIRCH)
    releases.publish_release(connection, candidate.release_id)
    assert marks(connection, ALDER, BIRCH) == [("T-ALDER", "second", 3), ("T-BIRCH", "first", 3)]
    with reading_as(connection, MANAGER, today=TUESDAY):
        query = "select distinct school_key, release_id from release.rpt_students order by 1"
        below = [tuple(row.values()) for row in connection.execute(query).fetchall()]
    assert below == [(ALDER.school_key, 2), (BIRCH.school_key, 1)]
    second, first = releases.list_releases(connection)
    assert [(s.school_source_id, s.verdict, s.live) for s in second.schools] == [
        ("T-ALDER", "pass", True),
        ("T-BIRCH", "hold", False),
    ]
    assert second.schools[1].reasons == ("A rule of the test failed.",)
    assert [(s.school_source_id, s.live) for s in first.schools] == [
        ("T-ALDER", False),
        ("T-BIRCH", True),
    ]
    assert {first.state, second.state} == {"published"}


def test_a_release_that_nobody_sees_any_more_is_superseded(connection):
    build_reports(connection, ALDER)
    publish_built(connection)
    publish_built(connection)
    assert [state for _, state in states(connection)] == ["published", "superseded"]


def test_a_school_that_never_had_a_list_is_held_without_one(connection):
    build_reports(connection, ALDER, BIRCH)
    candidate = freeze_audited(connection)
    add_finding(connection, candidate, school=BIRCH)
    releases.publish_release(connection, candidate.release_id)
    assert [live.school_source_id for live in releases.live_releases(connection)] == ["T-ALDER"]
    line = releases.show_release(connection, candidate.release_id)
    assert [(s.school_source_id, s.verdict) for s in line.schools] == [
        ("T-ALDER", "pass"),
        ("T-BIRCH", "hold"),
    ]


@pytest.mark.parametrize("rest", [(ALDER,), (ALDER, BIRCH.with_students(0))])
def test_a_school_missing_from_the_candidate_keeps_its_list(connection, rest):
    build_reports(connection, ALDER, BIRCH, mark="first")
    publish_built(connection)
    build_reports(connection, *rest, mark="second")
    published = publish_built(connection)
    assert marks(connection, ALDER, BIRCH) == [("T-ALDER", "second", 3), ("T-BIRCH", "first", 3)]
    held = published.verdicts[1]
    assert (held.word, held.holds[0].rule_id) == ("hold", "release.school_missing")


def test_an_empty_school_that_never_had_a_list_is_no_site(connection):
    build_reports(connection, ALDER, CEDAR.with_students(0))
    published = publish_built(connection)
    assert [v.school.school_source_id for v in published.verdicts] == ["T-ALDER"]


def test_a_release_with_every_school_held_is_rejected(connection):
    build_reports(connection, ALDER, BIRCH)
    candidate = freeze_audited(connection)
    add_finding(connection, candidate, school=None)
    published = releases.publish_release(connection, candidate.release_id)
    assert (published.state, published.moved_school_keys) == ("rejected", ())
    assert states(connection) == [(candidate.release_id, "rejected")]


def test_a_lifted_hold_is_published_as_a_notice(connection):
    build_reports(connection, ALDER, BIRCH)
    candidate = freeze_audited(connection)
    add_finding(connection, candidate, school=BIRCH)
    releases.publish_release(connection, candidate.release_id)
    approve(connection, BIRCH, expires_at=FAR)
    published = releases.publish_release(connection, candidate.release_id)
    assert [v.word for v in published.verdicts] == ["pass", "notice"]
    assert published.moved_school_keys == (BIRCH.school_key,)


def test_an_expired_override_lifts_nothing(connection):
    build_reports(connection, ALDER)
    approve(connection, ALDER, expires_at=LONG_AGO)
    candidate = freeze_audited(connection)
    add_finding(connection, candidate, school=ALDER)
    assert releases.publish_release(connection, candidate.release_id).state == "rejected"


def test_an_override_runs_out_by_the_moment_a_candidate_was_made(connection):
    """Not by the day of its list, which may be made anew much later."""
    build_reports(connection, ALDER)
    approve(connection, ALDER, expires_at=datetime(2026, 11, 5, tzinfo=UTC))
    candidate = freeze_audited(connection, as_of=date(2026, 11, 2))
    connection.execute("update ops.release set created_at = '2026-11-20'")
    add_finding(connection, candidate, school=ALDER)
    assert releases.publish_release(connection, candidate.release_id).state == "rejected"


def approve(connection, school, *, expires_at, rule_id="T.rule"):
    return releases.approve(
        connection,
        rule_id=rule_id,
        school_source_id=school.school_source_id,
        granted_by="Hazel Holm",
        reason="The school confirmed it.",
        expires_at=expires_at,
    )


def test_an_override_needs_a_name(connection):
    with pytest.raises(ReleaseRejected, match="name of a person"):
        releases.approve(
            connection,
            school_source_id="T-ALDER",
            granted_by=" ",
            reason="x",
            expires_at=FAR,
            rule_id="T.rule",
        )


@pytest.mark.parametrize("rule_id", ["release.gate_ran", "release.school_missing"])
def test_nobody_lifts_what_nothing_was_asked_of(connection, rule_id):
    with pytest.raises(ReleaseRejected, match="Nobody can lift"):
        approve(connection, ALDER, expires_at=FAR, rule_id=rule_id)


def test_an_override_needs_a_known_school(connection):
    with pytest.raises(ReleaseMissing):
        approve(connection, CEDAR, expires_at=FAR)


def test_an_older_candidate_never_replaces_a_newer_list(connection):
    build_reports(connection, ALDER, mark="old")
    old = freeze_audited(connection)
    build_reports(connection, ALDER, mark="new")
    publish_built(connection)
    with pytest.raises(ReleaseRejected, match="newer"):
        releases.publish_release(connection, old.release_id)
    assert marks(connection, ALDER) == [("T-ALDER", "new", 3)]


def test_a_candidate_that_was_not_audited_is_refused(connection):
    build_reports(connection, ALDER)
    candidate = freeze.freeze_release(connection, build_id=None, as_of=TUESDAY)
    with pytest.raises(ReleaseRejected, match="not audited"):
        releases.publish_release(connection, candidate.release_id)


def test_a_pruned_release_cannot_be_shown(connection):
    build_reports(connection, ALDER)
    first = freeze_audited(connection)
    freeze_audited(connection)
    assert releases.prune(connection, keep=1) == (first.release_id,)
    with pytest.raises(ReleaseMissing, match="pruned"):
        releases.publish_release(connection, first.release_id)
    publish_built(connection)
    publish_built(connection)
    releases.prune(connection, keep=1)
    with pytest.raises(ReleaseMissing):
        releases.rollback(connection)


def test_an_unknown_release_is_missing(connection):
    with pytest.raises(ReleaseMissing):
        releases.publish_release(connection, 99)
    with pytest.raises(ReleaseMissing):
        releases.show_release(connection, 99)


def test_nothing_built_is_said(connection):
    with pytest.raises(ReleaseRejected, match="wraparound build"):
        freeze.freeze_release(connection, build_id=None, as_of=TUESDAY)


# --- rolling back -------------------------------------------------------------------------


def three_nights(connection):
    """First and third night publish both schools, the second holds BIRCH."""
    ids = []
    for mark in ("first", "second", "third"):
        build_reports(connection, ALDER, BIRCH, mark=mark)
        candidate = freeze_audited(connection)
        if mark == "second":
            add_finding(connection, candidate, school=BIRCH)
        releases.publish_release(connection, candidate.release_id)
        ids.append(candidate.release_id)
    return ids


def test_rollback_without_a_release_goes_one_back_per_school(connection):
    three_nights(connection)
    releases.rollback(connection)
    assert marks(connection, ALDER, BIRCH) == [("T-ALDER", "second", 3), ("T-BIRCH", "first", 3)]


def test_rollback_to_a_release_shows_what_readers_saw_then(connection):
    first, second, third = three_nights(connection)
    moved = releases.rollback(connection, second)
    assert [(live.school_source_id, live.release_id) for live in moved] == [
        ("T-ALDER", second),
        ("T-BIRCH", first),
    ]
    assert dict(states(connection)) == {
        first: "published",
        second: "published",
        third: "superseded",
    }


def test_rollback_of_one_school_leaves_the_others(connection):
    three_nights(connection)
    releases.rollback(connection, schools=["T-BIRCH"])
    assert marks(connection, ALDER, BIRCH) == [("T-ALDER", "third", 3), ("T-BIRCH", "first", 3)]


def test_rollback_can_go_forward_again(connection):
    first, _, third = three_nights(connection)
    releases.rollback(connection, first)
    releases.rollback(connection, third)
    assert marks(connection, ALDER, BIRCH) == [("T-ALDER", "third", 3), ("T-BIRCH", "third", 3)]


def test_what_was_taken_back_is_not_shown_again_by_itself(connection):
    _, second, third = three_nights(connection)
    releases.rollback(connection, schools=["T-BIRCH"])
    taken = connection.execute(
        "select school_source_id, release_id from ops.release_school where taken_back"
        " order by release_id"
    ).fetchall()
    assert [tuple(row.values()) for row in taken] == [("T-BIRCH", second), ("T-BIRCH", third)]
    shown = releases.publish_release(connection, third)
    assert shown.state == "published"
    assert marks(connection, ALDER, BIRCH) == [("T-ALDER", "third", 3), ("T-BIRCH", "first", 3)]

    releases.rollback(connection, third, schools=["T-BIRCH"])
    releases.publish_release(connection, third)
    assert marks(connection, BIRCH) == [("T-BIRCH", "third", 3)]

    releases.rollback(connection, second)
    build_reports(connection, ALDER, BIRCH, mark="fourth")
    publish_built(connection)
    assert marks(connection, ALDER, BIRCH) == [("T-ALDER", "fourth", 3), ("T-BIRCH", "fourth", 3)]


@pytest.mark.parametrize(("release_id", "schools"), [(99, None), (None, ["T-OAK"]), (None, None)])
def test_rollback_to_nothing_is_refused(connection, release_id, schools):
    build_reports(connection, ALDER)
    publish_built(connection)
    with pytest.raises(ReleaseMissing):
        releases.rollback(connection, release_id, schools=schools)


# --- pruning ------------------------------------------------------------------------------


def test_pruning_spares_the_newest_the_live_and_the_pinned(connection):
    build_reports(connection, ALDER, BIRCH, mark="first")
    publish_built(connection)
    for _ in range(4):
        build_reports(connection, ALDER)
        publish_built(connection)
    said = {"by": "Olive Oak", "reason": "Shown to the school board."}
    releases.pin(connection, 2, pinned=True, **said)
    assert releases.prune(connection, keep=2) == (3,)
    assert [(r.release_id, r.is_kept) for r in releases.list_releases(connection)] == [
        (5, True),
        (4, True),
        (3, False),
        (2, True),
        (1, True),
    ]
    assert marks(connection, BIRCH) == [("T-BIRCH", "first", 3)]
    assert releases.prune(connection, keep=2) == ()
    with pytest.raises(ReleaseMissing, match="pruned"):
        releases.pin(connection, 3, pinned=True, **said)
    releases.pin(connection, 2, pinned=False, **said)
    assert releases.prune(connection, keep=2) == (2,)


def test_what_is_pinned_while_others_are_pruned_is_spared(connection, monkeypatch):
    build_reports(connection, ALDER)
    for _ in range(3):
        publish_built(connection)
    listed = releases._prunable(connection, keep=1)
    said = {"by": "Olive Oak", "reason": "Shown to the school board."}
    releases.pin(connection, 2, pinned=True, **said)
    asked = releases._prunable
    before = iter([listed])
    monkeypatch.setattr(
        releases, "_prunable", lambda *args, **named: next(before, None) or asked(*args, **named)
    )
    assert releases.prune(connection, keep=1) == (1,)


def test_nights_without_a_list_push_out_none_that_can_be_gone_back_to(connection):
    build_reports(connection, ALDER, mark="first")
    publish_built(connection)
    build_reports(connection, ALDER)
    publish_built(connection)
    for _ in range(3):
        candidate = freeze_audited(connection)
        add_finding(connection, candidate, school=None)
        releases.publish_release(connection, candidate.release_id)
    assert releases.prune(connection, keep=2) == (3,)
    releases.rollback(connection)
    assert marks(connection, ALDER) == [("T-ALDER", "first", 3)]


def test_nobody_is_led_back_past_what_was_pruned_to_what_was_pinned(connection):
    for mark in ("pinned", "pruned", "newest"):
        build_reports(connection, ALDER, mark=mark)
        publish_built(connection)
    releases.pin(connection, 1, pinned=True, by="Olive Oak", reason="Shown to the board.")
    assert releases.prune(connection, keep=1) == (2,)
    for named in (2, None):
        with pytest.raises(ReleaseMissing):
            releases.rollback(connection, named)
    assert marks(connection, ALDER) == [("T-ALDER", "newest", 3)]
    releases.rollback(connection, 1)
    assert marks(connection, ALDER) == [("T-ALDER", "pinned", 3)]


@pytest.mark.parametrize("said", [{"by": " ", "reason": "So."}, {"by": "Olive Oak", "reason": ""}])
def test_a_pin_needs_a_person_and_a_reason(connection, said):
    with pytest.raises(ReleaseRejected):
        releases.pin(connection, 1, pinned=True, **said)


def test_a_table_that_is_being_read_is_pruned_the_next_time(connection, settings):
    build_reports(connection, ALDER)
    for _ in range(3):
        publish_built(connection)
    with connections.connect(settings) as reader:
        reader.execute("select from release.rpt_students_r1")
        assert releases.prune(connection, keep=1) == (2,)
    assert releases.prune(connection, keep=1) == (1,)


# --- the frozen copy ----------------------------------------------------------------------


def test_the_hash_does_not_depend_on_the_order_of_rows(connection):
    build_reports(connection, ALDER)
    first = freeze_audited(connection)
    connection.execute(
        "create table reports.turned as"
        " select * from reports.rpt_students order by student_key desc"
    )
    connection.execute("drop table reports.rpt_students")
    connection.execute("alter table reports.turned rename to rpt_students")
    connection.commit()
    second = freeze_audited(connection)
    assert [r.content_hash for r in first.reports] == [r.content_hash for r in second.reports]


def test_the_hash_depends_on_every_value(connection):
    build_reports(connection, ALDER)
    first = freeze_audited(connection)
    connection.execute("update reports.rpt_students set decided_tier = '2a' where school_key = 1")
    connection.commit()
    second = freeze_audited(connection)
    changed = [
        a.name
        for a, b in zip(first.reports, second.reports, strict=True)
        if a.content_hash != b.content_hash
    ]
    assert changed == ["rpt_students"]


def test_a_repeated_key_is_counted_for_its_school(connection):
    build_reports(connection, ALDER, BIRCH)
    insert_row(connection, "rpt_students", **a_student(BIRCH, 1))
    connection.commit()
    candidate = freeze_audited(connection)
    repeated = {r.name: r.repeated_keys for r in candidate.reports if r.repeated_keys}
    assert repeated == {"rpt_students": ((BIRCH.school_key, 1),)}


def test_a_row_without_a_key_is_said_without_the_row(connection):
    build_reports(connection, ALDER)
    connection.execute("alter table reports.rpt_students alter student_key drop not null")
    insert_row(connection, "rpt_students", **{**a_student(ALDER, 9), "student_key": None})
    connection.commit()
    with pytest.raises(ReleaseRejected) as told:
        freeze.freeze_release(connection, build_id=None, as_of=TUESDAY)
    assert "student_key" in str(told.value)
    assert "T-ALDER" not in str(told.value)
    assert releases.list_releases(connection) == ()


def test_a_report_without_a_school_is_refused(connection):
    build_reports(connection, ALDER)
    connection.execute("create table reports.rpt_odd (a int)")
    connection.commit()
    with pytest.raises(ReleaseRejected, match="rpt_odd has no school_key"):
        freeze.freeze_release(connection, build_id=None, as_of=TUESDAY)


def test_a_report_may_gain_lose_and_retype_columns(connection):
    build_reports(connection, ALDER, mark="first")
    publish_built(connection)
    build_reports(connection, ALDER, BIRCH, mark="second")
    connection.execute("alter table reports.rpt_students add shoe_size integer default 3")
    connection.execute("alter table reports.rpt_students drop decided_by")
    connection.execute("alter table reports.rpt_students alter days_enrolled type bigint")
    connection.commit()
    publish_built(connection)
    assert marks(connection, ALDER) == [("T-ALDER", "second", 3)]
    releases.rollback(connection)
    assert marks(connection, ALDER, BIRCH) == [("T-ALDER", "first", 3), ("T-BIRCH", "second", 3)]
    columns = connection.execute("select * from coordinator.students limit 0").description
    assert {"shoe_size", "decided_by"} <= {column.name for column in columns}


def test_a_column_that_kept_values_do_not_fit_is_refused(connection):
    build_reports(connection, ALDER, mark="first")
    publish_built(connection)
    build_reports(connection, ALDER)
    connection.execute(
        "alter table reports.rpt_students alter homeroom type integer using null::integer"
    )
    connection.commit()
    with pytest.raises(ReleaseRejected, match="homeroom is now integer") as told:
        freeze.freeze_release(connection, build_id=None, as_of=TUESDAY)
    assert "first" not in str(told.value)


def test_working_copies_of_the_build_are_no_reports(connection):
    build_reports(connection, ALDER)
    connection.execute("create table reports.rpt_students__dbt_backup (school_key int)")
    connection.commit()
    candidate = freeze_audited(connection)
    assert "rpt_students__dbt_backup" not in [report.name for report in candidate.reports]


def test_all_of_a_candidate_is_of_one_moment(connection, settings, monkeypatch):
    build_reports(connection, ALDER, mark="first")
    copy = freeze._freeze_report

    def disturbed(own, name, **words):
        if name == "rpt_students":  # by then others were copied
            with connections.connect(settings) as other:
                other.execute("update reports.rpt_students set homeroom = 'later'")
        return copy(own, name, **words)

    monkeypatch.setattr(freeze, "_freeze_report", disturbed)
    publish_built(connection)
    assert marks(connection, ALDER) == [("T-ALDER", "first", 3)]


def test_a_freeze_waits_for_a_build(connection, settings):
    build_reports(connection, ALDER, mark="half")
    with connections.connect(settings) as building, ThreadPoolExecutor(1) as pool:
        building.execute("select pg_advisory_xact_lock(hashtext(%s))", (freeze.BUILD_LOCK,))
        frozen = pool.submit(publish_built, connection)
        while not waiting(building):
            pass
        building.execute("update reports.rpt_students set homeroom = 'whole'")
        building.commit()
        frozen.result(timeout=60)
    assert marks(connection, ALDER) == [("T-ALDER", "whole", 3)]


def test_a_build_that_does_not_end_is_said(connection, settings, monkeypatch):
    build_reports(connection, ALDER)
    monkeypatch.setattr(freeze, "BUILD_PATIENCE", "50ms")
    with connections.connect(settings) as building:
        building.execute("select pg_advisory_xact_lock(hashtext(%s))", (freeze.BUILD_LOCK,))
        with pytest.raises(ReleaseRejected, match="too long"):
            freeze.freeze_release(connection, build_id=None, as_of=TUESDAY)
    freeze_audited(connection)


def waiting(connection):
    query = "select count(*) as n from pg_catalog.pg_locks where not granted"
    return connection.execute(query).fetchone()["n"]


def test_a_table_that_stays_locked_stops_the_publication(connection, settings, monkeypatch):
    build_reports(connection, ALDER, mark="first")
    publish_built(connection)
    candidate = freeze_audited(connection)
    monkeypatch.setattr(releases, "LOCK_ATTEMPTS", 1)
    with connections.connect(settings) as other:
        other.execute("lock table release.rpt_students in exclusive mode")
        with pytest.raises(ReleaseRejected, match="stayed locked"):
            releases.publish_release(connection, candidate.release_id)
    assert states(connection) == [(2, "audited"), (1, "published")]
    releases.publish_release(connection, candidate.release_id)
    assert states(connection) == [(2, "published"), (1, "superseded")]


def test_two_publishers_at_once_leave_the_newer_list(connection, settings):
    build_reports(connection, ALDER, BIRCH)
    candidates = [freeze_audited(connection) for _ in range(2)]

    def publish(candidate):
        with connections.connect(settings) as own:
            try:
                return releases.publish_release(own, candidate.release_id).state
            except ReleaseRejected:
                return "too late"

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(publish, candidates))
    assert told[1] == "published"
    assert [live.release_id for live in releases.live_releases(connection)] == [2, 2]


def test_needs_are_remembered_from_the_first_night_they_were_shown(connection):
    build_reports(connection, ALDER)
    publish_built(connection)
    build_reports(connection, ALDER, as_of=TUESDAY)
    publish_built(connection, as_of=TUESDAY)
    assert seen(connection) == [(ALDER.school_key, MONDAY, MONDAY)]
    releases.remember_needs(connection)
    assert seen(connection) == [(ALDER.school_key, MONDAY, TUESDAY)]


def test_a_day_that_is_shown_again_is_not_its_own_day_before(connection):
    for day, level, value in (
        (MONDAY, "mild", 5),
        (TUESDAY, "severe", 6),
        (TUESDAY, "moderate", 7),
    ):
        build_reports(connection, ALDER.with_students(1), as_of=day)
        connection.execute(
            "update reports.rpt_referral_queue set level = %s, evidence = %s",
            (level, f'[{{"value": {value}}}]'),
        )
        connection.commit()
        publish_built(connection, as_of=day)
        releases.remember_needs(connection)
    row = connection.execute("select * from ops.need_history").fetchone()
    assert (row["first_value"], row["last_value"], row["last_level"]) == (5, 7, "moderate")
    assert (row["prior_seen_date"], row["prior_level"]) == (MONDAY, "mild")


@pytest.mark.parametrize(
    "days",
    [(MONDAY, TUESDAY, WEDNESDAY), (MONDAY, WEDNESDAY, TUESDAY), (WEDNESDAY, TUESDAY, MONDAY)],
)
def test_an_older_day_that_is_shown_later_is_the_older_one(connection, days):
    levels = {MONDAY: "mild", TUESDAY: "severe", WEDNESDAY: "moderate"}
    for day in days:
        build_reports(connection, ALDER.with_students(1), as_of=day)
        connection.execute("update reports.rpt_referral_queue set level = %s", (levels[day],))
        connection.commit()
        publish_built(connection, as_of=day)
        releases.remember_needs(connection)
    row = connection.execute("select * from ops.need_history").fetchone()
    assert (row["last_seen_date"], row["last_level"]) == (WEDNESDAY, "moderate")
    assert (row["prior_seen_date"], row["prior_level"]) == (TUESDAY, "severe")


def seen(connection):
    """School, first and last day of the needs that are in the history."""
    rows = connection.execute(
        "select distinct school_key, first_seen_date, last_seen_date from ops.need_history"
        " order by school_key"
    ).fetchall()
    return [tuple(row.values()) for row in rows]


def test_what_a_rollback_takes_away_was_seen_all_the_same(connection):
    build_reports(connection, ALDER, BIRCH)
    publish_built(connection)
    build_reports(connection, ALDER, BIRCH, as_of=TUESDAY)
    candidate = freeze_audited(connection, as_of=TUESDAY)
    add_finding(connection, candidate, school=BIRCH)
    releases.publish_release(connection, candidate.release_id)
    releases.rollback(connection)
    assert seen(connection) == [(ALDER.school_key, MONDAY, TUESDAY)]
    releases.remember_needs(connection)
    assert seen(connection) == [
        (ALDER.school_key, MONDAY, TUESDAY),
        (BIRCH.school_key, MONDAY, MONDAY),
    ]


def test_a_need_that_opens_anew_is_as_old_as_the_list_says(connection):
    build_reports(connection, ALDER)
    publish_built(connection)
    build_reports(connection, ALDER, as_of=TUESDAY)
    connection.execute("update reports.rpt_referral_queue set opened_date = as_of_date")
    connection.commit()
    publish_built(connection, as_of=TUESDAY)
    releases.remember_needs(connection)
    assert seen(connection) == [(ALDER.school_key, TUESDAY, TUESDAY)]


def test_a_cycle_keeps_the_figure_it_began_with(connection):
    """That of the first list that its readers saw: BIRCH is held on the first night."""
    build_reports(connection, ALDER, BIRCH)
    candidate = freeze_audited(connection)
    add_finding(connection, candidate, school=BIRCH)
    releases.publish_release(connection, candidate.release_id)
    build_reports(connection, ALDER, BIRCH, as_of=TUESDAY)
    connection.execute("update reports.rpt_inquiry_cycles set now_value = 99, metric_version = 2")
    connection.commit()
    publish_built(connection, as_of=TUESDAY)
    rows = connection.execute(
        "select school_key, cycle_id, as_of_date, metric_version, metric_value"
        " from ops.inquiry_baseline order by school_key"
    ).fetchall()
    assert [tuple(row.values()) for row in rows] == [
        (ALDER.school_key, "T-cycle", MONDAY, 1, 25),
        (BIRCH.school_key, "T-cycle", TUESDAY, 2, 99),
    ]


def test_a_cycle_without_a_figure_waits_for_one(connection):
    build_reports(connection, ALDER)
    connection.execute("update reports.rpt_inquiry_cycles set now_value = null")
    connection.commit()
    publish_built(connection)
    assert connection.execute("select 1 from ops.inquiry_baseline").fetchall() == []


def test_publishing_twice_changes_nothing(connection):
    build_reports(connection, ALDER)
    candidate = freeze_audited(connection)
    releases.publish_release(connection, candidate.release_id)
    before = releases.list_releases(connection), releases.live_releases(connection)
    again = releases.publish_release(connection, candidate.release_id)
    assert again.moved_school_keys == ()
    assert (releases.list_releases(connection), releases.live_releases(connection)) == before


def test_a_freeze_that_is_killed_leaves_no_trace(connection, settings):
    build_reports(connection, ALDER)
    connection.execute("alter table reports.rpt_today add broken text[] default '{}'")
    connection.execute("create view reports.rpt_zero as select 1 / 0 as school_key")
    connection.commit()
    with pytest.raises(psycopg.errors.DivisionByZero):
        freeze.freeze_release(connection, build_id=None, as_of=TUESDAY)
    assert releases.list_releases(connection) == ()
    left = "select count(*) as n from pg_class where relname ~ '_r[0-9]+$'"
    assert connection.execute(left).fetchone() == {"n": 0}
