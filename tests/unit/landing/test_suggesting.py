"""A profile that is begun from files: what they prove is in it, and nothing that they do not."""

import pytest

from lib.feed_builders import a_file, a_zip
from wraparound.contracts.district import load_district
from wraparound.contracts.loader import contract_of
from wraparound.errors import ContractBroken
from wraparound.landing.suggesting import members_of, suggest

ATTENDANCE_COLUMNS = (
    *("studentUniqueId", "schoolId", "eventDate", "attendanceEventCategoryDescriptor"),
)
KNOWN = {"attendance_codes": ["Tardy", "Unexcused Absence"]}


def begun(path, feed="attendance"):
    return suggest(members_of(path), contract=contract_of(feed), sender="grove", codes=KNOWN)


def profile_of(text, tmp_path, feed="attendance"):
    """The profile as the district file reads it when it is pasted as it stands."""
    file = tmp_path / "district.yml"
    file.write_text("name: Grove\ntime_zone: America/New_York\n" + text, encoding="utf-8")
    return load_district(file).profile(sender="grove", feed=feed)


def attendance_export(folder, *days, header="student_no,building,absence_date,code", mark=","):
    rows = [f"T-{n}{mark}S1{mark}{day}{mark}U" for n, day in enumerate(days)]
    text = "\n".join([header.replace(",", mark), *rows]) + "\n"
    return a_file(folder, "att_2026.csv", text)


def test_headers_are_paired_by_what_they_mean(tmp_path):
    text = begun(attendance_export(tmp_path, "2026-03-13"))
    profile = profile_of(text, tmp_path)

    assert profile.shape("events", file_name="att_2026.csv").columns == {
        "studentUniqueId": "student_no",
        "schoolId": "building",
        "eventDate": "absence_date",
        "attendanceEventCategoryDescriptor": "code",
    }
    assert profile.date_order == "YMD"
    assert profile.files == ("att_*.csv",)
    assert "file:" not in text  # tomorrow's has another name


@pytest.mark.parametrize(
    "header",
    [
        "Student Number,School Number,Att Date,Att Code",
        "Perm ID,Sch,Abs Dt,Abs Cd",
        "student.studentNumber,school.number,attendance.date,attendance.code",
        "STUDENTID,SCHOOLID,WHEN,ATTENDANCE_CODE",
        "[01]Student_Number,[13]SchoolID,Att_Date,Att_Code",
        "studentNumber,schoolNumber,date,code",
    ],
)
def test_headers_as_school_systems_write_them_are_paired(tmp_path, header):
    text = begun(attendance_export(tmp_path, "2026-03-13", header=header))

    shape = profile_of(text, tmp_path).shape("events", file_name="att_2026.csv")
    paired = {c: h.lower() for c, h in shape.columns.items()}
    theirs = dict(zip(ATTENDANCE_COLUMNS, header.lower().split(","), strict=True))
    assert {c: paired.get(c, c.lower()) for c in theirs} == theirs


@pytest.mark.parametrize(
    ("days", "order", "said"),
    [
        pytest.param(["03/13/2026", "03/04/2026"], "MDY", "proved: 1 of 2", id="a day above 12"),
        pytest.param(["13/03/2026", "04/03/2026"], "DMY", "proved: 1 of 2", id="the other way"),
        pytest.param(["3-Apr-26", "13-Apr-26"], "DMY", "proved: 2 of 2", id="a month by name"),
        pytest.param(["03/04/2026"], "YMD", "none of 1 dates proves which", id="not provable"),
        pytest.param(["13/03/2026", "03/13/2026"], "YMD", "only be DMY and 1 only", id="both"),
    ],
)
def test_the_order_of_dates_is_said_only_where_it_is_proved(tmp_path, days, order, said):
    text = begun(attendance_export(tmp_path, *days))

    assert profile_of(text, tmp_path).date_order == order
    assert said in text


def test_delimiter_and_encoding_are_found(tmp_path):
    path = attendance_export(tmp_path, "2026-03-13", mark=";")
    path.write_bytes(path.read_bytes() + "T-9;Sch\xf6n;2026-03-13;U\n".encode("cp1252"))

    profile = profile_of(begun(path), tmp_path)

    assert (profile.delimiter, profile.encoding) == (";", "cp1252")


def test_codes_are_listed_for_a_person_and_other_cells_are_not_told(tmp_path):
    text = begun(attendance_export(tmp_path, "2026-03-13", "2026-03-16"))

    assert "map each to one of Tardy, Unexcused Absence" in text
    assert '"U": ??' in text
    assert profile_of(text, tmp_path).shape("events").codes == {}
    assert "T-0" not in text
    assert "2026-03-13" not in text


def test_many_different_values_are_no_codes(tmp_path):
    lines = [f"T-{n},S1,2026-03-13,Alder{n}" for n in range(40)]
    path = a_file(tmp_path, "a.csv", "\n".join(["student_id,school_id,day,code", *lines]) + "\n")

    assert "Alder" not in begun(path)


def test_a_zip_of_several_files_fills_several_tables(tmp_path):
    members = {
        "School.csv": b"SIS ID,Name\n1,Grove\n2,Heath\n",
        "Student.csv": b"SIS ID,School SIS ID,First Name,Last Name,Password\n"
        b"7,1,Alder,Fir,secret\n",
        "Teacher.csv": b"SIS ID,School SIS ID,First Name,Last Name\n8,1,Birch,Fir\n",
        "Menu.csv": b"Monday,Soup\n1,2\n",
        "logo.png": b"\x89PNG\0",
    }
    text = begun(a_zip(tmp_path, "export.zip", members), "roster")
    profile = profile_of(text, tmp_path, "roster")

    assert set(profile.tables) == {"orgs", "users"}
    students, teachers = profile.tables["users"]
    assert (students.file, teachers.file) == ("Student.csv", "Teacher.csv")
    assert students.columns["orgSourcedIds"] == "School SIS ID"
    assert students.columns["givenName"] == "First Name"
    assert "password" not in students.columns
    assert "never read: Password" in text
    assert "secret" not in text
    assert "No table fits Menu.csv" in text
    assert "constants, look_ups or joined columns for: type" in text


@pytest.mark.parametrize(
    ("feed", "name", "header", "row", "table", "paired"),
    [
        pytest.param(
            *(
                "attendance",
                "att.csv",
                "Student_Number,SchoolID,Att_Date,Period,Section_ID,Att_Code",
            ),
            *(
                "7,S1,2026-03-13,P1,MATH.1,U",
                "section_events",
                {"sectionIdentifier": "Section_ID"},
            ),
            id="a period is no day",
        ),
        pytest.param(
            *(
                "attendance",
                "att.csv",
                "Student_Number,SchoolID,Att_Date,Period,Section_ID,Att_Code",
            ),
            *("7,S1,2026-03-13,,,U", "events", {"eventDate": "Att_Date"}),
            id="a day has a column for periods",
        ),
        pytest.param(
            *("roster", "Enrollments.csv", "Student_Number,SchoolID,EntryDate,ExitDate,ExitCode"),
            *("7,S1,2026-08-31,,", "school_associations", {"exitWithdrawDate": "ExitDate"}),
            id="stays by the name of classes",
        ),
        pytest.param(
            *("roster", "Students.csv", "State_ID,Student_Number,First_Name,Last_Name,SchoolID"),
            *("8,7,Alder,Fir,S1", "users", {"sourcedId": "Student_Number"}),
            id="the number of a student",
        ),
    ],
)
def test_a_file_begins_the_table_that_is_all_there(
    tmp_path, feed, name, header, row, table, paired
):
    text = begun(a_file(tmp_path, name, f"{header}\n{row}\n"), feed)

    profile = profile_of(text, tmp_path, feed)
    assert set(profile.tables) == {table}
    assert paired.items() <= profile.shape(table).columns.items()
    # What a person is, students' own files do not say.
    assert "joined columns for" not in text.replace("joined columns for: role", "")


def test_headers_that_look_like_yaml_stay_texts(tmp_path):
    path = a_file(tmp_path, "a.csv", '"student: #id","school ""id""",day,no\nT-1,S,2026-03-13,U\n')
    columns = profile_of(begun(path), tmp_path).shape("events").columns

    assert columns["studentUniqueId"] == "student: #id"
    assert columns["schoolId"] == 'school "id"'


def test_the_pattern_of_names_ends_as_the_name_does(tmp_path):
    path = a_file(
        tmp_path, "att_20261120.txt", "student\tschool\tday\tcode\nT-1\tS\t2026-10-01\tU\n"
    )
    assert profile_of(begun(path), tmp_path).files == ("att_*.txt",)
    packed = a_zip(tmp_path, "att_20261120.zip", {"inside.txt": path.read_bytes()})
    assert profile_of(begun(packed), tmp_path).files == ("att_*.zip",)


def test_json_is_no_table_and_nothing_of_it_is_told(tmp_path):
    path = a_file(tmp_path, "pantries.json", '[{"name": "Alder", "id": 1}]')
    with pytest.raises(ContractBroken, match="the paths are written by hand") as told:
        begun(path, "providers")
    assert "Alder" not in str(told.value)
    # A tree has its files further down.
    page = tmp_path / "api" / "students" / "incremental" / "upserts" / "rundate=2026-09-01"
    page.mkdir(parents=True)
    path.rename(page / "page.json")
    with pytest.raises(ContractBroken, match=r"page.json is JSON: .* maps the sender's own codes"):
        begun(tmp_path / "api", "attendance")


def test_a_file_in_which_nothing_is_alike_begins_an_empty_profile(tmp_path):
    text = begun(a_file(tmp_path, "a.csv", "one,two\n1,2\n"))

    assert profile_of(text, tmp_path).tables == {}
    assert "No table fits a.csv: left out. It has one, two." in text
    assert "#   events: studentUniqueId, schoolId, eventDate, attendanceEvent" in text


def test_the_one_table_of_a_feed_is_begun_though_nothing_is_alike(tmp_path):
    text = begun(a_file(tmp_path, "a.csv", "one,two\n1,2\n"), "calendar")

    assert "constants, look_ups or joined columns for: schoolId, date, calendarEvent" in text
    assert "nothing reads: one, two" in text


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"one\ntwo\n", "table of text"),
        (b"one,two\n\x00,\x01\n", "a.csv holds a NUL byte"),
        (b"\x1f\x8b\x08\x00", "a.csv is a gzip archive"),
        (b"\xef\xbb\xbf\r\n<HTML><body>", "a.csv is a web page"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "a.csv is an .xls"),
        ("one,two\n1,2\n".encode("utf-16"), "a.csv is UTF-16"),
        (b"one,two\rthree\n1,2\n", "must end in LF or CRLF"),
        ("Liste gedruckt f\u00fcr\nSchule\n".encode("cp1252"), "table of text"),
    ],
)
def test_what_is_no_table_is_no_beginning(tmp_path, content, why):
    with pytest.raises(ContractBroken, match=why):
        begun(a_file(tmp_path, "a.csv", content))


def test_a_portals_enrollments_are_enrollments_and_its_people_need_a_role(tmp_path):
    files = {
        "students.csv": b"School_id,Student_id,Last_name,First_name,Grade,DOB,Gender\n"
        b"1,20,Grove,Alder,3,2017-04-01,F\n",
        "enrollments.csv": b"School_id,Section_id,Student_id\n1,7,20\n",
        "schools.csv": b"School_id,School_name\n1,Grove\n",
    }
    text = begun(a_zip(tmp_path, "portal.zip", files), "roster")
    profile = profile_of(text, tmp_path, "roster")

    assert profile.shape("enrollments", file_name="enrollments.csv").columns == {
        "classSourcedId": "Section_id",
        "schoolSourcedId": "School_id",
        "userSourcedId": "Student_id",
    }
    (told,) = (line for line in text.splitlines() if line.endswith("columns for: role"))
    assert "constants" in told
    # What students.csv says of birth and gender is read in another table.
    assert "the file may fill demographics as well" in text
    assert "reads of it: sex: Gender, birthDate: DOB" in text


def test_one_file_of_incidents_and_children_may_fill_more_than_one_table(tmp_path):
    header = "incidentID,studentNumber,schoolNumber,incidentDate,resolutionName"
    text = begun(a_file(tmp_path, "b.csv", f"{header}\n1,2,3,2026-10-01,OSS\n"), "discipline")

    assert "may fill student_behaviors as well, which reads of it: student" in text
    assert "may fill actions as well" in text


def test_lines_that_end_in_a_return_alone_are_read(tmp_path):
    content = b"Student_Number\tSchoolID\tAtt_Date\tAtt_Code\r1\t2\t10/13/2026\tA\r"
    profile = profile_of(begun(a_file(tmp_path, "att.text", content)), tmp_path)
    assert (profile.delimiter, profile.date_order) == ("\t", "MDY")


def test_one_file_of_a_roster_is_named_with_what_else_must_be_there(tmp_path):
    text = "Student ID,First Name,Last Name,Grade\nT-1,Ash,Alder,03\n"
    text = begun(a_file(tmp_path, "students_20261120.csv", text), feed="roster")
    profile = profile_of(text, tmp_path, feed="roster")

    assert profile.names("students_20261121.csv")
    assert "# ?? nothing fills orgs, which has to be there: sourcedId, name, type" in text


def test_files_of_two_days_have_their_own_names(tmp_path):
    for day in ("20261120", "20261121"):
        text = "Student ID,First Name,Last Name,Grade\nT-1,Ash,Alder,03\n"
        a_file(tmp_path / "in", f"students_{day}.csv", text)
    profile = profile_of(begun(tmp_path / "in", feed="roster"), tmp_path, feed="roster")
    assert len(profile.named(["students_20261120.csv", "students_20261121.csv"])) == 2


def test_titles_above_a_header_are_counted(tmp_path):
    export = attendance_export(tmp_path, "2026-03-13", "2026-03-14", mark=";")
    export.write_text("Absences\nSchool year: 2026;;\n\n" + export.read_text())
    profile = profile_of(begun(export), tmp_path)

    layout = profile.layout_of("att_2027.csv")
    assert (layout.lines_above, layout.delimiter) == (3, ";")
    shape = profile.shape("events", file_name="att_2026.csv")
    assert shape.columns["studentUniqueId"] == "student_no"


def test_columns_without_a_header_are_left_to_be_named(tmp_path):
    path = a_file(tmp_path, "SENR_20261101.txt", "T-0001^S1^20261001\nT-0002^S1^20261001\n")
    text = begun(path)
    layout = profile_of(text, tmp_path).layout_of("SENR_20261201.txt")

    assert (layout.delimiter, layout.header) == ("^", ("??",) * 3)
    assert "T-0001" not in text
    assert "events: studentUniqueId, schoolId" in text


def test_each_file_has_its_own_delimiter(tmp_path):
    attendance_export(tmp_path / "in", "2026-03-13")
    text = "student_no\tschool\tsection\tdate\tcode\nT-1\tS1\tA\t2026-03-13\tTardy\n"
    a_file(tmp_path / "in", "section_attendance.txt", text)
    profile = profile_of(begun(tmp_path / "in"), tmp_path)

    marks = [profile.layout_of(n).delimiter for n in ("att_2026.csv", "section_attendance.txt")]
    assert marks == [",", "\t"]


def test_signs_that_stand_in_texts_part_no_cells(tmp_path):
    rows = "".join(f'T-{n},S1,2026-10-0{n + 1},"a{";b" * (5 + n)}"\n' for n in range(6))
    path = a_file(tmp_path, "att_01.csv", "student_no,school,date,code\n" + rows)
    assert profile_of(begun(path), tmp_path).layout_of(path.name).delimiter == ","
