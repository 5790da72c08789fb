"""Two files held against each other line by line, in parts that a bounded memory holds."""

import tracemalloc
from pathlib import Path
from random import Random

import pytest

from wraparound.landing import csv_source, line_compare
from wraparound.landing.csv_source import CsvSource
from wraparound.landing.line_compare import Compared, compare_lines
from wraparound.landing.opening import Member

HEADER = b"student,day,code\n"


def a_source(path: Path, lines: list[bytes]) -> CsvSource:
    path.write_bytes(HEADER + b"".join(line + b"\n" for line in lines))
    return CsvSource(Member(path.name, path.stat().st_size, path, zipped=False))


def compared(
    folder: Path, old: list[bytes], new: list[bytes], *, set_apart: tuple[int, ...] = ()
) -> Compared | None:
    sources = (a_source(folder / "old.csv", old), a_source(folder / "new.csv", new))
    return compare_lines(*sources, set_apart=set_apart)


def numbered(lines: list[bytes], *, but: set[bytes]) -> list[tuple[int, list[str]]]:
    return [
        (row, line.decode().split(","))
        for row, line in enumerate(lines, start=2)
        if line not in but
    ]


@pytest.mark.parametrize("seed", range(20))
def test_parts_find_what_the_whole_files_say(tmp_path, monkeypatch, seed):
    chance = Random(seed)
    monkeypatch.setattr(line_compare, "NEW_SHARE_MAX", 1.0)
    monkeypatch.setattr(line_compare, "PART_MAX", chance.randint(1, 40))
    monkeypatch.setattr(line_compare, "STEP", chance.randint(1, 30))
    every = [b"T-%d,2026-09-01,A" % number for number in range(120)]
    old, new = (chance.sample(every, chance.randint(1, len(every))) for _ in range(2))
    apart = {chance.choice(old) for _ in range(chance.randint(0, 4))}
    rows = tuple(old.index(line) + 2 for line in apart)

    found = compared(tmp_path, old, new, set_apart=rows)

    assert found is not None
    both = set(old) & set(new) - apart
    assert (found.unchanged, found.old_lines) == (len(both), len(old))
    assert list(found.changed.records()) == numbered(new, but=both)
    assert list(found.gone.records()) == numbered(old, but=both)
    assert (found.changed.count, found.gone.count) == (len(new) - len(both), len(old) - len(both))


@pytest.mark.parametrize(("names", "first"), [((), 5), (("student", "day", "code"), 4)])
def test_lines_keep_their_numbers_below_titles_and_without_a_header(tmp_path, names, first):
    lines = [b"T-%d,2026-09-01,A" % number for number in range(40)]
    new = [*lines[:30], b"T-30,2026-09-01,B", *lines[31:]]
    sources = []
    for day, rows in ((b"1", lines), (b"2", new)):
        titles = b"Absences\nPrinted on " + day + b' "by us\n\n'
        path = tmp_path / f"{day.decode()}.csv"
        head = b"" if names else HEADER
        path.write_bytes(titles + head + b"".join(line + b"\n" for line in rows))
        member = Member(path.name, path.stat().st_size, path, zipped=False)
        sources.append(CsvSource(member, lines_above=3, names=names))
    found = compare_lines(*sources, set_apart=(first,))

    assert found is not None
    changed = [(first, ["T-0", "2026-09-01", "A"]), (first + 30, ["T-30", "2026-09-01", "B"])]
    assert list(found.changed.records()) == changed
    assert [row for row, _ in found.gone.records()] == [first, first + 30]


def test_a_line_longer_than_a_block_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_source, "BLOCK", len(HEADER))
    monkeypatch.setattr(line_compare, "BLOCK", 8)
    monkeypatch.setattr(line_compare, "NEW_SHARE_MAX", 1.0)
    old = [b"T-1,2026-09-01," + b"A" * 40, b"T-2,2026-09-01,A", b"T-3,2026-09-01,A"]
    new = [*old[:2], b"T-3,2026-09-01," + b"B" * 40]

    found = compared(tmp_path, old, new)

    assert found is not None
    assert (found.unchanged, found.old_lines) == (2, 3)
    assert list(found.changed.records()) == numbered(new, but=set(old))


@pytest.mark.parametrize("where", ["old", "new"])
def test_a_repeated_line_is_found_in_whatever_part_it_falls(tmp_path, monkeypatch, where):
    monkeypatch.setattr(line_compare, "PART_MAX", 10)
    lines = [b"T-%d,2026-09-01,A" % number for number in range(100)]
    twice = [*lines, lines[17]]

    found = compared(
        tmp_path, twice if where == "old" else lines, twice if where == "new" else lines
    )

    assert found is None


def test_files_of_which_too_much_differs_are_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr(line_compare, "DIFFERENT_MAX", 50)
    lines = [b"T-%d,2026-09-01,A" % number for number in range(100)]

    assert compared(tmp_path, lines, lines[:49]) is None
    assert compared(tmp_path, lines, lines[:50]) is not None
    # Rows that were set aside differ as well, whatever the new file says of them.
    apart = tuple(range(2, 2 + 2))
    assert compared(tmp_path, lines, lines[:50], set_apart=apart) is None


def test_four_times_as_many_lines_take_no_more_memory(tmp_path, monkeypatch):
    for bound, least in {"PART_MAX": 10_000, "STEP": 5_000, "BLOCK": 1 << 14}.items():
        monkeypatch.setattr(line_compare, bound, least)
    monkeypatch.setattr(csv_source, "BLOCK", 1 << 14)

    def peak(count: int) -> int:
        lines = [b"T-%d,2026-09-01,A" % number for number in range(count)]
        changed = [*lines[:-500], *(line + b"x" for line in lines[-500:])]
        sources = (a_source(tmp_path / "o", lines), a_source(tmp_path / "n", changed))
        del lines, changed
        tracemalloc.start()
        try:
            found = compare_lines(*sources, set_apart=())
            assert found is not None
            assert found.changed.count == 500
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(6_000)  # imports are no lines
    few, many = peak(60_000), peak(240_000)
    assert many < 1.2 * few
