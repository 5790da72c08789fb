"""The files that are measured: an invented district, and attendance of every student's every day.

The district comes from `wraparound district make`. Its attendance is negative (only absences),
so a file with one row per student and day is written here: that is what fills a database.
"""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
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
    the delta adds. A large file is made when it is first asked for."""

    folder: Path
    rows: dict[str, int]
    as_of: str

    def attendance(self, which: str) -> Path:
        """The attendance file: full; bad: 0.1 % of it broken; worse: 5 % of it; delta: a new day
        and corrections, together 1 %; resent: the full file with the delta's changes in it."""
        path = self.folder / which / "attendance.csv"
        return _made(path, lambda: self._attendance(which))

    def _attendance(self, which: str) -> Iterator[str]:
        """Lines of one file; all of them are drawn from the same year."""
        students = list(_students(self.folder / "district" / "roster.zip"))
        total = self.rows["full"]
        days = _days(self.folder / "district" / "calendar.csv")[: total // len(students)]
        chance = Random(7)
        picked = set(chance.sample(range(total), self.rows["delta"] - len(students)))
        year = (f"{who},{day},{_outcome(chance)}" for day in days for who in students)
        for number, line in enumerate(year):
            found = _line_of(which, line, number, is_picked=number in picked)
            if found:
                yield found
        if which in ("delta", "resent"):
            yield from (f"{who},{self.as_of},{_outcome(chance)},,\n" for who in students)

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

    def correction(self, number: int) -> Path:
        """The delta's rows once more, with other outcomes for each number."""
        chance = Random(number)
        with self.attendance("delta").open(encoding="utf-8") as delta:
            keys = [",".join(line.split(",")[:3]) for line in islice(delta, 1, None)]
        return _made(
            self.folder / f"correction-{number}" / "attendance.csv",
            lambda: (f"{key},{_outcome(chance)},,\n" for key in keys),
        )

    @property
    def absences(self) -> Path:
        """The district's own attendance: its absences only."""
        return self.folder / "district" / "attendance.csv"

    def history(self, days: int) -> Path:
        """An attendance file of every student's so many school days before the delta's day."""
        students = list(_students(self.folder / "district" / "roster.zip"))
        chance = Random(days)
        held = _weekdays_before(date.fromisoformat(self.as_of), days)
        return _made(
            self.folder / f"history-{days}" / "attendance.csv",
            lambda: (f"{who},{day},{_outcome(chance)},,\n" for day in held for who in students),
        )

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
    students = sum(1 for _ in _students(folder / "district" / "roster.zip"))
    rows = _counted(students, days=len(held) - 1)
    done.write_text(json.dumps({"size": asdict(size), "rows": rows, "as_of": held[-1]}))
    return Deliveries(folder, rows, held[-1])


def _counted(students: int, *, days: int) -> dict[str, int]:
    """How many rows each attendance file has."""
    total = students * days
    corrected = max(total // 100 - students, total // 200)
    same = dict.fromkeys(("full", *BAD_EVERY), total)
    return same | {"delta": corrected + students, "resent": total + students}


def _made(path: Path, lines: Callable[[], Iterable[str]]) -> Path:
    """An attendance file, written unless it is there; what is cut short is no file."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        begun = path.with_suffix(".begun")
        with begun.open("w", encoding="utf-8", newline="") as file:
            file.write(HEADER)
            file.writelines(lines())
        begun.rename(path)
    return path


def _line_of(which: str, line: str, number: int, *, is_picked: bool) -> str:
    """What a line of the year is in a file; nothing where it does not stand there."""
    if which in BAD_EVERY and number % BAD_EVERY[which] == BAD_EVERY[which] - 1:
        return _broken(line, number // BAD_EVERY[which])
    if which == "delta" and not is_picked:
        return ""
    if which in ("delta", "resent") and is_picked:
        line = _corrected(line)
    return f"{line},,\n"


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
