"""The machine: warehouse, Airflow, and the check that both ways agree."""

import dataclasses

import click

from wraparound.cli.door import main
from wraparound.cli.telling import as_json, say, show, warehouse
from wraparound.settings import load_settings


@main.command()
def up() -> None:
    """Start the embedded warehouse and bring its tables up to date."""
    from wraparound.warehouse import connection, embedded
    from wraparound.warehouse.migrate import migrate

    settings = load_settings()
    if settings.warehouse_url is None:
        embedded.up(settings)
    migrate(settings)
    click.echo(f"The warehouse is up: {connection.sqlalchemy_url(settings).split('@')[-1]}")


@main.command()
def down() -> None:
    """Stop everything of this checkout: the local Airflow and the embedded warehouse."""
    from wraparound.orchestration import local_airflow
    from wraparound.warehouse import embedded

    settings = load_settings()
    stopped = local_airflow.stop(settings)
    server = settings.warehouse_url is None and embedded.down(settings)
    click.echo(
        f"Stopped {stopped} Airflow processes and {'the' if server else 'no'} embedded warehouse."
    )


@main.command()
def doctor() -> None:
    """Say in plain words what this machine lacks; exit 3 if it lacks anything."""
    from wraparound.orchestration.doctor import examine

    findings = examine(load_settings())
    for finding in findings:
        click.echo(f"{'ok     ' if finding.is_well else 'MISSING'}  {finding.text}")
    if not all(finding.is_well for finding in findings):
        raise SystemExit(3)


@main.command()
@click.option("--psql", is_flag=True, help="Print a whole psql command line.")
def url(*, psql: bool) -> None:
    """Print the connection string of the warehouse, for psql and other tools."""
    from wraparound.warehouse import connection, embedded

    settings = load_settings()
    where = connection.address(settings)
    plain = where.url("postgresql")
    if psql:
        program = embedded.programs() / "psql"
        click.echo(f"'{program}' '{plain.replace('@localhost/', '@/')}'")
    else:
        click.echo(plain)


@main.command()
@as_json
def parity(*, json_wanted: bool) -> None:
    """Load the whole archive into a scratch database, build, and compare every table with ours.

    Says whether many nights of corrections ended where one long night does. Exit 6 if not.
    """
    from wraparound.orchestration.parity import must_hold
    from wraparound.orchestration.parity import parity as compare

    compared = compare(warehouse())
    rows = [dataclasses.asdict(one) for one in compared]
    other = [row for row in rows if not row["same"]]
    show(
        rows if json_wanted else other,
        columns=("table", "rows", "rows_long", "same"),
        json_wanted=json_wanted,
        empty=f"All {len(rows)} tables are the same both ways.",
    )
    must_hold(compared)


@main.group()
def airflow() -> None:
    """The local Airflow: four processes on this machine, the page on 127.0.0.1."""


@airflow.command("start")
@click.option("--port", type=int, help="The page's port; default is a free one.")
def airflow_start(*, port: int | None) -> None:
    """Start it and wait until it is healthy."""
    from wraparound.orchestration import local_airflow

    local_airflow.start(warehouse(), port=port, on_progress=say)
    airflow_status.callback()  # type: ignore[misc]


@airflow.command("stop")
def airflow_stop() -> None:
    """Stop it."""
    from wraparound.orchestration import local_airflow

    click.echo(f"Stopped {local_airflow.stop(load_settings())} processes.")


@airflow.command("status")
def airflow_status() -> None:
    """Whether it runs, where its page is, and how to log in."""
    from wraparound.orchestration import local_airflow

    found = local_airflow.status(load_settings())
    for name, value in dataclasses.asdict(found).items():
        click.echo(f"{name}: {value}")
