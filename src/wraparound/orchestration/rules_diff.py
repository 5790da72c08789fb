"""Who would move if edited rules took effect: a trial beside the last build, then thrown away.

The seeds of the project (or of another folder) are built into schemas of their own, with
every model that depends on what changed; all other models are those of the last build. Counts
come out, and, where asked for, our keys of the students; never a name.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree, ignore_patterns
from tempfile import TemporaryDirectory
from typing import Any

from psycopg import sql

from wraparound.errors import BuildFailed, SettingsWrong
from wraparound.settings import Settings
from wraparound.warehouse import ledger
from wraparound.warehouse.connection import Connection, alone, connect
from wraparound.warehouse.roles import BUILDER, BUILT

TRIAL = "trial_"
WATCHED = ("rpt_students", "rpt_need_profiles", "rpt_referral_queue")
# What a sentence of a rule says may change without moving anybody.
VERSIONED = {"need_rules": ("rule_id", "rule_version"), "tier_rules": ("tier_rule_id",
             "tier_rule_version")}  # fmt: skip


@dataclass(frozen=True)
class Move:
    """Children of one school who would go from one value to another.

    `what` is `tier`, a domain (its level), or a rule (in the queue or not); `student_keys`
    is empty unless keys were asked for.
    """

    school_source_id: str
    what: str
    before: str
    after: str
    count: int
    student_keys: tuple[int, ...] = ()


@dataclass(frozen=True)
class RulesDiff:
    """What an edit would do: moves, rules changed under an old version, settings changed."""

    as_of_date: str
    is_changed: bool
    moves: tuple[Move, ...]
    unversioned: tuple[str, ...] = ()
    settings: tuple[tuple[str, str, str], ...] = ()


def rules_diff(
    settings: Settings, *, seeds: Path | None = None, keys_wanted: bool = False
) -> RulesDiff:
    """Try the project's seeds, or those of a folder laid over them, against the last build.

    Raises:
        BuildFailed: nothing has been built yet, or the trial does not build.
        SettingsWrong: the folder holds a CSV that is no seed.
    """
    from wraparound.orchestration.dbt import is_read

    with (
        _project(settings, seeds=seeds) as project,
        alone(settings, "build"),
        connect(settings, autocommit=True) as connection,
    ):
        last = ledger.last_build(connection)
        if last is None or not is_read(settings):
            raise BuildFailed("Nothing has been built to compare with. Run `wraparound build`.")
        _make_schemas(connection)
        try:
            is_changed = _try(settings, project, connection=connection, last=last)
            return RulesDiff(
                as_of_date=str(last["as_of_date"]),
                is_changed=is_changed,
                moves=tuple(_moves(connection, keys_wanted=keys_wanted)),
                unversioned=tuple(_unversioned(connection)),
                settings=tuple(_changed_settings(connection)),
            )
        finally:
            _drop_schemas(connection)


@contextmanager
def _project(settings: Settings, *, seeds: Path | None) -> Iterator[Path]:
    """The project, or a copy of it with the folder's files over its seeds."""
    if seeds is None:
        yield settings.dbt_project
        return
    files = sorted(seeds.glob("*.csv"))
    unknown = [file.name for file in files if not (settings.seeds / file.name).exists()]
    if unknown or not files:
        raise SettingsWrong(
            f"{seeds} holds {'no CSV file' if not files else ', '.join(unknown)}; expected are "
            "files named as those of dbt_project/seeds."
        )
    with TemporaryDirectory(prefix="rules-") as folder:
        copy = Path(folder) / "dbt_project"
        copytree(settings.dbt_project, copy, ignore=ignore_patterns("target", "logs"))
        for file in files:
            (copy / "seeds" / file.name).write_bytes(file.read_bytes())
        yield copy


def _make_schemas(connection: Connection) -> None:
    _drop_schemas(connection)
    for schema in BUILT:
        connection.execute(
            sql.SQL("create schema {} authorization {}").format(
                sql.Identifier(f"{TRIAL}{schema}"), sql.Identifier(BUILDER)
            )
        )


def _drop_schemas(connection: Connection) -> None:
    for schema in BUILT:
        connection.execute(
            sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(f"{TRIAL}{schema}"))
        )


def _try(
    settings: Settings, project: Path, *, connection: Connection, last: dict[str, Any]
) -> bool:
    """Build what changed; False where nothing did."""
    from wraparound.orchestration.dbt import try_models

    return try_models(
        settings,
        project=project,
        prefix=TRIAL,
        wanted=WATCHED,
        as_of=last["as_of_date"],
        previous_as_of=ledger.previous_as_of(connection, as_of=last["as_of_date"]),
    )


def _moves(connection: Connection, *, keys_wanted: bool) -> Iterator[Move]:
    for report, query in COMPARISONS.items():
        if not _exists(connection, f"{TRIAL}reports.{report}"):
            continue
        for row in connection.execute(query).fetchall():
            keys = tuple(row.pop("student_keys"))
            yield Move(**row, student_keys=keys if keys_wanted else ())


# A child who is on one side alone has moved too.
COMPARED = """
    select coalesce(o.school_source_id, n.school_source_id) as school_source_id,
        {what} as what, {before} as before, {after} as after,
        count(*)::int as count,
        array_agg(coalesce(o.student_key, n.student_key)
            order by coalesce(o.student_key, n.student_key)) as student_keys
    from {old} as o full join {new} as n on {on}
    where {before} is distinct from {after}
    group by 1, 2, 3, 4 order by 1, 2, 3, 4
"""
SAME_CHILD = "o.student_key = n.student_key and o.school_key = n.school_key"
COMPARISONS = {
    "rpt_students": COMPARED.format(
        what="'tier'",
        before="coalesce(o.suggested_tier, 'not listed')",
        after="coalesce(n.suggested_tier, 'not listed')",
        old="reports.rpt_students",
        new=f"{TRIAL}reports.rpt_students",
        on=SAME_CHILD,
    ),
    "rpt_need_profiles": COMPARED.format(
        what="coalesce(o.domain, n.domain)",
        before="coalesce(o.level, 'not listed')",
        after="coalesce(n.level, 'not listed')",
        old="reports.rpt_need_profiles",
        new=f"{TRIAL}reports.rpt_need_profiles",
        on=f"{SAME_CHILD} and o.domain = n.domain",
    ),
    "rpt_referral_queue": COMPARED.format(
        what="coalesce(o.rule_id, n.rule_id)",
        before="case when o.need_id is null then 'not in the queue' else 'in the queue' end",
        after="case when n.need_id is null then 'not in the queue' else 'in the queue' end",
        old="reports.rpt_referral_queue",
        new=f"{TRIAL}reports.rpt_referral_queue",
        on="o.need_id = n.need_id",
    ),
}


def _exists(connection: Connection, relation: str) -> bool:
    row = connection.execute("select to_regclass(%s) is not null as there", [relation]).fetchone()
    return bool(row and row["there"])


def _unversioned(connection: Connection) -> Iterator[str]:
    """Rules that say something else under the version that they had."""
    for seed, (key, version) in VERSIONED.items():
        if not _exists(connection, f"{TRIAL}seeds.{seed}"):
            continue
        query = sql.SQL("""
            select o.rule_id from
                (select {key} as rule_id, {version} as version,
                    array_agg(to_jsonb(s) - 'source' order by to_jsonb(s)) as said
                from seeds.{seed} as s group by 1, 2) as o
            inner join
                (select {key} as rule_id, {version} as version,
                    array_agg(to_jsonb(s) - 'source' order by to_jsonb(s)) as said
                from {trial}.{seed} as s group by 1, 2) as n
                on o.rule_id = n.rule_id and o.version = n.version
            where o.said <> n.said order by 1
        """).format(
            key=sql.Identifier(key),
            version=sql.Identifier(version),
            seed=sql.Identifier(seed),
            trial=sql.Identifier(f"{TRIAL}seeds"),
        )
        yield from (row["rule_id"] for row in connection.execute(query).fetchall())


def _changed_settings(connection: Connection) -> Iterator[tuple[str, str, str]]:
    if not _exists(connection, f"{TRIAL}seeds.settings"):
        return
    query = f"""
        select coalesce(o.setting_id, n.setting_id) as setting_id,
            coalesce(o.setting_value, '') as before, coalesce(n.setting_value, '') as after
        from seeds.settings as o
        full join {TRIAL}seeds.settings as n on o.setting_id = n.setting_id
        where coalesce(o.setting_value, '') <> coalesce(n.setting_value, '')
        order by 1
    """  # noqa: S608  only our own names are put in
    for row in connection.execute(query).fetchall():
        yield row["setting_id"], row["before"], row["after"]
