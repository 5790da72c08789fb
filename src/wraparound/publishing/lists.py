"""The lists that people read: one page and one workbook per school, from one release.

The rows come in as they stand in the release tables (columns of the reports); here they
become frozen objects, cleaned and ordered, and go out as `index.html` and `list.xlsx`.
"""

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar, cast

from wraparound.errors import ReleaseMissing
from wraparound.publishing.pages import (
    first_letter,
    render_index_page,
    render_nights_page,
    render_school_page,
)
from wraparound.publishing.standings import Found
from wraparound.publishing.words import DEFAULT_LANGUAGE, folded
from wraparound.publishing.workbooks import write_workbook

PAGE_NAME = "index.html"
WORKBOOK_NAME = "list.xlsx"
NIGHTS_NAME = "nights.html"

Row = Mapping[str, Any]
Made = TypeVar("Made")


@dataclass(frozen=True)
class Feed:
    """How far one feed reaches; dates are None where it never arrived."""

    feed: str
    data_through: date | None
    last_loaded_on: date | None
    is_stale: bool
    note: str
    note_day: date | None


@dataclass(frozen=True)
class School:
    """The head of a list: one school, one school day, counts."""

    school_key: int
    school_source_id: str
    school_name: str
    as_of_date: date
    student_count: int
    class_count: int
    reviewed_count: int
    review_season: str | None
    feeds: tuple[Feed, ...]


@dataclass(frozen=True)
class TodayItem:
    """One line of the first section: new, overdue, changed or good news."""

    student_key: int
    item_kind: str
    student_name: str
    item_text: str
    item_date: date | None
    sort_order: int


# Many children share one: what was said of it is found again by which one it is.
@dataclass(frozen=True, eq=False)
class Signal:
    """One strength, need or context with the rule that found it and the day it speaks of."""

    rule_id: str
    rule_version: str
    kind: str
    level: str | None
    wording: str
    value: float | str | None
    threshold: float | str | None
    comparison: str | None
    as_of: date
    source_feed: str | None
    data_through: date | None


# What a reader is told of a change: entered, gone, changed in itself, moved by others, same.
CHURN_WORDS = {
    "entered": "entered",
    "left": "gone",
    "state": "changed",
    "level": "changed",
    "moved_up": "moved",
    "moved_down": "moved",
    "unchanged": "same",
}


# A school's referrals name the same few: what was said of one is found again by which it is.
@dataclass(frozen=True, eq=False)
class Service:
    """A service that fits a need, with what is known of it and its places for this child.

    Ages are whole or broken years, distances kilometres. `line_number` is the child's place among
    those who ask. `reason` says why it fits on a list from before these were told apart.
    """

    service_id: str
    service_name: str
    organization_name: str | None
    category: str | None
    schedule: str | None
    places_free: int | None
    capacity_state: str
    line_number: int | None
    waiting_count: int | None
    distance_km: float | None
    area: str | None
    documents: str | None
    cost: str | None
    is_free: bool | None
    minimum_age: float | None
    maximum_age: float | None
    is_age_known: bool | None
    is_interest: bool | None
    answers: str | None
    languages: str | None
    access: str | None
    reason: str | None


@dataclass(frozen=True)
class Decision:
    """What somebody decided about a need on an earlier list, and whether it counts."""

    decision: str
    reason: str | None
    decided_by: str
    decided_on: date | None
    list_of: date | None
    outcome: str


@dataclass(frozen=True)
class Referral:
    """One open need in its place in the school's queue."""

    student_key: int
    student_source_id: str
    referral_rank: int
    student_name: str
    grade_level: str | None
    need_id: str
    rule_id: str
    rule_version: str
    domain: str
    level: str
    wording: str
    evidence: tuple[Signal, ...]
    services: tuple[Service, ...]
    state: str
    next_step: str
    due_date: date | None
    owner: str | None
    consent_status: str
    opened_date: date | None
    age_days: int | None
    days_in_state: int | None
    is_overdue: bool
    is_new: bool
    priority: tuple[tuple[str, str], ...]
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True)
class Profile:
    """One student in one of the four domains."""

    student_key: int
    domain: str
    level: str
    strengths: tuple[Signal, ...]
    needs: tuple[Signal, ...]
    context: tuple[Signal, ...]
    is_held: bool


@dataclass(frozen=True)
class Week:
    """The attended share (0 to 1) of one school week, None where there was no day."""

    week_of: date
    share: float | None


@dataclass(frozen=True)
class Student:
    """One child on the list; rates are shares of days, 0 to 1."""

    student_key: int
    student_source_id: str
    student_name: str
    sort_name: str
    grade_level: str | None
    homeroom: str | None
    home_language: str | None
    age_years: int | None
    days_enrolled: int | None
    days_absent: float | None
    absence_rate: float | None
    attendance_band: str | None
    is_chronically_absent: bool | None
    has_sufficient_days: bool | None
    weekly_attendance: tuple[Week, ...]
    suggested_tier: str | None
    suggested_tier_reasons: tuple[str, ...]
    decided_tier: str | None
    decided_on: date | None
    decided_by: str | None
    last_year_tier: str | None
    tier_difference: str | None
    strengths_summary: str | None
    services_active_count: int
    services_waiting_count: int
    open_need_count: int
    is_held: bool
    is_in_question: bool


@dataclass(frozen=True)
class ClassRow:
    """One student in one class of the whole class review."""

    student_key: int
    student_source_id: str
    class_key: str
    class_title: str
    teacher_names: str | None
    student_name: str
    sort_name: str
    grade_level: str | None
    review_season: str | None
    is_reviewed: bool
    reviewed_on: date | None
    decided_tier: str | None


@dataclass(frozen=True)
class ReviewDue:
    """One review of one student that falls due: of which kind, by when, and what to do."""

    student_key: int
    student_source_id: str
    review_kind: str
    sort_name: str
    grade_level: str | None
    decided_tier: str | None
    next_step: str
    kind_order: int
    counted_from: date
    due_date: date
    is_due: bool
    is_overdue: bool


@dataclass(frozen=True)
class Finding:
    """One rule of the gate that spoke about this school, or about all of the district."""

    rule_id: str
    severity: str
    failing_count: int | None
    message: str
    is_of_district: bool = False


@dataclass(frozen=True)
class Verdict:
    """What the gate said of the newest candidate, which a held school does not show.

    `since` is the school day of the first of those in a row that hold the school.
    """

    word: str = "pass"
    findings: tuple[Finding, ...] = ()
    release_id: int | None = None
    as_of_date: date | None = None
    since: date | None = None


@dataclass(frozen=True)
class RenderedFile:
    """A file that was written: its name inside the folder, its hash, its size in bytes."""

    file_name: str
    sha256: str
    byte_count: int


@dataclass(frozen=True)
class SchoolLine:
    """One school on the district overview: counts only, no child.

    A school that was held and never had a list has no folder, and no counts but its students'.
    """

    school_name: str
    folder: str | None
    verdict: str
    as_of_date: date
    release_id: int
    student_count: int
    referral_count: int | None = None
    overdue_count: int | None = None
    new_count: int | None = None
    reviewed_count: int | None = None
    stale_feeds: tuple[str, ...] = ()
    # Pairs of a rule's id and what it says.
    reasons: tuple[tuple[str, str], ...] = ()
    held_since: date | None = None


@dataclass(frozen=True)
class NightsLine:
    """One school on the page of the nights: a word by release, and what the rules found."""

    school_name: str
    words: Mapping[int, str]
    found: tuple[Found, ...]
    held_since: date | None = None


@dataclass(frozen=True)
class ListData:
    """Everything one school's list says, cleaned and in reading order."""

    school: School
    today: tuple[TodayItem, ...]
    queue: tuple[Referral, ...]
    students: tuple[Student, ...]
    profiles: Mapping[int, tuple[Profile, ...]]
    class_rosters: tuple[ClassRow, ...]
    reviews_due: tuple[ReviewDue, ...]
    verdict: Verdict
    release_id: int
    attendance_mark: float = field(default=0.9)
    # Needs by what changed since the list before; empty where there was none.
    churn: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_rows(  # noqa: PLR0913  one argument per report, each by its name
        cls,
        *,
        school: Row,
        today: Sequence[Row],
        queue: Sequence[Row],
        students: Sequence[Row],
        profiles: Sequence[Row],
        class_rosters: Sequence[Row],
        reviews_due: Sequence[Row],
        verdict: Row | None = None,
        release: Row,
        attendance_mark: float = 0.9,
        churn: Sequence[Row] = (),
    ) -> "ListData":
        """Read the rows of one school and one release (columns as in the reports).

        `release` needs `release_id`. `verdict` is what the gate said last:
        `verdict` ('pass', 'notice', 'hold'), `findings` (rows of ops.verdict) and, for a
        held school, `release_id` and `as_of_date` of the candidate that was not published.
        `attendance_mark` is where the line is drawn across the sparklines (a share).
        Raises ReleaseMissing if a column is missing or a row is of another school or day.
        """
        parts = {
            "today": today,
            "queue": queue,
            "students": students,
            "profiles": profiles,
            "class_rosters": class_rosters,
            "reviews_due": reviews_due,
        }
        for name, rows in parts.items():
            _refuse_strangers(rows, name=name, school=school)
        return cls(
            school=_read_school(school),
            today=_ordered(_read_today, today, name="today", by=_by_sort_order),
            queue=_ordered(_read_referral, queue, name="queue", by=_by_rank),
            students=_ordered(_read_student, students, name="students", by=_by_name),
            profiles=_by_student(_each(_read_profile, profiles, name="profiles")),
            class_rosters=_ordered(
                _read_class_row, class_rosters, name="class_rosters", by=_by_class
            ),
            reviews_due=_ordered(_read_due, reviews_due, name="reviews_due", by=_by_due),
            verdict=_read_verdict(verdict or {}),
            release_id=int(release["release_id"]),
            attendance_mark=attendance_mark,
            churn=_read_churn(churn, school=school),
        )

    @property
    def is_first(self) -> bool:
        """Whether there is no list of an earlier day with which its needs could be compared."""
        return bool(self.queue) and not self.churn

    def line(self, *, folder: str) -> SchoolLine:
        """Say this list in one line of the district overview; `folder` is where it stands."""
        return SchoolLine(
            school_name=self.school.school_name,
            folder=folder,
            verdict=self.verdict.word,
            as_of_date=self.school.as_of_date,
            release_id=self.release_id,
            student_count=len(self.students),
            referral_count=len(self.queue),
            overdue_count=sum(referral.is_overdue for referral in self.queue),
            new_count=sum(referral.is_new for referral in self.queue),
            reviewed_count=self.school.reviewed_count,
            stale_feeds=tuple(feed.feed for feed in self.school.feeds if feed.is_stale),
            reasons=tuple((each.rule_id, each.message) for each in self.verdict.findings),
            held_since=self.verdict.since,
        )


def render_school(
    data: ListData, out_dir: Path, *, language: str = DEFAULT_LANGUAGE
) -> tuple[RenderedFile, ...]:
    """Write one school's page and workbook into `out_dir`, each whole or not at all.

    The same data gives the same bytes. Returns the page first, then the workbook. They are not
    durable before they are put in their place: whoever renders does not wait for the disk.
    """
    page = render_school_page(data, workbook_name=WORKBOOK_NAME, language=language)
    draft = partial(_write, out_dir, put=Path.replace)
    return (
        draft(PAGE_NAME, lambda path: _write_text(path, page)),
        draft(WORKBOOK_NAME, lambda path: write_workbook(data, path, language=language)),
    )


def render_index(
    schools: Sequence[SchoolLine],
    out_dir: Path,
    *,
    district_name: str = "",
    smallest_count: int = 0,
    language: str = DEFAULT_LANGUAGE,
) -> tuple[RenderedFile, ...]:
    """Write the district overview: schools, verdicts, days and counts, without any child.

    Counts of children above zero and below `smallest_count` are withheld.
    """
    page = render_index_page(
        sorted(schools, key=lambda line: (folded(line.school_name), line.folder or "")),
        district_name=plain_text(district_name),
        smallest_count=smallest_count,
        page_name=PAGE_NAME,
        nights_page=NIGHTS_NAME,
        language=language,
    )
    return (_write(out_dir, PAGE_NAME, lambda path: _write_text(path, page)),)


def render_nights(
    schools: Sequence[NightsLine],
    releases: Sequence[tuple[int, date]],
    out_dir: Path,
    *,
    district_name: str = "",
    language: str = DEFAULT_LANGUAGE,
) -> RenderedFile:
    """Write the page of verdicts by night and school: rules in words, no child and no count."""
    page = render_nights_page(
        sorted(schools, key=lambda line: folded(line.school_name)),
        releases,
        district_name=plain_text(district_name),
        overview=PAGE_NAME,
        language=language,
    )
    return _write(out_dir, NIGHTS_NAME, lambda path: _write_text(path, page))


# Controls, direction marks, lone surrogates and what XML forbids; joiners stay, for emoji
# and for scripts that need them.
_UNWANTED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufffe\uffff"
    "\ud800-\udfff]+"
)
_SPACES = re.compile(r"\s+")


# Most of what a list says it says of many children: codes, rules, feeds, sentences.
@lru_cache(maxsize=2**16)
def plain_text(value: str) -> str:
    """Make text safe to show: composed, on one line, without controls or direction marks."""
    if value.isascii() and value.isprintable() and "  " not in value:
        return value.strip()
    spaced = _SPACES.sub(" ", value)
    return _SPACES.sub(" ", unicodedata.normalize("NFC", _UNWANTED.sub("", spaced))).strip()


def sweep(out_dir: Path) -> None:
    """Take away what processes that were killed left half written."""
    for part in out_dir.glob(".*.part"):
        part.unlink()


def put_in_place(part: Path, path: Path) -> None:
    """Make a file durable, then give it its name, which lasts too."""
    _make_durable(part)
    part.replace(path)
    _make_durable(path.parent)


def _write(
    out_dir: Path,
    name: str,
    fill: Callable[[Path], None],
    *,
    put: Callable[[Path, Path], object] = put_in_place,
) -> RenderedFile:
    """Fill a temporary neighbour, then put it in its place."""
    out_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
    part = out_dir / f".{name}.{os.getpid()}.part"
    try:
        fill(part)
        part.chmod(0o640)
        content = part.read_bytes()
        put(part, out_dir / name)
    finally:
        part.unlink(missing_ok=True)
    return RenderedFile(
        file_name=name, sha256=hashlib.sha256(content).hexdigest(), byte_count=len(content)
    )


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_strangers(rows: Sequence[Row], *, name: str, school: Row) -> None:
    """The last wall: a list never carries a child of another school, nor another day's row."""
    home = (school["school_key"], school["as_of_date"])
    strangers = sum((row["school_key"], row["as_of_date"]) != home for row in rows)
    if strangers:
        raise ReleaseMissing(
            f"{strangers} rows of {name} are of another school or day than the list. "
            "Nothing was rendered; check how the release was read."
        )


def _each(read: Callable[[Row], Made], rows: Sequence[Row], *, name: str) -> list[Made]:
    try:
        return [read(row) for row in rows]
    except KeyError as missing:
        raise ReleaseMissing(
            f"the rows of {name} lack the column {missing}. Nothing was rendered; "
            "build and publish again with this version."
        ) from None


def _ordered(
    read: Callable[[Row], Made], rows: Sequence[Row], *, name: str, by: Callable[[Made], Any]
) -> tuple[Made, ...]:
    return tuple(sorted(_each(read, rows, name=name), key=by))


def _taken(made: type[Made], row: Row, **read: Any) -> Made:
    """Build `made` from the columns of its own names; `read` replaces what needs reading."""
    names = _names_of(cast(Any, made), tuple(read))
    # Most cells are text or need nothing.
    values = [
        plain_text(value) if type(value) is str else _clean(value)
        for value in map(row.__getitem__, names)
    ]
    return made(**dict(zip(names, values, strict=True)), **read)


@cache
def _names_of(made: type[Any], read: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each.name for each in fields(made) if each.name not in read)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return plain_text(value)
    return float(value) if isinstance(value, Decimal) else value


def _text(value: Any) -> str:
    return "" if value is None else plain_text(str(value))


def _date(value: Any) -> date | None:
    """Read a day from a date or from ISO text; None and nonsense give None."""
    if isinstance(value, date) or value is None:
        return value
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _read_school(row: Row) -> School:
    return _taken(School, row, feeds=tuple(_read_feed(feed) for feed in row["feeds"] or ()))


def _read_feed(item: Row) -> Feed:
    return Feed(
        feed=_text(item.get("feed")),
        data_through=_date(item.get("data_through")),
        last_loaded_on=_date(item.get("last_loaded_at")),
        is_stale=bool(item.get("is_stale")),
        note=_text(item.get("note")),
        note_day=_date(item.get("note_day")),
    )


def _read_today(row: Row) -> TodayItem:
    return _taken(TodayItem, row)


def _read_signals(row: Row) -> tuple[Signal, ...]:
    as_of = row["as_of_date"]
    return tuple(_signal(as_of, *map(item.get, SIGNAL_KEYS)) for item in row["evidence"] or ())


SIGNAL_KEYS = tuple(each.name for each in fields(Signal) if each.name != "as_of")


# Two thirds of a school's sentences are said of another child too, word for word.
@lru_cache(maxsize=2**15)
def _signal(as_of: date, *told: Any) -> Signal:
    item = dict(zip(SIGNAL_KEYS, told, strict=True))
    return Signal(
        rule_id=_text(item["rule_id"]),
        rule_version=_text(item["rule_version"]),
        kind=_text(item["kind"]),
        level=_clean(item["level"]),
        wording=_text(item["wording"]),
        value=_clean(item["value"]),
        threshold=_clean(item["threshold"]),
        comparison=_clean(item["comparison"]),
        as_of=as_of,
        source_feed=_clean(item["source_feed"]),
        data_through=_date(item["data_through"]),
    )


def _read_churn(rows: Sequence[Row], *, school: Row) -> dict[str, int]:
    """Sum the kinds of change; a school's first list changed nothing."""
    _refuse_strangers(rows, name="queue_churn", school=school)
    counts: dict[str, int] = {}
    for row in rows:
        kind = CHURN_WORDS.get(row["change_kind"])
        if kind is not None:
            counts[kind] = counts.get(kind, 0) + int(row["need_count"])
    return counts


def read_service(item: Row) -> Service:
    """Read a fitting service as a row of rpt_referral_queue lists it."""
    return _service(*map(item.get, SERVICE_KEYS))


SERVICE_KEYS = tuple(each.name for each in fields(Service))


@lru_cache(maxsize=2**12)
def _service(*told: Any) -> Service:
    item = dict(zip(SERVICE_KEYS, told, strict=True))
    cleaned = {name: _clean(value) for name, value in item.items()}
    return Service(
        **cleaned
        | {
            "service_id": _text(item["service_id"]),
            "service_name": _text(item["service_name"]),
            "capacity_state": _text(item["capacity_state"]) or "unknown",
        }
    )


def _read_referral(row: Row) -> Referral:
    return _taken(
        Referral,
        row,
        rule_version=_text(row["rule_version"]),
        evidence=_read_signals(row),
        services=tuple(read_service(item) for item in row["services"] or ()),
        priority=_read_priority(row["priority"]),
        # A list that was published before decisions were told has none.
        decisions=tuple(_read_decision(item) for item in row.get("decisions") or ()),
    )


def _read_decision(item: Row) -> Decision:
    return Decision(
        decision=_text(item.get("decision")),
        reason=_clean(item.get("reason")),
        decided_by=_text(item.get("decided_by")),
        decided_on=_date(item.get("decided_on")),
        list_of=_date(item.get("list_of")),
        outcome=_text(item.get("outcome")) or "counts",
    )


def _read_priority(parts: Any) -> tuple[tuple[str, str], ...]:
    """Read the parts of a rank, from a mapping or from a list, as pairs of text."""
    if isinstance(parts, Mapping):
        return tuple((_text(name), _priority_text(value)) for name, value in parts.items())
    return tuple(("", _priority_text(value)) for value in parts or ())


def _priority_text(value: Any) -> str:
    # A whole number is what JSON writes; most parts are one.
    plain = isinstance(value, str) or type(value) is int
    return _text(value if plain else json.dumps(value, default=str))


def _read_profile(row: Row) -> Profile:
    found = _read_signals(row)
    return _taken(
        Profile,
        row,
        strengths=tuple(signal for signal in found if signal.kind == "strength"),
        needs=tuple(signal for signal in found if signal.kind == "need"),
        context=tuple(signal for signal in found if signal.kind not in ("strength", "need")),
    )


def _read_student(row: Row) -> Student:
    # Releases from before these columns may still be live at a school.
    later = {name: row.get(name) for name in ("age_years", "last_year_tier", "tier_difference")}
    return _taken(
        Student,
        row,
        **later,
        is_in_question=bool(row.get("is_in_question")),
        weekly_attendance=tuple(
            known
            for week in row["weekly_attendance"] or ()
            if (known := _week(week.get("week_of"), week.get("share"))) is not None
        ),
        suggested_tier_reasons=tuple(_text(each) for each in row["suggested_tier_reasons"] or ()),
    )


@lru_cache(maxsize=2**12)
def _week(week_of: str | None, share: float | None) -> Week | None:
    day = _date(week_of)
    return None if day is None else Week(week_of=day, share=_clean(share))


def _read_class_row(row: Row) -> ClassRow:
    return _taken(ClassRow, row, class_key=_text(row["class_key"]))


def _read_due(row: Row) -> ReviewDue:
    return _taken(ReviewDue, row)


def _read_verdict(row: Row) -> Verdict:
    findings = [
        Finding(
            rule_id=_text(item.get("rule_id")),
            severity=_text(item.get("severity")),
            failing_count=item.get("failing_count"),
            message=_text(item.get("message")),
            is_of_district=bool(item.get("is_of_district")),
        )
        for item in row.get("findings") or ()
    ]
    return Verdict(
        word=row.get("verdict") or "pass",
        findings=tuple(sorted(findings, key=lambda each: (each.severity, each.rule_id))),
        release_id=row.get("release_id"),
        as_of_date=_date(row.get("as_of_date")),
        since=_date(row.get("since")),
    )


def _counted(title: str) -> str:
    """Fold a title for ordering, numbers by their size: Grade 9 stands before Grade 10."""
    return re.sub(r"[0-9]+", lambda number: number[0].zfill(9), folded(title))


def _by_sort_order(item: TodayItem) -> tuple[int, str, int]:
    return (item.sort_order, folded(item.student_name), item.student_key)


def _by_rank(referral: Referral) -> tuple[int, str]:
    return (referral.referral_rank, referral.need_id)


def _by_name(student: Student) -> tuple[str, str, int]:
    name = student.sort_name
    return (first_letter(name), folded(name), student.student_key)


def _by_class(row: ClassRow) -> tuple[str, str, str, int]:
    return (_counted(row.class_title), row.class_key, folded(row.sort_name), row.student_key)


def _by_due(row: ReviewDue) -> tuple[int, date, str, int]:
    return (row.kind_order, row.due_date, folded(row.sort_name), row.student_key)


def _by_student(profiles: Sequence[Profile]) -> Mapping[int, tuple[Profile, ...]]:
    """Gather each student's domains, in the order in which they are always shown."""
    gathered: dict[int, list[Profile]] = {}
    for profile in profiles:
        gathered.setdefault(profile.student_key, []).append(profile)
    return {
        key: tuple(
            sorted(of_one, key=lambda each: DOMAIN_ORDER.get(each.domain, len(DOMAIN_ORDER)))
        )
        for key, of_one in gathered.items()
    }


DOMAIN_ORDER = {
    "academics": 0,
    "social_emotional_behavioral": 1,
    "health": 2,
    "family": 3,
}
