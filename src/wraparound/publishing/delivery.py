"""Each school's list, written from the release that its readers see, and logged as it leaves.

A list is rendered where nobody looks, its delivery and disclosure are committed, and only
then do the files take their place: what can be read has been logged. Cut short in between,
the list is written, and logged, again.
"""

import hashlib
import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from wraparound import __version__
from wraparound.contracts.district import District, load_district
from wraparound.publishing import lists, releases
from wraparound.publishing.disclosure import Leaving, Recipient, anchor, disclose, recipients_of
from wraparound.publishing.freeze import frozen_name
from wraparound.publishing.releases import Live
from wraparound.publishing.views import relation_columns
from wraparound.settings import Settings

log = logging.getLogger(__name__)

MARKER = ".rendered.json"
FOLDER = "folder"
# Keys and lineage: they say nothing about a child.
NOT_A_RECORD = frozenset(
    {
        "release_id",
        "student_key",
        "student_source_id",
        "school_key",
        "school_source_id",
        "as_of_date",
    }
)


@dataclass(frozen=True)
class WrittenList:
    """The list of one school as it stands in its folder.

    `is_new` is False where the release and the banner were those of the files already there.
    """

    school_source_id: str
    release_id: int
    folder: str
    files: tuple[str, ...]
    is_new: bool


@dataclass(frozen=True)
class Delivered:
    """All lists: the written ones, and the schools whose list could not be written."""

    lists: tuple[WrittenList, ...]
    failed_schools: tuple[str, ...] = ()


def deliver_lists(
    settings: Settings, connection: Connection[Any], *, today: date | None = None
) -> Delivered:
    """Write the list of every school from the release its readers see; commits.

    A list is written again only where its release, its banner, its recipients or the program
    changed. Recipients are those assigned on `today` (default: the newest school day shown).
    A school whose list cannot be written does not keep the others from theirs.
    """
    district = load_district(settings.district_file)
    settings.lists.mkdir(mode=0o700, parents=True, exist_ok=True)
    written: list[WrittenList] = []
    lines: list[lists.SchoolLine] = []
    failed: list[str] = []
    shown = releases.live_releases(connection)
    day = today or max((live.as_of_date for live in shown), default=date.min)
    for live in shown:
        try:
            done, line = _deliver(settings, connection, live, district=district, today=day)
        except Exception as error:
            # The text of an error may quote a row; its kind may not.
            log.error("the list of school %s failed: %s", live.school_key, type(error).__name__)
            connection.rollback()
            failed.append(live.school_source_id)
            continue
        written.append(done)
        lines.append(line)
    lists.render_index(
        lines,
        settings.lists,
        district_name=district.name,
        smallest_count=district.smallest_count,
        language=district.language,
    )
    return Delivered(tuple(written), tuple(failed))


def folder_name(school_source_id: str) -> str:
    """Return a folder name for a school: its id where that is safe, else with a short hash."""
    safe = re.sub(r"[^A-Za-z0-9_-]", "-", school_source_id)
    if safe == school_source_id and 0 < len(safe) <= 60:
        return safe
    digest = hashlib.sha256(school_source_id.encode()).hexdigest()[:8]
    return f"{safe[:60]}-{digest}"


def _deliver(
    settings: Settings, connection: Connection[Any], live: Live, *, district: District, today: date
) -> tuple[WrittenList, lists.SchoolLine]:
    verdict = _banner(connection, live)
    recipients = recipients_of(
        connection, live.school_key, school_source_id=live.school_source_id, today=today
    )
    folder = folder_name(live.school_source_id)
    path = settings.lists / folder
    fingerprint = _fingerprint(live, verdict, recipients, language=district.language)
    marker = _read_marker(path)
    if marker is not None and marker["fingerprint"] == fingerprint:
        line = lists.SchoolLine(**_dated(marker["line"]))
        files = tuple(marker["files"])
        return WrittenList(live.school_source_id, live.release_id, folder, files, False), line
    data, told = _read_list(connection, live, verdict=verdict)
    draft = settings.outbox / folder
    rendered = lists.render_school(data, draft, language=district.language)
    _record(settings, connection, live, folder, rendered, told=told, recipients=recipients)
    _put_in_place(draft, path, rendered)
    line = data.line(folder=folder)
    files = tuple(file.file_name for file in rendered)
    # Last, so that a list cut short is written again.
    _write_marker(path, fingerprint=fingerprint, files=files, line=line, release=live.release_id)
    return WrittenList(live.school_source_id, live.release_id, folder, files, True), line


def _put_in_place(draft: Path, path: Path, rendered: Sequence[lists.RenderedFile]) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in rendered:
        (draft / file.file_name).replace(path / file.file_name)
    draft.rmdir()


def _banner(connection: Connection[Any], live: Live) -> dict[str, Any]:
    """Return what the gate said last of a school, as its list shows it.

    A held school tells of the newest candidate, which it does not show. Otherwise it is the
    verdict of the release shown, also after a rollback.
    """
    query = """
        select s.release_id, r.as_of_date, s.verdict
        from ops.release_school s inner join ops.release r on r.release_id = s.release_id
        where s.school_key = %s and (s.release_id = %s or (s.release_id > %s and not exists (
            select from ops.release_school later
            where later.school_key = s.school_key and later.release_id > s.release_id
        )))
        order by s.verdict = 'hold' desc, s.release_id = %s desc limit 1
    """
    shown = live.release_id
    (verdict,) = _rows(connection, query, (live.school_key, shown, shown, shown))
    query = """
        select rule_id, severity, failing_count, message from ops.verdict
        where release_id = %s and (school_key = %s or school_key is null)
        order by severity, rule_id collate "C"
    """
    findings = _rows(connection, query, (verdict["release_id"], live.school_key))
    if verdict["verdict"] == "hold":
        # What only deserves a notice does not explain why a list was held.
        findings = [f for f in findings if f["severity"] == "hold"] or findings
    return {**verdict, "findings": findings}


def _read_list(
    connection: Connection[Any], live: Live, *, verdict: dict[str, Any]
) -> tuple[lists.ListData, "Told"]:
    names = (
        *("today", "referral_queue", "students", "need_profiles", "class_rosters"),
        "reviews_due",
    )
    reports = {name: _report(connection, f"rpt_{name}", live) for name in names}
    (school,) = _report(connection, "rpt_schools", live)
    data = lists.ListData.from_rows(
        school=school,
        today=reports["today"],
        queue=reports["referral_queue"],
        students=reports["students"],
        profiles=reports["need_profiles"],
        class_rosters=reports["class_rosters"],
        reviews_due=reports["reviews_due"],
        verdict=verdict,
        release={"release_id": live.release_id},
    )
    return data, told_in(reports)


@dataclass(frozen=True)
class Told:
    """What a list says about children: the fields of each section, and the children."""

    fields: tuple[str, ...]
    student_keys: tuple[int, ...]


def told_in(reports: Mapping[str, Sequence[Mapping[str, Any]]]) -> Told:
    """Return what these rows say: sections without rows say nothing."""
    keys = {row["student_key"] for rows in reports.values() for row in rows}
    return Told(
        fields=tuple(
            f"{name}: {', '.join(sorted(rows[0].keys() - NOT_A_RECORD))}"
            for name, rows in sorted(reports.items())
            if rows
        ),
        student_keys=tuple(sorted(keys)),
    )


def _report(connection: Connection[Any], report: str, live: Live) -> list[dict[str, Any]]:
    """Read one school's rows straight from the release: never whatever is newest by now."""
    table = frozen_name(report, release_id=live.release_id)
    if report == "rpt_reviews_due" and not relation_columns(connection, "release", table):
        # A release that an earlier version froze, still live because the school is held.
        return []
    query = SQL("select * from {} where school_key = %s").format(Identifier("release", table))
    return _rows(connection, query, (live.school_key,))


def _record(
    settings: Settings,
    connection: Connection[Any],
    live: Live,
    folder: str,
    rendered: Sequence[lists.RenderedFile],
    *,
    told: Told,
    recipients: Sequence[Recipient],
) -> None:
    """Log the delivery and the disclosure, both or neither; commits."""
    connection.commit()
    with connection.transaction():
        ids = [
            record_file(connection, live, channel=FOLDER, folder=folder, file=file)
            for file in rendered
        ]
        leaving = Leaving(
            delivery_id=ids[0],
            release_id=live.release_id,
            school_key=live.school_key,
            channel=FOLDER,
            records_scope=told.fields,
            student_keys=told.student_keys,
        )
        end = disclose(connection, leaving, recipients=recipients)
    anchor(end, settings.log_dir)


def record_file(
    connection: Connection[Any], live: Live, *, channel: str, folder: str, file: lists.RenderedFile
) -> int:
    """Write down that a file was delivered; returns the delivery's id."""
    (row,) = _rows(
        connection,
        "insert into ops.delivery (release_id, school_key, channel, file_name, sha256, byte_count)"
        " values (%s, %s, %s, %s, %s, %s) returning delivery_id",
        (
            live.release_id,
            live.school_key,
            channel,
            f"{folder}/{file.file_name}",
            file.sha256,
            file.byte_count,
        ),
    )
    return int(row["delivery_id"])


def _fingerprint(
    live: Live, verdict: dict[str, Any], recipients: Sequence[Recipient], *, language: str
) -> str:
    people = [[r.recipient_type, r.recipient_id] for r in recipients]
    told = [live.release_id, verdict, people, language, __version__]
    return hashlib.sha256(json.dumps(told, default=str, sort_keys=True).encode()).hexdigest()


def _read_marker(path: Path) -> dict[str, Any] | None:
    """Return what was written last; None where a file of it is missing or unreadable."""
    try:
        marker: dict[str, Any] = json.loads((path / MARKER).read_text(encoding="utf-8"))
        if {"fingerprint", "files", "line"} <= marker.keys():
            return marker if all((path / name).exists() for name in marker["files"]) else None
    except (OSError, ValueError, AttributeError):
        return None
    return None


def _write_marker(
    path: Path,
    *,
    fingerprint: str,
    files: tuple[str, ...],
    line: lists.SchoolLine,
    release: int,
) -> None:
    marker = {
        "fingerprint": fingerprint,
        "files": files,
        "line": asdict(line),
        "release_id": release,
    }
    part = path / f"{MARKER}.part"
    part.write_text(json.dumps(marker, default=str), encoding="utf-8")
    part.replace(path / MARKER)


def _dated(line: dict[str, Any]) -> dict[str, Any]:
    """Turn what JSON made of an overview line back into its types."""
    return {
        **line,
        "as_of_date": date.fromisoformat(line["as_of_date"]),
        "stale_feeds": tuple(line["stale_feeds"]),
        "reasons": tuple(line["reasons"]),
    }


def _rows(
    connection: Connection[Any], query: Any, parameters: tuple[Any, ...] = ()
) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, parameters or None).fetchall()
