"""roster.zip: a OneRoster 1.1 bulk package, as of a day."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from wraparound.district.classes import SUBJECTS, SchoolClass, course_id, course_title, subjects_of
from wraparound.district.oneroster import HEADERS, MANIFEST_HEADER, MODIFIED, manifest_rows
from wraparound.district.people import Family, Spell, Student
from wraparound.district.schools import DISTRICT_ID, DISTRICT_NAME, GRADES
from wraparound.district.staff_story import PRINCIPAL, assignments
from wraparound.district.world import World
from wraparound.district.writing import Row, ZipFolder

QUARTERS = 4
UNREACHABLE_SHARE = 0.03
RACE_FLAGS = ("american_indian", "asian", "black", "pacific", "white", "two_or_more")
DAY = timedelta(days=1)


def write_roster(world: World, path: Path) -> dict[str, int]:
    """Write the package; rows by member. Every reference resolves inside it."""
    tables: dict[str, Callable[[World], Iterator[Row]]] = {
        "orgs": _orgs,
        "academicSessions": _sessions,
        "courses": _courses,
        "classes": _classes,
        "users": _users,
        "enrollments": _enrollments,
        "demographics": _demographics,
    }
    with ZipFolder(path) as folder:
        folder.add_csv("manifest.csv", header=MANIFEST_HEADER, rows=manifest_rows(tables))
        return {
            f"{name}.csv": folder.add_csv(f"{name}.csv", header=HEADERS[name], rows=rows(world))
            for name, rows in tables.items()
        }


def session_id(world: World, part: str) -> str:
    """The id of the year, a semester (s1, s2) or a quarter (q1 to q4)."""
    return f"ses-{world.plan.school_year}-{part}"


def quarter_of(world: World, *, day: int) -> int:
    """The quarter (0 to 3) in which an instructional day lies."""
    return day * QUARTERS // len(world.year)


def _orgs(world: World) -> Iterator[Row]:
    yield (DISTRICT_ID, *MODIFIED, DISTRICT_NAME, "district", "64", "")
    for school in world.schools:
        yield (school.sourced_id, *MODIFIED, school.name, "school", school.identifier, DISTRICT_ID)


def _sessions(world: World) -> Iterator[Row]:
    year = world.plan.school_year
    days = world.year.days
    edges = [days[q * len(days) // QUARTERS] for q in range(QUARTERS)] + [days[-1] + DAY]
    rows = [("year", f"{year - 1}-{year} School Year", "schoolYear", edges[0], edges[4], "")]
    for half, name in enumerate(("Fall", "Spring")):
        span = edges[2 * half], edges[2 * half + 2]
        rows.append((f"s{half + 1}", f"{name} Semester", "semester", *span, "year"))
    for quarter in range(QUARTERS):
        span, parent = (edges[quarter], edges[quarter + 1]), f"s{quarter // 2 + 1}"
        rows.append((f"q{quarter + 1}", f"Quarter {quarter + 1}", "gradingPeriod", *span, parent))
    for part, title, kind, first, end, parent in rows:
        above = session_id(world, parent) if parent else ""
        yield (session_id(world, part), *MODIFIED, title, kind, first, end, above, year)


def _courses(world: World) -> Iterator[Row]:
    taught = {c.grade for section in world.timetable.sections for c in section.classes}
    for grade in sorted(taught):
        for subject in ("", *subjects_of(grade)):
            course = course_id(grade, subject=subject)
            title, code = SUBJECTS.get(subject, ("", ""))
            yield (
                course, *MODIFIED, session_id(world, "year"), course_title(grade, subject=subject),
                course.removeprefix("crs-").upper(), GRADES[grade], DISTRICT_ID, title, code,
            )  # fmt: skip


def _classes(world: World) -> Iterator[Row]:
    terms = f"{session_id(world, 's1')},{session_id(world, 's2')}"
    for section in world.timetable.sections:
        for taught in section.classes:
            title, code = SUBJECTS.get(taught.subject, ("", ""))
            kind = "scheduled" if taught.subject else "homeroom"
            room = f"{100 + section.homeroom.number % 90}"
            yield (
                taught.sourced_id, *MODIFIED, taught.title, GRADES[taught.grade],
                taught.course_id, taught.code, kind, room, world.schools[taught.school].sourced_id,
                terms, title, code, taught.period + 1,
            )  # fmt: skip


def _users(world: World) -> Iterator[Row]:
    for student in world.arrived:
        yield _student_user(world, student=student)
    yield from _guardian_users(world)
    for teacher in world.timetable.teachers:
        school = world.schools[teacher.school].sourced_id
        names = teacher.given_name, teacher.family_name
        yield _staff_user(teacher.sourced_id, role="teacher", school=school, names=names)
    for person in assignments(world):
        if person.role == PRINCIPAL:
            school = world.schools[person.school].sourced_id
            names = person.given_name, person.family_name
            yield _staff_user(person.staff_id, role="administrator", school=school, names=names)


def _student_user(world: World, *, student: Student) -> Row:
    spell = _current_spell(world, student=student)
    has_left = _end_known(world, last=spell.last)
    agents = ",".join(guardian.sourced_id for guardian in student.family.guardians)
    return (
        student.sourced_id, *MODIFIED, "false" if has_left else "true",
        world.schools[spell.school].sourced_id, "student", student.sourced_id,
        f"{{state:{student.state_id}}}", student.given_name, student.family.family_name,
        student.middle_name, student.identifier, f"{student.sourced_id}@students.example", "", "",
        agents, student.grade_code, "",
    )  # fmt: skip


def _current_spell(world: World, *, student: Student) -> Spell:
    """The latest stay that has begun."""
    return [spell for spell in student.spells if world.happened(spell.first)][-1]


def _guardian_users(world: World) -> Iterator[Row]:
    # A family is a run of children; dict keeps its order.
    families: dict[str, list[Student]] = {}
    for student in world.arrived:
        families.setdefault(student.family.key, []).append(student)
    for children in families.values():
        spells = [_current_spell(world, student=child) for child in children]
        schools = dict.fromkeys(world.schools[spell.school].sourced_id for spell in spells)
        is_reachable = _is_reachable(world, family=children[0].family)
        phone = f"(860) 555-01{_two_digits(children[0].family.key):02d}" if is_reachable else ""
        for guardian in children[0].family.guardians:
            yield (
                guardian.sourced_id, *MODIFIED, "true", ",".join(schools), "guardian",
                guardian.sourced_id, "", guardian.given_name, guardian.family_name, "", "",
                f"{guardian.sourced_id}@families.example" if is_reachable else "", "", phone,
                ",".join(child.sourced_id for child in children), "", "",
            )  # fmt: skip


def _is_reachable(world: World, *, family: Family) -> bool:
    return world.chance("reachable", family.key).random() > UNREACHABLE_SHARE


def _two_digits(key: str) -> int:
    return sum(ord(letter) * (place + 1) for place, letter in enumerate(key)) % 100


def _staff_user(sourced_id: str, *, role: str, school: str, names: tuple[str, str]) -> Row:
    return (
        sourced_id, *MODIFIED, "true", school, role, sourced_id, "", *names, "", "",
        f"{sourced_id}@staff.example", "", "", "", "", "",
    )  # fmt: skip


def _enrollments(world: World) -> Iterator[Row]:
    for section in world.timetable.sections:
        for taught in section.classes:
            yield (
                f"enr-t-{taught.number:07d}", *MODIFIED, taught.sourced_id,
                world.schools[taught.school].sourced_id, taught.teacher.sourced_id, "teacher",
                "true", world.year.words[0], "",
            )  # fmt: skip
    for student in world.arrived:
        yield from _student_enrollments(world, student=student)


def _student_enrollments(world: World, *, student: Student) -> Iterator[Row]:
    number = 0
    for place, spell in enumerate(student.spells):
        for taught in world.timetable.section(student, spell=place).classes:
            number += 1
            if not world.happened(spell.first):
                continue
            yield (
                f"enr-{student.key}-{number:02d}", *MODIFIED, taught.sourced_id,
                world.schools[spell.school].sourced_id, student.sourced_id, "student", "",
                world.year.words[spell.first], _end_date(world, taught=taught, last=spell.last),
            )  # fmt: skip


def _end_date(world: World, *, taught: SchoolClass, last: int) -> str:
    """Exclusive. Open homerooms have no end; scheduled classes end with the year."""
    if _end_known(world, last=last):
        return world.year.words[last]
    return "" if not taught.subject else (world.year.days[-1] + DAY).isoformat()


def _end_known(world: World, *, last: int) -> bool:
    return last < len(world.year) and world.happened(last)


def _demographics(world: World) -> Iterator[Row]:
    for student in world.arrived:
        family = student.family
        flags = ["true" if family.race == race else "false" for race in RACE_FLAGS]
        yield (
            student.sourced_id, *MODIFIED, student.birth_date, student.sex, *flags,
            "true" if family.is_hispanic else "false", "", "", "", "01652",
            "Spanish" if family.is_spanish else "English",
        )  # fmt: skip
