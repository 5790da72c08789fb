"""What is asked of the generator, and what it tells afterwards."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

FEEDS = (
    "roster",
    "grades",
    "calendar",
    "attendance",
    "discipline",
    "providers",
    "service_events",
    "consents",
    "reviews",
    "staff",
    "assessments",
    "programs",
    "plans",
    "surveys",
    "transcripts",
    "competencies",
    "health",
    "inquiry_cycles",
)
MINIMUM_STUDENTS = 12


@dataclass(frozen=True)
class DistrictPlan:
    """Size, seed and dates of a synthetic district.

    ``students`` counts every child of the year, canaries, late entries and leavers
    included. ``school_year`` is the year it ends. With ``since``, attendance, discipline
    and service events hold what became known after that date, corrections of older days
    included. Raises ValueError where the plan makes no sense.
    """

    schools: int
    students: int
    seed: int
    school_year: int
    through: date
    defects: tuple[str, ...] = ()
    since: date | None = None
    only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.schools < 1:
            raise ValueError("A district needs at least one school.")
        if self.students < MINIMUM_STUDENTS:
            raise ValueError(f"A district needs at least {MINIMUM_STUDENTS} students.")
        if self.since is not None and self.since > self.through:
            raise ValueError("'since' lies after 'through'.")
        unknown = [feed for feed in self.only if feed not in FEEDS]
        if unknown:
            raise ValueError(f"Unknown feed {unknown[0]!r}; one of {', '.join(FEEDS)}.")

    @property
    def feeds(self) -> tuple[str, ...]:
        """The feeds to write, in the order in which they are written."""
        return tuple(feed for feed in FEEDS if not self.only or feed in self.only)


@dataclass(frozen=True)
class FileReport:
    """One delivered file: its rows by member, as generated, before any defect."""

    feed: str
    file_name: str
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def row_count(self) -> int:
        """Rows of all members, headers not counted."""
        return sum(self.rows.values())


@dataclass(frozen=True)
class DistrictReport:
    """What was written where."""

    out_dir: Path
    files: tuple[FileReport, ...]
    school_count: int
    student_count: int
    instructional_day_count: int
    defects: tuple[str, ...] = ()

    @property
    def row_count(self) -> int:
        """Rows of all files."""
        return sum(file.row_count for file in self.files)
