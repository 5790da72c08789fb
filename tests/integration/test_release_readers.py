"""What readers see: their own schools, whole lists, and no way around it."""

import threading

import psycopg
import pytest

from lib.release_builders import (
    ALDER,
    BIRCH,
    CEDAR,
    MONDAY,
    a_warehouse,
    build_reports,
    freeze_audited,
    publish_built,
)
from wraparound.errors import ReleaseRejected
from wraparound.publishing import releases, views
from wraparound.warehouse import connection as connections

SCHOOLS = (ALDER, BIRCH, CEDAR)
# A view over several tables takes no rows from anybody.
CLOSED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)
VIEWS = (
    *("students", "need_profiles", "referral_queue", "class_rosters", "reviews_due"),
    *("today", "schools", "service_use", "fidelity", "inquiry_cycles"),
)


@pytest.fixture(scope="module")
def published(server, tmp_path_factory):
    """A warehouse where ALDER and BIRCH are published, for tests that only read."""
    settings = a_warehouse(server, name="published", home=tmp_path_factory.mktemp("home"))
    with connections.connect(settings) as connection:
        build_reports(connection, ALDER, BIRCH)
        publish_built(connection)
    return settings


@pytest.fixture
def reader(published):
    """A coordinator's connection."""
    with connections.connect(published) as opened:
        opened.execute("set session authorization wraparound_coordinator")
        opened.commit()
        yield opened


def seen(reader, query, *, who=None, today="2026-11-02"):
    """Return the rows of a query in one transaction, read by `who` on a day."""
    with reader.transaction():
        if who is not None:
            become(reader, who, today)
        return reader.execute(query).fetchall()


def become(reader, who, today="2026-11-02"):
    query = "select set_config('app.coordinator', %s, true), set_config('app.today', %s, true)"
    reader.execute(query, (who, today))


def schools_in(rows):
    return sorted({row["school_source_id"] for row in rows})


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    ("who", "today", "visible"),
    [
        pytest.param(None, "", [], id="no setting"),
        pytest.param("", "2026-11-02", [], id="nobody"),
        pytest.param("T-coordinator-1", "", [], id="no day"),
        pytest.param("T-coordinator-1", "2026-11-02", ["T-ALDER"], id="one school"),
        pytest.param("T-manager", "2026-11-02", ["T-ALDER", "T-BIRCH"], id="two schools"),
        pytest.param("T-stranger", "2026-11-02", [], id="a stranger"),
        pytest.param("T-manager", "2026-06-30", [], id="before the first day"),
    ],
)
def test_a_reader_sees_the_rows_of_their_own_schools(reader, view, who, today, visible):
    rows = seen(reader, f"select * from coordinator.{view}", who=who, today=today)
    assert schools_in(rows) == visible


def test_the_setting_does_not_outlive_its_transaction(reader):
    assert seen(reader, "select from coordinator.students", who="T-coordinator-1") != []
    # PostgreSQL leaves '' behind, not NULL.
    assert seen(reader, "select from coordinator.students") == []


@pytest.mark.parametrize("report", ["rpt_students", "rpt_schools"])
def test_the_parent_below_the_view_is_filtered_too(reader, report):
    assert seen(reader, f"select * from release.{report}") == []
    rows = seen(reader, f"select * from release.{report}", who="T-coordinator-2")
    assert schools_in(rows) == ["T-BIRCH"]


def test_copying_a_parent_shows_no_row_of_another_school(reader):
    """COPY of a partitioned parent under row-level security gives nothing, in silence."""
    copied = []
    with reader.transaction(), reader.cursor() as cursor:
        become(cursor, "T-coordinator-1")
        with cursor.copy("copy release.rpt_students to stdout") as copy:
            copied += list(copy)
    assert copied == []


def test_copying_the_view_gives_the_reader_their_rows(reader):
    with reader.transaction(), reader.cursor() as cursor:
        become(cursor, "T-coordinator-1")
        with cursor.copy("copy (select * from coordinator.students) to stdout") as copy:
            lines = [bytes(line).decode() for line in copy]
    assert len(lines) == ALDER.students
    assert all("T-ALDER" in line for line in lines)


@pytest.mark.parametrize(
    "statement",
    [
        "select * from release.rpt_students_r1",
        "copy release.rpt_students_r1 to stdout",
        "select * from release.rpt_gate_metrics",
        "select * from reports.rpt_students",
        "select * from ops.release_school",
        "select * from ops.student_crosswalk",
        "insert into release.rpt_students (release_id) values (1)",
        "update coordinator.students set homeroom = ''",
        "delete from release.rpt_students",
        "truncate release.rpt_students",
        "update release.pointer set release_id = 1",
        "create table coordinator.mine (a int)",
        "alter table release.rpt_students disable row level security",
        "set role wraparound_publisher; reset role; drop table release.rpt_students",
    ],
)
def test_everything_else_is_closed(reader, statement):
    with pytest.raises(CLOSED):
        seen(reader, statement, who="T-coordinator-1")


def test_statistics_show_a_reader_nothing(reader):
    reader.execute("set session authorization wraparound_coordinator")
    reader.commit()
    query = (
        "select from pg_catalog.pg_stats where schemaname = 'release' and tablename like 'rpt%'"
    )
    assert seen(reader, query, who="T-coordinator-1") == []


@pytest.mark.parametrize(
    ("opening", "door"),
    [
        pytest.param(
            "alter view coordinator.students reset (security_invoker)",
            "coordinator.students",
            id="a view that reads with its owner's rights",
        ),
        pytest.param(
            "alter table release.rpt_students no force row level security",
            "release.rpt_students",
            id="rows open to the owner",
        ),
        pytest.param(
            "alter table release.assignment no force row level security",
            "release.assignment",
            id="assignments open to the owner",
        ),
        pytest.param(
            "alter table release.rpt_today disable row level security",
            "release.rpt_today",
            id="rows open to all",
        ),
        pytest.param(
            "grant select on release.rpt_today_r1 to wraparound_coordinator",
            "release.rpt_today_r1",
            id="a partition granted",
        ),
        pytest.param(
            "grant select on release.rpt_today_r1 to public",
            "release.rpt_today_r1",
            id="a partition granted to everybody",
        ),
        pytest.param(
            "grant select (student_key) on release.rpt_students_r1 to wraparound_coordinator",
            "release.rpt_students_r1",
            id="a column of a partition granted",
        ),
    ],
)
def test_nothing_is_published_while_a_door_is_open(connection, opening, door):
    build_reports(connection, ALDER, mark="first")
    publish_built(connection)
    connection.execute(opening)
    connection.commit()
    assert views.unguarded(connection) == (door,)
    with pytest.raises(ReleaseRejected, match=door):
        publish_built(connection)
    assert [live.release_id for live in releases.live_releases(connection)] == [1]


def test_a_view_with_its_owners_rights_shows_every_school(connection):
    """Why the guard is looked at before each publication."""
    build_reports(connection, ALDER, BIRCH)
    publish_built(connection)
    connection.execute("create view coordinator.bare as select * from release.rpt_students")
    connection.execute("grant select on coordinator.bare to wraparound_coordinator")
    connection.execute("set session authorization wraparound_coordinator")
    connection.commit()
    rows = seen(connection, "select * from coordinator.students", who="T-coordinator-1")
    assert schools_in(rows) == ["T-ALDER"]
    rows = seen(connection, "select * from coordinator.bare", who="T-coordinator-1")
    assert schools_in(rows) == ["T-ALDER", "T-BIRCH"]
    assert views.unguarded(connection) == ("coordinator.bare",)


# --- readers while the pointers move ------------------------------------------------------

LISTS = """
    select school_source_id, min(homeroom) as first, max(homeroom) as last, count(*) as n
    from coordinator.students group by school_source_id order by school_source_id
"""
TODAY = LISTS.replace("homeroom", "item_text").replace("students", "today")


class Reader(threading.Thread):
    """Reads the lists over and over until told to stop, and remembers what was wrong."""

    def __init__(self, settings):
        super().__init__()
        self.settings = settings
        self.is_over = threading.Event()
        self.wrong = []
        self.marks = set()

    def run(self):
        try:
            with connections.connect(self.settings, role="wraparound_coordinator") as reader:
                reader.commit()
                reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                while not self.is_over.is_set():
                    self.look(reader)
        except psycopg.Error as error:
            self.wrong.append(type(error).__name__)

    def look(self, reader):
        with reader.transaction():
            become(reader, "T-manager")
            students = reader.execute(LISTS).fetchall()
            today = reader.execute(TODAY).fetchall()
        if students != today:
            self.wrong.append("two parts of one list disagree")
        if [row["n"] for row in students] != [school.students for school in SCHOOLS]:
            self.wrong.append("a list is short")
        if any(row["first"] != row["last"] for row in students):
            self.wrong.append("a list is mixed")
        self.marks |= {row["first"] for row in students}


def test_readers_see_whole_lists_through_two_hundred_flips(connection, settings):
    """Twenty nights; each time forth, and one school or all back and forth again and again."""
    build_reports(connection, *SCHOOLS, mark="0")
    publish_built(connection)
    readers = [Reader(settings) for _ in range(2)]
    for each in readers:
        each.start()
    flips = 0
    try:
        for mark in range(1, 21):
            connection.execute("update reports.rpt_students set homeroom = %s", (str(mark),))
            connection.execute("update reports.rpt_today set item_text = %s", (str(mark),))
            connection.commit()
            candidate = freeze_audited(connection, as_of=MONDAY)
            releases.publish_release(connection, candidate.release_id)
            for back in (None, ["T-BIRCH"], ["T-ALDER", "T-CEDAR"], None):
                releases.rollback(connection, schools=back)
                releases.rollback(connection, candidate.release_id, schools=back)
            releases.rollback(connection, schools=["T-BIRCH"] if mark % 2 else None)
            flips += 10
        releases.prune(connection, keep=10)
    finally:
        for each in readers:
            each.is_over.set()
        for each in readers:
            each.join()
    assert flips == 200
    assert [each.wrong for each in readers] == [[], []]
    assert all(len(each.marks) > 2 for each in readers)
