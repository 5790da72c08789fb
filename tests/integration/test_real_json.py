"""Other people's JSON, kept beside the checkout: counts as their README gives them."""

from datetime import date
from pathlib import Path

import pytest

from lib.directories import PANTRIES
from lib.warehouse_in_tests import (
    findings,
    is_conserved,
    landed_and_loaded,
    query,
    write_district,
)
from wraparound.orchestration import nights

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the sample data (../shared/data) are not beside the checkout"
)


def count(settings, table, condition="true"):
    (row,) = query(
        settings,
        f"select count(*) as n from raw.{table} where _deleted_at is null and {condition}",
    )
    return row["n"]


def loaded(settings, path, **words):
    found = landed_and_loaded(settings, DATA / path, **words)
    for arrival in found:
        assert arrival["state"] == "loaded", arrival["message"]
        assert is_conserved(arrival)
    return found


# ----------------------------------------------------------------- HSDS


@pytest.mark.parametrize("file", ["service_full.json", "service_list.json"])
def test_the_specifications_own_service_is_read_from_json(settings, file):
    (arrival,) = loaded(settings, f"hsds/hsds-spec-3.x-examples/{file}")
    assert (arrival["feed"], arrival["rows_quarantined"]) == ("providers", 0)
    services = query(
        settings,
        "select minimum_age, maximum_age, status from raw.providers__services",
    )
    assert [tuple(row.values()) for row in services] == [(12, 100, "active")]
    assert count(settings, "providers__organizations") == 1
    if file == "service_full.json":
        assert count(settings, "providers__service_at_location") == 1
        assert count(settings, "providers__locations", "latitude is null") == 1
        assert ("out_of_range", "latitude") in {(f[3], f[2]) for f in findings(settings)}


def test_a_directory_of_its_own_shape_is_read_by_a_profile(settings):
    write_district(settings, PANTRIES)
    (arrival,) = loaded(
        settings, "hsds/hsds-haarrrvest-cc0/western_massachusetts.jsonl", sender="pantries"
    )
    assert arrival["feed"] == "providers"
    tables = "organizations locations addresses"
    assert [count(settings, f"providers__{table}") for table in tables.split()] == [243] * 3
    (names,) = query(
        settings, "select count(distinct name) as n from raw.providers__organizations"
    )
    assert names["n"] == 241
    # What has no status is not offered, and is told.
    assert count(settings, "providers__services", "status = 'active'") == 8
    missing = [f for f in findings(settings) if f[2:4] == ("status", "required_value_missing")]
    assert len(missing) == 35


def test_every_odd_record_is_survived_and_told(settings):
    write_district(settings, PANTRIES)
    loaded(settings, "hsds/hsds-haarrrvest-cc0/odd_shapes.jsonl", sender="pantries")
    told = [f for f in findings(settings) if f[4] == "row"]
    # Lists and texts, those without a name, and the test records, each by its line.
    assert {f[1] for f in told if f[3] == "not_an_object"} == set(range(1, 32))
    assert {f[1] for f in told if f[2:4] == ("name", "required_value_missing")} == {
        *range(32, 41),
        42,
        50,
    }
    assert [f[1] for f in told if f[3] == "left_out_by_profile"] == [48, 49]
    names = {
        row["name"] for row in query(settings, "select name from raw.providers__organizations")
    }
    assert len(names) == 50 - 31 - 9 - 4
    assert not any(name.startswith("Sample") for name in names)
    offered = "status = 'active' and organization_id not in ("
    assert (
        count(
            settings,
            "providers__services",
            offered + "select id from raw.providers__organizations)",
        )
        == 0
    )


# ----------------------------------------------------------------- Ed-Fi


EDFI = "edfi/oea-edfi-json/Ed-Fi"


def test_an_api_extract_is_read_whole(settings):
    (arrival,) = loaded(settings, EDFI)
    assert (arrival["feed"], arrival["effective_at"].isoformat()) == (
        "roster",
        "2022-08-11T04:00:00+00:00",
    )
    assert count(settings, "roster__users", "role = 'student'") == 6501
    assert count(settings, "roster__demographics", "birth_date is not null") == 6501
    stays = query(
        settings,
        "select school_id, count(*) as n from raw.roster__school_associations"
        " group by school_id order by n desc",
    )
    assert [row["n"] for row in stays] == [2250, 1367, 1236, 860, 790]
    assert count(settings, "roster__courses") == 184
    # The school that is deleted on the day on which it came has 1,236 students in it.
    assert count(settings, "roster__orgs") == 6
    assert [f[2:] for f in findings(settings) if f[4] == "row"] == [
        ("sourcedId", "still_named", "row")
    ]
    assert {n["rule"] for n in arrival["notices"]} == {"resource_not_read"}


ENROLLED = {"2016-08-22": 5875, "2016-10-03": 5895, "2017-01-17": 5977, "2017-05-01": 6089}


def test_students_are_enrolled_on_the_days_on_which_they_were(settings):
    loaded(settings, EDFI)
    nights.build(settings, as_of=date(2017, 5, 1))
    (placed,) = query(
        settings,
        "select count(*) as n, count(distinct student_key) as children,"
        " count(distinct school_key) as schools, count(grade_level) as graded"
        " from intermediate.int_students_placed",
    )
    assert placed == {"n": 6089, "children": 6089, "schools": 5, "graded": 6089}
    days = query(
        settings,
        "select day::text, count(*) as n, count(distinct student_key) as children"
        " from intermediate.int_enrollment_spells_united, unnest(%s::date[]) as day"
        " where day >= from_date and day < to_date group by day",
        list(ENROLLED),
    )
    assert {row["day"]: row["n"] for row in days} == ENROLLED
    assert {row["day"]: row["children"] for row in days} == ENROLLED
    # The day of leaving still counts: the last day of school is not an empty one.
    (last,) = query(
        settings,
        "select count(*) as n from intermediate.int_enrollment_spells_united"
        " where from_date <= '2017-05-26' and to_date > '2017-05-26'",
    )
    assert last == {"n": 6089}
