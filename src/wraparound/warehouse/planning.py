"""Which member of an arrival fills which table, and whether all that must come is there."""

import difflib
from dataclasses import dataclass, replace
from pathlib import Path

from wraparound.contracts.district import District, FeedProfile, TableProfile
from wraparound.contracts.loader import contract_of, family_tables, ignored_files
from wraparound.contracts.models import Contract, Table
from wraparound.errors import ContractBroken, SettingsWrong
from wraparound.landing.csv_source import CsvSource
from wraparound.landing.opening import Member
from wraparound.warehouse import oneroster
from wraparound.warehouse.mapping import Notice, headers_of, map_source

Tables = dict[str, tuple[Contract, str, Table]]
Place = tuple[Contract, str, Table]


@dataclass(frozen=True)
class File:
    """One file to load: where it goes and how it is meant.

    Of several files that fill one table, `is_last` is true of one, and `follows` of all but
    the first. `elsewhere` are headers, in small letters, that the other tables of the file read.
    """

    member: Member
    contract: Contract
    name: str
    table: Table
    shape: TableProfile
    mode: oneroster.Mode
    is_last: bool = True
    follows: bool = False
    elsewhere: frozenset[str] = frozenset()


def plan(
    members: dict[str, Member],
    *,
    feed: str,
    file_name: str,
    profile: FeedProfile,
    district: District,
    sender: str,
) -> tuple[list[File], list[Notice]]:
    """The files of an arrival in load order, and notices of those that fill no table.

    Raises:
        ContractBroken: nothing of the feed is there, or something that must be is not.
    """
    contract = contract_of(feed)
    tables = family_tables(contract.family)
    ignored = ignored_files(contract.family)
    members, respelt = _respelt(members, known={*tables, *ignored}, profile=profile)
    manifest = _manifest(
        members, contract=contract, profile=profile, tables=tables, file_name=file_name
    )
    places = _all_places(members, contract=contract, tables=tables, profile=profile)
    manifest = oneroster.as_its_files_are(manifest, _names(places))
    files = [
        _file(members[name], place, manifest=manifest, district=district, sender=sender)
        for name, found in places.items()
        for place in found
    ]
    notices = [*respelt, *manifest.notices]
    for name in (name for name, found in places.items() if not found):
        notices += _not_read(name, ignored=ignored)
    if not manifest.says_nothing_changed:
        missing = _missing_files(files, contract=contract, manifest=manifest, profile=profile)
        _refuse_missing_files(
            files, members, file_name=file_name, contract=contract, missing=missing
        )
    files = [replace(file, elsewhere=_read_elsewhere(file, files)) for file in files]
    return _in_order(files, tables), notices


def _manifest(
    members: dict[str, Member],
    *,
    contract: Contract,
    profile: FeedProfile,
    tables: Tables,
    file_name: str,
) -> oneroster.Manifest:
    """What a package says of itself; files that a sender calls otherwise come without a word."""
    is_own = bool(profile.named(members))
    if contract.package != "oneroster" or (is_own and oneroster.MANIFEST not in members):
        return oneroster.Manifest("")
    ignored = ignored_files(contract.family)
    return oneroster.read_manifest(members, tables=tables, ignored=ignored, file_name=file_name)


def _names(places: dict[str, list[Place]]) -> set[str]:
    return {name for found in places.values() for _, name, _ in found}


def _read_elsewhere(file: File, files: list[File]) -> frozenset[str]:
    others = [other for other in files if other.member is file.member and other is not file]
    return frozenset(
        header.lower() for other in others for header in headers_of(other.table, other.shape)
    )


def _file(
    member: Member, place: Place, *, manifest: oneroster.Manifest, district: District, sender: str
) -> File:
    contract, name, table = place
    profile = district.profile(sender=sender, feed=contract.feed)
    shape = profile.shape(name, file_name=member.name)
    if shape.each:
        raise SettingsWrong(
            f"senders.{sender}.feeds.{contract.feed}.tables.{name}: each is of JSON, which "
            f"{member.name} is not. Nothing was loaded; take it out of the district file, then "
            "land it again."
        )
    shown = table.for_version(manifest.version)
    return File(member, contract, name, shown, shape, manifest.mode_of(member.name))


def _respelt(
    members: dict[str, Member], *, known: set[str], profile: FeedProfile
) -> tuple[dict[str, Member], list[Notice]]:
    """The members by the standard's spelling of their names, where only letter case differs."""
    spelt = {name.lower(): name for name in (*known, oneroster.MANIFEST)}
    found: dict[str, Member] = {}
    notices = []
    for name, member in members.items():
        own = name if profile.names(name) else spelt.get(name.lower(), name)
        if own in members or own in found:
            own = name
        found[own] = member if own == name else replace(member, name=own, inside=name)
        notices += [] if own == name else [Notice("file_name_in_other_case", Path(own).stem)]
    return found, notices if len(members) > 1 else []


def _not_read(name: str, *, ignored: frozenset[str]) -> list[Notice]:
    """What is told of a file that fills no table."""
    if name == oneroster.MANIFEST:
        return []
    if name in ignored:
        return [Notice("file_archived_only", Path(name).stem)]
    return [Notice("file_not_used", Path(name).suffix or "package")]


def _in_order(files: list[File], tables: Tables) -> list[File]:
    """Parents before children; of several files of a table the last one knows that it is."""
    order = [(known.feed, name) for known, name, _ in tables.values()]
    files = sorted(files, key=lambda f: order.index((f.contract.feed, f.name)))
    keys = [(file.contract.feed, file.name) for file in files]
    return [
        replace(file, is_last=key not in keys[place + 1 :], follows=key in keys[:place])
        for place, (file, key) in enumerate(zip(files, keys, strict=True))
    ]


def _all_places(
    members: dict[str, Member], *, contract: Contract, tables: Tables, profile: FeedProfile
) -> dict[str, list[Place]]:
    alone = len(members) == 1
    return {
        name: _places(member, contract=contract, tables=tables, profile=profile, alone=alone)
        for name, member in members.items()
    }


def _places(
    member: Member, *, contract: Contract, tables: Tables, profile: FeedProfile, alone: bool
) -> list[Place]:
    """The tables that a file fills: by its sender's name for them, or by the standard's."""
    name = member.name
    named = [
        (contract, table_name, contract.tables[table_name])
        for table_name, shapes in profile.tables.items()
        if any(shape.is_of(name) for shape in shapes)
    ]
    if not named and name not in tables and alone:
        return _only_place(member, contract=contract, tables=tables, profile=profile)
    return named or ([tables[name]] if name in tables else [])


def _only_place(
    member: Member, *, contract: Contract, tables: Tables, profile: FeedProfile
) -> list[Place]:
    """Where an arrival of one file belongs, whatever the file is called: by how its name begins,
    or by the table whose columns it has."""
    if len(contract.tables) == 1:
        (only,) = contract.tables
        return [(contract, only, contract.tables[only])]
    stem = Path(member.name).stem.lower()
    by_stem = {Path(file).stem.lower(): place for file, place in tables.items()}
    named = [place for known, place in by_stem.items() if stem.startswith(known)]
    return (named or _by_header(member, contract=contract, profile=profile))[:1]


def _by_header(member: Member, *, contract: Contract, profile: FeedProfile) -> list[Place]:
    """The tables that a file's header fits, the one that asks for most first.

    Raises:
        ContractBroken: it fits none, not even one for which the sender has a profile.
    """
    if contract.package != "csv":
        return []
    source = CsvSource.of(member, profile)
    fitting, misfits = [], []
    for name, table in contract.tables.items():
        shape = profile.shape(name, file_name=member.name)
        try:
            map_source(source, table=table, name=name, profile=shape)
        except ContractBroken as misfit:
            misfits += [misfit] if name in profile.tables else []
            continue
        asked = sum(column.required for column in table.columns.values())
        fitting.append((asked, (contract, name, table)))
    if misfits and not fitting:
        raise misfits[0]
    return [place for _, place in sorted(fitting, key=lambda fit: -fit[0])]


def _missing_files(
    files: list[File],
    *,
    contract: Contract,
    manifest: oneroster.Manifest,
    profile: FeedProfile,
) -> list[str]:
    """The contract's names of files that must be there and are not. Whose files all have names of
    their own sends what the profile has tables for, and no more."""
    have = {(file.contract.feed, file.name) for file in files}
    is_own = all(profile.names(file.member.name) for file in files)
    return [
        table.file
        for name, table in contract.tables.items()
        if table.required
        and (name in profile.tables or not is_own)
        and (contract.feed, name) not in have
        and manifest.modes.get(table.file) != "absent"
    ]


def _refuse_missing_files(
    files: list[File],
    members: dict[str, Member],
    *,
    file_name: str,
    contract: Contract,
    missing: list[str],
) -> None:
    if not files:
        raise ContractBroken(
            f"{file_name} holds no file of feed {contract.feed}. Expected: "
            f"{', '.join(table.file for table in contract.tables.values())}, or what the sender's "
            "profile names under `file`; of a workbook that is the sheet's name with .csv."
        )
    if missing:
        spare = sorted(set(members) - {file.member.name for file in files})
        close = difflib.get_close_matches(missing[0], spare, n=1)
        hint = (
            f" Its file '{close[0]}' may be it: name it in the sender's profile." if close else ""
        )
        raise ContractBroken(
            f"{file_name} lacks {', '.join(missing)}.{hint} The whole arrival was set aside and "
            "the last good data stays in force; ask the sender to send it again."
        )
