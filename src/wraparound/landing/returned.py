"""What a workbook brings: the tables of a feed, or a list that comes back with decisions.

Of a list only the decision columns are read, and the hidden ids beside them. Whether anything
else was changed is told by a mark that was written into each row with it.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from wraparound.contracts.loader import contract_of, load_contracts
from wraparound.contracts.models import Table
from wraparound.errors import ContractBroken
from wraparound.landing.archive import visible
from wraparound.landing.workbook import EMPTY, SheetRow, read_sheets

MARK = "row_mark"
HIDDEN = ("need_id", "release_id", "student_id", "school_id", "rule_id", "domain", "service_ids")
ENTRIES = ("decision", "service", "reason", "decided_on", "decided_by")
NOTICED = ("sheet_row", "is_edited", "has_formula")


def members_of(archived: Path, *, file_name: str) -> dict[str, bytes]:
    """The CSV files that a workbook's sheets are, by name; row numbers are those of the sheet.

    A list brings `decisions.csv` and nothing else; a feed one file for each sheet, which is
    named as the feed's file is.

    Raises:
        ArrivalUnsafe: the workbook must not be opened.
        ContractBroken: it cannot be read, or a feed's sheet holds a formula.
    """
    sheets = read_sheets(archived, file_name=file_name)
    marks = {"need_id", "release_id", MARK}
    lists = [rows for rows in sheets.values() if marks <= set(rows[0].texts())]
    if lists:
        return {_decisions().file: _as_csv(_decided_once(lists))}
    known = {t.file.lower(): t.file for c in load_contracts().values() for t in c.tables.values()}
    files = {}
    for name, rows in sheets.items():
        _refuse_computed(rows, file_name=file_name)
        own = f"{visible(name.strip()).replace(' ', '_')}.csv"
        file = known.get(own.lower(), own)
        if file in files:
            raise ContractBroken(
                f"{file_name} has two sheets that both stand for {file}. The whole arrival was "
                "set aside; leave one of them, or put all rows into it, and send it again."
            )
        files[file] = _as_csv((row.number, row.texts()) for row in rows)
    return files


def row_mark(texts: Sequence[str]) -> str:
    """A short mark of what a row shows, the same for the same texts."""
    return hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:12]


def _decisions() -> Table:
    return contract_of("decisions").tables["decisions"]


def _decided_once(lists: list[list[SheetRow]]) -> list[tuple[int, list[str]]]:
    """What was decided in the one of these sheets that somebody wrote into: who copied the sheet
    of a list may have written into the copy."""
    read = [list(_decided(rows)) for rows in lists]
    written = [rows for rows in read if len(rows) > 1]
    if len(written) > 1:
        raise ContractBroken(
            "The list that came back has decisions in two sheets. Nothing of it was taken; leave "
            "one sheet with all of them, and send it again."
        )
    return next(iter(written), read[0])


def _decided(rows: list[SheetRow]) -> Iterator[tuple[int, list[str]]]:
    """The header, and each row that somebody wrote a decision into."""
    head = rows[0].texts()
    places = {column: _place(head, column) for column in (*HIDDEN, *ENTRIES)}
    lacking = [column for column, place in places.items() if place is None]
    if lacking:
        raise ContractBroken(
            f"The list that came back lacks the column {lacking[0]}. Nothing of it was taken; "
            "write into the workbook as it was sent, and send it again."
        )
    found = {column: place for column, place in places.items() if place is not None}
    mark = head.index(MARK)
    yield 1, [*found, *NOTICED]
    for row in rows[1:]:
        entries = [row.cells.get(found[column], EMPTY) for column in ENTRIES]
        if all(entry == EMPTY for entry in entries):
            continue
        shown = [row.cells.get(place, EMPTY).text for place in range(min(found.values()))]
        noticed = (
            row.number,
            row_mark(shown) != row.cells.get(mark, EMPTY).text,
            any(entry.is_computed for entry in entries),
        )
        read = [row.cells.get(place, EMPTY).text for place in found.values()]
        yield row.number, [*read, *(str(each).lower() for each in noticed)]


def _place(head: list[str], column: str) -> int | None:
    """Where a column stands, by its name or by a heading that people read."""
    names = (column, *_decisions().columns[column].aliases)
    return next((head.index(name) for name in names if name in head), None)


def _refuse_computed(rows: list[SheetRow], *, file_name: str) -> None:
    for row in rows:
        if any(cell.is_computed for cell in row.cells.values()):
            raise ContractBroken(
                f"{file_name}: a cell in row {row.number} of a sheet holds a formula or an error, "
                "and nothing is evaluated here. The whole arrival was set aside; paste values in "
                "the place of formulas and send it again."
            )


def _as_csv(rows: Iterable[tuple[int, list[str]]]) -> bytes:
    """Rows as CSV, each as many lines down as it stands in the sheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    last = 0
    for number, texts in rows:
        text.write("\n" * (number - last - 1))
        writer.writerow(texts)
        last = number
    return text.getvalue().encode()
