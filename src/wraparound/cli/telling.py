"""What the commands share: options, and how results are shown."""

import json
import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

import click

from wraparound.settings import Settings

T = TypeVar("T")


class _Words(click.ParamType[str]):
    """What somebody says: more than blanks, and without those around it."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The words; nobody decides by saying nothing."""
        return value.strip() or self.fail("it is kept in the ledger, and not blank.", param, ctx)


WORDS = _Words()
DAY = click.DateTime(formats=["%Y-%m-%d"])
dry_run = click.option(
    "--dry-run", "rehearsal", is_flag=True, help="Only say what would become of it."
)
by_option = click.option("--by", required=True, type=WORDS, help="Who decides: a name.")
asked_by_option = click.option(
    "--by", required=True, type=WORDS, help="Who asks: a name; it is kept in the ledger."
)
reason_option = click.option(
    "--reason", required=True, type=WORDS, help="Why; it is kept in the ledger."
)
as_json = click.option(
    "--json", "json_wanted", is_flag=True, help="Print JSON instead of a table."
)

LOADED = (
    "arrival_id",
    "feed",
    "file_name",
    "state",
    "rows_in",
    "rows_loaded",
    "rows_unchanged",
    "rows_quarantined",
    "rows_duplicate",
    "rows_ended",
)
FILE_COUNTS = (
    *("table_name", "rows_in", "rows_created", "rows_changed", "rows_unchanged"),
    *("rows_quarantined", "rows_duplicate", "rows_ended"),
)
BRAKE_COUNTS = (
    *("table_name", "school_source_id", "rows_before", "rows_created", "rows_changed"),
    *("rows_ended", "reason", "threshold"),
)
SET_ASIDE = (
    *("arrival_id", "file_name", "table_name", "column", "rule", "scope", "count"),
    *("first_rows", "what_to_do"),
)


def say(text: str) -> None:
    """Tell how far long work has come, on standard error; `--quiet` silences it."""
    logging.getLogger("wraparound").info(text)


def show(
    rows: Sequence[dict[str, Any]], *, columns: Iterable[str], json_wanted: bool, empty: str
) -> None:
    """Rows as JSON, or as a table of some of their columns."""
    if json_wanted:
        click.echo(json.dumps(list(rows), default=str, indent=2))
        return
    if not rows:
        click.echo(empty)
        return
    from rich.console import Console
    from rich.table import Table as Grid

    grid = Grid(box=None, header_style="bold", pad_edge=False)
    names = list(columns)
    for name in names:
        numeric = all(isinstance(row[name], int) or row[name] is None for row in rows)
        grid.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        grid.add_row(*("" if row[name] is None else str(row[name]) for name in names))
    width = None if sys.stdout.isatty() else 180
    # What is told is text: a school called [north] or :oak: is called so.
    Console(file=sys.stdout, width=width, markup=False, emoji=False).print(grid)


def show_receipts(receipts: Sequence[dict[str, Any]], *, json_wanted: bool, empty: str) -> None:
    """What became of each arrival, and below it what was counted and set aside."""
    show(receipts, columns=LOADED, json_wanted=json_wanted, empty=empty)
    for told in () if json_wanted else receipts:
        heading = f"\narrival {told['arrival_id']} ({told['feed']}): {told['state']}"
        release = told["release"]
        if release:
            heading += f", first shown in release {release['release_id']}"
        click.echo(heading)
        if told["message"]:
            click.echo(told["message"])
        for name, columns in (
            ("tables", FILE_COUNTS),
            ("brake", BRAKE_COUNTS),
            ("set_aside", SET_ASIDE),
        ):
            if told[name]:
                show(told[name], columns=columns, json_wanted=False, empty="")


def day_of(moment: datetime | None) -> date | None:
    """The day of an option that was given as one."""
    return moment.date() if moment else None


def tell_schools(told: dict[str, Any], *, says_live: bool) -> None:
    """A release, its schools by name, and what was found at each; or what was, of none."""
    from wraparound.orchestration.overview import said_of, school_names

    names = read(school_names)
    click.echo(f"Release {told['release_id']} for {told['as_of_date']}: {told['state']}.")
    for reason in () if told["schools"] else told["reasons"]:
        click.echo(f"  {reason}")
    for school in told["schools"]:
        named = school | {"school_name": names.get(school["school_source_id"])}
        live = ": live" if school["live"] else ": not live"
        click.echo(f"  {school['verdict']:<7} {said_of(named)}{live if says_live else ''}")
        for reason in school.get("reasons", ()):
            click.echo(f"          {reason}")


def read(query: Callable[..., T], **words: Any) -> T:
    """Ask the warehouse of these settings."""
    from wraparound.warehouse.connection import connect

    with connect(warehouse()) as connection:
        return query(connection, **words)


def warehouse() -> Settings:
    """The settings, once their warehouse is there and as this program expects it."""
    from wraparound.orchestration import nights

    return nights.warehouse()
