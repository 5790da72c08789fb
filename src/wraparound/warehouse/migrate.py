"""Bring the warehouse to the schema this code expects: migrations, then the contracts' tables."""

import hashlib
from functools import cache
from importlib.resources import files

from psycopg import sql

from wraparound.errors import SettingsWrong
from wraparound.settings import Settings
from wraparound.warehouse import connection as connections
from wraparound.warehouse.diagnostics import write_catalog
from wraparound.warehouse.raw_tables import ensure_raw_tables
from wraparound.warehouse.roles import ensure_rights


def migrate(settings: Settings) -> None:
    """Create or update databases, schemas, roles and tables; again changes nothing.

    Raises:
        SettingsWrong: a newer version of this program has made the warehouse.
    """
    _create_databases(settings)
    _run_migrations(settings)
    with connections.connect(settings) as connection:
        # One migration of the contracts' tables at a time.
        connection.execute("select pg_advisory_xact_lock(hashtext('wraparound.migrate'))")
        ensure_raw_tables(connection)
        write_catalog(connection)
        ensure_rights(connection)
        # Last: what was cut short is done again.
        connection.execute(sql.SQL("comment on schema ops is {}").format(sql.Literal(_made_by())))


def is_current(settings: Settings) -> bool:
    """Whether the warehouse was brought to the schema that this program expects."""
    if not connections.database_exists(settings, database=connections.DATABASE):
        return False
    with connections.connect(settings) as connection:
        query = "select obj_description(to_regnamespace('ops'), 'pg_namespace') as it"
        row = connection.execute(query).fetchone()
    return bool(row and row["it"] == _made_by())


@cache
def _made_by() -> str:
    """Name the schema that this program makes: a hash of all that is read to make it."""
    package = files("wraparound")
    contracts = package / "contracts"
    warehouse = package / "warehouse"
    read = [
        *(contracts / "feeds").iterdir(),
        contracts / "diagnostics.yml",
        *(warehouse / name for name in ("schema.py", "raw_tables.py", "roles.py")),
        *(warehouse / "migrations" / "versions").iterdir(),
    ]
    sums = sorted(hashlib.sha256(one.read_bytes()).hexdigest() for one in read if one.is_file())
    return f"wraparound {hashlib.sha256(''.join(sums).encode()).hexdigest()[:16]}"


def _create_databases(settings: Settings) -> None:
    for database in (connections.DATABASE, connections.AIRFLOW_DATABASE):
        if connections.database_exists(settings, database=database):
            continue
        name = connections.address(settings, database=database).database
        with connections.connect(
            settings, database=connections.MAINTENANCE_DATABASE, autocommit=True
        ) as connection:
            # Another process may be at the same; the lock ends with the connection.
            connection.execute("select pg_advisory_lock(hashtext('wraparound.migrate'))")
            if not connections.database_exists(settings, database=database):
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


def _run_migrations(settings: Settings) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script.revision import ResolutionError
    from alembic.util import CommandError

    config = Config()
    config.set_main_option(
        "script_location", str(files("wraparound.warehouse") / "migrations").replace("%", "%%")
    )
    config.attributes["url"] = connections.sqlalchemy_url(settings)
    try:
        command.upgrade(config, "head")
    except CommandError as exc:
        if not isinstance(exc.__cause__, ResolutionError):
            raise
        raise SettingsWrong(
            "The warehouse was made by a newer version of this program. Nothing was changed. Use "
            "that version, or go back to a backup of the database from before the upgrade."
        ) from None
