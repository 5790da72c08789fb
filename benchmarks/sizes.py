"""What stands on the disk after a night: tables, what they hold that is dead, and folders."""

from contextlib import suppress
from pathlib import Path

from wraparound.settings import Settings
from wraparound.warehouse.connection import connect

# Everything that dbt makes counts as one.
TABLES = """
    select
        case when n.nspname in ('raw', 'ops', 'restricted', 'release')
            then n.nspname else 'built' end as name,
        round(sum(pg_total_relation_size(c.oid)) / 1048576.0, 1)::float as size
    from pg_class as c
    inner join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname !~ '^(pg_|information_schema$)'
    group by 1 order by 1
"""
DEAD = "select coalesce(sum(n_dead_tup), 0)::int as dead from pg_stat_user_tables"
LEDGER = "select count(*)::int as files from ops.arrival"


def sizes(settings: Settings) -> dict[str, float]:
    """MB of tables by schema and of folders; dead rows; files in the ledger."""
    with connect(settings) as connection:
        tables = connection.execute(TABLES).fetchall()
        dead = connection.execute(DEAD).fetchone()
        ledger = connection.execute(LEDGER).fetchone()
    folders = {
        "archive": settings.archive,
        "lists": settings.lists,
        "outbox": settings.outbox,
        "dbt": settings.dbt_dir,
        "logs": settings.log_dir,
    }
    megabytes = {name: megabytes_of(folder) for name, folder in folders.items()}
    return (
        {str(row["name"]): float(row["size"]) for row in tables}
        | megabytes
        | {"dead rows": float((dead or {})["dead"]), "files": float((ledger or {})["files"])}
    )


def megabytes_of(folder: Path) -> float:
    """Of all files below a folder; those that a server takes away meanwhile do not count."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return round(total / 2**20, 1)
