"""Children who left go whole, with proof: nothing of them stays but what is named as staying."""

import csv
from datetime import UTC, date, datetime
from itertools import count
from threading import Thread

import pytest
from click.testing import CliRunner

from lib.canary_scan import places_of
from lib.feed_builders import Child, Roster, a_zip, attendance, children, csv_bytes
from lib.killing import killed_before
from lib.need_feeds import ALDER, BIRCH, THURSDAY
from lib.need_feeds import roster as roster_of_thursday
from lib.warehouse_in_tests import (
    a_fresh_warehouse,
    arrivals,
    is_conserved,
    landed_and_loaded,
    query,
)
from wraparound import cli
from wraparound.contracts.leaving import Retention
from wraparound.contracts.loader import load_contracts
from wraparound.errors import BuildFailed, ReleaseMissing
from wraparound.orchestration import nights, privacy, sending
from wraparound.orchestration.parity import parity
from wraparound.orchestration.replaying import replay_release
from wraparound.publishing import disclosure
from wraparound.warehouse import leavers
from wraparound.warehouse.connection import connect
from wraparound.warehouse.ledger import one_load_of
from wraparound.warehouse.roles import LEDGER

FRIDAY, MONDAY = date(2026, 11, 20), date(2026, 11, 23)
# In the names, ids and files of the child who goes, and of nobody else's. The district's number
# with the letter before it, as the state has it: five digits alone stand in a time that dbt took.
WORDS = [ALDER.lower(), f"s{children(1)[0].identifier}"]
ORDER = {"by": "T. Archivist", "reason": "retention"}
# Wherever dbt builds, and the tables that may hold a child elsewhere.
SCHEMAS = ("raw", "ops", "restricted", "release", "analytics", "marts", "reports")


def at(day, hour=7):
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def late(settings):
    """A day on which all that the test made is past every time."""
    (row,) = query(settings, "select now()::date + 4000 as day")
    return row["day"]


def load(settings, *files, when):
    for arrival in landed_and_loaded(settings, *files, effective_at=when):
        assert arrival["state"] == "loaded", arrival["message"]


def purged(settings, **words):
    """What a purge long after did, by place."""
    done = privacy.purge(settings, today=late(settings), **ORDER, **words)
    return {gone.place: gone for gone in done}


def rows_of(settings, table, which="true"):
    (row,) = query(settings, f"select count(*) as n from {table} where {which}")
    return row["n"]


def disclosed(settings, student_id=ALDER):
    return [row["disclosure_id"] for row in privacy.disclosures_of(settings, student_id)]


def run(settings, monkeypatch, *words):
    """A command in a district."""
    monkeypatch.setenv("WRAPAROUND_HOME", str(settings.home))
    monkeypatch.setenv("WRAPAROUND_WAREHOUSE_URL", str(settings.warehouse_url))
    monkeypatch.setenv("WRAPAROUND_DISTRICT_FILE", str(settings.district_file))
    return CliRunner().invoke(cli.main, list(words))


@pytest.fixture(scope="module")
def departed(thursday, tmp_path_factory):
    """The district after the school system ceased to tell of a child: two nights, and packets."""
    home = tmp_path_factory.mktemp("departed")
    with a_fresh_warehouse(thursday, home) as settings:
        sending.packets(settings, today=THURSDAY)
        load(settings, roster_of_thursday(home / "f", gone=(ALDER,)), when=at(20))
        told = nights.night(settings, as_of=FRIDAY)
        assert told["release"]["state"] == "published", told["release"]
        yield settings


@pytest.fixture(scope="module")
def destroyed(departed, tmp_path_factory):
    """The same after a purge, and what it said."""
    with a_fresh_warehouse(departed, tmp_path_factory.mktemp("destroyed")) as settings:
        yield settings, disclosed(settings), purged(settings)


def test_a_dry_run_says_per_table_what_will_go(departed, destroyed):
    """Also where an old release, which goes before, still names the child."""
    *_, done = destroyed
    assert purged(departed, dry_run=True)["students"] == done["students"]
    assert rows_of(departed, "ops.student_crosswalk", f"student_source_id = '{ALDER}'") == 1


def test_a_list_that_is_kept_spares_whom_it_names(departed, tmp_path):
    with a_fresh_warehouse(departed, tmp_path) as settings:
        later = "update ops.release set created_at = now() + interval '3999 days' returning 1"
        assert len(query(settings, later)) == 2
        told = purged(settings, dry_run=True)["students"]
        assert (told.item_count, told.kept_count) == (0, 1)


def test_every_row_of_a_child_who_left_is_destroyed_with_proof(destroyed):
    settings, _, done = destroyed
    gone = done["students"]
    assert (gone.item_count, gone.kept_count) == (1, 0)
    assert gone.rows_by_table["raw.roster__users"] == 1
    assert {"raw.reviews__review_domains", "ops.need_history", "ops.student_crosswalk"} <= set(
        gone.rows_by_table
    )
    (proof,) = query(settings, "select * from ops.destruction where place = 'students'")
    assert proof["rows_by_table"] == dict(gone.rows_by_table)
    (row,) = query(settings, "select * from ops.destroyed_student")
    assert row["destruction_id"] == proof["destruction_id"]


def test_no_word_of_the_child_stays_anywhere(destroyed, server):
    settings, *_ = destroyed
    assert places_of(settings, WORDS, everywhere=True) == []
    tables = query(
        settings,
        "select pg_relation_filepath(c.oid) as path from pg_class as c"
        " where c.relkind in ('r', 't') and c.relnamespace::regnamespace::text = any(%s)",
        list(SCHEMAS),
    )
    for path in (server.postgres_dir / row["path"] for row in tables):
        assert WORDS[0].encode() not in path.read_bytes().lower()


def test_the_scan_would_have_found_the_child(departed):
    found = places_of(departed, WORDS, everywhere=True)
    assert {"raw.roster__users", "ops.student_crosswalk", "restricted.student_identity"} <= set(
        found
    )


def test_the_disclosures_of_a_child_outlive_its_records(destroyed, monkeypatch):
    settings, before, _ = destroyed
    assert before
    assert disclosed(settings) == before
    with connect(settings) as connection:
        assert disclosure.verify(connection).is_whole
    said = run(settings, monkeypatch, "disclosures", "show", ALDER)
    assert f"were destroyed on {privacy.destroyed_on(settings, ALDER)}" in said.stderr
    assert run(settings, monkeypatch, "disclosures", "show", BIRCH).stderr == ""
    assert run(settings, monkeypatch, "status").exit_code == 0


def test_others_keep_every_row(destroyed, departed):
    settings, *_ = destroyed
    for table in ("raw.roster__users", "raw.reviews__reviews", "restricted.student_identity"):
        column = "student_source_id" if "identity" in table else "sourced_id"
        column = "_student_source_id" if "reviews" in table else column
        which = f"{column} <> '{ALDER}'"
        assert rows_of(settings, table, which) == rows_of(departed, table, which) > 0


def test_what_cannot_be_compared_any_more_says_so(destroyed):
    settings, *_ = destroyed
    with pytest.raises(BuildFailed, match="not in the archive any more"):
        parity(settings)
    with pytest.raises(BuildFailed, match="not in the archive any more"):
        replay_release(settings, 2)
    with pytest.raises(ReleaseMissing):
        nights.roll_back(settings, release_id=1)


def test_a_child_that_comes_back_begins_anew(destroyed, tmp_path):
    source, before, _ = destroyed
    with a_fresh_warehouse(source, tmp_path / "home") as settings:
        load(settings, roster_of_thursday(tmp_path / "f", name="back.zip"), when=at(23))
        told = nights.night(settings, as_of=MONDAY)
        assert told["release"]["state"] == "published", told["release"]
        (child,) = query(
            settings,
            "select * from reports.rpt_students where student_source_id = %s", ALDER,
        )  # fmt: skip
        seen = query(
            settings,
            "select min(first_seen_date) as day from ops.need_history where student_key = %s",
            child["student_key"],
        )
        assert seen[0]["day"] in (None, MONDAY)
        assert disclosed(settings)[-len(before) :] == before
        assert purged(settings)["students"].item_count == 0


# --- who is past the time, and who is spared ------------------------------------------------

GONE, STAYS_HERE, SIBLING = children(3)


@pytest.fixture
def left(settings, tmp_path):
    """A warehouse without a build, of which one of three children left."""
    load(settings, Roster((GONE, STAYS_HERE, SIBLING)).write(tmp_path), when=at(1))
    days = [(child.id, "T-S1", "2026-11-02", "Unexcused Absence") for child in (GONE, SIBLING)]
    load(settings, attendance(tmp_path, days), when=at(2))
    load(settings, Roster((STAYS_HERE, SIBLING)).write(tmp_path, "less.zip"), when=at(3))
    return settings


def test_a_child_of_whom_something_changed_since_is_not_past(left):
    query(left, "update raw.attendance__events set _changed_at = now() + '4000 days' returning 1")
    assert purged(left)["students"].item_count == 0


def test_a_child_of_whom_the_roster_tells_is_not_past(left, tmp_path):
    load(left, Roster((GONE, STAYS_HERE, SIBLING)).write(tmp_path, "again.zip"), when=at(4))
    assert purged(left)["students"].item_count == 0


def test_what_was_loaded_is_still_accounted_for(left):
    purged(left)
    assert all(is_conserved(arrival) for arrival in arrivals(left))
    assert rows_of(left, "raw.attendance__events") == 1


def test_a_purge_again_finds_nothing_and_proves_nothing(left):
    assert purged(left)["students"].item_count == 1
    assert purged(left)["students"].item_count == 0
    assert rows_of(left, "ops.destruction", "place = 'students'") == 1


def test_children_are_kept_as_long_as_what_may_hold_a_copy():
    assert Retention().days_of("students") == 2555
    longer = Retention(days={"operational": 9999})
    assert longer.days_of("students") == 9999
    assert Retention(places={"archive": "permanent"}).days_of("students") is None


def test_a_legal_hold_spares_a_child_and_what_cannot_be_told_apart(left, monkeypatch):
    order = ("--by", "T. Counsel", "--reason", "a request")
    placed = run(left, monkeypatch, "legal-hold", "place", "--student", GONE.id, *order)
    assert placed.exit_code == 0, placed.output
    done = purged(left)
    assert (done["students"].item_count, done["students"].kept_count) == (0, 1)
    assert (done["archive"].item_count, done["archive"].kept_count) == (0, 3)
    assert len(list(left.archive.glob("*/*"))) == 3
    assert run(left, monkeypatch, "legal-hold", "lift", "1", *order).exit_code == 0
    done = purged(left)
    assert (done["students"].item_count, done["archive"].item_count) == (1, 3)
    assert rows_of(left, "restricted.legal_hold") == 0


def test_a_legal_hold_of_all_spares_everybody(left):
    privacy.hold(left, None, by="T. Counsel", reason="a lawsuit")
    assert purged(left)["students"].kept_count == 1


def test_a_legal_hold_of_nobody_is_refused(left, monkeypatch):
    order = ("--by", "T. Counsel", "--reason", "a request")
    assert run(left, monkeypatch, "legal-hold", "place", "--student", "T-x", *order).exit_code == 7
    assert run(left, monkeypatch, "legal-hold", "place", *order).exit_code == 2
    assert run(left, monkeypatch, "legal-hold", "lift", "1", *order).exit_code == 7


def test_an_id_whose_child_is_destroyed_gives_its_keys_to_nobody_else(left, tmp_path):
    """The disclosure log names children by them."""
    whole = Roster((GONE, STAYS_HERE, SIBLING))
    key = "select student_key from ops.student_change where student_source_id = %s"

    def another(name):
        members = whole.members()
        users = members["users.csv"].replace(b",Alder1,Grove,", b",Yew,Heath,")
        born = members["demographics.csv"].replace(b"2017-04-01", b"2015-05-01", 1)
        told = {**members, "users.csv": users, "demographics.csv": born}
        return a_zip(tmp_path, name, told)

    load(left, another("other.zip"), when=at(5))
    (first,) = query(left, key, GONE.id)
    load(left, Roster((STAYS_HERE, SIBLING)).write(tmp_path, "left.zip"), when=at(6))
    assert purged(left)["students"].item_count == 2
    load(left, whole.write(tmp_path, "back.zip"), when=at(7))
    load(left, another("other2.zip"), when=at(8))
    (second,) = query(left, key, GONE.id)
    assert first["student_key"] != second["student_key"]


def test_adults_of_whom_the_roster_told_for_a_child_go_with_it(settings, tmp_path):
    """One of a child alone, and one of a child who stays too."""

    def told(*students):
        whole = Roster(students)
        members = whole.members()
        adults = [("T-p1", "guardian"), ("T-p2", "parent"), ("T-t1", "teacher")]
        lines = [
            f"{id},,,true,T-S1,{role},{id.lower()},,Ash,Grove,,{id},,,,,,\n".encode()
            for id, role in adults
            if len(students) == 2 or id == "T-none"
        ]
        users = members["users.csv"].replace(b",03,\n", b",03,\n")
        agents = {GONE.id: "T-p1,T-p2", SIBLING.id: "T-p2"}
        rows = []
        for line in users.decode().splitlines():
            cells = next(csv.reader([line]))
            if cells[0] in agents and len(students) == 2:
                cells[-3] = agents[cells[0]]
            rows.append(cells)
        text = csv_bytes(",".join(rows[0]), rows[1:])
        return {**members, "users.csv": text + b"".join(lines)}

    load(settings, a_zip(tmp_path, "one.zip", told(GONE, SIBLING)), when=at(1))
    assert rows_of(settings, "raw.roster__users") == 5
    load(settings, a_zip(tmp_path, "two.zip", told(SIBLING)), when=at(3))
    query(settings, "update raw.roster__users set agent_sourced_ids = '{T-p2}'"
          " where sourced_id = %s returning 1", SIBLING.id)  # fmt: skip
    assert purged(settings)["students"].item_count == 1
    left = query(settings, "select sourced_id from raw.roster__users order by 1")
    assert [row["sourced_id"] for row in left] == [SIBLING.id, "T-p2", "T-t1"]


def test_a_purge_killed_before_each_step_ends_in_the_same(settings, tmp_path):
    def folks(step):
        child = Child(f"Oak{step}")
        load(
            settings,
            Roster((child, SIBLING)).write(tmp_path, f"a{step}.zip"),
            when=at(1, 2 * step),
        )
        load(
            settings, Roster((SIBLING,)).write(tmp_path, f"b{step}.zip"), when=at(1, 2 * step + 1)
        )
        return child

    for step in count(1):
        child = folks(step)
        died = killed_before(step, lambda: purged(settings), within=settings.home)
        purged(settings)
        named = f"student_source_id = '{child.id}'"
        assert rows_of(settings, "ops.student_crosswalk", named) == 0
        assert rows_of(settings, "raw.roster__users", f"sourced_id = '{child.id}'") == 0
        assert rows_of(settings, "ops.destroyed_student") == step
        if died is None:
            break
    assert step > len(privacy.PLACES)


def test_a_purge_waits_for_a_load(left):
    with connect(left) as night, connect(left) as waiting:
        one_load_of(night, "oneroster")
        waiting.execute("select set_config('lock_timeout', '1s', false)")
        locks = "select count(*) as n from pg_locks where locktype = 'advisory' and not granted"
        purge = Thread(target=purged, args=(left,))
        purge.start()
        while not waiting.execute(locks).fetchone()["n"]:
            assert purge.is_alive()
            waiting.commit()
        assert rows_of(left, "raw.roster__users") == 3
        night.commit()
        purge.join()
    assert rows_of(left, "raw.roster__users") == 2


# --- each table is named in one place -------------------------------------------------------


def test_each_table_that_could_hold_a_child_is_named(settings):
    """A new one is either destroyed with the child, or named as staying, with a reason."""
    tables = query(
        settings,
        "select schemaname, tablename from pg_tables"
        " where schemaname in ('ops', 'restricted', 'analytics', 'release')",
    )
    ledger = {("ops", name.strip()) for name in LEDGER.split(",")}
    named = ledger | leavers.HELD_BY.keys() | leavers.STAYS.keys() | {("ops", "alembic_version")}
    assert {tuple(row.values()) for row in tables} - named == set()
    assert all(leavers.STAYS.values())


def test_each_table_of_the_contracts_that_is_about_people_is_named(settings):
    """What has a person's column, or names somebody of the roster, goes with them."""
    about_people = {
        ("raw", contract.raw_name(name))
        for contract in load_contracts().values()
        for name, table in contract.tables.items()
        if any(column.person for column in table.columns.values())
        or any(r.table == "users" and not r.many for r in table.references)
        or any("student" in column.lower() for column in table.columns)
    }
    assert about_people <= leavers.raw_tables()
    hang_on_others = {"grades__result_score_scales", "reviews__review_domains"}
    assert {("raw", name) for name in hang_on_others} <= leavers.raw_tables()


def test_each_report_that_names_a_child_is_looked_through(departed):
    """A list that is kept spares whom it names, by our key."""
    columns = query(
        departed,
        "select table_name, array_agg(column_name::text) as names from information_schema.columns"
        " where table_schema = 'reports' group by 1",
    )
    by_child = [
        row
        for row in columns
        if {"student_source_id", "given_name", "student_name"} & {*row["names"]}
    ]
    assert by_child
    assert [row["table_name"] for row in by_child if "student_key" not in row["names"]] == []
