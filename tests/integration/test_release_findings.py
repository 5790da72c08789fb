"""What the gate finds, and who may read about whom: the rules that were missing, one by one."""

import json
from datetime import date

import pytest

from lib.release_builders import ALDER, BIRCH, MONDAY, PROJECT_ROOT, build_reports
from wraparound.orchestration.overview import overview
from wraparound.publishing.findings import failing_condition, keep_failing_keys
from wraparound.publishing.freeze import freeze_release
from wraparound.quality.suites import Suite, load_suites, run_suites
from wraparound.quality.verdicts import findings_of
from wraparound.warehouse import connection as connections

SUITES = load_suites(PROJECT_ROOT / "expectations")
RELEASE = tuple(suite for suite in SUITES if suite.name == "release")


@pytest.fixture
def connection(settings):
    with connections.connect(settings) as opened:
        yield opened


def gate(settings, connection, suites=RELEASE, as_of=MONDAY):
    candidate = freeze_release(connection, build_id=None, as_of=MONDAY)
    results = run_suites(
        suites,
        connection_string=connections.sqlalchemy_url(settings),
        relation_of=lambda name: ("release", f"{name}_r{candidate.release_id}"),
        as_of=as_of,
        school_keys=(ALDER.school_key, BIRCH.school_key),
    )
    keep_failing_keys(connection, suites, results, release_id=candidate.release_id, as_of=MONDAY)
    return results


def told(results):
    return {(f.rule_id, f.severity, f.school_key) for f in findings_of(results)}


def kept(connection):
    rows = connection.execute(
        "select rule_id, school_key, student_key from restricted.gate_finding order by 1, 2, 3"
    ).fetchall()
    return [tuple(row.values()) for row in rows]


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        pytest.param(
            "update reports.rpt_students set suggested_tier = '3' where school_key = 2",
            ("release.tier_three_plausible", "notice", 2),
            id="everybody in tier 3",
        ),
        pytest.param(
            "update reports.rpt_students set decided_tier = '2a' where student_key = 2001",
            ("release.tiers_dated", "notice", 2),
            id="a tier without a day",
        ),
        pytest.param(
            "update reports.rpt_referral_queue set is_overdue = true, due_date = null"
            " where student_key = 2001",
            ("release.overdue_has_a_step", "notice", 2),
            id="overdue since nobody knows when",
        ),
        pytest.param(
            "update reports.rpt_need_profiles set domain = 'health' where school_key = 2"
            " and student_key = 2001 and domain = 'family'",
            ("release.domains_complete", "hold", 2),
            id="a domain twice and another never",
        ),
        pytest.param(
            "insert into reports.rpt_students select * from reports.rpt_students"
            " where student_key = 2001",
            ("release.students_distinct", "hold", 2),
            id="a child twice",
        ),
    ],
)
def test_a_defect_is_found_at_its_school(settings, connection, spoil, finding):
    build_reports(connection, ALDER.with_students(20), BIRCH.with_students(20))
    connection.execute(spoil)
    connection.commit()
    assert told(gate(settings, connection)) == {finding}


def test_a_small_school_may_be_all_in_tier_three(settings, connection):
    build_reports(connection, ALDER)
    connection.execute("update reports.rpt_students set suggested_tier = '3'")
    connection.commit()
    assert told(gate(settings, connection)) == set()


def test_the_keys_behind_a_finding_are_kept_apart(settings, connection):
    build_reports(connection, ALDER, BIRCH)
    connection.execute(
        "update reports.rpt_students set decided_tier = '9', decided_on = '2026-10-01',"
        " days_absent = 99 where student_key = 2002"
    )
    connection.commit()
    gate(settings, connection)
    assert kept(connection) == [
        ("release.days_possible", 2, 2002),
        ("release.tiers_known", 2, 2002),
    ]


def test_keys_of_an_earlier_gate_of_the_release_do_not_stay(settings, connection):
    build_reports(connection, ALDER)
    connection.execute("update reports.rpt_students set decided_tier = '9', decided_on = now()")
    connection.commit()
    results = gate(settings, connection)
    keep_failing_keys(connection, RELEASE, results, release_id=1, as_of=MONDAY)
    assert len(kept(connection)) == 3
    keep_failing_keys(connection, RELEASE, (), release_id=1, as_of=MONDAY)
    assert kept(connection) == []


def test_every_rule_about_single_rows_can_name_them(settings, connection):
    """The condition of our own SQL and the rule of the library agree that nothing is wrong."""
    build_reports(connection, ALDER)
    freeze_release(connection, build_id=None, as_of=MONDAY)
    asked = 0
    for relation, rules in RELEASE[0].by_relation().items():
        for rule in rules:
            condition = failing_condition(rule, as_of=MONDAY)
            if condition is None:
                continue
            asked += 1
            query = connections.psycopg.sql.SQL("select from release.{} where {}").format(
                connections.psycopg.sql.Identifier(f"{relation}_r1"), condition
            )
            assert connection.execute(query).fetchall() == [], rule.meta.rule_id
    assert asked > 25


def test_two_rules_past_their_review_are_told(settings, connection):
    build_reports(connection, ALDER)
    raw = json.loads((PROJECT_ROOT / "expectations" / "release.json").read_text())
    for number in (0, 3):
        raw["expectations"][number]["meta"]["review_by"] = "2026-10-31"
    results = gate(settings, connection, (Suite.model_validate(raw),))
    assert [r.rule_id for r in results if r.is_past_review] == [
        raw["expectations"][number]["meta"]["rule_id"] for number in (0, 3)
    ]


def test_rules_past_their_review_stand_in_the_status(settings, connection):
    connection.execute(
        "insert into ops.event (kind, state, detail) values"
        """ ('gate', 'done', '{"past_review": ["release.old", "release.older"]}')"""
    )
    connection.commit()
    told = overview(settings)
    assert told["rules_past_review"] == ["release.old", "release.older"]
    (line,) = [line for line in told["lines"] if "release.older" in line]
    assert line.startswith("2 rules of the gate are past the day of review")


# --- rules on what the build staged ---------------------------------------------------------

EVENTS = """
    create table staging.stg_service_events__events (referral_id text, student_source_id text,
        event_type text, referral_state text, event_sequence integer, event_date date)
"""
DATES = "create table staging.stg_calendar__dates (calendar_date date, calendar_event_code text)"


def staged(settings, name):
    results = run_suites(
        [suite for suite in SUITES if suite.name == name],
        connection_string=connections.sqlalchemy_url(settings),
        relation_of=lambda relation: ("staging", relation),
        as_of=MONDAY,
    )
    assert {r.outcome for r in results} <= {"passed", "failed"}
    return [(r.rule_id, r.failing_count) for r in results if r.outcome == "failed"]


@pytest.mark.parametrize(
    ("states", "failed"),
    [
        (("requested", "accepted", "in-progress", "completed"), []),
        (("requested", "rejected"), []),
        (("requested", "accepted", "on-hold", "in-progress", "cancelled"), []),
        (("requested", "accepted", "completed", "completed"), []),
        (("requested", "accepted", "completed", "entered-in-error"), []),
        (("requested", "rejected", "accepted"), [("service_events.ends_final", 1)]),
        (
            ("requested", "accepted", "completed", "in-progress"),
            [("service_events.ends_final", 1)],
        ),
        (("requested", "in-progress"), [("service_events.steps_in_order", 1)]),
    ],
)
def test_referrals_move_as_they_may(settings, connection, states, failed):
    connection.execute(EVENTS)
    for number, state in enumerate(states):
        connection.execute(
            "insert into staging.stg_service_events__events"
            " values ('T-r', 'T-s', 'state', %s, %s, '2026-10-01')",
            (state, number),
        )
    # Another child's referral of the same id says nothing about this one.
    connection.execute(
        "insert into staging.stg_service_events__events"
        " values ('T-r', 'T-other', 'state', 'rejected', 0, '2026-09-01')"
    )
    connection.commit()
    assert staged(settings, "service_events") == failed


@pytest.mark.parametrize(
    ("days", "failed"),
    [
        pytest.param([], [], id="no calendar"),
        pytest.param([(date(2026, 10, 1), "Instructional day")], [], id="it ends before"),
        pytest.param([(MONDAY, "Instructional day"), (MONDAY, "Holiday")], [], id="somewhere"),
        pytest.param([(MONDAY, "Holiday")], [("calendar.as_of_instructional", 1)], id="nowhere"),
    ],
)
def test_the_day_of_the_lists_is_a_school_day(settings, connection, days, failed):
    connection.execute(DATES)
    with connection.cursor() as cursor:
        cursor.executemany("insert into staging.stg_calendar__dates values (%s, %s)", days)
    connection.commit()
    assert staged(settings, "calendar") == failed
