"""Every role against every relation: what works is what a reviewed file says, and no more."""

from pathlib import Path

import psycopg
import pytest

from lib.release_builders import ALDER, BIRCH, build_reports, publish_built
from lib.role_matrix import ROLES, found_matrix, read_matrix, write_matrix
from lib.warehouse_in_tests import a_fresh_warehouse
from wraparound.warehouse import connection as connections
from wraparound.warehouse import roles

REVIEWED = Path(__file__).parent / "role_matrix.csv"
SCHEMAS = """
    select n.nspname as name, string_agg(case p when 'create' then 'C' else 'U' end, '' order by p)
        as letters
    from pg_catalog.pg_namespace n, unnest(array['create', 'usage']) p
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      and has_schema_privilege(%s, n.oid, p)
    group by n.nspname
"""


@pytest.fixture(scope="module")
def published(server, tmp_path_factory):
    with a_fresh_warehouse(server, tmp_path_factory.mktemp("matrix")) as settings:
        with connections.connect(settings) as opened:
            build_reports(opened, ALDER, BIRCH)
            roles.ensure_rights(opened)
        with connections.connect(settings, role=roles.PUBLISHER) as opened:
            publish_built(opened)
        yield settings


@pytest.fixture
def connection(published):
    with connections.connect(published) as opened:
        yield opened


def test_what_roles_may_do_is_what_was_reviewed(connection, tmp_path):
    found = found_matrix(connection)
    write_matrix(found, tmp_path / REVIEWED.name)
    # After a change: read the difference, then copy the file that the test just wrote.
    assert found == read_matrix(REVIEWED), f"found: {tmp_path / REVIEWED.name}"


@pytest.mark.parametrize(
    ("role", "schemas"),
    [
        ("coordinator", {"coordinator": "U", "release": "U"}),
        ("analyst", {"analytics": "U"}),
        ("auditor", {"ops": "U"}),
    ],
)
def test_readers_enter_few_schemas_and_make_nothing(connection, role, schemas):
    rows = connection.execute(SCHEMAS, (f"wraparound_{role}",)).fetchall()
    assert {row["name"]: row["letters"] for row in rows} == schemas


@pytest.mark.parametrize("role", ["engineer", "auditor", "coordinator", "analyst"])
@pytest.mark.parametrize(
    "statement",
    [
        "create temp table t (a int)",
        "create function pg_temp.f() returns int language sql as 'select 1'",
        "create table public.t (a int)",
        "create schema mine",
        "set role wraparound_publisher",
        "select ops.refuse_change()",
        "copy (select 1) to program 'true'",
        "alter role wraparound_analyst superuser",
        "select lo_create(0)",
        "select lo_creat(-1)",
        "select lo_from_bytea(0, 'x')",
        "select pg_advisory_lock(hashtext('wraparound.analytics'))",
        "select pg_try_advisory_xact_lock_shared(1, 2)",
    ],
)
def test_readers_make_and_become_nothing(connection, role, statement):
    connection.execute(f"set session authorization wraparound_{role}")
    connection.commit()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


def test_no_role_logs_in_or_passes_by_the_policies(connection):
    rows = connection.execute(
        "select rolname from pg_catalog.pg_roles where rolname like 'wraparound%'"
        " and (rolcanlogin or rolsuper or rolbypassrls or rolcreaterole or rolcreatedb)"
    ).fetchall()
    assert rows == []


def test_no_reader_is_a_member_of_a_program(connection):
    for reader in ("engineer", "auditor", "coordinator", "analyst"):
        for program in set(ROLES) - {reader}:
            row = connection.execute(
                "select pg_has_role(%s, %s, 'member') as it",
                (f"wraparound_{reader}", f"wraparound_{program}"),
            ).fetchone()
            assert not row["it"]


@pytest.mark.parametrize(
    "grant",
    [
        "select on ops.student_crosswalk to public",
        "delete on ops.verdict to wraparound_analyst",
        "select on release.rpt_students_r1 to wraparound_coordinator",
        "update on release.pointer to wraparound_coordinator",
        "select on restricted.quarantine_line to wraparound_publisher",
        "select on raw.roster__users to wraparound_publisher",
        "select on analytics.student to wraparound_loader",
        "select on reports.rpt_students to wraparound_loader",
        "select (given_name) on raw.roster__users to wraparound_publisher",
    ],
)
def test_a_grant_that_nobody_wrote_down_is_taken_back(connection, grant):
    connection.execute(f"grant {grant}")
    roles.ensure_rights(connection)
    connection.commit()
    assert found_matrix(connection) == read_matrix(REVIEWED)
