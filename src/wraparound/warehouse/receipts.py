"""The receipt of an arrival: what came and what became of it, in counts, for its sender."""

from collections.abc import Mapping
from typing import Any

from wraparound.contracts.diagnostics import advice
from wraparound.warehouse import ledger
from wraparound.warehouse.connection import Connection, Row

COUNTS = ("rows_in", "rows_loaded", "rows_unchanged", "rows_quarantined", "rows_duplicate")
KEPT = (
    *("arrival_id", "feed", "sender", "file_name", "sha256", "byte_count", "received_at"),
    *("received_count", "last_received_at", "effective_at", "state", "code", "message"),
    *(*COUNTS, "rows_ended", "notices"),
)
# Enough to find the rows in a spreadsheet; all of them are in the export.
FIRST_ROWS = 5


def receipt(connection: Connection, arrival_id: int) -> dict[str, Any] | None:
    """The receipt of an arrival, or None where there is no such arrival.

    Rows in = loaded + unchanged + quarantined + duplicate. `files` are counted as they were
    loaded; rows that were let in later moved the arrival's own counts. No value of a row.
    """
    row = ledger.arrival(connection, arrival_id)
    if row is None:
        return None
    return {name: row[name] for name in KEPT} | {
        "tables": _tables(connection, row),
        "set_aside": set_aside(connection, arrival_id=arrival_id),
        "brake": ledger.brake_counts(connection, arrival_id) if row["state"] == "braked" else [],
        "release": _release(connection, row),
    }


def set_aside(
    connection: Connection,
    *,
    arrival_id: int | None = None,
    feed: str | None = None,
    rule: str | None = None,
) -> list[dict[str, Any]]:
    """Open findings by arrival, file, column and rule: how many, the first rows, what to do."""
    rows = connection.execute(
        'select feed, arrival_id, table_name, file_name, column_name as "column", rule, scope,'
        " count(distinct row_number) as count,"
        " (array_agg(distinct row_number))[1:%(first)s] as first_rows from ops.quarantine"
        " where state = 'open' and (%(arrival)s::bigint is null or arrival_id = %(arrival)s)"
        " and (%(feed)s::text is null or feed = %(feed)s)"
        " and (%(rule)s::text is null or rule = %(rule)s)"
        " group by feed, arrival_id, table_name, file_name, column_name, rule, scope"
        " order by arrival_id, count desc, file_name, rule, column_name",
        {"arrival": arrival_id, "feed": feed, "rule": rule, "first": FIRST_ROWS},
    ).fetchall()
    return [row | {"what_to_do": _advice(row)} for row in rows]


def _advice(row: Mapping[str, Any]) -> str:
    return advice(row["feed"], row["table_name"], row["rule"])


def _tables(connection: Connection, row: Row) -> list[Row]:
    return connection.execute(
        "select table_name, rows_in, rows_created, rows_changed, rows_unchanged,"
        " rows_quarantined, rows_duplicate, rows_ended from ops.batch_table where batch_id = %s"
        " order by table_name",
        [row["batch_id"]],
    ).fetchall()


def _release(connection: Connection, row: Row) -> Row | None:
    """The first release that was built with the arrival in it and shown."""
    return connection.execute(
        "select r.release_id, r.as_of_date, r.published_at from ops.release as r"
        " inner join ops.build as b on r.build_id = b.build_id"
        " where b.input_batch_id >= %s and r.state in ('published', 'superseded')"
        " order by r.release_id limit 1",
        [row["batch_id"]],
    ).fetchone()
