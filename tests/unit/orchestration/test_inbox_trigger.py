"""The inbox trigger, under asyncio alone: no triggerer, no database."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from wraparound.orchestration import triggers
from wraparound.orchestration.triggers import Announcer, InboxTrigger

ENOUGH_SECONDS = 60


class Ledger:
    """An inbox and a ledger in memory. Like ours, accepting is done once, for good."""

    def __init__(self) -> None:
        self.inbox: list[str] = []
        self.pending: list[int] = []
        self.accepted = 0
        self.looks = 0
        self.failures: list[Exception] = []

    def look(self, *, ask_ledger: bool) -> list[int] | None:
        self.looks += 1
        if self.failures:
            raise self.failures.pop(0)
        arrived, self.inbox = self.inbox, []
        for _ in arrived:
            self.accepted += 1
            self.pending.append(self.accepted)
        return list(self.pending) if arrived or ask_ledger else None


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    made = Ledger()
    monkeypatch.setattr(triggers, "look", made.look)
    return made


async def next_ids(events: AsyncIterator[Any]) -> list[int]:
    event = await asyncio.wait_for(anext(events), timeout=ENOUGH_SECONDS)
    return event.payload["arrival_ids"]


async def no_event(events: AsyncIterator[Any], *, ledger: Ledger, looks: int) -> bool:
    """No event comes while the trigger looks that many times more."""
    waiting = asyncio.ensure_future(anext(events))
    goal = ledger.looks + looks
    while ledger.looks < goal and not waiting.done():
        await asyncio.sleep(0)
    quiet = not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    return quiet


def test_three_files_at_once_are_one_event(ledger: Ledger) -> None:
    async def scene() -> list[int]:
        ledger.inbox = ["a", "b", "c"]
        return await next_ids(InboxTrigger(poll_seconds=0).run())

    assert asyncio.run(scene()) == [1, 2, 3]


def test_what_arrives_later_is_announced_with_what_still_waits(ledger: Ledger) -> None:
    async def scene() -> list[int]:
        events = InboxTrigger(poll_seconds=0).run()
        ledger.inbox = ["a"]
        await next_ids(events)
        ledger.inbox = ["b"]
        return await next_ids(events)

    assert asyncio.run(scene()) == [1, 2]


def test_the_same_arrivals_are_not_announced_twice_in_a_row(ledger: Ledger) -> None:
    async def scene() -> bool:
        events = InboxTrigger(poll_seconds=0).run()
        ledger.inbox = ["a"]
        await next_ids(events)
        return await no_event(events, ledger=ledger, looks=20)

    assert asyncio.run(scene())


def test_a_trigger_killed_after_accepting_loses_nothing(ledger: Ledger) -> None:
    async def scene() -> list[int]:
        ledger.inbox = ["a", "b"]
        ledger.look(ask_ledger=False)  # killed here: accepted, never announced
        return await next_ids(InboxTrigger(poll_seconds=0).run())

    assert asyncio.run(scene()) == [1, 2]


def test_a_trigger_killed_after_announcing_announces_what_nobody_claimed(ledger: Ledger) -> None:
    async def scene() -> list[int]:
        ledger.inbox = ["a"]
        first = InboxTrigger(poll_seconds=0).run()
        await next_ids(first)
        await first.aclose()
        return await next_ids(InboxTrigger(poll_seconds=0).run())

    assert asyncio.run(scene()) == [1]


def test_a_failing_scan_does_not_end_the_trigger(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> list[int]:
        ledger.failures = [OSError("Canary Unmistakable"), ValueError("Canary Unmistakable")]
        ledger.inbox = ["a"]
        return await next_ids(InboxTrigger(poll_seconds=0).run())

    assert asyncio.run(scene()) == [1]
    assert "OSError" in caplog.text
    assert "Canary" not in caplog.text


def test_an_event_holds_ids_and_a_count_only(ledger: Ledger) -> None:
    async def scene() -> Any:
        ledger.inbox = ["roster.zip"]
        return await anext(InboxTrigger(poll_seconds=0).run())

    assert asyncio.run(scene()).payload == {"arrival_ids": [1], "count": 1}


def test_a_trigger_is_made_again_from_its_serialized_form() -> None:
    path, arguments = InboxTrigger(poll_seconds=0.25).serialize()

    assert path == "wraparound.orchestration.triggers.InboxTrigger"
    assert InboxTrigger(**arguments).serialize() == (path, arguments)


def test_all_instances_share_one_scan() -> None:
    keys = {InboxTrigger(poll_seconds=seconds).shared_stream_key() for seconds in (0.1, 1, 5)}

    assert len(keys) == 1


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        pytest.param([([], 0)], [None], id="nothing pending is no news"),
        pytest.param([([1], 0), ([1], 30)], [[1], None], id="the same within the patience"),
        pytest.param([([1], 0), ([1], 61)], [[1], [1]], id="still waiting after the patience"),
        pytest.param(
            [([1], 0), ([1], 61), ([1], 130), ([1], 182)],
            [[1], [1], None, [1]],
            id="the patience doubles",
        ),
        pytest.param([([1, 2], 0), ([2], 1)], [[1, 2], None], id="the rest of what was told"),
        pytest.param([([1], 0), ([1, 2], 1)], [[1], [1, 2]], id="one more is news"),
        pytest.param([([1], 0), ([], 1), ([1], 2)], [[1], None, [1]], id="pending once again"),
    ],
)
def test_the_announcer_tells_only_news(
    steps: list[tuple[list[int], float]], told: list[list[int] | None]
) -> None:
    announcer = Announcer()

    assert [announcer.news(pending, clock=clock) for pending, clock in steps] == told


def test_an_empty_inbox_costs_no_connection(
    monkeypatch: pytest.MonkeyPatch, settings_in: Callable[..., Any]
) -> None:
    monkeypatch.setattr(triggers, "load_settings", settings_in)
    nights = pytest.importorskip("wraparound.orchestration.nights")
    monkeypatch.setattr(nights, "scan_inbox", _never)
    monkeypatch.setattr(nights, "pending_arrivals", _never)

    assert triggers.look(ask_ledger=False) is None


def _never(*_args: Any) -> Any:
    raise AssertionError("the warehouse was asked")


@pytest.fixture
def settings_in(tmp_path: Any) -> Callable[..., Any]:
    from wraparound.settings import Settings

    made = Settings(project_root=tmp_path, home=tmp_path, district_file=tmp_path / "d.yml")
    made.make_folders()
    return lambda: made
