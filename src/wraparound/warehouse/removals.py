"""What an API says is gone, or is called otherwise now: deletes and key changes of its records."""

from dataclasses import dataclass

from psycopg import sql

from wraparound.contracts.district import TableProfile
from wraparound.contracts.loader import load_contracts
from wraparound.contracts.models import Contract, Table
from wraparound.warehouse import references
from wraparound.warehouse.connection import Connection
from wraparound.warehouse.findings import Judging, note
from wraparound.warehouse.merging import Merge, end_listed
from wraparound.warehouse.raw_tables import column_types, key_columns
from wraparound.warehouse.scratch import make_table

Sql = sql.Composable
STILL_NAMED = "still_named"
# Where a delete and a key change call a record: by its id, and newer versions by its key as well.
IDENTITY = "id|Id"
OLD_KEYS, NEW_KEYS, GONE_KEYS = "oldKeyValues", "newKeyValues", "keyValues"


@dataclass(frozen=True)
class Removed:
    """Of the file's records: how many did something, and how many name nothing that was ever
    here or is still in force; and how many rows were ended or renamed."""

    done: int
    unknown: int
    rows: int


def keys_of(shape: TableProfile, table: Table, *, inside: str) -> TableProfile:
    """How the key of a record is read from the member that holds its parts by their last names.

    Parts that stand in lists of the record are in no key; nothing is compared with them.
    """
    columns: dict[str, str | tuple[str, ...]] = {}
    for name in table.key:
        own = shape.columns.get(name)
        paths = (own,) if isinstance(own, str) else own or ()
        if paths and not any("[" in path for path in paths):
            columns[name] = tuple(_last_name(path, inside=inside) for path in paths)
    return TableProfile(columns=columns)


def _last_name(path: str, *, inside: str) -> str:
    return path if path.startswith("'") else f"{inside}.{path.rpartition('.')[2]}"


def list_gone(
    connection: Connection, merge: Merge, judging: Judging, *, primary: Sql | None
) -> Removed:
    """List in the temporary table `ending` what the staged deletes end; the others are told.

    A record that others in force name stays, and so does what is told of it elsewhere
    (`primary` is the table of the record itself): nobody who is left may lose a school.
    """
    unknown = _list_targets(connection, merge)
    _hold_back(connection, merge, judging)
    if primary is not None:
        connection.execute(
            sql.SQL(
                "delete from pg_temp.target as t using pg_temp.stage as s where t._row = s._row"
                " and exists (select 1 from {} as p where p._resource_id = s._resource_id"
                " and p._deleted_at is null)"
            ).format(primary)
        )
    done = _number(
        connection, "select count(distinct _row) from pg_temp.target where not is_newer"
    )
    gone = sql.SQL("select distinct at from pg_temp.target where not is_newer")
    rows = make_table(connection, "ending", gone)
    return Removed(done, unknown, rows)


def make_nothing_new(connection: Connection, merge: Merge) -> None:
    """Empty tables `good` and `fate`, as a file leaves them that brings no rows."""
    make_table(
        connection,
        "good",
        sql.SQL("select 0::bigint as _row, false as _ends, r.* from {} as r where false").format(
            merge.raw
        ),
    )
    make_table(
        connection,
        "fate",
        sql.SQL(
            "select 0::bigint as _row, null::tid as at, false as was_held, null::text as fate"
            " where false"
        ),
    )


def rename(connection: Connection, merge: Merge, judging: Judging) -> Removed:
    """Give records their new keys: `stage` holds the old ones, `renamed` the new ones.

    A record that stands under its new key already is ended under the old one.
    """
    unknown = _list_targets(connection, merge)
    connection.execute("delete from pg_temp.target where is_newer")
    named = _told_keys(connection, merge, staged="renamed")
    for column in named:
        _refuse_unreadable(connection, merge, judging, column=column)
    done = _number(connection, "select count(distinct _row) from pg_temp.target")
    _list_outdated(connection, merge, named=named)
    rows = _give_keys(connection, merge, judging, named=named) if named else 0
    end_listed(connection, merge)
    return Removed(done, unknown, rows)


def _refuse_unreadable(
    connection: Connection, merge: Merge, judging: Judging, *, column: str
) -> None:
    kind = column_types(merge.table)[column]
    named = dict(zip(key_columns(merge.table), merge.table.key, strict=True))[column]
    rows = sql.SQL(
        "select n._row from pg_temp.renamed as n where n.{} is not null"
        " and not pg_input_is_valid(n.{}, {})"
    ).format(sql.Identifier(column), sql.Identifier(column), sql.Literal(kind))
    note(connection, judging, column=named, rule=f"not_a_{kind}", rows=rows)
    for statement in (
        "insert into pg_temp.bad (_row) {}",
        "delete from pg_temp.target where _row in ({})",
        "delete from pg_temp.renamed where _row in ({})",
    ):
        connection.execute(sql.SQL(statement).format(rows))


def _list_outdated(connection: Connection, merge: Merge, *, named: list[str]) -> None:
    """In `ending` the records of which another stands under the new key."""
    same = sql.SQL(" and ").join(
        sql.SQL("x.{0}::text is not distinct from coalesce(n.{0}, r.{0}::text)").format(
            sql.Identifier(column)
        )
        if column in named
        else sql.SQL("x.{0} is not distinct from r.{0}").format(sql.Identifier(column))
        for column in key_columns(merge.table)
    )
    make_table(
        connection,
        "ending",
        sql.SQL(
            "select r.ctid as at from {raw} as r"
            " inner join pg_temp.target as t on r.ctid = t.at"
            " inner join pg_temp.renamed as n on t._row = n._row"
            " where exists (select 1 from {raw} as x where {same} and x.ctid <> r.ctid)"
        ).format(raw=merge.raw, same=same),
    )


def _give_keys(connection: Connection, merge: Merge, judging: Judging, *, named: list[str]) -> int:
    types = column_types(merge.table)
    sets = [
        sql.SQL("{0} = coalesce(n.{0}::{1}, r.{0})").format(
            sql.Identifier(column), sql.SQL(types[column])
        )
        for column in named
    ]
    sets += [
        sql.SQL(
            "{0} = coalesce((select l.source_id from ({1}) as l where l.id = n.{2}), r.{0})"
        ).format(sql.Identifier(f"_{what}_source_id"), ids, sql.Identifier(column))
        for what, column, ids in _people(merge, judging)
        if column in named
    ]
    return connection.execute(
        sql.SQL(
            "update {raw} as r set {sets}, _batch_id = {batch}, _changed_at = now()"
            " from pg_temp.target as t inner join pg_temp.renamed as n on t._row = n._row"
            " where r.ctid = t.at and r.ctid not in (select at from pg_temp.ending)"
        ).format(raw=merge.raw, sets=sql.SQL(", ").join(sets), batch=sql.Literal(merge.batch_id))
    ).rowcount


def _people(merge: Merge, judging: Judging) -> list[tuple[str, str, Sql]]:
    """(student or school, the column that names them, a query of the roster's ids)."""
    found = []
    for what, column in (("student", merge.table.student), ("school", merge.table.school)):
        if column is not None:
            meaning = getattr(judging.profile, f"{what}_id") or references.DEFAULT_MEANING
            lookup = references.people_lookup(what, meaning)
            found.append((what, merge.table.raw_column(column), lookup))
    return found


def _list_targets(connection: Connection, merge: Merge) -> int:
    """In the temporary table `target` the records in force that each staged row calls: by id,
    or by key where no record in force has the id. Returns how many rows call nothing."""
    newer = sql.SQL("r._effective_at > {}").format(sql.Literal(merge.effective_at))
    mine = sql.SQL("r._deleted_at is null and r._sender = {}").format(sql.Literal(merge.sender))
    make_table(
        connection,
        "target",
        sql.SQL(
            "select s._row, r.ctid as at, {newer} as is_newer from pg_temp.stage as s"
            " inner join {raw} as r on r._resource_id = s._resource_id where {mine}"
        ).format(newer=newer, raw=merge.raw, mine=mine),
    )
    named = _told_keys(connection, merge, staged="stage")
    if named:
        same = sql.SQL(" and ").join(
            sql.SQL("r.{0}::text = s.{0}").format(sql.Identifier(column)) for column in named
        )
        connection.execute(
            sql.SQL(
                "insert into pg_temp.target select s._row, r.ctid, {newer} from pg_temp.stage as s"
                " inner join {raw} as r on {same} where {mine}"
                " and s._row not in (select _row from pg_temp.target)"
            ).format(newer=newer, raw=merge.raw, same=same, mine=mine)
        )
    return _number(
        connection,
        "select count(*) from pg_temp.stage where _row not in (select _row from pg_temp.target)",
    )


def _hold_back(connection: Connection, merge: Merge, judging: Judging) -> None:
    """Take from `target` what others name, and say so."""
    named = _named_by_others(merge)
    if not named:
        return
    make_table(
        connection,
        "kept",
        sql.SQL(
            "select distinct t._row from pg_temp.target as t"
            " inner join {raw} as r on r.ctid = t.at where not t.is_newer and ({named})"
        ).format(raw=merge.raw, named=sql.SQL(" or ").join(named)),
    )
    rows = sql.SQL("select _row from pg_temp.kept")
    note(connection, judging, column=merge.table.key[0], rule=STILL_NAMED, rows=rows)
    connection.execute("delete from pg_temp.target where _row in (select _row from pg_temp.kept)")
    connection.execute("insert into pg_temp.bad (_row) select _row from pg_temp.kept")


def _named_by_others(merge: Merge) -> list[Sql]:
    """Tests whether records in force name the record `r` and mean nothing without it."""
    tests: list[Sql] = []
    for contract in load_contracts().values():
        for name, table in contract.tables.items():
            raw = sql.Identifier("raw", contract.raw_name(name))
            tests += [
                sql.SQL(
                    "exists (select 1 from {} as c where c.{} = r.{} and c._deleted_at is null)"
                ).format(raw, sql.Identifier(theirs), sql.Identifier(ours))
                for theirs, ours in _names(contract, table, merge=merge)
            ]
    return tests


def _names(contract: Contract, table: Table, *, merge: Merge) -> list[tuple[str, str]]:
    """(column of a table, column of the record that it names)."""
    key = key_columns(merge.table)[0]
    found = [
        (
            table.raw_column(reference.column),
            merge.table.raw_column(reference.to) if reference.to else key,
        )
        for reference in table.references
        if contract.family == merge.contract.family
        and reference.table == merge.name
        and reference.on_missing == "row"
        and not reference.many
        and table.key != (reference.column,)
    ]
    if (merge.contract.feed, merge.name) == ("roster", "orgs") and table.school:
        found.append(("_school_source_id", key))
    if (merge.contract.feed, merge.name) == ("roster", "users") and table.student:
        found.append(("_student_source_id", key))
    return found


def _told_keys(connection: Connection, merge: Merge, *, staged: str) -> list[str]:
    """The key columns that any staged row tells."""
    relation = sql.Identifier("pg_temp", staged)
    found = connection.execute(
        sql.SQL(
            "select distinct k from {} as s,"
            " jsonb_object_keys(jsonb_strip_nulls(to_jsonb(s))) as k"
        ).format(relation)
    ).fetchall()
    told = {row["k"] for row in found}
    return [column for column in key_columns(merge.table) if column in told]


def _number(connection: Connection, query: str) -> int:
    row = connection.execute(f"select ({query}) as n").fetchone()
    return int(row["n"]) if row else 0
