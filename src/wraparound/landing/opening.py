"""Open an archived arrival safely: a zip's members, a workbook's sheets, or its one file."""

import io
import stat
import zipfile
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from wraparound.contracts.resources import is_json
from wraparound.errors import ArrivalUnsafe, ContractBroken
from wraparound.landing.archive import visible
from wraparound.landing.returned import members_of
from wraparound.landing.workbook import is_workbook

# Guards of the machine, not policy: far above any feed that was measured (about 7 to 1).
MEMBERS_MAX = 10_000
BYTES_MAX = 50 << 30
RATIO_MAX = 100
RATIO_MATTERS_ABOVE = 10 << 20
# What systems put into a zip beside the files that somebody packed.
JUNK_FOLDER = "__MACOSX"
JUNK_NAMES = (".DS_Store", "Thumbs.db", "desktop.ini")

# What comes under the name of a table and is none, by how it begins.
OTHERS = {
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an .xls of before 2007, or a workbook with a password",
    b"<!DOCTYPE": "a web page, such as a sign-in or a report",
    b"<html": "a web page, such as a sign-in or a report",
}


@dataclass(frozen=True)
class Member:
    """One file of an arrival; `open` gives its bytes as a stream.

    What was a sheet of a workbook has its `content` at hand. `inside` is its name in the zip, of
    which `name` is what people can read.
    """

    name: str
    byte_count: int
    archive: Path
    zipped: bool
    content: bytes | None = None
    inside: str | None = None

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The bytes, and never more of them than the archive declares."""
        if self.content is not None:
            yield io.BytesIO(self.content)
            return
        if not self.zipped:
            with self.archive.open("rb") as stream:
                yield stream
            return
        try:
            with (
                zipfile.ZipFile(self.archive) as packed,
                packed.open(self.inside or self.name) as stream,
            ):
                yield stream
        except (zipfile.BadZipFile, EOFError, NotImplementedError, zlib.error) as exc:
            raise ContractBroken(
                f"{self.name} inside the zip is damaged ({type(exc).__name__}). The whole "
                "arrival was set aside; ask the sender to send it again."
            ) from exc


def open_members(archived: Path, *, file_name: str) -> dict[str, Member]:
    """The members of an arrival by name; a plain file is its own only member.

    Raises:
        ArrivalUnsafe: the zip is encrypted, nested, too large, or names paths.
        ContractBroken: the zip cannot be read.
    """
    with archived.open("rb") as stream:
        begins = stream.read(32)
    if not begins.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        _refuse_others(begins, file_name=file_name)
        if file_name.lower().endswith((".zip", ".xlsx")):
            raise ContractBroken(
                f"{file_name} is not what its name says, or is damaged. The whole arrival was set "
                "aside; ask the sender to send it again."
            )
        return {file_name: Member(file_name, archived.stat().st_size, archived, zipped=False)}
    try:
        with zipfile.ZipFile(archived) as packed:
            entries = packed.infolist()
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, ValueError) as exc:
        raise ContractBroken(
            f"{file_name} is a damaged zip. The whole arrival was set aside; ask the sender to "
            "send it again."
        ) from exc
    is_book = is_workbook([entry.filename for entry in entries])
    _refuse_unsafe(entries, file_name=file_name, is_book=is_book)
    entries = [entry for entry in entries if not _is_junk(entry)]
    if is_book:
        return {
            name: Member(name, len(content), archived, zipped=True, content=content)
            for name, content in members_of(archived, file_name=file_name).items()
        }
    members = {}
    for entry in entries:
        if not entry.is_dir():
            name, size = visible(entry.filename), entry.file_size
            members[name] = Member(name, size, archived, zipped=True, inside=entry.filename)
    return members


def _refuse_others(begins: bytes, *, file_name: str) -> None:
    """Say what a file is that is no text, rather than which of its bytes is none."""
    bare = begins.removeprefix(BOM_UTF8).lstrip().lower()
    for mark, what in OTHERS.items():
        if begins.startswith(mark) or bare.startswith(mark.lower()):
            raise ContractBroken(
                f"{file_name} is {what}, which is not read. The whole arrival was set aside; ask "
                "the sender for CSV, a plain zip of CSV, or .xlsx."
            )


def _refuse_unsafe(entries: list[zipfile.ZipInfo], *, file_name: str, is_book: bool) -> None:
    reason = _unsafe_reason(entries, is_book=is_book)
    if reason:
        raise ArrivalUnsafe(
            f"{file_name} {reason}. It was not opened; ask the sender for another."
        )


def _unsafe_reason(entries: list[zipfile.ZipInfo], *, is_book: bool) -> str | None:
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if len(entries) > MEMBERS_MAX:
        return f"has more than {MEMBERS_MAX} members"
    if unpacked > BYTES_MAX:
        return f"would unpack to more than {BYTES_MAX >> 30} GiB"
    if unpacked > RATIO_MATTERS_ABOVE and unpacked > RATIO_MAX * max(packed, 1):
        return f"unpacks to more than {RATIO_MAX} times its size"
    names = [entry.filename for entry in entries]
    if len(set(names)) != len(names):
        return "holds two members of one name"
    reasons = (reason for entry in entries if (reason := _unsafe_entry(entry)))
    wanted = [entry for entry in entries if not _is_junk(entry)]
    return next(reasons, None) or (None if is_book else _misplaced(wanted))


def _is_junk(entry: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(entry.filename)
    return (
        path.parts[:1] == (JUNK_FOLDER,) or path.name.startswith("._") or path.name in JUNK_NAMES
    )


def _misplaced(entries: list[zipfile.ZipInfo]) -> str | None:
    """Folders hold an API's resources as JSON; files of any other kind stand at the root."""
    folders = [entry for entry in entries if entry.is_dir()]
    nested = [
        entry.filename
        for entry in entries
        if not entry.is_dir() and len(PurePosixPath(entry.filename).parts) > 1
    ]
    if all(map(is_json, nested)) and (nested or not folders):
        return None
    return (
        "has its files inside a folder; they must be at the root of the zip (pack the files, not "
        "the folder that holds them)"
    )


def _unsafe_entry(entry: zipfile.ZipInfo) -> str | None:
    path = PurePosixPath(entry.filename)
    if entry.flag_bits & 0x1:
        return "is encrypted"
    if path.is_absolute() or ".." in path.parts or "\\" in entry.filename:
        return "names a path outside itself"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "holds a symbolic link"
    if path.suffix.lower() in (".zip", ".7z", ".gz", ".tar", ".rar"):
        return "holds another archive"
    return None
