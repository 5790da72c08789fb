"""Lists that other processes render, handed on one by one."""

import weakref
from concurrent.futures import Future
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

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


def a_job(number, *, students):
    return SimpleNamespace(folder=f"T-S{number}", verdict={"student_count": students})


@pytest.mark.parametrize(
    ("schools", "are_apart"),
    [
        ((599,), False),
        ((600,), True),
        ((2000,), True),
        ((200, 200, 199), False),
        ((60,) * 11, True),
    ],
)
def test_many_students_are_rendered_in_another_process(monkeypatch, schools, are_apart):
    monkeypatch.setattr(delivery, "ProcessPoolExecutor", APool)
    monkeypatch.setattr(delivery, "_standing", lambda settings, job: None)
    monkeypatch.setattr(delivery, "_draft", lambda settings, connection, job: None)
    jobs = [a_job(number, students=students) for number, students in enumerate(schools)]

    drafts = [draft() for _, draft in delivery._drafts(None, None, jobs)]

    assert drafts == [ADraft(job.folder) if are_apart else None for job in jobs]


def test_a_draft_that_was_delivered_is_kept_no_longer(monkeypatch):
    monkeypatch.setattr(delivery, "ProcessPoolExecutor", APool)
    monkeypatch.setattr(delivery, "_standing", lambda settings, job: None)
    jobs = [a_job(number, students=delivery.APART_FROM // 5) for number in range(5)]
    seen, kept = [], []

    for job, draft in delivery._drafts(None, None, jobs):
        seen.append(weakref.ref(draft()))
        assert seen[-1]().of == job.folder
        kept.append(sum(one() is not None for one in seen))

    assert kept == [1, 1, 1, 1, 1]
