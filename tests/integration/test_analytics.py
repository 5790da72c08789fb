"""What analysts see: no child, no small count, and nothing to subtract one night from another."""

import random
import stat
from collections import Counter
from datetime import date, timedelta

import psycopg
import pytest

from lib.release_builders import ASchool, build_reports, publish_built
from wraparound.contracts.leaving import Analytics
from wraparound.errors import ReleaseRejected
from wraparound.publishing import analytics
from wraparound.warehouse import connection as connections
from wraparound.warehouse import roles

MONDAY = date(2026, 11, 2)
SCHOOLS = tuple(ASchool(n, f"T-{name}", 0) for n, name in enumerate(("ASH", "ELM", "FIR"), 1))
CHOICE = Analytics()


@pytest.fixture
def connection(settings):
    with connections.connect(settings) as opened:
        yield opened


def a_child(chance, number):
    school = chance.choices(SCHOOLS, (60, 30, 10))[0]
    return {
        "student_key": number,
        "student_source_id": f"T-{number}",
        "student_name": f"Rowan {number}",
        "school_key": school.school_key,
        "school_source_id": school.school_source_id,
        "grade_level": chance.choice(("PK", "KG", "01", "04", "05", "07")),
        "home_language": chance.choices(("en", "es", "pt", None), (60, 30, 2, 1))[0],
        "is_chronically_absent": chance.choices((True, False, None), (12, 80, 8))[0],
        "suggested_tier": chance.choices(("1", "2a", "2b", "3"), (50, 30, 15, 1))[0],
        "race_ethnicity": chance.choices(("white", "asian", "not_known"), (70, 25, 2))[0],
        "english_learner": chance.choices(("english_learner", "not_english_learner"), (1, 9))[0],
        "tier_movement": chance.choices(("same", "less_support", "more_support"), (70, 25, 2))[0],
        "level": chance.choices(("no_concern", "mild", "severe"), (70, 25, 3))[0],
    }


def some_children(number=400, seed=1):
    chance = random.Random(seed)
    return [a_child(chance, n) for n in range(1, number + 1)]


def publish(connection, children, *, as_of=MONDAY):
    """Publish lists that hold exactly these children."""
    build_reports(connection, *SCHOOLS, as_of=as_of)
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into reports.rpt_students (student_key, student_source_id, student_name,"
            " school_key, school_source_id, as_of_date, grade_level, home_language,"
            " is_chronically_absent, suggested_tier) values (%(student_key)s,"
            " %(student_source_id)s, %(student_name)s, %(school_key)s, %(school_source_id)s,"
            " %(as_of)s, %(grade_level)s, %(home_language)s, %(is_chronically_absent)s,"
            " %(suggested_tier)s)",
            [{**child, "as_of": as_of} for child in children],
        )
        cursor.executemany(
            "insert into reports.rpt_need_profiles (student_key, student_source_id, school_key,"
            " school_source_id, as_of_date, domain, level) select %(student_key)s,"
            " %(student_source_id)s, %(school_key)s, %(school_source_id)s, %(as_of)s, d,"
            " %(level)s from unnest(array['academics', 'social_emotional_behavioral', 'health',"
            " 'family']) d",
            [{**child, "as_of": as_of} for child in children],
        )
        cursor.executemany(
            "insert into reports.rpt_analyst_facts (student_key, student_source_id, school_key,"
            " school_source_id, as_of_date, race_ethnicity, english_learner, tier_movement)"
            " values (%(student_key)s, %(student_source_id)s, %(school_key)s,"
            " %(school_source_id)s, %(as_of)s, %(race_ethnicity)s, %(english_learner)s,"
            " %(tier_movement)s)",
            [{**child, "as_of": as_of} for child in children],
        )
        cursor.execute(
            "update reports.rpt_schools s set student_count = (select count(*)"
            " from reports.rpt_students p where p.school_key = s.school_key)"
        )
    connection.commit()
    connection.execute("set role wraparound_publisher")
    publish_built(connection, as_of=as_of)
    connection.execute("reset role")
    connection.commit()


def write(settings, *, as_of=MONDAY, choice=CHOICE):
    with connections.connect(settings, role=roles.PUBLISHER) as connection:
        connection.commit()
        return analytics.write_analytics(settings, connection, choice=choice, as_of=as_of)


def as_analyst(connection, query):
    connection.commit()
    with connection.transaction():
        connection.execute("set local role wraparound_analyst")
        return connection.execute(query).fetchall()


def counts(connection, metric="suggested_tier"):
    rows = as_analyst(connection, f"select * from analytics.metric where metric = '{metric}'")
    return {(r["breakdown"], r["group_value"], r["category"]): r["student_count"] for r in rows}


def test_the_first_night_writes_every_metric_and_every_student(settings, connection):
    publish(connection, some_children())
    done = write(settings)
    assert done.moved == ("students", *analytics.COUNTED)
    assert (done.waiting, done.student_count) == ((), 400)
    assert len(as_analyst(connection, "select * from analytics.student")) == 400


def test_what_is_told_is_right_and_what_is_hidden_is_null(settings, connection):
    children = some_children()
    publish(connection, children)
    write(settings)
    true = Counter((c["school_source_id"], c["suggested_tier"]) for c in children)
    rows = as_analyst(connection, "select * from analytics.metric where breakdown = 'school'")
    tiers = [row for row in rows if row["metric"] == "suggested_tier"]
    assert {row["is_suppressed"] for row in tiers} == {True, False}
    for row in tiers:
        if row["is_suppressed"]:
            assert (row["student_count"], row["rate"]) == (None, None)
        else:
            assert row["student_count"] == true[row["group_value"], row["category"]]


def test_groups_are_counted_as_they_were_frozen_and_hidden_where_small(settings, connection):
    children = some_children()
    publish(connection, children)
    write(settings)
    true = Counter((c["race_ethnicity"], c["tier_movement"]) for c in children)
    told = {
        (group, category): count
        for (breakdown, group, category), count in counts(connection, "tier_movement").items()
        if breakdown == "race_ethnicity"
    }
    assert {cell for cell, count in told.items() if count is None} >= {
        cell for cell, count in true.items() if count < 6
    }
    shown = {cell: count for cell, count in told.items() if count is not None}
    assert shown
    assert shown == {cell: true[cell] for cell in shown}


def test_no_published_count_is_small(settings, connection):
    publish(connection, some_children())
    write(settings)
    query = "select from analytics.metric where student_count between 1 and 5"
    assert as_analyst(connection, query) == []


def test_nothing_of_a_child_is_there(settings, connection):
    children = some_children()
    publish(connection, children)
    write(settings)
    rows = as_analyst(connection, "select s::text as line from analytics.student s")
    text = "\n".join(row["line"] for row in rows)
    assert "Rowan" not in text
    assert "T-" not in text
    columns = as_analyst(connection, "select * from analytics.student limit 1")[0].keys()
    assert not {"school", "home_language", "student_key", "birth_date"} & columns


def test_counting_the_students_tells_no_hidden_count(settings, connection):
    publish(connection, some_children())
    write(settings)
    hidden = [
        (group, category)
        for (breakdown, group, category), count in counts(connection).items()
        if breakdown == "grade_band" and count is None
    ]
    assert hidden
    for group, category in hidden:
        query = (
            f"select from analytics.student where grade_band = '{group}'"
            f" and suggested_tier = '{category}'"
        )
        assert as_analyst(connection, query) == []


def test_pseudonyms_follow_a_key_that_is_not_in_the_database(settings, connection):
    publish(connection, some_children(60))
    write(settings)
    path = settings.run_dir / analytics.KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = path.read_bytes()
    known = {analytics.pseudonym(n, key=key, release_id=1) for n in range(1, 61)}
    rows = as_analyst(connection, "select pseudonym from analytics.student")
    assert {row["pseudonym"] for row in rows} == known
    assert analytics.pseudonym_key(settings) == key
    assert analytics.pseudonym(1, key=key, release_id=2) not in known


def test_a_key_that_others_can_read_is_no_key(settings):
    analytics.pseudonym_key(settings)
    (settings.run_dir / analytics.KEY_FILE).chmod(0o644)
    with pytest.raises(ReleaseRejected, match="chmod 600"):
        analytics.pseudonym_key(settings)


def test_a_night_without_changes_moves_everything_on(settings, connection):
    publish(connection, some_children())
    write(settings)
    before = counts(connection)
    publish(connection, some_children(), as_of=MONDAY + timedelta(days=1))
    done = write(settings, as_of=MONDAY + timedelta(days=1))
    assert done.waiting == ()
    assert counts(connection) == before


def crossing():
    """Children of whom one moves from tier 3 to 2b overnight, which makes tier 3 small."""
    children = some_children()
    for child in children:
        child["home_language"] = "en"
        child["school_key"], child["school_source_id"] = 1, "T-ASH"
        child["grade_level"] = "04"
        child["suggested_tier"] = (
            "1" if child["suggested_tier"] == "3" else child["suggested_tier"]
        )
    for child in children[:6]:
        child["suggested_tier"] = "3"
    after = [dict(child) for child in children]
    after[0]["suggested_tier"] = "2b"
    return children, after


def test_a_count_that_becomes_small_waits_while_yesterday_would_tell_it(settings, connection):
    before, after = crossing()
    publish(connection, before)
    write(settings)
    told = counts(connection)
    assert told["all", "all", "3"] == 6
    publish(connection, after, as_of=MONDAY + timedelta(days=1))
    done = write(settings, as_of=MONDAY + timedelta(days=1))
    assert "suggested_tier" in done.waiting
    assert done.student_count is None
    assert counts(connection) == told


def test_after_a_while_it_waits_no_longer(settings, connection):
    before, after = crossing()
    publish(connection, before)
    write(settings)
    later = MONDAY + timedelta(days=CHOICE.snapshot_days)
    publish(connection, after, as_of=later)
    done = write(settings, as_of=later)
    assert done.waiting == ()
    assert counts(connection)["all", "all", "3"] is None


def test_another_policy_applies_at_once(settings, connection):
    publish(connection, some_children())
    write(settings)
    strict = Analytics(suppression="n10")
    write(settings, choice=strict)
    query = "select from analytics.metric where student_count between 1 and 9"
    assert as_analyst(connection, query) == []
    changed = Analytics(change={"numerator_minimum": 12})
    write(settings, choice=changed)
    rows = as_analyst(connection, "select distinct policy from analytics.metric")
    assert [row["policy"].split("+")[0] for row in rows] == ["ct_csde"]
    assert rows[0]["policy"] != "ct_csde"


def test_a_small_district_tells_nothing_at_all(settings, connection):
    publish(connection, some_children(15))
    done = write(settings)
    assert done.student_count == 0
    assert as_analyst(connection, "select from analytics.metric") == []
    assert as_analyst(connection, "select from analytics.student") == []


def test_a_fault_leaves_the_tables_as_they_were(settings, connection, monkeypatch):
    publish(connection, some_children())
    write(settings)
    before = counts(connection)
    publish(connection, some_children(seed=2), as_of=MONDAY + timedelta(days=40))
    nothing = analytics.Hidden()
    monkeypatch.setattr(analytics, "hide_counts", lambda *a, **k: nothing)
    with pytest.raises(ReleaseRejected, match="smaller than the policy"):
        write(settings, as_of=MONDAY + timedelta(days=40))
    assert counts(connection) == before


def test_only_analysts_read_the_tables(settings, connection):
    for role in ("coordinator", "engineer", "loader", "builder", "auditor"):
        connection.execute(f"set role wraparound_{role}")
        connection.commit()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select from analytics.metric")
        connection.rollback()
