"""What the demo tells: while it works, and at the end. All of it is read from the ledger."""

import shlex
from collections.abc import Callable, Iterable
from typing import Any

from wraparound.orchestration import local_airflow
from wraparound.settings import Settings
from wraparound.warehouse import connection as connections
from wraparound.warehouse import embedded

Rows = list[dict[str, Any]]


class Follower:
    """Tells what is new in the ledger since it was made or last asked."""

    def __init__(self, settings: Settings, *, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._say = say
        self._told: set[tuple[Any, ...]] = set()
        self.build_failure: str | None = None
        for _kind, key, _text in self._facts():
            self._told.add(key)

    def tell_news(self) -> int:
        """Say every fact that was not said yet, oldest first; returns how many."""
        known = len(self._told)
        for kind, key, text in self._facts():
            if key in self._told:
                continue
            self._told.add(key)
            self._say(text)
            if kind == "build failed":
                self.build_failure = text
        return len(self._told) - known

    def _facts(self) -> Iterable[tuple[str, tuple[Any, ...], str]]:
        with connections.connect(self._settings) as connection:
            arrivals = connection.execute(ARRIVALS).fetchall()
            builds = connection.execute(BUILDS).fetchall()
            runs = connection.execute(RUNS).fetchall()
            releases = connection.execute(RELEASES).fetchall()
        for row in arrivals:
            yield "arrival", ("arrival", row["arrival_id"], row["state"]), _arrival_line(row)
        for row in builds:
            kind = "build failed" if row["state"] == "failed" else "build"
            yield kind, ("build", row["build_id"], row["state"]), _build_line(row)
        for row in releases:
            yield "release", ("release", row["release_id"], row["state"]), _release_line(row)
        for row in runs:
            key = ("run", row["dag_id"], row["run_id"], row["state"])
            word = {"running": "woke", "success": "done"}.get(row["state"], row["state"])
            yield "run", key, f"Airflow: {row['dag_id']} {word}"


def final_summary(settings: Settings) -> list[str]:
    """What arrived, what was held back and why, what was published, and where to look."""
    with connections.connect(settings) as connection:
        feeds = connection.execute(FEEDS).fetchall()
        refused = connection.execute(REFUSED).fetchall()
        held = connection.execute(HELD_ROWS).fetchall()
        verdicts = connection.execute(VERDICTS).fetchall()
        releases = connection.execute(RELEASES).fetchall()
    return [
        "WHAT ARRIVED, over both nights",
        *_table(feeds, left=("feed",)),
        "",
        "WHAT WAS HELD BACK, AND WHY",
        *[f"  whole file  {row['feed']}: {row['message']}" for row in refused],
        *[_held_line(row) for row in held],
        *([] if refused or held else ["  nothing"]),
        "",
        "WHAT WAS PUBLISHED",
        *[_release_line(row) for row in releases if row["state"] != "building"],
        *[_verdict_line(row) for row in verdicts],
        "",
        "WHERE TO LOOK",
        *["  " + line for line in where_to_look(settings)],
    ]


def where_to_look(settings: Settings) -> list[str]:
    """The lists, Airflow with its login, and the warehouse."""
    login = local_airflow.login(settings)
    workbooks = sorted(settings.lists.glob("*/*.xlsx"))
    return [
        f"Lists     {(settings.lists / 'index.html').as_uri()}",
        f"XLSX      {workbooks[0] if workbooks else settings.lists} (one for each school)",
        f"Airflow   {login.url}   user {login.user}   password {login.password}",
        f"Tonight   {login.url}/plugin/tonight",
        f"psql      {psql_line(settings)}",
    ]


def psql_line(settings: Settings) -> str:
    """The command that opens the warehouse in psql."""
    where = connections.address(settings)
    program = shlex.quote(str(embedded.programs() / "psql"))
    return f"{program} -h {shlex.quote(where.host)} -U {where.user} {where.database}"


ARRIVALS = """
    select arrival_id, feed, state, code, rows_in, rows_loaded, rows_unchanged, rows_quarantined
    from ops.arrival
    where state <> 'pending'
    order by arrival_id
"""
BUILDS = """
    select
        build_id, as_of_date, state, models_built, message,
        extract(epoch from finished_at - started_at) as seconds
    from ops.build
    order by build_id
"""
RUNS = """
    select dag_id, run_id, state
    from ops.event
    where kind = 'dag_run' and (state = 'running' or dag_id = 'publish' or state = 'failed')
    order by event_id
"""
RELEASES = """
    select
        release.release_id, release.as_of_date, release.state,
        count(*) filter (where school.verdict = 'pass') as pass_count,
        count(*) filter (where school.verdict = 'notice') as notice_count,
        count(*) filter (where school.verdict = 'hold') as hold_count,
        sum(school.student_count) as student_count
    from ops.release as release
    left join ops.release_school as school on release.release_id = school.release_id
    group by release.release_id
    order by release.release_id
"""
FEEDS = """
    select
        feed,
        count(*) as files,
        sum(received_count) - count(*) as "sent twice",
        coalesce(sum(rows_in), 0) as "rows in",
        coalesce(sum(rows_loaded), 0) as loaded,
        coalesce(sum(rows_unchanged), 0) as unchanged,
        coalesce(sum(rows_quarantined), 0) as quarantined,
        coalesce(sum(rows_duplicate), 0) as duplicate
    from ops.arrival
    group by feed
    order by feed
"""
REFUSED = """
    select feed, message from ops.arrival where state in ('refused', 'braked') order by arrival_id
"""
HELD_ROWS = """
    select feed, file_name, column_name, rule, scope, count(*) as row_count
    from ops.quarantine
    where state = 'open'
    group by feed, file_name, column_name, rule, scope
    order by feed, file_name, rule, column_name
"""
VERDICTS = """
    select rule_id, severity, count(*) as school_count, message
    from ops.verdict
    where release_id = (select max(release_id) from ops.release)
    group by rule_id, severity, message
    order by severity, rule_id
"""


def _arrival_line(row: dict[str, Any]) -> str:
    if row["state"] != "loaded":
        return f"  {row['feed']:<15} {row['state']} ({row['code']})"
    kept = f"{row['rows_loaded']:,} of {row['rows_in']:,} rows loaded"
    unchanged = f", {row['rows_unchanged']:,} unchanged" if row["rows_unchanged"] else ""
    held = f", {row['rows_quarantined']:,} held back" if row["rows_quarantined"] else ""
    return f"  {row['feed']:<15} {kept}{unchanged}{held}"


def _build_line(row: dict[str, Any]) -> str:
    if row["state"] == "succeeded":
        return (
            f"  dbt built {row['models_built']} tables for {row['as_of_date']} "
            f"in {row['seconds']:.0f} s"
        )
    return f"  dbt build for {row['as_of_date']}: {row['message'] or row['state']}"


def _release_line(row: dict[str, Any]) -> str:
    if row["state"] in ("building", "audited"):
        return f"  release {row['release_id']} for {row['as_of_date']} is frozen and being checked"
    students = f", {row['student_count']:,} students" if row["student_count"] else ""
    return (
        f"  release {row['release_id']} for {row['as_of_date']} {row['state']}; schools: "
        f"{row['pass_count']} pass, {row['notice_count']} with a notice, "
        f"{row['hold_count']} held{students}"
    )


def _held_line(row: dict[str, Any]) -> str:
    what = "rows" if row["scope"] == "row" else "cells"
    column = f", column {row['column_name']}" if row["column_name"] else ""
    return (
        f"  {row['row_count']:,} {what}  {row['feed']}: {row['rule']}{column} ({row['file_name']})"
    )


def _verdict_line(row: dict[str, Any]) -> str:
    return (
        f"    {row['severity']} at {row['school_count']} of the schools: {row['message']} "
        f"({row['rule_id']})"
    )


def _table(rows: Rows, *, left: tuple[str, ...]) -> list[str]:
    if not rows:
        return ["  nothing"]
    names = list(rows[0])
    cells = [[_cell(row[name]) for name in names] for row in rows]
    widths = [max(len(line[i]) for line in [names, *cells]) for i in range(len(names))]
    return [
        "  "
        + "  ".join(
            text.ljust(width) if name in left else text.rjust(width)
            for name, text, width in zip(names, line, widths, strict=True)
        ).rstrip()
        for line in [names, *cells]
    ]


def _cell(value: Any) -> str:
    return f"{value:,}" if not isinstance(value, str) else value
