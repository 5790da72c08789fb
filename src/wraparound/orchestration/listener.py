"""What Airflow did, written into the ledger, so that the night can be told without Airflow.

Nothing here may break a task or hold up the scheduler: a warehouse that is away costs one log
line, and waiting is bounded.
"""

# Airflow's decorators and bases carry no types here.
# mypy: disable-error-code="untyped-decorator, misc"

import json
import logging
from importlib import import_module
from typing import Any

from airflow.listeners import hookimpl

from wraparound.settings import load_settings
from wraparound.warehouse import connection as connections

log = logging.getLogger(__name__)

HEAVY = ("dbt.cli.main", "dbt.adapters.postgres", "great_expectations")

INSERT = """
    insert into ops.event (kind, dag_id, task_id, run_id, state, detail)
    values (%(kind)s, %(dag_id)s, %(task_id)s, %(run_id)s, %(state)s, %(detail)s)
"""


class LedgerListener:
    """Airflow calls these: for runs in the scheduler, for tasks in the task's own process."""

    @hookimpl
    def on_starting(self, component: Any) -> None:
        """Warm the scheduler up before it forks the workers of the LocalExecutor."""
        if getattr(component, "job_type", None) == "SchedulerJob":
            import_what_tasks_need()

    @hookimpl
    def on_dag_run_running(self, dag_run: Any) -> None:
        """A run began."""
        record_dag_run(dag_run, state="running")

    @hookimpl
    def on_dag_run_success(self, dag_run: Any) -> None:
        """A run ended well."""
        record_dag_run(dag_run, state="success")

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any) -> None:
        """A run failed."""
        record_dag_run(dag_run, state="failed")

    @hookimpl
    def on_task_instance_success(self, task_instance: Any) -> None:
        """A task ended well."""
        record_task(task_instance, state="success")

    @hookimpl
    def on_task_instance_skipped(self, task_instance: Any) -> None:
        """A task found nothing to do."""
        record_task(task_instance, state="skipped")

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any, error: object) -> None:
        """A task failed, for good or until its next try."""
        record_task(task_instance, state="failed", error=error)


def import_what_tasks_need() -> None:
    """Import dbt and Great Expectations once, for all tasks: they cost each task 4 and 8 s.

    A forked worker shares what its parent has imported. Neither starts a thread.
    """
    for name in HEAVY:
        try:
            import_module(name)
        except Exception as exc:
            log.warning("not imported in advance: %s (%s)", name, type(exc).__name__)


def record_dag_run(dag_run: Any, *, state: str) -> None:
    """Write the outcome of a DAG run. Never raises."""
    _record(
        kind="dag_run",
        dag_id=dag_run.dag_id,
        run_id=dag_run.run_id,
        state=state,
        detail={"run_type": str(getattr(dag_run, "run_type", ""))},
    )


def record_task(task_instance: Any, *, state: str, error: object = None) -> None:
    """Write the outcome of a task instance, with the code of our own error. Never raises."""
    detail = {
        "try_number": getattr(task_instance, "try_number", None),
        "map_index": getattr(task_instance, "map_index", -1),
        "code": getattr(error, "code", None),
        "error": type(error).__name__ if isinstance(error, BaseException) else None,
    }
    _record(
        kind="task",
        dag_id=task_instance.dag_id,
        task_id=task_instance.task_id,
        run_id=task_instance.run_id,
        state=state,
        detail={name: value for name, value in detail.items() if value is not None},
    )


def _record(
    *, kind: str, dag_id: str, run_id: str, state: str, detail: dict[str, Any], task_id: str = ""
) -> None:
    try:
        with connections.connect(load_settings()) as connection:
            connection.execute("set local statement_timeout = '3s'")
            connection.execute("set local lock_timeout = '1s'")
            connection.execute(
                INSERT,
                {
                    "kind": kind,
                    "dag_id": dag_id,
                    "task_id": task_id or None,
                    "run_id": run_id,
                    "state": state,
                    "detail": json.dumps(detail),
                },
            )
    except Exception as exc:
        # The text of a driver error may quote a value; its type does not.
        log.warning("the ledger missed an event of %s: %s", dag_id, type(exc).__name__)
