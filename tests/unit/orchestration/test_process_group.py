"""A session of ours is found by process id and start time, and nobody else's is touched."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from wraparound.orchestration.process_group import (
    GroupRecord,
    end,
    leader_alive,
    members,
    recall,
    remember,
    wait_until,
)

# A leader with one child; both only sleep.
LEADER = """
import signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
def leave(*_):
    child.terminate(); child.wait(); sys.exit()
signal.signal(signal.SIGTERM, {on_term})
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""
LONG_GONE = 4_000_000


def a_session(*, on_term: str = "leave") -> subprocess.Popen[bytes]:
    leader = subprocess.Popen(
        [sys.executable, "-c", LEADER.format(on_term=on_term)],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert leader.stdout
    assert leader.stdout.readline() == b"ready\n"
    return leader


@pytest.fixture
def session() -> Iterator[subprocess.Popen[bytes]]:
    leader = a_session()
    yield leader
    clear(leader)


def clear(leader: subprocess.Popen[bytes]) -> None:
    for process in psutil.process_iter():
        if _session_of(process.pid) == leader.pid:
            process.kill()
    leader.wait()
    assert leader.stdout
    leader.stdout.close()


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def test_a_pid_file_is_read_as_it_was_written(
    tmp_path: Path, session: subprocess.Popen[bytes]
) -> None:
    record = remember(tmp_path / "pid.json", pid=session.pid, port=8080)

    assert recall(tmp_path / "pid.json") == record
    assert leader_alive(record)
    assert len(members(record)) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_broken_pid_file_is_no_pid_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "pid.json").write_text(text)

    assert recall(tmp_path / "pid.json") is None


def test_a_number_used_again_is_somebody_else(
    tmp_path: Path, session: subprocess.Popen[bytes]
) -> None:
    record = remember(tmp_path / "pid.json", pid=session.pid, port=8080)
    stale = replace(record, started=record.started - 100)

    assert not leader_alive(stale)
    assert members(stale) == []
    assert end(stale, grace=0) == 0
    assert leader_alive(record)


def test_a_process_long_gone_has_no_members() -> None:
    gone = GroupRecord(pid=LONG_GONE, started=1.0, port=8080)

    assert not leader_alive(gone)
    assert end(gone, grace=0) == 0


def test_a_leader_that_listens_ends_by_itself(
    tmp_path: Path, session: subprocess.Popen[bytes]
) -> None:
    record = remember(tmp_path / "pid.json", pid=session.pid, port=8080)

    assert end(record, grace=10) == 0
    assert members(record) == []


def test_what_does_not_listen_is_killed(tmp_path: Path) -> None:
    leader = a_session(on_term="signal.SIG_IGN")
    record = remember(tmp_path / "pid.json", pid=leader.pid, port=8080)

    killed = end(record, grace=0.2)
    clear(leader)

    assert killed == 2
    assert members(record) == []


def test_children_whose_leader_was_killed_are_found_and_ended(
    tmp_path: Path, session: subprocess.Popen[bytes]
) -> None:
    record = remember(tmp_path / "pid.json", pid=session.pid, port=8080)
    os.kill(session.pid, signal.SIGKILL)
    session.wait()

    assert not leader_alive(record)
    assert len(members(record)) == 1
    assert end(record, grace=0) == 1
    assert members(record) == []


def test_waiting_ends_with_the_time() -> None:
    assert wait_until(lambda: True, seconds=0)
    assert not wait_until(lambda: False, seconds=0.02, every=0.01)
