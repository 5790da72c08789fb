"""The key of what is told by the day begins with the day.

The raw tables are made from the contracts; a migration only brings along one that stands.
"""

from alembic import op

revision = "0016"
down_revision = "0015"

PERSON = ("student_unique_id", "school_id")
KIND = "attendance_event_category_descriptor"
# By table: what stands before the day in the contract, the day, and what follows it.
KEYS = {
    "attendance__events": (PERSON, "event_date", (KIND,)),
    "attendance__section_events": (
        PERSON,
        "event_date",
        ("section_identifier", "class_period_name", KIND),
    ),
    "calendar__dates": (("school_id", "calendar_code"), "date", ("calendar_event_descriptor",)),
}


def upgrade() -> None:
    for table, (before, day, after) in KEYS.items():
        _key_of(table, (day, *before, *after))


def downgrade() -> None:
    for table, (before, day, after) in KEYS.items():
        _key_of(table, (*before, day, *after))


def _key_of(table: str, columns: tuple[str, ...]) -> None:
    op.execute(
        f"do $do$ begin if to_regclass('raw.{table}') is not null then"
        f" alter table raw.{table} drop constraint {table}_key,"
        f" add constraint {table}_key unique nulls not distinct ({', '.join(columns)});"
        " end if; end $do$"
    )
