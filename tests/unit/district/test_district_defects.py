"""Every planted defect does what it says, and nothing else."""

import csv
import zipfile
from collections import Counter

import pytest

from lib.district_builders import a_district, digests, records
from wraparound.district import DEFECTS


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return a_district(tmp_path_factory.mktemp("sound"))


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory):
    """A function: the folder of a district with one defect; each is made once."""
    made = {}

    def folder(name):
        if name not in made:
            made[name] = a_district(tmp_path_factory.mktemp(name), defects=(name,))
        return made[name]

    return folder


TOUCHED = {
    "bad_zip": {"roster.zip"},
    "zip_slip": {"roster.zip"},
    "encrypted_zip": {"roster.zip"},
    "nested_folder": {"roster.zip"},
    "truncated_roster": {"roster.zip"},
    "missing_manifest": {"roster.zip"},
    "last_years_file": {"roster.zip"},
    "missing_column": {"attendance.csv"},
    "extra_column": {"attendance.csv"},
    "unknown_code": {"attendance.csv"},
    "wrong_type": {"attendance.csv"},
    "ragged_rows": {"attendance.csv"},
    "repeated_rows": {"attendance.csv"},
    "latin1": {"attendance.csv"},
    "renamed_column": {"discipline.zip"},
    "duplicate_file": {"attendance_copy.csv"},
    "empty_file": {"service_events.csv"},
    "header_only": {"consents.csv"},
    "orphan_rows": {"attendance.csv", "roster.zip"},
    "unknown_feed": {"mystery.csv"},
}


def lines(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def members(path):
    with zipfile.ZipFile(path) as folder:
        return set(folder.namelist())


def test_every_defect_is_described_and_tested_here():
    assert set(DEFECTS) == set(TOUCHED)
    assert all(words and "\n" not in words for words in DEFECTS.values())


@pytest.mark.parametrize("name", sorted(TOUCHED))
def test_a_defect_touches_its_own_files_only(sound, spoiled, name):
    before, after = digests(sound), digests(spoiled(name))
    changed = {file for file in after if after[file] != before.get(file)}

    assert before.keys() <= after.keys()
    assert changed == TOUCHED[name]


def test_bad_zip_breaks_off(sound, spoiled):
    content = (spoiled("bad_zip") / "roster.zip").read_bytes()

    assert (sound / "roster.zip").read_bytes().startswith(content)
    assert not zipfile.is_zipfile(spoiled("bad_zip") / "roster.zip")


def test_zip_slip_points_outside(spoiled):
    assert "../../outside.csv" in members(spoiled("zip_slip") / "roster.zip")


def test_encrypted_zip_says_so_for_every_member(spoiled):
    with zipfile.ZipFile(spoiled("encrypted_zip") / "roster.zip") as folder:
        assert all(info.flag_bits & 1 for info in folder.infolist())
        with pytest.raises(RuntimeError, match="encrypted"):
            folder.read("users.csv")


def test_nested_folder_has_nothing_at_the_root(spoiled):
    assert all(
        name.startswith("export/") for name in members(spoiled("nested_folder") / "roster.zip")
    )


def test_missing_manifest_lacks_only_the_manifest(sound, spoiled):
    there = members(spoiled("missing_manifest") / "roster.zip")

    assert members(sound / "roster.zip") - there == {"manifest.csv"}


def test_truncated_roster_empties_one_school_and_keeps_references(sound, spoiled):
    def students(folder):
        rows = records(folder / "roster.zip", "users.csv")
        return Counter(row["orgSourcedIds"] for row in rows if row["role"] == "student")

    path = spoiled("truncated_roster") / "roster.zip"
    before, after = students(sound), students(spoiled("truncated_roster"))
    cut = [school for school in before if after[school] != before[school]]
    users = {row["sourcedId"] for row in records(path, "users.csv")}
    agents = {
        one for row in records(path, "users.csv") for one in row["agentSourcedIds"].split(",")
    }

    assert len(cut) == 1
    assert after[cut[0]] == 3
    assert {row["userSourcedId"] for row in records(path, "enrollments.csv")} <= users
    assert {row["sourcedId"] for row in records(path, "demographics.csv")} <= users
    assert agents - {""} <= users


def test_last_years_file_is_the_year_before(spoiled):
    sessions = records(spoiled("last_years_file") / "roster.zip", "academicSessions.csv")

    assert {row["schoolYear"] for row in sessions} == {"2025"}


def test_missing_column_is_gone_from_header_and_rows(sound, spoiled):
    before = lines(sound / "attendance.csv")
    after = lines(spoiled("missing_column") / "attendance.csv")

    assert "eventDate" not in after[0]
    assert {len(row) for row in after} == {len(before[0]) - 1}


def test_extra_column_stands_in_every_row(sound, spoiled):
    before = lines(sound / "attendance.csv")
    after = lines(spoiled("extra_column") / "attendance.csv")

    assert after[0] == [*before[0], "officeCode"]
    assert [row[:-1] for row in after] == before


def test_renamed_column_is_only_renamed(sound, spoiled):
    before = records(sound / "discipline.zip", "disciplineIncidents.csv")
    after = records(spoiled("renamed_column") / "discipline.zip", "disciplineIncidents.csv")

    assert "incidentDate" not in after[0]
    assert [row["incident_dt"] for row in after] == [row["incidentDate"] for row in before]


def test_unknown_code_is_in_every_tenth_row(spoiled):
    rows = records(spoiled("unknown_code") / "attendance.csv")
    places = [
        place
        for place, row in enumerate(rows)
        if row["attendanceEventCategoryDescriptor"] == "Skipped Class"
    ]

    assert places == list(range(0, len(rows), 10))


def test_wrong_type_is_in_row_seven(sound, spoiled):
    before, after = (
        lines(sound / "attendance.csv"),
        lines(spoiled("wrong_type") / "attendance.csv"),
    )

    assert [n for n, row in enumerate(after) if row != before[n]] == [7]
    assert after[7][2] == "31/31/2026"


def test_ragged_rows_are_five_and_eleven(sound, spoiled):
    width = len(lines(sound / "attendance.csv")[0])
    after = lines(spoiled("ragged_rows") / "attendance.csv")

    assert {n: len(row) - width for n, row in enumerate(after) if len(row) != width} == {
        5: -1,
        11: 1,
    }


def test_repeated_rows_are_the_first_ones_again(sound, spoiled):
    before = lines(sound / "attendance.csv")

    assert lines(spoiled("repeated_rows") / "attendance.csv") == before + before[1:26]


def test_orphan_rows_name_what_nobody_knows(sound, spoiled):
    folder = spoiled("orphan_rows")
    known = {row["sourcedId"] for row in records(sound / "roster.zip", "users.csv")}
    strangers = [
        row for row in records(folder / "attendance.csv") if row["studentUniqueId"] not in known
    ]
    orphans = [
        row
        for row in records(folder / "roster.zip", "enrollments.csv")
        if row["classSourcedId"] == "cls-9999999"
    ]

    assert (len(strangers), len(orphans)) == (5, 5)


def test_latin1_is_not_utf8(spoiled):
    content = (spoiled("latin1") / "attendance.csv").read_bytes()

    with pytest.raises(UnicodeDecodeError):
        content.decode()
    assert "Congé" in content.decode("cp1252").splitlines()[3]


def test_duplicate_file_is_the_same_file_twice(spoiled):
    first, second = (
        (spoiled("duplicate_file") / name).read_bytes()
        for name in ("attendance.csv", "attendance_copy.csv")
    )

    assert first == second


def test_empty_file_has_no_bytes(spoiled):
    assert (spoiled("empty_file") / "service_events.csv").read_bytes() == b""


def test_header_only_has_one_line(sound, spoiled):
    assert lines(spoiled("header_only") / "consents.csv") == lines(sound / "consents.csv")[:1]


def test_several_defects_can_be_planted_at_once(tmp_path):
    district = a_district(tmp_path, defects=("bad_zip", "wrong_type", "unknown_feed"))

    assert not zipfile.is_zipfile(district / "roster.zip")
    assert lines(district / "attendance.csv")[7][2] == "31/31/2026"
    assert (district / "mystery.csv").exists()


@pytest.mark.parametrize("feed", ["attendance", "roster"])
def test_orphan_rows_come_in_the_feeds_that_are_written(tmp_path, feed):
    alone = a_district(tmp_path, only=(feed,), defects=("orphan_rows",))

    assert len(digests(alone)) == 1
