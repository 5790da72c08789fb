"""One file's good rows against what is in force: compare, brake, apply; counts come back."""

from dataclasses import dataclass
from typing import Any

from psycopg import sql

from wraparound.contracts.models import Contract, Table
from wraparound.warehouse.connection import Connection
from wraparound.warehouse.raw_tables import column_types, key_columns, key_constraint

Sql = sql.Composable
ENDING_STATES = ("tobedeleted", "inactive")


@dataclass(frozen=True)
class Merge:
    """What the merge of one file needs to know."""

    contract: Contract
    name: str
    table: Table
    sender: str
    batch_id: int
    effective_at: Any
    scope: str

    @property
    def raw(self) -> Sql:
        """The raw table."""
        return sql.Identifier("raw", self.contract.raw_name(self.name))

    def same_key(self, left: str, right: str) -> Sql:
        """The natural keys are equal, an empty part equal to an empty part."""
        return sql.SQL(" and ").join(
            sql.SQL("{} {} {}").format(
                sql.Identifier(left, column),
                # A required part is never null, and plain equality can use the index.
                sql.SQL("=" if self.table.columns[name].required else "is not distinct from"),
                sql.Identifier(right, column),
            )
            for name, column in zip(self.table.key, key_columns(self.table), strict=True)
        )


@dataclass(frozen=True)
class Changes:
    """Rows by what became of them; `before` counts the live rows in scope before the merge."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    older: int = 0
    ended: int = 0
    before: int = 0


def compare(connection: Connection, merge: Merge, *, keys_unreadable: bool) -> Changes:
    """Classify every good row in the temporary table `fate`, and list what ends in `ending`."""
    connection.execute("drop table if exists pg_temp.fate, pg_temp.ending")
    connection.execute(
        sql.SQL(
            "create temp table fate on commit drop as"
            " select g._row, case when r._batch_id is null then 'created'"
            "  when r._effective_at > {effective} then 'older'"
            "  when r._row_hash <> g._row_hash or (r._deleted_at is null) = g._ends"
            "   then 'changed' else 'unchanged' end as fate,"
            "  coalesce(r._held, false) as was_held"
            " from pg_temp.good as g left join {raw} as r on {same}"
        ).format(
            effective=sql.Literal(merge.effective_at), raw=merge.raw, same=merge.same_key("g", "r")
        )
    )
    _list_ending(connection, merge, keys_unreadable=keys_unreadable)
    counts = {
        row["fate"]: row["n"]
        for row in connection.execute("select fate, count(*) as n from pg_temp.fate group by fate")
    }
    ended = connection.execute("select count(*) as n from pg_temp.ending").fetchone()
    before = connection.execute(
        sql.SQL("select count(*) as n from {} where _deleted_at is null and _sender = {}").format(
            merge.raw, sql.Literal(merge.sender)
        )
    ).fetchone()
    return Changes(
        created=counts.get("created", 0),
        changed=counts.get("changed", 0),
        unchanged=counts.get("unchanged", 0),
        older=counts.get("older", 0),
        ended=ended["n"] if ended else 0,
        before=before["n"] if before else 0,
    )


def apply(connection: Connection, merge: Merge, changes: Changes) -> None:
    """Bring the raw table to what the file says."""
    if changes.ended:
        _end(connection, merge)
    if changes.changed:
        _update(connection, merge)
    if changes.created:
        _insert(connection, merge)
    _mark_held(connection, merge)


def _list_ending(connection: Connection, merge: Merge, *, keys_unreadable: bool) -> None:
    """In a bulk scope, a live record that the file does not hold has ended.

    A row that could not be read still holds its record in force (its key stands in `bad_keys`);
    where a key itself could not be read nobody can say whose row it was, so nothing ends.
    """
    reason_to_keep = merge.scope == "none" or keys_unreadable
    inside: Sql = sql.SQL("false") if reason_to_keep else sql.SQL("true")
    if merge.scope in ("span", "day") and not reason_to_keep:
        inside = _inside_span(merge) if merge.scope == "span" else _on_a_day_told(merge)
    connection.execute(
        sql.SQL(
            "create temp table ending on commit drop as"
            " select r.ctid as at, {keys} from {raw} as r"
            " where {inside} and r._deleted_at is null and r._sender = {sender}"
            " and r._effective_at <= {effective}"
            " and not exists (select 1 from pg_temp.good as g where {same})"
            " and not exists (select 1 from pg_temp.bad_keys as b where b.key_text = {key_text})"
        ).format(
            keys=sql.SQL(", ").join(sql.Identifier("r", c) for c in key_columns(merge.table)),
            raw=merge.raw,
            inside=inside,
            sender=sql.Literal(merge.sender),
            effective=sql.Literal(merge.effective_at),
            same=merge.same_key("g", "r"),
            key_text=key_text(merge.table, alias="r"),
        )
    )


def _inside_span(merge: Merge) -> Sql:
    """The days, from first to last, that the file holds for the row's school."""
    assert merge.table.day is not None
    day = sql.Identifier(merge.table.raw_column(merge.table.day))
    school = sql.Identifier("_school_source_id")
    return sql.SQL(
        "(r.{school}, true) in (select g.{school}, r.{day} between min(g.{day}) and max(g.{day})"
        " from pg_temp.good as g group by g.{school})"
    ).format(school=school, day=day)


def _on_a_day_told(merge: Merge) -> Sql:
    """Another event of a student's day that the file speaks of: it replaces the whole day."""
    named = [merge.table.student, merge.table.school, merge.table.day]
    columns = [sql.Identifier(merge.table.raw_column(name)) for name in named if name]
    return sql.SQL("({}) in (select {} from pg_temp.good as g)").format(
        sql.SQL(", ").join(sql.SQL("r.{}").format(column) for column in columns),
        sql.SQL(", ").join(sql.SQL("g.{}").format(column) for column in columns),
    )


def key_text(table: Table, *, alias: str) -> Sql:
    """A natural key as one text, to compare with the keys of rows that could not be read."""
    parts = sql.SQL(", ").join(
        sql.SQL("coalesce({}::text, '')").format(sql.Identifier(alias, column))
        for column in key_columns(table)
    )
    return sql.SQL("concat_ws(chr(31), {})").format(parts)


def _end(connection: Connection, merge: Merge) -> None:
    connection.execute(
        sql.SQL(
            "update {raw} as r set _deleted_at = now(), _changed_at = now(),"
            " _batch_id = {batch}, _effective_at = {effective}, _held = false"
            " from pg_temp.ending as e where r.ctid = e.at"
        ).format(
            raw=merge.raw,
            batch=sql.Literal(merge.batch_id),
            effective=sql.Literal(merge.effective_at),
        )
    )


def _columns(merge: Merge) -> list[str]:
    return [*column_types(merge.table), "_row_hash"]


def _stamps(merge: Merge) -> Sql:
    return sql.SQL("{}, {}, {}, now(), case when g._ends then now() end, false").format(
        sql.Literal(merge.sender), sql.Literal(merge.batch_id), sql.Literal(merge.effective_at)
    )


STAMPED = ("_sender", "_batch_id", "_effective_at", "_changed_at", "_deleted_at", "_held")


def _update(connection: Connection, merge: Merge) -> None:
    columns = [*_columns(merge), *STAMPED]
    values = sql.SQL(", ").join(sql.Identifier("g", column) for column in _columns(merge))
    connection.execute(
        sql.SQL(
            "update {raw} as r set ({columns}) = row({values}, {stamps})"
            " from pg_temp.good as g inner join pg_temp.fate as f on g._row = f._row"
            " where f.fate = 'changed' and {same}"
        ).format(
            raw=merge.raw,
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            values=values,
            stamps=_stamps(merge),
            same=merge.same_key("g", "r"),
        )
    )


def _insert(connection: Connection, merge: Merge) -> None:
    """Insert what is new; a first load builds its key after the rows, at half the cost."""
    raw = merge.contract.raw_name(merge.name)
    first = connection.execute(
        sql.SQL("select not exists (select 1 from {}) as it").format(merge.raw)
    ).fetchone()
    key = sql.Identifier(key_constraint(raw))
    is_first = bool(first and first["it"])
    if is_first:
        connection.execute(sql.SQL("alter table {} drop constraint {}").format(merge.raw, key))
    columns = [*_columns(merge), *STAMPED]
    connection.execute(
        sql.SQL(
            "insert into {raw} ({columns}) select {values}, {stamps} from pg_temp.good as g"
            " inner join pg_temp.fate as f on g._row = f._row where f.fate = 'created'"
        ).format(
            raw=merge.raw,
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            values=sql.SQL(", ").join(sql.Identifier("g", c) for c in _columns(merge)),
            stamps=_stamps(merge),
        )
    )
    if is_first:
        connection.execute(
            sql.SQL("alter table {} add constraint {} unique nulls not distinct ({})").format(
                merge.raw, key, sql.SQL(", ").join(map(sql.Identifier, key_columns(merge.table)))
            )
        )
        connection.execute(sql.SQL("analyze {}").format(merge.raw))


def _mark_held(connection: Connection, merge: Merge) -> None:
    """A record whose new row could not be read stays in force, marked; a good row unmarks it."""
    connection.execute(
        sql.SQL(
            "update {raw} as r set _held = true from pg_temp.bad_keys as b"
            " where {key_text} = b.key_text and not r._held and r._deleted_at is null"
        ).format(raw=merge.raw, key_text=key_text(merge.table, alias="r"))
    )
    connection.execute(
        sql.SQL(
            "update {raw} as r set _held = false from pg_temp.good as g"
            " inner join pg_temp.fate as f on g._row = f._row"
            " where f.was_held and f.fate = 'unchanged' and {same}"
        ).format(raw=merge.raw, same=merge.same_key("g", "r"))
    )
