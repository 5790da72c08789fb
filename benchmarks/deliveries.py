"""The files that are measured: an invented district, and attendance of every student's every day.

The district comes from `wraparound district make`. Its attendance is negative (only absences),
so a file with one row per student and day is written here: that is what fills a database.
"""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from random import Random

from wraparound.district import DistrictPlan, make_district

HEADER = (
    "studentUniqueId,schoolId,eventDate,attendanceEventCategoryDescriptor,"
    "attendanceEventReason,eventDuration\n"
)
# Shares of days, near those of a district with 6 % absence.
OUTCOMES = (("In Attendance", 0.925), ("Unexcused Absence", 0.955), ("Excused Absence", 0.98))
OTHERWISE = "Tardy"
CORRECTED = {"Unexcused Absence": "Excused Absence"}
HELD = ("Instructional day", "Make-up day")
SCHOOL_YEAR, THROUGH = 2026, date(2026, 6, 30)
# One line in so many is broken, in each of the files with errors.
BAD_EVERY = {"bad": 1_000, "worse": 20}
KINDS = ("full", *BAD_EVERY, "delta", "resent")
SATURDAY = 5


@dataclass(frozen=True)
class Size:
    """Schools, students and school days of a measurement; `runs` is how often each is made."""

    schools: int
    students: int
    days: int
    runs: int


SIZES = {
    "xs": Size(2, 60, 10, 1),
    "s": Size(4, 1_200, 60, 3),
    "m": Size(40, 20_000, 178, 3),
    "l": Size(400, 200_000, 178, 1),
}


@dataclass(frozen=True)
class Deliveries:
    """The folder of a size's files, how many rows each attendance file holds, and the day that
    the delta adds."""

    folder: Path
    rows: dict[str, int]
    as_of: str

    def attendance(self, which: str) -> Path:
        """The attendance file: full, bad, worse, delta or resent."""
        return self.folder / which / "attendance.csv"

    def tiny(self, count: int) -> Path:
        """A folder of attendance files of one row each, the first of the full file."""
        folder = self.folder / "tiny"
        with self.attendance("full").open(encoding="utf-8") as stream:
            header = next(stream)
            for number, line in enumerate(islice(stream, count)):
                path = folder / f"{number:05d}" / "attendance.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(header + line, encoding="utf-8")
        return folder

    @property
    def absences(self) -> Path:
        """The district's own attendance: its absences only."""
        return self.folder / "district" / "attendance.csv"

    def history(self, days: int) -> Path:
        """An attendance file of every student's so many school days before the delta's day."""
        path = self.folder / f"history-{days}" / "attendance.csv"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            students = list(_students(self.folder / "district" / "roster.zip"))
            chance = Random(days)
            with path.open("w", encoding="utf-8", newline="") as file:
                file.write(HEADER)
                for day in _weekdays_before(date.fromisoformat(self.as_of), days):
                    file.writelines(f"{who},{day},{_outcome(chance)},,\n" for who in students)
        return path

    @property
    def others(self) -> list[Path]:
        """Every feed but attendance."""
        files = sorted((self.folder / "district").iterdir())
        return [file for file in files if file.name != "attendance.csv"]

    @property
    def roster(self) -> list[Path]:
        """What attendance needs to be in force first."""
        return [self.folder / "district" / name for name in ("roster.zip", "calendar.csv")]


def make_deliveries(size: Size, folder: Path) -> Deliveries:
    """Write the files of a size, unless they are there from before."""
    done = folder / "rows.json"
    if done.exists():
        known = json.loads(done.read_text())
        if known["size"] == asdict(size) and set(known["rows"]) == set(KINDS):
            return Deliveries(folder, known["rows"], known["as_of"])
    plan = DistrictPlan(
        schools=size.schools,
        students=size.students,
        seed=1,
        school_year=SCHOOL_YEAR,
        through=THROUGH,
    )
    make_district(plan, folder / "district")
    held = _days(folder / "district" / "calendar.csv")[: size.days + 1]
    rows = _write_attendance(folder, held=held)
    done.write_text(json.dumps({"size": asdict(size), "rows": rows, "as_of": held[-1]}))
    return Deliveries(folder, rows, held[-1])


def _write_attendance(folder: Path, *, held: list[str]) -> dict[str, int]:
    """full; bad: 0.1 % of it broken; worse: 5 % of it; delta: a new day and corrections, together
    1 %; resent: the full file with the delta's changes in it, as school systems send it."""
    students = list(_students(folder / "district" / "roster.zip"))
    *days, new_day = held
    total = len(students) * len(days)
    chance = Random(7)
    picked = set(chance.sample(range(total), max(total // 100 - len(students), total // 200)))
    files = {}
    for which in KINDS:
        path = folder / which / "attendance.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        files[which] = path.open("w", encoding="utf-8", newline="")
        files[which].write(HEADER)
    number = 0
    for day in days:
        lines = [f"{who},{day},{_outcome(chance)}" for who in students]
        files["full"].writelines(f"{line},,\n" for line in lines)
        for line in lines:
            corrected = _corrected(line)
            for which, every in BAD_EVERY.items():
                is_bad = number % every == every - 1
                files[which].write(_broken(line, number // every) if is_bad else f"{line},,\n")
            files["resent"].write(f"{corrected if number in picked else line},,\n")
            if number in picked:
                files["delta"].write(f"{corrected},,\n")
            number += 1
    for who in students:
        line = f"{who},{new_day},{_outcome(chance)},,\n"
        files["delta"].write(line)
        files["resent"].write(line)
    for file in files.values():
        file.close()
    delta = len(picked) + len(students)
    same = dict.fromkeys(("full", *BAD_EVERY), total)
    return same | {"delta": delta, "resent": total + len(students)}


def _weekdays_before(day: date, count: int) -> list[str]:
    """So many days of school weeks before a day, oldest first; earlier years count as well."""
    found: list[str] = []
    while len(found) < count:
        day -= timedelta(days=1)
        if day.weekday() < SATURDAY:
            found.append(day.isoformat())
    return found[::-1]


def _outcome(chance: Random) -> str:
    drawn = chance.random()
    return next((word for word, share in OUTCOMES if drawn < share), OTHERWISE)


def _corrected(line: str) -> str:
    start, _, code = line.rpartition(",")
    return f"{start},{CORRECTED.get(code, 'Unexcused Absence')}"


def _broken(line: str, number: int) -> str:
    """A line that breaks one rule of the contract: date, number, code or an empty key."""
    student, school, day, code = line.split(",")
    kind = number % 4
    if kind == 0:
        return f"{student},{school},2025-13-45,{code},,\n"
    if kind == 1:
        return f"{line},,n/a\n"
    if kind == 2:
        return f"{student},{school},{day},ZZ,,\n"
    return f",{school},{day},{code},,\n"


def _students(roster: Path) -> Iterator[str]:
    """Each student with the first of their schools, as the beginning of a line."""
    with zipfile.ZipFile(roster) as packed, packed.open("users.csv") as stream:
        for row in csv.DictReader(io.TextIOWrapper(stream, encoding="utf-8", newline="")):
            if row["role"] == "student":
                yield f"{row['sourcedId']},{row['orgSourcedIds'].split(',')[0]}"


def _days(calendar: Path) -> list[str]:
    with calendar.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream)
        return sorted({r["date"] for r in rows if r["calendarEventDescriptor"] in HELD})
