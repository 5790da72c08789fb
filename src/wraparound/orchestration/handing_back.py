"""Rows that were set aside, as CSV files that can go back to their sender."""

import csv
import io
from collections.abc import Container, Iterable
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path, PurePath
from typing import Any

from psycopg.types.json import Jsonb

from wraparound.contracts.diagnostics import advice
from wraparound.contracts.district import District, load_district
from wraparound.contracts.loader import contract_of
from wraparound.orchestration.receipt_pages import write_private
from wraparound.publishing.xlsx import FORMULA_LEADS
from wraparound.settings import Settings
from wraparound.warehouse.connection import Connection, Row, connect
from wraparound.warehouse.mapping import BY

ADDED = ("_row", "_column", "_rule", "_what_to_do")


@dataclass(frozen=True)
class HandedBack:
    """One file that was written, and how many rows of its sender are in it."""

    path: Path
    row_count: int


def hand_back(
    settings: Settings, arrival_id: int, *, folder: Path, by: str, rule: str | None = None
) -> list[HandedBack]:
    """Record who asks, then write an arrival's open rows: of each table in each of its files one.

    The cells are as they came, under the sender's headers; columns that no contract reads were
    never kept. Only the owner of the files may read them.
    """
    district = load_district(settings.district_file)
    written: dict[Path, tuple[int, str]] = {}
    with connect(settings) as connection:
        files = _files(connection, arrival_id, rule=rule)
        for (feed, table, name), rows in files.items():
            text = _csv(rows, feed=feed, table=table, name=name, district=district)
            path = _free(folder / f"arrival-{arrival_id}-{PurePath(name).stem}.csv", written)
            written[path] = len({row["row_number"] for row in rows}), text
        if written:
            total = sum(row_count for row_count, _ in written.values())
            detail = {"arrival_id": arrival_id, "by": by, "rule": rule, "row_count": total}
            connection.execute(
                "insert into ops.event (kind, state, detail) values"
                " ('quarantine', 'exported', %s)",
                [Jsonb(detail)],
            )
    for path, (_, text) in written.items():
        write_private(path, text)
    return [HandedBack(path, row_count) for path, (row_count, _) in written.items()]


def _free(path: Path, taken: Container[Path]) -> Path:
    """A path, with a number where it is taken: a file of JSON fills several tables, and folders of
    a package may hold files of one name."""
    numbered = (path.with_stem(f"{path.stem}-{number}") for number in count(2))
    return next(one for one in chain([path], numbered) if one not in taken)


def _files(
    connection: Connection, arrival_id: int, *, rule: str | None
) -> dict[tuple[str, str, str], list[Row]]:
    """Every open finding with its line, by feed, table and file, in the order of the rows."""
    found = connection.execute(
        "select q.feed, q.table_name, q.file_name, q.row_number, q.column_name, q.rule, a.sender,"
        " l.cells from ops.quarantine as q"
        " inner join ops.arrival as a on q.arrival_id = a.arrival_id"
        " inner join restricted.quarantine_line as l on q.arrival_id = l.arrival_id"
        "  and q.table_name = l.table_name and q.file_name = l.file_name"
        "  and q.row_number = l.row_number"
        " where q.arrival_id = %(arrival)s and q.state = 'open'"
        " and (%(rule)s::text is null or q.rule = %(rule)s)"
        " order by q.file_name, q.row_number, q.quarantine_id",
        {"arrival": arrival_id, "rule": rule},
    ).fetchall()
    files: dict[tuple[str, str, str], list[Row]] = {}
    for row in found:
        files.setdefault((row["feed"], row["table_name"], row["file_name"]), []).append(row)
    return files


def _csv(rows: list[Row], *, feed: str, table: str, name: str, district: District) -> str:
    known = contract_of(feed).tables[table]
    shape = district.profile(sender=rows[0]["sender"], feed=feed).shape(table, file_name=name)
    kept = {key for row in rows for key in row["cells"]}
    headers = {known.raw_column(c): shape.header_of(c) for c in known.columns}
    headers |= {f"{known.raw_column(c)}{BY}": look.by for c, look in shape.look_ups.items()}
    columns = [raw for raw in headers if raw in kept]
    columns += sorted(kept - set(columns) - {"_line"})
    ragged = max((len(row["cells"].get("_line", ())) for row in rows), default=0)
    width = max(len(columns), ragged)
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    own = [headers.get(raw, raw) for raw in columns]
    writer.writerow([*ADDED, *own, *[""] * (width - len(own))])
    for findings in _by_row(rows):
        cells = findings[0]["cells"]
        line = cells.get("_line") or [cells.get(raw) or "" for raw in columns]
        writer.writerow([safe(str(cell)) for cell in (*_why(findings, feed, table), *line)])
    return stream.getvalue()


def _by_row(rows: Iterable[Row]) -> list[list[Row]]:
    grouped: dict[int, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row["row_number"], []).append(row)
    return list(grouped.values())


def _why(findings: list[Row], feed: str, table: str) -> list[Any]:
    """The row's number, and each thing that is wrong with it."""
    rules = list(dict.fromkeys(finding["rule"] for finding in findings))
    columns = dict.fromkeys(f["column_name"] for f in findings if f["column_name"])
    what = " ".join(dict.fromkeys(advice(feed, table, rule) for rule in rules))
    return [findings[0]["row_number"], ", ".join(columns), ", ".join(rules), what]


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; a plain number stays one."""
    if not cell.startswith(FORMULA_LEADS):
        return cell
    return cell if _is_number(cell) else f"'{cell}"


def _is_number(cell: str) -> bool:
    digits = cell[1:].replace(".", "", 1)
    return cell[0] in "+-" and digits.isdecimal() and digits.isascii()
