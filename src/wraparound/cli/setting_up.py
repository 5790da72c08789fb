"""Setting up: contracts, senders, the dictionary, a synthetic district."""

from datetime import datetime
from pathlib import Path

import click

from wraparound.cli.door import main
from wraparound.cli.telling import DAY
from wraparound.settings import load_settings


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

    click.echo("\n".join(map(str, write_examples(load_settings()))))


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
    codes = {
        s: list(seed_codes(s, seeds=load_settings().seeds)) for s in sorted(filter(None, seeds))
    }
    click.echo(suggest(members_of(path), contract=contract, sender=sender, codes=codes), nl=False)


@main.group()
def contracts() -> None:
    """The contracts of the feeds, and what is made from them."""


@contracts.command("write")
@click.option("--check", is_flag=True, help="Change nothing; fail if something is not up to date.")
def contracts_write(*, check: bool) -> None:
    """Write dbt's sources and the pages of docs/feeds from the contracts."""
    from wraparound.contracts.documents import written_files

    root = load_settings().project_root
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

    settings = load_settings()
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


@main.command()
def demo() -> None:
    """Two nights of a synthetic district through real Airflow, with a summary at the end."""
    from wraparound.orchestration.demo import run_demo

    run_demo(load_settings(), click.echo)
