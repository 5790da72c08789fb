"""Things that go wrong with deliveries, planted on purpose into files just written."""

import csv
import io
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from wraparound.district.plan import DistrictPlan, FileReport
from wraparound.district.roster_files import write_roster
from wraparound.district.world import make_world
from wraparound.district.writing import ZipFolder

Table = list[list[str]]

ROSTER, ATTENDANCE = "roster.zip", "attendance.csv"
DISCIPLINE = "discipline.zip"
KEPT_STUDENTS = 3
ORPHANS = 5
REPEATED = 25
WRONG_ROW = 7
SHORT_ROW, LONG_ROW = 5, 11
ACCENTED_ROW = 3
ENCRYPTED_FLAG = 0x1
SAME_WEEKDAY_LAST_YEAR = timedelta(days=364)


@dataclass(frozen=True)
class Defect:
    """A named flaw: the feeds that it needs, one of which must be written, and its planter."""

    words: str
    feeds: tuple[str, ...]
    plant: Callable[[DistrictPlan, Path], list[FileReport]]


def check_defects(plan: DistrictPlan) -> None:
    """Raise ValueError for an unknown defect, or one whose feeds are not written."""
    for name in plan.defects:
        if name not in _DEFECTS:
            raise ValueError(f"Unknown defect {name!r}; one of {', '.join(DEFECTS)}.")
        feeds = _DEFECTS[name].feeds
        if feeds and not set(feeds) & set(plan.feeds):
            raise ValueError(f"Defect {name!r} needs feed {feeds[0]!r}, which is not written.")


def plant_defects(plan: DistrictPlan, *, out_dir: Path) -> list[FileReport]:
    """Plant every defect of a plan; the files that came to be by that.

    Broken bytes come last, whatever the order asked for. Raises ValueError when a file
    has too few rows to be spoiled.
    """
    extra = []
    for name, defect in _DEFECTS.items():
        if name in plan.defects:
            extra += defect.plant(plan, out_dir)
    return extra


def read_table(path: Path) -> Table:
    """All rows of a CSV file, header first."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def read_member(path: Path, name: str) -> Table:
    """All rows of a CSV member of a zip, header first."""
    with zipfile.ZipFile(path) as folder:
        return list(csv.reader(io.StringIO(folder.read(name).decode(), newline="")))


def _table_bytes(table: Table) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(table)
    return text.getvalue().encode()


def _members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as folder:
        return {name: folder.read(name) for name in folder.namelist()}


def _write_members(path: Path, members: dict[str, bytes]) -> None:
    with ZipFolder(path) as folder:
        for name, content in members.items():
            folder.add_bytes(name, content)


def _change_attendance(out_dir: Path, change: Callable[[Table], Table]) -> list[FileReport]:
    path = out_dir / ATTENDANCE
    table = read_table(path)
    if len(table) <= LONG_ROW:
        raise ValueError(f"Attendance has too few rows for a defect; {LONG_ROW} are needed.")
    path.write_bytes(_table_bytes(change(table)))
    return []


def _change_member(path: Path, *, name: str, change: Callable[[Table], Table]) -> None:
    members = _members(path)
    members[name] = _table_bytes(change(read_member(path, name)))
    _write_members(path, members)


def _missing_column(_: DistrictPlan, out_dir: Path) -> list[FileReport]:
    def without(table: Table) -> Table:
        place = table[0].index("eventDate")
        return [row[:place] + row[place + 1 :] for row in table]

    return _change_attendance(out_dir, without)


def _renamed_column(_: DistrictPlan, out_dir: Path) -> list[FileReport]:
    def renamed(table: Table) -> Table:
        head = ["incident_dt" if name == "incidentDate" else name for name in table[0]]
        return [head, *table[1:]]

    _change_member(out_dir / DISCIPLINE, name="disciplineIncidents.csv", change=renamed)
    return []


def _extra_column(_: DistrictPlan, out_dir: Path) -> list[FileReport]:
    def wider(table: Table) -> Table:
        return [[*table[0], "officeCode"], *([*row, "A"] for row in table[1:])]

    return _change_attendance(out_dir, wider)


def _unknown_code(_: DistrictPlan, out_dir: Path) -> list[FileReport]:
    def recoded(table: Table) -> Table:
        place = table[0].index("attendanceEventCategoryDescriptor")
        for row in table[1::10]:
            row[place] = "Skipped Class"
        return table

    return _change_attendance(out_dir, recoded)


def _wrong_type(_: DistrictPlan, out_dir: Path) -> list[FileReport]:
    def misdated(table: Table) -> Table:
        table[WRONG_ROW][table[0].index("eventDate")] = "31/31/2026"
        return table

    return _change_attendance(out_dir, misdated)


def _ragged_rows(_: DistrictPlan, out_dir: Path) -> list[FileReport]:
    def ragged(table: Table) -> Table:
        table[SHORT_ROW].pop()
        table[LONG_ROW].append("one more")
        return table

    return _change_attendance(out_dir, ragged)


def _repeated_rows(_: DistrictPlan, out_dir: Path) -> list[FileReport]:
    return _change_attendance(out_dir, lambda table: table + table[1 : REPEATED + 1])


def _orphan_rows(plan: DistrictPlan, out_dir: Path) -> list[FileReport]:
    def unknown_students(table: Table) -> Table:
        return table + [[f"stu-99{i:04d}", *table[1][1:]] for i in range(ORPHANS)]

    def unknown_class(table: Table) -> Table:
        place, row = table[0].index("classSourcedId"), table[-1]
        orphans = []
        for number in range(ORPHANS):
            orphan = [f"enr-orphan-{number}", *row[1:]]
            orphan[place] = "cls-9999999"
            orphans.append(orphan)
        return table + orphans

    if "attendance" in plan.feeds:
        _change_attendance(out_dir, unknown_students)
    if "roster" in plan.feeds:
        _change_member(out_dir / ROSTER, name="enrollments.csv", change=unknown_class)
    return []


def _truncated_roster(_: DistrictPlan, out_dir: Path) -> list[FileReport]:
    """The first school keeps three children; every reference still resolves."""
    path = out_dir / ROSTER
    users = read_member(path, "users.csv")
    role, orgs = users[0].index("role"), users[0].index("orgSourcedIds")
    school = next(row[orgs] for row in users[1:] if row[role] == "student")
    there = [row[0] for row in users[1:] if row[role] == "student" and row[orgs] == school]
    gone = set(there[KEPT_STUDENTS:])
    _change_member(path, name="users.csv", change=lambda table: _without(table, gone=gone))
    for name, column in (("enrollments.csv", "userSourcedId"), ("demographics.csv", "sourcedId")):
        table = read_member(path, name)
        place = table[0].index(column)
        kept = [row for row in table if row[place] not in gone]
        members = _members(path)
        _write_members(path, members | {name: _table_bytes(kept)})
    return []


def _without(users: Table, *, gone: set[str]) -> Table:
    """Users without some children, and without them as anybody's agent."""
    role, agents = users[0].index("role"), users[0].index("agentSourcedIds")
    kept = [users[0]]
    for row in users[1:]:
        if row[0] in gone:
            continue
        if row[role] == "guardian":
            left = [agent for agent in row[agents].split(",") if agent not in gone]
            row = [*row[:agents], ",".join(left), *row[agents + 1 :]]
        kept.append(row)
    return kept


def _last_years_file(plan: DistrictPlan, out_dir: Path) -> list[FileReport]:
    before = replace(
        plan,
        school_year=plan.school_year - 1,
        through=plan.through - SAME_WEEKDAY_LAST_YEAR,
        since=None,
        defects=(),
    )
    write_roster(make_world(before), out_dir / ROSTER)
    return []


def _missing_manifest(_: DistrictPlan, out_dir: Path) -> list[FileReport]:
    members = _members(out_dir / ROSTER)
    del members["manifest.csv"]
    _write_members(out_dir / ROSTER, members)
    return []


def _nested_folder(_: DistrictPlan, out_dir: Path) -> list[FileReport]:
    members = _members(out_dir / ROSTER)
    _write_members(out_dir / ROSTER, {f"export/{name}": data for name, data in members.items()})
    return []


def _zip_slip(_: DistrictPlan, out_dir: Path) -> list[FileReport]:
    members = _members(out_dir / ROSTER)
    _write_members(out_dir / ROSTER, members | {"../../outside.csv": b"sourcedId\n"})
    return []


def _encrypted_zip(_: DistrictPlan, out_dir: Path) -> list[FileReport]:
    """Set the encryption bit in every local and central header; the data stay as they are."""
    path = out_dir / ROSTER
    with zipfile.ZipFile(path) as folder:
        local = [info.header_offset for info in folder.infolist()]
        central = folder.start_dir
    content = bytearray(path.read_bytes())
    for offset in local:
        content[offset + 6] |= ENCRYPTED_FLAG
    while content[central : central + 4] == b"PK\x01\x02":
        content[central + 8] |= ENCRYPTED_FLAG
        lengths = (
            int.from_bytes(content[central + i : central + i + 2], "little") for i in (28, 30, 32)
        )
        central += 46 + sum(lengths)
    path.write_bytes(content)
    return []


def _bad_zip(_: DistrictPlan, out_dir: Path) -> list[FileReport]:
    content = (out_dir / ROSTER).read_bytes()
    (out_dir / ROSTER).write_bytes(content[: len(content) * 3 // 5])
    return []


def _latin1(_: DistrictPlan, out_dir: Path) -> list[FileReport]:
    def accented(table: Table) -> Table:
        table[ACCENTED_ROW][table[0].index("attendanceEventReason")] = "Congé familial"
        return table

    _change_attendance(out_dir, accented)
    path = out_dir / ATTENDANCE
    path.write_bytes(path.read_bytes().decode().encode("cp1252"))
    return []


def _duplicate_file(_: DistrictPlan, out_dir: Path) -> list[FileReport]:
    name = "attendance_copy.csv"
    shutil.copyfile(out_dir / ATTENDANCE, out_dir / name)
    return [FileReport("attendance", name, {name: len(read_table(out_dir / name)) - 1})]


def _empty_file(_: DistrictPlan, out_dir: Path) -> list[FileReport]:
    (out_dir / "service_events.csv").write_bytes(b"")
    return []


def _header_only(_: DistrictPlan, out_dir: Path) -> list[FileReport]:
    path = out_dir / "consents.csv"
    path.write_bytes(_table_bytes(read_table(path)[:1]))
    return []


def _unknown_feed(_: DistrictPlan, out_dir: Path) -> list[FileReport]:
    name = "mystery.csv"
    (out_dir / name).write_bytes(b"whatItIs,howMany\nacorn,3\nfeather,12\n")
    return [FileReport("", name, {name: 2})]


_ATTENDANCE, _ROSTER = ("attendance",), ("roster",)
# In this order: whole files, rows and columns, packages, and at last the bytes.
_DEFECTS: dict[str, Defect] = {
    "last_years_file": Defect(
        "roster.zip is the previous school year's", _ROSTER, _last_years_file
    ),
    "truncated_roster": Defect(
        "roster.zip holds three students of one school; the others are missing",
        _ROSTER,
        _truncated_roster,
    ),
    "orphan_rows": Defect(
        "five attendance rows of unknown students, five enrollments in an unknown class",
        ("attendance", "roster"),
        _orphan_rows,
    ),
    "unknown_code": Defect(
        "every tenth attendance row has a category nobody knows", _ATTENDANCE, _unknown_code
    ),
    "wrong_type": Defect(
        "row 7 of attendance, the header not counted, has a bad date", _ATTENDANCE, _wrong_type
    ),
    "repeated_rows": Defect(
        "the first 25 attendance rows come once more at the end", _ATTENDANCE, _repeated_rows
    ),
    "missing_column": Defect("attendance has no eventDate", _ATTENDANCE, _missing_column),
    "renamed_column": Defect(
        "discipline calls incidentDate incident_dt", ("discipline",), _renamed_column
    ),
    "extra_column": Defect("attendance has a column nobody asked for", _ATTENDANCE, _extra_column),
    "ragged_rows": Defect(
        "attendance row 5 is a field short, row 11 has one too many", _ATTENDANCE, _ragged_rows
    ),
    "latin1": Defect("attendance is in cp1252, with an accent in row 3", _ATTENDANCE, _latin1),
    "header_only": Defect("consents.csv has a header and no rows", ("consents",), _header_only),
    "empty_file": Defect("service_events.csv has no bytes", ("service_events",), _empty_file),
    "duplicate_file": Defect(
        "attendance comes twice, the second time as attendance_copy.csv",
        _ATTENDANCE,
        _duplicate_file,
    ),
    "unknown_feed": Defect("there is a file mystery.csv of no known feed", (), _unknown_feed),
    "missing_manifest": Defect("roster.zip has no manifest.csv", _ROSTER, _missing_manifest),
    "nested_folder": Defect("roster.zip has its files in a folder", _ROSTER, _nested_folder),
    "zip_slip": Defect("roster.zip has a member ../../outside.csv", _ROSTER, _zip_slip),
    "encrypted_zip": Defect("roster.zip says it is encrypted", _ROSTER, _encrypted_zip),
    "bad_zip": Defect("roster.zip breaks off after three fifths", _ROSTER, _bad_zip),
}
DEFECTS: dict[str, str] = {name: defect.words for name, defect in _DEFECTS.items()}
