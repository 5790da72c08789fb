"""Killed loads, loads side by side, and a database that refuses: nothing half, nothing lost."""

import os
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import psycopg
import psycopg2
import pytest
from psycopg import sql

from lib.feed_builders import TARDY, Child, a_file, attendance
from lib.warehouse_in_tests import arrivals, is_conserved, landed_and_loaded, query, raw_state
from wraparound.errors import BuildFailed, LoadFailed, WarehouseMissing
from wraparound.landing.archive import archived
from wraparound.orchestration import dbt, nights
from wraparound.orchestration.doctor import examine
from wraparound.warehouse import connection as connections
from wraparound.warehouse import loading, merging, staging, table_load
from wraparound.warehouse.roles import close_database

DAY = "2026-10-01"


def events_file(folder, roster):
    return attendance(folder, [(c.id, c.school, DAY, TARDY) for c in roster.students])


def kill(connection):
    """End the backend of a connection, as a crash or an administrator would."""
    (pid,) = connection.execute("select pg_backend_pid() as pid").fetchone().values()
    with psycopg.connect(connection.info.dsn, autocommit=True) as other:
        other.execute("select pg_terminate_backend(%s)", [pid])


def killing(function, *, after):
    """A function that does its work, or does not, and then loses its backend; once."""
    done = []

    def wrapped(connection, *words, **named):
        first, _ = not done, done.append(1)
        result = function(connection, *words, **named) if after or not first else None
        if first:
            kill(connection)
        return result if result is not None else function(connection, *words, **named)

    return wrapped


POINTS = {
    "mid-copy": (staging, "_copy_bytes", False),
    "after judging": (table_load, "drop_repeats", True),
    "mid-merge": (merging, "_insert", True),
    "before commit": (loading, "close_batch", True),
}


@pytest.mark.parametrize("point", sorted(POINTS))
def test_a_killed_load_waits_and_then_ends_the_same(
    rostered, roster, tmp_path, monkeypatch, point
):
    module, name, after = POINTS[point]
    path = events_file(tmp_path / "in", roster)
    nights.land(rostered, [path])
    before = raw_state(rostered)
    with monkeypatch.context() as patch:
        patch.setattr(module, name, killing(getattr(module, name), after=after))
        with pytest.raises(LoadFailed, match="waits for the next try"):
            nights.ingest(rostered)
    arrival = arrivals(rostered)[-1]
    assert (arrival["state"], arrival["rows_in"]) == ("pending", 0)
    assert raw_state(rostered) == before
    assert query(rostered, "select count(*) as n from ops.batch")[0]["n"] == 1
    nights.ingest(rostered)
    arrival = arrivals(rostered)[-1]
    assert (arrival["state"], arrival["rows_loaded"]) == ("loaded", 10)
    assert is_conserved(arrival)


def test_a_warehouse_that_is_away_for_a_moment_refuses_no_file(
    rostered, roster, tmp_path, monkeypatch
):
    (row,) = nights.land(rostered, [events_file(tmp_path / "in", roster)])
    away = [WarehouseMissing("The system is starting up.")]

    def connect(settings, **words):
        if away:
            raise away.pop()
        return connections.connect(settings, **words)

    with monkeypatch.context() as patch:
        patch.setattr(nights, "connect", connect)
        with pytest.raises(WarehouseMissing):
            nights.load_arrival(rostered, row["arrival_id"])
    assert arrivals(rostered)[-1]["state"] == "pending"


def test_two_loaders_load_an_arrival_once(rostered, roster, tmp_path):
    (row,) = nights.land(rostered, [events_file(tmp_path / "in", roster)])
    results = []
    threads = [
        threading.Thread(
            target=lambda: results.append(nights.load_arrival(rostered, row["arrival_id"]))
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result["state"] for result in results] == ["loaded"] * 3
    assert query(rostered, "select count(*) as n from ops.batch")[0]["n"] == 2
    assert arrivals(rostered)[-1]["rows_loaded"] == 10


def test_an_arrival_that_must_wait_keeps_no_other_back(rostered, roster, tmp_path, monkeypatch):
    nights.land(rostered, [events_file(tmp_path / "1", roster)])
    other = attendance(tmp_path / "2", [("T-Alder1", "T-S1", "2026-10-02", TARDY)])
    nights.land(rostered, [other])
    monkeypatch.setattr(loading, "close_batch", killing(loading.close_batch, after=True))
    with pytest.raises(LoadFailed):
        nights.ingest(rostered)
    assert [a["state"] for a in arrivals(rostered)[1:]] == ["pending", "loaded"]

    # Nor the schools from their lists.
    monkeypatch.setattr(loading, "close_batch", killing(loading.close_batch, after=True))
    monkeypatch.setattr(nights, "build_if_needed", lambda *words, **more: None)
    published = {"is_new": True, "release_id": 1}
    monkeypatch.setattr(nights, "publish", lambda *words, **more: published)
    done = nights.night(rostered, as_of=date(2026, 10, 2))
    assert done["release"] == published
    assert ["waits for the next try" in told for told in done["waiting"]] == [True]


def faulty(function, *, on):
    """A function with a fault of ours: it ends on an arrival, and its words quote a row."""

    def wrapped(connection, arrival, **named):
        if arrival.arrival_id == on:
            raise ValueError("T-Alder1")
        return function(connection, arrival, **named)

    return wrapped


def test_a_fault_of_ours_keeps_no_other_arrival_back(rostered, roster, tmp_path, monkeypatch):
    nights.land(rostered, [events_file(tmp_path / "1", roster)])
    nights.land(
        rostered, [attendance(tmp_path / "2", [("T-Alder1", "T-S1", "2026-10-02", TARDY)])]
    )
    with monkeypatch.context() as patched:
        patched.setattr(loading, "load", faulty(loading.load, on=2))
        with pytest.raises(LoadFailed, match=r"Arrival 2: .* \(ValueError at .*") as told:
            nights.ingest(rostered)
    assert "Alder" not in str(told.value)
    assert [a["state"] for a in arrivals(rostered)[1:]] == ["pending", "loaded"]
    nights.ingest(rostered)
    assert [a["state"] for a in arrivals(rostered)[1:]] == ["loaded", "loaded"]


def test_a_fault_in_judging_again_keeps_no_other_rows_waiting(
    rostered, roster, tmp_path, monkeypatch
):
    for number in (1, 2):
        new = [(f"T-Willow{number}", "T-S1", DAY, TARDY)]
        nights.land(rostered, [attendance(tmp_path / str(number), new)])
    nights.ingest(rostered)
    more = [Child("Willow1"), Child("Willow2")]
    nights.land(rostered, [replace(roster, students=(*roster.students, *more)).write(tmp_path)])
    with monkeypatch.context() as patched:
        patched.setattr(loading, "replay", faulty(loading.replay, on=2))
        with pytest.raises(LoadFailed, match=r"Arrival 2: .*nobody foresaw"):
            nights.ingest(rostered)
    loaded = query(rostered, "select student_unique_id as id from raw.attendance__events")
    assert [row["id"] for row in loaded] == ["T-Willow2"]
    nights.ingest(rostered)
    assert query(rostered, "select count(*) as n from raw.attendance__events")[0]["n"] == 2


def test_what_the_database_cannot_take_is_refused_and_does_not_come_back(
    rostered, roster, tmp_path
):
    # Not foreseen by any rule: two ids with one key of ours.
    with connections.connect(rostered) as connection:
        connection.execute(
            "insert into ops.student_crosswalk values ('T-Other', ('x' ||"
            " left(md5('T-Willow99'), 13))::bit(52)::bigint)"
        )
    more = replace(roster, students=(*roster.students, Child("Willow99")))
    (arrival,) = landed_and_loaded(rostered, more.write(tmp_path / "in"))
    assert (arrival["state"], arrival["code"]) == ("refused", "W27")
    assert "SQLSTATE 23505" in arrival["message"]
    assert "another try would end the same" in arrival["message"]
    assert "Willow99" not in arrival["message"]
    assert nights.ingest(rostered) == []


def test_no_temporary_table_outlives_a_load(rostered, roster, tmp_path):
    landed_and_loaded(rostered, events_file(tmp_path / "in", roster))
    left = query(rostered, "select relname from pg_class where relpersistence = 't'")
    assert left == []


def test_a_server_that_only_reads_refuses_no_file(rostered, roster, tmp_path):
    """As a standby that took the place of the one that was lost."""
    nights.land(rostered, [events_file(tmp_path / "in", roster)])
    name = sql.Identifier(connections.address(rostered).database)
    only_reads = sql.SQL("alter database {} set default_transaction_read_only = on").format(name)
    with connections.connect(rostered) as connection:
        connection.execute(only_reads)
    try:
        with pytest.raises(LoadFailed, match=r"25006.*it waits for the next try"):
            nights.ingest(rostered)
    finally:
        with connections.connect(rostered) as connection:
            connection.execute("set transaction read write")
            connection.execute(
                sql.SQL("alter database {} reset default_transaction_read_only").format(name)
            )
    nights.ingest(rostered)
    assert arrivals(rostered)[-1]["state"] == "loaded"


def a_failed_build(how):
    """What dbt says of a build one of whose steps did something to its connection."""

    def run(*_words):
        from dbt.adapters.postgres import connections as adapter

        where = {name[4:].lower(): os.environ[name] for name in ("DBT_HOST", "DBT_PORT")}
        where |= {"user": os.environ["DBT_USER"], "dbname": os.environ["DBT_DBNAME"]}
        with suppress(psycopg2.Error):
            adapter.psycopg2.connect(**where).cursor().execute(how)
        step = SimpleNamespace(node=SimpleNamespace(name="mart_students"), status="error")
        return SimpleNamespace(exception=None, result=SimpleNamespace(results=[step]))

    return run


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("select pg_terminate_backend(pg_backend_pid())", WarehouseMissing),
        ("do $$ begin raise exception using errcode = 'disk_full'; end $$", WarehouseMissing),
        ("select 1 / 0", BuildFailed),
    ],
)
def test_a_build_that_lost_its_server_is_no_fault_of_a_model(rostered, monkeypatch, how, error):
    monkeypatch.setattr(dbt, "_dbt", a_failed_build(how))
    with pytest.raises(error):
        nights.build(rostered, as_of=date(2026, 10, 1))
    [told] = query(rostered, "select state, message from ops.build")
    assert told["state"] == "failed"
    assert ("lost in the middle" in told["message"]) == (error is WarehouseMissing)


def spoil(settings, arrival, how):
    """What becomes of bytes on a disk: they are gone, or one is another."""
    path = archived(settings.archive, arrival["sha256"])
    content = path.read_bytes()
    path.unlink()
    if how == "damaged":
        path.write_bytes(content[:-2] + b"9\n")


@pytest.mark.parametrize("how", ["gone", "damaged"])
def test_bytes_that_the_archive_lost_stop_no_night(rostered, roster, tmp_path, how):
    path = events_file(tmp_path / "in", roster)
    other = a_file(tmp_path / "in", "calendar.csv", "x\n1\n")
    nights.land(rostered, [path, other])
    spoil(rostered, arrivals(rostered)[-2], how)
    nights.ingest(rostered)
    lost, other = arrivals(rostered)[-2:]
    assert (lost["state"], lost["code"], other["code"]) == ("refused", "W24", "W21")
    assert "Land the same file again" in lost["message"]
    # The same bytes take the place of those that are there.
    nights.land(rostered, [path])
    nights.ingest(rostered)
    assert arrivals(rostered)[-2]["state"] == "loaded"


def test_an_archive_whose_disk_is_away_refuses_nothing(rostered, roster, tmp_path):
    nights.land(rostered, [events_file(tmp_path / "in", roster)])
    rostered.archive.rename(tmp_path / "disk")
    rostered.archive.mkdir()
    with pytest.raises(LoadFailed, match="is its disk there"):
        nights.ingest(rostered)
    assert arrivals(rostered)[-1]["state"] == "pending"
    rostered.archive.rmdir()
    (tmp_path / "disk").rename(rostered.archive)
    nights.ingest(rostered)
    assert arrivals(rostered)[-1]["state"] == "loaded"


def test_rows_that_wait_are_loaded_though_their_file_is_destroyed(rostered, roster, tmp_path):
    newcomer = Child("Yew1")
    row = (newcomer.id, newcomer.school, DAY, TARDY)
    first = landed_and_loaded(rostered, attendance(tmp_path / "in", [row]))[-1]
    assert first["rows_quarantined"] == 1
    spoil(rostered, arrivals(rostered)[-1], "gone")
    grown = replace(roster, students=(*roster.students, newcomer))
    landed_and_loaded(rostered, grown.write(tmp_path / "in"))
    [waited] = query(rostered, "select rule, state from ops.quarantine")
    assert (waited["rule"], waited["state"]) == ("student_unknown", "released")
    [loaded] = [a for a in arrivals(rostered) if a["arrival_id"] == first["arrival_id"]]
    assert (loaded["rows_loaded"], loaded["rows_quarantined"]) == (1, 0)


def test_the_doctor_counts_what_only_archive_or_ledger_knows(rostered, roster, tmp_path):
    def missing():
        return [one.text for one in examine(rostered) if not one.is_well]

    before = missing()
    nights.land(rostered, [events_file(tmp_path / "in", roster)])
    assert missing() == before
    # As after the backup of the database from before that landing was restored.
    query(rostered, "delete from ops.arrival where feed = 'attendance' returning 1")
    [forgotten] = set(missing()) - set(before)
    assert forgotten.startswith(
        "files of the archive that the ledger does not know: 1, the newest"
    )
    [path] = tmp_path.glob("in/attendance*")
    nights.land(rostered, [path])
    assert missing() == before

    spoil(rostered, arrivals(rostered)[-1], "gone")
    [lost] = set(missing()) - set(before)
    assert lost.startswith("files that the ledger names, and are gone from the archive: 1;")
    # What is past its retention was destroyed, as is its due.
    query(rostered, "update ops.arrival set received_at = '2001-01-01' returning 1")
    assert missing() == before


def test_the_doctor_tells_of_functions_that_stay_open(rostered):
    def told():
        return [one.text for one in examine(rostered) if "open to readers" in one.text]

    assert told() == []
    with connections.connect(rostered) as connection:
        connection.execute("grant execute on function lo_create(oid) to public")
    try:
        assert told()[0].startswith("1 functions for large objects and locks are open")
    finally:
        with connections.connect(rostered) as connection:
            close_database(connection)
    assert told() == []
