"""A large first file goes straight into its table, and ends as if each row had been judged."""

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
)
from wraparound.warehouse import filling

DAYS = tuple(f"2026-09-{day:02d}" for day in range(1, 12))
ENDS = {
    "lines": "select row_number, record_key, cells from restricted.quarantine_line order by 1",
    "waits": "select row_number, column_name, rule, scope, state from ops.quarantine order by 1",
    "counts": "select rows_in, rows_loaded, rows_unchanged, rows_quarantined, rows_duplicate,"
    " rows_ended, message, notices from ops.arrival order by arrival_id",
    "hashes": "select student_unique_id, event_date, attendance_event_category_descriptor,"
    " _row_hash, _batch_id, _deleted_at from raw.attendance__events order by 1, 2, 3",
}


def a_first_file(chance: Random, *, defects: tuple[str, ...]) -> bytes:
    """A year of every kind of cell that may be read, and of some lines that may not."""
    lines = [ATTENDANCE]
    for child in [*children(6), *children(4, school="T-S2", prefix="East")]:
        for day in DAYS:
            said = chance.choice((UNEXCUSED, EXCUSED, TARDY))
            codes = (said, said.lower(), f"uri://ed-fi.org/AttendanceDescriptor#{said}")
            amount = chance.choice(("", "", "0.5", "1", "+.25", "1e-1"))
            lines.append(f"{child.id},{child.school},{day},{chance.choice(codes)},,{amount}")
    broken = {
        "date": "T-S1-1,T-S1,2026-13-45,Tardy,,",
        "words": "T-S1-1,T-S1,today,Tardy,,2",
        "number": "T-S1-1,T-S1,2026-10-01,Tardy,,0x1",
        "code": "T-S1-2,T-S1,2026-10-01,ZZ,,",
        "key": ",T-S1,2026-10-01,Tardy,,",
        "unknown": "T-Nobody,T-S1,2026-10-01,Tardy,,",
        "no_school": "T-S1-1,T-S9,2026-10-02,Tardy,,3",
        "ragged": "T-S1-1,T-S1,2026-10-03",
        "padded": f" {lines[1].split(',')[0]} ,T-S1 , 2026-10-04,Tardy , late ,",
        "repeat": lines[3],
        "conflict": lines[4].rpartition(",")[0] + ",0.75",
        "break": '"T-S1\n1",T-S1,2026-10-05,Tardy,"two\nlines",',
        "control": "T-S1-1,T-S1,2026-10-06,Tardy,\x02,",
        "long": f"{'T' * 300},T-S1,2026-10-07,Tardy,,",
    }
    for defect in defects:
        lines.insert(chance.randrange(1, len(lines)), broken[defect])
    return ("\n".join(lines) + "\n").encode()


@pytest.mark.parametrize(
    ("seed", "defects"),
    [
        (1, ()),
        (2, ("date", "words", "number", "code", "key", "unknown", "no_school", "long")),
        (3, ("padded", "unknown", "break", "control", "ragged", "date")),
        (4, ("repeat", "conflict", "key", "unknown")),
    ],
)
def test_a_first_file_ends_where_the_longer_way_does(
    with_roster, tmp_path, monkeypatch, seed, defects
):
    content = a_first_file(Random(seed), defects=defects)
    earlier = f"{ATTENDANCE}\nT-Nobody,T-S1,{DAYS[0]},Tardy,,\nT-S1-1,T-S1,{DAYS[0]},ZZ,,\n"
    ends, taken = [], []
    real = filling.take_plain
    monkeypatch.setattr(
        "wraparound.warehouse.loading.take_plain",
        lambda *words, **named: taken.append(1) or real(*words, **named),
    )
    for least in (0, 10_000):
        monkeypatch.setattr(filling, "KEY_AFTER_ROWS", least)
        home = tmp_path / str(least)
        home.mkdir()
        with a_fresh_warehouse(with_roster, home) as settings:
            # Nothing of it can be loaded: it leaves findings for the first file to close.
            landed_and_loaded(settings, a_file(home / "0", "attendance.csv", earlier))
            path = a_file(home / "1", "attendance.csv", content)
            (arrival,) = landed_and_loaded(settings, path)
            assert arrival["state"] == "loaded", arrival["message"]
            assert is_conserved(arrival)
            ended = {name: query(settings, statement) for name, statement in ENDS.items()}
            ends.append(ended | {"rows": raw_state(settings), "findings": findings(settings)})

    for part in ends[0]:
        assert ends[0][part] == ends[1][part], part
    assert taken
    assert len(ends[0]["rows"]["attendance__events"]) > len(DAYS)
