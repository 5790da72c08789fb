"""Suites are read strictly, and findings keep to counts."""

import json
from pathlib import Path

import pytest

from wraparound.errors import GateUnreadable
from wraparound.quality.suites import load_suites
from wraparound.quality.verdicts import RuleResult, findings_of

EXPECTATIONS = Path(__file__).resolve().parents[3] / "expectations"


def a_rule(**changes):
    meta = {
        "rule_id": "trees.counted",
        "owner": "data office",
        "reason": "The trees were not counted.",
        "what_to_do": "Count them.",
        "concerns": "school",
        "review_by": "2027-08-31",
    }
    meta |= {key: changes.pop(key) for key in list(changes) if key in meta}
    rule = {
        "type": "expect_column_values_to_not_be_null",
        "kwargs": {"column": "trees"},
        "severity": "hold",
        "description": "Trees are counted.",
        "meta": meta,
    }
    return rule | changes


def write_suite(folder, *rules, name="trees", **changes):
    suite = {"name": name, "relation": "rpt_trees", "expectations": list(rules)} | changes
    (folder / "trees.json").write_text(json.dumps(suite))


def sql_rule(query, **changes):
    kwargs = {"unexpected_rows_query": query}
    return a_rule(type="unexpected_rows_expectation", kwargs=kwargs, **changes)


def test_a_suite_lists_its_rules_by_relation(tmp_path):
    write_suite(
        tmp_path, a_rule(), a_rule(rule_id="trees.other", relation="rpt_leaves", concerns="all")
    )
    (suite,) = load_suites(tmp_path)
    assert {relation: len(rules) for relation, rules in suite.by_relation().items()} == {
        "rpt_trees": 1,
        "rpt_leaves": 1,
    }


@pytest.mark.parametrize(
    ("rules", "changes", "said"),
    [
        pytest.param([a_rule(severity="critical")], {}, "severity", id="a foreign severity"),
        pytest.param([a_rule(colour="red")], {}, "colour", id="a key too many"),
        pytest.param([a_rule(rule_id="Trees 1")], {}, "rule_id", id="an unruly id"),
        pytest.param([a_rule(), a_rule()], {}, "trees.counted", id="an id twice"),
        pytest.param([], {}, "expectations", id="no rules"),
        pytest.param([a_rule()], {"name": "oaks"}, "oaks", id="a name that is not its file's"),
        pytest.param([a_rule(review_by="soon")], {}, "review_by", id="no date of review"),
        pytest.param(
            [a_rule(type="expect_table_row_count_to_be_between", kwargs={"min_value": 1})],
            {},
            "does not look at rows",
            id="a table counted for a school",
        ),
        pytest.param(
            [a_rule(kwargs={"column": "trees", "mostly": 0.9})],
            {},
            "mostly",
            id="a share that hides a school",
        ),
        pytest.param(
            [sql_rule("select student_name from {batch} where true")],
            {},
            "must start with",
            id="a query that reads a child",
        ),
        pytest.param(
            [sql_rule("select 1 from other_table")], {}, "must start with", id="not the batch"
        ),
    ],
)
def test_a_suite_that_cannot_be_trusted_is_refused(tmp_path, rules, changes, said):
    write_suite(tmp_path, *rules, **changes)
    with pytest.raises(GateUnreadable, match=said):
        load_suites(tmp_path)


def test_an_empty_gate_is_refused(tmp_path):
    with pytest.raises(GateUnreadable, match="no suite"):
        load_suites(tmp_path)


def test_the_suites_that_ship_are_readable():
    names = [suite.name for suite in load_suites(EXPECTATIONS)]
    assert "release" in names


def test_feed_suites_tell_but_never_hold():
    severities = {
        rule.severity
        for suite in load_suites(EXPECTATIONS)
        if suite.name != "release"
        for rule in suite.expectations
    }
    assert severities == {"notice"}


def a_result(**changes):
    return RuleResult(
        **{
            "rule_id": "trees.counted",
            "suite": "trees",
            "relation": "rpt_trees",
            "severity": "notice",
            "concerns": "school",
            "outcome": "failed",
            "message": "The trees were not counted.",
        }
        | changes
    )


def told(*results):
    return [(f.rule_id, f.severity, f.school_key, f.failing_count) for f in findings_of(results)]


@pytest.mark.parametrize(
    ("result", "findings"),
    [
        pytest.param(a_result(outcome="passed"), [], id="nothing to tell"),
        pytest.param(
            a_result(schools=((2, 5), (7, 1))),
            [("trees.counted", "notice", 2, 5), ("trees.counted", "notice", 7, 1)],
            id="one finding per school",
        ),
        pytest.param(
            a_result(failing_count=3), [("trees.counted", "notice", None, 3)], id="no school named"
        ),
        pytest.param(
            a_result(outcome="could_not_check"),
            [("trees.counted", "hold", None, 0)],
            id="what could not be checked holds all",
        ),
    ],
)
def test_a_result_becomes_findings(result, findings):
    assert told(result) == findings


def test_what_could_not_be_checked_is_said():
    (finding,) = a_result(outcome="could_not_check").findings
    assert "could not be checked" in finding.message
