"""Ed-Fi resources of invented people, as an API's extract delivers them."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

SCHOOL_ID = 910


def named(kind: str, value: str) -> str:
    """A descriptor with its namespace."""
    return f"uri://ed-fi.org/{kind}Descriptor#{value}"


def school(number: int = SCHOOL_ID, **words: Any) -> dict[str, Any]:
    """A school."""
    return {"id": f"school-{number}", "schoolId": number, "nameOfInstitution": "Oak"} | words


def student(tree: str, **words: Any) -> dict[str, Any]:
    """A student."""
    return {
        "id": f"student-{tree}",
        "studentUniqueId": f"T-{tree}",
        "firstName": tree,
        "lastSurname": "Grove",
        "birthDate": "2015-04-01",
    } | words


def stay(
    tree: str, *, at: int = SCHOOL_ID, begins: str = "2026-08-31", **words: Any
) -> dict[str, Any]:
    """A stay of a student at a school."""
    return {
        "id": f"stay-{tree}-{at}-{begins}",
        "studentReference": {"studentUniqueId": f"T-{tree}"},
        "schoolReference": {"schoolId": at, "link": {"href": "/schools/of-nobody"}},
        "entryDate": begins,
        "entryGradeLevelDescriptor": named("GradeLevel", "Fourth grade"),
    } | words


def absence(tree: str, day: str, kind: str = "Unexcused Absence", **words: Any) -> dict[str, Any]:
    """An attendance event of a day."""
    return {
        "id": f"event-{tree}-{day}-{kind}",
        "studentReference": {"studentUniqueId": f"T-{tree}"},
        "schoolReference": {"schoolId": SCHOOL_ID},
        "eventDate": day,
        "attendanceEventCategoryDescriptor": named("AttendanceEventCategory", kind),
    } | words


def school_day(day: str, *events: str) -> dict[str, Any]:
    """A day of a school's calendar."""
    return {
        "id": f"day-{day}",
        "date": day,
        "calendarReference": {"calendarCode": "A", "schoolId": SCHOOL_ID, "schoolYear": 2027},
        "calendarEvents": [{"calendarEventDescriptor": named("CalendarEvent", e)} for e in events],
    }


def an_extract(
    folder: Path,
    records: Mapping[str, Iterable[Mapping[str, Any]]],
    *,
    day: str = "2026-09-01",
    kind: str = "upserts",
    name: str = "page",
) -> Path:
    """Write resources as the tree of an extract, one record a line, and return its root."""
    for resource, found in records.items():
        place = folder / resource / "incremental" / kind / f"rundate={day}"
        place.mkdir(parents=True, exist_ok=True)
        lines = "\r\n".join(json.dumps(record) for record in found)
        (place / f"{name}.json").write_bytes(b"\xef\xbb\xbf" + lines.encode())
    return folder
