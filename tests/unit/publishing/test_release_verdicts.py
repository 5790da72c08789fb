"""One verdict per school, the gravest finding first."""

import pytest

from wraparound.publishing.decide import Override, School, decide
from wraparound.quality.verdicts import Finding

ALDER = School(1, "T-ALDER", 30)
BIRCH = School(2, "T-BIRCH", 30)


def a_finding(rule_id="trees.counted", severity="hold", school_key=1):
    return Finding(rule_id, severity, school_key, 1, f"{rule_id} failed.")


def an_override(school_key=1, rule_id=None):
    return Override(school_key, rule_id, "Hazel Holm", "The school confirmed it.")


def words(findings, overrides=()):
    return [v.word for v in decide([BIRCH, ALDER], findings=findings, overrides=overrides)]


@pytest.mark.parametrize(
    ("findings", "overrides", "told"),
    [
        pytest.param([], [], ["pass", "pass"], id="nothing found"),
        pytest.param([a_finding(severity="notice")], [], ["notice", "pass"], id="a notice"),
        pytest.param([a_finding()], [], ["hold", "pass"], id="a hold stops no other school"),
        pytest.param(
            [a_finding(severity="notice"), a_finding()], [], ["hold", "pass"], id="hold is graver"
        ),
        pytest.param([a_finding(school_key=None)], [], ["hold", "hold"], id="all schools"),
        pytest.param(
            [a_finding(school_key=99)], [], ["pass", "pass"], id="a school that is not here"
        ),
        pytest.param([a_finding()], [an_override()], ["notice", "pass"], id="lifted"),
        pytest.param(
            [a_finding()],
            [an_override(rule_id="trees.counted")],
            ["notice", "pass"],
            id="lifted by rule",
        ),
        pytest.param(
            [a_finding()], [an_override(rule_id="trees.other")], ["hold", "pass"], id="other rule"
        ),
        pytest.param([a_finding()], [an_override(2)], ["hold", "pass"], id="other school"),
        pytest.param(
            [a_finding(), a_finding("trees.other")],
            [an_override(rule_id="trees.other")],
            ["hold", "pass"],
            id="one of two",
        ),
        pytest.param(
            [a_finding(school_key=None)],
            [an_override(None)],
            ["notice", "notice"],
            id="lifted for every school",
        ),
        pytest.param(
            [a_finding("release.gate_ran", school_key=None)],
            [an_override(None)],
            ["hold", "hold"],
            id="nothing was checked",
        ),
    ],
)
def test_the_verdict_is_the_gravest_finding_that_was_not_lifted(findings, overrides, told):
    assert words(findings, overrides) == told


def test_a_school_without_students_is_held():
    (verdict,) = decide([School(1, "T-ALDER", 0)], findings=[], overrides=[an_override()])
    assert verdict.word == "hold"
    assert [f.rule_id for f in verdict.holds] == ["release.school_missing"]
    # A release that is decided once more finds what it wrote down the first time.
    (again,) = decide([School(1, "T-ALDER", 0)], findings=verdict.holds)
    assert again.holds == verdict.holds


def test_reasons_are_told_once_holds_first():
    found = [a_finding("b.b", "notice"), a_finding("a.a"), a_finding("a.a")]
    (verdict, _) = decide([ALDER, BIRCH], findings=found)
    assert verdict.reasons == ("a.a failed.", "b.b failed.")


def test_what_still_holds_a_school_is_told_before_what_was_lifted():
    lifting = [an_override(rule_id="a.a")]
    (verdict, _) = decide(
        [ALDER, BIRCH], findings=[a_finding("a.a"), a_finding("b.b")], overrides=lifting
    )
    assert verdict.reasons == ("b.b failed.", "a.a failed.")
