"""Sending finished lists on: an outbox in the ledger, and one sender for each kind of channel.

What is to be sent is written down first, at most once per release, school, channel and
recipient, then claimed, then sent. A mail of which it is not known whether it went out is
never sent again by itself; files may be left twice with the same bytes. Whatever is
neither sent nor dropped is listed by `open_dispatches`.
"""

import hashlib
import logging
import smtplib
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from email import policy
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from wraparound.contracts.district import District, load_district
from wraparound.contracts.leaving import Channel, EmailChannel, FilesChannel
from wraparound.publishing import lists, releases
from wraparound.publishing.delivery import (
    WrittenList,
    record_file,
    release_in,
    reports_of_children,
    told_in,
)
from wraparound.publishing.deposits import Deposit, DepositFailed, open_deposit
from wraparound.publishing.disclosure import (
    Leaving,
    Recipient,
    anchor,
    disclose,
    recipients_of,
)
from wraparound.publishing.freeze import frozen_name
from wraparound.publishing.releases import Live
from wraparound.publishing.rule_words import rule_in_words
from wraparound.settings import Settings

log = logging.getLogger(__name__)

LIST, HELD = "list", "held"
# A place for files has no recipients of its own: it is the school's.
WHOLE_SCHOOL = "school"
ATTEMPTS_MAX = 5


@dataclass(frozen=True)
class Sent:
    """What a round of sending came to: dispatches sent, failed, and not known."""

    sent: int = 0
    failed: int = 0
    unsure: int = 0


NOTHING_SENT = Sent()


@dataclass(frozen=True)
class Trouble:
    """Why something was not sent; or, where it may have left, why that is not known.

    `is_silent`: the other side did not say no, it said nothing in time.
    """

    text: str
    may_have_left: bool = False
    is_silent: bool = False

    @property
    def state(self) -> str:
        """What the outbox calls it."""
        return "unsure" if self.may_have_left else "failed"


@dataclass(frozen=True)
class Parcel:
    """One dispatch with all that its sender needs to know; `reasons` only of a held school."""

    dispatch_id: int
    kind: str
    recipient_id: str
    live: Live
    written: WrittenList
    counts: Mapping[str, int]
    reasons: tuple[tuple[str, str], ...] = ()


def send_lists(
    settings: Settings,
    connection: Connection[Any],
    written: Iterable[WrittenList],
    *,
    today: date,
) -> Sent:
    """Send each school's list by every channel of the district file; commits as it goes.

    One school, or one channel, that fails keeps no other from its list.
    """
    district = load_district(settings.district_file)
    if not district.channels:
        return NOTHING_SENT
    with _one_sender(connection):
        return _send_all(settings, connection, tuple(written), district=district, today=today)


def _send_all(
    settings: Settings,
    connection: Connection[Any],
    written: tuple[WrittenList, ...],
    *,
    district: District,
    today: date,
) -> Sent:
    by_school = {done.school_source_id: done for done in written}
    _settle_interrupted(connection, district.channels)
    for live in releases.live_releases(connection):
        if live.school_source_id in by_school:
            _write_down(connection, live, district=district, today=today)
    connection.commit()
    outcomes: list[str] = []
    silent: set[str] = set()
    for row in _claimable(connection, district.channels):
        shown = _live(connection, row["school_key"])
        done = shown and by_school.get(shown.school_source_id)
        # A list that a person took back may come to be shown again: until then it waits.
        is_shown = shown and (row["kind"] == HELD or row["release_id"] == shown.release_id)
        if shown is None or not is_shown or not done or done.release_id != shown.release_id:
            continue
        # To wait as long for each school would keep the night: the others' turn is the next.
        if row["channel"] not in silent and _claim(connection, row["dispatch_id"]):
            parcel = _parcel(connection, row, shown, done)
            trouble = _send(settings, connection, parcel, row["channel"], district)
            outcomes.append(trouble.state if trouble else "sent")
            if trouble and trouble.is_silent:
                silent.add(row["channel"])
    return Sent(outcomes.count("sent"), outcomes.count("failed"), outcomes.count("unsure"))


def open_dispatches(connection: Connection[Any]) -> list[dict[str, Any]]:
    """Return what was written down and neither sent nor dropped, oldest first."""
    return _rows(
        connection,
        "select dispatch_id, release_id, school_key, channel, recipient_id, kind, state,"
        " attempts, trouble from ops.dispatch where state not in ('sent', 'dropped')"
        " order by dispatch_id",
    )


def wake(connection: Connection[Any], dispatch_ids: Iterable[int] = ()) -> int:
    """Let dispatches be tried again from the first attempt; commits, and returns how many.

    Without ids all that failed; what may have left already only by its id, after a person asked.
    """
    ids = list(dispatch_ids)
    rows = _rows(
        connection,
        "update ops.dispatch set state = 'waiting', attempts = 0"
        " where (state = 'failed' and (%s or dispatch_id = any (%s)))"
        " or (state = 'unsure' and dispatch_id = any (%s)) returning dispatch_id",
        (not ids, ids, ids),
    )
    connection.commit()
    return len(rows)


def drop(connection: Connection[Any], dispatch_ids: Iterable[int]) -> int:
    """Take dispatches off the list of open ones, as arrived or not wanted; commits."""
    rows = _rows(
        connection,
        "update ops.dispatch set state = 'dropped'"
        " where state in ('waiting', 'failed', 'unsure') and dispatch_id = any (%s)"
        " returning dispatch_id",
        (list(dispatch_ids),),
    )
    connection.commit()
    return len(rows)


@contextmanager
def _one_sender(connection: Connection[Any]) -> Iterator[None]:
    """Send from one place at a time: what is being sent meanwhile was left by the dead."""
    # Another may send to many slow servers: it is waited for, however long it takes.
    connection.execute("set local lock_timeout = 0")
    connection.execute("select pg_advisory_lock(hashtext('wraparound.send'))")
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute("select pg_advisory_unlock(hashtext('wraparound.send'))")
        connection.commit()


# --- the outbox ---------------------------------------------------------------------------


def _write_down(
    connection: Connection[Any], live: Live, *, district: District, today: date
) -> None:
    """Write down what a school should get, unless that was done before."""
    hold = _hold(connection, live)
    for name, channel in district.channels.items():
        recipients = _recipients(connection, channel, live, today=today)
        connection.execute(
            # What never went out is overtaken: by the newer list, by the end of a hold, or
            # because whoever it was for left the school.
            "update ops.dispatch set state = 'dropped' where school_key = %s and channel = %s"
            " and state in ('waiting', 'failed') and (kind = 'list' and release_id < %s"
            "  or kind = 'held' and %s or recipient_id <> all (%s))",
            (live.school_key, name, live.release_id, hold is None, list(recipients)),
        )
        for recipient in recipients:
            key = (live.school_key, name, recipient)
            _insert(connection, live.release_id, key, LIST)
            if hold is not None and not _was_told(connection, key, live.release_id):
                _insert(connection, hold, key, HELD)


def _recipients(
    connection: Connection[Any], channel: Channel, live: Live, *, today: date
) -> tuple[str, ...]:
    """Return who gets it, asked of the assignments at the time of sending."""
    if not isinstance(channel, EmailChannel):
        return (WHOLE_SCHOOL,)
    people = recipients_of(
        connection, live.school_key, school_source_id=live.school_source_id, today=today
    )
    return tuple(dict.fromkeys(p.recipient_id for p in people if p.recipient_type != WHOLE_SCHOOL))


def _insert(
    connection: Connection[Any], release_id: int, key: tuple[int, str, str], kind: str
) -> None:
    connection.execute(
        "insert into ops.dispatch (release_id, school_key, channel, recipient_id, kind)"
        " values (%s, %s, %s, %s, %s)"
        # A person lifted the hold: its note, sent or not, gives way to the list.
        " on conflict (release_id, school_key, channel, recipient_id) do update"
        " set kind = 'list', state = 'waiting', attempts = 0, trouble = null, sent_at = null"
        " where dispatch.kind = 'held' and excluded.kind = 'list'",
        (release_id, *key, kind),
    )


def _was_told(connection: Connection[Any], key: tuple[int, str, str], release_id: int) -> bool:
    """Whether it was said already that this last good list is still the last good one."""
    query = (
        "select from ops.dispatch where school_key = %s and channel = %s and recipient_id = %s"
        " and kind = 'held' and release_id > %s limit 1"
    )
    return bool(_rows(connection, query, (*key, release_id)))


def _hold(connection: Connection[Any], live: Live) -> int | None:
    """Return the newest release, where it holds the school; else None."""
    rows = _rows(
        connection,
        "select release_id, verdict from ops.release_school where school_key = %s"
        " order by release_id desc limit 1",
        (live.school_key,),
    )
    if rows and rows[0]["verdict"] == "hold" and rows[0]["release_id"] > live.release_id:
        return int(rows[0]["release_id"])
    return None


def _settle_interrupted(connection: Connection[Any], channels: Mapping[str, Channel]) -> None:
    """A sender was killed at its work: files are left again, a mail is a person's question."""
    of_files = [n for n, channel in channels.items() if not isinstance(channel, EmailChannel)]
    connection.execute(
        "update ops.dispatch set state = case when channel = any (%s) then 'waiting'"
        " else 'unsure' end where state = 'sending'",
        (of_files,),
    )
    connection.commit()


def _claimable(
    connection: Connection[Any], channels: Mapping[str, Channel]
) -> list[dict[str, Any]]:
    return _rows(
        connection,
        "select dispatch_id, release_id, school_key, channel, recipient_id, kind"
        " from ops.dispatch where state in ('waiting', 'failed') and attempts < %s"
        " and channel = any (%s) order by dispatch_id",
        (ATTEMPTS_MAX, list(channels)),
    )


def _claim(connection: Connection[Any], dispatch_id: int) -> bool:
    """Take a dispatch, unless a person dropped it; commits, so that a crash leaves a trace."""
    rows = _rows(
        connection,
        "update ops.dispatch set state = 'sending', attempts = attempts + 1, trouble = null"
        " where dispatch_id = %s and state in ('waiting', 'failed') returning dispatch_id",
        (dispatch_id,),
    )
    connection.commit()
    return bool(rows)


def _close(
    connection: Connection[Any], dispatch_id: int, state: str, trouble: str | None = None
) -> None:
    connection.execute(
        "update ops.dispatch set state = %s, trouble = %s,"
        " sent_at = case when %s = 'sent' then transaction_timestamp() end"
        " where dispatch_id = %s",
        (state, trouble, state, dispatch_id),
    )


# --- sending ------------------------------------------------------------------------------


def _parcel(
    connection: Connection[Any], row: Mapping[str, Any], live: Live, written: WrittenList
) -> Parcel:
    reasons = _rows(
        connection,
        "select distinct rule_id, message from ops.verdict where release_id = %s"
        " and severity = 'hold' and (school_key = %s or school_key is null) order by rule_id",
        (row["release_id"], live.school_key),
    )
    return Parcel(
        dispatch_id=row["dispatch_id"],
        kind=row["kind"],
        recipient_id=row["recipient_id"],
        live=live,
        written=written,
        counts=_counts(connection, live),
        reasons=tuple((r["rule_id"], r["message"]) for r in reasons)
        if row["kind"] == HELD
        else (),
    )


def _counts(connection: Connection[Any], live: Live) -> dict[str, int]:
    """Return how much there is on a list: numbers of lines, nothing else."""
    query = SQL(
        "select count(*) as open_count, count(*) filter (where is_new) as new_count,"
        " count(*) filter (where is_overdue) as overdue_count from {} where school_key = %s"
    ).format(Identifier("release", frozen_name("rpt_referral_queue", release_id=live.release_id)))
    (row,) = _rows(connection, query, (live.school_key,))
    return {name: int(count) for name, count in row.items()}


def _send(
    settings: Settings,
    connection: Connection[Any],
    parcel: Parcel,
    channel_name: str,
    district: District,
) -> Trouble | None:
    """Send one parcel, and write down what became of it; returns what went wrong."""
    channel = district.channels[channel_name]
    is_mail = isinstance(channel, EmailChannel)
    try:
        if isinstance(channel, EmailChannel):
            trouble = _mail(connection, parcel, channel_name, channel, district)
        else:
            trouble = _leave_files(settings, connection, parcel, channel_name, channel)
    except psycopg.Error:
        raise
    except Exception as error:
        # Whatever it was: it keeps no other from its list, and its text may quote anything.
        trouble = Trouble(f"Not foreseen ({type(error).__name__}).", may_have_left=is_mail)
    if trouble is not None:
        connection.rollback()
        _close(connection, parcel.dispatch_id, trouble.state, trouble.text)
        connection.commit()
        log.warning("dispatch %s by %s: %s", parcel.dispatch_id, channel_name, trouble.state)
    return trouble


def _leave_files(
    settings: Settings,
    connection: Connection[Any],
    parcel: Parcel,
    channel_name: str,
    channel: FilesChannel,
) -> Trouble | None:
    """Put a school's files where nobody looks, log them, then let them take their place.

    Only then are they sent: whoever is killed before leaves them to be sent, and logged, again.
    """
    source = settings.lists / parcel.written.folder
    try:
        with open_deposit(channel, parcel.written.folder) as deposit:
            copies = [_copy(source / name, deposit) for name in parcel.written.files]
            # A person may have lifted the hold meanwhile: what is logged is what was copied.
            if release_in(settings, parcel.written.folder) != parcel.live.release_id:
                return Trouble("The list was written anew meanwhile.")
            end = _log_files(connection, parcel, channel_name, copies)
            connection.commit()
            anchor(end, settings.log_dir)
            for copy in copies:
                deposit.show(copy.file_name)
    except DepositFailed as error:
        return Trouble(str(error), is_silent=error.is_silent)
    _close(connection, parcel.dispatch_id, "sent")
    connection.commit()
    return None


def _copy(source: Path, deposit: Deposit) -> lists.RenderedFile:
    body = source.read_bytes()
    deposit.put(source.name, body)
    return lists.RenderedFile(source.name, hashlib.sha256(body).hexdigest(), len(body))


def _log_files(
    connection: Connection[Any],
    parcel: Parcel,
    channel_name: str,
    copies: Iterable[lists.RenderedFile],
) -> str:
    live = parcel.live
    folder = parcel.written.folder
    ids = [
        record_file(connection, live, channel=channel_name, folder=folder, file=copy)
        for copy in copies
    ]
    told = told_in(reports_of_children(connection, live))
    leaving = Leaving(
        delivery_id=ids[0],
        release_id=live.release_id,
        school_key=live.school_key,
        channel=channel_name,
        records_scope=told.fields,
        student_keys=told.student_keys,
    )
    return disclose(
        connection, leaving, recipients=[Recipient(WHOLE_SCHOOL, live.school_source_id)]
    )


def _mail(
    connection: Connection[Any],
    parcel: Parcel,
    channel_name: str,
    channel: EmailChannel,
    district: District,
) -> Trouble | None:
    """Mail counts and a link: no child is in it, so nothing of a child is disclosed by it."""
    address = channel.addresses.get(parcel.recipient_id)
    if address is None:
        return Trouble("The channel has no address for this recipient.")
    message = compose(parcel, channel, address=address, language=district.language)
    trouble = submit(message, channel, address=address)
    if trouble is not None:
        return trouble
    body = message.as_bytes()
    file = lists.RenderedFile("mail", hashlib.sha256(body).hexdigest(), len(body))
    with connection.transaction():
        folder = parcel.written.folder
        record_file(connection, parcel.live, channel=channel_name, folder=folder, file=file)
        _close(connection, parcel.dispatch_id, "sent")
    connection.commit()
    return None


WORDS: dict[str, dict[str, str]] = {
    "en": {
        "list": "The list of {day}",
        "held": "The list of {day} is still the last good one",
        "counts": "Open needs: {open_count}, new: {new_count}, overdue: {overdue_count}.",
        "why": "A newer list was made and not shown, because:",
        "link": "Here it is: {link}",
        "note": "This mail holds no name. The link asks who you are.",
    },
    "es": {
        "list": "La lista del {day}",
        "held": "La lista del {day} sigue siendo la última correcta",
        "counts": "Necesidades abiertas: {open_count}, nuevas: {new_count},"
        " vencidas: {overdue_count}.",
        "why": "Se hizo una lista más nueva que no se muestra, porque:",
        "link": "Aquí está: {link}",
        "note": "Este correo no lleva nombres. El enlace pregunta quién es usted.",
    },
}


def compose(parcel: Parcel, channel: EmailChannel, *, address: str, language: str) -> EmailMessage:
    """Return the mail of a parcel: a day, three counts, a link, and reasons where it is held."""
    words = WORDS[language]
    day = parcel.live.as_of_date.isoformat()
    link = channel.link.replace("{school}", quote(parcel.written.folder, safe=""))
    lines = [words[parcel.kind].format(day=day) + "."]
    if parcel.kind == HELD:
        told = (rule_in_words(*reason, language=language) for reason in parcel.reasons)
        lines += [words["why"], *(f"- {reason}" for reason in dict.fromkeys(told))]
    else:
        lines.append(words["counts"].format(**parcel.counts))
    lines += ["", words["link"].format(link=link), "", words["note"]]
    subject = words[parcel.kind].format(day=day)
    message = plain_mail(channel, address=address, subject=subject, lines=lines)
    # The same dispatch is the same message, should two copies ever meet.
    domain = channel.sender.partition("@")[2]
    message["Message-ID"] = make_msgid(f"dispatch-{parcel.dispatch_id}", domain=domain)
    return message


def plain_mail(
    channel: EmailChannel, *, address: str, subject: str, lines: Iterable[str]
) -> EmailMessage:
    """Return a mail of plain text."""
    message = EmailMessage()
    message["From"] = channel.sender
    message["To"] = address
    # A district's name may have been written over several lines.
    message["Subject"] = " ".join(subject.split())
    message["Date"] = formatdate()
    # Not every server takes letters beyond ASCII as they are.
    message.set_content("\n".join(lines) + "\n", cte="quoted-printable")
    return message


def submit(message: EmailMessage, channel: EmailChannel, *, address: str) -> Trouble | None:
    """Hand a mail to the server; returns why not, where it said no or fell silent."""
    handing_over = accepted = False
    try:
        with _server(channel) as server:
            if channel.user and channel.password_file is not None:
                password = channel.password_file.read_text(encoding="utf-8").strip()
                server.login(channel.user, password)
            server.ehlo_or_helo_if_needed()
            _agreed(server.mail(channel.sender))
            _agreed(server.rcpt(address))
            handing_over = True
            _agreed(server.data(message.as_bytes(policy=policy.SMTP)))
            accepted = True
    except smtplib.SMTPResponseException as error:
        # The text of a server may quote an address; its number may not.
        return None if accepted else Trouble(f"The mail server said no ({error.smtp_code}).")
    except (OSError, smtplib.SMTPException, ValueError) as error:
        if not accepted:  # a server that says goodbye badly has the mail all the same
            # The library calls a silence a lost connection.
            is_silent = isinstance(error.__context__ or error, TimeoutError)
            kind = TimeoutError.__name__ if is_silent else type(error).__name__
            told = f"The mail server was lost ({kind})."
            return Trouble(told, may_have_left=handing_over, is_silent=is_silent)
    return None


class Refused(smtplib.SMTPResponseException):
    """A mail server did not agree to a step."""


def _agreed(answer: tuple[int, bytes]) -> None:
    if answer[0] not in (250, 251):
        raise Refused(*answer)


def _server(channel: EmailChannel) -> smtplib.SMTP:
    if channel.security == "tls":
        return smtplib.SMTP_SSL(
            channel.host,
            channel.port,
            timeout=channel.timeout_seconds,
            context=ssl.create_default_context(),
        )
    server = smtplib.SMTP(channel.host, channel.port, timeout=channel.timeout_seconds)
    if channel.security == "starttls":
        server.starttls(context=ssl.create_default_context())
    return server


def _live(connection: Connection[Any], school_key: int) -> Live | None:
    found = (live for live in releases.live_releases(connection) if live.school_key == school_key)
    return next(found, None)


def _rows(
    connection: Connection[Any], query: Any, parameters: tuple[Any, ...] = ()
) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, parameters or None).fetchall()
