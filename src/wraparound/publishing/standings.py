"""How schools stand with the gate: since when one is held and why. Rules and counts, no rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

HOLDS = """
    with newest as (
        select max(release_id) as release_id from ops.release_school
    ),
    held as (
        select s.school_key, s.school_source_id, s.release_id, s.student_count
        from ops.release_school s
        inner join newest on newest.release_id = s.release_id
        left join release.pointer p on p.school_key = s.school_key
        where s.verdict = 'hold' and (s.student_count > 0 or p.school_key is not null)
    )
    select held.school_key, held.school_source_id, held.release_id, held.student_count,
        r.as_of_date, shown.as_of_date as shown_date, v.rule_id, v.failing_count, v.message
    from held
    inner join ops.release r on r.release_id = held.release_id
    left join release.pointer p on p.school_key = held.school_key
    left join ops.release shown on shown.release_id = p.release_id
    inner join ops.verdict v on v.release_id = held.release_id and v.severity = 'hold'
        and (v.school_key = held.school_key or v.school_key is null)
    order by held.school_source_id collate "C", v.rule_id collate "C"
"""

# The first of the releases in a row that hold a school, up to its newest.
SINCE = """
    select r.as_of_date from ops.release_school s
    inner join ops.release r on r.release_id = s.release_id
    where s.school_key = %(school)s and s.verdict = 'hold' and s.release_id > coalesce((
        select max(g.release_id) from ops.release_school g
        where g.school_key = %(school)s and g.verdict <> 'hold'
    ), 0)
    order by s.release_id limit 1
"""
NIGHTS = """
    with nights as (
        select release_id, as_of_date from ops.release r
        where exists (select from ops.release_school s where s.release_id = r.release_id)
        order by release_id desc limit %s
    )
    select n.release_id, n.as_of_date, s.school_key, s.school_source_id, s.verdict,
        v.rule_id, v.severity, v.message
    from nights n
    inner join ops.release_school s on s.release_id = n.release_id
    left join ops.verdict v on v.release_id = n.release_id and s.verdict <> 'pass'
        and (v.school_key = s.school_key or v.school_key is null)
    order by s.school_source_id collate "C", n.release_id, v.rule_id collate "C"
"""


@dataclass(frozen=True)
class Cause:
    """A rule that holds a school, and how many rows it found."""

    rule_id: str
    failing_count: int
    message: str


@dataclass(frozen=True)
class Hold:
    """A school that the newest release holds.

    `since_date` is the school day of the first release of those in a row that hold it;
    `shown_date` that of the list which its readers see, None where there never was one.
    """

    school_key: int
    school_source_id: str
    release_id: int
    student_count: int
    as_of_date: date
    since_date: date
    shown_date: date | None
    causes: tuple[Cause, ...]


def holds(connection: Connection[Any]) -> tuple[Hold, ...]:
    """Return the schools that the newest release holds, in the order of school_source_id."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(HOLDS).fetchall()
    return tuple(_grouped(connection, rows))


def held_since(connection: Connection[Any], school_key: int) -> date | None:
    """Return the school day since whose list a school is held; None where it is not."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(SINCE, {"school": school_key}).fetchone()
    return row["as_of_date"] if row else None


@dataclass(frozen=True)
class Found:
    """A rule that found something at a school, and the releases in which it did."""

    rule_id: str
    severity: str
    message: str
    release_ids: tuple[int, ...]


@dataclass(frozen=True)
class SchoolNights:
    """One school through the nights: a word by release, and what was found, holds first.

    The words are those of a verdict, and `lifted`: a hold that a person lifted.
    """

    school_key: int
    school_source_id: str
    words: dict[int, str]
    found: tuple[Found, ...]


@dataclass(frozen=True)
class Nights:
    """The newest releases, oldest first, as (release_id, school day); and each school."""

    releases: tuple[tuple[int, date], ...]
    schools: tuple[SchoolNights, ...]


def nights_of_schools(connection: Connection[Any], *, nights: int) -> Nights:
    """Return what the gate said of every school in the newest releases."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(NIGHTS, (nights,)).fetchall()
    return Nights(
        releases=tuple(sorted({(row["release_id"], row["as_of_date"]) for row in rows})),
        schools=tuple(
            _through_the_nights(list(lines))
            for _, lines in groupby(rows, key=lambda row: row["school_key"])
        ),
    )


def _through_the_nights(lines: list[dict[str, Any]]) -> SchoolNights:
    words: dict[int, str] = {}
    found: dict[tuple[str, str, str], list[int]] = {}
    for line in lines:
        lifted = line["verdict"] == "notice" and line["severity"] == "hold"
        known = words.get(line["release_id"])
        words[line["release_id"]] = "lifted" if lifted else known or line["verdict"]
        if line["rule_id"]:
            rule = (line["severity"], line["rule_id"], line["message"])
            found.setdefault(rule, []).append(line["release_id"])
    return SchoolNights(
        school_key=lines[0]["school_key"],
        school_source_id=lines[0]["school_source_id"],
        words=words,
        found=tuple(
            Found(rule_id, severity, message, tuple(releases))
            for (severity, rule_id, message), releases in sorted(found.items())
        ),
    )


def _grouped(connection: Connection[Any], rows: list[dict[str, Any]]) -> Iterator[Hold]:
    of_cause = ("rule_id", "failing_count", "message")
    for _, lines in groupby(rows, key=lambda row: row["school_key"]):
        found = list(lines)
        school = {name: value for name, value in found[0].items() if name not in of_cause}
        causes = tuple(Cause(**{name: row[name] for name in of_cause}) for row in found)
        since = held_since(connection, school["school_key"])
        yield Hold(**school, since_date=since or school["as_of_date"], causes=causes)
