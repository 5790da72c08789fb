"""Workbooks (.xlsx) read as text, one sheet at a time; nothing in them is ever evaluated.

Read by our own hand, with the standard library's parser: no document type, no entity, no link,
no macro, and no more bytes than are declared. Source: ECMA-376, part 1, SpreadsheetML.
"""

import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from xml.parsers import expat

from wraparound.errors import ArrivalUnsafe, ContractBroken

BLOCK = 1 << 18
# Guards of the machine's memory: a list of a large school has some 100,000 cells.
PART_BYTES_MAX = 256 << 20
CELLS_MAX = 5_000_000
MARKS = ("[Content_Types].xml", "xl/workbook.xml")
# Numbers with one of these formats are days or times (ECMA-376, 18.8.30).
DAY_FORMATS = frozenset([*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)])
SPELT_OUT = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
EPOCHS = {False: datetime(1899, 12, 30), True: datetime(1904, 1, 1)}  # noqa: DTZ001  no zone
# What a part that is not what it claims to be ends in.
UNREADABLE = (
    *(expat.ExpatError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError),
    *(LookupError, ValueError, ArithmeticError),
)
LETTERS = re.compile(r"^([A-Z]{1,3})[0-9]+$")


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
        ArrivalUnsafe: a part declares a document type, or is too large.
        ContractBroken: it is not a workbook that can be read.
    """
    try:
        with zipfile.ZipFile(archived) as packed:
            book = _Book(packed, file_name)
            sheets = {name: book.rows(part) for name, part in book.sheets().items()}
    except UNREADABLE as exc:
        raise ContractBroken(
            f"{file_name} is a workbook that cannot be read ({type(exc).__name__}). Nothing of it "
            "was taken; open it, save it as .xlsx and send it again."
        ) from None
    return {name: rows for name, rows in sheets.items() if rows}


@dataclass
class _Book:
    """The parts of one workbook that say what a cell shows."""

    packed: zipfile.ZipFile
    file_name: str
    cell_count: int = 0
    strings: list[str] = field(default_factory=list)
    day_styles: set[int] = field(default_factory=set)
    epoch: datetime = EPOCHS[False]

    def sheets(self) -> dict[str, str]:
        """The part of each sheet, by the sheet's name; reads strings and styles on the way."""
        listed: list[tuple[str, str]] = []
        parts: dict[str, str] = {}

        def start(name: str, values: dict[str, str]) -> None:
            if name == "sheet":
                place = next((v for k, v in values.items() if k.endswith(":id")), "")
                listed.append((values["name"], place))
            elif name == "workbookPr":
                self.epoch = EPOCHS[values.get("date1904", "0") in ("1", "true")]
            elif name == "Relationship" and values.get("TargetMode") != "External":
                target = posixpath.join("/xl", values["Target"])
                parts[values["Id"]] = posixpath.normpath(target).lstrip("/")

        self._parse("xl/workbook.xml", start=start)
        self._parse("xl/_rels/workbook.xml.rels", start=start)
        self._read_strings()
        self._read_styles()
        return {name: parts[place] for name, place in listed if "worksheets/" in parts[place]}

    def rows(self, part: str) -> list[SheetRow]:
        """The rows of one sheet that hold something."""
        reader = _SheetReader(self)
        self._parse(part, start=reader.start, end=reader.end, text=reader.text)
        return reader.rows

    def count_cell(self) -> None:
        """Stop at more cells than any list or feed could have."""
        self.cell_count += 1
        if self.cell_count > CELLS_MAX:
            raise self._unsafe(f"has more than {CELLS_MAX} cells")

    def _read_strings(self) -> None:
        if "xl/sharedStrings.xml" not in self.packed.namelist():
            return
        spoken = _Spoken()

        def end(name: str) -> None:
            spoken.end(name)
            if name == "si":
                self.strings.append(spoken.take())

        self._parse("xl/sharedStrings.xml", start=spoken.start, end=end, text=spoken.text)

    def _read_styles(self) -> None:
        if "xl/styles.xml" not in self.packed.namelist():
            return
        own: dict[int, bool] = {}
        inside: list[str] = []
        count = 0

        def start(name: str, values: dict[str, str]) -> None:
            nonlocal count
            if name == "numFmt":
                letters = SPELT_OUT.sub("", values.get("formatCode", "")).lower()
                own[int(values["numFmtId"])] = bool(set("ymdhs") & set(letters))
            elif name == "cellXfs":
                inside.append(name)
            elif name == "xf" and inside:
                kind = int(values.get("numFmtId", "0"))
                if own.get(kind, kind in DAY_FORMATS):
                    self.day_styles.add(count)
                count += 1

        def end(name: str) -> None:
            if name == "cellXfs":
                inside.clear()

        self._parse("xl/styles.xml", start=start, end=end)

    def _parse(
        self,
        part: str,
        *,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None] = lambda _: None,
        text: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Send one part through the parser, in blocks, without its name prefixes."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = lambda name, values: start(_plain(name), values)
        parser.EndElementHandler = lambda name: end(_plain(name))
        parser.CharacterDataHandler = text
        parser.StartDoctypeDeclHandler = self._refuse_document_type
        for block in self._blocks(part):
            parser.Parse(block, False)
        parser.Parse(b"", True)

    def _blocks(self, part: str) -> Iterator[bytes]:
        read = 0
        with self.packed.open(part) as stream:
            while block := stream.read(BLOCK):
                read += len(block)
                if read > PART_BYTES_MAX:
                    raise self._unsafe(f"holds a part of more than {PART_BYTES_MAX >> 20} MiB")
                yield block

    def _refuse_document_type(self, *_: object) -> None:
        raise self._unsafe("declares a document type, which a workbook never needs")

    def _unsafe(self, what: str) -> ArrivalUnsafe:
        return ArrivalUnsafe(f"{self.file_name} {what}. It was not read; ask for another.")


@dataclass
class _Spoken:
    """Gathers the text of `t` elements, without the readings above East Asian words."""

    pieces: list[str] = field(default_factory=list)
    is_text: bool = False
    is_reading: bool = False

    def start(self, name: str, _: dict[str, str]) -> None:
        """An element begins."""
        self.is_reading = self.is_reading or name == "rPh"
        self.is_text = name == "t" and not self.is_reading

    def end(self, name: str) -> None:
        """An element ends."""
        self.is_text = False
        if name == "rPh":
            self.is_reading = False

    def text(self, piece: str) -> None:
        """Characters between."""
        if self.is_text:
            self.pieces.append(piece)

    def take(self) -> str:
        """What was gathered since the last time."""
        whole = "".join(self.pieces)
        self.pieces.clear()
        return whole


class _SheetReader:
    """The rows of one sheet, as the parser walks through it."""

    def __init__(self, book: _Book) -> None:
        self.rows: list[SheetRow] = []
        self._book = book
        self._number = 0
        self._place = -1
        self._cells: dict[int, Cell] = {}
        self._kind = self._style = ""
        self._value: list[str] = []
        self._reads_value = self._is_computed = False
        self._spoken = _Spoken()

    def start(self, name: str, values: dict[str, str]) -> None:
        """An element begins."""
        self._spoken.start(name, values)
        if name == "row":
            self._number = int(values.get("r", self._number + 1))
            self._cells, self._place = {}, -1
        elif name == "c":
            self._book.count_cell()
            self._place = _column(values["r"]) if "r" in values else self._place + 1
            self._kind, self._style = values.get("t", "n"), values.get("s", "0")
            self._value, self._is_computed = [], False
        elif name == "f":
            self._is_computed = True
        self._reads_value = name == "v"

    def end(self, name: str) -> None:
        """An element ends."""
        self._spoken.end(name)
        self._reads_value = False
        if name == "c":
            cell = self._cell()
            if cell != EMPTY:
                self._cells[self._place] = cell
        elif name == "row" and self._cells:
            self.rows.append(SheetRow(self._number, self._cells))

    def text(self, piece: str) -> None:
        """Characters between."""
        self._spoken.text(piece)
        if self._reads_value:
            self._value.append(piece)

    def _cell(self) -> Cell:
        value, spoken = "".join(self._value), self._spoken.take()
        if self._is_computed or self._kind == "e":
            return Cell("", is_computed=True)
        if self._kind == "s" and value:
            return Cell(_trimmed(self._book.strings[int(value)]))
        if self._kind == "inlineStr":
            return Cell(_trimmed(spoken))
        if self._kind == "b":
            return Cell("true" if value == "1" else "false")
        if self._kind != "n" or not value:
            return Cell(_trimmed(value))
        return Cell(self._number_text(float(value)))

    def _number_text(self, number: float) -> str:
        if int(self._style) in self._book.day_styles:
            moment = self._book.epoch + timedelta(days=number)
            seconds = round((number % 1) * 86_400)
            return moment.date().isoformat() if not seconds else moment.isoformat(" ", "seconds")
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _plain(name: str) -> str:
    return name.rpartition(":")[2]


def _trimmed(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _column(reference: str) -> int:
    """The place of a column, from 0, in a reference such as AB12."""
    found = LETTERS.match(reference)
    if found is None:
        raise ValueError("not a reference to a cell")
    place = 0
    for letter in found[1]:
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1
