"""The same plan gives the same bytes, whatever else is going on."""

import os
import subprocess
import sys
from datetime import date

import pytest

from lib.district_builders import a_district, a_plan, digests, records
from wraparound.district import FEEDS, DistrictPlan, make_district

SCRIPT = """
import sys
from datetime import date
from pathlib import Path
from wraparound.district import DistrictPlan, make_district
plan = DistrictPlan(schools=3, students=90, seed=11, school_year=2026, through=date(2026, 3, 20))
make_district(plan, Path(sys.argv[1]))
"""


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    first = a_district(tmp_path / "first")
    second = a_district(tmp_path / "second")

    assert digests(first) == digests(second)


def test_the_hash_seed_of_the_process_does_not_matter(tmp_path):
    here = a_district(tmp_path / "here")
    there = tmp_path / "there"
    environ = os.environ | {"PYTHONHASHSEED": "4242"}
    subprocess.run([sys.executable, "-c", SCRIPT, str(there)], check=True, env=environ)

    assert digests(here) == digests(there)


def test_another_seed_gives_another_district(tmp_path):
    first = digests(a_district(tmp_path / "first"))
    second = digests(a_district(tmp_path / "second", seed=12))

    assert first["attendance.csv"] != second["attendance.csv"]
    assert first["roster.zip"] != second["roster.zip"]


def test_every_feed_is_written_once(tmp_path):
    report = make_district(a_plan(), tmp_path)

    assert tuple(file.feed for file in report.files) == FEEDS
    assert sorted(file.file_name for file in report.files) == sorted(digests(tmp_path))


def test_the_report_counts_the_rows_that_are_there(tmp_path):
    report = make_district(a_plan(), tmp_path)

    for file in report.files:
        for name, count in file.rows.items():
            member = name if file.file_name.endswith(".zip") else None
            assert len(records(tmp_path / file.file_name, member)) == count, name
    assert report.row_count == sum(file.row_count for file in report.files)
    assert report.school_count == 3


def test_only_the_feeds_asked_for_are_written(tmp_path):
    a_district(tmp_path, only=("attendance", "staff"))

    assert sorted(digests(tmp_path)) == ["attendance.csv", "staff.csv"]


def test_one_feed_is_the_same_alone_and_among_others(tmp_path):
    alone = digests(a_district(tmp_path / "alone", only=("attendance",)))
    among = digests(a_district(tmp_path / "among"))

    assert alone["attendance.csv"] == among["attendance.csv"]


@pytest.mark.parametrize("schools", [1, 2, 4, 60])
def test_districts_of_any_shape_can_be_made(tmp_path, schools):
    report = make_district(a_plan(schools=schools, students=40), tmp_path)

    assert report.school_count == schools
    assert len(records(tmp_path / "roster.zip", "orgs.csv")) == schools + 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"schools": 0}, "at least one school", id="no school"),
        pytest.param({"students": 3}, "at least 12 students", id="too few students"),
        pytest.param({"only": ("gossip",)}, "Unknown feed", id="unknown feed"),
        pytest.param({"since": date(2026, 4, 1)}, "lies after", id="since after through"),
        pytest.param({"through": date(2025, 8, 1)}, "begins on", id="before the first day"),
        pytest.param({"defects": ("gremlins",)}, "Unknown defect", id="unknown defect"),
        pytest.param(
            {"defects": ("bad_zip",), "only": ("staff",)}, "not written", id="defect without feed"
        ),
        pytest.param(
            {"defects": ("wrong_type",), "since": date(2026, 3, 20)},
            "too few",
            id="no row to spoil",
        ),
    ],
)
def test_a_plan_without_sense_is_refused(tmp_path, changes, words):
    with pytest.raises(ValueError, match=words):
        make_district(a_plan(**changes), tmp_path)


def test_a_plan_needs_no_more_than_its_five_numbers():
    plan = DistrictPlan(schools=1, students=12, seed=1, school_year=2026, through=date(2025, 9, 1))

    assert plan.feeds == FEEDS
