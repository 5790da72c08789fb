"""CSV and zip files whose bytes depend on their rows and on nothing else."""

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Self

# The oldest moment a zip can hold: no clock is asked.
FIXED_TIME = (1980, 1, 1, 0, 0, 0)

Row = Sequence[object]


def write_csv(path: Path, *, header: Sequence[str], rows: Iterable[Row]) -> int:
    """Write header and rows, UTF-8, one ``\\n`` a line; the count of rows."""
    with path.open("w", encoding="utf-8", newline="") as file:
        return _write_rows(file, header=header, rows=rows)


class ZipFolder:
    """A zip written member by member, rows streamed; a context manager."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def add_csv(self, name: str, *, header: Sequence[str], rows: Iterable[Row]) -> int:
        """Add a CSV member; the count of rows."""
        with (
            self._zip.open(member(name), "w") as raw,
            io.TextIOWrapper(raw, encoding="utf-8", newline="") as file,
        ):
            return _write_rows(file, header=header, rows=rows)

    def add_bytes(self, name: str, content: bytes) -> None:
        """Add a member as it is."""
        self._zip.writestr(member(name), content)


def member(name: str) -> zipfile.ZipInfo:
    """The entry of a member: fixed time, ordinary file, compressed."""
    info = zipfile.ZipInfo(name, FIXED_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    info.create_system = 3
    return info


def _write_rows(file: IO[str], *, header: Sequence[str], rows: Iterable[Row]) -> int:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    count = 0
    for row in rows:
        writer.writerow(row)
        count += 1
    return count
