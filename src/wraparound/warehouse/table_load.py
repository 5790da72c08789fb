"""One file into one table: staged cells, judged, typed, resolved, de-duplicated.

Leaves behind, in temporary tables, `good` (typed rows to merge), `bad` (rows set aside) and
`bad_keys` (the keys of those, as text); writes the findings into the quarantine.
"""

from dataclasses import dataclass

from psycopg import sql

from wraparound.contracts.district import FeedProfile
from wraparound.contracts.models import Contract, Reference, Table
from wraparound.warehouse import references
from wraparound.warehouse.checks import ColumnCheck
from wraparound.warehouse.connection import Connection
from wraparound.warehouse.merging import ENDING_STATES
from wraparound.warehouse.raw_tables import key_columns
from wraparound.warehouse.staging import RaggedRow, keep_ragged

Sql = sql.Composable
CONTROL = "[\\x01-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]"


@dataclass(frozen=True)
class Judging:
    """What judging one file needs to know."""

    contract: Contract
    name: str
    table: Table
    profile: FeedProfile
    checks: list[ColumnCheck]
    arrival_id: int
    batch_id: int
    file_name: str


def judge(connection: Connection, judging: Judging, *, ragged: list[RaggedRow]) -> None:
    """Sort the staged rows into `good` and `bad`, each bad one with its findings."""
    _make_cells(connection, judging)
    _find_bad_cells(connection, judging)
    _set_ragged_aside(connection, judging, ragged)
    _make_good(connection, judging)
    _apply_rules(connection, judging)
    for reference in judging.table.references:
        if reference.column in _present(judging):
            _resolve_reference(connection, judging, reference)
    _refuse_unknown_people(connection, judging)
    _make_bad_keys(connection, judging)


def count_duplicates(connection: Connection, judging: Judging) -> int:
    """Drop repeated rows from `good`; of rows that differ under one key the last stays.

    The number of exact repeats comes back; the others are findings.
    """
    keys = sql.SQL(", ").join(map(sql.Identifier, key_columns(judging.table)))
    connection.execute("drop table if exists pg_temp.repeats")
    connection.execute(
        sql.SQL(
            "create temp table repeats on commit drop as"
            " select g._row, g._row_hash, last_row.r as kept from pg_temp.good as g inner join"
            " (select {keys}, max(_row) as r from pg_temp.good group by {keys}"
            "  having count(*) > 1) as last_row on {same} where g._row <> last_row.r"
        ).format(
            keys=keys,
            same=sql.SQL(" and ").join(
                sql.SQL("g.{0} is not distinct from last_row.{0}").format(sql.Identifier(c))
                for c in key_columns(judging.table)
            ),
        )
    )
    _record(
        connection,
        judging,
        column=None,
        rule="conflicting_duplicate",
        rows=sql.SQL(
            "select r._row from pg_temp.repeats as r inner join pg_temp.good as k"
            " on r.kept = k._row where r._row_hash <> k._row_hash"
        ),
    )
    exact = connection.execute(
        "select count(*) as n from pg_temp.repeats as r inner join pg_temp.good as k"
        " on r.kept = k._row where r._row_hash = k._row_hash"
    ).fetchone()
    connection.execute(
        "delete from pg_temp.good as g using pg_temp.repeats as r where g._row = r._row"
    )
    return int(exact["n"]) if exact else 0


def count_set_aside(connection: Connection) -> int:
    """The number of rows in `bad`."""
    row = connection.execute("select count(*) as n from pg_temp.bad").fetchone()
    return int(row["n"]) if row else 0


def _present(judging: Judging) -> set[str]:
    return {check.name for check in judging.checks}


def _make_cells(connection: Connection, judging: Judging) -> None:
    """A view of the staged cells under the contract's names: trimmed, blank as null."""
    connection.execute("drop view if exists pg_temp.cells")
    connection.execute(
        sql.SQL("create temp view cells as select s._row, {} from pg_temp.stage as s").format(
            sql.SQL(", ").join(
                sql.SQL("{} as {}").format(check.cell, sql.Identifier(check.raw))
                for check in judging.checks
            )
        )
    )


def _find_bad_cells(connection: Connection, judging: Judging) -> None:
    for name in ("bad", "flawed"):
        connection.execute(sql.SQL("drop table if exists pg_temp.{}").format(sql.Identifier(name)))
    connection.execute("create temp table bad (_row bigint primary key) on commit drop")
    problems = [(c, rule, bad) for c in judging.checks for rule, bad in c.problems]
    every_cell = sql.SQL(", ").join(sql.Identifier("t", c.raw) for c in judging.checks)
    control = sql.SQL("concat({}) ~ {}").format(every_cell, sql.Literal(CONTROL))
    any_problem = sql.SQL(" or ").join([*(bad for _, _, bad in problems), control])
    connection.execute(
        sql.SQL(
            "create temp table flawed on commit drop as"
            " select t.* from pg_temp.cells as t where {}"
        ).format(any_problem)
    )
    if not _any(connection, "flawed"):
        return
    for check, rule, bad in problems:
        _record(
            connection,
            judging,
            column=check.name,
            rule=rule,
            scope="row" if check.costs_row else "cell",
            rows=sql.SQL("select t._row from pg_temp.flawed as t where {}").format(bad),
        )
    for check in judging.checks:
        _record(
            connection,
            judging,
            column=check.name,
            rule="control_character",
            rows=sql.SQL("select t._row from pg_temp.flawed as t where t.{} ~ {}").format(
                sql.Identifier(check.raw), sql.Literal(CONTROL)
            ),
        )


def _set_ragged_aside(connection: Connection, judging: Judging, ragged: list[RaggedRow]) -> None:
    keep_ragged(connection, ragged, arrival_id=judging.arrival_id, file_name=judging.file_name)
    with connection.cursor() as cursor:
        cursor.executemany("insert into pg_temp.bad values (%s)", [[row] for row, _ in ragged])
        cursor.executemany(
            "insert into ops.quarantine (arrival_id, batch_id, feed, table_name, file_name,"
            " row_number, rule) values (%s, %s, %s, %s, %s, %s, 'ragged_row')",
            [
                [
                    judging.arrival_id,
                    judging.batch_id,
                    judging.contract.feed,
                    judging.name,
                    judging.file_name,
                    row,
                ]
                for row, _ in ragged
            ],
        )


def _make_good(connection: Connection, judging: Judging) -> None:
    connection.execute("drop table if exists pg_temp.good")
    typed = [sql.SQL("{} as {}").format(c.typed, sql.Identifier(c.raw)) for c in judging.checks]
    hashed = sql.SQL(", ").join(
        sql.Identifier("g", c.raw)
        for c in judging.checks
        if not judging.table.columns[c.name].volatile
    )
    ends: Sql = sql.SQL("false")
    if "status" in judging.table.columns and judging.contract.package == "oneroster":
        ends = sql.SQL("coalesce(g.status = any({}::text[]), false)").format(
            sql.Literal(list(ENDING_STATES))
        )
    people = _people(judging)
    for what, _, meaning in people:
        _make_lookup(connection, what=what, meaning=meaning)
    connection.execute(
        sql.SQL(
            "create temp table good on commit drop as select g.*, {extra}"
            " hash_record_extended(row({hashed}), 0) as _row_hash, {ends} as _ends from"
            " (select t._row, {typed} from pg_temp.cells as t"
            "  where not exists (select 1 from pg_temp.bad as b where b._row = t._row)) as g"
            " {joins}"
        ).format(
            extra=sql.SQL("").join(
                sql.SQL("{}.source_id as {}, ").format(
                    sql.Identifier(f"{what}_ids"), sql.Identifier(f"_{what}_source_id")
                )
                for what, _, _ in people
            ),
            joins=sql.SQL(" ").join(
                sql.SQL("left join pg_temp.{0} on {0}.id = g.{1}").format(
                    sql.Identifier(f"{what}_ids"), sql.Identifier(raw)
                )
                for what, raw, _ in people
            ),
            hashed=hashed,
            ends=ends,
            typed=sql.SQL(", ").join(typed),
        )
    )
    connection.execute("analyze pg_temp.good")


def _apply_rules(connection: Connection, judging: Judging) -> None:
    for rule in judging.table.rules:
        rows = sql.SQL("select _row from pg_temp.good where not coalesce({}, true)").format(
            sql.SQL(rule.check)
        )
        if _record(connection, judging, column=rule.column, rule=rule.id, rows=rows):
            _drop_bad(connection)


def _resolve_reference(connection: Connection, judging: Judging, reference: Reference) -> None:
    column = sql.Identifier(judging.table.raw_column(reference.column))
    known = references.known_keys(judging.table, reference, contract=judging.contract)
    if reference.many:
        _resolve_many(connection, judging, reference, column=column, known=known)
        return
    rows = sql.SQL(
        "select g._row from pg_temp.good as g where g.{column} is not null"
        " and not exists (select 1 from ({known}) as p where p.k = g.{column})"
    ).format(column=column, known=known)
    found = _record(
        connection,
        judging,
        column=reference.column,
        rule="reference_missing",
        scope=reference.on_missing,
        rows=rows,
    )
    if found and reference.on_missing == "row":
        _drop_bad(connection)
    elif found:
        connection.execute(
            sql.SQL("update pg_temp.good set {} = null where _row in ({})").format(column, rows)
        )


def _resolve_many(
    connection: Connection, judging: Judging, reference: Reference, *, column: Sql, known: Sql
) -> None:
    """A list keeps the ids that resolve; each row that loses one is a finding."""
    kept = sql.SQL(
        "array(select e from unnest(g.{}) with ordinality as u(e, n)"
        " where e in (select k from ({}) as p) order by n)"
    ).format(column, known)
    rows = sql.SQL(
        "select g._row from pg_temp.good as g where exists (select 1 from unnest(g.{}) as e"
        " where e not in (select k from ({}) as p where k is not null))"
    ).format(column, known)
    if _record(
        connection,
        judging,
        column=reference.column,
        rule="reference_missing",
        scope="cell",
        rows=rows,
    ):
        connection.execute(
            sql.SQL("update pg_temp.good as g set {} = {} where _row in ({})").format(
                column, kept, rows
            )
        )


def _people(judging: Judging) -> list[tuple[str, str, str]]:
    """(student or school, the column that names them, which roster field that means)."""
    named = (("school", judging.table.school), ("student", judging.table.student))
    return [
        (
            what,
            judging.table.raw_column(column),
            getattr(judging.profile, f"{what}_id") or references.DEFAULT_MEANING,
        )
        for what, column in named
        if column is not None
    ]


def _make_lookup(connection: Connection, *, what: str, meaning: str) -> None:
    lookup = (references.student_lookup if what == "student" else references.school_lookup)(
        meaning
    )
    name = sql.Identifier(f"{what}_ids")
    connection.execute(sql.SQL("drop table if exists pg_temp.{}").format(name))
    connection.execute(sql.SQL("create temp table {} on commit drop as {}").format(name, lookup))
    connection.execute(sql.SQL("analyze pg_temp.{}").format(name))


def _refuse_unknown_people(connection: Connection, judging: Judging) -> None:
    for what, raw, meaning in _people(judging):
        references.refuse_wrong_meaning(
            connection,
            column=raw,
            what=what,
            meaning=meaning,
            feed=judging.contract.feed,
            file_name=judging.file_name,
        )
        rows = sql.SQL("select _row from pg_temp.good where {} is null and {} is not null").format(
            sql.Identifier(f"_{what}_source_id"), sql.Identifier(raw)
        )
        column = judging.table.student if what == "student" else judging.table.school
        if _record(connection, judging, column=column, rule=f"{what}_unknown", rows=rows):
            _drop_bad(connection)


def _make_bad_keys(connection: Connection, judging: Judging) -> None:
    """The keys of the rows set aside, read from their cells as far as they can be."""
    connection.execute("drop table if exists pg_temp.bad_keys")
    columns = key_columns(judging.table)
    whole = sql.SQL(" and ").join(
        sql.SQL("c.{} is not null").format(sql.Identifier(judging.table.raw_column(name)))
        for name in judging.table.key
        if judging.table.columns[name].required
    )
    connection.execute(
        sql.SQL(
            "create temp table bad_keys on commit drop as select b._row,"
            " case when {whole} then concat_ws(chr(31), {parts}) end as key_text"
            " from pg_temp.bad as b left join pg_temp.cells as c on b._row = c._row"
        ).format(
            whole=whole,
            parts=sql.SQL(", ").join(
                sql.SQL("coalesce(c.{}, '')").format(sql.Identifier(c)) for c in columns
            ),
        )
    )


def any_key_unreadable(connection: Connection) -> bool:
    """Whether a row was set aside of which nobody can say whose it was."""
    row = connection.execute(
        "select exists (select 1 from pg_temp.bad_keys where key_text is null) as it"
    ).fetchone()
    return bool(row and row["it"])


def _record(
    connection: Connection,
    judging: Judging,
    *,
    column: str | None,
    rule: str,
    rows: Sql,
    scope: str = "row",
) -> int:
    """Write one finding per row of a query, keep the lines, and set the rows aside."""
    written = connection.execute(
        sql.SQL(
            "insert into ops.quarantine (arrival_id, batch_id, feed, table_name, file_name,"
            " row_number, column_name, rule, scope)"
            " select {arrival}, {batch}, {feed}, {name}, {file}, q._row, {column}, {rule}, {scope}"
            " from ({rows}) as q"
        ).format(
            arrival=sql.Literal(judging.arrival_id),
            batch=sql.Literal(judging.batch_id),
            feed=sql.Literal(judging.contract.feed),
            name=sql.Literal(judging.name),
            file=sql.Literal(judging.file_name),
            column=sql.Literal(column),
            rule=sql.Literal(rule),
            scope=sql.Literal(scope),
            rows=rows,
        )
    ).rowcount
    if written:
        _keep_lines(connection, judging, rows=rows)
        if scope == "row":
            connection.execute(
                sql.SQL("insert into pg_temp.bad {} on conflict do nothing").format(rows)
            )
    return written


def _keep_lines(connection: Connection, judging: Judging, *, rows: Sql) -> None:
    connection.execute(
        sql.SQL(
            "insert into restricted.quarantine_line (arrival_id, file_name, row_number, cells)"
            " select {}, {}, s._row, to_jsonb(s) - '_row' from pg_temp.stage as s"
            " where s._row in ({}) on conflict do nothing"
        ).format(sql.Literal(judging.arrival_id), sql.Literal(judging.file_name), rows)
    )


def _drop_bad(connection: Connection) -> None:
    connection.execute(
        "delete from pg_temp.good as g using pg_temp.bad as b where g._row = b._row"
    )


def _any(connection: Connection, relation: str) -> bool:
    row = connection.execute(
        sql.SQL("select exists (select 1 from pg_temp.{}) as it").format(sql.Identifier(relation))
    ).fetchone()
    return bool(row and row["it"])
