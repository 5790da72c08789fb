"""What a feed must look like: one YAML file per feed, read into these strict models."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

ColumnType = Literal[
    "id",
    "text",
    "date",
    "timestamp",
    "boolean",
    "integer",
    "decimal",
    "list",
    "code",
    "descriptor",
    "year",
]
SQL_TYPES: dict[str, str] = {
    "id": "text",
    "text": "text",
    "date": "date",
    "timestamp": "timestamptz",
    "boolean": "boolean",
    "integer": "integer",
    "decimal": "numeric",
    "list": "text[]",
    "code": "text",
    "descriptor": "text",
    "year": "integer",
}
# What a bulk file ends by not holding it: nothing; the other events of a student's day that it
# speaks of; the rest of its days per school; the rest of the table.
Scope = Literal["none", "day", "span", "table"]
PackageKind = Literal["csv", "oneroster", "hsds"]
# What nothing may be called that is kept although nobody knows it.
SECRET = re.compile(r"passw|passcode|pwd|secret|token|\bpin\b|ssn|social.?security", re.IGNORECASE)


class Strict(BaseModel):
    """A model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(Strict):
    """One column: how it is typed and checked. `description` ends on docs pages.

    `raw` is its name in the warehouse where that is not the standard's name in snake case;
    `volatile` columns change every night by themselves and do not make a row changed;
    `required_since` names the version of the standard that began to require it, `required_until`
    the last one that did;
    `words` are what people read for a code, and may come back in its place; `multiline` text
    may hold line breaks; `refused` columns are never read; `on_bad` says what a
    bad value costs: the row or the cell.
    """

    type: ColumnType = "text"
    raw: str | None = None
    volatile: bool = False
    required: bool = False
    required_since: str | None = None
    required_until: str | None = None
    description: str
    codes: tuple[str, ...] = ()
    words: dict[str, tuple[str, ...]] = {}
    codes_from: str | None = None
    extensible: bool = False
    aliases: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    on_bad: Literal["row", "cell"] = "row"
    person: bool = False
    refused: bool = False
    multiline: bool = False


class Reference(Strict):
    """A column that names a record of another table of the same feed family."""

    column: str
    table: str
    to: str | None = None
    on_missing: Literal["row", "cell"] = "row"
    many: bool = False


class Rule(Strict):
    """A relation that a row must stand in, in SQL over the typed columns of the row `g`.

    `check` speaks of one row, and true is good; `breaks` may look at other records, and true is
    bad. What breaks a rule `costs` its row, the cell in `column`, or nothing: it is told.
    """

    id: str
    check: str | None = None
    breaks: str | None = None
    column: str
    message: str
    costs: Literal["row", "cell", "nothing"] = "row"

    @model_validator(mode="after")
    def _one_way(self) -> "Rule":
        if (self.check is None) == (self.breaks is None):
            raise ValueError("needs either check or breaks")
        if self.breaks is not None and self.costs == "row":
            raise ValueError("a rule that depends on other records may not cost a row")
        return self


class Table(Strict):
    """One table of a feed: the file it comes in, its key, columns, rules and references.

    What a file says of the columns in `replaces` replaces all that was said of them before.
    """

    description: str
    file: str
    key: tuple[str, ...]
    columns: dict[str, Column]
    required: bool = False
    scope: Scope = "none"
    replaces: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    rules: tuple[Rule, ...] = ()
    student: str | None = None
    school: str | None = None
    day: str | None = None

    @model_validator(mode="after")
    def _names_exist(self) -> "Table":
        named = [*self.key, *(r.column for r in self.references), *(r.column for r in self.rules)]
        named += [*self.replaces]
        named += [c for c in (self.student, self.school, self.day) if c]
        unknown = sorted(set(named) - set(self.columns))
        if unknown:
            raise ValueError(f"names columns that it does not have: {', '.join(unknown)}")
        return self

    def for_version(self, version: str) -> "Table":
        """The table as an older version of its standard has it."""
        later = {
            name: column.model_copy(update={"required": False})
            for name, column in self.columns.items()
            if column.required_since and version and version < column.required_since
        }
        earlier = {
            name: column.model_copy(update={"required": True})
            for name, column in self.columns.items()
            if column.required_until and version and version <= column.required_until
        }
        other = later | earlier
        return self.model_copy(update={"columns": self.columns | other}) if other else self

    def raw_column(self, name: str) -> str:
        """The warehouse's name of a column."""
        return self.columns[name].raw or snake(name)

    @property
    def loaded(self) -> dict[str, Column]:
        """The columns that are kept: all but the refused ones."""
        return {name: column for name, column in self.columns.items() if not column.refused}


class Brake(Strict):
    """A change of a school's records larger than both numbers waits for a person.

    `watch` are the kinds of change that count; that a school falls to zero always does.
    """

    count: int = Field(default=10, ge=0)
    percent: float = Field(default=10, ge=0)
    watch: tuple[Literal["ended", "changed", "created"], ...] = ("ended",)


class Contract(Strict):
    """One feed."""

    feed: str = Field(pattern=r"^[a-z_]+$")
    title: str
    standard: str
    package: PackageKind
    family: str
    order: int
    owner: str
    legal_basis: str
    cadence: str
    description: str
    tables: dict[str, Table]
    ignored_files: tuple[str, ...] = ()
    brake: Brake = Brake()

    def tables_required(self) -> list[str]:
        """The tables without which a package is not this feed."""
        return [name for name, table in self.tables.items() if table.required]

    def raw_name(self, table: str) -> str:
        """The table's name in schema `raw`."""
        return f"{self.feed}__{table}"


def snake(name: str) -> str:
    """The warehouse's spelling of a standard's column: sourcedId -> sourced_id."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")
