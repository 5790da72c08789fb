"""A workbook written as the text it is: typed cells, no formula, no link, nobody's name in it.

Small on purpose, and fast: a list of 500 students is some 60,000 cells, and the same rows give
the same bytes. Source: ECMA-376, part 1, SpreadsheetML.
"""

import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

TEXT, WRAP, NUMBER, SHARE, DAY, HEAD = "text", "wrap", "number", "share", "day", "head"
KINDS = (TEXT, WRAP, NUMBER, SHARE, DAY, HEAD)
FORMULA_LEADS = tuple("=+-@\t\r|%\uff1d\uff0b\uff0d\uff20")
LONGEST_TEXT = 32_767  # what a cell of the format can hold
DAY_ZERO = date(1899, 12, 30).toordinal()
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
DECLARED = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
# Lists are sent each night and read once: speed before size.
PACKING = 1
# Text that the format would take for an escaped character.
LOOKS_ESCAPED = re.compile(r"_(x[0-9A-Fa-f]{4}_)")
QUOTED = len(KINDS)  # so far on stand the same styles for text that looks like a formula
UNLOCKED = 2 * QUOTED  # and so far the same for columns that may be written to
ROW_ONE = "1:1"

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


def write_book(
    path: Path, sheets: Sequence[Sheet], *, title: str, made_on: date, footer: str
) -> None:
    """Write a workbook to `path`; the first row of each sheet is its header."""
    with zipfile.ZipFile(path, "w") as packed:
        filtered = []
        for place, sheet in enumerate(sheets, start=1):
            text, last = _sheet(sheet, footer=footer)
            _put(packed, f"xl/worksheets/sheet{place}.xml", text)
            filtered.append(last)
        _put(packed, "xl/workbook.xml", _workbook(sheets, filtered))
        _put(packed, "xl/styles.xml", _styles())
        _put(packed, "xl/_rels/workbook.xml.rels", _workbook_relations(len(sheets)))
        _put(packed, "docProps/core.xml", _core(title, made_on))
        _put(packed, "_rels/.rels", ROOT_RELATIONS)
        _put(packed, "[Content_Types].xml", _content_types(len(sheets)))


def _put(packed: zipfile.ZipFile, name: str, text: str) -> None:
    entry = zipfile.ZipInfo(name, date_time=ZIP_EPOCH)
    entry.external_attr = 0o600 << 16
    packed.writestr(
        entry, DECLARED + text, compress_type=zipfile.ZIP_DEFLATED, compresslevel=PACKING
    )


# --- one sheet ----------------------------------------------------------------------------


def _sheet(sheet: Sheet, *, footer: str) -> tuple[str, str]:
    """The part of a sheet, and the reference of all its cells."""
    widths = len(sheet.columns)
    heads = "".join(
        _text_cell(f"{letters(place)}1", column.heading, style=KINDS.index(HEAD))
        for place, column in enumerate(sheet.columns)
    )
    rows = list(_rows(sheet))
    last = len(rows) + 1
    everything = f"A1:{letters(widths - 1)}{last}"
    protection = PROTECTION if sheet.is_protected else ""
    parts = (
        f'<worksheet xmlns="{MAIN}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
        f'<dimension ref="{everything}"/>',
        '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2"'
        ' activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        '<sheetFormatPr defaultRowHeight="15"/>',
        _columns(sheet.columns),
        f'<sheetData><row r="1">{heads}</row>',
        *rows,
        f'</sheetData>{protection}<autoFilter ref="{everything}"/>',
        _validations(sheet.columns, last=last),
        '<pageMargins left="0.4" right="0.4" top="0.5" bottom="0.6" header="0.3" footer="0.3"/>'
        '<pageSetup paperSize="1" orientation="landscape" fitToHeight="0"/>'
        f"<headerFooter><oddFooter>{escape(footer)}</oddFooter></headerFooter></worksheet>",
    )
    return "".join(parts), everything


def _rows(sheet: Sheet) -> Iterator[str]:
    """Each row as text; what is empty is left out, so that its column's style shows."""
    columns = [
        (letters(place), column.kind, column.is_open) for place, column in enumerate(sheet.columns)
    ]
    for number, cells in enumerate(sheet.rows, start=2):
        said = [
            _cell(f"{name}{number}", value, kind=kind, opened=opened)
            for (name, kind, opened), value in zip(columns, cells, strict=True)
            if value is not None and value != ""
        ]
        yield f'<row r="{number}">{"".join(said)}</row>'


def _cell(at: str, value: Any, *, kind: str, opened: bool) -> str:
    """One value by its own type."""
    if isinstance(value, str):
        style = KINDS.index(kind) if kind in (TEXT, WRAP) else 0
        if value.startswith(FORMULA_LEADS):
            # The prefix keeps such text text also when somebody edits the cell.
            style += QUOTED
        return _text_cell(at, value, style=_place(style, opened=opened))
    if isinstance(value, date):
        style = _place(KINDS.index(DAY), opened=opened)
        return f'<c r="{at}" s="{style}"><v>{value.toordinal() - DAY_ZERO}</v></c>'
    style = _place(KINDS.index(kind if kind in (NUMBER, SHARE) else NUMBER), opened=opened)
    return f'<c r="{at}" s="{style}"><v>{value!r}</v></c>'


def _text_cell(at: str, text: str, *, style: int) -> str:
    spoken = text[:LONGEST_TEXT].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if "_x" in spoken:
        spoken = LOOKS_ESCAPED.sub(r"_x005F_\1", spoken)
    return (
        f'<c r="{at}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{spoken}</t></is></c>'
    )


@cache
def letters(place: int) -> str:
    """The name of a column, from 0: A to Z, AA and so on."""
    before, last = divmod(place, 26)
    return (letters(before - 1) if before else "") + chr(ord("A") + last)


def _columns(columns: Sequence[Column]) -> str:
    listed = (
        f'<col min="{place}" max="{place}" width="{column.width}.7109375" customWidth="1"'
        f' style="{_place(KINDS.index(column.kind), opened=column.is_open)}"'
        f' hidden="{int(column.is_hidden)}"/>'
        for place, column in enumerate(columns, start=1)
    )
    return f"<cols>{''.join(listed)}</cols>"


# Nothing is secret here: without a password, it only keeps rows from coming apart by accident.
PROTECTION = (
    '<sheetProtection sheet="1" formatCells="0" formatColumns="0" formatRows="0" autoFilter="0"/>'
)


def _validations(columns: Sequence[Column], *, last: int) -> str:
    rules = [
        f'<dataValidation {rule} allowBlank="1"'
        f' showErrorMessage="{0 if column.is_free else 1}"'
        f' sqref="{letters(place)}2:{letters(place)}{max(last, 2)}">'
        f"<formula1>{escape(limit, quote=False)}</formula1></dataValidation>"
        for place, column in enumerate(columns)
        for rule, limit in _limits(column)
    ]
    if not rules:
        return ""
    return f'<dataValidations count="{len(rules)}">{"".join(rules)}</dataValidations>'


def _limits(column: Column) -> Iterator[tuple[str, str]]:
    """What a column takes: (the kind of rule, its limit)."""
    if column.choices:
        yield 'type="list"', f'"{",".join(column.choices)}"'
    elif column.longest is not None:
        yield 'type="textLength" operator="lessThanOrEqual"', str(column.longest)
    elif column.earliest is not None:
        serial = column.earliest.toordinal() - DAY_ZERO
        yield 'type="date" operator="greaterThanOrEqual"', str(serial)


# --- the parts around the sheets ----------------------------------------------------------


def _place(style: int, *, opened: bool) -> int:
    """The place of a style in the list: plain ones, quoted ones, then both again unlocked."""
    return style + (UNLOCKED if opened else 0)


def _styles() -> str:
    formats = {
        TEXT: ("0", ""),
        WRAP: ("0", ' wrapText="1"'),
        NUMBER: ("0", ""),
        SHARE: ("164", ""),
        DAY: ("165", ' horizontal="left"'),
        HEAD: ("0", ' wrapText="1"'),
    }
    listed = [
        f'<xf numFmtId="{number}" fontId="{int(kind == HEAD)}" fillId="{2 * (kind == HEAD)}"'
        f' borderId="{int(kind == HEAD)}" xfId="0" applyNumberFormat="1" applyFont="1"'
        ' applyFill="1" applyBorder="1" applyAlignment="1" applyProtection="1"'
        f' quotePrefix="{int(quoted)}"><alignment vertical="top"{alignment}/>'
        f'<protection locked="{int(not opened)}"/></xf>'
        for opened in (False, True)
        for quoted in (False, True)
        for kind, (number, alignment) in formats.items()
    ]
    font = '<sz val="11"/><name val="Calibri"/><family val="2"/>'
    side = "<left/><right/><top/>"
    return (
        f'<styleSheet xmlns="{MAIN}"><numFmts count="2"><numFmt numFmtId="164"'
        ' formatCode="0.0%"/><numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
        f'<fonts count="2"><font>{font}</font><font><b/>{font}</font></fonts>'
        '<fills count="3"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill><fill><patternFill'
        ' patternType="solid"><fgColor rgb="FFE3E9EF"/><bgColor indexed="64"/></patternFill>'
        f'</fill></fills><borders count="2"><border>{side}<bottom/><diagonal/></border>'
        f'<border>{side}<bottom style="thin"><color auto="1"/></bottom><diagonal/></border>'
        '</borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0"'
        f' borderId="0"/></cellStyleXfs><cellXfs count="{len(listed)}">{"".join(listed)}'
        '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/>'
        "</cellStyles></styleSheet>"
    )


def _workbook(sheets: Sequence[Sheet], filtered: Sequence[str]) -> str:
    listed = "".join(
        f'<sheet name="{escape(sheet.name)}" sheetId="{place}" r:id="rId{place}"/>'
        for place, sheet in enumerate(sheets, start=1)
    )
    names = "".join(
        f'<definedName name="_xlnm._FilterDatabase" localSheetId="{place}" hidden="1">'
        f"{_of(sheet, everything)}</definedName>"
        f'<definedName name="_xlnm.Print_Titles" localSheetId="{place}">'
        f"{_of(sheet, ROW_ONE)}</definedName>"
        for place, (sheet, everything) in enumerate(zip(sheets, filtered, strict=True))
    )
    locked = int(any(sheet.is_protected for sheet in sheets))
    return (
        f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><workbookPr/>'
        f'<workbookProtection lockStructure="{locked}"/>'
        f"<bookViews><workbookView/></bookViews><sheets>{listed}</sheets>"
        f"<definedNames>{names}</definedNames></workbook>"
    )


def _of(sheet: Sheet, cells: str) -> str:
    """A reference to cells of a sheet, wherever the formula that names them stands."""
    fixed = re.sub(r"([A-Z]+|\d+)", r"$\1", cells)
    name = sheet.name.replace("'", "''")
    return escape(f"'{name}'!{fixed}", quote=False)


def _workbook_relations(count: int) -> str:
    listed = [
        f'<Relationship Id="rId{place}" Type="{OFFICE}/worksheet"'
        f' Target="worksheets/sheet{place}.xml"/>'
        for place in range(1, count + 1)
    ]
    listed.append(
        f'<Relationship Id="rId{count + 1}" Type="{OFFICE}/styles" Target="styles.xml"/>'
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{"".join(listed)}</Relationships>'


ROOT_RELATIONS = (
    f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1"'
    f' Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/><Relationship Id="rId2"'
    f' Type="{PACKAGE}/relationships/metadata/core-properties"'
    ' Target="docProps/core.xml"/></Relationships>'
)


def _content_types(count: int) -> str:
    sheets = "".join(
        f'<Override PartName="/xl/worksheets/sheet{place}.xml"'
        f' ContentType="{TYPES}.worksheet+xml"/>'
        for place in range(1, count + 1)
    )
    return (
        f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels"'
        ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{TYPES}.sheet.main+xml"/>{sheets}'
        f'<Override PartName="/xl/styles.xml" ContentType="{TYPES}.styles+xml"/>'
        '<Override PartName="/docProps/core.xml"'
        ' ContentType="application/vnd.openxmlformats-package.core-properties+xml"/></Types>'
    )


def _core(title: str, made_on: date) -> str:
    moment = f'xsi:type="dcterms:W3CDTF">{made_on.isoformat()}T00:00:00Z<'
    return (
        f'<cp:coreProperties xmlns:cp="{PACKAGE}/metadata/core-properties"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:title>{escape(title)}</dc:title><dc:creator></dc:creator>"
        f"<dcterms:created {moment}/dcterms:created>"
        f"<dcterms:modified {moment}/dcterms:modified></cp:coreProperties>"
    )
