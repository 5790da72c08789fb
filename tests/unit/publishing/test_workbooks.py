"""The workbook, read back with another library than wrote it."""

from datetime import date, datetime
from io import BytesIO
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook
from openpyxl.utils import column_index_from_string, get_column_letter

from lib.list_builders import (
    HOSTILE_NAMES,
    a_feed,
    a_hostile_list,
    a_list,
    a_profile,
    a_referral,
    a_school,
    a_service,
    a_signal,
    a_student,
    a_whole_school,
)
from wraparound.publishing.lists import plain_text
from wraparound.publishing.pages import notices_of
from wraparound.publishing.words import words_in
from wraparound.publishing.workbooks import write_workbook
from wraparound.publishing.xlsx import FORMULA_LEADS

ENGLISH = ["Today", "Referrals", "Students", "Needs", "Classes", "Reviews due", "About"]
SPANISH = [
    *("Hoy", "Derivaciones", "Estudiantes", "Necesidades", "Clases", "Por revisar"),
    "Acerca de",
]


def content_of(data, tmp_path, *, language="en"):
    path = tmp_path / "list.xlsx"
    write_workbook(data, path, language=language)
    return path.read_bytes()


def book_of(data, tmp_path, *, language="en"):
    return load_workbook(BytesIO(content_of(data, tmp_path, language=language)))


def rows_of(sheet):
    """The rows of a sheet as mappings from heading to cell."""
    head, *rest = sheet.iter_rows()
    return [dict(zip((cell.value for cell in head), row, strict=True)) for row in rest]


@pytest.mark.parametrize(("language", "names"), [("en", ENGLISH), ("es", SPANISH)])
def test_there_are_seven_sheets_in_reading_order(language, names, tmp_path):
    assert book_of(a_list(), tmp_path, language=language).sheetnames == names


def test_every_sheet_can_be_sorted_scrolled_and_printed(tmp_path):
    for sheet in book_of(a_whole_school(20), tmp_path):
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref.startswith("A1:")
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.page_setup.fitToHeight == 0
        assert sheet.print_title_rows == "$1:$1"
        assert all(column.width > 5 for column in sheet.column_dimensions.values())


@pytest.mark.parametrize("language", ["en", "es"])
def test_what_is_printed_can_be_read_on_letter_paper(language, tmp_path):
    # Ten inches at ten points hold some 140 letters; down to 7.5 points is read by most people.
    widest = 140 * 10 / 7.5
    for sheet in book_of(a_list(), tmp_path, language=language):
        *_, last = (sheet.print_area or sheet.dimensions).replace("$", "").split(":")
        shown = range(1, column_index_from_string(last.rstrip("0123456789")) + 1)
        widths = [sheet.column_dimensions[get_column_letter(place)].width for place in shown]
        assert sum(widths) <= widest, sheet.title
        if sheet.title in ("Referrals", "Derivaciones"):
            assert sheet.cell(1, shown[-1]).value in ("Due", "Para el")


def test_a_row_is_as_high_as_its_longest_wrapped_cell(tmp_path):
    plain = {"services": [], "next_step": "Refer."}
    queue = [a_referral(wording=text, **plain) for text in ("Missed a day.", "word " * 46)]
    sheet = book_of(a_list(queue=queue), tmp_path)["Referrals"]
    heights = [sheet.row_dimensions[place].height for place in (2, 3)]
    # 230 letters in a column of 46.
    assert heights[1] == 5 * 15
    assert (heights[0] or 15) < heights[1]


def test_cells_have_their_types(tmp_path):
    book = book_of(a_list(), tmp_path)
    student = rows_of(book["Students"])[1]
    assert student["Share missed"].value == pytest.approx(19 / 58)
    assert student["Share missed"].number_format == "0.0%"
    assert student["Days absent"].value == 19
    assert student["Decided on"].value == datetime(2026, 10, 12)
    assert student["Decided on"].is_date
    assert student["Decided tier"].value == "2a"
    assert student["Student number"].data_type == "s"
    referral = rows_of(book["Referrals"])[0]
    assert referral["Place"].value == 1
    assert referral["Due"].value == datetime(2026, 11, 18)
    assert referral["Overdue"].value == "yes"
    assert rows_of(book["Needs"])[1]["Value"].value == pytest.approx(0.3275)


def test_a_tier_that_looks_like_a_number_stays_text(tmp_path):
    book = book_of(a_list(students=[a_student(decided_tier="1", suggested_tier="3")]), tmp_path)
    row = rows_of(book["Students"])[0]
    assert (row["Decided tier"].value, row["Suggested tier"].value) == ("1", "3")


def test_hostile_text_stays_text(tmp_path):
    content = content_of(a_hostile_list(), tmp_path)
    book = load_workbook(BytesIO(content))
    names = {cell["Student"].value for cell in rows_of(book["Students"])}
    assert names == {plain_text(name) for name in HOSTILE_NAMES}
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f"
                assert cell.hyperlink is None
                if isinstance(cell.value, str) and cell.value.startswith(FORMULA_LEADS):
                    assert cell.quotePrefix
    with ZipFile(BytesIO(content)) as parts:
        sheets = [name for name in parts.namelist() if "worksheets/sheet" in name]
        assert not [name for name in sheets if b"<f>" in parts.read(name)]
        assert not [name for name in parts.namelist() if "externalLink" in name]


def test_the_file_tells_nothing_of_whoever_made_it(tmp_path):
    book = book_of(a_list(), tmp_path)
    said = book.properties
    assert (said.creator or "", said.lastModifiedBy or "") == ("", "")
    assert said.created == datetime(2026, 11, 20)
    assert said.modified == datetime(2026, 11, 20)


def test_the_same_list_gives_the_same_bytes(tmp_path):
    assert content_of(a_list(), tmp_path) == content_of(a_list(), tmp_path)


def test_nothing_is_left_beside_the_workbook(tmp_path):
    content_of(a_whole_school(20), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["list.xlsx"]


def test_needs_are_told_strengths_first_and_silent_domains_have_a_row(tmp_path):
    rows = [a_profile(), a_profile(domain="health", evidence=[])]
    needs = rows_of(book_of(a_list(profiles=rows), tmp_path)["Needs"])
    assert [row["Kind"].value for row in needs] == ["strength", "need", None]
    assert [row["Domain"].value for row in needs] == ["Academics", "Academics", "Health"]


def test_a_need_with_words_for_a_value_keeps_them(tmp_path):
    rows = [a_profile(evidence=[a_signal(value="below basic", threshold="basic")])]
    (need,) = rows_of(book_of(a_list(profiles=rows), tmp_path)["Needs"])
    assert (need["Value"].value, need["Limit"].value) == ("below basic", "basic")


@pytest.mark.parametrize(
    ("changes", "source"),
    [
        pytest.param({}, "attendance", id="own rule"),
        pytest.param(
            {"evidence": [a_signal(rule_id="x", source_feed="grades")]}, "grades", id="1st"
        ),
        pytest.param({"evidence": []}, None, id="none"),
    ],
)
def test_a_referral_names_its_source(changes, source, tmp_path):
    book = book_of(a_list(queue=[a_referral(**changes)]), tmp_path)
    assert rows_of(book["Referrals"])[0]["Source"].value == source


def test_services_stand_one_below_the_other(tmp_path):
    bare = a_service(organization_name=None, schedule=None, reason="near", places_free=1)
    book = book_of(a_list(queue=[a_referral(services=[a_service(), bare])]), tmp_path)
    assert rows_of(book["Referrals"])[0]["Services that fit"].value == (
        "1. Walking school bus; North End Neighbors; daily 7:30; 14 places; "
        "attendance; for ages 5 to 11.5; places free: 14, this child is no. 2; 1.4 km\n"
        "2. Walking school bus; 1 place; near"
    )


def test_very_long_text_is_cut_to_what_a_cell_holds(tmp_path):
    book = book_of(a_list(students=[a_student(strengths_summary="a" * 40_000)]), tmp_path)
    assert len(rows_of(book["Students"])[0]["Strengths"].value) == 32_767


def about_of(data, tmp_path):
    return [
        (row["About this workbook"].value, row["What it says"].value)
        for row in rows_of(book_of(data, tmp_path)["About"])
    ]


def test_about_says_day_release_freshness_and_verdict(tmp_path):
    data = a_list(
        school=a_school(feeds=[a_feed(), a_feed(feed="discipline", is_stale=True)]),
        verdict={
            "verdict": "hold",
            "findings": [{"rule_id": "x", "severity": "hold", "message": "Too small."}],
        },
    )
    said = about_of(data, tmp_path)
    assert ("School day", datetime(2026, 11, 20)) in said
    assert ("Release", 83) in said
    assert ("Checks", "held") in said
    assert ("Remark", "Too small.") in said
    assert ("Data: attendance", "through Thu, Nov 19") in said
    assert ("Data: discipline", "last good Thu, Nov 19") in said
    assert [each for _, each in said if str(each).startswith("This is the last good list")]


def test_about_says_what_the_banners_of_the_page_say(tmp_path):
    feeds = [
        a_feed(note="set_aside", note_day="2026-11-18"),
        a_feed(feed="discipline", is_stale=True),
    ]
    finding = {"rule_id": "x", "severity": "hold", "failing_count": 41, "message": "Too small."}
    held = {"verdict": "hold", "since": date(2026, 11, 20), "as_of_date": date(2026, 11, 23)}
    data = a_list(school=a_school(feeds=feeds), verdict={**held, "findings": [finding]})
    said = about_of(data, tmp_path)
    notices = notices_of(data, words=words_in("en"))
    assert ("Remark", "Too small. (41 cases)") in said
    for notice in notices:
        assert {("Checks", notice.head), ("Checks", notice.tail)} <= set(said)
        assert {("Remark", line) for line in notice.lines} <= set(said)
    assert [each.kind for each in notices] == ["hold", "stale"]
    set_aside = (
        "through Thu, Nov 19 \N{MIDDLE DOT} The newest delivery, of Wed, Nov 18, was set aside."
    )
    assert ("Data: attendance", set_aside) in said


def test_an_empty_school_still_has_a_workbook(tmp_path):
    data = a_list(today=[], queue=[], students=[], profiles=[], class_rosters=[], reviews_due=[])
    book = book_of(data, tmp_path)
    assert book["Referrals"].max_row == 1


def test_a_school_name_cannot_write_codes_into_the_footer(tmp_path):
    book = book_of(a_list(school=a_school(school_name="R&D &P Oak")), tmp_path)
    assert "R&&D &&P Oak" in str(book["Today"].oddFooter.left.text)
