"""The disclosure log: what left, about whom, to whom, on what ground. Only ever added to.

Each row carries the hash of the row before it, so that a row cannot be changed, taken out or
put in between without every later hash being wrong. The end of the chain stands in the
database and, after each delivery, in a file outside it: a log cut short agrees with neither.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

SCHOOL_OFFICIAL = "school_official"
# 34 CFR 99.31(a)(1): the district's own coordinator, for the work that the list is for.
PURPOSE = "coordination of student support at the recipient's own school"
ANCHORS = "disclosure-heads.log"
ANCHOR = re.compile(r"(\d+) ([0-9a-f]{64})")
COLUMNS = (
    "disclosure_id, delivery_id, release_id, school_key, disclosed_at, recipient_type,"
    " recipient_id, legal_basis, purpose, channel, records_scope, student_keys, previous_hash"
)
FETCHED = 500


@dataclass(frozen=True)
class Recipient:
    """Who gets something: an assigned person, or the school where nobody is assigned."""

    recipient_type: str
    recipient_id: str


@dataclass(frozen=True)
class Leaving:
    """One delivery to be logged; `records_scope` names sections and fields, `student_keys` all
    children in them, each once. Without a word it goes to the district's own coordinator."""

    delivery_id: int
    release_id: int
    school_key: int
    channel: str
    records_scope: tuple[str, ...]
    student_keys: tuple[int, ...]
    legal_basis: str = SCHOOL_OFFICIAL
    purpose: str = PURPOSE


@dataclass(frozen=True)
class Checked:
    """What verifying found: rows read, and the first id that does not fit; None is good."""

    row_count: int
    first_wrong_id: int | None
    message: str

    @property
    def is_whole(self) -> bool:
        """Tell whether the log is as it was written."""
        return self.first_wrong_id is None


def recipients_of(
    connection: Connection[Any], school_key: int, *, school_source_id: str, today: date
) -> tuple[Recipient, ...]:
    """Return who may get a school's list today: asked at the time of sending, by dates."""
    rows = _rows(
        connection,
        "select distinct staff_role, staff_source_id from release.assignment"
        " where school_key = %s and valid_from <= %s"
        " and (valid_to is null or valid_to > %s) order by staff_role, staff_source_id",
        (school_key, today, today),
    )
    found = tuple(Recipient(row["staff_role"], row["staff_source_id"]) for row in rows)
    return found or (Recipient("school", school_source_id),)


def disclose(
    connection: Connection[Any], leaving: Leaving, *, recipients: Sequence[Recipient]
) -> str:
    """Add one row per recipient inside the caller's transaction; returns the chain's end.

    The same transaction holds the delivery's row: neither is there without the other.
    """
    (head,) = _rows(
        connection,
        "select disclosure_id, hash, transaction_timestamp() as now from ops.disclosure_head"
        " for update",
    )
    number, last = head["disclosure_id"], head["hash"]
    for recipient in recipients:
        number += 1
        row = _row(leaving, recipient, number=number, last=last, now=head["now"])
        last = _hash(row)
        connection.execute(
            f"insert into ops.disclosure ({COLUMNS}, hash) values"  # noqa: S608 - our own names
            " (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (*row.values(), last),
        )
    connection.execute(
        "update ops.disclosure_head set disclosure_id = %s, hash = %s", (number, last)
    )
    return f"{number} {last}"


def anchor(end: str, log_dir: Path) -> None:
    """Write the chain's end where the database cannot reach; no id of a child is in it.

    It begins a line of its own, also after one that a full disk cut off.
    """
    log_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (log_dir / ANCHORS).open("a", encoding="utf-8") as file:
        file.write(f"\n{end}\n")


def verify(connection: Connection[Any], *, log_dir: Path | None = None) -> Checked:
    """Work every hash out again, and compare the ends in the database and in the file."""
    anchors = _anchors(log_dir)
    last, count = "", 0
    with _end_and_rows(connection) as (head, rows):
        for row in rows:
            count += 1
            given = row.pop("hash")
            is_next = row["disclosure_id"] == count and row["previous_hash"] == last
            if not is_next or _hash(row) != given:
                return Checked(count, count, f"Row {count} is not as it was written.")
            if anchors.pop(count, {given}) != {given}:
                return Checked(count, count, f"Row {count} is not the one that was anchored.")
            last = given
    if (head["disclosure_id"], head["hash"]) != (count, last) or anchors:
        return Checked(count, count + 1, f"Rows after {count} are missing.")
    if count and log_dir is not None and not (log_dir / ANCHORS).exists():
        told = f"The file {ANCHORS} is missing, so rows after {count} may be missing too."
        return Checked(count, count + 1, told)
    return Checked(count, None, f"All {count} rows are as they were written.")


def disclosures_of(connection: Connection[Any], *student_keys: int) -> list[dict[str, Any]]:
    """Return every time a child's records left, newest first: without any other child. A child
    has several keys where somebody had to be asked whose its id is."""
    return _rows(
        connection,
        "select disclosure_id, disclosed_at, recipient_type, recipient_id, legal_basis, purpose,"
        " channel, records_scope, release_id, school_key, delivery_id from ops.disclosure"
        " where student_keys && %s::bigint[] order by disclosure_id desc",
        (list(student_keys),),
    )


def _row(
    leaving: Leaving, recipient: Recipient, *, number: int, last: str, now: datetime
) -> dict[str, Any]:
    return {
        "disclosure_id": number,
        "delivery_id": leaving.delivery_id,
        "release_id": leaving.release_id,
        "school_key": leaving.school_key,
        "disclosed_at": now,
        "recipient_type": recipient.recipient_type,
        "recipient_id": recipient.recipient_id,
        "legal_basis": leaving.legal_basis,
        "purpose": leaving.purpose,
        "channel": leaving.channel,
        "records_scope": list(leaving.records_scope),
        "student_keys": sorted(leaving.student_keys),
        "previous_hash": last,
    }


def _hash(row: Mapping[str, Any]) -> str:
    told = {**row, "disclosed_at": row["disclosed_at"].astimezone(UTC).isoformat()}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def _end_and_rows(
    connection: Connection[Any],
) -> Iterator[tuple[dict[str, Any], Iterable[dict[str, Any]]]]:
    """The end of the chain and all its rows, of one moment: a night may add to both meanwhile."""
    connection.commit()
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        (head,) = _rows(connection, "select disclosure_id, hash from ops.disclosure_head")
        with connection.cursor("disclosures", row_factory=dict_row) as cursor:
            cursor.itersize = FETCHED
            cursor.execute(
                f"select {COLUMNS}, hash from ops.disclosure order by disclosure_id"  # noqa: S608 - our own names
            )
            yield head, cursor


def _anchors(log_dir: Path | None) -> dict[int, set[str]]:
    """The ends of the chain that were ever written down: a later line unsays no earlier one."""
    if log_dir is None or not (log_dir / ANCHORS).exists():
        return {}
    lines = (log_dir / ANCHORS).read_text(encoding="utf-8").split("\n")
    # A line that was cut off in the middle of writing says nothing.
    ends = [found for line in lines if (found := ANCHOR.fullmatch(line))]
    written: dict[int, set[str]] = {}
    for number, digest in (end.groups() for end in ends):
        written.setdefault(int(number), set()).add(digest)
    return written


def _rows(
    connection: Connection[Any], query: Any, parameters: tuple[Any, ...] = ()
) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, parameters or None).fetchall()
