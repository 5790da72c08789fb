"""What OneRoster asks of records together: told by row, and no row is lost by it."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from psycopg import Rollback

from lib.feed_builders import SESSIONS, a_zip, csv_bytes
from lib.warehouse_in_tests import findings, is_conserved, landed_and_loaded, live, query
from wraparound.cli import main
from wraparound.contracts.loader import family_tables
from wraparound.settings import environment_for
from wraparound.warehouse.connection import connect
from wraparound.warehouse.raw_tables import column_types

ROLES = (
    "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,"
    "orgSourcedId,userProfileSourcedId"
)


def with_rows(members, name, *rows):
    """A package with further rows in one member."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return {**members, name: members[name] + text.getvalue().encode()}


def with_cells(members, name, row, /, **cells):
    """A package in which cells of one row of a member are others; the first row is 2."""
    records = list(csv.reader(io.StringIO(members[name].decode())))
    for column, value in cells.items():
        records[row - 1][records[0].index(column)] = value
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(records)
    return {**members, name: text.getvalue().encode()}


def loaded(settings, tmp_path, members):
    (arrival,) = landed_and_loaded(settings, a_zip(tmp_path / "in", "roster.zip", members))
    assert arrival["state"] == "loaded", arrival["message"]
    assert is_conserved(arrival)
    assert arrival["rows_quarantined"] == 0
    return arrival


def told(settings):
    rows = query(
        settings,
        "select file_name, row_number, column_name, rule from ops.row_notice"
        " order by file_name, row_number, rule",
    )
    return [tuple(row.values()) for row in rows]


def a_user(sourced_id, role, *, agents="", orgs="T-S1"):
    return [
        *(sourced_id, "", "", "true", orgs, role, sourced_id.lower(), "", "Rowan", "Grove"),
        *("", "", "", "", "", agents, "", ""),
    ]


BROKEN = {
    "parent_is_a_school": (
        lambda m: with_rows(m, "orgs.csv", ["T-S3", "", "", "Third", "school", "", "T-S1"]),
        [("orgs.csv", 5, "parentSourcedId")],
    ),
    "school_year_inside_another": (
        lambda m: with_rows(
            m,
            "academicSessions.csv",
            ["T-Y2", "", "", "2", "schoolYear", "2026-08-31", "2027-06-20", "T-Y2027", "2027"],
        ),
        [("academicSessions.csv", 3, "parentSourcedId")],
    ),
    "school_year_of_other_days": (
        lambda m: with_rows(
            m,
            "academicSessions.csv",
            ["T-Y2", "", "", "2", "schoolYear", "2027-08-31", "2028-06-20", "", "2027"],
        ),
        [("academicSessions.csv", 3, "schoolYear")],
    ),
    "day_between_sessions": (
        lambda m: with_rows(
            m,
            "academicSessions.csv",
            # A Friday before a Monday, a Friday before its Saturday, and what the standard asks.
            ["T-Q1", "", "", "1", "gradingPeriod", "2026-08-31", "2026-11-06", "T-Y2027", "2027"],
            ["T-Q2", "", "", "2", "gradingPeriod", "2026-11-09", "2027-01-29", "T-Y2027", "2027"],
            ["T-Q3", "", "", "3", "gradingPeriod", "2027-01-30", "2027-04-10", "T-Y2027", "2027"],
            ["T-Q4", "", "", "4", "gradingPeriod", "2027-04-12", "2027-06-20", "T-Y2027", "2027"],
        ),
        [("academicSessions.csv", 3, "endDate"), ("academicSessions.csv", 4, "endDate")],
    ),
    "session_outside_its_parent": (
        lambda m: with_rows(
            m,
            "academicSessions.csv",
            ["T-T1", "", "", "1", "term", "2026-08-01", "2026-12-20", "T-Y2027", "2027"],
        ),
        [("academicSessions.csv", 3, "parentSourcedId")],
    ),
    "course_year_is_no_school_year": (
        lambda m: with_rows(
            with_rows(
                m,
                "academicSessions.csv",
                ["T-T1", "", "", "1", "term", "2026-09-01", "2026-12-20", "T-Y2027", "2027"],
            ),
            "courses.csv",
            ["T-C2", "", "", "T-T1", "Reading", "R", "", "T-D", "", ""],
        ),
        [("courses.csv", 3, "schoolYearSourcedId")],
    ),
    "subjects_without_codes": (
        lambda m: with_cells(m, "courses.csv", 2, subjects="Reading,Writing", subjectCodes="1"),
        [("courses.csv", 2, "subjectCodes")],
    ),
    "not_at_a_school": (
        lambda m: with_cells(m, "classes.csv", 2, schoolSourcedId="T-D"),
        [("classes.csv", 2, "schoolSourcedId")],
    ),
    "class_without_a_term": (
        lambda m: with_cells(m, "classes.csv", 2, termSourcedIds=""),
        [("classes.csv", 2, "termSourcedIds")],
    ),
    "agent_is_a_student": (
        lambda m: with_cells(m, "users.csv", 2, agentSourcedIds="T-Birch2"),
        [("users.csv", 2, "agentSourcedIds")],
    ),
    "guardian_of_nobody": (
        lambda m: with_rows(
            with_cells(m, "users.csv", 2, agentSourcedIds="T-Kin"),
            "users.csv",
            a_user("T-Kin", "guardian"),
            a_user("T-Aunt", "relative"),
        ),
        [("users.csv", 13, "agentSourcedIds")],
    ),
    "several_grades": (
        lambda m: with_cells(m, "users.csv", 2, grades="04,03"),
        [("users.csv", 2, "grades")],
    ),
    "student_without_an_org": (
        lambda m: with_rows(m, "users.csv", a_user("T-Rowan", "student", orgs="")),
        [("users.csv", 12, "orgSourcedIds")],
    ),
    "not_the_school_of_the_class": (
        lambda m: with_cells(m, "enrollments.csv", 2, schoolSourcedId="T-S2"),
        [("enrollments.csv", 2, "schoolSourcedId")],
    ),
    "not_the_role_of_the_person": (
        lambda m: with_rows(
            with_rows(m, "users.csv", a_user("T-Teach", "teacher")),
            "enrollments.csv",
            ["T-TE", "", "", "T-S1-HR", "T-S1", "T-Teach", "student", "", "", ""],
        ),
        [("enrollments.csv", 12, "role")],
    ),
}


@pytest.mark.parametrize("rule", sorted(BROKEN))
def test_a_broken_rule_is_told_by_row_and_costs_none(rostered, roster, tmp_path, rule):
    change, places = BROKEN[rule]
    loaded(rostered, tmp_path, change(roster.members()))
    assert [row[:3] for row in told(rostered) if row[3] == rule] == places
    assert findings(rostered) == []


def test_a_package_that_breaks_no_rule_is_told_nothing(rostered, roster, tmp_path):
    loaded(rostered, tmp_path, with_cells(roster.members(), "orgs.csv", 2, name="Orchard"))
    assert told(rostered) == []


def test_organizations_in_a_circle_lose_their_parents_and_nothing_else(rostered, roster, tmp_path):
    members = with_cells(roster.members(), "orgs.csv", 2, parentSourcedId="T-S1")
    loaded(rostered, tmp_path, members)
    assert findings(rostered) == [
        ("orgs.csv", 2, "parentSourcedId", "parents_in_a_circle", "cell"),
        ("orgs.csv", 3, "parentSourcedId", "parents_in_a_circle", "cell"),
    ]
    assert live(rostered, "roster__orgs", "sourced_id", "parent_sourced_id") == [
        ("T-D", None),
        ("T-S1", None),
        ("T-S2", "T-D"),
    ]


def test_turning_a_hierarchy_over_is_no_circle(rostered, roster, tmp_path):
    members = with_cells(roster.members(), "orgs.csv", 2, parentSourcedId="T-S1")
    members = with_cells(members, "orgs.csv", 3, parentSourcedId="")
    loaded(rostered, tmp_path, members)
    assert findings(rostered) == []


def test_roles_have_one_primary_at_each_organization(rostered, roster, tmp_path):
    rows = [
        ["T-R1", "", "", "T-Alder1", "primary", "student", "", "", "T-S1", ""],
        ["T-R2", "", "", "T-Alder1", "primary", "student", "", "", "T-S1", ""],
        ["T-R3", "", "", "T-Birch2", "secondary", "student", "", "", "T-S1", ""],
        ["T-R4", "", "", "T-Cedar3", "primary", "ext:helper", "", "", "T-S1", ""],
        ["T-R5", "", "", "T-Cedar3", "secondary", "student", "", "", "T-S1", ""],
    ]
    members = {**roster.members(), "roles.csv": csv_bytes(ROLES, rows)}
    members["manifest.csv"] = roster.manifest(roles="bulk").replace(b",1.1", b",1.2")
    loaded(rostered, tmp_path, members)
    assert [row[1:] for row in told(rostered) if row[0] == "roles.csv"] == [
        (2, "roleType", "primary_role_twice"),
        (3, "roleType", "primary_role_twice"),
        (4, "roleType", "primary_role_missing"),
    ]
    assert ("ext:helper",) in live(rostered, "roster__roles", "role")


def test_what_was_told_goes_when_a_later_file_is_right(rostered, roster, tmp_path):
    wrong = with_cells(roster.members(), "classes.csv", 2, termSourcedIds="")
    loaded(rostered, tmp_path, wrong)
    assert len(told(rostered)) == 1
    loaded(rostered, tmp_path, with_cells(roster.members(), "classes.csv", 2, title="Oaks"))
    assert told(rostered) == []


def test_a_class_without_a_title_keeps_its_enrollments(rostered, roster, tmp_path):
    loaded(rostered, tmp_path, with_cells(roster.members(), "classes.csv", 2, title=""))
    assert told(rostered) == [("classes.csv", 2, "title", "class_without_a_title")]


GRADEBOOK = {
    "categories.csv": ("sourcedId,status,dateLastModified,title", [["T-CAT", "", "", "Tests"]]),
    "scoreScales.csv": (
        "sourcedId,status,dateLastModified,title,type,orgSourcedId,courseSourcedId,"
        "classSourcedId,scoreScaleValue",
        [["T-SC", "", "", "Letters", "local", "T-D", "T-C", "T-S1-HR", "{90-100:A},80"]],
    ),
    "lineItems.csv": (
        "sourcedId,status,dateLastModified,title,assignDate,dueDate,classSourcedId,"
        "categorySourcedId,academicSessionSourcedId,schoolSourcedId,resultValueMin,resultValueMax",
        [
            [
                *("T-LI", "", "", "Leaves", "2026-09-01", "2026-09-08", "T-S1-HR", "T-CAT"),
                *("T-Y2027", "T-S1", "0", "10"),
            ]
        ],
    ),
    "results.csv": (
        "sourcedId,status,dateLastModified,lineItemSourcedId,studentSourcedId,scoreStatus,score,"
        "scoreDate,classSourcedId",
        [
            ["T-RE1", "", "", "T-LI", "T-Alder1", "fully graded", "9", "2026-09-08", "T-S1-HR"],
            ["T-RE2", "", "", "T-LI", "T-Birch2", "fully graded", "11", "2026-09-08", "T-S2-HR"],
            ["T-RE3", "", "", "T-LI", "T-EastAlder1", "ext:late", "5", "2026-09-08", "T-S1-HR"],
        ],
    ),
    "lineItemScoreScales.csv": (
        "sourcedId,status,dateLastModified,title,lineItemSourcedId,scoreScaleSourcedId",
        [["T-LS", "", "", "", "T-LI", "T-SC"]],
    ),
    "lineItemLearningObjectiveIds.csv": (
        "sourcedId,status,dateLastModified,lineItemSourcedId,source,learningObjectiveId",
        [["T-LO", "", "", "T-LI", "case", "9f1c"]],
    ),
    "resultScoreScales.csv": (
        "sourcedId,status,dateLastModified,title,resultSourcedId,scoreScaleSourcedId",
        [["T-RS", "", "", "", "T-RE1", "T-SC"]],
    ),
    "resultLearningObjectiveIds.csv": (
        "sourcedId,status,dateLastModified,resultSourcedId,source,learningObjectiveId,score",
        [["T-RO", "", "", "T-RE1", "unknown", "9f1c", "3"]],
    ),
}


def test_the_whole_gradebook_is_read_and_its_rules_are_told(rostered, roster, tmp_path):
    files = {name: csv_bytes(header, rows) for name, (header, rows) in GRADEBOOK.items()}
    modes = {name.removesuffix(".csv"): "bulk" for name in files}
    manifest = roster.manifest(**modes).replace(b",1.1", b",1.2")
    arrival = loaded(rostered, tmp_path, {**roster.members(), **files, "manifest.csv": manifest})
    assert arrival["rows_loaded"] == sum(len(rows) for _, rows in GRADEBOOK.values())
    assert told(rostered) == [
        ("lineItems.csv", 2, "academicSessionSourcedId", "session_is_a_school_year"),
        ("results.csv", 3, "classSourcedId", "not_the_class_of_the_line_item"),
        ("results.csv", 3, "score", "score_out_of_bounds"),
        ("results.csv", 4, "studentSourcedId", "student_not_in_the_class"),
        ("scoreScales.csv", 2, "scoreScaleValue", "scale_value_is_no_mapping"),
    ]


def test_a_gradebook_may_speak_of_whom_and_what_the_roster_ended(rostered, roster, tmp_path):
    later = replace(roster, students=[s for s in roster.students if s.id != "T-Alder1"])
    landed_and_loaded(rostered, later.write(tmp_path / "later"), feed="roster")
    files = {name: csv_bytes(header, rows) for name, (header, rows) in GRADEBOOK.items()}
    modes = {name.removesuffix(".csv"): "bulk" for name in files}
    manifest = replace(roster, mode="absent").manifest(**modes).replace(b",1.1", b",1.2")
    path = a_zip(tmp_path / "in", "grades.zip", {**files, "manifest.csv": manifest})
    (arrival,) = landed_and_loaded(rostered, path, feed="grades")
    assert arrival["rows_loaded"] == sum(len(rows) for _, rows in GRADEBOOK.values())
    assert arrival["rows_quarantined"] == 0


def test_an_earlier_gradebook_has_no_roster_loaded_again(rostered, roster, tmp_path):
    files = {name: csv_bytes(header, rows) for name, (header, rows) in GRADEBOOK.items()}
    modes = {name.removesuffix(".csv"): "bulk" for name in files}
    manifest = replace(roster, mode="absent").manifest(**modes).replace(b",1.1", b",1.2")
    path = a_zip(tmp_path / "in", "grades.zip", {**files, "manifest.csv": manifest})
    earlier = datetime(2026, 9, 9, tzinfo=UTC)
    (arrival,) = landed_and_loaded(rostered, path, feed="grades", effective_at=earlier)
    assert arrival["state"] == "loaded", arrival["message"]
    assert arrival["rows_loaded"] == sum(len(rows) for _, rows in GRADEBOOK.values())
    batches = query(rostered, "select feed from ops.batch order by batch_id")
    assert [row["feed"] for row in batches] == ["roster", "grades"]


def test_all_that_was_said_is_one_view_with_codes_and_no_values(
    rostered, roster, tmp_path, monkeypatch
):
    members = with_cells(roster.members(), "classes.csv", 2, termSourcedIds="")
    members = with_cells(members, "users.csv", 2, givenName="")
    members = with_cells(members, "demographics.csv", 2, sex="Rowanberry")
    members["orgs.csv"] = members["orgs.csv"].replace(b"sourcedId", b"SOURCEDID")
    path = a_zip(tmp_path / "in", "roster.zip", members)
    (arrival,) = landed_and_loaded(rostered, path)
    rows = query(
        rostered,
        "select code, severity, file_name, row_number, column_name, rule, message, what_to_do"
        " from ops.diagnostic where arrival_id = %s order by code, rule",
        arrival["arrival_id"],
    )
    assert [tuple(row.values())[:6] for row in rows if row["code"] != "D201"] == [
        ("D111", "row", "users.csv", 2, "givenName", "required_value_missing"),
        ("D112", "cell", "demographics.csv", 2, "sex", "unknown_code"),
        ("D203", "notice", "roster.zip", None, "password", "column_refused"),
        ("D204", "notice", "roster.zip", None, "SOURCEDID", "header_in_other_case"),
        ("D500", "notice", "classes.csv", 2, "termSourcedIds", "class_without_a_term"),
    ]
    assert all(row["message"] and row["what_to_do"] for row in rows)
    assert "Rowanberry" not in repr(rows)
    for name, value in environment_for(rostered, base={}).items():
        monkeypatch.setenv(name, value)
    words = ["diagnostics", "--arrival", str(arrival["arrival_id"]), "--json"]
    told = json.loads(CliRunner().invoke(main, words).stdout)
    assert {(row["code"], row["row_number"]) for row in told} >= {("D111", 2), ("D500", 2)}
    assert len(told) == len(rows)


def test_a_cell_that_waited_is_filled_when_its_record_comes(rostered, roster, tmp_path):
    members = with_cells(roster.members(), "classes.csv", 2, termSourcedIds="T-T1")
    loaded(rostered, tmp_path, members)
    assert findings(rostered) == [
        ("classes.csv", 2, "termSourcedIds", "reference_missing", "cell")
    ]
    assert live(rostered, "roster__classes", "term_sourced_ids")[-1] == ([],)
    term = "T-T1,active,2026-09-01T00:00:00Z,1,term,2026-09-01,2026-12-20,T-Y2027,2027"
    delta = {
        "manifest.csv": roster.manifest(academicSessions="delta").replace(b",bulk", b",absent"),
        "academicSessions.csv": csv_bytes(SESSIONS, [term.split(",")]),
    }
    path = a_zip(tmp_path / "in", "roster_2.zip", delta)
    assert landed_and_loaded(rostered, path)[0]["state"] == "loaded"
    assert (["T-T1"],) in live(rostered, "roster__classes", "term_sourced_ids")
    assert findings(rostered) == []


# Asked of each row with its own walk: organizations and sessions are tens, not thousands.
WALKS = "parents_in_a_circle"


def fill_raw(connection, contract, name, table, *, rows):
    """Fill a raw table with records that name each other by running number."""
    values = {
        "text": "'T-' || n",
        "text[]": "array['T-' || n]",
        "date": "date '2026-09-01' + n % 200",
        "timestamptz": "now()",
        "boolean": "true",
        "integer": "n",
        "numeric": "n",
    }
    columns = {column: values[kind] for column, kind in column_types(table).items()}
    for column, told in table.loaded.items():
        if told.codes:
            codes = ", ".join(f"'{code}'" for code in told.codes)
            columns[table.raw_column(column)] = f"(array[{codes}])[1 + n % {len(told.codes)}]"
    columns |= {"_sender": "'x'", "_batch_id": "1", "_row_hash": "n"}
    columns |= {"_effective_at": "now()", "_changed_at": "now()"}
    raw = f"raw.{contract.raw_name(name)}"
    listed = ", ".join(f'"{column}"' for column in columns)
    connection.execute(
        f"insert into {raw} ({listed}) select {', '.join(columns.values())}"
        f" from generate_series(1, {rows}) as n"
    )
    connection.execute(f"analyze {raw}")


def rows_handled(plan):
    """The most rows that a step of an executed plan took in hand, over all its loops."""
    removed = sum(count for what, count in plan.items() if what.startswith("Rows Removed"))
    own = plan["Actual Loops"] * (plan["Actual Rows"] + removed)
    return max([own, *map(rows_handled, plan.get("Plans", []))])


def test_a_rule_between_records_costs_by_their_number_and_not_its_square(settings):
    rows, tables, handled = 2_000, family_tables("oneroster").values(), {}
    with connect(settings) as connection, connection.transaction():
        for contract, name, table in tables:
            fill_raw(connection, contract, name, table, rows=rows)
        for contract, name, table in tables:
            raw = contract.raw_name(name)
            connection.execute("drop table if exists pg_temp.good")
            connection.execute(
                f"create temp table good as select row_number() over () as _row, * from raw.{raw}"
            )
            connection.execute("analyze pg_temp.good")
            for rule in table.rules:
                if rule.breaks and rule.id != WALKS:
                    (told,) = connection.execute(
                        "explain (analyze, timing off, format json) select g._row"
                        f" from pg_temp.good as g where {rule.breaks}"
                    ).fetchone()["QUERY PLAN"]
                    handled[raw, rule.id] = rows_handled(told["Plan"])
        raise Rollback
    assert len(handled) > 15
    assert {rule: n for rule, n in handled.items() if n > 10 * rows} == {}


def test_a_person_without_a_role_is_set_aside_where_no_file_of_roles_says_it(
    rostered, roster, tmp_path
):
    first = roster.students[0]
    members = with_cells(roster.members(), "users.csv", 2, role="")
    (arrival,) = landed_and_loaded(rostered, a_zip(tmp_path / "1", "roster.zip", members))
    assert arrival["rows_quarantined"] >= 1
    assert ("users.csv", 2, "role", "required_value_missing", "row") in findings(rostered)
    # The record stays as it was told of before.
    assert (first.id, "student") in live(rostered, "roster__users", "sourced_id", "role")
    roles = [
        [f"R-{c.id}", "", "", c.id, "primary", "student", "", "", c.school, ""]
        for c in roster.students
    ]
    members["roles.csv"] = csv_bytes(ROLES, roles)
    members["manifest.csv"] = roster.manifest(roles="bulk").replace(b",1.1", b",1.2")
    (arrival,) = landed_and_loaded(rostered, a_zip(tmp_path / "2", "roster.zip", members))
    assert (arrival["state"], arrival["rows_quarantined"]) == ("loaded", 0), arrival["message"]


def test_a_session_names_one_of_its_own_file_in_the_first_version_too(settings, roster, tmp_path):
    members = roster.members()
    members["manifest.csv"] = roster.manifest().replace(b",1.1", b",1.0")
    half = ["T-H1", "", "", "Half", "semester", "2026-08-31", "2027-01-30", "T-Y2027", ""]
    members = with_rows(members, "academicSessions.csv", half)
    (arrival,) = landed_and_loaded(settings, a_zip(tmp_path / "in", "roster.zip", members))
    assert (arrival["state"], findings(settings)) == ("loaded", []), arrival["message"]
