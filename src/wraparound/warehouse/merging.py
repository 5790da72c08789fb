"""One file's good rows against what is in force: compare, then apply; counts come back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from wraparound.contracts.models import Contract, Table
from wraparound.warehouse.connection import Connection, avoiding
from wraparound.warehouse.raw_tables import column_types
from wraparound.warehouse.references import same_key
from wraparound.warehouse.scratch import make_table

Sql = sql.Composable
ENDING_STATES = ("tobedeleted", "inactive")
STAMPED = ("_sender", "_batch_id", "_effective_at", "_changed_at", "_deleted_at", "_held")
# From here on no table is read once per row. A measure of the machine.
LARGE_ROWS = 50_000
INDEX_ROWS = 2_000
BY_DAY = ("day", "span")


@dataclass(frozen=True)
class Merge:
    """What the merge of one file needs to know.

    `holding` are the columns by which a row that was set aside keeps records in force. Where
    several files fill one table, only the last ends what none of them holds: `follows` says that
    others came before it. With `is_resent`, the good rows are only those that differ from the
    last file's; the table `gone` says of what that file's other lines spoke, and `standing` where
    the records that either can meet are listed. `filled` are the rows that were put into the empty
    table already: the good rows are the others.
    """

    contract: Contract
    name: str
    table: Table
    sender: str
    batch_id: int
    effective_at: Any
    scope: str
    holding: tuple[str, ...]
    is_replay: bool = False
    has_extra: bool = False
    is_last: bool = True
    follows: bool = False
    is_resent: bool = False
    standing: Sql | None = None
    filled: int | None = None

    def stands(self, alias: str) -> Sql:
        """A record is said by a line that did not change."""
        return sql.SQL(
            "({s}._deleted_at is null and {s}._sender = {sender}"
            " and not exists (select 1 from pg_temp.gone as o where not o._bad and {same}))"
        ).format(
            s=sql.Identifier(alias),
            sender=sql.Literal(self.sender),
            same=self.same_record("o", alias),
        )

    def held_by(self, alias: str) -> Sql:
        """The holding columns of a row, listed."""
        return sql.SQL(", ").join(sql.Identifier(alias, column) for column in self.holding)

    @property
    def raw(self) -> Sql:
        """The raw table."""
        return sql.Identifier("raw", self.contract.raw_name(self.name))

    def same_record(self, left: str, right: str) -> Sql:
        """The natural keys are equal."""
        return same_key(self.table, left, right)

    def held_together(self, left: str, right: str) -> Sql:
        """What one row is about holds the other."""
        required = {self.table.raw_column(n) for n, c in self.table.columns.items() if c.required}
        return sql.SQL(" and ").join(
            sql.SQL("{} {} {}").format(
                sql.Identifier(left, column),
                sql.SQL("=" if column in required else "is not distinct from"),
                sql.Identifier(right, column),
            )
            for column in self.holding
        )


@dataclass(frozen=True)
class Changes:
    """Rows by what became of them; of the changed ones, `taken` were another sender's before.

    `spared` are records that would have ended, had it been known of each row whose it was.
    """

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    older: int = 0
    ended: int = 0
    taken: int = 0
    spared: int = 0


def remember_told(connection: Connection, merge: Merge, *, keys_unreadable: bool) -> None:
    """Keep in mind what one of several files of a table spoke of, until the last one came."""
    connection.execute(
        sql.SQL(
            "create temp table if not exists told on commit drop as"
            " select {held}, false as unreadable from pg_temp.good as g with no data"
        ).format(held=merge.held_by("g"))
    )
    connection.execute(
        sql.SQL(
            "insert into pg_temp.told select {good}, false from pg_temp.good as g"
            " union all select {bad}, {unreadable} from pg_temp.bad as b"
        ).format(
            good=merge.held_by("g"),
            bad=merge.held_by("b"),
            unreadable=sql.Literal(keys_unreadable),
        )
    )


def compare(connection: Connection, merge: Merge, *, keys_unreadable: bool) -> Changes:
    """List in the temporary tables `fate` what changes, and in `ending` what ends.

    A good row without an entry in `fate` says what is in force already.
    """
    good = _count(connection, sql.SQL("select 1 from pg_temp.good"))
    if INDEX_ROWS <= good < LARGE_ROWS:
        connection.execute(
            sql.SQL("create index if not exists good_by_key on pg_temp.good ({})").format(
                sql.SQL(", ").join(map(sql.Identifier, merge.holding))
            )
        )
    with joined_wisely(connection, rows=good):
        standing = merge.standing or list_standing(connection, merge, rows=good)
        _list_fates(connection, merge, standing=standing)
        _list_ending(connection, merge, standing=standing)
    ending = _count(connection, sql.SQL("select 1 from pg_temp.ending"))
    spared = ending if keys_unreadable or _any_told_unreadable(connection, merge) else 0
    if spared:
        connection.execute("delete from pg_temp.ending")
    fates = {
        row["fate"]: row["n"]
        for row in connection.execute("select fate, count(*) as n from pg_temp.fate group by fate")
    }
    changing = sum(fates.get(word, 0) for word in ("created", "changed", "older"))
    return Changes(
        created=fates.get("created", 0),
        changed=fates.get("changed", 0),
        unchanged=good - changing,
        older=fates.get("older", 0),
        ended=ending - spared,
        taken=_count(
            connection,
            sql.SQL("select 1 from pg_temp.fate where fate = 'changed' and was_anothers"),
        ),
        spared=spared,
    )


@contextmanager
def joined_wisely(connection: Connection, *, rows: int) -> Iterator[None]:
    """Keep the planner from reading a whole table once per row, or for a few rows: it takes the
    columns of a key for independent of each other, and expects one match where there are
    millions, or millions where there is one."""
    avoided: tuple[str, ...] = ()
    if rows >= LARGE_ROWS:
        avoided = ("enable_nestloop",)
    elif rows >= INDEX_ROWS:
        # Without a hash of what is looked up, it is looked up in the order of the key.
        avoided = ("enable_seqscan", "enable_mergejoin", "enable_hashagg")
    with avoiding(connection, *avoided):
        yield


def apply(connection: Connection, merge: Merge, changes: Changes) -> None:
    """Bring the raw table to what the file says."""
    if changes.ended:
        end_listed(connection, merge)
    if changes.changed:
        _update(connection, merge)
    _release_held(connection, merge)
    if merge.has_extra:
        _refresh_extra(connection, merge)
    if changes.created:
        _insert(connection, merge)
    hold(connection, merge)


def list_standing(connection: Connection, merge: Merge, *, rows: int) -> Sql:
    """The records that rows can meet, with the place of each: all of the table, or of a small
    file that tells whole days those of its days, which are looked up here once for all."""
    if merge.scope not in BY_DAY or rows >= LARGE_ROWS:
        return _all_records(merge)
    make_table(
        connection,
        "standing",
        sql.SQL("select * from {} as r where {}").format(
            _all_records(merge), _on_a_day_told(merge, again="gone")
        ),
    )
    connection.execute("analyze pg_temp.standing")
    return sql.SQL("pg_temp.standing")


def _all_records(merge: Merge) -> Sql:
    return sql.SQL("(select ctid as at, * from {})").format(merge.raw)


def _list_fates(connection: Connection, merge: Merge, *, standing: Sql) -> None:
    """What becomes of each good row that is not simply what stands already."""
    newer: Sql = sql.SQL("r._effective_at > {}").format(sql.Literal(merge.effective_at))
    if merge.is_replay:
        # A row that waited must not undo what its own file said in another row.
        newer = sql.SQL(
            "({} or r._effective_at = {} and g._row in (select _row from pg_temp.waited))"
        ).format(newer, sql.Literal(merge.effective_at))
    make_table(
        connection,
        "fate",
        sql.SQL(
            "select * from (select g._row, r.at, coalesce(r._held, false) as was_held,"
            "  r._deleted_at is null and r._sender <> {sender} as was_anothers,"
            "  case when r._batch_id is null then {created} when {newer} then 'older'"
            "   when r._row_hash <> g._row_hash or (r._deleted_at is null) = g._ends"
            "    or (g._resource_id is not null"
            "     and g._resource_id is distinct from r._resource_id)"
            "    then 'changed' else 'unchanged' end as fate"
            "  from pg_temp.good as g left join {standing} as r on {same}) as f"
            " where fate <> 'unchanged' or was_held"
        ).format(
            created=_fate_of_new(merge, standing=standing),
            newer=newer,
            sender=sql.Literal(merge.sender),
            standing=standing,
            same=merge.same_record("g", "r"),
        ),
    )
    connection.execute("analyze pg_temp.fate")


def _fate_of_new(merge: Merge, *, standing: Sql) -> Sql:
    """A record that is not there is new, unless its day was told anew by a later file."""
    if merge.scope not in BY_DAY:
        return sql.SQL("'created'")
    return sql.SQL(
        "case when exists (select 1 from {standing} as o where {told} and o._sender = {sender}"
        " and o._effective_at > {effective}) then 'older' else 'created' end"
    ).format(
        standing=standing,
        told=merge.held_together("g", "o"),
        sender=sql.Literal(merge.sender),
        effective=sql.Literal(merge.effective_at),
    )


def _list_ending(connection: Connection, merge: Merge, *, standing: Sql) -> None:
    """In a bulk scope, a live record that the file does not hold has ended.

    A row that could not be read still holds its record in force (`bad` says which). Single rows
    that are judged again end nothing, but what stood for their days until they could be read.
    """
    by_day = merge.scope in BY_DAY
    keeps_all = merge.scope == "none" or not merge.is_last
    inside: Sql = sql.SQL("true")
    if keeps_all or (merge.is_replay and not by_day):
        inside = sql.SQL("false")
    elif merge.scope == "span" and not merge.is_replay:
        inside, standing = _inside_span(merge), _all_records(merge)
    elif by_day:
        inside = _on_a_day_told(merge, again="said_again")
    make_table(
        connection,
        "ending",
        sql.SQL(
            "select r.at from {standing} as r"
            " where r._deleted_at is null and r._sender = {sender}"
            " and r._effective_at {earlier} {effective} and {inside}"
            " and not exists (select 1 from pg_temp.good as g where {same})"
            " and not exists (select 1 from pg_temp.bad as b where {held}) {told} {gone}"
        ).format(
            standing=standing,
            told=_not_told_before(merge),
            gone=_only_gone(merge),
            # What the file's other rows say of the day stays.
            earlier=sql.SQL("<" if merge.is_replay else "<="),
            inside=inside,
            sender=sql.Literal(merge.sender),
            effective=sql.Literal(merge.effective_at),
            same=merge.same_record("g", "r"),
            held=merge.held_together("b", "r"),
        ),
    )
    connection.execute("analyze pg_temp.ending")


def _not_told_before(merge: Merge) -> Sql:
    if not merge.follows:
        return sql.SQL("")
    return sql.SQL("and not exists (select 1 from pg_temp.told as b where {})").format(
        merge.held_together("b", "r")
    )


def _any_told_unreadable(connection: Connection, merge: Merge) -> bool:
    """Whether an earlier file of the table held a row of which nobody can say whose it is."""
    if not merge.follows:
        return False
    return _count(connection, sql.SQL("select 1 from pg_temp.told as b where b.unreadable")) > 0


def _only_gone(merge: Merge) -> Sql:
    """What an unchanged line says has not ended."""
    if not merge.is_resent:
        return sql.SQL("")
    return sql.SQL("and exists (select 1 from pg_temp.gone as o where not o._bad and {})").format(
        merge.same_record("o", "r")
    )


def _inside_span(merge: Merge) -> Sql:
    """The days, from first to last, that the file holds for the row's school."""
    assert merge.table.day is not None
    day = sql.Identifier(merge.table.raw_column(merge.table.day))
    said: Sql = sql.SQL("select _school_source_id, {} from pg_temp.good").format(day)
    if merge.is_resent:
        said = sql.SQL("{} union all select _school_source_id, {} from {} as s where {}").format(
            said, day, merge.raw, merge.stands("s")
        )
    return sql.SQL(
        "exists (select 1 from (select g._school_source_id as school, min(g.{day}) as first_day,"
        "  max(g.{day}) as last_day from ({said}) as g group by g._school_source_id) as span"
        " where span.school = r._school_source_id"
        " and r.{day} between span.first_day and span.last_day)"
    ).format(day=day, said=said)


def _on_a_day_told(merge: Merge, *, again: str) -> Sql:
    """Another record of a day that the file speaks of: the file replaces the whole day. Of the
    days of lines that did not change, those that a table lists `again`."""
    told: Sql = sql.SQL("select {} from pg_temp.good as g").format(merge.held_by("g"))
    if merge.is_resent:
        told = sql.SQL("{} union all select {} from pg_temp.{} as o").format(
            told, merge.held_by("o"), sql.Identifier(again)
        )
    return sql.SQL("exists (select 1 from ({}) as d where {})").format(
        told, merge.held_together("d", "r")
    )


def end_listed(connection: Connection, merge: Merge) -> None:
    """End the records that `ending` lists."""
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
    return [*column_types(merge.table), "_row_hash", "_resource_id", "_extra"]


def stamps(merge: Merge, *, ends: Sql) -> Sql:
    """The values of STAMPED for a new row."""
    return sql.SQL("{}, {}, {}, now(), case when {} then now() end, false").format(
        sql.Literal(merge.sender),
        sql.Literal(merge.batch_id),
        sql.Literal(merge.effective_at),
        ends,
    )


def values(merge: Merge) -> Sql:
    """What a good row `g` puts into them."""
    own = [sql.Identifier("g", column) for column in _columns(merge)]
    return sql.SQL(", ").join([*own, stamps(merge, ends=sql.SQL("g._ends"))])


def targets(merge: Merge) -> Sql:
    """The columns of the raw table, as a new row fills them."""
    return sql.SQL(", ").join(map(sql.Identifier, [*_columns(merge), *STAMPED]))


def _update(connection: Connection, merge: Merge) -> None:
    connection.execute(
        sql.SQL(
            "update {raw} as r set ({columns}) = row({values})"
            " from pg_temp.good as g inner join pg_temp.fate as f on g._row = f._row"
            " where f.fate = 'changed' and r.ctid = f.at"
        ).format(raw=merge.raw, columns=targets(merge), values=values(merge))
    )


def _refresh_extra(connection: Connection, merge: Merge) -> None:
    """Cells of unknown columns follow the file, and do not make a record a changed one."""
    connection.execute(
        sql.SQL(
            "update {raw} as r set _extra = g._extra from pg_temp.good as g"
            " where {same} and r._effective_at <= {effective}"
            " and r._extra is distinct from g._extra"
        ).format(
            raw=merge.raw,
            same=merge.same_record("g", "r"),
            effective=sql.Literal(merge.effective_at),
        )
    )


def _insert(connection: Connection, merge: Merge) -> None:
    connection.execute(
        sql.SQL(
            "insert into {raw} ({columns}) select {values} from pg_temp.good as g"
            " inner join pg_temp.fate as f on g._row = f._row where f.fate = 'created'"
        ).format(raw=merge.raw, columns=targets(merge), values=values(merge))
    )


def hold(connection: Connection, merge: Merge) -> None:
    """A record whose new row could not be read stays in force, marked."""
    if _count(connection, sql.SQL("select 1 from pg_temp.bad limit 1")):
        connection.execute(
            sql.SQL(
                "update {raw} as r set _held = true from pg_temp.bad as b"
                " where {held} and not r._held and r._deleted_at is null"
                " and r._effective_at <= {effective}"
            ).format(
                raw=merge.raw,
                held=merge.held_together("b", "r"),
                effective=sql.Literal(merge.effective_at),
            )
        )


def _release_held(connection: Connection, merge: Merge) -> None:
    """A good row that says what is in force already takes the mark away."""
    connection.execute(
        sql.SQL(
            "update {raw} as r set _held = false from pg_temp.fate as f"
            " where f.was_held and f.fate = 'unchanged' and r.ctid = f.at"
        ).format(raw=merge.raw)
    )
    if merge.is_resent:
        # So does an unchanged line, where the one that could not be read is gone.
        connection.execute(
            sql.SQL(
                "update {raw} as r set _held = false from pg_temp.said_again as d"
                " where r._held and r._deleted_at is null and r._sender = {sender} and {same}"
            ).format(
                raw=merge.raw,
                sender=sql.Literal(merge.sender),
                same=merge.held_together("d", "r"),
            )
        )


def _count(connection: Connection, rows: Sql) -> int:
    row = connection.execute(
        sql.SQL("select count(*) as n from ({}) as q").format(rows)
    ).fetchone()
    return int(row["n"]) if row else 0
