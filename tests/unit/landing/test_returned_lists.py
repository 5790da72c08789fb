"""A list that comes back: what is read of it, and how it tells that more was changed."""

import csv
import io
import shutil
from datetime import date

import pytest
from openpyxl import load_workbook

from lib.list_builders import a_list, a_referral
from lib.returned_lists import decide, need_id_of, saved_by_libreoffice, write_into
from wraparound.contracts.loader import contract_of
from wraparound.errors import ContractBroken
from wraparound.landing.opening import open_members
from wraparound.landing.returned import HIDDEN, MARK
from wraparound.publishing.words import CODES
from wraparound.publishing.workbooks import write_workbook

NEEDS = [need_id_of("T-00001", "T-SCH-7", f"AT-0{place}") for place in (1, 2, 3)]


@pytest.fixture
def workbook(tmp_path):
    return a_published_list(tmp_path)


def a_published_list(tmp_path, *, language="en", **changes):
    queue = [
        a_referral(need_id=need_id, rule_id=f"AT-0{place}", referral_rank=place, **changes)
        for place, need_id in enumerate(NEEDS, start=1)
    ]
    path = tmp_path / "list.xlsx"
    write_workbook(a_list(queue=queue), path, language=language)
    return path


def decisions_in(path):
    members = open_members(path, file_name=path.name)
    assert list(members) == ["decisions.csv"]
    with members["decisions.csv"].open() as stream:
        return [row for row in csv.DictReader(io.TextIOWrapper(stream)) if any(row.values())]


def test_a_list_that_nobody_wrote_into_brings_nothing(workbook):
    assert decisions_in(workbook) == []


def test_a_decision_comes_back_with_its_ids_and_its_row(workbook):
    decide(workbook, row=3, decision="not now", reason="no place free", Notes="call again")
    (row,) = decisions_in(workbook)
    assert row["need_id"] == NEEDS[1]
    assert (row["student_id"], row["school_id"]) == ("T-00001", "T-SCH-7")
    assert (row["rule_id"], row["release_id"]) == ("AT-02", "83")
    assert (row["decision"], row["reason"]) == ("not now", "no place free")
    assert (row["decided_on"], row["decided_by"]) == ("2026-11-23", "AB")
    assert (row["sheet_row"], row["is_edited"], row["has_formula"]) == ("3", "false", "false")


def test_an_edit_beside_the_decision_is_told_and_not_read(workbook):
    decide(workbook, row=2, decision="accept suggestion", Need__and__why="less than it was")
    (row,) = decisions_in(workbook)
    assert row["is_edited"] == "true"
    assert "less than it was" not in row.values()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"due_date": date(26, 11, 18)}, id="a day before the format counts"),
        pytest.param({"wording": "oak " * 10_000}, id="a text that no cell holds"),
    ],
)
def test_what_a_cell_cannot_hold_was_edited_by_nobody(changes, tmp_path):
    workbook = a_published_list(tmp_path, **changes)
    decide(workbook, row=2, decision="connected")
    (row,) = decisions_in(workbook)
    assert row["is_edited"] == "false"


def test_decisions_in_a_copy_of_the_sheet_are_read(workbook):
    book = load_workbook(workbook)
    book.copy_worksheet(book["Referrals"]).title = "For Tuesday"
    place = [cell.value for cell in book["For Tuesday"][1]].index("Decision") + 1
    book["For Tuesday"].cell(row=3, column=place).value = "connected"
    book.save(workbook)
    (row,) = decisions_in(workbook)
    assert (row["need_id"], row["decision"]) == (NEEDS[1], "connected")
    decide(workbook, row=2, decision="connected")
    with pytest.raises(ContractBroken, match="decisions in two sheets"):
        decisions_in(workbook)


def test_a_formula_is_told_and_never_evaluated(workbook):
    decide(workbook, row=2, decision='="connected"')
    (row,) = decisions_in(workbook)
    assert (row["decision"], row["has_formula"]) == ("", "true")


def test_sheets_that_are_not_the_queue_are_left_alone(workbook):
    book = load_workbook(workbook)
    book["Students"]["A2"].value = "=1+1"
    book.save(workbook)
    decide(workbook, row=2, decision="connected")
    assert len(decisions_in(workbook)) == 1


def test_a_list_in_spanish_comes_back_too(tmp_path):
    workbook = a_published_list(tmp_path, language="es")
    decide(workbook, row=2, decision="la familia no quiere")
    (row,) = decisions_in(workbook)
    assert (row["decision"], row["is_edited"]) == ("la familia no quiere", "false")


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_a_list_saved_by_libreoffice_is_the_same_list(workbook, tmp_path):
    decide(workbook, row=2, decision="connected")
    again = saved_by_libreoffice(workbook, tmp_path)
    assert again.read_bytes() != workbook.read_bytes()
    assert decisions_in(again) == decisions_in(workbook)


def test_the_sheet_is_protected_but_for_what_is_to_be_written(workbook):
    book = load_workbook(workbook)
    sheet = book["Referrals"]
    assert book.security.lockStructure
    assert sheet.protection.sheet
    head = [cell.value for cell in sheet[1]]
    opened = [
        name for name, cell in zip(head, sheet[2], strict=True) if not cell.protection.locked
    ]
    columns = {
        str(head[place - 1]): column
        for column in sheet.column_dimensions.values()
        for place in range(column.min, column.max + 1)
    }
    assert opened == []  # an empty cell has its column's style
    free = [name for name, column in columns.items() if not column.protection.locked]
    assert free == ["Decision", "Service chosen", "Reason", "Day decided", "Initials", "Notes"]
    assert {name for name, column in columns.items() if column.hidden} == {*HIDDEN, MARK}


def test_the_choices_are_those_that_the_contract_takes(workbook):
    sheet = load_workbook(workbook)["Referrals"]
    lists = [
        rule.formula1 for rule in sheet.data_validations.dataValidation if rule.type == "list"
    ]
    columns = contract_of("decisions").tables["decisions"].columns
    said = [
        '"' + ",".join(words[0] for words in columns[name].words.values()) + '"'
        for name in ("decision", "reason")
    ]
    assert lists == [said[0], '"1,2,3"', said[1]]
    for language, place in (("en", 0), ("es", 1)):
        for name in ("decision", "reason"):
            spoken = {code: words[place] for code, words in columns[name].words.items()}
            assert CODES[language][name] == spoken


def test_a_day_before_the_list_is_not_offered(workbook):
    sheet = load_workbook(workbook)["Referrals"]
    (days,) = [rule for rule in sheet.data_validations.dataValidation if rule.type == "date"]
    assert int(days.formula1) == (date(2026, 11, 20) - date(1899, 12, 30)).days


def test_rows_that_were_mixed_up_show_it(workbook):
    decide(workbook, row=2, decision="connected")
    write_into(workbook, row=2, student_id="T-00002")
    (row,) = decisions_in(workbook)
    assert row["need_id"] != need_id_of(row["student_id"], row["school_id"], row["rule_id"])
