"""A file sent again: only what differs from the last one reaches the database.

An equal line means an equal row where contract, profile, code maps and our code are those of the
last file, nothing else was loaded into the table since, and every live record of the sender is
one of that file's good rows. Wherever that cannot be shown, the file is read whole: the short way
is only ever a cheaper one, and ends in the same rows, findings and counts.
"""

from array import array
from dataclasses import dataclass, replace

from psycopg import sql
from psycopg.rows import tuple_row

from wraparound.landing.archive import archived, is_whole
from wraparound.landing.csv_source import CsvSource
from wraparound.landing.line_compare import DIFFERENT_MAX, Compared, compare_lines
from wraparound.landing.opening import open_members
from wraparound.warehouse import school_years
from wraparound.warehouse.batches import Arrival
from wraparound.warehouse.connection import Connection, Row
from wraparound.warehouse.mapping import Mapping
from wraparound.warehouse.merging import Merge, joined_wisely, list_standing
from wraparound.warehouse.planning import File
from wraparound.warehouse.raw_tables import key_columns
from wraparound.warehouse.references import DEFAULT_MEANING

# Below this, the whole file is staged sooner than two are compared.
BYTES_MIN = 4 << 20
FETCHED = 10_000


class ReadWhole(Exception):
    """The short way cannot be shown to be right here."""


@dataclass(frozen=True)
class Resent:
    """A file against the last one: its lines, and which rows of the last one were set aside."""

    lines: Compared
    last_bad: "array[int]"

    @property
    def last_good(self) -> int:
        """The number of good rows of the last file."""
        return self.lines.old_lines - len(self.last_bad)

    @property
    def rows(self) -> int:
        """The number of lines that only the new file has, or only the old one if they are more."""
        return max(self.lines.changed.count, self.lines.gone.count)


def may_be_short(file: File, mapping: Mapping, *, ids: set[str | None]) -> bool:
    """Whether a table's rows stand for themselves: no other record decides what a line means.

    `ids` is what the sender's ids of people and schools mean.
    """
    by_default = ids <= {None, DEFAULT_MEANING}
    stands_alone = not (file.table.references or file.shape.look_ups or file.shape.replaces)
    if any(rule.breaks is not None for rule in file.table.rules):
        return False
    return (
        file.contract.package == "csv"
        and file.table.day is not None
        and file.is_last
        and not file.follows
        and file.mode == "bulk"
        and by_default
        and stands_alone
        # A label is held against the days of all rows.
        and school_years.LABEL not in {*mapping.columns, *file.shape.constants}
        and not mapping.extras
        # What is left out is counted by its rows.
        and not mapping.left_out
    )


def compare_with_last(
    connection: Connection, arrival: Arrival, file: File, source: CsvSource, *, reading: str
) -> Resent | None:
    """Hold a file against the last one of its sender; None where it has to be read whole."""
    if file.member.byte_count < BYTES_MIN:
        return None
    last = _last_load(connection, arrival, raw=file.contract.raw_name(file.name), reading=reading)
    if last is None:
        return None
    old = _source_of(last, arrival, file=file, like=source)
    if old is None:
        return None
    noted = _noted_rows(connection, last, file=file, member=old.member.name)
    if noted is None:
        return None
    apart, bad = noted
    lines = compare_lines(old, source, set_apart=apart)
    if lines is None or lines.old_lines != last["rows_in"]:
        return None
    if not (lines.changed.is_single_lined and lines.gone.is_single_lined):
        return None
    return Resent(lines, bad)


def _noted_rows(
    connection: Connection, last: Row, *, file: File, member: str
) -> tuple["array[int]", "array[int]"] | None:
    """The rows of the last file of which something was said, and those among them that were set
    aside; None where one of them was outdone by another, or there are too many."""
    apart, bad = array("q"), array("q")
    with connection.cursor("noted_rows", row_factory=tuple_row) as rows:
        rows.itersize = FETCHED
        rows.execute(
            "with noted as (select arrival_id, feed, table_name, file_name, row_number, rule,"
            "  scope = 'row' and state <> 'released' as is_bad from ops.quarantine"
            "  union all select arrival_id, feed, table_name, file_name, row_number, rule, false"
            "  from ops.row_notice)"
            " select row_number, bool_or(is_bad), bool_or(rule = 'conflicting_duplicate')"
            " from noted"
            " where arrival_id = %s and feed = %s and table_name = %s and file_name = %s"
            " group by row_number limit %s",
            [last["arrival_id"], last["feed"], file.name, member, DIFFERENT_MAX + 1],
        )
        for row_number, is_bad, is_outdone in rows:
            if is_outdone:
                return None
            apart.append(row_number)
            if is_bad:
                bad.append(row_number)
    return (apart, bad) if len(apart) <= DIFFERENT_MAX else None


def _last_load(connection: Connection, arrival: Arrival, *, raw: str, reading: str) -> Row | None:
    """The load of the arrival that was the last to touch a table, if it is one to compare with."""
    batches = connection.execute(
        "select b.batch_id, b.reading_hash, t.rows_in, t.rows_duplicate, a.arrival_id, a.sha256,"
        " a.file_name, a.effective_at, a.sender, a.feed, a.state"
        " from ops.batch_table as t inner join ops.batch as b on t.batch_id = b.batch_id"
        " inner join ops.arrival as a on b.arrival_id = a.arrival_id"
        " where t.table_name = %s order by b.batch_id desc limit 100",
        [raw],
    ).fetchall()
    for place, row in enumerate(batches):
        if row["arrival_id"] != batches[0]["arrival_id"]:
            return None
        if row["reading_hash"] is None:
            continue  # rows that had waited, judged again
        fits = (
            row["reading_hash"] == reading
            and (row["sender"], row["feed"], row["state"])
            == (arrival.sender, arrival.feed, "loaded")
            and row["arrival_id"] != arrival.arrival_id
            and row["effective_at"] <= arrival.effective_at
            and not any(batch["rows_duplicate"] for batch in batches[: place + 1])
        )
        return row if fits else None
    return None


def _source_of(last: Row, arrival: Arrival, *, file: File, like: CsvSource) -> CsvSource | None:
    archive = arrival.archived.parent.parent
    if not is_whole(archive, last["sha256"]):
        return None
    members = open_members(archived(archive, last["sha256"]), file_name=last["file_name"])
    member = members.get(file.member.name)
    if member is None and len(members) == 1:
        (member,) = members.values()
    return replace(like, member=member) if member else None


def remember_gone(connection: Connection, merge: Merge, *, last_bad: "array[int]") -> None:
    """Keep what the typed rows in `good` speak of as `gone`: the old file's lines that are not
    simply in the new one. A row that was set aside had no record of its own (`_bad`).

    Raises:
        ReadWhole: one of them cannot be told.
    """
    keys = dict.fromkeys([*key_columns(merge.table), *merge.holding])
    required = {merge.table.raw_column(n) for n, c in merge.table.columns.items() if c.required}
    listed = sql.SQL(", ").join(map(sql.Identifier, keys))
    unknown = sql.SQL(" or ").join(
        sql.SQL("{} is null").format(sql.Identifier(key)) for key in keys if key in required
    )
    connection.execute("drop table if exists pg_temp.gone, pg_temp.said_again")
    connection.execute(
        sql.SQL(
            "create temp table gone on commit drop as select {listed}, {unknown} as _unknown,"
            " bool_and(_row = any({bad}::bigint[])) as _bad from pg_temp.good group by {listed}"
        ).format(listed=listed, unknown=unknown, bad=sql.Literal(sorted(last_bad)))
    )
    if _exists(connection, sql.SQL("select 1 from pg_temp.gone where _unknown and not _bad")):
        raise ReadWhole
    # Of a row that could not be read nobody knew whose it was; so it held nothing.
    connection.execute("delete from pg_temp.gone where _unknown")
    connection.execute("analyze pg_temp.gone")


def check_last(connection: Connection, merge: Merge, *, last_good: int, rows: int) -> Merge:
    """Make sure that what is live is what the last file said, and that none of the changed lines
    speaks of a record of which an unchanged one speaks too; `said_again` lists the days that both
    tell. `rows` says how many lines differ. What was looked up for that comes back with the
    merge.

    Raises:
        ReadWhole: it is otherwise.
    """
    row = connection.execute(
        sql.SQL("select count(*) as n from {} where _deleted_at is null and _sender = {}").format(
            merge.raw, sql.Literal(merge.sender)
        )
    ).fetchone()
    if row is None or row["n"] != last_good:
        raise ReadWhole
    with joined_wisely(connection, rows=rows):
        standing = list_standing(connection, merge, rows=rows)
        both = sql.SQL("select 1 from pg_temp.good as g inner join {} as s on {} where {}").format(
            standing, merge.same_record("g", "s"), merge.stands("s")
        )
        if _exists(connection, both):
            raise ReadWhole
        _list_said_again(connection, merge, standing=standing)
    return replace(merge, standing=standing)


def _list_said_again(connection: Connection, merge: Merge, *, standing: sql.Composable) -> None:
    """List in `said_again` the days of gone lines of which unchanged lines still speak."""
    connection.execute(
        sql.SQL(
            "create temp table said_again on commit drop as select distinct {held}"
            " from pg_temp.gone as o inner join {standing} as s on {same} where {stands}"
        ).format(
            held=merge.held_by("o"),
            standing=standing,
            same=merge.held_together("o", "s"),
            stands=merge.stands("s"),
        )
    )
    connection.execute("analyze pg_temp.said_again")


def _exists(connection: Connection, rows: sql.Composable) -> bool:
    row = connection.execute(sql.SQL("select exists ({}) as it").format(rows)).fetchone()
    return bool(row and row["it"])
