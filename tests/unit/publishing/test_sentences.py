"""What rules, steps and reviews say of a child, in another language than the release has it in."""

import shutil
from datetime import date
from itertools import count
from pathlib import Path

import pytest

from lib.list_builders import (
    a_profile,
    a_referral,
    a_review_due,
    a_school,
    a_service,
    a_signal,
    a_student,
    a_today,
    some_rows,
)
from lib.two_languages import seed, told, words_left
from wraparound.errors import SettingsWrong
from wraparound.publishing.lists import ListData
from wraparound.publishing.pages import render_school_page
from wraparound.publishing.sentences import (
    BEGUN,
    CHANGED,
    OVERDUE,
    REVIEWED,
    Sentences,
    read_sentences,
    translated,
    untranslated,
)
from wraparound.publishing.words import words_in

SEEDS = Path(__file__).parents[3] / "dbt_project" / "seeds"
STREAK = "Has not missed a day in {numerator} school days."
# As the report names them, and as the list reads them.
SECTIONS = {
    "today": "today",
    "referral_queue": "queue",
    "students": "students",
    "need_profiles": "profiles",
    "class_rosters": "class_rosters",
    "reviews_due": "reviews_due",
}
NAMES = (
    *("Amara Birch", "Beno \N{LATIN CAPITAL LETTER A WITH ACUTE}lamo", "Ms. Quince", "Mx. Quince"),
    *("Room 107, grade 3", "Walking school bus", "North End Neighbors", "Maple Street School"),
    *("XLSX", "Wraparound"),
)


@pytest.fixture(scope="module")
def spanish():
    return read_sentences(SEEDS, language="es")


def signals():
    """Each rule at each level, and each measure that is context, as the models say them."""
    for row in seed(SEEDS, "need_rules"):
        yield a_signal(
            rule_id=row["rule_id"],
            kind=row["rule_kind"],
            level=row["concern_level"] or None,
            wording=told(row["wording"]),
        )
    for row in seed(SEEDS, "indicators"):
        if row["context_wording"]:
            yield a_signal(
                rule_id=row["indicator_id"],
                kind="context",
                level="no_concern",
                wording=told(row["context_wording"]),
                value=None,
            )


def students_of(told_signals):
    """Students and their profiles; no student has two signals of one rule."""
    of_student = []
    for signal in told_signals:
        free = (few for few in of_student if signal["rule_id"] not in few)
        few = next(free, None)
        if few is None:
            of_student.append(few := {})
        few[signal["rule_id"]] = signal
    tiers = seed(SEEDS, "tier_rules")
    for key, few in enumerate(of_student, start=1):
        tier = tiers[key % len(tiers)]
        rules = [rule for rule, signal in few.items() if signal["kind"] == "need"]
        reasons = [f"{few[rule]['wording']} ({rule}, {few[rule]['level']})" for rule in rules]
        strengths = [rule for rule, signal in few.items() if signal["kind"] == "strength"][:3]
        yield (
            a_student(
                student_key=key,
                home_language="Portuguese",
                suggested_tier_reasons=[f"{tier['wording']} ({tier['tier_rule_id']})", *reasons],
                strengths_summary=" ".join(few[rule]["wording"] for rule in strengths) or None,
            ),
            a_profile(student_key=key, evidence=list(few.values())),
        )


def referrals(profiles):
    """A referral for each next step and each state, with services of every kind."""
    (need, *_) = (item for item in profiles[0]["evidence"] if item["kind"] == "need")
    labels = [row["category_label"] for row in seed(SEEDS, "service_categories")]
    odd = {
        "answers": "homework completion, reading",
        "languages": "Spanish, Portuguese",
        "access": "hearing access",
        "category": labels[0],
        "schedule": "MO,WE 7:30",
        "is_interest": True,
        "is_free": False,
        "cost": "$5",
    }
    for rank, step in enumerate(seed(SEEDS, "next_steps"), start=1):
        yield a_referral(
            need_id=f"T-need-{rank}",
            referral_rank=rank,
            rule_id=need["rule_id"],
            level=need["level"],
            wording=need["wording"],
            evidence=[need],
            next_step=told(step["next_step"], service="Walking school bus"),
            next_step_id=step["next_step_id"],
            state=step["referral_state"],
            owner=("provider", "site_coordinator")[rank % 2],
            services=[
                a_service(category=labels[rank % len(labels)], schedule=None),
                a_service(**odd | {"capacity_state": "waitlist", "distance_km": 0}),
                a_service(**odd | {"capacity_state": "unknown", "is_age_known": False}),
            ],
        )


def news():
    """A line of today of each kind."""
    number = count(1)

    def line(code, subject, text, **changes):
        place = next(number)
        return a_today(
            item_id=f"T-item-{place}",
            sort_order=place,
            item_code=code,
            item_subject=subject,
            item_text=text,
            **changes,
        )

    yield line("need", "T-need-1", "absent")
    yield line("overdue", "T-need-1", "Overdue since November 20: absent", item_kind="overdue")
    yield line("tier", "2b", "Reviewed: tier 2b.", item_kind="changed")
    yield line("begun", None, "A service has begun.", item_kind="good_news")
    yield line("streak", "AT-S1", told(STREAK), item_kind="good_news")
    for state in seed(SEEDS, "referral_states"):
        text = f"The referral {state['state_wording']}."
        yield line(state["referral_state"], None, text, item_kind="changed")


def a_whole_release():
    """The rows of a school of which every text of the seeds is said."""
    students, profiles = map(list, zip(*students_of(signals()), strict=True))
    kinds = seed(SEEDS, "review_kinds")
    return some_rows(
        students=students,
        profiles=profiles,
        queue=list(referrals(profiles)),
        today=list(news()),
        reviews_due=[
            a_review_due(review_kind=row["review_kind"], next_step=row["wording"], kind_order=n)
            for n, row in enumerate(kinds)
        ],
        school=a_school(student_count=len(students)),
    )


def in_spanish(rows, sentences):
    reports = {report: rows[section] for report, section in SECTIONS.items()}
    said = translated(reports, sentences)
    return rows | {section: said[report] for report, section in SECTIONS.items()}


def page_of(rows, *, language):
    data = ListData.from_rows(**rows)
    return render_school_page(data, workbook_name="list.xlsx", language=language)


def test_a_spanish_page_says_nothing_in_english(spanish):
    rows = a_whole_release()
    pages = page_of(rows, language="en"), page_of(in_spanish(rows, spanish), language="es")
    assert words_left(*pages, names=NAMES) == []


def test_every_text_of_the_seeds_has_its_spanish():
    assert untranslated(SEEDS, language="es") == ()


def test_english_needs_no_translation():
    assert read_sentences(SEEDS, language="en") is None
    assert untranslated(SEEDS, language="en") == ()


@pytest.fixture
def own_seeds(tmp_path):
    """The seeds of a district that edits them."""
    return Path(shutil.copytree(SEEDS, tmp_path / "seeds"))


@pytest.mark.parametrize(
    ("name", "of", "by", "missing"),
    [
        pytest.param(
            *("review_kinds", "Look at the plan again", "Read the plan again"),
            "Read the plan again with family and staff.",
            id="a district's own text",
        ),
        pytest.param(
            *("translations", "Derivar a {service}.", "Derivar."),
            "Refer to {service}.",
            id="a place forgotten",
        ),
    ],
)
def test_a_text_that_nobody_translated_is_told(own_seeds, name, of, by, missing):
    path = own_seeds / f"{name}.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(of, by), encoding="utf-8")
    assert untranslated(own_seeds, language="es") == (missing,)


def test_a_text_that_nobody_translated_stays_in_english(own_seeds):
    path = own_seeds / "next_steps.csv"
    changed = path.read_text(encoding="utf-8").replace("Send the referral.", "Send it.")
    path.write_text(changed, encoding="utf-8")
    rows = some_rows(queue=[a_referral(next_step="Send it.", next_step_id="NS-06")])
    said = in_spanish(rows, read_sentences(own_seeds, language="es"))
    assert [row["next_step"] for row in said["queue"]] == ["Send it."]


def test_a_sentence_that_another_text_made_stays_as_it_is(spanish):
    rows = some_rows(queue=[a_referral(rule_id="AT-01", next_step_id="NS-05")])
    assert in_spanish(rows, spanish)["queue"][0]["next_step"] == rows["queue"][0]["next_step"]
    assert in_spanish(rows, spanish)["queue"][0]["wording"] == rows["queue"][0]["wording"]
    assert in_spanish(rows, spanish)["today"] == rows["today"]
    students = in_spanish(rows, spanish)["students"]
    assert students[0]["strengths_summary"] == rows["students"][0]["strengths_summary"]
    assert students[0]["suggested_tier_reasons"] == rows["students"][0]["suggested_tier_reasons"]


def test_evidence_of_which_little_is_known_stays_as_it_is(spanish):
    rows = some_rows(profiles=[a_profile(evidence=[{"wording": "Absent"}, {"rule_id": "AT-01"}])])
    said = in_spanish(rows, spanish)
    assert [item["wording"] for item in said["profiles"][0]["evidence"]] == ["Absent", ""]
    summaries = [student["strengths_summary"] for student in rows["students"]]
    assert [student["strengths_summary"] for student in said["students"]] == summaries


@pytest.mark.parametrize("code", ["need", "overdue", "a_state_that_a_seed_lost"])
def test_a_line_of_what_the_list_does_not_know_stays_as_it_is(spanish, code):
    item = a_today(item_code=code, item_subject="T-need-gone", item_text="As it was.")
    said = in_spanish(some_rows(today=[item]), spanish)["today"]
    assert [line["item_text"] for line in said] == ["As it was."]


def test_numbers_are_those_of_the_release(spanish):
    evidence = [
        a_signal(
            rule_id="AT-01",
            level="moderate",
            wording="Missed 13 of 123 school days (10.6 %).",
        )
    ]
    need = {"rule_id": "AT-01", "level": "moderate", "wording": evidence[0]["wording"]}
    step = {"next_step_id": "NS-05", "next_step": "Refer to a fitting service."}
    queue = [a_referral(**need, **step, evidence=evidence)]
    item = a_today(
        item_kind="overdue",
        item_code="overdue",
        item_subject="T-need-1",
        item_date=date(2026, 3, 6),
    )
    said = in_spanish(some_rows(queue=queue, today=[item]), spanish)
    assert said["queue"][0]["wording"] == "Falt\N{LATIN SMALL LETTER O WITH ACUTE} 13 de 123 d" + (
        "\N{LATIN SMALL LETTER I WITH ACUTE}as de clases (10.6 %)."
    )
    assert said["today"][0]["item_text"] == (
        "Vencido desde el 6 de marzo: Derivar a un servicio adecuado."
    )


def test_words_of_a_detail_are_told_and_titles_stay(spanish):
    assert spanish.listed("homework completion, Algebra 1") == "entrega de tareas, Algebra 1"


def test_a_place_that_a_text_names_twice_is_one():
    twice = "{numerator} of {denominator}, that is {numerator} days: {detail}"
    texts = {("need_rules", "T-01", "mild"): twice}
    said = Sentences(words_in("es"), texts, {twice: "{detail}: {numerator} de {denominator}"})
    assert (
        said.retold("3 of 9, that is 3 days: Art", "need_rules", "T-01", "mild") == "Art: 3 de 9"
    )
    odd = "3 of 9, that is 4 days: Art"
    assert said.retold(odd, "need_rules", "T-01", "mild") == odd


def test_what_is_put_together_has_the_same_places_in_both():
    assert {OVERDUE, REVIEWED, BEGUN, CHANGED}.isdisjoint(untranslated(SEEDS, language="es"))


def test_a_list_is_written_again_when_a_translation_changes(own_seeds, spanish):
    path = own_seeds / "translations.csv"
    path.write_text(
        path.read_text(encoding="utf-8").replace("Elegir otro servicio.", "Elija otro."),
        encoding="utf-8",
    )
    changed = read_sentences(own_seeds, language="es")
    assert changed.fingerprint != spanish.fingerprint
    assert read_sentences(SEEDS, language="es").fingerprint == spanish.fingerprint


def test_a_seed_that_is_missing_is_an_error(own_seeds):
    (own_seeds / "translations.csv").unlink()
    with pytest.raises(SettingsWrong, match=r"translations\.csv"):
        read_sentences(own_seeds, language="es")


FREE = {"capacity_state": "free", "places_free": 3, "line_number": None}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (FREE, "places free: 3;"),
        (FREE | {"line_number": 2}, "places free: 3, this child is no. 2;"),
        (
            {"capacity_state": "waitlist", "line_number": 1, "waiting_count": 3},
            "next on the waiting list of 3;",
        ),
        (
            {"capacity_state": "waitlist", "line_number": 2, "waiting_count": 3},
            "waiting list, no. 2 of 3;",
        ),
        ({"capacity_state": "waitlist", "line_number": None}, "; waiting list;"),
        ({"capacity_state": "unknown"}, "places not known, ask;"),
        ({"minimum_age": None}, "up to age 11.5;"),
        ({"maximum_age": None}, "from age 5;"),
        ({"minimum_age": None, "maximum_age": None, "is_age_known": False}, "any age;"),
        ({"is_age_known": False}, "age of the child is not known, ask;"),
        ({"is_interest": True}, "builds on a strength"),
        ({"distance_km": 0}, "at the school"),
        ({"distance_km": 1.4}, "1.4 km"),
        ({"distance_km": None}, "Whole district"),
        ({"answers": "reading"}, "attendance; answers: reading; for ages 5 to 11.5;"),
        ({"languages": "Spanish"}, "speaks Spanish"),
        ({"access": "hearing access"}, "ask about access: hearing access"),
        ({"is_free": False, "cost": "$5"}, "costs: $5"),
        ({"documents": "a form"}, "asks for: a form"),
    ],
)
def test_why_a_service_fits_is_said_in_words(changes, said):
    data = ListData.from_rows(**some_rows(queue=[a_referral(services=[a_service(**changes)])]))
    ((service,),) = (referral.services for referral in data.queue)
    assert said in words_in("en").fit(service)
