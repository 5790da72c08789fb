"""inquiry_cycles.csv: what data teams work on. Nothing about a child."""

from collections.abc import Iterator
from pathlib import Path

from wraparound.district.world import World
from wraparound.district.writing import Row, write_csv

HEADER = (
    "cycle_id", "school_id", "problem", "metric_id", "started_on", "review_on", "owner",
    "ended_on",
)  # fmt: skip
BEGINS, LASTS = 30, 40
PROBLEMS = (
    ("chronic_absenteeism", "Too many mornings are missed in the week after a break."),
    ("success_plan_and_adult", "Plans are written and then not looked at by anybody."),
)


def write_inquiry_cycles(world: World, path: Path) -> dict[str, int]:
    """A cycle of each school, and one of the district."""
    return {path.name: write_csv(path, header=HEADER, rows=_rows(world))}


def _rows(world: World) -> Iterator[Row]:
    if not world.happened(BEGINS):
        return
    started = world.year.words[BEGINS]
    review = world.year.words[min(BEGINS + LASTS, len(world.year) - 1)]
    metric_id, problem = PROBLEMS[0]
    yield ("inq-district", "", problem, metric_id, started, review, "district data team", "")
    for school in world.schools:
        metric_id, problem = PROBLEMS[school.index % len(PROBLEMS)]
        cycle_id = f"inq-{school.index + 1:02d}"
        yield (cycle_id, school.sourced_id, problem, metric_id, started, review, "data team", "")
