"""Show a release to its readers, take it back, and forget the old ones.

Readers follow one pointer per school. Every change of pointers is one transaction, so they
see the old list or the new one, never a mix and never nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from psycopg import Connection
from psycopg import errors as pg_errors
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier, Literal
from psycopg.types.json import Jsonb

from wraparound.errors import ReleaseMissing, ReleaseRejected
from wraparound.publishing import views
from wraparound.publishing.decide import (
    MISSING_RULE,
    NOT_LIFTED,
    Override,
    School,
    Verdict,
    decide,
)
from wraparound.publishing.freeze import KNOWN, frozen_name, known_name
from wraparound.publishing.readers import refresh_assignments
from wraparound.quality.verdicts import Finding

PUBLISH_LOCK = (0x5752, 2)
# 'published' and 'superseded' may be shown again: a hold was lifted after the night.
SHOWABLE = ("audited", "published", "superseded", "rejected")
LOCK_ATTEMPTS = 5

REMEMBER_NEEDS = SQL("""
    merge into ops.need_history as known
    using (
        select student_key, school_key, rule_id, min(opened_date) as first_seen_date,
            max(as_of_date) as last_seen_date,
            min((evidence -> 0 ->> 'value')::numeric) as found_value,
            min(referral_rank) as last_rank, min(level) as last_level, min(state) as last_state
        from {} where school_key = any (%s)
        group by student_key, school_key, rule_id
    ) as shown
    on known.student_key = shown.student_key and known.school_key = shown.school_key
        and known.rule_id = shown.rule_id
    when not matched then insert
        (student_key, school_key, rule_id, first_seen_date, last_seen_date,
        first_value, last_value, last_rank, last_level, last_state)
        values (shown.student_key, shown.school_key, shown.rule_id, shown.first_seen_date,
            shown.last_seen_date, shown.found_value, shown.found_value,
            shown.last_rank, shown.last_level, shown.last_state)
    -- A release that is shown once more has nothing to tell, and must leave no dead rows.
    when matched and (
        shown.first_seen_date < known.first_seen_date
        or shown.last_seen_date > known.last_seen_date
        or (known.first_value is null and shown.found_value is not null)
        or (
            shown.last_seen_date = known.last_seen_date
            and (known.last_value, known.last_rank, known.last_level, known.last_state)
                is distinct from
                (shown.found_value, shown.last_rank, shown.last_level, shown.last_state)
        )
        or (
            shown.last_seen_date < known.last_seen_date
            and shown.last_seen_date >= coalesce(known.prior_seen_date, '-infinity')
            and (known.prior_seen_date, known.prior_rank, known.prior_level, known.prior_state)
                is distinct from
                (shown.last_seen_date, shown.last_rank, shown.last_level, shown.last_state)
        )
    ) then update set
        -- Opened after it was last seen: it began anew.
        first_seen_date = case
            when shown.first_seen_date > known.last_seen_date then shown.first_seen_date
            else least(known.first_seen_date, shown.first_seen_date) end,
        last_seen_date = greatest(known.last_seen_date, shown.last_seen_date),
        first_value = case
            when shown.first_seen_date < known.first_seen_date
                or shown.first_seen_date > known.last_seen_date then shown.found_value
            else coalesce(known.first_value, shown.found_value) end,
        -- The two newest days are kept, in whatever order they were published.
        (last_value, last_rank, last_level, last_state) = (
            select stood.value, stood.rank, stood.level, stood.state
            from (values
                (true, shown.found_value, shown.last_rank,
                    shown.last_level, shown.last_state),
                (false, known.last_value, known.last_rank,
                    known.last_level, known.last_state)
            ) as stood (is_newest, value, rank, level, state)
            where stood.is_newest = (shown.last_seen_date >= known.last_seen_date)),
        (prior_seen_date, prior_rank, prior_level, prior_state) = (
            select was.seen_date, was.rank, was.level, was.state
            from (values
                ('known', known.last_seen_date, known.last_rank,
                    known.last_level, known.last_state),
                ('shown', shown.last_seen_date, shown.last_rank,
                    shown.last_level, shown.last_state),
                ('prior', known.prior_seen_date, known.prior_rank,
                    known.prior_level, known.prior_state)
            ) as was (which, seen_date, rank, level, state)
            where was.which = case
                when shown.last_seen_date > known.last_seen_date then 'known'
                when shown.last_seen_date < known.last_seen_date
                    and shown.last_seen_date >= coalesce(known.prior_seen_date, '-infinity')
                    then 'shown'
                else 'prior' end)
""")

T = TypeVar("T")


@dataclass(frozen=True)
class SchoolLine:
    """What one release means for one school. `live`: this is the list its readers see."""

    school_source_id: str
    verdict: str
    live: bool
    student_count: int
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReleaseLine:
    """One release, as `release list` tells it.

    `reasons` are what was found of the night as a whole; those of each school hold them as well.
    `is_kept` is False once its tables were pruned: it can be read about, not shown again. A
    pinned one is not pruned.
    """

    release_id: int
    as_of_date: date
    state: str
    is_kept: bool
    pinned: bool
    schools: tuple[SchoolLine, ...]
    reasons: tuple[str, ...] = ()
    published_at: datetime | None = None
    message: str | None = None


@dataclass(frozen=True)
class Published:
    """What publishing did: the verdicts, and the schools whose readers see the release."""

    release_id: int
    state: str
    verdicts: tuple[Verdict, ...]
    moved_school_keys: tuple[int, ...]


@dataclass(frozen=True)
class Live:
    """Which release the readers of one school see.

    `made_at` tells it from one of its number that a restored backup of the database forgot.
    """

    school_key: int
    school_source_id: str
    release_id: int
    made_at: datetime
    as_of_date: date
    published_at: datetime


def publish_release(connection: Connection[Any], release_id: int) -> Published:
    """Decide each school's verdict and point the passing ones at the release; commits twice.

    First the release's tables are joined to those that readers ask, which shows them to nobody.
    Other sessions hear of that only after the commit: with the pointers in the same commit, a
    reader could follow a pointer to tables that its session does not know yet, and see nothing.

    May be called again for the newest release after an override: schools whose hold was
    lifted follow, the others stay as they are, also those that a person has taken back.

    Raises:
        ReleaseMissing: there is no such release, or its tables are gone.
        ReleaseRejected: it was not audited, a newer one is live, or a guard is missing.
    """
    _patiently(connection, lambda: _join_tables(connection, release_id))
    return _patiently(connection, lambda: _publish(connection, release_id))


def rollback(
    connection: Connection[Any],
    release_id: int | None = None,
    *,
    schools: Iterable[str] | None = None,
) -> tuple[Live, ...]:
    """Point schools back at what they had; commits and returns the schools that moved.

    Without a release every school named (default: all) goes one published release back.
    With one, each school sees what its readers saw when that release was the newest: the
    release itself, or an earlier one where the school was held.

    Raises:
        ReleaseMissing: the release or a school is unknown, or there is nothing to go back to.
    """
    wanted = None if schools is None else tuple(schools)
    return _patiently(connection, lambda: _roll_back(connection, release_id, wanted))


def approve(
    connection: Connection[Any],
    *,
    school_source_id: str,
    granted_by: str,
    reason: str,
    expires_at: datetime,
    rule_id: str,
) -> int:
    """Record that a named person lifts what a rule holds of a school until `expires_at`; commits.

    Returns the override's id.

    Raises:
        ReleaseRejected: no name or no reason was given, or the rule is one that nobody can lift.
        ReleaseMissing: the school is unknown.
    """
    _need_signature("An override", by=granted_by, reason=reason)
    if rule_id in NOT_LIFTED:
        raise ReleaseRejected(
            f"Nobody can lift {rule_id}: there is no list of that night, or nothing was asked of "
            "it. Mend what is wrong and publish again."
        )
    with _transaction(connection):
        school_key = _school_key(connection, school_source_id)
        row = _one(
            connection,
            "insert into ops.override (school_key, rule_id, granted_by, reason, expires_at)"
            " values (%s, %s, %s, %s, %s) returning override_id",
            (school_key, rule_id, granted_by.strip(), reason.strip(), expires_at),
        )
    return int(row["override_id"]) if row else 0


def remember_needs(connection: Connection[Any]) -> None:
    """Bring the history of needs up to the lists that readers see; commits.

    A flip only notes that it owes this. A night does it once its lists are out; where it was
    killed before, the next build does, which asks the history, or whatever moves a pointer on,
    because what nobody sees any more may be pruned.
    """

    def act() -> None:
        _lock(connection)
        _remember_needs(connection, [live.school_key for live in live_releases(connection)])

    _patiently(connection, act)


def live_releases(connection: Connection[Any]) -> tuple[Live, ...]:
    """Return what the readers of each school see, in the order of school_source_id."""
    query = """
        select p.school_key, p.school_source_id, p.release_id, r.created_at as made_at,
            r.as_of_date, p.published_at
        from release.pointer p inner join ops.release r on r.release_id = p.release_id
        order by p.school_source_id collate "C"
    """
    return tuple(Live(**row) for row in _all(connection, query))


def list_releases(connection: Connection[Any]) -> tuple[ReleaseLine, ...]:
    """Return every release with its schools, newest first."""
    return _lines(connection, None)


def show_release(connection: Connection[Any], release_id: int) -> ReleaseLine:
    """Return one release with its schools and the reasons behind their verdicts.

    Raises:
        ReleaseMissing: there is no such release.
    """
    lines = _lines(connection, release_id)
    if not lines:
        raise ReleaseMissing(f"There is no release {release_id}. See `wraparound release list`.")
    return lines[0]


def pin(
    connection: Connection[Any], release_id: int, *, pinned: bool, by: str, reason: str
) -> None:
    """Keep a release's tables however old it grows, or let them go again; commits.

    Raises:
        ReleaseMissing: there is no such release, or its tables are gone already.
        ReleaseRejected: no name or no reason was given.
    """
    _need_signature("A pin", by=by, reason=reason)
    with _transaction(connection):
        _lock(connection)
        if not show_release(connection, release_id).is_kept:
            raise ReleaseMissing(f"The tables of release {release_id} were pruned.")
        connection.execute(
            "update ops.release set pinned = %s where release_id = %s", (pinned, release_id)
        )
        _record(
            connection,
            "pin",
            {"release_id": release_id, "pinned": pinned, "by": by, "reason": reason},
        )


def withdraw(connection: Connection[Any], school_source_id: str, *, by: str, reason: str) -> None:
    """Show no list of a school any more, because it closed; commits.

    Should it have students again, a later release shows them as it does those of a new school.

    Raises:
        ReleaseMissing: the school is unknown, or has no list.
        ReleaseRejected: no name or no reason was given, or the newest release has its students.
    """
    _need_signature("A withdrawal", by=by, reason=reason)
    with _transaction(connection):
        _lock(connection)
        school_key = _school_key(connection, school_source_id)
        listed = """
            select student_count from ops.release_school
            where school_key = %s and student_count > 0
                and release_id = (select max(release_id) from ops.release_school)
        """
        if _one(connection, listed, (school_key,)):
            raise ReleaseRejected(
                f"The newest release has students of {school_source_id}. A school that closed has "
                "none in the roster: load it, and run `wraparound night`."
            )
        _remember_needs(connection, [school_key])
        gone = connection.execute(
            "delete from release.pointer where school_key = %s", (school_key,)
        )
        if not gone.rowcount:
            raise ReleaseMissing(f"{school_source_id} has no published list.")
        _settle(connection, None)
        _record(connection, "withdraw", {"school_key": school_key, "by": by, "reason": reason})


def prune(connection: Connection[Any], *, keep: int = 14) -> tuple[int, ...]:
    """Drop the tables of all but the newest `keep` releases, and as many that were shown; commits.

    So nights without a list push out none that can be gone back to. A release that any school
    still sees stays, however old. The ledger keeps its rows. A
    table that is being read just now is left for the next time. Returns the pruned ids.
    """
    pruned = []
    for release_id in _prunable(connection, keep=keep):
        try:
            with _transaction(connection):
                _lock(connection)
                # A person may have pinned it, or gone back to it, meanwhile.
                if release_id not in _prunable(connection, keep=keep):
                    continue
                frozen = _frozen_tables(connection, release_id).values()
                known = (known_name(table, release_id=release_id) for table in KNOWN)
                for table in (*frozen, *known):
                    drop = SQL("drop table if exists {}").format(Identifier("release", table))
                    connection.execute(drop)
        except pg_errors.LockNotAvailable:
            continue
        pruned.append(release_id)
    return tuple(pruned)


# --- publishing ---------------------------------------------------------------------------


def _join_tables(connection: Connection[Any], release_id: int) -> None:
    """Attach the release's tables, if any school is to see them."""
    _lock(connection)
    _check_showable(connection, release_id)
    if any(verdict.may_publish for verdict in _decided(connection, release_id)):
        _attach(connection, release_id)


def _decided(connection: Connection[Any], release_id: int) -> tuple[Verdict, ...]:
    return decide(
        _schools(connection, release_id),
        findings=_findings(connection, release_id),
        overrides=_overrides(connection, release_id),
    )


def _publish(connection: Connection[Any], release_id: int) -> Published:
    _lock(connection)
    _check_showable(connection, release_id)
    refresh_assignments(connection)
    verdicts = _decided(connection, release_id)
    may_see = [v.school.school_key for v in verdicts if v.may_publish]
    taken_back = _taken_back(connection, release_id)
    passing = tuple(key for key in may_see if key not in taken_back)
    before = {live.school_key: live.release_id for live in live_releases(connection)}
    moved = tuple(key for key in passing if before.get(key) != release_id)
    if passing:
        # They are attached, unless a hold was lifted between the two commits.
        _attach(connection, release_id)
        _remember_needs(connection, moved)
        _move(connection, dict.fromkeys(moved, release_id), is_remembered=False)
        _remember_baselines(connection, release_id, passing)
    _write_verdicts(connection, release_id, verdicts)
    state = "published" if may_see else "rejected"
    _settle(connection, release_id, state=state)
    return Published(release_id, state, verdicts, moved)


def _taken_back(connection: Connection[Any], release_id: int) -> set[int]:
    """The schools from whose readers a person took the release: only a later one moves them."""
    query = "select school_key from ops.release_school where release_id = %s and taken_back"
    return {row["school_key"] for row in _all(connection, query, (release_id,))}


def _check_showable(connection: Connection[Any], release_id: int) -> None:
    release = _one(
        connection,
        "select state from ops.release where release_id = %s for update",
        (release_id,),
    )
    if release is None:
        raise ReleaseMissing(f"There is no release {release_id}. See `wraparound release list`.")
    if release["state"] not in SHOWABLE:
        raise ReleaseRejected(
            f"Release {release_id} is '{release['state']}': it was not audited, so it cannot be "
            "shown. Run `wraparound publish`."
        )
    newest = _one(connection, "select max(release_id) as newest from release.pointer")
    if newest and newest["newest"] is not None and newest["newest"] > release_id:
        raise ReleaseRejected(
            f"Release {newest['newest']} is live and newer than {release_id}. To go back, use "
            "`wraparound release rollback`."
        )
    if not _frozen_tables(connection, release_id):
        raise ReleaseMissing(f"The tables of release {release_id} were pruned.")


def _schools(connection: Connection[Any], release_id: int) -> tuple[School, ...]:
    """Return the candidate's schools that have students, and every school ever shown."""
    schools = Identifier("release", frozen_name("rpt_schools", release_id=release_id))
    query = SQL("""
        with known as (
            select school_key, school_source_id, student_count from {}
            union all
            select school_key, school_source_id, 0 from release.pointer
        )
        select known.school_key, min(known.school_source_id) as school_source_id,
            max(known.student_count) as student_count
        from known
        group by known.school_key
        having max(known.student_count) > 0
            or exists (select from release.pointer p where p.school_key = known.school_key)
    """).format(schools)
    return tuple(School(**row) for row in _all(connection, query))


def _findings(connection: Connection[Any], release_id: int) -> tuple[Finding, ...]:
    query = """
        select rule_id, severity, school_key, failing_count, message
        from ops.verdict where release_id = %s
        order by rule_id collate "C", school_key
    """
    return tuple(Finding(**row) for row in _all(connection, query, (release_id,)))


def _overrides(connection: Connection[Any], release_id: int) -> tuple[Override, ...]:
    """Return the overrides that had not run out when the candidate was made."""
    query = """
        select o.school_key, o.rule_id, o.granted_by, o.reason
        from ops.override o, ops.release r
        where r.release_id = %s and o.expires_at > r.created_at
        order by o.override_id
    """
    return tuple(Override(**row) for row in _all(connection, query, (release_id,)))


def _attach(connection: Connection[Any], release_id: int) -> None:
    query = "select relname from pg_catalog.pg_class where relispartition"
    attached = {row["relname"] for row in _all(connection, query)}
    for report, table in _frozen_tables(connection, release_id).items():
        if table not in attached:
            connection.execute(
                SQL("alter table {} attach partition {} for values in ({})").format(
                    Identifier("release", report),
                    Identifier("release", table),
                    Literal(release_id),
                )
            )
    open_doors = views.unguarded(connection)
    if open_doors:
        raise ReleaseRejected(
            f"Row-level security is not in force on {', '.join(open_doors)}. Nothing was "
            "published. Run `wraparound doctor`."
        )


def _move(connection: Connection[Any], targets: dict[int, int], *, is_remembered: bool) -> None:
    """Point each school_key at a release_id; say whether its needs are in the history."""
    connection.execute(
        """
        insert into release.pointer
            (school_key, school_source_id, release_id, published_at, is_remembered)
        select target.school_key,
            coalesce(p.school_source_id, c.school_source_id),
            target.release_id, transaction_timestamp(), %s
        from unnest(%s::int[], %s::bigint[]) as target (school_key, release_id)
        left join release.pointer p on p.school_key = target.school_key
        left join ops.school_crosswalk c on c.school_key = target.school_key
        on conflict (school_key) do update
        set release_id = excluded.release_id, published_at = excluded.published_at,
            is_remembered = excluded.is_remembered
        """,
        (is_remembered, list(targets.keys()), list(targets.values())),
    )


def _remember_needs(connection: Connection[Any], school_keys: Iterable[int]) -> None:
    """Write down which needs the schools' lists show, since when, and how they stand.

    The age of a need counts from there, and the next build says what changed since. How it stood
    is kept of the two newest days; a day that is published again replaces its own.
    """
    query = """
        update release.pointer set is_remembered = true
        where not is_remembered and school_key = any (%s)
        returning release_id, school_key
    """
    shown: dict[int, list[int]] = {}
    for row in _all(connection, query, (list(school_keys),)):
        shown.setdefault(row["release_id"], []).append(row["school_key"])
    for release_id, keys in sorted(shown.items()):
        table = frozen_name("rpt_referral_queue", release_id=release_id)
        connection.execute(REMEMBER_NEEDS.format(Identifier("release", table)), (keys,))


def _remember_baselines(
    connection: Connection[Any], release_id: int, school_keys: tuple[int, ...]
) -> None:
    """Freeze the measure of each inquiry cycle that was not frozen yet; the first one stays."""
    table = frozen_name("rpt_inquiry_cycles", release_id=release_id)
    connection.execute(
        SQL("""
            insert into ops.inquiry_baseline
                (cycle_id, school_key, metric_id, metric_version, school_year, as_of_date,
                release_id, numerator, denominator, metric_value)
            select cycle_id, school_key, metric_id, metric_version, school_year, as_of_date,
                release_id, now_numerator, now_denominator, now_value
            from {} where school_key = any (%s) and now_value is not null
            on conflict (cycle_id, school_key) do nothing
        """).format(Identifier("release", table)),
        (list(school_keys),),
    )


def _write_verdicts(
    connection: Connection[Any], release_id: int, verdicts: tuple[Verdict, ...]
) -> None:
    """Write each school's verdict, and what only deciding could find: that a school is gone."""
    gone = [
        (release_id, f.school_key, f.rule_id, f.severity, f.failing_count, f.message)
        for v in verdicts
        for f in (*v.holds, *v.lifted)
        if f.rule_id == MISSING_RULE
    ]
    rows = [
        (
            release_id,
            v.school.school_key,
            v.school.school_source_id,
            v.word,
            v.school.student_count,
        )
        for v in verdicts
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into ops.release_school
                (release_id, school_key, school_source_id, verdict, live, student_count)
            values (%s, %s, %s, %s, false, %s)
            on conflict (release_id, school_key) do update set verdict = excluded.verdict
            """,
            rows,
        )
        cursor.execute(
            "delete from ops.verdict where release_id = %s and rule_id = %s",
            (release_id, MISSING_RULE),
        )
        cursor.executemany(
            "insert into ops.verdict"
            " (release_id, school_key, rule_id, severity, failing_count, message)"
            " values (%s, %s, %s, %s, %s, %s)",
            gone,
        )


def _settle(connection: Connection[Any], release_id: int | None, *, state: str = "") -> None:
    """Let the ledger say what the pointers say."""
    if release_id is not None:
        connection.execute(
            "update ops.release set state = %s, published_at = case when %s = 'published'"
            " then coalesce(published_at, transaction_timestamp()) end where release_id = %s",
            (state, state, release_id),
        )
    connection.execute("""
        update ops.release_school s set live = not s.live
        where s.live <> exists (
            select from release.pointer p
            where p.school_key = s.school_key and p.release_id = s.release_id
        )
    """)
    connection.execute("""
        update ops.release r
        set state = case when r.state = 'published' then 'superseded' else 'published' end
        where r.state in ('published', 'superseded')
          and (r.state = 'published')
              <> exists (select from release.pointer p where p.release_id = r.release_id)
    """)


# --- going back ---------------------------------------------------------------------------


def _roll_back(
    connection: Connection[Any], release_id: int | None, schools: tuple[str, ...] | None
) -> tuple[Live, ...]:
    _lock(connection)
    current = {live.school_source_id: live for live in live_releases(connection)}
    unknown = [school for school in schools or () if school not in current]
    if unknown:
        raise ReleaseMissing(f"{len(unknown)} of the schools named have no published list.")
    if release_id is not None and not show_release(connection, release_id).is_kept:
        raise ReleaseMissing(f"The tables of release {release_id} were pruned.")
    chosen = [current[name] for name in (schools or current)]
    targets = _targets(connection, chosen, release_id=release_id)
    if not targets:
        raise ReleaseMissing("There is no earlier release to go back to.")
    _remember_needs(connection, targets)
    _move(connection, targets, is_remembered=True)
    _take_back(connection, list(targets))
    _settle(connection, None)
    _record(
        connection,
        "rollback",
        {"release_id": release_id, "school_count": len(targets)},
    )
    return tuple(live for live in live_releases(connection) if live.school_key in targets)


def _take_back(connection: Connection[Any], school_keys: list[int]) -> None:
    """Write down which releases were taken from a school's readers, and which given again."""
    connection.execute(
        """
        update ops.release_school s set taken_back = not s.taken_back
        from release.pointer p
        where p.school_key = s.school_key and s.school_key = any (%s)
          and s.taken_back <> (s.release_id > p.release_id)
        """,
        (school_keys,),
    )


def _targets(
    connection: Connection[Any], chosen: list[Live], *, release_id: int | None
) -> dict[int, int]:
    """Return school_key to release_id for the schools that have something to go to.

    Where that was pruned a school stays: what is older, such as a pinned one, nobody meant.
    """
    shown: dict[int, list[int]] = {}
    query = """
        select school_key, release_id from ops.release_school
        where verdict <> 'hold' order by release_id desc
    """
    kept = _kept(connection)
    for row in _all(connection, query):
        shown.setdefault(row["school_key"], []).append(row["release_id"])
    targets = {}
    for live in chosen:
        newest = live.release_id - 1 if release_id is None else release_id
        target = next((r for r in shown.get(live.school_key, []) if r <= newest), None)
        if target in kept and target != live.release_id:
            targets[live.school_key] = target
    return targets


# --- what there is ------------------------------------------------------------------------


def _lines(connection: Connection[Any], release_id: int | None) -> tuple[ReleaseLine, ...]:
    only = (release_id, release_id)
    releases = _all(
        connection,
        "select release_id, as_of_date, state, pinned, published_at, message, array("
        "  select distinct v.message from ops.verdict as v"
        "  where v.release_id = r.release_id and v.school_key is null order by 1) as reasons"
        " from ops.release as r where %s::bigint is null or release_id = %s"
        " order by release_id desc",
        only,
    )
    schools = _school_lines(connection, only)
    kept = _kept(connection)
    return tuple(
        ReleaseLine(
            **{**row, "reasons": tuple(row["reasons"])},
            is_kept=row["release_id"] in kept,
            schools=tuple(schools.get(row["release_id"], ())),
        )
        for row in releases
    )


def _school_lines(
    connection: Connection[Any], only: tuple[int | None, int | None]
) -> dict[int, list[SchoolLine]]:
    query = """
        select s.release_id, s.school_source_id, s.verdict, s.live, s.student_count,
            coalesce(array_agg(distinct v.message) filter (where v.message is not null), '{}')
                as reasons
        from ops.release_school s
        left join ops.verdict v on v.release_id = s.release_id
            and (v.school_key = s.school_key or v.school_key is null)
        where %s::bigint is null or s.release_id = %s
        group by s.release_id, s.school_key, s.school_source_id, s.verdict, s.live,
            s.student_count
        order by s.school_source_id collate "C"
    """
    lines: dict[int, list[SchoolLine]] = {}
    for row in _all(connection, query, only):
        release, reasons = row.pop("release_id"), tuple(row.pop("reasons"))
        lines.setdefault(release, []).append(SchoolLine(**row, reasons=reasons))
    return lines


def _kept(connection: Connection[Any]) -> set[int]:
    return set(_tables(connection))


def _frozen_tables(connection: Connection[Any], release_id: int) -> dict[str, str]:
    """Return report to table of one release; empty where it was pruned."""
    return _tables(connection).get(release_id, {})


def _tables(connection: Connection[Any]) -> dict[int, dict[str, str]]:
    query = r"""
        select c.relname, (regexp_match(c.relname, '^(rpt_[a-z_]+)_r(\d+)$'))[1] as report,
            (regexp_match(c.relname, '^(rpt_[a-z_]+)_r(\d+)$'))[2]::bigint as release_id
        from pg_catalog.pg_class c
        where c.relnamespace = to_regnamespace('release') and c.relkind = 'r'
          and c.relname ~ '^rpt_[a-z_]+_r\d+$'
        order by c.relname
    """
    tables: dict[int, dict[str, str]] = {}
    for row in _all(connection, query):
        tables.setdefault(row["release_id"], {})[row["report"]] = row["relname"]
    return tables


def _prunable(connection: Connection[Any], *, keep: int) -> tuple[int, ...]:
    query = """
        select release_id from ops.release
        where not pinned and release_id not in (select release_id from release.pointer)
          and release_id not in (
              select release_id from ops.release order by release_id desc limit %s
          )
          and release_id not in (
              select release_id from ops.release where state in ('published', 'superseded')
              order by release_id desc limit %s
          )
        order by release_id
    """
    kept = _kept(connection)
    rows = _all(connection, query, (keep, keep))
    return tuple(row["release_id"] for row in rows if row["release_id"] in kept)


def _school_key(connection: Connection[Any], school_source_id: str) -> int:
    query = "select school_key from ops.school_crosswalk where school_source_id = %s"
    row = _one(connection, query, (school_source_id,))
    if row is None:
        raise ReleaseMissing(f"There is no school {school_source_id}.")
    return int(row["school_key"])


def _need_signature(what: str, *, by: str, reason: str) -> None:
    if not by.strip() or not reason.strip():
        raise ReleaseRejected(f"{what} needs the name of a person and a reason.")


# --- plumbing -----------------------------------------------------------------------------


def _record(connection: Connection[Any], kind: str, detail: dict[str, Any]) -> None:
    connection.execute(
        "insert into ops.event (kind, state, detail) values (%s, 'done', %s)",
        (kind, Jsonb(detail)),
    )


def _lock(connection: Connection[Any]) -> None:
    connection.execute("select pg_advisory_xact_lock(%s, %s)", PUBLISH_LOCK)


@contextmanager
def _transaction(connection: Connection[Any]) -> Iterator[None]:
    """Run a transaction of our own: after a read, psycopg's would only be a savepoint."""
    connection.commit()
    with connection.transaction():
        connection.execute("set local lock_timeout = '2s'")
        yield


def _patiently(connection: Connection[Any], act: Callable[[], T]) -> T:
    """Act in one transaction; where a lock is not to be had soon, let readers by and retry."""
    for _ in range(LOCK_ATTEMPTS):
        try:
            with _transaction(connection):
                return act()
        except pg_errors.LockNotAvailable:
            continue
    raise ReleaseRejected(
        f"The published tables stayed locked over {LOCK_ATTEMPTS} attempts, so nothing was "
        "changed. Look for a long-running reader and try again."
    )


def _all(
    connection: Connection[Any], query: Any, parameters: tuple[Any, ...] | None = None
) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, parameters).fetchall()


def _one(
    connection: Connection[Any], query: Any, parameters: tuple[Any, ...] | None = None
) -> dict[str, Any] | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, parameters).fetchone()
