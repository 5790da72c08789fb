"""What left is in the log, and the log cannot be changed unnoticed."""

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import psycopg
import pytest

from lib.release_builders import (
    ALDER,
    BIRCH,
    MANAGER,
    a_student,
    assign,
    build_reports,
    coordinator_of,
    insert_row,
)
from wraparound.publishing import delivery, disclosure, lists, packets, releases
from wraparound.publishing.disclosure import Leaving, Recipient, disclose
from wraparound.publishing.freeze import freeze_release
from wraparound.warehouse import connection as connections
from wraparound.warehouse import roles

SUNDAY, MONDAY, TUESDAY = (date(2026, 11, day) for day in (1, 2, 3))
REFUSED = psycopg.errors.InsufficientPrivilege


@pytest.fixture
def publisher(settings):
    with connections.connect(settings, role=roles.PUBLISHER) as opened:
        opened.commit()
        yield opened


def published(publisher, *, as_of=MONDAY):
    candidate = freeze_release(publisher, build_id=None, as_of=as_of)
    publisher.execute("update ops.release set state = 'audited' where state = 'building'")
    publisher.commit()
    releases.publish_release(publisher, candidate.release_id)


def night(settings, connection, publisher, *schools, as_of=MONDAY):
    build_reports(connection, *schools, as_of=as_of)
    published(publisher, as_of=as_of)
    return delivery.deliver_lists(settings, publisher, today=as_of)


def log_of(connection):
    return connection.execute("select * from ops.disclosure order by disclosure_id").fetchall()


def test_each_delivery_is_logged_for_each_recipient(settings, connection, publisher):
    night(settings, connection, publisher, ALDER, BIRCH)
    rows = log_of(connection)
    assert [(row["school_key"], row["recipient_id"]) for row in rows] == [
        (1, coordinator_of(ALDER)),
        (1, MANAGER),
        (2, coordinator_of(BIRCH)),
        (2, MANAGER),
    ]
    first = rows[0]
    assert first["legal_basis"] == "school_official"
    assert first["student_keys"] == [1001, 1002, 1003]
    assert (first["channel"], first["release_id"]) == ("folder", 1)
    assert first["disclosed_at"] is not None
    (students,) = [text for text in first["records_scope"] if text.startswith("students:")]
    assert "absence_rate" in students
    assert "student_key" not in students


def test_a_delivery_row_stands_beside_each_disclosure(settings, connection, publisher):
    night(settings, connection, publisher, ALDER)
    rows = connection.execute(
        "select from ops.disclosure d inner join ops.delivery e using (delivery_id, release_id)"
    ).fetchall()
    assert len(rows) == 2


def test_what_was_not_written_again_was_not_disclosed_again(settings, connection, publisher):
    night(settings, connection, publisher, ALDER)
    delivery.deliver_lists(settings, publisher, today=MONDAY)
    assert len(log_of(connection)) == 2


def test_a_new_coordinator_is_a_new_recipient(settings, connection, publisher):
    """The bytes are the same, the reader is not."""
    night(settings, connection, publisher, ALDER)
    assign(connection, "T-newcomer", ALDER, since=TUESDAY)
    connection.execute("update raw.staff__assignments set end_date = '2026-11-03'"
                       " where staff_id = 'T-coordinator-1'")  # fmt: skip
    connection.commit()
    releases.refresh_assignments(publisher)
    publisher.commit()
    delivery.deliver_lists(settings, publisher, today=TUESDAY)
    assert [row["recipient_id"] for row in log_of(connection)[2:]] == [MANAGER, "T-newcomer"]


def test_without_anybody_assigned_the_school_is_the_recipient(settings, connection, publisher):
    build_reports(connection, ALDER)
    night(settings, connection, publisher, ALDER)
    delivery.deliver_lists(settings, publisher, today=date(2020, 1, 1))
    last = log_of(connection)[-1]
    assert (last["recipient_type"], last["recipient_id"]) == ("school", "T-ALDER")


def test_a_list_that_could_not_be_logged_did_not_leave(
    settings, connection, publisher, monkeypatch
):
    def fail(*words, **more):
        raise psycopg.OperationalError

    monkeypatch.setattr(delivery, "disclose", fail)
    done = night(settings, connection, publisher, ALDER)
    assert done.failed_schools == ("T-ALDER",)
    assert not (settings.lists / "T-ALDER" / "index.html").exists()
    assert connection.execute("select from ops.delivery").fetchall() == []


def test_a_list_that_could_not_be_written_was_not_logged(
    settings, connection, publisher, monkeypatch
):
    def fail(*words, **more):
        raise OSError

    monkeypatch.setattr(lists, "render_school", fail)
    night(settings, connection, publisher, ALDER)
    assert log_of(connection) == []


@pytest.mark.parametrize(
    "statement",
    [
        "update ops.disclosure set recipient_id = 'T-other'",
        "delete from ops.disclosure",
        "truncate ops.disclosure",
        "truncate ops.disclosure cascade",
        "set local session_replication_role = replica; delete from ops.disclosure",
    ],
)
@pytest.mark.parametrize("role", ["postgres", roles.PUBLISHER])
def test_not_even_the_owner_changes_a_row(settings, connection, publisher, role, statement):
    night(settings, connection, publisher, ALDER)
    connection.execute(f"set role {role}")
    connection.commit()
    with pytest.raises(REFUSED):
        connection.execute(statement)


# --- the chain ------------------------------------------------------------------------------


def fill(publisher, rows, *, children=3):
    """Log some deliveries of invented children."""
    for number in range(rows):
        end = log_one(publisher, number, children=children)
    publisher.commit()
    return end


def log_one(publisher, number=0, *, children=3):
    keys = tuple(range(number, number + children))
    leaving = Leaving(number + 1, 1, 1, "folder", ("students: grade_level",), keys)
    return disclose(publisher, leaving, recipients=[Recipient("site_coordinator", "T-one")])


def tamper(connection, statement):
    """Do what a superuser could do: take the guards off first."""
    connection.execute("alter table ops.disclosure disable trigger user")
    connection.execute(statement)
    connection.execute("alter table ops.disclosure enable always trigger append_only")
    connection.commit()


def test_a_log_as_it_was_written_is_whole(settings, connection, publisher):
    disclosure.anchor(fill(publisher, 5), settings.log_dir)
    with (settings.log_dir / disclosure.ANCHORS).open("a") as file:
        file.write("4 0a1b2c")
    checked = disclosure.verify(connection, log_dir=settings.log_dir)
    assert (checked.is_whole, checked.row_count) == (True, 5)


@pytest.mark.parametrize("cut", ["4", "4 0a1b2c", f"4 {'0' * 63}"])
def test_what_a_full_disk_cut_off_hides_no_later_line(settings, connection, publisher, cut):
    disclosure.anchor(fill(publisher, 4), settings.log_dir)
    with (settings.log_dir / disclosure.ANCHORS).open("a") as file:
        file.write(cut)
    disclosure.anchor(fill(publisher, 1), settings.log_dir)
    assert disclosure.verify(connection, log_dir=settings.log_dir).is_whole
    tamper(connection, "delete from ops.disclosure where disclosure_id = 5")
    assert disclosure.verify(connection, log_dir=settings.log_dir).first_wrong_id == 5
    connection.execute(
        "update ops.disclosure_head set disclosure_id = 4,"
        " hash = (select hash from ops.disclosure where disclosure_id = 4)"
    )
    connection.commit()
    assert not disclosure.verify(connection, log_dir=settings.log_dir).is_whole


def test_an_empty_log_is_whole(connection):
    assert disclosure.verify(connection).is_whole


@pytest.mark.parametrize(
    ("statement", "first_wrong"),
    [
        ("update ops.disclosure set recipient_id = 'T-two' where disclosure_id = 3", 3),
        ("update ops.disclosure set student_keys = '{9}' where disclosure_id = 2", 2),
        ("delete from ops.disclosure where disclosure_id = 2", 2),
        ("delete from ops.disclosure where disclosure_id > 3", 4),
        ("update ops.disclosure set disclosed_at = now() + '1 day' where disclosure_id = 5", 5),
    ],
)
def test_tampering_is_found_at_the_row(connection, publisher, statement, first_wrong):
    fill(publisher, 5)
    tamper(connection, statement)
    assert disclosure.verify(connection).first_wrong_id == first_wrong


def test_a_row_with_a_hash_that_was_made_anew_is_found_by_the_next(connection, publisher):
    fill(publisher, 3)
    query = f"select {disclosure.COLUMNS} from ops.disclosure where disclosure_id = 2"
    changed = {**connection.execute(query).fetchone(), "recipient_id": "T-two"}
    tamper(
        connection,
        "update ops.disclosure set recipient_id = 'T-two',"
        f" hash = '{disclosure._hash(changed)}' where disclosure_id = 2",
    )
    assert disclosure.verify(connection).first_wrong_id == 3


def test_a_last_row_under_another_number_is_found(connection, publisher):
    """Its hash, made anew, is the chain's end; between it and the one before a row is missing."""
    fill(publisher, 3)
    query = f"select {disclosure.COLUMNS} from ops.disclosure where disclosure_id = 3"
    moved = {**connection.execute(query).fetchone(), "disclosure_id": 4}
    end = disclosure._hash(moved)
    tamper(
        connection,
        f"update ops.disclosure set disclosure_id = 4, hash = '{end}' where disclosure_id = 3",
    )
    connection.execute(f"update ops.disclosure_head set disclosure_id = 3, hash = '{end}'")
    connection.commit()
    assert disclosure.verify(connection).first_wrong_id == 3


def test_a_log_written_anew_disagrees_with_the_file_outside(settings, connection, publisher):
    """Who rewrites the whole chain, its end and all, still does not have the file."""
    disclosure.anchor(fill(publisher, 3), settings.log_dir)
    tamper(connection, "delete from ops.disclosure")
    connection.execute("update ops.disclosure_head set disclosure_id = 0, hash = ''")
    connection.commit()
    fill(publisher, 3, children=2)
    assert disclosure.verify(connection).is_whole
    checked = disclosure.verify(connection, log_dir=settings.log_dir)
    assert (checked.is_whole, checked.first_wrong_id) == (False, 3)


def test_a_shortened_log_disagrees_with_the_file_outside(settings, connection, publisher):
    disclosure.anchor(fill(publisher, 3), settings.log_dir)
    tamper(connection, "delete from ops.disclosure")
    connection.execute("update ops.disclosure_head set disclosure_id = 0, hash = ''")
    connection.commit()
    assert not disclosure.verify(connection, log_dir=settings.log_dir).is_whole


def test_a_later_line_of_the_file_unsays_no_earlier_one(settings, connection, publisher):
    """Who may add to the file may not replace what stands in it."""
    disclosure.anchor(fill(publisher, 3), settings.log_dir)
    tamper(connection, "delete from ops.disclosure")
    connection.execute("update ops.disclosure_head set disclosure_id = 0, hash = ''")
    connection.commit()
    disclosure.anchor(fill(publisher, 3, children=2), settings.log_dir)
    assert disclosure.verify(connection, log_dir=settings.log_dir).first_wrong_id == 3
    (settings.log_dir / disclosure.ANCHORS).unlink()
    assert "is missing" in disclosure.verify(connection, log_dir=settings.log_dir).message


def test_two_deliveries_at_once_make_one_chain(settings, connection, publisher):
    """The second waits for the first to commit, and goes on from its end."""
    with (
        connections.connect(settings, role=roles.PUBLISHER) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        other.commit()
        fill(publisher, 1)
        log_one(publisher)
        second = pool.submit(fill, other, 1)
        waiting = "select from pg_catalog.pg_locks where not granted"
        while not (second.done() or connection.execute(waiting).fetchall()):
            connection.rollback()
        publisher.commit()
        second.result(timeout=60)
    connection.rollback()
    assert disclosure.verify(connection).row_count == 3


def test_a_delivery_while_the_log_is_read_is_no_gap(connection, publisher, monkeypatch):
    def read(*words, rows=disclosure._rows):
        found = rows(*words)
        monkeypatch.undo()
        fill(publisher, 1)
        return found

    fill(publisher, 2)
    monkeypatch.setattr(disclosure, "_rows", read)
    assert disclosure.verify(connection).is_whole
    assert disclosure.verify(connection).row_count == 3


# --- one child ------------------------------------------------------------------------------


def test_a_report_of_one_child_names_no_other(connection, publisher):
    fill(publisher, 5)
    rows = disclosure.disclosures_of(connection, 3)
    assert [row["disclosure_id"] for row in rows] == [4, 3, 2]
    assert "student_keys" not in rows[0]
    assert "[" not in json.dumps(rows[0], default=str).replace('["students: grade_level"]', "")


def test_a_report_of_one_child_reads_an_index(connection):
    """A hundred thousand deliveries: the planner must not want to read them all."""
    connection.execute("set local enable_seqscan = off")
    rows = connection.execute(
        "explain select from ops.disclosure where student_keys @> array[3::bigint]"
    ).fetchall()
    assert "ix_disclosure_student_keys" in "\n".join(row["QUERY PLAN"] for row in rows)


def test_an_auditor_reads_the_log_and_not_who_the_children_are(connection, publisher):
    fill(publisher, 1)
    connection.execute("set role wraparound_auditor")
    connection.commit()
    assert len(log_of(connection)) == 1
    assert disclosure.verify(connection).is_whole
    with pytest.raises(REFUSED):
        connection.execute("select from ops.student_crosswalk")


# --- packets --------------------------------------------------------------------------------

PARTS = "{attendance, tier}"
# What a consent says, where it is not what lets a packet leave, and whether it still leaves.
CONSENTS = {
    "all in force on its last day": ({}, True),
    "not from today": ({"effective_from": TUESDAY}, False),
    "ended yesterday": ({"expires_on": date(2026, 11, 1)}, False),
    "withdrawn today": ({"revoked_at": MONDAY}, False),
    "of another provider": ({"recipient_organization_id": "T-other"}, False),
    "of any provider": ({"recipient_organization_id": None}, True),
    "of less": ({"records_scope": "{attendance}"}, False),
    "of another child": ({"_student_source_id": "T-ALDER-2"}, False),
    "gone": ({"_deleted_at": MONDAY}, False),
}
# Likewise the row of the packet; the last two have no consent at all.
GROUNDS = {
    "of age tomorrow": ({"own_consent_from_date": TUESDAY}, True),
    "of age today": ({"own_consent_from_date": MONDAY}, False),
    "agreed until today": (
        {"legal_basis": "school_official", "agreement_until_date": MONDAY},
        True,
    ),
    "agreed for other records": (
        {
            "legal_basis": "school_official",
            "records_scope": "roster",
            "packet": '{"grade_level": "03"}',
        },
        True,
    ),
    "agreed until yesterday": (
        {"legal_basis": "school_official", "agreement_until_date": date(2026, 11, 1)},
        False,
    ),
    "without a ground": ({"legal_basis": "none"}, False),
}


def a_packet(school, name, **words):
    row = {
        **a_student(school, 1),
        "referral_id": f"{name} at {school.school_source_id}",
        "organization_id": "T-org",
        "legal_basis": "consent",
        "consent_id": name,
        "records_scope": "attendance tier",
        "packet": '{"decided_tier": "=1+1"}',
    }
    return row | words


def consent(connection, name, **words):
    row = {
        "consent_id": name,
        "student_id": "T-ALDER-1",
        "_student_source_id": "T-ALDER-1",
        "granted_by_role": "parent",
        "signed_at": MONDAY,
        "records_scope": PARTS,
        "recipient_organization_id": "T-org",
        "effective_from": MONDAY,
        "expires_on": MONDAY,
        "revoked_at": TUESDAY,
        "_sender": "default",
        "_batch_id": 1,
        "_row_hash": 0,
        "_effective_at": MONDAY,
        "_changed_at": MONDAY,
    }
    row |= words
    places = ", ".join(["%s"] * len(row))
    connection.execute(
        f"insert into raw.consents__consents ({', '.join(row)}) values ({places})",
        list(row.values()),
    )


# Another consent of the same family that was withdrawn after this one was signed, and whether
# this one still lets a packet leave: if it names the provider, and if it is for any.
LATER_WORDS = {
    "of the same provider": ({}, False, False),
    "of the same provider, from tomorrow": ({"revoked_at": TUESDAY}, True, True),
    "of the same provider, before this one": ({"revoked_at": date(2026, 7, 1)}, True, True),
    "of other records": ({"records_scope": "{health}"}, True, True),
    "of records that it does not name": ({"records_scope": None}, False, False),
    "of another provider": ({"recipient_organization_id": "T-other"}, True, True),
    "of any provider": ({"recipient_organization_id": None}, True, False),
    "gone": ({"_deleted_at": MONDAY}, True, True),
    "of a child who had the id before": ({"_effective_at": SUNDAY}, True, True),
}


@pytest.mark.parametrize(
    ("later", "leaves", "leaves_for_any"), LATER_WORDS.values(), ids=LATER_WORDS
)
def test_a_later_withdrawal_is_asked_for_as_well(
    connection, publisher, settings, tmp_path, later, leaves, leaves_for_any
):
    build_reports(connection, ALDER)
    july = {"signed_at": date(2026, 7, 1)}
    for child, named in ((1, "T-org"), (2, None)):
        whose = {"_student_source_id": f"T-ALDER-{child}"}
        connection.execute(
            "insert into ops.student_change (student_source_id, earlier_key, student_key,"
            " told_since, told_since_date, state) values (%s, 0, %s, %s, %s, 'another')",
            (f"T-ALDER-{child}", child, MONDAY, MONDAY),
        )
        kept = f"kept by {child}"
        consent(connection, kept, **july | whose, recipient_organization_id=named)
        consent(connection, f"later {child}", **july | whose | {"revoked_at": MONDAY} | later)
        row = a_packet(ALDER, kept) | a_student(ALDER, child)
        insert_row(connection, "rpt_provider_packets", **row)
    connection.commit()
    published(publisher)

    (packet,) = packets.send_packets(settings, publisher, today=MONDAY, out=tmp_path)

    assert packet.row_count == leaves + leaves_for_any
    told = b"".join(path.read_bytes() for path in tmp_path.rglob("*.csv"))
    assert (b"kept by 1" in told, b"kept by 2" in told) == (leaves, leaves_for_any)


def test_the_ground_of_each_line_is_asked_again_on_the_day(
    settings, connection, publisher, tmp_path
):
    build_reports(connection, ALDER, BIRCH)
    connection.execute("alter table reports.rpt_provider_packets add own_consent_from_date date")
    for name, (words, _) in CONSENTS.items():
        consent(connection, name, **words)
        insert_row(connection, "rpt_provider_packets", **a_packet(ALDER, name))
    for name, (words, _) in GROUNDS.items():
        consent(connection, name)
        insert_row(connection, "rpt_provider_packets", **a_packet(ALDER, name, **words))
    official = {"legal_basis": "school_official"}
    insert_row(connection, "rpt_provider_packets", **a_packet(BIRCH, "agreed", **official))
    connection.commit()
    published(publisher)

    packets.send_packets(settings, publisher, today=MONDAY, out=tmp_path)

    told = {}
    for path in tmp_path.rglob("*.csv"):
        header, *rows = csv.reader(path.read_text().splitlines())
        assert header[0] == "referral_id"
        assert {cell for row in rows for cell in row[1:]} <= {"'=1+1", "03", ""}
        told[path.stem] = sorted(row[0].partition(" at ")[0] for row in rows)
    every = {**CONSENTS, **GROUNDS}
    assert told == {
        "T-ALDER": sorted(name for name, (_, leaves) in every.items() if leaves),
        "T-BIRCH": ["agreed"],
    }
    logged = sorted(
        (row["school_key"], row["legal_basis"], *row["records_scope"])
        for row in log_of(connection)
    )
    assert logged == [
        (1, "consent", "packet: decided_tier"),
        (1, "none", packets.DENIED_SCOPE),
        (1, "school_official", "packet: decided_tier"),
        (1, "school_official", "packet: grade_level"),
        (2, "school_official", "packet: decided_tier"),
    ]


def test_a_packet_of_a_process_that_was_killed_does_not_lie_about(
    settings, connection, publisher, tmp_path, monkeypatch
):
    """Its ground may be gone by the next day, and nobody would come back for it."""
    out = tmp_path / "packets"
    build_reports(connection, ALDER)
    consent(connection, "c-1", _student_source_id="T-ALDER-1")
    insert_row(connection, "rpt_provider_packets", **a_packet(ALDER, "c-1"))
    connection.commit()
    published(publisher)
    free = []

    def killed(*_):
        with connections.connect(settings) as other:
            query = "select pg_try_advisory_lock(hashtext('wraparound.packets')) as it"
            free.append(other.execute(query).fetchone()["it"])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(packets, "put_in_place", killed)
        with pytest.raises(KeyboardInterrupt):
            packets.send_packets(settings, publisher, today=MONDAY, out=out)
    connection.execute("update raw.consents__consents set revoked_at = %s", (MONDAY,))
    connection.commit()
    publisher.rollback()
    (packet,) = packets.send_packets(settings, publisher, today=MONDAY, out=out)
    assert [path for path in out.rglob("*") if path.is_file()] == []
    assert (packet.row_count, free) == (0, [False])
