"""A child process that is killed, for real, just before a step that somebody else can see.

Steps are commits, changes of files, lines to a mail server, and calls that a test names. To go
through a piece of work is to kill it before its first step, before its second, and so on until
it ends unharmed.
"""

import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any

from psycopg import BaseConnection

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir"}
WRITES = os.O_WRONLY | os.O_RDWR


def killed_before(
    step: int,
    act: Callable[[], object],
    *,
    within: Path,
    calls: Iterable[tuple[type, str]] = (),
) -> str | None:
    """Act in a child that is killed before its step-th step (from 1).

    Files count where they are inside `within`; `calls` are methods that count too. Returns the
    step's name; None where the work ended before it came to that many.
    """
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        _act_and_die(act, _Countdown(step, tell, within), tell, calls)
    os.close(tell)
    with os.fdopen(told) as stream:
        said = stream.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return said
    assert os.WEXITSTATUS(status) == 0, said
    return None


class _Countdown:
    def __init__(self, step: int, tell: int, within: Path) -> None:
        self.left, self.tell, self.within = step, tell, f"{within}/"

    def count(self, name: str) -> None:
        self.left -= 1
        if self.left == 0:
            os.write(self.tell, name.encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(self, event: str, words: tuple[Any, ...]) -> None:
        if event == "smtplib.send":
            self.count(event)
        elif event in CHANGES or (event == "open" and words[2] & WRITES):
            self.look(event, words[0])

    def look(self, event: str, path: object) -> None:
        """Inside a tree that is removed, paths are relative."""
        text = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
        if text.startswith(self.within) or (text and not text.startswith("/")):
            self.count(f"{event} {text.removeprefix(self.within)}")


def _act_and_die(
    act: Callable[[], object], countdown: _Countdown, tell: int, calls: Iterable[tuple[type, str]]
) -> None:
    # Nothing of the parent's is closed here: its connections are its own.
    gc.freeze()
    try:
        _count_commits(countdown)
        for part, name in calls:
            _count_calls(countdown, part, name)
        sys.addaudithook(countdown.audit)
        act()
    except BaseException:
        os.write(tell, traceback.format_exc().encode())
        os._exit(1)
    os._exit(0)


def _count_commits(countdown: _Countdown) -> None:
    plain = BaseConnection._exec_command

    def counted(self: Any, command: Any, *words: Any, **named: Any) -> Any:
        if command == b"COMMIT":
            countdown.count("commit")
        return (yield from plain(self, command, *words, **named))

    BaseConnection._exec_command = counted  # type: ignore[method-assign]


def _count_calls(countdown: _Countdown, part: type, name: str) -> None:
    plain = getattr(part, name)

    @wraps(plain)
    def counted(*words: Any, **named: Any) -> Any:
        countdown.count(name)
        return plain(*words, **named)

    setattr(part, name, counted)
