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
    assert write(settings) == analytics.Analysed(is_new=True, student_count=440)
    assert len(as_analyst(connection, "select * from analytics.student")) == 440
    rows = as_analyst(connection, "select distinct metric from analytics.metric")
    assert {row["metric"] for row in rows} == {"students", *analytics.COUNTED}


def test_a_child_at_two_schools_is_no_difference_between_the_tables(settings, connection):
    """Else what is one more in the counts than in the lines is what is known of this child."""
    children = some_children()
    child = next(c for c in children if c["school_key"] == 1 and c["grade_level"] == "04")
    other = {"school_key": 2, "school_source_id": "T-ELM", "suggested_tier": "2b"}
    publish(connection, [*children, {**child, **other}])
    write(settings)
    lines = Counter(
        (row["grade_band"], row["suggested_tier"])
        for row in as_analyst(connection, "select * from analytics.student")
    )
    told = {
        (group, category): n
        for (breakdown, group, category), n in counts(connection).items()
        if breakdown == "grade_band" and n
    }
    assert told
    assert {cell: lines[cell] for cell in told} == told


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


AGES = {4: "0-4", 5: "5-7", 7: "5-7", 8: "8-10", 17: "14-17", 18: "18+", None: None}


def ages_told(connection):
    query = "select grade_band, age_band, count(*) as n from analytics.student group by 1, 2"
    return {(r["grade_band"], r["age_band"]): r["n"] for r in as_analyst(connection, query)}


def test_an_age_is_told_where_it_is_not_that_of_a_few(settings, connection):
    ash = {"school_key": 1, "school_source_id": "T-ASH"}
    children = [child | ash for child in some_children()]
    publish(connection, children)
    write(settings)
    true = Counter((sorted_by_hand(c)[0]["grade_band"], AGES[c["age_years"]]) for c in children)
    told = {pair: n for pair, n in ages_told(connection).items() if pair[1] is not None}
    assert told
    assert told == {pair: true[pair] for pair in told}
    assert min(told.values()) >= 20 > min(true.values())


def test_the_one_child_of_a_strange_age_does_not_stand_out_by_having_none(settings, connection):
    children = [c | {"grade_level": "04", "age_years": 8 + n % 2} for n, c in
                enumerate(some_children())]  # fmt: skip
    for child in children[:30]:
        child["age_years"] = 11
    children[30]["age_years"] = 14
    publish(connection, children)
    write(settings)
    assert ages_told(connection) == {("3-5", "8-10"): 369, ("3-5", None): 31}


def with_a_high_school(children):
    """All children of the third school are in grade 9 to 12, enough of them."""
    for number, child in enumerate(children):
        if child["school_key"] == 3 or number % 4 == 0:
            high = {"school_key": 3, "school_source_id": "T-FIR", "grade_level": "09"}
            child.update(high)
        else:
            child["grade_level"] = ("01", "04")[child["student_key"] % 2]
    return children


def test_a_child_of_a_grade_that_its_school_has_not_is_no_difference(settings, connection):
    """The band 9-12 is the high school, and one child more: nobody else counts there."""
    children = with_a_high_school(some_children())
    strange = next(child for child in children if child["school_key"] == 1)
    strange["grade_level"] = "10"
    publish(connection, children)
    write(settings)
    for metric in ("students", "suggested_tier"):
        told = counts(connection, metric)
        of_school = {c: n for (b, g, c), n in told.items() if (b, g) == ("school", "T-FIR")}
        of_band = {c: n for (b, g, c), n in told.items() if (b, g) == ("grade_band", "9-12")}
        assert of_band in (of_school, {})
    assert ("grade_band", "9-12", "enrolled") in counts(connection, "students")


def test_a_band_that_minus_a_school_is_four_children_is_withheld(settings, connection):
    """The first school is all of K-2 but four, of a school that is small in each band."""
    children = with_a_high_school(some_children())
    small = [child for child in children if child["school_key"] == 2][:19]
    for child in children:
        if child["school_key"] == 2:
            child.update(school_key=1, school_source_id="T-ASH")
        if child["school_key"] == 1:
            child["grade_level"] = "01"
    for number, child in enumerate(small):
        elm = {"school_key": 2, "school_source_id": "T-ELM"}
        child.update(grade_level="04" if number > 3 else "01", **elm)
    publish(connection, children)
    write(settings)
    rows = as_analyst(connection, "select distinct breakdown from analytics.metric")
    assert "school" in {row["breakdown"] for row in rows}
    assert "grade_band" not in {row["breakdown"] for row in rows}


def test_bands_that_minus_schools_are_a_few_children_are_withheld(settings, connection):
    """The first school goes on to grade 8, where two of sixty have a concern."""
    children = with_a_high_school(some_children(800))
    for child in children:
        child["family"] = "no_concern" if child["student_key"] % 4 else "severe"
        if child["school_key"] == 2:
            child["grade_level"] = "07"
    for number, child in enumerate([c for c in children if c["school_key"] == 1][:60]):
        child.update(grade_level="07", family="no_concern" if number > 1 else "severe")
    publish(connection, children)
    write(settings)
    breakdowns = {b for b, _, _ in counts(connection, "family")}
    assert "school" in breakdowns
    assert "grade_band" not in breakdowns
    assert "grade_band" in {b for b, _, _ in counts(connection, "students")}
    rows = as_analyst(connection, "select from analytics.student where family is not null")
    assert rows == []


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
    known = {
        analytics.pseudonym(c["student_key"], c["school_source_id"], key=key, release_id=1)
        for c in some_children(60)
    }
    rows = as_analyst(connection, "select pseudonym from analytics.student")
    assert {row["pseudonym"] for row in rows} == known
    assert analytics.pseudonym_key(settings) == key
    assert analytics.pseudonym(1, "T-ASH", key=key, release_id=2) not in known


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


def test_a_key_that_others_can_read_or_guess_is_no_key(settings):
    analytics.pseudonym_key(settings)
    path = settings.run_dir / analytics.KEY_FILE
    path.chmod(0o644)
    with pytest.raises(ReleaseRejected, match="chmod 600"):
        analytics.pseudonym_key(settings)
    path.chmod(0o600)
    path.write_bytes(b"")
    with pytest.raises(ReleaseRejected, match="no whole key"):
        analytics.pseudonym_key(settings)


def test_the_tables_stand_still_so_that_no_two_nights_can_be_compared(settings, connection):
    """One child comes to a large school: a count that is one higher says what is known of it."""
    publish(connection, some_children())
    write(settings)
    before, children = counts(connection), [*some_children(), a_child(random.Random(5), 401)]
    last = MONDAY + timedelta(days=CHOICE.snapshot_days - 1)
    for night in (MONDAY + timedelta(days=1), MONDAY - timedelta(days=1), last):
        publish(connection, children, as_of=night)
        assert write(settings, as_of=night) == analytics.Analysed(is_new=False, student_count=0)
        assert counts(connection) == before
    due = MONDAY + timedelta(days=CHOICE.snapshot_days)
    publish(connection, children, as_of=due)
    assert write(settings, as_of=due).is_new
    after = counts(connection)
    assert after != before
    # However far back: the counts of that Monday were told, and one child has come since.
    publish(connection, children[1:], as_of=MONDAY)
    assert not write(settings, as_of=MONDAY).is_new
    assert counts(connection) == after


def test_a_count_that_became_small_is_hidden_although_it_was_told(settings, connection):
    publish(connection, [child | {"suggested_tier": "1"} for child in some_children()])
    write(settings)
    children = [child | {"suggested_tier": "1"} for child in some_children()]
    for child in children[:5]:
        child["suggested_tier"] = "3"
    later = MONDAY + timedelta(days=CHOICE.snapshot_days)
    publish(connection, children, as_of=later)
    write(settings, as_of=later)
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


def test_zeros_that_were_told_beside_bounds_are_told_no_longer(settings, connection):
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
    write(settings, choice=choice, as_of=MONDAY + timedelta(days=1))
    assert as_analyst(connection, "select from analytics.metric where student_count = 0") == []


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
