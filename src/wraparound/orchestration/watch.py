"""The feed watch: what is expected and missing, late, shrunken, unchanged or set aside; and what
keeps the night's list from somebody: a pipeline that failed, a night that did not come, a hold.

No event can tell that nothing came, so a clock asks. Days on which no school is open make no
feed late. Each alarm is told once, to the ledger and to its owner; as long as it is true it
stands in `wraparound status` and on the page *Tonight*. Counts and ids of ours only.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from psycopg.types.json import Jsonb

from wraparound.contracts.district import DEFAULT_SENDER, District, Expected, load_district
from wraparound.contracts.leaving import EmailChannel
from wraparound.contracts.loader import load_contracts
from wraparound.publishing.standings import Hold, holds
from wraparound.settings import Settings
from wraparound.warehouse.connection import Connection, Row, connect
from wraparound.warehouse.school_days import days_with_lessons

log = logging.getLogger("wraparound")
# The same weekday a year earlier.
YEAR = timedelta(days=364)
# No calendar is without a school day for longer; a bound of the search, not a judgement.
DAYS_SEARCHED = 400
DELIVERIES_READ = 60
# So many held schools are named; `wraparound release show` names all.
SCHOOLS_NAMED = 5
FAILED, OVERDUE, HELD = "failed", "overdue", "held"
# What goes to whoever runs the nights, and not to the owner of a feed.
OF_NIGHTS = frozenset({FAILED, OVERDUE, HELD})
# Pipelines of which no later event makes up for a failed run. `publish` and `maintain` are woken
# by a clock, and an answer that `approve` could not carry out is asked for no more. A list that
# was shown since makes up for `publish`, as by a night without Airflow; where no school is held,
# nothing is left to do for `approve`.
FAILED_RUNS = """
    select run.event_id, run.dag_id, run.happened_at, (
        select task.detail ->> 'code' from ops.event as task
        where (task.kind, task.state) = ('task', 'failed')
            and (task.dag_id, task.run_id) = (run.dag_id, run.run_id)
        order by task.event_id desc limit 1
    ) as code
    from (
        select distinct on (dag_id) * from ops.event
        where kind = 'dag_run' and state in ('success', 'failed')
            and dag_id in ('publish', 'maintain', 'approve')
        order by dag_id, event_id desc
    ) as run
    where run.state = 'failed' and (run.dag_id <> 'publish' or not exists (
        select from ops.release as shown where shown.published_at > run.happened_at
    )) and (run.dag_id <> 'approve' or %(anybody_held)s)
"""
# The newest night that came to its end, or of which it is told that it failed.
LAST_NIGHT = """
    select max(event_id) as event_id, max(happened_at) as happened_at from ops.event
    where kind = 'night' or (kind, dag_id, state) = ('dag_run', 'publish', 'failed')
    having count(*) > 0
"""


@dataclass(frozen=True)
class Alarm:
    """One thing that is wrong with a feed; `since` is the arrival that it began with or after. Or
    with a pipeline, which then stands as `feed`, since an event; held schools since a release."""

    kind: str
    feed: str
    sender: str
    owner: str
    text: str
    since: int | None = None

    @property
    def key(self) -> dict[str, Any]:
        """What makes it the same alarm tomorrow."""
        return {"feed": self.feed, "sender": self.sender, "since": self.since}

    @property
    def event(self) -> str:
        """What the ledger calls it."""
        return f"{'pipeline' if self.kind in OF_NIGHTS else 'feed'}_{self.kind}"


@dataclass(frozen=True)
class SchoolDays:
    """On which days schools are open, as far as calendars and the roster's sessions tell."""

    district: District
    days: frozenset[date]
    sessions: tuple[tuple[date, date], ...]

    def is_open(self, day: date) -> bool:
        """Whether some school is open; of an unknown school year the year before is asked."""
        year = self._year(day)
        known = [d for d in self.days if self._year(d) == year]
        if known and day <= max(known):
            return day in self.days
        spans = [span for span in self.sessions if self._year(span[0]) == year]
        if spans:
            return day.weekday() < 5 and any(first <= day < end for first, end in spans)
        if known:
            return False
        last_year = {self._year(d) for d in self.days} | {self._year(s) for s, _ in self.sessions}
        if self._year(day - YEAR) in last_year:
            return self.is_open(day - YEAR)
        return day.weekday() < 5

    def back(self, day: date, *, count: int) -> date:
        """The open day that many open days before a day."""
        for _ in range(DAYS_SEARCHED):
            if count == 0:
                break
            day -= timedelta(days=1)
            count -= self.is_open(day)
        return day

    def _year(self, day: date) -> int:
        return self.district.school_year_of(day)


def find_alarms(settings: Settings, *, now: datetime | None = None) -> list[Alarm]:
    """Everything that is wrong with a feed or a pipeline now, by feed."""
    district = load_district(settings.district_file)
    zone = ZoneInfo(district.time_zone)
    moment = (now or datetime.now(zone)).astimezone(zone)
    with connect(settings) as connection:
        calendar = _school_days(connection, district, seeds=settings.seeds)
        states = {
            (row["feed"], row["sender"]): row
            for row in connection.execute("select * from ops.feed_state").fetchall()
        }
        deliveries = _deliveries(connection)
        alarms = _of_nights(connection, district, calendar, now=moment)
    for feed, due in district.expected.items():
        sender = due.sender or _last_sender(feed, states)
        state = states.get((feed, sender))
        recent = deliveries.get((feed, sender), [])
        deadline = _last_deadline(due, calendar, now=moment)
        if deadline is not None:
            since = state["last_arrival_id"] if state else None
            strangers = deliveries.get(("unknown", sender), [])
            alarms += [
                Alarm(kind, feed, sender, due.owner, text, since)
                for kind, text in _lateness(
                    feed, due, calendar, state, recent, strangers, deadline=deadline
                )
            ]
        alarms += [
            Alarm(kind, feed, sender, due.owner, text, since)
            for kind, text, since in _oddness(feed, due, recent)
        ]
    alarms += _all_set_aside(deliveries, states, district=district)
    return sorted(alarms, key=lambda alarm: (alarm.feed, alarm.kind, alarm.sender))


def tell(settings: Settings, alarms: Iterable[Alarm]) -> list[Alarm]:
    """Write each alarm into the ledger once, and mail it to its owner once; the new ones.

    A mail that could not be handed over is tried again at the next round.
    """
    district = load_district(settings.district_file)
    new = []
    with connect(settings) as connection:
        for alarm in alarms:
            if _record(connection, alarm, state="alert"):
                new.append(alarm)
                log.warning("%s", alarm.text)
            connection.commit()
            address = _address(district, alarm)
            if address and not _is_recorded(connection, alarm):
                if _mail(district, alarm, address=address):
                    _record(connection, alarm, state="mailed")
                connection.commit()
    return new


# --- what is known ------------------------------------------------------------------------


def _school_days(connection: Connection, district: District, *, seeds: Path) -> SchoolDays:
    sessions = connection.execute(
        "select start_date, end_date from raw.roster__academic_sessions"
        " where _deleted_at is null and start_date < end_date"
    ).fetchall()
    return SchoolDays(
        district,
        days_with_lessons(connection, seeds=seeds),
        tuple((row["start_date"], row["end_date"]) for row in sessions),
    )


def _deliveries(connection: Connection) -> dict[tuple[str, str], list[Row]]:
    """The newest arrivals of each feed and sender, newest first."""
    rows = connection.execute(
        "select * from (select arrival_id, feed, sender, state, code, received_at,"
        "  received_count, last_received_at, rows_in, rows_loaded, rows_quarantined, rows_ended,"
        "  row_number() over (partition by feed, sender order by arrival_id desc) as n"
        "  from ops.arrival where state <> 'pending') as a where n <= %s order by arrival_id desc",
        [DELIVERIES_READ],
    ).fetchall()
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["feed"], row["sender"]), []).append(row)
    return found


def _last_sender(feed: str, states: Mapping[tuple[str, str], Row]) -> str:
    """Where the district file names none: whoever's delivery was loaded last."""
    of_feed = {sender: row for (known, sender), row in states.items() if known == feed}
    newest = max(of_feed, key=lambda sender: of_feed[sender]["last_loaded_at"], default=None)
    return newest or DEFAULT_SENDER


# --- what is wrong ------------------------------------------------------------------------


def _last_deadline(due: Expected, calendar: SchoolDays, *, now: datetime) -> datetime | None:
    """The newest moment by which the feed should have been here: on an open day."""
    for back in range(DAYS_SEARCHED):
        day = now.date() - timedelta(days=back)
        moment = datetime.combine(day, due.by, tzinfo=now.tzinfo)
        if day.weekday() in due.days and moment <= now and calendar.is_open(day):
            return moment
    return None


def _lateness(
    feed: str,
    due: Expected,
    calendar: SchoolDays,
    state: Row | None,
    recent: list[Row],
    strangers: list[Row],
    *,
    deadline: datetime,
) -> list[tuple[str, str]]:
    """What is wrong, and how it is told."""
    last = state["last_loaded_at"] if state else None
    day = calendar.back(deadline.date(), count=due.within_days)
    oldest = datetime.combine(day, due.by, tzinfo=deadline.tzinfo)
    if last is not None and last > oldest:
        return []
    kind, text = "missing", f"The {feed} feed has never come"
    if last is not None:
        shown = last.astimezone(deadline.tzinfo).strftime("%Y-%m-%d %H:%M")
        kind, text = "late", f"The {feed} feed is late: the last delivery was loaded {shown}"
        if any(row["last_received_at"] > oldest for row in recent):
            kind, text = "unchanged", f"The {feed} feed came again with the bytes of {shown}"
    unknown = [row for row in strangers if last is None or row["received_at"] > last]
    if unknown:
        text += (
            f"; {len(unknown)} files of this sender belong to no known feed since then, the last "
            f"is arrival {unknown[0]['arrival_id']}: was it renamed?"
        )
    return [(kind, f"{text}.")]


def _oddness(feed: str, due: Expected, recent: list[Row]) -> list[tuple[str, str, int]]:
    """What came and was loaded, and is too small or says too often what was known: what it is,
    how it is told, and since which arrival."""
    loaded = [row for row in recent if row["state"] == "loaded"]
    if not loaded:
        return []
    newest, odd = loaded[0], []
    before = [row["rows_in"] for row in loaded[1 : due.compared_with + 1]]
    usual = median(before) if len(before) == due.compared_with else 0
    if due.shrunken_below is not None and newest["rows_in"] < due.shrunken_below * usual:
        text = (
            f"The {feed} feed has shrunk: arrival {newest['arrival_id']} has "
            f"{newest['rows_in']} rows; the median of the {len(before)} before is {usual:g}."
        )
        odd.append(("shrunken", text, newest["arrival_id"]))
    same = _unchanged(loaded)
    if due.unchanged_after is not None and len(same) >= due.unchanged_after:
        text = f"The {feed} feed has changed nothing in its last {len(same)} deliveries."
        odd.append(("unchanged", text, same[-1]["arrival_id"]))
    return odd


def _unchanged(loaded: list[Row]) -> list[Row]:
    """The newest deliveries without a new word, bytes that came again among them."""
    same: list[Row] = [loaded[0]] * (loaded[0]["received_count"] - 1)
    for row in loaded:
        if row["rows_loaded"] + row["rows_ended"] + row["rows_quarantined"]:
            break
        same.append(row)
    return same


def _all_set_aside(
    deliveries: Mapping[tuple[str, str], list[Row]],
    states: Mapping[tuple[str, str], Row],
    *,
    district: District,
) -> list[Alarm]:
    """Feeds whose newest delivery was refused or braked, expected or not."""
    alarms = []
    for (feed, sender), rows in deliveries.items():
        newest, state = rows[0], states.get((feed, sender))
        contract = load_contracts().get(feed)
        waits = newest["state"] in ("refused", "braked")
        if contract is None or not waits:
            continue
        if state is not None and state["last_loaded_at"] > newest["last_received_at"]:
            continue
        due = district.expected.get(feed, Expected(owner=contract.owner))
        text = (
            f"The newest delivery of the {feed} feed, arrival {newest['arrival_id']}, was "
            f"{newest['state']} ({newest['code']}); what was loaded before stays in force."
        )
        alarms.append(Alarm("set_aside", feed, sender, due.owner, text, newest["arrival_id"]))
    return alarms


def _of_nights(
    connection: Connection, district: District, calendar: SchoolDays, *, now: datetime
) -> list[Alarm]:
    """What keeps the night's list from somebody, or kept the house from being tidied."""
    held = holds(connection)
    failed = _failed_pipelines(connection, zone=now.tzinfo, anybody_held=bool(held))
    return [*failed, *_overdue(connection, district, calendar, now=now), *_held(held)]


def _failed_pipelines(
    connection: Connection, *, zone: tzinfo | None, anybody_held: bool
) -> list[Alarm]:
    """Pipelines whose last run failed, where nothing made up for it."""
    return [
        Alarm(
            FAILED,
            row["dag_id"],
            "",
            "",
            f"The pipeline {row['dag_id']} failed on"
            f" {row['happened_at'].astimezone(zone):%Y-%m-%d %H:%M}"
            f" ({row['code'] or 'an error without a code'}); what was shown before stays. Mend "
            "what its log names, then start it again.",
            row["event_id"],
        )
        for row in connection.execute(FAILED_RUNS, {"anybody_held": anybody_held}).fetchall()
    ]


def _overdue(
    connection: Connection, district: District, calendar: SchoolDays, *, now: datetime
) -> list[Alarm]:
    """A night that was due and neither ended nor failed; where there ever was one."""
    last = connection.execute(LAST_NIGHT).fetchone()
    due = _night_due(district, calendar, now=now)
    if last is None or due is None or last["happened_at"] >= due:
        return []
    text = (
        f"No night has ended since {last['happened_at'].astimezone(now.tzinfo):%Y-%m-%d %H:%M}; "
        f"one was due at {due.astimezone(now.tzinfo):%Y-%m-%d %H:%M}. Is Airflow up, is publish "
        "paused, does a step hang? `wraparound night` does the same without Airflow."
    )
    return [Alarm(OVERDUE, "publish", "", "", text, last["event_id"])]


def _night_due(district: District, calendar: SchoolDays, *, now: datetime) -> datetime | None:
    """When the newest night began that should have ended by now; on an open day, as UTC.

    An hour that the clock skips is told as the one after it, one that comes twice as the second:
    so Airflow reads its cron.
    """
    patience = timedelta(hours=district.overdue_hours)
    for back in range(DAYS_SEARCHED):
        day = now.date() - timedelta(days=back)
        hour = datetime.combine(day, district.publish_hour, tzinfo=now.tzinfo)
        began = max(hour.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        if began + patience <= now and calendar.is_open(day):
            return began
    return None


def _held(held: Sequence[Hold]) -> list[Alarm]:
    """The schools that the newest release holds, in one alarm for each such release."""
    if not held:
        return []
    named = ", ".join(hold.school_source_id for hold in held[:SCHOOLS_NAMED])
    more = f" and {len(held) - SCHOOLS_NAMED} more" if len(held) > SCHOOLS_NAMED else ""
    release_id = held[0].release_id
    text = (
        f"Schools that release {release_id} holds: {named}{more}. Their readers see an older "
        f"list, or none. `wraparound release show {release_id}` tells why. See "
        "docs/runbooks/lists.md, a held school."
    )
    return [Alarm(HELD, "publish", "", "", text, release_id)]


# --- who is told --------------------------------------------------------------------------


def _record(connection: Connection, alarm: Alarm, *, state: str) -> bool:
    """Write an alarm unless it was written before; whether it is new."""
    detail = alarm.key | {"owner": alarm.owner, "text": alarm.text}
    done = connection.execute(
        "insert into ops.event (kind, state, detail) select %(kind)s, %(state)s, %(detail)s"
        " where not exists (select 1 from ops.event where kind = %(kind)s and state = %(state)s"
        "  and detail @> %(key)s)",
        {
            "kind": alarm.event,
            "state": state,
            "detail": Jsonb(detail),
            "key": Jsonb(alarm.key),
        },
    )
    return done.rowcount == 1


def _is_recorded(connection: Connection, alarm: Alarm) -> bool:
    row = connection.execute(
        "select exists (select 1 from ops.event where kind = %s and state = 'mailed'"
        " and detail @> %s) as it",
        [alarm.event, Jsonb(alarm.key)],
    ).fetchone()
    return bool(row and row["it"])


def _address(district: District, alarm: Alarm) -> str:
    """Where an alarm goes by mail; nowhere where the district file names nobody."""
    if alarm.kind in OF_NIGHTS:
        return district.operator_mail
    due = district.expected.get(alarm.feed)
    return due.owner_mail if due is not None else ""


def _mail(district: District, alarm: Alarm, *, address: str) -> bool:
    """Mail an alarm by the first mail channel; whether the server may have it."""
    from wraparound.publishing.channels import plain_mail, submit

    mails = [c for c in district.channels.values() if isinstance(c, EmailChannel)]
    if not mails:
        return False
    what = alarm.feed if alarm.kind in OF_NIGHTS else f"{alarm.feed} feed"
    subject = f"{district.name}: {what}, {alarm.kind.replace('_', ' ')}"
    lines = [alarm.text, "", "`wraparound status` shows how it stands. No child is named here."]
    message = plain_mail(mails[0], address=address, subject=subject, lines=lines)
    trouble = submit(message, mails[0], address=address)
    if trouble is not None:
        log.warning("an alarm of %s could not be mailed: %s", alarm.feed, trouble.text)
    return trouble is None or trouble.may_have_left
