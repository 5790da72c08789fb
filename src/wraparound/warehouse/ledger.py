"""The ledger: what arrived, in which state it is, and who may work on it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from psycopg import sql

from wraparound.contracts.loader import contract_of, load_contracts
from wraparound.warehouse.braking import Weighed
from wraparound.warehouse.connection import Connection, Row
from wraparound.warehouse.school_days import days_with_lessons

ARRIVAL_FIELDS = (
    "arrival_id, feed, sender, file_name, sha256, byte_count, received_at, effective_at, state,"
    " code, message, batch_id, rows_in, rows_loaded, rows_unchanged, rows_quarantined,"
    " rows_duplicate, rows_ended, received_count, last_received_at, takes_back, notices"
)

# `takes_back` is the newest other file of the name since these bytes came for no declared time;
# where there is none, they are the arrival that they were.
REGISTER = """
    insert into ops.arrival as a
        (feed, sender, file_name, sha256, byte_count, claim, takes_back, effective_at)
    values (
        %(feed)s, %(sender)s, %(file_name)s, %(sha256)s, %(byte_count)s, %(claim)s,
        (
            select coalesce(
                (
                    select max(other.arrival_id) from ops.arrival as other
                    where (other.feed, other.sender) = (last.feed, last.sender)
                        and other.file_name = %(file_name)s and other.arrival_id > last.arrival_id
                ),
                last.takes_back
            )
            from ops.arrival as last
            where (last.feed, last.sender, last.sha256) = (%(feed)s, %(sender)s, %(sha256)s)
                and last.claim = '' and %(claim)s = ''
            order by last.arrival_id desc limit 1
        ),
        coalesce(%(effective_at)s, greatest(clock_timestamp(), (
            select max(effective_at) + interval '1 microsecond' from ops.arrival
            where (feed, sender, claim) = (%(feed)s, %(sender)s, '')
        )))
    )
    on conflict (feed, sender, sha256, claim, takes_back) do update set
        received_count = a.received_count + 1,
        last_received_at = clock_timestamp(),
        -- Refused bytes get another chance: contract, profile or name may have changed.
        file_name = case when a.state = 'refused' then excluded.file_name else a.file_name end,
        state = case when a.state = 'refused' then 'pending' else a.state end
    returning arrival_id, received_count = 1 as is_new, state
"""


@dataclass(frozen=True)
class Registered:
    """An arrival's row in the ledger; `is_new` is false where the bytes said nothing new."""

    arrival_id: int
    is_new: bool
    state: str


def register(
    connection: Connection,
    *,
    feed: str,
    sender: str,
    file_name: str,
    sha256: str,
    byte_count: int,
    effective_at: datetime | None = None,
) -> Registered:
    """Write an arrival; the same bytes again only count, unless they were refused before.

    Declared for another time, or after another file of their name, the same bytes are another
    word: a correction taken back. What is declared for no time is true from now on; and after
    what came before, should the clock be behind.
    """
    claim = effective_at.astimezone(UTC).isoformat() if effective_at else ""
    row = connection.execute(
        REGISTER,
        {
            "feed": feed,
            "sender": sender,
            "file_name": file_name,
            "sha256": sha256,
            "byte_count": byte_count,
            "claim": claim,
            "effective_at": effective_at,
        },
    ).fetchone()
    assert row is not None
    return Registered(row["arrival_id"], row["is_new"], row["state"])


def refuse(connection: Connection, arrival_id: int, *, code: str, message: str) -> None:
    """Set a whole arrival aside, saying why."""
    state = "braked" if code == "W26" else "refused"
    connection.execute(
        "update ops.arrival set state = %s, code = %s, message = %s where arrival_id = %s"
        " and state = 'pending'",
        [state, code, message, arrival_id],
    )


def pending(connection: Connection) -> list[int]:
    """The arrivals to load, parents before children, then in order of effective time."""
    return [row["arrival_id"] for row in _pending(connection)]


def pending_in_turns(connection: Connection) -> list[list[list[int]]]:
    """The same in turns, one after the other, each of lines that may be loaded beside each other.

    The arrivals of a line are loaded one after the other. The first turn is the roster, whose
    people every feed names; in the second each feed family is a line, as none reads records of
    another. The line of most bytes comes first, so that none is left to end alone.
    """
    contracts = load_contracts()
    turns: list[dict[str, list[Row]]] = [{}, {}]
    for row in _pending(connection):
        feed = row["feed"]
        family = contracts[feed].family if feed in contracts else feed
        turns[feed != "roster"].setdefault(family, []).append(row)
    return [
        [
            [row["arrival_id"] for row in line]
            for line in sorted(turn.values(), key=lambda line: -sum(r["byte_count"] for r in line))
        ]
        for turn in turns
    ]


def _pending(connection: Connection) -> list[Row]:
    rows = connection.execute(
        "select arrival_id, feed, byte_count from ops.arrival where state = 'pending'"
        " order by effective_at, arrival_id"
    ).fetchall()
    place = {feed: contract.order for feed, contract in load_contracts().items()}
    return sorted(rows, key=lambda row: place.get(row["feed"], len(place) * 100))


def claim(connection: Connection, arrival_id: int) -> Row | None:
    """Take a pending arrival for this transaction; None where another has it or it is done."""
    return connection.execute(
        f"select {ARRIVAL_FIELDS} from ops.arrival"  # noqa: S608
        " where arrival_id = %s and state = 'pending' for update skip locked",
        [arrival_id],
    ).fetchone()


def one_load_of(connection: Connection, family: str) -> None:
    """One arrival at a time per feed family; the lock ends with the transaction."""
    connection.execute(
        sql.SQL(
            # Waiting for another load is no fault, however long that takes.
            "set local lock_timeout = 0;"
            " select pg_advisory_xact_lock(hashtext({}));"
            " set local lock_timeout = '60s';"
            # A small file against a large table: its records are found by their key, not by
            # reading all.
            " set local random_page_cost = 1.1;"
            " set local work_mem = '64MB'"
        ).format(sql.Literal(f"wraparound.load.{family}"))
    )


def arrivals(connection: Connection, *, limit: int | None = None) -> list[Row]:
    """Every arrival, oldest first."""
    return connection.execute(
        f"select {ARRIVAL_FIELDS} from (select * from ops.arrival"  # noqa: S608
        " order by arrival_id desc limit %s) as a order by arrival_id",
        [limit],
    ).fetchall()


def arrival(connection: Connection, arrival_id: int) -> Row | None:
    """One arrival."""
    return connection.execute(
        f"select {ARRIVAL_FIELDS} from ops.arrival where arrival_id = %s",  # noqa: S608
        [arrival_id],
    ).fetchone()


def waiting_for_roster(connection: Connection) -> list[int]:
    """Arrivals with rows that wait for a record, where such records came since they were judged.

    Later arrivals of the same feed with rows that cannot be read come with them, for those hold
    what an earlier one brings in. In order of effective time, so that the last word is the newest.
    """
    rows = connection.execute(
        "with waiting as (select a.arrival_id, a.feed, a.sender, a.effective_at"
        "  from ops.arrival as a inner join"
        "  (select arrival_id, feed, min(batch_id) as judged_in from ops.quarantine"
        "   where state = 'open'"
        "   and rule in ('student_unknown', 'school_unknown', 'reference_missing')"
        "   group by arrival_id, feed) as open on a.arrival_id = open.arrival_id"
        "  where a.state = 'loaded' and exists (select 1 from ops.batch_table as t"
        "   where t.batch_id > open.judged_in and t.rows_created + t.rows_changed > 0"
        "   and split_part(t.table_name, '__', 1) in ('roster', open.feed)))"
        " select a.arrival_id from ops.arrival as a where a.state = 'loaded'"
        " and (a.arrival_id in (select arrival_id from waiting)"
        "  or (exists (select 1 from waiting as w where w.feed = a.feed and w.sender = a.sender"
        "    and w.effective_at < a.effective_at)"
        "   and exists (select 1 from ops.quarantine as q where q.arrival_id = a.arrival_id"
        "    and q.state = 'open' and q.scope = 'row')))"
        " order by a.effective_at, a.arrival_id"
    ).fetchall()
    return [row["arrival_id"] for row in rows]


def loaded_after(connection: Connection, arrival: Row) -> list[Row]:
    """Loaded arrivals of the same sender and feed family that claim a later time, in order.

    Not those that filled only tables of earlier feeds: what it brings changes none of them, as
    parents name no children.
    """
    contract = contract_of(arrival["feed"])
    family = [c for c in load_contracts().values() if c.family == contract.family]
    return connection.execute(
        f"select {ARRIVAL_FIELDS} from ops.arrival as a where state = 'loaded'"  # noqa: S608
        " and feed = any(%s) and sender = %s and effective_at > %s"
        " and exists (select 1 from ops.batch_table as t where t.batch_id = a.batch_id"
        "  and split_part(t.table_name, '__', 1) = any(%s))"
        " order by effective_at, arrival_id",
        [
            [c.feed for c in family],
            arrival["sender"],
            arrival["effective_at"],
            [c.feed for c in family if c.order >= contract.order],
        ],
    ).fetchall()


def quarantine(
    connection: Connection,
    *,
    arrival_id: int | None = None,
    feed: str | None = None,
    rule: str | None = None,
    limit: int | None = None,
) -> list[Row]:
    """Open findings: one entry per file, row, column and rule; ids and rules, no values."""
    return connection.execute(
        "select q.feed, q.arrival_id, q.table_name, q.file_name, q.row_number, q.column_name"
        ' as "column", q.rule, q.scope, count(*) as count from ops.quarantine as q'
        " where q.state = 'open' and (%(arrival)s::bigint is null or q.arrival_id = %(arrival)s)"
        " and (%(feed)s::text is null or q.feed = %(feed)s)"
        " and (%(rule)s::text is null or q.rule = %(rule)s)"
        " group by q.feed, q.arrival_id, q.table_name, q.file_name, q.row_number, q.column_name,"
        " q.rule, q.scope order by q.arrival_id, q.file_name, q.row_number, q.rule"
        " limit %(limit)s",
        {"arrival": arrival_id, "feed": feed, "rule": rule, "limit": limit},
    ).fetchall()


def decide_brake(
    connection: Connection, arrival_id: int, *, release: bool, by: str, reason: str
) -> bool:
    """A person's word on a braked arrival; False where it is not braked."""
    state = "pending" if release else "refused"
    done = connection.execute(
        "update ops.arrival set state = %s, message = message || %s"
        " where arrival_id = %s and state = 'braked'",
        [state, f" {'Released' if release else 'Rejected'} by {by}: {reason}.", arrival_id],
    )
    if done.rowcount:
        connection.execute(
            "insert into ops.event (kind, state, detail) values ('brake', %s,"
            " jsonb_build_object('arrival_id', %s::bigint, 'by', %s::text, 'reason', %s::text))",
            ["released" if release else "rejected", arrival_id, by, reason],
        )
    return bool(done.rowcount)


def end_night(connection: Connection, release_id: int, *, is_new: bool) -> None:
    """Note that a night came to its end, whether or not it brought anything new."""
    connection.execute(
        "insert into ops.event (kind, state, detail) values ('night', 'done',"
        " jsonb_build_object('release_id', %s::bigint, 'is_new', %s::boolean))",
        [release_id, is_new],
    )


def braked_before(connection: Connection, arrival: Row) -> list[Row]:
    """Braked arrivals of the same feed and sender that claim an earlier time."""
    return connection.execute(
        f"select {ARRIVAL_FIELDS} from ops.arrival where state = 'braked'"  # noqa: S608
        " and (feed, sender) = (%s, %s) and effective_at < %s order by arrival_id",
        [arrival["feed"], arrival["sender"], arrival["effective_at"]],
    ).fetchall()


def supersede(connection: Connection, arrival_id: int, *, by: Row) -> None:
    """Take back the question about a braked arrival: a later one said all of it anew."""
    connection.execute(
        "update ops.arrival set state = 'superseded', message = %s"
        " where arrival_id = %s and state = 'braked'",
        [
            f"Braked, and nothing of it was applied: arrival {by['arrival_id']}"
            f" ({by['file_name']}), which came later, says the whole anew.",
            arrival_id,
        ],
    )


def keep_brake_counts(connection: Connection, arrival_id: int, weighed: Iterable[object]) -> None:
    """Write what the brake counted of an arrival, for the person who decides."""
    connection.execute("delete from ops.brake_count where arrival_id = %s", [arrival_id])
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.brake_count (arrival_id, table_name, school_source_id, rows_before,"
            " rows_created, rows_changed, rows_ended, reason, threshold)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    arrival_id,
                    one.table,
                    one.counted.school or "",
                    one.counted.before,
                    one.counted.created,
                    one.counted.changed,
                    one.counted.ended,
                    one.reason,
                    one.threshold,
                )
                for one in weighed
                if isinstance(one, Weighed)
            ],
        )


def brake_counts(connection: Connection, arrival_id: int) -> list[Row]:
    """What the brake counted of an arrival: one row per table and school, tripped ones first."""
    return connection.execute(
        "select table_name, school_source_id, rows_before, rows_created, rows_changed,"
        " rows_ended, reason, threshold from ops.brake_count where arrival_id = %s"
        " order by reason is null, table_name, school_source_id",
        [arrival_id],
    ).fetchall()


def brake_released(connection: Connection, arrival_id: int) -> bool:
    """Whether a person let this arrival through the brake."""
    row = connection.execute(
        "select exists (select 1 from ops.event where kind = 'brake' and state = 'released'"
        " and (detail ->> 'arrival_id')::bigint = %s) as it",
        [arrival_id],
    ).fetchone()
    return bool(row and row["it"])


def batch_count(connection: Connection) -> int:
    """How many batches are loaded: the newest number may come before an older one is done."""
    row = connection.execute("select count(*) as n from ops.batch").fetchone()
    return int(row["n"]) if row else 0


def default_as_of(connection: Connection, *, today: date, seeds: Path) -> date:
    """The last instructional day on or before a day.

    From the calendars; where there are none, the last weekday inside a school session; where
    there are neither, the last weekday.
    """
    past = [day for day in days_with_lessons(connection, seeds=seeds) if day <= today]
    if past:
        return max(past)
    session = connection.execute(
        "select max(least(end_date - 1, %s)) as day from raw.roster__academic_sessions"
        " where _deleted_at is null and start_date <= %s",
        [today, today],
    ).fetchone()
    day = _as_date(session["day"]) if session and session["day"] else today
    while day.weekday() > 4:
        day -= timedelta(days=1)
    return day


def roster_begins(connection: Connection) -> date | None:
    """The first day on which anybody is enrolled by the roster in force; none if it says none."""
    row = connection.execute(
        "select min(day) as day from ("
        "select start_date as day from raw.roster__academic_sessions where _deleted_at is null"
        " union all"
        " select begin_date from raw.roster__enrollments where _deleted_at is null"
        " union all"
        " select entry_date from raw.roster__school_associations where _deleted_at is null"
        ") as days"
    ).fetchone()
    return _as_date(row["day"]) if row and row["day"] else None


def _as_date(value: Any) -> date:
    assert isinstance(value, date)
    return value


def open_build(connection: Connection, *, as_of: date, inputs_hash: str) -> int:
    """Write that a build begins, and what else than rows it is made from; one at a time does.

    So one that is said to be running still was killed.
    """
    connection.execute(
        "update ops.build set state = 'failed', finished_at = clock_timestamp(),"
        " message = 'It was cut short.' where state = 'running'"
    )
    row = connection.execute(
        "insert into ops.build (as_of_date, inputs_hash, input_batch_id, input_batch_count)"
        " select %s, %s, coalesce(max(batch_id), 0), count(*) from ops.batch returning build_id",
        [as_of, inputs_hash],
    ).fetchone()
    assert row is not None
    return int(row["build_id"])


def close_build(
    connection: Connection,
    build_id: int,
    *,
    state: str,
    models: int,
    failed: int,
    message: str | None,
) -> None:
    """Write how a build ended."""
    connection.execute(
        "update ops.build set state = %s, finished_at = clock_timestamp(), models_built = %s,"
        " tests_failed = %s, message = %s where build_id = %s",
        [state, models, failed, message, build_id],
    )


def last_build(connection: Connection) -> Row | None:
    """The newest build that succeeded."""
    return connection.execute(
        "select build_id, as_of_date from ops.build where state = 'succeeded'"
        " order by build_id desc limit 1"
    ).fetchone()


def newest_build(connection: Connection) -> Row | None:
    """The newest build, whatever became of it."""
    return connection.execute(
        "select state, as_of_date, input_batch_count, inputs_hash, exists (select"
        "  from ops.student_change as c where c.decided_at > b.started_at) or exists (select"
        "  from ops.destruction as d where d.place = 'students' and d.destroyed_at > b.started_at)"
        " as is_outdated"
        " from ops.build as b order by build_id desc limit 1"
    ).fetchone()


def is_destroyed_since_build(connection: Connection) -> bool:
    """Whether children were destroyed whom the tables as built may still speak of."""
    row = connection.execute(
        "select exists (select from ops.destruction as d where d.place = 'students'"
        " and d.destroyed_at > (select max(started_at) from ops.build where state = 'succeeded'))"
        " as it"
    ).fetchone()
    return bool(row and row["it"])


def relations(
    connection: Connection, *, schemas: Sequence[str], owner: str | None = None
) -> dict[tuple[str, str], str]:
    """(schema, name) of the tables and views of some schemas, or of one owner in them, and which
    of the two it is."""
    rows = connection.execute(
        "select n.nspname, c.relname, case c.relkind when 'v' then 'view' else 'table' end as kind"
        " from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
        " where n.nspname = any(%s) and c.relkind in ('r', 'v')"
        " and pg_get_userbyid(c.relowner) = coalesce(%s, pg_get_userbyid(c.relowner))",
        [list(schemas), owner],
    )
    return {(row["nspname"], row["relname"]): row["kind"] for row in rows}


def release_of(connection: Connection, build_id: int) -> int | None:
    """The newest release, where it was made from that build and is published; else None."""
    row = connection.execute(
        "select release_id, build_id, state from ops.release order by release_id desc limit 1"
    ).fetchone()
    if row is None or (row["build_id"], row["state"]) != (build_id, "published"):
        return None
    return int(row["release_id"])


def previous_as_of(connection: Connection, *, as_of: date) -> date | None:
    """The school day of the newest earlier list that was published."""
    row = connection.execute(
        "select max(as_of_date) as day from ops.release where state in ('published', 'superseded')"
        " and as_of_date < %s",
        [as_of],
    ).fetchone()
    return _as_date(row["day"]) if row and row["day"] else None
