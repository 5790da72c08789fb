"""One measured step of ours, in a fresh process: prints its stages and its peak memory."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.plain_build import plain_target
from benchmarks.publishing import publish_by_parts
from wraparound.orchestration import nights
from wraparound.orchestration.dbt import night_environment
from wraparound.quality.gx_lean import import_great_expectations
from wraparound.quality.suites import load_suites, run_suites
from wraparound.settings import Settings, export_environment, load_settings
from wraparound.warehouse import ledger
from wraparound.warehouse.connection import connect, dbt_environment, sqlalchemy_url

SUITES = Path(__file__).parent / "peer_tools" / "suites"


class Stages:
    """Seconds by stage; a stage inside another is taken out of it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inside: list[float] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what is done inside."""
        started = time.perf_counter()
        self._inside.append(0.0)
        try:
            yield
        finally:
            spent = time.perf_counter() - started
            inner = self._inside.pop()
            self.seconds[name] = self.seconds.get(name, 0.0) + spent - inner
            if self._inside:
                self._inside[-1] += spent

    def wrap(self, module: Any, function: str, *, stage: str) -> None:
        """Time every call of a module's function."""
        inner: Callable[..., Any] = getattr(module, function)

        def timed(*args: Any, **words: Any) -> Any:
            with self.stage(stage):
                return inner(*args, **words)

        setattr(module, function, timed)


def load(settings: Settings, stages: Stages, paths: list[Path]) -> None:
    """Land files and load them."""
    with stages.stage("archive"):
        nights.land(settings, paths)
    with stages.stage("load"):
        nights.ingest(settings)


def build(settings: Settings, stages: Stages, as_of: date) -> dict[str, Any]:
    """One build, as a night of the same code makes it."""
    with stages.stage("import"):
        import dbt.cli.main  # noqa: F401
    with stages.stage("build"):
        return nights.build(settings, as_of=as_of)


def compile_only(settings: Settings, as_of: date) -> None:
    """Write the SQL of every model for that build, into a target of its own."""
    from dbt.cli.main import dbtRunner

    with connect(settings) as connection:
        previous = ledger.previous_as_of(connection, as_of=as_of)
    told = night_environment(settings, as_of=as_of, previous_as_of=previous)
    export_environment(dbt_environment(settings) | told)
    places = {
        "--project-dir": settings.dbt_project,
        "--profiles-dir": settings.dbt_project,
        "--target-path": plain_target(settings),
        "--log-path": plain_target(settings),
    }
    words = [str(word) for pair in places.items() for word in pair]
    if not dbtRunner().invoke(["compile", "--quiet", *words]).success:
        raise RuntimeError("dbt could not compile")


def night(settings: Settings, stages: Stages, as_of: date, paths: list[Path]) -> dict[str, Any]:
    """A whole night, its stages apart."""
    with stages.stage("import"):
        from wraparound.publishing import freeze, publish, releases
    if paths:
        with stages.stage("archive"):
            nights.land(settings, paths)
    stages.wrap(nights, "scan_inbox", stage="complete")
    stages.wrap(nights, "load_all", stage="load")
    stages.wrap(nights, "build_if_needed", stage="build")
    stages.wrap(publish, "check", stage="gate")
    stages.wrap(freeze, "freeze_release", stage="freeze")
    stages.wrap(releases, "publish_release", stage="publish")
    stages.wrap(publish, "deliver_lists", stage="render")
    with stages.stage("rest"):
        return nights.night(settings, as_of=as_of)


def tidy(settings: Settings, stages: Stages) -> None:
    """What the weekly pipeline does once its comparison is done."""
    from wraparound.orchestration import tidying

    with stages.stage("tidy"):
        tidying.tidy(settings)


def checks(settings: Settings, stages: Stages, as_of: date) -> dict[str, Any]:
    """Six checks of the baseline's table, as the gate makes its own."""
    with stages.stage("import"):
        import_great_expectations()
    with stages.stage("gate"):
        results = run_suites(
            load_suites(SUITES),
            connection_string=sqlalchemy_url(settings),
            relation_of=lambda name: ("public", name),
            as_of=as_of,
        )
    names = {result.rule_id.rpartition(".")[2]: result.outcome for result in results}
    failed = sorted(name for name, outcome in names.items() if outcome != "passed")
    return {"checks": len(names), "failed": failed}


def main(words: list[str]) -> None:
    """WHAT AS_OF PATH…"""
    what, as_of, *paths = words
    settings, stages = load_settings(), Stages()
    day, files = date.fromisoformat(as_of), [Path(path) for path in paths]
    said: dict[str, Any] = {}
    if what == "load":
        load(settings, stages, files)
    elif what == "compile":
        compile_only(settings, day)
    elif what == "build":
        said = {"models": build(settings, stages, day)["models"]}
    elif what == "publish":
        said = publish_by_parts(settings, stages, as_of=day)
    elif what == "tidy":
        tidy(settings, stages)
    elif what == "checks":
        said = checks(settings, stages, day)
    else:
        night(settings, stages, day, files)
    done = {"stages": stages.seconds, **said}
    sys.stdout.write(json.dumps(done) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
