"""Which feed a file belongs to: said by hand, by the sender's profile, or by what it is."""

from fnmatch import fnmatch
from pathlib import PurePath

from wraparound.contracts.district import District, FeedProfile
from wraparound.contracts.loader import contract_of, family_tables, load_contracts
from wraparound.contracts.models import Contract, Table
from wraparound.contracts.resources import JSON_SUFFIXES, feeds_in
from wraparound.errors import ContractBroken, FeedUnknown
from wraparound.landing.csv_source import CsvSource
from wraparound.landing.opening import Member


def recognise(
    members: dict[str, Member] | None, *, file_name: str, district: District, sender: str
) -> tuple[str, ...]:
    """The feed of a file, or the feeds of a package of resources; `members` is None where the
    file could not be opened.

    Raises:
        FeedUnknown: nothing tells.
    """
    feed = _by_profile(file_name, members=members, district=district, sender=sender)
    resources = feeds_in(tuple(members or ()))
    if feed is None and resources:
        return resources
    feed = (
        feed
        or (_by_members(members) if members and not _is_one_file(members, file_name) else None)
        or _by_name(file_name)
        or (_by_header(members, district=district, sender=sender) if members else None)
    )
    if feed is None:
        raise FeedUnknown(
            f"Nothing says which feed {file_name} belongs to. {_what_to_do(members, file_name)}"
        )
    return (contract_of(feed).feed,)


def _what_to_do(members: dict[str, Member] | None, file_name: str) -> str:
    kinds = {PurePath(name).suffix.lower() for name in members or (file_name,)}
    if kinds & {".xml", ".xsd"}:
        return "XML is not read: ask the sender for CSV, or for the same resources as JSON."
    named = "Name it after its feed"
    if kinds.intersection(JSON_SUFFIXES):
        named = "Name a file of one resource after it, as studentSchoolAssociations.json, another"
        named += " after its feed"
    return (
        f"{named} ({', '.join(load_contracts())}), pass --feed, or add a pattern under senders in "
        "the district file."
    )


def _is_one_file(members: dict[str, Member], file_name: str) -> bool:
    return set(members) == {file_name}


def _by_profile(
    file_name: str, *, members: dict[str, Member] | None, district: District, sender: str
) -> str | None:
    """The feed whose profile knows the file's name, or names of files in it."""
    known = district.senders.get(sender)
    for feed, profile in known.feeds.items() if known else ():
        if any(fnmatch(file_name, pattern) for pattern in profile.files):
            return feed
        if profile.named(members or ()):
            return feed
    return None


def _by_members(members: dict[str, Member]) -> str | None:
    """The family most of whose files are inside; the roster before the gradebook."""
    names = {PurePath(name).name.lower() for name in members}
    scores = []
    for contract in load_contracts().values():
        files = {table.file.lower() for table in contract.tables.values()}
        found = len(names & files)
        marker = {"oneroster": "manifest.csv", "hsds": "datapackage.json"}.get(contract.package)
        if found or (marker in names and contract.tables_required()):
            scores.append((-(found > 0), contract.order, contract.feed))
    return min(scores)[2] if scores else None


def _by_name(file_name: str) -> str | None:
    stem = PurePath(file_name).stem.lower()
    for contract in load_contracts().values():
        stems = [contract.feed, *(PurePath(t.file).stem.lower() for t in contract.tables.values())]
        may_be = contract.package == "csv" or file_name.lower().endswith(".zip")
        if may_be and any(stem.startswith(known) for known in stems):
            return contract.feed
    return None


def _by_header(members: dict[str, Member], *, district: District, sender: str) -> str | None:
    fits = []
    for member in members.values():
        try:
            header = {name.lower() for name in CsvSource(member).header()}
        except ContractBroken:
            continue
        for contract in load_contracts().values():
            profile = district.profile(sender=sender, feed=contract.feed)
            for name, table in contract.tables.items():
                if _needed(table, contract, profile, name) <= header:
                    fits.append((len(table.columns), contract.feed))
    feeds = {feed for _, feed in fits}
    return feeds.pop() if len(feeds) == 1 else None


def _needed(table: Table, contract: Contract, profile: FeedProfile, name: str) -> set[str]:
    shape = profile.shape(name)
    needed = set()
    for column, spec in table.columns.items():
        if spec.required and column not in shape.constants:
            own = shape.columns.get(column, column)
            needed |= {h.lower() for h in ([own] if isinstance(own, str) else own)}
    # Every OneRoster and HSDS file begins alike; those come by their file names.
    return needed if contract.package == "csv" else needed | {"\0"}


def table_files(feed: str) -> dict[str, tuple[Contract, str, Table]]:
    """The files that a package of this feed may hold, by name."""
    return family_tables(contract_of(feed).family)
