"""The end of a night: freeze, gate, decide, show, and write each school's list.

Data failures are findings and are not tried again; a school that is held, or a gate that
cannot be read, leaves every reader with the last good list and the reason on it.
"""

import hashlib
import json
import logging
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from wraparound import __version__
from wraparound.contracts.district import District, load_district
from wraparound.errors import GateUnreadable
from wraparound.publishing import freeze, lists, releases
from wraparound.publishing.analytics import write_analytics
from wraparound.publishing.freeze import Candidate, frozen_name
from wraparound.publishing.releases import Live, SchoolLine
from wraparound.quality.suites import load_suites, run_suites
from wraparound.quality.verdicts import Finding, RuleResult, findings_of
from wraparound.settings import Settings
from wraparound.warehouse.connection import connect, sqlalchemy_url
from wraparound.warehouse.roles import PUBLISHER

log = logging.getLogger(__name__)

GATE_RULE = "release.gate_ran"
GATE_MESSAGE = "The night's data could not be checked."
KEY_RULE = "release.keys_unique"
KEY_MESSAGE = "A row stands twice on the school's list."
MARKER = ".rendered.json"
FOLDER = "folder"


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


@dataclass(frozen=True)
class PublishSummary:
    """What became of one candidate, in ids, words and counts."""

    release_id: int
    as_of_date: date
    state: str
    schools: tuple[SchoolLine, ...]
    rule_count: int
    rules_past_review: tuple[str, ...]
    delivered: Delivered
    pruned: tuple[int, ...] = ()

    @property
    def held(self) -> dict[str, tuple[str, ...]]:
        """School_source_id to the reasons of every held school."""
        return {s.school_source_id: s.reasons for s in self.schools if s.verdict == "hold"}


def run_gate_and_publish(
    settings: Settings, *, build_id: int | None, as_of: date
) -> PublishSummary:
    """Freeze the built reports, gate them, publish the schools that pass, write all lists.

    Raises:
        GateUnreadable: a suite cannot be trusted; every school was held, the lists say so.
        ReleaseRejected: nothing was built, or a newer release is already live.
    """
    with connect(settings, role=PUBLISHER) as connection:
        candidate = freeze.freeze_release(connection, build_id=build_id, as_of=as_of)
        results, trouble = _check(settings, connection, candidate)
        audit(connection, candidate, results=results, gate_ran=trouble is None)
        releases.publish_release(connection, candidate.release_id)
        delivered = deliver_lists(settings, connection)
        _analyse(settings, connection, as_of=as_of)
        line = releases.show_release(connection, candidate.release_id)
        keep = load_district(settings.district_file).keep_releases
        pruned = releases.prune(connection, keep=keep)
    if trouble is not None:
        raise trouble
    return PublishSummary(
        release_id=line.release_id,
        as_of_date=line.as_of_date,
        state=line.state,
        schools=line.schools,
        rule_count=len(results),
        rules_past_review=tuple(r.rule_id for r in results if r.is_past_review),
        delivered=delivered,
        pruned=pruned,
    )


def audit(
    connection: Connection[Any],
    candidate: Candidate,
    *,
    results: tuple[RuleResult, ...],
    gate_ran: bool = True,
) -> None:
    """Write down what the gate found and call the candidate audited; commits."""
    found = (*findings_of(results), *_key_findings(candidate))
    if not gate_ran:
        found = (*found, Finding(GATE_RULE, "hold", None, 0, GATE_MESSAGE))
    release_id = candidate.release_id
    connection.commit()
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("delete from ops.verdict where release_id = %s", (release_id,))
        cursor.executemany(
            "insert into ops.verdict"
            " (release_id, school_key, rule_id, severity, failing_count, message)"
            " values (%s, %s, %s, %s, %s, %s)",
            [
                (release_id, f.school_key, f.rule_id, f.severity, f.failing_count, f.message)
                for f in found
            ],
        )
        cursor.execute(
            "update ops.release set state = 'audited'"
            " where release_id = %s and state = 'building'",
            (release_id,),
        )


def deliver_lists(settings: Settings, connection: Connection[Any]) -> Delivered:
    """Write the list of every school from the release its readers see; commits.

    A list is written again only where its release, its banner or the program changed. A
    school whose list cannot be written does not keep the others from theirs.
    """
    district = load_district(settings.district_file)
    settings.lists.mkdir(mode=0o700, parents=True, exist_ok=True)
    written: list[WrittenList] = []
    lines: list[lists.SchoolLine] = []
    failed: list[str] = []
    for live in releases.live_releases(connection):
        try:
            done, line = _deliver(settings, connection, live, district=district)
        except Exception as error:
            # The text of an error may quote a row; its kind may not.
            log.error("the list of school %s failed: %s", live.school_key, type(error).__name__)
            connection.rollback()
            failed.append(live.school_source_id)
            continue
        written.append(done)
        lines.append(line)
    lists.render_index(
        lines, settings.lists, district_name=district.name, language=district.language
    )
    return Delivered(tuple(written), tuple(failed))


def folder_name(school_source_id: str) -> str:
    """Return a folder name for a school: its id where that is safe, else with a short hash."""
    safe = re.sub(r"[^A-Za-z0-9_-]", "-", school_source_id)
    if safe == school_source_id and 0 < len(safe) <= 60:
        return safe
    digest = hashlib.sha256(school_source_id.encode()).hexdigest()[:8]
    return f"{safe[:60]}-{digest}"


# --- the gate -----------------------------------------------------------------------------


def _check(
    settings: Settings, connection: Connection[Any], candidate: Candidate
) -> tuple[tuple[RuleResult, ...], GateUnreadable | None]:
    """Return the results, or what kept the gate from running."""
    query = SQL("select school_key from {} order by school_key").format(
        Identifier("release", frozen_name("rpt_gate_metrics", release_id=candidate.release_id))
    )
    school_keys = [row["school_key"] for row in _rows(connection, query)]
    connection.commit()
    try:
        results = run_suites(
            load_suites(settings.expectations),
            connection_string=_as_publisher(sqlalchemy_url(settings)),
            relation_of=lambda relation: _where(relation, release_id=candidate.release_id),
            as_of=candidate.as_of_date,
            school_keys=school_keys,
        )
    except GateUnreadable as error:
        return (), error
    return results, None


def _as_publisher(url: str) -> str:
    """Let Great Expectations see what the publisher may see, and no more."""
    return f"{url}{'&' if '?' in url else '?'}options=-c%20role%3D{PUBLISHER}"


def _where(relation: str, *, release_id: int) -> tuple[str, str]:
    """Reports are checked as they were frozen, feeds as the build staged them."""
    if relation.startswith("rpt_"):
        return "release", frozen_name(relation, release_id=release_id)
    return "staging", relation


def _key_findings(candidate: Candidate) -> tuple[Finding, ...]:
    repeats: dict[int, int] = {}
    for report in candidate.reports:
        for school_key, count in report.repeated_keys:
            repeats[school_key] = repeats.get(school_key, 0) + count
    return tuple(
        Finding(KEY_RULE, "hold", school_key, count, KEY_MESSAGE)
        for school_key, count in sorted(repeats.items())
    )


def _analyse(settings: Settings, connection: Connection[Any], *, as_of: date) -> None:
    """Bring the analysts' tables up to date; they must not keep the lists from anybody."""
    choice = load_district(settings.district_file).analytics
    try:
        write_analytics(settings, connection, choice=choice, as_of=as_of)
    except Exception as error:
        log.error("the analysts' tables were left as they are: %s", type(error).__name__)
        connection.rollback()


# --- the lists ----------------------------------------------------------------------------


def _deliver(
    settings: Settings, connection: Connection[Any], live: Live, *, district: District
) -> tuple[WrittenList, lists.SchoolLine]:
    verdict = _banner(connection, live)
    folder = folder_name(live.school_source_id)
    path = settings.lists / folder
    fingerprint = _fingerprint(live, verdict, language=district.language)
    marker = _read_marker(path)
    if marker is not None and marker["fingerprint"] == fingerprint:
        line = lists.SchoolLine(**_dated(marker["line"]))
        files = tuple(marker["files"])
        return WrittenList(live.school_source_id, live.release_id, folder, files, False), line
    data = _read_list(connection, live, verdict=verdict)
    rendered = lists.render_school(data, path, language=district.language)
    _record(connection, live, folder, rendered)
    line = data.line(folder=folder)
    files = tuple(file.file_name for file in rendered)
    # Last, so that a list cut short is written again.
    _write_marker(path, fingerprint=fingerprint, files=files, line=line)
    return WrittenList(live.school_source_id, live.release_id, folder, files, True), line


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
) -> lists.ListData:
    (school,) = _report(connection, "rpt_schools", live)
    return lists.ListData.from_rows(
        school=school,
        today=_report(connection, "rpt_today", live),
        queue=_report(connection, "rpt_referral_queue", live),
        students=_report(connection, "rpt_students", live),
        profiles=_report(connection, "rpt_need_profiles", live),
        class_rosters=_report(connection, "rpt_class_rosters", live),
        verdict=verdict,
        release={"release_id": live.release_id},
    )


def _report(connection: Connection[Any], report: str, live: Live) -> list[dict[str, Any]]:
    """Read one school's rows straight from the release: never whatever is newest by now."""
    table = frozen_name(report, release_id=live.release_id)
    query = SQL("select * from {} where school_key = %s").format(Identifier("release", table))
    return _rows(connection, query, (live.school_key,))


def _record(
    connection: Connection[Any],
    live: Live,
    folder: str,
    rendered: Sequence[lists.RenderedFile],
) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.delivery"
            " (release_id, school_key, channel, file_name, sha256, byte_count)"
            " values (%s, %s, %s, %s, %s, %s)",
            [
                (
                    live.release_id,
                    live.school_key,
                    FOLDER,
                    f"{folder}/{file.file_name}",
                    file.sha256,
                    file.byte_count,
                )
                for file in rendered
            ],
        )
    connection.commit()


def _fingerprint(live: Live, verdict: dict[str, Any], *, language: str) -> str:
    told = [live.release_id, verdict, language, __version__]
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
    path: Path, *, fingerprint: str, files: tuple[str, ...], line: lists.SchoolLine
) -> None:
    marker = {"fingerprint": fingerprint, "files": files, "line": asdict(line)}
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
