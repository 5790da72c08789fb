"""Which tables the JSON files of an arrival fill, and in which order."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, time
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from psycopg import sql

from wraparound.contracts.district import District, FeedProfile, TableProfile
from wraparound.contracts.loader import contract_of
from wraparound.contracts.models import Contract, Table
from wraparound.contracts.resources import KINDS, Kind, Place, feeds_in, is_json, place_of
from wraparound.errors import ContractBroken
from wraparound.landing.json_extras import Level
from wraparound.landing.json_source import JsonSource, parse_path
from wraparound.landing.opening import Member
from wraparound.warehouse.mapping import Notice
from wraparound.warehouse.removals import IDENTITY, keys_of


@dataclass(frozen=True)
class JsonFile:
    """One JSON file and one table that it fills, empties or renames records of."""

    source: JsonSource
    contract: Contract
    name: str
    kind: Kind
    effective_at: datetime | None
    # Where the record itself is kept, for tables that hold more of it; and where in the order.
    primary: tuple[Contract, str] | None = None
    place: int = 0
    is_last: bool = True
    follows: bool = False

    @property
    def table(self) -> Table:
        """The table."""
        return self.source.table

    @property
    def primary_table(self) -> sql.Identifier | None:
        """The raw table of the record itself, where this one holds more of it."""
        if self.primary is None:
            return None
        contract, name = self.primary
        return sql.Identifier("raw", contract.raw_name(name))

    def calling(self, inside: str) -> JsonSource:
        """The file as keys of records: the parts of a key stand in a member `inside`."""
        shape = keys_of(self.source.shape, self.table, inside=inside)
        return replace(self.source, shape=shape, identity=IDENTITY, names_too=False, levels=())


def json_members(members: dict[str, Member], *, contract: Contract) -> dict[str, Member]:
    """The members that are JSON and are read."""
    return {
        name: member
        for name, member in members.items()
        if is_json(name) and name not in contract.ignored_files
    }


def plan_json(
    members: dict[str, Member],
    *,
    feed: str,
    file_name: str,
    district: District,
    sender: str,
) -> tuple[list[JsonFile], list[Notice]]:
    """What to do with each file of an arrival, in order, and notices of those that fill nothing.

    By day; within a day keys that changed, then what came or changed, parents first, then what
    went, children first: the order in which Ed-Fi's own publisher replays a change feed.

    Raises:
        ContractBroken: no file is of the feed.
    """
    files: list[JsonFile] = []
    unread: Counter[str] = Counter()
    tells = feeds_in(tuple(members))[:1] in ((), (feed,))
    refines = any(_standard_places(name, feed=feed) for name in members)
    for name, member in members.items():
        found = _files_of(member, feed=feed, district=district, sender=sender, refines=refines)
        files += found
        if not found and tells and place_of(name).resource is None:
            unread[place_of(name).name] += 1
    if not files:
        raise ContractBroken(
            f"{file_name} holds no JSON that feed {feed} is read from. Name each file after its "
            "resource, or say in the sender's profile from which paths each column is taken."
        )
    notices = [Notice("resource_not_read", name, count=n) for name, n in unread.items()]
    if district.profile(sender=sender, feed=feed).scope is None:
        return sorted(files, key=_order), notices
    # What is whole has no days: each table's files stand together, and the last one ends.
    ordered = sorted(files, key=lambda file: _order(file)[1:])
    keys = [(file.contract.feed, file.name) for file in ordered]
    return [
        replace(file, is_last=key not in keys[at + 1 :], follows=key in keys[:at])
        for at, (file, key) in enumerate(zip(ordered, keys, strict=True))
    ], notices


def shape_of(file_name: str, *, feed: str, table: str, profile: FeedProfile) -> TableProfile:
    """How a file fills a table: as its sender says, on top of what its standard says."""
    own = next(iter(_own_shapes(file_name, table=table, profile=profile)), None)
    place = place_of(file_name) if is_json(file_name) else None
    fills = place.resource.fills if place and place.resource else ()
    standard = next((f for f in fills if (f.feed, f.table) == (feed, table)), None)
    if standard is None or (own is not None and own.file):
        return own or profile.shape(table, file_name=file_name)
    if own is None:
        return standard
    return standard.model_copy(
        update={
            "columns": standard.columns | own.columns,
            "constants": standard.constants | own.constants,
            "codes": standard.codes | own.codes,
            "leave_out": standard.leave_out | own.leave_out,
        }
    )


def effective_time(file_name: str, *, district: District) -> datetime | None:
    """The first moment of the day that a file's path names."""
    day = place_of(file_name).run_date if is_json(file_name) else None
    return datetime.combine(day, time(), tzinfo=ZoneInfo(district.time_zone)) if day else None


def last_effective_time(file_names: Iterable[str], *, district: District) -> datetime | None:
    """The latest day that the paths of a package name: what it claims to be true of."""
    times = (effective_time(name, district=district) for name in file_names)
    return max((moment for moment in times if moment), default=None)


def _standard_places(file_name: str, *, feed: str) -> list[tuple[Contract, str]]:
    """The tables of the feed's family that a file fills by its standard."""
    resource, family = place_of(file_name).resource, contract_of(feed).family
    return [
        (contract_of(fill.feed), fill.table)
        for fill in (resource.fills if resource else ())
        if contract_of(fill.feed).family == family
    ]


def _files_of(
    member: Member, *, feed: str, district: District, sender: str, refines: bool
) -> list[JsonFile]:
    """What is read of a file. What a profile says of no file by its name adds to what the
    standard says of the delivery's files, if it `refines` that; else it says it all."""
    place = place_of(member.name)
    profile = district.profile(sender=sender, feed=feed)
    filled = _standard_places(member.name, feed=feed)
    own = [
        (contract_of(feed), table)
        for table in contract_of(feed).tables
        if any(
            shape.file or not refines
            for shape in _own_shapes(member.name, table=table, profile=profile)
        )
    ]
    # What a sender says by the file's name is all that is read of it.
    return _with_levels(
        [
            _file(member, place, of=own or filled, at=at, district=district, sender=sender)
            for at in range(len(own or filled))
        ],
        place,
    )


def _with_levels(files: list[JsonFile], place: Place) -> list[JsonFile]:
    """Let the tables of a file keep what nobody reads: each what stands beside its own rows, and
    the first table that has one row a record, or else the first of all, what the record holds."""
    known = _known_members([file.source for file in files], place)
    kept: list[tuple[Level, ...]] = []
    told: set[str] = set()
    for file in files:
        path, depth = file.source.shape.each, len(parse_path(file.source.shape.each).steps)
        own = f"{path}." if path else ""
        kept.append(() if own in told else (_level(depth, own, known, place),))
        told.add(own)
    if files and "" not in told:
        kept[0] = (_level(0, "", known, place), *kept[0])
    return [
        replace(file, source=replace(file.source, levels=levels))
        for file, levels in zip(files, kept, strict=True)
    ]


def _level(depth: int, path: str, known: dict[str, set[str]], place: Place) -> Level:
    return Level(depth, path, frozenset({*known[path], *place.not_kept}))


def _known_members(sources: list[JsonSource], place: Place) -> dict[str, set[str]]:
    """By the path of an object, with a dot behind it, those of its members that are spoken of."""
    known: dict[str, set[str]] = defaultdict(set)
    paths = set(place.resource.not_kept if place.resource else ())
    for source in sources:
        shape = source.shape
        paths |= {path for read in source.columns().values() for path in read}
        paths |= {shape.each, source.identity, *shape.leave_out}
        paths |= {look_up.by for look_up in shape.look_ups.values()}
        known[f"{shape.each}." if shape.each else ""] |= set(shape.constants)
    for one in {one for path in paths for one in path.split(" or ")}:
        before = ""
        for step in () if one.startswith("'") else parse_path(one).steps:
            known[before] |= set(step.names)
            before += f"{'|'.join(step.names)}{step.index}."
    return known


def _own_shapes(file_name: str, *, table: str, profile: FeedProfile) -> list[TableProfile]:
    """What the sender's profile says of a table in a file, the named file before any file."""
    shapes = profile.tables.get(table, ())
    base = PurePosixPath(file_name).name
    fitting = [s for s in shapes if s.file is None or fnmatchcase(base, s.file)]
    return sorted(fitting, key=lambda shape: shape.file is None)


def _file(
    member: Member,
    place: Place,
    *,
    of: list[tuple[Contract, str]],
    at: int,
    district: District,
    sender: str,
) -> JsonFile:
    contract, table = of[at]
    profile = district.profile(sender=sender, feed=contract.feed)
    shape = shape_of(member.name, feed=contract.feed, table=table, profile=profile)
    standard = place.resource
    source = JsonSource(
        member,
        contract.tables[table],
        shape,
        encoding=profile.encoding,
        envelope=place.envelope,
        identity=standard.identity if standard else "",
        names_too=standard is None,
        reports=at == 0,
    )
    return JsonFile(
        source,
        contract,
        table,
        place.kind,
        effective_time(member.name, district=district),
        of[0] if at else None,
        at,
    )


def _order(file: JsonFile) -> tuple[str, int, int, int, int, str]:
    place = place_of(file.source.member.name)
    # What goes, goes first where the record itself is kept.
    contract, name = file.contract, file.name
    if file.kind != "upserts" and file.primary is not None:
        contract, name = file.primary
    table = list(contract.tables).index(name)
    sign = -1 if file.kind == "deletes" else 1
    return (
        place.run_date.isoformat() if place.run_date else "",
        KINDS.index(file.kind),
        sign * contract.order,
        sign * table,
        file.place if file.kind != "upserts" else 0,
        file.source.member.name,
    )
