"""Legal holds: records that somebody asked for, or a court may ask for, are not destroyed.

A hold is of one child, by the id of the roster, or of everything. It stands until a person lifts
it. Its reason may tell of a child, so it stands in `restricted`; the event tells its number only.
"""

from dataclasses import dataclass

from psycopg.types.json import Jsonb

from wraparound.errors import ReleaseMissing
from wraparound.warehouse.connection import Connection, Row

# A purge holds it from looking to destroying: a hold comes before it or after it.
PURGE_LOCK = "select pg_advisory_xact_lock(hashtext('wraparound.purge'))"


@dataclass(frozen=True)
class Held:
    """What is not to be destroyed now: everything, or what is of some children."""

    of_all: bool
    student_source_ids: tuple[str, ...]

    @property
    def anything(self) -> bool:
        """Whether any hold stands. What nobody can tell apart by child is then kept whole."""
        return self.of_all or bool(self.student_source_ids)


def place(connection: Connection, student_source_id: str | None, *, by: str, reason: str) -> int:
    """Let nothing of one child be destroyed, or nothing at all; returns the hold's number.

    Raises:
        ReleaseMissing: no student of that id is known, so that nothing would be held.
    """
    connection.execute(PURGE_LOCK)
    if student_source_id is not None and not _is_known(connection, student_source_id):
        raise ReleaseMissing(
            "No student of that id is known, so nothing is held. The id is the roster's."
        )
    row = connection.execute(
        "insert into restricted.legal_hold (student_source_id, placed_by, reason)"
        " values (%s, %s, %s) returning legal_hold_id",
        [student_source_id, by, reason],
    ).fetchone()
    assert row is not None
    _tell(connection, "placed", row["legal_hold_id"], by=by)
    return int(row["legal_hold_id"])


def lift(connection: Connection, legal_hold_id: int, *, by: str, reason: str) -> None:
    """End a hold.

    Raises:
        ReleaseMissing: no such hold stands.
    """
    row = connection.execute(
        "update restricted.legal_hold set lifted_by = %s, lifted_reason = %s,"
        " lifted_at = clock_timestamp() where legal_hold_id = %s and lifted_at is null"
        " returning legal_hold_id",
        [by, reason, legal_hold_id],
    ).fetchone()
    if row is None:
        raise ReleaseMissing(
            f"No legal hold {legal_hold_id} stands. See `wraparound legal-hold list`."
        )
    _tell(connection, "lifted", legal_hold_id, by=by)


def standing(connection: Connection) -> list[Row]:
    """The holds that stand, oldest first."""
    return connection.execute(
        "select legal_hold_id, student_source_id, placed_by, reason, placed_at"
        " from restricted.legal_hold where lifted_at is null order by legal_hold_id"
    ).fetchall()


def in_force(connection: Connection) -> Held:
    """What the holds that stand spare."""
    named = [row["student_source_id"] for row in standing(connection)]
    return Held(None in named, tuple(sorted({one for one in named if one is not None})))


def _is_known(connection: Connection, student_source_id: str) -> bool:
    return bool(
        connection.execute(
            "select from ops.student_crosswalk where student_source_id = %s", [student_source_id]
        ).fetchall()
    )


def _tell(connection: Connection, state: str, legal_hold_id: int, *, by: str) -> None:
    connection.execute(
        "insert into ops.event (kind, state, detail) values ('legal_hold', %s, %s)",
        [state, Jsonb({"legal_hold_id": legal_hold_id, "by": by})],
    )
