"""Nights of corrections end where the archive, loaded anew in one go, ends."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest
from psycopg import sql

from lib.feed_builders import ATTENDANCE, EXCUSED, TARDY, UNEXCUSED, a_file, children
from lib.warehouse_in_tests import arrivals, landed_and_loaded, query
from wraparound.errors import BuildFailed
from wraparound.orchestration import dbt, nights, parity, scratch, tidying
from wraparound.publishing import freeze
from wraparound.warehouse.connection import connect

UNKNOWN = "ZZ"
# Sent for a day that was told otherwise before: it takes that back.
PRESENT = "In Attendance"
NIGHTS = 6


def rosters(roster, chance: Random) -> Iterator:
    """The same school year, night by night: a child comes, one goes, one moves, one is put up."""
    students = list(roster.students)
    (newcomer,) = children(1, school="T-S1", prefix="N")
    for night, change in enumerate(chance.sample(range(NIGHTS), NIGHTS), start=1):
        place = chance.randrange(len(students))
        child = students[place]
        if change == 0:
            students.append(newcomer)
        elif change == 1:
            del students[place]
        elif change == 2:
            students[place] = replace(child, school="T-S2" if child.school == "T-S1" else "T-S1")
        elif change == 3:
            students[place] = replace(child, grade="04")
        else:
            yield None
            continue
        yield type(roster)(tuple(students), modified=f"2026-09-{night + 1:02}T00:00:00.000Z")


def a_stream(settings, folder: Path, roster, chance: Random) -> None:
    """Nights of new, corrected, withdrawn, back-dated and broken events, rosters that change,
    files that overtake each other, and a rule that is lifted in between."""
    lifted_on = chance.randrange(NIGHTS)
    for night, changed in enumerate(rosters(roster, chance)):
        lines = [
            f"{child.id},{child.school},2026-09-0{chance.randint(1, 4)},"
            f"{chance.choice((UNEXCUSED, EXCUSED, TARDY, PRESENT, UNKNOWN))},,"
            for child in chance.sample(roster.students, 6)
        ]
        text = "\n".join([ATTENDANCE, *dict.fromkeys(lines)]) + "\n"
        files = [a_file(folder / f"{night}", "attendance.csv", text)]
        if changed is not None:
            files.append(changed.write(folder / f"{night}"))
        landed_and_loaded(settings, *chance.sample(files, len(files)))
        if night == lifted_on:
            nights.lift_rule(
                settings,
                feed="attendance",
                rule="unknown_code",
                until=date(2100, 1, 1),
                by="Hazel Holm",
                reason="The school named the code.",
            )


@pytest.fixture
def built_from_raw(monkeypatch):
    """The models are proved elsewhere, and take long: a mart and a report are made by SQL."""

    def build(settings, **words):
        with connect(settings) as connection:
            connection.execute("create schema if not exists marts")
            connection.execute("create schema if not exists reports")
            connection.execute("drop table if exists marts.fct_said, reports.rpt_counted")
            connection.execute(
                "create table marts.fct_said as select student_unique_id, event_date, school_id,"
                " attendance_event_category_descriptor as code from raw.attendance__events"
                " where _deleted_at is null"
            )
            connection.execute(
                "create table reports.rpt_counted as select s.code, s.school_id, count(*) as n"
                " from marts.fct_said s group by 1, 2"
            )
        return dbt.Built(models=2, tests_passed=0, tests_failed=0, warnings=0)

    monkeypatch.setattr(scratch, "build_models", build)
    monkeypatch.setattr(dbt, "build_models", build)


@pytest.fixture
def streamed(rostered, with_roster, roster, tmp_path, built_from_raw, request):
    """A warehouse after a stream of deliveries, and built."""
    shutil.copytree(with_roster.archive, rostered.archive, dirs_exist_ok=True)
    a_stream(rostered, tmp_path / "files", roster, Random(request.param))
    return rostered


# In the fourth, a rule is lifted for a row that had kept another of its day in force.
@pytest.mark.parametrize("streamed", [1, 4], indirect=True)
def test_a_stream_of_deliveries_ends_like_the_archive_anew(streamed):
    compared = parity.parity(streamed)

    assert [one.table for one in compared if not one.same] == []
    rows = {one.table: one.rows for one in compared}
    assert rows["attendance__events"] == rows["fct_said"] > 0
    assert rows["roster__users"] > 0
    assert rows["rpt_counted"] > 0
    parity.must_hold(compared)


@pytest.mark.parametrize("streamed", [5], indirect=True)
def test_what_nobody_sent_is_found_in_rows_marts_and_reports(streamed):
    nights.build(streamed)
    with connect(streamed) as connection:
        connection.execute("update raw.attendance__events set event_duration = 0.25")
        changed = connection.execute(
            "update marts.fct_said set code = 'Other'"
            " where ctid = (select min(ctid) from marts.fct_said)"
        )
        connection.execute("delete from reports.rpt_counted")
    assert changed.rowcount == 1

    compared = parity.parity(streamed)

    other = ["attendance__events", "fct_said", "rpt_counted"]
    assert [one.table for one in compared if not one.same] == other
    with pytest.raises(BuildFailed, match=", ".join(other)):
        parity.must_hold(compared)


def test_the_log_of_a_comparison_that_failed_is_where_the_error_says(
    rostered, built_from_raw, monkeypatch
):
    nights.build(rostered)

    def fail(settings, **words):
        log = settings.dbt_dir / "logs" / "dbt.log"
        log.parent.mkdir()
        log.write_text("what went wrong")
        dbt._refuse_failures([a_failed_step], settings)

    a_failed_step = SimpleNamespace(node=SimpleNamespace(name="fct_said"), status="error")
    monkeypatch.setattr(scratch, "build_models", fail)
    with pytest.raises(BuildFailed) as failed:
        parity.parity(rostered)

    named = Path(str(failed.value).rpartition("log is ")[2].rstrip("."))
    assert named.read_text() == "what went wrong"
    assert named.is_relative_to(rostered.home)


def test_without_the_files_nothing_is_compared(rostered):
    shutil.rmtree(rostered.archive)
    with pytest.raises(BuildFailed, match="1 of the files"):
        parity.parity(rostered)


def test_what_a_release_kept_is_read_though_the_ledger_has_grown_since(rostered):
    before = arrivals(rostered)
    with connect(rostered) as connection:
        connection.execute("create table release.known_arrival_r1 as select * from ops.arrival")
        connection.execute("alter table release.known_arrival_r1 drop column takes_back")
        connection.execute("truncate ops.arrival cascade")
    kept_in = sql.Identifier("release", "known_arrival_r1")
    with connect(rostered) as source, connect(rostered) as target:
        scratch._copy(source, target, table="arrival", kept_in=kept_in)
    assert arrivals(rostered) == before


def test_a_build_after_a_rollback_is_made_of_what_readers_saw_then(rostered, built_from_raw):
    release = """
        insert into ops.release (release_id, build_id, as_of_date, state)
            overriding system value values (%(id)s, %(build)s, '2026-09-04', 'published');
    """
    school = """
        insert into ops.release_school (release_id, school_key, school_source_id, verdict, live)
            values (%(id)s, 1, 'T-S1', 'pass', %(live)s)
    """
    nights.build(rostered)
    with connect(rostered) as connection:
        # The second was shown and taken back before the next night.
        for number, is_live in ((1, True), (2, False)):
            connection.execute(release, {"id": number, "build": 1})
            connection.execute(school, {"id": number, "live": is_live})
    nights.build(rostered)
    with connect(rostered) as connection:
        connection.execute(release, {"id": 3, "build": 2})
        freeze._keep_what_was_known(connection, 3)
        connection.execute("update ops.release_school set live = false")
        connection.execute(school, {"id": 3, "live": True})

    with scratch.made_anew(rostered, build_id=2) as made:
        seen = query(made, "select release_id from ops.release_school where live")

    assert seen == [{"release_id": 1}]


def test_what_the_nights_left_is_vacuumed(rostered, roster, tmp_path):
    a_stream(rostered, tmp_path / "files", roster, Random(1))

    left_over = scratch._name(rostered)
    with connect(rostered, autocommit=True) as connection:
        connection.execute(f"create database {left_over}")

    done = tidying.tidy(rostered)

    assert query(rostered, f"select from pg_database where datname = '{left_over}'") == []
    vacuumed = query(
        rostered, "select 1 from pg_stat_user_tables where last_vacuum is not null limit 1"
    )
    assert done["releases_dropped"] == 0
    assert bool(vacuumed) == (done["tables_vacuumed"] > 0)
