"""Every published rate of attendance, once more in plain Python from the files as delivered.

The reference knows the definitions and nothing of the models: it reads the same files, walks
day by day and child by child, and must come to the same numbers exactly.
"""

import csv
import os
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from lib.district_builders import a_district, records
from lib.release_builders import PROJECT_ROOT, a_server
from wraparound.orchestration import nights
from wraparound.warehouse import connection as connections

PROJECT = PROJECT_ROOT / "dbt_project"
AS_OF = date(2026, 2, 20)
WANTED = ("fct_attendance_to_date", "fct_truancy_to_date")
INSTRUCTIONAL = {"Instructional day", "Make-up day", "Student late arrival/early dismissal"}
# First match wins: a closed day stays closed, unless it is made up.
CALENDAR_ORDER = ("Make-up day", "Weather day", "Emergency day", "Strike", "Instructional day")
# What is said of a part of a day corrects what is said of the whole.
WHOLE_DAY_ORDER = {"Excused Absence": 1, "Unexcused Absence": 2}
BELOW_KINDERGARTEN = {"IT", "PR", "PK", "TK"}
BANDS = ((20, "severe"), (10, "moderate"), (5, "at_risk"), (0, "satisfactory"))


@dataclass(frozen=True)
class Definitions:
    """The part of a preset that attendance knows, written down a second time."""

    minimum_days: int = 10
    present_from: Fraction = Fraction(1, 2)
    exactly_is_present: bool = True
    youngest_uncounted: frozenset[str] = frozenset(BELOW_KINDERGARTEN)
    truancy_month: int | None = 4
    truancy_year: int | None = 10
    truancy_ages: tuple[int, int] = (5, 18)


PRESETS = {
    "connecticut": Definitions(),
    "edfacts": Definitions(exactly_is_present=False, truancy_month=None, truancy_year=None),
    "california": Definitions(
        minimum_days=31,
        present_from=Fraction(0),
        exactly_is_present=False,
        youngest_uncounted=frozenset({"IT", "PR", "PK"}),
        truancy_month=None,
        truancy_year=3,
        truancy_ages=(6, 17),
    ),
    "new_jersey": Definitions(minimum_days=45, truancy_month=None, truancy_ages=(6, 15)),
    "nyc": Definitions(minimum_days=20, truancy_month=None, truancy_year=None),
}


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A small district's files."""
    folder = tmp_path_factory.mktemp("town")
    return a_district(folder, schools=3, students=150, through=AS_OF)


@pytest.fixture(scope="module")
def warehouse(town):
    """Settings of a warehouse into which the town's files were loaded, seeds planted."""
    with a_server() as settings:
        settings.make_folders()
        nights.land(settings, [town])
        nights.ingest(settings)
        run_dbt(settings, "seed")
        yield settings


def run_dbt(settings, command, *words):
    target = str(settings.home / "dbt-reference")
    environment = {
        **os.environ,
        **connections.dbt_environment(settings),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_TARGET_PATH": target,
        "DBT_LOG_PATH": target,
        "DO_NOT_TRACK": "1",
        "WRAPAROUND_AS_OF_DATE": AS_OF.isoformat(),
        "WRAPAROUND_PREVIOUS_AS_OF_DATE": "",
    }
    dbt = str(Path(sys.executable).with_name("dbt"))
    line = [dbt, command, "--quiet", "--project-dir", str(PROJECT), *words]
    done = subprocess.run(
        line, env=environment, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stdout[-2000:]


# The other two differ from these in numbers only, not in how a day is read.
@pytest.fixture(scope="module", params=["connecticut", "edfacts", "california"])
def answers(request, warehouse):
    """The models' rows under one preset, and its name."""
    preset = request.param
    with connections.connect(warehouse) as connection:
        connection.execute(
            "update seeds.settings set setting_value = %s where setting_id = 'attendance_preset'",
            (preset,),
        )
    # The first run makes everything; a preset moves only what reads the settings.
    first = preset == next(iter(PRESETS))
    chosen = [f"+{name}" for name in WANTED] if first else CHANGED
    run_dbt(warehouse, "run", "--select", *chosen)
    with connections.connect(warehouse) as connection:
        to_date, truancy = (
            connection.execute(f"select * from marts.{name}").fetchall() for name in WANTED
        )
    return preset, to_date, truancy


CHANGED = (
    "int_settings_pivoted",
    "int_students_identified",
    "int_attendance_events_decided",
    "int_suspension_days_expanded",
    "int_attendance_exceptions_placed",
    "fct_attendance_days",
    "int_attendance_by_school_summed",
    "int_attendance_in_district_summed",
    "int_attendance_counts_united",
    *WANTED,
)


def stays(town):
    """(student, school) -> half-open pairs of ISO dates, from classes and their terms."""
    terms = {
        row["sourcedId"]: (row["startDate"], row["endDate"])
        for row in records(town / "roster.zip", "academicSessions.csv")
    }
    windows = {}
    for row in records(town / "roster.zip", "classes.csv"):
        held = [terms[term] for term in row["termSourcedIds"].split(",")]
        windows[row["sourcedId"]] = (min(a for a, _ in held), max(b for _, b in held))
    found = defaultdict(set)
    for row in records(town / "roster.zip", "enrollments.csv"):
        if row["role"] == "student":
            begin, end = windows[row["classSourcedId"]]
            pair = (row["beginDate"] or begin, row["endDate"] or end)
            found[row["userSourcedId"], row["schoolSourcedId"]].add(pair)
    return found


def school_days(town):
    """School -> its instructional days up to the last one that it sent anything for."""
    events = defaultdict(set)
    for row in records(town / "calendar.csv"):
        events[row["schoolId"], row["date"]].add(row["calendarEventDescriptor"])
    days = defaultdict(list)
    for (school, day), words in events.items():
        first = next((word for word in CALENDAR_ORDER if word in words), None)
        if (first or min(words)) in INSTRUCTIONAL:
            days[school].append(day)
    sent = defaultdict(set)
    for row in records(town / "attendance.csv"):
        sent[row["schoolId"]].add(row["eventDate"])
    last = {
        school: max(set(days[school]) & {day for day in sent[school] if day <= str(AS_OF)})
        for school in days
    }
    return {school: sorted(days[school]) for school in days}, last


def missed_shares(town):
    """(student, school, day) -> (code, share missed) of the event that decides."""
    found = {}
    for row in records(town / "attendance.csv"):
        code, length = row["attendanceEventCategoryDescriptor"], row["eventDuration"]
        missed = Fraction(length) if length else Fraction(code in WHOLE_DAY_ORDER)
        rank = (WHOLE_DAY_ORDER.get(code, 0), -missed, code)
        key = (row["studentUniqueId"], row["schoolId"], row["eventDate"])
        if key not in found or rank < found[key][0]:
            found[key] = (rank, code, missed)
    return {key: (code, missed) for key, (_, code, missed) in found.items()}


def suspended_days(town, *, days, definitions):
    """(student, school, day) of every day of an out-of-school suspension or expulsion."""
    found = set()
    for row in records(town / "discipline.zip", "disciplineActions.csv"):
        kind = row["disciplineDescriptor"]
        if not kind.startswith(("Out of School", "Expulsion")):
            continue
        school = row["responsibilitySchoolId"]
        length = Fraction(row["actualDisciplineActionLength"] or 1)
        whole, part = length // 1, length % 1
        count = whole + (not is_present(1 - part, definitions=definitions))
        later = [day for day in days[school] if day >= row["disciplineDate"]]
        found |= {(row["studentUniqueId"], school, day) for day in later[:count]}
    return found


def is_present(attended, *, definitions):
    if attended == definitions.present_from:
        return definitions.exactly_is_present
    return attended > definitions.present_from


def days_of(town, *, definitions):
    """(student, school, day) -> None, 'tardy' or the kind of absence, for enrolled days."""
    days, last = school_days(town)
    missed = missed_shares(town)
    suspended = suspended_days(town, days=days, definitions=definitions)
    found = {}
    for (student, school), pairs in stays(town).items():
        for day in days[school]:
            if day > last[school] or not any(a <= day < b for a, b in pairs):
                continue
            key = (student, school, day)
            code, share = missed.get(key, ("", Fraction(0)))
            absent = not is_present(1 - share, definitions=definitions)
            kind = "excused" if code.startswith("Excused") else "unexcused"
            late = "tardy" if code == "Tardy" else None
            found[key] = "suspension" if key in suspended else kind if absent else late
    return found


def counts_of(kinds):
    kinds = list(kinds)
    split = {kind: kinds.count(kind) for kind in ("excused", "unexcused", "suspension")}
    return {
        "days_enrolled": len(kinds),
        "days_absent": sum(split.values()),
        **{f"days_absent_{kind}": count for kind, count in split.items()},
        "days_tardy": kinds.count("tardy"),
    }


def united(kinds):
    """The one answer of a date at several schools: absent when absent at all of them."""
    if all(kind not in (None, "tardy") for kind in kinds):
        return max(kinds)
    return "tardy" if "tardy" in kinds else None


def expected_rows(town, *, definitions):
    """(student, scope, school) -> counts, rate, band and flag."""
    at_school, dates = defaultdict(list), defaultdict(lambda: defaultdict(list))
    for (student, school, day), kind in days_of(town, definitions=definitions).items():
        at_school[student, "school", school].append(kind)
        dates[student][day].append(kind)
    for student, by_date in dates.items():
        at_school[student, "district", None] = [united(kinds) for kinds in by_date.values()]
    grades = {row["sourcedId"]: row["grades"] for row in users(town)}
    return {
        key: judged(counts_of(kinds), grade=grades[key[0]], definitions=definitions)
        for key, kinds in at_school.items()
    }


def users(town):
    return [row for row in records(town / "roster.zip", "users.csv") if row["role"] == "student"]


def judged(counts, *, grade, definitions):
    enrolled, absent = counts["days_enrolled"], counts["days_absent"]
    enough = enrolled >= definitions.minimum_days
    counted = enough and grade not in definitions.youngest_uncounted
    band = next(word for share, word in BANDS if absent * 100 >= share * enrolled)
    return counts | {
        "rate": Fraction(absent, enrolled),
        "has_sufficient_days": enough,
        "attendance_band": band if enough else "insufficient_days",
        "is_chronically_absent": 10 * absent >= enrolled if counted else None,
    }


def test_every_count_band_and_flag_is_the_references(answers, town):
    preset, to_date, _ = answers
    expected = expected_rows(town, definitions=PRESETS[preset])
    # A stay that has not begun a school day has nothing to say.
    rows = {
        (row["student_source_id"], row["scope"], row["school_source_id"]): row
        for row in to_date
        if row["days_enrolled"] > 0
    }

    assert rows.keys() == expected.keys()
    for key, wanted in expected.items():
        assert {name: rows[key][name] for name in wanted if name != "rate"} == {
            name: value for name, value in wanted.items() if name != "rate"
        }


def test_every_rate_is_the_references(answers, town):
    preset, to_date, _ = answers
    expected = expected_rows(town, definitions=PRESETS[preset])

    for row in to_date:
        key = (row["student_source_id"], row["scope"], row["school_source_id"])
        if row["days_enrolled"] > 0:
            wanted = expected[key]["rate"]
            # The quotient is written with many digits; the fraction behind it is compared.
            found = Fraction(row["absence_rate"]).limit_denominator(row["days_enrolled"])
            assert found == wanted


def test_truancy_is_the_references(answers, town):
    preset, _, truancy = answers
    definitions = PRESETS[preset]
    dates = defaultdict(set)
    for (student, _, day), kind in days_of(town, definitions=definitions).items():
        dates[student] |= {day} if kind == "unexcused" else set()
    births = {
        row["sourcedId"]: date.fromisoformat(row["birthDate"])
        for row in records(town / "roster.zip", "demographics.csv")
    }

    assert {row["student_source_id"] for row in truancy} == dates.keys()
    for row in truancy:
        found = dates[row["student_source_id"]]
        months = [sum(day.startswith(month) for day in found) for month in {d[:7] for d in found}]
        age = age_on(AS_OF, born=births[row["student_source_id"]])
        of_age = definitions.truancy_ages[0] <= age <= definitions.truancy_ages[1]
        assert row["unexcused_days_in_year"] == len(found)
        assert row["most_unexcused_days_in_month"] == max(months, default=0)
        by_month = flag(max(months, default=0), definitions.truancy_month, of_age=of_age)
        by_year = flag(len(found), definitions.truancy_year, of_age=of_age)
        assert (row["is_truant_by_month"], row["is_truant_by_year"]) == (by_month, by_year)


def age_on(day, *, born):
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def flag(count, limit, *, of_age):
    """As SQL has it: a rule that is not there says nothing, but a child of another age is none."""
    if not of_age:
        return False
    return None if limit is None else count >= limit


def test_presets_name_the_same_settings():
    with (PROJECT / "seeds" / "setting_presets.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    named = {
        preset: {r["setting_id"] for r in rows if r["preset"] == preset} for preset in PRESETS
    }

    assert {row["preset"] for row in rows} == set(PRESETS)
    assert len({frozenset(settings) for settings in named.values()}) == 1
