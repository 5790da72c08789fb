"""Parity: the warehouse as the nights left it, against one made from the archive in one go.

Compared are the rows that many corrections left in force, and every mart and report as it stands,
with those that the archive gives, loaded anew in order and built. The long way happens in a
scratch database, which is dropped at the end; the warehouse is only read.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from psycopg import sql

from wraparound.contracts.loader import load_contracts
from wraparound.errors import BuildFailed
from wraparound.landing.archive import archived
from wraparound.orchestration import nights
from wraparound.orchestration.dbt import build_models
from wraparound.settings import Settings
from wraparound.warehouse import connection as connections
from wraparound.warehouse import ledger
from wraparound.warehouse.connection import Connection, connect
from wraparound.warehouse.migrate import migrate
from wraparound.warehouse.raw_tables import column_types

BUILT = ("marts", "reports")
# What a load of the same files has to know: keys that were given, and what persons decided.
GIVEN = ("student_crosswalk", "school_crosswalk", "lifted_rule")
# What the models read of the ledger beside keys, each as it was before the tables were built:
# what was made of that build, or came since, they could not know.
BEFORE = "(select started_at from ops.build where build_id = %(build_id)s)"
# A need that the build's own list was the first to show was not known to it.
SHOWN = (
    "first_seen_date < (select as_of_date from ops.build where build_id = %(build_id)s)"
    " or exists (select from ops.release r where r.build_id < %(build_id)s"
    " and r.as_of_date = first_seen_date and r.state in ('published', 'superseded'))"
)
EARLIER = "release_id in (select release_id from ops.release where build_id < %(build_id)s)"
HISTORY = {
    "arrival": f"received_at <= {BEFORE}",
    "feed_state": "true",
    "release": EARLIER,
    "release_school": EARLIER,
    "inquiry_baseline": EARLIER,
    "need_history": SHOWN,
}
# Live was, for each school, the newest of the earlier releases that it was not held from.
LIVE_BEFORE = """
    update ops.release_school s set live = s.verdict <> 'hold' and not exists (
        select from ops.release_school later
        where later.school_key = s.school_key and later.verdict <> 'hold'
          and later.release_id > s.release_id)
"""
Hashes = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Compared:
    """One table both ways: rows here and there, and whether they are the same rows."""

    table: str
    rows: int
    rows_long: int
    same: bool


def parity(settings: Settings) -> tuple[Compared, ...]:
    """Load the archive anew into a scratch database, build, and compare every table.

    Where the tables are older than what they are made from, they are built first.

    Raises:
        BuildFailed: a build failed on the way, or files that were loaded have been destroyed.
    """
    nights.prepare(settings)
    missing = destroyed_files(settings)
    if missing:
        raise BuildFailed(
            f"{missing} of the files that were loaded are not in the archive any more, so it "
            "cannot be loaded anew. Nothing was compared."
        )
    if nights.build_needed(settings):
        nights.build(settings)
    with connect(settings) as connection:
        last = ledger.last_build(connection)
        assert last is not None
        previous = ledger.previous_as_of(connection, as_of=last["as_of_date"])
        here = _raw_hashes(connection) | _built_hashes(connection)
    with _scratch(settings) as scratch:
        _hand_over(settings, scratch)
        nights.ingest(scratch)
        _remember(settings, scratch, build_id=last["build_id"])
        build_models(scratch, as_of=last["as_of_date"], previous_as_of=previous)
        with connect(scratch) as connection:
            there = _raw_hashes(connection) | _built_hashes(connection)
    return _compared(here, there)


def destroyed_files(settings: Settings) -> int:
    """How many files that were loaded the archive does not hold any more."""
    with connect(settings) as connection:
        rows = connection.execute(
            "select distinct sha256 from ops.arrival where state = 'loaded'"
        ).fetchall()
    return sum(not archived(settings.archive, row["sha256"]).exists() for row in rows)


def must_hold(compared: tuple[Compared, ...]) -> None:
    """Say which tables differ.

    Raises:
        BuildFailed: some table is not the same both ways.
    """
    other = [one.table for one in compared if not one.same]
    if other:
        raise BuildFailed(
            f"{len(other)} of {len(compared)} tables are not what the archive gives, loaded anew: "
            f"{', '.join(other[:5])}. The lists stay as they are; `wraparound parity` says more."
        )


def _compared(short: Hashes, long: Hashes) -> tuple[Compared, ...]:
    nothing = (0, 0)
    return tuple(
        Compared(
            name,
            short.get(name, nothing)[0],
            long.get(name, nothing)[0],
            short.get(name, nothing) == long.get(name, nothing),
        )
        for name in sorted(short.keys() | long.keys())
    )


@contextmanager
def _scratch(settings: Settings) -> Iterator[Settings]:
    """A migrated, empty warehouse beside the real one, that shares its archive."""
    where = connections.address(settings)
    name = f"{where.database}_parity_{hashlib.sha256(str(settings.home).encode()).hexdigest()[:8]}"
    url = replace(where, database=name).url("postgresql")
    with tempfile.TemporaryDirectory(prefix="wraparound-parity-") as folder:
        scratch = replace(settings, home=Path(folder), warehouse_url=url)
        _drop(settings, name)
        try:
            migrate(scratch)
            scratch.make_folders()
            shutil.rmtree(scratch.archive)
            scratch.archive.symlink_to(settings.archive)
            yield scratch
        finally:
            _drop(settings, name)


def _drop(settings: Settings, name: str) -> None:
    with connect(
        settings, database=connections.MAINTENANCE_DATABASE, autocommit=True
    ) as connection:
        for database in (name, f"{name}_{connections.AIRFLOW_DATABASE}"):
            connection.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database))
            )


def _hand_over(settings: Settings, scratch: Settings) -> None:
    """What arrived and was loaded, as if it were still to be loaded."""
    arrived = (
        *("arrival_id", "feed", "sender", "file_name", "sha256", "byte_count"),
        *("received_at", "effective_at", "claim"),
    )
    braked = ("happened_at", "kind", "state", "detail")
    with connect(settings) as source, connect(scratch) as target:
        for table in GIVEN:
            _copy(source, target, table=table)
        _copy(source, target, table="arrival", which="state = 'loaded'", columns=arrived)
        _copy(source, target, table="event", which="kind = 'brake'", columns=braked)


def _remember(settings: Settings, scratch: Settings, *, build_id: int) -> None:
    """Let the scratch warehouse know of earlier nights what the build knew."""
    with connect(settings) as source, connect(scratch) as target:
        names = [sql.Identifier("ops", table) for table in HISTORY]
        target.execute(sql.SQL("truncate {} cascade").format(sql.SQL(", ").join(names)))
        for table, which in HISTORY.items():
            condition = which % {"build_id": build_id}
            _copy(source, target, table=table, which=condition)
        target.execute(LIVE_BEFORE)


def _copy(
    source: Connection,
    target: Connection,
    *,
    table: str,
    which: str = "true",
    columns: Sequence[str] = (),
) -> None:
    """Rows of a table of the ledger, by the names of its columns: their order may differ."""
    name = sql.Identifier("ops", table)
    if not columns:
        found = source.execute(sql.SQL("select * from {} limit 0").format(name)).description
        columns = [column.name for column in found or ()]
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    query = sql.SQL("select {} from {} where {}").format(listed, name, sql.SQL(which))
    _stream(source, target, query=query, into=sql.SQL("{} ({})").format(name, listed))


def _stream(
    source: Connection, target: Connection, *, query: sql.Composable, into: sql.Composable
) -> None:
    out = sql.SQL("copy ({}) to stdout (format binary)").format(query)
    back = sql.SQL("copy {} from stdin (format binary)").format(into)
    with source.cursor().copy(out) as rows, target.cursor().copy(back) as copy:
        for block in rows:
            copy.write(block)


def _raw_hashes(connection: Connection) -> Hashes:
    """Of what is in force in each raw table: neither stamps nor batches."""
    found = {}
    for contract in load_contracts().values():
        for name, table in contract.tables.items():
            columns = [*column_types(table), "_sender", "_held"]
            found[contract.raw_name(name)] = _hash(
                connection,
                sql.SQL("select {} from {} where _deleted_at is null").format(
                    sql.SQL(", ").join(map(sql.Identifier, columns)),
                    sql.Identifier("raw", contract.raw_name(name)),
                ),
            )
    return found


def _built_hashes(connection: Connection) -> Hashes:
    names = connection.execute(
        "select table_schema, table_name from information_schema.tables"
        " where table_schema = any(%s)",
        [list(BUILT)],
    ).fetchall()
    return {
        row["table_name"]: _hash(
            connection,
            sql.SQL("select * from {}").format(
                sql.Identifier(row["table_schema"], row["table_name"])
            ),
        )
        for row in names
    }


def _hash(connection: Connection, rows: sql.Composable) -> tuple[int, int]:
    """(count, hash) of rows; a sum, so that order says nothing."""
    found = connection.execute(
        sql.SQL(
            "select count(*) as n,"
            " coalesce(mod(sum(hash_record_extended(r, 0)::numeric + 9223372036854775808),"
            "  18446744073709551616), 0) as hash from ({}) as r"
        ).format(rows)
    ).fetchone()
    assert found is not None
    return int(found["n"]), int(found["hash"])
