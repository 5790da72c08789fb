"""How one column's text is judged and typed, as SQL over the staged cells."""

import csv
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from wraparound.contracts.district import DateOrder, FeedProfile, TableProfile
from wraparound.contracts.models import SQL_TYPES, Column, Table
from wraparound.errors import SettingsWrong

Sql = sql.Composable
DATE_PATTERNS = {
    "MDY": r"^\d{1,2}[/.-]\d{1,2}[/.-]\d{4}$",
    "DMY": r"^\d{1,2}[/.-]\d{1,2}[/.-]\d{4}$",
}


@dataclass(frozen=True)
class ColumnCheck:
    """SQL for one column.

    `cell` is its text over the staged row `s`; `typed` and the problems, each (rule, expression
    true when bad), speak of that text as column `raw` of a row `t`.
    """

    name: str
    raw: str
    cell: Sql
    typed: Sql
    problems: tuple[tuple[str, Sql], ...]
    costs_row: bool


def column_checks(
    table: Table, *, have: set[str], profile: FeedProfile, shape: TableProfile, seeds: Path
) -> list[ColumnCheck]:
    """The checks of every loaded column, in the contract's order."""
    return [
        _column_check(
            name,
            column,
            raw=table.raw_column(name),
            staged=_cell(name, column, raw=table.raw_column(name), have=have, shape=shape),
            profile=profile,
            seeds=seeds,
        )
        for name, column in table.loaded.items()
    ]


def _cell(name: str, column: Column, *, raw: str, have: set[str], shape: TableProfile) -> Sql:
    """The cell as text: trimmed, blank as null, the sender's codes as ours."""
    if name not in have:
        return (
            sql.Literal(shape.constants[name])
            if name in shape.constants
            else sql.SQL("null::text")
        )
    text: Sql = sql.SQL("nullif(btrim(s.{}), '')").format(sql.Identifier(raw))
    if column.type == "descriptor":
        # uri://ed-fi.org/AttendanceEventCategoryDescriptor#Tardy -> Tardy
        text = sql.SQL(
            "split_part({}, '#', case when strpos({}, '#') > 0 then 2 else 1 end)"
        ).format(text, text)
        text = sql.SQL("nullif({}, '')").format(text)
    codes = shape.codes.get(name)
    if codes:
        whens = sql.SQL(" ").join(
            sql.SQL("when {} then {}").format(sql.Literal(theirs), sql.Literal(ours))
            for theirs, ours in codes.items()
        )
        text = sql.SQL("case {} {} else {} end").format(text, whens, text)
    return text


def _column_check(
    name: str, column: Column, *, raw: str, staged: Sql, profile: FeedProfile, seeds: Path
) -> ColumnCheck:
    cell = sql.SQL("t.{}").format(sql.Identifier(raw))
    bad, typed = _typing(column, cell=cell, profile=profile)
    problems: list[tuple[str, Sql]] = []
    if column.required:
        problems.append(("required_value_missing", sql.SQL("{} is null").format(cell)))
    if bad is not None:
        problems.append((f"not_a_{_word(column)}", bad))
    codes = _codes(column, seeds=seeds)
    if codes:
        known: Sql = sql.SQL("{} = any({}::text[])").format(typed, sql.Literal(list(codes)))
        if column.extensible:
            known = sql.SQL("({} or starts_with({}, 'ext:'))").format(known, typed)
        problems.append(("unknown_code", sql.SQL("not {}").format(known)))
    problems += _range_problems(column, cell=cell, typed=typed, bad=bad)
    if problems and bad is not None:
        # A value is only cast where it can be.
        typed = sql.SQL("case when not coalesce({}, false) then {} end").format(bad, typed)
    return ColumnCheck(
        name,
        raw,
        staged,
        typed,
        tuple(problems),
        costs_row=column.on_bad == "row" or column.required,
    )


def _word(column: Column) -> str:
    return {"id": "n_id", "integer": "n_integer", "decimal": "number"}.get(
        column.type, column.type
    )


def _typing(column: Column, *, cell: Sql, profile: FeedProfile) -> tuple[Sql | None, Sql]:
    """(true when the cell cannot be read as its type, the typed value)."""
    kind = column.type
    if kind in ("text", "descriptor"):
        return None, cell
    if kind == "id":
        return sql.SQL("length({}) > 255").format(cell), cell
    if kind == "list":
        return None, sql.SQL(
            "array_remove(array(select btrim(e) from unnest(string_to_array({}, ',')) as e), '')"
        ).format(cell)
    if kind == "code":
        return None, _code(column, cell=cell, tolerant=profile.strictness == "tolerant")
    if kind == "date":
        return _date_bad(cell, order=profile.date_order), sql.SQL("{}::date").format(cell)
    if kind == "year":
        pattern = r"^\d{4}(-\d{2,4})?$" if profile.strictness == "tolerant" else r"^\d{4}$"
        # 2025-2026 and 2025-26 both mean the year that ends in 2026.
        year = sql.SQL(
            "case when length({0}) = 4 then {0}::integer else left({0}, 4)::integer + 1 end"
        )
        return sql.SQL("{} !~ {}").format(cell, sql.Literal(pattern)), year.format(cell)
    if kind == "boolean":
        words = ["true", "false"] + (
            ["1", "0", "yes", "no", "y", "n", "t", "f"] * (profile.strictness == "tolerant")
        )
        return (
            sql.SQL("lower({}) <> all({}::text[])").format(cell, sql.Literal(words)),
            sql.SQL("{}::boolean").format(cell),
        )
    valid = sql.SQL("not pg_input_is_valid({}, {})").format(cell, sql.Literal(SQL_TYPES[kind]))
    if kind == "decimal":
        valid = sql.SQL("({} or {} ~* 'nan|inf|_|0x|0o|0b')").format(valid, cell)
    if kind == "timestamp":
        valid = sql.SQL("({} or {} !~ '^\\d{{4}}-\\d{{2}}-\\d{{2}}')").format(valid, cell)
    return valid, sql.SQL("{}::{}").format(cell, sql.SQL(SQL_TYPES[kind]))


def _code(column: Column, *, cell: Sql, tolerant: bool) -> Sql:
    """The code as the contract spells it; in tolerant reading letter case does not matter."""
    if not tolerant or not column.codes:
        return cell
    lowered = {code.lower(): code for code in column.codes}
    if all(lower == code for lower, code in lowered.items()):
        return sql.SQL(
            "case when lower({0}) = any({1}::text[]) then lower({0}) else {0} end"
        ).format(cell, sql.Literal(list(lowered)))
    whens = sql.SQL(" ").join(
        sql.SQL("when {} then {}").format(sql.Literal(lower), sql.Literal(code))
        for lower, code in lowered.items()
    )
    return sql.SQL("case lower({0}) {1} else {0} end").format(cell, whens)


def _date_bad(cell: Sql, *, order: DateOrder) -> Sql:
    if order == "YMD":
        # Cheaper than a pattern; keeps out 'today', 'infinity' and spelt-out months.
        shape: Sql = sql.SQL(
            "length({0}) <> 10 or substr({0}, 5, 1) <> '-' or substr({0}, 8, 1) <> '-'"
        ).format(cell)
    else:
        shape = sql.SQL("{} !~ {}").format(cell, sql.Literal(DATE_PATTERNS[order]))
    return sql.SQL("({} or not pg_input_is_valid({}, 'date'))").format(shape, cell)


def _range_problems(
    column: Column, *, cell: Sql, typed: Sql, bad: Sql | None
) -> list[tuple[str, Sql]]:
    bounds = [("<", column.minimum), (">", column.maximum)]
    tests = [
        sql.SQL("{} {} {}").format(typed, sql.SQL(sign), sql.Literal(bound))
        for sign, bound in bounds
        if bound is not None
    ]
    if not tests:
        return []
    outside = sql.SQL(" or ").join(tests)
    readable = bad if bad is not None else sql.SQL("false")
    return [
        (
            "out_of_range",
            sql.SQL("case when {} is null or {} then false else {} end").format(
                cell, readable, outside
            ),
        )
    ]


def _codes(column: Column, *, seeds: Path) -> tuple[str, ...]:
    if column.codes_from is None:
        return column.codes
    path = seeds / f"{column.codes_from}.csv"
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = csv.reader(stream)
            next(rows)
            return tuple(row[0] for row in rows if row)
    except (OSError, StopIteration) as exc:
        raise SettingsWrong(
            f"The code map {path.name} is missing from the seeds, or is empty. Its first column "
            "lists the codes."
        ) from exc
