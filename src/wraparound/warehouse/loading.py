"""Load one arrival: every file of it under its contract, in one transaction with the ledger."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from psycopg import errors, sql

from wraparound.contracts.diagnostics import is_leniency
from wraparound.contracts.district import District, FeedProfile, TableProfile
from wraparound.contracts.loader import contract_of
from wraparound.contracts.models import Contract, Scope, Table
from wraparound.contracts.resources import is_json
from wraparound.errors import ConservationBroken, ContractBroken
from wraparound.landing.csv_source import CsvSource
from wraparound.landing.json_extras import Extras
from wraparound.landing.json_source import UNUSABLE_RULES
from wraparound.landing.opening import open_members
from wraparound.warehouse import identities, oneroster, removals, school_years, table_load
from wraparound.warehouse.batches import (
    Arrival,
    Loaded,
    Moved,
    TableCounts,
    close_batch,
    close_replay,
    open_batch,
)
from wraparound.warehouse.braking import Weighed, stop_if_tripped, weigh
from wraparound.warehouse.checks import column_checks
from wraparound.warehouse.connection import Connection, avoiding
from wraparound.warehouse.filling import fill, is_large_first, stands_alone, take_plain
from wraparound.warehouse.findings import Judging, note_ragged, supersede_older
from wraparound.warehouse.json_planning import (
    JsonFile,
    effective_time,
    json_members,
    plan_json,
    shape_of,
)
from wraparound.warehouse.lifting import lifted_rules
from wraparound.warehouse.mapping import BY, Mapping, Notice, map_source
from wraparound.warehouse.merging import (
    Changes,
    Merge,
    apply,
    compare,
    end_listed,
    remember_told,
)
from wraparound.warehouse.planning import File, plan
from wraparound.warehouse.raw_tables import holding_columns
from wraparound.warehouse.reading import reading_hash
from wraparound.warehouse.removals import GONE_KEYS, NEW_KEYS, OLD_KEYS
from wraparound.warehouse.resending import (
    ReadWhole,
    Resent,
    check_last,
    compare_with_last,
    may_be_short,
    remember_gone,
)
from wraparound.warehouse.scratch import make_table
from wraparound.warehouse.staging import (
    EXTRA,
    NO_EXTRA,
    Staged,
    extra_cells,
    json_columns,
    kept_columns,
    stage_file,
    stage_json,
    stage_lines,
)

__all__ = ["Arrival", "Loaded", "load", "replay", "tables_of"]
# Rows that cannot become good by looking at them once more.
NOT_REPLAYED = ("ragged_row", "conflicting_duplicate", *UNUSABLE_RULES, removals.STILL_NAMED)


@dataclass(frozen=True)
class _Load:
    """What every step of one load works with."""

    connection: Connection
    arrival: Arrival
    batch_id: int
    district: District
    seeds: Path
    weighed: list[Weighed] = field(default_factory=list)
    noticed: list[Notice] = field(default_factory=list)
    reading: str = ""
    whole: set[str] = field(default_factory=set)

    def profile(self, feed: str) -> FeedProfile:
        """The sender's profile for a feed."""
        return self.district.profile(sender=self.arrival.sender, feed=feed)


@dataclass(frozen=True)
class _Judged:
    """One file, staged: what it is, and how it is meant.

    Of a file that is compared with the last one only what differs is staged: `unchanged` counts
    its other lines.
    """

    contract: Contract
    name: str
    table: Table
    shape: TableProfile
    have: set[str]
    file_name: str
    mode: oneroster.Mode | Literal["replay"]
    staged: Staged
    kept: tuple[str, ...]
    effective_at: Any
    is_last: bool = True
    follows: bool = False
    extra: sql.Composable = field(default_factory=lambda: NO_EXTRA)
    unchanged: int | None = None

    @property
    def scope(self) -> Scope | None:
        """Which silence ends what, where the file itself says so: a record its own entries."""
        return "day" if self.shape.replaces or self.table.replaces else None

    @property
    def is_labelled(self) -> bool:
        """Whether the file, or the sender's profile for it, names its school year."""
        return school_years.LABEL in {*self.have, *self.shape.constants}

    @property
    def holding(self) -> tuple[str, ...]:
        """By what a row that cannot be read holds what is in force."""
        replaced = self.shape.replaces or self.table.replaces
        named = tuple(self.table.raw_column(name) for name in replaced)
        return named or holding_columns(self.table)


def load(connection: Connection, arrival: Arrival, *, district: District, seeds: Path) -> Loaded:
    """Load every file of an arrival; the caller commits. Loading it again ends in the same rows.

    Raises:
        ContractBroken: the arrival cannot be read as its feed.
        ArrivalBraked: it would end or change more than can be believed.
        ConservationBroken: rows are unaccounted for.
    """
    files, notices = _plan(arrival, district=district)
    profile = district.profile(sender=arrival.sender, feed=arrival.feed)
    lifted = lifted_rules(connection, feed=arrival.feed, day=arrival.received_on)
    contract = contract_of(arrival.feed)
    reading = reading_hash(contract, profile=profile, lifted=lifted, seeds=seeds)
    batch_id = open_batch(connection, arrival, reading=reading)
    work = _Load(connection, arrival, batch_id, district, seeds, reading=reading)
    _forget_findings(connection, arrival)
    tables = []
    for file in files:
        try:
            counts, noticed = (
                _load_json(work, file) if isinstance(file, JsonFile) else _load_file(work, file)
            )
        except ContractBroken:
            # What cannot be believed comes first: it may be why the rest does not fit.
            stop_if_tripped(work.weighed, arrival=arrival)
            raise
        tables.append(counts)
        notices += noticed
    # Only now, so that a person sees at once all that the arrival would change.
    stop_if_tripped(work.weighed, arrival=arrival)
    if work.profile(arrival.feed).strictness == "strict":
        _refuse_leniencies(notices, file_name=arrival.file_name)
    _note_identities(work, tables)
    told = _summed([*notices, *work.noticed])
    loaded = Loaded(work.batch_id, tuple(tables), told, frozenset(work.whole))
    close_batch(connection, arrival, loaded)
    return loaded


def tables_of(arrival: Arrival, *, district: District) -> frozenset[str]:
    """The raw tables that the files of an arrival fill; nothing is loaded.

    Raises:
        ContractBroken, SettingsWrong: it cannot be read as its feed.
    """
    files, _ = _plan(arrival, district=district)
    return frozenset(file.contract.raw_name(file.name) for file in files)


def _note_identities(work: _Load, tables: Sequence[TableCounts]) -> None:
    """See whether a roster gives ids to other children."""
    if any(table.feed == "roster" for table in tables):
        zone = work.district.time_zone
        identities.note_changes(work.connection, work.batch_id, time_zone=zone, seeds=work.seeds)


def _summed(notices: list[Notice]) -> tuple[Notice, ...]:
    """One notice of what several files say alike."""
    counts: Counter[tuple[str, str, str | None]] = Counter()
    for notice in notices:
        counts[notice.rule, notice.table, notice.column] += notice.count
    return tuple(Notice(*what, count=count) for what, count in counts.items())


def _refuse_leniencies(notices: list[Notice], *, file_name: str) -> None:
    """Strict reading lets pass nothing that the standard does not allow."""
    lenient = [notice for notice in notices if is_leniency(notice.rule)]
    if lenient:
        told = "; ".join(
            f"{notice.rule} in {notice.table}"
            + (f", column {notice.column}" if notice.column else "")
            + f" ({notice.count})"
            for notice in lenient
        )
        raise ContractBroken(
            f"{file_name} does otherwise than the standard asks, and its sender is read strictly: "
            f"{told}. The whole arrival was set aside; ask the sender to correct it, or set "
            "strictness: tolerant in the sender's profile."
        )


def _plan(
    arrival: Arrival, *, district: District
) -> tuple[Sequence[File | JsonFile], list[Notice]]:
    members = open_members(arrival.archived, file_name=arrival.file_name)
    words = {"feed": arrival.feed, "file_name": arrival.file_name, "sender": arrival.sender}
    json = json_members(members, contract=contract_of(arrival.feed))
    if json:
        return plan_json(json, district=district, **words)
    profile = district.profile(sender=arrival.sender, feed=arrival.feed)
    return plan(members, profile=profile, district=district, **words)


def replay(
    connection: Connection, arrival: Arrival, *, district: District, seeds: Path
) -> Loaded | None:
    """Judge an arrival's quarantined lines again; what is good now is loaded."""
    open_files = connection.execute(
        "select distinct feed, table_name, file_name from ops.quarantine"
        " where arrival_id = %s and state = 'open' and rule <> all(%s)",
        [arrival.arrival_id, list(NOT_REPLAYED)],
    ).fetchall()
    if not open_files:
        return None
    work = _Load(connection, arrival, open_batch(connection, arrival), district, seeds)
    tables, moved = [], Moved()
    for row in sorted(open_files, key=lambda row: _place(**row)):
        counts, released = _replay_file(work, **row)
        tables.append(counts)
        moved += released
    _note_identities(work, tables)
    loaded = Loaded(work.batch_id, tuple(tables), ())
    # No statistics know yet how many findings this transaction wrote and closed.
    with avoiding(connection, "enable_nestloop"):
        close_replay(connection, arrival, loaded, moved=moved)
    return loaded


def _place(*, feed: str, table_name: str, file_name: str) -> tuple[int, int, str]:
    """Parents before children."""
    contract = contract_of(feed)
    return contract.order, list(contract.tables).index(table_name), file_name


def _forget_findings(connection: Connection, arrival: Arrival) -> None:
    """An arrival that is loaded once more brings its findings once more."""
    connection.execute(
        "delete from ops.quarantine where arrival_id = %s and state = 'open'", [arrival.arrival_id]
    )
    connection.execute(
        "delete from restricted.quarantine_line where arrival_id = %s", [arrival.arrival_id]
    )
    connection.execute("delete from ops.row_notice where arrival_id = %s", [arrival.arrival_id])


def _replay_file(
    work: _Load, *, feed: str, table_name: str, file_name: str
) -> tuple[TableCounts, Moved]:
    contract = contract_of(feed)
    table = contract.tables[table_name]
    with avoiding(work.connection, "enable_nestloop"):
        staged = stage_lines(
            work.connection,
            arrival_id=work.arrival.arrival_id,
            table_name=table_name,
            file_name=file_name,
            leave=NOT_REPLAYED,
        )
    have = {column.removesuffix(BY) for column in staged}
    names = {name for name in table.loaded if table.raw_column(name) in have}
    # A version of a standard lacks columns that another requires.
    other = {
        name: column.model_copy(update={"required": name in names})
        for name, column in table.columns.items()
        if column.required_since or column.required_until
    }
    judged = _Judged(
        contract,
        table_name,
        table.model_copy(update={"columns": table.columns | other}),
        shape_of(file_name, feed=feed, table=table_name, profile=work.profile(feed)),
        names,
        file_name,
        "replay",
        Staged(rows=_count(work.connection, "stage")),
        tuple(sorted(staged)),
        effective_time(file_name, district=work.district) or work.arrival.effective_at,
        extra=sql.SQL("s._extra::jsonb") if EXTRA in staged else NO_EXTRA,
    )
    counts = _judge_and_merge(work, judged)
    return counts, _count_moved(work.connection)


def _count_moved(connection: Connection) -> Moved:
    """What became of the rows that had waited."""
    row = connection.execute(
        "select count(*) filter (where f.fate in ('created', 'changed')) as loaded,"
        " count(*) filter (where coalesce(f.fate, '') not in ('created', 'changed')"
        "  and g._row is not null) as unchanged,"
        " count(*) filter (where g._row is null and b._row is null and o._row is null) as repeated"
        " from pg_temp.waited as w left join pg_temp.good as g on w._row = g._row"
        " left join pg_temp.fate as f on w._row = f._row"
        " left join pg_temp.bad as b on w._row = b._row"
        " left join pg_temp.outdone as o on w._row = o._row"
    ).fetchone()
    assert row is not None
    return Moved(row["loaded"], row["unchanged"], row["repeated"])


def _load_file(work: _Load, file: File) -> tuple[TableCounts, list[Notice]]:
    profile = work.profile(file.contract.feed)
    source = CsvSource.of(file.member, profile)
    mapping = map_source(source, table=file.table, name=file.name, profile=file.shape)
    mapping = mapping.beside(file.elsewhere)
    known = _resent(work, file, source, mapping)
    found = _load_resent(work, file, mapping, resent=known) if known else None
    if found is None:
        staged = stage_file(work.connection, source, table=file.table, mapping=mapping)
        found = _judge_and_merge(work, _judged_file(work, file, mapping, staged)), staged
    counts, staged = found
    notices = list(mapping.notices)
    if source.lines_above:
        notices.append(Notice("lines_above", file.name, count=source.lines_above))
    if staged.trimmed:
        notices.append(Notice("empty_cells_beyond_header", file.name, count=staged.trimmed))
    if file.contract.package == "oneroster":
        notices += oneroster.leniencies(
            work.connection,
            name=file.name,
            table=file.table,
            have=mapping.columns,
            mode=file.mode,
            tolerant=profile.strictness == "tolerant",
        )
    return counts, notices


def _judged_file(
    work: _Load, file: File, mapping: Mapping, staged: Staged, *, unchanged: int | None = None
) -> _Judged:
    return _Judged(
        file.contract,
        file.name,
        file.table,
        file.shape,
        mapping.columns,
        file.member.name,
        file.mode,
        staged,
        kept_columns(file.table, mapping),
        work.arrival.effective_at,
        file.is_last,
        file.follows,
        extra_cells(mapping),
        unchanged,
    )


def _resent(work: _Load, file: File, source: CsvSource, mapping: Mapping) -> Resent | None:
    """How a file differs from the last one, where that is enough to know."""
    feed = file.contract.feed
    profile = work.profile(feed)
    ids = {profile.student_id, profile.school_id}
    if not may_be_short(file, mapping, ids=ids) or lifted_rules(
        work.connection, feed=feed, day=work.arrival.received_on
    ):
        return None
    return compare_with_last(work.connection, work.arrival, file, source, reading=work.reading)


def _load_resent(
    work: _Load, file: File, mapping: Mapping, *, resent: Resent
) -> tuple[TableCounts, Staged] | None:
    """Load what differs from the last file; None, and nothing done, where all must be read."""
    connection, weighed, noticed = work.connection, list(work.weighed), list(work.noticed)
    try:
        with connection.transaction():
            gone = stage_file(connection, resent.lines.gone, table=file.table, mapping=mapping)
            judged = _judged_file(work, file, mapping, gone, unchanged=resent.lines.unchanged)
            table_load.read_only(connection, _judging(work, judged))
            merge = _merge_of(work, judged)
            remember_gone(connection, merge, last_bad=resent.last_bad)
            staged = stage_file(
                connection, resent.lines.changed, table=file.table, mapping=mapping
            )
            judged = replace(judged, staged=staged)
            return _judge_and_merge(work, judged, resent=resent), staged
    except (ReadWhole, ContractBroken):
        # Whether the file is broken is for the whole of it to say.
        work.weighed[:], work.noticed[:] = weighed, noticed
        return None


def _load_json(work: _Load, file: JsonFile) -> tuple[TableCounts, list[Notice]]:
    if file.kind != "upserts":
        return _take_away(work, file)
    staged = stage_json(work.connection, file.source)
    judged = _Judged(
        file.contract,
        file.name,
        file.table,
        file.source.shape,
        {*file.source.columns(), *file.source.shape.look_ups},
        file.source.member.name,
        "bulk",
        staged,
        json_columns(file.source),
        file.effective_at or work.arrival.effective_at,
        file.is_last,
        file.follows,
        sql.SQL("s._extra::jsonb") if staged.extras.is_kept else NO_EXTRA,
    )
    notices = _told_extras(file.name, staged.extras)
    own = work.profile(file.contract.feed).shape(file.name, file_name=file.source.member.name)
    if own.each and not staged.rows and not staged.ragged:
        notices.append(Notice("no_entries", file.name))
    return _judge_and_merge(work, judged), notices


def _told_extras(table: str, extras: Extras) -> list[Notice]:
    """What is told of members that nobody reads: their names, unless these are values."""
    kept = extras.kept if extras.is_kept else {}
    notices = [Notice("column_unknown", table, path, count=n) for path, n in kept.items()]
    notices += [Notice("column_refused", table, p, count=n) for p, n in extras.refused.items()]
    if extras.lost:
        notices.append(Notice("member_not_kept", table, count=extras.lost))
    return notices


def _take_away(work: _Load, file: JsonFile) -> tuple[TableCounts, list[Notice]]:
    """End or rename the records that a file of deletes or of key changes calls."""
    connection = work.connection
    staged = _stage_keys(connection, file)
    rows_in = staged.rows + len(staged.ragged)
    judged = _calling(work, file, staged)
    judging, merge = _judging(work, judged), _merge_of(work, judged)
    removals.make_nothing_new(connection, merge)
    table_load.make_bad(connection, judging)
    note_ragged(connection, judging, staged.ragged)
    is_delete = file.kind == "deletes"
    if is_delete:
        removed = removals.list_gone(connection, merge, judging, primary=file.primary_table)
        work.weighed[:] = weigh(connection, merge, earlier=work.weighed)
        end_listed(connection, merge)
    else:
        removed = removals.rename(connection, merge, judging)
    table_load.keep_noted(connection, judging)
    set_aside = table_load.count_set_aside(connection)
    ended = removed.rows if is_delete else 0
    unchanged = rows_in - removed.done - set_aside
    changes = Changes(changed=removed.done, unchanged=unchanged, ended=ended)
    raw_name, file_name = judged.contract.raw_name(judged.name), judged.file_name
    counts = TableCounts(judged.contract.feed, raw_name, file_name, rows_in, set_aside, 0, changes)
    _conserve(counts)
    unknown = Notice(f"{file.kind}_of_unknown_records", file.name, count=removed.unknown)
    return counts, [unknown] if removed.unknown else []


def _calling(work: _Load, file: JsonFile, staged: Staged) -> _Judged:
    return _Judged(
        file.contract,
        file.name,
        file.table,
        TableProfile(),
        set(),
        file.source.member.name,
        "delta",
        staged,
        json_columns(file.calling(GONE_KEYS)),
        file.effective_at or work.arrival.effective_at,
    )


def _stage_keys(connection: Connection, file: JsonFile) -> Staged:
    """Stage what calls the records: of key changes the new keys beside, as `renamed`."""
    if file.kind == "deletes":
        return stage_json(connection, file.calling(GONE_KEYS))
    staged = stage_json(connection, file.calling(NEW_KEYS))
    make_table(connection, "renamed", sql.SQL("select * from pg_temp.stage"))
    return replace(staged, rows=stage_json(connection, file.calling(OLD_KEYS)).rows)


def _judge_and_merge(work: _Load, judged: _Judged, *, resent: Resent | None = None) -> TableCounts:
    """Judge the staged rows, hold them against what is in force, brake or apply.

    Raises:
        ReadWhole: what differs is not enough to know; only of a file that is sent again, of which
            only what differs is staged.
    """
    connection, rows = work.connection, judged.staged.rows
    judging = _judging(work, judged)
    merge = _merge_of(work, judged)
    is_first = is_large_first(connection, merge, rows=rows)
    # A label is held against the days of all rows.
    if is_first and stands_alone(judging) and not judged.is_labelled:
        try:
            with connection.transaction():
                filled = take_plain(connection, judging, merge, rows=rows)
                others = rows - (filled.filled or 0)
                judging_others = replace(judging, beside=merge.raw, rows=others)
                return _settle(work, judged, judging_others, filled, is_first=True)
        except errors.UniqueViolation:
            is_first = False  # some key comes twice: the longer way finds out which
    return _settle(work, judged, judging, merge, is_first=is_first, resent=resent)


def _settle(
    work: _Load,
    judged: _Judged,
    judging: Judging,
    merge: Merge,
    *,
    is_first: bool,
    resent: Resent | None = None,
) -> TableCounts:
    connection = work.connection
    unchanged = judged.unchanged or 0
    rows_in = judged.staged.rows + len(judged.staged.ragged) + unchanged
    table_load.judge(connection, judging, ragged=judged.staged.ragged)
    _refuse_other_years(work, judged, merge)
    work.noticed.extend(table_load.let_in(connection, judging))
    _refuse_empty(judged, merge, rows_in=rows_in)
    if resent is not None:
        merge = check_last(connection, merge, last_good=resent.last_good, rows=resent.rows)
    changes, duplicate = _merge(work, judging, merge, is_first=is_first)
    changes = replace(changes, unchanged=changes.unchanged + unchanged)
    table_load.keep_noted(connection, judging)
    if not merge.is_replay:
        readable = not table_load.any_key_unreadable(connection, judging)
        whole = merge.scope == "table" and judged.is_last and readable
        supersede_older(connection, judging, whole_table=whole)
        if whole:
            work.whole.add(judged.contract.raw_name(judged.name))
    counts = TableCounts(
        judged.contract.feed,
        judged.contract.raw_name(judged.name),
        judged.file_name,
        rows_in,
        table_load.count_set_aside(connection),
        duplicate,
        changes,
    )
    _conserve(counts)
    return counts


def _refuse_empty(judged: _Judged, merge: Merge, *, rows_in: int) -> None:
    if merge.scope == "table" and rows_in == 0 and not merge.is_replay:
        raise ContractBroken(
            f"{judged.file_name} has a header and no rows; as a bulk file it would end every "
            "record. The whole arrival was set aside; ask the sender to send it again."
        )


def _refuse_other_years(work: _Load, judged: _Judged, merge: Merge) -> None:
    if judged.mode == "replay":
        return
    is_bulk_or_csv = merge.scope == "table" or not is_json(judged.file_name)
    if is_bulk_or_csv and (judged.contract.feed, judged.name) == ("roster", "academic_sessions"):
        school_years.refuse_older_roster(work.connection, file_name=work.arrival.file_name)
    if judged.is_labelled:
        school_years.refuse_wrong_label(
            work.connection,
            table=judged.table,
            file_name=judged.file_name,
            year_starts=work.district.school_year_starts,
        )


def _merge(work: _Load, judging: Judging, merge: Merge, *, is_first: bool) -> tuple[Changes, int]:
    """Bring the good rows into force; what changed, and how many rows were repeats."""
    connection = work.connection
    if is_first:
        try:
            changes = fill(connection, merge)
        except errors.UniqueViolation:
            if merge.filled is not None:
                raise
        else:
            return changes, 0
    duplicate = table_load.drop_repeats(connection, judging)
    unreadable = table_load.any_key_unreadable(connection, judging)
    changes = compare(connection, merge, keys_unreadable=unreadable)
    if changes.taken:
        work.noticed.append(Notice("taken_over", judging.name, count=changes.taken))
    if changes.spared:
        work.noticed.append(Notice("silence_ends_nothing", judging.name, count=changes.spared))
    work.weighed[:] = weigh(connection, merge, earlier=work.weighed)
    if not merge.is_last:
        remember_told(connection, merge, keys_unreadable=unreadable)
    elif merge.follows:
        connection.execute("drop table pg_temp.told")
    apply(connection, merge, changes)
    return changes, duplicate


def _judging(work: _Load, judged: _Judged) -> Judging:
    profile = work.profile(judged.contract.feed)
    lifted = lifted_rules(work.connection, feed=judged.contract.feed, day=work.arrival.received_on)
    work.connection.execute(
        sql.SQL("set local datestyle = {}").format(sql.Literal(f"ISO, {profile.date_order}"))
    )
    return Judging(
        contract=judged.contract,
        name=judged.name,
        table=judged.table,
        profile=profile,
        checks=column_checks(
            judged.table,
            contract=judged.contract,
            have=judged.have,
            profile=profile,
            shape=judged.shape,
            seeds=work.seeds,
            padded=judged.staged.has_padding,
            lifted=lifted,
        ),
        holding=judged.holding,
        arrival_id=work.arrival.arrival_id,
        batch_id=work.batch_id,
        file_name=judged.file_name,
        sender=work.arrival.sender,
        effective_at=judged.effective_at,
        kept=judged.kept,
        have=frozenset(judged.have),
        lifted=lifted,
        extra=judged.extra,
        has_control=judged.staged.has_control,
        has_line_breaks=judged.staged.has_line_breaks,
        is_resent=judged.unchanged is not None,
        is_replay=judged.mode == "replay",
        rows=judged.staged.rows,
    )


def _merge_of(work: _Load, judged: _Judged) -> Merge:
    # A page of an API is no whole: its silence ends nothing, unless the sender's profile says so.
    standard = "none" if is_json(judged.file_name) else judged.table.scope
    declared = work.profile(judged.contract.feed).scope or standard
    # Only a bulk file ends what it does not hold; single rows judged again end nothing, but
    # must know of days that were told anew.
    is_replay = judged.mode == "replay"
    return Merge(
        contract=judged.contract,
        name=judged.name,
        table=judged.table,
        sender=work.arrival.sender,
        batch_id=work.batch_id,
        effective_at=judged.effective_at,
        scope=judged.scope or (declared if judged.mode == "bulk" or is_replay else "none"),
        holding=judged.holding,
        is_replay=is_replay,
        has_extra=judged.extra is not NO_EXTRA,
        is_last=judged.is_last,
        follows=judged.follows,
        is_resent=judged.unchanged is not None,
    )


def _conserve(counts: TableCounts) -> None:
    out = counts.loaded + counts.unchanged + counts.quarantined + counts.duplicate
    if out != counts.rows_in:
        raise ConservationBroken(
            f"{counts.file_name}: {counts.rows_in} rows came in and {out} are accounted for. "
            "Nothing of this arrival was kept; please report it."
        )


def _count(connection: Connection, relation: str) -> int:
    row = connection.execute(
        sql.SQL("select count(*) as n from pg_temp.{}").format(sql.Identifier(relation))
    ).fetchone()
    return int(row["n"]) if row else 0
