"""What a load leaves in the ledger: its batch, its counts, and new keys."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from wraparound.landing.leaving_out import LEFT_OUT
from wraparound.warehouse.connection import Connection
from wraparound.warehouse.findings import WAITING_RULES
from wraparound.warehouse.identities import key_from, remember_new
from wraparound.warehouse.mapping import Notice
from wraparound.warehouse.merging import Changes


@dataclass(frozen=True)
class Arrival:
    """An arrival as the loader sees it; `received_on` is a day of the district."""

    arrival_id: int
    feed: str
    sender: str
    file_name: str
    received_on: date
    effective_at: Any
    archived: Path
    brake_released: bool = False


@dataclass(frozen=True)
class TableCounts:
    """Rows of one file by what became of them."""

    feed: str
    table: str
    file_name: str
    rows_in: int
    quarantined: int
    duplicate: int
    changes: Changes

    @property
    def loaded(self) -> int:
        """Rows that made or changed a record."""
        return self.changes.created + self.changes.changed

    @property
    def unchanged(self) -> int:
        """Rows that say what is in force already, or something older than it."""
        return self.changes.unchanged + self.changes.older


@dataclass(frozen=True)
class Moved:
    """Rows that had waited, by what became of them; those that still wait are not counted."""

    loaded: int = 0
    unchanged: int = 0
    duplicate: int = 0

    def __add__(self, other: "Moved") -> "Moved":
        return Moved(
            self.loaded + other.loaded,
            self.unchanged + other.unchanged,
            self.duplicate + other.duplicate,
        )


@dataclass(frozen=True)
class Loaded:
    """What a load did; of the raw tables in `whole` it said all that is true of them."""

    batch_id: int
    tables: tuple[TableCounts, ...]
    notices: tuple[Notice, ...]
    whole: frozenset[str] = frozenset()

    def total(self, what: str) -> int:
        """The sum of one count over the files."""
        return sum(getattr(table, what) for table in self.tables)

    @property
    def ended(self) -> int:
        """Records that the arrival ended by no longer holding them."""
        return sum(table.changes.ended for table in self.tables)


def open_batch(connection: Connection, arrival: Arrival, *, reading: str | None = None) -> int:
    """Write that a load begins, and how the file is read; without that, lines are judged again."""
    row = connection.execute(
        "insert into ops.batch (arrival_id, feed, sender, reading_hash)"
        " values (%s, %s, %s, %s) returning batch_id",
        [arrival.arrival_id, arrival.feed, arrival.sender, reading],
    ).fetchone()
    assert row is not None
    return int(row["batch_id"])


def close_batch(connection: Connection, arrival: Arrival, loaded: Loaded) -> None:
    """Write how a load ended, into the batch, the arrival and the state of each feed in it.

    An arrival that is applied once more keeps what it had loaded the first time.
    """
    _write_tables(connection, loaded)
    fine = loaded.total("loaded") + loaded.total("unchanged")
    connection.execute(
        "update ops.arrival set state = 'loaded', code = null, message = %(message)s,"
        " batch_id = %(batch)s, rows_in = %(rows_in)s,"
        " rows_loaded = least(rows_loaded + %(loaded)s, %(fine)s),"
        " rows_unchanged = %(fine)s - least(rows_loaded + %(loaded)s, %(fine)s),"
        " rows_quarantined = %(set_aside)s, rows_duplicate = %(duplicate)s,"
        " rows_ended = rows_ended + %(ended)s, notices = %(notices)s where arrival_id = %(id)s",
        {
            "message": _message(connection, arrival),
            "batch": loaded.batch_id,
            "rows_in": loaded.total("rows_in"),
            "loaded": loaded.total("loaded"),
            "fine": fine,
            "set_aside": loaded.total("quarantined"),
            "duplicate": loaded.total("duplicate"),
            "ended": loaded.ended,
            "notices": Jsonb([notice.as_dict() for notice in loaded.notices]),
            "id": arrival.arrival_id,
        },
    )
    for feed in {arrival.feed, *(table.feed for table in loaded.tables)}:
        _write_feed_state(connection, arrival, loaded, feed=feed)
    _extend_crosswalks(connection, loaded)


def close_replay(
    connection: Connection, arrival: Arrival, loaded: Loaded, *, moved: Moved
) -> None:
    """Rows that were set aside and are good now move from one count to another."""
    _write_tables(connection, loaded)
    connection.execute(
        "delete from ops.quarantine as old using ops.quarantine as new where old.arrival_id = %s"
        " and old.state = 'released' and new.state = 'open' and new.arrival_id = old.arrival_id"
        " and new.table_name = old.table_name and new.file_name = old.file_name"
        " and new.row_number = old.row_number",
        [arrival.arrival_id],
    )
    _mark_looked_at(connection, arrival, loaded)
    connection.execute(
        "delete from restricted.quarantine_line as l where arrival_id = %s and not exists"
        " (select 1 from ops.quarantine as q where q.arrival_id = l.arrival_id"
        "  and q.table_name = l.table_name and q.file_name = l.file_name"
        "  and q.row_number = l.row_number and q.state = 'open')",
        [arrival.arrival_id],
    )
    connection.execute(
        "update ops.arrival set rows_loaded = rows_loaded + %s,"
        " rows_unchanged = rows_unchanged + %s, rows_duplicate = rows_duplicate + %s,"
        " rows_quarantined = rows_quarantined - %s where arrival_id = %s",
        [
            moved.loaded,
            moved.unchanged,
            moved.duplicate,
            moved.loaded + moved.unchanged + moved.duplicate,
            arrival.arrival_id,
        ],
    )
    connection.execute(
        "update ops.arrival set message = %s where arrival_id = %s",
        [_message(connection, arrival), arrival.arrival_id],
    )
    _extend_crosswalks(connection, loaded)


def _mark_looked_at(connection: Connection, arrival: Arrival, loaded: Loaded) -> None:
    """Let what still waits be tried again once something else has come: also what could not be
    judged anew, as its line is gone or its row lost to another."""
    connection.execute(
        "update ops.quarantine set batch_id = %s where arrival_id = %s and state = 'open'"
        " and rule = any(%s) and batch_id <> %s",
        [loaded.batch_id, arrival.arrival_id, list(WAITING_RULES), loaded.batch_id],
    )


def _message(connection: Connection, arrival: Arrival) -> str | None:
    """How many rows wait to be mended, and where the first of them is."""
    row = connection.execute(
        "with waiting as (select * from ops.quarantine"
        "  where arrival_id = %s and state = 'open' and scope = 'row' and rule <> %s)"
        " select (select count(*) from"
        "   (select distinct table_name, file_name, row_number from waiting) as line) as n,"
        "  (select file_name || ' row ' || row_number || coalesce(', ' || column_name, '')"
        "    || ': ' || rule from waiting order by file_name, row_number, quarantine_id limit 1"
        "  ) as first_one",
        [arrival.arrival_id, LEFT_OUT],
    ).fetchone()
    if not row or not row["n"]:
        return None
    rows = "1 row is" if row["n"] == 1 else f"{row['n']} rows are"
    return (
        f"{rows} set aside, the first at {row['first_one']}. What was in force there stays. See "
        f"`wraparound quarantine list --arrival {arrival.arrival_id}`."
    )


def _write_tables(connection: Connection, loaded: Loaded) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.batch_table as t (batch_id, table_name, rows_in, rows_created,"
            " rows_changed, rows_unchanged, rows_quarantined, rows_duplicate, rows_ended)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict (batch_id, table_name) do update set"
            " rows_in = t.rows_in + excluded.rows_in,"
            " rows_created = t.rows_created + excluded.rows_created,"
            " rows_changed = t.rows_changed + excluded.rows_changed,"
            " rows_unchanged = t.rows_unchanged + excluded.rows_unchanged,"
            " rows_quarantined = t.rows_quarantined + excluded.rows_quarantined,"
            " rows_duplicate = t.rows_duplicate + excluded.rows_duplicate,"
            " rows_ended = t.rows_ended + excluded.rows_ended",
            [
                (
                    loaded.batch_id,
                    table.table,
                    table.rows_in,
                    table.changes.created,
                    table.changes.changed,
                    table.unchanged,
                    table.quarantined,
                    table.duplicate,
                    table.changes.ended,
                )
                for table in loaded.tables
            ],
        )
    connection.execute(
        "update ops.batch set finished_at = clock_timestamp() where batch_id = %s",
        [loaded.batch_id],
    )


def _write_feed_state(
    connection: Connection, arrival: Arrival, loaded: Loaded, *, feed: str
) -> None:
    connection.execute(
        "insert into ops.feed_state as s (feed, sender, last_arrival_id, last_batch_id,"
        " last_loaded_at) values (%s, %s, %s, %s, clock_timestamp()) on conflict (feed, sender)"
        " do update set last_arrival_id = excluded.last_arrival_id,"
        " last_batch_id = excluded.last_batch_id, last_loaded_at = excluded.last_loaded_at",
        [feed, arrival.sender, arrival.arrival_id, loaded.batch_id],
    )


def _extend_crosswalks(connection: Connection, loaded: Loaded) -> None:
    """Give every student and school of the roster a key of ours, the same on every machine."""
    if not any(table.feed == "roster" for table in loaded.tables):
        return
    connection.execute(
        sql.SQL(
            "insert into ops.student_crosswalk (student_source_id, student_key)"
            " select u.sourced_id, {key}"
            " from raw.roster__users as u where (u.role = 'student'"
            "  or exists (select 1 from raw.roster__roles as r"
            "   where r.user_sourced_id = u.sourced_id and r.role = 'student')"
            "  or exists (select 1 from raw.roster__enrollments as e"
            "   where e.user_sourced_id = u.sourced_id and e.role = 'student'))"
            " and not exists (select 1 from ops.student_crosswalk as x"
            "  where x.student_source_id = u.sourced_id)"
        ).format(key=key_from(sql.SQL("u.sourced_id")))
    )
    remember_new(connection)
    connection.execute(
        "insert into ops.school_crosswalk (school_source_id) select o.sourced_id"
        " from raw.roster__orgs as o where o.type = 'school' and not exists"
        " (select 1 from ops.school_crosswalk as x where x.school_source_id = o.sourced_id)"
        " order by o.sourced_id"
    )
