"""Many small arrivals: no more mapped tasks than Airflow can bear, each arrival once, in order."""

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from wraparound.errors import LoadFailed
from wraparound.orchestration import nights, tasks


@pytest.mark.parametrize(
    ("count", "groups", "largest"),
    [(0, 0, 0), (1, 1, 1), (64, 64, 1), (65, 33, 2), (10_000, 64, 157)],
)
def test_arrivals_are_grouped_only_where_they_are_many(
    count: int, groups: int, largest: int
) -> None:
    made = tasks.in_groups(list(range(count)), most=64)

    assert len(made) == groups
    assert max(map(len, made), default=0) == largest
    assert [number for group in made for number in group] == list(range(count))


def loads(monkeypatch: pytest.MonkeyPatch, states: dict[int, str]) -> list[int]:
    """Let loading end in these states; the numbers that were loaded."""
    done: list[int] = []

    def load(_: Any, arrival_id: int) -> dict[str, Any]:
        if states[arrival_id] == "away":
            raise LoadFailed("The database is away.")
        done.append(arrival_id)
        counts: dict[str, Any] = dict.fromkeys(tasks.LOAD_COUNTS, 0)
        return counts | {"arrival_id": arrival_id, "state": states[arrival_id], "code": "W21"}

    monkeypatch.setattr(nights, "load_arrival", load)
    return done


def test_a_refused_arrival_of_a_group_fails_after_the_others_were_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = loads(monkeypatch, {1: "refused", 2: "loaded"})

    with pytest.raises(AirflowFailException, match=r"1 \(0\): W21"):
        tasks.load_arrivals.function(arrival_ids=[1, 2])
    assert done == [1, 2]


def test_a_warehouse_that_was_away_is_tried_again_after_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = loads(monkeypatch, {1: "away", 2: "loaded"})

    with pytest.raises(LoadFailed):
        tasks.load_arrivals.function(arrival_ids=[1, 2])
    assert done == [2]


def test_a_group_that_waits_for_a_person_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    loads(monkeypatch, {1: "braked"})

    with pytest.raises(AirflowSkipException):
        tasks.load_arrivals.function(arrival_ids=[1])


def test_the_counts_of_each_arrival_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    loads(monkeypatch, {1: "loaded", 2: "braked"})

    done = tasks.load_arrivals.function(arrival_ids=[1, 2])

    assert [(one["arrival_id"], one["state"]) for one in done] == [(1, "loaded"), (2, "braked")]
