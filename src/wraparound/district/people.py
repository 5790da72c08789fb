"""Children and their families: who they are, what drives them, where they go to school."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from wraparound.district.chance import draw, weighted
from wraparound.district.names import family_name, given_name
from wraparound.district.plan import DistrictPlan
from wraparound.district.schools import (
    GRADES,
    LOWER,
    UPPER,
    UPPER_SHARE,
    School,
    high_schools,
    lower_schools,
)

SIBLING_SHARE = 0.33
LARGEST_FAMILY = 4
SPANISH_SHARE = 0.28
LATE_ENTRY_SHARE, LEAVER_SHARE, TRANSFER_SHARE, RETURN_SHARE = 0.04, 0.03, 0.045, 0.005
SPELL_EDGE = 12
RACES = (
    ("black", 0.33),
    ("white", 0.36),
    ("asian", 0.10),
    ("american_indian", 0.02),
    ("pacific", 0.01),
    ("two_or_more", 0.10),
    ("none_stated", 0.08),
)
# Multiplying by a number coprime to the modulus visits every identifier once.
IDENTIFIER_STEP, IDENTIFIER_SPAN, IDENTIFIER_BASE = 611_953, 899_000_000, 100_000_000


@dataclass(frozen=True, slots=True)
class Traits:
    """What nobody can see, in standard units: the higher, the harder (engagement: lower)."""

    academics: float
    behavior: float
    health: float
    home: float
    attendance: float
    engagement: float

    @property
    def total(self) -> float:
        """All four domains in one, about standard normal."""
        return (self.academics + self.behavior + self.health + self.home) / (4 * 0.6614)


@dataclass(frozen=True, slots=True)
class Spell:
    """One stay at a school: positions of instructional days, half-open."""

    school: int
    first: int
    last: int

    def covers(self, day: int) -> bool:
        """Whether the child is enrolled here on a day."""
        return self.first <= day < self.last


@dataclass(frozen=True, slots=True)
class Guardian:
    """An adult of a family."""

    sourced_id: str
    given_name: str
    family_name: str


@dataclass(frozen=True, slots=True)
class Family:
    """Siblings share a name, a language, adults, hardship and a school."""

    key: str
    family_name: str
    is_spanish: bool
    hardship: float
    race: str
    is_hispanic: bool
    guardians: tuple[Guardian, ...]
    lower_school: int
    high_school: int | None


@dataclass(frozen=True, slots=True)
class Student:
    """One child of the district; ``grade`` is a position in GRADES."""

    sourced_id: str
    identifier: str
    state_id: str
    given_name: str
    middle_name: str
    family: Family
    grade: int
    sex: str
    birth_date: str
    traits: Traits
    spells: tuple[Spell, ...]
    is_canary: bool = False

    @property
    def key(self) -> str:
        """The part of the id that other ids are built from."""
        return self.sourced_id.removeprefix("stu-")

    @property
    def grade_code(self) -> str:
        """The grade in CEDS words."""
        return GRADES[self.grade]

    def school_on(self, day: int) -> int | None:
        """The school that enrolls the child on a day, or None."""
        return next((spell.school for spell in self.spells if spell.covers(day)), None)


@dataclass(frozen=True)
class Canary:
    """A child whose name and ids may appear nowhere but in the tables they belong in."""

    sourced_id: str
    given_name: str
    family_name: str
    identifier: str
    state_id: str
    grade: int

    @property
    def words(self) -> tuple[str, ...]:
        """What would give the child away: names, and the part common to all its ids."""
        key = self.sourced_id.removeprefix("stu-")
        return (key, self.given_name, self.family_name, self.identifier, self.state_id)


CANARIES = (
    Canary("stu-canary-1", "Zzcanary", "Quillfeather", "999000001", "CTCANARY1", 2),
    Canary("stu-canary-2", "Zzcanario", "Quillwhistle", "999000002", "CTCANARY2", 5),
    Canary("stu-canary-3", "Zzcanarina", "Quillnester", "999000003", "CTCANARY3", 7),
)
CANARY_WORDS = tuple(word for canary in CANARIES for word in canary.words)
CANARY_TRAITS = Traits(1.9, 1.9, 1.8, 1.8, 2.0, -1.2)


def make_students(
    plan: DistrictPlan, *, schools: tuple[School, ...], day_count: int
) -> Iterator[Student]:
    """Every child of the year: the canaries first, then the others by number."""
    for number, canary in enumerate(CANARIES):
        yield _canary_student(plan, canary=canary, schools=schools, place=(number, day_count))
    family, size = _family(plan, number=1, schools=schools), 0
    for number in range(1, plan.students - len(CANARIES) + 1):
        joins = draw(plan.seed, "sibling", number).random() < SIBLING_SHARE
        if size and not (joins and size < LARGEST_FAMILY):
            family, size = _family(plan, number=number, schools=schools), 0
        size += 1
        yield _student(plan, number=number, family=family, place=(schools, day_count))


def _student(
    plan: DistrictPlan, *, number: int, family: Family, place: tuple[tuple[School, ...], int]
) -> Student:
    rng = draw(plan.seed, "student", number)
    schools, day_count = place
    grade = _grade(rng, has_high=family.high_school is not None)
    sex = "female" if rng.random() < 0.49 else "male"
    home = family.lower_school if grade in LOWER else (family.high_school or 0)
    others = lower_schools(schools) if grade in LOWER else high_schools(schools)
    spells = _spells(
        draw(plan.seed, plan.school_year, "spells", number),
        home=home,
        others=[school for school in others if school != home],
        day_count=day_count,
    )
    given = given_name(rng, spanish=family.is_spanish)
    middle = given_name(rng, spanish=family.is_spanish) if rng.random() < 0.3 else ""
    return Student(
        sourced_id=f"stu-{number:06d}",
        identifier=str(IDENTIFIER_BASE + number * IDENTIFIER_STEP % IDENTIFIER_SPAN),
        state_id=f"CT{number:06d}",
        given_name=given,
        middle_name=middle,
        family=family,
        grade=grade,
        sex=sex,
        birth_date=_birth_date(rng, grade=grade, school_year=plan.school_year),
        traits=_traits(rng, hardship=family.hardship),
        spells=spells,
    )


def _canary_student(
    plan: DistrictPlan,
    *,
    canary: Canary,
    schools: tuple[School, ...],
    place: tuple[int, int],
) -> Student:
    number, day_count = place
    lower = lower_schools(schools)
    school = lower[number % len(lower)]
    key = canary.sourced_id.removeprefix("stu-")
    guardian = Guardian(f"gdn-{key}-1", "Zzcanaryguardian", canary.family_name)
    family = Family(
        key, canary.family_name, number == 1, 1.8, "black", number == 1, (guardian,), school, None
    )
    return Student(
        sourced_id=canary.sourced_id,
        identifier=canary.identifier,
        state_id=canary.state_id,
        given_name=canary.given_name,
        middle_name="",
        family=family,
        grade=canary.grade,
        sex="female",
        birth_date=f"{plan.school_year - 6 - canary.grade}-02-01",
        traits=CANARY_TRAITS,
        spells=(Spell(school, 0, day_count),),
        is_canary=True,
    )


def _family(plan: DistrictPlan, *, number: int, schools: tuple[School, ...]) -> Family:
    rng = draw(plan.seed, "family", number)
    is_spanish = rng.random() < SPANISH_SHARE
    name = family_name(rng, spanish=is_spanish)
    key = f"{number:06d}"
    adults = tuple(
        Guardian(f"gdn-{key}-{i}", given_name(rng, spanish=is_spanish), name)
        for i in range(1, 3 if rng.random() < 0.6 else 2)
    )
    high = high_schools(schools)
    return Family(
        key=key,
        family_name=name,
        is_spanish=is_spanish,
        hardship=rng.gauss(0.0, 1.0) + (0.15 if is_spanish else -0.05),
        race=weighted(rng, RACES),
        is_hispanic=rng.random() < (0.92 if is_spanish else 0.15),
        guardians=adults,
        lower_school=rng.choice(lower_schools(schools)),
        high_school=rng.choice(high) if high else None,
    )


def _grade(rng: Random, *, has_high: bool) -> int:
    upper = rng.random() < UPPER_SHARE
    return rng.choice(UPPER if upper and has_high else LOWER)


def _birth_date(rng: Random, *, grade: int, school_year: int) -> str:
    """The first of a month, in the year in which the child turns 5 plus grade."""
    return f"{school_year - 6 - grade}-{rng.randint(1, 12):02d}-01"


def _traits(rng: Random, *, hardship: float) -> Traits:
    common = 0.6 * hardship + 0.8 * rng.gauss(0.0, 1.0)
    academics, behavior, health, home = (
        0.5 * common + 0.866 * rng.gauss(0.0, 1.0) for _ in range(4)
    )
    attendance = (0.45 * home + 0.35 * health + 0.7 * rng.gauss(0.0, 1.0)) / 0.9455
    engagement = 0.75 * rng.gauss(0.0, 1.0) - 0.5 * academics - 0.3 * behavior
    return Traits(academics, behavior, health, home, attendance, engagement)


def _spells(rng: Random, *, home: int, others: list[int], day_count: int) -> tuple[Spell, ...]:
    roll = rng.random()
    day = rng.randint(SPELL_EDGE, day_count - SPELL_EDGE)
    away = rng.randint(8, 30)
    if (roll := roll - LATE_ENTRY_SHARE) < 0:
        return (Spell(home, day, day_count),)
    if (roll := roll - LEAVER_SHARE) < 0:
        return (Spell(home, 0, day),)
    if (roll := roll - RETURN_SHARE) < 0 and day + away < day_count:
        return (Spell(home, 0, day), Spell(home, day + away, day_count))
    if (roll := roll - TRANSFER_SHARE) < 0 and others:
        return (Spell(home, 0, day), Spell(rng.choice(others), day, day_count))
    return (Spell(home, 0, day_count),)
