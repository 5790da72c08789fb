"""How children are linked to services, and who agreed to it."""

import math
from dataclasses import dataclass, replace
from random import Random

from wraparound.district.catalog import PROVIDER_BY_KEY, RULES, Service, fitting_services
from wraparound.district.chance import poisson
from wraparound.district.people import Student
from wraparound.district.reviews_story import domain_scores
from wraparound.district.world import World

REFERRAL_BASE, REFERRAL_SPREAD = 0.36, 0.62
FIRST_DAY, LAST_DAY = 12, 165
LATE_ENTRY_SHARE = 0.12
TERMINAL = ("rejected", "completed", "failed", "cancelled")
CANARY_REFERRAL_DAY = 9
# A consent without recipient is one for any partner of the programme.
ANY_PARTNER = ""


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """One line of a referral; ``entered`` is the day on which it became known."""

    day: int
    entered: int
    kind: str
    state: str
    reason: str
    minutes: int


@dataclass(frozen=True, slots=True)
class Referral:
    """One child, one service, and what happened, in order."""

    sourced_id: str
    student_id: str
    school: int
    service: Service
    rule_id: str
    events: tuple[ServiceEvent, ...]


@dataclass(frozen=True, slots=True)
class Consent:
    """A signed permission; ``revoked`` and ``expires`` are days, or -1."""

    sourced_id: str
    student_id: str
    role: str
    provider_id: str
    signed: int
    expires: int
    revoked: int
    method: str
    scope: tuple[str, ...]


def referral_story(world: World, *, student: Student) -> list[Referral]:
    """The referrals of a child's year; the harder the year, the more of them."""
    rng = world.chance("referrals", student.sourced_id)
    mean = min(2.5, REFERRAL_BASE * math.exp(REFERRAL_SPREAD * student.traits.total))
    days = [rng.randint(FIRST_DAY, LAST_DAY) for _ in range(min(4, poisson(rng, mean)))]
    if student.is_canary:
        days = [CANARY_REFERRAL_DAY, *days]
    found = []
    for number, day in enumerate(sorted(days), start=1):
        referral = _referral(world, student=student, number=number, day=day)
        if referral is not None:
            found.append(referral)
    return found


def consent_story(world: World, *, student: Student) -> list[Consent]:
    """The permissions of a child's family: most are there, some lapsed, some missing."""
    rng = world.chance("consents", student.sourced_id)
    providers = [ANY_PARTNER]
    for referral in referral_story(world, student=student):
        provider = PROVIDER_BY_KEY[referral.service.provider].id
        if provider not in providers:
            providers.append(provider)
    found = []
    for number, provider in enumerate(providers, start=1):
        consent = _consent(student, provider=provider, number=number, rng=rng)
        if consent is not None:
            found.append(consent)
    return found


def age_of(student: Student, *, school_year: int) -> int:
    """Age on the first of January of the school year."""
    return school_year - int(student.birth_date[:4])


def _referral(world: World, *, student: Student, number: int, day: int) -> Referral | None:
    rng = world.chance("referral", student.sourced_id, number)
    spell = next((spell for spell in student.spells if spell.covers(day)), None)
    domain = _domain(student, rng=rng)
    services = fitting_services(domain, age=age_of(student, school_year=world.year.year))
    if spell is None or not services:
        return None
    service = rng.choice(services)
    events = _until_leaving(_events(day, rng=rng), last=spell.last, end=len(world.year))
    return Referral(
        sourced_id=f"ref-{student.key}-{number}",
        student_id=student.sourced_id,
        school=spell.school,
        service=service,
        rule_id=rng.choice(RULES[domain]),
        events=tuple(events),
    )


def _domain(student: Student, *, rng: Random) -> str:
    """Usually the hardest domain, at times another."""
    scores = domain_scores(student.traits)
    return max(scores, key=lambda domain: scores[domain] + rng.gauss(0.0, 0.5))


def _events(day: int, *, rng: Random) -> list[ServiceEvent]:
    events = [_state(day, "draft")] if rng.random() < 0.15 else []
    events.append(_state(day, "requested"))
    if rng.random() < 0.3:
        day += 1
        events.append(ServiceEvent(day, day, "contact", "", "family_called", 15))
    day += rng.randint(1, 9)
    roll = rng.random()
    if roll < 0.08:
        return [*events, _state(day, "rejected", rng.choice(("no_capacity", "not_eligible")))]
    if roll < 0.16:
        reason = rng.choice(("family_declined", "unable_to_contact"))
        return [*events, _state(day + 6, "cancelled", reason)]
    if roll < 0.24:
        return events
    return [*events, _state(day, "accepted"), *_after_acceptance(day, rng=rng)]


def _after_acceptance(day: int, *, rng: Random) -> list[ServiceEvent]:
    events = []
    day += rng.randint(1, 8)
    roll = rng.random()
    if roll < 0.06:
        return [_state(day, "cancelled", "family_declined")]
    if roll < 0.18:
        events.append(_state(day, "on-hold", "waitlist"))
        if roll < 0.1:
            return events
        day += rng.randint(8, 25)
    events.append(_state(day, "in-progress"))
    for _ in range(rng.randint(1, 4)):
        day += rng.randint(3, 7)
        entered = day + (rng.randint(3, 9) if rng.random() < LATE_ENTRY_SHARE else 0)
        minutes = rng.choice((30, 45, 45, 60, 90))
        events.append(ServiceEvent(day, entered, "attendance", "", "", minutes))
    return [*events, *_ending(day + rng.randint(2, 10), roll=rng.random())]


def _ending(day: int, *, roll: float) -> list[ServiceEvent]:
    if roll < 0.42:
        return [_state(day, "completed")]
    if roll < 0.5:
        return [_state(day, "failed", "stopped_attending")]
    return []


def _state(day: int, state: str, reason: str = "") -> ServiceEvent:
    return ServiceEvent(day, day, "state", state, reason, 0)


def _until_leaving(events: list[ServiceEvent], *, last: int, end: int) -> list[ServiceEvent]:
    """Drop what lies after the last day; a child who moves away ends what is open."""
    kept = [event for event in events if event.day < last]
    states = [event.state for event in kept if event.kind == "state"]
    is_open = bool(states) and states[-1] not in (*TERMINAL, "draft")
    if last < end and is_open:
        kept = [replace(event, entered=min(event.entered, last)) for event in kept]
        kept.append(_state(last, "cancelled", "moved"))
    return kept


def _consent(student: Student, *, provider: str, number: int, rng: Random) -> Consent | None:
    roll = 0.0 if student.is_canary else rng.random()
    signed = student.spells[0].first + rng.randint(0, 35)
    length = rng.randint(45, 90)
    method = "electronic" if rng.random() < 0.6 else "paper"
    role = "guardian" if rng.random() < 0.25 else "parent"
    scope = ("services", "attendance") if rng.random() < 0.4 else ("services", "reviews")
    is_expired, is_revoked = 0.66 <= roll < 0.72, 0.72 <= roll < 0.76
    if roll >= 0.76:
        return None
    return Consent(
        sourced_id=f"con-{student.key}-{number}",
        student_id=student.sourced_id,
        role=role,
        provider_id=provider,
        signed=signed,
        expires=signed + length if is_expired else -1,
        revoked=signed + length if is_revoked else -1,
        method=method,
        scope=scope,
    )
