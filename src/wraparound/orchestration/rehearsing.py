"""A dry run: everything up to the last step, in one transaction that is rolled back."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from wraparound.contracts.district import District, load_district
from wraparound.errors import WraparoundError
from wraparound.orchestration import nights
from wraparound.settings import Settings
from wraparound.warehouse import ledger
from wraparound.warehouse.connection import Connection, connect
from wraparound.warehouse.receipts import receipt
from wraparound.warehouse.roles import LOADER

Receipt = dict[str, Any]
KNOWN = (
    "These bytes were loaded as arrival {0} already: what is told is what became of them then. "
    "`wraparound quarantine replay {0}` judges what was set aside under the settings of now."
)


def rehearse_pending(settings: Settings) -> list[Receipt]:
    """What the next ingest would make of all that was landed, in loading order.

    Each arrival meets what those before it would have left. The warehouse stays as it is.
    """
    district = load_district(settings.district_file)
    with connect(settings, role=LOADER) as connection:
        waiting = ledger.pending(connection)
        _rehearse(settings, connection, waiting, settings.archive, district=district)
        return _told_and_undone(connection, waiting)


def rehearse_files(
    settings: Settings,
    paths: Iterable[Path],
    *,
    feed: str | None = None,
    sender: str | None = None,
    effective_at: datetime | None = None,
    say: Callable[[str], None],
) -> list[Receipt]:
    """What would become of files, were they landed and loaded now; neither is done.

    Of bytes that were loaded before it is said that nothing would be done.

    Raises:
        ArrivalIncomplete: a file is missing, or changed while it was read.
    """
    district = nights.district_with(settings, sender=sender, feed=feed)
    with (
        # Beside the archive, for it holds what the archive holds: copies of the files.
        TemporaryDirectory(prefix="rehearsal-", dir=settings.home) as name,
        connect(settings, role=LOADER) as connection,
    ):
        landed = [
            arrival
            for found in nights.deliveries(paths, district=district, sender=sender, feed=feed)
            for arrival in nights.accept(
                connection,
                found,
                archive=Path(name),
                district=district,
                effective_at=effective_at,
            ).arrivals
        ]
        numbers = [arrival.arrival_id for arrival in landed]
        waiting = [number for number in ledger.pending(connection) if number in numbers]
        _rehearse(settings, connection, waiting, Path(name), district=district)
        _say_known(landed, say=say)
        return _told_and_undone(connection, numbers)


def _say_known(landed: Iterable[ledger.Registered], *, say: Callable[[str], None]) -> None:
    for arrival in landed:
        if not arrival.is_new and arrival.state == "loaded":
            say(KNOWN.format(arrival.arrival_id))


def _told_and_undone(connection: Connection, numbers: Iterable[int]) -> list[Receipt]:
    """The receipts of what this transaction holds, which then is rolled back."""
    connection.execute("reset role")  # a receipt tells of releases, which no loader reads
    told = [receipt(connection, number) for number in dict.fromkeys(numbers)]
    connection.rollback()
    return [one for one in told if one is not None]


def _rehearse(
    settings: Settings,
    connection: Connection,
    waiting: list[int],
    archive: Path,
    *,
    district: District,
) -> None:
    for arrival_id in waiting:
        try:
            with connection.transaction():
                claimed = nights.claim(connection, arrival_id)
                if claimed is not None:
                    nights.load_in_order(
                        settings, connection, claimed, district=district, archive=archive
                    )
        except WraparoundError as exc:
            nights.refuse(connection, arrival_id, error=exc)
        except psycopg.Error as exc:
            nights.refuse(connection, arrival_id, error=nights.without_values(exc, arrival_id))
