"""The leader of the services, leading sleepers instead of Airflow."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from wraparound.orchestration import service_group
from wraparound.orchestration.process_group import wait_until
from wraparound.settings import load_settings

LEAD = """
import sys
from pathlib import Path
from wraparound.orchestration import service_group
service_group.LOOK_EVERY = 0.02
service_group.RESTART_AFTER = 0.1
service_group.GRACE = 0.5
service_group.KNOWN_WITHIN = 1.0
folder = Path(sys.argv[1])
sleeper = [sys.executable, "-c", sys.argv[2]]
service_group.Leader(
    {"one": sleeper, "two": sleeper},
    log_folder=folder,
    pid_file=folder / "pid.json",
    see_to_server=(folder / "seen").touch,
).run()
"""
SLEEP = "import time; time.sleep(120)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(120)"
ENOUGH_SECONDS = 90  # on a crowded machine, too


@pytest.fixture(params=[SLEEP], ids=["sleepers"])
def leader(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[psutil.Process]:
    (tmp_path / "pid.json").touch()
    started = subprocess.Popen([sys.executable, "-c", LEAD, str(tmp_path), request.param])
    process = psutil.Process(started.pid)
    assert wait_until(lambda: len(process.children()) == 2, seconds=ENOUGH_SECONDS)
    yield process
    for child in process.children() if process.is_running() else []:
        child.kill()
    started.kill()
    started.wait()


def ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_a_service_that_dies_is_started_again(leader: psutil.Process, tmp_path: Path) -> None:
    first, other = leader.children()
    assert not (tmp_path / "seen").exists()
    first.kill()

    assert wait_until(
        lambda: len({child.pid for child in leader.children()} - {first.pid}) == 2,
        seconds=ENOUGH_SECONDS,
    )
    assert other.is_running()
    # Without the warehouse none would live long.
    assert (tmp_path / "seen").exists()


@pytest.mark.parametrize(("url", "started"), [(None, 1), ("postgresql://elsewhere/x", 0)])
def test_only_a_server_of_ours_is_started_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str | None, started: int
) -> None:
    seen: list[object] = []
    settings = replace(load_settings(), home=tmp_path, warehouse_url=url)
    monkeypatch.setattr(service_group, "load_settings", lambda: settings)
    monkeypatch.setattr(service_group.embedded, "up", seen.append)

    service_group.start_server()

    assert len(seen) == started


@pytest.mark.parametrize("leader", [SLEEP, DEAF], ids=["listening", "deaf"], indirect=True)
def test_a_signal_ends_the_leader_and_its_services(leader: psutil.Process) -> None:
    services = leader.children()
    os.kill(leader.pid, signal.SIGTERM)

    assert wait_until(lambda: ended(leader), seconds=ENOUGH_SECONDS)
    assert [service.pid for service in services if not ended(service)] == []


def test_a_leader_whose_pid_file_is_gone_or_never_came_ends(
    leader: psutil.Process, tmp_path: Path
) -> None:
    """Which of both depends on whether it has looked once before the file goes."""
    services = leader.children()
    (tmp_path / "pid.json").unlink()

    assert wait_until(lambda: ended(leader), seconds=ENOUGH_SECONDS)
    assert [service.pid for service in services if not ended(service)] == []


def test_what_the_services_say_is_kept_privately_by_name(
    leader: psutil.Process, tmp_path: Path
) -> None:
    assert leader.is_running()
    assert {path.name for path in tmp_path.glob("*.log")} == {"airflow-one.log", "airflow-two.log"}
