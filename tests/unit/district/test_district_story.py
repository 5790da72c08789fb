"""The days are believable, hang together, and go on where they left off."""

from collections import Counter
from datetime import date

import pytest

from lib.district_builders import a_district, a_plan, records
from wraparound.district import CANARIES, CANARY_WORDS
from wraparound.district.attendance_story import attendance_story
from wraparound.district.reviews_story import reviews_story
from wraparound.district.school_days import make_school_year
from wraparound.district.world import make_world

ABSENCES = ("Excused Absence", "Unexcused Absence")
# FHIR SDOH task: from state to state; the first is None.
LEGAL = {
    None: {"draft", "requested"},
    "draft": {"requested"},
    "requested": {"accepted", "rejected", "cancelled"},
    "accepted": {"in-progress", "on-hold", "completed", "failed", "cancelled"},
    "in-progress": {"on-hold", "completed", "failed", "cancelled"},
    "on-hold": {"in-progress", "completed", "failed", "cancelled"},
    "rejected": set(),
    "completed": set(),
    "failed": set(),
    "cancelled": set(),
}


@pytest.fixture(scope="module")
def town():
    """The demonstration's size, until the end of May."""
    return make_world(a_plan(schools=4, students=1200, seed=7, through=date(2026, 5, 29)))


@pytest.fixture(scope="module")
def district(tmp_path_factory):
    return a_district(tmp_path_factory.mktemp("district"), schools=4, students=300)


def chronic_share(world):
    chronic = counted = 0
    for student in world.students:
        enrolled = sum(
            max(0, min(spell.last, world.cut) - spell.first) for spell in student.spells
        )
        if enrolled < 10:
            continue
        absent = sum(
            event.mark.category in ABSENCES and event.mark.duration in ("", "1")
            for event in attendance_story(world, student=student)
            if event.day < world.cut
        )
        counted += 1
        chronic += 10 * absent >= enrolled
    return chronic / counted


def test_about_a_quarter_of_the_children_are_chronically_absent(town):
    assert 0.18 <= chronic_share(town) <= 0.32


def test_a_school_year_has_180_days_on_weekdays():
    year = make_school_year(2026, seed=1)

    assert len(year) == 180
    assert all(day.weekday() < 5 for day in year.days)
    assert list(year.days) == sorted(set(year.days))
    assert year.days[0].month == 8
    assert year.days[-1].month == 6


@pytest.mark.parametrize("ends", range(2024, 2032))
def test_every_school_year_can_be_made(ends):
    year = make_school_year(ends, seed=3)

    assert len(year) == 180
    assert date(ends - 1, 12, 25) not in year.days


def test_no_calendar_foresees_snow():
    year = make_school_year(2026, seed=1)
    before = dict(year.events(as_of=year.weather[0]))
    early = dict(year.events(as_of=date(2025, 9, 1)))

    assert early[year.weather[0]] == "Instructional day"
    assert before[year.weather[0]] == "Weather day"
    assert year.make_up[0] in before
    assert year.make_up[0] not in early


def test_calendar_goes_on_after_the_last_day_written(district):
    days = {row["date"] for row in records(district / "calendar.csv")}
    attended = {row["eventDate"] for row in records(district / "attendance.csv")}

    assert max(days) > "2026-06-01"
    assert max(attended) == "2026-03-20"


def test_every_school_speaks_on_every_instructional_day(tmp_path):
    district = a_district(tmp_path, schools=4, students=60)
    held = {
        (row["schoolId"], row["date"])
        for row in records(district / "calendar.csv")
        if row["calendarEventDescriptor"] == "Instructional day" and row["date"] <= "2026-03-20"
    }
    spoken = {(row["schoolId"], row["eventDate"]) for row in records(district / "attendance.csv")}

    assert spoken == held


def test_attendance_lies_within_a_stay_at_the_school(district):
    stays = {}
    for row in records(district / "roster.zip", "enrollments.csv"):
        if row["role"] == "student":
            key = row["userSourcedId"], row["schoolSourcedId"]
            stays.setdefault(key, set()).add((row["beginDate"], row["endDate"] or "9999"))
    for row in records(district / "attendance.csv"):
        spells = stays[row["studentUniqueId"], row["schoolId"]]
        assert any(begin <= row["eventDate"] < end for begin, end in spells)


def test_hard_years_show_in_attendance_and_in_grades(town):
    absences = Counter()
    for student in town.students:
        absences[student.traits.home > 0.5] += sum(
            1 for _ in attendance_story(town, student=student)
        )
    size = Counter(student.traits.home > 0.5 for student in town.students)

    assert absences[True] / size[True] > 1.3 * absences[False] / size[False]


def test_siblings_share_name_school_and_adults(district):
    users = {row["sourcedId"]: row for row in records(district / "roster.zip", "users.csv")}
    guardians = [row for row in users.values() if row["role"] == "guardian"]
    families = [row["agentSourcedIds"].split(",") for row in guardians]

    assert any(len(children) > 1 for children in families)
    for guardian, children in zip(guardians, families, strict=True):
        for child in children:
            assert users[child]["familyName"] == guardian["familyName"]
            assert guardian["sourcedId"] in users[child]["agentSourcedIds"].split(",")


def test_children_come_go_and_change_schools(town):
    days = len(town.year)
    kinds = Counter()
    for student in town.students:
        first, *rest = student.spells
        kinds["late"] += first.first > 0
        kinds["left"] += student.spells[-1].last < days
        kinds["moved"] += any(spell.school != first.school for spell in rest)
        kinds["returned"] += any(spell.school == first.school for spell in rest)

    assert all(kinds[kind] >= 3 for kind in ("late", "left", "moved", "returned"))


def test_the_tiers_have_their_usual_shares(town):
    tiers = Counter(
        review.tier
        for student in town.students
        for review in reviews_story(town, student=student)
        if review.season == "fall"
    )
    shares = {tier: count / tiers.total() for tier, count in tiers.items()}

    assert shares["1"] == pytest.approx(0.45, abs=0.06)
    assert shares["2a"] == pytest.approx(0.28, abs=0.05)
    assert shares["2b"] == pytest.approx(0.16, abs=0.05)
    assert shares["3"] == pytest.approx(0.11, abs=0.04)


def test_most_classes_are_reviewed_and_some_are_not(district):
    homerooms = {
        row["sourcedId"]
        for row in records(district / "roster.zip", "classes.csv")
        if row["classType"] == "homeroom"
    }
    reviewed = {
        row["class_id"]
        for row in records(district / "reviews.zip", "reviews.csv")
        if row["season"] == "fall"
    }

    assert 0.6 < len(reviewed & homerooms) / len(homerooms) < 1


def test_referrals_take_legal_steps_and_give_reasons(district):
    referrals = {}
    for row in records(district / "service_events.csv"):
        referrals.setdefault(row["referral_id"], []).append(row)
    for rows in referrals.values():
        rows.sort(key=lambda row: int(row["sequence"]))
        assert [row["event_date"] for row in rows] == sorted(row["event_date"] for row in rows)
        state = None
        for row in rows:
            if row["event_type"] == "state":
                assert row["state"] in LEGAL[state]
                state = row["state"]
                if state in ("rejected", "cancelled", "on-hold", "failed"):
                    assert row["reason"]


def test_consents_are_on_file_expired_revoked_or_missing(district):
    rows = records(district / "consents.csv")
    students = [
        row for row in records(district / "roster.zip", "users.csv") if row["role"] == "student"
    ]

    assert any(row["revoked_at"] for row in rows)
    assert any(row["expires_on"] < "2026-03-20" for row in rows)
    assert any(row["expires_on"] > "2026-03-20" and not row["revoked_at"] for row in rows)
    assert len({row["student_id"] for row in rows}) < len(students)


def test_one_coordinator_moves_to_another_school(district):
    rows = [row for row in records(district / "staff.csv") if row["role"] == "site_coordinator"]
    ended = [row for row in rows if row["end_date"]]
    here = {row["school_id"] for row in rows if not row["end_date"]}

    assert here == {"sch-01", "sch-02", "sch-03", "sch-04"}
    assert any(
        old["staff_id"] == new["staff_id"]
        and old["end_date"] == new["begin_date"]
        and old["school_id"] != new["school_id"]
        for old in ended
        for new in rows
    )


def test_two_languages_are_spoken_at_home(district):
    rows = records(district / "roster.zip", "demographics.csv")

    assert {row["metadata.homeLanguage"] for row in rows} == {"English", "Spanish"}


def test_canaries_have_a_full_story(district):
    known = {canary.sourced_id for canary in CANARIES}
    places = [
        ("attendance.csv", None, "studentUniqueId"),
        ("discipline.zip", "disciplineActions.csv", "studentUniqueId"),
        ("grades.zip", "results.csv", "studentSourcedId"),
        ("service_events.csv", None, "student_id"),
        ("consents.csv", None, "student_id"),
        ("reviews.zip", "reviews.csv", "student_id"),
    ]
    for file, member, column in places:
        assert known <= {row[column] for row in records(district / file, member)}, file
    users = {row["sourcedId"]: row for row in records(district / "roster.zip", "users.csv")}
    for canary in CANARIES:
        row = users[canary.sourced_id]
        assert (row["givenName"], row["familyName"]) == (canary.given_name, canary.family_name)
        assert (row["identifier"], row["userIds"]) == (
            canary.identifier,
            f"{{state:{canary.state_id}}}",
        )


def test_canary_words_belong_to_canaries_alone(district):
    rows = records(district / "roster.zip", "users.csv")
    others = [row for row in rows if not row["sourcedId"].startswith(("stu-canary", "gdn-canary"))]

    assert not any(
        word in cell for row in others for cell in row.values() for word in CANARY_WORDS
    )


def test_a_childs_attendance_does_not_depend_on_how_many_others_there_are():
    few, many = make_world(a_plan(students=60)), make_world(a_plan(students=240))

    for one, same in zip(few.students, many.students[:60], strict=True):
        assert (one.sourced_id, one.given_name) == (same.sourced_id, same.given_name)
        assert list(attendance_story(few, student=one)) == list(
            attendance_story(many, student=same)
        )
