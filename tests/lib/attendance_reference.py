"""Attendance once more in plain Python: from the delivered files, child by child, day by day.

It knows the definitions and nothing of the models.
"""

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

from lib.district_builders import records
from wraparound.orchestration.examples import PLAN

AS_OF = PLAN.through
INSTRUCTIONAL = {"Instructional day", "Make-up day", "Student late arrival/early dismissal"}
# First match wins: a closed day stays closed, unless it is made up.
CALENDAR_ORDER = ("Make-up day", "Weather day", "Emergency day", "Strike", "Instructional day")
# What is said of a part of a day corrects what is said of the whole.
WHOLE_DAY_ORDER = {"Excused Absence": 1, "Unexcused Absence": 2}
# The one reason of New Jersey that the town gives.
STATE_EXCUSED = "Religious observance"
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
    excuses_days: bool = False


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
    "new_jersey": Definitions(
        minimum_days=45, truancy_month=None, truancy_ages=(6, 15), excuses_days=True
    ),
    "nyc": Definitions(minimum_days=20, truancy_month=None, truancy_year=None),
}


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
    """(student, school, day) -> (code, share missed, reason) of the event that decides."""
    found = {}
    for row in records(town / "attendance.csv"):
        code, length = row["attendanceEventCategoryDescriptor"], row["eventDuration"]
        missed = Fraction(length) if length else Fraction(code in WHOLE_DAY_ORDER)
        rank = (WHOLE_DAY_ORDER.get(code, 0), -missed, code)
        key = (row["studentUniqueId"], row["schoolId"], row["eventDate"])
        if key not in found or rank < found[key][0]:
            found[key] = (rank, code, missed, row["attendanceEventReason"])
    return {key: told[1:] for key, told in found.items()}


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
            code, share, reason = missed.get(key, ("", Fraction(0), ""))
            absent = not is_present(1 - share, definitions=definitions)
            excused = definitions.excuses_days and reason == STATE_EXCUSED
            if excused and absent and key not in suspended:
                continue
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


def age_on(day, *, born):
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
