"""One file into one table: staged cells, judged, typed, resolved, de-duplicated.

Leaves behind, in temporary tables, `good` (typed rows to merge) and `bad` (of the rows set
aside, which records they speak of); writes the findings into the quarantine.
"""

from typing import Any

from psycopg import sql

from wraparound.contracts.models import Reference, Rule
from wraparound.warehouse import references
from wraparound.warehouse.connection import Connection
from wraparound.warehouse.findings import (
    Judging,
    keep_lines,
    move_flawed,
    move_to_bad,
    note,
    note_ragged,
    set_aside,
    tell,
)
from wraparound.warehouse.mapping import Notice
from wraparound.warehouse.merging import ENDING_STATES
from wraparound.warehouse.raw_tables import column_types, key_columns
from wraparound.warehouse.scratch import make_table, make_view
from wraparound.warehouse.staging import RaggedRow

Sql = sql.Composable
CONTROL = "[\\x01-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]"
LINE_BREAK = "[\\n\\r]"
EMPTY = sql.SQL("null")
# Of fewer rows whom they are about is looked up one by one. A measure of the machine.
FEW_ROWS = 2_000


def judge(connection: Connection, judging: Judging, *, ragged: list[RaggedRow]) -> None:
    """Sort the staged rows into `good` and `bad`, each bad one with its findings."""
    read_only(connection, judging)
    make_bad(connection, judging)
    note_ragged(connection, judging, ragged)
    _find_bad_cells(connection, judging)
    _apply_rules(connection, judging, costly=True)
    for reference in judging.table.references:
        _resolve_reference(connection, judging, reference)
    _apply_rules(connection, judging, costly=False)
    _refuse_unknown_people(connection, judging)


def read_only(connection: Connection, judging: Judging) -> None:
    """Type the staged rows into `good`, whatever they are: nothing is noted."""
    _make_cells(connection, judging)
    make_lookups(connection, judging, of_cells=judging.rows < FEW_ROWS)
    _make_good(connection, judging)


def keep_noted(connection: Connection, judging: Judging) -> None:
    """Keep the lines of every row that was noted; after the last finding."""
    if _exists(connection, sql.SQL("select 1 from pg_temp.noted")):
        keep_lines(connection, judging)


def let_in(connection: Connection, judging: Judging) -> list[Notice]:
    """What was let in although it breaks rules, because a person lifted them; in counts."""
    broken: list[tuple[str, str, Sql]] = [
        (check.name, rule, sql.SQL("select 1 from pg_temp.good as g where {}").format(test))
        for check in judging.checks
        for rule, test in check.let_in
    ]
    broken += [
        (rule.column, rule.id, _rows_breaking(rule))
        for rule in judging.table.rules
        if rule.id in judging.lifted
    ]
    notices = []
    for column, rule, rows in broken:
        row = connection.execute(
            sql.SQL("select count(*) as n from ({}) as q").format(rows)
        ).fetchone()
        if row and row["n"]:
            notices.append(Notice("let_in", judging.name, f"{column}: {rule}", row["n"]))
    return notices


def count_set_aside(connection: Connection) -> int:
    """The number of rows in `bad`, and of those that lost to another row of the file."""
    row = connection.execute(
        "select (select count(*) from pg_temp.bad) + (select count(*) from pg_temp.outdone) as n"
    ).fetchone()
    return int(row["n"]) if row else 0


def any_key_unreadable(connection: Connection, judging: Judging) -> bool:
    """Whether a row was set aside of which nobody can say what it speaks of."""
    row = connection.execute(
        sql.SQL(
            "select exists"
            " (select 1 from pg_temp.bad as b where {} and b._left_out is not true) as it"
        ).format(judging.is_unreadable("b"))
    ).fetchone()
    return bool(row and row["it"])


def _make_cells(connection: Connection, judging: Judging) -> None:
    """A view of the cells of the staged rows."""
    make_view(
        connection, "cells", sql.SQL("select {} from pg_temp.stage as s").format(cells(judging))
    )


def cells(judging: Judging) -> Sql:
    """The cells of a staged row `s` under the contract's names: trimmed, blank as null."""
    resource = "s._resource_id" if judging.has_resource_ids else "null::text as _resource_id"
    own = [
        sql.SQL("{} as {}").format(check.cell, sql.Identifier(check.raw))
        for check in judging.checks
    ]
    return sql.SQL(", ").join(
        [
            sql.SQL("s._row"),
            sql.SQL("{} as _extra").format(judging.extra),
            sql.SQL(resource),
            *own,
        ]
    )


def _make_good(connection: Connection, judging: Judging) -> None:
    """Type, flag, hash and resolve every row in one pass; the layers keep each value once."""
    make_table(
        connection,
        "good",
        sql.SQL(
            "select w.*,{people} {hash} as _row_hash, {ends} as _ends"
            " from (select v._row, v._resource_id, v._extra, {kept}, {flaw} as _flaw"
            "  from (select t._row, t._resource_id, t._extra, {typed}"
            "   from (select * from pg_temp.cells offset 0) as t"
            "   offset 0) as v offset 0) as w {joins}"
        ).format(
            people=sql.SQL("").join(
                sql.SQL(" {}.source_id as {},").format(
                    sql.Identifier(f"{what}_ids"), sql.Identifier(f"_{what}_source_id")
                )
                for what, _, _ in people(judging)
            ),
            hash=row_hash(judging, alias="w"),
            ends=ends(judging),
            kept=_kept(judging),
            flaw=_flaw(judging),
            typed=_typed(judging),
            joins=joined_people(judging, kind="left", alias="w"),
        ),
    )
    connection.execute(
        sql.SQL("analyze pg_temp.good ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, _joined_by(judging)))
        )
    )


def _joined_by(judging: Judging) -> list[str]:
    """The columns of `good` by which rows are looked for: of these the planner has to know."""
    table = judging.table
    named = [table.raw_column(reference.column) for reference in table.references]
    return list(dict.fromkeys(["_row", *key_columns(table), *judging.holding, *named]))


def _typed(judging: Judging) -> Sql:
    """Each column's value, and beside it the text where a cell may be bad alone."""
    columns = []
    for check in judging.checks:
        columns.append(sql.SQL("{} as {}").format(check.typed, sql.Identifier(check.raw)))
        if check.flaw is not None:
            text = sql.SQL("t.{} as {}").format(
                sql.Identifier(check.raw), sql.Identifier(check.seen)
            )
            columns.append(text)
    return sql.SQL(", ").join(columns)


def _kept(judging: Judging) -> Sql:
    """The values: a bad cell that does not cost its row is null."""
    return sql.SQL(", ").join(
        sql.SQL("v.{}").format(sql.Identifier(check.raw))
        if check.costs_row or check.flaw is None
        else sql.SQL("case when not {} then v.{} end as {}").format(
            check.flaw, sql.Identifier(check.raw), sql.Identifier(check.raw)
        )
        for check in judging.checks
    )


def _flaw(judging: Judging) -> Sql:
    flaws = [check.flaw for check in judging.checks if check.flaw is not None]
    return sql.SQL("({})").format(sql.SQL(" or ").join(flaws)) if flaws else sql.SQL("false")


def row_hash(judging: Judging, *, alias: str) -> Sql:
    """One number of what a typed row says, without the columns that change by themselves."""
    said = sql.SQL(", ").join(
        sql.Identifier(alias, check.raw)
        for check in judging.checks
        if not judging.table.columns[check.name].volatile
    )
    return sql.SQL("hash_record_extended(row({}), 0)").format(said)


def ends(judging: Judging) -> Sql:
    """Whether a typed row `w` says of its record that it has ended."""
    if "status" in judging.table.columns and judging.contract.package == "oneroster":
        return sql.SQL("coalesce(w.status = any({}::text[]), false)").format(
            sql.Literal(list(ENDING_STATES))
        )
    return sql.SQL("false")


def make_bad(connection: Connection, judging: Judging) -> None:
    """Empty tables for what is set aside."""
    types = column_types(judging.table)
    held = sql.SQL(", ").join(
        sql.SQL("null::{} as {}").format(sql.SQL(types[column]), sql.Identifier(column))
        for column in judging.holding
    )
    none = sql.SQL(
        "select 0::bigint as _row, false as _waits, {}, false as _left_out where false"
    ).format(held)
    make_table(connection, "bad", none)
    make_table(connection, "outdone", none)
    make_table(connection, "noted", sql.SQL("select 0::bigint as _row where false"))


def _find_bad_cells(connection: Connection, judging: Judging) -> None:
    """Say of every flawed row which cells break which rules."""
    tests = [(c, rule, bad) for c in judging.checks for rule, bad in c.problems]
    flawed: Sql = sql.SQL("select g._row from pg_temp.good as g where g._flaw")
    characters = character_tests(judging)
    if characters:
        tests += characters
        rows = sql.SQL(" or ").join(bad for _, _, bad in characters)
        flawed = sql.SQL("{} union select t._row from pg_temp.cells as t where {}").format(
            flawed, rows
        )
    if not _exists(connection, flawed):
        return
    make_table(
        connection,
        "flawed",
        sql.SQL(
            "select t.* from pg_temp.cells as t inner join ({}) as f on t._row = f._row"
        ).format(flawed),
    )
    for check, rule, bad in tests:
        rows = sql.SQL("select t._row from pg_temp.flawed as t where {}").format(bad)
        scope = "row" if check.costs_row or rule in CHARACTER_RULES else "cell"
        note(connection, judging, column=check.name, rule=rule, scope=scope, rows=rows)
    if not characters and all(c.costs_row for c in judging.checks if c.flaw is not None):
        move_flawed(connection, judging)
        return
    costly = [b for c, rule, b in tests if c.costs_row or rule in CHARACTER_RULES]
    if costly:
        rows = sql.SQL("select t._row from pg_temp.flawed as t where {}").format(
            sql.SQL(" or ").join(costly)
        )
        move_to_bad(connection, judging, rows=rows)


CHARACTER_RULES = {"control_character": CONTROL, "line_break_in_field": LINE_BREAK}


def character_tests(judging: Judging) -> list[tuple[Any, str, Sql]]:
    """Tests of single characters, where the bytes of the file gave reason for them."""
    wanted = {"control_character": judging.has_control}
    breaks = judging.has_line_breaks and "line_break_in_field" not in judging.lifted
    wanted["line_break_in_field"] = breaks
    return [
        (
            check,
            rule,
            sql.SQL("coalesce(t.{} ~ {}, false)").format(
                sql.Identifier(check.raw), sql.Literal(CHARACTER_RULES[rule])
            ),
        )
        for rule, is_wanted in wanted.items()
        if is_wanted
        for check in judging.checks
        if rule == "control_character" or not judging.table.columns[check.name].multiline
    ]


def _apply_rules(connection: Connection, judging: Judging, *, costly: bool) -> None:
    """Set aside what breaks a rule that costs the row; or tell of what costs less."""
    for rule in judging.table.rules:
        if (rule.costs == "row") != costly or rule.id in judging.lifted:
            continue
        # A column that is not there was told once, and says nothing of a single row.
        if rule.costs == "nothing" and rule.column not in judging.have:
            continue
        rows = _rows_breaking(rule)
        if costly:
            set_aside(connection, judging, column=rule.column, rule=rule.id, rows=rows)
        elif rule.costs == "cell":
            _empty_cells(connection, judging, column=rule.column, rule=rule.id, rows=rows)
        else:
            tell(connection, judging, column=rule.column, rule=rule.id, rows=rows)


def _rows_breaking(rule: Rule) -> Sql:
    if rule.breaks is not None:
        return sql.SQL("select g._row from pg_temp.good as g where {}").format(
            sql.SQL(rule.breaks)
        )
    return sql.SQL("select g._row from pg_temp.good as g where not coalesce({}, true)").format(
        sql.SQL(rule.check or "true")
    )


def _empty_cells(
    connection: Connection,
    judging: Judging,
    *,
    column: str,
    rule: str,
    rows: Sql,
    value: Sql = EMPTY,
) -> None:
    """Note the rows of a query, and put a value, or nothing, into one cell of each."""
    # Kept first: what is emptied may be what the query asks for.
    make_table(connection, "emptied", rows)
    found = sql.SQL("select _row from pg_temp.emptied")
    if not note(connection, judging, column=column, rule=rule, scope="cell", rows=found):
        return
    name = sql.Identifier(judging.table.raw_column(column))
    for change in (
        sql.SQL("{} = {}").format(name, value),
        # The row is another now than the one that was sent, and must differ from it in force.
        sql.SQL("_row_hash = {}").format(row_hash(judging, alias="g")),
    ):
        connection.execute(
            sql.SQL("update pg_temp.good as g set {} where _row in ({})").format(change, found)
        )


def _resolve_reference(connection: Connection, judging: Judging, reference: Reference) -> None:
    column = sql.Identifier(judging.table.raw_column(reference.column))
    known = references.known_keys(judging.table, reference, contract=judging.contract)
    if reference.many:
        _resolve_many(connection, judging, reference, column=column, known=known)
        return
    rows = sql.SQL(
        # What ends needs nothing to refer to: the file that ends a child ends its enrollments.
        "select g._row from pg_temp.good as g where g.{column} is not null and not g._ends"
        " and not exists (select 1 from ({known}) as p where p.k = g.{column})"
    ).format(column=column, known=known)
    name, rule = reference.column, "reference_missing"
    if reference.on_missing == "row":
        set_aside(connection, judging, column=name, rule=rule, rows=rows)
    else:
        _empty_cells(connection, judging, column=name, rule=rule, rows=rows)


def _resolve_many(
    connection: Connection, judging: Judging, reference: Reference, *, column: Sql, known: Sql
) -> None:
    """A list keeps the ids that resolve; each row that loses one is a finding."""
    kept = sql.SQL(
        "array(select e from unnest(g.{}) with ordinality as u(e, n)"
        " where e in (select k from ({}) as p) order by n)"
    ).format(column, known)
    rows = sql.SQL(
        "select g._row from pg_temp.good as g where not g._ends"
        " and exists (select 1 from unnest(g.{}) as e"
        " where e not in (select k from ({}) as p where k is not null))"
    ).format(column, known)
    _empty_cells(
        connection,
        judging,
        column=reference.column,
        rule="reference_missing",
        rows=rows,
        value=kept,
    )


def people(judging: Judging) -> list[tuple[str, str, str]]:
    """Whom a row is about: (student or school, the column that names them, which roster field
    that means)."""
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


def make_lookups(connection: Connection, judging: Judging, *, of_cells: bool) -> None:
    """List in temporary tables whom the roster knows by other ids than its own, which the sender
    uses; or only those `of_cells`."""
    for what, raw, meaning in people(judging):
        if meaning == references.DEFAULT_MEANING:
            continue
        named = sql.SQL("select {} from pg_temp.cells").format(sql.Identifier(raw))
        among = named if of_cells else None
        lookup = references.people_lookup(what, meaning, among=among)
        make_table(connection, f"{what}_ids", lookup)
        connection.execute(sql.SQL("analyze {}").format(sql.Identifier("pg_temp", f"{what}_ids")))


def joined_people(judging: Judging, *, kind: str, alias: str) -> Sql:
    """The joins of a row with whom it is about."""
    return sql.SQL(" ").join(
        sql.SQL("{kind} join {ids} as {name} on {name}.id = {row}.{raw}").format(
            kind=sql.SQL(kind),
            ids=references.people_ids(what, meaning),
            name=sql.Identifier(f"{what}_ids"),
            row=sql.Identifier(alias),
            raw=sql.Identifier(raw),
        )
        for what, raw, meaning in people(judging)
    )


def _refuse_unknown_people(connection: Connection, judging: Judging) -> None:
    for what, raw, meaning in people(judging):
        found = sql.SQL("select _row from pg_temp.good where {} is null and {} is not null")
        rows = found.format(sql.Identifier(f"_{what}_source_id"), sql.Identifier(raw))
        if not _exists(connection, rows):
            continue
        if not judging.is_replay:
            references.refuse_wrong_meaning(
                connection,
                ids=_ids(judging, raw),
                what=what,
                meaning=meaning,
                feed=judging.contract.feed,
                file_name=judging.file_name,
            )
        column = judging.table.student if what == "student" else judging.table.school
        set_aside(connection, judging, column=column, rule=f"{what}_unknown", rows=rows)


def _ids(judging: Judging, column: str) -> Sql:
    """What the file's rows say in a column of ids: the good ones, and those beside."""
    said = sql.SQL("select distinct {} as id from pg_temp.good").format(sql.Identifier(column))
    if judging.beside is None:
        return said
    return sql.SQL("{} union select {} from {}").format(
        said, sql.Identifier(column), judging.beside
    )


def drop_repeats(connection: Connection, judging: Judging) -> int:
    """Drop repeated rows from `good`; of rows that differ under one key the last stays.

    The number of exact repeats comes back; the others are findings.
    """
    keys = sql.SQL(", ").join(map(sql.Identifier, key_columns(judging.table)))
    repeated = make_table(
        connection,
        "repeated",
        sql.SQL(
            "select {keys}, max(_row) as _kept from pg_temp.good group by {keys}"
            " having count(*) > 1"
        ).format(keys=keys),
    )
    if not repeated:
        return 0
    make_table(
        connection,
        "repeats",
        sql.SQL(
            "select g._row, g._row_hash, m._kept from pg_temp.good as g"
            " inner join pg_temp.repeated as m on {same} where g._row <> m._kept"
        ).format(same=references.same_key(judging.table, "g", "m")),
    )
    rows = sql.SQL(
        "select r._row from pg_temp.repeats as r inner join pg_temp.good as k"
        " on r._kept = k._row where r._row_hash <> k._row_hash"
    )
    outdone = note(connection, judging, column=None, rule="conflicting_duplicate", rows=rows)
    connection.execute(
        sql.SQL(
            "insert into pg_temp.outdone select g._row, false, {} from pg_temp.good as g"
            " inner join ({}) as q on g._row = q._row"
        ).format(judging.held_by("g"), rows)
    )
    dropped = connection.execute(
        "delete from pg_temp.good as g using pg_temp.repeats as r where g._row = r._row"
    ).rowcount
    return dropped - outdone


def _exists(connection: Connection, rows: Sql) -> bool:
    row = connection.execute(sql.SQL("select exists ({}) as it").format(rows)).fetchone()
    return bool(row and row["it"])
