"""The event trigger of the inbox. It accepts what has arrived, then wakes whoever loads it.

The ledger is the truth: an event only says that something is there. So the trigger may be
killed, started twice or miss a beat, and nothing is lost: what is pending is announced again.
"""

# Airflow's decorators and bases carry no types here.
# mypy: disable-error-code="untyped-decorator, misc"

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from wraparound.settings import load_settings

log = logging.getLogger(__name__)

LEDGER_LOOK_SECONDS = 15.0
FIRST_PATIENCE_SECONDS = 60.0
LONGEST_PATIENCE_SECONDS = 900.0


@dataclass
class Announcer:
    """Decides whether what is pending is news.

    The same arrivals are not announced twice in a row, unless they still wait after a patience
    that doubles each time: then the event was lost, or its run failed.
    """

    announced: frozenset[int] = frozenset()
    patience: float = FIRST_PATIENCE_SECONDS
    announced_at: float = 0.0

    def news(self, pending: list[int], *, clock: float) -> list[int] | None:
        """The pending arrivals if they should be announced now, else None."""
        if not pending:
            self.announced = frozenset()
            return None
        if not set(pending) <= self.announced:
            self.patience = FIRST_PATIENCE_SECONDS
        elif clock - self.announced_at < self.patience:
            return None
        else:
            self.patience = min(self.patience * 2, LONGEST_PATIENCE_SECONDS)
        self.announced = frozenset(pending)
        self.announced_at = clock
        return pending


class InboxTrigger(BaseEventTrigger):
    """Fires when complete files were accepted from the inbox. All instances share one scan."""

    def __init__(self, *, poll_seconds: float = 0.5) -> None:
        super().__init__()
        self.poll_seconds = poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class and its arguments: the inbox itself is a setting of the triggerer."""
        return (f"{type(self).__module__}.{type(self).__qualname__}", self._arguments())

    def _arguments(self) -> dict[str, Any]:
        return {"poll_seconds": self.poll_seconds}

    def shared_stream_key(self) -> Hashable:
        """One inbox, one scan."""
        return ("wraparound-inbox",)

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[list[int]]:
        """Look for ever; yield the ids of the pending arrivals whenever they are news."""
        announcer = Announcer()
        ledger_due = 0.0
        while True:
            clock = time.monotonic()
            try:
                pending = await asyncio.to_thread(look, ask_ledger=clock >= ledger_due)
                if pending is not None:
                    ledger_due = clock + LEDGER_LOOK_SECONDS
                    news = announcer.news(pending, clock=clock)
                    if news:
                        yield news
            except Exception as exc:
                # Airflow would start a trigger that raises again at once, without a pause. The
                # type is enough: texts of driver errors may quote a value.
                log.warning("inbox scan failed: %s; looking again", type(exc).__name__)
                # The ledger may be another one when it comes back.
                announcer, ledger_due = Announcer(), 0.0
            await asyncio.sleep(kwargs["poll_seconds"])

    async def filter_shared_stream(
        self, shared_stream: AsyncIterator[list[int]]
    ) -> AsyncIterator[TriggerEvent]:
        """Turn each announcement into an event of ids and a count."""
        async for ids in shared_stream:
            yield TriggerEvent({"arrival_ids": ids, "count": len(ids)})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """The same without sharing, for a triggerer that knows no shared streams."""
        async for event in self.filter_shared_stream(self.open_shared_stream(self._arguments())):
            yield event


def look(*, ask_ledger: bool) -> list[int] | None:
    """Accept what lies complete in the inbox, and tell which arrivals are pending.

    Returns: None where the inbox brought nothing and the ledger was not to be asked.
    """
    from wraparound.landing.inbox import lying_in
    from wraparound.orchestration import nights

    settings = load_settings()
    # A look at the folder costs nothing; a connection to the warehouse does.
    accepted = nights.scan_inbox(settings) if any(lying_in(settings.inbox)) else []
    return nights.pending_arrivals(settings) if accepted or ask_ledger else None
