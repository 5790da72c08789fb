"""Diagnostics as data: the catalog in the warehouse, and what was said of an arrival."""

from wraparound.contracts.diagnostics import all_said
from wraparound.warehouse.connection import Connection, Row


def write_catalog(connection: Connection) -> None:
    """Bring the catalog in the warehouse to what the contracts say."""
    connection.execute("delete from ops.diagnostic_rule")
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.diagnostic_rule"
            " (feed, table_name, rule, code, costs, message, what_to_do)"
            " values (%s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    *(said.feed, said.table, said.diagnostic.rule, said.diagnostic.code),
                    *(said.diagnostic.costs, said.diagnostic.says, said.diagnostic.do),
                )
                for said in all_said()
            ],
        )


def diagnostics(connection: Connection, *, arrival_id: int | None = None) -> list[Row]:
    """All that was said: code, severity, file, row, column, rule, message; no value of a row."""
    return connection.execute(
        "select arrival_id, code, severity, feed, table_name, file_name, row_number, column_name,"
        " rule, occurrences, state, message, what_to_do from ops.diagnostic"
        " where %(arrival)s::bigint is null or arrival_id = %(arrival)s"
        " order by arrival_id, file_name, table_name, row_number, column_name, code, rule",
        {"arrival": arrival_id},
    ).fetchall()
