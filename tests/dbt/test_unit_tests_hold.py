"""Every unit test of the dbt project; a night leaves them out."""

import pytest

from lib.dbt_in_tests import PROJECT, run_dbt
from wraparound.orchestration import examples


@pytest.fixture(scope="module")
def results(built_town):
    """The name and the state of every unit test. All they ask of a warehouse is that it is built:
    what a model reads is given by each of them."""
    told = run_dbt(
        built_town,
        *("test", "--select", "test_type:unit"),
        as_of=examples.PLAN.through,
        target=built_town.dbt_dir / "target",
    )
    return {
        one.node.unique_id.split(".", 2)[2]: str(one.status)
        for one in told
        if one.node.resource_type == "unit_test"
    }


def test_every_unit_test_of_the_models_holds(results):
    written = list((PROJECT / "models").rglob("*.unit_tests.yml"))
    assert len(results) >= len(written) > 0
    assert {name: state for name, state in results.items() if state != "pass"} == {}
