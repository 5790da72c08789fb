"""CSV as bytes: the header is read here, the rest streams on to the database untouched."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import IO, TYPE_CHECKING

from wraparound.contracts.district import FeedProfile
from wraparound.errors import ContractBroken
from wraparound.landing.opening import Member

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK = 1 << 20
# Bytes that no text cell should hold: all control characters but TAB, LF and CR.
HARMLESS = bytes(b for b in range(256) if b in (9, 10, 13) or 32 <= b != 127)
# A quote with text on both sides is inside an unquoted field, or was not doubled: COPY would
# read on to the next quote, and swallow the rows between.
STRAY_QUOTE = re.compile(rb'[^\x00-\x1f",;|]"[^\x00-\x1f",;|]')
HEADER_MAX = 1 << 20
FIELD_MAX = 16 << 20
# What may stand around a cell and is no part of it. A spreadsheet shows them all as nothing.
SPACES = " \t\u00a0"
# Dates and numbers of four digits and more, which no column is called.
VALUE = re.compile(r"(?=(\D*\d){4})[+-]?\d+([./-]\d+)*([ T]\d+(:\d+)*)?")
RETURNS_AS_LINES = bytes.maketrans(b"\r", b"\n")


@dataclass
class Seen:
    """What was noticed in the bytes of a file while they went by.

    `has_padding` says that some cell may begin or end with a space of any kind, or be empty in
    quotes, `may_have_blank` that some row begins with an empty cell.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    has_control: bool = False
    has_padding: bool = False
    may_have_blank: bool = False
    newlines: int = 0
    ends_with_newline: bool = True
    _tail: bytes = b"\n"

    def look(self, block: bytes) -> None:
        """Take note of a block.

        Raises:
            OddQuotes: COPY would read the quotes otherwise than they are meant.
        """
        self.has_control = self.has_control or bool(block.translate(None, HARMLESS))
        self.newlines += block.count(b"\n")
        self.ends_with_newline = block.endswith(b"\n")
        edge = self._tail + block[:2]
        if not self.has_padding:
            self.has_padding = self._may_be_padded(block) or self._may_be_padded(edge)
        begun = b"\n" + self.delimiter.encode()
        self.may_have_blank = self.may_have_blank or begun in block or begun in edge
        # Before PostgreSQL 18, COPY took a line of \\. for the end of the data.
        if b"\n\\." in block or (b'"' in block and STRAY_QUOTE.search(block)):
            raise OddQuotes
        if b'"' in edge and STRAY_QUOTE.search(edge):
            raise OddQuotes
        self._tail = block[-2:]

    @property
    def ends_with_space(self) -> bool:
        """Whether the file ends in the middle of padding."""
        return self._tail.endswith(b" ")

    def _may_be_padded(self, block: bytes) -> bool:
        if any(space in block for space in self._odd_spaces):
            return True
        # One byte that is nowhere costs a tenth of a pair to look for: few files have quotes.
        return any(
            pair in block
            for edge, pairs in self._paddings.items()
            if edge in block
            for pair in pairs
        )

    @cached_property
    def _odd_spaces(self) -> list[bytes]:
        """Spaces that are seldom anywhere: a tab, and one that does not break."""
        return [s.encode(self.encoding) for s in SPACES if s not in (" ", self.delimiter)]

    @cached_property
    def _paddings(self) -> dict[bytes, tuple[bytes, ...]]:
        mark = self.delimiter.encode()
        return {
            mark: (b" " + mark, mark + b" "),
            b"\r": (b" \r",),
            b"\n": (b" \n", b"\n "),
            b'"': (b' "', b'" ', b'""'),
        }

    def has_line_breaks(self, rows: int) -> bool:
        """Whether some of that many rows went over more than one line."""
        return self.newlines + (not self.ends_with_newline) != rows


class OddQuotes(Exception):
    """The file has to be read record by record."""


class _LinesOfReturns(io.RawIOBase):
    """The bytes of a file whose lines end in a carriage return alone, with line feeds instead."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill a buffer: as many bytes as there were, at the same places."""
        room = memoryview(buffer)
        read = self._stream.read(len(room)).translate(RETURNS_AS_LINES)
        room[: len(read)] = read
        return len(read)


@dataclass(frozen=True)
class CsvSource:
    """One CSV file of an arrival, in a declared encoding and delimiter."""

    member: Member
    encoding: str = "utf-8"
    delimiter: str = ","
    # So many lines come before the header; where the file has none, its columns in their order.
    lines_above: int = 0
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, member: Member, profile: FeedProfile) -> "CsvSource":
        """A file as its sender's profile says that it is laid out."""
        layout = profile.layout_of(member.name)
        mark = layout.delimiter or profile.delimiter
        return cls(member, profile.encoding, mark, layout.lines_above, layout.header)

    @property
    def first_row(self) -> int:
        """The row of the first record, as in a spreadsheet: the file's first line is row 1."""
        return self.lines_above + (1 if self.names else 2)

    @cached_property
    def _ends_in_returns(self) -> bool:
        """Whether lines end in CR alone, as the exports of some school systems do by default."""
        with self.member.open() as stream:
            begins = stream.read(BLOCK)
        return b"\r" in begins and b"\n" not in begins

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The bytes of the file, whose lines end in LF or CRLF."""
        with self.member.open() as stream:
            if self._ends_in_returns:
                yield io.BufferedReader(_LinesOfReturns(stream), BLOCK)
            else:
                yield stream

    def header(self) -> list[str]:
        """The column names, as they stand in the file.

        Raises:
            ContractBroken: the file is empty, is not in its encoding, has no readable header, or
                other columns than the sender's profile names in their order.
        """
        cells = [cell.strip() for cell in self._first_cells()]
        if not self.names:
            return cells
        if len(cells) != len(self.names):
            raise self._other_columns(f"has {len(cells)} cells in its first row")
        # Else somebody called First Name would be a child of the roster.
        if {name.lower() for name in self.names if name} & {cell.lower() for cell in cells}:
            raise self._other_columns("has a header")
        return list(self.names)

    def _other_columns(self, has: str) -> ContractBroken:
        return ContractBroken(
            f"{self.member.name} {has}, and the sender's profile names {len(self.names)} columns "
            "for it as it has no header (layouts: header). The whole arrival was set aside; "
            "correct the district file, then land it again."
        )

    def _first_cells(self) -> list[str]:
        """The cells of the header; where there is none, of the first record."""
        with self.open() as stream:
            line, _ = _first_record(self._below(stream), self.member.name)
        try:
            text = line.decode(self.encoding)
        except UnicodeDecodeError as exc:
            raise self.not_in_encoding(self.first_bad_byte() or 0) from exc
        try:
            cells = next(csv.reader([text], delimiter=self.delimiter), [])
        except csv.Error as exc:
            raise ContractBroken(
                f"{self.member.name}: its first line cannot be read as a CSV header (lines must "
                "end in LF or CRLF). The whole arrival was set aside; ask the sender to export it "
                "again."
            ) from exc
        if not any(cell.strip() for cell in cells):
            raise ContractBroken(f"{self.member.name} has no header in its first line.")
        return cells

    def _below(self, stream: IO[bytes]) -> bytes:
        """The first bytes below the lines above the header."""
        read = stream.read(BLOCK)
        # Two programs, one after the other, may each have set its mark.
        while read.startswith(codecs.BOM_UTF8):
            read = read.removeprefix(codecs.BOM_UTF8)
        *above, below = read.split(b"\n", self.lines_above)
        if len(above) < self.lines_above or not below.strip():
            raise ContractBroken(
                f"{self.member.name} is empty. Nothing was loaded; the last good data stays in "
                "force. Ask the sender for a file with a header and rows."
            )
        return below

    @property
    def is_numbered(self) -> bool:
        """Whether each line begins with its row number."""
        return False

    @contextmanager
    def blocks(self) -> Iterator[Iterator[bytes]]:
        """The bytes after the header, in blocks."""
        with self.open() as stream:
            yield _blocks(self.begin(stream), stream)

    def begin(self, stream: IO[bytes]) -> bytes:
        """Read up to the first record: what was read of it and beyond."""
        below = self._below(stream)
        return below if self.names else _first_record(below, self.member.name)[1]

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Every record as (row number, cells); for files that COPY cannot sort out.

        Raises:
            ContractBroken: as `rows`.
        """
        return ((row, cells) for row, cells in self.rows() if row >= self.first_row)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Every record, and the header before them, as (row number, cells).

        Raises:
            ContractBroken: a quoted field never ends, or a field is beyond reason.
        """
        csv.field_size_limit(FIELD_MAX)
        with self.open() as stream:
            text = io.TextIOWrapper(stream, encoding=_with_mark(self.encoding), newline="")
            # Read as leniently as COPY does, but a quote inside a field does not open another.
            reader = csv.reader(text, delimiter=self.delimiter)
            row = self.lines_above
            for _ in range(self.lines_above):
                text.readline()
            try:
                for cells in reader:
                    row += 1
                    if cells:
                        yield row, cells
            except csv.Error as exc:
                raise self._not_csv(row + 1) from exc
            if not self._quotes_pair() and cells and any("\n" in cell for cell in cells):
                raise self._not_csv(row)

    def _not_csv(self, row: int) -> ContractBroken:
        return ContractBroken(
            f"{self.member.name}: row {row} cannot be read as CSV (a quoted field is not closed, "
            "or is too long). The whole arrival was set aside; ask the sender to export it again."
        )

    def _quotes_pair(self) -> bool:
        with self.member.open() as stream:
            quotes = 0
            while block := stream.read(BLOCK):
                quotes += block.count(b'"')
        return quotes % 2 == 0

    def not_in_encoding(self, offset: int) -> ContractBroken:
        """The error for a byte that the declared encoding does not know."""
        if self.is_utf_16:
            return ContractBroken(
                f"{self.member.name} is UTF-16 (the mark at byte 0 says so). The whole arrival "
                "was set aside; ask the sender to export it as UTF-8, in Excel 'CSV UTF-8'."
            )
        if self._is_nul(offset):
            return ContractBroken(
                f"{self.member.name} holds a NUL byte at byte {offset}. The whole arrival was set "
                "aside; ask the sender to export it again as plain text."
            )
        return ContractBroken(
            f"{self.member.name} is not {self.encoding} at byte {offset}. The whole arrival was "
            "set aside. If the sender writes another encoding, declare it in the sender's "
            "profile (encoding: cp1252)."
        )

    @property
    def is_utf_16(self) -> bool:
        """Whether the file begins with the mark of UTF-16, which is not read."""
        with self.member.open() as stream:
            return stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

    def _is_nul(self, offset: int) -> bool:
        with self.member.open() as stream:
            while offset >= BLOCK:
                stream.read(BLOCK)
                offset -= BLOCK
            return stream.read(offset + 1)[offset:] == b"\0"

    def first_bad_byte(self) -> int | None:
        """The offset of the first byte that is not in the encoding, or is NUL; None if all are."""
        decoder = codecs.getincrementaldecoder(self.encoding)()
        offset = 0
        with self.member.open() as stream:
            while block := stream.read(BLOCK):
                if b"\0" in block:
                    return offset + block.index(b"\0")
                pending = len(decoder.getstate()[0])
                try:
                    decoder.decode(block)
                except UnicodeDecodeError as exc:
                    return offset - pending + exc.start
                offset += len(block)
        cut_off = len(decoder.getstate()[0])
        return offset - cut_off if cut_off else None


def holds_values(cells: list[str]) -> bool:
    """Whether a first line is no header but a row, and must not be told."""
    return any(VALUE.fullmatch(cell) for cell in cells)


def one_record(line: str, *, delimiter: str) -> list[str]:
    """The cells of one line that holds a whole record."""
    return next(csv.reader([line], delimiter=delimiter), [])


def _with_mark(encoding: str) -> str:
    return "utf-8-sig" if encoding == "utf-8" else encoding


def _blocks(first: bytes, stream: IO[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    while block := stream.read(BLOCK):
        yield block


def _first_record(read: bytes, name: str) -> tuple[bytes, bytes]:
    """Part what was read at the end of its first record: (the record, what is beyond it)."""
    end = _end_of_record(read)
    if end is None and len(read) >= HEADER_MAX:
        raise ContractBroken(f"{name} has no end of line in its first {HEADER_MAX} bytes.")
    if end is None:
        return read.rstrip(b"\r\n"), b""
    return read[:end].rstrip(b"\r\n"), read[end:]


def _end_of_record(read: bytes) -> int | None:
    """The position after the first line end that stands outside quotes."""
    position = quotes = 0
    while (newline := read.find(b"\n", position)) != -1:
        quotes += read.count(b'"', position, newline)
        if quotes % 2 == 0:
            return newline + 1
        position = newline + 1
    return None
