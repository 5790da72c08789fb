"""When a child was away, late, or there for a part of the day."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from wraparound.district.chance import weighted
from wraparound.district.discipline_story import suspended_days
from wraparound.district.people import Spell, Student
from wraparound.district.world import World

EXCUSED, UNEXCUSED = "Excused Absence", "Unexcused Absence"
TARDY, PARTIAL, EARLY = "Tardy", "Partial", "Early departure"
# Skewed so that about a quarter of the children miss a tenth of their days.
MEDIAN_RATE, SPREAD, HIGHEST_RATE = 0.050, 0.88, 0.6
MEAN_RUN = 1.45
TARDY_MEDIAN, PARTIAL_RATE = 0.013, 0.007
CORRECTION_SHARE = 0.03
EXCUSES = (
    ("Illness", 0.62),
    ("Medical appointment", 0.12),
    ("Family matter", 0.12),
    ("Religious observance", 0.04),
    ("Wellness day", 0.06),
    ("Transportation", 0.04),
)
LATE_REASONS = (("", 0.5), ("Overslept", 0.2), ("Transportation", 0.3))
DURATIONS = ("0.25", "0.4", "0.5", "0.6", "0.75")


class Mark(NamedTuple):
    """What the office wrote; ``duration`` is the missed share of the day, or empty."""

    category: str
    reason: str
    duration: str


@dataclass(frozen=True, slots=True)
class AttendanceEvent:
    """One child, one day. From ``corrected_on`` (-1: never) the second mark holds."""

    day: int
    school: int
    mark: Mark
    corrected_on: int = -1
    corrected: Mark | None = None


@dataclass(frozen=True, slots=True)
class _Habits:
    absence: float
    slope: float
    tardy: float
    partial: float
    unexcused: float


SUSPENDED = Mark(EXCUSED, "Out of school suspension", "")
CANARY_AWAY = (1, 2)


def attendance_story(world: World, *, student: Student) -> Iterator[AttendanceEvent]:
    """The events of a child's whole year; days at school leave none."""
    rng = world.chance("attendance", student.sourced_id)
    habits = _habits(student, rng=rng)
    suspended = suspended_days(world, student=student)
    for spell in student.spells:
        marks = _marks(world, spell=spell, habits=habits, rng=rng)
        marks |= {day: SUSPENDED for day, marked in suspended.items() if marked}
        if student.is_canary:
            marks |= dict.fromkeys(CANARY_AWAY, Mark(UNEXCUSED, "", ""))
        for day in sorted(marks):
            if spell.covers(day):
                yield _event(world, spell=spell, day=day, mark=marks[day], student=student)


def _habits(student: Student, *, rng: Random) -> _Habits:
    traits = student.traits
    rate = min(HIGHEST_RATE, MEDIAN_RATE * math.exp(SPREAD * traits.attendance))
    return _Habits(
        absence=rate / MEAN_RUN,
        slope=max(-0.8, min(0.8, rng.gauss(0.0, 0.4))),
        tardy=TARDY_MEDIAN * math.exp(0.7 * traits.attendance - 0.3 * traits.engagement),
        partial=PARTIAL_RATE,
        unexcused=min(0.9, max(0.1, 0.35 + 0.15 * traits.home - 0.08 * traits.engagement)),
    )


def _marks(world: World, *, spell: Spell, habits: _Habits, rng: Random) -> dict[int, Mark]:
    season, length = world.year.season, len(world.year)
    marks: dict[int, Mark] = {}
    away, mark = 0, SUSPENDED
    for day in range(spell.first, spell.last):
        roll = rng.random()
        trend = 1.0 + habits.slope * (2.0 * day / length - 1.0)
        if away:
            away -= 1
            marks[day] = mark
        elif roll < habits.absence * season[day] * trend:
            mark = _absence(rng, habits=habits)
            marks[day] = mark
            away = _days_more(rng, mark=mark)
        elif roll > 1.0 - habits.tardy:
            marks[day] = Mark(TARDY, weighted(rng, LATE_REASONS), "")
        elif roll > 1.0 - habits.tardy - habits.partial:
            marks[day] = _part_of_day(rng)
    return marks


def _absence(rng: Random, *, habits: _Habits) -> Mark:
    if rng.random() < habits.unexcused:
        return Mark(UNEXCUSED, "", "")
    duration = "0.5" if rng.random() < 0.04 else ""
    return Mark(EXCUSED, weighted(rng, EXCUSES), duration)


def _days_more(rng: Random, *, mark: Mark) -> int:
    """How many further days an absence lasts."""
    if mark.duration:
        return 0
    stay, days = (0.4 if mark.reason == "Illness" else 0.26), 0
    while rng.random() < stay and days < 9:
        days += 1
    return days


def _part_of_day(rng: Random) -> Mark:
    if rng.random() < 0.6:
        return Mark(PARTIAL, weighted(rng, EXCUSES), rng.choice(DURATIONS))
    return Mark(EARLY, weighted(rng, EXCUSES), "")


def _event(
    world: World, *, spell: Spell, day: int, mark: Mark, student: Student
) -> AttendanceEvent:
    # Some offices write a whole day as 1, the others leave it empty.
    if spell.school % 3 == 2 and not mark.duration and mark.category in (EXCUSED, UNEXCUSED):
        mark = mark._replace(duration="1")
    if mark.category not in (EXCUSED, UNEXCUSED) or mark.reason == SUSPENDED.reason:
        return AttendanceEvent(day, spell.school, mark)
    rng = world.chance("correction", student.sourced_id, day)
    if rng.random() >= CORRECTION_SHARE:
        return AttendanceEvent(day, spell.school, mark)
    known = day + rng.randint(1, 12)
    return AttendanceEvent(day, spell.school, mark, known, _correction(rng, mark=mark))


def _correction(rng: Random, *, mark: Mark) -> Mark:
    """A note came later; or, rarely, the child was only late."""
    if mark.category == EXCUSED:
        return mark._replace(
            reason="Medical appointment" if mark.reason == "Illness" else "Illness"
        )
    if rng.random() < 0.15:
        return Mark(TARDY, "", "")
    return Mark(EXCUSED, weighted(rng, EXCUSES), mark.duration)
