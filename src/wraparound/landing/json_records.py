"""JSON as a stream of records: one object a line, arrays, pages of an API, or a single object."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, NoReturn

from wraparound.errors import ContractBroken
from wraparound.landing.csv_source import CsvSource
from wraparound.landing.opening import Member

CHARS = 1 << 18
# A guard of the machine's memory: a record, or an object over several lines, of more characters
# than this is not read.
RECORD_MAX = 16 << 20
# Strings, in which brackets mean nothing; a quote that is not closed in its line; and what opens,
# closes and parts records.
TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|["{}\[\],]')
BLANK = re.compile(r"[\s\ufeff]*")


def _no_number(word: str) -> NoReturn:
    raise ValueError(word)


# Numbers stay as they are written: 0.10 is not 0.1, and an id of many digits is not rounded.
DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_no_number)


@dataclass(frozen=True)
class Record:
    """One record: the number of its line, or of its place where lines mean nothing.

    `broken` is the text of one that is not JSON.
    """

    number: int
    value: Any = None
    broken: str | None = None


def read_records(
    member: Member, *, encoding: str = "utf-8", envelope: tuple[str, ...] = ()
) -> Iterator[Record]:
    """Every record of a JSON file, one after the other; memory does not grow with the file.

    `envelope` are members of a page that hold its records as a list.

    Raises:
        ContractBroken: the file is not in its encoding, breaks off, or holds a record beyond
            reason.
    """
    source = CsvSource(member, encoding)
    codec = "utf-8-sig" if encoding == "utf-8" else encoding
    try:
        with member.open() as stream:
            text = io.TextIOWrapper(stream, encoding=codec, newline="")
            for record in _records(text, member.name):
                yield from _unwrapped(record, envelope)
    except UnicodeDecodeError:
        raise source.not_in_encoding(source.first_bad_byte() or 0) from None


def _unwrapped(record: Record, envelope: tuple[str, ...]) -> Iterator[Record]:
    if isinstance(record.value, dict):
        for name in envelope:
            held = record.value.get(name)
            if isinstance(held, list):
                yield from (Record(place, value) for place, value in enumerate(held, start=1))
                return
    yield record


def _records(text: IO[str], name: str) -> Iterator[Record]:
    start, blank = _first_character(text)
    if start == "[":
        yield from _by_brackets(_Window(text, name, start))
        return
    # The line of the first record, of which one character is read.
    first, blank = (start + _line(text, name), blank + 1) if start else ("", 0)
    second, between = _first_line(text, name) if first else ("", 0)
    if _is_by_line(first, second):
        yield from _by_line(text, name, begin=((blank, first), (blank + between, second)))
    else:
        yield from _by_brackets(_Window(text, name, first + second))


def _is_by_line(first: str, second: str) -> bool:
    """One record a line: the first line is one, or the second begins as one would."""
    if not first.startswith("{"):
        return True
    return second.startswith("{") or _read(first, 0).broken is None


def _first_character(text: IO[str]) -> tuple[str, int]:
    """The first that is not blank, and how many lines end before it."""
    lines = 0
    while (character := text.read(1)) and BLANK.fullmatch(character):
        lines += character == "\n"
    return character, lines


def _first_line(text: IO[str], name: str) -> tuple[str, int]:
    """The next line that is not blank, and how many lines were read to find it."""
    count = 0
    while line := _line(text, name):
        count += 1
        if BLANK.fullmatch(line) is None:
            return line, count
    return "", count


def _line(text: IO[str], name: str) -> str:
    line = text.readline(RECORD_MAX)
    if len(line) == RECORD_MAX:
        raise _too_long(name)
    return line


def _by_line(text: IO[str], name: str, *, begin: tuple[tuple[int, str], ...]) -> Iterator[Record]:
    number = 0
    for number, line in begin:
        if line:
            yield _read(line, number)
    while line := _line(text, name):
        number += 1
        if BLANK.fullmatch(line) is None:
            yield _read(line, number)


def _read(text: str, number: int) -> Record:
    stripped = text.strip("\ufeff \t\r\n")
    try:
        return Record(number, DECODER.decode(stripped))
    except (ValueError, RecursionError):
        return Record(number, broken=stripped)


@dataclass
class _Window:
    """The part of a text that is being looked at."""

    text: IO[str]
    name: str
    data: str
    at: int = 0

    def more(self) -> bool:
        """Read on; False at the end."""
        chunk = self.text.read(CHARS)
        self.data = self.data[self.at :] + chunk
        self.at = 0
        if len(self.data) > RECORD_MAX + CHARS:
            raise _too_long(self.name)
        return bool(chunk)

    def next_character(self) -> str:
        """The next one that is not blank, without taking it; empty at the end."""
        while True:
            blank = BLANK.match(self.data, self.at)
            self.at = blank.end() if blank else self.at
            if self.at < len(self.data):
                return self.data[self.at]
            if not self.more():
                return ""


def _by_brackets(window: _Window) -> Iterator[Record]:
    number = depth = 0
    while character := window.next_character():
        if character in "[],":
            depth += {"[": 1, "]": -1, ",": 0}[character]
            window.at += 1
            continue
        number += 1
        yield _element(window, number)
    if depth:
        raise _breaks_off(window.name, number)


def _element(window: _Window, number: int) -> Record:
    while True:
        try:
            value, end = DECODER.raw_decode(window.data, window.at)
        except (ValueError, RecursionError):
            closing = _end_of(window.data, window.at)
            if closing is not None:
                broken = window.data[window.at : closing]
                window.at = closing
                return Record(number, broken=broken)
            if not window.more():
                raise _breaks_off(window.name, number) from None
            continue
        # A bare word or number at the edge may go on behind it.
        if end == len(window.data) and isinstance(value, str) and window.more():
            continue
        window.at = end
        return Record(number, value)


def _end_of(data: str, start: int) -> int | None:
    """Where a record that cannot be read ends, by its brackets; None if that is further on."""
    depth = 0
    for token in TOKEN.finditer(data, start):
        sign = token.group()
        if sign in ("{", "["):
            depth += 1
        elif sign in ("}", "]") and depth > 0:
            depth -= 1
            if depth == 0:
                return token.end()
        elif sign in (",", "]") and depth == 0:
            return token.start()
        elif sign == '"' and "\n" not in data[token.end() :]:
            return None  # the string may go on beyond what was read
    return None


def _too_long(name: str) -> ContractBroken:
    return ContractBroken(
        f"{name} holds a record of more than {RECORD_MAX >> 20} million characters. The whole "
        "arrival was set aside; ask the sender for one record a line."
    )


def _breaks_off(name: str, number: int) -> ContractBroken:
    return ContractBroken(
        f"{name} breaks off at record {number}: a bracket or a quote is not closed. The whole "
        "arrival was set aside; ask the sender to send it again."
    )
