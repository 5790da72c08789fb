"""Why a service is on a child's list or is not, and what became of a need: asked on demand.

Answers are read from the last build. They name children and services by their ids alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wraparound.errors import ReleaseMissing
from wraparound.settings import Settings
from wraparound.warehouse.connection import Connection, Row, connect
from wraparound.warehouse.identities import keys_of

JUDGED = """
    select a.need_id, a.rule_id, f.service_id is not null as is_candidate, f.service_category,
        f.failed_bits, f.is_fit, f.excluded_by, f.parked_until_date, f.distance_km,
        c.choice_number, p.place_outcome, p.line_number, s.place_count, s.waiting_count,
        a.is_asking
    from intermediate.int_needs_asked as a
    left join intermediate.int_service_fits_judged as f
        on f.need_id = a.need_id and f.service_id = %(service_id)s
    left join intermediate.int_service_choices_ranked as c
        on c.need_id = a.need_id and c.service_id = %(service_id)s
    left join intermediate.int_places_allocated as p
        on p.need_id = a.need_id and p.service_id = %(service_id)s
    left join marts.fct_service_places as s on s.service_id = %(service_id)s
    where a.student_key = %(student_key)s
    order by a.need_number
"""
CRITERIA = "select * from seeds.fit_criteria order by criterion_order"
CATEGORIES = """
    select service_category from intermediate.int_service_categories_matched
    where service_id = %s order by service_category collate "C"
"""
WANTED = "select service_category from seeds.need_services where rule_id = %s order by preference"
# A child stands once in a line, with the first of its needs that asks there.
LINE = """
    select distinct on (p.place_outcome, p.line_number) p.place_outcome, p.line_number,
        q.student_source_id, q.school_source_id, q.rule_id, q.level
    from intermediate.int_places_allocated as p
    inner join reports.rpt_referral_queue as q on q.need_id = p.need_id
    where p.service_id = %s and p.line_number is not null
    order by p.place_outcome, p.line_number, (q.priority ->> 'district_rank')::integer
"""
GAPS = """
    select school_source_id, postal_code, category_label, need_count, student_count,
        referred_count, without_service_count, without_place_count
    from reports.rpt_service_gaps
    order by without_service_count + without_place_count desc, school_source_id, service_category
"""
OUTCOMES = {
    "place": "a place: no. {line} of {places} free",
    "ask": "may be asked: nobody says how many places there are",
    "waiting": "no place: no. {line} of {waiting} who wait",
    "not_needed": "not needed: an earlier choice has a place",
}


@dataclass(frozen=True)
class Criterion:
    """One criterion: whether it is met, what it costs if not, and the words for that."""

    criterion: str
    is_met: bool
    effect: str
    failed_wording: str


@dataclass(frozen=True)
class Answer:
    """Why one service does or does not stand beside one open need."""

    need_id: str
    rule_id: str
    verdict: str
    criteria: tuple[Criterion, ...]


def why(settings: Settings, *, student: str, service: str) -> tuple[Answer, ...]:
    """Explain a service for each open need of a student, by the roster's and directory's ids.

    Raises:
        ReleaseMissing: no student or no service of that id is known to the last build.
    """
    with connect(settings) as connection:
        _need_a_build(connection)
        student_key = _student_key(connection, student)
        _known_service(connection, service)
        criteria = connection.execute(CRITERIA).fetchall()
        words = {"service_id": service, "student_key": student_key}
        rows = connection.execute(JUDGED, words).fetchall()
        return tuple(
            Answer(
                need_id=row["need_id"],
                rule_id=row["rule_id"],
                verdict=_verdict(connection, row, service=service, criteria=criteria),
                criteria=_criteria(row, criteria),
            )
            for row in rows
        )


def directory_findings(settings: Settings) -> list[Row]:
    """Return what a person should look at in the directory; nothing was merged or changed.

    Raises:
        ReleaseMissing: nothing has been built.
    """
    with connect(settings) as connection:
        _need_a_build(connection)
        return connection.execute(
            "select finding, entity, entity_id, other_id from marts.fct_directory_findings"
            ' order by finding, entity, entity_id collate "C", other_id collate "C"'
        ).fetchall()


def line_at(settings: Settings, *, service: str) -> list[Row]:
    """Return who has a suggested place at a service and who waits, in their order, by ids.

    Raises:
        ReleaseMissing: nothing has been built, or no service of that id is known.
    """
    with connect(settings) as connection:
        _need_a_build(connection)
        _known_service(connection, service)
        return connection.execute(LINE, [service]).fetchall()


def service_gaps(settings: Settings) -> list[Row]:
    """Return what is missing: needs without a service or a place, by school and category.

    Raises:
        ReleaseMissing: nothing has been built.
    """
    with connect(settings) as connection:
        _need_a_build(connection)
        return connection.execute(GAPS).fetchall()


def _need_a_build(connection: Connection) -> None:
    found = connection.execute(
        "select to_regclass('intermediate.int_service_fits_judged') as name"
    ).fetchone()
    if found is None or found["name"] is None:
        raise ReleaseMissing("Nothing has been built yet. Run `wraparound build` first.")


def _student_key(connection: Connection, student: str) -> int:
    keys = keys_of(connection, student)
    if not keys:
        raise ReleaseMissing("No student of that id is known. Give the roster's sourcedId.")
    return keys[0]


def _known_service(connection: Connection, service: str) -> None:
    query = "select from marts.dim_services where service_id = %s"
    if connection.execute(query, [service]).fetchone() is None:
        raise ReleaseMissing("No service of that id is known. Give the directory's id.")


def _criteria(row: Row, criteria: Sequence[Row]) -> tuple[Criterion, ...]:
    if not row["is_candidate"]:
        return ()
    return tuple(
        Criterion(
            criterion=one["criterion"],
            is_met=not row["failed_bits"] >> (one["criterion_order"] - 1) & 1,
            effect=one["effect"],
            failed_wording=one["failed_wording"],
        )
        for one in criteria
    )


def _verdict(connection: Connection, row: Row, *, service: str, criteria: Sequence[Row]) -> str:
    if not row["is_candidate"]:
        offers = _listed(connection, CATEGORIES, service) or "no category that is known"
        wanted = _listed(connection, WANTED, row["rule_id"])
        return f"left out: it is in {offers}; the need looks in {wanted}"
    if not row["is_fit"]:
        words = {one["criterion"]: one["failed_wording"] for one in criteria}
        until = row["parked_until_date"] if row["excluded_by"] == "not_parked" else None
        return f"left out: {words[row['excluded_by']]}" + (f", until {until}" if until else "")
    if row["choice_number"] is None:
        return "fits, and so many others fit better that it is not considered"
    place = "" if row["place_outcome"] is None else f"; {_place(row)}"
    if not row["is_asking"]:
        place = "; the need does not ask for a place: a referral is under way, or no consent"
    return f"fits: choice {row['choice_number']}{place}"


def _place(row: Row) -> str:
    return OUTCOMES[row["place_outcome"]].format(
        line=row["line_number"], places=row["place_count"], waiting=row["waiting_count"]
    )


def _listed(connection: Connection, query: Any, word: str) -> str:
    rows = connection.execute(query, [word]).fetchall()
    return ", ".join(str(row["service_category"]) for row in rows)
