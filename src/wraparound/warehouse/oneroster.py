"""What a OneRoster package says of itself: its manifest, its version, its school year."""

import csv
import io
from dataclasses import dataclass, field
from typing import Literal

from wraparound.contracts.models import Contract, Table
from wraparound.errors import ContractBroken
from wraparound.landing.csv_source import CsvSource
from wraparound.landing.opening import Member
from wraparound.warehouse.connection import Connection
from wraparound.warehouse.mapping import Notice

Mode = Literal["bulk", "delta", "absent"]
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

    def mode_of(self, file_name: str) -> Mode:
        """bulk, delta or absent."""
        return self.modes.get(file_name, "bulk")


def read_manifest(
    members: dict[str, Member], *, tables: dict[str, tuple[Contract, str, Table]], file_name: str
) -> Manifest:
    """Read manifest.csv and hold it against the members.

    Raises:
        ContractBroken: it is missing where it must be there, or names a file that is not there.
    """
    if MANIFEST not in members:
        return _without_manifest(members, tables=tables, file_name=file_name)
    with members[MANIFEST].open() as stream:
        text = stream.read(1 << 20).decode("utf-8-sig", errors="replace")
    rows = list(csv.reader(io.StringIO(text)))
    properties = {row[0].strip(): row[1].strip() for row in rows if len(row) >= 2}
    modes: dict[str, Mode] = {}
    notices = []
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
    for member in members:
        if member in tables and member not in modes:
            notices.append(Notice("not_in_manifest", tables[member][1]))
    return Manifest(properties.get("oneroster.version", "1.1"), modes, tuple(notices))


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


def leniencies(connection: Connection, *, name: str, mode: Mode) -> list[Notice]:
    """What a tolerant reading let pass in the staged file, counted."""
    notices = []
    columns = {
        row["attname"]
        for row in connection.execute(
            "select attname from pg_attribute where attrelid = 'pg_temp.cells'::regclass"
        )
    }
    if mode == "bulk" and "status" in columns:
        notices.append(("status_filled_in_bulk", "status", "status is not null"))
    if "school_year" in columns:
        notices.append(("school_year_as_range", "schoolYear", "length(school_year) > 4"))
    found = []
    for rule, column, condition in notices:
        row = connection.execute(
            f"select count(*) as n from pg_temp.cells where {condition}"  # noqa: S608
        ).fetchone()
        if row and row["n"]:
            found.append(Notice(rule, name, column, row["n"]))
    return found
