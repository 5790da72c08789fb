"""Children who left: which of them are past their time, every row that is theirs, and its end.

A child has left once its school system no longer tells of it: the roster's record of the person
has ended. Its time runs from the last change that any of its records saw. A child goes whole or
not at all: one whom a list that is kept still names, or whom a legal hold spares, stays with all
its rows.
"""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, LiteralString

from psycopg import sql

from wraparound.contracts.loader import load_contracts
from wraparound.contracts.models import Contract, Table
from wraparound.warehouse import legal_holds
from wraparound.warehouse.connection import Connection
from wraparound.warehouse.identities import key_from
from wraparound.warehouse.ledger import one_load_of

Sql = sql.Composable
Name = tuple[str, str]

# Every table outside `raw` that holds rows of children who left, and the column that says whose.
# Of `raw` the contracts say it; what dbt builds is made anew without them.
BY_KEY, BY_ID = "student_key", "student_source_id"
HELD_BY: Mapping[Name, str] = {
    ("ops", "need_history"): BY_KEY,
    ("restricted", "gate_finding"): BY_KEY,
    ("restricted", "student_identity"): BY_ID,
    ("restricted", "legal_hold"): BY_ID,
    ("ops", "student_change"): BY_ID,
    ("ops", "student_crosswalk"): BY_ID,
}
# Copies of those that a release keeps, by the beginning of their names.
KNOWN_BY = {"known_need_history_r": BY_KEY, "known_student_change_r": BY_ID}
# What a purge of children leaves although it could speak of one, and why.
STAYS: Mapping[Name, str] = {
    ("ops", "disclosure"): "34 CFR 99.32 keeps it with the record, and its chain cannot be cut;"
    " keys of ours, no name",
    ("ops", "disclosure_head"): "the end of that chain",
    ("ops", "destroyed_student"): "the proof: keys of ours",
    ("restricted", "quarantine_line"): "of its own place `quarantine`, which is never kept longer",
    ("restricted", "metric_count"): "counts",
    ("analytics", "student"): "pseudonyms of children on the newest lists; made anew with them",
    ("analytics", "metric"): "counts",
    ("release", "pointer"): "schools",
    ("release", "assignment"): "staff",
    ("ops", "inquiry_baseline"): "measures of a school",
}
# Adults whom the roster tells of for a child's sake.
GUARDIANS = ["guardian", "parent", "relative"]


@dataclass(frozen=True)
class Leavers:
    """Our keys of the children who are past their time, how many rows each table holds of them,
    and how many more children would be but are spared."""

    keys: tuple[int, ...]
    rows_by_table: Mapping[str, int]
    spared: int
    destroy: Callable[[], None]


def find(connection: Connection, *, limit: datetime, gone: Set[str] = frozenset()) -> Leavers:
    """Find the children of whom nothing changed since the limit; loads and builds wait until the
    transaction ends, as this waits for those at work. Tables of releases that are as good as
    `gone` spare nobody."""
    _wait_for_the_night(connection)
    before = _list_past(connection, limit)
    _spare(connection, gone)
    _list_going(connection, limit)
    keys = _column(connection, "select distinct student_key from pg_temp.leaver order by 1")
    left = _column(connection, "select distinct id from pg_temp.leaver")
    theirs = _rows_of_children(connection, gone) if keys else {}
    counts = {
        ".".join(name): _column(
            connection,
            sql.SQL("select count(*) from {} where {}").format(sql.Identifier(*name), w),
        )[0]
        for name, w in theirs.items()
    }

    def destroy() -> None:
        for name, which in theirs.items():
            connection.execute(
                sql.SQL("delete from {} where {}").format(sql.Identifier(*name), which)
            )

    rows = {name: count for name, count in counts.items() if count}
    return Leavers(tuple(keys), rows, before - len(left), destroy)


def destroyed_keys(connection: Connection, student_source_id: str) -> dict[int, datetime]:
    """The keys that an id had when the records behind them were destroyed, and when that was.

    The crosswalk is gone with them; but a key is worked out from the id, and with a number where
    the id had gone to another child.
    """
    numbered = sql.SQL("%(id)s || case when n > 0 then chr(31) || n else '' end")
    rows = connection.execute(
        sql.SQL(
            "select s.student_key, max(d.destroyed_at) as destroyed_at"
            " from ops.destroyed_student as s"
            " inner join ops.destruction as d using (destruction_id)"
            " where s.student_key in (select {} from generate_series(0, 99) as n)"
            " group by s.student_key"
        ).format(key_from(numbered)),
        {"id": student_source_id},
    ).fetchall()
    return {row["student_key"]: row["destroyed_at"] for row in rows}


def raw_tables() -> frozenset[Name]:
    """The raw tables that hold rows of people, by schema and name."""
    return frozenset(_raw_rows())


def tables_with_dead_rows(connection: Connection) -> list[Name]:
    """The tables of children in whose files rows lie that are not in force any more, once any
    child was destroyed."""
    rows = connection.execute(
        "select schemaname, relname from pg_catalog.pg_stat_user_tables where n_dead_tup > 0"
        " and exists (select from ops.destroyed_student) order by 1, 2"
    ).fetchall()
    ours = {*raw_tables(), *HELD_BY}
    found = [(row["schemaname"], row["relname"]) for row in rows]
    return [name for name in found if name in ours or name[1].startswith(tuple(KNOWN_BY))]


def _wait_for_the_night(connection: Connection) -> None:
    for family in sorted({contract.family for contract in load_contracts().values()}):
        one_load_of(connection, family)
    connection.execute("set local lock_timeout = 0")
    connection.execute("select pg_advisory_xact_lock(hashtext('wraparound.build'))")


def _list_past(connection: Connection, limit: datetime) -> int:
    """List who left, by id and key, with nothing changed since; returns how many children."""
    connection.execute(
        "create temp table leaver on commit drop as"
        " select x.student_source_id as id, k.student_key from ops.student_crosswalk as x"
        " inner join raw.roster__users as u on u.sourced_id = x.student_source_id"
        " cross join lateral (select x.student_key union select c.student_key"
        "  from ops.student_change as c where c.student_source_id = x.student_source_id) as k"
        " where u._deleted_at is not null and u._changed_at < %s",
        [limit],
    )
    for name, theirs in _raw_rows().items():
        if theirs.column is not None:
            connection.execute(
                sql.SQL(
                    "delete from pg_temp.leaver"
                    " where id in (select {} from {} where _changed_at >= {})"
                ).format(theirs.column, sql.Identifier(*name), sql.Literal(limit))
            )
    return len(_column(connection, "select distinct id from pg_temp.leaver"))


def _spare(connection: Connection, gone: Set[str]) -> None:
    """Strike out whom a legal hold spares, or a list that is kept still names."""
    held = legal_holds.in_force(connection)
    connection.execute(
        "delete from pg_temp.leaver where %s or id = any(%s)",
        [held.of_all, list(held.student_source_ids)],
    )
    for table in _release_tables(connection, beginning="rpt_", column=BY_KEY, gone=gone):
        connection.execute(
            sql.SQL(
                "delete from pg_temp.leaver where id in (select l.id from pg_temp.leaver as l"
                " inner join {} as r on r.student_key = l.student_key)"
            ).format(sql.Identifier("release", table))
        )


def _list_going(connection: Connection, limit: datetime) -> None:
    """The children, and adults of whom the roster told for the sake of such children alone."""
    connection.execute(
        "create temp table going on commit drop as select distinct id from pg_temp.leaver"
    )
    connection.execute(
        "with adult as (select u.sourced_id as id from raw.roster__users as u"
        "  left join raw.roster__roles as r on r.user_sourced_id = u.sourced_id"
        "  where u._deleted_at is not null and u._changed_at < %(limit)s"
        "  group by u.sourced_id, u.role"
        "  having coalesce(bool_and(r.role = any(%(roles)s)), true)"
        "   and coalesce(u.role = any(%(roles)s), count(r.role) > 0)),"
        " named as (select c.contact_sourced_id as id, c._student_source_id as student"
        "  from raw.roster__contact_associations as c"
        "  union all select a.id, u.sourced_id from raw.roster__users as u"
        "  cross join lateral unnest(u.agent_sourced_ids) as a(id))"
        " insert into pg_temp.going select a.id from adult as a where not exists ("
        "  select from named as n where n.id = a.id"
        "  and not exists (select from pg_temp.leaver as l where l.id = n.student))",
        {"limit": limit, "roles": GUARDIANS},
    )


@dataclass(frozen=True)
class _Theirs:
    """The rows of a raw table that are of people who go, and the column that says whose a row is;
    None where a row hangs on another that says it."""

    which: Sql
    column: sql.Identifier | None = None


@cache
def _raw_rows() -> dict[Name, _Theirs]:
    """The raw tables that hold rows of people, those that hang on others first."""
    found = {
        ("raw", contract.raw_name(name)): theirs
        for contract in load_contracts().values()
        for name, table in contract.tables.items()
        if (theirs := _theirs(contract, name, table)) is not None
    }
    return dict(sorted(found.items(), key=lambda item: item[1].column is not None))


def _theirs(contract: Contract, name: str, table: Table) -> _Theirs | None:
    if contract.raw_name(name) == "roster__users":
        return _of_people("sourced_id")
    if table.student:
        return _of_people("_student_source_id")
    for reference in table.references:
        column = table.raw_column(reference.column)
        if reference.many:
            continue
        if reference.table == "users":
            return _of_people(column)
        above = _contract_of(reference.table, family=contract.family)
        parent = above.tables[reference.table]
        theirs = None if parent is table else _theirs(above, reference.table, parent)
        if theirs is not None:
            which = sql.SQL("{} in (select {} from {} where {})").format(
                sql.Identifier(column),
                sql.Identifier(parent.raw_column(reference.to or parent.key[0])),
                sql.Identifier("raw", above.raw_name(reference.table)),
                theirs.which,
            )
            return _Theirs(which)
    return None


def _of_people(column: str) -> _Theirs:
    named = sql.Identifier(column)
    return _Theirs(sql.SQL("{} in (select id from pg_temp.going)").format(named), named)


def _contract_of(table: str, *, family: str) -> Contract:
    (found,) = (
        contract
        for contract in load_contracts().values()
        if contract.family == family and table in contract.tables
    )
    return found


def _rows_of_children(connection: Connection, gone: Set[str]) -> dict[Name, Sql]:
    """Of every table that is there, which rows go, in the order in which they may."""
    found = {name: theirs.which for name, theirs in _raw_rows().items()}
    for name, column in HELD_BY.items():
        found[name] = _of_leavers(column)
    for beginning, column in KNOWN_BY.items():
        for table in _release_tables(connection, beginning=beginning, column=column, gone=gone):
            found[("release", table)] = _of_leavers(column)
    return found


def _of_leavers(column: str) -> Sql:
    listed = sql.Identifier("student_key" if column == BY_KEY else "id")
    return sql.SQL("{} in (select {} from pg_temp.leaver)").format(sql.Identifier(column), listed)


def _release_tables(
    connection: Connection, *, beginning: str, column: str, gone: Set[str]
) -> list[str]:
    """The frozen tables of one kind that say by a column whose their rows are."""
    there = _column(
        connection,
        "select c.relname from pg_catalog.pg_class as c"
        " inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid"
        " where c.relnamespace = to_regnamespace('release') and c.relkind = 'r'"
        " and starts_with(c.relname, %s) and a.attname = %s order by 1",
        [beginning, column],
    )
    return [table for table in there if table not in gone]


def _column(
    connection: Connection, query: sql.Composed | LiteralString, values: list[str] | None = None
) -> list[Any]:
    return [next(iter(row.values())) for row in connection.execute(query, values).fetchall()]
