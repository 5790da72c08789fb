"""What a child got into, and what followed."""

import math
from dataclasses import dataclass, replace
from random import Random

from wraparound.district.chance import poisson, weighted
from wraparound.district.people import Student
from wraparound.district.world import World

ISS, OSS = "In School Suspension", "Out of School Suspension"
RATE = math.exp(-1.95)
BEHAVIORS = (
    ("School Code of Conduct", 0.72),
    ("School Violation", 0.18),
    ("Other", 0.06),
    ("State Offense", 0.04),
)
LOCATIONS = (
    ("Classroom", 0.42),
    ("Hallway", 0.2),
    ("Cafeteria", 0.16),
    ("Playground", 0.12),
    ("Bus", 0.1),
)
OUTCOMES = (
    (ISS, 0.26),
    (OSS, 0.24),
    ("Removal from Classroom", 0.24),
    ("Restorative Conference", 0.1),
    ("Community Service", 0.06),
    ("No action for incident", 0.1),
)
BYSTANDERS = (("Victim", 0.55), ("Witness", 0.35), ("Reporter", 0.1))
BYSTANDER_SHARE = 0.3
CORRECTION_SHARE = 0.06
OSS_MARKED_SHARE = 0.9
LONGEST_OSS = 10
CANARY_DAYS = (3, 41, 97)


@dataclass(frozen=True, slots=True)
class Action:
    """What the school did; ``corrected_length`` is known from ``corrected_on``."""

    sourced_id: str
    day: int
    outcome: str
    length: int
    corrected_on: int
    corrected_length: int
    is_marked_absent: bool


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident with its perpetrator, at most one bystander and one action."""

    sourced_id: str
    school: int
    day: int
    location: str
    behavior: str
    student_id: str
    bystander: tuple[str, str] | None
    action: Action


def discipline_story(world: World, *, student: Student) -> list[Incident]:
    """The incidents of a child's whole year, in order of day; few children have any."""
    rng = world.chance("discipline", student.sourced_id)
    days = _incident_days(world, student=student, rng=rng)
    incidents = []
    for number, day in enumerate(days, start=1):
        # A generator of its own: what one incident needs never moves the next.
        own = world.chance("discipline", student.sourced_id, number)
        school = student.school_on(day)
        if school is not None:
            incidents.append(
                _incident(world, student=student, where=(school, day, number), rng=own)
            )
    return incidents


def suspended_days(world: World, *, student: Student) -> dict[int, bool]:
    """Days out of school: day → whether the attendance office wrote them down."""
    days: dict[int, bool] = {}
    for incident in discipline_story(world, student=student):
        action = incident.action
        if action.outcome == OSS:
            for day in range(action.day, action.day + action.length):
                days[day] = action.is_marked_absent
    return days


def _incident_days(world: World, *, student: Student, rng: Random) -> list[int]:
    if student.is_canary:
        return list(CANARY_DAYS)
    mean = RATE * math.exp(student.traits.behavior) * _grade_factor(student.grade)
    return sorted(rng.randrange(len(world.year)) for _ in range(poisson(rng, mean)))


def _grade_factor(grade: int) -> float:
    """Middle grades write most referrals, the youngest fewest."""
    if grade <= 2:
        return 0.5
    if grade <= 5:
        return 0.85
    return 1.5 if grade <= 9 else 1.1


def _incident(
    world: World, *, student: Student, where: tuple[int, int, int], rng: Random
) -> Incident:
    school, day, number = where
    incident = Incident(
        sourced_id=f"inc-{student.key}-{number}",
        school=school,
        day=day,
        location=weighted(rng, LOCATIONS),
        behavior=weighted(rng, BEHAVIORS),
        student_id=student.sourced_id,
        bystander=None,
        action=_action(student, day=day, number=number, rng=rng),
    )
    if rng.random() < BYSTANDER_SHARE:
        other = _bystander(world, school=school, day=day, rng=rng)
        if other and other.sourced_id != student.sourced_id:
            role = weighted(rng, BYSTANDERS)
            return replace(incident, bystander=(other.sourced_id, role))
    return incident


def _action(student: Student, *, day: int, number: int, rng: Random) -> Action:
    outcome = weighted(rng, OUTCOMES)
    if student.is_canary and number == 1:
        outcome = OSS
    length = 0
    if outcome in (ISS, OSS):
        length = min(LONGEST_OSS, 1 + poisson(rng, 0.5 if outcome == ISS else 1.4))
    is_corrected = length > 1 and rng.random() < CORRECTION_SHARE
    decided = day + rng.choice((0, 1, 1, 1, 2))
    return Action(
        sourced_id=f"act-{student.key}-{number}",
        day=decided,
        outcome=outcome,
        length=length,
        corrected_on=decided + rng.randint(2, 9) if is_corrected else -1,
        corrected_length=length - 1 if is_corrected else length,
        is_marked_absent=rng.random() < OSS_MARKED_SHARE,
    )


def _bystander(world: World, *, school: int, day: int, rng: Random) -> Student | None:
    other = rng.choice(world.members[school])
    return other if other.school_on(day) == school and not other.is_canary else None
