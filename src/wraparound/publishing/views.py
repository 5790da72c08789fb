"""What readers reach: partitioned parents under forced row-level security, and the views.

A reader is granted the parent and the view, never a partition: partitions inherit no
policy. Nothing here refers to a table of the build, which dbt may drop at any time.
"""

from typing import Any

from psycopg import Connection
from psycopg import errors as pg_errors
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Composed, Identifier

from wraparound.errors import ReleaseRejected

COORDINATOR = "wraparound_coordinator"
# For the gate, and for what is counted for analysts: frozen with the others, never shown.
INTERNAL = frozenset({"rpt_gate_metrics", "rpt_analyst_facts"})
POLICY = "own_schools"
# The assignments of the reader on the reader's day: the policy of that table sees to both.
# As an array it is asked once for a query, and an index can answer to it.
MY_SCHOOLS = SQL("any (array(select a.school_key from release.assignment as a))")
# A release that holds a school, or was taken back from it, is in the parents all the same.
SHOWN = SQL(
    "(school_key, release_id) in (select p.school_key, p.release_id from release.pointer as p)"
)


def view_name(report: str) -> str:
    """Return the coordinator's name of a report: `rpt_students` is `students`."""
    return report.removeprefix("rpt_")


def relation_columns(connection: Connection[Any], schema: str, name: str) -> dict[str, str]:
    """Return the columns of a relation with their SQL types; empty where it is missing."""
    query = """
        select a.attname, format_type(a.atttypid, a.atttypmod) from pg_catalog.pg_attribute a
        where a.attrelid = to_regclass(%s) and a.attnum > 0 and not a.attisdropped
        order by a.attnum
    """
    with connection.cursor(row_factory=tuple_row) as cursor:
        return dict(cursor.execute(query, (f"{schema}.{name}",)).fetchall())


def ensure_published(connection: Connection[Any], report: str, *, columns: dict[str, str]) -> None:
    """Make the parent and the view fit a report's columns; doing it again changes nothing.

    Columns are added and retyped, never dropped: earlier releases still hold them.

    Raises:
        ReleaseRejected: a column changed to a type that its kept values do not fit.
    """
    wanted = {"release_id": "bigint", **columns}
    present = relation_columns(connection, "release", report)
    if wanted.items() <= present.items() and _view_fits(connection, report, present):
        return
    connection.execute("set local lock_timeout = '5s'")
    connection.execute(SQL("drop view if exists {}").format(_view(report)))
    if not present:
        _create_parent(connection, report, columns=wanted)
    for column, sql_type in wanted.items():
        if present and present.get(column) != sql_type:
            _grow_parent(
                connection, report, column=column, sql_type=sql_type, is_new=column not in present
            )
    if report not in INTERNAL:
        _open_to_coordinators(connection, report)


def unguarded(connection: Connection[Any]) -> tuple[str, ...]:
    """Return every published parent or view that would show rows it must not.

    A parent needs row-level security, enabled and forced; a view must read with the
    rights of its reader; no reader may hold a grant on a partition, or on a column of one.
    """
    query = """
        select c.oid::regclass::text from pg_catalog.pg_class c
        where c.relnamespace = to_regnamespace('release')
          and (c.relkind = 'p' or c.relname = 'assignment')
          and not (c.relrowsecurity and c.relforcerowsecurity)
        union all
        select c.oid::regclass::text from pg_catalog.pg_class c
        where c.relnamespace = to_regnamespace('coordinator') and c.relkind = 'v'
          and not coalesce(c.reloptions @> '{security_invoker=true}', false)
        union all
        select c.oid::regclass::text from pg_catalog.pg_class c
        where c.relnamespace = to_regnamespace('release') and c.relkind = 'r'
          and c.relname like 'rpt%%'
          and has_any_column_privilege(%s, c.oid, 'select')
        order by 1
    """
    with connection.cursor(row_factory=tuple_row) as cursor:
        return tuple(name for (name,) in cursor.execute(query, (COORDINATOR,)))


def _view(report: str) -> Identifier:
    return Identifier("coordinator", view_name(report))


def _parent(report: str) -> Identifier:
    return Identifier("release", report)


def _view_fits(connection: Connection[Any], report: str, present: dict[str, str]) -> bool:
    if report in INTERNAL:
        return True
    seen = relation_columns(connection, "coordinator", view_name(report))
    return seen.keys() == present.keys()


def _create_parent(connection: Connection[Any], report: str, *, columns: dict[str, str]) -> None:
    listed = SQL(", ").join(
        SQL("{} {}").format(Identifier(column), _type(sql_type))
        for column, sql_type in columns.items()
    )
    parent = _parent(report)
    for statement in (
        SQL("create table {} ({}) partition by list (release_id)").format(parent, listed),
        SQL("alter table {} enable row level security").format(parent),
        SQL("alter table {} force row level security").format(parent),
    ):
        connection.execute(statement)


def _grow_parent(
    connection: Connection[Any], report: str, *, column: str, sql_type: str, is_new: bool
) -> None:
    change = (
        SQL("add column {0} {1}") if is_new else SQL("alter column {0} type {1} using {0}::{1}")
    )
    statement = SQL("alter table {} {}").format(
        _parent(report), change.format(Identifier(column), _type(sql_type))
    )
    try:
        with connection.transaction():
            connection.execute(statement)
    except (pg_errors.DataError, pg_errors.CannotCoerce) as error:
        raise ReleaseRejected(
            f"{report}.{column} is now {sql_type}, and what earlier releases hold does not fit "
            f"(SQLSTATE {error.sqlstate}). Give the column a new name, or prune the releases."
        ) from None


def _type(sql_type: str) -> SQL:
    """Return a type name that PostgreSQL itself wrote (`format_type`) as SQL."""
    return SQL(sql_type)


def _open_to_coordinators(connection: Connection[Any], report: str) -> None:
    parent, reader = _parent(report), Identifier(COORDINATOR)
    for statement in (
        SQL("drop policy if exists {} on {}").format(Identifier(POLICY), parent),
        SQL("create policy {} on {} for select to {} using (school_key = {} and {})").format(
            Identifier(POLICY), parent, reader, MY_SCHOOLS, SHOWN
        ),
        SQL("grant select on {} to {}").format(parent, reader),
        _view_statement(connection, report),
        SQL("grant select on {} to {}").format(_view(report), reader),
    ):
        connection.execute(statement)


def _view_statement(connection: Connection[Any], report: str) -> Composed:
    """One pointer per school, then only that release: a plain join would scan every one kept."""
    columns = relation_columns(connection, "release", report)
    return SQL(
        "create view {} with (security_invoker = true) as select {} from release.pointer as p"
        " cross join lateral (select t.* from {} as t where t.release_id = p.release_id"
        " and t.school_key = p.school_key offset 0) as r where p.school_key = {}"
    ).format(
        _view(report),
        SQL(", ").join(Identifier("r", column) for column in columns),
        _parent(report),
        MY_SCHOOLS,
    )
