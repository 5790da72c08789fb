"""Workbooks (.xlsx) read as text, one sheet at a time; nothing in them is ever evaluated.

openpyxl reads them, over defusedxml, which refuses entities. What is ours is what a cell says.
"""

import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from wraparound.errors import ArrivalUnsafe, ContractBroken

# Guards of the machine's memory: a list of a large school has some 100,000 cells.
BYTES_MAX = 256 << 20
CELLS_MAX = 5_000_000
MARKS = ("[Content_Types].xml", "xl/workbook.xml")
# What a part that is not what it claims to be ends in.
UNREADABLE = (
    *(ParseError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError),
    *(LookupError, ValueError, ArithmeticError, TypeError, AttributeError),
)


@dataclass(frozen=True)
class Cell:
    """A cell's text as somebody sees it; `is_computed` where a formula or an error stands."""

    text: str = ""
    is_computed: bool = False


EMPTY = Cell()


@dataclass(frozen=True)
class SheetRow:
    """One row that holds something: its number in the sheet, its cells by column from 0."""

    number: int
    cells: dict[int, Cell]

    def texts(self) -> list[str]:
        """The texts from the first column to the last one that holds something."""
        return [self.cells.get(place, EMPTY).text for place in range(max(self.cells) + 1)]


def is_workbook(names: list[str]) -> bool:
    """Whether a zip's members are those of a workbook."""
    return all(mark in names for mark in MARKS)


def read_sheets(archived: Path, *, file_name: str) -> dict[str, list[SheetRow]]:
    """Every sheet's rows by its name, in the workbook's order; sheets without rows are left out.

    Raises:
        ArrivalUnsafe: a part declares a document type with entities, or it is too large.
        ContractBroken: it is not a workbook that can be read.
    """
    try:
        _refuse_too_large(archived, file_name=file_name)
        return _read(archived, file_name=file_name)
    except UNREADABLE as exc:
        if _declares_entities(exc):
            raise ArrivalUnsafe(
                f"{file_name} declares a document type with entities, which a workbook never "
                "needs. It was not read; ask for another."
            ) from None
        raise ContractBroken(
            f"{file_name} is a workbook that cannot be read ({type(exc).__name__}). Nothing of it "
            "was taken; open it, save it as .xlsx and send it again."
        ) from None


def _declares_entities(exc: BaseException) -> bool:
    """Whether the parser's refusal is behind an error; the library wraps what it meets."""
    from defusedxml.common import DefusedXmlException

    behind = exc.__cause__ or exc.__context__
    return isinstance(exc, DefusedXmlException) or (
        behind is not None and _declares_entities(behind)
    )


def _refuse_too_large(archived: Path, *, file_name: str) -> None:
    """No member gives more bytes than it declares, so what is declared is enough to look at."""
    with zipfile.ZipFile(archived) as packed:
        unpacked = sum(member.file_size for member in packed.infolist())
    if unpacked > BYTES_MAX:
        raise ArrivalUnsafe(
            f"{file_name} unpacks to more than {BYTES_MAX >> 20} MiB. It was not read; ask for "
            "another."
        )


def _read(archived: Path, *, file_name: str) -> dict[str, list[SheetRow]]:
    from openpyxl import load_workbook

    with archived.open("rb") as stream, warnings.catch_warnings():
        # What it does not know, such as a drop-down of a newer kind, is of no matter here.
        warnings.simplefilter("ignore")
        book = load_workbook(stream, read_only=True, keep_links=False)
        found = {}
        for sheet in book.worksheets:
            # What a sheet says of its own size may be wrong.
            sheet.reset_dimensions()
            rows = list(_rows(sheet.iter_rows(), file_name=file_name))
            if rows:
                found[sheet.title] = rows
    return found


def _rows(rows: Iterable[tuple[Any, ...]], *, file_name: str) -> Iterator[SheetRow]:
    count = 0
    for number, row in enumerate(rows, start=1):
        cells = {place: _cell(cell) for place, cell in enumerate(row) if cell.value is not None}
        said = {place: cell for place, cell in cells.items() if cell != EMPTY}
        # Those that are missing before a cell that says it stands far off are made all the same.
        count += max(1, len(row))
        if count > CELLS_MAX:
            raise ArrivalUnsafe(
                f"{file_name} has more than {CELLS_MAX} cells. It was not read; ask for another."
            )
        if said:
            yield SheetRow(number, said)


def _cell(cell: Any) -> Cell:
    if cell.data_type in ("f", "e"):
        return Cell("", is_computed=True)
    return Cell(_text(cell.value))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 1e15
        return str(int(value)) if whole else repr(value)
    if isinstance(value, datetime):
        is_day = value.time() == time()
        return value.date().isoformat() if is_day else value.isoformat(" ", "seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value).replace("\r\n", "\n").strip()
