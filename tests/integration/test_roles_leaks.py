"""Ways around a policy that are known to have worked somewhere: each is tried here."""

from datetime import date
from itertools import chain

import psycopg
import pytest

from lib.release_builders import (
    ALDER,
    BIRCH,
    MANAGER,
    assign,
    build_reports,
    coordinator_of,
    publish_built,
)
from lib.warehouse_in_tests import a_fresh_warehouse
from wraparound.publishing import freeze
from wraparound.publishing.readers import reading_as, refresh_assignments
from wraparound.warehouse import connection as connections
from wraparound.warehouse import roles

REFUSED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFunction)
TODAY = date(2026, 11, 2)
OWN, OTHER = coordinator_of(ALDER), coordinator_of(BIRCH)


@pytest.fixture(scope="module")
def published(server, tmp_path_factory):
    with a_fresh_warehouse(server, tmp_path_factory.mktemp("leaks")) as settings:
        with connections.connect(settings) as connection:
            build_reports(connection, ALDER, BIRCH, mark="a secret")
            roles.ensure_rights(connection)
        with connections.connect(settings, role=roles.PUBLISHER) as connection:
            publish_built(connection)
        yield settings


@pytest.fixture
def reader(published):
    with connections.connect(published) as opened:
        yield opened


def students(connection):
    rows = connection.execute("select student_source_id from coordinator.students").fetchall()
    return sorted(row["student_source_id"] for row in rows)


def test_everything_published_belongs_to_the_publisher(reader):
    rows = reader.execute(
        "select distinct pg_get_userbyid(c.relowner) as owner from pg_catalog.pg_class c"
        " where c.relnamespace::regnamespace::text in ('release', 'coordinator')"
        " and (c.relname like 'rpt%' or c.relkind = 'v') and c.relkind <> 'i'"
    ).fetchall()
    assert [row["owner"] for row in rows] == [roles.PUBLISHER]


def test_the_publisher_itself_sees_no_row_through_the_doors_of_readers(published):
    with connections.connect(published, role=roles.PUBLISHER) as connection:
        for relation in ("release.rpt_students", "coordinator.students"):
            assert connection.execute(f"select from {relation}").fetchall() == []


def test_a_prepared_statement_follows_the_reader(reader):
    reader.execute("prepare mine as select student_source_id from coordinator.students")
    for _ in range(7):  # until the plan is a generic one
        with reading_as(reader, OWN, today=TODAY):
            own = reader.execute("execute mine").fetchall()
    with reading_as(reader, OTHER, today=TODAY):
        other = reader.execute("execute mine").fetchall()
    with reading_as(reader, "", today=TODAY):
        nobody = reader.execute("execute mine").fetchall()
    assert {row["student_source_id"][:7] for row in own} == {"T-ALDER"}
    assert {row["student_source_id"][:7] for row in other} == {"T-BIRCH"}
    assert nobody == []


def test_a_statement_prepared_with_other_rights_keeps_to_the_readers(reader):
    """Planned by a superuser, past every policy; run by a coordinator, within them."""
    reader.execute("prepare all_rows as select student_source_id from release.rpt_students")
    assert len(reader.execute("execute all_rows").fetchall()) == 6
    with reading_as(reader, OWN, today=TODAY):
        assert len(reader.execute("execute all_rows").fetchall()) == 3


@pytest.mark.parametrize(
    "probe",
    [
        "homeroom::int = 1",
        "1 / (student_key - 2001) = 1",
        "student_source_id::date < 'today'",
        "(weekly_attendance -> 'x')::text::int > 0",
    ],
)
def test_a_failing_condition_quotes_no_other_school(reader, probe):
    said = ""
    try:
        with reading_as(reader, OWN, today=TODAY):
            reader.execute(f"select from coordinator.students where {probe}")
    except psycopg.DataError as error:
        said = str(error)
    assert "BIRCH" not in said


@pytest.mark.parametrize("analyze", ["", "analyze, buffers off, timing off, summary off,"])
def test_an_explained_plan_holds_no_value(reader, analyze):
    with reading_as(reader, OWN, today=TODAY):
        rows = reader.execute(
            f"explain ({analyze} verbose) select * from coordinator.students"
            " where student_name > 'A'"
        ).fetchall()
    plan = "\n".join(row["QUERY PLAN"] for row in rows)
    assert "Rowan" not in plan
    assert "BIRCH" not in plan


def test_estimates_do_not_betray_a_name(reader):
    """Statistics hold keys alone, so a plan for a name that is there looks like any other."""

    def estimate(name):
        with reading_as(reader, OWN, today=TODAY):
            (row, *_) = reader.execute(
                f"explain select from release.rpt_students where student_name = '{name}'"
            ).fetchall()
        return row["QUERY PLAN"]

    assert estimate("Rowan T-BIRCH-1") == estimate("Rowan T-NOBODY-1")


@pytest.mark.parametrize("view", ["pg_stats", "pg_stats_ext", "pg_stats_ext_exprs"])
def test_statistics_exist_for_keys_and_for_nothing_else(reader, view):
    keys = {"release_id", "school_key", *chain.from_iterable(freeze.KEYS.values())}
    assert not [key for key in keys if key.endswith(("name", "date", "text"))]
    rows = reader.execute(
        f"select * from pg_catalog.{view} where schemaname = 'release' and tablename like 'rpt%'"
    ).fetchall()
    assert {row.get("attname") for row in rows} <= keys


@pytest.mark.parametrize(
    "statement",
    [
        "insert into release.assignment values ('T-me', 2, 'site_coordinator', '2026-07-01')",
        "update release.assignment set school_key = 2",
        "insert into ops.disclosure (delivery_id) values (1)",
        "insert into ops.release_school values (1, 2, '', 'pass')",
        "insert into release.pointer values (2, '', 1)",
        "select pg_read_file('postgresql.conf')",
        "select lo_import('/etc/hostname')",
        "select * from pg_catalog.pg_statistic",
        "select query from dblink('', '')",
        "create policy mine on release.rpt_students using (true)",
        "begin; lock table release.rpt_students in access exclusive mode",
        "set session_replication_role = replica",
    ],
)
def test_probing_by_keys_files_and_catalogues_is_refused(published, statement):
    with connections.connect(published, autocommit=True) as reader:
        reader.execute("set session authorization wraparound_coordinator")
        before = students_of(published)
        with pytest.raises(REFUSED):
            reader.execute(statement)
    assert students_of(published) == before


def students_of(published):
    with connections.connect(published) as reader, reading_as(reader, MANAGER, today=TODAY):
        return students(reader)


def test_reading_with_row_security_off_is_an_error_not_a_leak(reader):
    with reading_as(reader, OWN, today=TODAY):
        reader.execute("set local row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), reader.transaction():
            reader.execute("select * from release.rpt_students")


def test_who_moves_today_sees_the_new_school_today(settings):
    """Nothing is published on the day of the move: the dates alone do it."""
    with connections.connect(settings) as connection:
        build_reports(connection, ALDER, BIRCH)
        connection.execute("delete from raw.staff__assignments")
        moving = date(2026, 11, 3)
        assign(connection, "T-mover", ALDER, until=moving)
        assign(connection, "T-mover", BIRCH, since=moving)
        publish_built(connection)
        with reading_as(connection, "T-mover", today=TODAY):
            before = students(connection)
        with reading_as(connection, "T-mover", today=moving):
            after = students(connection)
    assert {name[:7] for name in before} == {"T-ALDER"}
    assert {name[:7] for name in after} == {"T-BIRCH"}


@pytest.mark.parametrize("role", ["teacher", "principal"])
def test_other_roles_of_the_staff_feed_see_no_list(settings, role):
    with connections.connect(settings) as connection:
        build_reports(connection, ALDER)
        assign(connection, "T-other", ALDER, role=role)
        publish_built(connection)
        with reading_as(connection, "T-other", today=TODAY):
            assert students(connection) == []


@pytest.mark.parametrize("later", [date(2026, 12, 1), None])
def test_of_two_ends_of_an_assignment_the_later_counts(settings, later):
    """The feed told it under two ids of the school, and ended one of them earlier."""
    earlier = date(2026, 11, 1)
    with connections.connect(settings) as connection:
        build_reports(connection, ALDER)
        for number, until in enumerate((earlier, later, earlier)):
            assign(connection, "T-twice", ALDER, until=until)
            connection.execute(
                "update raw.staff__assignments set school_id = school_id || %s"
                " where staff_id = 'T-twice' and school_id = _school_source_id",
                (f"-{number}",),
            )
        publish_built(connection)
        with reading_as(connection, "T-twice", today=earlier):
            assert students(connection)
        with reading_as(connection, "T-twice", today=date(2026, 12, 1)):
            assert bool(students(connection)) == (later is None)


def test_an_assignment_that_left_the_feed_is_gone(settings):
    with connections.connect(settings) as connection:
        build_reports(connection, ALDER)
        publish_built(connection)
        connection.execute("update raw.staff__assignments set _deleted_at = now()")
        assert refresh_assignments(connection) == 0
        connection.commit()
        with reading_as(connection, OWN, today=TODAY):
            assert students(connection) == []
