"""What goes into a list, and the files that come out of it."""

import hashlib
import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from lib.list_builders import (
    AS_OF,
    HOSTILE_NAMES,
    a_class_row,
    a_feed,
    a_hostile_list,
    a_list,
    a_profile,
    a_referral,
    a_review_due,
    a_school,
    a_signal,
    a_strength,
    a_student,
    a_today,
    a_whole_school,
    some_rows,
)
from wraparound.errors import ReleaseMissing
from wraparound.publishing.decide import MISSING_RULE
from wraparound.publishing.lists import (
    ListData,
    NightsLine,
    SchoolLine,
    plain_text,
    render_index,
    render_nights,
    render_school,
)
from wraparound.publishing.pages import render_school_page
from wraparound.publishing.publish import GATE_RULE, KEY_RULE
from wraparound.publishing.rule_words import (
    SPANISH,
    SPANISH_UNCHECKED,
    TWICE,
    rule_in_words,
)
from wraparound.publishing.standings import Found
from wraparound.quality.suites import load_suites
from wraparound.quality.verdicts import UNCHECKED

EXPECTATIONS = Path(__file__).resolve().parents[3] / "expectations"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        pytest.param("Amara Birch", "Amara Birch", id="plain stays"),
        pytest.param(" Line\r\nBreak\tTab ", "Line Break Tab", id="one line"),
        pytest.param("Bell\x07Null\x00", "BellNull", id="controls go"),
        pytest.param("\u202egnorw\u202c", "gnorw", id="direction overrides go"),
        pytest.param("A\u0301lamo", "\xc1lamo", id="composed"),
        pytest.param("half \ud800", "half", id="lone surrogates go"),
        pytest.param(
            "\U0001f469\u200d\U0001f467", "\U0001f469\u200d\U0001f467", id="joiners stay"
        ),
        pytest.param("\u05d0\u05dc\u05d5\u05df", "\u05d0\u05dc\u05d5\u05df", id="Hebrew stays"),
    ],
)
def test_text_is_made_safe_to_show(given, shown):
    assert plain_text(given) == shown


@pytest.mark.parametrize(
    ("part", "row"),
    [
        pytest.param("today", a_today(school_key=8), id="today"),
        pytest.param("queue", a_referral(school_key=8), id="queue"),
        pytest.param("students", a_student(school_key=8), id="students"),
        pytest.param("profiles", a_profile(school_key=8), id="profiles"),
        pytest.param("class_rosters", a_class_row(school_key=8), id="classes"),
        pytest.param("reviews_due", a_review_due(school_key=8), id="reviews due"),
        pytest.param("queue", a_referral(as_of_date=date(2026, 11, 19)), id="another day"),
    ],
)
def test_a_row_of_another_school_or_day_stops_the_list(part, row):
    with pytest.raises(ReleaseMissing, match=f"1 rows of {part} are of another school or day"):
        a_list(**{part: [row]})


def test_a_missing_column_is_named_without_the_row():
    row = a_student()
    del row["sort_name"]
    with pytest.raises(ReleaseMissing, match="students lack the column 'sort_name'") as failure:
        a_list(students=[row])
    assert "Birch" not in str(failure.value)


def test_lists_stand_in_reading_order_however_the_rows_came():
    rows = some_rows(
        queue=[
            a_referral(referral_rank=2, need_id="T-need-2"),
            a_referral(referral_rank=1, need_id="T-need-1"),
        ],
        today=[a_today(sort_order=2), a_today(sort_order=1)],
        students=[
            a_student(student_key=3, sort_name="Oak, Zoe"),
            a_student(student_key=2, sort_name="\xd1andu, Ana"),
            a_student(student_key=1, sort_name="elm, Bo"),
        ],
        profiles=[a_profile(domain="family"), a_profile(domain="academics")],
    )
    data = ListData.from_rows(**rows)
    assert [referral.referral_rank for referral in data.queue] == [1, 2]
    assert [item.sort_order for item in data.today] == [1, 2]
    assert [student.student_key for student in data.students] == [1, 2, 3]
    assert [profile.domain for profile in data.profiles[1]] == ["academics", "family"]


def test_context_is_the_evidence_that_is_neither_strength_nor_need():
    context = a_signal(rule_id="CX-01", kind="context", wording="new in this school")
    row = a_profile(evidence=[a_strength(), a_signal(), context])
    profile = a_list(profiles=[row]).profiles[1][0]
    assert [signal.wording for signal in profile.context] == ["new in this school"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        pytest.param("2026-11-19", date(2026, 11, 19), id="date"),
        pytest.param("2026-11-19T04:12:00+00:00", date(2026, 11, 19), id="timestamp"),
        pytest.param(None, None, id="never"),
        pytest.param("soon", None, id="nonsense"),
    ],
)
def test_dates_inside_feeds_are_read(written, read):
    data = a_list(school=a_school(feeds=[a_feed(data_through=written)]))
    assert data.school.feeds[0].data_through == read


def test_a_priority_may_be_a_mapping_or_a_list():
    mapping = a_list(queue=[a_referral(priority={"level": 3})]).queue[0].priority
    listed = a_list(queue=[a_referral(priority=["severe", 3])]).queue[0].priority
    assert mapping == (("level", "3"),)
    assert listed == (("", "severe"), ("", "3"))


def test_render_school_writes_a_page_and_a_workbook(tmp_path):
    files = render_school(a_list(), tmp_path / "maple")
    assert [each.file_name for each in files] == ["index.html", "list.xlsx"]
    assert sorted(path.name for path in (tmp_path / "maple").iterdir()) == [
        "index.html",
        "list.xlsx",
    ]
    for each in files:
        content = (tmp_path / "maple" / each.file_name).read_bytes()
        assert each.sha256 == hashlib.sha256(content).hexdigest()
        assert each.byte_count == len(content)


def test_the_same_data_gives_the_same_bytes(tmp_path):
    first = render_school(a_whole_school(40), tmp_path / "first")
    second = render_school(a_whole_school(40), tmp_path / "second")
    assert first == second


def test_other_languages_and_data_give_other_bytes(tmp_path):
    english = render_school(a_list(), tmp_path / "en")
    spanish = render_school(a_list(), tmp_path / "es", language="es")
    assert {each.sha256 for each in english}.isdisjoint(each.sha256 for each in spanish)


def test_files_are_for_their_owner_and_group(tmp_path):
    render_school(a_list(), tmp_path / "maple")
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "maple").iterdir()}
    assert modes == {0o640}


def test_a_failed_rendering_leaves_the_earlier_files(tmp_path, monkeypatch):
    before = render_school(a_list(), tmp_path)

    def break_off(data, path, *, language):
        path.write_text("half")
        raise OSError("no room")

    monkeypatch.setattr("wraparound.publishing.lists.write_workbook", break_off)
    with pytest.raises(OSError, match="no room"):
        render_school(a_list(), tmp_path)
    kept = (tmp_path / "list.xlsx").read_bytes()
    assert hashlib.sha256(kept).hexdigest() == before[1].sha256
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "list.xlsx"]


def test_no_name_of_a_file_holds_a_value_of_a_student(tmp_path):
    render_school(a_hostile_list(), tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["index.html", "list.xlsx"]


def test_a_line_of_the_district_counts_and_names_no_child():
    data = a_whole_school(60)
    line = data.line(folder="T-SCH-7")
    assert (line.student_count, line.referral_count) == (60, len(data.queue))
    assert line.overdue_count == sum(referral.is_overdue for referral in data.queue)
    assert line.stale_feeds == ("discipline",)
    said = repr(line)
    assert not [student for student in data.students if student.student_name in said]


def a_line(**changes):
    return SchoolLine(
        **{
            "school_name": "Maple Street School",
            "folder": "T-SCH-7",
            "verdict": "pass",
            "as_of_date": AS_OF,
            "release_id": 83,
            "student_count": 318,
            "referral_count": 42,
            "overdue_count": 3,
            "new_count": 0,
            "reviewed_count": 300,
        }
        | changes
    )


def test_the_district_overview_says_each_verdict_and_links_each_list(tmp_path):
    lines = [
        a_line(),
        a_line(
            school_name="Elm & Oak",
            folder="T SCH/8",
            verdict="hold",
            reasons=(("T.few", "too few"),),
        ),
    ]
    (page,) = render_index(lines, tmp_path, district_name="Parkville <Schools>")
    text = (tmp_path / page.file_name).read_text()
    assert text.index("Elm &amp; Oak") < text.index("Maple Street School")
    assert 'href="T%20SCH/8/index.html"' in text
    assert "Parkville &lt;Schools&gt;" in text
    assert "too few" in text
    assert "2 schools: 1 current, 0 with notices, 1 held" in text


def test_small_counts_are_withheld_from_the_district_overview(tmp_path):
    render_index([a_line(overdue_count=5, new_count=0)], tmp_path, smallest_count=6)
    text = (tmp_path / "index.html").read_text()
    assert ">fewer than 6<" in text
    assert ">5<" not in text
    assert ">0<" in text


def test_a_held_school_without_any_list_is_named_and_links_nowhere(tmp_path):
    held = SchoolLine("Elm School", None, "hold", AS_OF, 83, 40, reasons=(("T.few", "too few"),))
    render_index([a_line(), held], tmp_path)
    text = (tmp_path / "index.html").read_text()
    row = text[text.index("Elm School") : text.index("Maple Street School")]
    assert "no list yet: the first one was held back" in row
    assert "too few" in row
    assert text.count("href=") == 2  # the other school, and the nights


def test_the_nights_say_each_verdict_and_each_rule_in_the_readers_language(tmp_path):
    reason = "No attendance came for more than 30 days."
    silent = Found("release.attendance_silent", "hold", reason, (82, 83))
    own = Found("T.rule", "notice", "A district's own rule.", (82,))
    lines = [
        NightsLine("Elm & Oak", {82: "notice", 83: "hold"}, (silent, own), held_since=AS_OF),
        NightsLine("Alder School", {83: "lifted"}, ()),
    ]
    nights = [(82, AS_OF - timedelta(days=1)), (83, AS_OF)]
    page = render_nights(lines, nights, tmp_path, language="es")
    text = (tmp_path / page.file_name).read_text()
    assert text.index("Alder School") < text.index("Elm &amp; Oak")
    for word in ("retenida", "mostrada, una persona levantó la retención", "sin lista"):
        assert f">{word}<" in text
    assert "Retenida desde la lista del" in text
    assert "No llegó asistencia en más de 30 días." in text
    assert "A district&#39;s own rule." in text


def test_every_rule_that_ships_has_its_words_in_spanish():
    shipped = {
        rule.meta.rule_id: rule.meta.reason
        for suite in load_suites(EXPECTATIONS)
        for rule in suite.expectations
    }
    built_in = {MISSING_RULE, GATE_RULE, KEY_RULE}
    assert set(SPANISH) == set(shipped) | built_in
    unchecked = f"{shipped['release.students_once']} {UNCHECKED}"
    told = rule_in_words("release.students_once", unchecked, language="es")
    assert told == f"{TWICE} {SPANISH_UNCHECKED}"
    said = {each: rule_in_words(each, message, language="es") for each, message in shipped.items()}
    assert said == {each: SPANISH[each] for each in shipped}
    edited = "More than 12 in 100 persons of the roster have no family name."
    assert rule_in_words("roster.family_names", edited, language="es") == edited


def test_an_empty_district_says_so(tmp_path):
    render_index([], tmp_path)
    assert "No school has a list yet." in (tmp_path / "index.html").read_text()


def test_hostile_names_come_through_as_text():
    names = {student.student_name for student in a_hostile_list().students}
    assert "<script>alert(1)</script>" in names
    assert len(names) == len(HOSTILE_NAMES)


def test_classes_stand_in_the_order_of_their_numbers():
    titles = ("Grade 10 B", "Grade 9", "grade 10 a", "Álamo 2", "Kindergarten")
    rosters = [
        a_class_row(student_key=key, class_key=title, class_title=title)
        for key, title in enumerate(titles)
    ]
    listed = a_list(class_rosters=rosters).class_rosters
    told = ["Álamo 2", "Grade 9", "grade 10 a", "Grade 10 B", "Kindergarten"]
    assert [row.class_title for row in listed] == told


def test_students_stand_under_the_letter_of_their_name():
    names = ("Adams, Bo", "Da Silva, Io", "Đặng, Minh", "Dunn, Al", "Łuk, Ola", "Lyon, Ed")
    written = (*names, "'t Hout, Ann", "Tan, Wei")
    students = [
        a_student(student_key=key, sort_name=name) for key, name in enumerate(sorted(written))
    ]
    data = a_list(students=students)
    assert [student.sort_name for student in data.students] == list(written)
    page = render_school_page(data, workbook_name="list.xlsx", language="en")
    letters = re.findall(r'<th colspan="6" scope="rowgroup"><bdi>(.)</bdi>', page)
    assert letters == ["A", "D", "L", "T"]
