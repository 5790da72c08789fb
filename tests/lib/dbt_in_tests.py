"""dbt in this process: a part of the project, built or read by a test."""

from datetime import date
from pathlib import Path
from typing import Any

from lib.release_builders import PROJECT_ROOT
from wraparound.orchestration.dbt import night_environment
from wraparound.orchestration.dbt_lean import lean, read_for_any_database
from wraparound.settings import Settings, export_environment
from wraparound.warehouse import connection as connections

PROJECT = PROJECT_ROOT / "dbt_project"


def run_dbt(settings: Settings, *words: str, as_of: date, target: Path) -> list[Any]:
    """Run a command of dbt against a warehouse; what it says of each step, failed ones too."""
    from dbt.cli.main import dbtRunner

    export_environment(
        connections.dbt_environment(settings)
        | night_environment(settings, as_of=as_of, previous_as_of=None)
    )
    places = {
        "--project-dir": PROJECT,
        "--profiles-dir": PROJECT,
        "--target-path": target,
        "--log-path": target,
        "--log-level": "none",
    }
    options = [str(word) for pair in places.items() for word in pair]
    with lean(threads=2), read_for_any_database():
        done = dbtRunner().invoke([*words, *options])
    assert done.exception is None, done.exception
    return list(done.result.results)


def build_part(settings: Settings, *wanted: str, as_of: date) -> None:
    """Build some models and all that they are made of; hold the tests of what was built."""
    told = run_dbt(
        settings,
        *("build", "--exclude-resource-type", "unit_test", "--indirect-selection", "cautious"),
        *("--select", *(f"+{name}" for name in wanted)),
        as_of=as_of,
        target=settings.dbt_dir / "target",
    )
    built = {one.node.name for one in told if one.node.resource_type == "model"}
    assert built >= set(wanted)
    assert [one.node.name for one in told if one.status not in ("success", "pass", "warn")] == []
