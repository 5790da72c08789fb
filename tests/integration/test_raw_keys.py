"""The keys of the raw tables, as they are made and as a migration brings them along."""

from lib.warehouse_in_tests import downgrade, query
from wraparound.warehouse.migrate import migrate

BY_DAY = {"attendance__events", "attendance__section_events", "calendar__dates"}
KEYS = (
    "select conrelid::regclass::text as name, pg_get_constraintdef(oid) as said"
    " from pg_constraint where contype = 'u' and connamespace = 'raw'::regnamespace"
)


def keys(settings):
    return {row["name"].removeprefix("raw."): row["said"] for row in query(settings, KEYS)}


def test_the_key_of_what_is_told_by_the_day_begins_with_it(settings):
    found = keys(settings)

    assert found["attendance__events"] == (
        "UNIQUE NULLS NOT DISTINCT (event_date, student_unique_id, school_id,"
        " attendance_event_category_descriptor)"
    )
    assert "(student_id, competency_id, assessed_on)" in found["competencies__results"]


def test_a_table_that_stands_gets_the_key_that_a_new_one_has(settings):
    new = keys(settings)

    downgrade(settings, "0015")
    old = keys(settings)
    migrate(settings)

    assert {name for name in new if old[name] != new[name]} == BY_DAY
    assert keys(settings) == new
