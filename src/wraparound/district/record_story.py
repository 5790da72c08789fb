"""What transcripts, competencies and the school nurse's records say about a child."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from wraparound.district.classes import HIGH_TITLES, SUBJECTS
from wraparound.district.people import Student
from wraparound.district.schools import GRADES, UPPER
from wraparound.district.world import World

SEMESTERS = ("Fall Semester", "Spring Semester")
FALL_ENDS = 92
CREDITS = 0.5
EARLY_ALGEBRA = 8
# (ease from which it is given, letter), under a standard normal.
LETTERS = ((0.8, "A"), (0.0, "B"), (-0.7, "C"), (-1.3, "D"))
COMPETENCY_GRADES = range(3, 13)
COMPETENCIES = ("argument", "inquiry", "modeling", "collaboration")
COMPETENCY_DAY = 96
COMPETENCY_STEPS = ((0.9, "advanced"), (-0.3, "proficient"), (-1.2, "developing"))
SCREENINGS = (("vision_screening", 24), ("hearing_screening", 24), ("dental_screening", 46))
FOLLOW_UP_AFTER = 40
IMMUNIZATION_DAY, PLAN_DAY = 4, 12


@dataclass(frozen=True, slots=True)
class Attempt:
    """One finished course of one semester; ``school_year`` is the year it ended."""

    school_year: int
    term: str
    code: str
    title: str
    subject: str
    letter: str
    credits: float
    grade: int


@dataclass(frozen=True, slots=True)
class Judged:
    """One competency of a child, judged on a day."""

    competency: str
    level: str
    day: int


@dataclass(frozen=True, slots=True)
class HealthRecord:
    """One flag of the school nurse."""

    kind: str
    outcome: str
    day: int


def transcript_story(world: World, *, student: Student) -> Iterator[Attempt]:
    """Every finished semester of high school, and Algebra 1 where grade 8 took it."""
    if student.grade not in UPPER:
        return
    if _rng(world, student, EARLY_ALGEBRA).random() < 0.3 - 0.15 * student.traits.academics:
        yield from _year(world, student=student, grade=EARLY_ALGEBRA, subjects=("math",))
    for grade in range(UPPER[0], student.grade + 1):
        yield from _year(world, student=student, grade=grade, subjects=tuple(HIGH_TITLES))


def _rng(world: World, student: Student, grade: int) -> Random:
    return world.chance("transcript", grade, student.sourced_id)


def _year(
    world: World, *, student: Student, grade: int, subjects: tuple[str, ...]
) -> Iterator[Attempt]:
    rng = _rng(world, student, grade)
    is_now = grade == student.grade
    for subject in subjects:
        ease = (
            -0.7 * student.traits.academics + 0.3 * student.traits.engagement + rng.gauss(0.6, 1)
        )
        for semester, term in enumerate(SEMESTERS):
            letter = _step(ease + rng.gauss(0.0, 0.4), steps=LETTERS, last="F")
            if is_now and (semester or not world.happened(FALL_ENDS)):
                continue
            yield Attempt(
                school_year=world.plan.school_year - (student.grade - grade),
                term=term,
                code=f"{subject}-{GRADES[grade]}",
                title="Algebra 1" if grade == EARLY_ALGEBRA else _title(subject, grade=grade),
                subject=SUBJECTS[subject][0],
                letter=letter,
                credits=0.0 if grade == EARLY_ALGEBRA else CREDITS,
                grade=grade,
            )


def _title(subject: str, *, grade: int) -> str:
    return HIGH_TITLES[subject][grade - UPPER[0]]


def competency_story(world: World, *, student: Student) -> Iterator[Judged]:
    """Four competencies, judged at midyear where the child is at school."""
    if student.grade not in COMPETENCY_GRADES or student.school_on(COMPETENCY_DAY) is None:
        return
    rng = world.chance("competencies", student.sourced_id)
    for competency in COMPETENCIES:
        ease = 0.5 * student.traits.engagement - 0.5 * student.traits.academics
        level = _step(ease + rng.gauss(0.3, 0.8), steps=COMPETENCY_STEPS, last="emerging")
        yield Judged(competency, level, COMPETENCY_DAY)


def health_story(world: World, *, student: Student) -> Iterator[HealthRecord]:
    """Screenings and what followed, the immunization record, and whether a plan is there."""
    rng, hard = world.chance("health", student.sourced_id), student.traits.health
    for kind, day in SCREENINGS:
        roll, is_followed = hard + rng.gauss(0.0, 0.7), rng.random() < 0.5
        if student.school_on(day) is None or rng.random() > 0.75:
            continue
        outcome = "referred" if roll > 1.5 else "not_done" if rng.random() < 0.05 else "passed"
        yield HealthRecord(kind, outcome, day)
        if outcome == "referred" and is_followed:
            yield HealthRecord(kind, "resolved", day + FOLLOW_UP_AFTER)
    complete = hard + rng.gauss(0.0, 1.0) < 2.0
    yield HealthRecord("immunizations", "complete" if complete else "incomplete", IMMUNIZATION_DAY)
    if hard > 1.4:
        yield HealthRecord("health_plan", "on_file", PLAN_DAY)


def _step(value: float, *, steps: tuple[tuple[float, str], ...], last: str) -> str:
    return next((word for limit, word in steps if value >= limit), last)
