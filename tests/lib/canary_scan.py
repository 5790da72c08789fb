"""Where a child can be found: every file, file name and column of a home and its warehouse."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from psycopg import sql

from wraparound.settings import Settings
from wraparound.warehouse import connection as connections

# Folders that hold children by design: what came, what is read, what is being written.
MAY_HOLD_FOLDERS = ("inbox", "archive", "lists", "outbox")
# The server's own files are its tables; its log is not.
SERVER = "pg"
# Schemas that hold children by design, and the tables elsewhere that may name one.
MAY_HOLD_SCHEMAS = frozenset(
    {"raw", "staging", "intermediate", "marts", "reports", "release", "coordinator"}
)
MAY_HOLD_TABLES = frozenset(
    {"restricted.quarantine_line", "restricted.student_identity", "ops.student_crosswalk"}
)


def places_of(
    settings: Settings,
    words: Iterable[str],
    *,
    also: Sequence[Path] = (),
    everywhere: bool = False,
) -> list[str]:
    """Return every place outside those above where one of the words stands, in any case.

    `also` are further files and folders to look through: what other programs wrote. `everywhere`
    looks into the places above too, as after a purge.
    """
    sought = [word.lower() for word in words]
    folders = () if everywhere else MAY_HOLD_FOLDERS
    found = [
        *_in_names(settings.home, sought),
        *_in_files(settings, sought, also=also, may_hold=folders),
    ]
    schemas = frozenset() if everywhere else MAY_HOLD_SCHEMAS
    tables = frozenset() if everywhere else MAY_HOLD_TABLES
    return sorted({*found, *_in_tables(settings, sought, schemas=schemas, tables=tables)})


def found_in(text: str, words: Iterable[str]) -> list[str]:
    """Return the words that stand in a text, in any case."""
    lowered = text.lower()
    return sorted({word for word in words if word.lower() in lowered})


def _in_names(home: Path, words: list[str]) -> list[str]:
    """No name of a file or folder may tell, not even where the file itself may."""
    return [
        f"name of a file in {path.parent}"
        for path in _walk(home)
        if any(word in path.name.lower() for word in words)
    ]


def _in_files(
    settings: Settings, words: list[str], *, also: Sequence[Path], may_hold: Sequence[str]
) -> list[str]:
    files = [path for path in _walk(settings.home) if not _may_hold(path, settings.home, may_hold)]
    for extra in also:
        files += [extra] if extra.is_file() else list(_walk(extra))
    return [str(path) for path in files if _holds(path, words)]


def _walk(folder: Path) -> Iterable[Path]:
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield Path(parent, name)


def _may_hold(path: Path, home: Path, folders: Sequence[str]) -> bool:
    parts = path.relative_to(home).parts
    if parts[0] == SERVER:
        return path.suffix != ".log"
    return parts[0] in folders


def _holds(path: Path, words: list[str]) -> bool:
    if not path.is_file():
        return False
    text = path.read_bytes().decode("utf-8", errors="replace").lower()
    return any(word in text for word in words)


def _in_tables(
    settings: Settings, words: list[str], *, schemas: frozenset[str], tables: frozenset[str]
) -> list[str]:
    """Every table and column outside some, and what the server keeps about them."""
    pattern = "|".join(words)
    with connections.connect(settings) as connection:
        rows = connection.execute(
            "select schemaname as schema, tablename as name from pg_catalog.pg_tables"
            " where schemaname !~ '^pg_' and schemaname <> 'information_schema'"
            " and not schemaname = any (%s) and not schemaname || '.' || tablename = any (%s)",
            (sorted(schemas), sorted(tables)),
        ).fetchall()
        found = []
        for table in rows:
            statement = sql.SQL("select from {} as t where t::text ~* %s limit 1").format(
                sql.Identifier(table["schema"], table["name"])
            )
            if connection.execute(statement, (pattern,)).fetchall():
                found.append(f"{table['schema']}.{table['name']}")
        for catalogue in ("pg_description", "pg_seclabel", "pg_stat_activity"):
            statement = sql.SQL(
                "select from pg_catalog.{} as t where t::text ~* %s and not t::text ~* 'limit 1'"
            ).format(sql.Identifier(catalogue))
            if connection.execute(statement, (pattern,)).fetchall():
                found.append(catalogue)
    return found
