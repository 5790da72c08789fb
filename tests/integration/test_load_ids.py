"""Whose an id is, as rosters tell it night by night: who looks like another child, and who not."""

from dataclasses import replace

import pytest

from lib.feed_builders import Roster, a_zip, children
from lib.need_feeds import retold
from lib.warehouse_in_tests import arrivals, downgrade, landed_and_loaded, query
from wraparound.orchestration import nights, whose
from wraparound.warehouse import connection as connections
from wraparound.warehouse import identities
from wraparound.warehouse.migrate import migrate

ALDER = "T-Alder1"
BORN = "2017-04-01"
OTHER = (ALDER, "Yew", "Heath", "2015-05-01")
THIRD = (ALDER, "Rowan", "Moor", "2014-02-01")


@pytest.fixture
def told(rostered, roster, tmp_path):
    """Load a roster in which some ids have other names and another birth date."""

    def load(*others, of=roster):
        name = f"roster_{len(arrivals(rostered))}.zip"
        members = retold(of.members(), others)
        # That no roster is the one before, byte by byte.
        members["orgs.csv"] += f"T-X{name},,,{name},local,,T-D\n".encode()
        (arrival,) = landed_and_loaded(
            rostered, a_zip(tmp_path / "in", name, members), feed="roster"
        )
        return arrival

    return load


def asked(settings):
    with connections.connect(settings) as connection:
        return [row["student_source_id"] for row in identities.questions(connection)]


def key(settings, student=ALDER):
    with connections.connect(settings) as connection:
        return identities.keys_of(connection, student)[0]


def answer(settings, *, is_same):
    whose.answer(settings, [ALDER], is_same=is_same, by="T. Linden", reason="asked the school")


@pytest.mark.parametrize(
    ("given", "family", "born"),
    [
        ("Alder1", "Heath", BORN),
        ("Yew", "Grove", BORN),
        ("Yew", "Heath", BORN),
        ("Alder1", "Grove", "2015-05-01"),
        ("ÁLDER1", "grove", "2015-05-01"),
        ("Alder1", "Grove-Heath", "2015-05-01"),
        ("Yew Alder1", "Grove", "2015-05-01"),
        ("Alder1", "Heath", ""),
        ("Alder1", "Grove", ""),
    ],
)
def test_a_name_or_a_birth_date_alone_makes_no_other_child(rostered, told, given, family, born):
    before = key(rostered)
    told((ALDER, given, family, born))
    assert asked(rostered) == []
    assert key(rostered) == before


@pytest.mark.parametrize(
    ("given", "family", "born"),
    [
        ("Yew", "Heath", "2015-05-01"),
        ("Yew", "Grove", "2015-05-01"),
        ("Alder1", "Heath", "2015-05-01"),
        ("Yew", "Heath", ""),
    ],
)
def test_another_name_and_birth_date_get_a_key_of_their_own(rostered, told, given, family, born):
    before = key(rostered)
    told((ALDER, given, family, born))
    assert asked(rostered) == [ALDER]
    assert key(rostered) != before
    told((ALDER, given, family, born))
    assert asked(rostered) == [ALDER]


def test_a_name_in_one_file_and_the_date_in_a_later_one_are_both_seen(rostered, told):
    told((ALDER, "Yew", "Heath", BORN))
    assert asked(rostered) == []
    told(OTHER)
    assert asked(rostered) == [ALDER]


def test_a_roster_that_takes_it_back_takes_the_question_back(rostered, told):
    before = key(rostered)
    told(OTHER)
    first = key(rostered)
    told()
    assert (asked(rostered), key(rostered)) == ([], before)
    # Told once more, it is the same other child.
    told(OTHER)
    assert (asked(rostered), key(rostered)) == ([ALDER], first)


def test_a_third_child_is_asked_about_in_place_of_the_second(rostered, told):
    before = key(rostered)
    told(OTHER)
    told(THIRD)
    assert asked(rostered) == [ALDER]
    (change,) = query(rostered, "select * from ops.student_change where state = 'open'")
    assert change["earlier_key"] == before
    told()
    assert (asked(rostered), key(rostered)) == ([], before)


def test_the_same_child_has_its_key_back_and_is_known_by_both_names(rostered, told):
    before = key(rostered)
    told(OTHER)
    answer(rostered, is_same=True)
    assert (asked(rostered), key(rostered)) == ([], before)
    told()
    told(OTHER)
    assert (asked(rostered), key(rostered)) == ([], before)


def test_another_child_keeps_its_key_and_gives_way_only_with_a_question(rostered, told):
    told(OTHER)
    second = key(rostered)
    answer(rostered, is_same=False)
    assert (asked(rostered), key(rostered)) == ([], second)
    told(THIRD)
    assert asked(rostered) == [ALDER]
    answer(rostered, is_same=True)
    assert key(rostered) == second


def test_an_answer_may_be_taken_back(rostered, told):
    before = key(rostered)
    told(OTHER)
    second = key(rostered)
    answer(rostered, is_same=True)
    answer(rostered, is_same=False)
    assert key(rostered) == second
    answer(rostered, is_same=True)
    assert key(rostered) == before
    (change,) = query(rostered, "select state, decided_by, reason from ops.student_change")
    assert tuple(change.values()) == ("same", "T. Linden", "asked the school")
    told_of = query(rostered, "select state, detail from ops.event where kind = 'student'")
    assert [row["state"] for row in told_of] == ["same", "another", "same"]
    assert all(set(row["detail"]) == {"change_id", "by", "reason"} for row in told_of)


def test_an_answer_goes_to_the_question_that_is_open(rostered, told):
    told(OTHER)
    second = key(rostered)
    told(THIRD)
    answer(rostered, is_same=True)
    # The first question comes back, after a later one was answered.
    told(OTHER)
    assert (asked(rostered), key(rostered)) == ([ALDER], second)
    answer(rostered, is_same=False)
    assert (asked(rostered), key(rostered)) == ([], second)
    answer(rostered, is_same=True)
    assert query(
        rostered, "select count(*) as n from ops.student_change where state = 'same'"
    ) == [{"n": 2}]


def test_an_id_that_comes_back_after_years_is_held_against_who_had_it(rostered, roster, told):
    told(of=replace(roster, students=roster.students[1:]))
    told(OTHER)
    assert asked(rostered) == [ALDER]


def test_a_roster_that_gives_many_ids_to_others_waits_for_a_person(settings, tmp_path):
    roster = Roster(children(40))
    members = roster.members()
    landed_and_loaded(settings, a_zip(tmp_path / "in", "roster.zip", members))
    names = [(c.id, f"Yew{n}", "Heath", "2015-05-01") for n, c in enumerate(roster.students)]
    few = a_zip(tmp_path / "in", "roster_1.zip", retold(members, names[:10]))
    (arrival,) = landed_and_loaded(settings, few, feed="roster")
    assert (arrival["state"], len(asked(settings))) == ("loaded", 10)

    many = a_zip(tmp_path / "in", "roster_2.zip", retold(members, names))
    (arrival,) = landed_and_loaded(settings, many, feed="roster")
    assert "would change 30 of 40 records of school T-S1 in roster__users" in arrival["message"]
    assert (arrival["state"], len(asked(settings))) == ("braked", 10)


def test_who_stood_in_the_roster_before_the_program_could_tell_is_remembered(rostered, told):
    downgrade(rostered, "0016")
    migrate(rostered)
    told(OTHER)
    assert asked(rostered) == [ALDER]


def test_an_answer_makes_a_build_due(rostered, told, monkeypatch):
    told(OTHER)
    with connections.connect(rostered) as connection:
        connection.execute(
            "insert into ops.build (as_of_date, state, input_batch_count, inputs_hash)"
            " select '2026-11-20', 'succeeded', count(*), 'x' from ops.batch"
        )
    monkeypatch.setattr(nights, "inputs_hash", lambda settings: "x")
    assert not nights.build_needed(rostered)
    answer(rostered, is_same=True)
    assert nights.build_needed(rostered)
