"""service_events.csv, consents.csv, reviews.zip and staff.csv: what coordinators keep."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from wraparound.district.people import Student
from wraparound.district.referral_story import (
    Consent,
    Referral,
    consent_story,
    referral_story,
)
from wraparound.district.reviews_story import Review, reviews_story
from wraparound.district.staff_story import assignments, coordinator_on
from wraparound.district.world import World
from wraparound.district.writing import Row, ZipFolder, write_csv

EVENTS_HEADER = (
    "event_id", "referral_id", "student_id", "school_id", "service_id", "rule_id", "domain",
    "event_type", "state", "reason", "event_date", "sequence", "minutes",
)  # fmt: skip
CONSENTS_HEADER = (
    "consent_id", "student_id", "granted_by_role", "signed_at", "method", "language",
    "records_scope", "purpose", "recipient_organization_id", "effective_from", "expires_on",
    "revoked_at",
)  # fmt: skip
REVIEWS_HEADER = (
    "review_id", "student_id", "school_id", "school_year", "kind", "season",
    "reviewed_on", "class_id", "tier", "tier_system", "reviewed_by", "carry_forward",
    "interests",
)  # fmt: skip
DOMAINS_HEADER = ("review_id", "domain", "level", "strengths", "needs")
STAFF_HEADER = (
    "staff_id", "school_id", "role", "given_name", "family_name", "begin_date", "end_date",
)  # fmt: skip
TIER_SYSTEM = "city_connects"
STAFF_AHEAD = timedelta(days=9)


def write_service_events(world: World, path: Path) -> dict[str, int]:
    """Referral states, attendances at services and contacts."""
    rows = (
        row
        for student in world.arrived
        for referral in referral_story(world, student=student)
        for row in _event_rows(world, referral=referral)
    )
    return {path.name: write_csv(path, header=EVENTS_HEADER, rows=rows)}


def write_consents(world: World, path: Path) -> dict[str, int]:
    """Permissions signed by now, with what became of them by now."""
    rows = (
        _consent_row(world, student=student, consent=consent)
        for student in world.arrived
        for consent in consent_story(world, student=student)
        if world.happened(consent.signed)
    )
    return {path.name: write_csv(path, header=CONSENTS_HEADER, rows=rows)}


def write_reviews(world: World, path: Path) -> dict[str, int]:
    """Whole class reviews held by now, and their four domains each."""
    held = [
        review
        for student in world.arrived
        for review in reviews_story(world, student=student)
        if world.happened(review.day)
    ]
    with ZipFolder(path) as folder:
        return {
            "reviews.csv": folder.add_csv(
                "reviews.csv", header=REVIEWS_HEADER, rows=_review_rows(world, held)
            ),
            "review_domains.csv": folder.add_csv(
                "review_domains.csv", header=DOMAINS_HEADER, rows=_domain_rows(held)
            ),
        }


def write_staff(world: World, path: Path) -> dict[str, int]:
    """Coordinators and principals by school; ends are exclusive."""
    return {path.name: write_csv(path, header=STAFF_HEADER, rows=_staff_rows(world))}


def _event_rows(world: World, *, referral: Referral) -> Iterator[Row]:
    for sequence, event in enumerate(referral.events, start=1):
        if not (world.happened(event.day) and world.is_news(event.entered)):
            continue
        number = referral.sourced_id.removeprefix("ref-")
        yield (
            f"sev-{number}-{sequence:02d}", referral.sourced_id, referral.student_id,
            world.schools[referral.school].sourced_id, referral.service.id, referral.rule_id,
            referral.service.domain, event.kind, event.state, event.reason,
            world.year.words[event.day], sequence, event.minutes or "",
        )  # fmt: skip


def _consent_row(world: World, *, student: Student, consent: Consent) -> Row:
    signed = world.year.words[consent.signed]
    expires = f"{world.plan.school_year}-06-30"
    if consent.expires >= 0:
        expires = _day_word(world, consent.expires)
    is_revoked = consent.revoked >= 0 and world.happened(min(consent.revoked, len(world.year) - 1))
    is_adult = f"{int(student.birth_date[:4]) + 18}{student.birth_date[4:]}" <= signed
    return (
        consent.sourced_id, student.sourced_id,
        "eligible_student" if is_adult else consent.role, signed, consent.method,
        "Spanish" if student.family.is_spanish else "English", ",".join(consent.scope),
        "service_coordination", consent.provider_id, signed, expires,
        _day_word(world, consent.revoked) if is_revoked else "",
    )  # fmt: skip


def _day_word(world: World, day: int) -> str:
    return world.year.words[min(day, len(world.year) - 1)]


def _review_rows(world: World, reviews: list[Review]) -> Iterator[Row]:
    people = assignments(world)
    for review in reviews:
        yield (
            review.sourced_id, review.student_id, world.schools[review.school].sourced_id,
            world.plan.school_year, review.kind, review.season,
            world.year.words[review.day], review.class_id, review.tier, TIER_SYSTEM,
            coordinator_on(people, school=review.school, day=review.day),
            "true" if review.carry_forward else "false", ",".join(review.interests),
        )  # fmt: skip


def _domain_rows(reviews: list[Review]) -> Iterator[Row]:
    for review in reviews:
        for domain in review.domains:
            lists = ",".join(domain.strengths), ",".join(domain.needs)
            yield (review.sourced_id, domain.domain, domain.level, *lists)


def _staff_rows(world: World) -> Iterator[Row]:
    for person in assignments(world):
        if not world.happened(person.first):
            continue
        begun = world.year.days[person.first]
        has_ended = person.last < len(world.year) and world.happened(person.last)
        yield (
            person.staff_id, world.schools[person.school].sourced_id, person.role,
            person.given_name, person.family_name,
            begun - STAFF_AHEAD if person.first == 0 else begun,
            world.year.words[person.last] if has_ended else "",
        )  # fmt: skip
