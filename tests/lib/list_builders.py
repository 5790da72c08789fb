"""Rows of reports for lists, invented: students are trees, dates lie in one fall."""

import random
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from wraparound.publishing.lists import ListData

AS_OF = date(2026, 11, 20)
HOME = {"school_key": 7, "school_source_id": "T-SCH-7", "as_of_date": AS_OF}
DOMAINS = ("academics", "social_emotional_behavioral", "health", "family")

GIVEN = (
    *("Amara", "Beno", "Celia", "Darius", "Elif", "Farid", "Greta", "Hugo", "Imani", "Jonah"),
    *("Kaya", "Leila", "Mateo", "Nadia", "Omar", "Pia", "Quinn", "Rosa", "Samir", "Talia"),
)
FAMILY = (
    *("Alder", "Ash", "Aspen", "Beech", "Birch", "Cedar", "Cypress", "Dogwood", "Elm", "Fir"),
    *("Ginkgo", "Hazel", "Holly", "Ivy", "Juniper", "Larch", "Linden", "Maple", "Oak", "Olive"),
    *("Pine", "Poplar", "Rowan", "Spruce", "Sycamore", "Walnut", "Willow", "Yew"),
)

HOSTILE_NAMES = (
    "=cmd|' /C calc'!A0",
    "+1+1",
    "@SUM(A1)",
    "-2+3",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><b>",
    # To the library that writes workbooks, elements of its own.
    "<r>Ash & <t>Oak</r>",
    "{{ 7 * 7 }}",
    "Ash \U0001f469\u200d\U0001f469\u200d\U0001f467 Oak",
    "\u202egnorw\u202c \u05d0\u05dc\u05d5\u05df",
    "\u0634\u062c\u0631\u0629 \u0627\u0644\u0623\u0631\u0632",
    "M" + "a" * 198 + "d",
    "Line\nBreak\r\nOak\tTab",
    "Bell\x07Null\x00Vert\x0b",
    "lone \ud800 half",
    "http://trees.example/oak",
)


def a_school(**changes: Any) -> dict[str, Any]:
    """A row of rpt_schools."""
    return {
        **HOME,
        "school_name": "Maple Street School",
        "student_count": 2,
        "class_count": 1,
        "reviewed_count": 1,
        "review_season": "fall",
        "feeds": [a_feed(), a_feed(feed="roster", data_through=None)],
    } | changes


def a_feed(**changes: Any) -> dict[str, Any]:
    return {
        "feed": "attendance",
        "data_through": "2026-11-19",
        "last_loaded_at": "2026-11-20T04:12:00+00:00",
        "is_stale": False,
        "note": "",
        "note_day": None,
    } | changes


def a_signal(**changes: Any) -> dict[str, Any]:
    return {
        "rule_id": "AT-03",
        "rule_version": "2",
        "kind": "need",
        "level": "severe",
        "wording": "Absent 19 of 58 days (32%), five of them in the last ten",
        "value": 0.3275,
        "threshold": 0.1,
        "comparison": ">=",
        "source_feed": "attendance",
        "data_through": "2026-11-19",
    } | changes


def a_strength(**changes: Any) -> dict[str, Any]:
    return (
        a_signal(
            rule_id="ST-01",
            rule_version="1",
            kind="strength",
            level=None,
            wording="kind to younger children",
            value=None,
            threshold=None,
            comparison=None,
            source_feed="reviews",
            data_through="2026-10-12",
        )
        | changes
    )


def a_service(**changes: Any) -> dict[str, Any]:
    return {
        "service_id": "T-SVC-1",
        "service_name": "Walking school bus",
        "organization_name": "North End Neighbors",
        "category": "attendance",
        "schedule": "daily 7:30",
        "places_free": 14,
        "capacity_state": "free",
        "line_number": 2,
        "waiting_count": 5,
        "distance_km": 1.4,
        "area": "Whole district",
        "documents": None,
        "cost": None,
        "is_free": True,
        "minimum_age": 5,
        "maximum_age": 11.5,
        "is_age_known": True,
        "is_interest": False,
        "answers": None,
        "languages": None,
        "access": None,
    } | changes


def a_student(**changes: Any) -> dict[str, Any]:
    """A row of rpt_students."""
    key = changes.get("student_key", 1)
    return {
        **HOME,
        "student_key": key,
        "student_source_id": f"T-{key:05}",
        "student_name": "Amara Birch",
        "sort_name": "Birch, Amara",
        "grade_level": "03",
        "homeroom": "Room 107",
        "home_language": "English",
        "age_years": 9,
        "days_enrolled": 58,
        "days_absent": 19,
        "absence_rate": 19 / 58,
        "attendance_band": "severe",
        "is_chronically_absent": True,
        "has_sufficient_days": True,
        "weekly_attendance": weeks([1, 1, 0.8, 0.8, 0.6, None, 0.8, 1, 0.6, 0.4, 0.6, 0.75]),
        "suggested_tier": "2b",
        "suggested_tier_reasons": ["severe need in academics", "strengths in two domains"],
        "decided_tier": "2a",
        "decided_on": date(2026, 10, 12),
        "decided_by": "Ms. Quince",
        "last_year_tier": "1",
        "tier_difference": "more_support",
        "strengths_summary": "kind to younger children, plays the drum",
        "services_active_count": 1,
        "services_waiting_count": 1,
        "open_need_count": 1,
        "is_held": False,
        "is_in_question": False,
    } | changes


def weeks(shares: list[float | None]) -> list[dict[str, Any]]:
    """Weekly attendance ending in the week of the list's day."""
    last = AS_OF - timedelta(days=AS_OF.weekday())
    first = last - timedelta(weeks=len(shares) - 1)
    return [
        {"week_of": (first + timedelta(weeks=place)).isoformat(), "share": share}
        for place, share in enumerate(shares)
    ]


def a_profile(**changes: Any) -> dict[str, Any]:
    """A row of rpt_need_profiles."""
    return {
        **HOME,
        "student_key": 1,
        "student_source_id": "T-00001",
        "domain": "academics",
        "level": "severe",
        "strength_count": 1,
        "need_count": 1,
        "evidence": [a_signal(), a_strength()],
        "is_held": False,
    } | changes


def a_referral(**changes: Any) -> dict[str, Any]:
    """A row of rpt_referral_queue."""
    return {
        **HOME,
        "student_key": 1,
        "student_source_id": "T-00001",
        "referral_rank": 1,
        "student_name": "Amara Birch",
        "grade_level": "03",
        "need_id": "T-need-1",
        "rule_id": "AT-03",
        "rule_version": "2",
        "domain": "academics",
        "level": "severe",
        "wording": "Absent 19 of 58 days (32%), five of them in the last ten",
        "evidence": [a_signal()],
        "services": [
            a_service(),
            a_service(
                service_id="T-SVC-2",
                service_name="Family navigator",
                organization_name="Harbor House",
                schedule="by appointment",
                places_free=0,
                capacity_state="waitlist",
            ),
        ],
        "service_count": 2,
        "state": "new",
        "next_step": "Call the family about consent",
        "due_date": date(2026, 11, 18),
        "owner": "Ms. Quince",
        "consent_status": "to_ask",
        "opened_date": date(2026, 10, 2),
        "age_days": 49,
        "days_in_state": 4,
        "is_overdue": True,
        "is_new": False,
        "priority": {"tier": "2a", "level": "severe", "rule_id": "AT-03", "age_days": 49},
    } | changes


def a_today(**changes: Any) -> dict[str, Any]:
    """A row of rpt_today."""
    return {
        **HOME,
        "student_key": 1,
        "student_source_id": "T-00001",
        "item_id": "T-item-1",
        "item_kind": "new",
        "student_name": "Amara Birch",
        "item_text": "absent 6 of the last 10 days",
        "item_date": AS_OF,
        "sort_order": 1,
    } | changes


def a_class_row(**changes: Any) -> dict[str, Any]:
    """A row of rpt_class_rosters."""
    return {
        **HOME,
        "student_key": 1,
        "student_source_id": "T-00001",
        "class_key": "T-class-107",
        "class_title": "Room 107, grade 3",
        "teacher_names": "Mx. Quince",
        "student_name": "Amara Birch",
        "sort_name": "Birch, Amara",
        "grade_level": "03",
        "review_season": "fall",
        "is_reviewed": True,
        "reviewed_on": date(2026, 10, 12),
        "decided_tier": "2a",
    } | changes


def a_review_due(**changes: Any) -> dict[str, Any]:
    """A row of rpt_reviews_due."""
    return {
        **HOME,
        "student_key": 1,
        "student_source_id": "T-00001",
        "review_kind": "plan_review",
        "student_name": "Amara Birch",
        "sort_name": "Birch, Amara",
        "grade_level": "03",
        "decided_tier": "2b",
        "next_step": "Look at the plan again with family and staff.",
        "kind_order": 2,
        "counted_from": date(2026, 10, 5),
        "due_date": date(2026, 11, 16),
        "latest_date": date(2026, 11, 30),
        "is_due": True,
        "is_overdue": False,
    } | changes


def some_rows(**changes: Any) -> dict[str, Any]:
    """The rows of a school of two: one with a need, one about whom little is known."""
    return {
        "school": a_school(),
        "today": [a_today()],
        "queue": [a_referral()],
        "students": [
            a_student(),
            a_student(
                student_key=2,
                student_name="Beno \N{LATIN CAPITAL LETTER A WITH ACUTE}lamo",
                sort_name="\N{LATIN CAPITAL LETTER A WITH ACUTE}lamo, Beno",
                grade_level="KG",
                homeroom=None,
                decided_tier=None,
                decided_on=None,
                decided_by=None,
                strengths_summary=None,
                weekly_attendance=[],
                days_enrolled=None,
                days_absent=None,
                absence_rate=None,
                attendance_band=None,
                services_active_count=0,
                services_waiting_count=0,
                open_need_count=0,
            ),
        ],
        "profiles": [a_profile()],
        "class_rosters": [a_class_row(), a_class_row(student_key=2, is_reviewed=False)],
        "reviews_due": [a_review_due()],
        "release": {"release_id": 83},
    } | changes


def a_list(**changes: Any) -> ListData:
    """A list of a school of two; `changes` replace whole parts of its rows."""
    return ListData.from_rows(**some_rows(**changes))


def a_hostile_list() -> ListData:
    """A list in which every text that can be hostile is."""
    name = dict(enumerate(HOSTILE_NAMES, start=1))
    return ListData.from_rows(
        school=a_school(school_name="R&D <School> of =Trees", student_count=len(name)),
        today=[a_today(student_key=key, student_name=n, item_text=n) for key, n in name.items()],
        queue=[
            a_referral(
                student_key=key,
                referral_rank=key,
                need_id=f"T-need-{key}",
                student_name=n,
                wording=n,
                next_step=n,
                owner=n,
                services=[a_service(service_name=n, organization_name=n, schedule=n, area=n)],
                evidence=[a_signal(wording=n, rule_id=n), a_signal(wording=n)],
                priority={n: n},
            )
            for key, n in name.items()
        ],
        students=[
            a_student(
                student_key=key,
                student_name=n,
                sort_name=n,
                homeroom=n,
                home_language=n,
                decided_by=n,
                strengths_summary=n,
                suggested_tier_reasons=[n],
            )
            for key, n in name.items()
        ],
        profiles=[
            a_profile(student_key=key, evidence=[a_signal(wording=n), a_strength(wording=n)])
            for key, n in name.items()
        ],
        class_rosters=[
            a_class_row(student_key=key, sort_name=n, class_title=n, class_key=n, teacher_names=n)
            for key, n in name.items()
        ],
        reviews_due=[
            a_review_due(student_key=key, sort_name=n, next_step=n) for key, n in name.items()
        ],
        verdict={
            "verdict": "notice",
            "findings": [
                {"rule_id": "x", "severity": "notice", "failing_count": 2, "message": each}
                for each in HOSTILE_NAMES
            ],
        },
        release={"release_id": 83},
    )


NEEDS = (
    (
        "academics",
        "AT-03",
        "Absent 19 of 58 days (32%), five of them in the last ten",
        "attendance",
    ),
    ("academics", "GR-01", "Failing two courses: mathematics and science", "grades"),
    ("academics", "GR-04", "Reading two grades below; grew one level since September", "grades"),
    (
        "social_emotional_behavioral",
        "DI-02",
        "3 incidents since October 1, none before",
        "discipline",
    ),
    ("family", "RO-05", "Moved twice since June; a shelter address since November 2", "roster"),
    ("health", "HE-01", "No vision screening on record for two years", "reviews"),
)
STRENGTHS = (
    "kind to younger children",
    "loves drawing",
    "reading grew one level",
    "plays the drum",
    "never late",
    "speaks three languages",
    "has an adult in school to turn to",
    "grandmother close by",
)
SERVICES = (
    ("Homework Club", "Parkville Library", "Mon Wed 3:15", 6, "free"),
    ("Mentors Together", "Mentors Together", "weekly, at school", 2, "free"),
    ("School-based counseling", "Village", "Tue Thu", 0, "waitlist"),
    ("Walking school bus", "North End Neighbors", "daily 7:30", 14, "free"),
    ("Dental van", "Community Health", "first Friday", 0, "full"),
    ("Family navigator", "Harbor House", "by appointment", None, "unknown"),
)
LEVELS = ("severe", "moderate", "mild")
STEPS = (
    "Call the family about consent",
    "Send the referral",
    "Ask the provider for a first date",
    "Decide: suggestion ready",
    "Review the plan",
)


def a_whole_school(size: int, *, seed: int = 7, **changes: Any) -> ListData:
    """A believable school of `size` students; the same seed gives the same school."""
    return ListData.from_rows(**rows_of_a_school(size, seed=seed) | changes)


def rows_of_a_school(size: int, *, seed: int = 7) -> dict[str, Any]:
    dice = random.Random(seed)
    students, profiles, rosters, open_needs = [], [], [], []
    for key in range(1, size + 1):
        needs = [dice.choice(NEEDS) for _ in range(dice.choice([0, 0, 0, 1, 1, 2]))]
        needs = list({need[1]: need for need in needs}.values())
        student = _some_student(key, needs=needs, dice=dice)
        students.append(student)
        profiles += [_some_profile(student, domain, needs, dice) for domain in DOMAINS]
        rosters.append(_some_class_row(student))
        open_needs += [_some_referral(student, need, dice) for need in needs]
    open_needs.sort(key=lambda row: (LEVELS.index(row["level"]), dice.random()))
    queue = [
        need | {"referral_rank": rank, "need_id": f"T-need-{rank}"}
        for rank, need in enumerate(open_needs, start=1)
    ]
    reviewed = sum(row["is_reviewed"] for row in rosters)
    return {
        "school": a_school(
            student_count=size,
            class_count=len({row["class_key"] for row in rosters}),
            reviewed_count=reviewed,
            feeds=_some_feeds(),
        ),
        "today": _some_today(queue, students),
        "queue": queue,
        "students": students,
        "profiles": profiles,
        "class_rosters": rosters,
        "reviews_due": [_some_review(row) for row in students[::7]],
        "release": {"release_id": 83},
    }


def _some_review(student: dict[str, Any]) -> dict[str, Any]:
    shared = ("student_key", "student_source_id", "student_name", "sort_name", "grade_level")
    return a_review_due(**{name: student[name] for name in shared})


def _some_feeds() -> list[dict[str, Any]]:
    return [
        a_feed(feed="roster", data_through=None),
        a_feed(),
        a_feed(
            feed="discipline",
            data_through="2026-11-17",
            is_stale=True,
            note="Wednesday's file had a renamed column and was set aside.",
        ),
        a_feed(feed="grades", data_through="2026-11-13"),
        a_feed(feed="providers", data_through=None, last_loaded_at="2026-11-16T04:00:00+00:00"),
        a_feed(feed="service_events", data_through="2026-11-18"),
    ]


def _some_student(key: int, *, needs: list[Any], dice: random.Random) -> dict[str, Any]:
    given, family = dice.choice(GIVEN), dice.choice(FAMILY)
    base = dice.choice([0.02, 0.03, 0.05, 0.08, 0.15, 0.3])
    missed = [min(0.95, max(0.0, dice.gauss(base, base / 2))) for _ in range(12)]
    shares: list[float | None] = [round(1 - share, 2) for share in missed]
    shares[dice.randrange(12)] = None
    absent = round(sum(missed) / 12 * 58)
    grade = dice.choice(["KG", "01", "02", "03", "04", "05"])
    decided = dice.choice(["1", "1", "2a", "2a", "2b", "3", None])
    suggested = dice.choice([decided, decided, decided, "2b", "3"]) or "2a"
    strengths = dice.sample(STRENGTHS, dice.choice([0, 1, 2, 2, 3]))
    return a_student(
        student_key=key,
        student_name=f"{given} {family}",
        sort_name=f"{family}, {given}",
        grade_level=grade,
        homeroom=f"Room {100 + int(grade.replace('KG', '0')) * 2 + key % 2}",
        home_language=dice.choice(["English", "Spanish", "Portuguese"]),
        days_absent=absent,
        absence_rate=absent / 58,
        attendance_band="severe" if absent > 11 else "moderate" if absent > 5 else "satisfactory",
        weekly_attendance=weeks(shares),
        suggested_tier=suggested,
        decided_tier=decided,
        decided_on=decided and date(2026, 10, 12),
        decided_by=decided and "Ms. Quince",
        strengths_summary=", ".join(strengths) or None,
        services_active_count=dice.choice([0, 1, 2]),
        services_waiting_count=dice.choice([0, 0, 1]),
        open_need_count=len(needs),
        is_held=key % 97 == 0,
        is_in_question=False,
    )


def _some_profile(
    student: Mapping[str, Any], domain: str, needs: list[Any], dice: random.Random
) -> dict[str, Any]:
    found = [
        a_signal(rule_id=rule, wording=wording, source_feed=feed)
        for of, rule, wording, feed in needs
        if of == domain
    ]
    words = (student["strengths_summary"] or "").split(", ")
    strengths = [a_strength(wording=each) for each in words if each and dice.random() < 0.4]
    context = a_signal(
        rule_id="CX-01",
        kind="context",
        wording="Absent 2 days last month",
        value=2,
        threshold=None,
        comparison=None,
    )
    quiet = ["no_concern", "no_concern", "mild", "not_known"]
    return a_profile(
        student_key=student["student_key"],
        domain=domain,
        level=dice.choice(["mild", "moderate", "severe"]) if found else dice.choice(quiet),
        evidence=[*found, *strengths, *([context] if domain == "academics" else [])],
    )


def _some_referral(student: Mapping[str, Any], need: Any, dice: random.Random) -> dict[str, Any]:
    domain, rule, wording, feed = need
    due = AS_OF + timedelta(days=dice.randint(-4, 12))
    fits = dice.sample(SERVICES, dice.choice([0, 1, 2, 2, 3]))
    return a_referral(
        student_key=student["student_key"],
        student_name=student["student_name"],
        grade_level=student["grade_level"],
        rule_id=rule,
        domain=domain,
        level=dice.choice(["mild", "moderate", "severe"]),
        wording=wording,
        evidence=[a_signal(rule_id=rule, wording=wording, source_feed=feed)],
        services=[
            a_service(
                service_name=name,
                organization_name=organization,
                schedule=schedule,
                places_free=places,
                capacity_state=state,
            )
            for name, organization, schedule, places, state in fits
        ],
        state=dice.choice(["new", "requested", "accepted", "in-progress", "on-hold"]),
        next_step=dice.choice(STEPS),
        due_date=due,
        is_overdue=due < AS_OF,
        is_new=dice.random() < 0.1,
        consent_status=dice.choice(["on_file", "on_file", "to_ask", "withdrawn"]),
    )


def _some_class_row(student: Mapping[str, Any]) -> dict[str, Any]:
    return a_class_row(
        student_key=student["student_key"],
        student_source_id=student["student_source_id"],
        class_key=student["homeroom"],
        class_title=student["homeroom"],
        student_name=student["student_name"],
        sort_name=student["sort_name"],
        grade_level=student["grade_level"],
        is_reviewed=student["decided_tier"] is not None,
        reviewed_on=student["decided_on"],
        decided_tier=student["decided_tier"],
    )


def _some_today(queue: list[Any], students: list[Any]) -> list[dict[str, Any]]:
    late = [("overdue", row, f"{row['next_step']}: was due") for row in queue if row["is_overdue"]]
    new = [("new", row, row["wording"]) for row in queue if row["is_new"]]
    good = [("good_news", row, "three weeks without an absence") for row in students[3:8]]
    moved = [("changed", row, "moved from grade 2 to grade 3") for row in students[10:11]]
    return [
        a_today(
            student_key=row["student_key"],
            student_name=row["student_name"],
            item_kind=kind,
            item_text=text,
            item_id=f"T-item-{place}",
            sort_order=place,
        )
        for place, (kind, row, text) in enumerate([*new, *late, *moved, *good])
    ]
