"""Every published rate of attendance, once more in plain Python from the files as delivered.

The reference knows the definitions and nothing of the models: it reads the same files, walks
day by day and child by child, and must come to the same numbers exactly.
"""

import csv
from collections import defaultdict
from datetime import date
from fractions import Fraction

import pytest

from lib.attendance_reference import (
    AS_OF,
    PRESETS,
    age_on,
    days_of,
    expected_rows,
)
from lib.dbt_in_tests import PROJECT, run_dbt
from lib.district_builders import records
from lib.warehouse_in_tests import a_fresh_warehouse
from wraparound.warehouse import connection as connections

BUILT_WITH = "connecticut"
WANTED = ("fct_attendance_to_date", "fct_truancy_to_date")


@pytest.fixture(scope="module")
def warehouse(built_town, tmp_path_factory):
    """Settings of a copy of the built warehouse, to put other presets into."""
    with a_fresh_warehouse(built_town, tmp_path_factory.mktemp("presets")) as settings:
        yield settings


# The one left out differs from these in numbers only, not in how a day is read.
@pytest.fixture(scope="module", params=["connecticut", "edfacts", "california", "new_jersey"])
def answers(request, warehouse):
    """The models' rows under one preset, and its name."""
    preset = request.param
    if preset != BUILT_WITH:
        with connections.connect(warehouse) as connection:
            connection.execute(
                "update seeds.settings set setting_value = %s"
                " where setting_id = 'attendance_preset'",
                (preset,),
            )
        # A preset moves only what reads the settings.
        target = warehouse.dbt_dir / "target"
        run_dbt(warehouse, "run", "--select", *CHANGED, as_of=AS_OF, target=target)
    with connections.connect(warehouse) as connection:
        to_date, truancy = (
            connection.execute(f"select * from marts.{name}").fetchall() for name in WANTED
        )
    return preset, to_date, truancy


CHANGED = (
    "int_settings_pivoted",
    "int_students_identified",
    "int_attendance_events_decided",
    "int_suspension_days_expanded",
    "int_attendance_exceptions_placed",
    "fct_attendance_days",
    "int_attendance_by_school_summed",
    "int_attendance_overlaps_decided",
    "int_attendance_in_district_summed",
    "int_attendance_counts_united",
    *WANTED,
)


def test_every_count_band_and_flag_is_the_references(answers, town):
    preset, to_date, _ = answers
    expected = expected_rows(town, definitions=PRESETS[preset])
    # A stay that has not begun a school day has nothing to say.
    rows = {
        (row["student_source_id"], row["scope"], row["school_source_id"]): row
        for row in to_date
        if row["days_enrolled"] > 0
    }

    assert rows.keys() == expected.keys()
    for key, wanted in expected.items():
        assert {name: rows[key][name] for name in wanted if name != "rate"} == {
            name: value for name, value in wanted.items() if name != "rate"
        }


def test_every_rate_is_the_references(answers, town):
    preset, to_date, _ = answers
    expected = expected_rows(town, definitions=PRESETS[preset])

    for row in to_date:
        key = (row["student_source_id"], row["scope"], row["school_source_id"])
        if row["days_enrolled"] > 0:
            wanted = expected[key]["rate"]
            # The quotient is written with many digits; the fraction behind it is compared.
            found = Fraction(row["absence_rate"]).limit_denominator(row["days_enrolled"])
            assert found == wanted


def test_truancy_is_the_references(answers, town):
    preset, _, truancy = answers
    definitions = PRESETS[preset]
    dates = defaultdict(set)
    for (student, _, day), kind in days_of(town, definitions=definitions).items():
        dates[student] |= {day} if kind == "unexcused" else set()
    births = {
        row["sourcedId"]: date.fromisoformat(row["birthDate"])
        for row in records(town / "roster.zip", "demographics.csv")
    }

    assert {row["student_source_id"] for row in truancy} == dates.keys()
    for row in truancy:
        found = dates[row["student_source_id"]]
        months = [sum(day.startswith(month) for day in found) for month in {d[:7] for d in found}]
        age = age_on(AS_OF, born=births[row["student_source_id"]])
        of_age = definitions.truancy_ages[0] <= age <= definitions.truancy_ages[1]
        assert row["unexcused_days_in_year"] == len(found)
        assert row["most_unexcused_days_in_month"] == max(months, default=0)
        by_month = flag(max(months, default=0), definitions.truancy_month, of_age=of_age)
        by_year = flag(len(found), definitions.truancy_year, of_age=of_age)
        assert (row["is_truant_by_month"], row["is_truant_by_year"]) == (by_month, by_year)


def flag(count, limit, *, of_age):
    """A rule that is not there says nothing; a child of another age is not truant by one."""
    return None if limit is None else of_age and count >= limit


def test_presets_name_the_same_settings():
    with (PROJECT / "seeds" / "setting_presets.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    named = {
        preset: {r["setting_id"] for r in rows if r["preset"] == preset} for preset in PRESETS
    }

    assert {row["preset"] for row in rows} == set(PRESETS)
    assert len({frozenset(settings) for settings in named.values()}) == 1
