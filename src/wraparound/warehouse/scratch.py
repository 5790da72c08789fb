"""Temporary tables that a load makes anew for each of its files.

A transaction holds a lock on every table that it made, though it dropped it since, and a server
has a few thousand locks for all. So a table is emptied rather than made again where it has the
columns that are asked for: a delivery of a thousand pages then holds as many as one of a page.
"""

from psycopg import sql

from wraparound.warehouse.connection import Connection

Sql = sql.Composable


def make_table(connection: Connection, name: str, rows: Sql) -> int:
    """Let the temporary table `name` hold the rows of a query; how many they are."""
    table = sql.Identifier("pg_temp", name)
    if _has(connection, name, rows):
        connection.execute(sql.SQL("truncate {}").format(table))
        return connection.execute(sql.SQL("insert into {} {}").format(table, rows)).rowcount
    connection.execute(sql.SQL("drop table if exists {} cascade").format(table))
    return connection.execute(
        sql.SQL("create temp table {} on commit drop as {}").format(sql.Identifier(name), rows)
    ).rowcount


def make_view(connection: Connection, name: str, rows: Sql) -> None:
    """Let the temporary view `name` be a query."""
    if not _has(connection, name, rows):
        connection.execute(
            sql.SQL("drop view if exists {}").format(sql.Identifier("pg_temp", name))
        )
    connection.execute(
        sql.SQL("create or replace temp view {} as {}").format(sql.Identifier(name), rows)
    )


def _has(connection: Connection, name: str, rows: Sql) -> bool:
    """Whether what is called so has the columns of a query, and no other."""
    asked = connection.execute(sql.SQL("select * from ({}) as q limit 0").format(rows))
    there = connection.execute(
        "select attname, atttypid from pg_attribute"
        " where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum",
        [f"pg_temp.{name}"],
    ).fetchall()
    columns = [(column.name, column.type_code) for column in asked.description or ()]
    return columns == [(row["attname"], row["atttypid"]) for row in there]
