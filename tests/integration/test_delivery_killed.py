"""Delivery killed before each step of it: once each, nothing half, nothing readable unlogged."""

import hashlib
from contextlib import contextmanager
from datetime import date
from functools import partial
from itertools import count

import asyncssh
import pytest

from lib.killing import killed_before
from lib.mail_server import a_mail_server
from lib.release_builders import ALDER, MANAGER, build_reports, coordinator_of, publish_built
from lib.sftp_server import an_sftp_server, channel_of
from lib.shelf import PROTOCOL
from lib.warehouse_in_tests import query, write_district
from wraparound.publishing import channels, delivery, disclosure
from wraparound.publishing.deposits import _ObjectStore
from wraparound.warehouse import connection as connections
from wraparound.warehouse import roles

DAY = date(2026, 11, 2)
NAMES = ("index.html", "list.xlsx")
SFTP_STEPS = [
    (asyncssh.SFTPClient, "makedirs"),
    (asyncssh.SFTPClient, "open"),
    (asyncssh.SFTPClientFile, "write"),
    (asyncssh.SFTPClientFile, "close"),
    (asyncssh.SFTPClient, "posix_rename"),
]


def deliver(settings):
    with connections.connect(settings, role=roles.PUBLISHER) as publisher:
        return delivery.deliver_lists(settings, publisher, today=DAY).lists


def send(settings, written):
    with connections.connect(settings, role=roles.PUBLISHER) as publisher:
        return channels.send_lists(settings, publisher, written, today=DAY)


def nights(settings):
    """Publish the same day again and again; yields the number of the release, from 1."""
    with connections.connect(settings) as owner:
        build_reports(owner, ALDER, as_of=DAY)
    for number in count(1):
        with connections.connect(settings, role=roles.PUBLISHER) as publisher:
            assert publish_built(publisher, as_of=DAY).release_id == number
        yield number


def lists_in(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*") if path.name in NAMES}


def unlogged(settings, channel, folder):
    """The names of files that somebody can read, and of which the disclosure log is silent."""
    rows = query(
        settings,
        "select d.sha256 from ops.delivery d where channel = %s and exists (select from"
        " ops.disclosure e where e.channel = d.channel and e.release_id = d.release_id)",
        channel,
    )
    known = {row["sha256"] for row in rows}
    return [
        name
        for name, body in lists_in(folder).items()
        if hashlib.sha256(body).hexdigest() not in known
    ]


def broken_chain(settings):
    with connections.connect(settings, role=roles.PUBLISHER) as publisher:
        return disclosure.verify(publisher, log_dir=settings.log_dir).first_wrong_id


def states(settings):
    rows = query(settings, "select state from ops.dispatch order by dispatch_id")
    return [row["state"] for row in rows]


def parts(folder):
    return [path.name for path in folder.rglob("*") if path.name.endswith(".part")]


def test_lists_killed_at_each_step_are_written_whole_and_logged(settings, tmp_path):
    folder = settings.lists / "T-ALDER"
    for step in nights(settings):
        killed = killed_before(step, partial(deliver, settings), within=tmp_path)
        if killed is None:
            break
        assert unlogged(settings, "folder", folder) == [], killed
        deliver(settings)
        assert delivery.release_in(settings, "T-ALDER") == step, killed
        assert set(lists_in(folder)) == set(NAMES), killed
        assert unlogged(settings, "folder", folder) == [], killed
        assert parts(tmp_path) == [], killed
        assert broken_chain(settings) is None, killed
    assert step > 20


@pytest.mark.parametrize("kind", ["folder", "sftp", "store"])
def test_files_killed_at_each_step_are_left_whole_and_logged(settings, tmp_path, kind):
    with a_place(kind, tmp_path) as (told, there, calls):
        write_district(settings, f"channels: {{there: {told}}}\n")
        for step in nights(settings):
            written = deliver(settings)
            act = partial(send, settings, written)
            killed = killed_before(step, act, within=tmp_path, calls=calls)
            if killed is None:
                break
            assert unlogged(settings, "there", there) == [], killed
            send(settings, written)
            assert lists_in(there) == lists_in(settings.lists / "T-ALDER"), killed
            assert unlogged(settings, "there", there) == [], killed
            assert parts(tmp_path) == [], killed
            assert set(states(settings)) == {"sent"}, killed
            assert broken_chain(settings) is None, killed
    assert step > 10


@contextmanager
def a_place(kind, tmp_path):
    """Yield a channel for the district file, where a school's files come to be, and steps."""
    if kind == "folder":
        yield f"{{kind: folder, path: {tmp_path}/there}}", tmp_path / "there" / "T-ALDER", []
    elif kind == "store":
        options = f"options: {{root: {tmp_path}/store}}"
        there = tmp_path / "store" / "lists" / "T-ALDER"
        channel = f"{{kind: object_store, url: '{PROTOCOL}://lists', {options}}}"
        yield channel, there, [(_ObjectStore, "show")]
    else:
        (tmp_path / "sftp").mkdir()
        with an_sftp_server(tmp_path / "sftp") as server:
            yield channel_of(server), server.root / "lists" / "T-ALDER", SFTP_STEPS


def test_a_mail_killed_at_each_step_is_sent_once_or_a_question(settings, tmp_path):
    with a_mail_server() as server:
        addresses = f"{{{coordinator_of(ALDER)}: alder@d.example, {MANAGER}: m@d.example}}"
        write_district(
            settings,
            f"channels: {{mail: {{kind: email, host: 127.0.0.1, port: {server.port}, sender: "
            f"l@d.example, link: 'https://d.example/{{school}}', addresses: {addresses}}}}}\n",
        )
        for step in nights(settings):
            written = deliver(settings)
            act = partial(send, settings, written)
            killed = killed_before(step, act, within=tmp_path)
            if killed is None:
                break
            send(settings, written)
            got = [str(mail["Message-ID"]).split(".dispatch-")[1] for mail in server.mails]
            assert len(got) == len(set(got)), killed
            known = states(settings)
            assert set(known) <= {"sent", "unsure"}, killed
            assert len(known) == 2 * step, killed
            assert known.count("sent") <= len(got) <= len(known), killed
    assert step > 10
