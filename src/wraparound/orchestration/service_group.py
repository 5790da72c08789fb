"""The leader of the local Airflow: starts four services, restarts one that dies, ends all.

Run as `python -m wraparound.orchestration.service_group LOG_FOLDER PID_FILE`: it prints the
process id of the leader, which goes on in a session of its own. It imports nothing heavy, and
takes everything else from the environment. Before it starts a service again it sees to the
embedded server: without that none of them runs for long.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from wraparound.errors import WraparoundError
from wraparound.settings import load_settings
from wraparound.warehouse import embedded

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
# Whoever starts a leader writes its pid file at once; one that was killed before never will.
KNOWN_WITHIN = 60.0


class Leader:
    """Keeps services running until a signal, or the loss of its pid file, tells it to end."""

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        *,
        log_folder: Path,
        pid_file: Path,
        see_to_server: Callable[[], None],
    ) -> None:
        self.commands = commands
        self.see_to_server = see_to_server
        self.log_folder = log_folder
        self.pid_file = pid_file
        self.ending = False
        self.known_until = time.monotonic() + KNOWN_WITHIN
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.started_at: dict[str, float] = {}

    def run(self) -> None:
        """Start everything, look after it, and end it when the time has come."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._told_to_end)
        for name in self.commands:
            self._start(name)
        while not self.ending:
            time.sleep(LOOK_EVERY)
            self._end_if_forgotten()
            self._restart_dead()
        self._end_all()

    def _told_to_end(self, _number: int, _frame: FrameType | None) -> None:
        self.ending = True

    def _start(self, name: str) -> None:
        with (self.log_folder / f"airflow-{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                self.commands[name],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.started_at[name] = time.monotonic()

    def _restart_dead(self) -> None:
        for name, process in self.running.items():
            old_enough = time.monotonic() - self.started_at[name] > RESTART_AFTER
            if process.poll() is not None and old_enough and not self.ending:
                self.see_to_server()
                self._start(name)

    def _end_if_forgotten(self) -> None:
        """Nobody can end this leader by its pid file where that is gone, or never came."""
        if self.pid_file.exists():
            self.known_until = 0.0
        elif time.monotonic() > self.known_until:
            self.ending = True

    def _end_all(self) -> None:
        for process in self.running.values():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        deadline = time.monotonic() + GRACE
        for process in self.running.values():
            try:
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()


def start_server() -> None:
    """Start the embedded server if it was lost; what keeps it away stands in its log."""
    settings = load_settings()
    if settings.warehouse_url is None:
        with contextlib.suppress(WraparoundError, OSError):
            embedded.up(settings)


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
    Leader(
        {name: [sys.executable, "-m", "airflow", *words] for name, words in SERVICES.items()},
        log_folder=Path(sys.argv[1]),
        pid_file=Path(sys.argv[2]),
        see_to_server=start_server,
    ).run()
    # What the services left in our group, and last of all this process itself.
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
