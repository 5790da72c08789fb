"""A later night goes on with the same story; changes alone lead to the same place."""

from datetime import date

import pytest

from lib.district_builders import a_district, records

FIRST, LATER = date(2026, 3, 6), date(2026, 3, 20)
LARGE = {"schools": 3, "students": 300}
DAILY = [
    pytest.param("attendance.csv", None, ("studentUniqueId", "eventDate"), id="attendance"),
    pytest.param(
        "discipline.zip", "disciplineIncidents.csv", ("incidentIdentifier",), id="incidents"
    ),
    pytest.param(
        "discipline.zip",
        "studentDisciplineIncidentBehaviorAssociations.csv",
        ("incidentIdentifier", "studentUniqueId"),
        id="behaviors",
    ),
    pytest.param(
        "discipline.zip", "disciplineActions.csv", ("disciplineActionIdentifier",), id="actions"
    ),
    pytest.param("service_events.csv", None, ("event_id",), id="service events"),
]


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    """The first night whole, the later night whole, and the later night's changes."""
    home = tmp_path_factory.mktemp("nights")
    return {
        "first": a_district(home / "first", through=FIRST, **LARGE),
        "later": a_district(home / "later", through=LATER, **LARGE),
        "changes": a_district(home / "changes", through=LATER, since=FIRST, **LARGE),
    }


def keyed(folder, file, member, key):
    rows = records(folder / file, member)
    found = {tuple(row[name] for name in key): row for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize(("file", "member", "key"), DAILY)
def test_the_first_night_and_the_changes_make_the_later_night(nights, file, member, key):
    first, later, changes = (
        keyed(nights[night], file, member, key) for night in ("first", "later", "changes")
    )

    assert first | changes == later
    assert len(changes) < len(later) / 4


@pytest.mark.parametrize(("file", "member", "key"), DAILY)
def test_nothing_of_the_first_night_is_lost(nights, file, member, key):
    first = keyed(nights["first"], file, member, key)
    later = keyed(nights["later"], file, member, key)

    assert first.keys() <= later.keys()


def test_a_handful_of_older_attendance_is_corrected(nights):
    key = "studentUniqueId", "eventDate"
    first = keyed(nights["first"], "attendance.csv", None, key)
    changes = keyed(nights["changes"], "attendance.csv", None, key)
    corrected = [row for when, row in changes.items() if when in first]

    assert 1 <= len(corrected) <= 40
    assert all(first[row["studentUniqueId"], row["eventDate"]] != row for row in corrected)


def test_some_services_are_entered_late(nights):
    changes = records(nights["changes"] / "service_events.csv")
    late = [row for row in changes if row["event_date"] <= FIRST.isoformat()]

    assert late
    assert {row["event_type"] for row in late} <= {"attendance", "state"}


@pytest.mark.parametrize(
    ("file", "member", "key"),
    [
        ("roster.zip", "users.csv", "sourcedId"),
        ("roster.zip", "enrollments.csv", "sourcedId"),
        ("grades.zip", "results.csv", "sourcedId"),
        ("reviews.zip", "reviews.csv", "review_id"),
        ("consents.csv", None, "consent_id"),
    ],
)
def test_whole_feeds_keep_their_ids_from_night_to_night(nights, file, member, key):
    before = {row[key] for row in records(nights["first"] / file, member)}
    after = {row[key] for row in records(nights["later"] / file, member)}

    assert before <= after


@pytest.mark.parametrize(
    "file",
    ["roster.zip", "grades.zip", "providers.zip", "consents.csv", "reviews.zip", "staff.csv"],
)
def test_whole_feeds_are_whole_among_changes(nights, file):
    assert (nights["changes"] / file).read_bytes() == (nights["later"] / file).read_bytes()


def test_a_leaver_stays_in_the_roster_and_the_future_stays_out(nights):
    rows = records(nights["later"] / "roster.zip", "enrollments.csv")
    ends = {row["endDate"] for row in rows if row["endDate"]}

    assert any(end <= LATER.isoformat() for end in ends)
    assert all(row["beginDate"] <= LATER.isoformat() for row in rows)
    assert not any(LATER.isoformat() < end < "2026-06-01" for end in ends)
