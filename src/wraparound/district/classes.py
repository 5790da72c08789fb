"""Courses, homeroom sections, their classes and the people who teach them."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from random import Random

from wraparound.district.chance import draw
from wraparound.district.names import family_name, given_name
from wraparound.district.people import Student
from wraparound.district.schools import GRADES, LOWER, School

SECTION_SIZE = 22
SECTIONS_PER_SPECIALIST = 6
SPANISH_STAFF_SHARE = 0.15
LAST_GRADE_WITH_ONE_TEACHER = 5
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Subject: (title, one SCED code for all its grades).
SUBJECTS = {
    "ela": ("Reading and Language Arts", "51028"),
    "math": ("Mathematics", "52028"),
    "science": ("Science", "53228"),
    "social": ("Social Studies", "54429"),
    "arts": ("Visual Arts", "55154"),
    "wellness": ("Health and Wellness", "58001"),
}
HIGH_TITLES = {
    "ela": ("English 9", "English 10", "English 11", "English 12"),
    "math": ("Algebra 1", "Geometry", "Algebra 2", "Statistics"),
    "science": ("Biology", "Chemistry", "Physics", "Environmental Science"),
    "social": ("Civics", "World History", "United States History", "Economics"),
    "arts": ("Studio Art 1", "Studio Art 2", "Studio Art 3", "Studio Art 4"),
    "wellness": ("Wellness 9", "Wellness 10", "Wellness 11", "Wellness 12"),
}
SPECIALIST_SUBJECTS = ("arts", "wellness")


@dataclass(frozen=True, slots=True)
class Person:
    """An adult who works in the district."""

    sourced_id: str
    given_name: str
    family_name: str
    school: int


@dataclass(frozen=True, slots=True)
class SchoolClass:
    """A homeroom or a scheduled class; ``subject`` is empty for a homeroom."""

    number: int
    title: str
    code: str
    subject: str
    grade: int
    school: int
    period: int
    teacher: Person

    @property
    def sourced_id(self) -> str:
        """The id in every feed."""
        return f"cls-{self.number:07d}"

    @property
    def course_id(self) -> str:
        """The course it teaches."""
        return course_id(self.grade, subject=self.subject)


@dataclass(frozen=True, slots=True)
class Section:
    """About 22 children who share a homeroom and its scheduled classes."""

    homeroom: SchoolClass
    scheduled: tuple[SchoolClass, ...]

    @property
    def classes(self) -> tuple[SchoolClass, ...]:
        """The homeroom first."""
        return (self.homeroom, *self.scheduled)


@dataclass(frozen=True)
class Timetable:
    """All sections, and which section each child sits in during each spell."""

    sections: tuple[Section, ...]
    seats: dict[str, tuple[int, ...]]
    teachers: tuple[Person, ...]

    def section(self, student: Student, *, spell: int) -> Section:
        """The section of a child's spell."""
        return self.sections[self.seats[student.sourced_id][spell]]


def subjects_of(grade: int) -> tuple[str, ...]:
    """What a grade is taught besides the homeroom: three to six subjects."""
    if grade not in LOWER:
        return ("ela", "math", "science", "social", "arts", "wellness")
    if grade <= 2:
        return ("ela", "math", "arts")
    return ("ela", "math", "science", "social", "arts")[: 4 if grade <= 5 else 5]


def course_id(grade: int, *, subject: str) -> str:
    """The id of the course of a grade and subject; homerooms have courses too."""
    return f"crs-{GRADES[grade]}-{subject or 'homeroom'}"


def course_title(grade: int, *, subject: str) -> str:
    """The course's name."""
    name = "Kindergarten" if grade == 0 else f"Grade {grade}"
    if not subject:
        return f"{name} Homeroom"
    if grade not in LOWER:
        return HIGH_TITLES[subject][grade - 9]
    return f"{name} {SUBJECTS[subject][0]}"


def make_timetable(
    students: tuple[Student, ...], *, schools: tuple[School, ...], seed: int
) -> Timetable:
    """Sections of about 22; a child who comes later joins one that is there."""
    counts = _section_counts(students)
    teachers: list[Person] = []
    sections: list[Section] = []
    starts: dict[tuple[int, int], int] = {}
    number = 1
    for school in schools:
        wanted = [(g, n) for (s, g), n in sorted(counts.items()) if s == school.index]
        staff = _hire(school, section_count=sum(n for _, n in wanted), seed=seed)
        teachers += staff.homeroom + staff.specialists
        places = [(grade, letter) for grade, count in wanted for letter in range(count)]
        for place, (grade, letter) in enumerate(places):
            starts.setdefault((school.index, grade), len(sections))
            section = _section(number, where=(grade, letter, place), staff=staff)
            sections.append(section)
            number += len(section.classes)
    seats = _seats(students, counts=counts, starts=starts)
    return Timetable(tuple(sections), seats, tuple(teachers))


@dataclass(frozen=True)
class _Staff:
    school: int
    homeroom: list[Person]
    specialists: list[Person]

    def teacher(self, *, place: int, grade: int, period: int, subject: str) -> Person:
        """Young children stay with one teacher; older ones meet one for each subject."""
        if subject in SPECIALIST_SUBJECTS:
            return self.specialists[place % len(self.specialists)]
        shift = period if grade > LAST_GRADE_WITH_ONE_TEACHER else 0
        return self.homeroom[(place + shift) % len(self.homeroom)]


def _section_counts(students: tuple[Student, ...]) -> dict[tuple[int, int], int]:
    first = Counter((s.spells[0].school, s.grade) for s in students)
    later = Counter((spell.school, s.grade) for s in students for spell in s.spells[1:])
    return {
        place: max(1, round(first[place] / SECTION_SIZE))
        for place in sorted(first.keys() | later.keys())
    }


def _seats(
    students: tuple[Student, ...],
    *,
    counts: dict[tuple[int, int], int],
    starts: dict[tuple[int, int], int],
) -> dict[str, tuple[int, ...]]:
    turn: dict[tuple[int, int], int] = defaultdict(int)
    seats: dict[str, tuple[int, ...]] = {}
    for student in students:
        taken = []
        for spell in student.spells:
            place = (spell.school, student.grade)
            taken.append(starts[place] + turn[place] % counts[place])
            turn[place] += 1
        seats[student.sourced_id] = tuple(taken)
    return seats


def _hire(school: School, *, section_count: int, seed: int) -> _Staff:
    specialists = max(1, round(section_count / SECTIONS_PER_SPECIALIST))
    people = []
    for number in range(1, section_count + specialists + 1):
        rng = draw(seed, "teacher", school.index, number)
        names = adult_names(rng)
        people.append(Person(f"tch-{school.index + 1:02d}-{number:03d}", *names, school.index))
    return _Staff(school.index, people[:section_count], people[section_count:])


def adult_names(rng: Random) -> tuple[str, str]:
    """Given and family name of somebody who works in the district."""
    spanish = rng.random() < SPANISH_STAFF_SHARE
    return given_name(rng, spanish=spanish), family_name(rng, spanish=spanish)


def _section(number: int, *, where: tuple[int, int, int], staff: _Staff) -> Section:
    grade, letter, place = where
    name = _letters(letter)
    classes = tuple(
        SchoolClass(
            number=number + period,
            title=f"{course_title(grade, subject=subject)} {name}",
            code=f"{GRADES[grade]}{name}-{subject or 'homeroom'}",
            subject=subject,
            grade=grade,
            school=staff.school,
            period=period,
            teacher=staff.teacher(place=place, grade=grade, period=period, subject=subject),
        )
        for period, subject in enumerate(("", *subjects_of(grade)))
    )
    return Section(classes[0], classes[1:])


def _letters(position: int) -> str:
    """A to Z, then AA, AB and so on."""
    ahead, last = divmod(position, len(LETTERS))
    return (_letters(ahead - 1) if ahead else "") + LETTERS[last]
