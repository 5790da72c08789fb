"""Lists that other processes render, handed on one by one."""

import weakref
from concurrent.futures import Future
from dataclasses import dataclass
from types import SimpleNamespace

from wraparound.publishing import delivery


@dataclass(frozen=True)
class ADraft:
    """What a list says, in a word."""

    of: str


class APool:
    """A pool that has done its work as soon as it is asked for it."""

    def __init__(self, *words, **named):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *words):
        pass

    def submit(self, work, settings, job):
        done = Future()
        done.set_result(ADraft(job.folder))
        return done


def test_a_draft_that_was_delivered_is_kept_no_longer(monkeypatch):
    monkeypatch.setattr(delivery, "ProcessPoolExecutor", APool)
    monkeypatch.setattr(delivery, "APART_FROM", 1)
    monkeypatch.setattr(delivery, "_standing", lambda settings, job: None)
    jobs = [SimpleNamespace(folder=f"T-S{number}") for number in range(5)]
    seen, kept = [], []

    for job, draft in delivery._drafts(None, None, jobs):
        seen.append(weakref.ref(draft()))
        assert seen[-1]().of == job.folder
        kept.append(sum(one() is not None for one in seen))

    assert kept == [1, 1, 1, 1, 1]
