"""A sender's profile, begun from its files: what their headers and cells prove, and what not.

Nothing is guessed that could be wrong in silence: the order of day and month stands only where
the cells prove it, and codes and the meaning of ids are left for a person. The text names
headers and codes of the files; cells of any other column never appear in it.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path, PurePath

from wraparound.contracts.models import Column, Contract, Table
from wraparound.contracts.resources import is_json
from wraparound.errors import ContractBroken
from wraparound.landing.csv_source import CsvSource, holds_values
from wraparound.landing.opening import Member, open_members

DELIMITERS = (",", ";", "\t", "|", "^")
# So many rows show how a file is laid out.
ROWS_LOOKED_AT = 30
ROWS_READ = 200_000
# More different values than this are no codes.
CODES_MAX = 25
BEGUN = (
    "# Begun by `wraparound profile suggest`. Read every line against the sender's own",
    "# description, settle what is marked with ??, and take the marks away.",
    "# Read and signed by: ??",
)
# Below this two names are not alike; from here on a person is asked to look.
ALIKE = 0.62
SURE = 0.95
ISO = re.compile(r"^\d{4}-\d{2}-\d{2}|^(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$")
WRITTEN = re.compile(r"^(\d{1,2})[/.-](\d{1,2})[/.-]\d{4}\b")
# 13-Nov-26, in which nothing can be mistaken.
NAMED = re.compile(r"^\d{1,2}[ -][A-Za-z]{3}[ -](\d{2}|\d{4})$")
# What exports call things: School Data Sync, local systems, older versions of HSDS.
SAME = {
    "sis": "", "sourced": "", "unique": "", "descriptor": "", "uuid": "id",
    "given": "first", "family": "last", "surname": "last", "dob": "birthdate", "sex": "gender",
    "org": "school", "organization": "school", "building": "school", "section": "class",
    "campus": "school", "sch": "school", "stu": "student", "stud": "student", "perm": "student",
    "title": "name", "identifier": "id", "no": "id", "num": "id", "number": "id", "nbr": "id",
    "category": "code", "type": "code", "cd": "code", "begin": "start", "dt": "date",
    "website": "url", "minimum": "min", "maximum": "max", "pupil": "student",
    "att": "attendance", "absence": "", "abs": "", "academic": "",
}  # fmt: skip
# What their files are called; the last word of a name says what is in it.
FILES = {"student": "user", "teacher": "user", "roster": "enrollment"}
# Where so few of the required columns are found, a file is only called like a table's.
NAMESAKE = 0.5
# So many cells may be broken without making a column another's.
BROKEN = 0.05


@dataclass
class Cells:
    """What was seen in one column: counts, and the values while they may be codes."""

    filled: int = 0
    iso: int = 0
    written: int = 0
    day_first: int = 0
    month_first: int = 0
    numbers: int = 0
    values: set[str] = field(default_factory=set)

    def see(self, cell: str) -> None:
        """Take note of a cell."""
        if not cell:
            return
        self.filled += 1
        self.iso += bool(ISO.match(cell))
        self.numbers += bool(re.fullmatch(r"[+-]?\d+([.]\d+)?", cell))
        written = WRITTEN.match(cell)
        if written:
            self.written += 1
            self.day_first += int(written[1]) > 12
            self.month_first += int(written[2]) > 12
        if NAMED.match(cell):
            self.written += 1
            self.day_first += 1
        if len(self.values) <= CODES_MAX:
            self.values.add(cell)

    def fits(self, column: Column) -> bool:
        """Whether nothing in the cells speaks against the type."""
        if not self.filled:
            return True
        most = self.filled * (1 - BROKEN)
        dates = self.iso + self.written
        if column.type in ("date", "timestamp"):
            return dates >= most
        if column.type in ("integer", "decimal"):
            return self.numbers >= most
        return dates < most or column.type == "text"


@dataclass(frozen=True)
class Look:
    """One file, as far as it can be read without a profile."""

    name: str
    # Of the file that came: the zip or the workbook, where it is one of several in it.
    arrives_as: str
    encoding: str
    delimiter: str
    header: list[str]
    cells: dict[str, Cells]
    # Whether it has a name inside of a package; a file by itself changes its name each night.
    is_inside: bool
    # How its name is written in a profile: a pattern, where it bears a day.
    pattern: str
    # How many lines come before the header, or before the first row where there is none; and how
    # many cells rows have.
    lines_above: int
    width: int


@dataclass(frozen=True)
class Fit:
    """A file and the table that it seems to fill: contract column -> (header, how alike)."""

    look: Look
    table_name: str
    table: Table
    columns: dict[str, tuple[str, float]]


def members_of(path: Path) -> dict[str, Member]:
    """The files of a folder and of those in it, or of a zip, or the one file."""
    if not path.is_dir():
        return open_members(path, file_name=path.name)
    return {
        name: Member(name, file.stat().st_size, file, zipped=False)
        for file in sorted(path.rglob("*"))
        if file.is_file() and not (name := file.relative_to(path).as_posix()).startswith(".")
    }


def suggest(
    members: dict[str, Member], *, contract: Contract, sender: str, codes: dict[str, list[str]]
) -> str:
    """The beginning of a profile, as YAML for the district file.

    `codes` are the codes of the seeds that the contract names.

    Raises:
        ContractBroken: no file can be read as a table of text.
    """
    looks = [look for member in members.values() if (look := _look(member)) is not None]
    if not looks:
        for member in members.values():
            _refuse_unreadable(member)
        raise ContractBroken(
            "None of the files is a table of text: cells, and the sign between them, that repeat "
            "from row to row. Ask the sender for CSV."
        )
    looks = _told_apart(looks)
    named = [look for look in looks if look.header]
    fits = [fit for look in named if (fit := _best_fit(look, contract)) is not None]
    fits = _as_its_files_are(fits, contract)
    used = {fit.look.name for fit in fits}
    layouts = list(_layouts([look for look in looks if look.name in used or not look.header]))
    lines = [
        *BEGUN,
        "senders:",
        f"  {sender}:",
        "    title: ??",
        "    feeds:",
        f"      {contract.feed}:{'' if fits or layouts else ' {}'}",
        *_indented(8, _whole_feed(fits, contract)),
        *_indented(8, layouts),
        *_indented(8, [_left_out(look) for look in named if look.name not in used]),
        *([] if fits else _indented(8, _to_be_named(contract))),
    ]
    if fits:
        tables = _tables(fits, contract, codes=codes)
        lines += [*_indented(8, ["tables:"]), *_indented(10, tables)]
    return "\n".join(lines) + "\n"


def _told_apart(looks: list[Look]) -> list[Look]:
    """The files with patterns that are each of one file: of two days' files each has its name."""
    return [
        replace(look, pattern=look.name)
        if sum(fnmatchcase(other.name, look.pattern) for other in looks) > 1
        else look
        for look in looks
    ]


# --- looking ------------------------------------------------------------------------------


def _refuse_unreadable(member: Member) -> None:
    """Say why a file is no table of text, where that is why nothing can be begun."""
    if is_json(member.name):
        raise ContractBroken(
            f"{member.name} is JSON: Ed-Fi and HSDS resources are read without a profile, or with "
            "one that maps the sender's own codes, and for any other shape the paths are written "
            "by hand (docs/adding-a-sender.md)."
        )
    encoding = _encoding_of(member)
    source = CsvSource(member, encoding or "utf-8")
    if encoding is None:
        raise source.not_in_encoding(source.first_bad_byte() or 0)
    source.header()


def _look(member: Member) -> Look | None:
    encoding = _encoding_of(member)
    if encoding is None or is_json(member.name):
        return None
    try:
        delimiter = max(DELIMITERS, key=lambda d: _evenness(_first_rows(member, encoding, d)))
        rows = _first_rows(member, encoding, delimiter)
        _, width = _evenness(rows)
        if width < 2:
            return None
        row, first = next((n, cells) for n, cells in rows.items() if _filled(cells) > width / 2)
        source = CsvSource(member, encoding, delimiter, lines_above=row - 1)
        # A first line of values is no header, and none of them is told.
        header = [] if holds_values(first) else source.header()
        cells = {name: Cells() for name in header}
        for number, (_, record) in enumerate(source.records()):
            if number == ROWS_READ:
                break
            for name, cell in zip(header, record, strict=False):
                cells[name].see(cell.strip())
    except (ContractBroken, UnicodeDecodeError, csv.Error):
        return None
    name, arrives_as = member.name, member.archive.name
    return Look(
        *(name, arrives_as, encoding, delimiter, header, cells),
        is_inside=member.zipped,
        pattern=re.sub(r"\d{4,}", "*", name),
        lines_above=source.lines_above,
        width=width,
    )


def _first_rows(member: Member, encoding: str, delimiter: str) -> dict[int, list[str]]:
    """The first rows of a file that hold anything, by their numbers."""
    return dict(islice(CsvSource(member, encoding, delimiter).rows(), ROWS_LOOKED_AT))


def _evenness(rows: dict[int, list[str]]) -> tuple[int, int]:
    """How many rows have as many cells as most have, and how many those are; a sign that stands in
    texts parts rows unevenly, and titles are of one cell."""
    widths = Counter(len(cells) for cells in rows.values() if len(cells) > 1)
    return max(((count, width) for width, count in widths.items()), default=(0, 0))


def _filled(cells: list[str]) -> int:
    return sum(bool(cell.strip()) for cell in cells)


def _encoding_of(member: Member) -> str | None:
    """The encoding that reads every byte; None where it is no text of ours."""
    if CsvSource(member).is_utf_16:
        return None
    known = ("utf-8", "cp1252")
    return next((e for e in known if CsvSource(member, e).first_bad_byte() is None), None)


# --- fitting ------------------------------------------------------------------------------


def _best_fit(look: Look, contract: Contract) -> Fit | None:
    """The table that the file seems to fill: by its name first, unless another is all there."""
    fits = [
        Fit(look, name, table, _match(look, table, contract=contract, name=name))
        for name, table in contract.tables.items()
    ]
    best, fullest = max(fits, key=_weight), max(fits, key=_found)
    # Attendance with sections is not that of days, whatever the file is called.
    says_more = _headers(best) < _headers(fullest)
    if _found(fullest)[0] >= SURE and (says_more or _found(best)[0] < NAMESAKE):
        best = fullest
    alike, found = _weight(best)
    # One column in common is the key of anything; a feed of one table has no other to be, even
    # where every header is in a language of its own.
    is_it = best.columns and (alike or (found >= 1 / 3 and len(best.columns) > 1))
    return best if len(fits) == 1 or is_it else None


def _as_its_files_are(fits: list[Fit], contract: Contract) -> list[Fit]:
    """The fits with what has to be said of people where no file says their roles."""
    if contract.package != "oneroster" or any(fit.table_name == "roles" for fit in fits):
        return fits
    return [replace(fit, table=fit.table.for_version("1.1")) for fit in fits]


def _further(fit: Fit, contract: Contract, *, filled: set[str]) -> Iterator[str]:
    """Tables that no file fills and that would read what this one does not use of the file."""
    used = _headers(fit)
    for name in (name for name in contract.tables if name not in filled):
        table = contract.tables[name]
        spare = {
            column: header
            for column, (header, score) in _match(
                fit.look, table, contract=contract, name=name
            ).items()
            if score >= SURE and header not in used
        }
        if len(spare) > 1 or table.student in spare:
            pairs = ", ".join(f"{column}: {_quoted(header)}" for column, header in spare.items())
            yield f"# ?? the file may fill {name} as well, which reads of it: {pairs}"


def _weight(fit: Fit) -> tuple[float, float]:
    """How much the file is called like the table's, and the share of required columns found."""
    return _same_file(fit.look.name, fit.table.file), _found(fit)[0]


def _found(fit: Fit) -> tuple[float, int]:
    """The share of required columns found, in tenths, and how many columns they are: a column
    in which nothing stands is not there, unless the file has no rows at all."""
    cells = fit.look.cells
    has_rows = any(seen.filled for seen in cells.values())
    required = [name for name, column in fit.table.columns.items() if column.required]
    pairs = [fit.columns[name] for name in required if name in fit.columns]
    found = [alike for header, alike in pairs if cells[header].filled or not has_rows]
    return round(sum(found) / max(len(required), 1), 1), len(found)


def _headers(fit: Fit) -> set[str]:
    return {header for header, _ in fit.columns.values()}


def _same_file(theirs: str, ours: str) -> float:
    """2 where the files are called alike, 1 where the last word of theirs is all of ours."""
    names = [_words(PurePath(name).stem) for name in (theirs, ours)]
    if names[0] == names[1]:
        return 2
    last = [FILES.get(word, word) for word in names[0][-1:]]
    return float(last == names[1])


def _match(
    look: Look, table: Table, *, contract: Contract, name: str
) -> dict[str, tuple[str, float]]:
    """Pair columns and headers, the most alike first; each header once."""
    own = {word for part in (name, contract.feed) for word in _words(part)}
    scores = sorted(
        (
            (-_score(header, column, spec, own=own), place, column, header)
            for place, (column, spec) in enumerate(table.columns.items())
            for header in look.header
            if look.cells[header].fits(spec)
        ),
    )
    matched: dict[str, tuple[str, float]] = {}
    taken: set[str] = set()
    for minus, _, column, header in scores:
        if -minus >= ALIKE and column not in matched and header not in taken:
            matched[column] = (header, -minus)
            taken.add(header)
    return matched | _the_only_dates(look, table, matched=matched)


def _the_only_dates(
    look: Look, table: Table, *, matched: dict[str, tuple[str, float]]
) -> dict[str, tuple[str, float]]:
    """The one column of dates is the one date that a row must have, whatever it is called."""
    wanted = [n for n, c in table.columns.items() if c.required and c.type == "date"]
    dated = [h for h, c in look.cells.items() if c.filled and c.iso + c.written == c.filled]
    if len(wanted) == len(dated) == 1 and wanted[0] not in matched:
        return {wanted[0]: (dated[0], ALIKE)}
    return {}


def _score(header: str, column: str, spec: Column, *, own: set[str]) -> float:
    names = (column, *spec.aliases)
    if header.lower() in {name.lower() for name in names}:
        return 1.0
    theirs = _words(header)
    people = [FILES.get(word, word) for word in theirs] if spec.type == "id" else theirs
    # service_name is the name of a service, where services are told of, and a student is a user.
    bare = [word for word in theirs if FILES.get(word, word) not in own] or theirs
    return max(
        max(
            *(_alike(them, _words(name)) for them in (theirs, people)),
            _alike(bare, _bare(_words(name), own=own)),
        )
        for name in names
    ) - 0.01 * len(set(theirs) - set(_words(column)))  # fmt: skip


def _bare(words: list[str], *, own: set[str]) -> list[str]:
    """A column's words without those of its table; an id is never any number of the row."""
    bare = [word for word in words if word not in own]
    return words if bare == ["id"] else bare


def _alike(left: list[str], right: list[str]) -> float:
    if not left or not right:
        return 0.0
    if sorted(left) == sorted(right) or "".join(left) == "".join(right):
        return 0.99
    shared = len(set(left) & set(right)) / len(set(left) | set(right))
    return max(shared, SequenceMatcher(None, "".join(left), "".join(right)).ratio() - 0.2)


def _words(name: str) -> list[str]:
    """A name's words in one spelling: School SIS ID and orgSourcedIds are school, id."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    # Some systems number their fields: [01]Student_Number.
    words = re.findall(r"[a-z0-9]+", re.sub(r"^\[\d+\]", "", spaced).lower())
    words = [SAME.get(word, SAME.get(_single(word), _single(word))) for word in words]
    return [word for word in words if word]


def _single(word: str) -> str:
    """One of them: classes -> class, ids -> id, address stays."""
    if word.endswith(("sses", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us")) else word


# --- saying -------------------------------------------------------------------------------


def _left_out(look: Look) -> str:
    return f"# No table fits {look.name}: left out. It has {', '.join(look.header)}."


def _to_be_named(contract: Contract) -> Iterator[str]:
    """What a person pairs by hand, where no header is like a column's name."""
    yield "# ?? name their headers under `tables:`, as in docs/adding-a-sender.md. What the tables"
    yield "# of this feed must have:"
    for name, table in contract.tables.items():
        required = [column for column, spec in table.columns.items() if spec.required]
        yield f"#   {name}: {', '.join(required)}"


def _whole_feed(fits: list[Fit], contract: Contract) -> Iterator[str]:
    looks = [fit.look for fit in fits]
    if len(looks) == 1:
        name = PurePath(looks[0].arrives_as)
        pattern = re.sub(r"\d+", "*", name.stem) + name.suffix
        yield f"files: [{_quoted(pattern)}]  # ?? a pattern of the names to come"
    if any(look.encoding != "utf-8" for look in looks):
        yield "encoding: cp1252  # ?? it is not UTF-8; look whether names with accents come out"
    yield from _date_order(fits)
    people = [t for fit in fits for t in (fit.table.student, fit.table.school) if t]
    if people and contract.feed != "roster":
        yield "# ?? student_id, school_id: what the ids mean in the roster: sourcedId, identifier"
        yield "# or userIds:TYPE. sourcedId is taken; a load says it if another would match."


def _layouts(looks: list[Look]) -> Iterator[str]:
    """How the lines of files stand where it is not as in a plain CSV."""
    marks = Counter(look.delimiter for look in looks)
    usual = max(marks, key=lambda mark: marks[mark], default=",")
    if usual != ",":
        yield f"delimiter: {_quoted(usual)}"
    odd = [k for k in looks if k.delimiter != usual or k.lines_above or not k.header]
    yield from ["layouts:"] if odd else []
    for look in odd:
        yield f"  {_quoted(look.pattern)}:"
        if look.delimiter != usual:
            yield f"    delimiter: {_quoted(look.delimiter)}"
        if look.lines_above:
            yield f"    lines_above: {look.lines_above}  # ?? is it so many every time"
        if not look.header:
            yield f"    # no header: its {look.width} columns in their order, as the sender's"
            yield "    # description names them"
            unknown = ", ".join(['"??"'] * look.width)
            yield f"    header: [{unknown}]"


def _date_order(fits: list[Fit]) -> Iterator[str]:
    dates = [
        fit.look.cells[header]
        for fit in fits
        for column, (header, _) in fit.columns.items()
        if fit.table.columns[column].type in ("date", "timestamp")
    ]
    written, iso = sum(c.written for c in dates), sum(c.iso for c in dates)
    days, months = sum(c.day_first for c in dates), sum(c.month_first for c in dates)
    if not written:
        return
    if iso:
        yield f"# ?? {iso} dates are written as 2026-03-13, {written} are not; a feed has one way"
    if days and months:
        yield f"# ?? date_order: {days} dates can only be DMY and {months} only MDY"
    elif days or months:
        order = "DMY" if days else "MDY"
        yield f"date_order: {order}  # proved: {days or months} of {written} cannot be otherwise"
    else:
        yield f"# ?? date_order: MDY or DMY; none of {written} dates proves which. Ask the sender."


def _tables(fits: list[Fit], contract: Contract, *, codes: dict[str, list[str]]) -> Iterator[str]:
    by_table: dict[str, list[Fit]] = {}
    for fit in fits:
        by_table.setdefault(fit.table_name, []).append(fit)
    for name, several in by_table.items():
        yield f"{name}:"
        for fit in several:
            is_named = len(fits) > 1 or fit.look.is_inside or contract.package != "csv"
            further = _further(fit, contract, filled=set(by_table))
            shape = [*_shape(fit, codes=codes, is_named=is_named), *further]
            if len(several) == 1:
                yield from _indented(2, shape)
            else:
                yield f"  - {shape[0]}"
                yield from _indented(4, shape[1:])
    for name in contract.tables_required():
        if name not in by_table:
            table = contract.tables[name]
            required = [column for column, spec in table.columns.items() if spec.required]
            yield f"# ?? nothing fills {name}, which has to be there: {', '.join(required)}"


def _shape(fit: Fit, *, codes: dict[str, list[str]], is_named: bool) -> Iterator[str]:
    if is_named:
        yield f"file: {_quoted(fit.look.pattern)}"
    own = {c: pair for c, pair in fit.columns.items() if not fit.table.columns[c].refused}
    renamed = {c: pair for c, pair in own.items() if c.lower() != pair[0].lower()}
    if renamed:
        yield "columns:"
    for column, (header, score) in renamed.items():
        yield f"  {column}: {_quoted(header)}" + ("" if score >= SURE else "  # ?? alike, no more")
    missing = [
        name
        for name, spec in fit.table.columns.items()
        if spec.required and name not in fit.columns
    ]
    if missing:
        yield f"# ?? a header, constants, look_ups or joined columns for: {', '.join(missing)}"
    never = [h for c, (h, _) in fit.columns.items() if fit.table.columns[c].refused]
    if never:
        yield f"# never read: {', '.join(never)}"
    used = {"", *(pair[0] for pair in fit.columns.values())}
    rest = [h for h in fit.look.header if h not in used]
    if rest:
        yield f"# nothing reads: {', '.join(rest)}"
    yield from _codes(fit, codes=codes)


def _codes(fit: Fit, *, codes: dict[str, list[str]]) -> Iterator[str]:
    for column, (header, _) in fit.columns.items():
        spec, cells = fit.table.columns[column], fit.look.cells[header]
        known = [*spec.codes, *codes.get(spec.codes_from or "", ())]
        if not known or len(cells.values) > CODES_MAX:
            continue
        unknown = sorted(cells.values - {v for v in cells.values if v.lower() in _lower(known)})
        if unknown:
            yield f"# ?? codes of {column}: map each to one of {', '.join(known)}"
            yield "# codes:"
            yield f"#   {column}:"
            yield from (f"#     {_quoted(value)}: ??" for value in unknown)


def _lower(words: Iterable[str]) -> set[str]:
    return {word.lower() for word in words}


def _indented(by: int, lines: Iterable[str]) -> list[str]:
    return [" " * by + line for line in lines]


def _quoted(text: str) -> str:
    """A text that is itself in YAML, whatever is in it."""
    if re.fullmatch(r"[A-Za-z][\w .-]*[\w.]", text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    return f'"{escaped}"'
