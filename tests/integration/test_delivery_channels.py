"""Lists by folder, SFTP, object store and mail: once each, nothing of a child in a mail, one fault
stops nobody.
"""

import hashlib
from datetime import UTC, date, datetime, timedelta
from unittest.mock import Mock

import asyncssh
import fsspec
import pytest

from lib.mail_server import a_mail_server
from lib.release_builders import (
    ALDER,
    BIRCH,
    MANAGER,
    add_finding,
    assign,
    build_reports,
    coordinator_of,
)
from lib.sftp_server import an_sftp_server, channel_of
from lib.shelf import PROTOCOL
from lib.warehouse_in_tests import write_district
from wraparound.contracts.district import load_district
from wraparound.contracts.leaving import EmailChannel
from wraparound.errors import SettingsWrong
from wraparound.orchestration import sending
from wraparound.publishing import channels, delivery, deposits, releases
from wraparound.publishing.freeze import freeze_release
from wraparound.warehouse import connection as connections
from wraparound.warehouse import roles

MONDAY = date(2026, 11, 2)


@pytest.fixture
def publisher(settings):
    with connections.connect(settings, role=roles.PUBLISHER) as opened:
        opened.commit()
        yield opened


@pytest.fixture
def mailing(settings, mail):
    """A district whose coordinators of ALDER and BIRCH get mails."""
    write_district(settings, mail_channel(mail.port))
    return settings


@pytest.fixture
def mail():
    with a_mail_server() as running:
        yield running


def mail_channel(port, extra=""):
    return f"""
channels:
  mail:
    kind: email
    host: 127.0.0.1
    port: {port}
    sender: lists@district.example
    link: https://lists.district.example/{{school}}/
    timeout_seconds: 5
    addresses:
      {coordinator_of(ALDER)}: alder@district.example
      {coordinator_of(BIRCH)}: birch@district.example
      {MANAGER}: manager@district.example
{extra}
"""


def night(settings, connection, publisher, *schools, as_of=MONDAY, held=None):
    build_reports(connection, *schools, as_of=as_of)
    candidate = freeze_release(publisher, build_id=None, as_of=as_of)
    publisher.execute("update ops.release set state = 'audited' where state = 'building'")
    publisher.commit()
    if held:
        add_finding(connection, candidate, school=held)
    releases.publish_release(publisher, candidate.release_id)
    return send(settings, publisher, as_of)


def send(settings, publisher, today=MONDAY):
    done = delivery.deliver_lists(settings, publisher, today=today)
    return channels.send_lists(settings, publisher, done.lists, today=today)


def dispatches(connection, *columns):
    rows = connection.execute("select * from ops.dispatch order by dispatch_id").fetchall()
    connection.commit()
    return [tuple(row[column] for column in columns) for row in rows]


def test_without_channels_nothing_is_sent(settings, connection, publisher):
    assert night(settings, connection, publisher, ALDER) == channels.Sent()
    assert dispatches(connection, "state") == []


# --- mail -----------------------------------------------------------------------------------


def test_each_coordinator_gets_one_mail(mailing, mail, connection, publisher):
    assert night(mailing, connection, publisher, ALDER, BIRCH).sent == 4
    assert sorted(str(m["To"]) for m in mail.mails) == [
        "alder@district.example",
        "birch@district.example",
        "manager@district.example",
        "manager@district.example",
    ]


def test_a_mail_holds_counts_and_a_link_and_nothing_of_a_child(
    mailing, mail, connection, publisher
):
    night(mailing, connection, publisher, ALDER)
    text = mail.mails[0].get_content()
    assert "Open needs: 3, new: 3, overdue: 0." in text
    assert "https://lists.district.example/T-ALDER/" in text
    for secret in ("Rowan", "T-ALDER-1", "1001"):
        assert secret not in mail.mails[0].as_string()
    assert not list(mail.mails[0].iter_attachments())


def test_mails_speak_the_language_of_the_district(settings, mail, connection, publisher):
    write_district(settings, "language: es\n" + mail_channel(mail.port))
    night(settings, connection, publisher, ALDER)
    assert "Necesidades abiertas: 3" in mail.mails[0].get_content()


def test_the_same_release_is_mailed_once(mailing, mail, connection, publisher):
    night(mailing, connection, publisher, ALDER)
    for _ in range(3):
        assert send(mailing, publisher).sent == 0
    assert len(mail.mails) == 2


def test_a_mail_is_recorded_as_a_delivery_and_discloses_no_child(
    mailing, mail, connection, publisher
):
    night(mailing, connection, publisher, ALDER)
    rows = connection.execute("select from ops.delivery where channel = 'mail'").fetchall()
    assert len(rows) == 2
    rows = connection.execute("select from ops.disclosure where channel = 'mail'").fetchall()
    assert rows == []


@pytest.mark.parametrize(
    ("fault", "state", "trouble"),
    [
        ("refuse", "failed", "said no (550)"),
        ("busy", "failed", "said no (451)"),
        ("leave", "failed", "was lost (SMTPServerDisconnected)"),
        ("hang_up", "unsure", "was lost (SMTPServerDisconnected)"),
    ],
)
def test_what_goes_wrong_is_said_without_an_address(
    mailing, mail, connection, publisher, fault, state, trouble
):
    mail.fault = fault
    night(mailing, connection, publisher, ALDER)
    assert {found for (found,) in dispatches(connection, "state")} == {state}
    (said, _) = [text for (text,) in dispatches(connection, "trouble")]
    assert trouble in said
    assert "@" not in said


@pytest.mark.parametrize(("fault", "state"), [("silent", "failed"), ("swallow", "unsure")])
def test_a_silent_server_is_waited_for_once_in_a_round(
    settings, mail, connection, publisher, fault, state
):
    text = mail_channel(mail.port).replace("timeout_seconds: 5", "timeout_seconds: 0.3")
    write_district(settings, text)
    mail.fault = fault
    night(settings, connection, publisher, ALDER, BIRCH)
    assert dispatches(connection, "state", "attempts") == [(state, 1), *[("waiting", 0)] * 3]
    write_district(settings, mail_channel(mail.port))
    mail.fault = ""
    assert send(settings, publisher).sent == (4 if state == "failed" else 3)


def test_one_refused_recipient_keeps_the_others_mails_from_nobody(
    mailing, mail, connection, publisher
):
    mail.refused = "alder@"
    assert night(mailing, connection, publisher, ALDER, BIRCH) == channels.Sent(sent=3, failed=1)


def test_a_mail_is_in_plain_letters_only(settings, mail, connection, publisher):
    write_district(settings, "language: es\n" + mail_channel(mail.port))
    night(settings, connection, publisher, ALDER)
    assert mail.mails[0]["Content-Transfer-Encoding"] == "quoted-printable"
    assert mail.raw[0].isascii()


def test_a_subject_is_one_line():
    channel = EmailChannel(host="h", sender="a@d.example", link="https://d.example")
    subject = "Bezirk Süd\nBcc: x@d.example\n: attendance feed"
    mail = channels.plain_mail(channel, address="b@d.example", subject=subject, lines=["."])
    assert mail["Subject"] == "Bezirk Süd Bcc: x@d.example : attendance feed"
    assert mail["Bcc"] is None


def test_what_was_sent_stays_sent_when_a_newer_list_goes_out(mailing, mail, connection, publisher):
    for days in (0, 1):
        night(mailing, connection, publisher, ALDER, as_of=MONDAY + timedelta(days=days))
    assert dispatches(connection, "release_id", "state") == [(n, "sent") for n in (1, 1, 2, 2)]


def test_a_mail_that_failed_is_tried_again(mailing, mail, connection, publisher):
    mail.fault = "busy"
    assert night(mailing, connection, publisher, ALDER).failed == 2
    mail.fault = ""
    assert send(mailing, publisher).sent == 2
    assert dispatches(connection, "state", "attempts") == [("sent", 2), ("sent", 2)]


def test_a_mail_that_may_have_left_is_not_sent_again(mailing, mail, connection, publisher):
    mail.fault = "hang_up"
    assert night(mailing, connection, publisher, ALDER).unsure == 2
    mail.fault = ""
    assert send(mailing, publisher).sent == 0
    assert [row["state"] for row in channels.open_dispatches(publisher)] == ["unsure", "unsure"]


def test_after_what_nobody_foresaw_a_mail_may_have_left(
    mailing, mail, connection, publisher, monkeypatch
):
    monkeypatch.setattr(channels, "_mail", Mock(side_effect=RuntimeError("T-secret")))
    assert night(mailing, connection, publisher, ALDER).unsure == 2
    assert dispatches(connection, "trouble")[0] == ("Not foreseen (RuntimeError).",)


def test_what_a_person_gives_up_while_others_are_sent_is_not_sent(
    mailing, mail, connection, publisher, monkeypatch
):
    real = channels._send

    def send_one(*words):
        connection.execute("update ops.dispatch set state = 'dropped' where state = 'waiting'")
        connection.commit()
        return real(*words)

    monkeypatch.setattr(channels, "_send", send_one)
    assert night(mailing, connection, publisher, ALDER).sent == 1
    assert len(mail.mails) == 1
    assert dispatches(connection, "state") == [("sent",), ("dropped",)]


def test_a_server_without_manners_has_the_mail_all_the_same(mailing, mail, connection, publisher):
    mail.fault = "rude"
    assert night(mailing, connection, publisher, ALDER).sent == 2


def test_a_sender_that_was_killed_leaves_a_question_not_a_second_mail(
    mailing, mail, connection, publisher
):
    night(mailing, connection, publisher, ALDER)
    connection.execute("update ops.dispatch set state = 'sending' where dispatch_id = 1")
    connection.commit()
    send(mailing, publisher)
    assert len(mail.mails) == 2
    assert dispatches(connection, "state")[0] == ("unsure",)


def test_after_some_attempts_a_person_is_needed(mailing, mail, connection, publisher):
    mail.fault = "busy"
    night(mailing, connection, publisher, ALDER)
    for _ in range(channels.ATTEMPTS_MAX):
        send(mailing, publisher)
    assert dispatches(connection, "attempts") == [(channels.ATTEMPTS_MAX,)] * 2
    assert len(channels.open_dispatches(publisher)) == 2


def test_a_server_that_is_not_there_stops_no_list(settings, connection, publisher):
    write_district(settings, mail_channel(1))
    assert night(settings, connection, publisher, ALDER).failed == 2
    assert (settings.lists / "T-ALDER" / "index.html").exists()


def test_a_coordinator_without_an_address_is_listed(settings, mail, connection, publisher):
    text = mail_channel(mail.port).replace(f"{MANAGER}:", "T-somebody:")
    write_district(settings, text)
    night(settings, connection, publisher, ALDER)
    (left,) = channels.open_dispatches(publisher)
    assert left["trouble"] == "The channel has no address for this recipient."


def test_an_older_list_that_never_went_out_is_dropped(mailing, mail, connection, publisher):
    mail.fault = "busy"
    night(mailing, connection, publisher, ALDER)
    mail.fault = ""
    night(mailing, connection, publisher, ALDER, as_of=MONDAY + timedelta(days=1))
    assert [state for (state,) in dispatches(connection, "state")] == [
        "dropped", "dropped", "sent", "sent"]  # fmt: skip
    assert len(mail.mails) == 2


def test_a_held_school_is_told_once_that_its_list_is_still_the_last_good_one(
    mailing, mail, connection, publisher
):
    night(mailing, connection, publisher, ALDER, BIRCH)
    mail.mails.clear()
    for days in (1, 2, 3):
        day = MONDAY + timedelta(days=days)
        night(mailing, connection, publisher, ALDER, BIRCH, as_of=day, held=BIRCH)
    told = [m for m in mail.mails if "still the last good one" in str(m["Subject"])]
    assert sorted(str(m["To"]) for m in told) == [
        "birch@district.example", "manager@district.example"]  # fmt: skip
    assert "A rule of the test failed." in told[0].get_content()
    assert "2026-11-02" in told[0].get_content()


def test_a_note_about_a_hold_gives_the_reasons_of_its_own_school(
    mailing, mail, connection, publisher
):
    tuesday = MONDAY + timedelta(days=1)
    night(mailing, connection, publisher, ALDER, BIRCH)
    mail.fault = "busy"
    night(mailing, connection, publisher, ALDER, BIRCH, as_of=tuesday, held=BIRCH)
    connection.execute(
        "insert into ops.verdict"
        " (release_id, school_key, rule_id, severity, failing_count, message) values"
        " (2, %s, 'T.other', 'hold', 1, 'A rule failed at Alder.'),"
        " (2, null, 'T.all', 'hold', 1, 'A rule failed everywhere.'),"
        " (2, %s, 'T.small', 'notice', 1, 'Something is to be noticed.')",
        (ALDER.school_key, BIRCH.school_key),
    )
    connection.commit()
    mail.fault = ""
    mail.mails.clear()
    send(mailing, publisher, tuesday)
    (told, _) = [m for m in mail.mails if "still the last good one" in str(m["Subject"])]
    reasons = [line for line in told.get_content().splitlines() if line.startswith("- ")]
    assert reasons == ["- A rule failed everywhere.", "- A rule of the test failed."]


def test_a_second_hold_after_a_good_night_is_told_again(mailing, mail, connection, publisher):
    for days, held in ((0, None), (1, ALDER), (2, None), (3, ALDER)):
        day = MONDAY + timedelta(days=days)
        night(mailing, connection, publisher, ALDER, BIRCH, as_of=day, held=held)
    told = [m for m in mail.mails if "still the last good one" in str(m["Subject"])]
    assert len(told) == 4


def test_a_note_about_a_hold_that_ended_is_not_sent(mailing, mail, connection, publisher):
    night(mailing, connection, publisher, ALDER)
    mail.fault = "busy"
    night(mailing, connection, publisher, ALDER, as_of=MONDAY + timedelta(days=1), held=ALDER)
    mail.fault = ""
    mail.mails.clear()
    night(mailing, connection, publisher, ALDER, as_of=MONDAY + timedelta(days=2))
    assert [str(m["Subject"]) for m in mail.mails] == ["The list of 2026-11-04"] * 2
    assert dispatches(connection, "kind", "state")[2:4] == [("held", "dropped")] * 2


def lift(connection, publisher, release_id):
    """Let a person lift what holds ALDER in a release, and nothing after it; sends nothing."""
    releases.approve(
        publisher,
        school_source_id=ALDER.school_source_id,
        granted_by="R. Reed",
        reason="Twins",
        expires_at=datetime(2100, 1, 1, tzinfo=UTC),
        rule_id="T.rule",
    )
    releases.publish_release(publisher, release_id)
    connection.execute("update ops.override set expires_at = now()")
    connection.commit()


def test_a_list_goes_out_once_its_hold_is_lifted_also_where_the_hold_was_told(
    settings, mail, connection, publisher, tmp_path
):
    folder = f"  share: {{kind: folder, path: {tmp_path / 'share'}}}"
    write_district(settings, mail_channel(mail.port, folder))
    tuesday = MONDAY + timedelta(days=1)
    night(settings, connection, publisher, ALDER)
    night(settings, connection, publisher, ALDER, as_of=tuesday, held=ALDER)
    mail.mails.clear()
    lift(connection, publisher, 2)
    send(settings, publisher, tuesday)
    assert [str(m["Subject"]) for m in mail.mails] == ["The list of 2026-11-03"] * 2
    assert same_files(tmp_path / "share" / "T-ALDER", settings, "T-ALDER")


def test_a_note_about_a_hold_that_was_lifted_is_not_sent_with_that_of_the_next(
    mailing, mail, connection, publisher
):
    night(mailing, connection, publisher, ALDER)
    mail.fault = "busy"
    night(mailing, connection, publisher, ALDER, as_of=MONDAY + timedelta(days=1), held=ALDER)
    # Whoever lifted it was killed before the list was sent.
    lift(connection, publisher, 2)
    mail.fault = ""
    mail.mails.clear()
    night(mailing, connection, publisher, ALDER, as_of=MONDAY + timedelta(days=2), held=ALDER)
    assert dispatches(connection, "release_id", "kind", "state")[2:] == [
        (2, "list", "sent"),
        (2, "list", "sent"),
        (3, "held", "sent"),
        (3, "held", "sent"),
    ]


def test_a_list_that_was_taken_back_is_not_sent_in_the_place_of_the_older_one(
    mailing, mail, connection, publisher
):
    night(mailing, connection, publisher, ALDER)
    mail.fault = "busy"
    night(mailing, connection, publisher, ALDER, as_of=MONDAY + timedelta(days=1))
    releases.rollback(publisher)
    mail.fault = ""
    assert send(mailing, publisher).sent == 0
    assert len(mail.mails) == 2
    releases.rollback(publisher, 2)
    assert send(mailing, publisher).sent == 2
    assert [str(m["Subject"]) for m in mail.mails[2:]] == ["The list of 2026-11-03"] * 2


def test_who_left_the_school_is_no_longer_waited_for(mailing, mail, connection, publisher):
    tuesday = MONDAY + timedelta(days=1)
    assign(connection, "T-gone", ALDER, until=tuesday)
    night(mailing, connection, publisher, ALDER)
    assert [row["recipient_id"] for row in channels.open_dispatches(publisher)] == ["T-gone"]
    # Also where no newer list overtakes it.
    send(mailing, publisher, today=tuesday)
    assert channels.open_dispatches(publisher) == []


def test_a_school_without_anybody_assigned_gets_no_mail(mailing, mail, connection, publisher):
    night(mailing, connection, publisher, ALDER)
    before = len(mail.mails)
    send(mailing, publisher, today=date(2020, 1, 1))
    assert len(mail.mails) == before
    assert "T-ALDER" not in {row[0] for row in dispatches(connection, "recipient_id")}


# --- folders --------------------------------------------------------------------------------


def test_a_folder_gets_each_school_and_the_log_says_so(settings, connection, publisher, tmp_path):
    write_district(settings, f"channels: {{share: {{kind: folder, path: {tmp_path}/share}}}}\n")
    assert night(settings, connection, publisher, ALDER, BIRCH).sent == 2
    for school in ("T-ALDER", "T-BIRCH"):
        for name in ("index.html", "list.xlsx"):
            copy = tmp_path / "share" / school / name
            assert copy.read_bytes() == (settings.lists / school / name).read_bytes()
            assert (copy.stat().st_mode | copy.parent.stat().st_mode) & 0o077 == 0
    assert list((tmp_path / "share").rglob("*.part")) == []
    rows = connection.execute(
        "select d.school_key, cardinality(d.student_keys) as n, e.channel from ops.disclosure d"
        " inner join ops.delivery e using (delivery_id) where d.channel = 'share' order by 1"
    ).fetchall()
    assert [tuple(row.values()) for row in rows] == [(1, 3, "share"), (2, 3, "share")]


def test_a_folder_that_cannot_be_written_is_tried_again(settings, connection, publisher, tmp_path):
    write_district(settings, f"channels: {{share: {{kind: folder, path: {tmp_path}/share}}}}\n")
    (tmp_path / "share").write_text("in the way")
    assert night(settings, connection, publisher, ALDER).failed == 1
    (tmp_path / "share").unlink()
    assert send(settings, publisher).sent == 1


def test_a_list_that_first_arrives_while_the_school_is_held_is_logged(
    settings, connection, publisher, tmp_path
):
    night(settings, connection, publisher, ALDER)
    (tmp_path / "share").write_text("in the way")
    write_district(settings, f"channels: {{share: {{kind: folder, path: {tmp_path}/share}}}}\n")
    night(settings, connection, publisher, ALDER, as_of=MONDAY + timedelta(days=1), held=ALDER)
    (tmp_path / "share").unlink()
    connection.execute("update ops.dispatch set attempts = 5 where kind = 'list'")
    connection.commit()
    assert send(settings, publisher).sent == 1
    page = (tmp_path / "share" / "T-ALDER" / "index.html").read_bytes()
    rows = connection.execute(
        "select from ops.disclosure e inner join ops.delivery d using (delivery_id)"
        " where e.channel = 'share' and d.sha256 = %s",
        [hashlib.sha256(page).hexdigest()],
    ).fetchall()
    assert len(rows) == 1


def test_a_list_of_an_earlier_version_is_left_as_well(settings, connection, publisher, tmp_path):
    """A school that is held since before an upgrade shows a release that lacks newer reports."""
    night(settings, connection, publisher, ALDER)
    write_district(settings, f"channels: {{share: {{kind: folder, path: {tmp_path}/share}}}}\n")
    connection.execute("drop table release.rpt_reviews_due_r1")
    connection.commit()
    assert send(settings, publisher).sent == 1


def test_a_list_that_is_written_anew_while_it_is_sent_is_sent_later(
    settings, connection, publisher, tmp_path, monkeypatch
):
    """The log would tell of the children of another release than was left."""
    write_district(settings, f"channels: {{share: {{kind: folder, path: {tmp_path}/share}}}}\n")
    copy = channels._copy

    def meanwhile(source, deposit):
        done = copy(source, deposit)
        marker = source.with_name(delivery.MARKER)
        marker.write_text(marker.read_text().replace('"release_id": 1}', '"release_id": 2}'))
        return done

    with monkeypatch.context() as patch:
        patch.setattr(channels, "_copy", meanwhile)
        night(settings, connection, publisher, ALDER)
    told = "The list was written anew meanwhile."
    assert dispatches(connection, "state", "trouble") == [("failed", told)]
    assert not (tmp_path / "share" / "T-ALDER" / "index.html").exists()
    assert connection.execute("select from ops.disclosure where channel = 'share'").rowcount == 0
    assert send(settings, publisher).failed == 1
    (settings.lists / "T-ALDER" / delivery.MARKER).unlink()
    assert send(settings, publisher).sent == 1


class Killed(BaseException):
    """What no handler of ours catches, as nothing can be done after a kill."""


@pytest.mark.parametrize(
    ("part", "step", "named"),
    [(channels, "_log_files", 0), (deposits._Folder, "show", 0), (channels, "_close", 2)],
)
def test_a_sender_killed_on_the_way_leaves_files_to_be_left_again(
    settings, connection, publisher, tmp_path, monkeypatch, part, step, named
):
    """Nobody sees a file before its leaving was logged; and it is sent once it is seen."""
    write_district(settings, f"channels: {{share: {{kind: folder, path: {tmp_path}/share}}}}\n")

    def die(*_words):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(part, step, die)
        with pytest.raises(Killed):
            night(settings, connection, publisher, ALDER)
    publisher.rollback()
    folder = tmp_path / "share" / "T-ALDER"
    assert len([path for path in folder.iterdir() if path.suffix != ".part"]) == named
    assert dispatches(connection, "state") == [("sending",)]
    logged = connection.execute("select from ops.disclosure where channel = 'share'").fetchall()
    assert len(logged) == (0 if step == "_log_files" else 1)

    assert send(settings, publisher).sent == 1
    assert same_files(folder, settings, "T-ALDER")
    assert dispatches(connection, "state") == [("sent",)]


def test_what_was_cut_short_is_overtaken_by_a_newer_list(
    settings, connection, publisher, tmp_path
):
    write_district(settings, f"channels: {{share: {{kind: folder, path: {tmp_path}/share}}}}\n")
    night(settings, connection, publisher, ALDER)
    connection.execute("update ops.dispatch set state = 'sending'")
    connection.commit()
    night(settings, connection, publisher, ALDER, as_of=MONDAY + timedelta(days=1))
    assert dispatches(connection, "state") == [("dropped",), ("sent",)]


# --- elsewhere ------------------------------------------------------------------------------


@pytest.fixture
def sftp(tmp_path):
    (tmp_path / "sftp").mkdir()
    with an_sftp_server(tmp_path / "sftp") as running:
        yield running


def sftp_channel(server):
    return f"channels: {{county: {channel_of(server)}}}\n"


def same_files(there, settings, school):
    names = {"index.html", "list.xlsx"}
    here = settings.lists / school
    return {path.name for path in there.iterdir()} == names and all(
        (there / name).read_bytes() == (here / name).read_bytes() for name in names
    )


def test_an_sftp_server_gets_each_school_once(settings, connection, publisher, sftp):
    write_district(settings, sftp_channel(sftp))
    assert night(settings, connection, publisher, ALDER, BIRCH).sent == 2
    for school in ("T-ALDER", "T-BIRCH"):
        assert same_files(sftp.root / "lists" / school, settings, school)
    told = (sftp.root / "lists" / "T-ALDER" / "index.html").stat()
    assert told.st_mode & 0o077 == 0
    assert send(settings, publisher).sent == 0
    assert dispatches(connection, "channel", "state") == [("county", "sent")] * 2
    # The next night takes the place of this one.
    tuesday = MONDAY + timedelta(days=1)
    assert night(settings, connection, publisher, ALDER, BIRCH, as_of=tuesday).sent == 2
    assert same_files(sftp.root / "lists" / "T-ALDER", settings, "T-ALDER")
    rows = connection.execute(
        "select cardinality(student_keys) as n from ops.disclosure where channel = 'county'"
    ).fetchall()
    assert [row["n"] for row in rows] == [3] * 4


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("known_hosts", "The SFTP server's key is not the one in known_hosts."),
        ("authorized_keys", "The SFTP server refused the user or the key."),
        ("root", "The SFTP server could not be written to (SFTPFailure)."),
    ],
)
def test_an_sftp_server_that_cannot_be_used_is_said_and_tried_again(
    settings, connection, publisher, sftp, spoil, told
):
    folder = sftp.root.parent
    write_district(settings, sftp_channel(sftp))
    kept = {path: path.read_text() for path in folder.iterdir() if path.is_file()}
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    if spoil == "known_hosts":
        sftp.known_hosts.write_text(f"[127.0.0.1]:{sftp.port} {other}")
    elif spoil == "authorized_keys":
        (folder / spoil).write_text(other)
    else:
        (sftp.root / "lists").write_text("in the way")
    assert night(settings, connection, publisher, ALDER).failed == 1
    [(state, trouble)] = dispatches(connection, "state", "trouble")
    assert (state, trouble) == ("failed", told)
    for path, text in kept.items():
        path.write_text(text)
    (sftp.root / "lists").unlink(missing_ok=True)
    done = sending.send_again(settings)
    assert (done.sent, done.failed) == (1, 0)
    assert same_files(sftp.root / "lists" / "T-ALDER", settings, "T-ALDER")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("stuck", "TimeoutError"), ("full", "SFTPFailure"), ("gone", "ConnectionLost")],
)
def test_an_sftp_server_that_fails_in_mid_file_gets_the_files_later(
    settings, connection, publisher, sftp, fault, kind
):
    write_district(settings, f"channels: {{county: {channel_of(sftp, seconds=0.5)}}}\n")
    sftp.fault = fault
    night(settings, connection, publisher, ALDER)
    told = f"The SFTP server could not be written to ({kind})."
    assert dispatches(connection, "state", "trouble") == [("failed", told)]
    write_district(settings, sftp_channel(sftp))
    sftp.fault = ""
    assert send(settings, publisher).sent == 1
    assert same_files(sftp.root / "lists" / "T-ALDER", settings, "T-ALDER")


def test_a_file_of_known_hosts_that_is_none_is_said(settings, connection, publisher, sftp):
    write_district(settings, sftp_channel(sftp))
    sftp.known_hosts.write_text("word")
    night(settings, connection, publisher, ALDER)
    [(trouble,)] = dispatches(connection, "trouble")
    assert trouble == "The file known_hosts of the SFTP server cannot be read."


def test_what_nobody_foresaw_keeps_no_other_school_from_its_list(
    settings, connection, publisher, tmp_path, monkeypatch
):
    write_district(settings, f"channels: {{share: {{kind: folder, path: {tmp_path}/share}}}}\n")
    full = Mock(side_effect=[OSError(28, "T-secret"), None])
    monkeypatch.setattr(channels, "anchor", full)
    done = night(settings, connection, publisher, ALDER, BIRCH)
    assert done == channels.Sent(sent=1, failed=1)
    assert dispatches(connection, "trouble") == [("Not foreseen (OSError).",), (None,)]


def test_a_silent_object_store_is_not_waited_for(settings, connection, publisher):
    url = f"{PROTOCOL}-stuck://lists"
    channel = f"{{kind: object_store, url: '{url}', timeout_seconds: 0.2}}"
    write_district(settings, f"channels: {{store: {channel}}}\n")
    night(settings, connection, publisher, ALDER, BIRCH)
    told = "The object store could not be written to (FSTimeoutError)."
    assert dispatches(connection, "trouble") == [(told,), (None,)]


def test_an_object_store_gets_each_school_by_its_url(settings, connection, publisher, tmp_path):
    url = "memory://bucket/lists"
    write_district(settings, f"channels: {{store: {{kind: object_store, url: '{url}'}}}}\n")
    assert night(settings, connection, publisher, ALDER, BIRCH).sent == 2
    fsspec.filesystem("memory").get("/bucket/lists", str(tmp_path / "got"), recursive=True)
    for school in ("T-ALDER", "T-BIRCH"):
        assert same_files(tmp_path / "got" / school, settings, school)


def test_an_object_store_without_a_driver_is_said(settings, connection, publisher):
    write_district(settings, "channels: {store: {kind: object_store, url: 'gs://bucket/lists'}}\n")
    assert night(settings, connection, publisher, ALDER).failed == 1
    assert dispatches(connection, "state", "trouble") == [
        ("failed", "The driver of the object store is not installed.")
    ]


def test_a_person_decides_what_nobody_knows(settings, connection, publisher, tmp_path):
    write_district(settings, f"channels: {{share: {{kind: folder, path: {tmp_path}/share}}}}\n")
    night(settings, connection, publisher, ALDER, BIRCH)
    connection.execute("update ops.dispatch set state = 'unsure', attempts = 5")
    connection.commit()
    assert sending.send_again(settings).sent == 0
    first, second = (row[0] for row in dispatches(connection, "dispatch_id"))
    assert sending.send_again(settings, dispatch_ids=(first,)).sent == 1
    assert sending.give_up(settings, dispatch_ids=(second,)) == 1
    assert dispatches(connection, "state") == [("sent",), ("dropped",)]
    # What left is not taken back by saying so.
    assert sending.give_up(settings, dispatch_ids=(first,)) == 0
    assert dispatches(connection, "state") == [("sent",), ("dropped",)]


# --- settings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spoilt",
    [
        ("alder@district.example", "two@a.example, other@b.example"),
        ("alder@district.example", "no address"),
        ("alder@district.example", "älder@district.example"),
        ("alder@district.example", '"alder\\0@district.example"'),
        ("alder@district.example", '"x:alder@district.example"'),
        ("lists@district.example", "<lists@district.example>"),
        ("lists@district.example", "lists"),
        ("https://lists", "javascript:lists"),
        ("kind: email", "kind: pigeon"),
    ],
)
def test_a_channel_must_make_sense(settings, spoilt):
    write_district(settings, mail_channel(25).replace(*spoilt))
    with pytest.raises(SettingsWrong, match="channels"):
        load_district(settings.district_file)
