"""Seconds, processor time, peak memory and WAL of a piece of work in a process of its own."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from wraparound.settings import Settings, environment_for
from wraparound.warehouse.connection import MAINTENANCE_DATABASE, connect


@dataclass(frozen=True)
class Cost:
    """What one run cost: seconds, bytes, and the seconds of its stages."""

    seconds: float
    client_cpu: float
    server_cpu: float
    peak_rss: int
    wal: int
    temp: int
    stages: dict[str, float] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """Runs of one kind: their median, least and most seconds, and medians of the rest."""

    name: str
    runs: tuple[Cost, ...]

    def as_dict(self) -> dict[str, Any]:
        """For the results file."""
        seconds = [run.seconds for run in self.runs]
        stages = {name: None for run in self.runs for name in run.stages}
        return {
            "name": self.name,
            "median": round(statistics.median(seconds), 3),
            "least": round(min(seconds), 3),
            "most": round(max(seconds), 3),
            "client_cpu": self._median("client_cpu"),
            "server_cpu": self._median("server_cpu"),
            "peak_rss_mb": round(max(run.peak_rss for run in self.runs) / 2**20),
            "wal_mb": round(self._median("wal") / 2**20, 1),
            "temp_mb": round(self._median("temp") / 2**20, 1),
            "stages": {
                name: round(statistics.median(run.stages.get(name, 0.0) for run in self.runs), 3)
                for name in stages
            },
            "runs": [asdict(run) for run in self.runs],
        }

    def _median(self, what: str) -> float:
        return round(statistics.median(getattr(run, what) for run in self.runs), 3)


def measured(server: Settings, command: list[str], *, settings: Settings) -> Cost:
    """Run a command, which may print one line of JSON: {"stages": …, "peak_rss": …}."""
    before = _server_state(server)
    started, cpu = time.perf_counter(), os.times()
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=settings.project_root,
        env=environment_for(settings),
    )
    seconds, cpu_after = time.perf_counter() - started, os.times()
    if done.returncode:
        raise RuntimeError(f"{command[:4]}: {done.stderr[-2000:]}")
    after = _server_state(server)
    said = _said(done.stdout)
    return Cost(
        seconds=seconds,
        client_cpu=cpu_after.children_user
        + cpu_after.children_system
        - cpu.children_user
        - cpu.children_system,
        server_cpu=after["cpu"] - before["cpu"],
        peak_rss=said.pop("peak_rss", 0),
        wal=int(after["wal"] - before["wal"]),
        temp=int(after["temp"] - before["temp"]),
        stages=said.pop("stages", {}),
        said=said,
    )


def _said(output: str) -> dict[str, Any]:
    lines = [line for line in output.splitlines() if line.startswith("{")]
    return dict(json.loads(lines[-1])) if lines else {}


def _server_state(server: Settings) -> dict[str, float]:
    with connect(server, database=MAINTENANCE_DATABASE, autocommit=True) as connection:
        row = connection.execute(
            "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') as wal,"
            " (select sum(temp_bytes) from pg_stat_database) as temp"
        ).fetchone()
    assert row is not None
    return {"wal": float(row["wal"]), "temp": float(row["temp"]), "cpu": _server_cpu(server)}


def _server_cpu(server: Settings) -> float:
    """Of the server and all its processes, those that ended included."""
    first = (server.postgres_dir / "postmaster.pid").read_text().splitlines()[0]
    master = psutil.Process(int(first))
    spent = master.cpu_times()
    total = spent.user + spent.system + spent.children_user + spent.children_system
    for child in master.children(recursive=True):
        try:
            used = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += used.user + used.system
    return float(total)


def alternating(
    kinds: dict[str, Callable[[], Cost]], *, runs: int, say: Callable[[str], None]
) -> list[Summary]:
    """Run every kind once, then again: what else the machine does meets all of them."""
    costs: dict[str, list[Cost]] = {name: [] for name in kinds}
    for number in range(runs):
        for name, run in kinds.items():
            cost = run()
            costs[name].append(cost)
            say(f"  run {number + 1}, {name}: {cost.seconds:.2f} s")
    return [Summary(name, tuple(listed)) for name, listed in costs.items()]


def python(*words: object) -> list[str]:
    """A command line of this Python."""
    return [sys.executable, *(str(word) for word in words)]


def machine() -> dict[str, Any]:
    """What the figures were measured on, and how busy it was."""
    one, five, fifteen = os.getloadavg()
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "load": [round(one, 1), round(five, 1), round(fifteen, 1)],
        "measured_at": time.strftime("%Y-%m-%d %H:%M"),
        "python": sys.version.split()[0],
    }


def folder_of(results: Path) -> Path:
    """The results' folder, made if it is not there."""
    results.mkdir(parents=True, exist_ok=True)
    return results
