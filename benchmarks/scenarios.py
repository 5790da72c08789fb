"""What is measured: each scenario returns summaries of ours and of the baseline, or is void."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import peers, plain_build
from benchmarks.bench import Bench
from benchmarks.deliveries import BAD_EVERY
from benchmarks.measuring import Cost, Summary
from benchmarks.sizes import sizes
from benchmarks.under_airflow import under_airflow
from benchmarks.warehouses import (
    DISTRICT,
    copy_of,
    database_like,
    must_agree,
    rows_of_ours,
    rows_of_theirs,
    url_of,
)
from wraparound.settings import Settings
from wraparound.warehouse.connection import connect

TINY_FILES = 1_000
# School days before the night that is measured.
HISTORIES = (20, 540)
HISTORY_NAMES = tuple(f"{days} days" for days in HISTORIES)
# A stage that takes less says nothing about growth.
LEAST_SECONDS = 0.1
# Nights one after the other, how often they are tidied, and how many releases are kept.
NIGHTS, TIDY_EVERY, KEEP = 10, 5, 3


def first_load(bench: Bench) -> list[Summary]:
    """The whole year into an empty table: ours has 0.1 % bad rows to set aside, or 5 %."""
    start = bench.with_roster()

    def ours(which: str) -> Cost:
        fresh = copy_of(bench.server, start, "run_ours")
        cost = bench.ours(fresh, "load", bench.files.attendance(which))
        expected = bench.files.rows[which] - bench.files.rows[which] // BAD_EVERY[which]
        must_agree(rows_of_ours(fresh), _without_broken(bench, fresh), what="first load")
        must_agree((rows_of_ours(fresh)[0], 0), (expected, 0), what="first load, counted")
        return cost

    return bench.runs(
        {
            "ours": lambda: ours("bad"),
            "ours, 5 % bad": lambda: ours("worse"),
            "baseline": bench.loaded_plainly,
            "baseline, key in place": lambda: bench.loaded_plainly("load_into_key.sql"),
        }
    )


def tiny_files(bench: Bench) -> list[Summary]:
    """One row in each of many files: what a file costs beside its rows."""
    start = bench.with_roster()
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
        bench.server, bench.plain(), where=f"(student, school, day::text) not in (values {named})"
    )


def sent_again(bench: Bench) -> list[Summary]:
    """The whole year once more, 1 % of it changed."""
    return _merged(bench, "resent")


def delta(bench: Bench) -> list[Summary]:
    """Only what changed: 1 % of the year."""
    return _merged(bench, "delta")


def _merged(bench: Bench, which: str) -> list[Summary]:
    start, file = bench.with_attendance(), bench.files.attendance(which)

    expected = bench.merged_plainly(bench.files.attendance("full"), file)

    def ours() -> Cost:
        fresh = copy_of(bench.server, start, "run_ours")
        cost = bench.ours(fresh, "load", file)
        must_agree(rows_of_ours(fresh), expected, what=which)
        return cost

    def theirs() -> Cost:
        url = database_like(bench.server, bench.plain(), "run_plain")
        cost = bench.theirs(url, "merge.sql", file=file)
        must_agree(rows_of_theirs(bench.server, "run_plain"), expected, what=f"{which}, baseline")
        return cost

    return bench.runs({"ours": ours, "baseline": theirs})


def build(bench: Bench) -> list[Summary]:
    """A night's build, tests included, against the same models as plain SQL by psql."""
    settings = copy_of(bench.server, bench.with_attendance(), "with_feeds")
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
    expected = bench.merged_plainly(*(bench.files.attendance(one) for one in ("full", "delta")))
    for number in range(bench.size.runs):
        fresh = copy_of(bench.server, bench.server, "with_everything")
        for name, listed in paths.items():
            cost = bench.ours(fresh, "night", *listed)
            costs[name].append(cost)
            bench.say(f"  run {number + 1}, {name}: {cost.seconds:.2f} s")
        must_agree(rows_of_ours(fresh), expected, what="nights")
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
    for days in HISTORIES:
        start = copy_of(bench.server, bench.server, f"history_{days}")
        bench.ours(start, "night", *bench.files.others, bench.files.history(days))
    delta = bench.files.attendance("delta")
    expected = {d: bench.merged_plainly(bench.files.history(d), delta) for d in HISTORIES}

    def night(days: int) -> Cost:
        fresh = copy_of(bench.server, bench.like(f"history_{days}"), "run_ours")
        cost = bench.ours(fresh, "night", delta)
        must_agree(rows_of_ours(fresh), expected[days], what=f"growth, {days} days")
        return cost

    return bench.runs({f"{days} days": partial(night, days) for days in HISTORIES})


def many_nights(bench: Bench) -> list[Summary]:
    """The same rows corrected night after night, tidied twice: what grows, and what must not."""
    settings = copy_of(bench.server, bench.server, "many_nights")
    district = settings.home / "district.yml"
    district.write_text(DISTRICT + f"keep_releases: {KEEP}\n", encoding="utf-8")
    settings = replace(settings, district_file=district)
    bench.ours(settings, "night", *bench.files.others, bench.files.attendance("full"))
    corrections = [bench.files.correction(number) for number in range(1, NIGHTS + 1)]
    found: list[Summary] = []

    def step(name: str, what: str, *paths: Path) -> None:
        cost = bench.ours(settings, what, *paths)
        cost = replace(cost, said=cost.said | {"sizes": sizes(settings)})
        found.append(Summary(name, (cost,)))
        bench.say(f"  {name}: {cost.seconds:.2f} s")

    for number, correction in enumerate(corrections, start=1):
        step(f"night {number}", "night", correction)
        if number % TIDY_EVERY == 0:
            step(f"tidied after {number}", "tidy")
    expected = bench.merged_plainly(bench.files.attendance("full"), *corrections)
    must_agree(rows_of_ours(settings), expected, what="many nights")
    return found


SCENARIOS: dict[str, Callable[[Bench], list[Summary]]] = {
    "first_load": first_load,
    "sent_again": sent_again,
    "delta": delta,
    "tiny_files": tiny_files,
    "nights": nights,
    "build": build,
    "publish": publish,
    "growth": growth,
    "many_nights": many_nights,
    "airflow": under_airflow,
    "peers": peers.peers,
    "checks": peers.checks,
}
# Those that are measured only where they are named: they install what nothing else needs.
WHEN_NAMED = frozenset({"peers", "checks"})


def as_result(summaries: list[Summary]) -> dict[str, Any]:
    """Summaries by name, with ours as a multiple of the baseline where there is one."""
    listed: dict[str, Any] = {summary.name: summary.as_dict() for summary in summaries}
    if {"ours", "baseline"} <= set(listed):
        ours, floor = listed["ours"], listed["baseline"]
        listed["ratio"] = round(ours["median"] / floor["median"], 2)
        listed["cpu_ratio"] = round(_cpu(ours) / max(_cpu(floor), 0.01), 2)
    if set(HISTORY_NAMES) <= set(listed):
        short, long = (listed[name]["stages"] for name in HISTORY_NAMES)
        listed["ratios"] = {
            stage: round(long[stage] / short[stage], 2)
            for stage in short
            if short[stage] >= LEAST_SECONDS
        }
    return listed


def _cpu(kind: dict[str, Any]) -> float:
    return float(kind["client_cpu"] + kind["server_cpu"])
