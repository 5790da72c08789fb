"""Seconds, processor time, peak memory and WAL of a piece of work in a process of its own."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
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
    wal: int
    temp: int
    peak_rss: int = 0
    stages: dict[str, float] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """Runs of one kind: their median, least and most seconds, and medians of the rest."""

    name: str
    runs: tuple[Cost, ...]
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For the results file."""
        seconds = [run.seconds for run in self.runs]
        stages = {name: None for run in self.runs for name in run.stages}
        return {
            "name": self.name,
            "note": self.note,
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


def measured(
    server: Settings,
    command: list[str],
    *,
    settings: Settings,
    more: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Cost:
    """Run a command, with more in its environment if need be, and in a folder of its own.

    It may print one line of JSON: {"stages": …}, and what else it has to say. Its peak is that
    of the largest of its processes.
    """
    # A process is told to have held at least what the one that starts it ever held: from here on
    # that is what the harness holds now, not what it took to make the files.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    meter, started = Meter(server), time.perf_counter()
    with TemporaryFile("w+") as output, TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=errors,
            cwd=folder or settings.project_root,
            env=environment_for(settings) | dict(more or {}),
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        said, complaint = _said(output.read()), errors.read()[-2000:]
    if process.returncode:
        raise RuntimeError(f"{command[:4]}: {complaint}")
    return meter.cost(
        seconds,
        client_cpu=used.ru_utime + used.ru_stime,
        peak_rss=used.ru_maxrss * 1024,
        stages=said.pop("stages", {}),
        said=said,
    )


def _said(output: str) -> dict[str, Any]:
    lines = [line for line in output.splitlines() if line.startswith("{")]
    return dict(json.loads(lines[-1])) if lines else {}


class Meter:
    """What the server spends from now on, and a client whose process is known."""

    def __init__(self, server: Settings, *, client: int | None = None) -> None:
        self._server, self._client = server, client
        self._before = self._state()

    def cost(self, seconds: float, **known: Any) -> Cost:
        """The cost until now, with what else is known of it."""
        spent = {name: value - self._before[name] for name, value in self._state().items()}
        return Cost(seconds=seconds, **(spent | known))

    def _state(self) -> dict[str, Any]:
        with connect(self._server, database=MAINTENANCE_DATABASE, autocommit=True) as connection:
            row = connection.execute(
                "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint as wal,"
                " (select sum(temp_bytes) from pg_stat_database)::bigint as temp"
            ).fetchone()
        assert row is not None
        first = (self._server.postgres_dir / "postmaster.pid").read_text().splitlines()[0]
        client_cpu = _cpu_of(self._client) if self._client else 0.0
        return {**row, "server_cpu": _cpu_of(int(first)), "client_cpu": client_cpu}


def _cpu_of(first: int) -> float:
    """Processor seconds of a process and all below it, those that ended included."""
    total = 0.0
    leader = psutil.Process(first)
    for process in (leader, *leader.children(recursive=True)):
        try:
            used = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += used.user + used.system + used.children_user + used.children_system
    return total


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
