"""How one column's text is judged and typed, as SQL over the staged cells."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from wraparound.contracts.district import DateOrder, FeedProfile, LookUp, TableProfile
from wraparound.contracts.models import SQL_TYPES, Column, Contract, Table
from wraparound.errors import SettingsWrong
from wraparound.landing.csv_source import SPACES
from wraparound.warehouse.mapping import BY

Sql = sql.Composable
# OneRoster's limit of an id; four of them fit an index entry.
ID_BYTES_MAX = 255
# How a day is written in each order; what follows is the midnight of databases and spreadsheets,
# which tolerant reading takes for none.
DATE_PATTERNS = {
    "YMD": r"\d{4}-?\d{2}-?\d{2}",
    "MDY": r"\d{1,2}[/.-]\d{1,2}[/.-]\d{4}",
    # 13-Nov-26 is how databases and spreadsheets write a day; PostgreSQL reads 1970 to 2069.
    "DMY": r"\d{1,2}([/.-]\d{1,2}[/.-]\d{4}"
    r"|[ -](jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[ -]\d{2}(\d{2})?)",
}
MIDNIGHT = r"([ T]0?0:00(:00(\.0+)?)?| 12:00(:00)? ?AM)?"


@dataclass(frozen=True)
class ColumnCheck:
    """SQL for one column.

    `cell` is its text over the staged row `s`; `typed` and the problems, each (rule, expression
    true when bad), speak of that text as column `raw` of a row `t`. `plain` says, at the least
    cost, that a text has no problem; of some that have none it does not. `value` is `typed` of a
    plain text. `flaw` says whether there is any problem, from the typed value (`v.raw`) and the
    text (`v.seen`): what has a text and no value could not be read. `let_in` are rules that are
    lifted, with what breaks them in terms of the good row `g`.
    """

    name: str
    raw: str
    cell: Sql
    typed: Sql
    plain: Sql
    value: Sql
    problems: tuple[tuple[str, Sql], ...]
    flaw: Sql | None
    costs_row: bool
    let_in: tuple[tuple[str, Sql], ...] = ()

    @property
    def seen(self) -> str:
        """The name under which the text travels beside its value."""
        return f"~{self.raw}"


def column_checks(
    table: Table,
    *,
    contract: Contract,
    have: set[str],
    profile: FeedProfile,
    shape: TableProfile,
    seeds: Path,
    padded: bool = True,
    lifted: frozenset[str] = frozenset(),
) -> list[ColumnCheck]:
    """The checks of every loaded column, in the contract's order.

    Where no cell is `padded`, none is trimmed; COPY made blank ones null. A person may have
    `lifted` rules.
    """
    return [
        _column_check(
            name,
            column,
            raw=table.raw_column(name),
            staged=_cell(
                name,
                column,
                contract=contract,
                table=table,
                have=have,
                shape=shape,
                profile=profile,
                padded=padded,
            ),
            profile=profile,
            seeds=seeds,
            is_last_day=name in shape.last_days,
            lifted=lifted,
        )
        for name, column in table.loaded.items()
    ]


def _cell(
    name: str,
    column: Column,
    *,
    contract: Contract,
    table: Table,
    have: set[str],
    shape: TableProfile,
    profile: FeedProfile,
    padded: bool,
) -> Sql:
    """The cell as text: trimmed, blank as null, the sender's codes as ours."""
    if name in shape.look_ups and name in have:
        return _looked_up(shape.look_ups[name], table.raw_column(name), contract=contract)
    if name not in have:
        return (
            sql.Literal(shape.constants[name])
            if name in shape.constants
            else sql.SQL("null::text")
        )
    staged = sql.SQL("s.{}").format(sql.Identifier(table.raw_column(name)))
    text = _bare(staged, is_formula=profile.formula_text, padded=padded)
    text = _with_zeros(text, name, table=table, profile=profile)
    if column.type == "descriptor":
        # uri://ed-fi.org/AttendanceEventCategoryDescriptor#Tardy -> Tardy
        text = sql.SQL(
            # Not starts_with, which cuts off and copies what it compares.
            "case when {0} like 'uri://%' then nullif(split_part({0}, '#', 2), '') else {0} end"
        ).format(text)
    codes = {word: code for code, words in column.words.items() for word in words}
    codes |= shape.codes.get(name, {})
    blank = codes.pop("", None)
    if codes:
        text = _translated(text, codes, tolerant=profile.strictness == "tolerant")
    # Some systems write nothing for the commonest code of all.
    return sql.SQL("coalesce({}, {})").format(text, sql.Literal(blank)) if blank else text


def _bare(text: Sql, *, is_formula: bool, padded: bool) -> Sql:
    """The cell without what a spreadsheet or a printout put around it."""
    if is_formula:
        text = sql.SQL("regexp_replace(btrim({}, {}), '^=(?:\"(.*)\")?$', '\\1')").format(
            text, sql.Literal(SPACES)
        )
    if padded or is_formula:
        text = sql.SQL("nullif(btrim({}, {}), '')").format(text, sql.Literal(SPACES))
    return text


def _with_zeros(text: Sql, name: str, *, table: Table, profile: FeedProfile) -> Sql:
    """An id of fewer digits than the sender's ids have, with the zeros in front that are missing.

    One that holds anything but digits, or more of them, stays as it is.
    """
    digits = {table.student: profile.student_id_digits, table.school: profile.school_id_digits}
    if digits.get(name) is None:
        return text
    return sql.SQL(
        "case when {0} ~ '^[0-9]+$' and length({0}) < {1} then lpad({0}, {1}, '0') else {0} end"
    ).format(text, sql.Literal(digits[name]))


def _translated(text: Sql, codes: dict[str, str], *, tolerant: bool) -> Sql:
    """The sender's codes as ours; in tolerant reading in any letter case that is not ambiguous."""
    lowered = {theirs.lower(): ours for theirs, ours in codes.items()}
    if not tolerant or len(lowered) != len(codes):
        return _case(text, codes, otherwise=text)
    any_case = _case(sql.SQL("lower({})").format(text), lowered, otherwise=text)
    return _case(text, codes, otherwise=any_case)


def _case(value: Sql, codes: dict[str, str], *, otherwise: Sql) -> Sql:
    whens = sql.SQL(" ").join(
        sql.SQL("when {} then {}").format(sql.Literal(theirs), sql.Literal(ours))
        for theirs, ours in codes.items()
    )
    return sql.SQL("case {} {} else {} end").format(value, whens, otherwise)


def _looked_up(look_up: LookUp, raw: str, *, contract: Contract) -> Sql:
    """The value of another record, by the cell that names it."""
    table = contract.tables[look_up.table]
    return sql.SQL(
        "(select p.{} from raw.{} as p where p.{} = s.{} and p._deleted_at is null limit 1)::text"
    ).format(
        sql.Identifier(table.raw_column(look_up.column)),
        sql.Identifier(contract.raw_name(look_up.table)),
        sql.Identifier(table.raw_column(table.key[0])),
        sql.Identifier(f"{raw}{BY}"),
    )


def _column_check(
    name: str,
    column: Column,
    *,
    raw: str,
    staged: Sql,
    profile: FeedProfile,
    seeds: Path,
    is_last_day: bool,
    lifted: frozenset[str],
) -> ColumnCheck:
    cell = sql.SQL("t.{}").format(sql.Identifier(raw))
    codes = _codes(column, seeds=seeds)
    bad, typed = _typing(column, cell=cell, codes=codes, profile=profile)
    if is_last_day:
        # Theirs is the last day inside, ours the first day after it.
        typed = sql.SQL("({} + 1)").format(typed)
    outside = dict(_value_problems(column, codes=codes))
    good = sql.Identifier("g", raw)
    let_in = tuple((rule, outside.pop(rule)(good)) for rule in [*outside] if rule in lifted)
    if codes and bad is None and let_in:
        bad = _too_long(cell)
    value = cell if codes else typed
    if bad is not None:
        # A value is only cast where it can be.
        typed = sql.SQL("case when not ({}) then {} end").format(bad, typed)
    problems, flaws = _problems(column, raw=raw, typed=typed, bad=bad, outside=outside)
    return ColumnCheck(
        name,
        raw,
        staged,
        typed,
        _plain(column, cell=cell, value=value, codes=codes, bad=bad, outside=outside),
        value,
        tuple(problems),
        sql.SQL("({})").format(sql.SQL(" or ").join(flaws)) if flaws else None,
        costs_row=column.on_bad == "row" or column.required,
        let_in=let_in,
    )


def _plain(
    column: Column,
    *,
    cell: Sql,
    value: Sql,
    codes: tuple[str, ...],
    bad: Sql | None,
    outside: dict[str, Callable[[Sql], Sql]],
) -> Sql:
    """That a text has no problem; never null. A code must be spelt as the contract spells it."""
    tests = [test(value) for test in outside.values()]
    if codes:
        known = sql.SQL("{} = any({}::text[])").format(cell, sql.Literal(list(codes)))
        tests, bad = [], sql.SQL("not ({})").format(known)
    # A value is only cast where it can be: a case is evaluated in its order.
    cases = [sql.SQL("when {} then false").format(test) for test in [bad, *tests] if test]
    return sql.SQL("case when {} is null then {} {} else true end").format(
        cell, sql.Literal(not column.required), sql.SQL(" ").join(cases)
    )


def _problems(
    column: Column,
    *,
    raw: str,
    typed: Sql,
    bad: Sql | None,
    outside: dict[str, Callable[[Sql], Sql]],
) -> tuple[list[tuple[str, Sql]], list[Sql]]:
    """Each rule with its test over the cell, and the same tests at the least cost."""
    cell = sql.SQL("t.{}").format(sql.Identifier(raw))
    value, seen = sql.Identifier("v", raw), sql.Identifier("v", f"~{raw}")
    problems: list[tuple[str, Sql]] = []
    flaws: list[Sql] = []
    if column.required:
        problems.append(("required_value_missing", sql.SQL("{} is null").format(cell)))
        flaws.append(sql.SQL("{} is null").format(value))
    if bad is not None:
        problems.append((_unreadable(column), sql.SQL("coalesce({}, false)").format(bad)))
        flaws.append(sql.SQL("{} is not null and {} is null").format(seen, value))
    for rule, test in outside.items():
        problems.append((rule, sql.SQL("coalesce({}, false)").format(test(typed))))
        flaws.append(sql.SQL("coalesce({}, false)").format(test(value)))
    return problems, flaws


def _value_problems(
    column: Column, *, codes: tuple[str, ...]
) -> list[tuple[str, Callable[[Sql], Sql]]]:
    """(rule, from a value to the expression that it breaks the rule)."""
    problems: list[tuple[str, Callable[[Sql], Sql]]] = []
    if codes:
        listed = sql.Literal(list(codes))

        def unknown(value: Sql) -> Sql:
            test = sql.SQL("{} <> all({}::text[])").format(value, listed)
            if column.extensible:
                return sql.SQL("({} and not starts_with({}, 'ext:'))").format(test, value)
            return test

        problems.append(("unknown_code", unknown))
    bounds = [("<", column.minimum), (">", column.maximum)]
    signs = [(sql.SQL(sign), sql.Literal(bound)) for sign, bound in bounds if bound is not None]
    if signs:

        def outside(value: Sql) -> Sql:
            tests = [sql.SQL("{} {} {}").format(value, sign, bound) for sign, bound in signs]
            return sql.SQL("({})").format(sql.SQL(" or ").join(tests))

        problems.append(("out_of_range", outside))
    return problems


def _unreadable(column: Column) -> str:
    """The rule that a value broke which cannot be read as its type."""
    if column.type in ("text", "code", "descriptor"):
        return "too_long"
    named = {"id": "not_an_id", "integer": "not_an_integer", "decimal": "not_a_number"}
    return named.get(column.type, f"not_a_{column.type}")


def _typing(
    column: Column, *, cell: Sql, codes: tuple[str, ...], profile: FeedProfile
) -> tuple[Sql | None, Sql]:
    """(true when the cell cannot be read as its type, the typed value)."""
    kind = column.type
    tolerant = profile.strictness == "tolerant"
    if kind == "text":
        return None, cell
    if kind in ("code", "descriptor"):
        known = _code(codes, cell=cell) if tolerant else cell
        return (None if codes else _too_long(cell)), known
    if kind == "id":
        return _too_long(cell), cell
    if kind == "list":
        return None, sql.SQL(
            "array_remove(array(select btrim(e) from unnest(string_to_array({}, ',')) as e), '')"
        ).format(cell)
    if kind == "date":
        bad = _date_bad(cell, order=profile.date_order, tolerant=tolerant)
        return bad, sql.SQL("{}::date").format(cell)
    if kind == "year":
        return _year(cell, tolerant=tolerant)
    if kind == "boolean":
        words = ["true", "false", *(["1", "0", "yes", "no", "y", "n", "t", "f"] * tolerant)]
        return (
            sql.SQL("lower({}) <> all({}::text[])").format(cell, sql.Literal(words)),
            sql.SQL("{}::boolean").format(cell),
        )
    return _invalid(cell, kind=kind), sql.SQL("{}::{}").format(cell, sql.SQL(SQL_TYPES[kind]))


def _too_long(cell: Sql) -> Sql:
    """Ids and codes stand in keys, and an index takes only so much."""
    return sql.SQL("octet_length({}) > {}").format(cell, sql.Literal(ID_BYTES_MAX))


def _year(cell: Sql, *, tolerant: bool) -> tuple[Sql, Sql]:
    pattern = r"^\d{4}(-\d{2}|-\d{4})?$" if tolerant else r"^\d{4}$"
    # 2025-2026 and 2025-26 both mean the year that ends in 2026.
    year = sql.SQL(
        "case when length({0}) = 4 then {0}::integer else left({0}, 4)::integer + 1 end"
    )
    return sql.SQL("{} !~ {}").format(cell, sql.Literal(pattern)), year.format(cell)


def _invalid(cell: Sql, *, kind: str) -> Sql:
    """Not what PostgreSQL reads as the type, or only PostgreSQL does (0x1F, 1_000, NaN)."""
    patterns = {
        "integer": r"^[+-]?\d+$",
        "decimal": r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?$",
        "timestamp": r"^\d{4}-\d{2}-\d{2}",
    }
    odd = sql.SQL("{} !~ {}").format(cell, sql.Literal(patterns[kind]))
    if kind != "timestamp":
        # Nearly every number is digits alone, and this is the cheapest way to know.
        odd = sql.SQL("(btrim({}, '0123456789.') <> '' and {})").format(cell, odd)
    return sql.SQL("({} or not pg_input_is_valid({}, {}))").format(
        odd, cell, sql.Literal(SQL_TYPES[kind])
    )


def _code(codes: tuple[str, ...], *, cell: Sql) -> Sql:
    """The code as the contract spells it: in tolerant reading letter case does not matter."""
    lowered = {code.lower(): code for code in codes}
    if not lowered:
        return cell
    # The first test is the cheap one, and nearly always enough.
    return sql.SQL("case when {0} = any({1}::text[]) then {0} else {2} end").format(
        cell,
        sql.Literal(list(codes)),
        _case(sql.SQL("lower({})").format(cell), lowered, otherwise=cell),
    )


def _date_bad(cell: Sql, *, order: DateOrder, tolerant: bool) -> Sql:
    # Keeps out 'today', 'infinity' and whatever else PostgreSQL reads as a day.
    pattern = f"(?i)^{DATE_PATTERNS[order]}{MIDNIGHT if tolerant else ''}$"
    shape: Sql = sql.SQL("{} !~ {}").format(cell, sql.Literal(pattern))
    if order == "YMD":
        # Cheaper than a pattern, and nearly always enough.
        plain = sql.SQL("{} not like '____-__-__'").format(cell)
        shape = sql.SQL("({} and {})").format(plain, shape) if tolerant else plain
    return sql.SQL("({} or not pg_input_is_valid({}, 'date'))").format(shape, cell)


def _codes(column: Column, *, seeds: Path) -> tuple[str, ...]:
    return seed_codes(column.codes_from, seeds=seeds) if column.codes_from else column.codes


def seed_codes(name: str, *, seeds: Path) -> tuple[str, ...]:
    """The codes that a seed lists in its first column.

    Raises:
        SettingsWrong: there is no such seed, or it is empty.
    """
    path = seeds / f"{name}.csv"
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
