"""A header held against the contract and a sender's profile."""

import pytest

from wraparound.contracts.district import TableProfile
from wraparound.contracts.loader import contract_of
from wraparound.errors import ContractBroken
from wraparound.warehouse.mapping import map_header

EVENTS = contract_of("attendance").tables["events"]
REQUIRED = ["studentUniqueId", "schoolId", "eventDate", "attendanceEventCategoryDescriptor"]


def mapped(header, **profile):
    return map_header(
        header,
        table=EVENTS,
        name="events",
        file_name="attendance.csv",
        profile=TableProfile.model_validate(profile),
    )


def test_every_cell_goes_to_its_column_whatever_the_order():
    assert mapped(list(reversed(REQUIRED))).positions == tuple(reversed(REQUIRED))


def test_an_unknown_column_goes_nowhere_and_is_told():
    mapping = mapped([*REQUIRED, "bus"])
    assert mapping.positions[-1] is None
    assert ("column_unknown", "bus") in [(n.rule, n.column) for n in mapping.notices]


def test_a_header_steers_no_terminal():
    mapping = mapped([*REQUIRED, "\x1b[2Jbus\u202e"])
    assert [n.column for n in mapping.notices if n.rule == "column_unknown"] == [
        "\\x1b[2Jbus\\u202e"
    ]
    with pytest.raises(ContractBroken, match=r"'bus\\x1b' comes twice"):
        mapped([*REQUIRED, "bus\x1b", "bus\x1b"])
    with pytest.raises(ContractBroken, match=r"'eventDate\\x1b' may be it"):
        mapped(["eventDate\x1b" if name == "eventDate" else name for name in REQUIRED])


def test_columns_without_a_name_are_told_together():
    mapping = mapped([*REQUIRED, "", "", ""])
    told = [(n.column, n.count) for n in mapping.notices if n.rule == "column_unknown"]
    assert told == [("(no name)", 3)]


def test_a_sender_maps_fills_and_joins():
    mapping = mapped(
        ["No", "Day", "Hour", "eventDate"],
        columns={"studentUniqueId": "No", "attendanceEventReason": ["Day", "Hour"]},
        constants={"schoolId": "T-S1", "attendanceEventCategoryDescriptor": "Tardy"},
    )
    assert mapping.positions == ("studentUniqueId", None, None, "eventDate")
    assert mapping.composed == {"attendanceEventReason": (1, 2)}
    assert [n.column for n in mapping.notices] == ["eventDuration", "schoolYear"]


def test_one_header_may_fill_two_columns():
    mapping = mapped(
        ["No", *REQUIRED[1:]],
        columns={"studentUniqueId": "No", "attendanceEventReason": "No"},
    )
    assert mapping.positions[0] == "studentUniqueId"
    assert mapping.composed == {"attendanceEventReason": (0,)}


def test_a_look_up_needs_the_header_that_names_the_record():
    profile = {"look_ups": {"schoolId": {"by": "Class", "table": "events", "column": "schoolId"}}}
    header = ["studentUniqueId", "Class", *REQUIRED[2:]]
    assert mapped(header, **profile).composed == {"schoolId~by": (1,)}
    assert "schoolId" in mapped(header, **profile).columns
    with pytest.raises(ContractBroken, match="schoolId"):
        mapped([h for h in header if h != "Class"], **profile)


def test_a_senders_own_name_wins_over_the_standards():
    mapping = mapped(
        ["studentUniqueId", "schoolId", "eventDate", "date2", REQUIRED[3]],
        columns={"eventDate": "date2"},
    )
    assert mapping.positions == ("studentUniqueId", "schoolId", None, "eventDate", REQUIRED[3])


def test_a_missing_column_is_named_with_what_may_be_it():
    with pytest.raises(ContractBroken, match=r"'eventDate'.*'event_date' may be it"):
        mapped([*REQUIRED[:2], "event_date", REQUIRED[3]])


def test_where_columns_are_missing_the_first_line_is_not_told():
    with pytest.raises(ContractBroken) as caught:
        mapped(["T-Rowan", "T-Rowan", "2026-10-01", "Tardy"])
    assert "Rowan" not in str(caught.value)
