"""What a district owes the people in its records: to tell what left, and to let go in time."""

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from psycopg.sql import SQL, Identifier
from psycopg.types.json import Jsonb

from wraparound.contracts.district import District, load_district
from wraparound.contracts.leaving import Place, Retention
from wraparound.errors import ReleaseMissing
from wraparound.orchestration import nights
from wraparound.orchestration.scratch import drop_left_over
from wraparound.publishing import disclosure, releases
from wraparound.publishing.disclosure import Checked
from wraparound.settings import Settings
from wraparound.warehouse import leavers, ledger, legal_holds
from wraparound.warehouse.connection import Connection, alone, connect
from wraparound.warehouse.identities import keys_of

log = logging.getLogger("wraparound")


@dataclass(frozen=True)
class Destroyed:
    """What was destroyed of one place; nothing was where `item_count` is 0.

    `kept_count` is past its time too, but a legal hold spares it, or a list that is kept names
    the child. Of children, `rows_by_table` says what stood of them where.
    """

    place: str
    retention_class: str
    older_than: date
    item_count: int = 0
    byte_count: int = 0
    kept_count: int = 0
    rows_by_table: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _At:
    """Where to look, and before which moment something is past its time; `gone` is what the same
    purge has destroyed before, or in a dry run would have."""

    settings: Settings
    connection: Connection
    limit: datetime
    gone: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Found:
    """What is past its time: names of the items, their bytes, how to destroy those in the
    database, and the files among them. Of children, our keys, the rows of them by table, and how
    many are spared."""

    items: tuple[str, ...]
    byte_count: int = 0
    destroy: Callable[[], None] = lambda: None
    files: tuple[Path, ...] = ()
    student_keys: tuple[int, ...] = ()
    rows_by_table: Mapping[str, int] = field(default_factory=dict)
    spared: int = 0


def disclosures_of(settings: Settings, student_source_id: str) -> list[dict[str, Any]]:
    """Return every time the records left of the student who has an id now, newest first; also
    where its records have been destroyed, for the log outlives them.

    Raises:
        ReleaseMissing: nobody of that id was ever listed.
    """
    with connect(settings) as connection:
        keys = {
            *keys_of(connection, student_source_id),
            *leavers.destroyed_keys(connection, student_source_id),
        }
        if not keys:
            raise ReleaseMissing("No student of that id is known, so nothing of them left.")
        return disclosure.disclosures_of(connection, *sorted(keys))


def destroyed_on(settings: Settings, student_source_id: str) -> date | None:
    """The district's day on which the records behind an id were last destroyed, if they were."""
    district = load_district(settings.district_file)
    with connect(settings) as connection:
        moments = leavers.destroyed_keys(connection, student_source_id).values()
    return max(moments).astimezone(ZoneInfo(district.time_zone)).date() if moments else None


def hold(settings: Settings, student_source_id: str | None, *, by: str, reason: str) -> int:
    """Let no purge destroy the records of one student, or of anybody; returns the hold's number.

    Raises:
        ReleaseMissing: no student of that id is known, so that nothing would be held.
    """
    with connect(settings) as connection:
        return legal_holds.place(connection, student_source_id, by=by, reason=reason)


def lift_hold(settings: Settings, legal_hold_id: int, *, by: str, reason: str) -> None:
    """End a legal hold.

    Raises:
        ReleaseMissing: no such hold stands.
    """
    with connect(settings) as connection:
        legal_holds.lift(connection, legal_hold_id, by=by, reason=reason)


def verify_disclosures(settings: Settings) -> Checked:
    """Work out whether the disclosure log is as it was written."""
    with connect(settings) as connection:
        return disclosure.verify(connection, log_dir=settings.log_dir)


def purge(
    settings: Settings, *, today: date, by: str, reason: str, dry_run: bool = False
) -> tuple[Destroyed, ...]:
    """Destroy what is past its retention, and leave a proof of each place in the ledger.

    The proof says what, how much and on whose word, with a hash of what the items were
    called; of children it names our keys, and nothing else says whose they were. Lists that
    readers see are spared, and so is the disclosure log. While a legal hold stands, a child that
    it names is spared, and whatever cannot be told apart by child is kept whole. A dry run
    destroys nothing and proves nothing. A scratch warehouse that a killed comparison left is
    dropped without a proof: it holds nothing that is not here.

    Raises:
        BuildFailed: children are destroyed, and the tables that speak of them could not be
            built without them; the next night builds them.
    """
    if not dry_run:
        drop_left_over(settings)
    district = load_district(settings.district_file)
    done = []
    items: frozenset[str] = frozenset()
    for place, kind, limit in _limits(district.retention, today):
        with connect(settings) as connection:
            connection.execute(legal_holds.PURGE_LOCK)
            at = _At(settings, connection, _moment(limit, district), items)
            found = _unless_held(place, PLACES[place](at), connection)
            gone = _told(Destroyed(place, kind, limit), found)
            if found.items and not dry_run:
                _prove(connection, gone, found, by=by, reason=reason)
                found.destroy()
        # Once the proof stands: cut short, the files are found again, and proved again.
        for file in () if dry_run else found.files:
            file.unlink(missing_ok=True)
        done.append(gone)
        items |= {*found.items}
    if not dry_run:
        _write_anew(settings)
    return tuple(done)


def _limits(retention: Retention, today: date) -> Iterator[tuple[Place, str, date]]:
    """Each place that is not kept for good, its class, and the day before which all is past."""
    for place, kind in retention.places.items():
        days = retention.days_of(place)
        if days is not None:
            yield place, kind, today - timedelta(days=days)


def _unless_held(place: Place, found: _Found, connection: Connection) -> _Found:
    """What may be destroyed of a place while legal holds stand."""
    if place == "students" or not legal_holds.in_force(connection).anything:
        return found
    return _Found((), spared=len(found.items))


def _told(nothing: Destroyed, found: _Found) -> Destroyed:
    return replace(
        nothing,
        item_count=len(found.items),
        byte_count=found.byte_count,
        kept_count=found.spared,
        rows_by_table=found.rows_by_table,
    )


def _write_anew(settings: Settings) -> None:
    """Leave nothing of rows that were destroyed in the files of tables, in what the server keeps
    of their values, and in the tables that were built from them. Cut short, the next purge does
    the first, and the next night the last."""
    with alone(settings, "build"), connect(settings, autocommit=True) as connection:
        for table in leavers.tables_with_dead_rows(connection):
            connection.execute(SQL("vacuum (full, analyze) {}").format(Identifier(*table)))
        is_due = ledger.is_destroyed_since_build(connection)
    if is_due:
        nights.build(settings)


def _moment(day: date, district: District) -> datetime:
    return datetime.combine(day, time.min, tzinfo=ZoneInfo(district.time_zone))


def _prove(
    connection: Connection, gone: Destroyed, found: _Found, *, by: str, reason: str
) -> None:
    digest = hashlib.sha256("\n".join(sorted(found.items)).encode()).hexdigest()
    proof = connection.execute(
        "insert into ops.destruction (place, retention_class, older_than, item_count,"
        " byte_count, rows_by_table, content_hash, ordered_by, reason)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s) returning destruction_id",
        (
            gone.place,
            gone.retention_class,
            gone.older_than,
            gone.item_count,
            gone.byte_count,
            Jsonb(dict(gone.rows_by_table)),
            digest,
            by,
            reason,
        ),
    ).fetchone()
    assert proof is not None
    connection.execute(
        "insert into ops.destroyed_student (student_key, destruction_id)"
        " select key, %s from unnest(%s::bigint[]) as key",
        (proof["destruction_id"], list(found.student_keys)),
    )


# --- the places ---------------------------------------------------------------------------


def _archive(at: _At) -> _Found:
    """Bytes of which every arrival is old, loaded or refused; what still waits is spared. And
    old bytes that no arrival names: whoever took them was killed."""
    rows = at.connection.execute(
        "select sha256, max(received_at) < %s and bool_and(state not in ('pending', 'braked'))"
        " as is_past from ops.arrival group by sha256",
        [at.limit],
    ).fetchall()
    is_past = {row["sha256"]: row["is_past"] for row in rows}
    there = tuple(
        file
        for file in sorted(at.settings.archive.rglob("*"))
        if file.is_file() and is_past.get(file.name, file.stat().st_mtime < at.limit.timestamp())
    )
    size = sum(file.stat().st_size for file in there)
    return _Found(tuple(file.name for file in there), size, files=there)


def _quarantine(at: _At) -> _Found:
    """Lines that were set aside; the ledger keeps row number, column and rule."""
    rows = at.connection.execute(
        "select l.arrival_id, l.file_name, l.row_number from restricted.quarantine_line l"
        " inner join ops.arrival a on a.arrival_id = l.arrival_id where a.received_at < %s",
        [at.limit],
    ).fetchall()

    def destroy() -> None:
        at.connection.execute(
            "delete from restricted.quarantine_line l using ops.arrival a"
            " where a.arrival_id = l.arrival_id and a.received_at < %s",
            [at.limit],
        )

    items = tuple(f"{r['arrival_id']}/{r['file_name']}/{r['row_number']}" for r in rows)
    return _Found(items, destroy=destroy)


def _releases(at: _At) -> _Found:
    """Frozen lists, pinned ones too: retention ends a pin. What a reader sees is spared, and until
    the transaction ends nobody is shown another."""
    at.connection.execute("select pg_advisory_xact_lock(%s, %s)", list(releases.PUBLISH_LOCK))
    rows = at.connection.execute(
        "select c.relname, pg_total_relation_size(c.oid) as size from pg_catalog.pg_class c"
        " inner join ops.release r"
        r" on c.relname ~ ('^(rpt|known)_[a-z_]+_r' || r.release_id || '$')"
        " where c.relnamespace = to_regnamespace('release') and c.relkind = 'r'"
        " and r.created_at < %s and r.release_id not in (select release_id from release.pointer)"
        " order by c.relname",
        [at.limit],
    ).fetchall()

    def destroy() -> None:
        for row in rows:
            at.connection.execute(
                SQL("drop table {}").format(Identifier("release", row["relname"]))
            )

    return _Found(tuple(row["relname"] for row in rows), sum(row["size"] for row in rows), destroy)


def _findings(at: _At) -> _Found:
    rows = at.connection.execute(
        "select f.release_id, f.rule_id, count(*) as n from restricted.gate_finding f"
        " inner join ops.release r on r.release_id = f.release_id where r.created_at < %s"
        " group by 1, 2",
        [at.limit],
    ).fetchall()

    def destroy() -> None:
        at.connection.execute(
            "delete from restricted.gate_finding f using ops.release r"
            " where r.release_id = f.release_id and r.created_at < %s",
            [at.limit],
        )

    items = tuple(f"{r['release_id']}/{r['rule_id']}/{r['n']}" for r in rows)
    return _Found(items, destroy=destroy)


def _outbox(at: _At) -> _Found:
    """Dispatches that are done with, and drafts that nobody came back for."""
    rows = at.connection.execute(
        "select dispatch_id from ops.dispatch where made_at < %s and state in ('sent', 'dropped')",
        [at.limit],
    ).fetchall()
    drafts = _old_files(at.settings.outbox, at)

    def destroy() -> None:
        at.connection.execute(
            "delete from ops.dispatch where made_at < %s and state in ('sent', 'dropped')",
            [at.limit],
        )

    items = (*(f"dispatch {row['dispatch_id']}" for row in rows), *drafts.items)
    return replace(drafts, items=items, destroy=destroy)


def _packets(at: _At) -> _Found:
    """What providers were told and, since then, no sending of packets found to stand."""
    return _old_files(at.settings.packets, at)


def _students(at: _At) -> _Found:
    """Every record of children who left, and what is known of them alone."""
    gone = leavers.find(at.connection, limit=at.limit, gone=at.gone)
    return _Found(
        tuple(f"student {key}" for key in gone.keys),
        destroy=gone.destroy,
        student_keys=gone.keys,
        rows_by_table=gone.rows_by_table,
        spared=gone.spared,
    )


def _old_files(folder: Path, at: _At) -> _Found:
    """Files that nobody wrote or confirmed since, by the hashes of their bytes."""
    files = tuple(
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.stat().st_mtime < at.limit.timestamp()
    )
    hashes = tuple(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)
    return _Found(hashes, sum(file.stat().st_size for file in files), files=files)


PLACES: dict[Place, Callable[[_At], _Found]] = {
    "archive": _archive,
    "quarantine": _quarantine,
    "releases": _releases,
    "findings": _findings,
    "outbox": _outbox,
    "packets": _packets,
    # Last: what named them elsewhere and is past its time has gone by then.
    "students": _students,
}
