"""What teacher and coordinator said about a child, fall and spring."""

from dataclasses import dataclass, replace
from random import Random

from wraparound.district.catalog import DOMAINS
from wraparound.district.people import Student, Traits
from wraparound.district.world import World

LEVELS = ((0.35, "no_concern"), (1.0, "mild"), (1.75, "moderate"), (9e9, "severe"))
# Shares of about 45, 28, 16 and 11 in a hundred under a standard normal.
TIERS = ((-0.126, "1"), (0.613, "2a"), (1.227, "2b"), (9e9, "3"))
DONE_SHARE = {"fall": 0.86, "spring": 0.8}
# Share of individual reviews that are held in time for anybody to write them down.
HELD_SHARE = 0.75
WINDOW = {"fall": (22, 66), "spring": (112, 160)}
STRENGTHS = {
    "academics": ("reading", "mathematics", "writing", "science", "study_habits"),
    "social_emotional_behavioral": ("peer_relations", "leadership", "creativity", "engagement",
                                    "self_regulation"),
    "health": ("physical_activity", "nutrition", "sleep_routine"),
    "family": ("family_engagement", "caregiver_support", "bilingual_home"),
}  # fmt: skip
NEEDS = {
    "academics": ("reading", "mathematics", "homework_completion", "attendance_habits",
                  "study_habits", "writing"),
    "social_emotional_behavioral": ("peer_relations", "self_regulation", "conflict_resolution",
                                    "engagement", "grief_and_loss"),
    "health": ("vision_screening", "asthma_plan", "dental_care", "primary_care", "sleep_routine"),
    "family": ("food_security", "housing_stability", "family_engagement", "transportation",
               "language_access"),
}  # fmt: skip
INTERESTS = ("music", "soccer", "drawing", "robotics", "cooking", "dance", "animals")
INTEREST_SHARE = 0.6
NEEDS_OF_LEVEL = {"no_concern": 0, "mild": 1, "moderate": 2, "severe": 3}


@dataclass(frozen=True, slots=True)
class DomainReview:
    """One of the four domains of one review."""

    domain: str
    level: str
    strengths: tuple[str, ...]
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Review:
    """One child in one whole class review, or the team's review of one child."""

    sourced_id: str
    student_id: str
    school: int
    season: str
    day: int
    class_id: str
    tier: str
    carry_forward: bool
    interests: tuple[str, ...]
    domains: tuple[DomainReview, ...]
    kind: str = "whole_class"


def reviews_story(world: World, *, student: Student) -> list[Review]:
    """The fall and the spring review of a child, where the class came to be reviewed."""
    reviews = []
    for season in ("fall", "spring"):
        review = _review(world, student=student, season=season)
        if review is not None:
            reviews.append(review)
            reviews += _individual_review(world, student=student, review=review)
    return reviews


def _individual_review(world: World, *, student: Student, review: Review) -> list[Review]:
    """The team's review of a child in tier 3, most often within four weeks; some are late."""
    rng = world.chance("individual", review.season, student.sourced_id)
    day = review.day + rng.randint(5, 28)
    if review.tier != "3" or rng.random() > HELD_SHARE or student.school_on(day) != review.school:
        return []
    held = replace(
        review,
        sourced_id=f"{review.sourced_id}-team",
        day=day,
        tier="",
        carry_forward=False,
        domains=(),
        kind="individual",
    )
    return [held]


def review_day(world: World, *, class_id: str, season: str) -> int | None:
    """The day on which a class is reviewed; None where nobody gets to it."""
    rng = world.chance("review", season, class_id)
    day = rng.randint(*WINDOW[season])
    return day if rng.random() < DONE_SHARE[season] else None


def _review(world: World, *, student: Student, season: str) -> Review | None:
    found = _seat_at_review(world, student=student, season=season)
    if found is None:
        return None
    day, school, class_id = found
    rng = world.chance("reviewed", season, student.sourced_id)
    # By spring most children are a little better off, some are worse.
    drift = 0.0 if season == "fall" else rng.gauss(-0.15, 0.35)
    tier = _step(student.traits.total + drift, steps=TIERS)
    return Review(
        sourced_id=f"rev-{student.key}-{season}",
        student_id=student.sourced_id,
        school=school,
        season=season,
        day=day,
        class_id=class_id,
        tier=tier,
        carry_forward=season == "spring" and tier in ("2b", "3") and rng.random() < 0.7,
        interests=_interests(world, student=student),
        domains=_domains(student.traits, drift=drift, rng=rng),
    )


def _interests(world: World, *, student: Student) -> tuple[str, ...]:
    rng = world.chance("interests", student.sourced_id)
    return tuple(rng.sample(INTERESTS, rng.randint(1, 2))) if rng.random() < INTEREST_SHARE else ()


def _seat_at_review(world: World, *, student: Student, season: str) -> tuple[int, int, str] | None:
    for number, spell in enumerate(student.spells):
        homeroom = world.timetable.section(student, spell=number).homeroom
        day = review_day(world, class_id=homeroom.sourced_id, season=season)
        if student.is_canary and day is None:
            day = WINDOW[season][1]
        if day is not None and spell.covers(day):
            return day, spell.school, homeroom.sourced_id
    return None


def domain_scores(traits: Traits) -> dict[str, float]:
    """How hard things are in each domain, in standard units."""
    values = (traits.academics, traits.behavior, traits.health, traits.home)
    return dict(zip(DOMAINS, values, strict=True))


def _domains(traits: Traits, *, drift: float, rng: Random) -> tuple[DomainReview, ...]:
    return tuple(
        _domain(domain, score=score + drift, rng=rng)
        for domain, score in domain_scores(traits).items()
    )


def _domain(domain: str, *, score: float, rng: Random) -> DomainReview:
    level = _step(score, steps=LEVELS)
    needs = tuple(rng.sample(NEEDS[domain], NEEDS_OF_LEVEL[level]))
    assets = [code for code in STRENGTHS[domain] if code not in needs]
    most = 2 if level in ("no_concern", "mild") else 1
    strengths = tuple(rng.sample(assets, min(len(assets), rng.randint(most - 1, most))))
    return DomainReview(domain, level, strengths, needs)


def _step(value: float, *, steps: tuple[tuple[float, str], ...]) -> str:
    return next(word for limit, word in steps if value < limit)
