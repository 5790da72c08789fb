"""`make bench SIZE=s|m|l`: measure, write results as JSON and a page."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from benchmarks.bench import PREPARED, Bench
from benchmarks.deliveries import SIZES, make_deliveries
from benchmarks.measuring import folder_of, machine
from benchmarks.page import write_page
from benchmarks.scenarios import SCENARIOS, WHEN_NAMED, as_result
from benchmarks.sizes import megabytes_of
from benchmarks.warehouses import a_server, forget_all

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
@click.option("--runs", type=click.IntRange(min=1), help="Runs of each kind, not the size's own.")
def main(*, size: str, only: tuple[str, ...], at: Path, results: Path, runs: int | None) -> None:
    """Measure a night's stages against hand-written SQL, in alternating runs.

    A run is void, and ends this with an error, unless both sides end in the same rows. What was
    measured before stays in the results until it is measured again.
    """
    chosen = replace(SIZES[size], runs=runs or SIZES[size].runs)
    target = folder_of(results) / f"{size}.json"
    click.echo(f"making the files of size {size} ...")
    files = make_deliveries(SIZES[size], at.absolute() / "files" / size)
    with a_server(emptied(at.absolute() / "work")) as server:
        bench = Bench(server, chosen, files, click.echo)
        names = only or tuple(name for name in SCENARIOS if name not in WHEN_NAMED)
        for name in names:
            click.echo(name)
            found = as_result(SCENARIOS[name](bench)) | {"machine": machine()}
            found["disk_mb"] = round(sum(map(megabytes_of, (server.home, files.folder))))
            forget_all(server, but=PREPARED)
            keep(target, {"size": size, "rows": files.rows}, {name: found})
    shutil.rmtree(at.absolute() / "work", ignore_errors=True)
    write_page(json.loads(target.read_text(encoding="utf-8")), results)
    click.echo(f"{target} and {results / (size + '.html')}")


def emptied(folder: Path) -> Path:
    """A folder without what an earlier measurement left."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def keep(target: Path, what: dict[str, Any], found: dict[str, Any]) -> None:
    """Write a scenario's result beside those that are there."""
    known = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    done = what | {"scenarios": known.get("scenarios", {}) | found}
    target.write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
