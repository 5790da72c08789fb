"""Every DAG file is a table of contents that Airflow can read and store."""

import ast
import json
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pendulum
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables import trigger
from airflow.timetables.base import TimeRestriction
from airflow.timetables.simple import AssetTriggeredTimetable

from wraparound.contracts.district import load_district
from wraparound.orchestration import watch

ROOT = Path(__file__).resolve().parents[2]
DAG_FILES = sorted((ROOT / "dags").glob("*.py"))
PLUGIN_FILES = sorted((ROOT / "plugins").glob("*.py"))
MOST_LINES = 100
# Only so that a hang ends; nothing here is a claim about speed.
PARSE_SECONDS = 300
# A DAG file takes its words from Airflow and from our package, and from nowhere else.
MAY_IMPORT = {"airflow.sdk", "wraparound.orchestration"}
HEAVY = ("dbt", "great_expectations", "pandas")

every_dag_file = pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.stem)
every_plugin_file = pytest.mark.parametrize("path", PLUGIN_FILES, ids=lambda path: path.stem)


def dag_in(path: Path) -> DAG:
    bag = DagBag(dag_folder=path.parent, collect_dags=False)
    bag.process_file(str(path))
    assert bag.import_errors == {}
    [dag] = bag.dags.values()
    return dag


def imports_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    plain = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    return named | plain


def test_the_six_pipelines_are_there() -> None:
    names = {path.stem for path in DAG_FILES}

    assert names >= {"approve", "build", "ingest", "maintain", "publish", "watch_feeds"}


@every_dag_file
def test_a_dag_is_named_after_its_file(path: Path) -> None:
    assert dag_in(path).dag_id == path.stem


@every_dag_file
def test_a_dag_file_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@every_dag_file
def test_a_dag_file_only_arranges(path: Path) -> None:
    foreign = {
        name
        for name in imports_of(path)
        if not any(name == allowed or name.startswith(allowed + ".") for allowed in MAY_IMPORT)
    }

    assert foreign == set()


@every_dag_file
def test_a_dag_survives_being_stored(path: Path) -> None:
    stored = json.loads(json.dumps(DagSerialization.to_dict(dag_in(path))))
    read_back = DagSerialization.from_dict(stored)

    assert read_back.dag_id == path.stem
    assert set(read_back.task_ids) == set(dag_in(path).task_ids)


@pytest.mark.parametrize(
    ("name", "at"),
    [
        # Half an hour, or some hours of the weekly day, after the time that the district set.
        ("publish", "2026-11-23T06:00:00-05:00"),
        ("maintain", "2026-11-22T15:00:00-05:00"),
        ("watch_feeds", "2026-11-23T06:12:00-05:00"),
    ],
)
def test_a_first_start_makes_up_for_no_time_that_passed(
    name: str, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = DagSerialization.to_dict(dag_in(ROOT / "dags" / f"{name}.py"))
    now = pendulum.parse(at)
    monkeypatch.setattr(trigger, "utcnow", lambda: now)
    first = DagSerialization.from_dict(stored).timetable.next_dagrun_info(
        last_automated_data_interval=None,
        restriction=TimeRestriction(earliest=None, latest=None, catchup=False),
    )

    assert first is not None
    assert first.run_after > now


@pytest.mark.parametrize(
    ("hour", "day", "began"),
    [
        pytest.param("02:30", date(2026, 3, 8), "2026-03-08T07:30Z", id="an hour is skipped"),
        pytest.param("01:30", date(2026, 11, 1), "2026-11-01T06:30Z", id="an hour comes twice"),
    ],
)
def test_a_night_is_due_when_airflow_wakes_it_when_clocks_change(
    tmp_path: Path, hour: str, day: date, began: str
) -> None:
    path = tmp_path / "district.yml"
    zone = "America/New_York"
    path.write_text(f'name: D\ntime_zone: {zone}\npublish_hour: "{hour}"\n', encoding="utf-8")
    district, moment = load_district(path), datetime.fromisoformat(began)
    calendar = watch.SchoolDays(district, frozenset({day - timedelta(days=1), day}), ())
    by_airflow = trigger.CronTriggerTimetable(f"{hour[3:]} {hour[:2]} * * *", timezone=zone)
    assert by_airflow._get_next(pendulum.instance(moment - timedelta(hours=3))) == moment

    def due(after: timedelta) -> datetime | None:
        now = (moment + after).astimezone(ZoneInfo(zone))
        return watch._night_due(district, calendar, now=now)

    assert due(timedelta(hours=2)) == moment
    assert due(timedelta(hours=1, minutes=59)) != moment


@every_dag_file
def test_runs_do_not_overlap_and_do_not_catch_up(path: Path) -> None:
    dag = dag_in(path)

    # A question that waits for a person must not keep a newer one back.
    at_once = 8 if dag.dag_id == "approve" else 1

    assert (dag.max_active_runs, dag.catchup) == (at_once, False)


def test_whatever_fails_of_the_weekly_tasks_fails_their_run() -> None:
    dag = dag_in(ROOT / "dags" / "maintain.py")

    # Airflow takes the state of a run from the tasks that no other follows.
    assert {task.task_id for task in dag.leaves} == set(dag.task_ids)
    assert dag.max_active_tasks == 1


@every_dag_file
def test_days_that_passed_are_not_made_up_for(path: Path) -> None:
    stored = DagSerialization.from_dict(DagSerialization.to_dict(dag_in(path)))

    # Airflow offers a backfill for all but what assets alone wake.
    if not isinstance(stored.timetable, AssetTriggeredTimetable):
        assert stored.allowed_run_types == {"scheduled", "asset_triggered", "manual"}


@every_dag_file
def test_no_template_field_asks_for_a_logical_date(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert not any(word in text for word in ("logical_date", "data_interval", "{{"))


def test_parsing_all_of_them_imports_nothing_heavy() -> None:
    program = (
        "import runpy, sys\n"
        f"for path in {[str(path) for path in DAG_FILES + PLUGIN_FILES]!r}:\n"
        "    runpy.run_path(path)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=PARSE_SECONDS,
        check=True,
    )

    assert done.stdout.strip().splitlines()[-1] == "[]"


@every_plugin_file
def test_a_plugin_is_a_name_plate(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]

    assert path.stem.startswith("wraparound_")
    assert len(classes) == 1
    assert functions == []
    assert any(name.startswith("wraparound.") for name in imports_of(path))
