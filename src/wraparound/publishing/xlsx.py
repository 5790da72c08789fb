"""Workbooks with typed cells: no formula, no link, nobody's name, and the same bytes each time.

XlsxWriter writes them. What is ours is how a list looks, that text stays text, and the elements
of rows and cells: a school has fifty thousand, and the library spends most of its time on them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from html import escape
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

TEXT, WRAP, NUMBER, SHARE, DAY, HEAD = "text", "wrap", "number", "share", "day", "head"
LOOKS: dict[str, dict[str, Any]] = {
    TEXT: {},
    WRAP: {"text_wrap": True},
    NUMBER: {},
    SHARE: {"num_format": "0.0%"},
    DAY: {"num_format": "yyyy-mm-dd", "align": "left"},
    HEAD: {"bold": True, "text_wrap": True, "bg_color": "#E3E9EF", "bottom": 1},
}
FORMULA_LEADS = tuple("=+-@\t\r|%\uff1d\uff0b\uff0d\uff20")
LONGEST_TEXT = 32_767  # what a cell of the format can hold, in UTF-16 units
# The library takes text that begins so for elements of its own and would not escape it.
RICH_TEXT = "<r>"
# Nothing is secret here: without a password, it only keeps rows from coming apart by accident.
STILL_ALLOWED = {
    "format_cells": True,
    "format_columns": True,
    "format_rows": True,
    "autofilter": True,
}

Cells = Sequence[Any]
# A row's number, as text, and a value that is not empty: the element of the cell.
CellWriter = Callable[[str, Any], str]


@dataclass(frozen=True)
class Column:
    """One column: its heading, the type of its cells, its width in letters.

    `is_open` lets people write into it though the sheet is protected. `choices` are offered in
    a drop-down; where `is_free`, other text is taken as well. `longest` limits a text's length,
    `earliest` a day.
    """

    heading: str
    kind: str
    width: int
    is_open: bool = False
    is_hidden: bool = False
    choices: tuple[str, ...] = ()
    is_free: bool = False
    longest: int | None = None
    earliest: date | None = None


@dataclass(frozen=True)
class Sheet:
    """One sheet: its name, its columns and its rows, in order."""

    name: str
    columns: tuple[Column, ...]
    rows: Iterable[Cells]
    is_protected: bool = False


class Looks:
    """The formats of one workbook, each made once."""

    def __init__(self, book: "Workbook") -> None:
        self._book = book
        self._made: dict[tuple[str, bool, bool], Format] = {}

    def of(self, kind: str, *, opened: bool, quoted: bool = False) -> "Format":
        """The format of a kind of cell; `opened` ones may be written to, `quoted` stay text."""
        known = self._made.get((kind, opened, quoted))
        if known is None:
            look = LOOKS[kind] | {"valign": "top", "locked": not opened, "quote_prefix": quoted}
            known = self._made[kind, opened, quoted] = self._book.add_format(look)
        return known

    def number_of(self, kind: str, *, opened: bool, quoted: bool = False) -> int:
        """The number by which cells name a format."""
        return int(self.of(kind, opened=opened, quoted=quoted)._get_xf_index())


def write_book(
    path: Path, sheets: Sequence[Sheet], *, title: str, made_on: date, footer: str
) -> None:
    """Write a workbook to `path`; the first row of each sheet is its header."""
    # In memory: names of children never lie in a file of a temporary folder.
    book = _workbook_class()(str(path), {"in_memory": True})
    made_at = datetime.combine(made_on, time())
    book.set_properties({"title": title, "author": "", "created": made_at})
    looks = Looks(book)
    for sheet in sheets:
        page = book.add_worksheet(sheet.name, _sheet_class())
        count = _write_rows(page, sheet, looks=looks)
        _set_columns(page, sheet.columns, looks=looks, count=count)
        _set_page(page, sheet, count=count, footer=footer)
    book.close()


def _workbook_class() -> type["Workbook"]:
    from xlsxwriter.workbook import Workbook

    class Locked(Workbook):  # type: ignore[misc]
        """The library has no door for this: sheets can be neither taken out nor renamed."""

        def _write_workbook_pr(self) -> None:
            super()._write_workbook_pr()
            self._xml_empty_tag("workbookProtection", [("lockStructure", 1)])

    return Locked


@cache
def _sheet_class() -> type["Worksheet"]:
    from xlsxwriter.worksheet import Worksheet

    class Written(Worksheet):  # type: ignore[misc]
        """A sheet whose rows come as elements; all else of it is the library's."""

        def __init__(self) -> None:
            super().__init__()
            self.elements: list[str] = []

        def _write_rows(self) -> None:
            self.fh.write("".join(self.elements))

    return Written


def _write_rows(page: "Worksheet", sheet: Sheet, *, looks: Looks) -> int:
    """Write the header and the rows; returns how many rows. Empty cells look as their column."""
    heads = [
        _cell_writer(page, place, Column(column.heading, HEAD, column.width), looks=looks)
        for place, column in enumerate(sheet.columns)
    ]
    writers = [
        _cell_writer(page, place, column, looks=looks)
        for place, column in enumerate(sheet.columns)
    ]
    page.elements.append(_row("1", heads, [column.heading for column in sheet.columns]))
    count = 0
    for count, cells in enumerate(sheet.rows, start=1):
        page.elements.append(_row(str(count + 1), writers, cells))
    # What the library would have learned from cells: how far the sheet reaches.
    for row, place in ((0, 0), (count, len(sheet.columns) - 1)):
        page._check_dimensions(row, place)
    return count


def _row(number: str, writers: Sequence[CellWriter], cells: Cells) -> str:
    written = [
        write(number, value)
        for write, value in zip(writers, cells, strict=True)
        if value is not None and value != ""
    ]
    return f'<row r="{number}">{"".join(written)}</row>'


def _cell_writer(page: "Worksheet", place: int, column: Column, *, looks: Looks) -> CellWriter:
    """What writes the values of one column, each by its own type."""
    from xlsxwriter.utility import xl_col_to_name

    letters, opened = xl_col_to_name(place), column.is_open
    as_text = column.kind if column.kind in (TEXT, WRAP, HEAD) else TEXT
    as_number = column.kind if column.kind in (NUMBER, SHARE) else NUMBER
    text, number, day = (
        looks.number_of(kind, opened=opened) for kind in (as_text, as_number, DAY)
    )
    index_of = page.str_table._get_shared_string_index

    def write(row: str, value: Any) -> str:
        if isinstance(value, str):
            look = text
            if value.startswith(FORMULA_LEADS):
                # The prefix keeps such text text also when somebody edits the cell.
                look = looks.number_of(as_text, opened=opened, quoted=True)
            if value.startswith(RICH_TEXT):
                inner = f"<is><t>{escape(_fitted(value), quote=False)}</t></is>"
                return f'<c r="{letters}{row}" s="{look}" t="inlineStr">{inner}</c>'
            return f'<c r="{letters}{row}" s="{look}" t="s"><v>{index_of(_fitted(value))}</v></c>'
        if isinstance(value, date):
            return f'<c r="{letters}{row}" s="{day}"><v>{_serial_day(value)}</v></c>'
        if not isfinite(value):
            raise ValueError("a cell can hold no such number")
        return f'<c r="{letters}{row}" s="{number}"><v>{value:.16G}</v></c>'

    return write


def _fitted(text: str) -> str:
    """Text cut to what a cell holds, which is counted in UTF-16 units."""
    if len(text) <= LONGEST_TEXT // 2:
        return text
    return text.encode("utf-16-le")[: LONGEST_TEXT * 2].decode("utf-16-le", errors="ignore")


@cache
def _serial_day(day: date) -> str:
    """A day as the format counts it: from 1900, in which it knows a 29th of February."""
    from xlsxwriter.utility import _datetime_to_excel_datetime

    return f"{_datetime_to_excel_datetime(day, False, False):.16G}"


def _set_columns(
    page: "Worksheet", columns: Sequence[Column], *, looks: Looks, count: int
) -> None:
    for place, column in enumerate(columns):
        look = looks.of(column.kind, opened=column.is_open)
        page.set_column(place, place, column.width, look, {"hidden": column.is_hidden})
        limit = _limit(column)
        if limit:
            page.data_validation(1, place, max(count, 1), place, limit)


def _limit(column: Column) -> dict[str, Any]:
    """What a column takes, as the library says it; empty where it takes anything."""
    if column.choices:
        return {
            "validate": "list",
            "source": list(column.choices),
            "show_error": not column.is_free,
        }
    if column.longest is not None:
        return {"validate": "length", "criteria": "<=", "value": column.longest}
    if column.earliest is not None:
        return {"validate": "date", "criteria": ">=", "value": column.earliest}
    return {}


def _set_page(page: "Worksheet", sheet: Sheet, *, count: int, footer: str) -> None:
    page.freeze_panes(1, 0)
    page.autofilter(0, 0, count, len(sheet.columns) - 1)
    page.repeat_rows(0)
    page.set_landscape()
    page.set_paper(1)  # US Letter
    page.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    page.fit_to_pages(1, 0)
    page.set_footer(footer)
    if sheet.is_protected:
        page.protect(options=STILL_ALLOWED)
