"""What this machine lacks, in plain words."""

import os
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from wraparound.contracts.district import load_district
from wraparound.errors import WraparoundError
from wraparound.publishing.sentences import untranslated
from wraparound.settings import Settings
from wraparound.warehouse import connection as connections
from wraparound.warehouse import embedded
from wraparound.warehouse.migrate import is_current
from wraparound.warehouse.roles import open_functions

OLDEST_PYTHON, FIRST_UNTRIED_PYTHON = (3, 11), (3, 14)
FREE_BYTES_WANTED = 2 << 30
RUNBOOK = "see docs/runbooks/machine.md, a restored backup"


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    is_well: bool
    text: str


def examine(settings: Settings) -> list[Finding]:
    """Look at Python, disk, district file and warehouse; nothing is changed or started."""
    return [
        _python(),
        _disk(settings),
        *_district(settings),
        *(_embedded(settings) if settings.warehouse_url is None else _external(settings)),
    ]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if OLDEST_PYTHON <= sys.version_info[:2] < FIRST_UNTRIED_PYTHON:
        return Finding(True, f"Python {version}")
    return Finding(False, f"Python {version}: use 3.11, 3.12 or 3.13 (make clean; make install)")


def _disk(settings: Settings) -> Finding:
    folder = settings.home if settings.home.exists() else settings.project_root
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES_WANTED:
        return Finding(False, f"{free >> 20} MiB free at {folder}: make room for at least 2 GiB")
    return Finding(True, f"{free >> 30} GiB free at {folder}")


def _district(settings: Settings) -> list[Finding]:
    try:
        district = load_district(settings.district_file)
        english = untranslated(settings.seeds, language=district.language)
    except WraparoundError as exc:
        return [Finding(False, str(exc))]
    findings = [Finding(True, f"district file: {district.name}, {district.time_zone}")]
    if english:
        findings.append(
            Finding(
                False,
                f"language {district.language}: texts of lists told in English: {len(english)}, "
                f'such as "{english[0]}"; add them to {settings.seeds / "translations.csv"}, with '
                "the same {places}",
            )
        )
    return findings


def _embedded(settings: Settings) -> list[Finding]:
    findings = []
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        findings.append(Finding(False, "as root, the embedded server needs setpriv (util-linux)"))
    try:
        found = embedded.status(settings)
    except WraparoundError as exc:
        return [*findings, Finding(False, str(exc))]
    if not found.running:
        return [*findings, Finding(False, "embedded warehouse: not running; `wraparound up`")]
    return [
        *findings,
        Finding(True, f"embedded warehouse: PostgreSQL {found.version} runs"),
        *_ledger(settings),
    ]


def _external(settings: Settings) -> list[Finding]:
    try:
        with connections.connect(
            settings, database=connections.MAINTENANCE_DATABASE
        ) as connection:
            row = connection.execute(
                "select current_setting('server_version_num')::int as version,"
                " current_setting('server_version') as word, rolcreatedb, rolcreaterole, rolsuper"
                " from pg_roles where rolname = current_user"
            ).fetchone()
    except WraparoundError as exc:
        return [Finding(False, f"{exc} WRAPAROUND_WAREHOUSE_URL names it.")]
    assert row is not None
    if row["version"] < connections.OLDEST_VERSION:
        return [Finding(False, f"PostgreSQL {row['word']}: 16 or newer is needed")]
    rights = row["rolsuper"] or (row["rolcreatedb"] and row["rolcreaterole"])
    text = "may create databases and roles" if rights else "needs CREATEDB and CREATEROLE"
    return [
        Finding(True, f"warehouse: PostgreSQL {row['word']}"),
        Finding(bool(rights), f"its user {text}"),
        *_ledger(settings),
    ]


def _ledger(settings: Settings) -> list[Finding]:
    if not is_current(settings):
        text = "warehouse tables are missing, or older than this: `wraparound up`"
        return [Finding(False, text)]
    return [
        Finding(True, "warehouse tables are there"),
        *_functions(settings),
        *_archive(settings),
    ]


def _functions(settings: Settings) -> list[Finding]:
    """No lack, for often nobody can mend it: of a rented server its owner is no customer."""
    with connections.connect(settings) as connection:
        count = len(open_functions(connection))
    text = (
        f"{count} functions for large objects and locks are open to readers; only who made the "
        "server can revoke them from public"
    )
    return [Finding(True, text)] if count else []


def _archive(settings: Settings) -> list[Finding]:
    """Whether ledger and archive know the same files: a backup of one of them may be older."""
    with connections.connect(settings) as connection:
        rows = connection.execute(
            "select sha256, max(received_at) as received_at from ops.arrival group by sha256"
        ).fetchall()
    named = {row["sha256"]: row["received_at"] for row in rows}
    there = {path.name: path for path in settings.archive.glob("??/*")}
    kept_since = _kept_since(settings)
    lost = [name for name, at in named.items() if name not in there and at >= kept_since]
    forgotten = [path.stat().st_mtime for name, path in there.items() if name not in named]
    found = []
    if lost:
        text = f"files that the ledger names, and are gone from the archive: {len(lost)}"
        found.append(Finding(False, f"{text}; {RUNBOOK}"))
    if forgotten:
        newest = datetime.fromtimestamp(max(forgotten), tz=UTC)
        text = (
            f"files of the archive that the ledger does not know: {len(forgotten)}, the newest of"
        )
        found.append(Finding(False, f"{text} {newest:%Y-%m-%d %H:%M} UTC; {RUNBOOK}"))
    return found or [Finding(True, f"archive: {len(there)} files, all in the ledger")]


def _kept_since(settings: Settings) -> datetime:
    """What came before that may have been purged."""
    retention = load_district(settings.district_file).retention
    kind = retention.places.get("archive")
    days = retention.days[kind] if kind else None
    now = datetime.now(UTC)
    return now - timedelta(days=days) if days is not None else datetime.min.replace(tzinfo=UTC)
