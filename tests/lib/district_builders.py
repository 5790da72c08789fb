"""Builders for tests that need a small synthetic district and want to read its files."""

import csv
import hashlib
import io
import zipfile
from datetime import date
from pathlib import Path

from wraparound.district import DistrictPlan, make_district

Records = list[dict[str, str]]


def a_plan(**changes) -> DistrictPlan:
    """A district of 3 schools and 90 students in the middle of a school year."""
    values = {
        "schools": 3,
        "students": 90,
        "seed": 11,
        "school_year": 2026,
        "through": date(2026, 3, 20),
    }
    return DistrictPlan(**(values | changes))


def a_district(folder: Path, **changes) -> Path:
    """The folder in which a district of that plan was written."""
    make_district(a_plan(**changes), folder)
    return folder


def records(path: Path, member: str | None = None) -> Records:
    """The rows of a CSV file, or of a CSV member of a zip, by header."""
    if member is None:
        content = path.read_bytes()
    else:
        with zipfile.ZipFile(path) as folder:
            content = folder.read(member)
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a folder, by name."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }
