"""Ed-Fi as JSON: the same promises as for CSV, and those of a change feed."""

import json
import zipfile

import pytest

from lib.edfi_builders import (
    SCHOOL_ID,
    absence,
    an_extract,
    named,
    school,
    school_day,
    stay,
    student,
)
from lib.feed_builders import a_file
from lib.warehouse_in_tests import (
    a_fresh_warehouse,
    arrivals,
    findings,
    is_conserved,
    landed_and_loaded,
    live,
    query,
    raw_state,
    write_district,
)
from wraparound.orchestration import nights
from wraparound.orchestration.handing_back import hand_back
from wraparound.warehouse import table_load

TREES = ("Alder", "Birch", "Cedar", "Damson")
SCHOOL = {
    "schools": [school()],
    "students": [student(tree) for tree in TREES],
    "studentSchoolAssociations": [stay(tree) for tree in TREES],
}


def loaded(settings, path, **words):
    found = landed_and_loaded(settings, path, **words)
    for arrival in found:
        assert arrival["state"] == "loaded", arrival["message"]
        assert is_conserved(arrival)
    return found


@pytest.fixture(scope="module")
def with_school(server, tmp_path_factory):
    """A warehouse that holds four students of one school, told by an API; to make copies of."""
    home = tmp_path_factory.mktemp("schooled")
    with a_fresh_warehouse(server, home) as settings:
        loaded(settings, an_extract(home / "first" / "api", SCHOOL))
        yield settings


@pytest.fixture
def schooled(with_school, tmp_path):
    """A fresh warehouse that holds the school already."""
    with a_fresh_warehouse(with_school, tmp_path) as fresh:
        yield fresh


def people(settings):
    return [row[0] for row in live(settings, "roster__users", "sourced_id")]


def rules(settings):
    return [finding[2:] for finding in findings(settings)]


# ------------------------------------------------------------------ what is read


def test_stays_of_students_are_read_with_their_natural_keys(schooled):
    assert people(schooled) == [f"T-{tree}" for tree in TREES]
    assert live(schooled, "roster__school_associations", "school_id", "_school_source_id") == [
        (str(SCHOOL_ID), str(SCHOOL_ID))
    ] * len(TREES)
    assert findings(schooled) == []
    # Their schools are in the stays: that students.json names none is nothing to tell of each.
    assert query(schooled, "select rule from ops.row_notice") == []
    (arrival,) = arrivals(schooled)
    assert arrival["effective_at"].isoformat() == "2026-09-01T04:00:00+00:00"


def test_one_package_of_many_feeds_is_an_arrival_of_each(schooled, tmp_path):
    more = {
        "calendarDates": [school_day("2026-09-01", "Instructional day")],
        "studentSchoolAttendanceEvents": [absence("Birch", "2026-09-01")],
        "bellSchedules": [{"id": "1"}],
    }
    found = loaded(schooled, an_extract(tmp_path / "api", more))
    assert sorted(arrival["feed"] for arrival in found) == ["attendance", "calendar"]
    notices = [n["rule"] for arrival in found for n in arrival["notices"]]
    assert notices == ["resource_not_read"]
    assert live(schooled, "attendance__events", "_student_source_id") == [("T-Birch",)]


@pytest.mark.parametrize("form", ["zip", "pages", "array"])
def test_a_zip_and_single_files_give_the_same_tables(schooled, tmp_path, form):
    expected = raw_state(schooled)
    later = tmp_path / "again"
    an_extract(tmp_path / "first" / "api", SCHOOL, day="2026-09-02")
    if form == "zip":
        path = later / "extract.zip"
        later.mkdir()
        with zipfile.ZipFile(path, "w") as packed:
            packed.mkdir("api")
            for file in sorted((tmp_path / "first").rglob("*.json")):
                packed.write(file, str(file.relative_to(tmp_path / "first")))
    else:
        for name, records in SCHOOL.items():
            page = {"value": records, "@odata.count": 1} if name == "students" else records
            text = json.dumps(page) if form == "array" else "\n".join(map(json.dumps, records))
            path = a_file(later, f"{name}_2026-09-02.json", text).parent
    found = loaded(schooled, path)
    assert sum(arrival["rows_unchanged"] for arrival in found) == 1 + 3 * len(TREES)
    assert raw_state(schooled) == expected


def test_an_empty_page_changes_nothing(schooled, tmp_path):
    (arrival,) = loaded(schooled, an_extract(tmp_path / "api", {"students": []}, day="2026-09-02"))
    assert arrival["rows_in"] == 0
    assert people(schooled) == [f"T-{tree}" for tree in TREES]


def test_pages_weigh_on_the_brake_as_one_file_does(settings, tmp_path):
    tree = tmp_path / "api"
    an_extract(tree, {"schools": [school()]})
    for page in range(4):
        names = [f"Oak{page}x{place}" for place in range(12)]
        an_extract(
            tree,
            {"students": map(student, names), "studentSchoolAssociations": map(stay, names)},
            name=f"page{page}",
        )
    loaded(settings, tree)
    assert len(people(settings)) == 48


def test_a_page_more_holds_no_lock_more(schooled, tmp_path, monkeypatch):
    """A server has a few thousand locks for all, and a year in pages of 500 has more pages."""
    days = [f"2026-09-{day:02}" for day in range(1, 5)]
    tree = tmp_path / "api"
    for page, day in enumerate(days):
        one, odd = absence("Birch", day), absence("Cedar", day, "Gone")
        key = {"studentUniqueId": "T-Birch", "schoolId": SCHOOL_ID, "eventDate": day}
        moved = {"oldKeyValues": key, "newKeyValues": key | {"eventDate": f"2026-10-0{page + 1}"}}
        for kind, records in (
            ("upserts", [one, one, odd]),
            ("deletes", [{"id": one["id"]}, {"id": "nobody's"}]),
            ("keyChanges", [{"id": one["id"], **moved}]),
        ):
            events = {"studentSchoolAttendanceEvents": records}
            an_extract(tree, events, kind=kind, name=f"page{page}")
    held = {"upserts": [], "deletes": [], "keyChanges": []}
    keep_noted = table_load.keep_noted

    def counted(connection, judging):
        keep_noted(connection, judging)
        found = connection.execute(
            "select count(*) as n from pg_locks where pid = pg_backend_pid()"
        ).fetchone()
        held[judging.file_name.split("/")[2]].append(found["n"])

    monkeypatch.setattr(table_load, "keep_noted", counted)
    loaded(schooled, tree)
    assert [kind for kind, found in held.items() if len(found) != 4 or found[3] > found[1]] == []


def test_members_that_nobody_reads_are_kept_apart_and_told_by_name(schooled, tmp_path):
    changed = raw_state(schooled)
    more = {
        "students": [
            student("Alder", house="Owls", birthCity="Canary", _ext={"tpdm": {"bus": 7}}),
            student("Birch", loginPassword="Canary", **{"T-Canary": "x"}),
            student("Elder", house="Newts"),
        ]
    }
    (arrival,) = loaded(schooled, an_extract(tmp_path / "api", more, day="2026-09-02"))
    assert (arrival["rows_unchanged"], arrival["rows_quarantined"]) == (4, 0)
    assert [(n["rule"], n["table"], n["column"], n["count"]) for n in arrival["notices"]] == [
        ("column_unknown", "users", "house", 2),
        ("column_unknown", "users", "_ext.tpdm.bus", 1),
        ("column_refused", "users", "loginPassword", 1),
        ("member_not_kept", "users", None, 1),
    ]
    assert live(schooled, "roster__users", "sourced_id", "_extra")[::4] == [
        ("T-Alder", {"house": "Owls", "_ext.tpdm.bus": "7"}),
        ("T-Elder", {"house": "Newts"}),
    ]
    assert not any("Canary" in str(row) for row in raw_state(schooled) if row not in changed)


# ------------------------------------------------------------------ what is set aside


def test_a_malformed_record_is_set_aside_with_its_line_and_the_rest_is_loaded(settings, tmp_path):
    lines = [json.dumps(student("Alder")), '{"studentUniqueId": "T-', json.dumps(student("Birch"))]
    lines += [json.dumps(student("Cedar", birthDate="1 April")), "[]"]
    path = a_file(tmp_path, "students.jsonl", "\r\n".join(lines))
    (arrival,) = loaded(settings, path)
    assert people(settings) == ["T-Alder", "T-Birch", "T-Cedar"]
    assert findings(settings) == [
        ("students.jsonl", 2, None, "not_json", "row"),
        ("students.jsonl", 4, "birthDate", "not_a_date", "cell"),
        ("students.jsonl", 5, None, "not_an_object", "row"),
    ]
    assert (arrival["rows_in"], arrival["rows_quarantined"]) == (5 + 3, 2)

    # The file fills two tables, of which each has columns of its own.
    files = hand_back(settings, arrival["arrival_id"], folder=tmp_path / "out", by="T. Linden")
    assert sum(file.row_count for file in files) == 3
    written = [file.path.read_text() for file in files]
    assert sorted(text.count("\n") for text in written) == [1 + 1, 1 + 2]
    assert sum("1 April" in text for text in written) == 1


def test_an_unmapped_descriptor_is_a_finding_until_the_profile_maps_it(schooled, tmp_path):
    gone = an_extract(
        tmp_path / "api",
        {"studentSchoolAttendanceEvents": [absence("Birch", "2026-09-01", kind="Vanished")]},
    )
    (arrival,) = loaded(schooled, gone)
    assert rules(schooled) == [("attendanceEventCategoryDescriptor", "unknown_code", "row")]
    assert live(schooled, "attendance__events", "event_date") == []
    write_district(
        schooled,
        "senders:\n  default:\n    feeds:\n      attendance:\n        tables:\n          events:\n"
        "            codes:\n              attendanceEventCategoryDescriptor:\n"
        "                {Vanished: Unexcused Absence}\n",
    )
    nights.replay_arrival(schooled, arrival["arrival_id"])
    assert findings(schooled) == []
    assert live(schooled, "attendance__events", "attendance_event_category_descriptor") == [
        ("Unexcused Absence",)
    ]
    # Nor is anything else of a tree taken for the table whose codes the profile maps.
    tree = an_extract(
        tmp_path / "more",
        {
            "studentSchoolAttendanceEvents": [absence("Cedar", "2026-09-02", kind="Vanished")],
            "calendarDates": [school_day("2026-09-02", "Instructional day")],
            "bellSchedules": [{"id": "bells", "bellScheduleName": "Regular"}],
        },
        day="2026-09-02",
    )
    more = {arrival["feed"]: arrival["rows_in"] for arrival in loaded(schooled, tree)}
    assert more == {"attendance": 1, "calendar": 1}


def test_events_of_unknown_students_wait_for_them(schooled, tmp_path):
    loaded(
        schooled,
        an_extract(
            tmp_path / "a", {"studentSchoolAttendanceEvents": [absence("Elder", "2026-09-01")]}
        ),
    )
    assert rules(schooled) == [("studentUniqueId", "student_unknown", "row")]
    loaded(
        schooled, an_extract(tmp_path / "b", {"students": [student("Elder")]}, day="2026-09-02")
    )
    assert findings(schooled) == []
    assert live(schooled, "attendance__events", "_student_source_id") == [("T-Elder",)]


def test_a_day_that_is_told_again_replaces_what_was_said_of_it(schooled, tmp_path):
    first = [school_day("2026-09-01", "Instructional day"), school_day("2026-09-02", "Holiday")]
    loaded(schooled, an_extract(tmp_path / "a", {"calendarDates": first}))
    again = [school_day("2026-09-01", "Weather day", "Other")]
    loaded(schooled, an_extract(tmp_path / "b", {"calendarDates": again}, day="2026-09-02"))
    assert live(schooled, "calendar__dates", "date::text", "calendar_event_descriptor") == [
        ("2026-09-01", "Other"),
        ("2026-09-01", "Weather day"),
        ("2026-09-02", "Holiday"),
    ]


INCIDENTS = [
    {"incidentIdentifier": number, "schoolReference": {"schoolId": SCHOOL_ID},
     "incidentDate": "2026-09-01"}
    for number in ("I1", "I2")
]  # fmt: skip


def an_action(*disciplines, **words):
    reference = "studentDisciplineIncidentBehaviorAssociationReference"
    return {
        "id": "action-1",
        "disciplineActionIdentifier": "A1",
        "studentReference": {"studentUniqueId": "T-Birch"},
        "disciplineDate": "2026-09-02",
        "responsibilitySchoolReference": {"schoolId": SCHOOL_ID},
        "disciplines": [{"disciplineDescriptor": named("Discipline", d)} for d in disciplines],
        "studentDisciplineIncidentBehaviorAssociations": [
            {reference: {"incidentIdentifier": number}} for number in ("I1", "I2")
        ],
    } | words


def disciplines(settings):
    return live(settings, "discipline__actions", "discipline_descriptor", "incident_identifiers")


def test_every_discipline_of_an_action_is_kept_with_all_its_incidents(schooled, tmp_path):
    iss, oss, both = "In School Suspension", "Out of School Suspension", ["I1", "I2"]
    first = {"disciplineIncidents": INCIDENTS, "disciplineActions": [an_action(iss, oss)]}
    loaded(schooled, an_extract(tmp_path / "a", first))
    assert disciplines(schooled) == [(iss, both), (oss, both)]
    # What is said of the action again replaces its disciplines; a record without any says nothing.
    loaded(schooled, an_extract(tmp_path / "b", {"disciplineActions": [an_action("Expulsion")]},
                                day="2026-09-03"))  # fmt: skip
    loaded(schooled, an_extract(tmp_path / "c", {"disciplineActions": [an_action()]},
                                day="2026-09-04"))  # fmt: skip
    assert disciplines(schooled) == [("Expulsion", both)]
    assert rules(schooled) == [(None, "list_empty", "row")]
    deleted(schooled, tmp_path / "d", "disciplineActions", {"id": "action-1"}, day="2026-09-05")
    assert disciplines(schooled) == []


def an_incident(number, tree="Birch"):
    return {
        "disciplineIncidentReference": {"incidentIdentifier": number, "schoolId": SCHOOL_ID},
        "studentReference": {"studentUniqueId": f"T-{tree}"},
    }


def test_the_part_in_an_incident_is_read_as_older_standards_tell_it(schooled, tmp_path):
    def association(tree, *behaviors):
        return an_incident("I1", tree) | {
            "id": f"association-{tree}",
            "behaviors": [{"behaviorDescriptor": named("Behavior", one)} for one in behaviors],
            "studentParticipationCodeDescriptor": named("StudentParticipationCode", "Victim"),
        }

    def parts():
        columns = ("student_unique_id", "behavior_descriptor", "participation_code_descriptor")
        return live(schooled, "discipline__student_behaviors", *columns)

    resource = "studentDisciplineIncidentAssociations"
    birch, cedar = association("Birch", "Fighting", "Theft"), association("Cedar", "Theft")
    loaded(
        schooled,
        an_extract(tmp_path / "a", {"disciplineIncidents": INCIDENTS, resource: [birch, cedar]}),
    )
    of_cedar = ("T-Cedar", "Theft", "Victim")
    assert parts() == [("T-Birch", "Fighting", "Victim"), ("T-Birch", "Theft", "Victim"), of_cedar]
    # What is said of the student in the incident again replaces what was said before.
    sent = {resource: [association("Birch", "Theft")]}
    loaded(schooled, an_extract(tmp_path / "b", sent, day="2026-09-03"))
    assert parts() == [("T-Birch", "Theft", "Victim"), of_cedar]
    deleted(schooled, tmp_path / "c", resource, {"id": "association-Birch"}, day="2026-09-04")
    assert parts() == [of_cedar]


def test_codes_of_the_standard_itself_set_nothing_aside(schooled, tmp_path):
    def programs(*types):
        return [
            {
                "studentReference": {"studentUniqueId": "T-Birch"},
                "programReference": {
                    "programName": kind,
                    "programTypeDescriptor": named("ProgramType", kind),
                },
                "beginDate": "2026-08-24",
            }
            for kind in types
        ]

    guns = "Expulsion under Guns Free School Act with Services"
    grade = named("GradeLevel", "Prekindergarten")
    sent = {
        "studentSchoolAssociations": [stay("Birch", entryGradeLevelDescriptor=grade)],
        "disciplineIncidents": INCIDENTS,
        "disciplineActions": [an_action(guns)],
        "studentProgramAssociations": programs(
            "IDEA", "Student School Food Service", "Title I Part A"
        ),
        "assessments": [
            {
                "assessmentIdentifier": "A-1",
                "academicSubjects": [
                    {"academicSubjectDescriptor": named("AcademicSubject", "Science")}
                ],
            }
        ],
        "studentAssessments": [
            {
                "studentAssessmentIdentifier": "SA-1",
                "assessmentReference": {"assessmentIdentifier": "A-1"},
                "studentReference": {"studentUniqueId": "T-Birch"},
                "administrationDate": "2026-09-10",
                "scoreResults": [
                    {
                        "assessmentReportingMethodDescriptor": named(
                            "AssessmentReportingMethod", "Scale score"
                        ),
                        "result": "1450",
                    }
                ],
            }
        ],
    }
    loaded(schooled, an_extract(tmp_path / "a", sent))
    assert findings(schooled) == []
    assert disciplines(schooled) == [(guns, ["I1", "I2"])]
    assert len(live(schooled, "programs__student_program_associations", "program_name")) == 3


def test_what_names_a_record_that_comes_later_is_loaded_with_it(schooled, tmp_path):
    behavior = an_incident("I1") | {"behaviorDescriptor": named("Behavior", "Other")}
    early = {
        "studentDisciplineIncidentBehaviorAssociations": [behavior],
        "disciplineActions": [an_action("Expulsion")],
    }
    loaded(schooled, an_extract(tmp_path / "a", early))
    assert sorted(rules(schooled)) == [
        ("incidentIdentifier", "reference_missing", "cell"),
        ("incidentIdentifier", "reference_missing", "row"),
    ]
    assert disciplines(schooled) == [("Expulsion", [])]
    loaded(schooled, an_extract(tmp_path / "b", {"disciplineIncidents": INCIDENTS}))
    assert findings(schooled) == []
    assert disciplines(schooled) == [("Expulsion", ["I1", "I2"])]
    assert len(live(schooled, "discipline__student_behaviors", "incident_identifier")) == 1


def test_an_unmapped_discipline_is_a_finding_and_no_zero(schooled, tmp_path):
    sent = {"disciplineActions": [an_action("Sent home", "In School Suspension")]}
    loaded(schooled, an_extract(tmp_path / "a", {"disciplineIncidents": INCIDENTS} | sent))
    assert rules(schooled) == [("disciplineDescriptor", "unknown_code", "row")]
    assert [row[0] for row in disciplines(schooled)] == ["In School Suspension"]


def test_staff_are_read_of_their_assignments(schooled, tmp_path):
    def assignment(number, kind):
        return {
            "staffReference": {"staffUniqueId": f"T-staff-{number}"},
            "educationOrganizationReference": {"educationOrganizationId": SCHOOL_ID},
            "staffClassificationDescriptor": named("StaffClassification", kind),
            "beginDate": "2026-08-24",
            "endDate": "2027-06-30",
        }

    told = [assignment(1, "Principal"), assignment(2, "Bus driver")]
    resource = "staffEducationOrganizationAssignmentAssociations"
    (arrival,) = loaded(schooled, an_extract(tmp_path / "api", {resource: told}))
    assert arrival["feed"] == "staff"
    assert live(schooled, "staff__assignments", "staff_id", "role", "end_date::text") == [
        ("T-staff-1", "principal", "2027-07-01")
    ]
    assert rules(schooled) == [("role", "unknown_code", "row")]


# ------------------------------------------------------------------ order


def test_an_older_day_does_not_overwrite_a_newer_one(schooled, tmp_path):
    newer = {"students": [student("Birch", firstName="Newer")]}
    older = {"students": [student("Birch", firstName="Older")]}
    loaded(schooled, an_extract(tmp_path / "new", newer, day="2026-09-05"))
    loaded(schooled, an_extract(tmp_path / "old", older, day="2026-09-03"))
    names = live(schooled, "roster__users", "sourced_id", "given_name")
    assert ("T-Birch", "Newer") in names


def test_days_of_one_package_are_taken_in_their_order(schooled, tmp_path):
    tree = tmp_path / "api"
    an_extract(tree, {"students": [student("Elder")]}, day="2026-09-03")
    an_extract(tree, {"students": [{"Id": "student-Elder"}]}, day="2026-09-02", kind="deletes")
    loaded(schooled, tree)
    assert "T-Elder" in people(schooled)


# ------------------------------------------------------------------ what goes


def deleted(settings, folder, resource, *records, day="2026-09-02"):
    return loaded(settings, an_extract(folder, {resource: records}, day=day, kind="deletes"))


def test_a_delete_ends_the_record_and_what_hangs_on_it(schooled, tmp_path):
    tree = tmp_path / "api"
    an_extract(tree, {"students": [{"Id": "student-Alder", "ChangeVersion": "7"}]},
               day="2026-09-02", kind="deletes")  # fmt: skip
    an_extract(tree, {"studentSchoolAssociations": [{"id": "stay-Alder-910-2026-08-31"}]},
               day="2026-09-02", kind="deletes")  # fmt: skip
    (arrival,) = loaded(schooled, tree)
    assert (arrival["rows_in"], arrival["rows_ended"]) == (3, 3)
    assert people(schooled) == ["T-Birch", "T-Cedar", "T-Damson"]
    assert len(live(schooled, "roster__demographics", "sourced_id")) == 3
    assert findings(schooled) == []


@pytest.mark.parametrize(
    ("resource", "record"),
    [
        pytest.param("schools", {"Id": f"school-{SCHOOL_ID}"}, id="a school with students in it"),
        pytest.param("students", {"Id": "student-Alder"}, id="a student with a stay"),
        pytest.param("schools", {"keyValues": {"schoolId": SCHOOL_ID}}, id="by its key"),
    ],
)
def test_a_delete_that_others_still_name_is_held_back_and_told(
    schooled, tmp_path, resource, record
):
    before = raw_state(schooled)
    (arrival,) = deleted(schooled, tmp_path / "api", resource, record)
    assert raw_state(schooled) == before
    assert rules(schooled) == [("sourcedId", "still_named", "row")]
    assert "1 row is set aside" in arrival["message"]


def test_a_delete_of_an_unknown_id_is_tolerated_and_counted(schooled, tmp_path):
    before = raw_state(schooled)
    (arrival,) = deleted(schooled, tmp_path / "api", "schools", {"Id": "nobody's"})
    assert raw_state(schooled) == before
    assert [(n["rule"], n["count"]) for n in arrival["notices"]] == [
        ("deletes_of_unknown_records", 1)
    ]


def test_an_older_delete_does_not_end_what_came_later(schooled, tmp_path):
    one = absence("Birch", "2026-09-01")
    events = {"studentSchoolAttendanceEvents": [one]}
    loaded(schooled, an_extract(tmp_path / "a", events, day="2026-09-05"))
    deleted(
        schooled,
        tmp_path / "b",
        "studentSchoolAttendanceEvents",
        {"Id": one["id"]},
        day="2026-09-03",
    )
    assert len(live(schooled, "attendance__events", "event_date")) == 1


def test_deletes_that_would_empty_a_school_wait_for_a_person(schooled, tmp_path):
    gone = [{"id": f"stay-{tree}-910-2026-08-31"} for tree in TREES]
    tree = an_extract(
        tmp_path / "api", {"studentSchoolAssociations": gone}, day="2026-09-02", kind="deletes"
    )
    (arrival,) = landed_and_loaded(schooled, tree)
    assert (arrival["state"], arrival["code"]) == ("braked", "W26")
    assert len(live(schooled, "roster__school_associations", "entry_date")) == len(TREES)


def test_a_changed_key_moves_the_record(schooled, tmp_path):
    key = {"studentUniqueId": "T-Birch", "schoolId": SCHOOL_ID, "entryDate": "2026-08-31"}
    change = {
        "id": "stay-Birch-910-2026-08-31",
        "oldKeyValues": key,
        "newKeyValues": key | {"entryDate": "2026-09-07"},
    }
    unknown = {"id": "nobody's", "oldKeyValues": key | {"entryDate": "2020-01-01"},
               "newKeyValues": key}  # fmt: skip
    tree = an_extract(
        tmp_path / "api",
        {"studentSchoolAssociations": [change, unknown]},
        day="2026-09-02",
        kind="keyChanges",
    )
    (arrival,) = loaded(schooled, tree)
    stays = live(schooled, "roster__school_associations", "student_unique_id", "entry_date::text")
    assert ("T-Birch", "2026-09-07") in stays
    assert len(stays) == len(TREES)
    assert [(n["rule"], n["count"]) for n in arrival["notices"]] == [
        ("key_changes_of_unknown_records", 1)
    ]
    again = {"studentSchoolAssociations": [stay("Birch", begins="2026-09-07", id=change["id"])]}
    loaded(schooled, an_extract(tmp_path / "c", again, day="2026-09-03"))
    assert len(live(schooled, "roster__school_associations", "entry_date")) == len(TREES)


def test_a_changed_key_that_cannot_be_read_is_set_aside(schooled, tmp_path):
    key = {"studentUniqueId": "T-Birch", "schoolId": SCHOOL_ID, "entryDate": "2026-08-31"}
    change = {"id": "stay-Birch-910-2026-08-31", "oldKeyValues": key,
              "newKeyValues": key | {"entryDate": "soon"}}  # fmt: skip
    tree = an_extract(
        tmp_path / "api",
        {"studentSchoolAssociations": [change]},
        day="2026-09-02",
        kind="keyChanges",
    )
    before = raw_state(schooled)
    loaded(schooled, tree)
    assert rules(schooled) == [("entryDate", "not_a_date", "row")]
    assert raw_state(schooled) == before


def test_assessments_take_their_subject_from_the_assessment(schooled, tmp_path):
    subject = {"academicSubjectDescriptor": named("AcademicSubject", "Reading")}
    test = {"id": "1", "assessmentIdentifier": "R4", "assessmentTitle": "Reading 4",
            "academicSubjects": [subject]}  # fmt: skip
    result = {
        "id": "2",
        "studentAssessmentIdentifier": "R4-T-Birch",
        "assessmentReference": {"assessmentIdentifier": "R4", "namespace": "x"},
        "studentReference": {"studentUniqueId": "T-Birch"},
        "administrationDate": "2026-09-01T08:00:00Z",
        "scoreResults": [
            {
                "assessmentReportingMethodDescriptor": named("Method", "Scale score"),
                "result": "201",
            },
            {"assessmentReportingMethodDescriptor": named("Method", "Percentile"), "result": "77"},
        ],
    }
    tree = an_extract(tmp_path / "api", {"assessments": [test], "studentAssessments": [result]})
    loaded(schooled, tree)
    assert findings(schooled) == []
    columns = ("title", "academic_subject", "administration_date::text", "score_result::text")
    assert live(schooled, "assessments__student_assessments", *columns) == [
        ("Reading 4", "Reading", "2026-09-01", "201"),
        ("Reading 4", "Reading", "2026-09-01", "77"),
    ]


def test_no_value_of_a_record_is_told_in_the_ledger(schooled, tmp_path):
    lines = ['{"studentUniqueId": "T-Canary"', json.dumps(student("Elm", birthDate="Canary"))]
    loaded(schooled, a_file(tmp_path, "students.json", "\n".join(lines)))
    assert len(findings(schooled)) == 2
    told = query(schooled, "select to_jsonb(q)::text as it from ops.quarantine as q")
    told += query(schooled, "select to_jsonb(a)::text as it from ops.arrival as a")
    assert not any("Canary" in row["it"] for row in told)


def test_a_record_that_is_known_by_columns_it_may_lack_is_set_aside(settings, tmp_path):
    write_district(
        settings,
        "senders:\n  default:\n    feeds:\n      providers:\n        files: [pantries.json]\n"
        "        tables:\n          organizations: {file: pantries.json, replaces: [email]}\n",
    )
    told = [{"id": "T-1", "name": "Elm", "email": "elm"}, {"id": "T-2"}, {"id": "T-3"}]
    content = json.dumps(told).encode()
    (done,) = loaded(settings, a_file(tmp_path / "in", "pantries.json", content))
    assert (done["rows_loaded"], done["rows_quarantined"]) == (1, 2)
    assert rules(settings) == [("name", "required_value_missing", "row")] * 2


def test_a_list_that_no_record_has_is_told(settings, tmp_path):
    write_district(
        settings,
        "senders:\n  default:\n    feeds:\n      providers:\n        files: ['pantries*.json']\n"
        "        tables:\n          organizations: {each: 'places[]'}\n",
    )
    for name, member, said in (("1", "places", False), ("2", "Places", True)):
        content = json.dumps([{member: [{"id": f"T-{name}", "name": "Elm"}]}])
        (done,) = loaded(settings, a_file(tmp_path / name, "pantries.json", content))
        assert done["rows_in"] == (not said), done["message"]
        assert ("no_entries" in [notice["rule"] for notice in done["notices"]]) == said
