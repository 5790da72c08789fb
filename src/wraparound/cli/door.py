"""The one door: its group of commands, its chapters, and how errors end."""

import logging
import sys
from traceback import format_tb
from typing import Any

import click

from wraparound.errors import WraparoundError, in_our_words, where_from

UNFORESEEN = (
    "Nobody foresaw this, and what it says may quote a row, so it is not told. Please report it "
    "with the places above:"
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
    "What left, and why": (
        *("release", "deliver", "packets"),
        *("disclosures", "purge", "legal-hold"),
    ),
    "Questions about children's lists": ("why", "line", "gaps", "directory", "rules", "student"),
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
        """Run the command; the text of an error goes to standard error.

        One that nobody foresaw may quote a row: its places are told, and its text is not.
        """
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as exc:
            ours = in_our_words(exc)
            if ours is None:
                click.echo("".join(format_tb(exc.__traceback__)), nl=False, err=True)
                ours = WraparoundError(f"{UNFORESEEN} {where_from(exc)}.")
            click.echo(f"{ours.code}: {ours}", err=True)
            ctx.exit(ours.exit_code)


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
