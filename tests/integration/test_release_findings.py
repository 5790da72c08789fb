"""What the gate finds, and who may read about whom: the rules that were missing, one by one."""

import json
from datetime import timedelta

import pytest

from lib.release_builders import (
    ALDER,
    BIRCH,
    CEDAR,
    MONDAY,
    PROJECT_ROOT,
    ASchool,
    build_reports,
)
from wraparound.orchestration.overview import overview, past_review_lines
from wraparound.publishing.findings import failing_condition, keep_failing_keys
from wraparound.publishing.freeze import freeze_release
from wraparound.quality.suites import Suite, load_suites, run_suites
from wraparound.quality.verdicts import findings_of
from wraparound.warehouse import connection as connections

SUITES = load_suites(PROJECT_ROOT / "expectations")
RELEASE = tuple(suite for suite in SUITES if suite.name == "release")


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


def asked(settings):
    """What each rule of the release says of the reports as they were built."""
    results = run_suites(
        RELEASE,
        connection_string=connections.sqlalchemy_url(settings),
        relation_of=lambda name: ("reports", name),
        as_of=MONDAY,
        school_keys=(1, 2, 3, 4),
    )
    return {(f.rule_id, f.severity, f.school_key, f.failing_count) for f in findings_of(results)}


# Every school stands just where the rules still let it pass.
AT_THE_LIMIT = """
    update reports.rpt_gate_metrics set previous_students = 30, attendance_days_behind = 7,
        students_not_known_all_domains = 10, events_off_calendar = 20, days_not_enrolled = 20,
        events_ahead = 20, attendance_rows_set_aside = 20,
        section_days_unmeasured = 10 where school_key = 1;
    update reports.rpt_gate_metrics set previous_students = 44, active_students = 55,
        students_listed = 55 where school_key = 3;
    update reports.rpt_gate_metrics set events_off_calendar = 10, days_not_enrolled = 10,
        events_ahead = 10, attendance_rows_read = 0,
        attendance_rows_set_aside = 10, section_days = 10,
        section_days_unmeasured = 10 where school_key = 4;
    update reports.rpt_students set suggested_tier = '3'
        where student_key <= 1008 or school_key = 4;
    update reports.rpt_students set absence_rate = 0, days_absent = 0 where student_key = 1001;
    update reports.rpt_students set absence_rate = 1, days_absent = 262, days_enrolled = 262
        where student_key = 1002;
    update reports.rpt_students set is_chronically_absent = null, has_sufficient_days = false
        where student_key = 1003;
    update reports.rpt_students set decided_tier = '2a', decided_on = '2026-10-01'
        where student_key = 1004;
    update reports.rpt_students set grade_level = null where student_key = 1005;
    update reports.rpt_students set grade_level = 'TK' where student_key = 1006;
    update reports.rpt_need_profiles set level = 'not_known', need_count = 0, evidence = '[]'
        where student_key = 1001;
    update reports.rpt_referral_queue set consent_status = 'withdrawn' where student_key = 1001;
    update reports.rpt_referral_queue set state = 'accepted', is_overdue = true
        where student_key = 1002;
"""
SPOILT = """
    update reports.rpt_gate_metrics set queue_rows = null, previous_students = 31,
        students_listed = 19, duplicate_students = 1, profile_rows_missing = -1,
        students_not_known_all_domains = 10, attendance_days_behind = 31,
        events_off_calendar = 21, days_not_enrolled = 21, events_ahead = 21,
        unmapped_codes = 1, attendance_rows_set_aside = 21, section_days_unmeasured = 11,
        services_inactive_offered = 1,
        is_as_of_instructional = false,
        suspension_days_without_absence = 1, students_on_two_lists = 1, students_in_question = 1,
        service_events_set_apart = 1 where school_key = 2;
    update reports.rpt_gate_metrics set active_students = 56, students_listed = 56,
        attendance_days_behind = 30 where school_key = 3;
    alter table reports.rpt_students alter student_source_id drop not null;
    update reports.rpt_students set suggested_tier = '3' where school_key = 2;
    update reports.rpt_students set absence_rate = -0.01, days_absent = -1
        where student_key = 2001;
    update reports.rpt_students set absence_rate = 1.01, days_absent = 41
        where student_key = 2002;
    update reports.rpt_students set days_enrolled = 263 where student_key = 2003;
    update reports.rpt_students set has_sufficient_days = false where student_key = 2004;
    update reports.rpt_students set decided_tier = '2' where student_key = 2005;
    update reports.rpt_students set decided_on = '2026-10-01' where student_key = 2006;
    update reports.rpt_students set student_source_id = null where student_key = 2007;
    update reports.rpt_students set sort_name = null where student_key = 2008;
    update reports.rpt_students set grade_level = '0' where student_key = 2009;
    insert into reports.rpt_students select * from reports.rpt_students where student_key = 2009;
    update reports.rpt_need_profiles set level = 'dire'
        where student_key = 2001 and domain = 'health';
    update reports.rpt_need_profiles set need_count = 2
        where student_key = 2002 and domain = 'health';
    update reports.rpt_need_profiles set domain = 'trees'
        where student_key = 2003 and domain = 'health';
    update reports.rpt_need_profiles set domain = 'family'
        where student_key = 2004 and domain = 'health';
    delete from reports.rpt_need_profiles where student_key = 2005 and domain = 'health';
    update reports.rpt_referral_queue set consent_status = 'maybe' where student_key = 2001;
    update reports.rpt_referral_queue set consent_status = null where student_key = 2002;
    update reports.rpt_referral_queue set consent_status = 'expired', state = 'requested'
        where student_key = 2003;
    update reports.rpt_referral_queue set next_step = null where student_key = 2004;
    update reports.rpt_referral_queue set wording = null where student_key = 2005;
    update reports.rpt_referral_queue set referral_rank = null where student_key = 2006;
    update reports.rpt_referral_queue set referral_rank = 0 where student_key = 2007;
    update reports.rpt_referral_queue set is_overdue = true, next_step = null
        where student_key = 2008;
    update reports.rpt_referral_queue set is_overdue = true, due_date = null
        where student_key = 2009;
    alter table reports.rpt_class_rosters alter class_key drop not null;
    update reports.rpt_class_rosters set class_key = null where student_key = 2001;
"""
HOLDS = {
    *("students_reconciled", "metrics_counted", "churn_lost", "students_once"),
    *("profiles_complete", "attendance_silent", "services_active", "students_as_of"),
    *("attendance_mostly_read",),
    *("profiles_as_of", "queue_as_of", "classes_as_of", "reviews_as_of", "inquiry_as_of"),
    *("fidelity_as_of", "service_use_as_of", "students_identified", "absence_possible"),
    *("days_possible", "absence_sufficient", "tiers_known", "domains_known", "levels_known"),
    *("needs_explained", "consent_known", "consent_said", "queue_next_step", "queue_explained"),
    *("queue_ranked", "classes_named", "students_distinct", "domains_complete"),
}
NOTICES = {
    *("profiles_known", "attendance_fresh", "attendance_on_calendar", "attendance_enrolled"),
    *(
        "attendance_read",
        "periods_measured",
        "attendance_not_ahead",
        "codes_mapped",
        "school_in_session",
        "suspensions_attended",
    ),
    *(
        "ids_of_one_child",
        "students_on_one_list",
        "students_named",
        "consent_in_force",
        "tier_three_plausible",
    ),
    *("tiers_dated", "overdue_has_a_step", "service_events_count", "grades_known"),
}
# The rules that find more than one row in what is spoilt.
ROWS = {
    "students_as_of": 21,
    "profiles_as_of": 79,
    "queue_as_of": 20,
    "classes_as_of": 20,
    "reviews_as_of": 20,
    "absence_possible": 2,
    "days_possible": 3,
    "queue_ranked": 2,
    "queue_next_step": 2,
    "domains_complete": 2,
    "tiers_dated": 2,
    "grades_known": 2,
    "overdue_has_a_step": 2,
}
OF_CEDAR = {"attendance_fresh", "churn_gained"}
IN_NO_SCHOOL = ("schools_present", "students_present")


def test_every_rule_passes_at_its_limit_and_fails_beyond_it(settings, connection):
    dogwood = ASchool(4, "T-DOGWOOD")
    build_reports(connection, ALDER.with_students(20), BIRCH.with_students(20), CEDAR, dogwood)
    connection.execute(AT_THE_LIMIT)
    connection.commit()
    # The one rule that stands before another of the same number.
    standing = {("release.attendance_read", "notice", school, 1) for school in (1, 4)}
    assert asked(settings) == standing

    connection.execute(SPOILT)
    for rule_id in HOLDS:
        if rule_id.endswith("_as_of"):
            report = REPORT_OF.get(rule_id, f"rpt_{rule_id.removesuffix('_as_of')}")
            query = f"update reports.{report} set as_of_date = '2026-11-01' where school_key = 2"
            connection.execute(query)
    connection.commit()
    found = [(HOLDS, "hold", 2), (NOTICES, "notice", 2), (OF_CEDAR, "notice", 3)]
    assert (
        asked(settings)
        == {
            (f"release.{rule_id}", severity, school, ROWS.get(rule_id, 1))
            for rules, severity, school in found
            for rule_id in rules
        }
        | standing
    )

    connection.execute("truncate reports.rpt_gate_metrics, reports.rpt_students")
    connection.execute("truncate reports.rpt_need_profiles")
    connection.commit()
    gone = {(rule, rows) for rule, severity, school, rows in asked(settings) if school is None}
    assert gone == {(f"release.{rule_id}", 1) for rule_id in IN_NO_SCHOOL}
    every = {rule.meta.rule_id for rule in RELEASE[0].expectations}
    assert every == {f"release.{r}" for r in (*HOLDS, *NOTICES, *OF_CEDAR, *IN_NO_SCHOOL)}


REPORT_OF = {
    "profiles_as_of": "rpt_need_profiles",
    "queue_as_of": "rpt_referral_queue",
    "classes_as_of": "rpt_class_rosters",
    "reviews_as_of": "rpt_reviews_due",
    "inquiry_as_of": "rpt_inquiry_cycles",
}


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
    many = [f"release.r{number}" for number in range(9)]
    assert "release.r4 and 4 more. Read each" in past_review_lines(many)[0]


# --- rules on what the build staged ---------------------------------------------------------

EVENTS = """
    create table staging.stg_service_events__events (referral_id text, student_source_id text,
        event_type text, referral_state text, event_sequence integer, event_date date)
"""
DATES = "create table staging.stg_calendar__dates (calendar_date date, calendar_event_code text)"


def staged(settings, *names):
    results = run_suites(
        [suite for suite in SUITES if suite.name in names],
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


def test_a_day_without_lessons_is_told_by_the_rule_of_each_school_alone(settings, connection):
    connection.execute(DATES)
    connection.execute("insert into staging.stg_calendar__dates values (%s, 'Holiday')", [MONDAY])
    connection.commit()
    assert staged(settings, "calendar") == []


def day(number):
    """A day so many days after that of the lists."""
    return MONDAY + timedelta(days=number)


# Of each relation: its columns, rows that just pass, rows that every rule on it finds.
STAGED = {
    "attendance__events": (
        "event_date date, event_duration_share numeric, sent_code text",
        [(day(7), 0, "Tardy"), (day(0), 1, "Unexcused Absence"), (day(0), 0.99, "Tardy")],
        [(day(8), -0.01, "Tardy"), (day(0), 1.01, "Tardy"), (day(0), 1, "tardy")],
    ),
    "calendar__dates": (
        "calendar_date date, calendar_event_code text",
        [(day(-800), "Holiday"), (day(800), "Holiday")],
        [(day(-801), "Holiday"), (day(801), "Holiday"), (day(0), None)],
    ),
    "consents__consents": ("effective_date date", [(day(0),)], [(None,)]),
    "discipline__actions": (
        "discipline_date date, action_length_days numeric",
        [(day(30), 0), (day(0), 185)],
        [(day(31), -1), (day(0), 186)],
    ),
    "grades__results": (
        "score_date date, score_status_code text, score numeric",
        [(day(7), "fully graded", 80), (day(7), "fully graded", None)],
        [(day(8), None, None), (day(0), "fully graded", None)],
    ),
    "providers__services": (
        "service_name text, minimum_age numeric, maximum_age numeric",
        [("Tutoring", 5, 5)],
        [(None, 6, 5)],
    ),
    "providers__service_capacity": (
        "available_count integer, maximum_count integer",
        [(0, 0), (5, 5)],
        [(6, 5), (-1, 5)],
    ),
    "reviews__reviews": (
        "reviewed_date date, decided_tier text",
        [(day(7), "2a")],
        [(day(8), "2")],
    ),
    "roster__users": ("family_name text", [("Holm",)] * 99 + [(None,)], [("Holm",), (None,)]),
    "roster__enrollments": (
        "begin_date date, end_date date, enrollment_role text",
        [(day(0), day(0), "student")] * 19 + [(None, None, "student"), (None, None, "teacher")],
        [(day(0), day(-1), "student"), (None, None, "student")],
    ),
    "roster__demographics": (
        "birth_date date",
        [(day(-365 * 2),), (day(-365 * 100),)],
        [(day(1 - 365 * 2),), (day(-365 * 100 - 1),)],
    ),
    "service_events__events": (
        "referral_id text, student_source_id text, event_type text, referral_state text,"
        " event_sequence integer, event_date date",
        [("T-r", "T-s", "state", "requested", 0, day(7)), (None, "T-s", "contact", None, 0, None)],
        [
            ("T-r", "T-s", "state", "completed", 0, day(8)),
            ("T-r", "T-s", "state", "accepted", 1, day(8)),
            (None, "T-s", "state", "requested", 2, day(0)),
        ],
    ),
    "staff__assignments": (
        "begin_date date, end_date date",
        [(day(0), day(0))],
        [(day(0), day(-1))],
    ),
}
IN_TWO_ROWS = {
    *("attendance.durations_shares", "calendar.dates_near", "discipline.lengths_possible"),
    *("providers.places_possible", "roster.births_possible", "service_events.not_ahead"),
}


def test_every_rule_on_a_feed_passes_at_its_limit_and_fails_beyond_it(settings, connection):
    feeds = [suite.name for suite in SUITES if suite not in RELEASE]

    def fill(kind):
        for relation, spec in STAGED.items():
            table = f"staging.stg_{relation}"
            connection.execute(f"drop table if exists {table}")
            connection.execute(f"create table {table} ({spec[0]})")
            for row in spec[kind] if kind else ():
                places = ", ".join(["%s"] * len(row))
                connection.execute(f"insert into {table} values ({places})", row)
        connection.commit()

    def failed():
        return dict(staged(settings, *feeds))

    fill(0)
    assert failed() == {"roster.users_present": 1}
    fill(1)
    assert failed() == {}
    fill(2)
    every = {r.meta.rule_id for s in SUITES if s not in RELEASE for r in s.expectations}
    assert failed() == {
        rule_id: 2 if rule_id in IN_TWO_ROWS else 1 for rule_id in every - {"roster.users_present"}
    }
