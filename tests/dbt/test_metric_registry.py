"""The arithmetic of the eight equity indicators, held against the registry."""

import csv
from decimal import Decimal
from pathlib import Path

import pytest

SEEDS = Path(__file__).parents[2] / "dbt_project" / "seeds"


def metrics():
    with (SEEDS / "metrics.csv").open(encoding="utf-8", newline="") as lines:
        return {row["metric_id"]: row for row in csv.DictReader(lines)}


def reduced(row):
    """What the plan's reduction makes of the baseline."""
    return Decimal(row["baseline"]) * (100 - Decimal(row["reduction_percent"])) / 100


@pytest.mark.parametrize(
    ("metric_id", "baseline", "comparator", "target"),
    [
        ("chronic_absenteeism", "25.1", "<", "10"),
        ("oss_events", "4835", "<=", "483.5"),
        ("grade_3_reading", "49", ">=", "75"),
        ("algebra_1_by_grade_9", "55", ">=", "80"),
        ("four_year_graduation", "71.5", ">=", "90"),
        ("success_plan_and_adult", "72", ">=", "100"),
        ("college_career_access", "75.92", ">=", "100"),
        ("college_acceptance", "72.5", ">=", "100"),
    ],
)
def test_baselines_and_targets_are_the_plans(metric_id, baseline, comparator, target):
    row = metrics()[metric_id]

    assert (row["baseline"], row["comparator"], row["target"]) == (baseline, comparator, target)


def test_sixty_percent_less_is_not_below_ten():
    row = metrics()["chronic_absenteeism"]

    assert reduced(row) == Decimal("10.04")
    assert not reduced(row) < Decimal(row["target"])
    assert "10.04" in row["note"]


def test_ninety_percent_fewer_suspensions_are_at_most_483():
    row = metrics()["oss_events"]

    assert reduced(row) == Decimal(row["target"])
    assert int(reduced(row)) == 483


def test_halfway_in_reading_is_not_quite_the_target():
    row = metrics()["grade_3_reading"]

    assert (Decimal(row["baseline"]) + 100) / 2 == Decimal("74.5")
    assert "74.5" in row["note"]


def test_two_indicators_fall_and_six_rise():
    directions = [row["direction"] for row in metrics().values()]

    assert (directions.count("falls"), directions.count("rises")) == (2, 6)


def test_what_has_no_definition_is_not_computed():
    for row in metrics().values():
        assert row["is_computed"] == "false" or (row["numerator"] and row["denominator"])


def test_no_baseline_year_is_invented():
    assert {row["baseline_year"] for row in metrics().values()} == {""}
