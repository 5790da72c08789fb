"""Students whom the roster tells of, and no school: no list can hold them."""

from wraparound.warehouse.connection import Connection

# Placed by a class, a stay, or the school that person or role names; whether that has begun or
# is over says nothing here.
OF_NO_SCHOOL = """
    with users as (select * from raw.roster__users where _deleted_at is null),
    roles as (
        select user_sourced_id as id, org_sourced_id as org from raw.roster__roles
        where role = 'student' and _deleted_at is null
    ),
    named as (
        select sourced_id as id, org
        from users cross join lateral unnest(org_sourced_ids) as n(org)
        where role = 'student'
        union all
        select id, org from roles
    ),
    placed as (
        select n.id from named as n inner join raw.roster__orgs as o on o.sourced_id = n.org
        where o.type = 'school' and o._deleted_at is null
        union all
        select user_sourced_id from raw.roster__enrollments
        where role = 'student' and _deleted_at is null
        union all
        select _student_source_id from raw.roster__school_associations where _deleted_at is null
    )
    select count(*) as n from users as u
    where (u.role = 'student' or exists (select from roles as r where r.id = u.sourced_id))
        and not exists (select from placed as p where p.id = u.sourced_id)
"""


def students_of_no_school(connection: Connection) -> int:
    """How many students in force have no enrollment, no stay and no school of their own."""
    row = connection.execute(OF_NO_SCHOOL).fetchone()
    return int(row["n"]) if row else 0
