"""The steps of a night, as plain functions: Airflow's tasks and the command line call these.

Every function may run twice, be killed anywhere, and run beside itself: what there is to do
stands in the ledger, and each step changes data and ledger in one transaction.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import psycopg

from wraparound.contracts.district import DEFAULT_SENDER, District, load_district
from wraparound.contracts.loader import contract_of
from wraparound.errors import (
    ArrivalBraked,
    ArrivalIncomplete,
    ArrivalUnsafe,
    BuildFailed,
    ContractBroken,
    FeedUnknown,
    LoadFailed,
    SettingsWrong,
    WarehouseMissing,
    WraparoundError,
    in_our_words,
    may_pass,
    where_from,
)
from wraparound.landing.archive import (
    Fingerprint,
    archived,
    is_whole,
    may_take_away,
    put_back_all,
    store,
    take_away,
)
from wraparound.landing.inbox import Found, find_complete, is_package, sidecars
from wraparound.landing.opening import Member, open_members
from wraparound.landing.recognising import recognise
from wraparound.orchestration import untaken
from wraparound.orchestration.inputs import inputs_hash
from wraparound.orchestration.receipt_pages import leave_receipt, owe_receipt, owed_receipts
from wraparound.settings import Settings, at_once, load_settings
from wraparound.warehouse import ledger, lifting, loading
from wraparound.warehouse.connection import Connection, Row, alone, connect
from wraparound.warehouse.json_planning import last_effective_time
from wraparound.warehouse.migrate import is_current, migrate
from wraparound.warehouse.roles import LOADER, PUBLISHER

if TYPE_CHECKING:
    from wraparound.publishing.publish import PublishSummary

log = logging.getLogger("wraparound")
UNKNOWN_FEED = "unknown"
# A file in the inbox is taken when nobody has written to it for this long. The weakest sign
# that it is whole: senders who can should write under another name and rename.
SETTLE_SECONDS = 2.0
# Rows that wait may wait for rows that wait; each round frees at least one arrival.
ROUNDS_MAX = 20
Said = Callable[[str], None]


@dataclass(frozen=True)
class Accepted:
    """What archive and ledger have, an arrival for each feed in it, and what it was taken from."""

    arrivals: tuple[ledger.Registered, ...]
    source: Fingerprint


def prepare(settings: Settings) -> None:
    """Make sure that the warehouse is there, and as this program expects it."""
    settings.make_folders()
    if not is_current(settings):
        migrate(settings)


def warehouse() -> Settings:
    """The settings, once their warehouse is there and as this program expects it."""
    settings = load_settings()
    prepare(settings)
    return settings


def scan_inbox(settings: Settings, *, settle_seconds: float = SETTLE_SECONDS) -> list[int]:
    """Take every complete file of the inbox into the archive and the ledger; one at a time does.

    Returns the ids of new arrivals. A file leaves the inbox only after both have it.
    """
    with alone(settings, "inbox"):
        put_back_all(settings.inbox)
        return _scan(settings, settle_seconds=settle_seconds)


def _scan(settings: Settings, *, settle_seconds: float) -> list[int]:
    district = load_district(settings.district_file)
    new: list[int] = []
    waiting = find_complete(settings.inbox, district=district, settle_seconds=settle_seconds)
    if not waiting:
        return new
    with connect(settings) as connection:
        for found in waiting:
            if untaken.is_known_wrong(settings, found):
                continue
            try:
                if not may_take_away(found.path):
                    raise PermissionError
                taken = accept(connection, found, archive=settings.archive, district=district)
                connection.commit()
                new += [one.arrival_id for one in taken.arrivals if one.is_new]
                take_away(found.path, known=taken.source, sidecars=sidecars(found.path))
            except ArrivalIncomplete:
                if found.checksum is not None:
                    untaken.tell(settings, connection, found, reason=untaken.WRONG_CHECKSUM)
            except (ArrivalUnsafe, OSError) as exc:
                # One file that cannot be taken keeps no other back.
                connection.rollback()
                untaken.tell(settings, connection, found, reason=untaken.in_words(exc))
    return new


def land(
    settings: Settings,
    paths: Iterable[Path],
    *,
    feed: str | None = None,
    sender: str | None = None,
    effective_at: datetime | None = None,
) -> list[Row]:
    """Take files, packages and folders of them into the archive and the ledger.

    Returns the ledger's rows of them. The files stay where they are.

    Raises:
        FeedUnknown: after everything was landed, if something belongs to no feed.
        ArrivalIncomplete: a file is missing, or changed while it was read.
    """
    prepare(settings)
    district = district_with(settings, sender=sender, feed=feed)
    accepted: list[ledger.Registered] = []
    with connect(settings) as connection:
        for found in deliveries(paths, district=district, sender=sender, feed=feed):
            taken = accept(
                connection,
                found,
                archive=settings.archive,
                district=district,
                effective_at=effective_at,
            )
            connection.commit()
            accepted += taken.arrivals
        rows = [ledger.arrival(connection, one.arrival_id) for one in accepted]
    return [row | {"is_new": one.is_new} for row, one in zip(rows, accepted, strict=True) if row]


def district_with(settings: Settings, *, sender: str | None, feed: str | None) -> District:
    """The district file, with the sender and the feed that were named in it.

    Raises:
        SettingsWrong: there is no such sender.
        FeedUnknown: there is no such feed.
    """
    district = load_district(settings.district_file)
    if feed is not None:
        contract_of(feed)
    known = dict.fromkeys((DEFAULT_SENDER, *district.senders))
    if sender is not None and sender not in known:
        raise SettingsWrong(
            f"The district file knows no sender '{sender}'. Known: {', '.join(known)}."
        )
    return district


def pending_arrivals(settings: Settings) -> list[int]:
    """What waits to be loaded, in the order to load it."""
    with connect(settings) as connection:
        return ledger.pending(connection)


def load_arrival(settings: Settings, arrival_id: int) -> dict[str, Any]:
    """Load one pending arrival; what cannot be read is set aside with its reason.

    Returns ids and counts: arrival_id, feed, state, code, message and the row counts. An
    arrival that is not pending (any more) comes back as it is.

    Raises:
        LoadFailed, WarehouseMissing: the database is busy or away, or the archive's disk is; the
            arrival stays pending for the next try.
    """
    district = load_district(settings.district_file)
    owe_receipt(settings, arrival_id, district=district)
    superseded: list[int] = []
    try:
        with _foreseen(arrival_id), connect(settings, role=LOADER) as connection:
            claimed = claim(connection, arrival_id)
            if claimed is not None:
                superseded = load_in_order(settings, connection, claimed, district=district)
    except (WarehouseMissing, LoadFailed):
        # No word on the arrival, though the warehouse may be back by now.
        raise
    except WraparoundError as exc:
        with connect(settings) as connection:
            refuse(connection, arrival_id, error=exc)
    except psycopg.Error as exc:
        failed = without_values(exc, arrival_id)
        if may_pass(exc.sqlstate):
            raise failed from None
        # What the data did to the database once, it does again.
        with connect(settings) as connection:
            refuse(connection, arrival_id, error=failed)
    with connect(settings) as connection:
        for told in (*superseded, arrival_id):
            leave_receipt(settings, connection, told, district=district)
        return _summary(ledger.arrival(connection, arrival_id))


def load_in_order(
    settings: Settings,
    connection: Connection,
    claimed: Row,
    *,
    district: District,
    archive: Path | None = None,
) -> list[int]:
    """Load an arrival; what claims a later time is applied once more on top of it.

    `archive` is where the bytes of the claimed arrival are, if not in the archive yet. Returns
    the braked arrivals of which it says the whole anew, so that nobody is asked about them.
    """
    whole: frozenset[str] = frozenset()
    for row in (claimed, *ledger.loaded_after(connection, claimed)):
        place = archive if row is claimed and archive else settings.archive
        _refuse_lost_bytes(place, row)
        arrival = _arrival_of(place, row, connection=connection, district=district)
        if row is not claimed:
            arrival = replace(arrival, brake_released=True)
        try:
            loaded = loading.load(connection, arrival, district=district, seeds=settings.seeds)
            whole |= loaded.whole if row is claimed else frozenset()
        except ContractBroken as exc:
            if row is claimed:
                raise
            raise ContractBroken(
                f"arrival {row['arrival_id']} claims a later time, so it is read again after this "
                f"one, and as the district file is now it cannot be: {exc}"
            ) from exc
    return _supersede_braked(settings, connection, claimed, whole=whole, district=district)


def _supersede_braked(
    settings: Settings,
    connection: Connection,
    claimed: Row,
    *,
    whole: frozenset[str],
    district: District,
) -> list[int]:
    superseded = []
    for row in ledger.braked_before(connection, claimed):
        try:
            _refuse_lost_bytes(settings.archive, row)
            braked = _arrival_of(settings.archive, row, connection=connection, district=district)
            tables = loading.tables_of(braked, district=district)
        except WraparoundError:
            continue  # nobody knows what is in it: the question stays
        if tables <= whole:
            ledger.supersede(connection, row["arrival_id"], by=claimed)
            superseded.append(row["arrival_id"])
    return superseded


def refuse(connection: Connection, arrival_id: int, *, error: WraparoundError) -> None:
    """Set an arrival aside, saying which feed's it is; what was in force stays."""
    row = ledger.arrival(connection, arrival_id)
    assert row is not None
    message = f"{row['feed']} arrival {arrival_id} ({row['file_name']}): {error}"
    ledger.refuse(connection, arrival_id, code=error.code, message=message)
    if isinstance(error, ArrivalBraked):
        ledger.keep_brake_counts(connection, arrival_id, error.counts)


def replay_waiting(settings: Settings) -> int:
    """Judge again the rows that waited for others; returns how many arrivals had any.

    Raises:
        LoadFailed: after all others were judged, if one has to wait for the next try.
    """
    judged: set[int] = set()
    failed: dict[int, LoadFailed] = {}
    for _ in range(ROUNDS_MAX):
        with connect(settings) as connection:
            waiting = [one for one in ledger.waiting_for_roster(connection) if one not in failed]
        for arrival_id in waiting:
            try:
                replay_arrival(settings, arrival_id)
            except LoadFailed as exc:
                failed[arrival_id] = exc
        judged |= set(waiting)
        if not waiting:
            break
    if failed:
        raise next(iter(failed.values()))
    return len(judged)


def replay_arrival(settings: Settings, arrival_id: int) -> dict[str, Any]:
    """Judge an arrival's quarantined rows again, under the contract and codes of now."""
    district = load_district(settings.district_file)
    owe_receipt(settings, arrival_id, district=district)
    try:
        with _foreseen(arrival_id), connect(settings, role=LOADER) as connection:
            row = ledger.arrival(connection, arrival_id)
            if row is not None and row["state"] == "loaded":
                ledger.one_load_of(connection, contract_of(row["feed"]).family)
                arrival = _arrival_of(
                    settings.archive, row, connection=connection, district=district
                )
                loading.replay(connection, arrival, district=district, seeds=settings.seeds)
    except psycopg.Error as exc:
        raise without_values(exc, arrival_id) from None
    with connect(settings) as connection:
        leave_receipt(settings, connection, arrival_id, district=district)
        return _summary(ledger.arrival(connection, arrival_id))


def leave_owed_receipts(settings: Settings) -> None:
    """Leave the receipts of loads that ended, and were killed before they could."""
    district = load_district(settings.district_file)
    with connect(settings) as connection:
        for arrival_id in owed_receipts(settings):
            leave_receipt(settings, connection, arrival_id, district=district)


def lift_rule(
    settings: Settings, *, feed: str, rule: str, until: date, by: str, reason: str
) -> list[dict[str, Any]]:
    """Let in what breaks a rule, of what a feed sends until a day; and judge again what waits.

    Returns the arrivals that had rows set aside by it.

    Raises:
        SettingsWrong: it is no rule that can be lifted.
    """
    with connect(settings) as connection:
        lifting.lift(connection, feed=feed, rule=rule, until=until, by=by, reason=reason)
        waiting = lifting.set_aside_by(connection, feed=feed, rule=rule)
    return [replay_arrival(settings, arrival_id) for arrival_id in waiting]


def ingest(settings: Settings, *, say: Said = log.info) -> list[dict[str, Any]]:
    """Take what is in the inbox, load everything pending, and let waiting rows try again.

    Feeds that do not read each other's records are loaded beside each other, and told of as each
    ends.

    Raises:
        LoadFailed: after everything else was loaded, if an arrival has to wait for the next try.
    """
    done, failed = load_all(settings, say=say)
    if failed:
        raise failed[-1]
    return done


def load_all(settings: Settings, *, say: Said) -> tuple[list[dict[str, Any]], list[LoadFailed]]:
    """As `ingest`: what was loaded, and why the rest has to wait."""
    prepare(settings)
    scan_inbox(settings)
    done: list[int] = []
    failed: list[LoadFailed] = []
    stopped = Event()

    def load_line(arrival_ids: list[int]) -> None:
        for arrival_id in arrival_ids:
            if stopped.is_set():
                return
            try:
                result = load_arrival(settings, arrival_id)
            except LoadFailed as exc:
                # One arrival that has to wait keeps no other back.
                failed.append(exc)
                say(str(exc))
                continue
            say(f"arrival {arrival_id} ({result['feed']}): {result['state']}")
            done.append(arrival_id)

    with connect(settings) as connection:
        turns = ledger.pending_in_turns(connection)
    try:
        for lines in turns:
            _beside_each_other(load_line, lines, stopped=stopped, say=say)
    except KeyboardInterrupt:
        say(f"stopped: {len(pending_arrivals(settings))} arrivals wait for the next `ingest`")
        raise
    try:
        replay_waiting(settings)
    except LoadFailed as exc:
        failed.append(exc)
    leave_owed_receipts(settings)
    with connect(settings) as connection:
        rows = [ledger.arrival(connection, arrival_id) for arrival_id in sorted(done)]
    return [_summary(row) for row in rows], failed


def _beside_each_other(
    load_line: Callable[[list[int]], None], lines: list[list[int]], *, stopped: Event, say: Said
) -> None:
    """Load lines of arrivals, a few at a time; after an error or an interruption, which sets
    `stopped`, only what is being loaded is finished."""
    if len(lines) == 1:
        load_line(lines[0])
        return
    pool = ThreadPoolExecutor(at_once())
    try:
        waiting = {pool.submit(load_line, line) for line in lines}
        while waiting:
            # An interruption just before a wait begins is seen only once that wait ends.
            ended, waiting = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
            for line in ended:
                line.result()
    except BaseException as exc:
        stopped.set()
        if isinstance(exc, KeyboardInterrupt):
            say("stopping after what is being loaded now")
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def build_needed(settings: Settings, *, as_of: date | None = None) -> bool:
    """Whether something was loaded since the last build, or destroyed, or a person said whose an
    id is, or it did not end well, or rules or models changed, or it was for another day."""
    with connect(settings) as connection:
        last = ledger.newest_build(connection)
        loaded = ledger.batch_count(connection)
    # One that was cut short may have left tables of its day beside those of the day before.
    if last is None or (last["state"], last["input_batch_count"]) != ("succeeded", loaded):
        return True
    if last["is_outdated"] or last["inputs_hash"] != inputs_hash(settings):
        return True
    return as_of is not None and last["as_of_date"] != as_of


def today_at_the_door(settings: Settings) -> date:
    """The day it is in the district, whatever the machine's clock is set to."""
    district = load_district(settings.district_file)
    return datetime.now(ZoneInfo(district.time_zone)).date()


def as_of_at_the_door(settings: Settings) -> date:
    """The default school day: taken once, where a night begins."""
    today = today_at_the_door(settings)
    with connect(settings) as connection:
        return ledger.default_as_of(connection, today=today, seeds=settings.seeds)


def not_behind(settings: Settings, day: date) -> date:
    """The school day of a night that nobody gave one; that of now, where a newer list is shown."""
    from wraparound.publishing.releases import live_releases

    with connect(settings, role=PUBLISHER) as connection:
        shown = max((live.as_of_date for live in live_releases(connection)), default=day)
    return as_of_at_the_door(settings) if shown > day else day


def build(settings: Settings, *, as_of: date | None = None) -> dict[str, Any]:
    """Build every model for a school day; one build at a time.

    Raises:
        BuildFailed: a model or a test failed; the ledger says which.
    """
    prepare(settings)
    with alone(settings, "build"):
        return _build(settings, as_of=as_of or as_of_at_the_door(settings))


def build_if_needed(
    settings: Settings, *, as_of: date, say: Said = log.info
) -> dict[str, Any] | None:
    """Build for a school day, unless that was done, also by another process meanwhile.

    Where the roster of a school year is here before the year has begun, nobody is enrolled yet,
    and what was built last stays.

    Raises:
        BuildFailed: a model or a test failed; the ledger says which.
    """
    return _up_to_date(settings, as_of=as_of, say=say)[0]


def _up_to_date(
    settings: Settings, *, as_of: date, say: Said
) -> tuple[dict[str, Any] | None, Row | None]:
    """What was built for a school day, if anything was, and the build that stands then."""
    prepare(settings)
    with alone(settings, "build"):
        built = _build_if_due(settings, as_of=as_of, say=say)
        with connect(settings) as connection:
            return built, ledger.last_build(connection)


def _build_if_due(settings: Settings, *, as_of: date, say: Said) -> dict[str, Any] | None:
    if not build_needed(settings, as_of=as_of):
        return None
    with connect(settings) as connection:
        begins = ledger.roster_begins(connection)
        newest = ledger.newest_build(connection)
        taught = ledger.default_as_of(connection, today=as_of, seeds=settings.seeds)
    is_whole = newest is not None and newest["state"] == "succeeded"
    if is_whole and begins is not None and as_of < begins:
        say(f"the roster in force begins on {begins.isoformat()}: until then the lists stay")
        return None
    say(f"building for school day {as_of.isoformat()}")
    if taught != as_of:
        say(
            "no lessons are known of on that day; the last before it were on "
            f"{taught.isoformat()}. A night for which no day is named takes the last day of "
            "lessons there was"
        )
    return _build(settings, as_of=as_of)


def _build(settings: Settings, *, as_of: date) -> dict[str, Any]:
    from wraparound.orchestration.dbt import build_models, made_by_build
    from wraparound.orchestration.tidying import drop_others
    from wraparound.publishing.releases import remember_needs

    with connect(settings, role=PUBLISHER) as connection:
        remember_needs(connection)
    with connect(settings) as connection:
        build_id, whole = _open_build(settings, connection, as_of=as_of)
        previous = ledger.previous_as_of(connection, as_of=as_of)
    try:
        built = build_models(settings, as_of=as_of, previous_as_of=previous, whole=whole)
    except (BuildFailed, WarehouseMissing) as exc:
        with connect(settings) as connection:
            ledger.close_build(
                connection, build_id, state="failed", models=0, failed=1, message=str(exc)
            )
        raise
    with connect(settings) as connection:
        if whole:
            drop_others(connection, made_by_build(settings))
        ledger.close_build(
            connection,
            build_id,
            state="succeeded",
            models=built.models,
            failed=built.tests_failed,
            message=None,
        )
    return {
        "build_id": build_id,
        "as_of_date": as_of.isoformat(),
        "models": built.models,
        "tests_passed": built.tests_passed,
        "warnings": built.warnings,
    }


def _open_build(settings: Settings, connection: Connection, *, as_of: date) -> tuple[int, bool]:
    """The new build's id, and whether it has to make what only the project's files change."""
    made_from = inputs_hash(settings)
    whole = not code_stands(settings, connection, made_from=made_from)
    return ledger.open_build(connection, as_of=as_of, inputs_hash=made_from), whole


def code_stands(settings: Settings, connection: Connection, *, made_from: str) -> bool:
    """Whether what only files of the project change is there as they say."""
    from wraparound.orchestration.dbt import is_read, made_by_code

    last = ledger.newest_build(connection)
    if last is None or (last["state"], last["inputs_hash"]) != ("succeeded", made_from):
        return False
    if not is_read(settings):
        return False
    there = ledger.relations(connection, schemas=("seeds", "staging"))
    return made_by_code(settings) <= there.keys()


def publish(
    settings: Settings,
    *,
    as_of: date | None = None,
    only_if_new: bool = False,
    say: Said = log.info,
) -> dict[str, Any]:
    """Freeze, gate, decide, flip and render; builds first where the tables are not of that day,
    and once more where a build of another day came in between. One process at a time does it.

    With `only_if_new`, a build that was published already is neither frozen nor checked again:
    decisions of persons made since then take effect, and lists that are not right are written.
    """
    from wraparound.publishing.freeze import BuiltAgain

    prepare(settings)
    day = as_of or as_of_at_the_door(settings)
    with alone(settings, "publish"):
        while True:
            try:
                done = _publish_build(settings, as_of=day, only_if_new=only_if_new, say=say)
            except BuiltAgain:
                say("another build came in between")
                continue
            with connect(settings) as connection:
                ledger.end_night(connection, done["release_id"], is_new=done["is_new"])
            return done


def _publish_build(
    settings: Settings, *, as_of: date, only_if_new: bool, say: Said
) -> dict[str, Any]:
    from wraparound.publishing.publish import run_gate_and_publish

    _, last = _up_to_date(settings, as_of=as_of, say=say)
    assert last is not None
    with connect(settings) as connection:
        standing = ledger.release_of(connection, last["build_id"]) if only_if_new else None
    if standing is not None:
        return show_again(settings, release_id=standing, as_of=as_of)
    summary = run_gate_and_publish(settings, build_id=last["build_id"], as_of=last["as_of_date"])
    return _told(summary, is_new=True)


def show_again(settings: Settings, *, release_id: int, as_of: date) -> dict[str, Any]:
    """Show the newest release once more, with what persons decided since."""
    from wraparound.publishing.publish import show_again as show

    return _told(show(settings, release_id=release_id, as_of=as_of), is_new=False)


def _told(summary: "PublishSummary", *, is_new: bool) -> dict[str, Any]:
    return {
        "is_new": is_new,
        "release_id": summary.release_id,
        "as_of_date": summary.as_of_date.isoformat(),
        "state": summary.state,
        "schools": [asdict(school) for school in summary.schools],
        "reasons": list(summary.reasons),
        "rule_count": summary.rule_count,
        "rules_past_review": list(summary.rules_past_review),
        "lists": [asdict(written) for written in summary.delivered.lists],
        "lists_failed": list(summary.delivered.failed_schools),
    }


def roll_back(
    settings: Settings, *, release_id: int | None = None, schools: Iterable[str] | None = None
) -> dict[str, int]:
    """Point schools back at an earlier release and write their lists again.

    Returns the release that each moved school shows now.
    """
    from wraparound.publishing.delivery import deliver_lists
    from wraparound.publishing.releases import rollback

    with connect(settings, role=PUBLISHER) as connection:
        moved = rollback(connection, release_id, schools=schools)
        deliver_lists(settings, connection)
    return {live.school_source_id: live.release_id for live in moved}


def withdraw(settings: Settings, *, school: str, by: str, reason: str) -> None:
    """Take away the list of a school that closed.

    Raises:
        ReleaseMissing: the school is unknown, or has no list.
        ReleaseRejected: no name or no reason was given, or it has students.
    """
    from wraparound.publishing.delivery import deliver_lists
    from wraparound.publishing.releases import withdraw as take_away

    with connect(settings, role=PUBLISHER) as connection:
        take_away(connection, school, by=by, reason=reason)
        deliver_lists(settings, connection)


def night(
    settings: Settings, *, as_of: date | None = None, say: Said = log.info
) -> dict[str, Any]:
    """A whole night without Airflow: ingest, build, publish; of what is not new, nothing.

    Lists are made of what could be loaded; `waiting` says why the rest was not.
    """
    arrivals, failed = load_all(settings, say=say)
    day = as_of or as_of_at_the_door(settings)
    built = build_if_needed(settings, as_of=day, say=say)
    if built is not None:
        say(f"built {built['models']} tables; freezing and checking")
    # What the build had to say was said.
    published = publish(settings, as_of=day, only_if_new=True, say=log.debug)
    if built is None and not published["is_new"]:
        say(
            f"nothing is new since release {published['release_id']}: nothing was built or checked"
        )
    waiting = [str(one) for one in failed]
    return {"arrivals": arrivals, "waiting": waiting, "build": built, "release": published}


def deliveries(
    paths: Iterable[Path], *, district: District, sender: str | None, feed: str | None
) -> list[Found]:
    """Files and package folders; another folder stands for what is in it. Where no sender is
    named, the patterns of the district file say whose a file is."""
    found = []
    for path in paths:
        whose = sender or district.sender_of(path.name)
        if path.is_dir() and not is_package(path, district=district, sender=whose):
            inner = (child for child in sorted(path.iterdir()) if not child.name.startswith("."))
            found += deliveries(inner, district=district, sender=sender, feed=feed)
        else:
            found.append(Found(path, whose, feed))
    return found


def accept(
    connection: Connection,
    found: Found,
    *,
    archive: Path,
    district: District,
    effective_at: datetime | None = None,
) -> Accepted:
    """Archive first, then the ledger: a crash between the two loses nothing."""
    stored = store(found.path, archive, checksum=found.checksum)
    members, trouble = _open(found, stored.path)
    if found.feed is None:
        feeds, trouble = _feeds_of(found, members, trouble=trouble, district=district)
    else:
        feeds, trouble = (found.feed,), None
    taken = tuple(
        ledger.register(
            connection,
            feed=feed,
            sender=found.sender,
            file_name=found.name,
            sha256=stored.sha256,
            byte_count=stored.byte_count,
            effective_at=effective_at or last_effective_time(members or (), district=district),
        )
        for feed in feeds
    )
    for feed, arrival in zip(feeds, taken, strict=True):
        if trouble is not None:
            message = f"{feed} feed, arrival {arrival.arrival_id}: {trouble}"
            ledger.refuse(connection, arrival.arrival_id, code=trouble.code, message=message)
    return Accepted(taken, stored.source)


def _open(found: Found, path: Path) -> tuple[dict[str, Member] | None, WraparoundError | None]:
    try:
        return open_members(path, file_name=found.name), None
    except WraparoundError as exc:
        return None, exc


def _feeds_of(
    found: Found,
    members: dict[str, Member] | None,
    *,
    trouble: WraparoundError | None,
    district: District,
) -> tuple[tuple[str, ...], WraparoundError | None]:
    try:
        feeds = recognise(members, file_name=found.name, district=district, sender=found.sender)
    except FeedUnknown as exc:
        # Why it could not be opened says more than that nobody knows what is in it.
        return (UNKNOWN_FEED,), trouble or exc
    return feeds, None


def claim(connection: Connection, arrival_id: int) -> Row | None:
    known = ledger.arrival(connection, arrival_id)
    if known is None or known["state"] != "pending":
        return None
    ledger.one_load_of(connection, contract_of(known["feed"]).family)
    return ledger.claim(connection, arrival_id)


def _refuse_lost_bytes(archive: Path, row: Row) -> None:
    """See that the archive has the bytes of an arrival, as they were accepted.

    Raises:
        ArrivalIncomplete: they are gone or damaged.
        LoadFailed: the archive holds nothing at all; what waits, waits on.
    """
    if is_whole(archive, row["sha256"]):
        return
    if not any(archive.glob("??/*")):
        raise LoadFailed(
            f"{archive} holds no file: is its disk there? Nothing was refused or kept."
        )
    raise ArrivalIncomplete(
        f"the bytes of arrival {row['arrival_id']} are gone from the archive, or damaged "
        "there. Land the same file again, or ask the sender for it."
    )


def _arrival_of(
    archive: Path, row: Row, *, connection: Connection, district: District
) -> loading.Arrival:
    return loading.Arrival(
        arrival_id=row["arrival_id"],
        feed=row["feed"],
        sender=row["sender"],
        file_name=row["file_name"],
        received_on=row["received_at"].astimezone(ZoneInfo(district.time_zone)).date(),
        effective_at=row["effective_at"],
        archived=archived(archive, row["sha256"]),
        brake_released=ledger.brake_released(connection, row["arrival_id"]),
    )


@contextmanager
def _foreseen(arrival_id: int) -> Iterator[None]:
    """Let an arrival wait whose load ends by a fault of the program: it keeps no other back, and
    no night."""
    try:
        yield
    except Exception as exc:
        if isinstance(exc, psycopg.Error) or in_our_words(exc) is not None:
            raise
        raise LoadFailed(
            f"Arrival {arrival_id}: an error that nobody foresaw ({where_from(exc)}). Nothing of "
            "it was kept; it waits for the next try. Please report this line."
        ) from None


def without_values(exc: psycopg.Error, arrival_id: int) -> LoadFailed:
    """The driver's text quotes cells: keep its code and the constraint, drop the text."""
    constraint = exc.diag.constraint_name
    where = f", constraint {constraint}" if constraint else ""
    follows = (
        "it waits for the next try" if may_pass(exc.sqlstate) else "another try would end the same"
    )
    return LoadFailed(
        f"Arrival {arrival_id}: the database refused (SQLSTATE {exc.sqlstate}{where}). Nothing of "
        f"it was kept; {follows}."
    )


def _summary(row: Row | None) -> dict[str, Any]:
    if row is None:
        return {"arrival_id": None, "state": "missing"}
    kept = (
        "arrival_id feed sender file_name state code message batch_id rows_in rows_loaded"
        " rows_unchanged rows_quarantined rows_duplicate rows_ended"
    )
    return {name: row[name] for name in kept.split()}
