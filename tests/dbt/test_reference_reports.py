"""Every published rate of the reports and metrics, once more in plain Python from the files."""

import csv
import math
from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest

from lib.attendance_reference import (
    AS_OF,
    PRESETS,
    days_of,
    expected_rows,
    school_days,
    stays,
    users,
)
from lib.district_builders import records
from lib.release_builders import PROJECT_ROOT
from wraparound.warehouse import connection as connections

DEFINITIONS = PRESETS["connecticut"]
WEEKS_SHOWN = 12
OUT_OF_SCHOOL = ("Out of School", "Expulsion")
RACES = {
    "americanIndianOrAlaskaNative": "american_indian_or_alaska_native",
    "asian": "asian",
    "blackOrAfricanAmerican": "black_or_african_american",
    "nativeHawaiianOrOtherPacificIslander": "native_hawaiian_or_other_pacific_islander",
    "white": "white",
}


def asked(settings, statement):
    with connections.connect(settings) as connection:
        return connection.execute(statement).fetchall()


def rounded(share, *, digits):
    """As SQL rounds a number: half away from nought."""
    exact = Decimal(share.numerator) / Decimal(share.denominator)
    return exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


@pytest.fixture(scope="module")
def placed(town):
    """(student, school) of every stay that holds the day."""
    return {
        key
        for key, pairs in stays(town).items()
        if any(begin <= AS_OF.isoformat() < end for begin, end in pairs)
    }


@pytest.fixture(scope="module")
def attendance(town):
    return expected_rows(town, definitions=DEFINITIONS)


# ------------------------------------------------------------------ what lists show


def test_every_child_is_listed_once_at_each_school(built_town, placed):
    rows = asked(
        built_town, "select student_source_id, school_source_id from reports.rpt_students"
    )

    assert sorted(tuple(row.values()) for row in rows) == sorted(placed)


def test_absence_rates_of_the_list_are_the_references(built_town, attendance):
    rows = asked(
        built_town,
        "select student_source_id, days_absent, days_enrolled, absence_rate, attendance_band,"
        " is_chronically_absent from reports.rpt_students",
    )

    assert rows
    for row in rows:
        wanted = attendance.get((row["student_source_id"], "district", None))
        if wanted is None:
            assert (row["days_enrolled"], row["absence_rate"]) == (0, None)
            continue
        assert row["absence_rate"] == rounded(wanted["rate"], digits=6)
        for name in ("days_absent", "days_enrolled", "attendance_band", "is_chronically_absent"):
            assert row[name] == wanted[name]


def test_the_line_of_weeks_is_the_references(built_town, town):
    days, last = school_days(town)
    kinds = defaultdict(lambda: defaultdict(list))
    for (student, school, day), kind in days_of(town, definitions=DEFINITIONS).items():
        kinds[student, school][monday_of(day)].append(kind in (None, "tardy"))
    rows = asked(
        built_town,
        "select student_source_id, school_source_id, weekly_attendance from reports.rpt_students",
    )

    for row in rows:
        key = row["student_source_id"], row["school_source_id"]
        held = {monday_of(day) for day in days[key[1]] if day <= last[key[1]]}
        wanted = {week: share_of(kinds[key][week]) for week in sorted(held)[-WEEKS_SHOWN:]}
        told = {week["week_of"]: week["share"] for week in row["weekly_attendance"]}
        assert {week: share and Decimal(str(share)) for week, share in told.items()} == wanted


def monday_of(day):
    found = date.fromisoformat(day)
    return (found - timedelta(days=found.weekday())).isoformat()


def share_of(present):
    return rounded(Fraction(sum(present), len(present)), digits=2) if present else None


def test_average_marks_in_the_evidence_are_the_references(built_town, town):
    sums = marks_of(town)
    rows = asked(
        built_town,
        "select student_source_id, signal from reports.rpt_need_profiles,"
        " jsonb_array_elements(evidence) as signal"
        " where signal ->> 'rule_id' in ('GR-02', 'GR-S1', 'average_mark')",
    )

    assert {row["student_source_id"] for row in rows} <= sums.keys()
    for row in rows:
        earned, possible = sums[row["student_source_id"]]
        told = Decimal(str(row["signal"]["value"]))
        share = Fraction(earned, possible)
        if row["signal"]["comparison"] == "<":
            assert told == Fraction(math.floor(share * 10_000), 10_000)
        else:
            assert told == rounded(share, digits=4)


def marks_of(town):
    """student -> points earned and possible in all finished work."""
    highest = {
        row["sourcedId"]: Fraction(row["resultValueMax"])
        for row in records(town / "grades.zip", "lineItems.csv")
    }
    sums = defaultdict(lambda: (Fraction(0), Fraction(0)))
    for row in records(town / "grades.zip", "results.csv"):
        if row["scoreStatus"] == "fully graded" and row["scoreDate"] <= AS_OF.isoformat():
            earned, possible = sums[row["studentSourcedId"]]
            sums[row["studentSourcedId"]] = (
                earned + Fraction(row["score"]),
                possible + highest[row["lineItemSourcedId"]],
            )
    return sums


# ------------------------------------------------------------------ metrics by group


def groups_of(town):
    """student -> {(group kind, group)}, each child once in each kind."""
    programs = defaultdict(set)
    for row in records(town / "programs.csv"):
        if row["beginDate"] <= AS_OF.isoformat() <= (row["endDate"] or "9999"):
            programs[row["studentUniqueId"]].add(row["programTypeDescriptor"])
    people = {
        row["sourcedId"]: row for row in records(town / "roster.zip", "demographics.csv")
    }  # fmt: skip
    found = {}
    for user in users(town):
        student = user["sourcedId"]
        joined = programs[student]
        learner = "English as a Second Language (ESL)" in joined
        special = "Special Education" in joined
        poor = "School Food Services" in joined
        found[student] = {
            ("all", "all"),
            ("race_ethnicity", race_of(people[student])),
            ("residency", people[student]["publicSchoolResidenceStatus"] or "not_known"),
            ("economic_status", "disadvantaged" if poor else "not_disadvantaged"),
            ("english_learner", "english_learner" if learner else "not_english_learner"),
            ("special_education", "special_education" if special else "no_special_education"),
        }
    return found


def race_of(person):
    if person["hispanicOrLatinoEthnicity"] == "true":
        return "hispanic_or_latino"
    stated = [word for column, word in RACES.items() if person[column] == "true"]
    if person["demographicRaceTwoOrMoreRaces"] == "true" or len(stated) > 1:
        return "two_or_more_races"
    return stated[0] if stated else "not_known"


def chronic_facts(town, *, attendance, placed):
    """(student, school or None) -> whether chronically absent, where it can be said."""
    return {
        (student, school): int(row["is_chronically_absent"])
        for (student, _, school), row in attendance.items()
        if row["is_chronically_absent"] is not None
    }


def suspension_facts(town, *, attendance, placed):
    """(student, school or None) -> events, of everybody who was enrolled by the day."""
    events = {
        (row["studentUniqueId"], row["responsibilitySchoolId"], row["disciplineActionIdentifier"])
        for row in records(town / "discipline.zip", "disciplineActions.csv")
        if row["disciplineDescriptor"].startswith(OUT_OF_SCHOOL)
    }
    here = {
        key
        for key, pairs in stays(town).items()
        if any(begin <= AS_OF.isoformat() for begin, _ in pairs)
    }
    found = {key: sum((s, k) == key for s, k, _ in events) for key in here}
    for student in {student for student, _ in here}:
        found[student, None] = sum(s == student for s, _, _ in events)
    return found


def reading_facts(town, *, attendance, placed):
    """(student, school or None) -> whether the latest reading of grade 3 is level 3 or above."""
    latest = {}
    for row in records(town / "assessments.csv"):
        if row["academicSubject"] == "Reading":
            key = row["studentUniqueId"]
            told = row["administrationDate"], row["performanceLevelDescriptor"]
            latest[key] = max(latest.get(key, told), told)
    third = {row["sourcedId"] for row in users(town) if row["grades"] == "03"}
    facts = {
        (student, school): int(latest[student][1] in ("Level 3", "Level 4"))
        for student, school in placed
        if student in third and student in latest
    }
    return facts | {(student, None): value for (student, _), value in facts.items()}


def plan_facts(town, *, attendance, placed):
    """(student, school or None) -> whether there is a plan and its adult works at the school."""
    upper = {row["sourcedId"] for row in users(town) if row["grades"].isdigit()
             and 6 <= int(row["grades"]) <= 12}  # fmt: skip
    staff = {
        (row["staff_id"], row["school_id"])
        for row in records(town / "staff.csv")
        if row["begin_date"] <= AS_OF.isoformat() < (row["end_date"] or "9999")
    }
    adult = {
        row["student_id"]: row["caring_adult_staff_id"] for row in records(town / "plans.csv")
    }
    facts = {
        (student, school): int((adult.get(student), school) in staff)
        for student, school in placed
        if student in upper
    }
    best = defaultdict(int)
    for (student, _), value in facts.items():
        best[student, None] = max(best[student, None], value)
    return facts | best


def algebra_facts(town, *, attendance, placed):
    """(student, school or None) -> whether Algebra 1 was passed with C or better by grade 9."""
    passed, known = set(), set()
    for row in records(town / "transcripts.csv"):
        known.add(row["studentUniqueId"])
        early = row["whenTakenGradeLevelDescriptor"] in ("07", "08", "09")
        good = row["finalLetterGradeEarned"] in ("A", "B", "C")
        if row["courseTitle"] == "Algebra 1" and early and good:
            passed.add(row["studentUniqueId"])
    tenth = {row["sourcedId"] for row in users(town) if row["grades"] == "10"} & known
    facts = {
        (student, school): int(student in passed) for student, school in placed if student in tenth
    }
    return facts | {(student, None): value for (student, _), value in facts.items()}


FACTS = {
    "chronic_absenteeism": chronic_facts,
    "oss_events": suspension_facts,
    "grade_3_reading": reading_facts,
    "algebra_1_by_grade_9": algebra_facts,
    "success_plan_and_adult": plan_facts,
}


def test_every_computed_metric_has_a_reference():
    with (PROJECT_ROOT / "dbt_project/seeds/metrics.csv").open(encoding="utf-8") as lines:
        computed = {
            row["metric_id"] for row in csv.DictReader(lines) if row["is_computed"] == "true"
        }

    assert computed == set(FACTS)


@pytest.mark.parametrize("metric", FACTS)
def test_metrics_by_school_and_group_are_the_references(
    built_town, town, attendance, placed, metric
):
    facts, groups = FACTS[metric](town, attendance=attendance, placed=placed), groups_of(town)
    sums = defaultdict(lambda: [0, 0])
    for (student, school), numerator in facts.items():
        for kind, group in groups[student]:
            sums[school, kind, group][0] += numerator
            sums[school, kind, group][1] += 1
    rows = asked(
        built_town,
        "select school_source_id, group_kind, student_group, numerator, denominator,"
        f" metric_value, unit from marts.fct_metrics where metric_id = '{metric}'",
    )

    assert {
        (row["school_source_id"], row["group_kind"], row["student_group"]): [
            row["numerator"],
            row["denominator"],
        ]
        for row in rows
        if row["denominator"]
    } == dict(sums)
    for row in rows:
        if not row["denominator"]:
            assert row["metric_value"] is None
            continue
        share = Fraction(100 * int(row["numerator"]), row["denominator"])
        wanted = row["numerator"] if row["unit"] == "event" else rounded(share, digits=9)
        assert row["metric_value"] == wanted or round(row["metric_value"], 9) == wanted
