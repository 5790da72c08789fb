"""What the nights leave behind once a week, and earlier versions of the models."""

from psycopg import sql

from wraparound.contracts.district import load_district
from wraparound.settings import Settings
from wraparound.warehouse import ledger
from wraparound.warehouse.connection import Connection, connect
from wraparound.warehouse.roles import BUILDER, BUILT, PUBLISHER


def drop_others(connection: Connection, made: set[tuple[str, str]]) -> int:
    """Drop what an earlier version of the models made and this one does not; returns how many.

    Nothing would fill it again, and nothing that is purged would leave it. What somebody else
    than the builder keeps in these schemas stays.
    """
    there = ledger.relations(connection, schemas=BUILT, owner=BUILDER)
    others = there.keys() - made
    for name in others:
        drop = sql.SQL("drop {} if exists {} cascade")
        connection.execute(drop.format(sql.SQL(there[name]), sql.Identifier(*name)))
    return len(others)


def tidy(settings: Settings) -> dict[str, int]:
    """Drop the releases that nobody goes back to and scratch warehouses of the dead, and vacuum
    what loading and publishing left.

    Returns how many releases were dropped and how many tables were vacuumed.
    """
    from wraparound.orchestration.scratch import drop_left_over
    from wraparound.publishing.releases import prune

    drop_left_over(settings)
    keep = load_district(settings.district_file).keep_releases
    with connect(settings, role=PUBLISHER) as connection:
        dropped = prune(connection, keep=keep)
    with connect(settings, autocommit=True) as connection:
        tables = connection.execute(
            "select schemaname as schema, relname as name from pg_catalog.pg_stat_user_tables"
            " where schemaname in ('raw', 'ops', 'restricted', 'release') and n_dead_tup > 0"
            " order by 1, 2"
        ).fetchall()
        for table in tables:
            name = sql.Identifier(table["schema"], table["name"])
            connection.execute(sql.SQL("vacuum (analyze) {}").format(name))
    return {"releases_dropped": len(dropped), "tables_vacuumed": len(tables)}
