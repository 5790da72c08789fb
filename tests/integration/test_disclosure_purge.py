"""What is past its time is destroyed with a proof; what is seen, or told, is spared."""

import os
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest

from lib.release_builders import ALDER, BIRCH, build_reports, publish_built
from lib.warehouse_in_tests import write_district
from wraparound.contracts.district import load_district
from wraparound.errors import ReleaseMissing, ReleaseRejected, SettingsWrong
from wraparound.orchestration import nights, privacy
from wraparound.publishing import disclosure, freeze, releases
from wraparound.publishing.disclosure import Leaving, Recipient

SOON = date(2026, 12, 1)


@pytest.fixture
def long_after(settings, connection):
    """A day on which all that the test made is years old."""
    row = connection.execute("select now()::date + 4000 as day").fetchone()
    connection.commit()
    return row["day"]


def purged(settings, today, **words):
    done = privacy.purge(settings, today=today, by="T. Archivist", reason="retention", **words)
    return {gone.place: gone.item_count for gone in done}


def proofs(connection):
    connection.commit()
    return connection.execute("select * from ops.destruction order by destruction_id").fetchall()


def land_something(settings, tmp_path, name="attendance.csv"):
    path = tmp_path / name
    path.write_text("studentUniqueId,schoolId,eventDate,attendanceEventCategoryDescriptor\n")
    (row,) = nights.land(settings, [path], feed="attendance")
    return settings.archive / row["sha256"][:2] / row["sha256"]


def test_the_archive_lets_go_of_what_is_old(settings, connection, tmp_path, long_after):
    stored = land_something(settings, tmp_path)
    connection.execute("update ops.arrival set state = 'loaded'")
    connection.commit()
    left = settings.archive / ".incoming-by-one-who-was-killed"
    left.touch()
    assert purged(settings, date(2026, 11, 3))["archive"] == 0
    assert purged(settings, long_after)["archive"] == 2
    assert not stored.exists()
    assert not left.exists()
    (proof,) = proofs(connection)
    assert (proof["place"], proof["item_count"], proof["retention_class"]) == (
        "archive", 2, "enrollment")  # fmt: skip
    assert (proof["ordered_by"], proof["reason"]) == ("T. Archivist", "retention")
    assert proof["byte_count"] > 0
    assert len(proof["content_hash"]) == 64


def test_nothing_is_destroyed_before_its_proof_stands(
    settings, connection, tmp_path, long_after, monkeypatch
):
    stored = land_something(settings, tmp_path)
    connection.execute("update ops.arrival set state = 'loaded'")
    connection.commit()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", Mock(side_effect=OSError("a full disk")))
        with pytest.raises(OSError, match="a full disk"):
            purged(settings, long_after)
    assert stored.exists()
    assert len(proofs(connection)) == 1
    assert purged(settings, long_after)["archive"] == 1
    assert not stored.exists()


def test_bytes_that_came_again_lately_are_spared(settings, connection, tmp_path):
    stored = land_something(settings, tmp_path)
    connection.execute("update ops.arrival set state = 'loaded', received_at = '2000-01-03'")
    connection.execute(
        "insert into ops.arrival (feed, sender, file_name, sha256, byte_count, state)"
        " select 'roster', sender, file_name, sha256, byte_count, 'loaded' from ops.arrival"
    )
    connection.commit()
    assert purged(settings, date(2026, 11, 3))["archive"] == 0
    assert stored.exists()


@pytest.mark.parametrize("state", ["pending", "braked"])
def test_what_waits_for_somebody_is_spared(settings, connection, tmp_path, state, long_after):
    """Also where the same bytes came twice, and were loaded the other time."""
    stored = land_something(settings, tmp_path)
    connection.execute("update ops.arrival set state = %s", (state,))
    connection.execute(
        "insert into ops.arrival (feed, sender, file_name, sha256, byte_count, state)"
        " select 'roster', sender, file_name, sha256, byte_count, 'loaded' from ops.arrival"
    )
    connection.commit()
    purged(settings, long_after)
    assert stored.exists()


def test_nothing_old_is_nothing_proved(settings, connection, tmp_path):
    stored = land_something(settings, tmp_path)
    row = connection.execute("select now()::date as day").fetchone()
    assert set(purged(settings, row["day"]).values()) == {0}
    assert stored.exists()
    assert proofs(connection) == []


def test_a_dry_run_counts_and_destroys_nothing(settings, connection, tmp_path, long_after):
    stored = land_something(settings, tmp_path)
    connection.execute("update ops.arrival set state = 'loaded'")
    connection.commit()
    assert purged(settings, long_after, dry_run=True)["archive"] == 1
    assert stored.exists()
    assert proofs(connection) == []


def test_of_each_place_what_is_old_goes_and_the_rest_stays(
    settings, connection, tmp_path, long_after, monkeypatch
):
    """Two of everything, one of them made the day before; and a release that is seen."""

    def proved(purging, gone, *words, prove=privacy._prove, **more):
        if gone.place == "releases":
            # Nobody goes back to a list that is about to be destroyed.
            with pytest.raises(ReleaseRejected, match="stayed locked"):
                releases.rollback(connection, 1)
        prove(purging, gone, *words, **more)

    monkeypatch.setattr(privacy, "_prove", proved)
    monkeypatch.setattr(releases, "LOCK_ATTEMPTS", 1)
    lately = datetime.combine(long_after - timedelta(days=1), time(12), UTC)
    land_something(settings, tmp_path)
    connection.execute(
        "insert into ops.arrival (feed, sender, file_name, sha256, byte_count, received_at)"
        " select 'roster', sender, file_name, sha256, byte_count, %s from ops.arrival",
        (lately,),
    )
    connection.execute(
        "insert into restricted.quarantine_line"
        " (arrival_id, table_name, file_name, row_number, cells)"
        " select arrival_id, 'students', 'a.csv', 2, '{}' from ops.arrival"
    )
    build_reports(connection, ALDER, BIRCH)
    for _ in range(3):
        publish_built(connection)
    connection.execute("update ops.release set pinned = true")
    connection.execute("update ops.release set created_at = %s where release_id = 2", (lately,))
    connection.execute(
        "insert into restricted.gate_finding values (1, 't.rule', 'r', 1, 1), (2, 't', 'r', 1, 1)"
    )
    connection.execute(
        "insert into ops.dispatch"
        " (release_id, school_key, channel, recipient_id, kind, state, made_at) values"
        " (1, 1, 'mail', 'a', 'list', 'sent', now()),"
        " (1, 1, 'mail', 'b', 'list', 'failed', now()),"
        " (2, 1, 'mail', 'a', 'list', 'sent', %s)",
        (lately,),
    )
    connection.commit()
    folders = (settings.outbox / "draft", settings.packets / "T-org")
    for folder in folders:
        folder.mkdir(parents=True)
        for name in ("old", "young"):
            (folder / name).write_text("left over")
        os.utime(folder / "young", (lately.timestamp(), lately.timestamp()))

    assert purged(settings, long_after) == {
        "archive": 0,
        "quarantine": 1,
        "releases": len(freeze.KEYS) + len(freeze.KNOWN),
        "findings": 1,
        "outbox": 2,
        "packets": 1,
        "students": 0,
    }
    assert {proof["place"]: proof["byte_count"] for proof in proofs(connection)}["packets"] == 9
    assert [path.name for folder in folders for path in folder.iterdir()] == ["young"] * 2
    kept = [line.release_id for line in releases.list_releases(connection) if line.is_kept]
    assert kept == [3, 2]
    left = connection.execute(
        "select (select array_agg(arrival_id) from restricted.quarantine_line) as lines,"
        " (select array_agg(release_id) from restricted.gate_finding) as findings,"
        " (select array_agg(state order by state) from ops.dispatch) as dispatches"
    ).fetchone()
    assert tuple(left.values()) == ([2], [2], ["failed", "sent"])


def test_the_disclosure_log_outlives_everything(settings, connection, long_after):
    leaving = Leaving(1, 1, 1, "folder", ("students: grade_level",), (1,))
    disclosure.disclose(connection, leaving, recipients=[Recipient("school", "T-ALDER")])
    connection.commit()
    purged(settings, long_after)
    assert privacy.verify_disclosures(settings).row_count == 1


def test_a_class_without_days_is_for_good(settings, connection, tmp_path, long_after):
    write_district(settings, "retention: {places: {archive: permanent}}\n")
    stored = land_something(settings, tmp_path)
    connection.execute("update ops.arrival set state = 'loaded'")
    connection.commit()
    assert "archive" not in purged(settings, long_after)
    assert stored.exists()


@pytest.mark.parametrize(
    "text", ["retention: {days: {enrollment: 0}}\n", "retention: {places: {archive: ever}}\n"]
)
def test_retention_must_make_sense(settings, text):
    write_district(settings, text)
    with pytest.raises(SettingsWrong, match="retention"):
        load_district(settings.district_file)


def test_a_report_of_one_child_is_found_by_the_id_of_the_roster(settings, connection):
    connection.execute("insert into ops.student_crosswalk values ('T-1', 7)")
    leaving = Leaving(1, 1, 1, "folder", ("students: grade_level",), (7, 8))
    disclosure.disclose(connection, leaving, recipients=[Recipient("school", "T-ALDER")])
    connection.commit()
    assert len(privacy.disclosures_of(settings, "T-1")) == 1
    with pytest.raises(ReleaseMissing):
        privacy.disclosures_of(settings, "T-nobody")


@pytest.mark.parametrize(("received", "found"), [("04:59", 1), ("05:01", 0)])
def test_the_limit_is_the_start_of_a_day_in_the_district(
    settings, connection, tmp_path, received, found
):
    """Midnight of the east coast in winter is five o'clock of the ledger."""
    land_something(settings, tmp_path)
    limit = SOON - timedelta(days=2555)
    connection.execute(
        "update ops.arrival set state = 'loaded', received_at = %s", (f"{limit} {received}Z",)
    )
    connection.commit()
    (archive, *_) = privacy.purge(settings, today=SOON, by="T", reason="r", dry_run=True)
    assert (archive.older_than, archive.item_count) == (limit, found)
