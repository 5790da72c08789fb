"""Workbooks as they come: what is read of them, and what is refused."""

import io
import zipfile
from datetime import date, datetime

import pytest
from openpyxl import Workbook, load_workbook

from wraparound.errors import ArrivalUnsafe, ContractBroken
from wraparound.landing import workbook
from wraparound.landing.opening import open_members
from wraparound.landing.workbook import read_sheets


def a_book(tmp_path, rows, *, sheet="attendance", name="attendance.xlsx"):
    book = Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(row)
    path = tmp_path / name
    book.save(path)
    return path


def text_of(path, member):
    with open_members(path, file_name=path.name)[member].open() as stream:
        return stream.read().decode()


def changed(path, **parts):
    """The same workbook with some parts written anew."""
    content = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(content, "w") as new:
        for name in old.namelist():
            key = name.rpartition("/")[2].partition(".")[0]
            new.writestr(name, parts.get(key, old.read(name)))
    path.write_bytes(content.getvalue())
    return path


def test_a_sheet_is_a_file_of_its_name(tmp_path):
    path = a_book(tmp_path, [["schoolId", "eventDate"], ["T-1", date(2026, 11, 2)]])
    assert text_of(path, "attendance.csv") == "schoolId,eventDate\nT-1,2026-11-02\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("0042", "0042", id="leading zeros are text"),
        pytest.param(42, "42", id="a whole number has no point"),
        pytest.param(0.5, "0.5", id="a half"),
        pytest.param(True, "true", id="a flag"),
        pytest.param(date(2024, 2, 29), "2024-02-29", id="a leap day"),
        pytest.param(datetime(2026, 11, 2, 7, 30), "2026-11-02 07:30:00", id="a moment"),
        pytest.param("  oak \n", "oak", id="padding goes"),
        pytest.param('a "b", c', '"a ""b"", c"', id="quotes are doubled"),
    ],
)
def test_cells_are_read_as_they_are_seen(value, text, tmp_path):
    path = a_book(tmp_path, [["a", "b"], [value, "x"]])
    assert text_of(path, "attendance.csv") == f"a,b\n{text},x\n"


def test_empty_rows_keep_the_numbers_of_the_others(tmp_path):
    path = a_book(tmp_path, [["a", "b"], [None, None], ["1", "2"]])
    assert text_of(path, "attendance.csv") == "a,b\n\n1,2\n"
    assert [row.number for row in read_sheets(path, file_name="x")["attendance"]] == [1, 3]


def test_two_sheets_that_stand_for_one_file_are_refused(tmp_path):
    path = a_book(tmp_path, [["a"], ["1"]])
    book = load_workbook(path)
    book.create_sheet("Attendance ").append(["a"])
    book.save(path)
    with pytest.raises(ContractBroken, match=r"two sheets that both stand for attendance\.csv"):
        open_members(path, file_name=path.name)


def test_a_formula_in_a_feed_is_refused_with_its_row(tmp_path):
    path = a_book(tmp_path, [["a"], ["1"], ["=1+1"]])
    with pytest.raises(ContractBroken, match="row 3"):
        open_members(path, file_name=path.name)


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet><sheetData/></worksheet>'


def test_a_document_type_is_never_read(tmp_path):
    path = changed(a_book(tmp_path, [["a"]]), sheet1=BOMB)
    with pytest.raises(ArrivalUnsafe, match="document type"):
        open_members(path, file_name=path.name)


@pytest.mark.parametrize("part", [b"<worksheet><sheetData>", b"", b"no xml at all"])
def test_a_damaged_part_is_a_broken_file(part, tmp_path):
    path = changed(a_book(tmp_path, [["a"]]), sheet1=part)
    with pytest.raises(ContractBroken, match="cannot be read"):
        open_members(path, file_name=path.name)


FAR_CELLS = {
    "down": b'<row r="5000"><c r="A5000"><v>1</v></c></row>',
    "right": b'<row r="1"><c r="XFD1"><v>1</v></c></row>',
}


@pytest.mark.parametrize("where", FAR_CELLS)
def test_one_cell_far_off_is_not_waited_for(where, tmp_path, monkeypatch):
    """A few bytes may name row 1,000,000,000; all before it would be made, for hours."""
    monkeypatch.setattr(workbook, "CELLS_MAX", 1_000)
    main = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    part = b'<worksheet xmlns="%b"><sheetData>%b</sheetData></worksheet>'
    path = changed(a_book(tmp_path, [["a"]]), sheet1=part % (main, FAR_CELLS[where]))
    with pytest.raises(ArrivalUnsafe, match="more than 1000 cells"):
        open_members(path, file_name=path.name)


def test_a_reference_beyond_the_strings_is_a_broken_file(tmp_path):
    cell = b'<row r="1"><c r="A1" t="s"><v>999</v></c></row>'
    main = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    part = b'<worksheet xmlns="%b"><sheetData>%b</sheetData></worksheet>' % (main, cell)
    path = changed(a_book(tmp_path, [["a"]]), sheet1=part)
    with pytest.raises(ContractBroken, match="cannot be read"):
        open_members(path, file_name=path.name)


def test_a_plain_file_that_calls_itself_a_workbook_is_refused(tmp_path):
    path = tmp_path / "list.xlsx"
    path.write_text("a,b\n")
    with pytest.raises(ContractBroken, match="not what its name says"):
        open_members(path, file_name=path.name)
