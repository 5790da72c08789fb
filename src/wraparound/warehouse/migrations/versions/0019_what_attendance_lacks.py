"""How many rows of attendance were set aside and not read since, for each school."""

from alembic import op

revision = "0019"
down_revision = "0018"

# With the owner's rights, for the lines are nobody's to read: counts leave it, and ids of schools
# that are known. A row of nobody concerns no list; and of two rows that differ one was read.
SET_ASIDE = """
create view ops.attendance_set_aside as
select school.school_source_id, arrival.received_at,
    count(distinct (found.table_name, found.file_name, found.row_number)) as row_count
from ops.quarantine as found
inner join ops.arrival as arrival on found.arrival_id = arrival.arrival_id
inner join restricted.quarantine_line as line
    on found.arrival_id = line.arrival_id and found.table_name = line.table_name
    and found.file_name = line.file_name and found.row_number = line.row_number
inner join ops.school_crosswalk as school on line.cells ->> 'school_id' = school.school_source_id
where found.feed = 'attendance' and found.state = 'open' and found.scope = 'row'
    and found.rule not in ('student_unknown', 'conflicting_duplicate', 'left_out_by_profile')
group by school.school_source_id, arrival.arrival_id, arrival.received_at
"""


def upgrade() -> None:
    op.execute(SET_ASIDE)


def downgrade() -> None:
    op.execute("drop view ops.attendance_set_aside")
