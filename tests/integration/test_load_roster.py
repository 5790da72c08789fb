"""Rosters: set semantics, deletes and their undoing, held records, and the brake."""

from dataclasses import replace

import pytest

from lib.feed_builders import a_zip, children, with_member
from lib.warehouse_in_tests import arrivals, findings, is_conserved, landed_and_loaded, live, query
from wraparound.errors import SettingsWrong
from wraparound.landing.archive import archived
from wraparound.orchestration import nights
from wraparound.warehouse import connection as connections
from wraparound.warehouse import ledger
from wraparound.warehouse.migrate import is_current

USERS = "roster__users"


def names(settings, table=USERS, column="sourced_id"):
    return [row[0] for row in live(settings, table, column)]


def loaded(settings, path, **words):
    (arrival,) = landed_and_loaded(settings, path, **words)
    assert arrival["state"] == "loaded", arrival["message"]
    assert is_conserved(arrival)
    return arrival


def decide(settings, arrival, *, release):
    with connections.connect(settings) as connection:
        return ledger.decide_brake(
            connection, arrival["arrival_id"], release=release, by="T. Linden", reason="checked"
        )


def test_a_night_brings_the_warehouse_of_an_earlier_program_up_to_date(settings):
    assert is_current(settings)
    with connections.connect(settings) as connection:
        connection.execute("alter table raw.roster__users drop column _extra")
        connection.execute("drop index raw.attendance__events_day, raw.roster__users_held")
        connection.execute("comment on schema ops is 'wraparound of last year'")
    assert not is_current(settings)

    nights.prepare(settings)

    assert query(settings, "select _extra from raw.roster__users") == []
    (made,) = query(
        settings,
        "select pg_get_indexdef('raw.attendance__events_day'::regclass) as of_days,"
        " pg_get_indexdef('raw.roster__users_held'::regclass) as of_held",
    )
    assert made["of_days"].endswith("USING brin (event_date)")
    assert made["of_held"].endswith("USING btree (_held) WHERE _held")
    assert is_current(settings)


def test_the_warehouse_of_a_later_program_is_left_as_it_is(settings):
    with connections.connect(settings) as connection:
        connection.execute("update ops.alembic_version set version_num = '9999'")
        connection.execute("comment on schema ops is 'wraparound of next year'")

    with pytest.raises(SettingsWrong, match="made by a newer version of this program"):
        nights.prepare(settings)

    (told,) = query(settings, "select obj_description('ops'::regnamespace) as it")
    assert told["it"] == "wraparound of next year"


def test_a_child_that_is_no_longer_in_a_bulk_file_has_ended(rostered, roster, tmp_path):
    fewer = replace(roster, students=roster.students[1:])
    arrival = loaded(rostered, fewer.write(tmp_path / "in"))
    assert arrival["rows_ended"] == 3  # user, enrollment, demographics
    assert "T-Alder1" not in names(rostered)
    kept = query(rostered, "select _deleted_at from raw.roster__users where sourced_id='T-Alder1'")
    assert kept[0]["_deleted_at"] is not None


def test_a_record_that_returns_is_the_same_record(rostered, roster, tmp_path):
    key = "select student_key from ops.student_crosswalk where student_source_id = 'T-Alder1'"
    before = query(rostered, key)
    fewer = replace(roster, students=roster.students[1:])
    loaded(rostered, fewer.write(tmp_path / "in"))
    back = replace(
        roster, students=(*roster.students[1:], replace(roster.students[0], grade="04"))
    )
    arrival = loaded(rostered, back.write(tmp_path / "in", "back.zip"), feed="roster")
    assert arrival["rows_loaded"] == 3
    assert "T-Alder1" in names(rostered)
    assert query(rostered, key) == before


def test_a_delta_changes_what_it_names_and_nothing_else(rostered, roster, tmp_path):
    first, second = roster.students[:2]
    delta = replace(
        roster,
        mode="delta",
        students=(replace(first, grade="04"), second),
        statuses={second.id: "tobedeleted"},
    )
    arrival = loaded(rostered, delta.write(tmp_path / "in"))
    assert arrival["rows_ended"] == 0
    assert names(rostered) == sorted(child.id for child in roster.students if child != second)
    # With a child goes what belongs to it, in one delivery and in any order.
    assert (arrival["rows_quarantined"], findings(rostered)) == (0, [])
    for table, column in (("enrollments", "user_sourced_id"), ("demographics", "sourced_id")):
        assert (second.id,) not in live(rostered, f"roster__{table}", column)
    grades = dict(live(rostered, USERS, "sourced_id", "grades"))
    assert grades[first.id] == ["04"]


def test_a_row_that_cannot_be_read_keeps_the_record_and_marks_it(rostered, roster, tmp_path):
    # Nobody may vanish by a typing error: the name is gone, the child stays.
    members = with_member(roster.members(), "users.csv", change=("Alder1,Grove", ",Grove"))
    arrival = loaded(rostered, a_zip(tmp_path / "in", "roster.zip", members))
    assert (arrival["rows_quarantined"], arrival["rows_ended"]) == (1, 0)
    assert findings(rostered) == [("users.csv", 2, "givenName", "required_value_missing", "row")]
    assert live(rostered, USERS, "given_name", "_held")[0] == ("Alder1", True)


def test_a_good_row_takes_the_mark_away_and_closes_the_finding(rostered, roster, tmp_path):
    members = roster.members()
    bad = with_member(members, "users.csv", change=("Alder1,Grove", ",Grove"))
    loaded(rostered, a_zip(tmp_path / "in", "roster.zip", bad))
    good = {**members, "orgs.csv": members["orgs.csv"].replace(b"Grove", b"Grove District")}
    loaded(rostered, a_zip(tmp_path / "in", "roster_2.zip", good))
    assert {row[0] for row in live(rostered, USERS, "_held")} == {False}
    assert findings(rostered) == []
    closed = query(rostered, "select state, superseded_by from ops.quarantine")
    assert [tuple(row.values()) for row in closed] == [
        ("superseded", arrivals(rostered)[-1]["arrival_id"])
    ]
    assert query(rostered, "select count(*) as n from restricted.quarantine_line")[0]["n"] == 0


def test_the_same_bad_row_every_night_is_one_open_finding(rostered, roster, tmp_path):
    for night in range(3):
        members = with_member(roster.members(), "users.csv", change=("Alder1,Grove", ",Grove"))
        members["orgs.csv"] += f"T-S1{night},,,School {night},school,,T-D\n".encode()
        loaded(rostered, a_zip(tmp_path / "in", f"roster_{night}.zip", members))
    assert len(findings(rostered)) == 1


def test_where_nobody_can_say_whose_row_it_is_nobody_ends(rostered, roster, tmp_path):
    fewer = replace(roster, students=roster.students[1:])
    members = fewer.members()
    members["users.csv"] = members["users.csv"].replace(b"\nT-Birch2,", b"\n,", 1)
    arrival = loaded(rostered, a_zip(tmp_path / "in", "roster.zip", members))
    assert "T-Alder1" in names(rostered)
    assert "T-Birch2" in names(rostered)
    assert arrival["rows_ended"] == 2  # the enrollment and the demographics of T-Alder1
    assert ("users.csv", 2, "sourcedId", "required_value_missing", "row") in findings(rostered)
    # Both children of whom the file says nothing: the one that left, and the one nobody can name.
    assert ("silence_ends_nothing", "users", 2) in {
        (notice["rule"], notice["table"], notice["count"]) for notice in arrival["notices"]
    }


def test_an_enrollment_in_an_unknown_class_is_set_aside(rostered, roster, tmp_path):
    members = roster.members()
    members["enrollments.csv"] += b"T-X,,,T-NOWHERE,T-S1,T-Alder1,student,false,,\n"
    arrival = loaded(rostered, a_zip(tmp_path / "in", "roster.zip", members))
    assert arrival["rows_quarantined"] == 1
    assert findings(rostered) == [
        ("enrollments.csv", 12, "classSourcedId", "reference_missing", "row")
    ]


def test_a_cell_that_costs_only_itself_is_blank_and_listed(rostered, roster, tmp_path):
    members = roster.members()
    members["demographics.csv"] = members["demographics.csv"].replace(b"female", b"blue", 1)
    members["users.csv"] = members["users.csv"].replace(b",true,T-S1,", b',true,"T-S1,T-GONE",', 1)
    arrival = loaded(rostered, a_zip(tmp_path / "in", "roster.zip", members))
    assert arrival["rows_quarantined"] == 0
    assert {f[2:] for f in findings(rostered)} == {
        ("sex", "unknown_code", "cell"),
        ("orgSourcedIds", "reference_missing", "cell"),
    }
    assert live(rostered, "roster__demographics", "sex").count((None,)) == 1
    assert (["T-S1"],) in live(rostered, USERS, "org_sourced_ids")


def test_last_years_roster_is_refused(rostered, roster, tmp_path):
    old = replace(roster, school_year=2026).write(tmp_path / "in")
    (arrival,) = landed_and_loaded(rostered, old)
    assert (arrival["state"], arrival["code"]) == ("refused", "W21")
    assert "2026" in arrival["message"]
    assert "2027" in arrival["message"]


MANY = children(40)


@pytest.fixture
def forty(settings, roster, tmp_path):
    """A warehouse with forty children in one school and four in another."""
    east = tuple(child for child in roster.students if child.school == "T-S2")
    many = replace(roster, students=(*MANY, *east))
    loaded(settings, many.write(tmp_path / "in", "roster.zip"))
    return settings, many


@pytest.fixture
def braked(forty, tmp_path):
    """A roster that ends thirty of forty-four, as the brake left it."""
    settings, many = forty
    few = replace(many, students=many.students[30:])
    (arrival,) = landed_and_loaded(settings, few.write(tmp_path / "in", "roster_few.zip"))
    return settings, arrival


def test_the_brake_holds_a_file_that_ends_too_much(braked):
    settings, arrival = braked
    assert (arrival["state"], arrival["code"]) == ("braked", "W26")
    assert "would end 30 of 40 records of school T-S1 in roster__users" in arrival["message"]
    assert "brake release" in arrival["message"]
    assert len(names(settings)) == 44
    nights.ingest(settings)
    assert len(names(settings)) == 44


def test_a_person_may_release_what_was_braked(braked):
    settings, arrival = braked
    assert decide(settings, arrival, release=True)
    nights.ingest(settings)
    assert len(names(settings)) == 14
    assert arrivals(settings)[-1]["state"] == "loaded"


def test_a_person_may_reject_what_was_braked(braked):
    settings, arrival = braked
    assert decide(settings, arrival, release=False)
    nights.ingest(settings)
    assert len(names(settings)) == 44
    last = arrivals(settings)[-1]
    assert last["state"] == "refused"
    assert "Rejected by T. Linden: checked." in last["message"]
    assert not decide(settings, arrival, release=True)


def test_a_later_whole_file_takes_the_question_back(braked, forty, tmp_path):
    settings, arrival = braked
    _, many = forty
    delta = replace(many, students=many.students[:1], mode="delta")
    delta = delta.write(tmp_path / "in", "delta.zip")
    assert state_after(settings, delta, of=arrival) == "braked"
    whole = replace(many, students=many.students[1:]).write(tmp_path / "in", "roster_new.zip")
    assert state_after(settings, whole, of=arrival) == "superseded"
    message = arrivals(settings)[-3]["message"]
    assert f"arrival {arrivals(settings)[-1]['arrival_id']} (roster_new.zip)" in message
    assert not decide(settings, arrival, release=True)
    assert len(names(settings)) == 43


def test_a_later_file_without_all_its_tables_leaves_the_question(braked, forty, tmp_path):
    settings, many = forty
    settings, arrival = braked
    _, many = forty
    members = many.members() | {"manifest.csv": many.manifest(demographics="absent")}
    del members["demographics.csv"]
    fewer_files = a_zip(tmp_path / "in", "roster_new.zip", members)
    assert state_after(settings, fewer_files, of=arrival) == "braked"


def test_where_its_bytes_are_gone_the_question_stays(braked, forty, tmp_path):
    settings, arrival = braked
    _, many = forty
    archived(settings.archive, arrivals(settings)[-1]["sha256"]).unlink()
    whole = replace(many, students=many.students[1:]).write(tmp_path / "in", "roster_new.zip")
    assert state_after(settings, whole, of=arrival) == "braked"


def state_after(settings, path, *, of):
    """Load a file, and say how an earlier arrival stands then."""
    (loaded_now,) = landed_and_loaded(settings, path)
    assert loaded_now["state"] == "loaded", loaded_now["message"]
    (state,) = [a["state"] for a in arrivals(settings) if a["arrival_id"] == of["arrival_id"]]
    return state


def renamed(roster):
    return replace(roster, students=tuple(replace(c, grade="05") for c in roster.students))


BRAKED = {
    "a school falls to zero": (
        lambda r: replace(r, students=r.students[:40]),
        "would end 1 of 1 records of school T-S2 in roster__classes",
    ),
    "most records change": (renamed, "would change 40 of 40 records of school T-S1"),
    "many records are new": (
        lambda r: replace(r, students=(*r.students, *children(12, prefix="New"))),
        "would add 12 to 40 records of school T-S1",
    ),
    "a delta deletes too much": (
        lambda r: replace(
            r,
            mode="delta",
            students=r.students[:20],
            statuses={child.id: "tobedeleted" for child in r.students[:20]},
        ),
        "would end 20 of 40 records of school T-S1",
    ),
}


@pytest.mark.parametrize("case", sorted(BRAKED))
def test_the_brake_counts_by_school_whatever_changes(forty, tmp_path, case):
    settings, many = forty
    change, words = BRAKED[case]
    (arrival,) = landed_and_loaded(settings, change(many).write(tmp_path / "in", "roster_2.zip"))
    assert arrival["state"] == "braked", arrival["message"]
    assert words in arrival["message"]


def test_ten_records_of_a_school_may_change_without_a_question(forty, tmp_path):
    settings, many = forty
    fewer = replace(many, students=many.students[10:])
    arrival = loaded(settings, fewer.write(tmp_path / "in", "roster_2.zip"))
    assert arrival["rows_ended"] == 30


def test_a_school_that_is_new_is_a_beginning(forty, tmp_path):
    settings, many = forty
    more = replace(many, students=(*many.students, *children(30, school="T-S3", prefix="West")))
    (arrival,) = landed_and_loaded(settings, more.write(tmp_path / "in", "roster_2.zip"))
    assert arrival["state"] == "loaded", arrival["message"]
