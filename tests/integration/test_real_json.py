"""Other people's JSON, kept beside the checkout: counts as their README gives them."""

from pathlib import Path

import pytest

from lib.warehouse_in_tests import (
    findings,
    is_conserved,
    landed_and_loaded,
    query,
    write_district,
)

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


PANTRIES = """
senders:
  pantries:
    title: Food pantries, scraped
    feeds:
      providers:
        files: ["*.jsonl"]
        tables:
          organizations:
            each: raw
            columns: &organization
              id: [hash, raw.id]
              name: raw.name
              description: raw.description
            leave_out: {raw.name: ["Sample *", "Test *"]}
          locations:
            each: raw.locations[]
            columns:
              id: [hash, "raw.locations[].id"]
              organization_id: [hash, raw.id]
          services:
            each: raw.services[]
            columns:
              id: [hash, "raw.services[].id"]
              organization_id: [hash, raw.id]
              program_id: [hash, "raw.services[].program_id"]
          addresses:
            each: raw.locations[].addresss|addresses|address[]
            columns:
              id: [hash, "raw.locations[].addresss|addresses|address[].id"]
              location_id: [hash, "raw.locations[].id"]
          schedules:
            each: raw.services[].schedules[]
            columns:
              id: [hash, "raw.services[].id", "raw.services[].schedules[]#"]
              service_id: [hash, "raw.services[].id"]
"""


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
