"""A warehouse for each test: a copy of one migrated database on the session's server."""

import atexit
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fcntl import LOCK_EX, flock
from importlib.resources import files
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from alembic import command
from alembic.config import Config
from psycopg import sql

from lib.release_builders import a_warehouse
from wraparound.contracts.loader import load_contracts
from wraparound.orchestration import nights
from wraparound.orchestration.dbt import PARSED, is_read, read_manifest
from wraparound.settings import Settings
from wraparound.warehouse import connection as connections
from wraparound.warehouse.raw_tables import column_types

# What in `ops` may hold ids of a source: the crosswalks, changes of them, and needs.
KEEPERS_OF_IDS = frozenset(
    {"student_crosswalk", "student_change", "school_crosswalk", "need_history", "brake_count"}
)
# The databases that this process has made and not dropped yet, as (server, name).
IN_USE: set[tuple[str, str]] = set()
# Names the folder of a run of several processes: see tests/conftest.py.
RUN = "WRAPAROUND_TEST_RUN"
# What dbt read of the project, in this process.
READ = TemporaryDirectory(prefix="wr-read-", ignore_cleanup_errors=True)
atexit.register(READ.cleanup)
DISTRICT = "name: Test District\ntime_zone: America/New_York\n"


@contextmanager
def a_fresh_warehouse(template: Settings, home: Path) -> Iterator[Settings]:
    """Settings of a copy of a warehouse, with a home and a district file of its own."""
    server = connections.address(template).host
    name = next(name for n in count(1) if (server, name := f"t{n}") not in IN_USE)
    settings = a_warehouse(template, name=name, home=home)
    IN_USE.add((server, name))
    share_what_dbt_reads(settings)
    if template.warehouse_url and template.archive.is_dir():
        shutil.copytree(template.archive, settings.archive)
    if is_read(template):
        # Without it a build would make seeds and staging anew, which are in the copy.
        shutil.copy(template.dbt_dir / "target" / "manifest.json", settings.dbt_dir / "target")
    district = home / "district.yml"
    district.write_text(DISTRICT, encoding="utf-8")
    settings = replace(settings, district_file=district)
    settings.make_folders()
    try:
        yield settings
    finally:
        with connections.connect(
            template, database=connections.MAINTENANCE_DATABASE, autocommit=True
        ) as connection:
            connection.execute(
                sql.SQL("drop database {} with (force)").format(sql.Identifier(name))
            )
        IN_USE.remove((server, name))


def share_what_dbt_reads(settings: Settings) -> None:
    """Let dbt read the project once for all warehouses of a run: it takes ten seconds."""
    _begin_with_what_others_read(settings)
    place = settings.dbt_dir / "target" / PARSED
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(Path(READ.name) / PARSED)


def _begin_with_what_others_read(settings: Settings) -> None:
    """Where several processes run tests, the first to come here reads for all of them."""
    own, run = Path(READ.name) / PARSED, os.environ.get(RUN)
    if run is None or own.exists():
        return
    first = Path(run) / PARSED
    with Path(run, "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not first.exists():
            reading = replace(settings, home=Path(READ.name))
            read_manifest(reading)
            shutil.copyfile(reading.dbt_dir / "read" / PARSED, first)
    shutil.copyfile(first, own)


def write_district(settings: Settings, text: str) -> None:
    """Give the test's district file further keys."""
    settings.district_file.write_text(DISTRICT + text, encoding="utf-8")


def landed_and_loaded(settings: Settings, *paths: Path, **words: Any) -> list[dict[str, Any]]:
    """Land files and ingest; the ledger's rows of these files, in the order given."""
    ids = [row["arrival_id"] for row in nights.land(settings, paths, **words)]
    nights.ingest(settings)
    rows = {row["arrival_id"]: row for row in arrivals(settings)}
    return [rows[arrival_id] for arrival_id in ids]


def arrivals(settings: Settings) -> list[dict[str, Any]]:
    """Every row of the ledger's arrivals."""
    return query(settings, "select * from ops.arrival order by arrival_id")


def query(settings: Settings, statement: str, *values: Any) -> list[dict[str, Any]]:
    """The rows of a query."""
    with connections.connect(settings) as connection:
        return connection.execute(statement, values or None).fetchall()


def live(settings: Settings, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """The records in force of a raw table, some columns of them, sorted."""
    rows = query(
        settings, f"select {', '.join(columns)} from raw.{table} where _deleted_at is null"
    )
    return sorted((tuple(row.values()) for row in rows), key=repr)


def findings(settings: Settings) -> list[tuple[Any, ...]]:
    """Open findings as (file, row, column, rule, scope)."""
    rows = query(
        settings,
        "select file_name, row_number, column_name, rule, scope from ops.quarantine"
        " where state = 'open' order by arrival_id, file_name, row_number, column_name, rule",
    )
    return [tuple(row.values()) for row in rows]


def is_conserved(arrival: dict[str, Any]) -> bool:
    """Rows in = loaded + unchanged + quarantined + duplicate."""
    parts = ("rows_loaded", "rows_unchanged", "rows_quarantined", "rows_duplicate")
    return bool(arrival["rows_in"] == sum(arrival[part] for part in parts))


def downgrade(settings: Settings, revision: str) -> None:
    """Bring the ledger back to how an earlier migration left it."""
    config = Config()
    config.set_main_option("script_location", str(files("wraparound.warehouse") / "migrations"))
    config.attributes["url"] = connections.sqlalchemy_url(settings)
    command.downgrade(config, revision)


def raw_state(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """What is in force in every raw table, without what depends on when it came."""
    state = {}
    with connections.connect(settings) as connection:
        for contract in load_contracts().values():
            for name, table in contract.tables.items():
                columns = [*column_types(table), "_extra", "_sender", "_held"]
                rows = connection.execute(
                    sql.SQL("select {} from raw.{} where _deleted_at is null").format(
                        sql.SQL(", ").join(map(sql.Identifier, columns)),
                        sql.Identifier(contract.raw_name(name)),
                    )
                ).fetchall()
                if rows:
                    state[contract.raw_name(name)] = sorted(
                        (tuple(row.values()) for row in rows), key=repr
                    )
    return state


def places_with(settings: Settings, pattern: str) -> list[str]:
    """The columns of schema `ops` that match a pattern somewhere, those of ids left out."""
    columns = query(
        settings,
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'ops'",
    )
    return [
        f"{c['table_name']}.{c['column_name']}"
        for c in columns
        if c["table_name"] not in KEEPERS_OF_IDS
        and query(
            settings,
            f'select 1 from ops.{c["table_name"]} where "{c["column_name"]}"::text ~ %s limit 1',
            pattern,
        )
    ]


def server_log(server: Settings) -> str:
    """The log of the session's server."""
    return (server.postgres_dir / "server.log").read_text(errors="replace")


def any_of(words: list[str]) -> str:
    """A pattern that matches any of some words."""
    return "|".join(map(re.escape, words))
