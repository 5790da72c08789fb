"""Workbooks with typed cells: no formula, no link, nobody's name, and the same bytes each time.

XlsxWriter writes them. What is ours is how a list looks, that text stays text, and the elements
of rows and cells: a school has fifty thousand, and the library spends most of its time on them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache, partial
from html import escape
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.sharedstrings import SharedStrings
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
# Points of a line, and of the highest row that the format knows.
LINE_POINTS, HIGHEST_POINTS = 15, 409
LONGEST_TEXT = 32_767  # what a cell of the format can hold, in UTF-16 units
# The first day that the format counts. Excel shows an earlier one as #####.
FIRST_DAY = date(1900, 1, 1)
# As deflate counts: a fifth larger than by default, in less than a third of the time.
PACKED = 2
# The library takes text that begins so for elements of its own and would not escape it.
RICH_TEXT = "<r>"
# Nothing is secret here: without a password, it only keeps rows from coming apart by accident.
STILL_ALLOWED = {
    "format_cells": True,
    "format_columns": True,
    "format_rows": True,
    "autofilter": True,
}

# Stands in a cell's element for the number of its row: no workbook may hold this character.
ROW = "\0"

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
    """One sheet: its name, its columns and its rows, in order.

    `printed_until` is the heading of the last column that goes on paper; blank is all of them.
    """

    name: str
    columns: tuple[Column, ...]
    rows: Iterable[Cells]
    is_protected: bool = False
    printed_until: str = ""


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

    def number_of(self, kind: str, *, opened: bool, quoted: bool) -> int:
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


class Packed(ZipFile):
    """The file around the parts of a workbook; the library would not say how hard to pack."""

    def writestr(self, part: Any, content: Any, *_: Any) -> None:
        """Take in one part."""
        super().writestr(part, content, compresslevel=PACKED)


@cache
def _workbook_class() -> type["Workbook"]:
    from xlsxwriter import packager, workbook

    workbook.ZipFile = Packed
    packager.SharedStrings = _strings_class()

    class Locked(workbook.Workbook):  # type: ignore[misc]
        """The library has no door for this: sheets can be neither taken out nor renamed."""

        def _write_workbook_pr(self) -> None:
            super()._write_workbook_pr()
            self._xml_empty_tag("workbookProtection", [("lockStructure", 1)])

    return Locked


@cache
def _strings_class() -> type["SharedStrings"]:
    from xlsxwriter.sharedstrings import SharedStrings

    class Plain(SharedStrings):  # type: ignore[misc]
        """The texts of a workbook; the library looks at each three times for what few have."""

        def _write_si(self, string: str) -> None:
            is_plain = string.replace("\n", "").isprintable() and "_x" not in string
            if is_plain and string == string.strip():
                self.fh.write(f"<si><t>{escape(string, quote=False)}</t></si>")
            else:
                super()._write_si(string)

    return Plain


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
            self.elements.clear()

    return Written


def _write_rows(page: "Worksheet", sheet: Sheet, *, looks: Looks) -> int:
    """Write the header and the rows; returns how many rows. Empty cells look as their column."""
    heads = [Column(column.heading, HEAD, column.width) for column in sheet.columns]
    of_heads, of_columns = (
        [Elements(page, column, looks, place=place) for place, column in enumerate(columns)]
        for columns in (heads, sheet.columns)
    )
    page.elements.append(_row(1, of_heads, [column.heading for column in heads]))
    wrapped = [
        (place, of_columns[place].lines)
        for place, column in enumerate(sheet.columns)
        if column.kind == WRAP
    ]
    number = 1
    for number, cells in enumerate(sheet.rows, start=2):
        page.elements.append(_row(number, of_columns, cells, wrapped=wrapped))
    # What the library would have learned from cells: how far the sheet reaches.
    for row, place in ((0, 0), (number - 1, len(heads) - 1)):
        page._check_dimensions(row, place)
    return number - 1


def _row(
    number: int,
    columns: Sequence["Elements"],
    cells: Cells,
    *,
    wrapped: Sequence[tuple[int, dict[Any, int]]] = (),
) -> str:
    """A row as an element; `wrapped` are the columns that make it higher, with their lines."""
    elements = [column[value] for column, value in zip(columns, cells, strict=True)]
    written = "".join(elements).replace(ROW, str(number))
    lines = max([many.get(cells[place], 1) for place, many in wrapped], default=1)
    if lines == 1:
        return f'<row r="{number}">{written}</row>'
    # Not every office program works out the height of a wrapped row before it prints.
    height = min(lines * LINE_POINTS, HIGHEST_POINTS)
    return f'<row r="{number}" ht="{height}" customHeight="1">{written}</row>'


class Elements(dict[Any, str]):
    """Of one column: a cell's element, made once for each value, with ROW for its row's number.

    `lines` are those that a wrapped value takes, where it takes more than one.
    """

    def __init__(self, page: "Worksheet", column: Column, looks: Looks, *, place: int) -> None:
        from xlsxwriter.utility import xl_col_to_name

        super().__init__({None: "", "": ""})
        self.lines: dict[Any, int] = {}
        self._letters = xl_col_to_name(place)
        self._wrapped_at = column.width if column.kind == WRAP else 0
        self._as_text = column.kind if column.kind in (TEXT, WRAP, HEAD) else TEXT
        self._as_number = column.kind if column.kind in (NUMBER, SHARE) else NUMBER
        self._look = cache(partial(looks.number_of, opened=column.is_open))
        self._index_of = page.str_table._get_shared_string_index

    def __missing__(self, value: Any) -> str:
        """One value by its own type."""
        if isinstance(value, str):
            made = self._text(value)
            if self._wrapped_at:
                parts = value.split("\n")
                lines = sum(max(1, -(-len(part) // self._wrapped_at)) for part in parts)
                self.lines |= {value: lines} if lines > 1 else {}
        elif isinstance(value, date):
            is_counted = value >= FIRST_DAY
            made = self._number(DAY, _serial_day(value)) if is_counted else self._text(str(value))
        elif isfinite(value):
            made = self._number(self._as_number, value)
        else:
            raise ValueError("a cell can hold no such number")
        self[value] = made = f'<c r="{self._letters}{ROW}" {made}</c>'
        return made

    def _text(self, value: str) -> str:
        # The prefix keeps such text text also when somebody edits the cell.
        look = self._look(self._as_text, quoted=value.startswith(FORMULA_LEADS))
        if value.startswith(RICH_TEXT):
            inner = f"<is><t>{escape(fitted(value), quote=False)}</t></is>"
            return f's="{look}" t="inlineStr">{inner}'
        return f's="{look}" t="s"><v>{self._index_of(fitted(value))}</v>'

    def _number(self, kind: str, value: float) -> str:
        return f's="{self._look(kind, quoted=False)}"><v>{value:.16G}</v>'


def fitted(text: str) -> str:
    """Text cut to what a cell holds, which is counted in UTF-16 units."""
    if len(text) <= LONGEST_TEXT // 2:
        return text
    return text.encode("utf-16-le")[: LONGEST_TEXT * 2].decode("utf-16-le", errors="ignore")


def _serial_day(day: date) -> float:
    """A day as the format counts it: from 1900, in which it knows a 29th of February."""
    from xlsxwriter.utility import _datetime_to_excel_datetime

    return float(_datetime_to_excel_datetime(day, False, False))


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
    if sheet.printed_until:
        headings = [column.heading for column in sheet.columns]
        page.print_area(0, 0, count, headings.index(sheet.printed_until))
    page.set_footer(footer)
    if sheet.is_protected:
        page.protect(options=STILL_ALLOWED)
