"""What tasks make of many small arrivals, and of a person's answer or silence."""

import errno
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from wraparound.errors import LoadFailed, WarehouseMissing, WraparoundError
from wraparound.orchestration import approvals, asking, assets, nights, tasks


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


@pytest.fixture(autouse=True)
def no_warehouse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nights, "prepare", lambda _settings: None)


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


class Outlets:
    """What a task told of, in place of Airflow's accessors."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def __getitem__(self, _: Any) -> "Outlets":
        return self

    def add(self, asset: Any) -> None:
        self.told.append(asset)


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize(("verdict", "told"), [("hold", [assets.HELD]), ("notice", [])])
def test_a_held_school_is_told_of_each_time(
    monkeypatch: pytest.MonkeyPatch, verdict: str, told: list[Any], *, is_new: bool
) -> None:
    # A worker may die between publishing and telling; the next try finds nothing new.
    done = {"is_new": is_new, "schools": [{"verdict": "pass"}, {"verdict": verdict}]}
    monkeypatch.setattr(nights, "publish", lambda *_, **__: done)
    monkeypatch.setattr(nights, "not_behind", lambda _, day: day)
    outlets = Outlets()

    tasks.publish_release.function(as_of="2026-11-20", outlet_events=outlets)

    assert outlets.told == told


@pytest.mark.parametrize(
    ("named", "published"), [(None, date(2026, 11, 23)), ("2026-11-20", date(2026, 11, 20))]
)
def test_a_task_that_is_cleared_goes_back_to_a_day_by_name_only(
    monkeypatch: pytest.MonkeyPatch, named: str | None, published: date
) -> None:
    days: list[date] = []
    monkeypatch.setattr(nights, "not_behind", lambda *_: date(2026, 11, 23))
    monkeypatch.setattr(
        nights, "publish", lambda *_, as_of, **__: days.append(as_of) or {"schools": []}
    )

    tasks.publish_release.function(as_of="2026-11-20", params={"as_of": named})

    assert days == [published]


def test_a_warehouse_that_was_away_is_tried_again_after_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = loads(monkeypatch, {1: "away", 2: "loaded"})

    with pytest.raises(LoadFailed):
        tasks.load_arrivals.function(arrival_ids=[1, 2])
    assert done == [2]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "lists/x.html"), "lists/x.html cannot"),
        (psycopg.errors.DiskFull("the row was T-Alder"), "The warehouse was lost"),
        (WarehouseMissing("Nothing answers."), "Nothing answers."),
    ],
)
def test_what_the_machine_does_to_a_task_is_told_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(nights, "not_behind", broken)
    with pytest.raises(WraparoundError, match=told) as raised:
        tasks.publish_release.function(as_of="2026-11-20")
    assert "T-Alder" not in str(raised.value)
    decision = tasks.PATIENT["retry_policy"].evaluate(raised.value, 1, 5)
    assert decision.action is RetryAction.RETRY


def test_a_group_that_waits_for_a_person_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    loads(monkeypatch, {1: "braked"})

    with pytest.raises(AirflowSkipException):
        tasks.load_arrivals.function(arrival_ids=[1])


def test_the_counts_of_each_arrival_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    loads(monkeypatch, {1: "loaded", 2: "braked"})

    done = tasks.load_arrivals.function(arrival_ids=[1, 2])

    assert [(one["arrival_id"], one["state"]) for one in done] == [(1, "loaded"), (2, "braked")]


ALLOW = "Show release 3 to T-ALDER"
REED = {"id": "7", "name": "R. Reed"}


@pytest.mark.parametrize(
    ("chosen", "by", "done", "told"),
    [
        (ALLOW, REED, "shown", [(ALLOW, "R. Reed", "The children left.")]),
        (approvals.KEEP, REED, "kept", []),
        (approvals.KEEP, None, "kept", []),
        # Airflow takes the default where nobody answers; whoever changed it lifts nothing.
        (ALLOW, None, "kept", []),
    ],
)
def test_only_a_person_lifts_a_hold(
    monkeypatch: pytest.MonkeyPatch,
    chosen: str,
    by: dict[str, str] | None,
    done: str,
    told: list[tuple[str, str, str]],
) -> None:
    lifted: list[tuple[str, str, str]] = []

    def lift(_: Any, *, allow: str, by: str, reason: str) -> str:
        lifted.append((allow, by, reason))
        return approvals.SHOWN

    monkeypatch.setattr(approvals, "lift", lift)
    asked = asking.HoldQuestion(
        task_id="ask",
        subject="School {{ T-ALDER }}",
        options=[ALLOW, approvals.KEEP],
        params={asking.REASON: None},
    )
    event = {
        "chosen_options": [chosen],
        "params_input": {asking.REASON: "The children left." if by else None},
        "responded_at": datetime(2026, 11, 3, 8, tzinfo=UTC),
        "responded_by_user": by,
        "timedout": by is None,
    }

    assert asked.execute_complete({}, event) == done
    assert lifted == told
    assert list(asked.template_fields) == []


class OtherRuns:
    """What a task of `approve` may ask of Airflow: states of the asking tasks, and questions."""

    dag_id, task_id, run_id = "approve", "find_held", "this"

    def __init__(self, states: dict[str, dict[str, str | None]], asked: list[str]) -> None:
        self.states = states
        self.asked = [{"options": [words, approvals.KEEP]} for words in asked]

    def get_task_states(self, *, dag_id: str, task_ids: list[str]) -> Any:
        assert (dag_id, task_ids) == ("approve", ["ask"])
        return self.states

    def xcom_pull(self, *, task_ids: str, run_id: str) -> Any:
        assert (task_ids, run_id) == ("find_held", "other")
        return self.asked


@pytest.mark.parametrize(
    ("states", "asks"),
    [
        ({}, True),
        ({"other": {"ask_0": "awaiting_input", "ask_1": "success"}}, False),
        ({"other": {"ask_0": "success", "ask_1": "awaiting_input"}}, True),
        ({"other": {"ask": None}}, False),
        ({"other": {"ask": "skipped"}}, True),
        # The task was cleared: what this run asked before is gone.
        ({"this": {"ask_0": "awaiting_input"}}, True),
    ],
)
def test_a_question_that_waits_for_a_person_is_not_asked_twice(
    monkeypatch: pytest.MonkeyPatch, states: Any, *, asks: bool
) -> None:
    question = approvals.Question(3, "T-ALDER", ("r",), "School T-ALDER", "Held.")
    monkeypatch.setattr(approvals, "open_questions", lambda _: (question,))

    found = asking.find_held.function(ti=OtherRuns(states, [ALLOW, "Show release 3 to T-BIRCH"]))

    assert [one["options"][0] for one in found] == ([ALLOW] if asks else [])
