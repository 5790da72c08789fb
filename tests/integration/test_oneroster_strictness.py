"""Two ways to read OneRoster: leniencies are told one by one, or refuse the delivery."""

import pytest

from lib.feed_builders import a_zip
from lib.warehouse_in_tests import findings, landed_and_loaded, live, write_district

STRICT = "senders: {default: {feeds: {roster: {strictness: strict}}}}\n"


def land(settings, tmp_path, members):
    (arrival,) = landed_and_loaded(settings, a_zip(tmp_path / "in", "roster.zip", members))
    return arrival


def told(arrival):
    return {
        (n["rule"], n["table"], n["column"]): n["count"]
        for n in arrival["notices"]
        if n["rule"] not in ("column_missing", "column_refused")
    }


def changed(name, old, new):
    return lambda m: {**m, name: m[name].replace(old.encode(), new.encode())}


# What tolerant reading lets pass: how it is told, and the count.
LENIENCIES = {
    "status_filled_in_bulk": (
        changed("orgs.csv", "T-S1,,,", "T-S1,active,,"),
        {("status_filled_in_bulk", "orgs", "status"): 1},
    ),
    "dates_filled_in_bulk": (
        changed("orgs.csv", "T-S1,,,", "T-S1,,2026-09-01T00:00:00Z,"),
        {("dates_filled_in_bulk", "orgs", "dateLastModified"): 1},
    ),
    "status_inactive": (
        changed("demographics.csv", "T-Alder1,,,", "T-Alder1,inactive,,"),
        {
            ("status_inactive", "demographics", "status"): 1,
            ("status_filled_in_bulk", "demographics", "status"): 1,
        },
    ),
    "odd_characters_in_id": (
        lambda m: {name: content.replace(b"T-S2-HR", b"T-S2 HR") for name, content in m.items()},
        {
            ("odd_characters_in_id", "classes", "sourcedId"): 1,
            ("odd_characters_in_id", "enrollments", "classSourcedId"): 4,
        },
    ),
    "header_in_other_case": (
        changed("orgs.csv", "parentSourcedId", "parentsourcedid"),
        {("header_in_other_case", "orgs", "parentsourcedid"): 1},
    ),
    "header_of_another_version": (
        changed("users.csv", "agentSourcedIds", "agents"),
        {("header_of_another_version", "users", "agents"): 1},
    ),
    "manifest_version_odd": (
        changed("manifest.csv", "manifest.version,1.0", "manifest.version,1"),
        {("manifest_version_odd", "manifest", None): 1},
    ),
    "manifest_names_no_file": (
        changed("manifest.csv", "file.resources", "file.treehouses"),
        {("manifest_names_no_file", "manifest", None): 1},
    ),
    "not_in_manifest": (
        changed("manifest.csv", "file.demographics,bulk\n", ""),
        {("not_in_manifest", "demographics", None): 1},
    ),
}


@pytest.mark.parametrize("rule", sorted(LENIENCIES))
def test_tolerant_reading_tells_what_strict_reading_refuses(rostered, roster, tmp_path, rule):
    change, notices = LENIENCIES[rule]
    members = change(roster.members())
    before = live(rostered, "roster__users", "sourced_id", "_changed_at")
    write_district(rostered, STRICT)
    refused = land(rostered, tmp_path, members)
    assert (refused["state"], refused["code"]) == ("refused", "W21")
    assert f"{rule} in" in refused["message"]
    assert live(rostered, "roster__users", "sourced_id", "_changed_at") == before
    write_district(rostered, "")
    arrival = land(rostered, tmp_path, members)
    assert arrival["state"] == "loaded", arrival["message"]
    assert told(arrival) == notices
    assert findings(rostered) == []


# What tolerant reading lets pass in a cell, strict reading sets aside with its row or cell.
VALUES = {
    "code_in_other_case": (
        ("demographics.csv", ",female,", ",Female,"),
        ("demographics", "sex", 10),
        ("unknown_code", "cell"),
    ),
    "boolean_in_words": (
        ("users.csv", ",true,", ",Yes,"),
        ("users", "enabledUser", 10),
        ("not_a_boolean", "row"),
    ),
    "school_year_as_range": (
        ("academicSessions.csv", ",,2027\n", ",,2026-2027\n"),
        ("academic_sessions", "schoolYear", 1),
        ("not_a_year", "row"),
    ),
}


@pytest.mark.parametrize("rule", sorted(VALUES))
def test_values_are_read_kindly_with_a_count_or_not_at_all(rostered, roster, tmp_path, rule):
    change, (table, column, count), (strictly, scope) = VALUES[rule]
    members = changed(*change)(roster.members())
    write_district(rostered, STRICT)
    arrival = land(rostered, tmp_path, members)
    assert arrival["state"] == "loaded", arrival["message"]
    assert {f[2:] for f in findings(rostered)} >= {(column, strictly, scope)}
    write_district(rostered, "")
    members["orgs.csv"] = members["orgs.csv"].replace(b"Grove", b"Orchard")
    arrival = land(rostered, tmp_path, members)
    assert told(arrival) == {(rule, table, column): count}
    assert findings(rostered) == []


def test_a_delta_without_status_is_told(rostered, roster, tmp_path):
    members = {
        "manifest.csv": roster.manifest(orgs="delta").replace(b",bulk", b",absent"),
        "orgs.csv": b"sourcedId,name,type\nT-S1,Oaks,school\n",
    }
    arrival = land(rostered, tmp_path, members)
    assert arrival["state"] == "loaded", arrival["message"]
    assert told(arrival) == {
        ("status_missing_in_delta", "orgs", "status"): 1,
        ("date_missing_in_delta", "orgs", "dateLastModified"): 1,
    }
    assert len(live(rostered, "roster__orgs", "sourced_id")) == 3


def test_a_manifest_alone_says_that_nothing_changed(rostered, roster, tmp_path):
    before = live(rostered, "roster__users", "sourced_id", "_batch_id")
    manifest = roster.manifest().replace(b",bulk", b",absent")
    arrival = land(rostered, tmp_path, {"manifest.csv": manifest})
    assert arrival["state"] == "loaded", arrival["message"]
    assert told(arrival) == {("no_changes", "manifest", None): 1}
    assert live(rostered, "roster__users", "sourced_id", "_batch_id") == before


def test_a_version_that_nobody_knows_is_refused(rostered, roster, tmp_path):
    members = changed("manifest.csv", "oneroster.version,1.1", "oneroster.version,3.0")(
        roster.members()
    )
    arrival = land(rostered, tmp_path, members)
    assert arrival["state"] == "refused"
    assert "no version of OneRoster" in arrival["message"]


def test_files_of_the_standard_without_purpose_are_archived_and_told(rostered, roster, tmp_path):
    members = {**roster.members(), "resources.csv": b"sourcedId,title\nT-1,Leaves\n"}
    members["manifest.csv"] = roster.manifest(resources="bulk")
    arrival = land(rostered, tmp_path, members)
    assert told(arrival) == {("file_archived_only", "resources", None): 1}
