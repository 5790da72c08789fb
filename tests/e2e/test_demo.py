"""A night through real Airflow: files come, events do the rest, and nothing is left behind.

One Airflow for the module, because starting it is most of the time. The tests build on each
other in the order in which they stand.
"""

import json
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import psutil
import pytest

from lib.release_builders import PROJECT_ROOT
from wraparound.contracts.district import load_district
from wraparound.district import CANARY_WORDS
from wraparound.district.making import make_district
from wraparound.district.plan import DistrictPlan
from wraparound.orchestration import local_airflow, nights
from wraparound.orchestration.approvals import KEEP
from wraparound.orchestration.demo import SEED, demo_nights, drop, school_year_of, start_everything
from wraparound.orchestration.process_group import members, recall
from wraparound.orchestration.runs import AirflowClient
from wraparound.settings import Settings
from wraparound.warehouse import connection as connections
from wraparound.warehouse import embedded

pytestmark = pytest.mark.airflow

FIRST_THREE = ("attendance.csv", "calendar.csv", "roster.zip")
# Generous: the machine may be busy. Nothing waits longer than it has to.
LOAD_SECONDS = 300
BUILD_SECONDS = 400
PUBLISH_SECONDS = 400
READ_SECONDS = 15


@dataclass(frozen=True)
class Scene:
    """A running demo of a very small district, and the files that its senders hold."""

    settings: Settings
    client: AirflowClient
    files: dict[str, Path]
    as_of: str


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    # A space in the path, as in many a home folder.
    with TemporaryDirectory(prefix="wr e2e-", ignore_cleanup_errors=True) as home:
        settings = Settings(
            project_root=PROJECT_ROOT,
            home=Path(home),
            district_file=PROJECT_ROOT / "config" / "district.yml",
        )
        try:
            start_everything(settings, say=lambda _text: None)
            yield a_scene(settings)
        finally:
            local_airflow.stop(settings)
            embedded.down(settings)


def a_scene(settings: Settings) -> Scene:
    night = demo_nights(load_district(settings.district_file))[-1]
    folder = settings.home / "senders"
    make_district(
        DistrictPlan(
            schools=2,
            students=60,
            seed=SEED,
            school_year=school_year_of(night.through),
            through=night.through,
        ),
        folder,
    )
    return Scene(
        settings=settings,
        client=AirflowClient(local_airflow.login(settings)),
        files={path.name: path for path in folder.iterdir()},
        as_of=night.through.isoformat(),
    )


def wait_for(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {seconds} seconds")
        time.sleep(0.5)


def rows(scene: Scene, query: str) -> list[dict[str, Any]]:
    with connections.connect(scene.settings) as connection:
        return connection.execute(query).fetchall()


def states(scene: Scene) -> dict[str, str]:
    found = rows(scene, "select file_name, state from ops.arrival")
    return {row["file_name"]: row["state"] for row in found}


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def page_status(url: str, *, headers: dict[str, str]) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return int(error.code)


def test_every_pipeline_is_parsed_and_awake(scene: Scene) -> None:
    wait_for(
        lambda: scene.client.dag_ids() >= {"approve", "build", "ingest", "publish"},
        seconds=LOAD_SECONDS,
        what="the pipelines",
    )

    assert scene.client.import_errors() == 0
    assert local_airflow.status(scene.settings).healthy


def test_three_files_at_once_are_loaded(scene: Scene) -> None:
    drop([scene.files[name] for name in FIRST_THREE], inbox=scene.settings.inbox)

    wait_for(
        lambda: states(scene) == dict.fromkeys(FIRST_THREE, "loaded"),
        seconds=LOAD_SECONDS,
        what="three files loaded",
    )


def test_files_that_come_while_the_trigger_is_dead_are_loaded_too(scene: Scene) -> None:
    record = recall(scene.settings.run_dir / "airflow.json")
    assert record
    for process in members(record):
        # A task's process may end between the two questions.
        with suppress(psutil.NoSuchProcess):
            if "triggerer" in " ".join(process.cmdline()):
                process.send_signal(signal.SIGKILL)
    rest = [path for name, path in scene.files.items() if name not in FIRST_THREE]
    drop(rest, inbox=scene.settings.inbox)

    wait_for(
        lambda: states(scene) == dict.fromkeys(scene.files, "loaded"),
        seconds=LOAD_SECONDS,
        what="the other files loaded",
    )


def test_loading_wakes_the_build(scene: Scene) -> None:
    wait_for(
        lambda: not nights.build_needed(scene.settings),
        seconds=BUILD_SECONDS,
        what="the reports built",
    )

    [built] = rows(scene, "select count(*) as n from reports.rpt_students")
    assert built["n"] > 0


def spoil_one_school(scene: Scene) -> str:
    """Let the built reports list a child less than the roster has; the school's source id."""
    day = date.fromisoformat(scene.as_of)
    if nights.build_needed(scene.settings, as_of=day):
        nights.build(scene.settings, as_of=day)  # the build above was for another day
    [school] = rows(
        scene,
        "update reports.rpt_gate_metrics set students_listed = students_listed - 1"
        " where school_key = (select min(school_key) from reports.rpt_gate_metrics)"
        " returning school_source_id",
    )
    return str(school["school_source_id"])


def test_a_held_school_keeps_nobody_else_from_a_list(scene: Scene) -> None:
    held = spoil_one_school(scene)
    run = scene.client.trigger("publish", params={"as_of": scene.as_of})
    ended = scene.client.await_end(run, seconds=PUBLISH_SECONDS)
    live = rows(scene, "select school_source_id from release.pointer")

    assert ended.state == "success"
    assert [row["school_source_id"] != held for row in live] == [True]


def open_questions(scene: Scene) -> list[dict[str, Any]]:
    """What Airflow shows a person who is signed in."""
    page = "/api/v2/dags/~/dagRuns/~/hitlDetails?response_received=false"
    found: list[dict[str, Any]] = ask_airflow(scene, "GET", page)["hitl_details"]
    waiting = ("awaiting_input", "deferred")
    return [each for each in found if each["task_instance"]["state"] in waiting]


def ask_airflow(scene: Scene, method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(
        local_airflow.login(scene.settings).url + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {scene.client.token}",
            "Content-Type": "application/json",
        },
        method=method,
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def answer(scene: Scene, question: dict[str, Any]) -> None:
    asked = question["task_instance"]
    ask_airflow(
        scene,
        "PATCH",
        f"/api/v2/dags/approve/dagRuns/{quote(asked['dag_run_id'])}/taskInstances/ask/"
        f"{asked['map_index']}/hitlDetails",
        {"chosen_options": question["options"][:1], "params_input": {"reason": "One moved."}},
    )


def test_a_person_is_asked_and_the_answer_is_done_and_recorded(scene: Scene) -> None:
    wait_for(lambda: bool(open_questions(scene)), seconds=PUBLISH_SECONDS, what="the question")
    [question] = open_questions(scene)
    asked = question["task_instance"]
    assert (asked["dag_id"], question["defaults"]) == ("approve", [KEEP])
    assert "release.students_reconciled" in question["body"]

    seen: dict[object, float] = {}

    def is_shown() -> bool:
        # As a person does: not before the scheduler has noted that the question waits. An
        # answer that crosses its note makes Airflow ask once more.
        for each in open_questions(scene):
            first = seen.setdefault(each["task_instance"].get("try_number"), time.monotonic())
            if time.monotonic() - first > READ_SECONDS:
                answer(scene, each)
        return len(rows(scene, "select from release.pointer")) == 2

    wait_for(is_shown, seconds=PUBLISH_SECONDS, what="the held school's list")

    [override] = rows(scene, "select granted_by, reason, rule_id from ops.override")
    assert override == {
        "granted_by": "admin",
        "reason": "One moved.",
        "rule_id": "release.students_reconciled",
    }


def test_each_school_has_its_list(scene: Scene) -> None:
    wait_for(
        lambda: len(list(scene.settings.lists.glob("*/*.xlsx"))) == 2,
        seconds=PUBLISH_SECONDS,
        what="two workbooks",
    )

    assert (scene.settings.lists / "index.html").exists()
    assert len(list(scene.settings.lists.glob("*/*.html"))) >= 2


def test_the_ledger_tells_the_night_without_airflow(scene: Scene) -> None:
    told = "select distinct dag_id from ops.event where kind = 'dag_run' and state = 'success'"
    wait_for(
        lambda: (
            {row["dag_id"] for row in rows(scene, told)}
            >= {"approve", "build", "ingest", "publish"}
        ),
        seconds=PUBLISH_SECONDS,
        what="the end of each pipeline in the ledger",
    )


def test_tonight_is_shown_to_those_who_are_logged_in(scene: Scene) -> None:
    url = local_airflow.login(scene.settings).url + "/tonight/"
    token = scene.client.token

    assert page_status(url, headers={}) in (401, 403)
    assert page_status(url, headers={"Cookie": "_token=nonsense"}) in (401, 403)
    assert page_status(url, headers={"Cookie": f"_token={token}"}) == 200


def test_no_canary_is_in_a_log_an_event_or_the_metadata(scene: Scene) -> None:
    logs = [path for path in scene.settings.log_dir.rglob("*") if path.is_file()]
    told = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in logs)
    with connections.connect(scene.settings, database="airflow") as connection:
        kept = connection.execute(
            "select value::text as it from public.xcom union all"
            " select extra::text from public.asset_event"
        ).fetchall()
    events = rows(scene, "select detail::text as it from ops.event")
    everything = told + "\n".join(str(row["it"]) for row in [*kept, *events])

    assert [word for word in CANARY_WORDS if word in everything] == []


def test_stopping_leaves_no_process_behind(scene: Scene) -> None:
    record = recall(scene.settings.run_dir / "airflow.json")
    assert record
    before = {process.pid for process in members(record)}
    local_airflow.stop(scene.settings)

    assert len(before) > 4
    assert [pid for pid in before if is_running(pid)] == []
    assert members(record) == []
    assert not local_airflow.status(scene.settings).running
