"""Processes that belong together: found by their session, never by a name.

The leader of a session is remembered by process id *and* start time, so that a stale file never
points at somebody else's process.
"""

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

# Start times are read back from a file; clock ticks are a hundredth of a second.
SAME_START = 0.05


@dataclass(frozen=True)
class GroupRecord:
    """The leader of a session of ours, as the pid file remembers it."""

    pid: int
    started: float
    port: int


def remember(path: Path, *, pid: int, port: int) -> GroupRecord:
    """Write the pid file of a leader that runs now."""
    record = GroupRecord(pid=pid, started=psutil.Process(pid).create_time(), port=port)
    path.write_text(json.dumps(asdict(record)), encoding="utf-8")
    return record


def recall(path: Path) -> GroupRecord | None:
    """Read a pid file; None if there is none or it cannot be read."""
    try:
        return GroupRecord(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def leader_alive(record: GroupRecord) -> bool:
    """Is this very process, not a later one of the same number, still running?"""
    try:
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.started) < SAME_START
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def members(record: GroupRecord) -> list[psutil.Process]:
    """Every living process of the leader's session, whether or not the leader still lives.

    The kernel does not hand out a process id that is still in use as a session, so a session of
    this number whose members are not older than its leader is ours.
    """
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            ours = os.getsid(process.pid) == record.pid
            young = process.create_time() >= record.started - SAME_START
            if ours and young and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return [] if _number_reused(record) else found


def end(record: GroupRecord, *, grace: float) -> int:
    """Ask the leader to end its services, wait, then kill what is left.

    Returns: how many processes had to be killed.
    """
    if leader_alive(record):
        with contextlib.suppress(ProcessLookupError):
            os.kill(record.pid, signal.SIGTERM)
        wait_until(lambda: not members(record), seconds=grace)
    left = members(record)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    wait_until(lambda: not members(record), seconds=5)
    return len(left)


def wait_until(condition: Callable[[], bool], *, seconds: float, every: float = 0.1) -> bool:
    """Look again and again until the condition holds (True) or the time is over (False)."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def _number_reused(record: GroupRecord) -> bool:
    try:
        started = psutil.Process(record.pid).create_time()
        return bool(abs(started - record.started) >= SAME_START)
    except psutil.NoSuchProcess:
        return False
