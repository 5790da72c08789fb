"""Receipts as files: JSON and one page without scripts, for the sender of an arrival."""

import json
import os
from pathlib import Path
from tempfile import mkstemp
from typing import Any
from zoneinfo import ZoneInfo

from wraparound.contracts.district import District
from wraparound.settings import Settings
from wraparound.warehouse.connection import Connection
from wraparound.warehouse.receipts import receipt


def page(told: dict[str, Any], *, district: District) -> str:
    """The receipt as HTML, with the times of the district."""
    # An eighth of what a small load imports, and only some districts ask for receipts.
    from jinja2 import Environment, PackageLoader

    zone = ZoneInfo(district.time_zone)
    environment = Environment(loader=PackageLoader("wraparound.orchestration"), autoescape=True)
    return environment.get_template("receipt.html").render(
        told=told,
        district=district,
        moment=lambda at: at.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
    )


def write_private(path: Path, text: str) -> None:
    """Write a text that only its owner may read, whole or not at all; two may do it at once. A
    folder that is not there is made for its owner alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def owe_receipt(settings: Settings, arrival_id: int, *, district: District) -> None:
    """Note before a load that its receipt is to be left, should it be killed in between."""
    if district.receipts:
        note = _owed(settings) / str(arrival_id)
        note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        note.touch(mode=0o600)


def owed_receipts(settings: Settings) -> list[int]:
    """The arrivals whose receipts are to be left."""
    if not _owed(settings).exists():
        return []
    return sorted(int(note.name) for note in _owed(settings).iterdir())


def leave_receipt(
    settings: Settings, connection: Connection, arrival_id: int, *, district: District
) -> None:
    """Put the receipt of an arrival into the outbox, where the district file asks for it.

    Doing it again writes what is true now; of what is still to be loaded nothing is written. The
    names of folder and files hold our ids only.
    """
    told = receipt(connection, arrival_id) if district.receipts else None
    if told is not None and told["state"] == "pending":
        return
    if told is not None:
        folder = _receipts(settings) / str(told["sender"])
        body = json.dumps(told, default=str, indent=2) + "\n"
        write_private(folder / f"arrival-{arrival_id}.json", body)
        write_private(folder / f"arrival-{arrival_id}.html", page(told, district=district))
    (_owed(settings) / str(arrival_id)).unlink(missing_ok=True)


def _receipts(settings: Settings) -> Path:
    return settings.outbox / "receipts"


def _owed(settings: Settings) -> Path:
    """No sender's folder: a sender's name begins with no dot."""
    return _receipts(settings) / ".owed"
