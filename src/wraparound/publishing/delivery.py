"""Each school's list, written from the release that its readers see, and logged as it leaves.

A list is rendered where nobody looks, its delivery and disclosure are committed, and only
then do the files take their place: what can be read has been logged. Cut short in between,
the list is written, and logged, again.
"""

import gc
import hashlib
import json
import logging
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from multiprocessing import current_process, get_context
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier
from psycopg.types.json import set_json_loads
from pydantic_core import from_json

from wraparound import __version__
from wraparound.contracts.district import District, load_district
from wraparound.publishing import lists, releases, standings
from wraparound.publishing.disclosure import Leaving, Recipient, anchor, disclose, recipients_of
from wraparound.publishing.freeze import frozen_name
from wraparound.publishing.releases import Live
from wraparound.publishing.sentences import Sentences, read_sentences, translated
from wraparound.publishing.views import relation_columns
from wraparound.settings import Settings, at_once
from wraparound.warehouse.connection import alone, connect
from wraparound.warehouse.roles import PUBLISHER

log = logging.getLogger(__name__)

MARKER = ".rendered.json"
# What stands in a marker of another shape is not read: its list is written again.
MARKER_SHAPE = 2
# Reports that releases frozen by an earlier version lack.
LATER_REPORTS = frozenset({"rpt_reviews_due", "rpt_queue_churn"})
FOLDER = "folder"
# What Windows keeps for devices: no folder of a share can be called so.
DEVICE = re.compile(r"(?i)con|prn|aux|nul|(com|lpt)\d")
# Starting a process costs as much as rendering the lists of so many students, who take some 30 MB
# here: all that a night's process has left once it has built and checked.
APART_FROM = 600
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
    A school whose list cannot be written does not keep the others from theirs. One process at a
    time does it: a night, and persons who answer several questions at once.
    """
    with alone(settings, "deliver"):
        return _deliver_all(settings, connection, today=today)


def _deliver_all(
    settings: Settings, connection: Connection[Any], *, today: date | None
) -> Delivered:
    district = load_district(settings.district_file)
    settings.lists.mkdir(mode=0o700, parents=True, exist_ok=True)
    lists.sweep(settings.lists)
    written: list[WrittenList] = []
    lines: list[lists.SchoolLine] = []
    failed: list[str] = []
    shown = releases.live_releases(connection)
    day = today or max((live.as_of_date for live in shown), default=date.min)
    sentences = read_sentences(settings.seeds, language=district.language)
    jobs = _jobs(connection, shown, district=district, sentences=sentences, today=day)
    for job, draft in _drafts(settings, connection, jobs):
        try:
            done, line = _deliver(settings, connection, job, draft())
        except Exception as error:
            # The text of an error may quote a row; its kind may not.
            log.error("the list of school %s failed: %s", job.live.school_key, _kind(error))
            connection.rollback()
            failed.append(job.live.school_source_id)
            continue
        written.append(done)
        lines.append(line)
    _take_away_others(settings, connection)
    held = standings.holds(connection)
    lists.render_index(
        [*lines, *_lines_without_list(connection, held)],
        settings.lists,
        district_name=district.name,
        smallest_count=district.smallest_count,
        language=district.language,
    )
    _write_nights(settings, connection, held, district=district)
    written.sort(key=lambda each: each.school_source_id)
    return Delivered(tuple(written), tuple(sorted(failed)))


def school_folder(connection: Connection[Any], school_source_id: str) -> str:
    """Return the folder name of a school, apart from every other that was ever known."""
    query = """
        select from ops.school_crosswalk
        where lower(school_source_id) = lower(%s) and school_source_id <> %s
    """
    alike = connection.execute(query, (school_source_id, school_source_id)).fetchone()
    return folder_name(school_source_id, is_alone=alike is None)


def folder_name(source_id: str, *, is_alone: bool) -> str:
    """Return a folder name: the id where that is safe, else with a short hash.

    `is_alone` says that no other id differs in letter case only: many a share does not tell such
    folders apart, and one would hold the children of both.
    """
    safe = re.sub(r"[^A-Za-z0-9_-]", "-", source_id)
    is_taken = DEVICE.fullmatch(safe) is not None
    if safe == source_id and 0 < len(safe) <= 60 and is_alone and not is_taken:
        return safe
    digest = hashlib.sha256(source_id.encode()).hexdigest()[:8]
    return f"{safe[:60]}-{digest}"


@dataclass(frozen=True)
class Job:
    """One school's list to be written, with all that decides whether it has to be."""

    live: Live
    verdict: dict[str, Any]
    recipients: tuple[Recipient, ...]
    folder: str
    language: str
    sentences: Sentences | None

    @property
    def fingerprint(self) -> str:
        """The same for a list that would say the same to the same people."""
        language = self.language
        if self.sentences is not None:
            language += f" {self.sentences.fingerprint}"
        return _fingerprint(self.live, self.verdict, self.recipients, language=language)


@dataclass(frozen=True)
class Draft:
    """A list that lies in the outbox, where nobody looks; None in its place means unchanged."""

    rendered: tuple[lists.RenderedFile, ...]
    told: "Told"
    line: lists.SchoolLine


def _jobs(
    connection: Connection[Any],
    shown: Sequence[Live],
    *,
    district: District,
    sentences: Sentences | None,
    today: date,
) -> list[Job]:
    """The largest school first: at the end no process waits for another's list."""
    job = partial(_job, connection, district=district, sentences=sentences, today=today)
    return sorted(map(job, shown), key=lambda job: -job.verdict["student_count"])


def _job(
    connection: Connection[Any],
    live: Live,
    *,
    district: District,
    sentences: Sentences | None,
    today: date,
) -> Job:
    recipients = recipients_of(
        connection, live.school_key, school_source_id=live.school_source_id, today=today
    )
    return Job(
        live=live,
        verdict=_banner(connection, live.school_key, shown=live.release_id),
        recipients=tuple(recipients),
        folder=school_folder(connection, live.school_source_id),
        language=district.language,
        sentences=sentences,
    )


def _drafts(
    settings: Settings, connection: Connection[Any], jobs: Sequence[Job]
) -> Iterator[tuple[Job, Callable[[], Draft | None]]]:
    """Each job with what gives its draft; many are rendered side by side, in other processes."""
    changed = [job for job in jobs if _standing(settings, job) is None]
    here = partial(_draft, settings, connection)
    students = sum(job.verdict["student_count"] for job in changed)
    if students < APART_FROM or current_process().daemon:
        yield from ((job, partial(here, job)) for job in jobs)
        return
    # Started anew and not forked: a copy of this process would share its connection. Each reads
    # and renders one school at a time: some 130 MB for one of 2,000 students.
    with ProcessPoolExecutor(
        at_once(), mp_context=get_context("spawn"), initializer=_begin_apart
    ) as pool:
        futures = {job.folder: pool.submit(_draft_apart, settings, job) for job in changed}
        is_broken = False
        for job in jobs:
            # Each draft names its children: of what is delivered, none is kept.
            future = futures.pop(job.folder, None)
            if future is None:
                yield job, _nothing
            elif isinstance(future.exception(), BrokenProcessPool):
                if not is_broken:
                    log.warning("a process that renders lists was killed; this one goes on alone")
                is_broken = True
                yield job, partial(here, job)
            else:
                yield job, future.result


def _nothing() -> None:
    return None


def _begin_apart() -> None:
    """Leave what was imported out of every later look for garbage."""
    gc.freeze()


def _draft_apart(settings: Settings, job: Job) -> Draft | None:
    """Render one list in a process of its own, over a connection of its own."""
    with connect(settings, role=PUBLISHER) as connection:
        # In two thirds of the time that the standard library takes.
        set_json_loads(from_json, connection)
        return _draft(settings, connection, job)


def _draft(settings: Settings, connection: Connection[Any], job: Job) -> Draft | None:
    """Render a list into the outbox; None where the one that stands says the same."""
    if _standing(settings, job) is not None:
        return None
    # All that a list is made of lives until it is written. To look through it for garbage
    # meanwhile, over and over, took a third of the time.
    gc.disable()
    try:
        return _render(settings, connection, job)
    finally:
        gc.enable()
        # All of it is young, and what was there before is not looked through again.
        gc.collect(0)


def _render(settings: Settings, connection: Connection[Any], job: Job) -> Draft:
    data, told = _read_list(connection, job)
    rendered = lists.render_school(data, settings.outbox / job.folder, language=job.language)
    return Draft(rendered, told, data.line(folder=job.folder))


def _standing(settings: Settings, job: Job) -> dict[str, Any] | None:
    """What was written last, where it is what would be written now."""
    marker = _read_marker(settings.lists / job.folder)
    return marker if marker is not None and marker["fingerprint"] == job.fingerprint else None


def _deliver(
    settings: Settings, connection: Connection[Any], job: Job, draft: Draft | None
) -> tuple[WrittenList, lists.SchoolLine]:
    """Log a draft, then put it where it is read; a list that stands is left alone."""
    live, path = job.live, settings.lists / job.folder
    if draft is None:
        marker = _read_marker(path)
        assert marker is not None, "a list that stands has its marker"
        line = lists.SchoolLine(**_dated(marker["line"]))
        files = tuple(marker["files"])
        return WrittenList(live.school_source_id, live.release_id, job.folder, files, False), line
    _record(
        settings,
        connection,
        live,
        job.folder,
        draft.rendered,
        told=draft.told,
        recipients=job.recipients,
    )
    _put_in_place(settings.outbox / job.folder, path, draft.rendered)
    files = tuple(file.file_name for file in draft.rendered)
    # Last, so that a list cut short is written again.
    _write_marker(
        path,
        fingerprint=job.fingerprint,
        files=files,
        line=draft.line,
        release=live.release_id,
    )
    written = WrittenList(live.school_source_id, live.release_id, job.folder, files, True)
    return written, draft.line


def _kind(error: Exception) -> str:
    return type(error).__name__


def _put_in_place(draft: Path, path: Path, rendered: Sequence[lists.RenderedFile]) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    # From here on neither list stands: a rollback would take the old one to be there.
    (path / MARKER).write_text("{}", encoding="utf-8")
    for file in rendered:
        lists.put_in_place(draft / file.file_name, path / file.file_name)
    # With whatever a process that was killed left of its own.
    shutil.rmtree(draft)


def _take_away_others(settings: Settings, connection: Connection[Any]) -> None:
    """Take away the lists of schools that show none any more, and nothing that is no list.

    Asked anew: another may have shown a new school, and written its list, meanwhile.
    """
    written = list(settings.lists.glob(f"*/{MARKER}"))
    shown = releases.live_releases(connection)
    standing = {school_folder(connection, live.school_source_id) for live in shown}
    for marker in written:
        if marker.parent.name not in standing:
            # Before the marker, by which whoever comes after one that was killed finds them.
            for name in (lists.PAGE_NAME, lists.WORKBOOK_NAME):
                (marker.parent / name).unlink(missing_ok=True)
            shutil.rmtree(marker.parent)


def _lines_without_list(
    connection: Connection[Any], held: Sequence[standings.Hold]
) -> list[lists.SchoolLine]:
    """Schools of the newest candidate that it holds, and that have nothing older to show."""
    listless = [hold for hold in held if hold.shown_date is None]
    names = _school_names(connection, listless[0].release_id) if listless else {}
    return [
        lists.SchoolLine(
            school_name=names.get(hold.school_key) or hold.school_source_id,
            folder=None,
            verdict="hold",
            as_of_date=hold.as_of_date,
            release_id=hold.release_id,
            student_count=hold.student_count,
            reasons=tuple((cause.rule_id, cause.message) for cause in hold.causes),
            held_since=hold.since_date,
        )
        for hold in listless
    ]


def _write_nights(
    settings: Settings,
    connection: Connection[Any],
    held: Sequence[standings.Hold],
    *,
    district: District,
) -> None:
    """Write the page of verdicts by night, beside the overview that links it."""
    nights = standings.nights_of_schools(connection, nights=district.keep_releases)
    since = {hold.school_key: hold.since_date for hold in held}
    newest = nights.releases[-1][0] if nights.releases else 0
    names = _school_names(connection, newest)
    lists.render_nights(
        [
            lists.NightsLine(
                school_name=names.get(school.school_key) or school.school_source_id,
                words=school.words,
                found=school.found,
                held_since=since.get(school.school_key),
            )
            for school in nights.schools
        ],
        nights.releases,
        settings.lists,
        district_name=district.name,
        language=district.language,
    )


def _school_names(connection: Connection[Any], release_id: int) -> dict[int, str]:
    """The names of a candidate's schools; none where its tables were pruned."""
    table = frozen_name("rpt_schools", release_id=release_id)
    found = _rows(connection, "select to_regclass(%s) is not null as it", (f"release.{table}",))
    if not found[0]["it"]:
        return {}
    query = SQL("select school_key, school_name from {}").format(Identifier("release", table))
    return {
        row["school_key"]: lists.plain_text(row["school_name"]) for row in _rows(connection, query)
    }


def _banner(connection: Connection[Any], school_key: int, *, shown: int) -> dict[str, Any]:
    """Return what the gate said last of a school, as its list shows it.

    A held school tells of the newest candidate, which it does not show. Otherwise it is the
    verdict of the release shown, also after a rollback.
    """
    query = """
        select s.release_id, r.as_of_date, s.verdict, s.student_count
        from ops.release_school s inner join ops.release r on r.release_id = s.release_id
        where s.school_key = %s and (s.release_id = %s or (s.release_id > %s and not exists (
            select from ops.release_school later
            where later.school_key = s.school_key and later.release_id > s.release_id
        )))
        order by s.verdict = 'hold' desc, s.release_id = %s desc limit 1
    """
    (verdict,) = _rows(connection, query, (school_key, shown, shown, shown))
    query = """
        select rule_id, severity, failing_count, message, school_key is null as is_of_district
        from ops.verdict
        where release_id = %s and (school_key = %s or school_key is null)
        order by severity, rule_id collate "C"
    """
    findings = _rows(connection, query, (verdict["release_id"], school_key))
    if verdict["verdict"] == "hold":
        # What only deserves a notice does not explain why a list was held.
        findings = [f for f in findings if f["severity"] == "hold"] or findings
        verdict["since"] = standings.held_since(connection, school_key)
    return {**verdict, "findings": findings}


def _read_list(connection: Connection[Any], job: Job) -> tuple[lists.ListData, "Told"]:
    live = job.live
    reports = reports_of_children(connection, live)
    (school,) = _report(connection, "rpt_schools", live)
    said = translated(reports, job.sentences) if job.sentences is not None else reports
    data = lists.ListData.from_rows(
        school=school,
        today=said["today"],
        queue=said["referral_queue"],
        students=said["students"],
        profiles=said["need_profiles"],
        class_rosters=said["class_rosters"],
        reviews_due=said["reviews_due"],
        verdict=job.verdict,
        release={"release_id": live.release_id},
        churn=_report(connection, "rpt_queue_churn", live),
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


def reports_of_children(
    connection: Connection[Any], live: Live
) -> dict[str, list[dict[str, Any]]]:
    """Return a school's rows of every report that its list tells of children, by report."""
    names = (
        *("today", "referral_queue", "students", "need_profiles", "class_rosters"),
        "reviews_due",
    )
    return {name: _report(connection, f"rpt_{name}", live) for name in names}


def _report(connection: Connection[Any], report: str, live: Live) -> list[dict[str, Any]]:
    """Read one school's rows straight from the release: never whatever is newest by now."""
    table = frozen_name(report, release_id=live.release_id)
    if report in LATER_REPORTS and not relation_columns(connection, "release", table):
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
    release = [live.release_id, live.made_at]
    told = [release, verdict, people, language, __version__, MARKER_SHAPE]
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


def release_in(settings: Settings, folder: str) -> int | None:
    """The release whose list stands in a school's folder; None while it is being written."""
    marker = _read_marker(settings.lists / folder)
    return int(marker["release_id"]) if marker is not None else None


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
        "reasons": tuple((rule_id, message) for rule_id, message in line["reasons"]),
        "held_since": line["held_since"] and date.fromisoformat(line["held_since"]),
    }


def _rows(
    connection: Connection[Any], query: Any, parameters: tuple[Any, ...] = ()
) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, parameters or None).fetchall()
