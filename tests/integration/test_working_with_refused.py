"""What people do with what was refused: look, rehearse, hand back, lift a rule, decide."""

import csv
import io
import json
import os
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest

from lib.feed_builders import TARDY, UNEXCUSED, a_file, a_zip, attendance, children, with_member
from lib.warehouse_in_tests import (
    arrivals,
    findings,
    is_conserved,
    landed_and_loaded,
    query,
    raw_state,
    write_district,
)
from wraparound.errors import SettingsWrong
from wraparound.orchestration import handing_back, nights, rehearsing
from wraparound.orchestration.handing_back import hand_back, safe
from wraparound.orchestration.receipt_pages import write_private
from wraparound.warehouse import connection as connections
from wraparound.warehouse import filling, ledger, lifting
from wraparound.warehouse.receipts import receipt

DAY = "2026-10-01"


def told(settings, arrival_id):
    with connections.connect(settings) as connection:
        return receipt(connection, arrival_id)


def ledger_state(settings):
    """Every row of the ledger's tables that a load writes."""
    tables = ("arrival", "batch", "batch_table", "quarantine", "feed_state", "event")
    return {t: query(settings, f"select * from ops.{t} order by 1, 2") for t in tables}


@pytest.fixture
def braked(rostered, roster, tmp_path):
    """A warehouse of thirty children, and a roster that holds five of them, waiting."""
    many = replace(roster, students=(*children(30), *roster.students[6:]))
    nights.land(rostered, [many.write(tmp_path / "in", "roster_more.zip")])
    for arrival_id in nights.pending_arrivals(rostered):
        nights.load_arrival(rostered, arrival_id)
        with connections.connect(rostered) as connection:
            ledger.decide_brake(connection, arrival_id, release=True, by="T", reason="new")
    nights.ingest(rostered)
    few = replace(many, students=many.students[25:])
    (arrival,) = landed_and_loaded(rostered, few.write(tmp_path / "in", "roster_few.zip"))
    assert arrival["state"] == "braked"
    return rostered, arrival


def test_the_brake_tells_all_that_an_arrival_would_change(braked):
    settings, arrival = braked
    with connections.connect(settings) as connection:
        counts = ledger.brake_counts(connection, arrival["arrival_id"])
    tripped = {(c["table_name"], c["school_source_id"]): c for c in counts if c["reason"]}
    users = tripped["roster__users", "T-S1"]
    assert (users["rows_before"], users["rows_ended"], users["rows_created"]) == (30, 25, 0)
    assert ("roster__enrollments", "T-S1") in tripped
    assert "more than 10 %" in users["threshold"]
    assert "contract roster" in users["threshold"]
    assert "more like it" in arrival["message"]
    assert told(settings, arrival["arrival_id"])["brake"] == counts


def test_a_rehearsal_of_files_tells_everything_and_keeps_nothing(rostered, roster, tmp_path):
    rows = [(c.id, c.school, DAY, TARDY) for c in roster.students]
    rows += [("T-Nobody", "T-S1", DAY, TARDY), ("T-Alder1", "T-S1", "soon", TARDY)]
    path = attendance(tmp_path / "in", rows)
    before = raw_state(rostered), ledger_state(rostered), sorted(rostered.archive.rglob("*"))

    said: list[str] = []
    (receipt_,) = rehearsing.rehearse_files(rostered, [path], say=said.append)

    assert (receipt_["state"], receipt_["rows_in"], receipt_["rows_loaded"]) == ("loaded", 12, 10)
    assert {(s["rule"], s["count"]) for s in receipt_["set_aside"]} == {
        ("student_unknown", 1),
        ("not_a_date", 1),
    }
    after = raw_state(rostered), ledger_state(rostered), sorted(rostered.archive.rglob("*"))
    assert after == before
    assert not list(rostered.home.glob("rehearsal-*"))
    assert said == []

    landed_and_loaded(rostered, path)
    rehearsing.rehearse_files(rostered, [path], say=said.append)
    assert "`wraparound quarantine replay" in said[0]


def test_a_rehearsal_of_what_was_landed_meets_what_came_before_it(settings, roster, tmp_path):
    nights.land(settings, [roster.write(tmp_path / "in")])
    rows = [(c.id, c.school, DAY, TARDY) for c in roster.students]
    broken = attendance(tmp_path / "in", [], name="attendance_2.csv")
    broken.write_text("studentUniqueId\nT-Alder1\n")
    nights.land(settings, [attendance(tmp_path / "in", rows), broken])

    told_ = rehearsing.rehearse_pending(settings)

    assert [(r["feed"], r["state"], r["code"]) for r in told_] == [
        ("roster", "loaded", None),
        ("attendance", "loaded", None),
        ("attendance", "refused", "W21"),
    ]
    assert told_[1]["rows_loaded"] == 10
    assert {row["state"] for row in arrivals(settings)} == {"pending"}
    assert raw_state(settings) == {}
    nights.ingest(settings)
    assert [row["state"] for row in arrivals(settings)] == ["loaded", "loaded", "refused"]


def test_a_load_leaves_a_receipt_without_values_for_its_sender(rostered, roster, tmp_path):
    write_district(rostered, "receipts: true\n")
    rows = [(c.id, c.school, DAY, "Sequoia" if c.name == "Alder1" else UNEXCUSED)
            for c in roster.students]  # fmt: skip
    (arrival,) = landed_and_loaded(rostered, attendance(tmp_path / "in", rows))

    folder = rostered.outbox / "receipts" / "default"
    stem = f"arrival-{arrival['arrival_id']}"
    files = {path.name: path for path in folder.iterdir()}
    assert set(files) == {f"{stem}.json", f"{stem}.html"}
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}
    body = json.loads(files[f"{stem}.json"].read_text())
    assert (body["rows_in"], body["rows_loaded"], body["rows_quarantined"]) == (10, 9, 1)
    assert body["set_aside"][0]["first_rows"] == [2]
    page = files[f"{stem}.html"].read_text()
    assert "attendance.csv: loaded" in page
    assert "unknown_code" in page
    assert "<script" not in page
    for text in (page, files[f"{stem}.json"].read_text()):
        assert not any(word in text for word in ("Sequoia", "T-Alder1", "Alder1"))


def test_the_receipt_of_a_load_that_was_killed_is_left_at_the_next_waking(
    rostered, roster, tmp_path, monkeypatch
):
    write_district(rostered, "receipts: true\n")
    rows = [(c.id, c.school, DAY, UNEXCUSED) for c in roster.students]
    nights.land(rostered, [attendance(tmp_path / "in", rows)])
    arrival_id = arrivals(rostered)[-1]["arrival_id"]
    receipts = rostered.outbox / "receipts"

    def killed(*words, **more):
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(nights, "leave_receipt", killed)
        with pytest.raises(SystemExit):
            nights.load_arrival(rostered, arrival_id)
    assert arrivals(rostered)[-1]["state"] == "loaded"
    assert list(receipts.rglob("*.json")) == []

    nights.ingest(rostered)

    (left,) = (receipts / "default").glob("*.json")
    assert json.loads(left.read_text())["rows_loaded"] == 10
    left.unlink()  # it was sent
    nights.ingest(rostered)
    assert list(receipts.rglob("*.json")) == []


# ----------------------------------------------------------------- rows that go back

PROFILE = """
senders:
  grove:
    feeds:
      attendance:
        tables:
          events:
            columns:
              studentUniqueId: pupil
              schoolId: building
              eventDate: day
              attendanceEventCategoryDescriptor: code
"""


@pytest.fixture
def with_bad_rows(rostered, tmp_path):
    """A warehouse in which three of a sender's five attendance rows wait."""
    write_district(rostered, PROFILE)
    lines = [
        "pupil,building,day,code,pin",
        f"T-Alder1,T-S1,{DAY},{TARDY},1234",
        f"T-Birch2,T-S1,{DAY},=HYPERLINK(1),1234",
        f"T-Nobody,T-S1,{DAY},{TARDY},1234",
        f"T-Cedar3,T-S1,{DAY},{TARDY},1234,surplus",
        f"T-Damson4,T-S1,{DAY},{TARDY},1234",
    ]
    path = a_file(tmp_path / "in", "att.csv", "\n".join(lines) + "\n")
    (arrival,) = landed_and_loaded(rostered, path, sender="grove", feed="attendance")
    assert arrival["rows_quarantined"] == 3
    return rostered, arrival


def test_an_export_holds_the_senders_own_bad_rows_with_the_reasons(with_bad_rows, tmp_path):
    settings, arrival = with_bad_rows

    (file,) = hand_back(settings, arrival["arrival_id"], folder=tmp_path / "out", by="T. Linden")

    assert file.row_count == 3
    assert file.path.stat().st_mode & 0o777 == 0o600
    header, *rows = csv.reader(io.StringIO(file.path.read_text()))
    assert header[:4] == ["_row", "_column", "_rule", "_what_to_do"]
    assert header[4:8] == ["pupil", "building", "day", "code"]
    unknown_code, nobody, ragged = rows
    assert (unknown_code[0], unknown_code[1:3]) == (
        "3",
        ["attendanceEventCategoryDescriptor", "unknown_code"],
    )
    assert unknown_code[4:8] == ["T-Birch2", "T-S1", DAY, "'=HYPERLINK(1)"]
    assert (nobody[0], nobody[2], nobody[4]) == ("4", "student_unknown", "T-Nobody")
    # Nobody knows which of its cells is the secret.
    assert (ragged[0], ragged[2], ragged[4:]) == ("5", "ragged_row", ["", "", "", ""])
    text = file.path.read_text()
    assert "T-Alder1" not in text
    assert "1234" not in text, "a column that no contract reads was kept"
    (event,) = query(settings, "select detail from ops.event where state = 'exported'")
    assert event["detail"] == {
        "arrival_id": arrival["arrival_id"],
        "by": "T. Linden",
        "rule": None,
        "row_count": 3,
    }


def test_who_asks_for_an_export_is_recorded_before_it_is_written(
    with_bad_rows, tmp_path, monkeypatch
):
    settings, arrival = with_bad_rows
    monkeypatch.setattr(handing_back, "write_private", Mock(side_effect=OSError))
    with pytest.raises(OSError):  # noqa: PT011 - whatever kept it from being written
        hand_back(settings, arrival["arrival_id"], folder=tmp_path / "out", by="T. Linden")
    assert len(query(settings, "select from ops.event where state = 'exported'")) == 1


def test_an_export_of_one_rule_holds_no_other_row(with_bad_rows, tmp_path):
    settings, arrival = with_bad_rows
    words = {"folder": tmp_path / "out", "by": "T. Linden"}
    (file,) = hand_back(settings, arrival["arrival_id"], rule="student_unknown", **words)
    assert file.row_count == 1
    assert hand_back(settings, arrival["arrival_id"], rule="not_a_date", **words) == []


def test_two_may_write_one_private_file_at_once(tmp_path, monkeypatch):
    path = tmp_path / "new" / "receipt.json"

    def meanwhile(part, place, replace=Path.replace):
        monkeypatch.undo()
        write_private(path, "theirs")
        return replace(part, place)

    monkeypatch.setattr(Path, "replace", meanwhile)
    write_private(path, "ours")
    assert path.read_text() == "ours"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@sum", "'@sum"),
        ("+1 555", "'+1 555"),
        ("-", "'-"),
        ("-4.5", "-4.5"),
        ("+3", "+3"),
        ("-1-1", "'-1-1"),
        ("\tx", "'\tx"),
        ("Birch", "Birch"),
        ("", ""),
    ],
)
def test_no_cell_of_an_export_is_a_formula(cell, written):
    assert safe(cell) == written


# ----------------------------------------------------------------- rules that are lifted


def lift(settings, rule, *, until=date(2099, 1, 1), feed="attendance"):
    return nights.lift_rule(
        settings, feed=feed, rule=rule, until=until, by="T. Linden", reason="agreed"
    )


def coded(roster, folder, name="attendance.csv", *, code="Skipped"):
    rows = [(c.id, c.school, DAY, code if c.name == "Alder1" else TARDY) for c in roster.students]
    return attendance(folder, rows, name=name)


def test_a_lifted_rule_lets_in_what_waits_and_what_comes_until_its_day(rostered, roster, tmp_path):
    landed_and_loaded(rostered, coded(roster, tmp_path / "in"))
    assert len(findings(rostered)) == 1

    (replayed,) = lift(rostered, "unknown_code")

    assert (replayed["rows_loaded"], replayed["rows_quarantined"]) == (10, 0)
    assert findings(rostered) == []
    (next_,) = landed_and_loaded(rostered, coded(roster, tmp_path / "in", "a2.csv", code="Gone"))
    assert is_conserved(next_)
    assert next_["rows_quarantined"] == 0
    assert [n for n in next_["notices"] if n["rule"] == "let_in"] == [
        {
            "rule": "let_in",
            "table": "events",
            "column": "attendanceEventCategoryDescriptor: unknown_code",
            "count": 1,
        }
    ]
    assert {"Gone", TARDY} == {
        row["code"]
        for row in query(
            rostered,
            "select attendance_event_category_descriptor as code from raw.attendance__events"
            " where _deleted_at is null",
        )
    }


def test_what_is_let_in_is_told_of_a_large_first_load_too(rostered, roster, tmp_path, monkeypatch):
    monkeypatch.setattr(filling, "KEY_AFTER_ROWS", 1)
    lift(rostered, "out_of_range")
    rows = [(c.id, c.school, DAY, TARDY, "", "-1") for c in roster.students]
    (arrival,) = landed_and_loaded(rostered, attendance(tmp_path / "in", rows))
    assert (arrival["rows_loaded"], arrival["rows_quarantined"]) == (10, 0)
    assert [n["count"] for n in arrival["notices"] if n["rule"] == "let_in"] == [10]


def test_a_lifted_rule_ends_with_its_day(rostered, roster, tmp_path):
    lift(rostered, "unknown_code", until=date(2020, 1, 1))
    (arrival,) = landed_and_loaded(rostered, coded(roster, tmp_path / "in"))
    assert arrival["rows_quarantined"] == 1


def test_a_rule_is_lifted_on_its_last_day_and_not_after(rostered):
    last = date(2026, 11, 24)
    lift(rostered, "unknown_code", until=last)
    days = (last, last + timedelta(days=1))
    with connections.connect(rostered) as connection:
        told = [lifting.lifted_rules(connection, feed="attendance", day=day) for day in days]
        listed = [len(lifting.lifted_on(connection, day=day)) for day in days]
    assert told == [{"unknown_code"}, set()]
    assert listed == [1, 0]


def test_a_lifted_rule_counts_for_its_feed_alone(rostered, roster, tmp_path):
    lift(rostered, "unknown_code", feed="discipline")
    (arrival,) = landed_and_loaded(rostered, coded(roster, tmp_path / "in"))
    assert arrival["rows_quarantined"] == 1


@pytest.mark.parametrize(
    ("rule", "next_step"),
    [
        ("student_unknown", "the rows wait, and the ingest in which the record arrives"),
        ("reference_missing", "Ask the sender for that record"),
        ("not_a_date", "These can: unknown_code"),
        ("ragged_row", "These can: unknown_code"),
        ("nonsense", "These can: unknown_code"),
    ],
)
def test_what_cannot_be_read_is_let_in_by_nobodys_word(rostered, rule, next_step):
    with pytest.raises(SettingsWrong, match=f"'{rule}' cannot be lifted.*{next_step}"):
        lift(rostered, rule)
    assert query(rostered, "select * from ops.lifted_rule") == []


def test_a_rule_between_columns_can_be_lifted(rostered, roster, tmp_path):
    members = with_member(
        roster.members(),
        "enrollments.csv",
        change=("2026-08-31,2027-06-20", "2026-08-31,2026-01-01"),
    )
    landed_and_loaded(rostered, a_zip(tmp_path / "in", "roster.zip", members))
    rules = {rule for _, _, _, rule, _ in findings(rostered)}
    assert rules == {"end_before_begin"}

    (replayed,) = lift(rostered, "end_before_begin", feed="roster")

    assert replayed["rows_quarantined"] == 0
    assert findings(rostered) == []


def test_a_child_whose_new_row_waits_stays_and_is_marked_held(rostered, roster, tmp_path):
    members = roster.members()
    broken = members["users.csv"].replace(b"T-Alder1,,,true", b"T-Alder1,,,perhaps")
    assert broken != members["users.csv"]
    path = a_zip(tmp_path / "in", "roster.zip", {**members, "users.csv": broken})
    landed_and_loaded(rostered, path)
    held = query(
        rostered,
        "select sourced_id from raw.roster__users where _held and _deleted_at is null",
    )
    assert [row["sourced_id"] for row in held] == ["T-Alder1"]


# ----------------------------------------------------------------- very many, very small


def test_hundreds_of_tiny_files_are_swept_and_claimed_once(
    rostered, roster, tmp_path, monkeypatch
):
    child, looked, asked = roster.students[0], [], []
    for number in range(200):
        day = date(2026, 9, 1 + number % 28).isoformat()
        path = attendance(
            rostered.inbox, [(child.id, child.school, day, TARDY)], name=f"attendance_{number}.csv"
        )
        path.write_bytes(path.read_bytes() + b"\n" * (number // 28))  # no two alike
        os.utime(path, (1, 1))
    find, pending = nights.find_complete, ledger.pending_in_turns
    monkeypatch.setattr(nights, "find_complete", lambda *a, **k: looked.append(1) or find(*a, **k))
    monkeypatch.setattr(ledger, "pending_in_turns", lambda c: asked.append(1) or pending(c))

    done = nights.ingest(rostered)

    assert [row["state"] for row in done] == ["loaded"] * 200
    assert (len(looked), len(asked)) == (1, 1)
    assert list(rostered.inbox.iterdir()) == []
    (events,) = query(rostered, "select count(*) as n from raw.attendance__events")
    assert events["n"] == 28
    nights.ingest(rostered)
    assert len(arrivals(rostered)) == 201
