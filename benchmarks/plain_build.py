"""The same models as plain SQL: what dbt compiled, in its order, for psql."""

import json
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from wraparound.settings import Settings
from wraparound.warehouse.connection import address, connect

# By column name: dbt puts columns into the order of their contract, the plain query does not.
HASH = (
    "select count(*) as rows,"
    " coalesce(sum(hashtextextended(to_jsonb(r)::text, 0)::numeric), 0) as hash"
    " from reports.{} as r"
)


# What the build makes anew every time, and views do not hold.
MADE = (
    "select format('%I.%I', schemaname, tablename) as name from pg_tables"
    " where schemaname in ('intermediate', 'marts', 'reports') order by 1"
)


def plain_target(settings: Settings) -> Path:
    """Where the models' SQL is compiled to."""
    return settings.home / "plain"


def written(settings: Settings, script: Path) -> Path:
    """Write one script that drops and makes every model; views and tables as dbt makes them.

    The database that it is written for is the one it may run in: names hold the database.
    """
    manifest = json.loads((plain_target(settings) / "manifest.json").read_text())
    models = {
        key: node
        for key, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and node["config"]["enabled"]
    }
    order = TopologicalSorter(
        {
            key: [n for n in node["depends_on"]["nodes"] if n in models]
            for key, node in models.items()
        }
    )
    lines = ["\\set ON_ERROR_STOP on", "set jit = off; set work_mem = '96MB';"]
    for key in order.static_order():
        lines.append(_statement(models[key], database=address(settings).database))
    script.write_text("\n".join(lines), encoding="utf-8")
    return script


def _statement(node: dict[str, Any], *, database: str) -> str:
    name = f'"{node["schema"]}"."{node["alias"]}"'
    query = node["compiled_code"].replace(f'"{database}".', "")
    if node["config"]["materialized"] == "view":
        return f"create or replace view {name} as {query};"
    unlogged = "unlogged" if node["config"].get("unlogged") else ""
    return (
        f"drop table if exists {name} cascade; create {unlogged} table {name} as {query};"
        f" analyze {name};"
    )


def emptied(settings: Settings) -> Settings:
    """The same warehouse, its tables emptied: what stands after a run is that run's."""
    with connect(settings) as connection:
        names = [row["name"] for row in connection.execute(MADE)]
        connection.execute(f"truncate {', '.join(names)}")
    return settings


def reports_hash(settings: Settings) -> tuple[int, int]:
    """(rows, order-free hash) of all reports together."""
    rows = total = 0
    with connect(settings) as connection:
        names = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'reports'"
        ).fetchall()
        for row in names:
            found = connection.execute(HASH.format(row["table_name"])).fetchone()  # type: ignore[arg-type]
            assert found is not None
            rows += int(found["rows"])
            total += int(found["hash"])
    return rows, total % 2**64
