"""JSON records as rows of text: each column is taken from a declared path of the record."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from wraparound.contracts.district import TableProfile
from wraparound.contracts.models import Table
from wraparound.errors import ContractBroken, SettingsWrong
from wraparound.landing.json_extras import Extras, Level
from wraparound.landing.json_records import Record, read_records
from wraparound.landing.leaving_out import LEFT_OUT, is_left_out
from wraparound.landing.opening import Member

# Guards of the machine's memory: a file of which more records than this are no rows is another
# file; of one that is not JSON so many characters are kept.
UNUSABLE_MAX = 20_000
TEXT_KEPT = 1 << 16
UNUSABLE_RULES = (
    "not_json",
    "not_an_object",
    "not_a_list",
    "list_empty",
    "not_a_value",
    "not_text",
    "comma_in_list",
    LEFT_OUT,
)
STEP = re.compile(r"^([^\[\]]+)(\[\]|\[0\])?$")
DESCRIPTOR = re.compile(r"^uri://[^#]*Descriptor#")
RESOURCE_ID = "_resource_id"
TIME_OF_DAY = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}")
Cell = str | None
Stack = list[tuple[Any, int]]
Getter = Callable[[Stack], Cell]


@dataclass(frozen=True)
class Step:
    """One step of a path: a member, by any of its names; of a list, all entries or the first."""

    names: tuple[str, ...]
    index: str = ""


@dataclass(frozen=True)
class Path:
    """A way into a record: `a.b[].c`, `a|other.b`, `a[0].b`.

    Of two paths with ` or ` between them the first that leads somewhere counts. A word in single
    quotes is itself. Behind a path may stand `=WORD` (true where a value is that word, false
    where none is) or `#` (the place of the row in that list).
    """

    steps: tuple[Step, ...]
    word: str | None = None
    is_place: bool = False


class Misfit(Exception):
    """A record is not built as a path expects: `rule` says what was expected."""

    def __init__(self, rule: str, depth: int = 0) -> None:
        super().__init__(rule)
        self.rule = rule
        self.depth = depth


@dataclass(frozen=True)
class Unusable:
    """A record, or an entry of one, that is no row: its number, the rule, the column, its text."""

    number: int
    rule: str
    column: str | None = None
    text: str = ""


def parse_path(text: str) -> Path:
    """Read a path.

    Raises:
        SettingsWrong: it cannot be read.
    """
    text, has_word, word = text.partition("=")
    is_place = text.endswith("#")
    steps = []
    for part in text.removesuffix("#").split(".") if text else ():
        match = STEP.match(part)
        if match is None:
            raise SettingsWrong(
                f"The step '{part}' of a JSON path is not right: a name, or NAME[] or NAME[0]."
            )
        steps.append(Step(tuple(match.group(1).split("|")), match.group(2) or ""))
    return Path(tuple(steps), word if has_word else None, is_place)


@dataclass(frozen=True)
class JsonSource:
    """One JSON file of an arrival, read as rows of one table.

    `names_too` takes columns without a path from members of their own name. Only the source
    that `reports` tells of records that no table of the file can read. Of the objects in `levels`
    the members that nobody reads are kept.
    """

    member: Member
    table: Table
    shape: TableProfile
    encoding: str = "utf-8"
    envelope: tuple[str, ...] = ()
    identity: str = ""
    names_too: bool = True
    reports: bool = True
    levels: tuple[Level, ...] = ()

    def columns(self) -> dict[str, tuple[str, ...]]:
        """The contract's columns that are read, with the paths whose values make each."""
        found: dict[str, tuple[str, ...]] = {}
        for name in self.table.loaded:
            own = self.shape.columns.get(name)
            if own is not None:
                found[name] = (own,) if isinstance(own, str) else own
            elif self.names_too and name not in {*self.shape.constants, *self.shape.look_ups}:
                found[name] = (f"{self.shape.each}.{name}" if self.shape.each else name,)
        return found

    def rows(
        self, unusable: list[Unusable], *, extras: Extras
    ) -> Iterator[tuple[int, list[Cell]]]:
        """Each row as (its number, cells: one for each column, then for each look-up, then the
        record's id, then what nobody reads); what is no row goes to `unusable`.

        Rows are numbered by line or record; where a record has several, by their own order.
        """
        reader = _Reader(self, unusable, extras)
        records = read_records(self.member, encoding=self.encoding, envelope=self.envelope)
        for record in records:
            yield from reader.rows_of(record)


@dataclass
class _Reader:
    """The compiled paths of a source."""

    source: JsonSource
    unusable: list[Unusable]
    extras: Extras
    place: int = 0
    each: tuple[Step, ...] = ()
    getters: list[tuple[str, Getter]] = field(default_factory=list)
    left_out: list[tuple[Getter, tuple[str, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        source = self.source
        self.each = parse_path(source.shape.each).steps
        for name, paths in source.columns().items():
            is_list = source.table.columns[name].type == "list"
            made = [self._getter(path, is_list=is_list) for path in paths]
            getter = made[0] if len(made) == 1 else _joined(made)
            is_date = source.table.columns[name].type == "date"
            self.getters.append((name, _day_of(getter) if is_date else getter))
        for name, look_up in source.shape.look_ups.items():
            self.getters.append((name, self._getter(look_up.by)))
        if source.identity:
            self.getters.append((RESOURCE_ID, self._getter(source.identity)))
        for path, patterns in source.shape.leave_out.items():
            self.left_out.append((self._getter(path), patterns))

    def rows_of(self, record: Record) -> Iterator[tuple[int, list[Cell]]]:
        """The rows of one record."""
        if record.broken is not None or not isinstance(record.value, dict):
            if self.source.reports:
                rule = "not_json" if record.broken is not None else "not_an_object"
                self._note(self._number(record), rule, text=record.broken or "")
            return
        try:
            stacks = list(_deeper([(record.value, 1)], self.each, depth=0))
        except Misfit as misfit:
            # Whoever reads the list itself tells of it; those inside of it would only repeat it.
            if misfit.depth == len(self.each) or self.source.reports:
                self._note(self._number(record), misfit.rule)
            return
        if not stacks and (self.source.shape.replaces or self.source.table.replaces):
            # The entries are all that is read of the record; without one it would say nothing.
            self._note(self._number(record), "list_empty")
        for stack in stacks:
            row = self._row(stack, number=self._number(record))
            if row is not None:
                yield row

    def _number(self, record: Record) -> int:
        """Records are numbered as they come; entries of lists by their own order."""
        self.place += 1
        has_list = any(step.index == "[]" for step in self.each)
        return self.place if has_list else record.number

    def _row(self, stack: Stack, *, number: int) -> tuple[int, list[Cell]] | None:
        cells: list[Cell] = []
        name: str | None = None
        try:
            for column, getter in self.getters:
                name = column
                cell = getter(stack)
                if cell is not None and not _is_text(cell):
                    raise Misfit("not_text")
                cells.append(cell)
            name = None
            for getter, patterns in self.left_out:
                if is_left_out(getter(stack) or "", patterns):
                    raise Misfit(LEFT_OUT)
        except (Misfit, RecursionError) as odd:
            # Lists in lists, hundreds deep, are no value either.
            rule = odd.rule if isinstance(odd, Misfit) else "not_a_value"
            self._note(number, rule, column=name)
            return None
        if self.source.levels:
            cells.append(self.extras.of(stack, self.source.levels))
        return number, cells

    def _note(self, number: int, rule: str, *, column: str | None = None, text: str = "") -> None:
        self.unusable.append(Unusable(number, rule, column, text[:TEXT_KEPT]))
        if len(self.unusable) > UNUSABLE_MAX:
            raise ContractBroken(
                f"{self.source.member.name}: more than {UNUSABLE_MAX} records cannot be read. The "
                "whole arrival was set aside; ask the sender to export it again."
            )

    def _getter(self, text: str, *, is_list: bool = False) -> Getter:
        if " or " in text:
            return _first([self._getter(one, is_list=is_list) for one in text.split(" or ")])
        if text.startswith("'"):
            return lambda _: text.strip("'")
        path = parse_path(text)
        shared = 0
        while shared < min(len(path.steps), len(self.each)) and (
            path.steps[shared] == self.each[shared]
        ):
            shared += 1
        rest = path.steps[shared:]
        if path.is_place:
            return lambda stack: str(stack[shared][1])
        word = path.word
        if word is not None:
            return lambda stack: _has_word(_walk(stack[shared][0], rest), word)
        if all(not step.index and len(step.names) == 1 for step in rest):
            return _plain(shared, tuple(step.names[0] for step in rest), is_list=is_list)
        return lambda stack: _text(_walk(stack[shared][0], rest), is_list=is_list)


def _plain(shared: int, names: tuple[str, ...], *, is_list: bool) -> Getter:
    """The way of most columns: from member to member."""

    def get(stack: Stack) -> Cell:
        value = stack[shared][0]
        for name in names:
            if value is None:
                return None
            if type(value) is not dict:
                raise Misfit("not_an_object")
            value = value.get(name)
        return _text(value, is_list=is_list)

    return get


def _first(getters: list[Getter]) -> Getter:
    """The first of several values that is there."""

    def get(stack: Stack) -> Cell:
        return next((cell for getter in getters if (cell := getter(stack))), None)

    return get


def _joined(getters: list[Getter]) -> Getter:
    """Several values as one, none where one of them is missing."""

    def get(stack: Stack) -> Cell:
        cells = [getter(stack) for getter in getters]
        return None if not all(cells) else ":".join(cell for cell in cells if cell)

    return get


def _deeper(stack: Stack, each: tuple[Step, ...], *, depth: int) -> Iterator[Stack]:
    """For each row the objects on its way, each with its place in its list."""
    if depth == len(each):
        yield stack
        return
    value = _member(stack[-1][0], each[depth], depth=depth)
    if value is None:
        return
    if each[depth].index != "[]":
        yield from _deeper([*stack, (value, 1)], each, depth=depth + 1)
        return
    for place, entry in enumerate(value, start=1):
        yield from _deeper([*stack, (entry, place)], each, depth=depth + 1)


def _member(holder: Any, step: Step, *, depth: int = 0) -> Any:
    """The member of an object: of a list the list itself, or its first entry."""
    if holder is None:
        return None
    if not isinstance(holder, dict):
        raise Misfit("not_an_object", depth)
    value = next((holder[name] for name in step.names if holder.get(name) is not None), None)
    if value is None or not step.index:
        return value
    if not isinstance(value, list):
        raise Misfit("not_a_list", depth + 1)
    return value if step.index == "[]" else (value or [None])[0]


def _walk(value: Any, steps: tuple[Step, ...]) -> Any:
    for place, step in enumerate(steps):
        value = _member(value, step)
        if value is None:
            return None
        if step.index == "[]":
            return [_walk(entry, steps[place + 1 :]) for entry in value]
    return value


def _day_of(getter: Getter) -> Getter:
    """Of a time its day, as it is written."""

    def get(stack: Stack) -> Cell:
        cell = getter(stack)
        return cell if cell is None or TIME_OF_DAY.match(cell) is None else cell[:10]

    return get


def _has_word(value: Any, word: str) -> Cell:
    """Whether a value is a word, or one of a list is; unknown where there is none."""
    if value is None:
        return None
    entries = value if isinstance(value, list) else [value]
    return "true" if word in [_text(entry) for entry in entries] else "false"


def _text(value: Any, *, is_list: bool = False) -> Cell:
    if type(value) is str:
        return DESCRIPTOR.sub("", value) if value.startswith("uri://") else value
    if value is None:
        return None
    if value is True or value is False:
        return "true" if value else "false"
    if not isinstance(value, list):
        raise Misfit("not_a_value")
    entries = [entry for entry in map(_text, value) if entry]
    if is_list and any("," in entry for entry in entries):
        raise Misfit("comma_in_list")
    return ",".join(entries) or None


def _is_text(cell: str) -> bool:
    """Whether the database can hold it: no NUL, no half of a character."""
    if "\0" in cell:
        return False
    if cell.isascii():
        return True
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True
