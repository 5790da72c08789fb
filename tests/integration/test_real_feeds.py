"""Other people's files, kept beside the checkout: counts as their README gives them."""

import csv
import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from lib.dbt_in_tests import build_part
from lib.directories import FLORIDA, OHANA, PANTRIES
from lib.feed_builders import Child, Roster, a_zip, with_member
from lib.release_builders import PROJECT_ROOT
from lib.warehouse_in_tests import (
    a_fresh_warehouse,
    findings,
    is_conserved,
    landed_and_loaded,
    places_with,
    query,
    write_district,
)
from wraparound.contracts.district import load_district
from wraparound.contracts.loader import contract_of
from wraparound.landing.suggesting import members_of, suggest
from wraparound.orchestration import explaining, nights

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the sample data (../shared/data) are not beside the checkout"
)
ROSTER = "roster__"


def count(settings, table, condition="true"):
    (row,) = query(
        settings,
        f"select count(*) as n from raw.{table} where _deleted_at is null and {condition}",
    )
    return row["n"]


def loaded(settings, path, **words):
    (arrival,) = landed_and_loaded(settings, DATA / path, **words)
    assert arrival["state"] == "loaded", arrival["message"]
    assert is_conserved(arrival)
    return arrival


def rules(arrival):
    return {notice["rule"] for notice in arrival["notices"]}


# ----------------------------------------------------------------- OneRoster


@pytest.mark.parametrize(
    ("size", "students", "teachers", "administrators", "homerooms", "enrolled"),
    [("small", 248, 16, 4, 17, 1736), ("medium", 778, 50, 9, 52, 5446)],
)
def test_a_vendors_package_is_read_without_losing_a_row(
    settings, size, students, teachers, administrators, homerooms, enrolled
):
    arrival = loaded(settings, f"oneroster/gospelnerd/district-{size}.zip")
    expected = json.loads((DATA / "oneroster/gospelnerd/expected_counts.json").read_text())
    rows = expected[f"district-{size}"]["rows"]
    assert arrival["rows_in"] == arrival["rows_loaded"] == sum(rows.values())
    assert findings(settings) == []
    tables = {"academicSessions": "academic_sessions"}
    assert {name: count(settings, ROSTER + tables.get(name, name)) for name in rows} == rows
    assert [
        count(settings, "roster__users", f"role = '{role}'")
        for role in ("student", "teacher", "administrator")
    ] == [students, teachers, administrators]
    assert count(settings, "roster__classes", "class_type = 'homeroom'") == homerooms
    assert count(settings, "roster__enrollments", "role = 'student'") == enrolled
    assert {"status_filled_in_bulk", "school_year_as_range"} <= rules(arrival)
    assert query(settings, "select distinct school_year from raw.roster__academic_sessions") == [
        {"school_year": 2026}
    ]
    (keys,) = query(settings, "select count(distinct student_key) as n from ops.student_crosswalk")
    assert keys["n"] == students


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_both_versions_of_a_standard_give_the_same_roster(settings, version):
    arrival = loaded(settings, f"oneroster/edfi-lms-{version}")
    assert arrival["rows_quarantined"] == 0
    assert findings(settings) == []
    (people,) = query(
        settings,
        "select count(*) as n, count(birth_date) as dated, count(sex) as with_sex"
        " from raw.roster__users inner join raw.roster__demographics using (sourced_id)"
        " where role = 'student'",
    )
    assert people == {"n": 8, "dated": 8, "with_sex": 8}
    assert count(settings, "roster__users", "role = 'student'") == 8
    assert count(settings, "roster__classes") == 2
    assert count(settings, "roster__enrollments", "role = 'student'") == 20
    (pairs,) = query(
        settings,
        "select count(distinct (user_sourced_id, class_sourced_id)) as n"
        " from raw.roster__enrollments where role = 'student'",
    )
    assert pairs["n"] == 10
    assert ("oneroster_1_0_without_manifest" in rules(arrival)) == (version == "1.0")


SDS = """
senders:
  sds:
    title: School Data Sync, version 1
    feeds:
      roster:
        date_order: MDY
        tables:
          orgs:
            file: School.csv
            columns: {sourcedId: SIS ID, name: Name, identifier: School Number}
            constants: {type: school}
          academic_sessions:
            file: Section.csv
            columns:
              sourcedId: Term SIS ID
              title: Term Name
              startDate: Term StartDate
              endDate: Term EndDate
            constants: {type: term, schoolYear: "2018"}
          courses:
            file: Section.csv
            columns:
              sourcedId: Course SIS ID
              title: Course Name
              courseCode: Course Number
              orgSourcedId: School SIS ID
          users:
            - file: Student.csv
              columns: &people
                sourcedId: SIS ID
                orgSourcedIds: School SIS ID
                givenName: First Name
                familyName: Last Name
                middleName: Middle Name
                username: Username
                grades: Grade
                identifier: Student Number
              constants: {role: student}
            - file: Teacher.csv
              columns: {<<: *people, identifier: Teacher Number}
              constants: {role: teacher}
          classes:
            file: Section.csv
            columns:
              sourcedId: SIS ID
              schoolSourcedId: School SIS ID
              title: Section Name
              courseSourcedId: Course SIS ID
              termSourcedIds: Term SIS ID
              periods: Periods
            constants: {classType: scheduled}
          enrollments:
            - file: StudentEnrollment.csv
              columns: &enrolled
                sourcedId: [Section SIS ID, SIS ID]
                classSourcedId: Section SIS ID
                userSourcedId: SIS ID
              look_ups: &school
                schoolSourcedId: {by: Section SIS ID, table: classes, column: schoolSourcedId}
              constants: {role: student}
            - file: TeacherRoster.csv
              columns: *enrolled
              look_ups: *school
              constants: {role: teacher}
"""


def test_school_data_sync_is_read_by_a_profile(settings):
    write_district(settings, SDS)
    arrival = loaded(settings, "oneroster/microsoft-sds-csv/v1-100-users", sender="sds")
    assert arrival["feed"] == "roster"
    assert findings(settings) == []
    assert count(settings, "roster__orgs") == 2
    assert count(settings, "roster__classes") == 28
    assert count(settings, "roster__users", "role = 'student'") == 86
    assert count(settings, "roster__users", "role = 'teacher'") == 12
    assert count(settings, "roster__enrollments", "role = 'student'") == 602
    assert count(settings, "roster__enrollments", "role = 'teacher'") == 28
    by_school = query(
        settings,
        "select count(distinct user_sourced_id) as n from raw.roster__enrollments"
        " where role = 'student' group by school_sourced_id order by 1 desc",
    )
    assert [row["n"] for row in by_school] == [60, 26]


MINIMUM = """
senders:
  least:
    title: School Data Sync, the fewest columns
    feeds:
      roster:
        tables:
          orgs:
            file: School.csv
            columns: {sourcedId: SIS ID, name: Name}
            constants: {type: school}
          users:
            - file: Student.csv
              columns: &people
                sourcedId: SIS ID
                orgSourcedIds: School SIS ID
                username: Username
                givenName: Username
              constants: {role: student, familyName: "(not sent)"}
            - file: Teacher.csv
              columns: *people
              constants: {role: teacher, familyName: "(not sent)"}
          classes:
            file: Section.csv
            columns: {sourcedId: SIS ID, schoolSourcedId: School SIS ID, title: Section Name}
            constants: {classType: scheduled, courseSourcedId: "(not sent)"}
          enrollments:
            - file: StudentEnrollment.csv
              columns: &enrolled
                sourcedId: [Section SIS ID, SIS ID]
                classSourcedId: Section SIS ID
                userSourcedId: SIS ID
              look_ups: &school
                schoolSourcedId: {by: Section SIS ID, table: classes, column: schoolSourcedId}
              constants: {role: student}
            - file: TeacherRoster.csv
              columns: *enrolled
              look_ups: *school
              constants: {role: teacher}
"""


def test_the_fewest_columns_are_enough(settings):
    write_district(settings, MINIMUM)
    loaded(settings, "oneroster/microsoft-sds-csv/v1-minimum-columns", sender="least")
    assert [f for f in findings(settings) if f[4] == "row"] == []
    assert count(settings, "roster__users", "role = 'student'") == 22
    assert count(settings, "roster__users", "role = 'teacher'") == 2
    assert count(settings, "roster__enrollments", "role = 'student'") == 44


SECOND = """
senders:
  second:
    title: School Data Sync, version 2
    feeds:
      roster:
        tables:
          orgs:
            file: orgs.csv
            codes: {type: {ministryofeducation: national, university: local, college: department}}
          users:
            file: users.csv
            columns: {grades: grade}
            codes:
              role: {staff: administrator, faculty: teacher, Professor: teacher, Lecturer: teacher}
          classes:
            file: classes.csv
            columns: {schoolSourcedId: orgSourcedId}
            constants: {classType: scheduled, courseSourcedId: "(not sent)"}
          enrollments:
            file: enrollments.csv
            columns: {sourcedId: [classSourcedId, userSourcedId]}
            look_ups:
              schoolSourcedId: {by: classSourcedId, table: classes, column: schoolSourcedId}
            codes:
              role: {staff: administrator, faculty: teacher, Professor: teacher, Lecturer: teacher}
"""


def test_the_second_version_is_read_by_another_profile(settings):
    write_district(settings, SECOND)
    loaded(settings, "oneroster/microsoft-sds-csv/v2", sender="second")
    assert [f for f in findings(settings) if f[4] == "row"] == []
    assert count(settings, "roster__users") == 29
    assert count(settings, "roster__users", "role = 'student'") == 22
    assert count(settings, "roster__enrollments") == 29


def test_a_password_is_stored_nowhere(settings):
    write_district(settings, SDS)
    arrival = loaded(settings, "oneroster/microsoft-sds-csv/v1-100-users", sender="sds")
    assert ("column_refused", "Password") in [
        (notice["rule"], notice["column"]) for notice in arrival["notices"]
    ]
    assert places_with(settings, "P@ssw") == []
    for table in query(
        settings,
        "select table_schema || '.' || table_name as name from information_schema.tables"
        " where table_schema in ('raw', 'restricted')",
    ):
        found = query(
            settings, f"select 1 from {table['name']} as t where t::text like '%%P@ssw%%' limit 1"
        )
        assert found == [], table["name"]


# ----------------------------------------------------------------- HSDS


def test_the_specifications_own_example(settings):
    arrival = loaded(settings, "hsds/hsds-spec-3.x-examples/csv")
    assert arrival["feed"] == "providers"
    assert arrival["rows_quarantined"] == 0
    assert Counter(finding[3] for finding in findings(settings)) == {
        "reference_missing": 4,
        "out_of_range": 1,
    }
    services = query(
        settings,
        "select minimum_age, maximum_age from raw.providers__services where status = 'active'",
    )
    assert [tuple(map(int, row.values())) for row in services] == [(12, 100)]
    assert count(settings, "providers__service_at_location") == 1
    assert query(settings, "select latitude from raw.providers__locations") == [{"latitude": None}]


def test_an_older_directory_is_read_by_a_profile(settings):
    write_district(settings, OHANA)
    loaded(settings, "hsds/hsds-ohana-smc/sample-csv", sender="ohana")
    tables = "organizations locations services addresses phones contacts taxonomy_terms programs"
    assert [count(settings, f"providers__{table}") for table in tables.split()] == [
        8, 22, 23, 21, 54, 31, 290, 1,
    ]  # fmt: skip
    statuses = query(
        settings, "select status, count(*) as n from raw.providers__services group by status"
    )
    assert {row["status"]: row["n"] for row in statuses} == {
        "active": 21,
        "defunct": 1,
        "inactive": 1,
    }
    assert [f for f in findings(settings) if f[4] == "row"] == []


def test_a_real_directory_is_read_by_a_profile_and_its_broken_row_set_aside(settings):
    write_district(settings, FLORIDA)
    arrival = loaded(settings, "hsds/hsds-florida-legal", sender="florida")
    # Organizations are read for the one term of the directory too, services for who carries it.
    assert (arrival["rows_in"], arrival["rows_duplicate"]) == (2 * 20 + 378 + 2 * 135, 19)
    assert arrival["rows_quarantined"] == 1
    assert [count(settings, f"providers__{t}") for t in ("organizations", "locations")] == [
        20,
        378,
    ]
    assert count(settings, "providers__services") == 134
    assert count(settings, "providers__services", "id like '5b5743ff-%%'") == 0
    ages = "coalesce(minimum_age, 0) <= {0} and coalesce(maximum_age, 999) >= {0}"
    assert count(settings, "providers__services", ages.format(14)) == 117
    assert count(settings, "providers__services", ages.format(18)) == 129
    assert (
        count(settings, "providers__services", "minimum_age is null and maximum_age is null")
        == 106
    )


# ----------------------------------------------------------------- attendance of a local export


CONTOSO = """
senders:
  contoso:
    title: A local export of attendance
    feeds:
      attendance:
        tables:
          events:
            columns:
              studentUniqueId: student_id
              schoolId: school_id
              eventDate: attendance_date
              attendanceEventCategoryDescriptor: AttendanceCode
            codes:
              attendanceEventCategoryDescriptor: {P: Present, A: Unexcused Absence}
"""


class Guest(Child):
    """A student whose id is the sender's."""

    @property
    def id(self):
        return self.name


DAYS = "edfi/oea-contoso-sis/batch1/studentattendance.csv"
PANTRY_FILE = "hsds/hsds-haarrrvest-cc0/western_massachusetts.jsonl"
FOUR_DIRECTORIES = {
    "ohana": "hsds/hsds-ohana-smc/sample-csv",
    "florida": "hsds/hsds-florida-legal",
    "pantries": PANTRY_FILE,
    "default": "hsds/hsds-spec-3.x-examples/csv",
}


@pytest.fixture(scope="module")
def contoso(server, tmp_path_factory):
    """A night over the 600 ids of an export, their days, and four directories of services."""
    home = tmp_path_factory.mktemp("contoso")
    with (DATA / DAYS).open(newline="") as file:
        pairs = sorted({(row["student_id"], row["school_id"]) for row in csv.DictReader(file)})
    guests = tuple(Guest(student, school=school, grade="08") for student, school in pairs)
    members = Roster(guests, school_year=2022).members()
    born = with_member(members, "demographics.csv", change=("2017-04-01", "2007-09-01"))
    senders = "".join(
        text.replace("\nsenders:", "") for text in (CONTOSO, OHANA, FLORIDA, PANTRIES)
    )
    with a_fresh_warehouse(server, home) as settings:
        write_district(settings, f"senders:{senders}")
        (arrival,) = landed_and_loaded(settings, a_zip(home / "in", "roster.zip", born))
        assert arrival["rows_quarantined"] == 0
        loaded(settings, DAYS, sender="contoso", feed="attendance")
        for sender, path in FOUR_DIRECTORIES.items():
            loaded(settings, path, sender=sender)
        nights.build(settings, as_of=date(2022, 1, 28))
        yield settings


def test_a_local_export_of_attendance_is_read_whole(contoso):
    (arrival,) = query(contoso, "select * from ops.arrival where feed = 'attendance'")
    assert (arrival["rows_in"], arrival["rows_loaded"]) == (12000, 12000)
    absent = "attendance_event_category_descriptor = 'Unexcused Absence'"
    assert count(contoso, "attendance__events", absent) == 1285
    shares = query(
        contoso,
        f"select count(*) filter (where {absent}) as absent, count(*) as days"
        " from raw.attendance__events group by _student_source_id",
    )
    assert len(shares) == 600
    assert sum(10 * row["absent"] >= row["days"] for row in shares) == 382
    assert sum(10 * row["absent"] > row["days"] for row in shares) == 208


def test_chronic_absence_is_at_or_above_ten_per_cent(contoso):
    rows = query(
        contoso,
        "select school_key, is_chronically_absent, days_absent, days_enrolled"
        " from marts.fct_attendance_to_date where scope = 'school'",
    )
    assert len(rows) == 600
    assert {row["days_enrolled"] for row in rows} == {20}
    chronic = Counter(row["school_key"] for row in rows if row["is_chronically_absent"])
    assert sum(chronic.values()) == 382
    assert sorted(chronic.values()) == [72, 74, 76, 79, 81]
    assert sum(row["days_absent"] for row in rows) == 1285


# ----------------------------------------------------------------- needs and directories

# A service is looked for where each child is chronically absent, and 14 years old.
BY_DIRECTORY = """
    select s._sender, count(*) as services,
        count(*) filter (where s.status = 'active') as active,
        count(*) filter (where d.service_categories <> '{}') as in_a_category,
        count(f.service_id) filter (where f.is_fit) as fitting,
        count(f.service_id) filter (where f.excluded_by = 'age') as for_other_ages
    from raw.providers__services as s
    inner join marts.dim_services as d on s.id = d.service_id
    left join intermediate.int_service_fits_judged as f
        on s.id = f.service_id and f.need_number = 1
    where s._deleted_at is null group by 1
"""
TITLES = {
    "default": "the specification's example",
    "florida": "legal aid",
    "ohana": "an older county directory",
    "pantries": "food pantries",
}


def test_needs_of_a_district_are_held_against_real_directories(contoso):
    page = (PROJECT_ROOT / "docs/directories.md").read_text(encoding="utf-8")
    set_aside = {
        row["sender"]: row["rows_quarantined"]
        for row in query(contoso, "select * from ops.arrival where feed = 'providers'")
    }
    found = {row.pop("_sender"): row for row in query(contoso, BY_DIRECTORY)}
    told = {
        f"| {title} | {' | '.join(map(str, found[sender].values()))} | {set_aside[sender]} |"
        for sender, title in TITLES.items()
    }
    assert told <= set(page.splitlines()), "\n".join(sorted(told))
    assert {row["services"] for row in found.values()} == {1, 134, 23, 8}


def test_what_real_directories_lack_is_listed_for_a_person(contoso):
    counts = Counter(row["finding"] for row in explaining.directory_findings(contoso))
    page = (PROJECT_ROOT / "docs/directories.md").read_text(encoding="utf-8")
    assert counts.keys() == {
        *("no_ages", "no_category", "no_count_of_places", "not_assured_lately"),
        *("parent_unknown", "possible_duplicate"),
    }
    for finding, number in counts.items():
        assert f"| `{finding}` | {number} |" in page


def test_services_of_real_directories_are_explained(contoso):
    (child,) = query(contoso, "select student_source_id from reports.rpt_referral_queue limit 1")

    def verdict(name):
        (service,) = query(
            contoso, "select service_id from marts.dim_services where service_name = %s", name
        )
        (answer,) = explaining.why(
            contoso, student=child["student_source_id"], service=service["service_id"]
        )
        return answer.rule_id, answer.verdict

    wanted = "the need looks in attendance_outreach, mentoring, family_assistance"
    assert verdict("Title IIIB - Elder Services") == (
        "AT-01",
        "left out: the child is outside its ages",
    )
    assert verdict("Project Read") == ("AT-01", f"left out: it is in tutoring; {wanted}")
    assert verdict("Community Counselling") == (
        "AT-01",
        f"left out: it is in no category that is known; {wanted}",
    )
    assert verdict("Children (Education)") == (
        "AT-01",
        "fits: choice 5; not needed: an earlier choice has a place",
    )


# ----------------------------------------------------------------- attendance by section


SECTIONS = """
senders:
  contoso:
    title: A local export of attendance by section
    feeds:
      attendance:
        date_order: DMY
        tables:
          section_events:
            columns:
              studentUniqueId: student_id
              schoolId: school_id
              eventDate: attendance_date
              sectionIdentifier: section_id
              classPeriodName: Period
              attendanceEventCategoryDescriptor: AttendanceCode
            codes:
              attendanceEventCategoryDescriptor: {P: Present, A: Unexcused Absence}
"""
FRAMEWORK = "edfi/oea-contoso-sis/framework/day1/studentattendance/part1.csv"


@pytest.fixture
def one_guest(settings, tmp_path):
    """A warehouse with the one student of the export, in the school year of its days."""
    roster = Roster((Guest("st1", school="sch0"),), school_year=2020)
    (arrival,) = landed_and_loaded(settings, roster.write(tmp_path / "in"))
    assert arrival["rows_quarantined"] == 0
    return settings


def test_periods_make_days_by_the_share_that_was_missed(one_guest):
    write_district(one_guest, SECTIONS)
    arrival = loaded(one_guest, FRAMEWORK, sender="contoso", feed="attendance")
    assert (arrival["rows_in"], arrival["rows_duplicate"]) == (1462, 1)
    models = ("int_section_days_summed", "fct_attendance_to_date")
    build_part(one_guest, *models, as_of=date(2020, 6, 19))
    (days,) = query(
        one_guest,
        "select count(*) as all_days,"
        " count(*) filter (where periods_missed = period_count) as all_periods,"
        " count(*) filter (where periods_missed * 2 > period_count) as more_than_half,"
        " count(*) filter (where periods_missed * 2 >= period_count) as half_or_more,"
        " count(*) filter (where periods_missed > 0) as any_period"
        " from intermediate.int_section_days_summed",
    )
    assert tuple(days.values()) == (244, 0, 4, 26, 178)
    # Half of a day attended is a day present, by the definitions in force.
    absent = "select count(*) as n from intermediate.int_attendance_events_decided where is_absent"
    assert query(one_guest, absent) == [{"n": 4}]


def test_a_file_under_the_label_of_another_year_is_held(one_guest):
    labelled = SECTIONS.replace(
        "            codes:", "              schoolYear: school_year\n            codes:"
    )
    write_district(one_guest, labelled)
    (arrival,) = landed_and_loaded(
        one_guest, DATA / FRAMEWORK, sender="contoso", feed="attendance"
    )
    assert (arrival["state"], arrival["code"]) == ("refused", "W21")
    assert "school year 2021" in arrival["message"]
    assert "2020" in arrival["message"]


# ----------------------------------------------------------------- profiles, begun from the files


BEGUN = {
    "oneroster/microsoft-sds-csv/v1-100-users": ("roster", {"orgs", "classes", "users"}),
    "oneroster/microsoft-sds-csv/v2": ("roster", {"orgs", "classes", "users", "enrollments"}),
    "oneroster/microsoft-sds-csv/v2.1": ("roster", {"orgs", "roles", "users", "demographics"}),
    "edfi/oea-contoso-sis/batch1/studentattendance.csv": ("attendance", {"events"}),
    "hsds/hsds-ohana-smc/sample-csv": ("providers", {"organizations", "services", "phones"}),
    "hsds/hsds-florida-legal": ("providers", {"organizations", "services", "locations"}),
}


@pytest.mark.parametrize("path", sorted(BEGUN))
def test_a_profile_can_be_begun_from_the_files(settings, path):
    feed, tables = BEGUN[path]
    text = suggest(members_of(DATA / path), contract=contract_of(feed), sender="begun", codes={})
    write_district(settings, text)
    profile = load_district(settings.district_file).profile(sender="begun", feed=feed)
    assert tables <= set(profile.tables)
    assert "P@ssw" not in text


def test_what_is_begun_from_a_directory_loads_it_when_one_constant_is_said(settings):
    text = suggest(
        members_of(DATA / "hsds/hsds-florida-legal"),
        contract=contract_of("providers"),
        sender="florida",
        codes={},
    )
    marked = "# ?? a header, constants, look_ups or joined columns for: status"
    assert marked in text
    write_district(settings, text.replace(marked, "constants: {status: active}"))
    loaded(settings, "hsds/hsds-florida-legal", sender="florida")
    tables = ("organizations", "locations", "services")
    assert [count(settings, f"providers__{t}") for t in tables] == [20, 378, 134]


VERSION_2_1 = """
senders:
  later:
    title: School Data Sync, version 2.1
    feeds:
      roster:
        tables:
          academic_sessions: {file: academicSessions.csv}
          orgs:
            file: orgs.csv
            codes: {type: {ministryOfEducation: national, college: department}}
          courses: {file: courses.csv, columns: {courseCode: code, grades: grade}}
          classes:
            file: classes.csv
            columns: {schoolSourcedId: orgSourcedId, termSourcedIds: sessionSourcedIds}
            constants: {classType: scheduled}
          users: {file: users.csv}
          roles:
            file: roles.csv
            columns:
              sourcedId: [userSourcedId, orgSourcedId, role]
              beginDate: roleStartDate
              endDate: roleEndDate
            constants: {roleType: primary}
            codes: {role: {professor: teacher}}
          enrollments:
            file: enrollments.csv
            columns: {sourcedId: [classSourcedId, userSourcedId]}
            look_ups:
              schoolSourcedId: {by: classSourcedId, table: classes, column: schoolSourcedId}
            codes: {role: {professor: teacher}}
          demographics: {file: demographics.csv, columns: {sourcedId: userSourcedId}}
          contact_associations:
            file: relationships.csv
            columns:
              studentUniqueId: userSourcedId
              contactSourcedId: relationshipUserSourcedId
              relationDescriptor: relationshipRole
      programs:
        tables:
          student_program_associations:
            file: userFlags.csv
            columns: {studentUniqueId: userSourcedId, programName: flag,
                      programTypeDescriptor: flag}
            constants: {beginDate: "2021-08-24"}
            codes:
              programTypeDescriptor:
                iep: Special Education
                freeLunch: School Food Services
                "504": Section 504 Placement
"""


def test_version_2_1_is_read_by_a_profile(settings):
    write_district(settings, VERSION_2_1)
    folder = "oneroster/microsoft-sds-csv/v2.1"
    arrival = loaded(settings, folder, sender="later", feed="roster")
    assert [f for f in findings(settings) if f[4] == "row"] == []
    tables = ("users", "roles", "demographics", "enrollments", "classes", "orgs")
    assert [count(settings, f"roster__{t}") for t in tables] == [8, 7, 6, 6, 2, 4]
    assert count(settings, "roster__roles", "role = 'student'") == 4
    assert count(settings, "roster__contact_associations") == 3
    # What belongs to another feed is read under that feed, and said not to be read here.
    assert ("file_not_used", 1) in Counter(n["rule"] for n in arrival["notices"]).items()
    loaded(settings, f"{folder}/userFlags.csv", sender="later", feed="programs")
    kinds = query(settings, "select program_type_descriptor as kind from raw.programs__"
                  "student_program_associations order by 1")  # fmt: skip
    assert [row["kind"] for row in kinds] == [
        "School Food Services",
        "Section 504 Placement",
        "Special Education",
    ]
    for table in ("roster__users", "programs__student_program_associations"):
        assert query(settings, f"select 1 from raw.{table} t where t::text like '%%P@ssw%%'") == []
