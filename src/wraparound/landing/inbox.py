"""The inbox: what has arrived in it whole."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from wraparound.contracts.district import District
from wraparound.contracts.loader import load_contracts
from wraparound.contracts.resources import is_json, place_of
from wraparound.landing.archive import told

UNFINISHED = (".part", ".tmp", ".partial", ".filepart", ".crdownload", ".swp")
# Files beside a delivery that say that it is whole: its checksum, or nothing at all.
CHECKSUM, DONE = ".sha256", ".done"
PACKAGE_MARKERS = ("manifest.csv", "datapackage.json")


@dataclass(frozen=True)
class Found:
    """A complete file or package folder, with what its place in the inbox says of it.

    `checksum` is the SHA-256 that the sender promises for its bytes.
    """

    path: Path
    sender: str
    feed: str | None
    checksum: str | None = None

    @property
    def name(self) -> str:
        """What the ledger calls it."""
        return told(self.path.name)


def find_complete(inbox: Path, *, district: District, settle_seconds: float) -> list[Found]:
    """Every file that is whole, in a stable order.

    Whole is what has `FILE.sha256` or `FILE.done` beside it; and, unless its sender promised one,
    what nobody has written to for `settle_seconds`.
    `inbox/FILE`, `inbox/SENDER/FILE`, `inbox/FEED/FILE` and `inbox/SENDER/FEED/FILE` all work.
    Where no folder names a sender, the patterns of the district file may.
    Names that begin with a dot or end as an unfinished upload are left alone.
    """
    if not inbox.is_dir():
        return []
    horizon = time.time() - settle_seconds
    return [
        replace(found, checksum=_promised(found.path))
        for found in _walk(inbox, sender=None, feed=None, district=district)
        if _is_whole(found, district=district, horizon=horizon)
    ]


def lying_in(inbox: Path) -> Iterator[Path]:
    """The files that lie there, finished or not, and that no name hides."""
    return (path for path in inbox.rglob("*") if path.is_file() and not path.name.startswith("."))


def sidecars(path: Path) -> list[Path]:
    """The files beside a delivery that say that it is whole, as far as they are there."""
    named = [path.with_name(path.name + ending) for ending in (CHECKSUM, DONE)]
    return [sidecar for sidecar in named if sidecar.is_file()]


def _is_whole(found: Found, *, district: District, horizon: float) -> bool:
    if sidecars(found.path):
        return True
    sender = district.senders.get(found.sender)
    return not (sender and sender.sidecar) and _last_written(found.path) <= horizon


def _promised(path: Path) -> str | None:
    """The first word of the checksum's file, as `sha256sum` writes it."""
    try:
        words = path.with_name(path.name + CHECKSUM).read_text(encoding="ascii").split()
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return ""
    return words[0].lower() if words else ""


def is_package(folder: Path, *, district: District, sender: str) -> bool:
    """Whether a folder is one delivery: a manifest is in it, or several files of one feed and of
    no other, by the standard's names or by those of the sender's profile."""
    names = {path.name for path in folder.iterdir() if path.is_file()}
    if names & set(PACKAGE_MARKERS) or _holds_resources(folder, names=names):
        return True
    known = district.senders.get(sender)
    if known and any(len(profile.named(names)) > 1 for profile in known.feeds.values()):
        return True
    families: dict[str, set[str]] = {}
    for contract in load_contracts().values():
        files = {table.file for table in contract.tables.values()}
        families.setdefault(contract.family, set()).update(files)
    told = [names & files for files in families.values() if names & files]
    return len(told) == 1 and len(told[0]) > 1


def _holds_resources(folder: Path, *, names: set[str]) -> bool:
    """Whether it is a tree of a standard's resources as JSON, or several of them as files."""
    files = [name for name in names if is_json(name) and place_of(name).resource]
    return len(files) > 1 or any(
        _is_resource_folder(path) for path in folder.iterdir() if path.is_dir()
    )


def _is_resource_folder(folder: Path) -> bool:
    """Whether it is named after a resource and holds JSON; where a feed has the same name, as
    grades, JSON in a folder of its own, for an inbox has folders of feeds."""
    if place_of(f"{folder.name}/page.json").resource is None:
        return False
    is_feed = folder.name in load_contracts()
    return any(
        is_json(path.name) and not (is_feed and path.parent == folder)
        for path in folder.rglob("*")
    )


def _walk(
    folder: Path, *, sender: str | None, feed: str | None, district: District
) -> list[Found]:
    found = []
    for path in sorted(folder.iterdir()):
        left_alone = (*UNFINISHED, CHECKSUM, DONE)
        if path.is_symlink() or path.name.startswith(".") or path.name.endswith(left_alone):
            continue
        whose = sender or district.sender_of(path.name)
        if path.is_file():
            found.append(Found(path, whose, feed))
            continue
        if not path.is_dir() or not os.access(path, os.R_OK | os.X_OK):
            continue
        inner_feed = path.name if path.name in load_contracts() else feed
        inner_sender = path.name if path.name in district.senders else sender
        if is_package(path, district=district, sender=whose):
            found.append(Found(path, inner_sender or whose, inner_feed))
        else:
            found += _walk(path, sender=inner_sender, feed=inner_feed, district=district)
    return found


def _last_written(path: Path) -> float:
    try:
        files = [path, *path.rglob("*")] if path.is_dir() else [path]
        stats = [file.lstat() for file in files]
        # Who copies a file may set the first of the two, to a time to come where clocks differ.
        return max(min(stat.st_mtime, stat.st_ctime) for stat in stats)
    except FileNotFoundError:
        return time.time()
