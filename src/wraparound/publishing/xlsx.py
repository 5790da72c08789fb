"""Workbooks with typed cells: no formula, no link, nobody's name, and the same bytes each time.

XlsxWriter writes them. What is ours is how a list looks, and that text stays text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import partial
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
LONGEST_TEXT = 32_767  # what a cell of the format can hold
# Nothing is secret here: without a password, it only keeps rows from coming apart by accident.
STILL_ALLOWED = {
    "format_cells": True,
    "format_columns": True,
    "format_rows": True,
    "autofilter": True,
}

Cells = Sequence[Any]


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
        page = book.add_worksheet(sheet.name)
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


def _write_rows(page: "Worksheet", sheet: Sheet, *, looks: Looks) -> int:
    """Write the header and the rows; returns how many rows. Empty cells look as their column."""
    head = looks.of(HEAD, opened=False)
    for place, column in enumerate(sheet.columns):
        page.write_string(0, place, column.heading, head)
    count = 0
    writers = [partial(_write, page, looks=looks, column=column) for column in sheet.columns]
    for count, cells in enumerate(sheet.rows, start=1):
        for place, (write, value) in enumerate(zip(writers, cells, strict=True)):
            if value is not None and value != "":
                write(count, place, value)
    return count


def _write(
    page: "Worksheet", row: int, place: int, value: Any, *, looks: Looks, column: Column
) -> None:
    """One value by its own type."""
    kind, opened = column.kind, column.is_open
    if isinstance(value, str):
        kind = kind if kind in (TEXT, WRAP) else TEXT
        # The prefix keeps such text text also when somebody edits the cell.
        look = looks.of(kind, opened=opened, quoted=value.startswith(FORMULA_LEADS))
        page.write_string(row, place, value[:LONGEST_TEXT], look)
    elif isinstance(value, date):
        page.write_datetime(row, place, value, looks.of(DAY, opened=opened))
    else:
        kind = kind if kind in (NUMBER, SHARE) else NUMBER
        page.write_number(row, place, value, looks.of(kind, opened=opened))


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
