"""The end of a night by its parts, on reports that are built: in this process, imports included.

A flip and a rollback are measured while readers ask for lists; a school's list is asked for with
row-level security and, as the server's owner, without.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from statistics import median
from typing import Any, Protocol

from wraparound.publishing.readers import reading_as
from wraparound.settings import Settings
from wraparound.warehouse import ledger
from wraparound.warehouse.connection import Connection, connect
from wraparound.warehouse.roles import PUBLISHER

READERS = 2
ASKED = 30
GUARDED = "select * from coordinator.{}"
OPEN = "select * from release.rpt_{} where school_key = %s and release_id = %s"
SECTIONS = ("students", "need_profiles", "referral_queue", "today")


class Timed(Protocol):
    """What times a stage by its name."""

    def stage(self, name: str) -> Any: ...


def publish_by_parts(settings: Settings, stages: Timed, *, as_of: date) -> dict[str, Any]:
    """Freeze, check, flip, roll back and render; what was asked of a school's list is returned."""
    with stages.stage("import"):
        from wraparound.publishing import freeze, releases
        from wraparound.publishing.delivery import deliver_lists
        from wraparound.publishing.publish import audit, check
    with connect(settings, role=PUBLISHER) as connection:
        last = ledger.last_build(connection)
        assert last is not None
        with stages.stage("freeze"):
            candidate = freeze.freeze_release(connection, build_id=last["build_id"], as_of=as_of)
        with stages.stage("gate"):
            results, trouble = check(settings, connection, candidate)
            audit(connection, candidate, results=results, gate_ran=trouble is None)
        with _readers(settings, as_of=as_of):
            with stages.stage("flip"):
                releases.publish_release(connection, candidate.release_id)
            with stages.stage("roll back all"):
                releases.rollback(connection)
            releases.rollback(connection, candidate.release_id)
        school = releases.live_releases(connection)[0].school_source_id
        with stages.stage("roll back one"):
            releases.rollback(connection, schools=[school])
        releases.rollback(connection, candidate.release_id)
        with stages.stage("render all"):
            written = deliver_lists(settings, connection, today=as_of)
        with stages.stage("render nothing new"):
            again = deliver_lists(settings, connection, today=as_of)
    assert not any(each.is_new for each in again.lists), "an unchanged list was written again"
    return {"rules": len(results), "lists": sum(each.is_new for each in written.lists)} | (
        _row_security(settings, as_of=as_of)
    )


def _row_security(settings: Settings, *, as_of: date) -> dict[str, float]:
    """Median seconds of a school's whole list with and without row-level security, in turns."""
    with connect(settings) as connection:
        found = connection.execute(
            "select a.staff_source_id, min(p.school_key) as school_key,"
            " min(p.release_id) as release_id"
            " from release.assignment a inner join release.pointer p using (school_key)"
            " where a.valid_from <= %s and (a.valid_to is null or a.valid_to > %s)"
            " group by 1 having count(distinct p.school_key) = 1 order by 1 limit 1",
            (as_of, as_of),
        ).fetchone()
        assert found is not None, "nobody is assigned to a school"
        guarded, unguarded = [], []
        for _ in range(ASKED):
            with reading_as(connection, found["staff_source_id"], today=as_of):
                seconds, rows = _asked(connection, GUARDED)
                guarded.append(seconds)
            key = (found["school_key"], found["release_id"])
            seconds, without = _asked(connection, OPEN, key)
            unguarded.append(seconds)
            assert rows == without > 0, "row-level security shows other rows"
    return {"rls_on": median(guarded), "rls_off": median(unguarded)}


def _asked(connection: Connection, query: str, key: tuple[int, ...] = ()) -> tuple[float, int]:
    started, rows = time.perf_counter(), 0
    for section in SECTIONS:
        rows += len(connection.execute(query.format(section), key or None).fetchall())  # type: ignore[arg-type]
    return time.perf_counter() - started, rows


@contextmanager
def _readers(settings: Settings, *, as_of: date) -> Iterator[None]:
    """Readers who ask for the lists of a coordinator over and over."""
    is_over = threading.Event()

    def read() -> None:
        with connect(settings) as connection:
            who = connection.execute(
                "select min(staff_source_id) as who from release.assignment"
            ).fetchone()
            while not is_over.is_set():
                with reading_as(connection, who["who"] if who else "", today=as_of):
                    _asked(connection, GUARDED)

    threads = [threading.Thread(target=read) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
