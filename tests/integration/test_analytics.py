"""What analysts see: no child, no small count, and nothing to subtract one night from another."""

import random
import stat
from collections import Counter
from datetime import date, timedelta

import psycopg
import pytest

from lib.release_builders import ASchool, add_finding, build_reports, freeze_audited
from wraparound.contracts.leaving import Analytics
from wraparound.errors import ReleaseRejected
from wraparound.publishing import analytics
from wraparound.publishing.releases import publish_release
from wraparound.publishing.suppression import hide_counts
from wraparound.warehouse import connection as connections
from wraparound.warehouse import roles

MONDAY = date(2026, 11, 2)
SCHOOLS = tuple(ASchool(n, f"T-{name}", 0) for n, name in enumerate(("ASH", "ELM", "FIR"), 1))
CHOICE = Analytics()
DOMAINS = analytics.DOMAINS


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
        **{d: chance.choices(("no_concern", "mild", "severe"), (70, 25, 3))[0] for d in DOMAINS},
        "age_years": chance.choices((4, 5, 7, 8, 17, 18, None), (9, 9, 9, 9, 9, 9, 1))[0],
    }


def some_children(number=400, seed=1):
    chance = random.Random(seed)
    return [a_child(chance, n) for n in range(1, number + 1)]


def at_two_schools(children):
    """Add that some of the first school go to the second as well, and stand there otherwise."""
    both = [child for child in children if child["school_key"] == 1][:40]
    other = {"school_key": 2, "school_source_id": "T-ELM", "tier_movement": "more_support"}
    return [*children, *({**child, **other, **dict.fromkeys(DOMAINS, "mild")} for child in both)]


def publish(connection, children, *, as_of=MONDAY, held=None):
    """Publish lists that hold exactly these children; a school that is held keeps its last."""
    build_reports(connection, *SCHOOLS, as_of=as_of)
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into reports.rpt_students (student_key, student_source_id, student_name,"
            " school_key, school_source_id, as_of_date, grade_level, home_language, age_years,"
            " is_chronically_absent, suggested_tier) values (%(student_key)s,"
            " %(student_source_id)s, %(student_name)s, %(school_key)s, %(school_source_id)s,"
            " %(as_of)s, %(grade_level)s, %(home_language)s, %(age_years)s,"
            " %(is_chronically_absent)s, %(suggested_tier)s)",
            [{**child, "as_of": as_of} for child in children],
        )
        cursor.executemany(
            "insert into reports.rpt_need_profiles (student_key, student_source_id, school_key,"
            " school_source_id, as_of_date, domain, level) values (%(student_key)s,"
            " %(student_source_id)s, %(school_key)s, %(school_source_id)s, %(as_of)s,"
            " %(domain)s, %(level)s)",
            [
                {**child, "as_of": as_of, "domain": domain, "level": child[domain]}
                for child in children
                for domain in DOMAINS
            ],
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
    candidate = freeze_audited(connection, as_of=as_of)
    if held is not None:
        add_finding(connection, candidate, school=held)
    publish_release(connection, candidate.release_id)
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
    publish(connection, at_two_schools(some_children()))
    done = write(settings)
    assert done.moved == ("students", *analytics.COUNTED)
    assert (done.waiting, done.student_count) == ((), 400)
    assert len(as_analyst(connection, "select * from analytics.student")) == 400


SORTED_BY = ("all", "school", "grade_band", "home_language", "race_ethnicity", "english_learner")
ABSENCE = {True: "chronically_absent", False: "not_chronically_absent", None: "not_enough_days"}


def sorted_by_hand(child):
    """The group of each breakdown and the category of each metric that a child counts in."""
    groups = {
        "all": "all",
        "school": child["school_source_id"],
        "grade_band": next(b for b, g in CHOICE.grade_bands.items() if child["grade_level"] in g),
        "home_language": child["home_language"] or "not_known",
        **{name: child[name] for name in ("race_ethnicity", "english_learner")},
    }
    asked = ("suggested_tier", "tier_movement", *DOMAINS)
    answers = {name: child[name] for name in asked}
    return groups, {**answers, "attendance": ABSENCE[child["is_chronically_absent"]]}


def test_what_is_told_is_right_and_what_is_hidden_is_null(settings, connection):
    children = at_two_schools(some_children())
    publish(connection, children)
    write(settings)
    true = Counter()
    for groups, answers in map(sorted_by_hand, children):
        true.update((m, c, b, g) for m, c in answers.items() for b, g in groups.items())
    rows = as_analyst(connection, "select * from analytics.metric")
    asked = {metric for metric, *_ in true}
    cells = [row for row in rows if row["metric"] in asked and row["breakdown"] in SORTED_BY]
    assert {(row["metric"], row["is_suppressed"]) for row in cells} >= {(m, False) for m in asked}
    assert {row["breakdown"] for row in cells if row["is_suppressed"]} == {*SORTED_BY[1:]}
    for row in cells:
        count = true[row["metric"], row["category"], row["breakdown"], row["group_value"]]
        if row["is_suppressed"]:
            assert (row["student_count"], row["rate"]) == (None, None)
        else:
            assert row["student_count"] == count
            assert count == 0 or count >= CHOICE.policy.numerator_minimum


def test_a_held_school_counts_with_its_last_good_list(settings, connection):
    publish(connection, some_children())
    later, children = MONDAY + timedelta(days=1), some_children(seed=2)
    publish(connection, children, as_of=later, held=SCHOOLS[1])
    shown = [c for c in children if c["school_key"] != 2]
    shown += [c for c in some_children() if c["school_key"] == 2]
    write(settings, as_of=later)
    query = "select * from analytics.metric where metric = 'students' and breakdown = 'school'"
    assert {
        r["group_value"]: r["student_count"] for r in as_analyst(connection, query)
    } == Counter(child["school_source_id"] for child in shown)


def test_an_age_is_told_where_it_is_not_that_of_a_few(settings, connection):
    children = some_children()
    publish(connection, children)
    write(settings)
    bands = {4: "0-4", 5: "5-7", 7: "5-7", 8: "8-10", 17: "14-17", 18: "18+", None: None}
    true = Counter((sorted_by_hand(c)[0]["grade_band"], bands[c["age_years"]]) for c in children)
    query = "select grade_band, age_band, count(*) as n from analytics.student group by 1, 2"
    told = {(r["grade_band"], r["age_band"]): r["n"] for r in as_analyst(connection, query)}
    known = {pair: n for pair, n in true.items() if pair[1] is not None}
    assert {pair: n for pair, n in told.items() if pair[1] is not None} == {
        pair: n for pair, n in known.items() if not CHOICE.policy.is_small_group(n)
    }
    assert min(known.values()) < 20


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


def test_students_are_written_some_at_a_time_and_lie_in_the_order_of_no_list(
    settings, connection, monkeypatch
):
    held = []
    real = analytics.islice
    monkeypatch.setattr(analytics, "FETCHED", 7)
    monkeypatch.setattr(analytics, "islice", lambda *words: held.append(1) or real(*words))
    publish(connection, some_children(60))

    assert write(settings).student_count == 60

    rows = as_analyst(connection, "select pseudonym from analytics.student order by ctid")
    pseudonyms = [row["pseudonym"] for row in rows]
    assert pseudonyms == sorted(set(pseudonyms))
    assert len(pseudonyms) == 60
    assert len(held) == 60 // 7 + 2


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


def test_zeros_that_were_told_beside_bounds_are_told_no_longer(settings, connection, monkeypatch):
    """As an earlier version told them; to wait would be to let them stand."""
    publish(connection, some_children())
    choice = Analytics(suppression="utah")
    write(settings, choice=choice)
    one = "metric = 'family' and breakdown = 'school' and category = 'severe'"
    connection.execute(
        "update analytics.metric set student_count = 0, rate = 0, rate_bound = null,"
        f" is_suppressed = false where {one}"
    )
    connection.commit()
    monkeypatch.setattr(analytics, "may_move_on", waits_for_yesterday)
    write(settings, choice=choice, as_of=MONDAY + timedelta(days=1))
    assert as_analyst(connection, "select from analytics.metric where student_count = 0") == []


def waits_for_yesterday(metric, policy, *, groups, last):
    return None if last else hide_counts(metric, policy, groups=groups)


def test_a_bound_that_was_told_is_known_the_next_night(settings, connection):
    publish(connection, some_children())
    write(settings, choice=Analytics(suppression="utah"))
    rows = as_analyst(
        connection,
        "select breakdown, group_value, category from analytics.metric"
        " where metric = 'family' and rate_bound is not null",
    )
    with connections.connect(settings, role=roles.PUBLISHER) as publisher:
        analytics._gather(publisher, CHOICE)
        last = analytics._snapshot(publisher, analytics._count(publisher, "family"))
    assert last.hidden.bounded == {tuple(row.values()) for row in rows} != set()


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
