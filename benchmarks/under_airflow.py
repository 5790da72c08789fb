"""Nights through the real local Airflow: the times are read from its metadata and the ledger."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count, pairwise
from shutil import copyfile
from typing import Any

import psycopg
from psycopg.rows import dict_row

from benchmarks.bench import Bench
from benchmarks.measuring import Cost, Meter, Summary
from benchmarks.warehouses import copy_of, forget, must_agree, rows_of_ours
from wraparound.errors import AirflowMissing
from wraparound.orchestration import local_airflow, nights
from wraparound.orchestration.process_group import wait_until
from wraparound.orchestration.runs import AirflowClient
from wraparound.settings import Settings
from wraparound.warehouse.connection import AIRFLOW_DATABASE, airflow_metadata_url, connect
from wraparound.warehouse.migrate import migrate

NAME = "under_airflow"
DAGS = {"ingest", "build", "publish"}
# Only so that a hang ends.
PATIENCE_SECONDS = 3_600.0
# What became of the first file that was received at or after a moment.
FILE = """
    select a.received_at, t.started_at as load_at, t.finished_at as loaded_at,
        b.started_at as build_at, b.finished_at as built_at
    from ops.arrival as a
    inner join ops.batch as t using (arrival_id)
    inner join ops.build as b on b.input_batch_id >= t.batch_id and b.state = 'succeeded'
    where a.received_at >= %s and t.finished_at is not null
    order by b.build_id limit 1
"""
RUN = """
    select r.queued_at, b.start_date as build_at, b.end_date as built_at,
        p.start_date as publish_at, p.end_date as published_at, r.end_date as ended_at
    from dag_run as r
    inner join task_instance as b on b.dag_id = r.dag_id and b.run_id = r.run_id
        and b.task_id = 'build_reports'
    inner join task_instance as p on p.dag_id = r.dag_id and p.run_id = r.run_id
        and p.task_id = 'publish_release'
    where r.dag_id = 'publish' and r.run_id = %s
"""

# A stage ends where its moment is; the first moment of a run begins it.
FILE_STAGES = {
    "noticing": "received_at",
    "to the load": "load_at",
    "load": "loaded_at",
    "to the build": "build_at",
    "build": "built_at",
}
RUN_STAGES = {
    "": "queued_at",
    "to the build": "build_at",
    "build": "built_at",
    "to the publishing": "publish_at",
    "publishing": "published_at",
    "to the end": "ended_at",
}


def under_airflow(bench: Bench) -> list[Summary]:
    """A file renamed into the inbox until the reports are rebuilt; its night; and one without
    anything new. One after the other, on one warehouse."""
    settings = copy_of(bench.server, bench.server, NAME)
    bench.ours(settings, "load", *bench.files.others, bench.files.attendance("full"))
    bench.ours(settings, "night", as_of=nights.as_of_at_the_door(settings))
    migrate(settings)
    try:
        local_airflow.start(settings, on_progress=lambda text: bench.say(f"  {text}"))
        client = AirflowClient(local_airflow.login(settings))
        wait_until(lambda: client.dag_ids() >= DAGS, seconds=PATIENCE_SECONDS)
        found = bench.runs(_kinds(bench, settings, client))
    finally:
        local_airflow.stop(settings)
        forget(bench.server, f"{NAME}_{AIRFLOW_DATABASE}")
    sent = [bench.files.correction(number + 1) for number in range(bench.size.runs)]
    expected = bench.merged_plainly(bench.files.attendance("full"), *sent)
    must_agree(rows_of_ours(settings), expected, what="under Airflow")
    return found


def _kinds(
    bench: Bench, settings: Settings, client: AirflowClient
) -> dict[str, Callable[[], Cost]]:
    numbers = count(1)
    return {
        "file to reports": lambda: _file_to_reports(bench, settings, next(numbers)),
        "its publishing": lambda: _published(bench, settings, client),
        "nothing new": lambda: _published(bench, settings, client),
    }


def _file_to_reports(bench: Bench, settings: Settings, number: int) -> Cost:
    """1 % of the year corrected: from the rename to the last report that is written."""
    waiting = settings.home / "attendance.csv"
    copyfile(bench.files.correction(number), waiting)
    meter = _meter(bench, settings)
    renamed = datetime.now(UTC)
    waiting.rename(settings.inbox / waiting.name)
    wait_until(lambda: _asked(settings, renamed) is not None, seconds=PATIENCE_SECONDS, every=1)
    row = _asked(settings, renamed)
    if row is None:
        raise AirflowMissing(f"The file was not built in time; see {settings.log_dir}.")
    return _cost(meter, {"": renamed, **_named(row, FILE_STAGES)})


def _published(bench: Bench, settings: Settings, client: AirflowClient) -> Cost:
    """A run of the nightly pipeline, from its being queued to its end."""
    meter = _meter(bench, settings)
    run = client.trigger("publish")
    ended = client.await_end(run, seconds=PATIENCE_SECONDS, every=1)
    if ended.state != "success":
        raise AirflowMissing(f"The publish run failed; see {settings.log_dir / 'airflow'}.")
    url = airflow_metadata_url(settings).replace("+psycopg2", "")
    with psycopg.connect(url, row_factory=dict_row) as connection:
        row = connection.execute(RUN, [run.run_id]).fetchone()
    assert row is not None
    return _cost(meter, _named(row, RUN_STAGES))


def _named(row: dict[str, Any], stages: dict[str, str]) -> dict[str, datetime]:
    return {stage: row[column] for stage, column in stages.items()}


def _cost(meter: Meter, moments: dict[str, datetime]) -> Cost:
    """Stages between moments in their order."""
    ends = list(moments.items())
    stages = {stage: (end - start).total_seconds() for (_, start), (stage, end) in pairwise(ends)}
    return meter.cost(sum(stages.values()), stages=stages)


def _meter(bench: Bench, settings: Settings) -> Meter:
    """What Airflow's own processes and the server spend from now on."""
    leader = local_airflow.status(settings).pid
    assert leader is not None
    return Meter(bench.server, client=leader)


def _asked(settings: Settings, since: datetime) -> dict[str, Any] | None:
    with connect(settings) as connection:
        return connection.execute(FILE, [since]).fetchone()
