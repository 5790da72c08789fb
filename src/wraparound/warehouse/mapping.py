"""A file's header held against the contract: which position feeds which column."""

import difflib
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice

from wraparound.contracts.district import TableProfile
from wraparound.contracts.models import SECRET, Table
from wraparound.errors import ContractBroken
from wraparound.landing.archive import visible
from wraparound.landing.csv_source import CsvSource, holds_values

# So far down a header is looked for, to say where it is.
LINES_ABOVE_MAX = 30
# Marks the cell by which a column is looked up.
BY = "~by"
# What columns without a name are told by, all at once: spreadsheets leave them to the right.
NO_NAME = "(no name)"


@dataclass(frozen=True)
class Notice:
    """Something the sender should know that cost no row."""

    rule: str
    table: str
    column: str | None = None
    count: int = 1

    def as_dict(self) -> dict[str, object]:
        """For the ledger: names and counts only."""
        return {
            "rule": self.rule,
            "table": self.table,
            "column": self.column,
            "count": self.count,
        }


@dataclass(frozen=True)
class Mapping:
    """`positions[i]` is the contract column of the i-th cell, or None where nothing reads it.

    `composed` are columns that are joined from the cells at several positions, and the cells by
    which others are looked up, under the column's name with `BY`. `extras` are headers that the
    contract does not know, and their positions: kept apart and used nowhere. A row is left out
    where the cell at a position of `left_out` is like one of its patterns.
    """

    positions: tuple[str | None, ...]
    notices: tuple[Notice, ...] = ()
    composed: dict[str, tuple[int, ...]] = field(default_factory=dict)
    extras: dict[str, int] = field(default_factory=dict)
    left_out: dict[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def columns(self) -> set[str]:
        """The contract columns that the file carries."""
        joined = {name.removesuffix(BY) for name in self.composed}
        return {name for name in self.positions if name} | joined

    def beside(self, elsewhere: frozenset[str]) -> "Mapping":
        """The same where other tables of the file read some headers, in small letters: those are
        not unknown."""
        return replace(
            self,
            notices=tuple(
                notice
                for notice in self.notices
                if notice.rule != "column_unknown" or str(notice.column).lower() not in elsewhere
            ),
            extras={h: place for h, place in self.extras.items() if h.lower() not in elsewhere},
        )


def map_header(
    header: list[str], *, table: Table, name: str, file_name: str, profile: TableProfile
) -> Mapping:
    """Hold a header against the contract.

    Raises:
        ContractBroken: a column comes twice, or one is missing that is required or by which the
            profile leaves rows out; the message names the file and the column, and a header that
            is close to the missing one.
    """
    spelt = _spellings(table, profile)
    composed = _composed(header, table=table, profile=profile)
    used = {header[position] for positions in composed.values() for position in positions}
    positions: list[str | None] = []
    extras: dict[str, int] = {}
    notices = []
    exact = {cell for cell in header if spelt.get(cell) == cell}
    for cell in header:
        column = spelt.get(cell)
        if column in positions or (column in exact and column != cell):
            column = None  # an old spelling beside the right one
        if column is None and spelt.get(cell.lower()) not in {None, *exact, *positions}:
            column = spelt[cell.lower()]
        rule = None if column is None and cell in used else _rule_of(cell, column, table, profile)
        notices += [Notice(rule, name, visible(cell))] if rule and cell else []
        if rule == "column_unknown" and cell:
            extras[cell] = len(positions)
        positions.append(None if rule == "column_refused" else column)
    nameless = header.count("")
    notices += [Notice("column_unknown", name, NO_NAME, nameless)] if nameless else []
    have = {p for p in positions if p} | set(profile.constants)
    have |= {column.removesuffix(BY) for column in composed}
    # In this order: where columns are missing, the first line may be no header but a child's row,
    # and must not be told.
    _refuse_missing(header, have=have, table=table, file_name=file_name, profile=profile)
    _refuse_twice(header, file_name=file_name)
    missing = [c for c in table.loaded if c not in have]
    notices += [Notice("column_missing", name, column) for column in missing if _standard(column)]
    left_out = _left_out(header, file_name=file_name, profile=profile)
    return Mapping(tuple(positions), tuple(notices), composed, extras, left_out)


def map_source(source: CsvSource, *, table: Table, name: str, profile: TableProfile) -> Mapping:
    """Hold the header of a file against the contract.

    Raises:
        ContractBroken: as `map_header`; where a line further below would fit, the message says
            which.
    """
    file_name = source.member.name
    try:
        return map_header(
            source.header(), table=table, name=name, file_name=file_name, profile=profile
        )
    except ContractBroken:
        row = _row_that_fits(source, table=table, name=name, profile=profile)
        if row is None:
            raise
        raise ContractBroken(
            f"{file_name}: its header is row {row}, below lines that are no part of the table. "
            f"The whole arrival was set aside; say lines_above: {row - 1} of this file under "
            "layouts in the sender's profile, then land it again."
        ) from None


def _row_that_fits(
    source: CsvSource, *, table: Table, name: str, profile: TableProfile
) -> int | None:
    """The row that is a header of the table, where the first one is not."""
    if source.names:
        return None
    rows = replace(source, lines_above=0).rows()
    try:
        for row, cells in islice(rows, LINES_ABOVE_MAX):
            header = [cell.strip() for cell in cells]
            with suppress(ContractBroken):
                map_header(header, table=table, name=name, file_name="", profile=profile)
                # Where that is the row which could not be read, what was said of it is so.
                return row if row != source.first_row - 1 else None
    except (ContractBroken, UnicodeDecodeError):
        return None
    return None


def headers_of(table: Table, profile: TableProfile) -> set[str]:
    """Every header that a table may read of a sender's file."""
    read = {look_up.by for look_up in profile.look_ups.values()}
    for column, spec in table.loaded.items():
        own = profile.columns.get(column, (column, *spec.aliases))
        read |= {own} if isinstance(own, str) else {*own}
    return read


def _rule_of(cell: str, column: str | None, table: Table, profile: TableProfile) -> str | None:
    """What is to be told of a header."""
    if column is None:
        return "column_refused" if SECRET.search(cell) else "column_unknown"
    if table.columns[column].refused:
        return "column_refused"
    if cell in (column, profile.columns.get(column)):
        return None
    is_alias = cell in table.columns[column].aliases
    return "header_of_another_version" if is_alias else "header_in_other_case"


def _composed(
    header: list[str], *, table: Table, profile: TableProfile
) -> dict[str, tuple[int, ...]]:
    """Columns that the sender's profile joins from several headers, all of which are there."""
    parts = {column: own for column, own in profile.columns.items() if not isinstance(own, str)}
    parts |= {f"{column}{BY}": (look_up.by,) for column, look_up in profile.look_ups.items()}
    # A header that fills several columns stands under the first, and is copied to the others.
    parts |= _shared(table, profile)
    return {
        column: tuple(header.index(part) for part in own)
        for column, own in parts.items()
        if set(own) <= set(header)
    }


def _shared(table: Table, profile: TableProfile) -> dict[str, tuple[str, ...]]:
    seen: set[str] = set()
    shared: dict[str, tuple[str, ...]] = {}
    for column in table.columns:
        own = profile.columns.get(column)
        if isinstance(own, str) and own in seen:
            shared[column] = (own,)
        elif isinstance(own, str):
            seen.add(own)
    return shared


def _standard(column: str) -> bool:
    return not column.startswith("metadata.")


def _spellings(table: Table, profile: TableProfile) -> dict[str, str]:
    """Every accepted spelling of a header, the sender's own first."""
    spelt: dict[str, str] = {}
    mapped_first = sorted(table.columns, key=lambda column: column not in profile.columns)
    for column in mapped_first:
        spec = table.columns[column]
        own = profile.columns.get(column)
        if isinstance(own, str):
            spelt.setdefault(own, column)
            spelt.setdefault(own.lower(), column)
        if own is not None:
            continue
        for spelling in (column, *spec.aliases):
            spelt.setdefault(spelling, column)
            spelt.setdefault(spelling.lower(), column)
    return spelt


def _left_out(
    header: list[str], *, file_name: str, profile: TableProfile
) -> dict[int, tuple[str, ...]]:
    """The places of the cells by which the sender's profile leaves rows out."""
    unknown = sorted(set(profile.leave_out) - set(header))
    if unknown:
        raise ContractBroken(
            f"{file_name} has no column '{unknown[0]}', by which the sender's profile leaves rows "
            "out. The whole arrival was set aside; correct leave_out in the district file, then "
            "land it again."
        )
    return {header.index(name): patterns for name, patterns in profile.leave_out.items()}


def _refuse_twice(header: list[str], *, file_name: str) -> None:
    twice = sorted(cell for cell, count in Counter(header).items() if count > 1 and cell)
    if twice:
        raise ContractBroken(
            f"{file_name}: column '{visible(twice[0])}' comes twice in the header. The whole "
            "arrival was set aside; ask the sender to name each column once."
        )


def _refuse_missing(
    header: list[str], *, have: set[str], table: Table, file_name: str, profile: TableProfile
) -> None:
    missing = [
        profile.header_of(name)
        for name, spec in table.columns.items()
        if spec.required and name not in have
    ]
    if not missing:
        return
    used = {profile.header_of(c) for c in have}
    spare = [cell for cell in header if cell not in used]
    close = difflib.get_close_matches(missing[0], spare, n=1, cutoff=0.6)
    hint = (
        f" Its column '{visible(close[0])}' may be it: map it in the sender's profile."
        if close
        else ""
    )
    if not close and len(missing) == 1:
        hint = " If it is the same in every row, the sender's profile can say it (constants)."
    if holds_values(header):
        hint = (
            " Its first line holds values: where a file has no header, the sender's profile names "
            "its columns in their order (layouts: header)."
        )
    elif not close and len(missing) > 1:
        hint = (
            " If the sender calls them otherwise, `wraparound profile suggest` begins a profile."
        )
    raise ContractBroken(
        f"{file_name} lacks column {', '.join(repr(m) for m in missing)}.{hint} The whole arrival "
        "was set aside and the last good data stays in force; ask the sender to send it again."
    )
