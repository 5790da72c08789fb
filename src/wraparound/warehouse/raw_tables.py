"""The raw tables, derived from the contracts: one current typed record per natural key."""

from psycopg import sql

from wraparound.contracts.loader import load_contracts
from wraparound.contracts.models import SQL_TYPES, Contract, Table
from wraparound.warehouse.connection import Connection

# Beside the contract's columns every raw table carries these. By `_resource_id` an API calls a
# record when it deletes it. `_school_source_id` and
# `_student_source_id` are the roster's ids, whatever the feed calls people by.
SYSTEM_COLUMNS = {
    "_sender": "text not null",
    "_batch_id": "bigint not null",
    "_row_hash": "bigint not null",
    "_effective_at": "timestamptz not null",
    "_changed_at": "timestamptz not null",
    "_deleted_at": "timestamptz",
    "_held": "boolean not null default false",
    # What the sender sent in columns that the contract does not know, by header.
    "_extra": "jsonb",
    "_resource_id": "text",
}


def column_types(table: Table) -> dict[str, str]:
    """The table's columns in the warehouse, in order: name -> SQL type."""
    types = {table.raw_column(name): SQL_TYPES[c.type] for name, c in table.loaded.items()}
    if table.student:
        types["_student_source_id"] = "text"
    if table.school:
        types["_school_source_id"] = "text"
    return types


def key_columns(table: Table) -> list[str]:
    """The natural key, as the warehouse names it."""
    return [table.raw_column(name) for name in table.key]


def indexed_key(table: Table) -> list[str]:
    """The natural key in the order of its index: of what is told by the day, the day first.

    Files come in the order of their days, so a year is sorted already, and a new day goes to the
    index's end, not into each page of it.
    """
    by_day = [table.day] if table.day in table.key and table.scope in ("day", "span") else []
    return [table.raw_column(name) for name in dict.fromkeys([*by_day, *table.key]) if name]


def holding_columns(table: Table) -> tuple[str, ...]:
    """By what a row that cannot be read holds what is in force: its student's day, or its key.

    Where a file speaks of whole days, an unreadable event of a day is about all of that day.
    """
    if table.day and table.scope in ("day", "span"):
        named = (table.student, table.school, table.day)
        return tuple(table.raw_column(name) for name in named if name)
    return tuple(key_columns(table))


def ensure_raw_tables(connection: Connection) -> None:
    """Create what is missing and add new columns; nothing is ever dropped."""
    rows = connection.execute("select indexname from pg_indexes where schemaname = 'raw'")
    indexed = {row["indexname"] for row in rows}
    for contract in load_contracts().values():
        for name, table in contract.tables.items():
            _ensure_table(connection, contract=contract, name=name, table=table)
            for index, statement in _indexes(contract.raw_name(name), table=table).items():
                if index not in indexed:
                    connection.execute(statement)


def _ensure_table(connection: Connection, *, contract: Contract, name: str, table: Table) -> None:
    raw = contract.raw_name(name)
    wanted = column_types(table) | SYSTEM_COLUMNS
    known = {
        row["column_name"]
        for row in connection.execute(
            "select column_name from information_schema.columns"
            " where table_schema = 'raw' and table_name = %s",
            [raw],
        )
    }
    if not known:
        connection.execute(_create_statement(raw, wanted=wanted, table=table))
    for column in wanted if known else ():
        if column not in known:
            connection.execute(
                sql.SQL("alter table raw.{} add column {} {}").format(
                    sql.Identifier(raw), sql.Identifier(column), sql.SQL(wanted[column])
                )
            )
    connection.execute(
        sql.SQL("comment on table raw.{} is {}").format(
            sql.Identifier(raw), sql.Literal(table.description)
        )
    )


def _indexes(raw: str, *, table: Table) -> dict[str, sql.Composed]:
    """By name, what makes them: of rows that are held, and of the day.

    Each is a few pages. A build reads the few held rows without the others, and of the days its
    school year: years come in one after the other, so ranges of pages are of one year.
    """
    named: dict[str, sql.Composable] = {f"{raw}_held": sql.SQL("(_held) where _held")}
    if table.day:
        day = sql.Identifier(table.raw_column(table.day))
        named[f"{raw}_day"] = sql.SQL("using brin ({})").format(day)
    return {
        name: sql.SQL("create index {} on raw.{} {}").format(
            sql.Identifier(name), sql.Identifier(raw), how
        )
        for name, how in named.items()
    }


def _create_statement(raw: str, *, wanted: dict[str, str], table: Table) -> sql.Composed:
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
        for name, kind in wanted.items()
    ]
    # A key may have an empty part (a calendar without a code), so it is unique, not primary.
    columns.append(
        sql.SQL("constraint {} unique nulls not distinct ({})").format(
            sql.Identifier(key_constraint(raw)),
            sql.SQL(", ").join(map(sql.Identifier, indexed_key(table))),
        )
    )
    return sql.SQL("create table raw.{} ({})").format(
        sql.Identifier(raw), sql.SQL(", ").join(columns)
    )


def key_constraint(raw: str) -> str:
    """The name of a raw table's key."""
    return f"{raw}_key"
