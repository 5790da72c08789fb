"""The archive: every accepted byte, by content hash, written once and never changed."""

import errno
import hashlib
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from uuid import uuid4

from wraparound.errors import ArrivalIncomplete, ArrivalUnsafe

BLOCK = 1 << 20
# A folder becomes one zip with the same bytes each time: sorted names, no dates, no packing.
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
# Folders that hold what is being taken away, beside where it was; and, once that is settled, what
# is being deleted.
ASIDE, GONE = ".taken-", ".gone-"


@dataclass(frozen=True)
class Stored:
    """What was archived: the hash of its bytes, their number, where they are, and from what."""

    sha256: str
    byte_count: int
    path: Path
    source: "Fingerprint"


def told(name: str) -> str:
    """The name of a file as text: bytes that are none, and what nobody would see, as escapes."""
    return visible(os.fsencode(name).decode("utf-8", "backslashreplace"))


def visible(text: str) -> str:
    """A text in which nothing steers a terminal or turns what stands beside it: what nobody would
    see is an escape."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def store(source: Path, archive: Path, *, checksum: str | None = None) -> Stored:
    """Copy a file, or a folder packed as one zip, into the archive; the same bytes once.

    Raises:
        ArrivalIncomplete: the file changed while it was read, is gone, or is not what the
            `checksum` promises that came with it.
        ArrivalUnsafe: it is a link, or neither a file nor a folder.
        OSError: the archive's disk has no room for it. Nothing of it was written: what else is
            on that disk, such as the database, keeps what room there is.
    """
    name = told(source.name)
    if source.is_symlink() or not (source.is_file() or source.is_dir()):
        if not source.exists():
            raise ArrivalIncomplete(f"{name} is not there (any more). Nothing was taken.")
        raise ArrivalUnsafe(f"{name} is neither a plain file nor a folder; not taken.")
    archive.mkdir(mode=0o700, parents=True, exist_ok=True)
    before = fingerprint(source)
    if sum(size for _, _, size, _ in before) > shutil.disk_usage(archive).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(archive))
    handle, temporary = tempfile.mkstemp(dir=archive, prefix=".incoming-")
    try:
        with os.fdopen(handle, "w+b") as target:
            if source.is_dir():
                _pack(source, target)
            else:
                _copy(source, target)
            if fingerprint(source) != before:
                raise ArrivalIncomplete(
                    f"{name} is still being written. Nothing was taken; land it again "
                    "when it is complete, or write it under another name and rename it."
                )
            target.flush()
            os.fsync(target.fileno())
            target.seek(0)
            digest = hashlib.file_digest(target, "sha256").hexdigest()
            _hold_against(checksum, digest=digest, name=name)
            size = target.seek(0, os.SEEK_END)
        return Stored(digest, size, _put_in_place(Path(temporary), archive, digest), before)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _hold_against(checksum: str | None, *, digest: str, name: str) -> None:
    if checksum not in (None, digest):
        raise ArrivalIncomplete(
            f"{name} is not what its checksum says: it is still being written, or was damaged on "
            "its way. Nothing was taken; ask the sender to send both again."
        )


def archived(archive: Path, sha256: str) -> Path:
    """Where the bytes with that hash are."""
    return archive / sha256[:2] / sha256


def is_whole(archive: Path, sha256: str) -> bool:
    """Whether the bytes are there, and are those that were accepted."""
    try:
        with archived(archive, sha256).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == sha256
    except FileNotFoundError:
        return False


def _put_in_place(temporary: Path, archive: Path, digest: str) -> Path:
    """The same bytes again take the place of those that are there, which may be damaged."""
    final = archived(archive, digest)
    final.parent.mkdir(mode=0o700, exist_ok=True)
    temporary.chmod(0o400)
    temporary.rename(final)
    for folder in (final.parent, archive):
        _sync_folder(folder)
    return final


def _copy(source: Path, target: IO[bytes]) -> None:
    handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(handle, "rb") as stream:
        while block := stream.read(BLOCK):
            target.write(block)


def _pack(folder: Path, target: IO[bytes]) -> None:
    """Everything in the folder but hidden files; what no zip should hold is refused on opening."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as packed:
        for member in _members(folder):
            entry = zipfile.ZipInfo(told(str(member.relative_to(folder))), date_time=ZIP_EPOCH)
            if member.is_symlink():
                entry.external_attr = (stat.S_IFLNK | 0o777) << 16
                packed.writestr(entry, b"")
                continue
            handle = os.open(member, os.O_RDONLY | os.O_NOFOLLOW)
            with packed.open(entry, "w", force_zip64=True) as inner, os.fdopen(handle, "rb") as f:
                while block := f.read(BLOCK):
                    inner.write(block)


def _members(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if (path.is_symlink() or path.is_file())
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


Fingerprint = tuple[tuple[str, int, int, int], ...]


def fingerprint(path: Path) -> Fingerprint:
    """Names, inodes, sizes and times: equal before and after means nobody wrote meanwhile."""
    try:
        files = _members(path) if path.is_dir() else [path]
        stats = [(str(file.relative_to(path)), file.lstat()) for file in files]
    except FileNotFoundError:
        return ()
    return tuple((name, s.st_ino, s.st_size, s.st_mtime_ns) for name, s in stats)


def may_take_away(path: Path) -> bool:
    """Whether a file, or a folder with all that is in it, may be moved and deleted by us."""
    folders = [path.parent]
    if path.is_dir():
        folders += [path, *(inner for inner in path.rglob("*") if inner.is_dir())]
    may_write = all(os.access(folder, os.R_OK | os.W_OK | os.X_OK) for folder in folders)
    return may_write and (not _is_sticky(path.parent) or _is_ours(path) or _is_ours(path.parent))


def _is_sticky(folder: Path) -> bool:
    """Whether each user may delete only their own files there, as in /tmp."""
    return bool(folder.stat().st_mode & stat.S_ISVTX)


def _is_ours(path: Path) -> bool:
    return os.geteuid() in (0, path.lstat().st_uid)


def take_away(path: Path, *, known: Fingerprint, sidecars: Iterable[Path] = ()) -> None:
    """Remove what was archived, with its sidecars, unless another took its place meanwhile.

    It is put aside first, so that what is looked at is what is removed.
    """
    aside = path.with_name(f"{ASIDE}{uuid4().hex}")
    aside.mkdir(mode=0o700)
    try:
        path.rename(aside / path.name)
    except FileNotFoundError:
        aside.rmdir()
        return
    if fingerprint(aside / path.name) != known:
        _put_back(aside)
        return
    for sidecar in sidecars:
        sidecar.rename(aside / sidecar.name)
    # A folder is deleted file by file: who is killed meanwhile must leave no part to be put back.
    shutil.rmtree(aside.rename(aside.with_name(aside.name.replace(ASIDE, GONE))))


def put_back_all(inbox: Path) -> None:
    """Put back what was put aside by one that was killed: it is taken once more."""
    for gone in sorted(inbox.rglob(f"{GONE}*")):
        shutil.rmtree(gone)
    for aside in sorted(inbox.rglob(f"{ASIDE}*")):
        _put_back(aside)


def _put_back(aside: Path) -> None:
    """Under its own name, or beside it where another file has come meanwhile."""
    for path in sorted(aside.iterdir()):
        place = aside.with_name(path.name)
        if place.exists():
            place = aside.with_name(f"{aside.name.removeprefix(ASIDE)}-{path.name}")
        path.rename(place)
    aside.rmdir()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
