"""What analysts get: counts by school and by groups of students, and students without names.

Counts come from the lists that readers see (a held school counts with its last good one),
one for each student at each school. Both tables are snapshots. A metric moves on to newer
counts when neither the new ones nor the last can be worked out from the two together, or
after so many days that a reader can no longer take the rest for unchanged.
"""

import hashlib
import hmac
import os
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composable, Identifier, Literal

from wraparound.contracts.leaving import Analytics
from wraparound.contracts.suppression import Policy
from wraparound.errors import ReleaseRejected
from wraparound.publishing.freeze import frozen_name
from wraparound.publishing.suppression import (
    ALL,
    Hidden,
    Metric,
    hide_counts,
    hide_groups,
    is_sensitive,
    rate_bound,
    weak_cells,
    weak_groups,
)
from wraparound.publishing.views import relation_columns
from wraparound.settings import Settings

KEY_FILE = "pseudonyms.key"
# Groups of the as-of day, as the release froze them.
GROUPS = (
    *("race_ethnicity", "economic_status", "residency", "english_learner"),
    "special_education",
)
BREAKDOWNS = ("school", "grade_band", "home_language", *GROUPS)
NOT_KNOWN = "not_known"
STUDENTS, ENROLLED = "students", "enrolled"
DOMAINS = ("academics", "social_emotional_behavioral", "health", "family")
# Every metric sorts each student into one category.
METRICS = ("attendance", "suggested_tier", *DOMAINS)
# Counted, but of no student on the table of students.
ANSWERS = (
    *("tier_movement", "tier_change", "success_plan", "services", "suspension"),
    "grade_3_reading",
)
COUNTED = (*METRICS, *ANSWERS)
Cell = tuple[str, str, str]


@dataclass(frozen=True)
class Student:
    """One student at one school, as far as analysts are concerned."""

    student_key: int
    groups: Mapping[str, str]
    age_band: str | None
    categories: Mapping[str, str]


@dataclass(frozen=True)
class Snapshot:
    """What was published of a metric last, with the true counts behind it."""

    metric: Metric
    hidden: Hidden


@dataclass(frozen=True)
class Analysed:
    """What became of the analysts' tables: metrics that moved on, metrics that wait."""

    moved: tuple[str, ...]
    waiting: tuple[str, ...]
    student_count: int | None


def write_analytics(
    settings: Settings, connection: Connection[Any], *, choice: Analytics, as_of: date
) -> Analysed:
    """Bring the analysts' tables up to the lists that readers see; commits.

    Raises:
        ReleaseRejected: what would be published breaks the policy; nothing was changed.
    """
    connection.commit()
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtext('wraparound.analytics'))")
        students = _students(connection, choice)
        release_id = _newest(connection)
        is_due = _is_due(connection, choice, as_of=as_of)
        groups, moved = _move(connection, students, choice.policy, is_due=is_due)
        for name, (metric, hidden) in moved.items():
            _write_metric(
                connection, metric, hidden, choice.policy, release_id=release_id, as_of=as_of
            )
            _remember(connection, name, metric, hidden)
        waiting = tuple(n for n in (STUDENTS, *COUNTED) if n not in moved)
        count = None
        if not {STUDENTS, *METRICS}.intersection(waiting):
            count = _write_students(
                connection,
                students,
                groups,
                moved,
                choice.policy,
                key=pseudonym_key(settings),
                release_id=release_id,
            )
        _check(connection, choice.policy)
    return Analysed(tuple(moved), waiting, count)


def pseudonym_key(settings: Settings) -> bytes:
    """Return the key of the pseudonyms: it lies in a private file, never in the database."""
    path = settings.run_dir / KEY_FILE
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_key(path)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(32))
    return _read_key(path)


def pseudonym(student_key: int, *, key: bytes, release_id: int) -> str:
    """Return a student's pseudonym in one release: who holds the key can find the way back.

    It differs from release to release, or a student could be followed from a count that is
    told into one that is hidden.
    """
    text = f"{release_id}:{student_key}".encode()
    return hmac.new(key, text, hashlib.sha256).hexdigest()[:32]


def _read_key(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise ReleaseRejected(f"{path} can be read by others. Run `chmod 600` on it.")
    return path.read_bytes()


# --- counting -----------------------------------------------------------------------------


def _students(connection: Connection[Any], choice: Analytics) -> list[Student]:
    """Read every student of every live list."""
    found = []
    for row in _rows(connection, "select distinct release_id from release.pointer order by 1"):
        for student in _rows(connection, _students_query(connection, row["release_id"])):
            found.append(_student(student, choice))
    return found


def _students_query(connection: Connection[Any], release_id: int) -> Any:
    students = frozen_name("rpt_students", release_id=release_id)
    facts, joined = _facts(connection, release_id)
    has_age = "age_years" in relation_columns(connection, "release", students)
    return SQL("""
        with levels as (
            select school_key, student_key, jsonb_object_agg(domain, level) as levels
            from {profiles} group by school_key, student_key
        )
        select s.student_key, s.school_source_id as school, s.grade_level, s.home_language,
            {age} as age_years, s.is_chronically_absent, s.suggested_tier, l.levels,
            {facts}
        from {students} s
        inner join release.pointer p
            on p.school_key = s.school_key and p.release_id = {release_id}
        left join levels l on l.school_key = s.school_key and l.student_key = s.student_key
        {joined}
        order by s.school_key, s.student_key
    """).format(
        facts=facts,
        joined=joined,
        students=Identifier("release", students),
        profiles=Identifier("release", frozen_name("rpt_need_profiles", release_id=release_id)),
        age=Identifier("s", "age_years") if has_age else SQL("null::integer"),
        release_id=Literal(release_id),
    )


def _facts(connection: Connection[Any], release_id: int) -> tuple[Composable, Composable]:
    """Return the columns of groups and answers, and how they are joined.

    A release of an earlier version has none: there they are not known.
    """
    name = frozen_name("rpt_analyst_facts", release_id=release_id)
    columns = [Identifier(column) for column in (*GROUPS, *ANSWERS)]
    if not relation_columns(connection, "release", name):
        return SQL(", ").join(SQL("null as {}").format(c) for c in columns), SQL("")
    return (
        SQL(", ").join(SQL("f.{}").format(column) for column in columns),
        SQL(
            "left join {} f on f.school_key = s.school_key and f.student_key = s.student_key"
        ).format(Identifier("release", name)),
    )


def _student(row: Mapping[str, Any], choice: Analytics) -> Student:
    levels = row["levels"] or {}
    absent = {True: "chronically_absent", False: "not_chronically_absent"}
    return Student(
        student_key=row["student_key"],
        groups={
            "school": row["school"],
            "grade_band": _band(row["grade_level"], choice.grade_bands),
            "home_language": row["home_language"] or NOT_KNOWN,
            **{group: row[group] or NOT_KNOWN for group in GROUPS},
        },
        age_band=_age_band(row["age_years"], choice),
        categories={
            "attendance": absent.get(row["is_chronically_absent"], "not_enough_days"),
            "suggested_tier": row["suggested_tier"] or NOT_KNOWN,
            **{domain: levels.get(domain) or NOT_KNOWN for domain in DOMAINS},
            **{answer: row[answer] or NOT_KNOWN for answer in ANSWERS},
        },
    )


def _band(grade: str | None, bands: Mapping[str, tuple[str, ...]]) -> str:
    return next((name for name, grades in bands.items() if grade in grades), "other")


def _age_band(age: int | None, choice: Analytics) -> str | None:
    if age is None:
        return None
    return next((n for n, (low, high) in choice.age_bands.items() if low <= age <= high), None)


def _count(name: str, students: Sequence[Student]) -> Metric:
    """Count the students of each group and category; STUDENTS has one category."""
    sorted_into = [student.categories.get(name, ENROLLED) for student in students]
    total = Counter(sorted_into)
    categories = tuple(sorted(total))
    breakdowns = {}
    for breakdown in BREAKDOWNS:
        counted = Counter(zip((s.groups[breakdown] for s in students), sorted_into, strict=True))
        groups = sorted({group for group, _ in counted})
        breakdowns[breakdown] = {g: {c: counted[g, c] for c in categories} for g in groups}
    return Metric(name, categories, {c: total[c] for c in categories}, breakdowns)


def _sizes(metric: Metric) -> dict[str, dict[str, int]]:
    return {
        breakdown: {group: sum(row.values()) for group, row in counts.items()}
        for breakdown, counts in metric.breakdowns.items()
    }


# --- moving on ----------------------------------------------------------------------------


def _move(
    connection: Connection[Any],
    students: list[Student],
    policy: Policy,
    *,
    is_due: bool,
) -> tuple[Hidden, dict[str, tuple[Metric, Hidden]]]:
    """Return the hidden groups, and the metrics that may move on with what they hide."""
    moved: dict[str, tuple[Metric, Hidden]] = {}
    sizes = _count(STUDENTS, students)
    last = None if is_due else _snapshot(connection, STUDENTS)
    hidden_groups = _hide_groups(sizes, policy, last=last)
    groups = hidden_groups or hide_groups(_sizes(sizes), policy)
    if hidden_groups is not None:
        moved[STUDENTS] = (sizes, _as_cells(groups, policy, sizes))
    for name in COUNTED:
        metric = _count(name, students)
        last = None if is_due else _snapshot(connection, name)
        hidden = may_move_on(metric, policy, groups=groups, last=last)
        if hidden is not None:
            moved[name] = (metric, hidden)
    return groups, moved


def may_move_on(
    metric: Metric, policy: Policy, *, groups: Hidden, last: Snapshot | None
) -> Hidden | None:
    """Return what to hide; None where the difference from the last counts would tell."""
    if last is None:
        return hide_counts(metric, policy, groups=groups)
    known = told(last.metric, last.hidden)
    for kept in (frozenset[Cell](), last.hidden.cells):
        hidden = hide_counts(metric, policy, groups=groups, keep_hidden=kept, known=known)
        now = weak_cells(metric, policy, hidden=hidden, known=known)
        then = weak_cells(last.metric, policy, hidden=last.hidden, known=told(metric, hidden))
        if not any(is_sensitive(metric, policy, cell) for cell in now) and not any(
            is_sensitive(last.metric, policy, cell) for cell in then
        ):
            return hidden
    return None


def told(metric: Metric, hidden: Hidden) -> frozenset[Cell]:
    """Return the cells that a reader of the published counts knows."""
    if ALL in hidden.withheld:
        return frozenset()
    cells = {(ALL, ALL, category) for category in metric.categories}
    for breakdown, counts in metric.breakdowns.items():
        if breakdown not in hidden.withheld:
            cells |= {(breakdown, g, c) for g in counts for c in metric.categories}
    return frozenset(cells - hidden.cells)


def _hide_groups(metric: Metric, policy: Policy, *, last: Snapshot | None) -> Hidden | None:
    """Return the groups whose size is hidden; None where the difference would tell."""
    sizes = _sizes(metric)
    if last is None:
        return hide_groups(sizes, policy)
    before = _sizes(last.metric)
    known = {(b, g) for b, g, _ in told(last.metric, last.hidden)}
    for kept in (frozenset[tuple[str, str]](), last.hidden.groups):
        hidden = hide_groups(sizes, policy, keep_hidden=kept, known=known)
        now = weak_groups(sizes, policy, hidden=hidden, known=known)
        seen = {(b, g) for b, listed in sizes.items() for g in listed} - hidden.groups
        if not now and not weak_groups(before, policy, hidden=last.hidden, known=seen):
            return hidden
    return None


def _as_cells(groups: Hidden, policy: Policy, sizes: Metric) -> Hidden:
    """Say of the one category of STUDENTS what is hidden of the groups."""
    if policy.is_small_group(sum(sizes.district.values())):
        return Hidden(withheld=frozenset({ALL, *sizes.breakdowns}))
    cells = frozenset((breakdown, group, ENROLLED) for breakdown, group in groups.groups)
    return Hidden(cells, groups.groups, groups.withheld)


def _is_due(connection: Connection[Any], choice: Analytics, *, as_of: date) -> bool:
    """Tell whether the oldest metric is too old to wait any longer, or the policy changed."""
    (row,) = _rows(
        connection,
        "select min(as_of_date) as oldest, coalesce(bool_or(policy <> %s), false) as is_new"
        " from analytics.metric",
        (choice.policy.fingerprint,),
    )
    if row["oldest"] is None or row["is_new"]:
        return True
    return bool((as_of - row["oldest"]).days >= choice.snapshot_days or as_of < row["oldest"])


def _snapshot(connection: Connection[Any], name: str) -> Snapshot | None:
    """Return what was published of a metric last, with its true counts."""
    rows = _rows(
        connection,
        "select breakdown, group_value, category, student_count, is_suppressed"
        " from restricted.metric_count where metric = %s"
        " order by breakdown, group_value, category",
        (name,),
    )
    if not rows:
        return None
    district: dict[str, int] = {}
    breakdowns: dict[str, dict[str, dict[str, int]]] = {}
    for row in rows:
        if row["category"] == ALL:
            continue
        if row["breakdown"] == ALL:
            district[row["category"]] = row["student_count"]
            continue
        groups = breakdowns.setdefault(row["breakdown"], {})
        groups.setdefault(row["group_value"], {})[row["category"]] = row["student_count"]
    cells = frozenset(
        (r["breakdown"], r["group_value"], r["category"]) for r in rows if r["is_suppressed"]
    )
    metric = Metric(name, tuple(sorted(district)), district, breakdowns)
    return Snapshot(metric, _hidden_of(metric, cells))


def _hidden_of(metric: Metric, cells: frozenset[Cell]) -> Hidden:
    """Read what was remembered: a line of category `all` says whether a size was hidden."""
    tables: dict[str, Mapping[str, Mapping[str, int]]] = {ALL: {ALL: metric.district}}
    withheld = {
        breakdown
        for breakdown, counts in (tables | dict(metric.breakdowns)).items()
        if all((breakdown, g, c) in cells for g, row in counts.items() for c in row)
    }
    return Hidden(
        cells=frozenset(cell for cell in cells if cell[2] != ALL),
        groups=frozenset((b, g) for b, g, c in cells if c == ALL),
        withheld=frozenset(tables | dict(metric.breakdowns))
        if ALL in withheld
        else frozenset(withheld),
    )


# --- writing ------------------------------------------------------------------------------


def _write_metric(
    connection: Connection[Any],
    metric: Metric,
    hidden: Hidden,
    policy: Policy,
    *,
    release_id: int,
    as_of: date,
) -> None:
    connection.execute("delete from analytics.metric where metric = %s", (metric.name,))
    rows = [
        (metric.name, *line, release_id, as_of, policy.fingerprint)
        for line in _lines(metric, hidden, policy)
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into analytics.metric (metric, breakdown, group_value, category,"
            " student_count, rate, rate_bound, is_suppressed, release_id, as_of_date, policy)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            rows,
        )


def _lines(metric: Metric, hidden: Hidden, policy: Policy) -> Iterable[tuple[Any, ...]]:
    """Yield (breakdown, group, category, count, rate, bound, is_suppressed)."""
    tables = {ALL: {ALL: metric.district}, **metric.breakdowns}
    for breakdown, counts in tables.items():
        if breakdown in hidden.withheld:
            continue
        for group, row in counts.items():
            size = sum(row.values())
            for category, count in row.items():
                cell = (breakdown, group, category)
                if cell in hidden.cells:
                    side = rate_bound(count, size, policy) if cell in hidden.bounded else None
                    bound = side and f"{side} {_limit(side, size, policy)} percent"
                    yield *cell, None, None, bound, True
                else:
                    rate = round(count / size, policy.rate_precision) if size else None
                    yield *cell, count, None if metric.name == STUDENTS else rate, None, False


def _limit(side: str, size: int, policy: Policy) -> int:
    percent = policy.coded_percent(size)
    return percent if side == "below" else 100 - percent


def _remember(connection: Connection[Any], name: str, metric: Metric, hidden: Hidden) -> None:
    """Keep the true counts where analysts cannot read them: tomorrow is compared with them."""
    connection.execute("delete from restricted.metric_count where metric = %s", (name,))
    tables = {ALL: {ALL: metric.district}, **metric.breakdowns}
    rows: list[tuple[Any, ...]] = []
    for breakdown, counts in tables.items():
        for group, row in counts.items():
            place = (name, breakdown, group)
            rows.append((*place, ALL, sum(row.values()), (breakdown, group) in hidden.groups))
            for category, count in row.items():
                cell = (breakdown, group, category)
                is_hidden = breakdown in hidden.withheld or cell in hidden.cells
                rows.append((*place, category, count, is_hidden))
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into restricted.metric_count values (%s, %s, %s, %s, %s, %s)", rows
        )


def _write_students(
    connection: Connection[Any],
    students: list[Student],
    groups: Hidden,
    moved: Mapping[str, tuple[Metric, Hidden]],
    policy: Policy,
    *,
    key: bytes,
    release_id: int,
) -> int:
    """Replace the students without names; returns how many there are."""
    connection.execute("delete from analytics.student")
    hidden = {name: moved[name][1] for name in METRICS}
    if ALL in hidden["attendance"].withheld:
        return 0
    # A student at two schools is one student: the first list says it all.
    once = {student.student_key: student for student in reversed(students)}
    ages = Counter((s.groups["grade_band"], s.age_band) for s in once.values())
    lines = []
    for student in once.values():
        band: str | None = student.groups["grade_band"]
        if ("grade_band", band) in groups.groups or "grade_band" in groups.withheld:
            band = None
        is_alone = policy.is_small_group(ages[band or "", student.age_band])
        age = None if band is None or is_alone else student.age_band
        told = [_attribute(student, name, hidden[name], band) for name in METRICS]
        name = pseudonym(student.student_key, key=key, release_id=release_id)
        lines.append((name, release_id, band, age, *told))
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "copy analytics.student (pseudonym, release_id, grade_band, age_band, attendance,"
            " suggested_tier, academics, social_emotional_behavioral, health, family) from stdin"
        ) as copy,
    ):
        # By pseudonym, so that the order says nothing either.
        for line in sorted(lines):
            copy.write_row(line)
    return len(lines)


def _attribute(student: Student, name: str, hidden: Hidden, band: str | None) -> str | None:
    """Return a student's category, unless counting the students would tell a hidden count."""
    category = student.categories[name]
    is_hidden = (
        band is None
        or "grade_band" in hidden.withheld
        or ("grade_band", band, category) in hidden.cells
        or (ALL, ALL, category) in hidden.cells
    )
    return None if is_hidden else category


def _check(connection: Connection[Any], policy: Policy) -> None:
    """Look once more at what was written, by other means: no small count may stand there."""
    least = 1 if policy.publish_zero else 0
    (row,) = _rows(
        connection,
        "select count(*) as n from analytics.metric where student_count >= %s"
        " and student_count < %s",
        (least, policy.numerator_minimum),
    )
    if row["n"]:
        raise ReleaseRejected(
            f"{row['n']} counts for analysts are smaller than the policy {policy.name} allows. "
            "Their tables were left as they are; this is a fault of the program."
        )


def _newest(connection: Connection[Any]) -> int:
    (row,) = _rows(
        connection, "select coalesce(max(release_id), 0)::bigint as it from release.pointer"
    )
    return int(row["it"])


def _rows(
    connection: Connection[Any], query: Any, parameters: tuple[Any, ...] = ()
) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, parameters or None).fetchall()
