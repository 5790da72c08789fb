"""One embedded server for a measurement; a database, and a home, for each run."""

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from psycopg import sql

from wraparound.settings import Settings, load_settings
from wraparound.warehouse import embedded
from wraparound.warehouse.connection import MAINTENANCE_DATABASE, address, connect
from wraparound.warehouse.migrate import migrate
from wraparound.warehouse.roles import close_database

DISTRICT = "name: Measured District\ntime_zone: America/New_York\n"
# The server's own databases.
OWN = frozenset({"postgres", "template0", "template1", "wraparound", "airflow"})
# Equal text for equal values, and a sum, so that order says nothing.
AGREEMENT = (
    "select count(*) as rows, coalesce(sum(hashtextextended(concat_ws('|', {columns}), 0)"
    "::numeric), 0) as hash from {relation} where {where}"
)
OURS = (
    "student_unique_id, school_id, event_date, attendance_event_category_descriptor,"
    " trim_scale(event_duration)"
)
THEIRS = "student, school, day, code, trim_scale(duration)"


class Disagreement(Exception):
    """Ours and the baseline ended in different rows: the run is void."""


@contextmanager
def a_server(home: Path) -> Iterator[Settings]:
    """A running server whose warehouse is migrated and empty; stopped at the end."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / "district.yml").write_text(DISTRICT, encoding="utf-8")
    settings = replace(
        load_settings(), home=home, district_file=home / "district.yml", warehouse_url=None
    )
    embedded.up(settings)
    try:
        migrate(settings)
        yield settings
    finally:
        embedded.down(settings)


def copy_of(server: Settings, source: Settings, name: str) -> Settings:
    """A fresh copy of a warehouse: its database, and its archive by hard links."""
    forget(server, name)
    with _maintenance(server) as connection:
        connection.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(address(source).database)
            )
        )
    home = server.home / "homes" / name
    shutil.rmtree(home, ignore_errors=True)
    url = f"postgresql://postgres@localhost/{name}?host={address(server).host}"
    settings = replace(server, home=home, warehouse_url=url)
    settings.make_folders()
    if source.archive.is_dir():
        shutil.copytree(
            source.archive, settings.archive, copy_function=_linked, dirs_exist_ok=True
        )
    with connect(settings) as connection:
        # Rights on a database are not copied with it.
        close_database(connection)
    checkpoint(server)
    return settings


def _linked(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


def empty_database(server: Settings, name: str) -> str:
    """A database without anything in it; its URL for psql."""
    forget(server, name)
    with _maintenance(server) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    checkpoint(server)
    return url_of(server, name)


def database_like(server: Settings, source: str, name: str) -> str:
    """A copy of the baseline's database; its URL for psql."""
    forget(server, name)
    with _maintenance(server) as connection:
        connection.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(source)
            )
        )
    checkpoint(server)
    return url_of(server, name)


def url_of(server: Settings, name: str) -> str:
    """A database's URL for psql."""
    return f"postgresql://postgres@/{name}?host={address(server).host}"


def forget(server: Settings, name: str) -> None:
    """Drop a database if it is there."""
    with _maintenance(server) as connection:
        connection.execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        )


def forget_all(server: Settings, *, but: Collection[str]) -> None:
    """Drop every database that was made for a scenario, and its home, but those named."""
    with _maintenance(server) as connection:
        found = connection.execute("select datname as name from pg_database").fetchall()
    for name in {row["name"] for row in found} - OWN - set(but):
        forget(server, name)
        shutil.rmtree(server.home / "homes" / name, ignore_errors=True)


def checkpoint(server: Settings) -> None:
    """Outside the timing: what was written before must not be paid for by what is measured."""
    with _maintenance(server) as connection:
        connection.execute("checkpoint")


@contextmanager
def _maintenance(server: Settings) -> Iterator[Any]:
    with connect(server, database=MAINTENANCE_DATABASE, autocommit=True) as connection:
        yield connection


def rows_of_ours(settings: Settings) -> tuple[int, int]:
    """(count, order-free hash) of the attendance in force."""
    return _agreement(
        settings,
        columns=OURS,
        relation="raw.attendance__events",
        where="_deleted_at is null",
    )


def rows_of_theirs(
    server: Settings,
    name: str,
    *,
    where: str = "true",
    columns: str = THEIRS,
    relation: str = "public.attendance",
) -> tuple[int, int]:
    """(count, order-free hash) of attendance that something else than ours has loaded."""
    settings = replace(
        server, warehouse_url=f"postgresql://postgres@localhost/{name}?host={address(server).host}"
    )
    return _agreement(settings, columns=columns, relation=relation, where=where)


def _agreement(settings: Settings, *, columns: str, relation: str, where: str) -> tuple[int, int]:
    statement = AGREEMENT.format(columns=columns, relation=relation, where=where)
    with connect(settings) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return int(row["rows"]), int(row["hash"])


def must_agree(ours: tuple[Any, Any], theirs: tuple[Any, Any], *, what: str) -> None:
    """Void the run unless counts, and hashes or names, are equal.

    Raises:
        Disagreement: naming the measure and both counts.
    """
    if ours != theirs:
        raise Disagreement(f"{what}: {ours[0]} rows here, {theirs[0]} there, or not the same.")
