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
from airflow.sdk.exceptions import AirflowSkipException

from wraparound.errors import WarehouseMissing, WraparoundError
from wraparound.orchestration import nights
from wraparound.orchestration.assets import BUILT, LOADED, RELEASED
from wraparound.orchestration.listener import alert
from wraparound.settings import load_settings

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
Counts = dict[str, Any]

# Bad data stays bad, however often it is read; a warehouse that is away may come back.
PATIENT: dict[str, Any] = {
    "retries": 2,
    "retry_delay": timedelta(seconds=15),
    "retry_policy": ExceptionRetryPolicy(
        rules=[
            RetryRule(exception=WarehouseMissing, action=RetryAction.RETRY),
            RetryRule(exception=WraparoundError, action=RetryAction.FAIL),
        ]
    ),
}

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

    What the error is and where it came from are told; our own errors pass as they are.
    """

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (WraparoundError, AirflowSkipException) as ours:
            raise ours.with_traceback(None) from None
        except Exception as exc:
            raise UnforeseenError(_where(exc)) from None

    return guarded


def _where(exc: Exception) -> str:
    frame = exc.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else "?"
    state = getattr(exc, "sqlstate", None)
    return f"{type(exc).__name__}{f' (SQLSTATE {state})' if state else ''} at {place}"


@task(**PATIENT)
@discreet
def claim_arrivals() -> list[int]:
    """Accept what is complete in the inbox; tell every pending arrival, in loading order."""
    settings = load_settings()
    nights.scan_inbox(settings)
    return nights.pending_arrivals(settings)


@task(**PATIENT, max_active_tis_per_dagrun=1)
@discreet
def load_arrival(arrival_id: int) -> Counts:
    """Load one arrival, after every pending one that comes before it."""
    return nights.load_arrival(load_settings(), arrival_id)


# A refused arrival must not keep the loaded ones from being built.
@task(**PATIENT, outlets=[LOADED], trigger_rule="all_done")
@discreet
def announce_loaded() -> None:
    """Wake the build if anything was loaded that it has not seen."""
    if not nights.build_needed(load_settings()):
        raise AirflowSkipException("Nothing was loaded since the last build.")


@task(**PATIENT, outlets=[BUILT])
@discreet
def build_reports(params: dict[str, Any] | None = None, dag_run: Any = None) -> Counts:
    """Build the reports if a batch is newer than they are, or if a person asks."""
    settings = load_settings()
    by_hand = getattr(dag_run, "run_type", None) == "manual"
    if not by_hand and not nights.build_needed(settings):
        raise AirflowSkipException("The reports already hold everything that was loaded.")
    return nights.build(settings, as_of=_as_of(params))


@task(**PATIENT, outlets=[RELEASED])
@discreet
def publish_release(params: dict[str, Any] | None = None) -> Counts:
    """Freeze, gate, decide, publish and render, for one as-of date."""
    return nights.publish(load_settings(), as_of=_as_of(params))


@task(**PATIENT)
@discreet
def alert_missing_feeds() -> int:
    """Write one alert a day for each feed that is expected and not here."""
    settings = load_settings()
    missing = nights.expected_feeds_missing(settings)
    for feed in missing:
        if alert(settings, kind="feed_missing", detail=feed):
            log.warning("feed expected and not here: %s", feed.get("feed"))
    return len(missing)


def _as_of(params: dict[str, Any] | None) -> date | None:
    given = (params or {}).get("as_of")
    return date.fromisoformat(given) if given else None
