"""The leader of the local Airflow: starts four services, restarts one that dies, ends all.

Run as `python -m wraparound.orchestration.service_group LOG_FOLDER`: it prints the process id of
the leader, which goes on in a session of its own. It imports nothing heavy, and takes everything
else from the environment.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

SERVICES: dict[str, tuple[str, ...]] = {
    "api-server": ("api-server", "--worker-timeout", "20"),
    # Logs are read from the folder they are written to, so no log server listens anywhere.
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
LOOK_EVERY = 0.2
RESTART_AFTER = 3.0
GRACE = 12.0


class Leader:
    """Keeps the services running until it is told to end."""

    def __init__(self, log_folder: Path) -> None:
        self.log_folder = log_folder
        self.ending = False
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.started_at: dict[str, float] = {}

    def run(self) -> None:
        """Start everything, look after it, and end it when a signal says so."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._told_to_end)
        for name in SERVICES:
            self._start(name)
        while not self.ending:
            time.sleep(LOOK_EVERY)
            self._restart_dead()
        self._end_all()

    def _told_to_end(self, _number: int, _frame: FrameType | None) -> None:
        self.ending = True

    def _start(self, name: str) -> None:
        with (self.log_folder / f"airflow-{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "airflow", *SERVICES[name]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.started_at[name] = time.monotonic()

    def _restart_dead(self) -> None:
        for name, process in self.running.items():
            old_enough = time.monotonic() - self.started_at[name] > RESTART_AFTER
            if process.poll() is not None and old_enough and not self.ending:
                self._start(name)

    def _end_all(self) -> None:
        for process in self.running.values():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        deadline = time.monotonic() + GRACE
        for process in self.running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=max(0.1, deadline - time.monotonic()))


def main() -> None:
    """Leave a leader behind, in a session of its own, and tell its process id."""
    child = os.fork()
    if child:
        sys.stdout.write(f"{child}\n")
        return
    os.setsid()
    os.umask(0o077)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    Leader(Path(sys.argv[1])).run()


if __name__ == "__main__":
    main()
