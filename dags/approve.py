"""A person may show a held school its list. See `wraparound.orchestration.asking`."""

from airflow.sdk import dag

from wraparound.orchestration.asking import ask_persons, find_held
from wraparound.orchestration.assets import HELD


# Woken by a `publish` that ends with a held school, and by hand. A question may stay open for
# hours, and must not keep a newer one back: hence several runs at once.
@dag(
    schedule=[HELD],
    catchup=False,
    max_active_runs=8,
    tags=["wraparound"],
    doc_md=__doc__,
)
def approve() -> None:
    """Ask about every held school, on Airflow's page of required actions."""
    ask_persons(find_held())


approve()
