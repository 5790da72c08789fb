"""The tasks of the DAGs: verbs that pass ids and counts. The work itself is in `nights`.

Each claims what there is to do from the ledger, so it may run twice, be killed, or run beside
itself. None reads from its event what to do.
"""

# Airflow's decorators and bases carry no types here.
# mypy: disable-error-code="untyped-decorator, misc"

import logging
from collections.abc import Callable
from datetime import date, timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from airflow.sdk import ExceptionRetryPolicy, Param, RetryAction, RetryRule, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from wraparound.errors import (
    LoadFailed,
    SettingsWrong,
    WarehouseMissing,
    WraparoundError,
    in_our_words,
    where_from,
)
from wraparound.orchestration import nights, watch
from wraparound.orchestration.assets import BUILT, HELD, LOADED, PERHAPS_HELD, RELEASED

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
Counts = dict[str, Any]

# Bad data stays bad, however often it is read; a warehouse that is away may come back, and a disk
# may be given room. Tried again after 15 seconds, and then each time after twice as long: a night
# outlasts a server that is away for some seven minutes.
PATIENT: dict[str, Any] = {
    "retries": 5,
    "retry_delay": timedelta(seconds=15),
    "retry_exponential_backoff": 2.0,
    "retry_policy": ExceptionRetryPolicy(
        rules=[
            RetryRule(
                exception=[WarehouseMissing, LoadFailed, SettingsWrong], action=RetryAction.RETRY
            ),
            RetryRule(exception=WraparoundError, action=RetryAction.FAIL),
        ]
    ),
}

LOAD_COUNTS = (
    "arrival_id",
    "feed",
    "state",
    "batch_id",
    "rows_in",
    "rows_loaded",
    "rows_unchanged",
    "rows_quarantined",
    "rows_duplicate",
)

# Airflow maps to 1,024 tasks at the most, and each takes seconds to begin.
GROUPS_MAX = 64

AS_OF = {
    "as_of": Param(
        None,
        type=["null", "string"],
        format="date",
        title="As of",
        description="The school day to report on; empty: the last one, by the district's clock.",
    )
}


class UnforeseenError(Exception):
    """A failure that Wraparound did not foresee, told without its text."""


def discreet(function: Callable[P, R]) -> Callable[P, R]:
    """Let no foreign exception out: its text may quote a value of a row.

    What the error is and where it came from are told; our own errors pass as they are, and those
    of the machine in our words.
    """

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (AirflowSkipException, AirflowFailException) as ours:
            raise ours.with_traceback(None) from None
        except Exception as exc:
            told = in_our_words(exc) or UnforeseenError(where_from(exc))
            raise told.with_traceback(None) from None

    return guarded


@task(**PATIENT)
@discreet
def claim_arrivals() -> list[list[int]]:
    """Accept what is complete in the inbox; tell every pending arrival, in loading order.

    Each stands in a group of its own, unless there are more than Airflow can map tasks to.
    """
    settings = nights.warehouse()
    nights.scan_inbox(settings)
    return in_groups(nights.pending_arrivals(settings), most=GROUPS_MAX)


def in_groups(numbers: list[int], *, most: int) -> list[list[int]]:
    """The numbers in their order, in so many groups at the most, of one size but the last."""
    size = max(1, -(-len(numbers) // most))
    return [numbers[first : first + size] for first in range(0, len(numbers), size)]


# One at a time and in order: the roster first, so that the others know its students.
@task(**PATIENT, max_active_tis_per_dagrun=1)
@discreet
def load_arrivals(arrival_ids: list[int]) -> list[Counts]:
    """Load arrivals; one that was refused fails here, and keeps nobody else back."""
    settings = nights.warehouse()
    done, failed = [], None
    for arrival_id in arrival_ids:
        try:
            done.append(nights.load_arrival(settings, arrival_id))
        except LoadFailed as exc:
            failed = exc  # it waits for the next try; the others need not
    if failed is not None:
        raise failed
    refused = [one for one in done if one["state"] == "refused"]
    if refused:
        told = ", ".join(f"{r['arrival_id']} ({r['feed']}): {r['code']}" for r in refused)
        raise AirflowFailException(f"Refused: {told}.")
    if all(one["state"] == "braked" for one in done):
        raise AirflowSkipException(f"{len(done)} arrivals wait for a person.")
    return [{name: one[name] for name in LOAD_COUNTS} for one in done]


# A refused arrival must not keep the loaded ones from being built.
@task(**PATIENT, outlets=[LOADED], trigger_rule="all_done")
@discreet
def announce_loaded() -> None:
    """Let rows that waited for the roster try again; wake the build if anything is new.

    Receipts that a killed load still owes are left.
    """
    settings = nights.warehouse()
    nights.leave_owed_receipts(settings)
    if not nights.build_needed(settings):
        raise AirflowSkipException("Nothing was loaded since the last build.")
    nights.replay_waiting(settings)


@task(**PATIENT, outlets=[BUILT])
@discreet
def build_reports(params: dict[str, Any] | None = None, dag_run: Any = None) -> str:
    """Build the reports if something is newer than they are, or if a person asks.

    Returns: the school day they are for, as an ISO date: the one door through which a night
    takes its date.
    """
    settings = nights.warehouse()
    day = _as_of(params) or nights.as_of_at_the_door(settings)
    asked = (
        getattr(dag_run, "run_type", None) == "manual"
        and getattr(dag_run, "dag_id", "") == "build"
    )
    if asked:
        nights.build(settings, as_of=day)
    else:
        nights.build_if_needed(settings, as_of=day)
    return day.isoformat()


@task(**PATIENT, outlets=[RELEASED, PERHAPS_HELD])
@discreet
def publish_release(
    as_of: str, params: dict[str, Any] | None = None, outlet_events: Any = None
) -> Counts:
    """Freeze, gate, decide, publish and render, for the school day of the build.

    A task of an earlier night that is cleared takes nobody back to that night, unless its run was
    started for that day by name. Schools that are held wait for nobody here: whoever may decide
    is asked by another pipeline; again where nothing is new, for this task may have been killed
    before it told of them.
    """
    settings = nights.warehouse()
    day = _as_of(params) or nights.not_behind(settings, date.fromisoformat(as_of))
    done = nights.publish(settings, as_of=day, only_if_new=True)
    if any(school["verdict"] == "hold" for school in done["schools"]):
        outlet_events[PERHAPS_HELD].add(HELD)
    return done


@task(**PATIENT)
@discreet
def tell_of_feeds() -> int:
    """Tell once of each feed that is missing, late, shrunken, unchanged or set aside."""
    settings = nights.warehouse()
    alarms = watch.find_alarms(settings)
    watch.tell(settings, alarms)
    return len(alarms)


@task(**PATIENT)
@discreet
def check_parity() -> int:
    """Load the archive anew beside the warehouse and compare; fails where a table differs."""
    from wraparound.orchestration.parity import must_hold, parity
    from wraparound.orchestration.scratch import destroyed_files

    settings = nights.warehouse()
    if destroyed_files(settings):
        raise AirflowSkipException("Files that were loaded were destroyed since, as is their due.")
    compared = parity(settings)
    must_hold(compared)
    return len(compared)


@task(**PATIENT)
@discreet
def tidy_warehouse() -> Counts:
    """Drop releases beyond those that are kept, and vacuum what the merges left."""
    from wraparound.orchestration.tidying import tidy

    return dict(tidy(nights.warehouse()))


@task(**PATIENT)
@discreet
def tidy_airflow() -> Counts:
    """Delete Airflow's logs and records of runs that are past their time."""
    from wraparound.orchestration import airflow_tidying

    return dict(airflow_tidying.tidy_airflow(nights.warehouse()))


def _as_of(params: dict[str, Any] | None) -> date | None:
    given = (params or {}).get("as_of")
    return date.fromisoformat(given) if given else None
