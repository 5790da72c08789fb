"""What Airflow leaves behind and never takes away itself: logs, and records of runs that ended."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from wraparound.contracts.district import load_district
from wraparound.errors import AirflowMissing
from wraparound.orchestration.airflow_home import records_environment
from wraparound.settings import Settings, environment_for
from wraparound.warehouse import connection as connections

# Of the log of a service, which is written to for as long as it runs, so many bytes stay.
SERVICE_LOG_BYTES = 20_000_000
# Not `trigger`: that of the inbox is made once and lives on.
TABLES = "asset_event,dag_run,import_error,job,log,task_instance,task_instance_history,xcom"


def tidy_airflow(settings: Settings, *, now: datetime | None = None) -> dict[str, int]:
    """Delete logs and records that are older than `airflow_days` of the district file.

    Returns how many log files were deleted, and how many logs of services were cut.

    Raises:
        AirflowMissing: the records could not be deleted.
    """
    days = load_district(settings.district_file).airflow_days
    before = (now or datetime.now(UTC)) - timedelta(days=days)
    deleted = _delete_logs(settings.log_dir / "airflow", before=before)
    cut = sum(_cut(log, keep=SERVICE_LOG_BYTES) for log in settings.log_dir.glob("airflow-*.log"))
    if _records_are_here(settings):
        _delete_records(settings, before=before)
    return {"logs_deleted": deleted, "service_logs_cut": cut}


def _delete_logs(folder: Path, *, before: datetime) -> int:
    """Delete files that nobody has written to since a moment, and folders that are empty then."""
    limit, deleted = before.timestamp(), 0
    # Folders are as old as they were before anything was deleted in them.
    walked = [
        (Path(place), Path(place).stat().st_mtime, files)
        for place, _, files in os.walk(folder, topdown=False)
    ]
    for place, touched, files in walked:
        for file in map(place.joinpath, files):
            if file.lstat().st_mtime < limit:
                file.unlink()
                deleted += 1
        if place != folder and touched < limit and not any(place.iterdir()):
            place.rmdir()
    return deleted


def _cut(log: Path, *, keep: int) -> bool:
    """Leave the newest lines of a log to which a service appends; whether it was too long."""
    with log.open("r+b") as file:
        if file.seek(0, os.SEEK_END) <= keep:
            return False
        file.seek(-keep, os.SEEK_END)
        file.readline()
        newest = file.read()
        file.seek(0)
        file.truncate()
        file.write(newest)
    return True


def _records_are_here(settings: Settings) -> bool:
    """Whether Airflow keeps its records beside the warehouse; elsewhere they are not ours."""
    name = connections.address(settings, database=connections.AIRFLOW_DATABASE).database
    with connections.connect(settings) as connection:
        found = connection.execute("select from pg_database where datname = %s", [name])
        return found.fetchone() is not None


def _delete_records(settings: Settings, *, before: datetime) -> None:
    """Ask Airflow's own command; it leaves the newest run of each pipeline, and counts on."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "airflow", "db", "clean", "--yes", "--skip-archive"),
            *("--clean-before-timestamp", before.isoformat(), "--tables", TABLES),
        ],
        # A task of Airflow is not told where the records are.
        env=environment_for(settings) | records_environment(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise AirflowMissing("Airflow's old records could not be deleted (`airflow db clean`).")
