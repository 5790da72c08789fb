"""A file sent again, read the short way, ends in the same rows, findings and counts."""

from pathlib import Path
from random import Random

import pytest

from lib.feed_builders import ATTENDANCE, EXCUSED, TARDY, UNEXCUSED, a_file, children
from lib.warehouse_in_tests import (
    a_fresh_warehouse,
    findings,
    is_conserved,
    landed_and_loaded,
    query,
    raw_state,
    write_district,
)
from wraparound.landing import line_compare
from wraparound.warehouse import loading, resending

SPAN = "senders: {default: {feeds: {attendance: {scope: span}}}}\n"
DAYS = tuple(f"2026-09-{day:02d}" for day in range(1, 9))
CODES = (UNEXCUSED, EXCUSED, TARDY, "In Attendance", "In Attendance")
COUNTS = "rows_in, rows_loaded, rows_unchanged, rows_quarantined, rows_duplicate, rows_ended"
Lines = list[str]


@pytest.fixture
def any_size(monkeypatch):
    """Let small files be compared too, in parts, however much of them is new."""
    monkeypatch.setattr(resending, "BYTES_MIN", 0)
    monkeypatch.setattr(line_compare, "PART_MAX", 16)
    monkeypatch.setattr(line_compare, "NEW_SHARE_MAX", 1.0)


def a_year(chance: Random) -> Lines:
    """One line for each child and day."""
    who = [*children(6), *children(4, school="T-S2", prefix="East")]
    return [
        f"{child.id},{child.school},{day},{chance.choice(CODES)},,"
        for day in DAYS[:-1]
        for child in who
    ]


GENTLE = (0, 0, 5, 7)
ROUGH = (0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8)


def another_night(lines: Lines, chance: Random, *, kinds: tuple[int, ...]) -> Lines:
    """What a school system sends the night after: corrections and events more or fewer; with the
    rough kinds also every error of a line, and its mending."""
    lines = list(lines)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(lines))
        student, school, day, *_ = lines[place].split(",")
        kind = chance.choice(kinds)
        changed = {
            0: f"{student},{school},{day},{chance.choice(CODES)},,",
            1: f"{student},{school},2026-13-45,{UNEXCUSED},,",
            2: f"{student},{school},{day},ZZ,,",
            3: f",{school},{day},{EXCUSED},,",
            4: f"T-Nobody,{school},{day},{EXCUSED},,",
            5: f"{student},{school},{day},{TARDY},Bus,0.5",
            6: f"{student},{school},{day},{UNEXCUSED},,2",
            8: ",,,,,",
        }.get(kind)
        if changed is None:
            del lines[place]
        elif kind == 5:
            lines.insert(place, changed)
        else:
            lines[place] = changed
    if kinds == ROUGH and chance.random() < 0.2:
        lines.append(lines[chance.randrange(len(lines))])
    return lines


def deliver(settings, folder: Path, lines: Lines, night: int):
    path = a_file(folder / f"{night}", "attendance.csv", "\n".join([ATTENDANCE, *lines]) + "\n")
    (arrival,) = landed_and_loaded(settings, path)
    assert is_conserved(arrival)
    return arrival


def everything(settings):
    """All that may differ between the two ways, and must not."""
    return {
        "rows": raw_state(settings),
        "ended": query(
            settings,
            "select student_unique_id, event_date, attendance_event_category_descriptor"
            " from raw.attendance__events where _deleted_at is not null order by 1, 2, 3",
        ),
        "findings": findings(settings),
        "closed": query(
            settings,
            "select arrival_id, row_number, column_name, rule, state from ops.quarantine"
            " order by 1, 2, 3, 4, 5",
        ),
        "lines": query(
            settings,
            "select arrival_id, row_number, record_key, cells from restricted.quarantine_line"
            " order by 1, 2",
        ),
        "arrivals": query(settings, f"select {COUNTS} from ops.arrival order by arrival_id"),
    }


@pytest.mark.parametrize("scope", ["day", "span"])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_short_way_ends_where_the_long_one_does(
    with_roster, tmp_path, monkeypatch, any_size, seed, scope
):
    short_ways = []
    real = loading._load_resent
    chance = Random(seed)
    nights = [a_year(chance)]
    for kinds in (GENTLE, GENTLE, ROUGH, GENTLE, ROUGH):
        nights.append(another_night(nights[-1], chance, kinds=kinds))
    ends = []
    for way in ("short", "long"):
        if way == "short":
            monkeypatch.setattr(
                loading,
                "_load_resent",
                lambda *words, **named: short_ways.append(real(*words, **named)) or short_ways[-1],
            )
        else:
            monkeypatch.setattr(loading, "_resent", lambda *words: None)
        home = tmp_path / way
        home.mkdir()
        with a_fresh_warehouse(with_roster, home) as settings:
            if scope == "span":
                write_district(settings, SPAN)
            for number, lines in enumerate(nights):
                deliver(settings, home, lines, number)
            ends.append(everything(settings))

    for part in ends[0]:
        assert ends[0][part] == ends[1][part], part
    assert any(way is not None for way in short_ways)


def test_unchanged_lines_never_reach_the_database(rostered, tmp_path, any_size, monkeypatch):
    chance = Random(4)
    lines = a_year(chance)
    deliver(rostered, tmp_path, lines, 1)
    staged = []
    real = loading.stage_file
    monkeypatch.setattr(
        loading,
        "stage_file",
        lambda connection, source, **words: (
            staged.append(source.count) or real(connection, source, **words)
        ),
    )

    student, school, day, *_ = lines[3].split(",")
    corrected = f"{student},{school},{day},{EXCUSED},Doctor,"
    arrival = deliver(rostered, tmp_path, [*lines[:3], corrected, *lines[4:]], 2)

    assert staged == [1, 1]
    assert arrival["rows_in"] == len(lines)
    assert arrival["rows_unchanged"] == len(lines) - 1


@pytest.mark.parametrize("change", ["profile", "other_arrival", "archive"])
def test_what_may_mean_another_row_is_read_whole(
    rostered, tmp_path, any_size, monkeypatch, change
):
    lines = a_year(Random(5))
    first = deliver(rostered, tmp_path, lines, 1)
    if change == "profile":
        write_district(rostered, SPAN)
    elif change == "other_arrival":
        deliver(rostered, tmp_path, [lines[0]], 2)
        deliver(rostered, tmp_path, [*lines[:5], *lines[6:]], 3)
        monkeypatch.setattr(resending, "check_last", None)
    else:
        stored = rostered.archive / first["sha256"][:2] / first["sha256"]
        stored.unlink()
    taken = []
    monkeypatch.setattr(loading, "_load_resent", lambda *words, **named: taken.append(1))

    deliver(rostered, tmp_path, [*lines[:7], *lines[8:]], 4)

    assert len(taken) == (change == "other_arrival")
