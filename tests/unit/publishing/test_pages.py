"""The page: whole, without script, readable by all, and saying what it must."""

import gc
import re
import weakref
from base64 import b64encode
from datetime import date
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from jinja2 import DictLoader, StrictUndefined

from lib.list_builders import (
    HOSTILE_NAMES,
    a_class_row,
    a_feed,
    a_hostile_list,
    a_list,
    a_profile,
    a_referral,
    a_review_due,
    a_school,
    a_service,
    a_signal,
    a_student,
    a_today,
    a_whole_school,
    weeks,
)
from wraparound.contracts.loader import load_contracts
from wraparound.publishing.lists import plain_text
from wraparound.publishing.pages import Pages, first_letter, render_school_page
from wraparound.publishing.words import CODES, PHRASES, number_text, short_grade, words_in

VOID = {"meta", "br", "input", "img", "hr", "link"}
SELF_CLOSED = {"path"}


class Outline(HTMLParser):
    """Reads a page as a browser would, and keeps what the tests ask about."""

    def __init__(self):
        super().__init__()
        self.open, self.faults, self.ids, self.links = [], [], [], []
        self.tags, self.attributes, self.texts = [], [], []

    def handle_starttag(self, tag, attrs):
        self._note(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self._note(tag, attrs)
        if tag not in SELF_CLOSED:
            self.faults.append(f"self-closed {tag}")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"unexpected end of {tag}")

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    def _note(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name == "href"]

    @property
    def text(self):
        return " ".join("".join(self.texts).split())


def page_of(data, *, language="en"):
    return render_school_page(data, workbook_name="list.xlsx", language=language)


def outline_of(page):
    outline = Outline()
    outline.feed(page)
    outline.close()
    return outline


PAGES = {
    "two students": lambda: a_list(),
    "nobody": lambda: a_list(
        today=[], queue=[], students=[], profiles=[], class_rosters=[], reviews_due=[]
    ),
    "hostile": a_hostile_list,
    "a school": lambda: a_whole_school(60),
}


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("data", PAGES.values(), ids=PAGES.keys())
def test_the_page_is_whole(data, language):
    outline = outline_of(page_of(data(), language=language))
    assert outline.faults == []
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))
    inside = {link.removeprefix("#") for link in outline.links if link.startswith("#")}
    assert inside <= set(outline.ids)
    assert {link for link in outline.links if not link.startswith("#")} == {"list.xlsx"}


@pytest.mark.parametrize("data", PAGES.values(), ids=PAGES.keys())
def test_nothing_runs_and_nothing_is_fetched(data):
    page = page_of(data())
    outline = outline_of(page)
    assert {"script", "img", "link", "iframe", "object", "form"}.isdisjoint(outline.tags)
    names = {name for _, name, _ in outline.attributes}
    assert not [name for name in names if name.startswith("on") or name in ("style", "src")]
    style = re.search("<style>(.*?)</style>", page, re.DOTALL)[1]
    allowed = b64encode(sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{allowed}'" in page
    assert "url(" not in style
    assert "@import" not in style


def test_text_that_equals_markup_of_the_page_is_still_text():
    names = ["Oak", "<bdi>Oak</bdi>"]
    today = [
        a_today(student_key=9, student_name=name, sort_order=n) for n, name in enumerate(names)
    ]
    page = page_of(a_list(students=[], today=today))
    assert "<li><bdi>Oak</bdi>:" in page
    assert "<li><bdi>&lt;bdi&gt;Oak&lt;/bdi&gt;</bdi>:" in page


def test_hostile_text_is_shown_and_does_nothing():
    page = page_of(a_hostile_list())
    text = outline_of(page).text
    for name in HOSTILE_NAMES:
        assert plain_text(name) in text
    assert "<script" not in page
    assert "<img" not in page


def test_style_and_school_name_cannot_break_out():
    data = a_list(school=a_school(school_name='"}</style><script>alert(1)</script>'))
    page = page_of(data)
    assert page.count("</style>") == 1
    assert "<script" not in page


def test_the_first_lines_say_whose_list_of_which_day_and_how_fresh():
    text = outline_of(page_of(a_list())).text
    assert "Maple Street School School day Friday, November 20, 2026" in text
    assert "attendance known through Thu, Nov 19" in text
    assert "release 83" in text


@pytest.mark.parametrize(
    ("feed", "said"),
    [
        pytest.param(a_feed(), "attendance through Thu, Nov 19", id="through"),
        pytest.param(
            a_feed(feed="providers", data_through=None), "providers received Fri, Nov 20", id="got"
        ),
        pytest.param(
            a_feed(feed="grades", data_through=None, last_loaded_at=None),
            "grades never received",
            id="never",
        ),
        pytest.param(
            a_feed(feed="discipline", note="set_aside", note_day="2026-11-18"),
            "! discipline through Thu, Nov 19 · The newest delivery, of Wed, Nov 18, was set",
            id="set aside, though not old",
        ),
        pytest.param(
            a_feed(feed="discipline", data_through="2026-11-17", is_stale=True, note="Set aside."),
            "Discipline is old: last good Tue, Nov 17, 3 days before this list. Set aside. "
            "Nobody was dropped",
            id="stale",
        ),
        pytest.param(
            a_feed(feed="grades", data_through=None, last_loaded_at=None, is_stale=True),
            "Grades was never received.",
            id="stale and never",
        ),
    ],
)
def test_freshness_is_said_in_words(feed, said):
    assert said in outline_of(page_of(a_list(school=a_school(feeds=[feed])))).text


def test_only_troubled_feeds_stand_open_before_the_list():
    feeds = [
        a_feed(feed="attendance"),
        a_feed(feed="grades", is_stale=True),
        a_feed(feed="discipline", note="set_aside", note_day="2026-11-18"),
        a_feed(feed="roster"),
    ]
    page = page_of(a_list(school=a_school(feeds=feeds)))
    folded = page.index('<details class="fresh">')
    assert "2 of 4 sources of data are up to date" in page
    assert all(page.index(f"</span> {name} ") < folded for name in ("grades", "discipline"))
    assert all(page.index(f"</span> {name} ") > folded for name in ("attendance", "roster"))


def test_where_no_feed_is_up_to_date_nothing_is_folded():
    page = page_of(a_list(school=a_school(feeds=[a_feed(is_stale=True)])))
    assert 'class="fresh"' not in page.split("</style>")[1]


def test_what_is_to_be_known_of_a_feed_is_said_in_the_readers_language():
    notes = ("set_aside", "no_attendance", "no_delivery", "not_recent", "no_calendar")
    feeds = [a_feed(feed="grades", note=note, note_day="2026-11-18") for note in notes]
    text = outline_of(page_of(a_list(school=a_school(feeds=feeds)), language="es")).text
    assert "La entrega más reciente, del mié 18 nov, se dejó aparte." in text
    assert all(note.replace("_", " ") not in text for note in notes)
    assert "los pasos vencen por días laborables" in text


def test_a_held_school_says_since_when_why_and_that_nobody_was_dropped():
    verdict = {
        "verdict": "hold",
        "as_of_date": date(2026, 11, 23),
        "findings": [
            {
                "rule_id": "REL-01",
                "severity": "hold",
                "failing_count": 41,
                "message": "41 students of the last list were missing from the roster.",
            }
        ],
    }
    text = outline_of(page_of(a_list(verdict=verdict))).text
    assert "This is the last good list, of Friday, November 20, 2026." in text
    assert "The list of Monday, November 23, 2026 was held back, because:" in text
    assert "missing from the roster. (41 cases)" in text
    assert "Nobody was dropped" in text


def test_a_held_school_without_a_newer_day_or_reason_still_says_so():
    assert "last good list" in outline_of(page_of(a_list(verdict={"verdict": "hold"}))).text
    reason = {"rule_id": "x", "severity": "hold", "failing_count": None, "message": "Too small."}
    held = a_list(verdict={"verdict": "hold", "findings": [reason]})
    assert "The newer list was held back, because: Too small." in outline_of(page_of(held)).text


def test_a_notice_stands_above_the_list():
    reason = {"rule_id": "x", "severity": "notice", "failing_count": 1, "message": "One is odd."}
    page = page_of(a_list(verdict={"verdict": "notice", "findings": [reason]}))
    # A school's own numbers are one row, so that one says nothing of how many are odd.
    assert page.index("One is odd.</li>") < page.index('id="today"')
    several = {**reason, "failing_count": 2}
    page = page_of(a_list(verdict={"verdict": "notice", "findings": [several]}))
    assert "One is odd. (2 cases)" in page
    everywhere = {**reason, "failing_count": 20, "is_of_district": True}
    page = page_of(a_list(verdict={"verdict": "notice", "findings": [everywhere]}))
    assert "One is odd. (20 cases in the district)" in page


def test_a_good_night_has_no_banner():
    assert 'role="note"' not in page_of(a_list())


def test_today_is_first_and_folds_away_the_long_tail():
    items = [a_today(item_id=f"T-{n}", sort_order=n, item_text=f"item {n}") for n in range(1, 11)]
    page = page_of(a_list(today=[*items, a_today(item_kind="moved_in", item_text="came back")]))
    text = outline_of(page).text
    assert "10 new since the last list" in text
    assert "and 2 more" in text
    assert "1 moved in" in text
    assert "0 overdue Nothing today." in text
    assert page.index('id="today"') < page.index('id="queue"') < page.index('id="students"')


def test_a_first_list_says_that_nothing_can_be_new():
    kinds = {"first_list": "This is the first list", "unchanged": "Nothing today."}
    for kind, said in kinds.items():
        churn = [a_school() | {"change_kind": kind, "need_count": 2}]
        text = outline_of(page_of(a_list(today=[], churn=churn))).text
        assert f"0 new since the last list {said}" in text


def test_a_referral_says_need_source_services_consent_state_and_step():
    text = outline_of(page_of(a_list())).text
    for said in (
        "Academics, severe Absent 19 of 58 days (32%), five of them in the last ten",
        "attendance through Nov 19 \xb7 rule AT-03 v2: 0.3275 \u2265 0.1",
        "Walking school bus 14 places",
        "Family navigator waiting list",
        "consent to ask new, for 4 days",
        "Call the family about consent Wed, Nov 18 \xb7 2 days overdue",
    ):
        assert said.replace(" ", "") in text.replace(" ", "")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"services": []}, "No service on file fits yet", id="no service"),
        pytest.param({"evidence": []}, "rule AT-03 v2", id="no evidence"),
        pytest.param(
            {"evidence": [a_signal(), a_signal(rule_id="GR-01", wording="Failing one course")]},
            "Failing one course (attendance through Nov 19",
            id="more evidence",
        ),
        pytest.param(
            {"evidence": [a_signal(data_through=None, value=None)]},
            "attendance Nov 20 \xb7 rule AT-03 v2",
            id="as of",
        ),
        pytest.param(
            {"evidence": [a_signal(data_through=None, comparison="between")]},
            "between 0.1",
            id="unknown comparison",
        ),
        pytest.param(
            {"evidence": [a_signal(threshold=None)]}, "rule AT-03 v2: 0.3275", id="no threshold"
        ),
        pytest.param({"opened_date": None}, "open for 49 days", id="no opening day"),
        pytest.param({"due_date": None}, "no date", id="no due date"),
        pytest.param({"state": "entered-in-error"}, "entered-in-error", id="unknown state"),
        pytest.param(
            {"services": [a_service(capacity_state="odd")]}, "places not known", id="odd places"
        ),
        pytest.param({"is_new": True}, "grade 3 new", id="new"),
    ],
)
def test_a_referral_says_what_is_missing_or_special(changes, said):
    assert said in outline_of(page_of(a_list(queue=[a_referral(**changes)]))).text


def a_decision(**changes):
    return {
        "decision": "not_now",
        "reason": "schedule",
        "decided_by": "AB",
        "decided_on": "2026-11-19",
        "list_of": "2026-11-18",
        "outcome": "counts",
    } | changes


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Nov 19, AB: not now (hours do not suit)"),
        ({"outcome": "repeated"}, "Nov 19, AB: not now (hours do not suit), as somebody else had"),
        ({"outcome": "overruled", "reason": None}, "AB: not now. Not counted: overruled"),
        ({"outcome": "stale", "reason": None}, "Not counted: after the list of Nov 18"),
    ],
)
def test_a_decision_that_came_back_says_whether_it_counts(changes, said):
    page = page_of(a_list(queue=[a_referral(decisions=[a_decision(**changes)])]))
    assert said in page


def test_the_students_page_says_who_offers_a_service_when_and_why_it_fits():
    page = page_of(a_list(queue=[a_referral(services=[a_service(schedule="MO,TU,WE 7:30")])]))
    own = outline_of(page[page.index('id="c1"') :]).text
    assert "Walking school bus, North End Neighbors 14 places" in own
    assert "Mon\u2013Wed 7:30 \xb7 attendance; for ages 5 to 11.5; places free: 14" in own


def test_a_service_with_little_known_still_shows():
    bare = a_service(organization_name=None, schedule=None, reason="near")
    page = page_of(a_list(queue=[a_referral(services=[bare])]))
    assert "<small>near</small>" in page


def test_the_queue_says_which_of_a_students_needs_a_line_is():
    mine = [a_referral(need_id=f"T-need-{rank}", referral_rank=rank) for rank in (1, 3)]
    other = a_referral(need_id="T-need-2", referral_rank=2, student_key=2)
    said = outline_of(page_of(a_list(queue=[mine[0], other, mine[1]]))).text
    assert said.count("need 1 of 2") == said.count("need 2 of 2") == 1
    assert "of 1" not in said


def test_the_usual_owner_is_said_once_and_others_where_they_stand():
    rows = [
        a_referral(need_id=f"T-need-{rank}", referral_rank=rank, owner=owner)
        for rank, owner in enumerate(("Ms. Quince", "Ms. Quince", "provider", None), start=1)
    ]
    text = outline_of(page_of(a_list(queue=rows))).text
    assert "Next steps are with Ms. Quince where no other name stands." in text
    assert text.count("Ms. Quince where") == 1
    assert "with provider" in text


@pytest.mark.parametrize(
    ("age", "said"),
    [(0, "opened today"), (1, "open for 1 day"), (9, "open for 9 days"), (None, "open")],
)
def test_the_age_of_a_need_is_said(age, said):
    page = page_of(a_list(queue=[a_referral(age_days=age)]))
    assert f"</a> \xb7 {said} \xb7 because: need severe, tier 2a" in page


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        pytest.param("MO,TU,WE,TH,FR 07:30", "Mon\u2013Fri 07:30", id="run"),
        pytest.param("MO,WE 18:00", "Mon, Wed 18:00", id="apart"),
        pytest.param("SA,SU", "Sat, Sun", id="two"),
        pytest.param("FR", "Fri", id="one"),
        pytest.param("first Friday", "first Friday", id="words stay"),
    ],
)
def test_schedules_are_said_in_days(schedule, said):
    assert words_in("en").schedule(schedule) == said


def test_the_link_of_a_student_stays_whoever_else_is_on_the_list():
    alone = page_of(a_list(students=[a_student(student_key=487662444472447)], profiles=[]))
    assert 'id="c4sv118d8jj"' in alone


def test_an_unusual_key_still_has_a_link():
    assert 'id="c0"' in page_of(a_list(students=[a_student(student_key=0)]))


def test_too_little_known_is_no_suggestion():
    page = page_of(a_list(students=[a_student(suggested_tier="not_known")]))
    assert "why?" not in page


def test_every_name_leads_to_the_students_own_page():
    outline = outline_of(page_of(a_whole_school(60)))
    own = {each for each in outline.ids if re.fullmatch(r"c[0-9a-z]{1,2}", each)}
    assert len(own) == 60
    assert {f"#{each}" for each in own} <= set(outline.links)


def test_a_name_without_a_page_is_plain_text():
    data = a_list(today=[a_today(student_key=99, student_name="Gone Larch")])
    assert "<bdi>Gone Larch</bdi>:" in page_of(data)


def test_strengths_stand_left_of_concerns():
    page = page_of(a_list())
    head = page[page.index('<section id="students"') :]
    assert head.index(">Strengths<") < head.index(">Four domains<") < head.index(">Tier<")
    own = head[head.index('id="c1"') :]
    assert own.index("kind to younger children <small>") < own.index(
        "five of them in the last ten</b>"
    )


def test_four_domains_are_always_there_and_said_in_words():
    page = page_of(a_list())
    assert page.count('<span class=d role=img aria-label="') == 2
    assert (
        'aria-label="Academics: severe; Social-emotional: not known; Health: not known; '
        'Family: not known"' in page
    )


def test_attendance_is_a_line_with_its_words():
    page = page_of(a_list(students=[a_student(weekly_attendance=weeks([1, None, 0.5, 0.29]))]))
    assert 'aria-label="Attendance by week in percent: 100, no days, 50, 29"' in page
    assert '<path d="M0 3L0 3M20 27L20 27 30 27"/>' in page


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({}, "absent 19 of 58 (32.8%)", id="rate"),
        pytest.param({"days_absent": 4.5}, "absent 4.5 of 58", id="half days"),
        pytest.param(
            {"has_sufficient_days": False}, "absent 19 of 58, too few days to say", id="too few"
        ),
        pytest.param({"days_enrolled": None}, "no attendance on file", id="no attendance"),
    ],
)
def test_absence_is_said_in_words(changes, said):
    assert said in outline_of(page_of(a_list(students=[a_student(**changes)]))).text


@pytest.mark.parametrize(
    ("changes", "said", "unsaid"),
    [
        pytest.param(
            {},
            "2a last year 1 suggested 2b, more support: why? severe need in academics",
            "less support",
            id="asks for more",
        ),
        pytest.param(
            {"suggested_tier": "1", "tier_difference": "less_support", "last_year_tier": None},
            "2a suggested 1, less support: why?",
            "last year",
            id="asks for less",
        ),
        pytest.param({"suggested_tier": "2a", "tier_difference": "same"}, "2a", "why?", id="same"),
        pytest.param({"suggested_tier": None}, "2a", "why?", id="no suggestion"),
        pytest.param(
            {"decided_tier": None, "tier_difference": "not_comparable"},
            "not decided last year 1 suggested 2b: why?",
            "support: why?",
            id="open",
        ),
    ],
)
def test_the_decided_tier_stands_and_the_suggested_one_asks(changes, said, unsaid):
    text = outline_of(page_of(a_list(students=[a_student(**changes)]))).text
    assert said.replace(" ", "") in text.replace(" ", "")
    assert unsaid not in text


@pytest.mark.parametrize(("age", "said"), [(9, "9 years old"), (1, "1 year old"), (None, "")])
def test_a_student_is_as_old_as_is_known(age, said):
    text = outline_of(page_of(a_list(students=[a_student(age_years=age)]))).text
    assert said in text
    assert ("year old" in text or "years old" in text) == (age is not None)


def test_a_student_with_an_earlier_record_says_so():
    text = outline_of(page_of(a_list(students=[a_student(is_held=True)]))).text
    assert "earlier record" in text
    assert "A newer record of this student could not be read" in text


def test_a_student_whose_number_was_another_childs_says_so():
    said = "this looks like another child. What was recorded under the number before is not shown"
    text = outline_of(page_of(a_list(students=[a_student(is_in_question=True)]))).text
    assert "same child?" in text
    assert said in text
    assert said not in outline_of(page_of(a_list(students=[a_student()]))).text


def test_a_referral_whose_need_is_not_in_the_profile_is_not_lost():
    data = a_list(queue=[a_referral(rule_id="HE-01", domain="health", wording="No screening")])
    own = page_of(data)
    own = own[own.index('id="c1"') :]
    assert "No screening" in own
    assert "Call the family about consent" in own


def test_history_is_told_newest_first():
    page = page_of(a_list())
    own = page[page.index("<ul class=past>") :]
    assert own.index("Whole class review, fall: Room 107") < own.index("Tier 2a decided by")
    assert own.index("Tier 2a decided by") < own.index("Need opened: Academics, rule AT-03")


def test_students_are_found_by_letter_grade_and_class():
    outline = outline_of(page_of(a_whole_school(60)))
    assert {"g-all", "g-0", "g-5", "classes", "students"} <= set(outline.ids)
    assert "K 1 2 3 4 5" in outline.text


def test_grades_are_told_from_the_youngest_on():
    grades = ("UG", "10", "KG", "13", "PS", "TK", "02", "PK")
    students = [a_student(student_key=key, grade_level=grade) for key, grade in enumerate(grades)]
    assert "all PK TK K 2 10 13 PS UG" in outline_of(page_of(a_list(students=students))).text


@pytest.mark.parametrize(
    ("name", "letter"),
    [
        pytest.param("\xc1lamo, Beno", "A", id="accent"),
        pytest.param("'t Hout", "T", id="apostrophe"),
        pytest.param("\u0110\u1eb7ng, Minh", "D", id="stroke"),
        pytest.param("\u0130nce", "I", id="dot"),
        pytest.param("\u05d0\u05dc\u05d5\u05df", "\u05d0", id="Hebrew"),
        pytest.param("7", "#", id="no letter"),
    ],
)
def test_a_name_is_looked_up_under_its_first_letter(name, letter):
    assert first_letter(name) == letter


def test_a_student_of_whom_little_is_known_still_has_a_page():
    unknown = ("age_years", "home_language", "attendance_band", "grade_level", "homeroom")
    bare = a_student(**dict.fromkeys(unknown))
    assert "<p>student number T-00001</p>" in page_of(a_list(students=[bare]))


def test_classes_say_whom_to_do_first():
    page = page_of(a_list())
    classes = page[page.index('<section id="classes"') :]
    assert "1 of 2 reviewed" in classes
    assert classes.index("to review") < classes.index("#c2") < classes.index("#c1")


def test_classes_without_a_season_or_teacher_still_show():
    rows = [a_class_row(teacher_names=None, review_season=None, reviewed_on=None, student_key=9)]
    data = a_list(school=a_school(review_season=None), class_rosters=rows)
    text = outline_of(page_of(data)).text
    assert "Whole class reviews Room 107" in text


def test_reviews_say_what_is_due_first_and_fold_what_comes_later():
    later = a_review_due(student_key=2, due_date=date(2026, 12, 14), is_due=False)
    page = page_of(a_list(reviews_due=[later, a_review_due(is_overdue=True)]))
    reviews = page[page.index('<section id="reviews"') :]
    folded = reviews.index("<details>")
    assert reviews.index("#c1") < folded < reviews.index("#c2")
    assert "1 more, not yet due" in reviews
    assert "Plans to look at again <b>1</b>" in reviews


def test_a_school_without_anything_due_says_so():
    assert "No review or plan falls due." in page_of(a_list(reviews_due=[]))


def test_tables_have_captions_and_scopes():
    outline = outline_of(page_of(a_list()))
    assert outline.tags.count("caption") == outline.tags.count("table") == 2
    headings = outline.tags.count("th")
    assert len(
        [name for tag, name, _ in outline.attributes if (tag, name) == ("th", "scope")]
    ) == (headings)
    assert {"header", "nav", "main", "footer"} <= set(outline.tags)


def test_the_page_speaks_spanish_and_says_so():
    page = page_of(a_list(), language="es")
    text = outline_of(page).text
    assert '<html lang="es">' in page
    assert "D\xeda escolar viernes 20 de noviembre de 2026" in text
    assert "2 d\xedas de retraso" in text
    assert "Absent 19 of 58 days" in text


def test_an_unknown_language_speaks_english():
    assert words_in("xx").language == "en"


def test_both_languages_know_the_same_phrases_with_the_same_gaps():
    def gaps(phrase):
        return sorted(re.findall(r"{(\w+)}", phrase))

    assert PHRASES["en"].keys() == PHRASES["es"].keys()
    assert {k: gaps(v) for k, v in PHRASES["en"].items()} == {
        k: gaps(v) for k, v in PHRASES["es"].items()
    }
    assert {k: set(v) for k, v in CODES["en"].items()} == {
        k: set(v) for k, v in CODES["es"].items()
    }
    assert CODES["es"]["feed"].keys() == load_contracts().keys()


def test_each_domain_has_a_letter_of_its_own_in_each_language():
    for codes in CODES.values():
        assert len(set(codes["letter"].values())) == 4


@pytest.mark.parametrize(
    ("due", "said"),
    [
        pytest.param(date(2026, 11, 18), "2 days overdue", id="late"),
        pytest.param(date(2026, 11, 19), "1 day overdue", id="one day late"),
        pytest.param(date(2026, 11, 20), "today", id="today"),
        pytest.param(date(2026, 11, 21), "tomorrow", id="tomorrow"),
        pytest.param(date(2026, 11, 24), "in 4 days", id="later"),
        pytest.param(None, "no date", id="none"),
    ],
)
def test_due_dates_are_said_in_words(due, said):
    assert words_in("en").due(due, as_of=date(2026, 11, 20)) == said


@pytest.mark.parametrize(
    ("share", "digits", "said"),
    [
        pytest.param(3 / 58, 1, "5.2%", id="as the rules round"),
        pytest.param(18 / 181, 1, "9.9%", id="below the limit of ten"),
        pytest.param(0.1, 1, "10.0%", id="at the limit"),
        pytest.param(0.0005, 1, "0.1%", id="half up"),
        pytest.param(0.9, 0, "90%", id="whole"),
    ],
)
def test_percent_is_said_as_the_rules_say_it(share, digits, said):
    assert words_in("en").percent(share, digits=digits) == said


@pytest.mark.parametrize(
    ("grade", "said"),
    [("KG", "K"), ("03", "3"), ("12", "12"), ("PK", "PK"), ("0", "0"), (None, "")],
)
def test_grades_are_said_as_schools_say_them(grade, said):
    assert short_grade(grade) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (19, "19"),
        (4.5, "4.5"),
        (1 / 3, "0.3333"),
        (0.09999, "0.0999"),
        (120000, "120000"),
        ("PS", "PS"),
        (None, ""),
    ],
)
def test_numbers_are_said_short(value, said):
    assert number_text(value) == said


def test_the_style_sheet_is_balanced():
    style = re.search("<style>(.*?)</style>", page_of(a_list()), re.DOTALL)[1]
    text = re.sub(r'"[^"]*"', "", style)
    depth = [text[:end].count("{") - text[:end].count("}") for end in find_all(text, "@media")]
    assert text.count("{") == text.count("}")
    assert set(depth) == {0}


def find_all(text, word):
    return [found.start() for found in re.finditer(word, text)]


def test_five_hundred_students_fit_in_a_light_page():
    assert len(page_of(a_whole_school(500)).encode()) < 1_500_000


def test_text_has_contrast_in_both_schemes():
    style = page_of(a_list())
    light, dark = re.findall(r":root{color-scheme:light dark;(.*?)}|dark\){:root{(.*?)}", style)
    for scheme in (light[0], dark[1]):
        colors = dict(re.findall(r"--(\w+):(#[0-9a-f]+)", scheme))
        for ground in ("paper", "wash", "tint"):
            for ink in ("ink", "soft", "brand", "warn", "bad", "good"):
                assert contrast(colors[ink], colors[ground]) >= 4.5, (ink, ground)
        for ground in ("l0", "l1", "l2", "l3"):
            assert contrast(colors["ink"], colors[ground]) >= 4.5, ground
        assert contrast(colors["paper"], colors["brand"]) >= 4.5
        assert contrast(colors["edge"], colors["paper"]) >= 3


def contrast(one, other):
    """The contrast of two colours, as WCAG 2.2 counts it."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color):
    full = color[1:] if len(color) == 7 else "".join(2 * each for each in color[1:])
    parts = [int(full[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_profile_without_words_is_told_in_one_line():
    data = a_list(profiles=[a_profile(domain="family", level="mild", evidence=[])])
    assert "Family: mild" in page_of(data)[page_of(data).index('id="c1"') :]


def test_what_a_page_was_made_of_goes_without_a_look_for_garbage():
    data = a_list(queue=[a_referral()])
    student, referral = weakref.ref(data.students[0]), weakref.ref(data.queue[0])
    gc.disable()
    try:
        page_of(data)
        del data
        assert (student(), referral()) == (None, None)
    finally:
        gc.enable()


@pytest.fixture
def pages():
    texts = {
        "whole": "{% include 'part' %}{{ told }}|{{ same(told) }}{% for each in many %},{{ each }}"
        "{% endfor %}",
        "part": "{% macro bold(text) %}<b>{{ text }}</b>{% endmacro %}"
        "{{ bold(told) }}|{{ same(bold(told)) }}|",
        "strange": "{% macro bold(text) %}{{ text }}{% endmacro %}{{ bold(told, 1) }}",
    }
    return Pages(loader=DictLoader(texts), autoescape=True, undefined=StrictUndefined)


def test_text_is_escaped_once_whatever_it_is_handed_through(pages):
    said = pages.written("whole", told="<&", same=lambda text: text, many=("<", 1))
    assert said == "<b>&lt;&amp;</b>|<b>&lt;&amp;</b>|&lt;&amp;|&lt;&amp;,&lt;,1"


def test_a_macro_takes_what_it_names_and_no_more(pages):
    with pytest.raises(TypeError):
        pages.written("strange", told="a")
