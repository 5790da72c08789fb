"""What arrived, and what was refused."""

import dataclasses
import json
from datetime import datetime
from pathlib import Path

import click

from wraparound.cli.door import main
from wraparound.cli.telling import (
    BRAKE_COUNTS,
    DAY,
    LOADED,
    SET_ASIDE,
    as_json,
    asked_by_option,
    by_option,
    read,
    reason_option,
    show,
    show_receipts,
    warehouse,
)
from wraparound.settings import load_settings

SAID = (
    *("arrival_id", "code", "severity", "table_name", "row_number", "column_name"),
    *("occurrences", "rule", "message"),
)


@main.command("watch")
@as_json
def watch_command(*, json_wanted: bool) -> None:
    """Tell of feeds that are missing, late, shrunken, unchanged or set aside, and of pipelines
    that failed; each once.

    Airflow does this every hour. What is told goes into the ledger, and by mail to the owner
    or operator where the district file has an address and a mail channel. What stands is printed
    each time.
    """
    from wraparound.orchestration import watch

    settings = warehouse()
    alarms = watch.find_alarms(settings)
    watch.tell(settings, alarms)
    show(
        [dataclasses.asdict(alarm) for alarm in alarms],
        columns=("feed", "sender", "kind", "text", "owner"),
        json_wanted=json_wanted,
        empty="Every expected feed is here.",
    )


@main.command()
@as_json
def arrivals(*, json_wanted: bool) -> None:
    """Everything that arrived, and what became of it."""
    from wraparound.warehouse import ledger

    rows = read(ledger.arrivals)
    show(rows, columns=LOADED, json_wanted=json_wanted, empty="Nothing has arrived yet.")
    if not json_wanted:
        for row in rows:
            if row["message"]:
                click.echo(f"\narrival {row['arrival_id']}: {row['message']}")


@main.command("diagnostics")
@click.option("--arrival", "arrival_id", type=int, help="Of one arrival only.")
@as_json
def diagnostics_command(*, arrival_id: int | None, json_wanted: bool) -> None:
    """All that was said of deliveries: code, file, row, column and rule; never a value."""
    from wraparound.warehouse.diagnostics import diagnostics

    rows = read(diagnostics, arrival_id=arrival_id)
    show(rows, columns=SAID, json_wanted=json_wanted, empty="Nothing was said.")


@main.command("receipt")
@click.argument("arrival_id", type=int)
@click.option("--html", "page", type=click.Path(path_type=Path), help="Write it as a page.")
@as_json
def receipt_command(*, arrival_id: int, page: Path | None, json_wanted: bool) -> None:
    """What came and what became of it, in counts, to be handed to the sender.

    With `receipts: true` in the district file each load leaves one in the outbox.
    """
    from wraparound.contracts.district import load_district
    from wraparound.orchestration import receipt_pages
    from wraparound.warehouse.receipts import receipt

    told = read(receipt, arrival_id=arrival_id)
    if told is None:
        raise click.ClickException(f"There is no arrival {arrival_id}.")
    if page is not None:
        district = load_district(load_settings().district_file)
        receipt_pages.write_private(page, receipt_pages.page(told, district=district))
        click.echo(str(page))
        return
    if json_wanted:
        click.echo(json.dumps(told, default=str, indent=2))
        return
    show_receipts([told], json_wanted=False, empty="")


@main.group()
def quarantine() -> None:
    """Rows and cells that were set aside, with file, row, column and rule.

    Rows are numbered as in a spreadsheet: the header is row 1. Scope `row` means that the
    whole row waits; `cell` that the row was loaded without that value.
    """


@quarantine.command("list")
@click.option("--arrival", "arrival_id", type=int, help="Only this arrival.")
@click.option("--feed", help="Only this feed.")
@as_json
def quarantine_list(*, arrival_id: int | None, feed: str | None, json_wanted: bool) -> None:
    """List what is set aside now, by rule; with --json, row by row."""
    from wraparound.warehouse import ledger, receipts

    query = ledger.quarantine if json_wanted else receipts.set_aside
    show(
        read(query, arrival_id=arrival_id, feed=feed),
        columns=SET_ASIDE,
        json_wanted=json_wanted,
        empty="Nothing is set aside.",
    )


@quarantine.command("show")
@click.option("--rule", required=True, help="The rule that was broken.")
@click.option("--arrival", "arrival_id", type=int, help="Only this arrival.")
@click.option("--feed", help="Only this feed.")
@click.option("--limit", default=50, show_default=True, help="So many rows at the most.")
@as_json
def quarantine_show(
    *, rule: str, arrival_id: int | None, feed: str | None, limit: int, json_wanted: bool
) -> None:
    """Where the rows are that broke one rule, and what to do; never what stands in them.

    `wraparound quarantine export` writes the rows themselves into files.
    """
    from wraparound.warehouse import ledger, receipts

    rows = read(ledger.quarantine, arrival_id=arrival_id, feed=feed, rule=rule, limit=limit)
    columns = ("arrival_id", "file_name", "row_number", "column", "rule", "scope")
    show(rows, columns=columns, json_wanted=json_wanted, empty="Nothing is set aside by it.")
    groups = read(receipts.set_aside, arrival_id=arrival_id, feed=feed, rule=rule)
    for told in () if json_wanted else dict.fromkeys(group["what_to_do"] for group in groups):
        click.echo(told)


@quarantine.command("export")
@click.argument("arrival_id", type=int)
@click.option("--rule", help="Only rows that broke this rule.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="The folder."
)
@asked_by_option
def quarantine_export(*, arrival_id: int, rule: str | None, out: Path, by: str) -> None:
    """Write an arrival's set-aside rows as CSV, with the reasons, to go back to its sender.

    The files hold personal data: only their owner may read them, and who asked is recorded.
    """
    from wraparound.orchestration.handing_back import hand_back

    files = hand_back(warehouse(), arrival_id, folder=out, by=by, rule=rule)
    for file in files:
        click.echo(f"{file.row_count:>8,} rows  {file.path}")
    if not files:
        click.echo("Nothing is set aside there.")


@quarantine.command("release")
@click.option("--feed", required=True, help="Of this feed.")
@click.option("--rule", required=True, help="The rule that is lifted.")
@click.option("--until", type=DAY, required=True, help="For what is received up to this day.")
@by_option
@reason_option
@as_json
def quarantine_release(
    *, feed: str, rule: str, until: datetime, by: str, reason: str, json_wanted: bool
) -> None:
    """Lift a rule for a feed until a day: what breaks it is let in, and counted as such.

    Rows that wait because of it are judged again at once.
    """
    from wraparound.orchestration import nights

    words = {"feed": feed, "rule": rule, "by": by, "reason": reason}
    done = nights.lift_rule(warehouse(), until=until.date(), **words)
    show(done, columns=LOADED, json_wanted=json_wanted, empty="Recorded; no row waits by it.")


@quarantine.command("replay")
@click.argument("arrival_id", type=int)
@as_json
def quarantine_replay(*, arrival_id: int, json_wanted: bool) -> None:
    """Judge an arrival's rows again, after a code map, a profile or the roster changed."""
    from wraparound.orchestration import nights

    done = nights.replay_arrival(warehouse(), arrival_id)
    show([done], columns=LOADED, json_wanted=json_wanted, empty="")


@main.group()
def brake() -> None:
    """Arrivals that would end more records than can be believed, waiting for a person."""


@brake.command("list")
@as_json
def brake_list(*, json_wanted: bool) -> None:
    """List what is braked now."""
    from wraparound.warehouse import ledger

    rows = [row for row in read(ledger.arrivals) if row["state"] == "braked"]
    show(
        rows,
        columns=("arrival_id", "feed", "file_name", "message"),
        json_wanted=json_wanted,
        empty="Nothing is braked.",
    )


@brake.command("show")
@click.argument("arrival_id", type=int)
@as_json
def brake_show(*, arrival_id: int, json_wanted: bool) -> None:
    """What an arrival would change, by table and school, and what tripped the brake."""
    from wraparound.warehouse import ledger

    rows = read(ledger.brake_counts, arrival_id=arrival_id)
    empty = f"The brake counted nothing of arrival {arrival_id}."
    show(rows, columns=BRAKE_COUNTS, json_wanted=json_wanted, empty=empty)


def _decide_brake(arrival_id: int, *, release: bool, by: str, reason: str) -> None:
    from wraparound.warehouse import ledger
    from wraparound.warehouse.connection import connect

    with connect(warehouse()) as connection:
        done = ledger.decide_brake(connection, arrival_id, release=release, by=by, reason=reason)
    if not done:
        raise click.ClickException(f"Arrival {arrival_id} is not braked.")
    click.echo(
        f"Arrival {arrival_id} will be loaded by the next `wraparound ingest`."
        if release
        else f"Arrival {arrival_id} stays out; what was in force stays in force."
    )


@brake.command("release")
@click.argument("arrival_id", type=int)
@by_option
@reason_option
def brake_release(*, arrival_id: int, by: str, reason: str) -> None:
    """Let a braked arrival through."""
    _decide_brake(arrival_id, release=True, by=by, reason=reason)


@brake.command("reject")
@click.argument("arrival_id", type=int)
@by_option
@reason_option
def brake_reject(*, arrival_id: int, by: str, reason: str) -> None:
    """Keep a braked arrival out."""
    _decide_brake(arrival_id, release=False, by=by, reason=reason)
