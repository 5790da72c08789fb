"""The quarantine: findings without values in `ops`, the lines themselves in `restricted`."""

from dataclasses import dataclass, field
from typing import Any

from psycopg import sql

from wraparound.contracts.district import FeedProfile
from wraparound.contracts.models import Contract, Table
from wraparound.landing.json_source import RESOURCE_ID
from wraparound.landing.leaving_out import LEFT_OUT
from wraparound.warehouse.checks import ColumnCheck
from wraparound.warehouse.connection import Connection
from wraparound.warehouse.staging import EXTRA, NO_EXTRA, RaggedRow, keep_ragged

Sql = sql.Composable
# Rows that can be read, and wait for somebody or something that the warehouse does not know yet.
WAITING_RULES = ("student_unknown", "school_unknown", "reference_missing")


@dataclass(frozen=True)
class Judging:
    """What judging one file needs to know.

    `holding` are the columns by which a row that is set aside keeps what is in force: the
    natural key, or the student's day where a file speaks of whole days. `have` are the contract
    columns that the file carries. `kept` are the staged
    columns that a quarantined line keeps, `lifted` the rules that a person lifted. `rows` are
    staged; `beside` is a table that holds further good rows of the file, and nothing else. Of
    lines that are judged again (`is_replay`) nothing can be said of the file as a whole.
    """

    contract: Contract
    name: str
    table: Table
    profile: FeedProfile
    checks: list[ColumnCheck]
    holding: tuple[str, ...]
    arrival_id: int
    batch_id: int
    file_name: str
    sender: str
    effective_at: Any
    kept: tuple[str, ...]
    have: frozenset[str] = frozenset()
    lifted: frozenset[str] = frozenset()
    extra: Sql = field(default_factory=lambda: NO_EXTRA)
    has_control: bool = True
    has_line_breaks: bool = True
    is_resent: bool = False
    is_replay: bool = False
    rows: int = 0
    beside: Sql | None = None

    @property
    def kept_cells(self) -> Sql:
        """The cells that a quarantined line keeps, as pairs of name and text of a row `s`."""
        pairs = [
            sql.SQL("{}, s.{}").format(sql.Literal(column), sql.Identifier(column))
            for column in self.kept
            if column != EXTRA
        ]
        if self.extra is not NO_EXTRA:
            pairs.append(sql.SQL("{}, ({})::text").format(sql.Literal(EXTRA), self.extra))
        return sql.SQL(", ").join(pairs)

    @property
    def has_resource_ids(self) -> bool:
        """Whether the staged rows carry the ids by which an API calls them."""
        return RESOURCE_ID in self.kept

    def held_by(self, alias: str) -> Sql:
        """The holding columns of a row, listed."""
        return sql.SQL(", ").join(sql.Identifier(alias, column) for column in self.holding)

    def record_key(self, alias: str) -> Sql:
        """The holding columns as one number, which names nobody; null where nobody can say
        what the row speaks of."""
        return sql.SQL("case when not {} then hash_record_extended(row({}), 0) end").format(
            self.is_unreadable(alias), self.held_by(alias)
        )

    def is_unreadable(self, alias: str) -> Sql:
        """Whether nobody can say what a row speaks of: it lacks a holding column that no record
        lacks, or all of them where a record may lack each."""
        required = {self.table.raw_column(n) for n, c in self.table.columns.items() if c.required}
        missing = {
            column: sql.SQL("{} is null").format(sql.Identifier(alias, column))
            for column in self.holding
        }
        either = [test for column, test in missing.items() if column in required]
        return sql.SQL("({})").format(
            sql.SQL(" or ").join(either) if either else sql.SQL(" and ").join(missing.values())
        )


def note(
    connection: Connection,
    judging: Judging,
    *,
    column: str | None,
    rule: str,
    rows: Sql,
    scope: str = "row",
) -> int:
    """Write one finding for each `_row` of a query; returns how many."""
    written = connection.execute(
        sql.SQL(
            "insert into ops.quarantine (arrival_id, batch_id, feed, table_name, file_name,"
            " row_number, column_name, rule, scope)"
            " select {arrival}, {batch}, {feed}, {name}, {file}, q._row, {column}, {rule}, {scope}"
            " from ({rows}) as q"
        ).format(
            arrival=sql.Literal(judging.arrival_id),
            batch=sql.Literal(judging.batch_id),
            feed=sql.Literal(judging.contract.feed),
            name=sql.Literal(judging.name),
            file=sql.Literal(judging.file_name),
            column=sql.Literal(column),
            rule=sql.Literal(rule),
            scope=sql.Literal(scope),
            rows=rows,
        )
    ).rowcount
    if written:
        connection.execute(
            sql.SQL("insert into pg_temp.noted select q._row from ({}) as q").format(rows)
        )
    return written


def tell(
    connection: Connection, judging: Judging, *, column: str | None, rule: str, rows: Sql
) -> int:
    """Tell of each `_row` of a query, which stays as it is; returns how many."""
    return connection.execute(
        sql.SQL(
            "insert into ops.row_notice (arrival_id, feed, table_name, file_name, row_number,"
            " column_name, rule) select {arrival}, {feed}, {name}, {file}, q._row, {column},"
            " {rule} from ({rows}) as q"
        ).format(
            arrival=sql.Literal(judging.arrival_id),
            feed=sql.Literal(judging.contract.feed),
            name=sql.Literal(judging.name),
            file=sql.Literal(judging.file_name),
            column=sql.Literal(column),
            rule=sql.Literal(rule),
            rows=rows,
        )
    ).rowcount


def set_aside(
    connection: Connection, judging: Judging, *, column: str | None, rule: str, rows: Sql
) -> int:
    """Write findings, and move their rows from `good` to `bad`; returns how many."""
    written = note(connection, judging, column=column, rule=rule, rows=rows)
    if written:
        move_to_bad(connection, judging, rows=rows, waits=rule in WAITING_RULES)
    return written


def move_to_bad(
    connection: Connection, judging: Judging, *, rows: Sql, waits: bool = False
) -> None:
    """Move rows from `good` to `bad`, where only what they hold in force is kept of them.

    `waits` says that they can be read, and wait for a record that is not here yet.
    """
    which = sql.SQL("using ({}) as q where g._row = q._row").format(rows)
    _move(connection, judging, which=which, waits=waits)


def move_flawed(connection: Connection, judging: Judging) -> None:
    """Move every flawed row from `good` to `bad`."""
    _move(connection, judging, which=sql.SQL("where g._flaw"), waits=False)


def _move(connection: Connection, judging: Judging, *, which: Sql, waits: bool) -> None:
    connection.execute(
        sql.SQL(
            "with gone as"
            " (delete from pg_temp.good as g {which} returning g._row, {waits}, {held})"
            " insert into pg_temp.bad select * from gone"
        ).format(which=which, waits=sql.Literal(waits), held=judging.held_by("g"))
    )


def note_ragged(connection: Connection, judging: Judging, ragged: list[RaggedRow]) -> None:
    """Findings for rows that are none of their table; nobody can say whose they are, and of those
    that are left out nobody asks."""
    if not ragged:
        return
    keep_ragged(
        connection,
        ragged,
        arrival_id=judging.arrival_id,
        table_name=judging.name,
        file_name=judging.file_name,
    )
    for rule, column in sorted({(row.rule, row.column or "") for row in ragged}):
        numbers = [row.number for row in ragged if (row.rule, row.column or "") == (rule, column)]
        rows = sql.SQL("select unnest({}::bigint[]) as _row").format(sql.Literal(numbers))
        note(connection, judging, column=column or None, rule=rule, rows=rows)
        connection.execute(
            sql.SQL(
                "insert into pg_temp.bad (_row, _left_out) select q._row, {} from ({}) as q"
            ).format(sql.Literal(rule == LEFT_OUT), rows)
        )


def keep_lines(connection: Connection, judging: Judging) -> None:
    """Keep the cells of every row that was noted, with the key of the record it speaks of.

    A row of which nobody can say that is known by its cells: only the same row again is about it.
    """
    connection.execute("analyze pg_temp.noted")
    connection.execute(
        sql.SQL(
            "insert into restricted.quarantine_line"
            " (arrival_id, table_name, file_name, row_number, record_key, cells)"
            " select {arrival}, {name}, {file}, s._row,"
            "  coalesce(k.record_key, jsonb_hash_extended(c.cells, 0)), c.cells"
            " from pg_temp.stage as s inner join (select distinct _row from pg_temp.noted) as n"
            "  on s._row = n._row"
            " cross join lateral (select jsonb_build_object({cells}) as cells) as c"
            " left join (select g._row, {good_key} as record_key from pg_temp.good as g"
            "   where g._row in (select _row from pg_temp.noted)"
            "  union all select b._row, {bad_key} from pg_temp.bad as b"
            "  union all select o._row, {outdone_key} from pg_temp.outdone as o) as k"
            "  on s._row = k._row"
            " on conflict (arrival_id, table_name, file_name, row_number)"
            " do update set record_key = excluded.record_key"
        ).format(
            arrival=sql.Literal(judging.arrival_id),
            name=sql.Literal(judging.name),
            file=sql.Literal(judging.file_name),
            # No password, and nothing else that is not loaded either.
            cells=judging.kept_cells,
            good_key=judging.record_key("g"),
            bad_key=judging.record_key("b"),
            outdone_key=judging.record_key("o"),
        )
    )


def supersede_older(connection: Connection, judging: Judging, *, whole_table: bool) -> int:
    """Close older findings about records that this file speaks of, so that they never return.

    With `whole_table` the file says what is true of the whole table, and all older ones close.
    Returns how many findings it closed.
    """
    if whole_table:
        _forget_told(connection, judging)
    if not _any_older(connection, judging):
        return 0
    closed = connection.execute(_close_older(judging, whole_table=whole_table)).rowcount
    if closed:
        _forget_closed_lines(connection, judging)
    return closed


def _close_older(judging: Judging, *, whole_table: bool) -> sql.Composed:
    """The statement that closes older findings about what this file speaks of."""
    return sql.SQL(
        "with older as materialized (select q.quarantine_id, q.rule, l.record_key"
        "  from ops.quarantine as q"
        "  inner join ops.arrival as a on q.arrival_id = a.arrival_id"
        "  left join restricted.quarantine_line as l on q.arrival_id = l.arrival_id"
        "   and q.table_name = l.table_name and q.file_name = l.file_name"
        "   and q.row_number = l.row_number"
        "  where q.state = 'open' and q.feed = {feed} and q.table_name = {name}"
        "   and a.sender = {sender} and a.arrival_id <> {arrival}"
        "   and a.effective_at < {effective}),"
        # The file may say millions of records; of them only those that older findings name.
        " read as (select record_key from older where record_key in ({read})),"
        " unread as (select record_key from older where record_key in ({unread}))"
        " update ops.quarantine as q set state = 'superseded', superseded_by = {arrival}"
        " from older as o where q.quarantine_id = o.quarantine_id and {about}"
    ).format(
        feed=sql.Literal(judging.contract.feed),
        name=sql.Literal(judging.name),
        sender=sql.Literal(judging.sender),
        arrival=sql.Literal(judging.arrival_id),
        effective=sql.Literal(judging.effective_at),
        read=_keys_read(judging),
        unread=_keys_unread(judging),
        about=_about(whole_table=whole_table),
    )


def _forget_told(connection: Connection, judging: Judging) -> None:
    """What earlier files of the sender were told of the table is told anew, or is mended."""
    connection.execute(
        "delete from ops.row_notice as n using ops.arrival as a"
        " where n.arrival_id = a.arrival_id and n.feed = %s and n.table_name = %s"
        " and a.sender = %s and a.effective_at < %s",
        [judging.contract.feed, judging.name, judging.sender, judging.effective_at],
    )


def _about(*, whole_table: bool) -> Sql:
    """Whether an older finding `o` is closed by what this file says.

    A row that cannot be read says nothing: it closes what could not be read either, and leaves
    open what could, and waits. What was left out of an older file is nothing to mend.
    """
    words = {
        "unread": sql.SQL("o.record_key in (select record_key from unread)"),
        "waits": sql.SQL("o.rule = any({}::text[])").format(sql.Literal(list(WAITING_RULES))),
        "read": sql.SQL("o.record_key in (select record_key from read)"),
        "left": sql.SQL("o.rule = {}").format(sql.Literal(LEFT_OUT)),
    }
    if whole_table:
        return sql.SQL("not coalesce({unread} and {waits}, false)").format(**words)
    return sql.SQL("({read} or ({unread} and not {waits}) or {left})").format(**words)


def _keys_read(judging: Judging) -> Sql:
    """The keys of the records that rows of the file speak of which can be read."""
    return sql.SQL(
        "select {} from pg_temp.good as g"
        " union all select {} from pg_temp.bad as b where b._waits{}"
    ).format(judging.record_key("g"), judging.record_key("b"), _said_beside(judging))


def _keys_unread(judging: Judging) -> Sql:
    """The keys of the file's rows that could not be read, as their lines were kept."""
    return sql.SQL(
        "select l.record_key from pg_temp.bad as b"
        " inner join restricted.quarantine_line as l on b._row = l.row_number"
        " where b._waits is not true"
        " and l.arrival_id = {} and l.table_name = {} and l.file_name = {}"
    ).format(
        sql.Literal(judging.arrival_id),
        sql.Literal(judging.name),
        sql.Literal(judging.file_name),
    )


def _said_beside(judging: Judging) -> Sql:
    """What rows of the file speak of that are not among the good ones: those that were put into
    the table at once, and the unchanged lines of a file sent again."""
    if judging.beside is not None:
        return sql.SQL(" union all select {} from {} as r").format(
            judging.record_key("r"), judging.beside
        )
    if not judging.is_resent:
        return sql.SQL("")
    return sql.SQL(" union all select {} from pg_temp.said_again as d").format(
        judging.record_key("d")
    )


def _any_older(connection: Connection, judging: Judging) -> bool:
    row = connection.execute(
        "select exists (select 1 from ops.quarantine where state = 'open' and feed = %s"
        " and table_name = %s and arrival_id <> %s) as it",
        [judging.contract.feed, judging.name, judging.arrival_id],
    ).fetchone()
    return bool(row and row["it"])


def _forget_closed_lines(connection: Connection, judging: Judging) -> None:
    connection.execute(
        "delete from restricted.quarantine_line as l using"
        " (select arrival_id, table_name, file_name, row_number from ops.quarantine"
        "  where superseded_by = %s) as closed"
        " where l.arrival_id = closed.arrival_id and l.table_name = closed.table_name"
        " and l.file_name = closed.file_name and l.row_number = closed.row_number and not exists"
        " (select 1 from ops.quarantine as q where q.arrival_id = l.arrival_id"
        "  and q.table_name = l.table_name and q.file_name = l.file_name"
        "  and q.row_number = l.row_number and q.state = 'open')",
        [judging.arrival_id],
    )
