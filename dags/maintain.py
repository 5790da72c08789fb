"""Are the nights' savings right, and is the house tidy? See `wraparound.orchestration.tasks`."""

from airflow.sdk import dag

from wraparound.orchestration.schedules import NO_BACKFILL, WEEKLY
from wraparound.orchestration.tasks import check_parity, tidy_airflow, tidy_warehouse


# Sunday at three by the district's own clock; and by hand, after an upgrade. One task at a time,
# and none after another: what one finds keeps no other back, and a run fails where its last tasks
# do, whatever those before them did.
@dag(
    schedule=WEEKLY,
    catchup=False,
    allowed_run_types=NO_BACKFILL,
    max_active_runs=1,
    max_active_tasks=1,
    tags=["wraparound"],
    doc_md=__doc__,
)
def maintain() -> None:
    """Compare with the archive loaded anew; drop old releases, vacuum; let go of old logs."""
    check_parity()
    tidy_warehouse()
    tidy_airflow()


maintain()
