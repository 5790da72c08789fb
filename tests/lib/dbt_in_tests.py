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
