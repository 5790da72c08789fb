"""Make a candidate release out of the built reports: one consistent, immutable copy.

Each report `reports.rpt_x` becomes the table `release.rpt_x_r<id>`. It stands alone until
the release is published, so nothing that the gate looks at can be seen by a reader.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

from psycopg import Connection, IsolationLevel
from psycopg import errors as pg_errors
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Composed, Identifier, Literal

from wraparound.errors import ReleaseRejected
from wraparound.publishing import views
from wraparound.warehouse.hashing import rows_and_hash

# A build holds this lock while the reports change: a freeze waits for it, or half of one
# build would be copied with half of the next.
BUILD_LOCK = "wraparound.build"

# The grain of each report beyond the school, as the report's description states it. A
# report that is not named here is copied without a key.
KEYS: dict[str, tuple[str, ...]] = {
    "rpt_schools": (),
    "rpt_gate_metrics": (),
    "rpt_students": ("student_key",),
    "rpt_need_profiles": ("student_key", "domain"),
    "rpt_referral_queue": ("need_id",),
    "rpt_class_rosters": ("class_key", "student_key"),
    "rpt_analyst_facts": ("student_key",),
    "rpt_reviews_due": ("student_key", "review_kind"),
    "rpt_service_use": ("category_group", "delivered_by"),
    "rpt_fidelity": ("measure_id",),
    "rpt_queue_churn": ("change_kind", "change_reason"),
    "rpt_provider_packets": ("student_key", "referral_id"),
    "rpt_consents_to_ask": ("student_key", "organization_id"),
    "rpt_service_gaps": ("service_category",),
    "rpt_inquiry_cycles": ("cycle_id",),
    "rpt_today": ("item_id",),
}
# What a build reads of the ledger that is written over later: of arrivals each sender's newest, of
# releases what each school's readers saw.
KNOWN: dict[str, LiteralString] = {
    "need_history": "table ops.need_history",
    "feed_state": "table ops.feed_state",
    "student_change": "table ops.student_change",
    "release_school": "select * from ops.release_school where live",
    "arrival": "select distinct on (feed, sender) * from ops.arrival where state <> 'pending'"
    " order by feed, sender, arrival_id desc",
}
# How long a freeze waits for a build to end.
BUILD_PATIENCE = "10min"


@dataclass(frozen=True)
class FrozenReport:
    """One report of a candidate: where it is, how many rows, and their order-free hash.

    `repeated_keys` holds (school_key, count) of keys that occur twice, empty when the primary
    key holds.
    """

    name: str
    table_name: str
    row_count: int
    content_hash: str
    repeated_keys: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Candidate:
    """A frozen, unpublished release."""

    release_id: int
    as_of_date: date
    reports: tuple[FrozenReport, ...]


class BuiltAgain(Exception):
    """The tables are of another build by now than the one that was to be frozen."""


def frozen_name(report: str, *, release_id: int) -> str:
    """Return the table that holds one report of one release."""
    return f"{report}_r{release_id}"


def known_name(table: str, *, release_id: int) -> str:
    """Return the table of what one table of the ledger said before a release was published."""
    return f"known_{table}_r{release_id}"


def freeze_release(connection: Connection[Any], *, build_id: int | None, as_of: date) -> Candidate:
    """Copy every built report into a new release in state 'building'; commits.

    The connection must be idle: the copy needs a transaction of its own.

    Raises:
        BuiltAgain: another build than `build_id` has begun or ended meanwhile.
        ReleaseRejected: nothing has been built, a row of a report has no key, or a build
            does not end.
    """
    connection.commit()
    try:
        with _no_build(connection):
            _check_build(connection, build_id)
            return _freeze(connection, build_id=build_id, as_of=as_of)
    except pg_errors.LockNotAvailable:
        raise ReleaseRejected(
            "A build or a reader held the tables for too long, so no candidate was made. "
            "Look at what is running, then publish again."
        ) from None


@contextmanager
def _no_build(connection: Connection[Any]) -> Iterator[None]:
    connection.execute("select set_config('lock_timeout', %s, false)", (BUILD_PATIENCE,))
    connection.execute("select pg_advisory_lock_shared(hashtext(%s))", (BUILD_LOCK,))
    connection.execute("set lock_timeout = '60s'")
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute("select pg_advisory_unlock_shared(hashtext(%s))", (BUILD_LOCK,))
        connection.commit()


def _check_build(connection: Connection[Any], build_id: int | None) -> None:
    with connection.cursor(row_factory=tuple_row) as cursor:
        newest = cursor.execute("select max(build_id) from ops.build").fetchone()
    if build_id is not None and newest != (build_id,):
        raise BuiltAgain


def _freeze(connection: Connection[Any], *, build_id: int | None, as_of: date) -> Candidate:
    names = _report_names(connection)
    lacking = [name for name in KEYS if name not in names]
    if lacking:
        raise ReleaseRejected(
            f"The reports {', '.join(lacking)} have not been built, so there is nothing to "
            "publish. Run `wraparound build` and look at what it says."
        )
    columns = {name: views.relation_columns(connection, "reports", name) for name in names}
    connection.commit()
    keyless = [name for name in names if "school_key" not in columns[name]]
    if keyless:
        raise ReleaseRejected(
            f"{', '.join(keyless)} has no school_key, so nobody could be kept from its rows. "
            "Add the key to the report, or move the model out of `reports`."
        )
    with connection.transaction():
        for name in names:
            views.ensure_published(connection, name, columns=columns[name])
    return _copy_all(connection, columns, build_id=build_id, as_of=as_of)


def _copy_all(
    connection: Connection[Any],
    columns: dict[str, dict[str, str]],
    *,
    build_id: int | None,
    as_of: date,
) -> Candidate:
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with connection.transaction():
            _lock_reports(connection, list(columns))
            # Of keys that hardly repeat, a small sample tells as much as a large one; and the
            # planner takes hashing documents to be too cheap to be shared.
            connection.execute("set local default_statistics_target = 10")
            connection.execute("set local parallel_setup_cost = 0")
            release_id = _new_release(connection, build_id=build_id, as_of=as_of)
            frozen = tuple(
                _freeze_report(connection, name, columns=columns[name], release_id=release_id)
                for name in columns
            )
            _keep_what_was_known(connection, release_id)
            hashes = {f.name: {"rows": f.row_count, "hash": f.content_hash} for f in frozen}
            connection.execute(
                "update ops.release set content_hash = %s where release_id = %s",
                (json.dumps(hashes, sort_keys=True), release_id),
            )
    except pg_errors.NotNullViolation as error:
        # The driver's text would quote the row: say only which column.
        raise ReleaseRejected(
            f"A row of {error.diag.table_name} has no {error.diag.column_name}; the candidate "
            "was not made. Look at the tests of the build."
        ) from None
    finally:
        connection.isolation_level = None
    return Candidate(release_id=release_id, as_of_date=as_of, reports=frozen)


def _keep_what_was_known(connection: Connection[Any], release_id: int) -> None:
    """Copy what the ledger writes over night by night: without it no build could be made anew."""
    for table, said in KNOWN.items():
        copy = Identifier("release", known_name(table, release_id=release_id))
        connection.execute(SQL("create table {} as {}").format(copy, SQL(said)))


def _report_names(connection: Connection[Any]) -> tuple[str, ...]:
    query = """
        select c.relname from pg_catalog.pg_class c
        where c.relnamespace = to_regnamespace('reports')
          and c.relkind in ('r', 'v', 'm') and c.relname ~ '^rpt_[a-z_]+$'
          -- dbt's own working copies, should one be left over
          and c.relname !~ '__'
        order by c.relname
    """
    with connection.cursor(row_factory=tuple_row) as cursor:
        return tuple(name for (name,) in cursor.execute(query))


def _lock_reports(connection: Connection[Any], names: list[str]) -> None:
    """Lock before the first snapshot: a table swapped in later would look empty to it."""
    tables = SQL(", ").join(Identifier("reports", name) for name in names)
    connection.execute(SQL("lock table {} in access share mode").format(tables))


def _new_release(connection: Connection[Any], *, build_id: int | None, as_of: date) -> int:
    # One process at a time publishes, so an earlier candidate of which nothing became is nobody's.
    connection.execute(
        "update ops.release set state = 'rejected', message = 'It was cut short.'"
        " where state in ('building', 'audited')"
    )
    query = """
        insert into ops.release (build_id, as_of_date, previous_release_id, state)
        values (%s, %s, (select max(release_id) from release.pointer), 'building')
        returning release_id
    """
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(query, (build_id, as_of)).fetchone()
    if row is None:  # pragma: no cover - an insert returns its row
        raise ReleaseRejected("The ledger did not take the new release.")
    return int(row[0])


def _freeze_report(
    connection: Connection[Any], name: str, *, columns: dict[str, str], release_id: int
) -> FrozenReport:
    table = frozen_name(name, release_id=release_id)
    target = Identifier("release", table)
    connection.execute(_create_statement(connection, name, target=target, release_id=release_id))
    keys = [key for key in ("school_key", *KEYS.get(name, ())) if key in columns]
    listed = SQL(", ").join(map(Identifier, columns))
    connection.execute(
        SQL("insert into {} (release_id, {}) select {}, {} from {}").format(
            target, listed, Literal(release_id), listed, Identifier("reports", name)
        )
    )
    repeated = () if name not in KEYS else _add_key(connection, target, keys=keys)
    # What is looked up by is enough: the rest costs more than it tells the planner.
    connection.execute(
        SQL("analyze {} (release_id, {})").format(target, SQL(", ").join(map(Identifier, keys)))
    )
    row_count, total = rows_and_hash(connection, SQL("select {} from {}").format(listed, target))
    return FrozenReport(
        name=name,
        table_name=table,
        row_count=row_count,
        content_hash=f"{total:016x}",
        repeated_keys=repeated,
    )


def _create_statement(
    connection: Connection[Any], name: str, *, target: Identifier, release_id: int
) -> Composed:
    """Follow the parent's columns, so that a report that lost one can still be attached.

    The check says word for word what the partition will, or attaching would read every row.
    """
    columns = views.relation_columns(connection, "release", name)
    return SQL(
        "create table {} ({}, check (release_id is not null and release_id = {}::bigint))"
        # Nothing changes in it, and statistics of names would be values outside the table.
        " with (autovacuum_enabled = false)"
    ).format(
        target,
        SQL(", ").join(
            SQL("{} {}").format(Identifier(column), SQL(sql_type))
            for column, sql_type in columns.items()
        ),
        Literal(release_id),
    )


def _add_key(
    connection: Connection[Any], target: Identifier, *, keys: list[str]
) -> tuple[tuple[int, int], ...]:
    """Add the primary key; where it does not hold, count the repeats per school instead.

    A repeat in one school must hold that school, not the whole night.
    """
    listed = SQL(", ").join(map(Identifier, keys))
    try:
        with connection.transaction():
            connection.execute(SQL("alter table {} add primary key ({})").format(target, listed))
    except pg_errors.UniqueViolation:
        connection.execute(SQL("create index on {} (school_key)").format(target))
        query = SQL(
            "select school_key, sum(n - 1)::int from"
            " (select school_key, count(*) as n from {} group by {} having count(*) > 1) as r"
            " group by school_key order by school_key"
        ).format(target, listed)
        with connection.cursor(row_factory=tuple_row) as cursor:
            return tuple((int(key), int(n)) for key, n in cursor.execute(query))
    return ()
