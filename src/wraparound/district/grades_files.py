"""grades.zip: OneRoster gradebook files over the classes of the roster."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from wraparound.district.classes import SchoolClass
from wraparound.district.oneroster import HEADERS, MANIFEST_HEADER, MODIFIED, manifest_rows
from wraparound.district.people import Student
from wraparound.district.roster_files import quarter_of, session_id
from wraparound.district.world import World
from wraparound.district.writing import Row, ZipFolder

CATEGORIES = (
    ("cat-classwork", "Classwork"),
    ("cat-homework", "Homework"),
    ("cat-assessment", "Assessment"),
)
# (title, category, due day): six pieces of work for each class, the year over.
WORK = (
    ("Unit 1 classwork", 0, 14),
    ("Unit 1 test", 2, 38),
    ("Fall homework", 1, 66),
    ("Midyear test", 2, 88),
    ("Winter project", 0, 122),
    ("Spring test", 2, 158),
)
ASSIGNED_BEFORE, SCORED_AFTER = 7, 3
MEAN_SCORE = 80.0
MISSING_LIMIT = 0.14


def write_grades(world: World, path: Path) -> dict[str, int]:
    """Write the package; rows by member. Files without rows are absent, as the standard asks."""
    tables = {"categories": _categories()}
    if world.happened(WORK[0][2] - ASSIGNED_BEFORE):
        tables["lineItems"] = _line_items(world)
    if world.happened(WORK[0][2] + SCORED_AFTER):
        tables["results"] = _results(world)
    with ZipFolder(path) as folder:
        folder.add_csv("manifest.csv", header=MANIFEST_HEADER, rows=manifest_rows(tables))
        return {
            f"{name}.csv": folder.add_csv(f"{name}.csv", header=HEADERS[name], rows=rows)
            for name, rows in tables.items()
        }


def _categories() -> Iterator[Row]:
    for sourced_id, title in CATEGORIES:
        yield (sourced_id, *MODIFIED, title)


def _line_items(world: World) -> Iterator[Row]:
    for section in world.timetable.sections:
        for taught in section.scheduled:
            for number, (title, category, due) in enumerate(WORK, start=1):
                assigned = due - ASSIGNED_BEFORE
                if world.happened(assigned):
                    yield (
                        _line_item_id(taught, number=number), *MODIFIED, title, "",
                        world.year.words[assigned], world.year.words[due], taught.sourced_id,
                        CATEGORIES[category][0],
                        session_id(world, f"q{quarter_of(world, day=due) + 1}"), 0, 100,
                    )  # fmt: skip


def _line_item_id(taught: SchoolClass, *, number: int) -> str:
    return f"lin-{taught.number:07d}-{number}"


def _results(world: World) -> Iterator[Row]:
    for student in world.students:
        yield from _student_results(world, student=student)


def _student_results(world: World, *, student: Student) -> Iterator[Row]:
    rng = world.chance("scores", student.sourced_id)
    count = 0
    for place, spell in enumerate(student.spells):
        for taught in world.timetable.section(student, spell=place).scheduled:
            bent = rng.gauss(0.0, 4.0)
            for number, (_, _, due) in enumerate(WORK, start=1):
                status, score = _score(student, bent=bent, rng=rng)
                count += 1
                scored = due + SCORED_AFTER
                if spell.covers(due) and world.happened(scored):
                    yield (
                        f"res-{student.key}-{count:03d}", *MODIFIED,
                        _line_item_id(taught, number=number), student.sourced_id, status, score,
                        world.year.words[scored], "",
                    )  # fmt: skip


def _score(student: Student, *, bent: float, rng: Random) -> tuple[str, int]:
    """Status and score from 0 to 100; work not handed in counts nothing."""
    traits = student.traits
    missing = min(MISSING_LIMIT, max(0.005, 0.03 - 0.025 * traits.engagement))
    roll, luck = rng.random(), rng.gauss(0.0, 6.0)
    if roll < missing:
        return "not submitted", 0
    mean = MEAN_SCORE - 8.0 * traits.academics + 3.0 * traits.engagement - 1.5 * traits.attendance
    return "fully graded", round(max(5.0, min(100.0, mean + bent + luck)))
