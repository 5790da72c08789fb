"""Every id that is used is also defined, and headers are the contracts'."""

from datetime import date
from itertools import pairwise

import pytest

from lib.district_builders import a_district, records


@pytest.fixture(scope="module")
def district(tmp_path_factory):
    return a_district(tmp_path_factory.mktemp("district"), schools=4, students=150)


@pytest.fixture(scope="module")
def roster(district):
    return {
        name: records(district / "roster.zip", f"{name}.csv")
        for name in (
            "orgs", "academicSessions", "courses", "classes", "users", "enrollments",
            "demographics",
        )
    }  # fmt: skip


def ids(rows, column="sourcedId"):
    return {row[column] for row in rows}


def listed(rows, column):
    return {one for row in rows for one in row[column].split(",") if one}


REFERENCES = [
    ("orgs", "parentSourcedId", "orgs"),
    ("academicSessions", "parentSourcedId", "academicSessions"),
    ("courses", "schoolYearSourcedId", "academicSessions"),
    ("courses", "orgSourcedId", "orgs"),
    ("classes", "courseSourcedId", "courses"),
    ("classes", "schoolSourcedId", "orgs"),
    ("classes", "termSourcedIds", "academicSessions"),
    ("users", "orgSourcedIds", "orgs"),
    ("users", "agentSourcedIds", "users"),
    ("enrollments", "classSourcedId", "classes"),
    ("enrollments", "schoolSourcedId", "orgs"),
    ("enrollments", "userSourcedId", "users"),
    ("demographics", "sourcedId", "users"),
]


@pytest.mark.parametrize(("table", "column", "target"), REFERENCES)
def test_roster_references_resolve(roster, table, column, target):
    assert listed(roster[table], column) <= ids(roster[target])


@pytest.mark.parametrize(
    "table", ["orgs", "academicSessions", "courses", "classes", "users", "enrollments"]
)
def test_roster_ids_are_unique(roster, table):
    assert len(ids(roster[table])) == len(roster[table])


def test_grades_reference_the_roster(district, roster):
    items = records(district / "grades.zip", "lineItems.csv")
    results = records(district / "grades.zip", "results.csv")
    categories = records(district / "grades.zip", "categories.csv")

    assert ids(items, "classSourcedId") <= ids(roster["classes"])
    assert ids(items, "categorySourcedId") <= ids(categories)
    assert ids(items, "gradingPeriodSourcedId") <= ids(roster["academicSessions"])
    assert ids(results, "lineItemSourcedId") <= ids(items)
    assert ids(results, "studentSourcedId") <= ids(roster["users"])
    assert len(ids(results)) == len(results)


STUDENT_COLUMNS = [
    ("attendance.csv", None, "studentUniqueId"),
    ("discipline.zip", "studentDisciplineIncidentBehaviorAssociations.csv", "studentUniqueId"),
    ("discipline.zip", "disciplineActions.csv", "studentUniqueId"),
    ("service_events.csv", None, "student_id"),
    ("consents.csv", None, "student_id"),
    ("reviews.zip", "reviews.csv", "student_id"),
]
SCHOOL_COLUMNS = [
    ("calendar.csv", None, "schoolId"),
    ("attendance.csv", None, "schoolId"),
    ("discipline.zip", "disciplineIncidents.csv", "schoolId"),
    ("discipline.zip", "disciplineActions.csv", "responsibilitySchoolId"),
    ("service_events.csv", None, "school_id"),
    ("reviews.zip", "reviews.csv", "school_id"),
    ("staff.csv", None, "school_id"),
]


@pytest.mark.parametrize(("file", "member", "column"), STUDENT_COLUMNS)
def test_students_of_other_feeds_are_in_the_roster(district, roster, file, member, column):
    students = {row["sourcedId"] for row in roster["users"] if row["role"] == "student"}
    used = ids(records(district / file, member), column)

    assert used
    assert used <= students


@pytest.mark.parametrize(("file", "member", "column"), SCHOOL_COLUMNS)
def test_schools_of_other_feeds_are_in_the_roster(district, roster, file, member, column):
    schools = {row["sourcedId"] for row in roster["orgs"] if row["type"] == "school"}

    assert ids(records(district / file, member), column) <= schools


def test_discipline_hangs_together(district):
    path = district / "discipline.zip"
    incidents = ids(records(path, "disciplineIncidents.csv"), "incidentIdentifier")
    members = "studentDisciplineIncidentBehaviorAssociations.csv", "disciplineActions.csv"

    for member in members:
        assert ids(records(path, member), "incidentIdentifier") <= incidents


def test_support_hangs_together(district, roster):
    services = ids(records(district / "providers.zip", "services.csv"), "id")
    partners = ids(records(district / "providers.zip", "organizations.csv"), "id") | {""}
    reviews = records(district / "reviews.zip", "reviews.csv")
    domains = records(district / "reviews.zip", "review_domains.csv")
    staff = ids(records(district / "staff.csv"), "staff_id")

    assert ids(records(district / "service_events.csv"), "service_id") <= services
    assert ids(records(district / "consents.csv"), "recipient_organization_id") <= partners
    assert ids(reviews, "class_id") <= ids(roster["classes"])
    assert ids(reviews, "reviewed_by") <= staff
    of_classes = [row for row in reviews if row["kind"] == "whole_class"]
    assert len(domains) == 4 * len(of_classes)
    assert ids(domains, "review_id") == ids(of_classes, "review_id")


PROVIDER_REFERENCES = [
    ("services", "organization_id", "organizations"),
    ("services", "program_id", "programs"),
    ("programs", "organization_id", "organizations"),
    ("locations", "organization_id", "organizations"),
    ("service_at_location", "service_id", "services"),
    ("service_at_location", "location_id", "locations"),
    ("addresses", "location_id", "locations"),
    ("phones", "organization_id", "organizations"),
    ("schedules", "service_id", "services"),
    ("languages", "service_id", "services"),
    ("service_areas", "service_id", "services"),
    ("required_documents", "service_id", "services"),
    ("cost_options", "service_id", "services"),
    ("taxonomy_terms", "taxonomy_id", "taxonomies"),
    ("attributes", "link_id", "services"),
    ("attributes", "taxonomy_term_id", "taxonomy_terms"),
    ("accessibility", "location_id", "locations"),
    ("service_capacity", "service_id", "services"),
    ("service_capacity", "unit_id", "units"),
]


@pytest.mark.parametrize(("table", "column", "target"), PROVIDER_REFERENCES)
def test_provider_references_resolve(district, table, column, target):
    path = district / "providers.zip"
    used = ids(records(path, f"{table}.csv"), column) - {""}

    assert used
    assert used <= ids(records(path, f"{target}.csv"), "id")


def test_every_student_has_one_homeroom_at_a_time(roster):
    homerooms = {row["sourcedId"] for row in roster["classes"] if row["classType"] == "homeroom"}
    spells = {}
    for row in roster["enrollments"]:
        if row["role"] == "student" and row["classSourcedId"] in homerooms:
            spells.setdefault(row["userSourcedId"], []).append((row["beginDate"], row["endDate"]))

    assert set(spells) == {u["sourcedId"] for u in roster["users"] if u["role"] == "student"}
    for stays in spells.values():
        ordered = sorted(stays)
        assert all(before[1] and before[1] <= after[0] for before, after in pairwise(ordered))


def test_bulk_rows_say_nothing_of_status(roster):
    for rows in roster.values():
        assert {(row["status"], row["dateLastModified"]) for row in rows} == {("", "")}


def test_a_manifest_names_every_file_as_it_is(district):
    manifest = {
        row["propertyName"]: row["value"]
        for row in records(district / "roster.zip", "manifest.csv")
    }

    assert manifest["oneroster.version"] == "1.1"
    assert manifest["file.users"] == "bulk"
    assert manifest["file.results"] == "absent"


def test_early_in_the_year_gradebook_files_are_absent_not_empty(tmp_path):
    district = a_district(tmp_path, through=date(2025, 9, 2))
    manifest = records(district / "grades.zip", "manifest.csv")

    assert {"propertyName": "file.results", "value": "absent"} in manifest
    assert {"propertyName": "file.categories", "value": "bulk"} in manifest
