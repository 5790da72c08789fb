"""Alembic's entry: one connection, one transaction, the version kept in schema ops."""

from collections.abc import MutableMapping
from typing import Any

from alembic import context
from sqlalchemy import NullPool, create_engine, text

from wraparound.warehouse.schema import SCHEMAS, metadata


def _include(name: str | None, kind: str, parents: MutableMapping[Any, str | None]) -> bool:
    if kind == "schema":
        return name in SCHEMAS
    if kind == "table" and parents.get("schema_name") in ("raw", "release", "coordinator"):
        return name == "pointer"
    return name != "alembic_version"


def run() -> None:
    """Upgrade (or compare) within one transaction."""
    engine = create_engine(context.config.attributes["url"], poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(hashtext('wraparound.migrate'))"))
        connection.execute(text("create schema if not exists ops"))
        context.configure(
            connection=connection,
            target_metadata=metadata,
            include_schemas=True,
            include_name=_include,
            version_table_schema="ops",
        )
        context.run_migrations()


run()
