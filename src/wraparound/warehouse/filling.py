"""The first rows of a table: put in at once, the key built after them.

Of a file whose rows stand for themselves, the rows without any flaw go from the staged text
straight into the table; only the others are judged rule by rule.
"""

from dataclasses import replace

from psycopg import sql

from wraparound.warehouse import table_load
from wraparound.warehouse.connection import Connection, avoiding
from wraparound.warehouse.findings import Judging
from wraparound.warehouse.merging import (
    STAMPED,
    Changes,
    Merge,
    hold,
    stamps,
    targets,
    values,
)
from wraparound.warehouse.raw_tables import indexed_key, key_columns, key_constraint

Sql = sql.Composable
# Below this, building the key anew costs more than it saves. A measure of the machine.
KEY_AFTER_ROWS = 5_000
NOTHING, TRUE = sql.SQL(""), sql.SQL("true")


def is_large_first(connection: Connection, merge: Merge, *, rows: int) -> bool:
    """Whether a table that never held anything is to be filled with many rows."""
    if rows < KEY_AFTER_ROWS or merge.is_replay or merge.follows or not merge.is_last:
        return False
    return (
        connection.execute(sql.SQL("select 1 from {} limit 1").format(merge.raw)).fetchone()
        is None
    )


def stands_alone(judging: Judging) -> bool:
    """Whether a row is judged by itself and the roster, whatever the other rows say; and nobody
    asks afterwards how the file was written, as OneRoster's leniencies do."""
    table, package = judging.table, judging.contract.package
    return not (table.rules or table.references or judging.lifted or package == "oneroster")


def take_plain(connection: Connection, judging: Judging, merge: Merge, *, rows: int) -> Merge:
    """Put those of the staged rows into the empty table that have no flaw; `stage` keeps the
    others. The table is without its key then, until `fill` has put in the rest."""
    connection.execute("drop table if exists pg_temp.stage_whole cascade")
    connection.execute("alter table pg_temp.stage rename to stage_whole")
    connection.execute("create temp table stage (like pg_temp.stage_whole) on commit drop")
    # By their places: the planner, which knows nothing of them yet, would read all a second time.
    with avoiding(connection, "enable_hashjoin", "enable_mergejoin"):
        others = connection.execute(_take_flawed(judging)).rowcount
    connection.execute("analyze pg_temp.stage")
    table_load.make_lookups(connection, judging, of_cells=False)
    _make_new(connection, merge)
    filled = connection.execute(_insert_plain(judging, merge)).rowcount
    if filled + others < rows:
        # Row by row, the planner would read what it has put in so far for each further one.
        with avoiding(connection, "enable_nestloop"):
            connection.execute(_add_unknown(judging))
    return replace(merge, filled=filled)


def _select(judging: Judging, what: Sql, *, where: Sql = TRUE, joins: Sql = NOTHING) -> Sql:
    """A query of all staged rows `s`, with their cells `t`."""
    return sql.SQL(
        "select {what} from pg_temp.stage_whole as s cross join lateral (select {cells}) as t"
        " {joins} where {where}"
    ).format(what=what, cells=table_load.cells(judging), joins=joins, where=where)


def _take_flawed(judging: Judging) -> sql.Composed:
    """The statement that moves the rows with a flaw into `stage`."""
    flawed = _select(judging, sql.SQL("s.ctid"), where=sql.SQL("not {}").format(is_plain(judging)))
    return sql.SQL(
        "with gone as (delete from pg_temp.stage_whole as s using ({}) as f where s.ctid = f.ctid"
        " returning s.*) insert into pg_temp.stage select * from gone"
    ).format(flawed)


def _insert_plain(judging: Judging, merge: Merge) -> sql.Composed:
    own: dict[str, Sql] = {check.raw: sql.Identifier("w", check.raw) for check in judging.checks}
    own |= {
        f"_{what}_source_id": sql.Identifier(f"{what}_ids", "source_id")
        for what, _, _ in table_load.people(judging)
    }
    own |= {
        "_row_hash": table_load.row_hash(judging, alias="w"),
        "_resource_id": sql.Identifier("w", "_resource_id"),
        "_extra": sql.Identifier("w", "_extra"),
    }
    typed = sql.SQL(", ").join(
        sql.SQL("{} as {}").format(check.value, sql.Identifier(check.raw))
        for check in judging.checks
    )
    # In a layer of its own, what is selected is cast once.
    plain = _select(judging, sql.SQL("t._resource_id, t._extra, {}").format(typed))
    return sql.SQL(
        "insert into {raw} ({columns}) select {own}, {stamps} from ({plain} offset 0) as w {joins}"
    ).format(
        raw=merge.raw,
        columns=sql.SQL(", ").join(map(sql.Identifier, [*own, *STAMPED])),
        own=sql.SQL(", ").join(own.values()),
        stamps=stamps(merge, ends=table_load.ends(judging)),
        plain=plain,
        joins=table_load.joined_people(judging, kind="inner", alias="w"),
    )


def _add_unknown(judging: Judging) -> sql.Composed:
    """The rows without a flaw that were not put in: they are about somebody unknown."""
    unknown = sql.SQL(" or ").join(
        sql.SQL("{}.id is null").format(sql.Identifier(f"{what}_ids"))
        for what, _, _ in table_load.people(judging)
    )
    return sql.SQL("insert into pg_temp.stage {}").format(
        _select(
            judging,
            sql.SQL("s.*"),
            joins=table_load.joined_people(judging, kind="left", alias="t"),
            where=unknown,
        )
    )


def is_plain(judging: Judging) -> Sql:
    """Whether a row `t` of the cells breaks no rule of one column; never null."""
    tests = [check.plain for check in judging.checks]
    tests += [sql.SQL("not {}").format(bad) for _, _, bad in table_load.character_tests(judging)]
    return sql.SQL("({})").format(sql.SQL(" and ").join(tests))


def fill(connection: Connection, merge: Merge) -> Changes:
    """Put the good rows into an empty table, or beside the plain ones, and build the key.

    Raises:
        psycopg.errors.UniqueViolation: the file repeats a key; nothing was done then.
    """
    with connection.transaction():
        if merge.filled is None:
            _make_new(connection, merge)
        created = connection.execute(
            sql.SQL("insert into {} ({}) select {} from pg_temp.good as g").format(
                merge.raw, targets(merge), values(merge)
            )
        ).rowcount
        connection.execute(
            sql.SQL("alter table {} add constraint {} unique nulls not distinct ({})").format(
                merge.raw,
                sql.Identifier(key_constraint(merge.contract.raw_name(merge.name))),
                sql.SQL(", ").join(map(sql.Identifier, indexed_key(merge.table))),
            )
        )
    # What a load asks of the table. The rest is for the build, which analyzes before it begins.
    standing = ("_held", "_deleted_at", "_effective_at")
    named = dict.fromkeys([*key_columns(merge.table), *merge.holding, *standing])
    connection.execute(
        sql.SQL("analyze {} ({})").format(
            merge.raw, sql.SQL(", ").join(map(sql.Identifier, named))
        )
    )
    hold(connection, merge)
    return Changes(created=created + (merge.filled or 0))


def _make_new(connection: Connection, merge: Merge) -> None:
    """Take the key from an empty table, and make its file new: a server that streams to nobody
    (`wal_level` minimal) then logs none of the rows that this transaction puts in."""
    connection.execute(sql.SQL("truncate {}").format(merge.raw))
    connection.execute(
        sql.SQL("alter table {} drop constraint {}").format(
            merge.raw, sql.Identifier(key_constraint(merge.contract.raw_name(merge.name)))
        )
    )
