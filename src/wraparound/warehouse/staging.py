"""Text staging: a temporary table per file, filled by COPY from the byte stream.

Temporary, because a load that is killed then leaves nothing behind, and two loads never meet.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from wraparound.contracts.models import SECRET, Table
from wraparound.errors import ContractBroken
from wraparound.landing.csv_source import SPACES, CsvSource, OddQuotes, Seen
from wraparound.landing.json_extras import Extras
from wraparound.landing.json_source import RESOURCE_ID, JsonSource, Unusable
from wraparound.landing.leaving_out import LEFT_OUT, as_regex, is_left_out
from wraparound.warehouse.connection import Connection
from wraparound.warehouse.mapping import BY, Mapping
from wraparound.warehouse.scratch import make_table

PG_ENCODINGS = {"utf-8": "UTF8", "cp1252": "WIN1252"}
BAD_COPY_FORMAT = "22P04"
BAD_TEXT = ("22021", "22P05")
TOO_MANY_COLUMNS = "54011"
WRITE_ROWS = 5_000
# A file of which more rows than this do not fit its header has another header. A guard of the
# machine's memory, not a judgement of the feed.
RAGGED_MAX = 20_000
NO_EXTRA = sql.SQL("null::jsonb")
EXTRA = "_extra"
# Half as many as a function of PostgreSQL takes arguments.
PAIRS_MAX = 50


class RaggedRow(NamedTuple):
    """A row that is none of its table: its number, its cells, and why.

    Of a row of which some cell may be one that must not be stored there are no cells: nobody
    knows which it is.
    """

    number: int
    cells: list[str]
    rule: str = "ragged_row"
    column: str | None = None


@dataclass
class Staged:
    """What COPY could not take as it stood, and what was noticed in the bytes.

    `rows` are in `stage`; `ragged` are uneven rows, `trimmed` counts rows with empty cells too
    many, `extras` are members of JSON that nobody reads.
    """

    rows: int = 0
    ragged: list[RaggedRow] = field(default_factory=list)
    trimmed: int = 0
    has_control: bool = True
    has_padding: bool = True
    has_line_breaks: bool = True
    extras: Extras = field(default_factory=Extras)


def stage_file(
    connection: Connection, source: CsvSource, *, table: Table, mapping: Mapping
) -> Staged:
    """Fill the temporary table `stage` with the cells of a file.

    What is uneven comes back, and what the sender's profile leaves out.

    Raises:
        ContractBroken: the file is not in its declared encoding, or is not CSV.
    """
    names = [
        table.raw_column(name) if name else f"_x{position}"
        for position, name in enumerate(mapping.positions)
    ]
    composed = {
        _raw_name(table, name): [names[position] for position in positions]
        for name, positions in mapping.composed.items()
    }
    try:
        with connection.transaction():
            _create(connection, names, composed=composed, first_row=source.first_row)
            staged = _copy_bytes(connection, source, names=names)
            return _without_left_out(connection, staged, names=names, mapping=mapping)
    except OddQuotes:
        pass
    except psycopg.Error as exc:
        if exc.sqlstate in BAD_TEXT:
            raise source.not_in_encoding(source.first_bad_byte() or 0) from None
        if exc.sqlstate == TOO_MANY_COLUMNS:
            raise ContractBroken(
                f"{source.member.name} has {len(names)} columns, more than can be read. The whole "
                "arrival was set aside; ask the sender to export it again."
            ) from None
        if exc.sqlstate != BAD_COPY_FORMAT:
            raise
    # COPY stops at the first uneven row; read this file record by record instead.
    _create(connection, names, composed=composed)
    return _stage_records(connection, source, names=names, mapping=mapping)


def _stage_records(
    connection: Connection, source: CsvSource, *, names: list[str], mapping: Mapping
) -> Staged:
    staged = _copy_even_rows(connection, source, names=names)
    staged = _without_left_out(connection, staged, names=names, mapping=mapping)
    if any(notice.rule == "column_refused" for notice in mapping.notices):
        staged.ragged = [row._replace(cells=[]) for row in staged.ragged]
    return staged


def stage_json(connection: Connection, source: JsonSource) -> Staged:
    """Fill the temporary table `stage` with the rows of a JSON file.

    Its records are taken apart here and not in SQL: a page is one array, of which the database
    would have to hold the whole, and what is not JSON has to be told from its neighbours.

    Raises:
        ContractBroken: it cannot be read, or too many of its records cannot.
    """
    names = json_columns(source)
    _make_plain(connection, names)
    unusable: list[Unusable] = []
    extras = Extras()
    statement = sql.SQL("copy pg_temp.stage ({}) from stdin").format(
        sql.SQL(", ").join(map(sql.Identifier, ["_row", *names]))
    )
    cursor = connection.cursor()
    with cursor.copy(statement) as copy:
        for number, cells in source.rows(unusable, extras=extras):
            copy.write_row([number, *cells])
    ragged = [
        RaggedRow(one.number, _told(one.text, source.table), one.rule, one.column)
        for one in unusable
    ]
    return Staged(cursor.rowcount, ragged, extras=extras)


def _told(text: str, table: Table) -> list[str]:
    """The text of a record that is no JSON, unless it may hold what must not be stored."""
    refused = any(column.refused for column in table.columns.values())
    return [] if not text or refused or SECRET.search(text) else [text]


def json_columns(source: JsonSource) -> tuple[str, ...]:
    """The staged columns of a JSON file, in the order of its cells."""
    table = source.table
    names = [table.raw_column(name) for name in source.columns()]
    names += [table.raw_column(name) + BY for name in source.shape.look_ups]
    names += [RESOURCE_ID] if source.identity else []
    names += [EXTRA] if source.levels else []
    return tuple(names)


def _raw_name(table: Table, name: str) -> str:
    column = table.raw_column(name.removesuffix(BY))
    return column + BY if name.endswith(BY) else column


def kept_columns(table: Table, mapping: Mapping) -> tuple[str, ...]:
    """The staged columns that the contract reads."""
    read = [name for name in mapping.positions if name] + list(mapping.composed)
    return tuple(_raw_name(table, name) for name in dict.fromkeys(read))


def extra_cells(mapping: Mapping) -> sql.Composable:
    """The cells of columns that the contract does not know, as one JSON object of a row `s`."""
    if not mapping.extras:
        return NO_EXTRA
    pairs = [
        sql.SQL("{}::text, nullif(btrim(s.{}), '')").format(
            sql.Literal(header), sql.Identifier(f"_x{position}")
        )
        for header, position in mapping.extras.items()
    ]
    # A function takes so many arguments and no more.
    objects = [
        sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(pairs[n : n + PAIRS_MAX]))
        for n in range(0, len(pairs), PAIRS_MAX)
    ]
    return sql.SQL("nullif(jsonb_strip_nulls({}), '{{}}')").format(sql.SQL(" || ").join(objects))


def stage_lines(
    connection: Connection,
    *,
    arrival_id: int,
    table_name: str,
    file_name: str,
    leave: tuple[str, ...],
) -> set[str]:
    """Fill `stage` from quarantined lines, and close their findings; the columns come back.

    The temporary table `waited` lists the rows among them that were not loaded at all. Rows
    with a finding of the rules in `leave` stay as they are.
    """
    which: list[int | str] = [arrival_id, table_name, file_name]
    _find_lines(connection, which, leave=leave)
    found = connection.execute(
        "select distinct k from pg_temp.lines, jsonb_object_keys(cells) as k order by k"
    ).fetchall()
    names = [row["k"] for row in found]
    _make_plain(connection, names)
    if names:
        connection.execute(
            sql.SQL(
                "insert into pg_temp.stage (_row, {}) select _row, {} from pg_temp.lines"
            ).format(
                sql.SQL(", ").join(map(sql.Identifier, names)),
                sql.SQL(", ").join(sql.SQL("cells ->> {}").format(sql.Literal(n)) for n in names),
            )
        )
    connection.execute(
        "update ops.quarantine as q set state = 'released' from pg_temp.lines as l"
        " where q.arrival_id = %s and q.table_name = %s and q.file_name = %s"
        " and q.row_number = l._row and q.state = 'open'",
        which,
    )
    return set(names)


def _find_lines(connection: Connection, which: list[int | str], *, leave: tuple[str, ...]) -> None:
    """List the open lines of a file in the temporary tables `lines` and `waited`.

    `which` is its arrival, its table and its name.
    """
    arrival, table, file = map(sql.Literal, which)
    make_table(
        connection,
        "noticed",
        sql.SQL(
            "select row_number as _row, bool_or(scope = 'row') as waited from ops.quarantine"
            " where arrival_id = {} and table_name = {} and file_name = {} and state = 'open'"
            " group by row_number having not bool_or(rule = any({}::text[]))"
        ).format(arrival, table, file, sql.Literal(list(leave))),
    )
    connection.execute("analyze pg_temp.noticed")
    make_table(
        connection,
        "lines",
        sql.SQL(
            "select n._row, n.waited, l.cells from pg_temp.noticed as n"
            " inner join restricted.quarantine_line as l on l.row_number = n._row"
            " where l.arrival_id = {} and l.table_name = {} and l.file_name = {}"
        ).format(arrival, table, file),
    )
    connection.execute("analyze pg_temp.lines")
    make_table(connection, "waited", sql.SQL("select _row from pg_temp.lines where waited"))


def keep_ragged(
    connection: Connection,
    ragged: list[RaggedRow],
    *,
    arrival_id: int,
    table_name: str,
    file_name: str,
) -> None:
    """Keep the cells of rows that do not fit the header; by them the same row is known again."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into restricted.quarantine_line"
            " (arrival_id, table_name, file_name, row_number, cells, record_key)"
            " select %s, %s, %s, %s, kept.cells,"
            "  case when kept.cells -> '_line' <> '[]' then jsonb_hash_extended(kept.cells, 0) end"
            " from (select %s::jsonb as cells) as kept on conflict do nothing",
            [
                (arrival_id, table_name, file_name, row.number, Jsonb({"_line": row.cells}))
                for row in ragged
            ],
        )


def _create(
    connection: Connection,
    names: list[str],
    *,
    composed: dict[str, list[str]],
    first_row: int = 2,
) -> None:
    connection.execute("drop table if exists pg_temp.stage cascade")
    columns = [sql.SQL("{} text").format(sql.Identifier(name)) for name in names]
    columns += [
        sql.SQL("{} text generated always as ({}) stored").format(
            sql.Identifier(name), _joined(parts)
        )
        for name, parts in composed.items()
    ]
    connection.execute(
        sql.SQL(
            "create temp table stage (_row bigint generated by default as identity"
            # Taken from their sequence one by one, the numbers cost more than a column of text.
            " (start {} cache 1000){}) on commit drop"
        ).format(
            sql.Literal(first_row),
            sql.SQL("").join(sql.SQL(", {}").format(column) for column in columns),
        )
    )


def _make_plain(connection: Connection, names: Sequence[str]) -> None:
    """An empty `stage` whose rows come with their numbers."""
    columns = sql.SQL("").join(
        sql.SQL(", null::text as {}").format(sql.Identifier(name)) for name in names
    )
    make_table(
        connection, "stage", sql.SQL("select 0::bigint as _row{} where false").format(columns)
    )


def _joined(parts: list[str]) -> sql.Composed:
    """Several cells as one, null where one of them is blank."""
    cells = [sql.SQL("nullif(btrim({}), '')").format(sql.Identifier(part)) for part in parts]
    return sql.SQL(" || ':' || ").join(cells)


def _copy_bytes(connection: Connection, source: CsvSource, *, names: list[str]) -> Staged:
    seen = Seen(delimiter=source.delimiter, encoding=source.encoding)
    cursor = connection.cursor()
    numbered = ["_row", *names] if source.is_numbered else names
    with cursor.copy(_copy_statement(numbered, source)) as copy, source.blocks() as blocks:
        for block in blocks:
            seen.look(block)
            copy.write(block)
    has_line_breaks = seen.has_line_breaks(cursor.rowcount)
    if has_line_breaks and cursor.rowcount != sum(1 for _ in source.records()):
        # 24" at the end of one cell and 27" at that of a later one: COPY took what lies between.
        raise OddQuotes
    # Numbered lines are a few, and each begins with its number.
    may_have_blank = seen.may_have_blank or source.is_numbered
    return Staged(
        rows=cursor.rowcount - (_drop_blank(connection, names) if may_have_blank else 0),
        has_control=seen.has_control,
        # The last cell of all may be followed by nothing.
        has_padding=seen.has_padding or seen.ends_with_space,
        has_line_breaks=has_line_breaks,
    )


def _drop_blank(connection: Connection, names: list[str]) -> int:
    """Take out rows of delimiters alone, which spreadsheets leave below the last one: they are
    blank lines, and would hold what is in force as rows do that cannot be read."""
    cells = sql.SQL(", ").join(map(sql.Identifier, names))
    found = connection.execute(
        sql.SQL("delete from pg_temp.stage where coalesce({}, null) is null").format(cells)
    )
    return found.rowcount


def _without_left_out(
    connection: Connection, staged: Staged, *, names: list[str], mapping: Mapping
) -> Staged:
    """Take out of `stage`, and tell of uneven rows, what the sender's profile leaves out."""
    if not mapping.left_out:
        return staged
    like = [
        sql.SQL("coalesce(btrim({}, {}) ~ any({}), false)").format(
            sql.Identifier(names[position]),
            sql.Literal(SPACES),
            sql.Literal([as_regex(pattern) for pattern in patterns]),
        )
        for position, patterns in mapping.left_out.items()
    ]
    gone = connection.execute(
        sql.SQL("delete from pg_temp.stage where {} returning _row").format(
            sql.SQL(" or ").join(like)
        )
    ).fetchall()
    return replace(
        staged,
        rows=staged.rows - len(gone),
        ragged=[
            *(RaggedRow(row["_row"], [], LEFT_OUT) for row in gone),
            *(_told_if_left_out(row, mapping) for row in staged.ragged),
        ],
    )


def _told_if_left_out(row: RaggedRow, mapping: Mapping) -> RaggedRow:
    """Lines of totals often lack the cells that follow."""
    if any(
        is_left_out(row.cells[position], patterns)
        for position, patterns in mapping.left_out.items()
        if position < len(row.cells)
    ):
        return RaggedRow(row.number, [], LEFT_OUT)
    return row


def _copy_statement(names: list[str], source: CsvSource) -> sql.Composed:
    return sql.SQL(
        "copy pg_temp.stage ({}) from stdin (format csv, delimiter {}, encoding {})"
    ).format(
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.Literal(source.delimiter),
        sql.Literal(PG_ENCODINGS[source.encoding]),
    )


def _copy_even_rows(connection: Connection, source: CsvSource, *, names: list[str]) -> Staged:
    staged = Staged()
    statement = sql.SQL("copy pg_temp.stage ({}) from stdin (format csv)").format(
        sql.SQL(", ").join(map(sql.Identifier, ["_row", *names]))
    )
    cursor = connection.cursor()
    try:
        with cursor.copy(statement) as copy:
            for block in _rewritten(source, width=len(names), staged=staged):
                copy.write(block)
        staged.rows = cursor.rowcount
    except UnicodeDecodeError:
        raise source.not_in_encoding(source.first_bad_byte() or 0) from None
    except psycopg.Error as exc:
        if exc.sqlstate not in BAD_TEXT:
            raise
        raise source.not_in_encoding(source.first_bad_byte() or 0) from None
    return staged


def _rewritten(source: CsvSource, *, width: int, staged: Staged) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    written = 0
    for row, cells in source.records():
        if not any(cells):
            continue
        if len(cells) < width or any(cells[width:]):
            staged.ragged.append(RaggedRow(row, cells))
            if len(staged.ragged) > RAGGED_MAX:
                raise ContractBroken(
                    f"{source.member.name}: more than {RAGGED_MAX} rows do not have the {width} "
                    "cells of the header. The whole arrival was set aside; ask the sender to "
                    "export it again."
                )
            continue
        staged.trimmed += len(cells) > width
        writer.writerow([row, *cells[:width]])
        written += 1
        if written % WRITE_ROWS == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()
