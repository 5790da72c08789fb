"""What every scenario works with: a server, a size's files, and runs in turns."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from benchmarks.deliveries import Deliveries, Size
from benchmarks.measuring import Cost, Summary, alternating, measured, python
from benchmarks.warehouses import (
    copy_of,
    empty_database,
    forget,
    must_agree,
    rows_of_ours,
    rows_of_theirs,
)
from wraparound.settings import Settings
from wraparound.warehouse import embedded
from wraparound.warehouse.connection import DATABASE, address, database_exists

Said = Callable[[str], None]
SQL = Path(__file__).parent / "baseline"
# What several scenarios start from.
PREPARED = frozenset({"with_roster", "with_attendance", "plain_full"})


@dataclass(frozen=True)
class Bench:
    """What every scenario works with."""

    server: Settings
    size: Size
    files: Deliveries
    say: Said

    def ours(self, settings: Settings, what: str, *paths: Path, as_of: date | None = None) -> Cost:
        """One measured step of ours in a process of its own."""
        day = as_of or self.files.as_of
        command = python("-m", "benchmarks.ours", what, day, *paths)
        return measured(self.server, command, settings=settings)

    def theirs(self, url: str, script: str, **variables: object) -> Cost:
        """One measured script of the baseline."""
        words = [word for k, v in variables.items() for word in ("-v", f"{k}={v}")]
        psql = str(embedded.programs() / "psql")
        command = [psql, "-X", "-q", *words, "-f", str(SQL / script), url]
        return measured(self.server, command, settings=self.server)

    def runs(self, kinds: dict[str, Callable[[], Cost]]) -> list[Summary]:
        """Every kind in turn, as often as the size says."""
        return alternating(kinds, runs=self.size.runs, say=self.say)

    def like(self, name: str) -> Settings:
        """The settings of a prepared database."""
        url = f"postgresql://postgres@localhost/{name}?host={address(self.server).host}"
        return replace(self.server, home=self.server.home / "homes" / name, warehouse_url=url)

    def with_roster(self) -> Settings:
        """A warehouse that holds the roster; made when it is first asked for."""
        there = self.like("with_roster")
        if not database_exists(there, database=DATABASE):
            copy_of(self.server, self.server, "with_roster")
            self.ours(there, "load", *self.files.roster)
        return there

    def with_attendance(self) -> Settings:
        """A warehouse that holds the full file as well."""
        there = self.like("with_attendance")
        if not database_exists(there, database=DATABASE):
            copy_of(self.server, self.with_roster(), "with_attendance")
            self.ours(there, "load", self.files.attendance("full"))
            must_agree(rows_of_ours(there), self.rows_of_plain(), what="start")
        return there

    def plain(self) -> str:
        """The name of the baseline's database that holds the full file."""
        name = "plain_full"
        if not database_exists(self.like(name), database=DATABASE):
            url = empty_database(self.server, name)
            self.theirs(url, "load.sql", file=self.files.attendance("full"))
        return name

    def rows_of_plain(self) -> tuple[int, int]:
        """(count, order-free hash) of the full file, as the baseline loads it."""
        return rows_of_theirs(self.server, self.plain())

    def merged_plainly(self, first: Path, *then: Path) -> tuple[int, int]:
        """(count, order-free hash) of a file and of others merged into it, by the baseline."""
        url = empty_database(self.server, "plain_merged")
        self.theirs(url, "load.sql", file=first)
        for file in then:
            self.theirs(url, "merge.sql", file=file)
        found = rows_of_theirs(self.server, "plain_merged")
        forget(self.server, "plain_merged")
        return found

    def loaded_plainly(self, script: str = "load.sql") -> Cost:
        """The baseline's first load of the full file, measured."""
        url = empty_database(self.server, "run_plain")
        cost = self.theirs(url, script, file=self.files.attendance("full"))
        same = rows_of_theirs(self.server, "run_plain")
        must_agree(same, self.rows_of_plain(), what="first load, baseline")
        return cost
