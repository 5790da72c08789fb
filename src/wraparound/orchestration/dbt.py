"""dbt, in this process: one build of everything, its counts into the ledger."""

import json
import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from wraparound.contracts.district import load_district
from wraparound.errors import BuildFailed, WarehouseMissing
from wraparound.orchestration.dbt_lean import (
    errors_without_rows,
    lean,
    read_for_any_database,
    steps_unwritten,
)
from wraparound.settings import Settings, at_once, export_environment
from wraparound.warehouse.connection import dbt_environment

FAILED = ("error", "fail", "runtime error")
NAMED_MAX = 5
# What dbt keeps of the project's files, to read only those that changed.
PARSED = "partial_parse.msgpack"


@dataclass(frozen=True)
class Built:
    """What a build made: models and seeds built, tests passed, failed and warned."""

    models: int
    tests_passed: int
    tests_failed: int
    warnings: int


def build_models(
    settings: Settings,
    *,
    as_of: date,
    previous_as_of: date | None,
    whole: bool = True,
) -> Built:
    """Build and test every model for one school day.

    Unless `whole`, seeds and the views of staging stay as they are: they say the same of any
    day, and only a change of the project's files changes them.

    Raises:
        BuildFailed: naming the models and tests that failed; never a row.
        WarehouseMissing: the server was lost, full or locked meanwhile; it may go better later.
    """
    export_environment(
        dbt_environment(settings)
        | night_environment(settings, as_of=as_of, previous_as_of=previous_as_of)
    )
    unwritten = nullcontext() if whole else steps_unwritten()
    with lean(threads=at_once()) as driver, unwritten:
        try:
            return _build(settings, _words(settings, whole=whole))
        except BuildFailed:
            if driver.troubles:
                raise WarehouseMissing.lost(driver.troubles[0]) from None
            raise


def _build(settings: Settings, words: list[str]) -> Built:
    done = _dbt(*words)
    results = list(getattr(done.result, "results", None) or [])
    if done.exception is not None or not results:
        raise BuildFailed(
            f"dbt did not start its work ({type(done.exception).__name__}). "
            f"Its log is {_log(settings)}."
        )
    _refuse_failures(results, settings)
    return _counts(results)


def read_manifest(settings: Settings) -> dict[str, Any]:
    """What the project says of its models, sources and tests; no warehouse is asked.

    Raises:
        BuildFailed: dbt cannot read the project.
    """
    # No model is built, so any day will do. A target of its own keeps the night's parsing fresh,
    # and begins with it: only one model reads the day.
    day = date(2000, 1, 1)
    export_environment(
        dbt_environment(settings) | night_environment(settings, as_of=day, previous_as_of=None)
    )
    target = settings.dbt_dir / "read"
    begin_with_what_was_read(settings, target=target)
    done = _dbt("parse", *_places(settings, target=target), "--log-level", "none")
    if not done.success:
        raise BuildFailed(f"dbt cannot read the project. Its log is {_log(settings)}.")
    found = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def write_site(settings: Settings, path: Path) -> None:
    """Write dbt's own documentation as one page: models, columns, tests, lineage, exposures.

    What stands in the warehouse now is read for types and sizes.

    Raises:
        BuildFailed: dbt could not read the project or the warehouse.
    """
    read_manifest(settings)  # without compiling, dbt takes the manifest that stands there
    target = settings.dbt_dir / "read"
    words = ["docs", "generate", "--static", "--no-compile", "--log-level", "none"]
    done = _dbt(*words, *_places(settings, target=target))
    if not done.success:
        raise BuildFailed(f"dbt cannot document the project. Its log is {_log(settings)}.")
    shutil.copyfile(target / "static_index.html", path)


def _dbt(*words: str) -> Any:
    """Run a command of dbt, and close its log."""
    from dbt.cli.main import dbtRunner

    with read_for_any_database(), errors_without_rows():
        done = dbtRunner().invoke(list(words))
    _close_logs()
    return done


def begin_with_what_was_read(settings: Settings, *, target: Path) -> None:
    """Give another target what dbt read of the project for the last build."""
    by_night = settings.dbt_dir / "target" / PARSED
    if by_night.exists():
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(by_night, target / PARSED)


def _places(settings: Settings, *, target: Path) -> list[str]:
    options = {
        "--project-dir": settings.dbt_project,
        "--profiles-dir": settings.dbt_project,
        "--target-path": target,
        "--log-path": settings.dbt_dir / "logs",
    }
    return [str(word) for pair in options.items() for word in pair]


def _log(settings: Settings) -> Path:
    """Where dbt's log stays, also when the home it was written in is gone."""
    return (settings.dbt_dir / "logs" / "dbt.log").resolve()


def try_models(
    settings: Settings,
    *,
    project: Path,
    prefix: str,
    wanted: Sequence[str],
    as_of: date,
    previous_as_of: date | None,
) -> bool:
    """Build what differs from the last build, as far as the wanted models need it.

    It goes into schemas with a prefix; all else is read where the last build left it.
    Returns whether anything differed.

    Raises:
        BuildFailed: naming the models that failed; never a row.
    """
    export_environment(
        dbt_environment(settings)
        | night_environment(settings, as_of=as_of, previous_as_of=previous_as_of)
        | {"WRAPAROUND_SCHEMA_PREFIX": prefix}
    )
    try:
        done = _dbt(*_trial_words(settings, project=project, wanted=wanted))
    finally:
        export_environment({"WRAPAROUND_SCHEMA_PREFIX": ""})
    if done.exception is not None:
        raise BuildFailed(
            f"dbt could not try the rules ({type(done.exception).__name__}). "
            f"Its log is {settings.dbt_dir / 'trial' / 'dbt.log'}."
        )
    results = list(getattr(done.result, "results", None) or [])
    _refuse_failures(results, settings)
    return bool(results)


def _trial_words(settings: Settings, *, project: Path, wanted: Sequence[str]) -> list[str]:
    place = settings.dbt_dir / "trial"
    options = {
        "--project-dir": project,
        "--profiles-dir": project,
        "--target-path": place,
        "--log-path": place,
        "--state": settings.dbt_dir / "target",
        "--exclude-resource-type": "unit_test",
        "--log-level": "none",
        "--log-level-file": "info",
    }
    chosen = [word for name in wanted for word in ("--select", f"state:modified+,+{name}")]
    words = [str(word) for pair in options.items() for word in pair]
    return [
        "build",
        "--defer",
        "--favor-state",
        "--exclude-resource-type",
        "test",
        *words,
        *chosen,
    ]


def night_environment(
    settings: Settings, *, as_of: date, previous_as_of: date | None
) -> dict[str, str]:
    """What the program and not a seed tells dbt: one model reads it, so that nothing else is
    parsed anew when it changes."""
    return {
        "WRAPAROUND_AS_OF_DATE": as_of.isoformat(),
        "WRAPAROUND_PREVIOUS_AS_OF_DATE": previous_as_of.isoformat() if previous_as_of else "",
        "WRAPAROUND_SCHOOL_YEAR_STARTS": load_district(settings.district_file).school_year_starts,
    }


def is_read(settings: Settings) -> bool:
    """Whether dbt's account of the last whole build is there, by which rules are compared."""
    return (settings.dbt_dir / "target" / "manifest.json").exists()


def made_by_build(settings: Settings) -> set[tuple[str, str]]:
    """(schema, relation) of all that a whole build makes: each folder of models is a schema."""
    models = settings.dbt_project / "models"
    made = {(path.relative_to(models).parts[0], path.stem) for path in models.rglob("*.sql")}
    return made | {("seeds", path.stem) for path in settings.seeds.glob("*.csv")}


def made_by_code(settings: Settings) -> set[tuple[str, str]]:
    """(schema, relation) of all that only the project's files change: seeds and staging."""
    return {one for one in made_by_build(settings) if one[0] in ("seeds", "staging")}


def _words(settings: Settings, *, whole: bool) -> list[str]:
    """dbt's command line."""
    options = {
        # Arithmetic is proved once, by the project's own tests, not every night.
        "--exclude-resource-type": "unit_test",
        "--threads": at_once(),
        "--log-level": "none",
        "--log-level-file": "info",
    }
    places = _places(settings, target=settings.dbt_dir / "target")
    # What dbt read of the files stands in its manifest since the last whole build.
    unchanged = ["--no-write-json", "--exclude", "path:seeds", "path:models/staging"]
    words = [str(word) for pair in options.items() for word in pair]
    return ["build", *places, *words, *([] if whole else unchanged)]


def _close_logs() -> None:
    """dbt leaves its log file open until the process ends; a test or a long worker minds."""
    from dbt_common.events.event_manager_client import get_event_manager

    manager = get_event_manager()
    for logger in manager.loggers:
        for handler in list(getattr(logger._python_logger, "handlers", [])):
            handler.close()


def _refuse_failures(results: list[object], settings: Settings) -> None:
    failed = [
        str(result.node.name)  # type: ignore[attr-defined]
        for result in results
        if str(result.status) in FAILED  # type: ignore[attr-defined]
    ]
    if failed:
        more = f" and {len(failed) - NAMED_MAX} more" if len(failed) > NAMED_MAX else ""
        raise BuildFailed(
            f"{len(failed)} of {len(results)} steps failed: "
            f"{', '.join(failed[:NAMED_MAX])}{more}. "
            f"The last good lists stay. dbt's log is {_log(settings)}."
        )


def _counts(results: list[object]) -> Built:
    def count(kinds: tuple[str, ...], *statuses: str) -> int:
        return sum(
            str(r.node.resource_type) in kinds and str(r.status) in statuses  # type: ignore[attr-defined]
            for r in results
        )

    return Built(
        models=count(("model", "seed", "snapshot"), "success"),
        tests_passed=count(("test", "unit_test"), "pass"),
        tests_failed=count(("test", "unit_test"), *FAILED),
        warnings=count(("test", "unit_test"), "warn"),
    )
