"""What a provider is told of the children referred to it: one file per provider and school.

Rows come from the release that the school's readers see. The ground for each is asked again
on the day of sending, so that a consent withdrawn yesterday counts although the release is
older, and a birthday on which the right became the student's own. A file takes its place only
after its delivery and its disclosure are committed; what is denied is logged as well.
"""

import csv
import hashlib
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from wraparound.publishing import releases
from wraparound.publishing.delivery import folder_name, record_file, school_folder
from wraparound.publishing.disclosure import Leaving, Recipient, anchor, disclose
from wraparound.publishing.freeze import frozen_name
from wraparound.publishing.lists import RenderedFile, put_in_place
from wraparound.publishing.releases import Live
from wraparound.publishing.views import relation_columns
from wraparound.publishing.xlsx import FORMULA_LEADS
from wraparound.settings import Settings
from wraparound.warehouse.connection import alone

CHANNEL = "packet"
PROVIDER = "provider"
PURPOSE = "the service that the child was referred to"
REPORT = "rpt_provider_packets"
# In the log where nothing left: no ground, and no delivery.
NO_BASIS = "none"
NO_DELIVERY = 0
DENIED_SCOPE = "denied: its ground did not hold on the day of sending"
# Whether a consent was not told of a child who had the id before.
OF_THIS_CHILD = SQL("""
    not exists (
        select from ops.student_change as n
        where n.student_source_id = c._student_source_id
            and n.state in ('open', 'another')
            and c._effective_at < n.told_since
    )
""")
# A school's frozen rows, each with whether its ground still stands on a day.
ROWS = SQL("""
    -- Listed once: looked for in all consents, each row of a packet would read them all.
    with withdrawals as materialized (
        select _student_source_id, recipient_organization_id, records_scope, revoked_at
        from raw.consents__consents as c
        where _deleted_at is null and revoked_at <= %(today)s and {of_this_child}
    )
    select p.*, case p.legal_basis
        when 'consent' then exists (
            select from raw.consents__consents as c
            where c.consent_id = p.consent_id
                and c._student_source_id = p.student_source_id
                and c._deleted_at is null
                and {of_this_child}
                and c.effective_from <= %(today)s
                and coalesce(c.expires_on >= %(today)s, true)
                and coalesce(c.revoked_at > %(today)s, true)
                and coalesce(c.recipient_organization_id = p.organization_id, true)
                and string_to_array(p.records_scope, ' ') <@ c.records_scope
                and (
                    c.granted_by_role = 'eligible_student'
                    -- A release that an earlier version froze has no such column.
                    or coalesce(
                        (to_jsonb(p) ->> 'own_consent_from_date')::date > %(today)s, true
                    )
                )
                -- A later word about the same records, of this provider or as wide.
                and not exists (
                    select from withdrawals as w
                    where w._student_source_id = c._student_source_id
                        and w.revoked_at > c.signed_at
                        and coalesce(w.records_scope && c.records_scope, true)
                        and (
                            w.recipient_organization_id
                            is not distinct from c.recipient_organization_id
                            or w.recipient_organization_id = p.organization_id
                        )
                )
        )
        when 'school_official' then coalesce(p.agreement_until_date >= %(today)s, true)
        else false
    end as may_leave
    from {packets} as p where p.school_key = %(school_key)s
    order by p.organization_id collate "C", p.student_key, p.referral_id collate "C"
""")


@dataclass(frozen=True)
class Packet:
    """One provider's file of one school.

    `row_count` rows are in it, `denied_count` were left out as their ground was gone.
    `is_new` is False where the same bytes were there already; no file is left with no row.
    """

    organization_id: str
    school_source_id: str
    release_id: int
    file_name: str
    row_count: int
    denied_count: int
    is_new: bool


def send_packets(
    settings: Settings, connection: Connection[Any], *, today: date, out: Path
) -> tuple[Packet, ...]:
    """Write every provider's packets into `out`, each logged as it leaves; commits.

    Files of earlier days that nothing is told in any more are taken away. One process at a time
    does it: two would write the same drafts, and log what only one of them puts in place.
    """
    with alone(settings, "packets"):
        return _send_all(settings, connection, today=today, out=out)


def _send_all(
    settings: Settings, connection: Connection[Any], *, today: date, out: Path
) -> tuple[Packet, ...]:
    for draft in out.glob("*/.*.csv.part"):
        # Of a process that was killed: what it tells may not leave any more.
        draft.unlink()
    sent: list[Packet] = []
    for live in releases.live_releases(connection):
        rows = _rows_of(connection, live, today=today)
        for organization_id, group in groupby(rows, key=lambda row: str(row["organization_id"])):
            sent.append(
                _send(settings, connection, live, list(group), to=organization_id, out=out)
            )
    _take_away(connection, out, {packet.file_name for packet in sent if packet.row_count})
    connection.commit()
    return tuple(sent)


def _take_away(connection: Connection[Any], out: Path, standing: set[str]) -> None:
    """Take away what was once delivered and does not stand any more, and no other file."""
    delivered = connection.execute(
        "select distinct file_name from ops.delivery where channel = %s", [CHANNEL]
    ).fetchall()
    for row in delivered:
        if row["file_name"] not in standing:
            (out / row["file_name"]).unlink(missing_ok=True)


def _rows_of(connection: Connection[Any], live: Live, *, today: date) -> list[dict[str, Any]]:
    """The school's frozen rows, each with whether its ground still stands on the day."""
    table = frozen_name(REPORT, release_id=live.release_id)
    if not relation_columns(connection, "release", table):
        # A release that an earlier version froze has no packets.
        return []
    query = ROWS.format(packets=Identifier("release", table), of_this_child=OF_THIS_CHILD)
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, {"today": today, "school_key": live.school_key}).fetchall()


def _send(
    settings: Settings,
    connection: Connection[Any],
    live: Live,
    rows: Sequence[dict[str, Any]],
    *,
    to: str,
    out: Path,
) -> Packet:
    told = [row for row in rows if row["may_leave"]]
    # Of providers nobody keeps all ids that ever were: where case may tell two apart, a hash does.
    folder = folder_name(to, is_alone=to == to.lower())
    name = f"{school_folder(connection, live.school_source_id)}.csv"
    path = out / folder / name
    content = _csv(told)
    is_new = bool(told) and not (path.exists() and path.read_bytes() == content)
    if is_new:
        draft = _draft(path, content)
        file = RenderedFile(name, hashlib.sha256(content).hexdigest(), len(content))
        end = _record(connection, live, told, to=to, folder=folder, file=file)
        if end:
            anchor(end, settings.log_dir)
        put_in_place(draft, path)
    elif told:
        # It stands today too: only what stands no longer grows old and is destroyed.
        path.touch()
    denied = [row for row in rows if not row["may_leave"]]
    _log_denied(settings, connection, live, denied, to=to)
    place, counts = f"{folder}/{name}", (len(told), len(denied))
    return Packet(to, live.school_source_id, live.release_id, place, *counts, is_new)


def _log_denied(
    settings: Settings,
    connection: Connection[Any],
    live: Live,
    denied: Sequence[dict[str, Any]],
    *,
    to: str,
) -> None:
    """Log, once per release, whose records a provider was not told."""
    keys = sorted({row["student_key"] for row in denied})
    known = connection.execute(
        "select from ops.disclosure where legal_basis = %s and recipient_id = %s"
        " and release_id = %s and school_key = %s and student_keys = %s::bigint[]",
        [NO_BASIS, to, live.release_id, live.school_key, keys],
    ).fetchone()
    if not keys or known is not None:
        return
    connection.commit()
    leaving = Leaving(
        delivery_id=NO_DELIVERY,
        release_id=live.release_id,
        school_key=live.school_key,
        channel=CHANNEL,
        records_scope=(DENIED_SCOPE,),
        student_keys=tuple(keys),
        legal_basis=NO_BASIS,
        purpose=PURPOSE,
    )
    with connection.transaction():
        end = disclose(connection, leaving, recipients=[Recipient(PROVIDER, to)])
    anchor(end, settings.log_dir)


def _record(
    connection: Connection[Any],
    live: Live,
    told: Sequence[dict[str, Any]],
    *,
    to: str,
    folder: str,
    file: RenderedFile,
) -> str:
    """Log the delivery, and a disclosure for each ground and scope; all or nothing."""
    connection.commit()
    end = ""
    with connection.transaction():
        delivery_id = record_file(connection, live, channel=CHANNEL, folder=folder, file=file)
        for (basis, _), group in _grounds(told):
            leaving = Leaving(
                delivery_id=delivery_id,
                release_id=live.release_id,
                school_key=live.school_key,
                channel=CHANNEL,
                records_scope=(f"packet: {', '.join(sorted(group[0]['packet']))}",),
                student_keys=tuple(sorted({row["student_key"] for row in group})),
                legal_basis=basis,
                purpose=PURPOSE,
            )
            end = disclose(connection, leaving, recipients=[Recipient(PROVIDER, to)])
    return end


def _grounds(
    told: Iterable[dict[str, Any]],
) -> Iterable[tuple[tuple[str, str], list[dict[str, Any]]]]:
    def ground(row: Mapping[str, Any]) -> tuple[str, str]:
        return (row["legal_basis"], row["records_scope"])

    for key, group in groupby(sorted(told, key=ground), key=ground):
        yield key, list(group)


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """One line per referral; a field that a row's ground does not cover stays empty."""
    fields = sorted({field for row in rows for field in row["packet"]})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["referral_id", *fields])
    for row in rows:
        writer.writerow(
            [_cell(row["referral_id"]), *(_cell(row["packet"].get(field)) for field in fields)]
        )
    return text.getvalue().encode()


def _cell(value: object) -> str:
    """A cell's text; an apostrophe keeps a spreadsheet from taking it for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_LEADS) else text


def _draft(path: Path, content: bytes) -> Path:
    """Write a file beside its place, which may be on another disk than ours, under no name that
    is looked for."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    with draft.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
    return draft
