"""Who may read which school on which day, and reading as one of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from psycopg import Connection
from psycopg.rows import tuple_row

# Whose schools are whose: the roles of the staff feed that see a school's children.
SEEING_ROLES = ("site_coordinator", "program_manager")


@contextmanager
def reading_as(
    connection: Connection[Any], staff_source_id: str, *, today: date
) -> Iterator[None]:
    """Run one transaction with the rights of a coordinator on a day, and no others.

    The server that answers coordinators does this for each request: the login says who it
    is, the district's clock says the day. Without either setting nobody sees a row.
    """
    connection.commit()
    with connection.transaction():
        connection.execute("set local role wraparound_coordinator")
        connection.execute(
            "select set_config('app.coordinator', %s, true), set_config('app.today', %s, true)",
            (staff_source_id, today.isoformat()),
        )
        yield


def refresh_assignments(connection: Connection[Any]) -> int:
    """Let the assignments be those of the staff feed; returns how many there are.

    Days are half-open, [valid_from, valid_to). Who moves at some later day sees the new
    school from that day on, whether or not anything is published that night.
    """
    connection.execute(
        """
        with wanted as (
            -- The feed may say the same start twice, with two ends: the later end counts.
            select s.staff_id as staff_source_id, c.school_key, s.role as staff_role,
                s.begin_date as valid_from,
                case when count(*) = count(s.end_date) then max(s.end_date) end as valid_to
            from raw.staff__assignments s
            inner join ops.school_crosswalk c on c.school_source_id = s._school_source_id
            where s._deleted_at is null and s.role = any (%s)
            group by 1, 2, 3, 4
        ),
        ended as (
            delete from release.assignment a where not exists (
                select from wanted w
                where (w.staff_source_id, w.school_key, w.staff_role, w.valid_from)
                    = (a.staff_source_id, a.school_key, a.staff_role, a.valid_from)
            )
        )
        insert into release.assignment
            (staff_source_id, school_key, staff_role, valid_from, valid_to)
        select staff_source_id, school_key, staff_role, valid_from, valid_to from wanted
        on conflict (staff_source_id, school_key, staff_role, valid_from) do update
        set valid_to = excluded.valid_to
        where assignment.valid_to is distinct from excluded.valid_to
        """,
        (list(SEEING_ROLES),),
    )
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute("select count(*) from release.assignment").fetchone()
    return int(row[0]) if row else 0
