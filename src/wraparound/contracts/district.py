"""What a district says about itself and its senders: config/district.yml, as strict models."""

import re
from collections.abc import Hashable, Iterable
from datetime import date, time
from fnmatch import fnmatch, fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from wraparound.contracts.leaving import MAIL_ADDRESS, Analytics, Channel, Retention
from wraparound.contracts.loader import load_contracts
from wraparound.contracts.models import Scope
from wraparound.errors import SettingsWrong

DateOrder = Literal["YMD", "MDY", "DMY"]


def _hour(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"\d\d:\d\d", value) is None:
        raise ValueError('must be an hour of the district\'s clock such as "05:30"')
    return value


Hour = Annotated[time, BeforeValidator(_hour)]


class Strict(BaseModel):
    """A model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LookUp(Strict):
    """A value that the sender does not send with the row: `column` of the record of `table` that
    the cell under the header `by` names."""

    by: str
    table: str
    column: str


def _parts_cells(value: str) -> str:
    if re.fullmatch(r"[\t -~]", value) and not value.isalnum() and value != '"':
        return value
    raise ValueError('must be one sign such as ";" or "|", or a tab, written "\\t"')


Delimiter = Annotated[str, AfterValidator(_parts_cells)]


class Layout(Strict):
    """How the lines of a sender's file stand: `lines_above` lines come before the header; where
    the file has none, `header` names its columns in their order."""

    delimiter: Delimiter | None = None
    lines_above: int = Field(default=0, ge=0, le=100)
    header: tuple[str, ...] = ()


class TableProfile(Strict):
    """How one sender's file differs from the contract's table.

    `columns` maps contract column -> the sender's header, or a list of headers whose cells are
    joined by a colon where the sender has no column of that meaning; `constants` fills contract
    columns that the sender does not send, and `look_ups` take them from another record; `codes`
    maps contract column -> {sender's code: our code}.
    """

    file: str | None = None
    columns: dict[str, str | Annotated[tuple[str, ...], Field(min_length=1)]] = {}
    constants: dict[str, str] = {}
    look_ups: dict[str, LookUp] = {}
    codes: dict[str, dict[str, str]] = {}
    # Of JSON: the list whose entries are the rows, columns whose day is the last one where ours is
    # the day after, and the columns by which a record replaces what it said before.
    each: str = ""
    last_days: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    # A header, or a path of JSON -> patterns of values that keep a row out.
    leave_out: dict[str, tuple[str, ...]] = {}

    def is_of(self, file_name: str) -> bool:
        """Whether it names the file, or a pattern of its names."""
        return self.file is not None and (
            self.file == file_name or fnmatchcase(file_name, self.file)
        )

    def header_of(self, column: str) -> str:
        """The sender's name of a contract column, for messages."""
        own = self.columns.get(column, column)
        return own if isinstance(own, str) else " + ".join(own)


class FeedProfile(Strict):
    """How one sender delivers one feed.

    A table may have one shape, or a list of them where several of the sender's files fill it.
    """

    files: tuple[str, ...] = ()
    encoding: Literal["utf-8", "cp1252"] = "utf-8"
    delimiter: Delimiter = ","
    # A file's name, or a pattern of names -> its layout, where it is not the feed's.
    layouts: dict[str, Layout] = {}
    date_order: DateOrder = "YMD"
    # Whether cells written as ="00123", by which a spreadsheet keeps zeros, are their text.
    formula_text: bool = False
    strictness: Literal["tolerant", "strict"] = "tolerant"
    scope: Scope | None = None
    student_id: str | None = None
    school_id: str | None = None
    # How many digits ids have whose zeros in front a spreadsheet ate.
    student_id_digits: int | None = Field(default=None, ge=1, le=20)
    school_id_digits: int | None = Field(default=None, ge=1, le=20)
    tables: dict[str, tuple[TableProfile, ...]] = {}

    @field_validator("tables", mode="before")
    @classmethod
    def _one_or_more(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {k: v if isinstance(v, list | tuple) else [v] for k, v in value.items()}

    @field_validator("tables")
    @classmethod
    def _each_file_once(
        cls, value: dict[str, tuple[TableProfile, ...]]
    ) -> dict[str, tuple[TableProfile, ...]]:
        for table, shapes in value.items():
            files = [shape.file for shape in shapes]
            if len(set(files)) < len(files):
                raise ValueError(
                    f"{table} has two entries for one file, and a file fills a table once: where "
                    "its columns stand beside each other, as one for each period, ask the sender "
                    "for a row for each"
                )
        return value

    def shape(self, table: str, *, file_name: str | None = None) -> TableProfile:
        """The shape of a table's file; of several, the one that names the file."""
        shapes = self.tables.get(table, ())
        named = [s for s in shapes if file_name and s.is_of(file_name)]
        return next(iter(named or shapes), TableProfile())

    def layout_of(self, file_name: str) -> Layout:
        """The layout of a file: that of the first pattern that knows its name."""
        known = (own for pattern, own in self.layouts.items() if fnmatch(file_name, pattern))
        own = next(known, Layout())
        return own.model_copy(update={"delimiter": own.delimiter or self.delimiter})

    def named(self, files: Iterable[str]) -> dict[str, set[str]]:
        """Those files that tables of this feed name: the sender's name or pattern -> files."""
        names = tuple(files)
        shapes = [s for several in self.tables.values() for s in several]
        found = {s.file: {n for n in names if s.is_of(n)} for s in shapes if s.file}
        return {file: named for file, named in found.items() if named}

    def names(self, file_name: str) -> bool:
        """Whether a table of this feed names a file."""
        return bool(self.named((file_name,)))

    @field_validator("student_id", "school_id")
    @classmethod
    def _known_meaning(cls, value: str | None) -> str | None:
        if value in (None, "sourcedId", "identifier") or str(value).startswith("userIds:"):
            return value
        raise ValueError("must be sourcedId, identifier, or userIds:TYPE")


# Whoever follows the standards.
DEFAULT_SENDER = "default"


class Sender(Strict):
    """One source of files, with a profile for each feed that it sends its own way."""

    title: str = ""
    contact: str = ""
    # Whether a file of theirs is whole only when FILE.sha256 or FILE.done is beside it.
    sidecar: bool = False
    feeds: dict[str, FeedProfile] = {}


class Expected(Strict):
    """When a feed is due: its weekdays (Monday is 0), the hour, and the sender, if one is meant.

    `within_days` are days on which schools are open. A delivery with fewer rows than the share
    `shrunken_below` of the median of the `compared_with` before it is told, and so are
    `unchanged_after` deliveries in a row that change nothing; both only where they are said.
    """

    sender: str | None = None
    by: Hour = time(5, 0)
    days: tuple[Annotated[int, Field(ge=0, le=6)], ...] = (0, 1, 2, 3, 4)
    within_days: int = Field(default=1, ge=1)
    owner: str = ""
    owner_mail: str = Field(default="", pattern=f"^({MAIL_ADDRESS})?$")
    shrunken_below: float | None = Field(default=None, gt=0, lt=1)
    compared_with: int = Field(default=5, ge=2, le=50)
    unchanged_after: int | None = Field(default=None, ge=2, le=50)


class District(Strict):
    """The district file. Every key has a default except the name and the time zone."""

    name: str
    time_zone: str
    language: Literal["en", "es"] = "en"
    school_year_starts: str = "07-01"
    publish_hour: Hour = time(5, 30)
    # How long a held school's question waits for a person in Airflow, before it stays held.
    approval_hours: int = Field(default=10, ge=1, le=23)
    # How long a night may take before it is told that it did not end.
    overdue_hours: int = Field(default=2, ge=1, le=23)
    # Who is told of a pipeline that failed, a night that did not end, and schools that are held.
    operator_mail: str = Field(default="", pattern=f"^({MAIL_ADDRESS})?$")
    # How long logs of Airflow's tasks, and its records of runs, are kept.
    airflow_days: int = Field(default=90, ge=7)
    expected: dict[str, Expected] = {}
    senders: dict[str, Sender] = {}
    # Whether each load leaves a receipt for the sender in the outbox.
    receipts: bool = False
    # What leaves. Releases are kept to go back to; a count below the smallest is not told on
    # pages that are not about single children.
    keep_releases: int = Field(default=14, ge=2)
    smallest_count: int = Field(default=6, ge=1)
    channels: dict[str, Annotated[Channel, Field(discriminator="kind")]] = {}
    analytics: Analytics = Analytics()
    retention: Retention = Retention()

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as exc:
            raise ValueError("is not a time zone name such as America/New_York") from exc
        return value

    @field_validator("school_year_starts")
    @classmethod
    def _day_of_every_year(cls, value: str) -> str:
        # 2025 has no 29 February, as most years.
        if re.fullmatch(r"\d\d-\d\d", value):
            date.fromisoformat(f"2025-{value}")
            return value
        raise ValueError('must be a month and a day such as "07-01"')

    @field_validator("senders")
    @classmethod
    def _names_of_folders(cls, value: dict[str, Sender]) -> dict[str, Sender]:
        for name in value:
            if not re.fullmatch(r"[^./\\\x00-\x1f][^/\\\x00-\x1f]*", name):
                raise ValueError(f"'{name}' is no name of a folder, and files lie in one by it")
        return value

    @model_validator(mode="after")
    def _names_are_known(self) -> "District":
        for name, sender in self.senders.items():
            for feed, profile in sender.feeds.items():
                wrong = _unknown_name(feed, profile)
                if wrong:
                    raise ValueError(f"senders.{name}.feeds.{feed}: {wrong}")
        unknown = sorted(set(self.expected) - set(load_contracts()))
        if unknown:
            raise ValueError(f"expected: there is no feed '{unknown[0]}'")
        return self

    def profile(self, *, sender: str, feed: str) -> FeedProfile:
        """The sender's profile for a feed; the standard's own shape where none is written."""
        known = self.senders.get(sender)
        return known.feeds.get(feed, FeedProfile()) if known else FeedProfile()

    def sender_of(self, file_name: str) -> str:
        """Whose file it is where nobody says so: the one sender whose patterns know the name."""
        knowing = [
            name
            for name, sender in self.senders.items()
            for profile in sender.feeds.values()
            if any(fnmatch(file_name, pattern) for pattern in profile.files)
        ]
        return knowing[0] if len(set(knowing)) == 1 else DEFAULT_SENDER

    def school_year_of(self, day: date) -> int:
        """The year in which the school year of a day ends."""
        month, start_day = (int(part) for part in self.school_year_starts.split("-"))
        return day.year + ((day.month, day.day) >= (month, start_day))


def _unknown_name(feed: str, profile: FeedProfile) -> str | None:
    """What a profile names that the feed's contract does not have."""
    contract = load_contracts().get(feed)
    if contract is None:
        return f"there is no feed '{feed}'"
    for table_name, shapes in profile.tables.items():
        table = contract.tables.get(table_name)
        if table is None:
            return f"there is no table '{table_name}'; {', '.join(contract.tables)}"
        for shape in shapes:
            named = {*shape.columns, *shape.constants, *shape.codes, *shape.look_ups}
            named |= {*shape.last_days, *shape.replaces}
            unknown = sorted(named - set(table.columns))
            if unknown:
                return f"tables.{table_name}: there is no column '{unknown[0]}'"
            if any(table.columns[name].type != "date" for name in shape.last_days):
                return f"tables.{table_name}: last_days may name columns of dates only"
            for look_up in shape.look_ups.values():
                other = contract.tables.get(look_up.table)
                if other is None or look_up.column not in other.columns:
                    return f"tables.{table_name}: nothing to look up in '{look_up.table}'"
    return None


class _Texts(yaml.SafeLoader):
    """YAML in which a plain word is that word: No, 01 and 05:30 are codes, not values. A key that
    comes twice is an error: nobody would know which of them counts."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping of different keys."""
        seen: set[str] = set()
        for key, _ in node.value:
            # What is no scalar, YAML's own constructor refuses as a key.
            if not isinstance(key.value, str):
                continue
            if key.value in seen:
                line = key.start_mark.line + 1
                raise SettingsWrong(
                    f"The district file, line {line}: the key '{key.value}' comes twice."
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


PLAIN_TAGS = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")
_Texts.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in PLAIN_TAGS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_district(path: Path) -> District:
    """Read and check the district file.

    Raises:
        SettingsWrong: the file is not YAML or breaks the model; the message names every key.
    """
    try:
        # The loader is a safe one: it makes texts, lists, mappings and nulls, no objects.
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Texts)  # noqa: S506
        return District.model_validate(data)
    except OSError as exc:
        raise SettingsWrong(f"The district file {path} cannot be read: {exc.strerror}.") from exc
    except UnicodeDecodeError as exc:
        raise SettingsWrong(f"The district file {path} is not UTF-8 at byte {exc.start}.") from exc
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        why = f": {exc.problem}" if isinstance(exc, yaml.constructor.ConstructorError) else ""
        raise SettingsWrong(f"The district file {path} is not YAML{where}{why}.") from exc
    except ValidationError as exc:
        lines = [f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors()]
        raise SettingsWrong(
            f"The district file {path} is not right:\n" + "\n".join(lines)
        ) from exc
