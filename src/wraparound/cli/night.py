"""A night's commands: land, ingest, build, publish, and where it stands."""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from wraparound.cli.door import main
from wraparound.cli.telling import (
    DAY,
    LOADED,
    as_json,
    day_of,
    dry_run,
    say,
    show,
    show_receipts,
    tell_schools,
    warehouse,
)
from wraparound.errors import LoadFailed
from wraparound.settings import Settings, load_settings


@main.command()
@as_json
def status(*, json_wanted: bool) -> None:
    """What stands where: server, last loads, last build, live lists, open questions."""
    from wraparound.orchestration.overview import overview

    found = overview(load_settings())
    if json_wanted:
        click.echo(json.dumps(found, default=str, indent=2))
        return
    for line in found["lines"]:
        click.echo(line)


@main.command()
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path, readable=True)
)
@click.option("--feed", help="The feed, where the file does not say it itself.")
@click.option("--sender", help="A sender of district.yml; else the one whose patterns match.")
@click.option(
    "--effective-at",
    type=click.DateTime(),
    help="When the files claim to be true, by the district's clock.",
)
@dry_run
@as_json
def land(
    *,
    paths: tuple[Path, ...],
    feed: str | None,
    sender: str | None,
    effective_at: datetime | None,
    rehearsal: bool,
    json_wanted: bool,
) -> None:
    """Take files, zips and package folders into the archive and the ledger.

    PATHS may be files, package folders (with a manifest.csv or a datapackage.json), or folders
    of such. Nothing is loaded yet: `wraparound ingest` or `wraparound night` does that. The
    same bytes again change nothing, unless another file of their name came in between: then
    they count anew. With --dry-run the files are read and checked to the end, and nothing is
    kept. Exit 4 if a file was refused.
    """
    from wraparound.orchestration import nights, rehearsing

    settings = warehouse()
    at = _there(settings, effective_at)
    if rehearsal:
        told = rehearsing.rehearse_files(
            settings, paths, feed=feed, sender=sender, effective_at=at, say=say
        )
        show_receipts(told, json_wanted=json_wanted, empty="Nothing to land.")
        _end_if_refused(told)
        return
    rows = nights.land(settings, paths, feed=feed, sender=sender, effective_at=at)
    for row in rows:
        if not row["is_new"]:
            say(f"{row['file_name']}: these bytes are arrival {row['arrival_id']} already")
        elif row["takes_back"]:
            say(f"{row['file_name']}: came before arrival {row['takes_back']}, and counts anew")
    show(rows, columns=LANDED, json_wanted=json_wanted, empty="Nothing to land.")
    refused = [row for row in rows if row["state"] == "refused"]
    for row in refused:
        click.echo(f"{row['code']}: {row['message']}", err=True)
    if refused:
        raise SystemExit(4)


LANDED = ("arrival_id", "feed", "sender", "file_name", "state")


def _there(settings: Settings, moment: datetime | None) -> datetime | None:
    """A moment by the district's clock, as a day in a file's path is the district's."""
    from zoneinfo import ZoneInfo

    from wraparound.contracts.district import load_district

    zone = ZoneInfo(load_district(settings.district_file).time_zone)
    return moment.replace(tzinfo=zone) if moment else None


@main.command()
@dry_run
@as_json
def ingest(*, rehearsal: bool, json_wanted: bool) -> None:
    """Load everything that waits: the inbox, and what was landed. Exit 4 if a file was refused.

    With --dry-run what was landed is read and checked to the end, and nothing is kept. What is
    still in the inbox is left there: `wraparound land FILE --dry-run` reads a file.
    """
    from wraparound.orchestration import nights, rehearsing

    if rehearsal:
        told = rehearsing.rehearse_pending(warehouse())
        show_receipts(told, json_wanted=json_wanted, empty="Nothing was waiting.")
        _end_if_refused(told)
        return
    done = nights.ingest(warehouse(), say=say)
    show(done, columns=LOADED, json_wanted=json_wanted, empty="Nothing was waiting.")
    if _tell_refusals(done):
        raise SystemExit(4)


def _refused(told: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in told if row["state"] in ("refused", "braked")]


def _end_if_refused(told: Iterable[dict[str, Any]]) -> None:
    if _refused(told):
        raise SystemExit(4)


def _tell_refusals(done: Iterable[dict[str, Any]]) -> bool:
    refused = _refused(done)
    for row in refused:
        click.echo(f"{row['code']}: {row['message']}", err=True)
    return bool(refused)


def _tell_set_aside(done: Iterable[dict[str, Any]]) -> None:
    """A list is built without these rows, and whoever looks at it should know."""
    for row in done:
        if row["state"] == "loaded" and row["message"]:
            click.echo(f"arrival {row['arrival_id']} ({row['feed']}): {row['message']}", err=True)


@main.command()
@click.option("--as-of", type=DAY, help="The school day to speak about.")
def build(*, as_of: datetime | None) -> None:
    """Build every table for a school day (default: the last instructional day)."""
    from wraparound.orchestration import nights

    done = nights.build(warehouse(), as_of=day_of(as_of))
    click.echo(
        f"Build {done['build_id']} for {done['as_of_date']}: {done['models']} tables, "
        f"{done['tests_passed']} tests passed, {done['warnings']} warnings."
    )


@main.command()
@click.option("--as-of", type=DAY, help="The school day to speak about.")
@as_json
def publish(*, as_of: datetime | None, json_wanted: bool) -> None:
    """Freeze, check, decide per school, publish and render the lists."""
    from wraparound.orchestration import nights

    done = nights.publish(warehouse(), as_of=day_of(as_of))
    _tell_release(done, json_wanted=json_wanted)
    _exit_if_rejected(done)


@main.command()
@click.option("--as-of", type=DAY, help="The school day to speak about.")
@as_json
def night(*, as_of: datetime | None, json_wanted: bool) -> None:
    """A whole night without Airflow: ingest, build, publish."""
    from wraparound.orchestration import nights

    done = nights.night(warehouse(), as_of=day_of(as_of), say=say)
    if json_wanted:
        click.echo(json.dumps(done, default=str, indent=2))
    else:
        _tell_refusals(done["arrivals"])
        for told in done["waiting"]:
            click.echo(f"{LoadFailed.code}: {told}", err=True)
        _tell_set_aside(done["arrivals"])
        _tell_release(done["release"], json_wanted=False)
    _exit_if_rejected(done["release"])


def _exit_if_rejected(release: dict[str, Any]) -> None:
    """A night in which no school may publish ends with the gate's exit code."""
    if release["state"] == "rejected":
        raise SystemExit(7)


def _tell_release(done: dict[str, Any], *, json_wanted: bool) -> None:
    if json_wanted:
        click.echo(json.dumps(done, default=str, indent=2))
        return
    from wraparound.orchestration.overview import past_review_lines

    settings = load_settings()
    tell_schools(done, says_live=False)
    for line in past_review_lines(done["rules_past_review"]):
        click.echo(line)
    click.echo(f"Lists: {settings.lists / 'index.html'}")
