"""`make bench SIZE=s|m|l`: measure, write results as JSON and a page."""

import json
import shutil
from pathlib import Path
from typing import Any

import click

from benchmarks.deliveries import SIZES, make_deliveries
from benchmarks.measuring import folder_of, machine
from benchmarks.page import write_page
from benchmarks.scenarios import SCENARIOS, Bench, as_results, prepare
from benchmarks.warehouses import a_server

HERE = Path(__file__).parent


@click.command()
@click.option("--size", type=click.Choice(list(SIZES)), default="s", show_default=True)
@click.option("--only", type=click.Choice(list(SCENARIOS)), multiple=True, help="Only these.")
@click.option(
    "--at",
    type=click.Path(path_type=Path),
    default=HERE.parent / ".wraparound" / "bench",
    help="Where the files and the databases go; they are removed at the end, the files stay.",
)
@click.option("--results", type=click.Path(path_type=Path), default=HERE / "results")
def main(*, size: str, only: tuple[str, ...], at: Path, results: Path) -> None:
    """Measure a night's stages against hand-written SQL, in alternating runs.

    A run is void, and ends this with an error, unless both sides end in the same rows.
    """
    done = measure(size, only=only, at=at.absolute())
    target = folder_of(results) / f"{size}.json"
    if target.exists() and only:
        # What was measured at another time stays, with its own load beside it.
        known = json.loads(target.read_text(encoding="utf-8"))
        done["scenarios"] = known["scenarios"] | done["scenarios"]
    target.write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
    write_page(done, results)
    click.echo(f"{target} and {results / (size + '.html')}")


def measure(size: str, *, only: tuple[str, ...], at: Path) -> dict[str, Any]:
    """Run the scenarios of a size; raises Disagreement where a run is void."""
    click.echo(f"making the files of size {size} ...")
    files = make_deliveries(SIZES[size], at / "files" / size)
    before, found = machine(), {}
    work = at / "work"
    shutil.rmtree(work, ignore_errors=True)
    with a_server(work) as server:
        bench = Bench(server, SIZES[size], files, click.echo)
        prepare(bench)
        for name, scenario in SCENARIOS.items():
            if not only or name in only:
                click.echo(name)
                found[name] = scenario(bench)
    shutil.rmtree(work, ignore_errors=True)
    return {
        "size": size,
        "rows": files.rows,
        "machine": before | {"load_after": machine()["load"]},
        "scenarios": as_results(found),
    }


if __name__ == "__main__":
    main()
