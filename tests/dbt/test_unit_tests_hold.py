"""Every unit test of the dbt project on empty relations; a night leaves them out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lib.release_builders import PROJECT_ROOT, a_server
from wraparound.warehouse import connection as connections

PROJECT = PROJECT_ROOT / "dbt_project"


@pytest.fixture(scope="module")
def results():
    """The name and the state of every unit test."""
    with a_server() as settings:
        settings.make_folders()
        target = settings.home / "dbt-unit-tests"
        dbt(settings, target, "seed")
        dbt(settings, target, "run", "--empty")
        dbt(settings, target, "test", "--select", "test_type:unit", check=False)
        told = json.loads((target / "run_results.json").read_text(encoding="utf-8"))
    return {
        one["unique_id"].split(".", 2)[2]: one["status"]
        for one in told["results"]
        if one["unique_id"].startswith("unit_test.")
    }


def dbt(settings, target, *words, check=True):
    environment = {
        **os.environ,
        **connections.dbt_environment(settings),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target),
        "DO_NOT_TRACK": "1",
        "WRAPAROUND_AS_OF_DATE": "2026-02-20",
        "WRAPAROUND_PREVIOUS_AS_OF_DATE": "",
        "WRAPAROUND_SCHOOL_YEAR_STARTS": "07-01",
    }
    command = [str(Path(sys.executable).with_name("dbt")), *words, "--quiet"]
    done = subprocess.run(
        [*command, "--project-dir", str(PROJECT)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert not check or done.returncode == 0, done.stdout[-2000:]


def test_every_unit_test_of_the_models_holds(results):
    written = list((PROJECT / "models").rglob("*.unit_tests.yml"))
    assert len(results) >= len(written) > 0
    assert {name: state for name, state in results.items() if state != "pass"} == {}
