"""Small hand-made feeds of invented people, as files in the form in which they are delivered."""

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ATTENDANCE = (
    "studentUniqueId,schoolId,eventDate,attendanceEventCategoryDescriptor,"
    "attendanceEventReason,eventDuration"
)
UNEXCUSED, EXCUSED, TARDY = "Unexcused Absence", "Excused Absence", "Tardy"
BASE = "sourcedId,status,dateLastModified,"
ORGS = BASE + "name,type,identifier,parentSourcedId"
SESSIONS = BASE + "title,type,startDate,endDate,parentSourcedId,schoolYear"
COURSES = BASE + "schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects,subjectCodes"
CLASSES = (
    BASE + "title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,"
    "termSourcedIds,subjects,subjectCodes,periods"
)
USERS = (
    BASE + "enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,middleName,"
    "identifier,email,sms,phone,agentSourcedIds,grades,password"
)
ENROLLMENTS = BASE + "classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate"
DEMOGRAPHICS = (
    BASE + "birthDate,sex,americanIndianOrAlaskaNative,asian,blackOrAfricanAmerican,"
    "nativeHawaiianOrOtherPacificIslander,white,demographicRaceTwoOrMoreRaces,"
    "hispanicOrLatinoEthnicity"
)
BULK_FILES = ("orgs", "academicSessions", "courses", "classes", "users", "enrollments")
ABSENT_FILES = (
    "categories",
    "classResources",
    "courseResources",
    "lineItems",
    "resources",
    "results",
)
TREES = ("Alder", "Birch", "Cedar", "Damson", "Elder", "Fir", "Ginkgo", "Hazel", "Ivy", "Juniper")


def csv_bytes(header: str, rows: Iterable[Sequence[object]], *, newline: str = "\n") -> bytes:
    """A CSV file: a header line, and rows."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=newline)
    text.write(header + newline)
    writer.writerows(rows)
    return text.getvalue().encode()


def a_file(folder: Path, name: str, content: bytes | str) -> Path:
    """Write a file into a folder that is made for it, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def a_zip(folder: Path, name: str, members: Mapping[str | zipfile.ZipInfo, bytes]) -> Path:
    """Write a zip with these members, the same bytes each time."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for member, content in members.items():
            entry = member if isinstance(member, zipfile.ZipInfo) else zipfile.ZipInfo(member)
            packed.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return path


@dataclass(frozen=True)
class Child:
    """A student of one school, with the ids that other feeds may use."""

    name: str
    school: str = "T-S1"
    grade: str = "03"

    @property
    def id(self) -> str:
        """The sourcedId."""
        return f"T-{self.name}"

    @property
    def identifier(self) -> str:
        """The district's number."""
        return f"9{sum(map(ord, self.name)):04d}"


def children(count: int, *, school: str = "T-S1", prefix: str = "") -> tuple[Child, ...]:
    """So many students of a school: Alder1, Birch2, …"""
    return tuple(
        Child(f"{prefix}{TREES[i % len(TREES)]}{i + 1}", school=school) for i in range(count)
    )


@dataclass(frozen=True)
class Roster:
    """A OneRoster 1.1 bulk package of a few schools and children."""

    students: tuple[Child, ...]
    school_year: int = 2027
    mode: str = "bulk"
    statuses: Mapping[str, str] = field(default_factory=dict)
    modified: str = "2026-09-01T00:00:00.000Z"

    @property
    def schools(self) -> list[str]:
        return sorted({child.school for child in self.students})

    def members(self) -> dict[str, bytes]:
        """The files of the package."""
        begin, end = f"{self.school_year - 1}-08-31", f"{self.school_year}-06-20"
        year = str(self.school_year)
        orgs = [["T-D", *self._stamp("T-D"), "Grove", "district", "", ""]]
        orgs += [
            [s, *self._stamp(s), f"School {s}", "school", f"N{s}", "T-D"] for s in self.schools
        ]
        sessions = [
            [f"T-Y{year}", *self._stamp(""), year, "schoolYear", begin, end, "", year],
        ]
        courses = [["T-C", *self._stamp(""), f"T-Y{year}", "Homeroom", "HR", "", "T-D", "", ""]]
        classes = [
            [f"{s}-HR", *self._stamp(""), f"Homeroom {s}", "03", "T-C", "HR", "homeroom", "", s]
            for s in self.schools
        ]
        for row in classes:
            row += [f"T-Y{year}", "", "", "1"]
        enrollments = [
            [f"{c.id}-E", *self._stamp(c.id), f"{c.school}-HR", c.school, c.id, "student", "false"]
            for c in self.students
        ]
        for row in enrollments:
            row += [begin, end]
        demographics = [
            [c.id, *self._stamp(c.id), "2017-04-01", "female", *["false"] * 7]
            for c in self.students
        ]
        return {
            "manifest.csv": self.manifest(),
            "orgs.csv": csv_bytes(ORGS, orgs),
            "academicSessions.csv": csv_bytes(SESSIONS, sessions),
            "courses.csv": csv_bytes(COURSES, courses),
            "classes.csv": csv_bytes(CLASSES, classes),
            "users.csv": csv_bytes(USERS, map(self.user, self.students)),
            "enrollments.csv": csv_bytes(ENROLLMENTS, enrollments),
            "demographics.csv": csv_bytes(DEMOGRAPHICS, demographics),
        }

    def user(self, child: Child) -> list[str]:
        """The row of one student in users.csv."""
        return [
            *(child.id, *self._stamp(child.id), "true", child.school, "student", child.id.lower()),
            *(f"{{State:S{child.identifier}}}", child.name, "Grove", "", child.identifier),
            *("", "", "", "", child.grade, ""),
        ]

    def manifest(self, **modes: str) -> bytes:
        """manifest.csv, which names every file of the standard."""
        listed = dict.fromkeys((*BULK_FILES, "demographics"), self.mode)
        listed |= dict.fromkeys(ABSENT_FILES, "absent")
        rows = [["manifest.version", "1.0"], ["oneroster.version", "1.1"]]
        rows += [[f"file.{name}", mode] for name, mode in (listed | modes).items()]
        return csv_bytes("propertyName,value", rows)

    def write(self, folder: Path, name: str = "roster.zip") -> Path:
        """Write the package as a zip."""
        return a_zip(folder, name, self.members())

    def _stamp(self, record: str) -> list[str]:
        if self.mode == "bulk":
            return [self.statuses.get(record, ""), ""]
        return [self.statuses.get(record, "active"), self.modified]


def attendance(
    folder: Path, rows: Iterable[Sequence[object]], *, name: str = "attendance.csv"
) -> Path:
    """An attendance file: (student, school, day, category) and, where given, reason and share."""
    full = [[*row, *[""] * (6 - len(row))] for row in rows]
    return a_file(folder, name, csv_bytes(ATTENDANCE, full))


def with_member(
    members: Mapping[str, bytes], name: str, *, change: tuple[str, str]
) -> dict[str, bytes]:
    """A package in which a text of one member is replaced by another."""
    old, new = change
    text = members[name].decode()
    assert old in text, f"{name} does not hold what is to be replaced"
    return {**members, name: text.replace(old, new).encode()}
