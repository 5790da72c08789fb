"""Two hundred random worlds: what each coordinator sees is what plain Python says they may."""

import random
from datetime import date, timedelta

import pytest

from lib.release_builders import ALDER, BIRCH, CEDAR, ASchool, build_reports, publish_built
from wraparound.publishing.readers import reading_as
from wraparound.warehouse import connection as connections
from wraparound.warehouse import roles

SCHOOLS = (ALDER, BIRCH, CEDAR, ASchool(4, "T-DOGWOOD"), ASchool(5, "T-ELM"))
PEOPLE = ("T-ash", "T-beech", "T-fir", "T-gum")
FIRST = date(2026, 7, 1)
WORLDS = 200


@pytest.fixture(scope="module")
def published(server, tmp_path_factory):
    """Two releases of five schools, to be filled anew for each world."""
    from lib.warehouse_in_tests import a_fresh_warehouse

    with a_fresh_warehouse(server, tmp_path_factory.mktemp("worlds")) as settings:
        with connections.connect(settings) as connection:
            build_reports(connection, *SCHOOLS)
            roles.ensure_rights(connection)
        with connections.connect(settings, role=roles.PUBLISHER) as connection:
            publish_built(connection)
            publish_built(connection)
        yield settings


def a_world(chance):
    """Invent a day, who works where from when to when, who learns where, what is live."""
    day = FIRST + timedelta(days=chance.randrange(300))
    assignments = {}
    for _ in range(chance.randrange(12)):
        begin = day + timedelta(days=chance.choice((-90, -7, -1, 0, 1, 7)))
        length = chance.choice((None, 0, 1, 7, 8, 90))
        end = None if length is None else begin + timedelta(days=length)
        who, school = chance.choice(PEOPLE), chance.choice(SCHOOLS)
        assignments[who, school.school_key, begin] = end
    learning = {
        (release, chance.randrange(1, 9), chance.choice(SCHOOLS).school_key)
        for release in (1, 2)
        for _ in range(chance.randrange(14))
    }
    live = {s.school_key: chance.choice((1, 2)) for s in SCHOOLS if chance.random() < 0.9}
    return day, assignments, learning, live


def may_see(who, world):
    """Return (student_key, school_key) as the rules say it, without a database."""
    day, assignments, learning, live = world
    own = {
        school
        for (person, school, begin), end in assignments.items()
        if person == who and begin <= day and (end is None or day < end)
    }
    return sorted(
        (student, school)
        for release, student, school in learning
        if school in own and live.get(school) == release
    )


def settle(connection, world):
    """Bring the world about; the transaction is the caller's to end."""
    _, assignments, learning, live = world
    connection.execute("delete from release.assignment")
    connection.execute("delete from release.pointer")
    for release in (1, 2):
        connection.execute(f"delete from release.rpt_students_r{release}")
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into release.assignment values (%s, %s, 'site_coordinator', %s, %s)",
            [(who, school, begin, end) for (who, school, begin), end in assignments.items()],
        )
        cursor.executemany(
            "insert into release.pointer (school_key, school_source_id, release_id)"
            " values (%s, 'T', %s)",
            list(live.items()),
        )
        for release, student, school in sorted(learning):
            cursor.execute(
                f"insert into release.rpt_students_r{release} (release_id, student_key,"
                " student_source_id, school_key, school_source_id, as_of_date)"
                " values (%s, %s, 'T', %s, 'T', '2026-11-02')",
                (release, student, school),
            )


# A held list is in the parent below the view all the same.
@pytest.mark.parametrize("relation", ["coordinator.students", "release.rpt_students"])
def test_coordinators_of_random_worlds_see_what_they_may(published, relation):
    chance = random.Random(20261102)
    seen_rows = 0
    with connections.connect(published) as connection:
        for number in range(WORLDS):
            world = a_world(chance)
            settle(connection, world)
            connection.commit()
            for who in PEOPLE:
                with reading_as(connection, who, today=world[0]):
                    rows = connection.execute(
                        f"select student_key, school_key from {relation} order by 1, 2"
                    ).fetchall()
                found = [(row["student_key"], row["school_key"]) for row in rows]
                assert found == may_see(who, world), f"world {number}"
                seen_rows += len(found)
    assert seen_rows > WORLDS
