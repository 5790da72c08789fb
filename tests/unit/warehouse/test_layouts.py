"""Files that do not begin with their header: what is said of them, and what is read."""

import pytest

from lib.feed_builders import a_file
from wraparound.contracts.district import FeedProfile
from wraparound.contracts.loader import contract_of
from wraparound.errors import ContractBroken
from wraparound.landing.csv_source import CsvSource
from wraparound.landing.opening import Member
from wraparound.warehouse.mapping import map_source

HEADER = "studentUniqueId,schoolId,eventDate,attendanceEventCategoryDescriptor\n"
ROW = "T-0001,S1,2026-10-02,Tardy\n"


def mapped(folder, text, **layout):
    path = a_file(folder, "att_01.csv", text)
    member = Member(path.name, len(text), path, zipped=False)
    profile = FeedProfile.model_validate({"layouts": {"att_*.csv": layout}} if layout else {})
    return map_source(
        CsvSource.of(member, profile),
        table=contract_of("attendance").tables["events"],
        name="events",
        profile=profile.shape("events"),
    )


@pytest.mark.parametrize(
    ("text", "layout", "why"),
    [
        (f"Absences\n\nof today\n{HEADER}{ROW}", {}, "its header is row 4, .* lines_above: 3"),
        (f"Absences\n{HEADER}{ROW}", {"lines_above": 3}, "its header is row 2"),
        (ROW, {}, "first line holds values: .* no header, .* in their order"),
        (ROW, {"header": ["a", "b", "c"]}, "4 cells in its first row, .* names 3 columns"),
        (
            f"a,B,C,D\n{ROW}",
            {"header": ["ssid", "b", "", "x"]},
            "has a header, .* names 4 columns",
        ),
        (ROW, {"header": ["a", "b", "c", "d"]}, "lacks column 'studentUniqueId'"),
    ],
)
def test_a_header_that_is_not_there_is_told_with_what_to_say(tmp_path, text, layout, why):
    with pytest.raises(ContractBroken, match=why) as refused:
        mapped(tmp_path, text, **layout)
    assert "T-0001" not in str(refused.value)


def test_a_file_that_a_pattern_names_has_its_layout(tmp_path):
    own = ["studentUniqueId", "", "eventDate", "attendanceEventCategoryDescriptor", "schoolId"]
    found = mapped(tmp_path, "T-1^^2026-10-02^Tardy^S1\n", delimiter="^", header=own)
    assert found.positions == tuple(name or None for name in own)


def test_periods_by_number_are_a_header(tmp_path):
    with pytest.raises(ContractBroken) as refused:
        mapped(tmp_path, "Student,1,2,3\nT-0001,A,,\n")
    assert "holds values" not in str(refused.value)
