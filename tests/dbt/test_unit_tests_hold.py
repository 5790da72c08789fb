"""Every unit test of the dbt project on empty relations; a night leaves them out."""

from datetime import date

import pytest

from lib.dbt_in_tests import PROJECT, run_dbt
from lib.release_builders import a_server


@pytest.fixture(scope="module")
def results():
    """The name and the state of every unit test."""
    with a_server() as settings:
        settings.make_folders()
        told = run_dbt(
            settings,
            *("build", "--empty", "--exclude-resource-type", "test"),
            as_of=date(2026, 2, 20),
            target=settings.dbt_dir / "unit-tests",
        )
    return {
        one.node.unique_id.split(".", 2)[2]: str(one.status)
        for one in told
        if one.node.resource_type == "unit_test"
    }


def test_every_unit_test_of_the_models_holds(results):
    written = list((PROJECT / "models").rglob("*.unit_tests.yml"))
    assert len(results) >= len(written) > 0
    not_passed = {name: state for name, state in results.items() if state != "pass"}
    # What comes after a test that failed is skipped: that one first.
    assert {name: state for name, state in not_passed.items() if state != "skipped"} == {}
    assert not_passed == {}
