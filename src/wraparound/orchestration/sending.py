"""Send providers what they may be told, and schools what did not reach them at night."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from wraparound.publishing import channels
from wraparound.publishing.channels import Sent, send_lists
from wraparound.publishing.delivery import deliver_lists
from wraparound.publishing.packets import Packet, send_packets
from wraparound.publishing.releases import live_releases
from wraparound.settings import Settings
from wraparound.warehouse.connection import connect
from wraparound.warehouse.roles import PUBLISHER


def packets(settings: Settings, *, today: date, out: Path | None = None) -> tuple[Packet, ...]:
    """Write every provider's packets, by default into the folder `packets` of the home.

    Each leaves with a disclosure in the same transaction as its delivery.
    """
    with connect(settings, role=PUBLISHER) as connection:
        return send_packets(settings, connection, today=today, out=out or settings.packets)


def send_again(settings: Settings, *, dispatch_ids: Iterable[int] = ()) -> Sent:
    """Try again what could not be sent: all that failed, or the dispatches named.

    Recipients are those of the newest school day that is shown, as at night.
    """
    with connect(settings, role=PUBLISHER) as connection:
        channels.wake(connection, dispatch_ids)
        written = deliver_lists(settings, connection).lists
        shown = max((live.as_of_date for live in live_releases(connection)), default=date.min)
        return send_lists(settings, connection, written, today=shown)


def give_up(settings: Settings, *, dispatch_ids: Iterable[int]) -> int:
    """Take dispatches off the list, as arrived or not wanted any more; returns how many."""
    with connect(settings, role=PUBLISHER) as connection:
        return channels.drop(connection, dispatch_ids)
