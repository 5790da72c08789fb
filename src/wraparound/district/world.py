"""The whole district in memory: everything that does not grow with the days."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from random import Random

from wraparound.district.chance import draw
from wraparound.district.classes import Timetable, make_timetable
from wraparound.district.people import Student, make_students
from wraparound.district.plan import DistrictPlan
from wraparound.district.school_days import SchoolYear, make_school_year
from wraparound.district.schools import School, make_schools


@dataclass(frozen=True)
class World:
    """A plan worked out. Days are positions in ``year.days``.

    ``cut``: the first day that has not happened; ``known_before``: the first day of the
    changes asked for (0 when everything is written).
    """

    plan: DistrictPlan
    year: SchoolYear
    schools: tuple[School, ...]
    students: tuple[Student, ...]
    timetable: Timetable
    cut: int
    known_before: int

    def chance(self, *parts: object) -> Random:
        """A generator for one part of one story of this school year."""
        return draw(self.plan.seed, self.plan.school_year, *parts)

    def happened(self, day: int) -> bool:
        """Whether a day lies on or before ``through``."""
        return day < self.cut

    def is_news(self, day: int) -> bool:
        """Whether something that became known on a day belongs into the delivery."""
        return self.known_before <= day < self.cut

    def has_arrived(self, student: Student) -> bool:
        """Whether a child has been enrolled at all by now."""
        return self.happened(student.spells[0].first)

    @cached_property
    def arrived(self) -> tuple[Student, ...]:
        """The children whom the district knows by now."""
        return tuple(student for student in self.students if self.has_arrived(student))

    @cached_property
    def members(self) -> dict[int, tuple[Student, ...]]:
        """Every child that is enrolled at a school at some time of the year, by school."""
        found: dict[int, list[Student]] = defaultdict(list)
        for student in self.students:
            for school in dict.fromkeys(spell.school for spell in student.spells):
                found[school].append(student)
        return {school: tuple(students) for school, students in found.items()}


def make_world(plan: DistrictPlan) -> World:
    """Work out calendar, schools, children and timetable of a plan.

    Raises ValueError when ``through`` lies before the first day of school.
    """
    year = make_school_year(plan.school_year, seed=plan.seed)
    if plan.through < year.days[0]:
        raise ValueError(f"School year {plan.school_year} begins on {year.days[0]}.")
    schools = make_schools(plan.schools)
    students = tuple(make_students(plan, schools=schools, day_count=len(year)))
    return World(
        plan=plan,
        year=year,
        schools=schools,
        students=students,
        timetable=make_timetable(students, schools=schools, seed=plan.seed),
        cut=year.held_by(plan.through),
        known_before=year.held_by(plan.since) if plan.since else 0,
    )
