"""Files that lie in the inbox and cannot be taken: the ledger is told once of each, and why.

They stand in `wraparound status` as long as they lie there. A process that looks twice a second
says of each once, and reads none again whose checksum was wrong, until one of the two is another.
"""

import errno
import hashlib
import logging
from pathlib import Path

from psycopg.types.json import Jsonb

from wraparound.landing.archive import fingerprint, told
from wraparound.landing.inbox import Found
from wraparound.settings import Settings
from wraparound.warehouse.connection import Connection, Row

log = logging.getLogger("wraparound")
KIND = "inbox"
WRONG_CHECKSUM = (
    "is not what its checksum says: still being written, or damaged on its way. Ask the sender to "
    "send both again"
)
NOT_OURS = "may not be read or moved by the user that Wraparound runs as"
NO_ROOM = "finds no room in the archive"
# What this process has told of, so that it asks the ledger no second time.
_told: set[str] = set()


def is_known_wrong(settings: Settings, found: Found) -> bool:
    """Whether these very bytes were held against this very checksum in vain."""
    return found.checksum is not None and _mark(settings, found, WRONG_CHECKSUM) in _told


def tell(settings: Settings, connection: Connection, found: Found, *, reason: str) -> None:
    """Write into the ledger why a file stays in the inbox, once for each state of it; commits."""
    mark = _mark(settings, found, reason)
    if mark in _told:
        return
    detail = {
        "mark": mark,
        "file": _place(settings, found.path),
        "state": _state(found.path),
        "reason": reason,
        "text": f"A file in the inbox {reason}.",
    }
    connection.execute(
        "insert into ops.event (kind, state, detail) select %(kind)s, 'alert', %(detail)s"
        " where not exists (select 1 from ops.event where kind = %(kind)s"
        "  and detail ->> 'mark' = %(mark)s)",
        {"kind": KIND, "mark": mark, "detail": Jsonb(detail)},
    )
    connection.commit()
    _told.add(mark)
    log.warning("a file in the inbox %s", reason)


def in_words(error: Exception) -> str:
    """Why a file could not be taken; of an error that nobody foresaw its kind only."""
    number = getattr(error, "errno", None)
    if isinstance(error, PermissionError):
        return NOT_OURS
    if number in (errno.ENOSPC, errno.EDQUOT):
        return NO_ROOM
    return f"cannot be taken: {type(error).__name__}"


def lying(settings: Settings, connection: Connection) -> list[Row]:
    """What was told of files that lie in the inbox as they were then: `file` and `reason`."""
    rows = connection.execute(
        "select distinct on (detail ->> 'file') happened_at, detail ->> 'file' as file,"
        " detail ->> 'reason' as reason, detail ->> 'state' as state from ops.event"
        " where kind = %s order by detail ->> 'file', event_id desc",
        [KIND],
    ).fetchall()
    there = {_place(settings, path): path for path in settings.inbox.rglob("*")} if rows else {}
    return [
        {name: row[name] for name in ("file", "reason", "happened_at")}
        for row in rows
        if row["file"] in there and row["state"] == _state(there[row["file"]])
    ]


def _place(settings: Settings, path: Path) -> str:
    return told(str(path.relative_to(settings.inbox)))


def _state(path: Path) -> str:
    return hashlib.sha256(repr(fingerprint(path)).encode()).hexdigest()


def _mark(settings: Settings, found: Found, reason: str) -> str:
    """The same as long as the file, the checksum beside it and what is wrong are the same."""
    words = (_place(settings, found.path), _state(found.path), found.checksum or "", reason)
    return hashlib.sha256("\n".join(words).encode()).hexdigest()
