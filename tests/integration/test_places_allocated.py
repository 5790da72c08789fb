"""Who gets a place: properties of the allocation's SQL in small worlds of chance."""

import re
from collections import defaultdict
from itertools import groupby

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as chosen
from hypothesis import strategies as st

from lib.release_builders import PROJECT_ROOT
from wraparound.warehouse import connection as connections

MODEL = PROJECT_ROOT / "dbt_project/models/intermediate/int_places_allocated.sql"
QUERY = re.sub(r"{{ ref\('int_service_choices_ranked'\) }}", "choices_given", MODEL.read_text())
COLUMNS = "need_id, student_key, service_id, need_number, choice_number, place_count, is_asking"


@pytest.fixture(scope="module")
def connection(server):
    with connections.connect(server) as opened:
        opened.execute(
            "create temporary table choices_given (need_id text, student_key bigint,"
            " service_id text, need_number integer, choice_number integer,"
            " place_count integer, is_asking boolean)"
        )
        yield opened
        opened.rollback()


@st.composite
def worlds(draw):
    """Places by service, and needs in their order: the child, and the services in theirs."""
    services = [f"s{number}" for number in range(draw(st.integers(1, 4)))]
    places = {name: draw(st.none() | st.integers(0, 3)) for name in services}
    needs = draw(
        st.lists(
            st.tuples(
                st.integers(1, 6), st.lists(st.sampled_from(services), min_size=1, unique=True)
            ),
            max_size=12,
        )
    )
    return places, needs


def allocate(connection, places, needs):
    """(need number, service) -> (outcome, place in line), as the model decides."""
    connection.execute("truncate choices_given")
    rows = [
        (f"n{number:02d}", child, service, number, choice, places[service], True)
        for number, (child, wanted) in enumerate(needs, start=1)
        for choice, service in enumerate(wanted, start=1)
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            f"insert into choices_given ({COLUMNS}) values (%s, %s, %s, %s, %s, %s, %s)",
            rows,
        )
    found = connection.execute(QUERY).fetchall()
    return {
        (int(row["need_id"][1:]), row["service_id"]): (row["place_outcome"], row["line_number"])
        for row in found
    }


def by_hand(places, needs):
    """The same by asking one need after the other, as in the textbook."""
    standing = {}
    for number, (child, wanted) in enumerate(needs, start=1):
        for service in wanted:
            standing.setdefault((child, service), number)
    asking = dict.fromkeys(range(1, len(needs) + 1), 0)
    while True:
        held = defaultdict(set)
        for number, choice in asking.items():
            child, wanted = needs[number - 1]
            if choice < len(wanted):
                held[wanted[choice]].add(child)
        turned_away = None
        for number, choice in sorted(asking.items(), reverse=True):
            child, wanted = needs[number - 1]
            if choice == len(wanted) or places[wanted[choice]] is None:
                continue
            ahead = sum(
                standing[other, wanted[choice]] < standing[child, wanted[choice]]
                for other in held[wanted[choice]]
            )
            if ahead >= places[wanted[choice]]:
                turned_away = number
                break
        if turned_away is None:
            return asking
        asking[turned_away] += 1


def choice_of(allocated, needs):
    """The choice at which each need ends, 0 is its first; past its last it has no place."""
    ends = {}
    for number, (_, wanted) in enumerate(needs, start=1):
        outcomes = [allocated[number, service][0] for service in wanted]
        # Turned away, then one place or none, then what is not needed any more.
        waited = outcomes.count("waiting")
        assert set(outcomes[:waited]) <= {"waiting"}
        assert set(outcomes[waited : waited + 1]) <= {"place", "ask"}
        assert set(outcomes[waited + 1 :]) <= {"not_needed"}
        ends[number] = outcomes.count("waiting")
    return ends


lean = chosen(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@lean
@given(world=worlds())
def test_it_ends_as_asking_one_by_one_does(connection, world):
    places, needs = world

    assert choice_of(allocate(connection, places, needs), needs) == by_hand(places, needs)


@lean
@given(world=worlds())
def test_no_place_is_given_twice_and_none_that_is_not_there(connection, world):
    places, needs = world
    holders = defaultdict(set)
    lines = defaultdict(dict)
    for (number, service), (outcome, line) in allocate(connection, places, needs).items():
        child = needs[number - 1][0]
        if outcome == "place":
            holders[service].add(child)
        if outcome in ("place", "waiting"):
            assert lines[service, outcome].setdefault(child, line) == line

    for service, children in holders.items():
        assert len(children) <= places[service]
    for numbers in lines.values():
        assert sorted(numbers.values()) == list(range(1, len(numbers) + 1))


@lean
@given(world=worlds(), order=st.randoms(use_true_random=False))
def test_the_same_needs_in_another_order_of_rows_end_the_same(connection, world, order):
    places, needs = world
    first = allocate(connection, places, needs)
    rows = connection.execute("select * from choices_given").fetchall()
    order.shuffle(rows)
    connection.execute("truncate choices_given")
    with connection.cursor() as cursor:
        cursor.executemany(
            f"insert into choices_given ({COLUMNS}) values (%s, %s, %s, %s, %s, %s, %s)",
            [tuple(row.values()) for row in rows],
        )

    again = {
        (int(row["need_id"][1:]), row["service_id"]): (row["place_outcome"], row["line_number"])
        for row in connection.execute(QUERY).fetchall()
    }
    assert again == first


@lean
@given(world=worlds(), data=st.data())
def test_one_place_more_worsens_nobody(connection, world, data):
    places, needs = world
    counted = sorted(name for name, count in places.items() if count is not None)
    if not counted:
        return
    grown = data.draw(st.sampled_from(counted))
    before = allocate(connection, places, needs)
    after = allocate(connection, places | {grown: places[grown] + 1}, needs)
    ends_before, ends_after = choice_of(before, needs), choice_of(after, needs)

    for number, end in ends_after.items():
        assert end <= ends_before[number]
    for pair, (outcome, line) in after.items():
        if outcome == "waiting":
            assert before[pair][0] == "waiting"
            assert line <= before[pair][1]


@lean
@given(world=worlds())
def test_nobody_waits_behind_a_worse_standing(connection, world):
    places, needs = world
    allocated = allocate(connection, places, needs)
    standing = {}
    for number, (child, wanted) in enumerate(needs, start=1):
        for service in wanted:
            standing.setdefault((child, service), number)
    told = sorted((service, number) for number, service in allocated)

    for service, pairs in groupby(told, key=lambda pair: pair[0]):
        outcomes = [(needs[n - 1][0], allocated[n, service][0]) for _, n in pairs]
        held = [standing[c, service] for c, outcome in outcomes if outcome == "place"]
        waits = [standing[c, service] for c, outcome in outcomes if outcome == "waiting"]
        assert not held or not waits or max(held) < min(waits)
        if waits:
            assert len(set(held)) == places[service]
