"""Feeds that are missing, late or odd become alerts. See `wraparound.orchestration.tasks`."""

from airflow.sdk import dag

from wraparound.orchestration.schedules import HOURLY, NO_BACKFILL
from wraparound.orchestration.tasks import tell_of_feeds


# Ten minutes past every hour by the district's clock. No event can tell that nothing came.
@dag(
    schedule=HOURLY,
    catchup=False,
    allowed_run_types=NO_BACKFILL,
    max_active_runs=1,
    tags=["wraparound"],
    doc_md=__doc__,
)
def watch_feeds() -> None:
    """Compare what the district file expects with what arrived."""
    tell_of_feeds()


watch_feeds()
