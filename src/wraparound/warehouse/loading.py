"""Load one arrival: every file of it under its contract, in one transaction with the ledger."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from psycopg import sql
from psycopg.types.json import Jsonb

from wraparound.contracts.district import District, FeedProfile, TableProfile
from wraparound.contracts.loader import contract_of, family_tables
from wraparound.contracts.models import Contract, Table
from wraparound.errors import ArrivalBraked, ConservationBroken, ContractBroken
from wraparound.landing.csv_source import CsvSource
from wraparound.landing.opening import Member, open_members
from wraparound.warehouse import oneroster, table_load
from wraparound.warehouse.checks import column_checks
from wraparound.warehouse.connection import Connection
from wraparound.warehouse.mapping import Notice, map_header
from wraparound.warehouse.merging import Changes, Merge, apply, compare
from wraparound.warehouse.staging import RaggedRow, stage_file, stage_lines


@dataclass(frozen=True)
class Arrival:
    """An arrival as the loader sees it."""

    arrival_id: int
    feed: str
    sender: str
    file_name: str
    effective_at: Any
    archived: Path
    brake_released: bool = False


@dataclass(frozen=True)
class TableCounts:
    """Rows of one file by what became of them."""

    table: str
    file_name: str
    rows_in: int
    quarantined: int
    duplicate: int
    changes: Changes

    @property
    def loaded(self) -> int:
        """Rows that made or changed a record."""
        return self.changes.created + self.changes.changed

    @property
    def unchanged(self) -> int:
        """Rows that say what is in force already, or something older than it."""
        return self.changes.unchanged + self.changes.older


@dataclass(frozen=True)
class Loaded:
    """What a load did."""

    batch_id: int
    tables: tuple[TableCounts, ...]
    notices: tuple[Notice, ...]

    def total(self, what: str) -> int:
        """The sum of one count over the files."""
        return sum(getattr(table, what) for table in self.tables)

    @property
    def ended(self) -> int:
        """Records that the arrival ended by no longer holding them."""
        return sum(table.changes.ended for table in self.tables)


@dataclass(frozen=True)
class _Load:
    """What every step of one load works with."""

    connection: Connection
    arrival: Arrival
    batch_id: int
    district: District
    seeds: Path

    def profile(self, feed: str) -> FeedProfile:
        """The sender's profile for a feed."""
        return self.district.profile(sender=self.arrival.sender, feed=feed)


@dataclass(frozen=True)
class _File:
    """One file to load: where it goes and how it is meant."""

    member: Member
    contract: Contract
    name: str
    table: Table
    mode: oneroster.Mode


def load(connection: Connection, arrival: Arrival, *, district: District, seeds: Path) -> Loaded:
    """Load every file of an arrival; the caller commits.

    Raises:
        ContractBroken: the arrival cannot be read as its feed.
        ArrivalBraked: it would end or change more than can be believed.
        ConservationBroken: rows are unaccounted for.
    """
    members = open_members(arrival.archived, file_name=arrival.file_name)
    files, notices = _plan(arrival, members, district=district)
    work = _Load(connection, arrival, _open_batch(connection, arrival), district, seeds)
    tables = []
    for file in files:
        counts, noticed = _load_file(work, file)
        tables.append(counts)
        notices += noticed
    loaded = Loaded(work.batch_id, tuple(tables), tuple(notices))
    _close_batch(connection, arrival, loaded)
    return loaded


def replay(
    connection: Connection, arrival: Arrival, *, district: District, seeds: Path
) -> Loaded | None:
    """Judge an arrival's quarantined lines again; what is good now is loaded."""
    open_files = connection.execute(
        "select distinct feed, table_name, file_name from ops.quarantine"
        " where arrival_id = %s and state = 'open' and rule <> 'ragged_row'"
        " order by feed, table_name",
        [arrival.arrival_id],
    ).fetchall()
    if not open_files:
        return None
    work = _Load(connection, arrival, _open_batch(connection, arrival), district, seeds)
    connection.execute(
        "update ops.quarantine set state = 'released' where arrival_id = %s and state = 'open'"
        " and rule <> 'ragged_row'",
        [arrival.arrival_id],
    )
    tables = [_replay_file(work, **row) for row in open_files]
    loaded = Loaded(work.batch_id, tuple(tables), ())
    _close_replay(connection, arrival, loaded)
    return loaded


def _replay_file(work: _Load, *, feed: str, table_name: str, file_name: str) -> TableCounts:
    contract = contract_of(feed)
    table = contract.tables[table_name]
    have = stage_lines(work.connection, arrival_id=work.arrival.arrival_id, file_name=file_name)
    names = {name for name in table.loaded if table.raw_column(name) in have}
    judged = _Judged(contract, table_name, table, names, file_name, "replay")
    return _judge_and_merge(work, judged, ragged=[])


@dataclass(frozen=True)
class _Judged:
    contract: Contract
    name: str
    table: Table
    have: set[str]
    file_name: str
    mode: oneroster.Mode | Literal["replay"]


def _plan(
    arrival: Arrival, members: dict[str, Member], *, district: District
) -> tuple[list[_File], list[Notice]]:
    """Which member goes into which table, in load order."""
    contract = contract_of(arrival.feed)
    tables = family_tables(contract.family)
    manifest = oneroster.Manifest("")
    if contract.package == "oneroster":
        manifest = oneroster.read_manifest(members, tables=tables, file_name=arrival.file_name)
    notices = list(manifest.notices)
    files = []
    for name, member in members.items():
        place = _place(
            name, arrival=arrival, tables=tables, district=district, alone=len(members) == 1
        )
        if place is not None:
            file_contract, table_name, table = place
            files.append(
                _File(
                    member,
                    file_contract,
                    table_name,
                    table.for_version(manifest.version),
                    mode=manifest.mode_of(name),
                )
            )
        elif name not in contract.ignored_files:
            notices.append(Notice("file_not_used", Path(name).suffix or "package"))
    _refuse_missing_files(arrival, files, contract=contract, manifest=manifest)
    order = [(contract.feed, name) for contract, name, _ in tables.values()]
    return sorted(files, key=lambda f: order.index((f.contract.feed, f.name))), notices


def _place(
    name: str,
    *,
    arrival: Arrival,
    tables: dict[str, tuple[Contract, str, Table]],
    district: District,
    alone: bool,
) -> tuple[Contract, str, Table] | None:
    """The table that a file fills: by its sender's name, the standard's, or the only one."""
    contract = contract_of(arrival.feed)
    profile = district.profile(sender=arrival.sender, feed=arrival.feed)
    for table_name, shape in profile.tables.items():
        if shape.file == name and table_name in contract.tables:
            return contract, table_name, contract.tables[table_name]
    if name in tables:
        return tables[name]
    if not alone:
        return None
    if len(contract.tables) == 1:
        (only,) = contract.tables
        return contract, only, contract.tables[only]
    stem = Path(name).stem.lower()
    by_stem = {Path(file).stem.lower(): place for file, place in tables.items()}
    return next((place for known, place in by_stem.items() if stem.startswith(known)), None)


def _refuse_missing_files(
    arrival: Arrival, files: list[_File], *, contract: Contract, manifest: oneroster.Manifest
) -> None:
    have = {(file.contract.feed, file.name) for file in files}
    if not have:
        raise ContractBroken(
            f"{arrival.file_name} holds no file of feed {contract.feed}. Expected: "
            f"{', '.join(table.file for table in contract.tables.values())}."
        )
    missing = [
        table.file
        for name, table in contract.tables.items()
        if table.required
        and (contract.feed, name) not in have
        and manifest.modes.get(table.file) != "absent"
    ]
    if missing:
        raise ContractBroken(
            f"{arrival.file_name} lacks {', '.join(missing)}. The whole arrival was set aside and "
            "the last good data stays in force; ask the sender to send it again."
        )


def _load_file(work: _Load, file: _File) -> tuple[TableCounts, list[Notice]]:
    profile = work.profile(file.contract.feed)
    source = CsvSource(file.member, profile.encoding, profile.delimiter)
    mapping = map_header(
        source.header(),
        table=file.table,
        name=file.name,
        file_name=file.member.name,
        profile=profile.tables.get(file.name, TableProfile()),
    )
    staged = stage_file(work.connection, source, table=file.table, mapping=mapping)
    judged = _Judged(
        file.contract, file.name, file.table, mapping.columns, file.member.name, file.mode
    )
    counts = _judge_and_merge(work, judged, ragged=staged.ragged)
    notices = list(mapping.notices)
    if staged.trimmed:
        notices.append(Notice("empty_cells_beyond_header", file.name, count=staged.trimmed))
    if file.contract.package == "oneroster":
        notices += oneroster.leniencies(work.connection, name=file.name, mode=file.mode)
    return counts, notices


def _judge_and_merge(work: _Load, judged: _Judged, *, ragged: list[RaggedRow]) -> TableCounts:
    """Judge the staged rows, hold them against what is in force, brake or apply."""
    connection = work.connection
    rows_in = _count(connection, "stage") + len(ragged)
    judging = _judging(work, judged)
    table_load.judge(connection, judging, ragged=ragged)
    duplicate = table_load.count_duplicates(connection, judging)
    if (judged.contract.feed, judged.name) == ("roster", "academic_sessions"):
        oneroster.refuse_older_school_year(connection, file_name=work.arrival.file_name)
    merge = _merge_of(work, judged)
    if merge.scope == "table" and rows_in == 0:
        raise ContractBroken(
            f"{judged.file_name} has a header and no rows; as a bulk file it would end every "
            "record. The whole arrival was set aside; ask the sender to send it again."
        )
    unreadable = table_load.any_key_unreadable(connection)
    changes = compare(connection, merge, keys_unreadable=unreadable)
    _brake(merge, changes, arrival=work.arrival)
    apply(connection, merge, changes)
    _record_touched(connection, merge)
    counts = TableCounts(
        judged.contract.raw_name(judged.name),
        judged.file_name,
        rows_in,
        table_load.count_set_aside(connection),
        duplicate,
        changes,
    )
    _conserve(counts)
    return counts


def _judging(work: _Load, judged: _Judged) -> table_load.Judging:
    profile = work.profile(judged.contract.feed)
    work.connection.execute(
        sql.SQL("set local datestyle = {}").format(sql.Literal(f"ISO, {profile.date_order}"))
    )
    shape = profile.tables.get(judged.name, TableProfile())
    return table_load.Judging(
        contract=judged.contract,
        name=judged.name,
        table=judged.table,
        profile=profile,
        checks=column_checks(
            judged.table, have=judged.have, profile=profile, shape=shape, seeds=work.seeds
        ),
        arrival_id=work.arrival.arrival_id,
        batch_id=work.batch_id,
        file_name=judged.file_name,
    )


def _merge_of(work: _Load, judged: _Judged) -> Merge:
    declared = work.profile(judged.contract.feed).scope or judged.table.scope
    return Merge(
        contract=judged.contract,
        name=judged.name,
        table=judged.table,
        sender=work.arrival.sender,
        batch_id=work.batch_id,
        effective_at=work.arrival.effective_at,
        # Only a bulk file ends what it does not hold; single rows judged again never do.
        scope=declared if judged.mode == "bulk" else "none",
    )


def _brake(merge: Merge, changes: Changes, *, arrival: Arrival) -> None:
    """Stop before ending more than can be believed; a person may release it."""
    brake = merge.contract.brake
    if merge.scope == "day":
        return  # each record that ends there has another in its place
    too_many = changes.ended > brake.count and changes.ended * 100 > brake.percent * changes.before
    if too_many and not arrival.brake_released:
        raise ArrivalBraked(
            f"{arrival.file_name} would end {changes.ended} of {changes.before} records in "
            f"{merge.contract.raw_name(merge.name)} (the brake is more than {brake.count} and "
            f"more than {brake.percent:g} %). Nothing was applied. Look at the file, then "
            f"`wraparound brake release {arrival.arrival_id} --by NAME --reason …` or "
            f"`wraparound brake reject {arrival.arrival_id} --by NAME --reason …`."
        )


def _conserve(counts: TableCounts) -> None:
    out = counts.loaded + counts.unchanged + counts.quarantined + counts.duplicate
    if out != counts.rows_in:
        raise ConservationBroken(
            f"{counts.file_name}: {counts.rows_in} rows came in and {out} are accounted for. "
            "Nothing of this arrival was kept; please report it."
        )


def _record_touched(connection: Connection, merge: Merge) -> None:
    """Which students a batch changed, and between which days."""
    if merge.table.student is None:
        return
    day: sql.Composable = sql.SQL("null::date")
    if merge.table.day:
        day = sql.Identifier("g", merge.table.raw_column(merge.table.day))
    connection.execute(
        sql.SQL(
            "insert into ops.touched as o (batch_id, student_source_id, first_date, last_date,"
            " row_count) select {batch}, g._student_source_id, min({day}), max({day}), count(*)"
            " from pg_temp.good as g inner join pg_temp.fate as f on g._row = f._row"
            " where f.fate in ('created', 'changed') and g._student_source_id is not null"
            " group by g._student_source_id"
            " on conflict (batch_id, student_source_id) do update set"
            " first_date = least(o.first_date, excluded.first_date),"
            " last_date = greatest(o.last_date, excluded.last_date),"
            " row_count = o.row_count + excluded.row_count"
        ).format(batch=sql.Literal(merge.batch_id), day=day)
    )


def _count(connection: Connection, relation: str) -> int:
    row = connection.execute(
        sql.SQL("select count(*) as n from pg_temp.{}").format(sql.Identifier(relation))
    ).fetchone()
    return int(row["n"]) if row else 0


def _open_batch(connection: Connection, arrival: Arrival) -> int:
    row = connection.execute(
        "insert into ops.batch (arrival_id, feed, sender) values (%s, %s, %s) returning batch_id",
        [arrival.arrival_id, arrival.feed, arrival.sender],
    ).fetchone()
    assert row is not None
    return int(row["batch_id"])


def _write_tables(connection: Connection, loaded: Loaded) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.batch_table (batch_id, table_name, rows_in, rows_created,"
            " rows_changed, rows_unchanged, rows_quarantined, rows_duplicate, rows_ended)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    loaded.batch_id,
                    table.table,
                    table.rows_in,
                    table.changes.created,
                    table.changes.changed,
                    table.unchanged,
                    table.quarantined,
                    table.duplicate,
                    table.changes.ended,
                )
                for table in loaded.tables
            ],
        )
    connection.execute(
        "update ops.batch set finished_at = clock_timestamp() where batch_id = %s",
        [loaded.batch_id],
    )


def _close_batch(connection: Connection, arrival: Arrival, loaded: Loaded) -> None:
    _write_tables(connection, loaded)
    set_aside = loaded.total("quarantined")
    message = (
        f"{set_aside} of {loaded.total('rows_in')} rows were set aside: "
        f"`wraparound quarantine list --arrival {arrival.arrival_id}`."
        if set_aside
        else None
    )
    connection.execute(
        "update ops.arrival set state = 'loaded', code = null, message = %s, batch_id = %s,"
        " rows_in = %s, rows_loaded = %s, rows_unchanged = %s, rows_quarantined = %s,"
        " rows_duplicate = %s, rows_ended = %s, notices = %s where arrival_id = %s",
        [
            message,
            loaded.batch_id,
            loaded.total("rows_in"),
            loaded.total("loaded"),
            loaded.total("unchanged"),
            set_aside,
            loaded.total("duplicate"),
            loaded.ended,
            Jsonb([notice.as_dict() for notice in loaded.notices]),
            arrival.arrival_id,
        ],
    )
    connection.execute(
        "insert into ops.feed_state as s (feed, sender, last_arrival_id, last_batch_id,"
        " last_loaded_at) values (%s, %s, %s, %s, clock_timestamp()) on conflict (feed, sender)"
        " do update set last_arrival_id = excluded.last_arrival_id,"
        " last_batch_id = excluded.last_batch_id, last_loaded_at = excluded.last_loaded_at",
        [arrival.feed, arrival.sender, arrival.arrival_id, loaded.batch_id],
    )
    _extend_crosswalks(connection)


def _close_replay(connection: Connection, arrival: Arrival, loaded: Loaded) -> None:
    """Rows that were set aside and are good now move from one count to another."""
    _write_tables(connection, loaded)
    connection.execute(
        "delete from ops.quarantine as old using ops.quarantine as new where old.arrival_id = %s"
        " and old.state = 'released' and new.state = 'open' and new.arrival_id = old.arrival_id"
        " and new.file_name = old.file_name and new.row_number = old.row_number",
        [arrival.arrival_id],
    )
    connection.execute(
        "delete from restricted.quarantine_line as l where arrival_id = %s and not exists"
        " (select 1 from ops.quarantine as q where q.arrival_id = l.arrival_id"
        "  and q.file_name = l.file_name and q.row_number = l.row_number and q.state = 'open')",
        [arrival.arrival_id],
    )
    connection.execute(
        "update ops.arrival set rows_loaded = rows_loaded + %s,"
        " rows_unchanged = rows_unchanged + %s, rows_duplicate = rows_duplicate + %s,"
        " rows_quarantined = rows_quarantined - %s,"
        " message = case when rows_quarantined > %s then message end where arrival_id = %s",
        [
            loaded.total("loaded"),
            loaded.total("unchanged"),
            loaded.total("duplicate"),
            released := loaded.total("rows_in") - loaded.total("quarantined"),
            released,
            arrival.arrival_id,
        ],
    )


def _extend_crosswalks(connection: Connection) -> None:
    """Give every student and school of the roster a key of ours, the same on every machine."""
    connection.execute(
        "insert into ops.student_crosswalk (student_source_id, student_key)"
        # 52 bits of a hash: the same key whatever arrived first, and exact in a spreadsheet.
        " select u.sourced_id, ('x' || left(md5(u.sourced_id), 13))::bit(52)::bigint"
        " from raw.roster__users as u where (u.role = 'student'"
        "  or exists (select 1 from raw.roster__roles as r"
        "   where r.user_sourced_id = u.sourced_id and r.role = 'student')"
        "  or exists (select 1 from raw.roster__enrollments as e"
        "   where e.user_sourced_id = u.sourced_id and e.role = 'student'))"
        " and not exists (select 1 from ops.student_crosswalk as x"
        "  where x.student_source_id = u.sourced_id)"
    )
    connection.execute(
        "insert into ops.school_crosswalk (school_source_id) select o.sourced_id"
        " from raw.roster__orgs as o where o.type = 'school' and not exists"
        " (select 1 from ops.school_crosswalk as x where x.school_source_id = o.sourced_id)"
        " order by o.sourced_id"
    )
