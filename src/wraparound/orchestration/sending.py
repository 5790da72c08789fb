"""Send providers what they may be told."""

from datetime import date
from pathlib import Path

from wraparound.orchestration.nights import prepare
from wraparound.publishing.packets import Packet, send_packets
from wraparound.settings import Settings
from wraparound.warehouse.connection import connect
from wraparound.warehouse.roles import PUBLISHER


def packets(settings: Settings, *, today: date, out: Path | None = None) -> tuple[Packet, ...]:
    """Write every provider's packets, by default into the folder `packets` of the home.

    Each leaves with a disclosure in the same transaction as its delivery.
    """
    prepare(settings)
    with connect(settings, role=PUBLISHER) as connection:
        return send_packets(
            settings, connection, today=today, out=out or settings.home / "packets"
        )
