"""Two deliveries of one table, line by line: which lines are new, and which are gone.

School systems send the whole year every night. Comparing bytes is cheaper than comparing rows,
and what did not change never reaches the database. However long the files are, memory holds the
hashes of so many lines at a time, and the lines that differ.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

from wraparound.landing.csv_source import BLOCK, CsvSource, one_record

if TYPE_CHECKING:
    import numpy as np

    Hashes = np.ndarray[Any, np.dtype[np.int64]]
    Rows = np.ndarray[Any, np.dtype[np.int64]]
# Hashes that are compared at a time, eight bytes each in both files: bounds of the machine's
# memory, as is how many lines may differ in both files together.
PART_MAX = 4_000_000
DIFFERENT_MAX = 1_000_000
HASH_BYTES = 8
STEP = 1 << 18
TABLE_BITS = 20
NEWLINE = 10
# With more new lines than this share, reading the whole file costs no more.
NEW_SHARE_MAX = 0.1


@dataclass(frozen=True)
class SomeLines(CsvSource):
    """Some lines of a CSV file, `count` of them, each behind the row number that it has there."""

    pieces: tuple[bytes, ...] = field(default=(), repr=False)
    count: int = 0

    @property
    def is_numbered(self) -> bool:
        """Each line begins with its row number."""
        return True

    @contextmanager
    def blocks(self) -> Iterator[Iterator[bytes]]:
        """The lines with their numbers, in blocks."""
        yield iter(self.pieces)

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Every line as (row number, cells)."""
        for row, line in self._lines():
            cells = one_record(line.decode(self.encoding), delimiter=self.delimiter)
            if cells:
                yield row, cells

    @property
    def is_single_lined(self) -> bool:
        """Whether no quoted cell goes over the end of a line."""
        return all(line.count(b'"') % 2 == 0 for _, line in self._lines())

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        mark = self.delimiter.encode()
        for piece in self.pieces:
            for numbered in piece.removesuffix(b"\n").split(b"\n"):
                row, _, line = numbered.partition(mark)
                yield int(row), line


@dataclass(frozen=True)
class Compared:
    """`unchanged` lines are in both files; `changed` are the other lines of the new file, `gone`
    those of the old; `old_lines` is the number of lines of the old file."""

    unchanged: int
    old_lines: int
    changed: SomeLines
    gone: SomeLines


def compare_lines(old: CsvSource, new: CsvSource, *, set_apart: Iterable[int]) -> Compared | None:
    """Compare two files; None where they are better read whole.

    Rows of the old file that are `set_apart` are compared with nothing: they come back as gone,
    and their lines in the new file as changed.
    """
    import numpy as np

    if old.header() != new.header():
        return None
    apart = np.unique(np.fromiter(set_apart, dtype=np.int64)) - old.first_row
    with ExitStack() as files:
        # Hashes alone, which nobody can tell a line from, in files without a name.
        old_hashes, new_hashes = (files.enter_context(TemporaryFile()) for _ in range(2))
        old_lines, new_lines = _hash_lines(old, old_hashes), _hash_lines(new, new_hashes)
        if len(apart) and apart[-1] >= old_lines:
            return None
        lonely = _in_one_only(old_hashes, new_hashes, apart=apart, lines=max(old_lines, new_lines))
        if lonely is None:
            return None
        changed = _places(lonely, new_hashes)
        gone = np.union1d(_places(lonely, old_hashes), apart)
    if len(changed) > NEW_SHARE_MAX * new_lines or len(changed) + len(gone) > DIFFERENT_MAX:
        return None
    return Compared(
        unchanged=new_lines - len(changed),
        old_lines=old_lines,
        changed=_picked(new, changed),
        gone=_picked(old, gone),
    )


def _hash_lines(source: CsvSource, target: IO[bytes]) -> int:
    """Write one number for each line, in their order, and return how many there are. A line that
    changed shares one with a line of the other file in one of a million comparisons of 36 million
    lines, of which a hundredth changed."""
    import numpy as np

    count = 0
    for block in _whole_lines(source):
        lines = block.split(b"\n")
        target.write(np.fromiter(map(hash, lines), dtype=np.int64, count=len(lines)).tobytes())
        count += len(lines)
    return count


def _read(stored: IO[bytes]) -> Iterator[tuple[int, "Hashes"]]:
    """A file's hashes, some at a time, each time with the place of the first."""
    import numpy as np

    stored.seek(0)
    start = 0
    while block := stored.read(STEP * HASH_BYTES):
        yield start, np.frombuffer(block, dtype=np.int64)
        start += len(block) // HASH_BYTES


def _in_one_only(old: IO[bytes], new: IO[bytes], *, apart: "Rows", lines: int) -> "Hashes | None":
    """The sorted hashes that only one of the files has, a part of all hashes after the other;
    None where a file repeats a line, or too many differ."""
    import numpy as np

    nothing = np.array([], dtype=np.int64)
    lonely = nothing
    parts = 1
    while lines > parts * PART_MAX:
        parts *= 2
    for part in range(parts):
        some = _sorted_part(old, part, parts, apart=apart)
        others = _sorted_part(new, part, parts, apart=nothing)
        if any(bool((side[1:] == side[:-1]).any()) for side in (some, others)):
            return None
        lonely = np.concatenate([lonely, _not_in(some, others), _not_in(others, some)])
        if len(lonely) > DIFFERENT_MAX:
            return None
    lonely.sort()
    return lonely


def _sorted_part(stored: IO[bytes], part: int, parts: int, *, apart: "Rows") -> "Hashes":
    """The sorted hashes of a file that end in the bits of a part, without some places."""
    import numpy as np

    found = []
    for start, hashes in _read(stored):
        first, last = np.searchsorted(apart, [start, start + len(hashes)])
        left = np.delete(hashes, apart[first:last] - start) if first < last else hashes
        found.append(left[(left & (parts - 1)) == part] if parts > 1 else left)
    whole: Hashes = np.concatenate(found) if found else np.array([], dtype=np.int64)
    whole.sort()
    return whole


def _not_in(some: "Hashes", others: "Hashes") -> Any:
    """Those hashes that are not among sorted others, looked for a few at a time: the places
    where they would be take as much memory as they do."""
    import numpy as np

    starts = range(0, max(len(some), 1), STEP)
    steps = [some[start : start + STEP] for start in starts]
    return np.concatenate([step[~_is_in(step, others)] for step in steps])


def _is_in(hashes: "Hashes", few: "Hashes") -> Any:
    import numpy as np

    if not len(few):
        return np.zeros(len(hashes), dtype=bool)
    place = np.searchsorted(few, hashes)
    place[place == len(few)] = 0
    return few[place] == hashes


def _places(few: "Hashes", stored: IO[bytes]) -> "Rows":
    """Where a few sorted hashes stand among many. Their last bits alone, in a table that fits the
    processor's cache, rule out nearly all others at a tenth of what it costs to look for each."""
    import numpy as np

    ends = np.zeros(1 << TABLE_BITS, dtype=bool)
    ends[few & (len(ends) - 1)] = True
    found = [np.array([], dtype=np.int64)]
    for start, hashes in _read(stored):
        likely = np.flatnonzero(ends[hashes & (len(ends) - 1)])
        found.append(likely[_is_in(hashes[likely], few)] + start)
    return np.concatenate(found)


def _picked(source: CsvSource, places: "Rows") -> SomeLines:
    """The lines at some places, with their row numbers."""
    import numpy as np

    mark = source.delimiter.encode()
    pieces: list[bytes] = []
    start = 0
    for block in _whole_lines(source):
        ends = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == NEWLINE)
        edges = np.concatenate([[-1], ends, [len(block)]])
        first, last = np.searchsorted(places, [start, start + len(ends) + 1])
        here = places[first:last] - start
        around = zip(
            (places[first:last] + source.first_row).tolist(),
            edges[here].tolist(),
            edges[here + 1].tolist(),
            strict=True,
        )
        if len(here):
            numbered = (b"%d%b%b\n" % (row, mark, block[a + 1 : b]) for row, a, b in around)
            pieces.append(b"".join(numbered))
        start += len(ends) + 1
    return SomeLines(
        source.member,
        source.encoding,
        source.delimiter,
        pieces=tuple(pieces),
        count=len(places),
    )


def _whole_lines(source: CsvSource) -> Iterator[bytes]:
    """What follows the header, in blocks that end where a line ends, without that end."""
    with source.open() as stream:
        rest = source.begin(stream)
        while block := stream.read(BLOCK):
            whole, end, begun = block.rpartition(b"\n")
            if end:
                yield rest + whole
                rest = begun
            else:
                rest += block
        if rest:
            yield rest.removesuffix(b"\n")
