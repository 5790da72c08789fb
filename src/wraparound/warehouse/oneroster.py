"""What a OneRoster package says of itself: its manifest, its version, its school year."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from psycopg import sql

from wraparound.contracts.models import Contract, Table
from wraparound.errors import ContractBroken
from wraparound.landing.csv_source import CsvSource
from wraparound.landing.opening import Member
from wraparound.warehouse.connection import Connection
from wraparound.warehouse.mapping import Notice

Mode = Literal["bulk", "delta", "absent"]
# A rule, the column that it is about, and from the column's cell to what is true where it is bent.
Test = tuple[str, str, Callable[[sql.Composable], sql.Composable]]
VERSIONS = ("1.0", "1.1", "1.2")
MANIFEST = "manifest.csv"
# Headers that only OneRoster 1.0 has; a package without a manifest is 1.0 by the standard.
OLD_HEADERS = frozenset(
    {"grade", "birthdate", "termSourcedId", "userId", "schoolYearId", "agents"}
)


@dataclass(frozen=True)
class Manifest:
    """Which version the package is, and how each file in it is meant."""

    version: str
    modes: dict[str, Mode] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()

    @property
    def says_nothing_changed(self) -> bool:
        """Whether the package is a manifest and nothing else, which the standard allows."""
        return any(notice.rule == "no_changes" for notice in self.notices)

    def mode_of(self, file_name: str) -> Mode:
        """bulk, delta or absent."""
        return self.modes.get(file_name, "bulk")


def read_manifest(
    members: dict[str, Member],
    *,
    tables: dict[str, tuple[Contract, str, Table]],
    ignored: frozenset[str],
    file_name: str,
) -> Manifest:
    """Read manifest.csv and hold it against the members.

    Raises:
        ContractBroken: it is missing where it must be there, or names a file that is not there.
    """
    if MANIFEST not in members:
        return _without_manifest(members, tables=tables, file_name=file_name)
    with members[MANIFEST].open() as stream:
        text = stream.read(1 << 20).decode("utf-8-sig", errors="replace")
    properties = _properties(text, file_name=file_name)
    version = _version(properties, file_name=file_name)
    modes = _modes(properties, members=members, file_name=file_name)
    notices = [
        Notice("manifest_names_no_file", "manifest")
        for member in modes
        if member not in tables and member not in ignored
    ]
    notices += [
        Notice("not_in_manifest", tables[member][1])
        for member in members
        if member in tables and member not in modes
    ]
    if properties.get("manifest.version") != "1.0":
        notices.append(Notice("manifest_version_odd", "manifest"))
    if set(members) == {MANIFEST}:
        notices.append(Notice("no_changes", "manifest"))
    return Manifest(version, modes, tuple(notices))


def _properties(text: str, *, file_name: str) -> dict[str, str]:
    try:
        rows = list(csv.reader(io.StringIO(text)))
    except csv.Error:
        raise ContractBroken(
            f"{file_name}: manifest.csv cannot be read as CSV (lines must end in LF or CRLF). The "
            "whole arrival was set aside; ask the sender to export it again."
        ) from None
    return {row[0].strip(): row[1].strip() for row in rows if len(row) >= 2}


def as_its_files_are(manifest: Manifest, tables: set[str]) -> Manifest:
    """The manifest with the version that the tables show: roles came with 1.2, and whose files
    have no manifest is held to what 1.1 asks of people."""
    shown = "1.2" if "roles" in tables else manifest.version or "1.1"
    return replace(manifest, version=shown)


def _modes(
    properties: dict[str, str], *, members: dict[str, Member], file_name: str
) -> dict[str, Mode]:
    """How each file is meant, held against what is there."""
    modes: dict[str, Mode] = {}
    for key, value in properties.items():
        if not key.startswith("file."):
            continue
        member, mode = f"{key.removeprefix('file.')}.csv", value.lower()
        if mode not in ("bulk", "delta", "absent"):
            raise ContractBroken(
                f"{file_name}: manifest.csv says neither bulk, delta nor absent for {member}. "
                "The whole arrival was set aside; ask the sender to correct the manifest."
            )
        modes[member] = "bulk" if mode == "bulk" else "delta" if mode == "delta" else "absent"
        _agree(member, mode=mode, members=members, file_name=file_name)
    return modes


def _version(properties: dict[str, str], *, file_name: str) -> str:
    """The version of the standard, as far as its files differ: 1.2 of 1.2.1."""
    told = properties.get("oneroster.version", "")
    version = ".".join(told.split(".")[:2])
    if version not in VERSIONS:
        raise ContractBroken(
            f"{file_name}: manifest.csv names no version of OneRoster that can be read "
            f"({', '.join(VERSIONS)}). The whole arrival was set aside; ask the sender to correct "
            "oneroster.version in the manifest."
        )
    return version


def _agree(member: str, *, mode: str, members: dict[str, Member], file_name: str) -> None:
    if mode != "absent" and member not in members:
        raise ContractBroken(
            f"{file_name}: manifest.csv promises {member} ({mode}), but it is not in the package. "
            "The whole arrival was set aside; ask the sender to send it again."
        )
    if mode == "absent" and member in members:
        raise ContractBroken(
            f"{file_name}: manifest.csv says {member} is absent, but it is in the package. "
            "The whole arrival was set aside; ask the sender which is right."
        )


def _without_manifest(
    members: dict[str, Member], *, tables: dict[str, tuple[Contract, str, Table]], file_name: str
) -> Manifest:
    for name, member in members.items():
        if name in tables and OLD_HEADERS & set(CsvSource(member).header()):
            return Manifest("1.0", {}, (Notice("oneroster_1_0_without_manifest", "package"),))
    raise ContractBroken(
        f"{file_name} has no manifest.csv, which OneRoster 1.1 and 1.2 require. The whole arrival "
        "was set aside; ask the sender to send it with its manifest."
    )


def leniencies(
    connection: Connection, *, name: str, table: Table, have: set[str], mode: Mode, tolerant: bool
) -> list[Notice]:
    """What the staged file does otherwise than the standard asks, counted by rule and column.

    Values that strict reading sets aside row by row are told in tolerant reading alone.
    """
    tests = [*_of_status(have, mode=mode), *_of_ids(table, have=have)]
    tests += _of_values(table, have=have) if tolerant else []
    if not tests:
        return []
    counts = sql.SQL(", ").join(
        sql.SQL("count(*) filter (where {}) as {}").format(
            test(sql.Identifier(table.raw_column(column))), sql.Identifier(str(number))
        )
        for number, (_, column, test) in enumerate(tests)
    )
    row = connection.execute(sql.SQL("select {} from pg_temp.cells").format(counts)).fetchone()
    assert row is not None
    return [
        Notice(rule, name, column, row[str(number)])
        for number, (rule, column, _) in enumerate(tests)
        if row[str(number)]
    ]


def _of_status(have: set[str], *, mode: Mode) -> list[Test]:
    """Blank in bulk, required in delta."""
    inactive: Test = ("status_inactive", "status", sql.SQL("lower({}) = 'inactive'").format)
    if mode == "delta":
        is_blank = sql.SQL("{} is null").format
        return [
            *([inactive] if "status" in have else []),
            ("status_missing_in_delta", "status", is_blank),
            ("date_missing_in_delta", "dateLastModified", is_blank),
        ]
    is_filled = sql.SQL("{} is not null").format
    tests: list[Test] = [
        inactive,
        ("status_filled_in_bulk", "status", is_filled),
        ("dates_filled_in_bulk", "dateLastModified", is_filled),
    ]
    return [test for test in tests if test[1] in have]


def _of_ids(table: Table, *, have: set[str]) -> list[Test]:
    odd = sql.SQL("{} ~ '[^0-9A-Za-z._/@-]'").format
    return [
        ("odd_characters_in_id", name, odd)
        for name, column in table.loaded.items()
        if column.type == "id" and name in have
    ]


def _of_values(table: Table, *, have: set[str]) -> list[Test]:
    """Codes in another letter case, booleans in words, school years as ranges."""
    tests: list[Test] = []
    for name, column in table.loaded.items():
        if name not in have:
            continue
        if column.type == "year":
            tests.append(("school_year_as_range", name, sql.SQL("length({}) > 4").format))
        if column.type == "boolean":
            words = sql.SQL("{} not in ('true', 'false')").format
            tests.append(("boolean_in_words", name, words))
        if column.codes:
            tests.append(("code_in_other_case", name, partial(_in_other_case, column.codes)))
    return tests


def _in_other_case(codes: tuple[str, ...], cell: sql.Composable) -> sql.Composed:
    return sql.SQL("{0} <> all({1}::text[]) and lower({0}) = any({2}::text[])").format(
        cell, sql.Literal(list(codes)), sql.Literal([code.lower() for code in codes])
    )
