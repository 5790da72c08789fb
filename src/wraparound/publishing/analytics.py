"""What analysts get: counts by school and by groups of students, and students without names.

Counts come from the lists that readers see (a held school counts with its last good one),
one for each student at each school. Both tables are snapshots that stand still for so many
days that a reader can no longer take the rest for unchanged: who has the counts of two nights
knows what became of the one child that is known to have moved between them. Where it can be
done, the next ones are hidden so that the two together tell no small count either.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from wraparound.contracts.leaving import Analytics
from wraparound.contracts.suppression import Policy
from wraparound.errors import ReleaseRejected
from wraparound.publishing.freeze import frozen_name
from wraparound.publishing.suppression import (
    ALL,
    BLOCK,
    Hidden,
    Metric,
    betrays_cohort,
    hide_counts,
    hide_groups,
    is_sensitive,
    rate_bound,
    weak_cells,
    weak_groups,
)
from wraparound.publishing.views import relation_columns
from wraparound.settings import Settings, kept_once

KEY_FILE, KEY_BYTES = "pseudonyms.key", 32
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
SORTED_INTO = (STUDENTS, *BREAKDOWNS, *COUNTED)
# Which grades a school has is no secret: these may fall into blocks that share no student.
NESTED = ("school", "grade_band")
STUDENTS_QUERY = SQL("""
    with levels as (
        select school_key, student_key, {domains}
        from {profiles} group by school_key, student_key
    )
    insert into analysed (student_key, age_band, {sorted_into})
    select s.student_key,
        (
            select band.name
            from unnest({names}::text[], {from_ages}::int[], {to_ages}::int[])
                with ordinality as band (name, from_age, to_age, place)
            where {age} between band.from_age and band.to_age
            order by band.place limit 1
        ),
        {enrolled}, s.school_source_id, coalesce({band_of}::jsonb ->> s.grade_level, 'other'),
        coalesce(nullif(s.home_language, ''), {not_known}), {groups},
        case s.is_chronically_absent
            when true then 'chronically_absent' when false then 'not_chronically_absent'
            else 'not_enough_days'
        end,
        coalesce(nullif(s.suggested_tier, ''), {not_known}), {levels}, {answers}
    from {students} s
    inner join release.pointer p
        on p.school_key = s.school_key and p.release_id = {release_id}
    left join levels l on l.school_key = s.school_key and l.student_key = s.student_key
    {joined}
    order by s.school_key, s.student_key
""")
# Of the analysts' table of students, in the order of a line.
STUDENT_COLUMNS = ("pseudonym", "release_id", "grade_band", "age_band", *METRICS)
# Students that are held at a time.
FETCHED = 1_000
Cell = tuple[str, str, str]


@dataclass(frozen=True)
class Snapshot:
    """What was published of a metric last, with the true counts behind it."""

    metric: Metric
    hidden: Hidden


@dataclass(frozen=True)
class Analysed:
    """Whether the analysts' tables were made anew, and for how many students."""

    is_new: bool
    student_count: int


def write_analytics(
    settings: Settings, connection: Connection[Any], *, choice: Analytics, as_of: date
) -> Analysed:
    """Make the analysts' tables anew from the lists that readers see, if it is time; commits.

    Raises:
        ReleaseRejected: what would be published breaks the policy; nothing was changed.
    """
    connection.commit()
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtext('wraparound.analytics'))")
        if not _is_due(connection, choice, as_of=as_of):
            return Analysed(is_new=False, student_count=0)
        _gather(connection, choice)
        release_id = _newest(connection)
        groups, counted = _hide(connection, choice.policy)
        for name, (metric, hidden) in counted.items():
            _write_metric(
                connection, metric, hidden, choice.policy, release_id=release_id, as_of=as_of
            )
            _remember(connection, name, metric, hidden)
        count = _write_students(
            connection,
            groups,
            counted,
            choice.policy,
            key=pseudonym_key(settings),
            release_id=release_id,
        )
        _check(connection, choice.policy)
    return Analysed(is_new=True, student_count=count)


def pseudonym_key(settings: Settings) -> bytes:
    """Return the key of the pseudonyms: it lies in a private file, never in the database."""
    path = settings.run_dir / KEY_FILE
    key = kept_once(path, make=lambda: secrets.token_bytes(KEY_BYTES))
    if path.stat().st_mode & 0o077:
        raise ReleaseRejected(f"{path} can be read by others. Run `chmod 600` on it.")
    if len(key) != KEY_BYTES:
        # With an empty key everybody has the way back.
        raise ReleaseRejected(f"{path} holds no whole key. Remove it: another is made.")
    return key


def pseudonym(student_key: int, school: str, *, key: bytes, release_id: int) -> str:
    """Return a student's pseudonym at a school in one release: with the key, a way back.

    It differs from release to release, or a student could be followed from a count that is
    told into one that is hidden. It differs from school to school: who goes to two is counted
    at both, and a line less than the counts, or two lines of one name, would tell who that is.
    """
    text = f"{release_id}:{student_key}:{school}".encode()
    return hmac.new(key, text, hashlib.sha256).hexdigest()[:32]


# --- counting -----------------------------------------------------------------------------


def _gather(connection: Connection[Any], choice: Analytics) -> None:
    """Sort every student of every live list, for as long as the transaction lasts.

    One row of `pg_temp.analysed` for each student at each school: a group of each breakdown, a
    category of each metric.
    """
    sorted_into = SQL(", ").join(SQL("{} text").format(Identifier(c)) for c in SORTED_INTO)
    connection.execute(
        SQL(
            "create temporary table analysed (place bigint generated always as identity,"
            " student_key bigint, age_band text, block text, {}) on commit drop"
        ).format(sorted_into)
    )
    for row in _rows(connection, "select distinct release_id from release.pointer order by 1"):
        connection.execute(_students_query(connection, row["release_id"], choice))
    _count_strangers_with_others(connection, choice)
    block_of = _block_of_schools(connection)
    connection.execute(
        SQL(
            "update analysed set block = found.block"
            " from unnest(%s::text[], %s::text[]) as found (school, block)"
            " where analysed.{} = found.school"
        ).format(Identifier(NESTED[0])),
        (list(block_of), list(block_of.values())),
    )


def _count_strangers_with_others(connection: Connection[Any], choice: Analytics) -> None:
    """Sort the few of a grade that is strange at their school into the nearest band there.

    A ninth-grader at the middle school is all that the band has more than the high school: in
    every metric the difference would tell what is known of this one child. Schools of which
    each band is small stay as they are.
    """
    school, band = NESTED
    query = SQL("select {}, {}, count(*) as n from analysed group by 1, 2 order by 1, 2")
    many: dict[str, list[str]] = {}
    few = []
    for row in _rows(connection, query.format(Identifier(school), Identifier(band))):
        if choice.policy.is_small_group(row["n"]):
            few.append((row[school], row[band]))
        else:
            many.setdefault(row[school], []).append(row[band])
    place = {name: number for number, name in enumerate(choice.grade_bands)}
    last = len(place)

    def how_far(one: str, other: str) -> int:
        return abs(place.get(one, last) - place.get(other, last))

    moves = [(s, b, min(many[s], key=lambda m: how_far(b, m))) for s, b in few if s in many]
    with connection.cursor() as cursor:
        cursor.executemany(
            SQL("update analysed set {1} = %s where {0} = %s and {1} = %s").format(
                Identifier(school), Identifier(band)
            ),
            [(nearest, s, b) for s, b, nearest in moves],
        )


def _block_of_schools(connection: Connection[Any]) -> dict[str, str]:
    """Return the block of each school: those that share grade bands, by the first one's id."""
    query = SQL("select distinct {} as school, {} as band from analysed order by 1, 2")
    block_of: dict[str, str] = {}
    first_of: dict[str, str] = {}
    for row in _rows(connection, query.format(*map(Identifier, NESTED))):
        school = block_of.setdefault(row["school"], row["school"])
        joined = {school, first_of.setdefault(row["band"], school)}
        for names in (block_of, first_of):
            names.update({name: min(joined) for name in names if names[name] in joined})
    return block_of


def _students_query(connection: Connection[Any], release_id: int, choice: Analytics) -> Composed:
    students = frozen_name("rpt_students", release_id=release_id)
    facts, joined = _facts(connection, release_id)
    has_age = "age_years" in relation_columns(connection, "release", students)
    band_of = {g: name for name, grades in reversed(choice.grade_bands.items()) for g in grades}
    return STUDENTS_QUERY.format(
        sorted_into=SQL(", ").join(map(Identifier, SORTED_INTO)),
        domains=SQL(", ").join(
            SQL("max(level) filter (where domain = {}) as {}").format(Literal(d), Identifier(d))
            for d in DOMAINS
        ),
        names=Literal(list(choice.age_bands)),
        from_ages=Literal([first for first, _ in choice.age_bands.values()]),
        to_ages=Literal([last for _, last in choice.age_bands.values()]),
        age=SQL("s.age_years" if has_age else "null::integer"),
        enrolled=Literal(ENROLLED),
        band_of=Literal(json.dumps(band_of)),
        not_known=Literal(NOT_KNOWN),
        groups=_or_not_known(facts, GROUPS),
        levels=_or_not_known("l", DOMAINS),
        answers=_or_not_known(facts, ANSWERS),
        students=Identifier("release", students),
        profiles=Identifier("release", frozen_name("rpt_need_profiles", release_id=release_id)),
        release_id=Literal(release_id),
        joined=joined,
    )


def _or_not_known(table: str | None, columns: Iterable[str]) -> Composable:
    """Return columns of a table; all are not known where there is no table."""
    if table is None:
        return SQL(", ").join(Literal(NOT_KNOWN) for _ in columns)
    return SQL(", ").join(
        SQL("coalesce(nullif({}, ''), {})").format(Identifier(table, c), Literal(NOT_KNOWN))
        for c in columns
    )


def _facts(connection: Connection[Any], release_id: int) -> tuple[str | None, Composable]:
    """Return the name of the table of groups and answers in the query, and how it is joined.

    A release of an earlier version has none.
    """
    name = frozen_name("rpt_analyst_facts", release_id=release_id)
    if not relation_columns(connection, "release", name):
        return None, SQL("")
    return "f", SQL(
        "left join {} f on f.school_key = s.school_key and f.student_key = s.student_key"
    ).format(Identifier("release", name))


def _count(connection: Connection[Any], name: str) -> Metric:
    """Count the students of each group and category; STUDENTS has one category."""
    listed = (*BREAKDOWNS, BLOCK)
    sets = [SQL("({}, {})").format(Identifier(b), Identifier(name)) for b in listed]
    query = SQL(
        "select {breakdowns}, {metric} as category, count(*)::integer as student_count"
        " from analysed group by grouping sets ({sets}, ({metric}))"
    ).format(
        breakdowns=SQL(", ").join(map(Identifier, listed)),
        metric=Identifier(name),
        sets=SQL(", ").join(sets),
    )
    counted: dict[str, dict[str, dict[str, int]]] = {b: {} for b in (ALL, *listed)}
    for row in _rows(connection, query):
        breakdown = next((b for b in listed if row[b] is not None), ALL)
        groups = counted[breakdown].setdefault(row.get(breakdown, ALL), {})
        groups[row["category"]] = row["student_count"]
    district = counted.pop(ALL).get(ALL, {})
    categories = tuple(sorted(district))
    breakdowns = {
        breakdown: {g: {c: groups[g].get(c, 0) for c in categories} for g in sorted(groups)}
        for breakdown, groups in counted.items()
    }
    totals = {c: district[c] for c in categories}
    return Metric(name, categories, totals, breakdowns, _blocks(connection))


def _crossed(connection: Connection[Any], metric: Metric) -> dict[tuple[str, str], dict[str, int]]:
    """Count the students of each school and grade band by category."""
    school, band = NESTED
    query = SQL(
        "select {}, {}, {} as category, count(*)::integer as n from analysed group by 1, 2, 3"
    ).format(Identifier(school), Identifier(band), Identifier(metric.name))
    crossed: dict[tuple[str, str], dict[str, int]] = {}
    for row in _rows(connection, query):
        place = (row[school], row[band])
        counts = crossed.setdefault(place, dict.fromkeys(metric.categories, 0))
        counts[row["category"]] = row["n"]
    return crossed


def _blocks(connection: Connection[Any]) -> dict[tuple[str, str], str]:
    query = SQL("select distinct {}, {}, block from analysed").format(*map(Identifier, NESTED))
    return {(b, row[b]): row["block"] for row in _rows(connection, query) for b in NESTED}


def _sizes(metric: Metric) -> dict[str, dict[str, int]]:
    return {
        breakdown: {group: sum(row.values()) for group, row in counts.items()}
        for breakdown, counts in metric.breakdowns.items()
    }


# --- hiding -------------------------------------------------------------------------------


def _hide(
    connection: Connection[Any], policy: Policy
) -> tuple[Hidden, dict[str, tuple[Metric, Hidden]]]:
    """Return the hidden groups, and all metrics with what they hide."""
    sizes = _count(connection, STUDENTS)
    groups = hide_groups_beside(sizes, policy, last=_snapshot(connection, sizes))
    told = _as_cells(groups, policy, sizes)
    if betrays_cohort(_crossed(connection, sizes), policy, hidden=told, breakdowns=NESTED):
        groups = _without_bands(groups)
    counted = {STUDENTS: (sizes, _as_cells(groups, policy, sizes))}
    for name in COUNTED:
        metric = _count(connection, name)
        last = _snapshot(connection, metric)
        hidden = hide_counts_beside(metric, policy, groups=groups, last=last)
        if betrays_cohort(_crossed(connection, metric), policy, hidden=hidden, breakdowns=NESTED):
            hidden = hide_counts_beside(metric, policy, groups=_without_bands(groups), last=last)
        counted[name] = (metric, hidden)
    return groups, counted


def _without_bands(groups: Hidden) -> Hidden:
    """Withhold the grade bands: they minus schools would tell of a few."""
    _, band = NESTED
    kept = frozenset((b, group) for b, group in groups.groups if b != band)
    return replace(groups, groups=kept, withheld=groups.withheld | {band})


def hide_counts_beside(
    metric: Metric, policy: Policy, *, groups: Hidden, last: Snapshot | None
) -> Hidden:
    """Return what to hide: beside the last counts if that can be done, else by itself."""
    beside = _counts_beside(metric, policy, groups=groups, last=last) if last else None
    return beside or hide_counts(metric, policy, groups=groups)


def _counts_beside(
    metric: Metric, policy: Policy, *, groups: Hidden, last: Snapshot
) -> Hidden | None:
    """Return what to hide; None where the difference from the last counts would tell anyway."""
    if not last.metric.adds_up():
        return None
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


def hide_groups_beside(metric: Metric, policy: Policy, *, last: Snapshot | None) -> Hidden:
    """Return the groups whose size is hidden: beside the last ones if that can be done."""
    sizes = _sizes(metric)
    if last is None or not last.metric.adds_up():
        return hide_groups(sizes, policy, blocks=metric.blocks)
    before = _sizes(last.metric)
    known = {(b, g) for b, g, _ in told(last.metric, last.hidden)}
    for kept in (frozenset[tuple[str, str]](), last.hidden.groups):
        hidden = hide_groups(sizes, policy, blocks=metric.blocks, keep_hidden=kept, known=known)
        now = weak_groups(sizes, policy, hidden=hidden, blocks=metric.blocks, known=known)
        seen = {(b, g) for b, listed in sizes.items() for g in listed} - hidden.groups
        then = weak_groups(before, policy, hidden=last.hidden, blocks=metric.blocks, known=seen)
        if not now and not then:
            return hidden
    return hide_groups(sizes, policy, blocks=metric.blocks)


def _as_cells(groups: Hidden, policy: Policy, sizes: Metric) -> Hidden:
    """Say of the one category of STUDENTS what is hidden of the groups."""
    if policy.is_small_group(sum(sizes.district.values())):
        return Hidden(withheld=frozenset({ALL, *sizes.breakdowns}))
    cells = frozenset((breakdown, group, ENROLLED) for breakdown, group in groups.groups)
    return Hidden(cells, groups.groups, groups.withheld)


def _is_due(connection: Connection[Any], choice: Analytics, *, as_of: date) -> bool:
    """Tell whether the tables have stood still for long enough, or the policy changed.

    A night of an earlier day than the last is no reason: to go back and forth would be to tell
    two nights.
    """
    (row,) = _rows(
        connection,
        "select min(as_of_date) as oldest, coalesce(bool_or(policy <> %s), false)"
        # An earlier version hid without blocks.
        " or not exists (select from restricted.metric_count where breakdown = %s)"
        # And told zeros beside bounds, where a policy has bounds.
        " or coalesce(bool_or(student_count = 0), false) and not %s as is_new"
        " from analytics.metric",
        (choice.policy.fingerprint, BLOCK, choice.policy.publish_zero),
    )
    if row["oldest"] is None or row["is_new"]:
        return True
    return bool((as_of - row["oldest"]).days >= choice.snapshot_days)


def _snapshot(connection: Connection[Any], metric: Metric) -> Snapshot | None:
    """Return what was published of a metric last, with its true counts and today's blocks."""
    rows = _rows(
        connection,
        "select breakdown, group_value, category, student_count, is_suppressed"
        " from restricted.metric_count where metric = %s"
        " order by breakdown, group_value, category",
        (metric.name,),
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
    last = Metric(metric.name, tuple(sorted(district)), district, breakdowns, metric.blocks)
    bounded = _rows(
        connection,
        "select breakdown, group_value, category from analytics.metric"
        " where metric = %s and rate_bound is not null",
        (metric.name,),
    )
    bounds = frozenset((r["breakdown"], r["group_value"], r["category"]) for r in bounded)
    return Snapshot(last, replace(_hidden_of(last, cells), bounded=bounds))


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
        if breakdown == BLOCK or breakdown in hidden.withheld:
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
    listed = SQL(", ").join(map(Identifier, STUDENT_COLUMNS))
    connection.execute(
        SQL(
            "create temporary table nameless on commit drop as"
            " select {} from analytics.student with no data"
        ).format(listed)
    )
    into = SQL("copy nameless ({}) from stdin").format(listed)
    students = _students(connection, groups, hidden, policy, key=key, release_id=release_id)
    with connection.cursor() as cursor:
        while some := list(islice(students, FETCHED)):
            with cursor.copy(into) as copy:
                for line in some:
                    copy.write_row(line)
    # By pseudonym, so that the order says nothing either.
    return connection.execute(
        SQL(
            "insert into analytics.student ({}) select {} from nameless"
            ' order by pseudonym collate "C"'
        ).format(listed, listed)
    ).rowcount


def _students(
    connection: Connection[Any],
    groups: Hidden,
    hidden: Mapping[str, Hidden],
    policy: Policy,
    *,
    key: bytes,
    release_id: int,
) -> Iterator[tuple[Any, ...]]:
    """Yield a line for each student: a pseudonym, and of the rest what may be told."""
    ages = _ages_told(connection, policy)
    with connection.cursor("each_student", row_factory=dict_row) as each:
        each.itersize = FETCHED
        for student in each.execute("select * from analysed"):
            band: str | None = student["grade_band"]
            if ("grade_band", band) in groups.groups or "grade_band" in groups.withheld:
                band = None
            age = student["age_band"] if (band, student["age_band"]) in ages else None
            told = [_attribute(student[name], hidden[name], band) for name in METRICS]
            name = pseudonym(
                student["student_key"], student["school"], key=key, release_id=release_id
            )
            yield name, release_id, band, age, *told


def _ages_told(connection: Connection[Any], policy: Policy) -> set[tuple[str, str]]:
    """Return the (grade band, age band) of so many that neither they nor the rest are few.

    Whose age is not told is known to be of the ages that are missing: few of them would stand
    there by themselves. So the smallest others are hidden with them.
    """
    query = (
        "select grade_band, age_band, count(*) as n from analysed"
        " group by 1, 2 order by grade_band, n, age_band"
    )
    hidden: dict[str, int] = {}
    told: set[tuple[str, str]] = set()
    for row in _rows(connection, query):
        band, age, size = row["grade_band"], row["age_band"], row["n"]
        few = hidden.get(band, 0)
        if age is None or policy.is_small_group(size) or (few and policy.is_small_group(few)):
            hidden[band] = few + size
        else:
            told.add((band, age))
    return told


def _attribute(category: str, hidden: Hidden, band: str | None) -> str | None:
    """Return a student's category, unless counting the students would tell a hidden count."""
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
