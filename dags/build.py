"""Rows of `raw` become reports, with dbt. See `wraparound.orchestration.tasks`."""

from airflow.sdk import dag

from wraparound.orchestration.assets import LOADED
from wraparound.orchestration.tasks import AS_OF, build_reports


# Woken whenever a feed was loaded; by hand with an as-of date.
@dag(
    schedule=[LOADED],
    catchup=False,
    max_active_runs=1,
    params=AS_OF,
    tags=["wraparound"],
    doc_md=__doc__,
)
def build() -> None:
    """Build staging, intermediate, marts and reports, if anything is new."""
    build_reports()


build()
