"""What is measured: each scenario returns summaries of ours and of the baseline, or is void."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import plain_build
from benchmarks.deliveries import BAD_EVERY, Deliveries, Size
from benchmarks.measuring import Cost, Summary, alternating, measured, python
from benchmarks.warehouses import (
    copy_of,
    database_like,
    empty_database,
    must_agree,
    rows_of_ours,
    rows_of_theirs,
    url_of,
)
from wraparound.settings import Settings
from wraparound.warehouse import embedded
from wraparound.warehouse.connection import connect

Said = Callable[[str], None]
SQL = Path(__file__).parent / "baseline"
TINY_FILES = 1_000
# School days before the night that is measured.
HISTORIES = (20, 540)


@dataclass(frozen=True)
class Bench:
    """What every scenario works with."""

    server: Settings
    size: Size
    files: Deliveries
    say: Said

    def ours(self, settings: Settings, what: str, *paths: Path) -> Cost:
        """One measured step of ours in a process of its own."""
        command = python("-m", "benchmarks.ours", what, self.files.as_of, *paths)
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


def prepare(bench: Bench) -> None:
    """The databases that runs start from: with the roster, and with attendance as well."""
    roster = copy_of(bench.server, bench.server, "with_roster")
    bench.ours(roster, "load", *bench.files.roster)
    full = copy_of(bench.server, roster, "with_attendance")
    bench.ours(full, "load", bench.files.attendance("full"))
    theirs = empty_database(bench.server, "plain_full")
    bench.theirs(theirs, "load.sql", file=bench.files.attendance("full"))
    must_agree(rows_of_ours(full), rows_of_theirs(bench.server, "plain_full"), what="start")


def first_load(bench: Bench) -> list[Summary]:
    """The whole year into an empty table: ours has 0.1 % bad rows to set aside, or 5 %."""
    start = _like(bench, "with_roster")

    def ours(which: str) -> Cost:
        fresh = copy_of(bench.server, start, "run_ours")
        cost = bench.ours(fresh, "load", bench.files.attendance(which))
        expected = bench.files.rows[which] - bench.files.rows[which] // BAD_EVERY[which]
        must_agree(rows_of_ours(fresh), _without_broken(bench, fresh), what="first load")
        must_agree((rows_of_ours(fresh)[0], 0), (expected, 0), what="first load, counted")
        return cost

    def theirs(script: str) -> Cost:
        url = empty_database(bench.server, "run_plain")
        cost = bench.theirs(url, script, file=bench.files.attendance("full"))
        same = rows_of_theirs(bench.server, "run_plain")
        must_agree(same, rows_of_theirs(bench.server, "plain_full"), what="first load, baseline")
        return cost

    return bench.runs(
        {
            "ours": lambda: ours("bad"),
            "ours, 5 % bad": lambda: ours("worse"),
            "baseline": lambda: theirs("load.sql"),
            "baseline, key in place": lambda: theirs("load_into_key.sql"),
        }
    )


def tiny_files(bench: Bench) -> list[Summary]:
    """One row in each of many files: what a file costs beside its rows."""
    start = _like(bench, "with_roster")
    count = min(TINY_FILES, bench.files.rows["full"])
    folder = bench.files.tiny(count)

    def ours() -> Cost:
        fresh = copy_of(bench.server, start, "run_ours")
        cost = bench.ours(fresh, "load", folder)
        must_agree((rows_of_ours(fresh)[0], 0), (count, 0), what="tiny files")
        return cost

    return bench.runs({"ours": ours})


def _without_broken(bench: Bench, settings: Settings) -> tuple[int, int]:
    """The baseline's rows but those of the lines that were set aside, by their place."""
    with connect(settings) as connection:
        rows = connection.execute(
            "select distinct row_number - 2 as place from ops.quarantine where scope = 'row'"
        ).fetchall()
    places = {row["place"] for row in rows}
    keys = []
    with bench.files.attendance("full").open(encoding="utf-8") as stream:
        next(stream)
        for number, line in enumerate(stream):
            if number in places:
                student, school, day, *_ = line.split(",")
                keys.append(f"('{student}', '{school}', '{day}')")
    named = ", ".join(keys) or "('', '', '2000-01-01')"
    return rows_of_theirs(
        bench.server, "plain_full", where=f"(student, school, day::text) not in (values {named})"
    )


def sent_again(bench: Bench) -> list[Summary]:
    """The whole year once more, 1 % of it changed."""
    return _merged(bench, "resent")


def delta(bench: Bench) -> list[Summary]:
    """Only what changed: 1 % of the year."""
    return _merged(bench, "delta")


def _merged(bench: Bench, which: str) -> list[Summary]:
    start, file = _like(bench, "with_attendance"), bench.files.attendance(which)

    def ours() -> Cost:
        fresh = copy_of(bench.server, start, "run_ours")
        cost = bench.ours(fresh, "load", file)
        reference = f"plain_{which}"
        url = database_like(bench.server, "plain_full", reference)
        bench.theirs(url, "merge.sql", file=file)
        must_agree(rows_of_ours(fresh), rows_of_theirs(bench.server, reference), what=which)
        return cost

    def theirs() -> Cost:
        url = database_like(bench.server, "plain_full", "run_plain")
        return bench.theirs(url, "merge.sql", file=file)

    return bench.runs({"ours": ours, "baseline": theirs})


def build(bench: Bench) -> list[Summary]:
    """A night's build, tests included, against the same models as plain SQL by psql."""
    settings = copy_of(bench.server, _like(bench, "with_attendance"), "with_feeds")
    bench.ours(settings, "load", *bench.files.others)
    bench.ours(settings, "build")  # a night finds the seeds and staging of the night before
    bench.ours(settings, "compile")
    script = plain_build.written(settings, bench.server.home / "plain_build.sql")
    expected = plain_build.reports_hash(settings)

    def same(run: Callable[[], Cost]) -> Cost:
        plain_build.emptied(settings)
        cost = run()
        must_agree(plain_build.reports_hash(settings), expected, what="build")
        return cost

    url = url_of(bench.server, "with_feeds")
    return bench.runs(
        {
            "ours": lambda: same(lambda: bench.ours(settings, "build")),
            "baseline": lambda: same(lambda: bench.theirs(url, str(script))),
        }
    )


def nights(bench: Bench) -> list[Summary]:
    """A full night, the night after it with a 1 % delta, and one with nothing new."""
    costs: dict[str, list[Cost]] = {"full": [], "delta": [], "nothing": []}
    paths = {
        "full": [*bench.files.others, bench.files.attendance("full")],
        "delta": [bench.files.attendance("delta")],
        "nothing": [],
    }
    for number in range(bench.size.runs):
        fresh = copy_of(bench.server, bench.server, "with_everything")
        for name, listed in paths.items():
            cost = bench.ours(fresh, "night", *listed)
            costs[name].append(cost)
            bench.say(f"  run {number + 1}, {name}: {cost.seconds:.2f} s")
        url = database_like(bench.server, "plain_full", "plain_delta")
        bench.theirs(url, "merge.sql", file=bench.files.attendance("delta"))
        theirs = rows_of_theirs(bench.server, "plain_delta")
        must_agree(rows_of_ours(fresh), theirs, what="nights")
    return [Summary(name, tuple(listed)) for name, listed in costs.items()]


def publish(bench: Bench) -> list[Summary]:
    """The end of a night by its parts, on reports that were built before.

    The figures of row-level security have a baseline of their own: the same list without it.
    """
    settings = copy_of(bench.server, bench.server, "published")
    bench.ours(settings, "night", *bench.files.others, bench.files.absences)
    return bench.runs({"parts": lambda: bench.ours(settings, "publish")})


def growth(bench: Bench) -> list[Summary]:
    """The same delta on the night after a short and after a long history."""
    costs: dict[str, list[Cost]] = {f"{days} days": [] for days in HISTORIES}
    for days in HISTORIES:
        start = copy_of(bench.server, bench.server, f"history_{days}")
        bench.ours(start, "night", *bench.files.others, bench.files.history(days))
    for number in range(bench.size.runs):
        for days in HISTORIES:
            fresh = copy_of(bench.server, _like(bench, f"history_{days}"), "run_ours")
            cost = bench.ours(fresh, "night", bench.files.attendance("delta"))
            costs[f"{days} days"].append(cost)
            bench.say(f"  run {number + 1}, {days} days: {cost.seconds:.2f} s")
    return [Summary(name, tuple(listed)) for name, listed in costs.items()]


def _like(bench: Bench, name: str) -> Settings:
    """The settings of a prepared database."""
    from dataclasses import replace

    from wraparound.warehouse.connection import address

    url = f"postgresql://postgres@localhost/{name}?host={address(bench.server).host}"
    return replace(bench.server, home=bench.server.home / "homes" / name, warehouse_url=url)


SCENARIOS: dict[str, Callable[[Bench], list[Summary]]] = {
    "first_load": first_load,
    "sent_again": sent_again,
    "delta": delta,
    "tiny_files": tiny_files,
    "nights": nights,
    "build": build,
    "publish": publish,
    "growth": growth,
}
# Those that make their own databases.
STARTS_EMPTY = frozenset({"publish", "growth"})


def as_result(summaries: list[Summary]) -> dict[str, Any]:
    """Summaries by name, with ours as a multiple of the baseline where there is one."""
    listed: dict[str, Any] = {summary.name: summary.as_dict() for summary in summaries}
    if {"ours", "baseline"} <= set(listed):
        ours, floor = listed["ours"], listed["baseline"]
        listed["ratio"] = round(ours["median"] / floor["median"], 2)
        listed["cpu_ratio"] = round(_cpu(ours) / max(_cpu(floor), 0.01), 2)
    return listed


def _cpu(kind: dict[str, Any]) -> float:
    return float(kind["client_cpu"] + kind["server_cpu"])
