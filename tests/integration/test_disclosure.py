"""What left is in the log, and the log cannot be changed unnoticed."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import psycopg
import pytest

from lib.release_builders import ALDER, BIRCH, MANAGER, assign, build_reports, coordinator_of
from wraparound.publishing import delivery, disclosure, lists, releases
from wraparound.publishing.disclosure import Leaving, Recipient, disclose
from wraparound.publishing.freeze import freeze_release
from wraparound.warehouse import connection as connections
from wraparound.warehouse import roles

MONDAY, TUESDAY = date(2026, 11, 2), date(2026, 11, 3)
REFUSED = psycopg.errors.InsufficientPrivilege


@pytest.fixture
def connection(settings):
    with connections.connect(settings) as opened:
        yield opened


@pytest.fixture
def publisher(settings):
    with connections.connect(settings, role=roles.PUBLISHER) as opened:
        opened.commit()
        yield opened


def night(settings, connection, publisher, *schools, as_of=MONDAY):
    build_reports(connection, *schools, as_of=as_of)
    candidate = freeze_release(publisher, build_id=None, as_of=as_of)
    publisher.execute("update ops.release set state = 'audited' where state = 'building'")
    publisher.commit()
    releases.publish_release(publisher, candidate.release_id)
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
    checked = disclosure.verify(connection, log_dir=settings.log_dir)
    assert (checked.is_whole, checked.row_count) == (True, 5)


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
