"""Days on which any school has lessons, as the calendars in force and the seed of codes say."""

from datetime import date
from pathlib import Path

from wraparound.warehouse.connection import Connection
from wraparound.warehouse.seed_files import seed_rows

SEED = "calendar_event_codes.csv"
# Several events of a school's day give one answer, as in the model of the calendar.
DAYS = """
    select distinct settled.day
    from (
        select distinct on (dates.school_id, dates.date) dates.date as day, codes.has_lessons
        from raw.calendar__dates as dates
        inner join unnest(%s::text[], %s::boolean[], %s::integer[])
            as codes (code, has_lessons, precedence)
            on lower(dates.calendar_event_descriptor) = lower(codes.code)
        where dates._deleted_at is null
        order by dates.school_id, dates.date, codes.precedence
    ) as settled
    where settled.has_lessons
"""


def days_with_lessons(connection: Connection, *, seeds: Path) -> frozenset[date]:
    """Every day on which at least one school has lessons; none where no calendar came.

    Raises:
        SettingsWrong: the seed of the calendar's codes is missing or lacks a column.
    """
    columns = ("calendar_event_code", "is_instructional", "precedence")
    codes = [
        (code, is_instructional == "true", precedence)
        for code, is_instructional, precedence in seed_rows(SEED, *columns, seeds=seeds)
    ]
    listed = [list(column) for column in zip(*codes, strict=True)] or [[], [], []]
    return frozenset(row["day"] for row in connection.execute(DAYS, listed))
