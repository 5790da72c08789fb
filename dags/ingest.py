"""Arrivals become rows of `raw`. See `wraparound.orchestration.tasks` for the work."""

from airflow.sdk import dag

from wraparound.orchestration.schedules import ARRIVALS_OR_SWEEP, NO_BACKFILL
from wraparound.orchestration.tasks import announce_loaded, claim_arrivals, load_arrivals


# Woken by any arrival; the sweep, every 15 minutes, finds what no event told.
@dag(
    schedule=ARRIVALS_OR_SWEEP,
    catchup=False,
    allowed_run_types=NO_BACKFILL,
    max_active_runs=1,
    tags=["wraparound"],
    doc_md=__doc__,
)
def ingest() -> None:
    """Claim every pending arrival, load each under its contract, wake the build."""
    claimed = claim_arrivals()
    loaded = load_arrivals.expand(arrival_ids=claimed)
    announced = announce_loaded()

    claimed >> loaded >> announced


ingest()
