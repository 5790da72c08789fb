"""The one door: its group of commands, its chapters, and how errors end."""

import errno
import logging
import sys
from typing import Any

import click

from wraparound.errors import SettingsWrong, WarehouseMissing, WraparoundError

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
