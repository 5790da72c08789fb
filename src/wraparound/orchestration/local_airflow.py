"""A local Airflow for the demo and for development: four services in one session of ours."""

import json
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg

from wraparound.errors import AirflowMissing
from wraparound.orchestration.airflow_home import HOST, Login, airflow_environment, login_for
from wraparound.orchestration.process_group import (
    GroupRecord,
    end,
    leader_alive,
    members,
    recall,
    remember,
    wait_until,
)
from wraparound.orchestration.service_group import GRACE
from wraparound.settings import Settings
from wraparound.warehouse import connection

Progress = Callable[[str], None]
COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
# Only so that a hang ends: a busy machine may need minutes.
START_SECONDS = 420.0


@dataclass(frozen=True)
class AirflowStatus:
    """Whether the local Airflow runs, where, and how its parts are ("healthy" or not)."""

    running: bool
    port: int | None = None
    pid: int | None = None
    components: dict[str, str] = field(default_factory=dict)

    @property
    def healthy(self) -> bool:
        """All four parts answer."""
        return self.running and all(self.components.get(p) == "healthy" for p in COMPONENTS)


def start(
    settings: Settings, *, port: int | None = None, on_progress: Progress | None = None
) -> AirflowStatus:
    """Start the local Airflow and wait until all its parts are healthy; if it runs, do nothing.

    Raises:
        AirflowMissing: it did not become healthy in time; the message names the log.
    """
    say = on_progress or _say_nothing
    settings.make_folders()
    record = recall(_pid_file(settings))
    if record and leader_alive(record):
        say("Airflow is already running.")
    else:
        if record:
            end(record, grace=0)
        port = _usable_port(port or (record.port if record else None))
        _migrate(settings, port=port, say=say)
        say("Airflow: starting scheduler, dag processor, triggerer and API server ...")
        record = _launch(settings, port=port)
    _await_healthy(settings, record=record)
    say(f"Airflow: ready at http://{HOST}:{record.port}")
    return status(settings)


def stop(settings: Settings) -> int:
    """End the local Airflow: ask, wait, then kill what is left of its session.

    Returns: how many processes ended (0 if none ran).
    """
    record = recall(_pid_file(settings))
    running = members(record) if record else []
    if record and running:
        end(record, grace=GRACE + 3)
    # The file stays: the port is remembered, so that bookmarks keep working.
    return len(running)


def status(settings: Settings) -> AirflowStatus:
    """What runs now, asked of the processes and of the health page."""
    record = recall(_pid_file(settings))
    if record is None or not members(record):
        return AirflowStatus(running=False)
    health = _health(record.port)
    components = {name: str(health.get(name, {}).get("status")) for name in COMPONENTS}
    return AirflowStatus(running=True, port=record.port, pid=record.pid, components=components)


def login(settings: Settings) -> Login:
    """The address and account of the local Airflow.

    Raises:
        AirflowMissing: it was never started here.
    """
    record = recall(_pid_file(settings))
    if record is None:
        raise AirflowMissing("No Airflow was started here. Run 'wraparound airflow start'.")
    return login_for(settings, port=record.port)


def _migrate(settings: Settings, *, port: int, say: Progress) -> None:
    """Bring Airflow's own database up to date; skipped when it is known to be."""
    marker = settings.airflow_home / "migrated.json"
    known = json.loads(marker.read_text(encoding="utf-8")) if marker.exists() else None
    if known and known == _database_state(settings):
        return
    say("Airflow: preparing its database ...")
    log = settings.log_dir / "airflow-migrate.log"
    with log.open("ab") as output:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            env=airflow_environment(settings, port=port),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise AirflowMissing(f"Airflow's database could not be prepared; read {log}.")
    marker.write_text(json.dumps(_database_state(settings)), encoding="utf-8")


def _database_state(settings: Settings) -> dict[str, str | None]:
    return {
        "airflow": version("apache-airflow"),
        "revision": _database_revision(connection.airflow_metadata_url(settings)),
    }


def _database_revision(url: str) -> str | None:
    """What the database itself says: it may have been made anew since the last start."""
    try:
        with psycopg.connect(re.sub(r"^postgresql\+\w+:", "postgresql:", url)) as connected:
            row = connected.execute("select version_num from alembic_version").fetchone()
            return row[0] if row else None
    except psycopg.errors.UndefinedTable:
        return None


def _launch(settings: Settings, *, port: int) -> GroupRecord:
    login_for(settings, port=port)
    # A file of the last leader would make the new one think that it is known already.
    _pid_file(settings).unlink(missing_ok=True)
    told = subprocess.run(
        [
            sys.executable,
            "-m",
            "wraparound.orchestration.service_group",
            str(settings.log_dir),
            str(_pid_file(settings)),
        ],
        env=airflow_environment(settings, port=port),
        cwd=settings.airflow_home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    return remember(_pid_file(settings), pid=int(told.stdout), port=port)


def _await_healthy(settings: Settings, *, record: GroupRecord) -> None:
    started = datetime.fromtimestamp(record.started, tz=UTC)
    well = wait_until(
        lambda: not leader_alive(record) or _healthy_since(record.port, started=started),
        seconds=START_SECONDS,
        every=0.3,
    )
    if not well or not leader_alive(record):
        raise AirflowMissing(
            f"The local Airflow did not become healthy. Read {settings.log_dir}/airflow-*.log, "
            "then try 'wraparound airflow stop' and 'wraparound airflow start'."
        )


def _healthy_since(port: int, *, started: datetime) -> bool:
    """Healthy, by heartbeats of this start: those of a killed one look fresh for a while."""
    health = _health(port)
    for name in COMPONENTS:
        part = health.get(name) or {}
        if part.get("status") != "healthy":
            return False
        beat = part.get(f"latest_{name}_heartbeat")
        if name != "metadatabase" and (not beat or datetime.fromisoformat(beat) < started):
            return False
    return True


def _health(port: int) -> dict[str, Any]:
    try:
        page = f"http://{HOST}:{port}/api/v2/monitor/health"
        with urllib.request.urlopen(page, timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except (urllib.error.URLError, OSError, ValueError):
        return {}


def _usable_port(wanted: int | None) -> int:
    """The wanted port if nobody listens there, else any free one."""
    for candidate in (wanted, 8080, 0):
        if candidate is None:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise AirflowMissing(f"No free port on {HOST}.")


def _pid_file(settings: Settings) -> Path:
    return settings.run_dir / "airflow.json"


def _say_nothing(_text: str) -> None:
    return None
