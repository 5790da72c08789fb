"""What people do with what was refused: look, rehearse, hand back, lift a rule, decide."""

import json
from dataclasses import replace

import pytest

from lib.feed_builders import TARDY, UNEXCUSED, attendance, children
from lib.warehouse_in_tests import (
    arrivals,
    landed_and_loaded,
    query,
    raw_state,
    write_district,
)
from wraparound.orchestration import nights, rehearsing
from wraparound.warehouse import connection as connections
from wraparound.warehouse import ledger
from wraparound.warehouse.receipts import receipt

DAY = "2026-10-01"


def told(settings, arrival_id):
    with connections.connect(settings) as connection:
        return receipt(connection, arrival_id)


def ledger_state(settings):
    """Every row of the ledger's tables that a load writes."""
    tables = ("arrival", "batch", "batch_table", "quarantine", "touched", "feed_state", "event")
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

    (receipt_,) = rehearsing.rehearse_files(rostered, [path])

    assert (receipt_["state"], receipt_["rows_in"], receipt_["rows_loaded"]) == ("loaded", 12, 10)
    assert {(s["rule"], s["count"]) for s in receipt_["set_aside"]} == {
        ("student_unknown", 1),
        ("not_a_date", 1),
    }
    after = raw_state(rostered), ledger_state(rostered), sorted(rostered.archive.rglob("*"))
    assert after == before
    assert not list(rostered.home.glob("rehearsal-*"))


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
