"""An order-free hash of rows: equal rows, however they came about, have equal hashes."""

from typing import Any

from psycopg import Connection
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Composable


def rows_and_hash(connection: Connection[Any], rows: Composable) -> tuple[int, int]:
    """Return how many rows a query gives, and their hash (64 bits, not negative); 0 of none.

    A sum of what each row hashes to, so that their order says nothing.
    """
    query = SQL(
        "select count(*), coalesce(mod(sum(hash_record_extended(r, 0)::numeric"
        " + 9223372036854775808), 18446744073709551616), 0) from ({}) as r"
    ).format(rows)
    with connection.cursor(row_factory=tuple_row) as cursor:
        ((count, total),) = cursor.execute(query).fetchall()
    return int(count), int(total)
