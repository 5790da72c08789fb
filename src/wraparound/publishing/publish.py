"""The end of a night: freeze, gate, decide, show, and write each school's list.

Data failures are findings and are not tried again; a school that is held, or a gate that
cannot be read, leaves every reader with the last good list and the reason on it.
"""

import logging
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Jsonb

from wraparound.contracts.district import load_district
from wraparound.errors import GateUnreadable
from wraparound.publishing import freeze, releases
from wraparound.publishing.analytics import write_analytics
from wraparound.publishing.channels import NOTHING_SENT, Sent, send_lists
from wraparound.publishing.decide import GATE_RULE
from wraparound.publishing.delivery import Delivered, deliver_lists
from wraparound.publishing.findings import keep_failing_keys
from wraparound.publishing.freeze import Candidate, frozen_name
from wraparound.publishing.releases import SchoolLine
from wraparound.quality.suites import load_suites, run_suites
from wraparound.quality.verdicts import Finding, RuleResult, findings_of
from wraparound.settings import Settings
from wraparound.warehouse.connection import connect, sqlalchemy_url
from wraparound.warehouse.roles import PUBLISHER

log = logging.getLogger(__name__)

GATE_MESSAGE = "The night's data could not be checked."
KEY_RULE = "release.keys_unique"
KEY_MESSAGE = "A row stands twice on the school's list."


@dataclass(frozen=True)
class PublishSummary:
    """What became of one candidate, in ids, words and counts."""

    release_id: int
    as_of_date: date
    state: str
    schools: tuple[SchoolLine, ...]
    reasons: tuple[str, ...]
    rule_count: int
    rules_past_review: tuple[str, ...]
    delivered: Delivered
    sent: Sent = NOTHING_SENT
    pruned: tuple[int, ...] = ()

    @property
    def held(self) -> dict[str, tuple[str, ...]]:
        """School_source_id to the reasons of every held school."""
        return {s.school_source_id: s.reasons for s in self.schools if s.verdict == "hold"}


def run_gate_and_publish(
    settings: Settings, *, build_id: int | None, as_of: date
) -> PublishSummary:
    """Freeze the built reports, gate them, publish the schools that pass, write all lists.

    Raises:
        BuiltAgain: another build came in between, so nothing was frozen.
        GateUnreadable: a suite cannot be trusted; every school was held, the lists say so.
        ReleaseRejected: nothing was built, or a newer release is already live.
    """
    with connect(settings, role=PUBLISHER) as connection:
        candidate = freeze.freeze_release(connection, build_id=build_id, as_of=as_of)
        results, trouble = check(settings, connection, candidate)
        audit(connection, candidate, results=results, gate_ran=trouble is None)
        _tell_gate(settings, connection, candidate, results)
        releases.publish_release(connection, candidate.release_id)
        delivered = deliver_lists(settings, connection, today=as_of)
        sent = send_lists(settings, connection, delivered.lists, today=as_of)
        releases.remember_needs(connection)
        _analyse(settings, connection, as_of=as_of)
        line = releases.show_release(connection, candidate.release_id)
        keep = load_district(settings.district_file).keep_releases
        pruned = releases.prune(connection, keep=keep)
    if trouble is not None:
        raise trouble
    return PublishSummary(
        release_id=line.release_id,
        as_of_date=line.as_of_date,
        state=line.state,
        schools=line.schools,
        reasons=line.reasons,
        rule_count=len(results),
        rules_past_review=tuple(r.rule_id for r in results if r.is_past_review),
        delivered=delivered,
        sent=sent,
        pruned=pruned,
    )


def show_again(settings: Settings, *, release_id: int, as_of: date) -> PublishSummary:
    """Show the newest release once more: what persons decided since, and lists that were lost.

    Its tables have not changed, so nothing is frozen and no rule is asked.
    """
    with connect(settings, role=PUBLISHER) as connection:
        releases.publish_release(connection, release_id)
        delivered = deliver_lists(settings, connection, today=as_of)
        sent = send_lists(settings, connection, delivered.lists, today=as_of)
        if _analysts_wait(connection):
            _analyse(settings, connection, as_of=as_of)
        line = releases.show_release(connection, release_id)
    return PublishSummary(
        release_id=line.release_id,
        as_of_date=line.as_of_date,
        state=line.state,
        schools=line.schools,
        reasons=line.reasons,
        rule_count=0,
        rules_past_review=(),
        delivered=delivered,
        sent=sent,
    )


def audit(
    connection: Connection[Any],
    candidate: Candidate,
    *,
    results: tuple[RuleResult, ...],
    gate_ran: bool = True,
) -> None:
    """Write down what the gate found and call the candidate audited; commits."""
    found = (*findings_of(results), *_key_findings(candidate))
    if not gate_ran:
        found = (*found, Finding(GATE_RULE, "hold", None, 0, GATE_MESSAGE))
    release_id = candidate.release_id
    connection.commit()
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("delete from ops.verdict where release_id = %s", (release_id,))
        cursor.executemany(
            "insert into ops.verdict"
            " (release_id, school_key, rule_id, severity, failing_count, message)"
            " values (%s, %s, %s, %s, %s, %s)",
            [
                (release_id, f.school_key, f.rule_id, f.severity, f.failing_count, f.message)
                for f in found
            ],
        )
        cursor.execute(
            "update ops.release set state = 'audited'"
            " where release_id = %s and state = 'building'",
            (release_id,),
        )


# --- the gate -----------------------------------------------------------------------------


def check(
    settings: Settings, connection: Connection[Any], candidate: Candidate
) -> tuple[tuple[RuleResult, ...], GateUnreadable | None]:
    """Ask every rule of a frozen candidate; returns the results, or what kept the gate away."""
    query = SQL("select school_key from {} order by school_key").format(
        Identifier("release", frozen_name("rpt_gate_metrics", release_id=candidate.release_id))
    )
    school_keys = [row["school_key"] for row in _rows(connection, query)]
    connection.commit()
    try:
        results = run_suites(
            load_suites(settings.expectations),
            connection_string=_as_publisher(sqlalchemy_url(settings)),
            relation_of=lambda relation: _where(relation, release_id=candidate.release_id),
            as_of=candidate.as_of_date,
            school_keys=school_keys,
        )
    except GateUnreadable as error:
        return (), error
    return results, None


def _as_publisher(url: str) -> str:
    """Let Great Expectations see what the publisher may see, and no more."""
    return f"{url}{'&' if '?' in url else '?'}options=-c%20role%3D{PUBLISHER}"


def _where(relation: str, *, release_id: int) -> tuple[str, str]:
    """Reports are checked as they were frozen, feeds as the build staged them."""
    if relation.startswith("rpt_"):
        return "release", frozen_name(relation, release_id=release_id)
    return "staging", relation


def _key_findings(candidate: Candidate) -> tuple[Finding, ...]:
    repeats: dict[int, int] = {}
    for report in candidate.reports:
        for school_key, count in report.repeated_keys:
            repeats[school_key] = repeats.get(school_key, 0) + count
    return tuple(
        Finding(KEY_RULE, "hold", school_key, count, KEY_MESSAGE)
        for school_key, count in sorted(repeats.items())
    )


def _tell_gate(
    settings: Settings,
    connection: Connection[Any],
    candidate: Candidate,
    results: tuple[RuleResult, ...],
) -> None:
    """Keep the keys behind what failed, and say which rules nobody has looked at in time."""
    if results:
        keep_failing_keys(
            connection,
            load_suites(settings.expectations),
            results,
            release_id=candidate.release_id,
            as_of=candidate.as_of_date,
        )
    past_review = [result.rule_id for result in results if result.is_past_review]
    if past_review:
        log.warning("%s rules of the gate are past their review", len(past_review))
    _record(
        connection,
        "gate",
        {
            "release_id": candidate.release_id,
            "rule_count": len(results),
            "failed": sum(result.outcome == "failed" for result in results),
            "could_not_check": sum(result.outcome == "could_not_check" for result in results),
            "past_review": past_review,
        },
    )


def _analysts_wait(connection: Connection[Any]) -> bool:
    """Whether lists were shown since the analysts' tables were looked at last: a night was
    killed in between, or a person lifted a hold or went back."""
    query = """
        select coalesce(max(published_at) > (
            select max(happened_at) from ops.event where kind = 'analytics'
        ), true) as it from release.pointer
    """
    return bool(_rows(connection, query)[0]["it"])


def _analyse(settings: Settings, connection: Connection[Any], *, as_of: date) -> None:
    """Bring the analysts' tables up to date; they must not keep the lists from anybody."""
    choice = load_district(settings.district_file).analytics
    try:
        done = write_analytics(settings, connection, choice=choice, as_of=as_of)
    except Exception as error:
        log.error("the analysts' tables were left as they are: %s", type(error).__name__)
        connection.rollback()
        _record(connection, "analytics", {"trouble": type(error).__name__}, state="failed")
        return
    _record(connection, "analytics", {"is_new": done.is_new})


def _record(
    connection: Connection[Any], kind: str, detail: dict[str, Any], *, state: str = "done"
) -> None:
    """Write an event of names and counts; commits."""
    connection.execute(
        "insert into ops.event (kind, state, detail) values (%s, %s, %s)",
        (kind, state, Jsonb(detail)),
    )
    connection.commit()


def _rows(
    connection: Connection[Any], query: Any, parameters: tuple[Any, ...] = ()
) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, parameters or None).fetchall()
