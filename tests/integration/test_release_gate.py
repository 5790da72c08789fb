"""The gate on a frozen candidate: Great Expectations for real, counts only."""

import logging
from dataclasses import replace

import pytest

from lib.release_builders import (
    ALDER,
    BIRCH,
    CEDAR,
    MONDAY,
    PROJECT_ROOT,
    a_student,
    build_reports,
    insert_row,
    spoil_metrics,
)
from wraparound.errors import GateUnreadable, WarehouseMissing
from wraparound.publishing.freeze import freeze_release
from wraparound.quality.suites import _Runner, load_suites, run_suites
from wraparound.quality.verdicts import findings_of
from wraparound.warehouse import connection as connections

RELEASE = tuple(s for s in load_suites(PROJECT_ROOT / "expectations") if s.name == "release")
DOMAINS_KNOWN = "release.domains_known"


def gate(connection, settings, suites=RELEASE):
    """Freeze the built reports and return the results of the suites."""
    candidate = freeze_release(connection, build_id=None, as_of=MONDAY)
    return run_suites(
        suites,
        connection_string=connections.sqlalchemy_url(settings),
        relation_of=lambda name: ("release", f"{name}_r{candidate.release_id}"),
        as_of=MONDAY,
        school_keys=(ALDER.school_key, BIRCH.school_key, CEDAR.school_key),
    )


def told(results):
    return [(f.rule_id, f.severity, f.school_key, f.failing_count) for f in findings_of(results)]


def altered(index, **changes):
    """Return the release suite with one rule changed, past the reader's checks."""
    rules = list(RELEASE[0].expectations)
    rules[index] = rules[index].model_copy(update=changes)
    return (RELEASE[0].model_copy(update={"expectations": tuple(rules)}),)


def test_a_good_candidate_passes_every_rule(connection, settings):
    build_reports(connection, ALDER, BIRCH)
    results = gate(connection, settings)
    assert {result.outcome for result in results} == {"passed"}
    assert [r.rule_id for r in results] == [
        rule.meta.rule_id for rules in RELEASE[0].by_relation().values() for rule in rules
    ]


def test_a_rule_gets_the_statistics_that_are_not_imported_before(connection, settings):
    build_reports(connection, ALDER, BIRCH)
    domains = ["academics", "social_emotional_behavioral", "health", "family"]
    uneven = {"values": domains, "weights": [0.7, 0.1, 0.1, 0.1]}
    (index,) = (
        i for i, r in enumerate(RELEASE[0].expectations) if r.meta.rule_id == DOMAINS_KNOWN
    )
    suites = altered(
        index,
        type="expect_column_kl_divergence_to_be_less_than",
        kwargs={"column": "domain", "partition_object": uneven, "threshold": 0.1},
        meta=RELEASE[0].expectations[index].meta.model_copy(update={"concerns": "all"}),
    )
    (result,) = (r for r in gate(connection, settings, suites) if r.rule_id == DOMAINS_KNOWN)
    assert result.outcome == "failed"


@pytest.mark.parametrize(
    ("previous", "active", "expected"),
    [(100, 91, []), (100, 89, [2]), (40, 29, [2]), (13, 3, []), (0, 500, [])],
)
def test_churn_needs_both_a_count_and_a_share(connection, settings, previous, active, expected):
    build_reports(connection, ALDER, BIRCH)
    spoil_metrics(
        connection,
        BIRCH,
        previous_students=previous,
        active_students=active,
        students_listed=active,
    )
    assert [school for _, _, school, _ in told(gate(connection, settings))] == expected


def test_a_check_that_cannot_run_holds_every_school(connection, settings):
    build_reports(connection, ALDER, BIRCH)
    connection.execute("alter table reports.rpt_gate_metrics drop column duplicate_students")
    connection.commit()
    results = gate(connection, settings)
    assert [(rule, school) for rule, _, school, _ in told(results)] == [
        ("release.metrics_counted", None),
        ("release.students_once", None),
    ]


def test_a_relation_that_is_missing_holds_every_school(connection, settings):
    build_reports(connection, ALDER)
    results = gate(connection, settings, altered(0, relation="rpt_trees"))
    assert told(results) == [("release.schools_present", "hold", None, 0)]


def test_nothing_is_kept_of_the_schools_that_were_asked(connection, settings, monkeypatch):
    build_reports(connection, ALDER, BIRCH)
    spoil_metrics(connection, ALDER, duplicate_students=1)
    spoil_metrics(connection, BIRCH, duplicate_students=1)
    kept = []
    close = _Runner.close
    monkeypatch.setattr(
        _Runner,
        "close",
        lambda self: (kept.append(self._source.get_asset_names()), close(self)),
    )

    failed = [school for _, _, school, _ in told(gate(connection, settings))]

    assert failed == [ALDER.school_key, BIRCH.school_key]
    assert kept == [set()]


def test_a_school_that_cannot_be_asked_again_is_not_cleared(connection, settings, monkeypatch):
    build_reports(connection, ALDER, BIRCH)
    spoil_metrics(connection, ALDER, duplicate_students=1)
    batch = _Runner._batch

    def lose_one(self, relation, school_key):
        if school_key == BIRCH.school_key:
            raise ConnectionError
        return batch(self, relation, school_key)

    monkeypatch.setattr(_Runner, "_batch", lose_one)
    once = "release.students_once"
    assert told(gate(connection, settings)) == [(once, "hold", 1, 1), (once, "hold", 2, 0)]


def test_two_suites_may_look_at_one_relation(connection, settings):
    build_reports(connection, ALDER)
    other = RELEASE[0].model_copy(update={"name": "other"})
    assert {r.outcome for r in gate(connection, settings, (*RELEASE, other))} == {"passed"}


def test_a_rule_of_unknown_type_is_never_dropped_in_silence(connection, settings):
    build_reports(connection, ALDER)
    with pytest.raises(GateUnreadable, match=r"release\.schools_present would silently"):
        gate(connection, settings, altered(0, type="expect_trees_to_grow"))


def test_a_rule_with_unknown_arguments_is_refused(connection, settings):
    build_reports(connection, ALDER)
    with pytest.raises(GateUnreadable, match="arguments"):
        gate(connection, settings, altered(0, kwargs={"colour": "red"}))


def test_a_rule_past_its_review_is_marked(connection, settings):
    build_reports(connection, ALDER)
    meta = RELEASE[0].expectations[0].meta.model_copy(update={"review_by": MONDAY})
    results = gate(connection, settings, altered(0, meta=meta))
    assert not any(result.is_past_review for result in results)
    meta = meta.model_copy(update={"review_by": MONDAY.replace(day=1)})
    results = gate(connection, settings, altered(0, meta=meta))
    assert [r.rule_id for r in results if r.is_past_review] == ["release.schools_present"]


def test_no_value_of_a_row_leaves_the_gate(connection, settings, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    build_reports(connection, ALDER, BIRCH)
    insert_row(
        connection,
        "rpt_students",
        **a_student(BIRCH, 9),
        sort_name="Canary, Quill",
        decided_tier="Quill-Canary",
        days_absent=777123,
        days_enrolled=1,
    )
    connection.commit()
    results = gate(connection, settings)
    assert ("release.tiers_known", "hold", 2, 1) in told(results)
    everything = repr(results) + caplog.text + "".join(capsys.readouterr())
    assert not [word for word in ("Quill", "777123", "T-BIRCH-9") if word in everything]


def test_a_connection_that_is_lost_says_nothing_of_a_school(connection, settings):
    build_reports(connection, ALDER)
    lost = altered(
        0,
        type="unexpected_rows_expectation",
        kwargs={
            "unexpected_rows_query": "select 1 from {batch}"
            " where pg_terminate_backend(pg_backend_pid())"
        },
    )
    with pytest.raises(WarehouseMissing, match="lost in the middle"):
        gate(connection, settings, suites=lost)


def test_a_server_that_takes_no_more_connections_says_nothing_of_a_school(settings):
    elsewhere = replace(connections.address(settings), database="nowhere")
    with pytest.raises(WarehouseMissing, match="lost in the middle"):
        run_suites(
            RELEASE,
            connection_string=elsewhere.url("postgresql+psycopg"),
            relation_of=lambda name: ("release", name),
            as_of=MONDAY,
        )


def test_every_suite_that_ships_is_run_whole(settings):
    suites = load_suites(PROJECT_ROOT / "expectations")
    results = run_suites(
        suites,
        connection_string=connections.sqlalchemy_url(settings),
        relation_of=lambda name: ("nowhere", name),
        as_of=MONDAY,
    )
    assert len(results) == sum(len(suite.expectations) for suite in suites)
    assert {result.outcome for result in results} == {"could_not_check"}


def test_suites_name_only_columns_that_staging_has():
    """A rule on a column that is not there would hold every school, every night."""
    models = PROJECT_ROOT / "dbt_project" / "models" / "staging"
    for suite in load_suites(PROJECT_ROOT / "expectations"):
        for relation, rules in suite.by_relation().items():
            if relation.startswith("stg_"):
                text = next(models.rglob(f"{relation}.yml")).read_text()
                for rule in rules:
                    column = rule.kwargs.get("column")
                    assert column is None or f"name: {column}\n" in text, rule.meta.rule_id
