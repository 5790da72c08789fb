"""What a person is asked about a held school, and what an answer does. No Airflow here.

The ledger says what there is to ask. An answer counts only for the release, the school and the
rules that were asked about: whatever came in between makes it an answer to an old question.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from wraparound.contracts.district import load_district
from wraparound.errors import ReleaseRejected
from wraparound.orchestration import nights
from wraparound.publishing import releases
from wraparound.publishing.decide import NOT_LIFTED
from wraparound.publishing.standings import Cause, Hold, holds
from wraparound.quality.suites import load_suites
from wraparound.settings import Settings
from wraparound.warehouse.connection import connect

KEEP = "Keep it held"
SHOWN, OVERTAKEN, KEPT = "shown", "overtaken", "kept"


@dataclass(frozen=True)
class Question:
    """Whether one school may be shown one release: counts, rules and ids only.

    `allow` names both, so that an answer to an earlier question fits no later one.
    """

    release_id: int
    school_source_id: str
    rule_ids: tuple[str, ...]
    subject: str
    body: str

    @property
    def allow(self) -> str:
        """The words that lift the hold."""
        return f"Show release {self.release_id} to {self.school_source_id}"


def open_questions(settings: Settings) -> tuple[Question, ...]:
    """One question for each school that the newest release holds and a person may show it to."""
    hours = load_district(settings.district_file).approval_hours
    to_do = {
        rule.meta.rule_id: rule.meta.what_to_do
        for suite in load_suites(settings.expectations)
        for rule in suite.expectations
    }
    with connect(settings) as connection:
        return tuple(
            _question(hold, to_do, hours=hours)
            for hold in holds(connection)
            if NOT_LIFTED.isdisjoint(_rules_of(hold))
        )


def lift(settings: Settings, *, allow: str, by: str, reason: str) -> str:
    """Record who lifts the hold that `allow` names, until the day ends, and show the release.

    Only the rules that hold the school now are lifted. Again, it does nothing.

    Returns: `shown`; or `overtaken`, where a later release or person has decided already.

    Raises:
        ReleaseRejected: no name or no reason was given.
    """
    asked = next((q for q in open_questions(settings) if q.allow == allow), None)
    if asked is None:
        return OVERTAKEN
    today = nights.today_at_the_door(settings)
    school = asked.school_source_id
    shown = _lift(settings, school, asked.rule_ids, by=by, reason=reason, until=today)
    return SHOWN if shown else OVERTAKEN


def approve(
    settings: Settings,
    *,
    school: str,
    by: str,
    reason: str,
    until: date,
    rule_id: str | None = None,
) -> bool:
    """Lift what holds a school now, or one rule, held or not, until a day ends; and show the list.

    What another rule finds later is not lifted by it.

    Returns: whether its readers see now what was held.

    Raises:
        ReleaseRejected: no name or reason was given, nothing holds it, or nobody can lift it.
        ReleaseMissing: the school is unknown.
    """
    held = _held(settings, school)
    rule_ids = (rule_id,) if rule_id else _rules_of(held) if held else ()
    if not rule_ids:
        raise ReleaseRejected(
            f"The newest release does not hold {school}. Name the rule that is to be lifted."
        )
    return _lift(settings, school, rule_ids, by=by, reason=reason, until=until)


def _lift(
    settings: Settings, school: str, rule_ids: Iterable[str], *, by: str, reason: str, until: date
) -> bool:
    zone = ZoneInfo(load_district(settings.district_file).time_zone)
    with connect(settings) as connection:
        for rule_id in rule_ids:
            releases.approve(
                connection,
                school_source_id=school,
                granted_by=by,
                reason=reason,
                expires_at=datetime.combine(until, time.max, tzinfo=zone),
                rule_id=rule_id,
            )
    return _show_lifted(settings, school=school)


def _show_lifted(settings: Settings, *, school: str) -> bool:
    """Show the newest release to a school that it held, as far as persons lifted the hold.

    Returns: whether its readers see it now.
    """
    held = _held(settings, school)
    if held is None:
        return False
    nights.show_again(settings, release_id=held.release_id, as_of=held.as_of_date)
    return _held(settings, school) is None


def _held(settings: Settings, school: str) -> Hold | None:
    with connect(settings) as connection:
        return next((h for h in holds(connection) if h.school_source_id == school), None)


def _rules_of(hold: Hold) -> tuple[str, ...]:
    return tuple(cause.rule_id for cause in hold.causes)


def _question(hold: Hold, to_do: Mapping[str, str], *, hours: int) -> Question:
    shown = f"the list of {hold.shown_date}" if hold.shown_date else "no list yet"
    rules = "\n".join(
        f"- `{cause.rule_id}`{_counted(cause)}: {cause.message}"
        f" {to_do.get(cause.rule_id, '')}".rstrip()
        for cause in hold.causes
    )
    body = (
        f"Held since the list of {hold.since_date}. Its readers see {shown}.\n\n{rules}\n\n"
        "If the data is wrong, have it sent again and publish; do not lift the hold. Lifting it "
        "needs a reason, is recorded with your name, and counts for these rules until the day "
        f"ends. Without an answer within {hours} hours the school stays held."
    )
    return Question(
        release_id=hold.release_id,
        school_source_id=hold.school_source_id,
        rule_ids=_rules_of(hold),
        subject=f"School {hold.school_source_id}: the list of {hold.as_of_date} is held",
        body=body,
    )


def _counted(cause: Cause) -> str:
    """How many cases a rule found; of a school's own numbers one says nothing."""
    return f" ({cause.failing_count} cases)" if cause.failing_count > 1 else ""


def answered_by(answer: Mapping[str, Any]) -> str:
    """The name of whoever answered; empty where nobody did in time."""
    who = answer.get("responded_by_user") or {}
    return str(who.get("name") or who.get("id") or "")
