"""Two deliveries of one table, line by line: which lines are new, and which are gone.

School systems send the whole year every night. Comparing bytes is cheaper than comparing rows,
and what did not change never reaches the database.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wraparound.landing.csv_source import BLOCK, FIRST_ROW, CsvSource, one_record, split_header

if TYPE_CHECKING:
    import numpy as np

    Hashes = np.ndarray[Any, np.dtype[np.int64]]
    Rows = np.ndarray[Any, np.dtype[np.int64]]
# Eight bytes a line and file, a few times over: a bound of the machine's memory.
LINES_MAX = 6_000_000
PART = 1 << 18
TABLE_BITS = 20
NEWLINE = 10
# With more new lines than this share, reading the whole file costs no more.
NEW_SHARE_MAX = 0.1


@dataclass(frozen=True)
class SomeLines(CsvSource):
    """Some lines of a CSV file, each with the row number that it has there."""

    numbers: tuple[int, ...] = ()
    lines: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def is_numbered(self) -> bool:
        """Each line begins with its row number."""
        return True

    @contextmanager
    def blocks(self) -> Iterator[Iterator[bytes]]:
        """The lines, in one block."""
        mark = self.delimiter.encode()
        numbered = zip(self.numbers, self.lines, strict=True)
        yield iter([b"".join(b"%d%b%b\n" % (row, mark, line) for row, line in numbered)])

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Every line as (row number, cells)."""
        for row, line in zip(self.numbers, self.lines, strict=True):
            cells = one_record(line.decode(self.encoding), delimiter=self.delimiter)
            if cells:
                yield row, cells

    @property
    def is_single_lined(self) -> bool:
        """Whether no quoted cell goes over the end of a line."""
        return all(line.count(b'"') % 2 == 0 for line in self.lines)


@dataclass(frozen=True)
class Compared:
    """`unchanged` lines are in both files; `changed` are the other lines of the new file, `gone`
    those of the old; `old_lines` is the number of lines of the old file."""

    unchanged: int
    old_lines: int
    changed: SomeLines
    gone: SomeLines


def compare_lines(old: CsvSource, new: CsvSource, *, set_apart: set[int]) -> Compared | None:
    """Compare two files; None where they are better read whole.

    Rows of the old file that are `set_apart` are compared with nothing: they come back as gone,
    and their lines in the new file as changed.
    """
    import numpy as np

    if old.header() != new.header():
        return None
    old_hashes, new_hashes = _hashes(old), _hashes(new)
    if old_hashes is None or new_hashes is None:
        return None
    apart = np.array(sorted(row - FIRST_ROW for row in set_apart), dtype=np.int64)
    if len(apart) and apart[-1] >= len(old_hashes):
        return None
    lonely = _in_one_only(np.delete(old_hashes, apart), new_hashes)
    if lonely is None:
        return None
    changed = _places(lonely, new_hashes)
    if len(changed) > NEW_SHARE_MAX * len(new_hashes):
        return None
    gone = np.union1d(_places(lonely, old_hashes), apart)
    return Compared(
        unchanged=len(new_hashes) - len(changed),
        old_lines=len(old_hashes),
        changed=_picked(new, changed),
        gone=_picked(old, gone),
    )


def _hashes(source: CsvSource) -> "Hashes | None":
    """One number for each line; two lines share one in a few of ten million comparisons of files
    of this size, as with the rows' own hashes."""
    import numpy as np

    found, total = [], 0
    for block in _whole_lines(source):
        lines = block.split(b"\n")
        found.append(np.fromiter(map(hash, lines), dtype=np.int64, count=len(lines)))
        total += len(lines)
        if total > LINES_MAX:
            return None
    return np.concatenate(found) if found else None


def _in_one_only(old: "Hashes", new: "Hashes") -> "Hashes | None":
    """The sorted hashes that only one of the files has; None where a file repeats a line."""
    import numpy as np

    # `old` is a copy already; `new` is still needed in its own order.
    old.sort()
    new = np.sort(new)
    if any(bool((side[1:] == side[:-1]).any()) for side in (old, new)):
        return None
    return np.sort(np.concatenate([_not_in(old, new), _not_in(new, old)]))


def _not_in(some: "Hashes", others: "Hashes") -> Any:
    """Those hashes that are not among sorted others, looked for a part at a time: the places
    where they would be take as much memory as they do."""
    import numpy as np

    starts = range(0, max(len(some), 1), PART)
    parts = [some[start : start + PART] for start in starts]
    return np.concatenate([part[~_is_in(part, others)] for part in parts])


def _is_in(hashes: "Hashes", few: "Hashes") -> Any:
    import numpy as np

    if not len(few):
        return np.zeros(len(hashes), dtype=bool)
    place = np.searchsorted(few, hashes)
    place[place == len(few)] = 0
    return few[place] == hashes


def _places(few: "Hashes", hashes: "Hashes") -> "Rows":
    """Where a few sorted hashes stand among many. Their last bits alone, in a table that fits the
    processor's cache, rule out nearly all others at a tenth of what it costs to look for each."""
    import numpy as np

    ends = np.zeros(1 << TABLE_BITS, dtype=bool)
    ends[few & (len(ends) - 1)] = True
    likely = np.flatnonzero(ends[hashes & (len(ends) - 1)])
    found: Rows = likely[_is_in(hashes[likely], few)]
    return found


def _picked(source: CsvSource, places: "Rows") -> SomeLines:
    """The lines at some places, with their row numbers."""
    import numpy as np

    lines: list[bytes] = []
    start = 0
    for block in _whole_lines(source):
        ends = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == NEWLINE)
        edges = np.concatenate([[-1], ends, [len(block)]])
        first, last = np.searchsorted(places, [start, start + len(ends) + 1])
        here = places[first:last] - start
        around = zip(edges[here].tolist(), edges[here + 1].tolist(), strict=True)
        lines += [block[before + 1 : end] for before, end in around]
        start += len(ends) + 1
    numbers = tuple(int(place) + FIRST_ROW for place in places)
    return SomeLines(source.member, source.encoding, source.delimiter, numbers, tuple(lines))


def _whole_lines(source: CsvSource) -> Iterator[bytes]:
    """What follows the header, in blocks that end where a line ends, without that end."""
    with source.member.open() as stream:
        rest, _ = split_header(stream, source.member.name)
        while block := stream.read(BLOCK):
            whole, end, begun = block.rpartition(b"\n")
            if end:
                yield rest + whole
                rest = begun
            else:
                rest += block
        if rest:
            yield rest.removesuffix(b"\n")
