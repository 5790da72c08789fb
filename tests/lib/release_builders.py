"""Hand-made reports on a real warehouse: the test bed of freeze, gate, publish and roll back.

Schools are trees, students start with `T-`, birthdays do not occur.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from psycopg import sql

from wraparound.publishing.freeze import Candidate, freeze_release
from wraparound.publishing.releases import Published, publish_release
from wraparound.settings import Settings
from wraparound.warehouse import connection as connections
from wraparound.warehouse import embedded, migrate, roles

MEMORY = Path("/dev/shm")
ROOM = 4 << 30
PROJECT_ROOT = Path(__file__).resolve().parents[2]
MONDAY = date(2026, 11, 2)
DOMAINS = ("academics", "social_emotional_behavioral", "health", "family")

IDENTITY = """
    student_key bigint not null, student_source_id text not null,
    school_key integer not null, school_source_id text not null, as_of_date date not null
"""
REPORTS = {
    "rpt_students": f"""{IDENTITY},
        student_name text, sort_name text, grade_level text, age_years integer, homeroom text,
        home_language text, days_enrolled integer, days_absent numeric, absence_rate numeric,
        attendance_band text,
        is_chronically_absent boolean, has_sufficient_days boolean, weekly_attendance jsonb,
        suggested_tier text, suggested_tier_reasons jsonb, decided_tier text, decided_on date,
        decided_by text, strengths_summary text, services_active_count integer,
        services_waiting_count integer, open_need_count integer, is_held boolean,
        is_in_question boolean""",
    "rpt_need_profiles": f"""{IDENTITY},
        domain text not null, level text, strength_count integer, need_count integer,
        evidence jsonb, is_held boolean""",
    "rpt_referral_queue": f"""{IDENTITY},
        referral_rank integer, student_name text, grade_level text, need_id text not null,
        rule_id text, rule_version text, domain text, level text, wording text, evidence jsonb,
        services jsonb, service_count integer, state text, next_step text, due_date date,
        owner text, consent_status text, opened_date date, age_days integer,
        days_in_state integer, is_overdue boolean, is_new boolean, priority jsonb""",
    "rpt_class_rosters": f"""{IDENTITY},
        class_key text not null, class_title text, teacher_names text, student_name text,
        sort_name text, grade_level text, review_season text, is_reviewed boolean,
        reviewed_on date, decided_tier text""",
    "rpt_today": f"""{IDENTITY},
        item_id text not null, item_kind text, student_name text, item_text text, item_date date,
        sort_order integer""",
    "rpt_reviews_due": f"""{IDENTITY},
        review_kind text not null, student_name text, sort_name text, grade_level text,
        decided_tier text, next_step text, kind_order integer, counted_from date, due_date date,
        latest_date date, is_due boolean, is_overdue boolean""",
    "rpt_service_use": """
        school_key integer not null, school_source_id text not null, as_of_date date not null,
        category_group text not null, delivered_by text not null, student_count integer""",
    "rpt_fidelity": """
        school_key integer not null, school_source_id text not null, as_of_date date not null,
        measure_id text not null, numerator integer, denominator integer""",
    "rpt_inquiry_cycles": """
        school_key integer not null, school_source_id text not null, as_of_date date not null,
        cycle_id text not null, metric_id text, metric_version integer, school_year integer,
        now_numerator numeric, now_denominator bigint, now_value numeric""",
    "rpt_analyst_facts": f"""{IDENTITY},
        race_ethnicity text, residency text, economic_status text, english_learner text,
        special_education text, tier_movement text, tier_change text, success_plan text,
        services text, suspension text, grade_3_reading text""",
    "rpt_schools": """
        school_key integer not null, school_source_id text not null, school_name text,
        as_of_date date not null, student_count integer, class_count integer,
        reviewed_count integer, review_season text, feeds jsonb""",
    "rpt_gate_metrics": """
        school_key integer not null, school_source_id text not null, as_of_date date not null,
        active_students integer, students_listed integer, profile_rows_missing integer,
        queue_rows integer, duplicate_students integer, students_not_known_all_domains integer,
        attendance_days_behind integer, events_off_calendar integer, previous_students integer,
        events_ahead integer, days_not_enrolled integer,
        unmapped_codes integer, attendance_rows_read integer, attendance_rows_set_aside integer,
        section_days integer, section_days_unmeasured integer,
        services_inactive_offered integer,
        suspension_days_without_absence integer, students_on_two_lists integer,
        students_in_question integer,
        is_as_of_instructional boolean, service_events_set_apart integer""",
    "rpt_queue_churn": """
        school_key integer not null, school_source_id text not null, change_kind text not null,
        change_reason text not null, need_count integer, as_of_date date not null""",
    "rpt_provider_packets": f"""{IDENTITY},
        referral_id text not null, organization_id text not null, organization_name text,
        legal_basis text, consent_id text, agreement_until_date date, records_scope text,
        packet jsonb""",
    "rpt_consents_to_ask": f"""{IDENTITY},
        organization_id text not null, organization_name text, student_name text,
        home_language text, consent_status text, need_count integer, referral_rank integer,
        due_date date""",
    "rpt_service_gaps": """
        school_key integer not null, school_source_id text not null,
        service_category text not null, category_label text, postal_code text,
        need_count integer, student_count integer, referred_count integer,
        without_service_count integer, without_place_count integer, as_of_date date not null""",
}


@dataclass(frozen=True)
class ASchool:
    """A school of the test bed: its keys, and how many students it lists."""

    school_key: int
    school_source_id: str
    students: int = 3

    def with_students(self, students: int) -> "ASchool":
        return replace(self, students=students)


ALDER = ASchool(1, "T-ALDER")
BIRCH = ASchool(2, "T-BIRCH")
CEDAR = ASchool(3, "T-CEDAR")
# Sees every school of the test bed.
MANAGER = "T-manager"


@contextmanager
def a_server() -> Iterator[Settings]:
    """Run an embedded server with a migrated warehouse until the block ends.

    Not in pytest's own folder: a second pytest would close that to the server's user.
    """
    place = _in_memory()
    with TemporaryDirectory(prefix="wr-", dir=place, ignore_cleanup_errors=True) as home:
        settings = Settings(
            project_root=PROJECT_ROOT,
            home=Path(home),
            district_file=PROJECT_ROOT / "config" / "district.yml",
        )
        embedded.up(settings)
        try:
            migrate.migrate(settings)
            _forget_durability(settings)
            yield settings
        finally:
            embedded.down(settings)


def _in_memory() -> Path | None:
    """Files in memory, where there is room for some servers; else where temporary files are.

    A test makes and deletes a thousand files of a database. ext4 looks at each file that was
    deleted in the last minutes before it makes one: half a second for each test.
    """
    there = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM
    return MEMORY if there else None


def _forget_durability(settings: Settings) -> None:
    """Nothing here has to survive a power cut, and copies of databases are many."""
    forgotten = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "'256MB'"}
    with connections.connect(settings, autocommit=True) as connection:
        for setting, value in forgotten.items():
            connection.execute(f"alter system set {setting} = {value}")
        connection.execute("select pg_reload_conf()")


def a_warehouse(server: Settings, *, name: str, home: Path) -> Settings:
    """Return settings of a fresh copy of the server's migrated warehouse."""
    where = connections.address(server)
    with connections.connect(
        server, database=connections.MAINTENANCE_DATABASE, autocommit=True
    ) as connection:
        # As files: by the log, which is the server's own way, it takes three times as long.
        statement = sql.SQL("create database {} template {} strategy file_copy")
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(where.database)))
    url = f"postgresql://postgres@localhost/{name}?host={where.host}"
    settings = replace(server, home=home, warehouse_url=url)
    with connections.connect(settings) as connection:
        # Rights on a database are not copied with it.
        roles.close_database(connection)
    return settings


def build_reports(
    connection: psycopg.Connection[Any], *schools: ASchool, as_of: date = MONDAY, mark: str = ""
) -> None:
    """Replace all reports, as dbt would: every list says `mark`, to be told apart later."""
    connection.execute("create schema if not exists reports")
    for name, columns in REPORTS.items():
        connection.execute(f"drop table if exists reports.{name} cascade")
        connection.execute(f"create table reports.{name} ({columns})")
    for school in schools:
        _build_school(connection, school, as_of=as_of, mark=mark)
        for staff_id in (coordinator_of(school), MANAGER):
            assign(connection, staff_id, school)
    connection.commit()


def coordinator_of(school: ASchool) -> str:
    """Return the staff id of a school's coordinator."""
    return f"T-coordinator-{school.school_key}"


def assign(
    connection: psycopg.Connection[Any],
    staff_id: str,
    school: ASchool,
    *,
    role: str = "site_coordinator",
    since: date = date(2026, 7, 1),
    until: date | None = None,
) -> None:
    """Let the staff feed say that somebody works at a school on the days [since, until)."""
    connection.execute(
        "insert into raw.staff__assignments (staff_id, school_id, role, begin_date, end_date,"
        " _school_source_id, _sender, _batch_id, _row_hash, _effective_at, _changed_at)"
        " values (%s, %s, %s, %s, %s, %s, 'default', 1, 0, now(), now())"
        " on conflict (staff_id, school_id, role, begin_date) do update"
        " set end_date = excluded.end_date, _deleted_at = null",
        (
            staff_id,
            school.school_source_id,
            role,
            since,
            until,
            school.school_source_id,
        ),
    )


def _build_school(
    connection: psycopg.Connection[Any], school: ASchool, *, as_of: date, mark: str
) -> None:
    connection.execute(
        "insert into ops.school_crosswalk (school_source_id, school_key)"
        " overriding system value values (%s, %s) on conflict do nothing",
        (school.school_source_id, school.school_key),
    )
    insert_row(
        connection,
        "rpt_schools",
        school_key=school.school_key,
        school_source_id=school.school_source_id,
        as_of_date=as_of,
        school_name=school.school_source_id.removeprefix("T-").title(),
        student_count=school.students,
        class_count=1,
        reviewed_count=0,
        review_season="fall",
        feeds="[]",
    )
    of_school = {
        "school_key": school.school_key,
        "school_source_id": school.school_source_id,
        "as_of_date": as_of,
    }
    kinds = {"category_group": "intensive", "delivered_by": "school", "student_count": 1}
    insert_row(connection, "rpt_service_use", **of_school, **kinds)
    insert_row(connection, "rpt_inquiry_cycles", **of_school, **_a_cycle(school))
    insert_row(connection, "rpt_fidelity", **of_school, measure_id="class_reviews", numerator=1)
    insert_row(connection, "rpt_gate_metrics", **good_metrics(school, as_of=as_of))
    for number in range(1, school.students + 1):
        _build_student(connection, a_student(school, number, as_of=as_of), mark=mark)


def _a_cycle(school: ASchool) -> dict[str, Any]:
    return {
        "cycle_id": "T-cycle",
        "metric_id": "chronic_absenteeism",
        "metric_version": 1,
        "school_year": 2027,
        "now_numerator": 1,
        "now_denominator": 4,
        "now_value": 25,
    }


def good_metrics(school: ASchool, *, as_of: date = MONDAY) -> dict[str, Any]:
    """Return a row of the gate's metrics with which nothing is wrong."""
    return {
        "school_key": school.school_key,
        "school_source_id": school.school_source_id,
        "as_of_date": as_of,
        "active_students": school.students,
        "students_listed": school.students,
        "profile_rows_missing": 0,
        "queue_rows": school.students,
        "duplicate_students": 0,
        "students_not_known_all_domains": 0,
        "attendance_days_behind": 0,
        "events_off_calendar": 0,
        "events_ahead": 0,
        "days_not_enrolled": 0,
        "previous_students": school.students,
        "unmapped_codes": 0,
        "attendance_rows_read": 60,
        "attendance_rows_set_aside": 0,
        "section_days": 20,
        "section_days_unmeasured": 0,
        "services_inactive_offered": 0,
        "suspension_days_without_absence": 0,
        "students_on_two_lists": 0,
        "students_in_question": 0,
        "is_as_of_instructional": True,
        "service_events_set_apart": 0,
    }


def a_student(school: ASchool, number: int, *, as_of: date = MONDAY) -> dict[str, Any]:
    """Return the identity columns of the number-th student of a school."""
    return {
        "student_key": school.school_key * 1000 + number,
        "student_source_id": f"{school.school_source_id}-{number}",
        "school_key": school.school_key,
        "school_source_id": school.school_source_id,
        "as_of_date": as_of,
    }


def _build_student(
    connection: psycopg.Connection[Any], student: dict[str, Any], *, mark: str
) -> None:
    name = f"Rowan {student['student_source_id']}"
    insert_row(
        connection,
        "rpt_students",
        **student,
        student_name=name,
        sort_name=name,
        grade_level="03",
        homeroom=mark,
        days_enrolled=40,
        days_absent=2,
        absence_rate=0.05,
        attendance_band="at_risk",
        is_chronically_absent=False,
        has_sufficient_days=True,
        weekly_attendance="[]",
        suggested_tier="1",
        suggested_tier_reasons="[]",
        open_need_count=1,
        services_active_count=0,
        services_waiting_count=0,
        is_held=False,
        is_in_question=False,
    )
    for domain in DOMAINS:
        insert_row(
            connection,
            "rpt_need_profiles",
            **student,
            domain=domain,
            level="mild",
            strength_count=0,
            need_count=1,
            evidence='[{"kind": "need", "rule_id": "T-attendance"}]',
            is_held=False,
        )
    insert_row(connection, "rpt_referral_queue", **student, **_a_need(student, name, mark=mark))
    insert_row(
        connection,
        "rpt_class_rosters",
        **student,
        class_key=f"{student['school_source_id']}-3A",
        class_title="3A",
        teacher_names="Hazel Holm",
        student_name=name,
        sort_name=name,
        grade_level="03",
        review_season="fall",
        is_reviewed=False,
    )
    insert_row(connection, "rpt_analyst_facts", **student, tier_movement="same")
    insert_row(
        connection,
        "rpt_reviews_due",
        **student,
        review_kind="plan_review",
        student_name=name,
        sort_name=name,
        grade_level="03",
        next_step=mark,
        kind_order=2,
        counted_from=student["as_of_date"],
        due_date=student["as_of_date"],
        latest_date=student["as_of_date"],
        is_due=True,
        is_overdue=False,
    )
    insert_row(
        connection,
        "rpt_today",
        **student,
        item_id=f"new-{student['student_source_id']}",
        item_kind="new",
        student_name=name,
        item_text=mark,
        item_date=student["as_of_date"],
        sort_order=1,
    )


def _a_need(student: dict[str, Any], name: str, *, mark: str) -> dict[str, Any]:
    return {
        "referral_rank": student["student_key"] % 1000,
        "student_name": name,
        "grade_level": "03",
        "need_id": f"need-{student['student_source_id']}",
        "rule_id": "T-attendance",
        "rule_version": "1",
        "domain": "academics",
        "level": "mild",
        "wording": mark,
        "evidence": "[]",
        "services": "[]",
        "service_count": 0,
        "state": "new",
        "next_step": "Talk with the family",
        "due_date": student["as_of_date"],
        "consent_status": "to_ask",
        "opened_date": min(student["as_of_date"], MONDAY),
        "age_days": 0,
        "days_in_state": 0,
        "is_overdue": False,
        "is_new": True,
        "priority": "{}",
    }


def insert_row(connection: psycopg.Connection[Any], report: str, /, **values: Any) -> None:
    """Insert one row into a report."""
    statement = sql.SQL("insert into reports.{} ({}) values ({})").format(
        sql.Identifier(report),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join([sql.Placeholder()] * len(values)),
    )
    connection.execute(statement, list(values.values()))


def spoil_metrics(
    connection: psycopg.Connection[Any], school: ASchool, /, **values: bool | int | None
) -> None:
    """Change metrics of one school, as a defect of the night would."""
    for column, value in values.items():
        statement = sql.SQL("update reports.rpt_gate_metrics set {} = %s where school_key = %s")
        connection.execute(statement.format(sql.Identifier(column)), (value, school.school_key))
    connection.commit()


def add_finding(
    connection: psycopg.Connection[Any],
    candidate: Candidate,
    *,
    school: ASchool | None,
    severity: str = "hold",
    rule_id: str = "T.rule",
) -> None:
    """Write down what a gate would have found."""
    connection.execute(
        "insert into ops.verdict"
        " (release_id, school_key, rule_id, severity, failing_count, message)"
        " values (%s, %s, %s, %s, 1, 'A rule of the test failed.')",
        (candidate.release_id, school and school.school_key, rule_id, severity),
    )
    connection.commit()


def freeze_audited(connection: psycopg.Connection[Any], *, as_of: date = MONDAY) -> Candidate:
    """Freeze the built reports and pass them through a gate without rules."""
    candidate = freeze_release(connection, build_id=None, as_of=as_of)
    connection.execute(
        "update ops.release set state = 'audited' where release_id = %s", (candidate.release_id,)
    )
    connection.commit()
    return candidate


def publish_built(connection: psycopg.Connection[Any], *, as_of: date = MONDAY) -> Published:
    """Freeze and publish the built reports with nothing held."""
    candidate = freeze_audited(connection, as_of=as_of)
    return publish_release(connection, candidate.release_id)
