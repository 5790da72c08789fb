"""Days on which any school has lessons, as the calendars in force and the seed of codes say."""

import csv
from datetime import date
from pathlib import Path

from wraparound.errors import SettingsWrong
from wraparound.warehouse.connection import Connection

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
    try:
        with (seeds / SEED).open(encoding="utf-8", newline="") as stream:
            codes = [
                (row["calendar_event_code"], row["is_instructional"] == "true", row["precedence"])
                for row in csv.DictReader(stream)
            ]
    except (OSError, KeyError) as exc:
        raise SettingsWrong(f"The seed {SEED} is missing, or a column of it.") from exc
    columns = [list(column) for column in zip(*codes, strict=True)] or [[], [], []]
    return frozenset(row["day"] for row in connection.execute(DAYS, columns))
