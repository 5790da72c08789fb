"""The command line: the same functions that Airflow's tasks call, for work at the keyboard."""

import dataclasses
import errno
import json
import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from wraparound.errors import SettingsWrong, WarehouseMissing, WraparoundError
from wraparound.settings import Settings, load_settings

T = TypeVar("T")
DAY = click.DateTime(formats=["%Y-%m-%d"])
dry_run = click.option(
    "--dry-run", "rehearsal", is_flag=True, help="Only say what would become of it."
)
by_option = click.option("--by", required=True, help="Who decides: a name.")
reason_option = click.option("--reason", required=True, help="Why; it is kept in the ledger.")
as_json = click.option(
    "--json", "json_wanted", is_flag=True, help="Print JSON instead of a table."
)

NOT_WRITABLE = (errno.EACCES, errno.EDQUOT, errno.ENOSPC, errno.EPERM, errno.EROFS)
NOT_WRITTEN = (
    "{} cannot be used: {}. What was committed stands. Make room or give the right to it, then "
    "give the same command again."
)
WAREHOUSE_LOST = (
    "The warehouse was lost in the middle, is full, or did not give a lock ({}). What was "
    "committed stands. Give the same command again; should that fail too, run `wraparound doctor`."
)

# In which order `--help` tells of them; a test holds that none is left out.
CHAPTERS = {
    "A night": ("land", "ingest", "build", "publish", "night", "status"),
    "What arrived, and what was refused": (
        "arrivals",
        "receipt",
        "diagnostics",
        "quarantine",
        "brake",
        "watch",
    ),
    "What left, and why": ("release", "deliver", "packets", "disclosures", "purge"),
    "Questions about children's lists": ("why", "line", "gaps", "directory", "rules"),
    "Setting up": ("contracts", "profile", "dictionary", "district", "demo"),
    "The machine": ("up", "down", "doctor", "url", "airflow", "parity"),
}


class Family(click.Group):
    """A group that ends our errors as one sentence and the exit code of their family."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands by what people come for; those of a smaller group in one list."""
        if ctx.parent is not None:
            super().format_commands(ctx, formatter)
            return
        for chapter, names in CHAPTERS.items():
            room = formatter.width - 6 - max(map(len, names))
            with formatter.section(chapter):
                formatter.write_dl(
                    [(name, self.commands[name].get_short_help_str(room)) for name in names]
                )

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; the text of an error goes to standard error."""
        try:
            return super().invoke(ctx)
        except Exception as exc:
            ours = _in_our_words(exc)
            if ours is None:
                raise
            click.echo(f"{ours.code}: {ours}", err=True)
            ctx.exit(ours.exit_code)


def _in_our_words(exc: Exception) -> WraparoundError | None:
    """An error of ours, or one of the machine in our words; None where nobody foresaw it."""
    if isinstance(exc, WraparoundError):
        return exc
    if isinstance(exc, OSError) and exc.errno in NOT_WRITABLE:
        return SettingsWrong(NOT_WRITTEN.format(exc.filename or "A file", exc.strerror))
    # Its import takes longer than `--help`; and what it says may quote a cell.
    psycopg = sys.modules.get("psycopg")
    if psycopg is not None and isinstance(exc, psycopg.OperationalError):
        return WarehouseMissing(WAREHOUSE_LOST.format(exc.sqlstate or "no SQLSTATE"))
    return None


@click.group(cls=Family, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="wraparound")
@click.option("-q", "--quiet", is_flag=True, help="Say less while working.")
@click.pass_context
def main(ctx: click.Context, *, quiet: bool) -> None:
    """A school district's night: feeds in; need profiles, referral queues and lists out.

    \b
    A first evening:
      wraparound up                       start the embedded warehouse
      wraparound district make --out D    write a synthetic district's feeds
      wraparound land D                   take files into the archive and the ledger
      wraparound night                    load, build, check and publish
      wraparound status                   what stands where

    Results go to standard output, everything else to standard error. Exit codes: 0 done,
    2 wrong usage, 3 machine or settings, 4 a file was refused, 5 nothing was kept, 6 build,
    7 gate or release, 8 Airflow.
    """
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.WARNING if quiet else logging.INFO,
        format="%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
    )
    for noisy in ("alembic", "great_expectations", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    ctx.obj = {"quiet": quiet}


def _settings() -> Settings:
    return load_settings()


def _say(text: str) -> None:
    logging.getLogger("wraparound").info(text)


def _show(
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
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 180).print(grid)


# ----------------------------------------------------------------- the warehouse


@main.command()
def up() -> None:
    """Start the embedded warehouse and bring its tables up to date."""
    from wraparound.warehouse import connection, embedded
    from wraparound.warehouse.migrate import migrate

    settings = _settings()
    if settings.warehouse_url is None:
        embedded.up(settings)
    migrate(settings)
    click.echo(f"The warehouse is up: {connection.sqlalchemy_url(settings).split('@')[-1]}")


@main.command()
def down() -> None:
    """Stop everything of this checkout: the local Airflow and the embedded warehouse."""
    from wraparound.orchestration import local_airflow
    from wraparound.warehouse import embedded

    settings = _settings()
    stopped = local_airflow.stop(settings)
    server = settings.warehouse_url is None and embedded.down(settings)
    click.echo(
        f"Stopped {stopped} Airflow processes and {'the' if server else 'no'} embedded warehouse."
    )


@main.command()
@as_json
def status(*, json_wanted: bool) -> None:
    """What stands where: server, last loads, last build, live lists, open questions."""
    from wraparound.orchestration.overview import overview

    found = overview(_settings())
    if json_wanted:
        click.echo(json.dumps(found, default=str, indent=2))
        return
    for line in found["lines"]:
        click.echo(line)


@main.command()
def doctor() -> None:
    """Say in plain words what this machine lacks; exit 3 if it lacks anything."""
    from wraparound.orchestration.doctor import examine

    findings = examine(_settings())
    for finding in findings:
        click.echo(f"{'ok     ' if finding.is_well else 'MISSING'}  {finding.text}")
    if not all(finding.is_well for finding in findings):
        raise SystemExit(3)


@main.command()
@click.option("--psql", is_flag=True, help="Print a whole psql command line.")
def url(*, psql: bool) -> None:
    """Print the connection string of the warehouse, for psql and other tools."""
    from wraparound.warehouse import connection, embedded

    settings = _settings()
    where = connection.address(settings)
    plain = where.url("postgresql")
    if psql:
        program = embedded.programs() / "psql"
        click.echo(f"'{program}' '{plain.replace('@localhost/', '@/')}'")
    else:
        click.echo(plain)


# ----------------------------------------------------------------- a night


@main.command()
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path, readable=True)
)
@click.option("--feed", help="The feed, where the file does not say it itself.")
@click.option("--sender", help="A sender of district.yml; else the one whose patterns match.")
@click.option("--effective-at", type=click.DateTime(), help="When the files claim to be true.")
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
    same bytes again change nothing. With --dry-run the files are read and checked to the end,
    and nothing is kept. Exit 4 if a file was refused.
    """
    from wraparound.orchestration import nights, rehearsing

    at = _utc(effective_at)
    if rehearsal:
        told = rehearsing.rehearse_files(
            _settings(), paths, feed=feed, sender=sender, effective_at=at, say=_say
        )
        _show_receipts(told, json_wanted=json_wanted, empty="Nothing to land.")
        _end_if_refused(told)
        return
    rows = nights.land(_settings(), paths, feed=feed, sender=sender, effective_at=at)
    for row in rows:
        if not row["is_new"]:
            _say(f"{row['file_name']}: these bytes are arrival {row['arrival_id']} already")
    _show(rows, columns=LANDED, json_wanted=json_wanted, empty="Nothing to land.")
    refused = [row for row in rows if row["state"] == "refused"]
    for row in refused:
        click.echo(f"{row['code']}: {row['message']}", err=True)
    if refused:
        raise SystemExit(4)


LANDED = ("arrival_id", "feed", "sender", "file_name", "state")
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
SAID = (
    *("arrival_id", "code", "severity", "table_name", "row_number", "column_name"),
    *("occurrences", "rule", "message"),
)
SET_ASIDE = (
    *("arrival_id", "file_name", "column", "rule", "scope", "count", "first_rows", "what_to_do"),
)


def _utc(moment: datetime | None) -> datetime | None:
    from datetime import UTC

    return moment.replace(tzinfo=UTC) if moment else None


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
        told = rehearsing.rehearse_pending(_settings())
        _show_receipts(told, json_wanted=json_wanted, empty="Nothing was waiting.")
        _end_if_refused(told)
        return
    done = nights.ingest(_settings(), say=_say)
    _show(done, columns=LOADED, json_wanted=json_wanted, empty="Nothing was waiting.")
    if _tell_refusals(done):
        raise SystemExit(4)


def _show_receipts(receipts: Sequence[dict[str, Any]], *, json_wanted: bool, empty: str) -> None:
    """What became of each arrival, and below it what was counted and set aside."""
    _show(receipts, columns=LOADED, json_wanted=json_wanted, empty=empty)
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
                _show(told[name], columns=columns, json_wanted=False, empty="")


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


@main.command()
@click.option("--as-of", type=DAY, help="The school day to speak about.")
def build(*, as_of: datetime | None) -> None:
    """Build every table for a school day (default: the last instructional day)."""
    from wraparound.orchestration import nights

    done = nights.build(_settings(), as_of=_day(as_of))
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

    done = nights.publish(_settings(), as_of=_day(as_of))
    _tell_release(done, json_wanted=json_wanted)
    _exit_if_rejected(done)


@main.command()
@click.option("--as-of", type=DAY, help="The school day to speak about.")
@as_json
def night(*, as_of: datetime | None, json_wanted: bool) -> None:
    """A whole night without Airflow: ingest, build, publish."""
    from wraparound.orchestration import nights

    done = nights.night(_settings(), as_of=_day(as_of), say=_say)
    if json_wanted:
        click.echo(json.dumps(done, default=str, indent=2))
    else:
        _tell_refusals(done["arrivals"])
        _tell_release(done["release"], json_wanted=False)
    _exit_if_rejected(done["release"])


@main.command()
@as_json
def parity(*, json_wanted: bool) -> None:
    """Load the whole archive into a scratch database, build, and compare every table with ours.

    Says whether many nights of corrections ended where one long night does. Exit 6 if not.
    """
    from wraparound.orchestration.parity import must_hold
    from wraparound.orchestration.parity import parity as compare

    compared = compare(_settings())
    rows = [dataclasses.asdict(one) for one in compared]
    other = [row for row in rows if not row["same"]]
    _show(
        rows if json_wanted else other,
        columns=("table", "rows", "rows_long", "same"),
        json_wanted=json_wanted,
        empty=f"All {len(rows)} tables are the same both ways.",
    )
    must_hold(compared)


def _exit_if_rejected(release: dict[str, Any]) -> None:
    """A night in which no school may publish ends with the gate's exit code."""
    if release["state"] == "rejected":
        raise SystemExit(7)


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _tell_release(done: dict[str, Any], *, json_wanted: bool) -> None:
    if json_wanted:
        click.echo(json.dumps(done, default=str, indent=2))
        return
    from wraparound.orchestration.overview import past_review_lines

    settings = _settings()
    _tell_schools(done, says_live=False)
    for line in past_review_lines(done["rules_past_review"]):
        click.echo(line)
    click.echo(f"Lists: {settings.lists / 'index.html'}")


def _tell_schools(told: dict[str, Any], *, says_live: bool) -> None:
    """A release, its schools by name, and what was found at each."""
    from wraparound.orchestration.overview import said_of, school_names

    names = _read(school_names)
    click.echo(f"Release {told['release_id']} for {told['as_of_date']}: {told['state']}.")
    for school in told["schools"]:
        named = school | {"school_name": names.get(school["school_source_id"])}
        live = ": live" if school["live"] else ": not live"
        click.echo(f"  {school['verdict']:<7} {said_of(named)}{live if says_live else ''}")
        for reason in school.get("reasons", ()):
            click.echo(f"          {reason}")


@main.command("watch")
@as_json
def watch_command(*, json_wanted: bool) -> None:
    """Tell of feeds that are missing, late, shrunken, unchanged or set aside; each once.

    Airflow does this every hour. What is told goes into the ledger, and by mail to the owner
    where the district file has an address and a mail channel. What stands is printed each time.
    """
    from wraparound.orchestration import nights, watch

    settings = _settings()
    nights.prepare(settings)
    alarms = watch.find_alarms(settings)
    watch.tell(settings, alarms)
    _show(
        [dataclasses.asdict(alarm) for alarm in alarms],
        columns=("feed", "sender", "kind", "text", "owner"),
        json_wanted=json_wanted,
        empty="Every expected feed is here.",
    )


# ----------------------------------------------------------------- reading the ledger


@main.command()
@as_json
def arrivals(*, json_wanted: bool) -> None:
    """Everything that arrived, and what became of it."""
    from wraparound.warehouse import ledger

    rows = _read(ledger.arrivals)
    _show(rows, columns=LOADED, json_wanted=json_wanted, empty="Nothing has arrived yet.")
    if not json_wanted:
        for row in rows:
            if row["message"]:
                click.echo(f"\narrival {row['arrival_id']}: {row['message']}")


def _read(query: Callable[..., T], **words: Any) -> T:
    from wraparound.orchestration.nights import prepare
    from wraparound.warehouse.connection import connect

    settings = _settings()
    prepare(settings)
    with connect(settings) as connection:
        return query(connection, **words)


@main.command("diagnostics")
@click.option("--arrival", "arrival_id", type=int, help="Of one arrival only.")
@as_json
def diagnostics_command(*, arrival_id: int | None, json_wanted: bool) -> None:
    """All that was said of deliveries: code, file, row, column and rule; never a value."""
    from wraparound.warehouse.diagnostics import diagnostics

    rows = _read(diagnostics, arrival_id=arrival_id)
    _show(rows, columns=SAID, json_wanted=json_wanted, empty="Nothing was said.")


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

    told = _read(receipt, arrival_id=arrival_id)
    if told is None:
        raise click.ClickException(f"There is no arrival {arrival_id}.")
    if page is not None:
        district = load_district(_settings().district_file)
        receipt_pages.write_private(page, receipt_pages.page(told, district=district))
        click.echo(str(page))
        return
    if json_wanted:
        click.echo(json.dumps(told, default=str, indent=2))
        return
    _show_receipts([told], json_wanted=False, empty="")


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
    _show(
        _read(query, arrival_id=arrival_id, feed=feed),
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

    rows = _read(ledger.quarantine, arrival_id=arrival_id, feed=feed, rule=rule, limit=limit)
    columns = ("arrival_id", "file_name", "row_number", "column", "rule", "scope")
    _show(rows, columns=columns, json_wanted=json_wanted, empty="Nothing is set aside by it.")
    groups = _read(receipts.set_aside, arrival_id=arrival_id, feed=feed, rule=rule)
    for told in () if json_wanted else dict.fromkeys(group["what_to_do"] for group in groups):
        click.echo(told)


@quarantine.command("export")
@click.argument("arrival_id", type=int)
@click.option("--rule", help="Only rows that broke this rule.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="The folder."
)
@click.option("--by", required=True, help="Who asks: a name; it is kept in the ledger.")
def quarantine_export(*, arrival_id: int, rule: str | None, out: Path, by: str) -> None:
    """Write an arrival's set-aside rows as CSV, with the reasons, to go back to its sender.

    The files hold personal data: only their owner may read them, and who asked is recorded.
    """
    from wraparound.orchestration.handing_back import hand_back

    files = hand_back(_settings(), arrival_id, folder=out, by=by, rule=rule)
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
    done = nights.lift_rule(_settings(), until=until.date(), **words)
    _show(done, columns=LOADED, json_wanted=json_wanted, empty="Recorded; no row waits by it.")


@quarantine.command("replay")
@click.argument("arrival_id", type=int)
@as_json
def quarantine_replay(*, arrival_id: int, json_wanted: bool) -> None:
    """Judge an arrival's rows again, after a code map, a profile or the roster changed."""
    from wraparound.orchestration import nights

    done = nights.replay_arrival(_settings(), arrival_id)
    _show([done], columns=LOADED, json_wanted=json_wanted, empty="")


@main.group()
def brake() -> None:
    """Arrivals that would end more records than can be believed, waiting for a person."""


@brake.command("list")
@as_json
def brake_list(*, json_wanted: bool) -> None:
    """List what is braked now."""
    from wraparound.warehouse import ledger

    rows = [row for row in _read(ledger.arrivals) if row["state"] == "braked"]
    _show(
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

    rows = _read(ledger.brake_counts, arrival_id=arrival_id)
    empty = f"The brake counted nothing of arrival {arrival_id}."
    _show(rows, columns=BRAKE_COUNTS, json_wanted=json_wanted, empty=empty)


def _decide_brake(arrival_id: int, *, release: bool, by: str, reason: str) -> None:
    from wraparound.warehouse import ledger
    from wraparound.warehouse.connection import connect

    with connect(_settings()) as connection:
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


# ----------------------------------------------------------------- releases


@main.group()
def release() -> None:
    """What was published: immutable, numbered, and reversible."""


def _released(line: Any) -> dict[str, Any]:
    return dataclasses.asdict(line)


@release.command("list")
@as_json
def release_list(*, json_wanted: bool) -> None:
    """List the releases, newest first."""
    from wraparound.publishing.releases import list_releases

    lines = [_released(line) for line in _read(list_releases)]
    if json_wanted:
        click.echo(json.dumps(lines, default=str, indent=2))
        return
    rows = [
        {
            "release_id": line["release_id"],
            "as_of_date": line["as_of_date"],
            "state": line["state"],
            "live": sum(school["live"] for school in line["schools"]),
            "held": sum(school["verdict"] == "hold" for school in line["schools"]),
            "tables": "pinned" if line["pinned"] else "kept" if line["is_kept"] else "pruned",
        }
        for line in lines
    ]
    _show(
        rows,
        columns=("release_id", "as_of_date", "state", "live", "held", "tables"),
        json_wanted=False,
        empty="Nothing has been published yet.",
    )


@release.command("show")
@click.argument("release_id", type=int)
@as_json
def release_show(*, release_id: int, json_wanted: bool) -> None:
    """One release: its schools, verdicts and reasons."""
    from wraparound.publishing.releases import show_release

    line = _released(_read(show_release, release_id=release_id))
    if json_wanted:
        click.echo(json.dumps(line, default=str, indent=2))
        return
    _tell_schools(line, says_live=True)


@release.command("pin")
@click.argument("release_id", type=int)
@click.option("--off", is_flag=True, help="Let it be pruned again when its time comes.")
@by_option
@reason_option
def release_pin(*, release_id: int, off: bool, by: str, reason: str) -> None:
    """Keep the tables of a release, however many come after it.

    Without a pin the newest are kept, as many as `keep_releases` of the district file says, and
    those that a school still sees. What is past its retention is destroyed all the same.
    """
    from wraparound.publishing.releases import pin

    _read(pin, release_id=release_id, pinned=not off, by=by, reason=reason)
    told = "is pruned when its time comes" if off else "is kept until the pin is taken off"
    click.echo(f"Release {release_id} {told}.")


@release.command("rollback")
@click.argument("release_id", type=int, required=False)
@click.option("--school", "schools", multiple=True, help="Only this school (its source id).")
def release_rollback(*, release_id: int | None, schools: tuple[str, ...]) -> None:
    """Point schools back at an earlier release (default: the one before the live one).

    They stay there until a later release passes their gate; the same one is shown to them again
    only by naming it here.
    """
    from wraparound.orchestration import nights

    moved = nights.roll_back(_settings(), release_id=release_id, schools=schools or None)
    for school_source_id, number in sorted(moved.items()):
        click.echo(f"{school_source_id}: release {number} is live")


@release.command("withdraw")
@click.argument("school")
@by_option
@reason_option
def release_withdraw(*, school: str, by: str, reason: str) -> None:
    """Take away the list of a school that closed (its source id).

    A school without students is held, and keeps its last good list, until somebody says this.
    Copies that were sent elsewhere are not reached by it.
    """
    from wraparound.orchestration import nights

    nights.withdraw(_settings(), school=school, by=by, reason=reason)
    click.echo(f"{school} shows no list any more.")


@release.command("replay")
@click.argument("release_id", type=int)
@as_json
def release_replay(*, release_id: int, json_wanted: bool) -> None:
    """Make a release anew from the archive, and compare every report with what was frozen.

    In a scratch database, which takes as long as a first night; nothing that anybody sees
    changes. Exit 6 if a report differs.
    """
    from wraparound.orchestration.replaying import must_be_same, replay_release

    _say("loading the archive as that night had it, and building; this takes a while")
    replayed = replay_release(_settings(), release_id)
    rows = [dataclasses.asdict(one) for one in replayed.reports]
    _show(
        rows if json_wanted else [row for row in rows if not row["same"]],
        columns=("table", "rows", "rows_long", "same"),
        json_wanted=json_wanted,
        empty=f"All {len(rows)} reports of release {release_id} are what the archive gives.",
    )
    must_be_same(replayed)


@release.command("approve")
@click.option("--school", required=True, help="The school's source id.")
@by_option
@reason_option
@click.option("--rule", help="Only this rule; default is every rule that holds it now.")
@click.option("--until", type=DAY, help="The last day on which it counts; default is today.")
def release_approve(
    *, school: str, by: str, reason: str, rule: str | None, until: datetime | None
) -> None:
    """Lift the hold of a school for a limited time, and show it the list that was held.

    Airflow asks the same on its page "Required Actions". Lift no hold where the data is wrong:
    have it sent again, and publish.
    """
    from wraparound.orchestration import approvals, nights

    settings = _settings()
    last = _day(until) or nights.today_at_the_door(settings)
    shown = approvals.approve(
        settings, school=school, by=by, reason=reason, rule_id=rule, until=last
    )
    told = "Its list is shown." if shown else "Nothing that is held now is shown by it."
    click.echo(f"Recorded, until {last}. {told}")


# ----------------------------------------------------------------- what leaves


@main.group()
def deliver() -> None:
    """Lists on their way by the channels of the district file: what did not arrive.

    Each list is sent at most once to each recipient by each channel. What fails is tried again
    the next night, five times in all. waiting: its turn will come. failed: the trouble says why.
    unsure: a mail of which nobody knows whether it left; it is never sent again by itself.
    """


@deliver.command("list")
@as_json
def deliver_list(*, json_wanted: bool) -> None:
    """What was written down and not sent, oldest first, with the trouble."""
    from wraparound.publishing.channels import open_dispatches

    _show(
        _read(open_dispatches),
        columns=(
            *("dispatch_id", "release_id", "school_key", "channel", "recipient_id"),
            *("kind", "state", "attempts", "trouble"),
        ),
        json_wanted=json_wanted,
        empty="Everything that was to be sent was sent.",
    )


@deliver.command("retry")
@click.argument("dispatch_ids", type=int, nargs=-1)
def deliver_retry(*, dispatch_ids: tuple[int, ...]) -> None:
    """Send now what failed, however often; with numbers, only those.

    An `unsure` mail goes again only by its number: first ask whoever it was for. A list that a
    newer one has overtaken is dropped, and the newer one sent.
    """
    from wraparound.orchestration import sending

    done = sending.send_again(_settings(), dispatch_ids=dispatch_ids)
    click.echo(f"Sent: {done.sent}. Failed: {done.failed}. Not known: {done.unsure}.")
    if done.failed or done.unsure:
        raise SystemExit(7)


@deliver.command("drop")
@click.argument("dispatch_ids", type=int, nargs=-1, required=True)
def deliver_drop(*, dispatch_ids: tuple[int, ...]) -> None:
    """Take off the list what arrived after all, or is not wanted any more."""
    from wraparound.orchestration import sending

    dropped = sending.give_up(_settings(), dispatch_ids=dispatch_ids)
    click.echo(f"Dropped: {dropped}.")


# ----------------------------------------------------------------- the rest


@main.group()
def district() -> None:
    """A synthetic district: invented children with believable years."""


@district.command("make")
@click.option("--schools", default=4, show_default=True, help="Number of schools.")
@click.option("--students", default=1200, show_default=True, help="Number of students.")
@click.option("--seed", default=1, show_default=True, help="Same seed, same bytes.")
@click.option("--school-year", type=int, required=True, help="The year in which it ends.")
@click.option("--through", type=DAY, required=True, help="The last day with attendance.")
@click.option("--since", type=DAY, help="Write only what changed after this day.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder.")
@click.option("--defect", "defects", multiple=True, help="Plant a defect; see `district defects`.")
@click.option("--feed", "feeds", multiple=True, help="Write only this feed.")
def district_make(
    *,
    schools: int,
    students: int,
    seed: int,
    school_year: int,
    through: datetime,
    since: datetime | None,
    out: Path,
    defects: tuple[str, ...],
    feeds: tuple[str, ...],
) -> None:
    """Write all feeds of a synthetic district in delivery form."""
    from wraparound.district import DistrictPlan, make_district

    try:
        plan = DistrictPlan(
            schools=schools,
            students=students,
            seed=seed,
            school_year=school_year,
            through=through.date(),
            since=since.date() if since else None,
            defects=defects,
            only=feeds,
        )
        report = make_district(plan, out)
    except ValueError as exc:
        raise click.UsageError(str(exc)) from exc
    for file in report.files:
        click.echo(f"{file.row_count:>10,}  {file.file_name}")
    click.echo(f"{report.student_count:,} students in {report.school_count} schools: {out}")


@district.command("defects")
def district_defects() -> None:
    """List the defects that can be planted."""
    from wraparound.district import DEFECTS

    for name, text in DEFECTS.items():
        click.echo(f"{name:<18} {text}")


@district.command("examples")
def district_examples() -> None:
    """Write the pages of ten children and twenty needs, of an invented district of its own."""
    from wraparound.orchestration.examples import write_examples

    click.echo("\n".join(map(str, write_examples(_settings()))))


@main.group()
def rules() -> None:
    """The rules that make needs, levels and tiers: what an edit would change."""


@rules.command("diff")
@click.option(
    "--seeds",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with edited CSV files; default is what stands in dbt_project/seeds.",
)
@click.option("--students", is_flag=True, help="Name our keys of the children who would move.")
@as_json
def rules_diff(*, seeds: Path | None, students: bool, json_wanted: bool) -> None:
    """Say who would move if edited rules or settings took effect; change nothing.

    Compared with the last build: by school, suggested tiers, levels of each domain, and needs
    in the queue. The next `wraparound build` puts what stands in dbt_project/seeds into effect.
    """
    from wraparound.orchestration.rules_diff import rules_diff as compare

    found = compare(_settings(), seeds=seeds, keys_wanted=students)
    if json_wanted:
        click.echo(json.dumps(dataclasses.asdict(found), indent=2))
        return
    for setting, before, after in found.settings:
        click.echo(f"Setting {setting}: {before or '(preset)'} -> {after or '(preset)'}")
    for rule in found.unversioned:
        click.echo(f"Rule {rule} says something else under its old version: raise the version.")
    columns = ["school_source_id", "what", "before", "after", "count"]
    rows = [dataclasses.asdict(move) for move in found.moves]
    for row in rows:
        row["student_keys"] = ", ".join(map(str, row["student_keys"]))
    _show(
        rows,
        columns=[*columns, *(["student_keys"] if students else [])],
        json_wanted=False,
        empty=f"Nobody moves{'' if found.is_changed else ': no rule or setting differs'}.",
    )


@main.command()
@click.argument("student_id")
@click.argument("service_id")
@as_json
def why(*, student_id: str, service_id: str, json_wanted: bool) -> None:
    """Why a service stands on a student's list, or does not: every criterion, place and line.

    STUDENT_ID is the roster's, SERVICE_ID the directory's. No name is printed.
    """
    from wraparound.orchestration import explaining

    answers = explaining.why(_settings(), student=student_id, service=service_id)
    if json_wanted:
        click.echo(json.dumps([dataclasses.asdict(a) for a in answers], default=str, indent=2))
        return
    if not answers:
        click.echo("The student has no open need.")
    for answer in answers:
        click.echo(f"{answer.rule_id}: {answer.verdict}")
        for one in answer.criteria:
            failed = "prefers" if one.effect == "prefer" else "FAILS"
            mark = "ok" if one.is_met else failed
            text = "" if one.is_met else f"  {one.failed_wording}"
            click.echo(f"  {mark:<8} {one.criterion:<15}{text}")


@main.command()
@click.option("--out", type=click.Path(path_type=Path), help="The folder; default is in the home.")
@click.option("--today", type=DAY, help="The day of sending; default is today's date.")
@as_json
def packets(*, out: Path | None, today: datetime | None, json_wanted: bool) -> None:
    """Write each provider's packet: children referred to it, fields their consent covers.

    Every file is logged as a disclosure before it takes its place. The same bytes again are
    not sent again. What is denied is counted.
    """
    from wraparound.orchestration import nights, sending

    day = today.date() if today else nights.today_at_the_door(_settings())
    rows = [dataclasses.asdict(p) for p in sending.packets(_settings(), today=day, out=out)]
    _show(
        rows,
        columns=("organization_id", "school_source_id", "row_count", "denied_count", "is_new"),
        json_wanted=json_wanted,
        empty="No open referral has a ground to be told of.",
    )


@main.command()
@as_json
def directory(*, json_wanted: bool) -> None:
    """What a person should look at in the providers' directory: doubles, gaps, lost parents."""
    from wraparound.orchestration import explaining

    _show(
        explaining.directory_findings(_settings()),
        columns=("finding", "entity", "entity_id", "other_id"),
        json_wanted=json_wanted,
        empty="Nothing to look at.",
    )


@main.command()
@click.argument("service_id")
@as_json
def line(*, service_id: str, json_wanted: bool) -> None:
    """Who has a suggested place at a service, and who waits: no. 1 is next. By ids alone."""
    from wraparound.orchestration import explaining

    _show(
        explaining.line_at(_settings(), service=service_id),
        columns=("place_outcome", "line_number", "student_source_id", "school_source_id", "level"),
        json_wanted=json_wanted,
        empty="Nobody has a place there, and nobody waits.",
    )


@main.command()
@as_json
def gaps(*, json_wanted: bool) -> None:
    """Which services are missing: needs without one, or without a place, by school and area."""
    from wraparound.orchestration import explaining

    _show(
        explaining.service_gaps(_settings()),
        columns=(
            "school_source_id",
            "postal_code",
            "category_label",
            "need_count",
            "without_service_count",
            "without_place_count",
        ),
        json_wanted=json_wanted,
        empty="No need is open.",
    )


@main.group()
def profile() -> None:
    """How one sender's files differ from the standard: an entry of the district file."""


@profile.command("suggest")
@click.argument("path", type=click.Path(exists=True, path_type=Path, readable=True))
@click.option("--feed", required=True, help="The feed that the files are.")
@click.option("--sender", default="NEW_SENDER", show_default=True, help="The sender's name.")
def profile_suggest(*, path: Path, feed: str, sender: str) -> None:
    """Begin a sender's profile from a file, a zip or a folder of theirs.

    What the files prove is filled in; what a person has to settle is marked with ??. Read it
    and paste it into the district file.
    """
    from wraparound.contracts.loader import contract_of
    from wraparound.landing.suggesting import members_of, suggest
    from wraparound.warehouse.checks import seed_codes

    contract = contract_of(feed)
    seeds = {c.codes_from for t in contract.tables.values() for c in t.columns.values()}
    codes = {s: list(seed_codes(s, seeds=_settings().seeds)) for s in sorted(filter(None, seeds))}
    click.echo(suggest(members_of(path), contract=contract, sender=sender, codes=codes), nl=False)


@main.group()
def contracts() -> None:
    """The contracts of the feeds, and what is made from them."""


@contracts.command("write")
@click.option("--check", is_flag=True, help="Change nothing; fail if something is not up to date.")
def contracts_write(*, check: bool) -> None:
    """Write dbt's sources and the pages of docs/feeds from the contracts."""
    from wraparound.contracts.documents import written_files

    root = _settings().project_root
    stale = []
    for name, text in written_files().items():
        path = root / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    click.echo("\n".join(stale) or "Everything is up to date.")
    if check and stale:
        raise SystemExit(1)


@main.command("dictionary")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="The folder."
)
@click.option("--site", is_flag=True, help="Also dbt's own page, with lineage; slower.")
def dictionary_command(*, out: Path, site: bool) -> None:
    """Write the data dictionary: every table that people read, as a page and as CSV."""
    from wraparound.orchestration import dictionary
    from wraparound.orchestration.dbt import read_manifest, write_site

    settings = _settings()
    settings.make_folders()
    tables = dictionary.described_tables(read_manifest(settings))
    out.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("dictionary.html", dictionary.dictionary_html(tables)),
        ("dictionary.csv", dictionary.dictionary_csv(tables)),
    ):
        (out / name).write_text(text, encoding="utf-8")
        click.echo(f"{len(tables):>4} tables  {out / name}")
    if site:
        write_site(settings, out / "models.html")
        click.echo(f"     models  {out / 'models.html'}")


@main.group()
def disclosures() -> None:
    """What left: to whom, about whom, on what ground."""


@disclosures.command("show")
@click.argument("student_id")
@as_json
def disclosures_show(*, student_id: str, json_wanted: bool) -> None:
    """Every time the records of one student left; STUDENT_ID is the roster's."""
    from wraparound.orchestration import privacy

    _show(
        privacy.disclosures_of(_settings(), student_id),
        columns=("disclosed_at", "recipient_type", "recipient_id", "legal_basis", "channel"),
        json_wanted=json_wanted,
        empty="Nothing of this student has left.",
    )


@disclosures.command("verify")
def disclosures_verify() -> None:
    """Whether the log is as it was written; exit 7 if it is not."""
    from wraparound.orchestration import privacy

    checked = privacy.verify_disclosures(_settings())
    click.echo(checked.message)
    if not checked.is_whole:
        raise SystemExit(7)


@main.command()
@by_option
@reason_option
@click.option("--today", type=DAY, help="The day to count from; default is today's date.")
@click.option("--dry-run", is_flag=True, help="Only say what is past its time.")
def purge(*, by: str, reason: str, today: datetime | None, dry_run: bool) -> None:
    """Destroy what is past its retention, with a proof of each place in the ledger."""
    from wraparound.orchestration import nights, privacy

    day = today.date() if today else nights.today_at_the_door(_settings())
    for gone in privacy.purge(_settings(), today=day, by=by, reason=reason, dry_run=dry_run):
        verb = "to destroy" if dry_run else "destroyed"
        click.echo(
            f"{gone.place:<11} {gone.item_count:>7,} {verb} ({gone.byte_count:,} bytes),"
            f" older than {gone.older_than} ({gone.retention_class})"
        )


@main.group()
def airflow() -> None:
    """The local Airflow: four processes on this machine, the page on 127.0.0.1."""


@airflow.command("start")
@click.option("--port", type=int, help="The page's port; default is a free one.")
def airflow_start(*, port: int | None) -> None:
    """Start it and wait until it is healthy."""
    from wraparound.orchestration import local_airflow

    local_airflow.start(_settings(), port=port, on_progress=_say)
    airflow_status.callback()  # type: ignore[misc]


@airflow.command("stop")
def airflow_stop() -> None:
    """Stop it."""
    from wraparound.orchestration import local_airflow

    click.echo(f"Stopped {local_airflow.stop(_settings())} processes.")


@airflow.command("status")
def airflow_status() -> None:
    """Whether it runs, where its page is, and how to log in."""
    from wraparound.orchestration import local_airflow

    found = local_airflow.status(_settings())
    for name, value in dataclasses.asdict(found).items():
        click.echo(f"{name}: {value}")


@main.command()
def demo() -> None:
    """Two nights of a synthetic district through real Airflow, with a summary at the end."""
    from wraparound.orchestration.demo import run_demo

    run_demo(_settings(), click.echo)


if __name__ == "__main__":
    main()
