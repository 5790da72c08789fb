"""What tests, programs, success plans and surveys say about a child."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from wraparound.district.people import Student
from wraparound.district.staff_story import Assignment
from wraparound.district.world import World

WINDOWS = (("fall", 18), ("winter", 88), ("spring", 150))
EARLY_GRADES = range(4)
TESTED_GRADES = range(3, 13)
PLAN_GRADES = range(6, 13)
SURVEY_GRADES = range(3, 13)
SURVEY_DAYS = (("fall", 40), ("spring", 140))
LEVELS = ("Level 1", "Level 2", "Level 3", "Level 4")
EARLY_LEVELS = ("Well Below Benchmark", "Below Benchmark", "At Benchmark", "Above Benchmark")
# About 18, 32, 32 and 18 in a hundred under a standard normal.
LEVEL_STEPS = (0.9, 0.0, -0.9)
PLAN_PARTS = ("academic", "career", "social_emotional")
PLAN_DAY = 30
ENRICHMENT = (
    ("School Choir", "Arts"),
    ("Soccer", "Athletics"),
    ("Young Scholars", "Gifted and Talented"),
)
SCALES = ("belonging", "engagement", "safety", "self_efficacy")


@dataclass(frozen=True, slots=True)
class AssessmentResult:
    """One administration of one test to a child."""

    sourced_id: str
    assessment_id: str
    title: str
    subject: str
    day: int
    score: int
    level: str


@dataclass(frozen=True, slots=True)
class Program:
    """One stay in a program; ``first`` is a day of the school year."""

    name: str
    kind: str
    first: int
    night: str = ""
    meals: str = ""


@dataclass(frozen=True, slots=True)
class SuccessPlan:
    """A child's plan of the year."""

    sourced_id: str
    adult_id: str
    parts: tuple[str, ...]
    day: int


@dataclass(frozen=True, slots=True)
class ScaleScore:
    """What a child says of one matter, 1 to 5."""

    survey_id: str
    scale: str
    score: float
    day: int


def assessment_story(world: World, *, student: Student) -> Iterator[AssessmentResult]:
    """Early literacy up to grade 3, reading and mathematics from grade 3, in each window."""
    subjects = [("early-literacy", "Early Literacy")] if student.grade in EARLY_GRADES else []
    if student.grade in TESTED_GRADES:
        subjects += [("reading", "Reading"), ("mathematics", "Mathematics")]
    for key, subject in subjects:
        rng = world.chance("tests", key, student.sourced_id)
        ability = -0.8 * student.traits.academics + 0.6 * rng.gauss(0.0, 1.0)
        for season, day in WINDOWS:
            ability += rng.gauss(0.1, 0.3)
            if student.school_on(day) is not None and rng.random() < 0.95:
                yield _result(student, key=key, subject=subject, when=(season, day), hard=-ability)


def _result(
    student: Student, *, key: str, subject: str, when: tuple[str, int], hard: float
) -> AssessmentResult:
    season, day = when
    step = sum(hard < limit for limit in LEVEL_STEPS)
    levels = EARLY_LEVELS if key == "early-literacy" else LEVELS
    return AssessmentResult(
        sourced_id=f"tst-{student.key}-{key}-{season}",
        assessment_id=f"interim-{key}-{student.grade_code}",
        title=f"{subject} interim, grade {student.grade_code}",
        subject=subject,
        day=day,
        score=round(500 - 40 * hard),
        level=levels[step],
    )


def program_story(world: World, *, student: Student) -> Iterator[Program]:
    """The programs a child takes part in this year."""
    rng, home = world.chance("programs", student.sourced_id), student.traits.home
    hardship = student.family.hardship
    if student.family.is_spanish and rng.random() < 0.45:
        yield Program("English Learners", "English as a Second Language (ESL)", 0)
    if rng.random() < 0.14 + 0.04 * student.traits.academics:
        yield Program("Special Education", "Special Education", 0)
    elif rng.random() < 0.05:
        yield Program("Section 504", "Section 504 Placement", 0)
    if home + rng.gauss(0.0, 0.5) > 1.9:
        night = rng.choice(("Doubled-up", "Shelters", "Hotels/motels"))
        yield Program("McKinney-Vento", "Homeless", rng.randint(0, 80), night=night)
    if rng.random() < 0.12 + 0.05 * student.traits.engagement:
        yield Program(*rng.choice(ENRICHMENT), 20)
    if rng.random() < 0.01:
        yield Program("Foster Care", "Foster Care", rng.randint(0, 40))
    if hardship + rng.gauss(0.0, 0.4) > -0.2:
        meals = "Free Lunch" if hardship > 0 else "Reduced Price Lunch"
        yield Program("School Meals", "School Food Services", 0, meals=meals)


def plan_story(world: World, *, student: Student, staff: list[Assignment]) -> SuccessPlan | None:
    """The plan of a child in grades 6 to 12; some have none, some no adult."""
    rng = world.chance("plan", student.sourced_id)
    school = student.school_on(PLAN_DAY)
    if student.grade not in PLAN_GRADES or school is None or rng.random() > 0.85:
        return None
    adults = [person.staff_id for person in staff if person.school == school]
    adult = rng.choice(adults) if rng.random() < 0.92 else ""
    done = tuple(part for part in PLAN_PARTS if rng.random() < 0.8)
    return SuccessPlan(f"pln-{student.key}-{world.plan.school_year}", adult, done, PLAN_DAY)


def survey_story(world: World, *, student: Student) -> Iterator[ScaleScore]:
    """The scales of the fall and the spring survey, where the child answered."""
    if student.grade not in SURVEY_GRADES:
        return
    for season, day in SURVEY_DAYS:
        rng = world.chance("survey", season, student.sourced_id)
        if student.school_on(day) is None or rng.random() > 0.8:
            continue
        for scale in SCALES:
            survey = f"voice-{world.plan.school_year}-{season}"
            yield ScaleScore(survey, scale, _score(student, rng=rng), day)


def _score(student: Student, *, rng: Random) -> float:
    mean = 3.6 - 0.4 * student.traits.behavior + 0.2 * student.traits.engagement
    return round(min(5.0, max(1.0, rng.gauss(mean, 0.5))), 2)
