"""Nights of corrections end where the archive, loaded anew in one go, ends."""

import shutil
from pathlib import Path
from random import Random

import pytest

from lib.feed_builders import ATTENDANCE, EXCUSED, TARDY, UNEXCUSED, a_file
from lib.warehouse_in_tests import landed_and_loaded, query
from wraparound.errors import BuildFailed
from wraparound.orchestration import nights, parity, tidying
from wraparound.warehouse.connection import connect


def a_stream(settings, folder: Path, roster, chance: Random) -> None:
    """Nights of new, corrected, back-dated and broken events, and a child who leaves."""
    shorter = type(roster)(roster.students[:-1], modified="2026-09-03T00:00:00.000Z")
    for night in range(5):
        lines = [
            f"{child.id},{child.school},2026-09-0{chance.randint(1, 4)},"
            f"{chance.choice((UNEXCUSED, EXCUSED, TARDY, 'ZZ'))},,"
            for child in chance.sample(roster.students, 6)
        ]
        text = "\n".join([ATTENDANCE, *dict.fromkeys(lines)]) + "\n"
        landed_and_loaded(settings, a_file(folder / f"{night}", "attendance.csv", text))
        if night == 2:
            landed_and_loaded(settings, shorter.write(folder / "shorter"))


@pytest.fixture
def without_building(monkeypatch):
    """The build itself is proved elsewhere, and takes long: a report is counted from `raw`."""

    def build(settings, **words):
        with connect(settings) as connection:
            connection.execute("create schema if not exists reports")
            connection.execute("drop table if exists reports.rpt_counted")
            connection.execute(
                "create table reports.rpt_counted as select student_unique_id, count(*) as n"
                " from raw.attendance__events where _deleted_at is null group by 1"
            )

    monkeypatch.setattr(parity, "build_models", build)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_stream_of_corrections_ends_like_the_archive_anew(
    rostered, with_roster, roster, tmp_path, without_building, seed
):
    shutil.copytree(with_roster.archive, rostered.archive, dirs_exist_ok=True)
    a_stream(rostered, tmp_path / "files", roster, Random(seed))

    compared = parity.parity(rostered, as_of=nights.as_of_at_the_door(rostered))

    assert [one.table for one in compared if not one.same] == []
    rows = {one.table: one.rows for one in compared}
    assert rows["attendance__events"] > 0
    assert rows["rpt_counted"] > 0
    parity.must_hold(compared)


def test_a_row_that_nobody_sent_is_found(
    rostered, with_roster, roster, tmp_path, without_building
):
    shutil.copytree(with_roster.archive, rostered.archive, dirs_exist_ok=True)
    a_stream(rostered, tmp_path / "files", roster, Random(3))
    with connect(rostered) as connection:
        connection.execute("update raw.attendance__events set event_duration = 0.25")

    compared = parity.parity(rostered, as_of=nights.as_of_at_the_door(rostered))

    assert [one.table for one in compared if not one.same] == ["attendance__events"]
    with pytest.raises(BuildFailed, match="attendance__events"):
        parity.must_hold(compared)


def test_without_the_files_nothing_is_compared(rostered):
    shutil.rmtree(rostered.archive)
    with pytest.raises(BuildFailed, match="1 of the files"):
        parity.parity(rostered, as_of=nights.as_of_at_the_door(rostered))


def test_what_the_nights_left_is_vacuumed(rostered, roster, tmp_path):
    a_stream(rostered, tmp_path / "files", roster, Random(1))

    done = tidying.tidy(rostered)

    vacuumed = query(
        rostered, "select 1 from pg_stat_user_tables where last_vacuum is not null limit 1"
    )
    assert done["releases_dropped"] == 0
    assert bool(vacuumed) == (done["tables_vacuumed"] > 0)
