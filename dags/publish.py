"""Reports become a release, and each school's list. See `wraparound.orchestration.tasks`."""

from airflow.sdk import dag

from wraparound.orchestration.schedules import NIGHTLY, NO_BACKFILL
from wraparound.orchestration.tasks import AS_OF, build_reports, publish_release


# Every night at the publish hour of config/district.yml (05:30 unless it says otherwise), by the
# district's own clock in summer and winter; and by hand, with an as-of date.
@dag(
    schedule=NIGHTLY,
    catchup=False,
    allowed_run_types=NO_BACKFILL,
    max_active_runs=1,
    params=AS_OF,
    tags=["wraparound"],
    doc_md=__doc__,
)
def publish() -> None:
    """Build for the night's date, freeze, gate, decide, publish, render the lists."""
    publish_release(as_of=build_reports())


publish()
