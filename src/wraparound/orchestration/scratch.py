"""A warehouse beside the real one, in which a build of the past can be made anew.

It is given what had arrived and been loaded when that build began, and what the ledger knew of
earlier nights then. The warehouse is only read; the scratch database is dropped at the end.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

from psycopg import sql

from wraparound.errors import BuildFailed
from wraparound.landing.archive import archived
from wraparound.orchestration import nights
from wraparound.orchestration.dbt import Built, begin_with_what_was_read, build_models
from wraparound.publishing.freeze import KNOWN, known_name
from wraparound.settings import Settings
from wraparound.warehouse import connection as connections
from wraparound.warehouse.connection import Connection, connect
from wraparound.warehouse.migrate import migrate

BEFORE = "(select started_at from ops.build where build_id = %(build_id)s)"
LOADED = (
    "state = 'loaded' and exists (select from ops.batch b inner join ops.build made"
    " on b.batch_id <= made.input_batch_id"
    " where b.arrival_id = arrival.arrival_id and made.build_id = %(build_id)s)"
)
# What a load of the same files has to know: keys that were given, and what persons decided.
GIVEN = {
    "student_crosswalk": "true",
    "school_crosswalk": "true",
    "lifted_rule": f"granted_at <= {BEFORE}",
}
# A need that the build's own list was the first to show was not known to it.
SHOWN = (
    "first_seen_date < (select as_of_date from ops.build where build_id = %(build_id)s)"
    " or exists (select from ops.release r where r.build_id < %(build_id)s"
    " and r.as_of_date = first_seen_date and r.state in ('published', 'superseded'))"
)
EARLIER = "release_id in (select release_id from ops.release where build_id < %(build_id)s)"
# What the models read of the ledger beside keys, each as it was before the tables were built:
# what was made of that build, or came since, they could not know.
HISTORY = {
    "arrival": f"received_at <= {BEFORE}",
    "release": EARLIER,
    "release_school": f"live and {EARLIER}",
    "inquiry_baseline": EARLIER,
    "feed_state": "true",
    "need_history": SHOWN,
    "student_change": "true",
}
PREVIOUS = """
    select max(r.as_of_date) as day
    from ops.release r
    inner join ops.build made on r.build_id < made.build_id and r.as_of_date < made.as_of_date
    where made.build_id = %(build_id)s and r.state in ('published', 'superseded')
"""


@contextmanager
def made_anew(settings: Settings, *, build_id: int) -> Iterator[Settings]:
    """A scratch warehouse in which a build of the past is made anew from the archive.

    Where no release kept what the build knew of the ledger, that is taken as it is now, which is
    right for the newest build only.

    Raises:
        BuildFailed: the build fails, or files that it was made from have been destroyed.
    """
    need_files(settings, build_id=build_id)
    with _scratch(settings) as scratch:
        _hand_over(settings, scratch, build_id=build_id)
        nights.ingest(scratch)
        _remember(settings, scratch, build_id=build_id)
        _build(settings, scratch, build_id=build_id)
        yield scratch


def need_files(settings: Settings, *, build_id: int | None = None) -> None:
    """Refuse where files that were loaded, or that one build was made from, are destroyed.

    Raises:
        BuildFailed: saying how many.
    """
    missing = destroyed_files(settings, build_id=build_id)
    if missing:
        raise BuildFailed(
            f"{missing} of the files that were loaded are not in the archive any more, so it "
            "cannot be loaded anew. Nothing was compared."
        )


def destroyed_files(settings: Settings, *, build_id: int | None = None) -> int:
    """How many of the files that were loaded, or that one build was made from, are destroyed."""
    which = "state = 'loaded'" if build_id is None else LOADED % {"build_id": build_id}
    with connect(settings) as connection:
        rows = connection.execute(
            sql.SQL("select distinct sha256 from ops.arrival where {}").format(sql.SQL(which))
        ).fetchall()
    return sum(not archived(settings.archive, row["sha256"]).exists() for row in rows)


@contextmanager
def _scratch(settings: Settings) -> Iterator[Settings]:
    """A migrated, empty warehouse beside the real one, that shares its archive; one at a time."""
    name = _name(settings)
    url = replace(connections.address(settings), database=name).url("postgresql")
    with (
        connections.alone(settings, "scratch"),
        tempfile.TemporaryDirectory(prefix="wraparound-scratch-") as folder,
    ):
        scratch = replace(settings, home=Path(folder), warehouse_url=url)
        _drop(settings, name)
        try:
            migrate(scratch)
            scratch.make_folders()
            shutil.rmtree(scratch.archive)
            scratch.archive.symlink_to(settings.archive)
            # Its log outlives a failure.
            kept = settings.dbt_dir / "scratch"
            begin_with_what_was_read(settings, target=kept / "target")
            kept.mkdir(exist_ok=True)
            scratch.dbt_dir.rmdir()
            scratch.dbt_dir.symlink_to(kept)
            yield scratch
        finally:
            _drop(settings, name)


def drop_left_over(settings: Settings) -> None:
    """Drop what a comparison that was killed left behind, with all the children in it."""
    with connections.alone(settings, "scratch"):
        _drop(settings, _name(settings))


def _name(settings: Settings) -> str:
    home = hashlib.sha256(str(settings.home).encode()).hexdigest()[:8]
    return f"{connections.address(settings).database}_scratch_{home}"


def _drop(settings: Settings, name: str) -> None:
    with connect(
        settings, database=connections.MAINTENANCE_DATABASE, autocommit=True
    ) as connection:
        for database in (name, f"{name}_{connections.AIRFLOW_DATABASE}"):
            connection.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database))
            )


def _hand_over(settings: Settings, scratch: Settings, *, build_id: int) -> None:
    """What had arrived and was loaded, as if it were still to be loaded."""
    arrived = (
        *("arrival_id", "feed", "sender", "file_name", "sha256", "byte_count"),
        *("received_at", "effective_at", "claim", "takes_back"),
    )
    braked = ("happened_at", "kind", "state", "detail")
    with connect(settings) as source, connect(scratch) as target:
        for table, which in GIVEN.items():
            _copy(source, target, table=table, which=which % {"build_id": build_id})
        which = LOADED % {"build_id": build_id}
        _copy(source, target, table="arrival", which=which, columns=arrived)
        _copy(source, target, table="event", which="kind = 'brake'", columns=braked)


def kept_of_build(settings: Settings, *, build_id: int) -> dict[str, str]:
    """Name the tables, in the schema `release`, of what tables of the ledger said to a build.

    They are of its first release: a later one knows what that one showed. Empty where there is
    none, or it was pruned; one of an earlier version kept fewer.
    """
    with connect(settings) as connection:
        tables = connection.execute(
            "select tablename from pg_tables where schemaname = 'release'"
        ).fetchall()
        first = connection.execute(
            "select min(release_id) as release_id from ops.release where build_id = %s",
            (build_id,),
        ).fetchone()
    assert first is not None
    names = {table: known_name(table, **first) for table in KNOWN}
    there = {row["tablename"] for row in tables}
    return {table: name for table, name in names.items() if name in there}


def _remember(settings: Settings, scratch: Settings, *, build_id: int) -> None:
    """Let the scratch warehouse know of earlier nights what the build knew."""
    known = kept_of_build(settings, build_id=build_id)
    with connect(settings) as source, connect(scratch) as target:
        names = [sql.Identifier("ops", table) for table in HISTORY]
        target.execute(sql.SQL("truncate {} cascade").format(sql.SQL(", ").join(names)))
        for table, which in HISTORY.items():
            if table in known:
                kept_in = sql.Identifier("release", known[table])
                _copy(source, target, table=table, kept_in=kept_in)
            else:
                _copy(source, target, table=table, which=which % {"build_id": build_id})


def _build(settings: Settings, scratch: Settings, *, build_id: int) -> Built:
    with connect(settings) as connection:
        made = connection.execute(
            "select as_of_date from ops.build where build_id = %s", (build_id,)
        ).fetchone()
        before = connection.execute(PREVIOUS, {"build_id": build_id}).fetchone()
    assert made is not None
    assert before is not None
    as_of: date = made["as_of_date"]
    return build_models(scratch, as_of=as_of, previous_as_of=before["day"])


def _copy(
    source: Connection,
    target: Connection,
    *,
    table: str,
    which: str = "true",
    columns: Sequence[str] = (),
    kept_in: sql.Identifier | None = None,
) -> None:
    """Rows of a table of the ledger, by the names of its columns: their order may differ, and
    what was kept before a migration has none that it brought."""
    name = sql.Identifier("ops", table)
    if not columns:
        kept = sql.SQL("select * from {} limit 0").format(kept_in or name)
        found = source.execute(kept).description
        columns = [column.name for column in found or ()]
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    query = sql.SQL("select {} from {} where {}").format(listed, kept_in or name, sql.SQL(which))
    _stream(source, target, query=query, into=sql.SQL("{} ({})").format(name, listed))


def _stream(
    source: Connection, target: Connection, *, query: sql.Composable, into: sql.Composable
) -> None:
    out = sql.SQL("copy ({}) to stdout (format binary)").format(query)
    back = sql.SQL("copy {} from stdin (format binary)").format(into)
    with source.cursor().copy(out) as rows, target.cursor().copy(back) as copy:
        for block in rows:
            copy.write(block)
