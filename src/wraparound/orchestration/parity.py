"""Parity: the warehouse as the nights left it, against one made from the archive in one go.

Compared are the rows that many corrections left in force, and every mart and report as it stands,
with those that the archive gives, loaded anew in order and built. The long way happens in a
scratch database, which is dropped at the end; the warehouse is only read.
"""

from dataclasses import dataclass

from psycopg import sql

from wraparound.contracts.loader import load_contracts
from wraparound.errors import BuildFailed
from wraparound.orchestration import nights
from wraparound.orchestration.scratch import made_anew, need_files
from wraparound.settings import Settings
from wraparound.warehouse import ledger
from wraparound.warehouse.connection import Connection, connect
from wraparound.warehouse.hashing import rows_and_hash
from wraparound.warehouse.raw_tables import column_types

BUILT = ("marts", "reports")
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
    need_files(settings)
    if nights.build_needed(settings):
        nights.build(settings)
    with connect(settings) as connection:
        last = ledger.last_build(connection)
        assert last is not None
        here = _raw_hashes(connection) | _built_hashes(connection)
    with made_anew(settings, build_id=last["build_id"]) as scratch, connect(scratch) as connection:
        there = _raw_hashes(connection) | _built_hashes(connection)
    return compared(here, there)


def must_hold(found: tuple[Compared, ...]) -> None:
    """Say which tables differ.

    Raises:
        BuildFailed: some table is not the same both ways.
    """
    other = [one.table for one in found if not one.same]
    if other:
        raise BuildFailed(
            f"{len(other)} of {len(found)} tables are not what the archive gives, loaded anew: "
            f"{', '.join(other[:5])}. The lists stay as they are; `wraparound parity` says more."
        )


def compared(short: Hashes, long: Hashes) -> tuple[Compared, ...]:
    """Every table of either side, in the order of their names."""
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


def _raw_hashes(connection: Connection) -> Hashes:
    """Of what is in force in each raw table: neither stamps nor batches."""
    found = {}
    for contract in load_contracts().values():
        for name, table in contract.tables.items():
            columns = [*column_types(table), "_sender", "_held"]
            found[contract.raw_name(name)] = rows_and_hash(
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
        row["table_name"]: rows_and_hash(
            connection,
            sql.SQL("select * from {}").format(
                sql.Identifier(row["table_schema"], row["table_name"])
            ),
        )
        for row in names
    }
