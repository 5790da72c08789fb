"""What is written from the contracts: dbt's sources and the pages of docs/feeds."""

from collections.abc import Iterable

import yaml

from wraparound.contracts.diagnostics import CONTRACT_CODE, load_diagnostics
from wraparound.contracts.loader import load_contracts
from wraparound.contracts.models import SQL_TYPES, Column, Contract, Table
from wraparound.contracts.resource_pages import resources_page

PACKAGES = {
    "oneroster": "OneRoster 1.0, 1.1, 1.2 (CSV)",
    "hsds": "HSDS 3 (tabular)",
    "csv": "Ed-Fi-shaped CSV, and our own",
}
MADE = "made from the contracts by `wraparound contracts write`; edit those"
LEDGER_TABLES = {
    "student_crosswalk": "One row per student id of a source, with our stable key.",
    "school_crosswalk": "One row per school id of a source, with our stable key.",
    "student_change": "One row per id that went to what looks like another child.",
    "need_history": "One row per student, school and need: first and last seen on a list.",
    "inquiry_baseline": "One row per inquiry cycle and school: its measure when it began.",
    "feed_state": "One row per feed and sender: what was loaded last, and when.",
    "attendance_set_aside": "One row per school and arrival with rows set aside: how many.",
    "arrival": "One row per arrival: what came, and what became of it.",
    "release": "One row per release, with its state.",
    "release_school": "One row per release and school, with the verdict.",
}
SYSTEM_NOTES = {
    "_sender": "Who sent the row.",
    "_batch_id": "The batch that made or last changed the record.",
    "_row_hash": "Hash of the row's content.",
    "_effective_at": "When the arrival claims to be true.",
    "_changed_at": "When the record last changed here.",
    "_deleted_at": "When the record ended; null while it is in force.",
    "_extra": "What came in columns that the contract does not know, by header; used nowhere.",
    "_held": "Whether a newer row of it could not be read, so that this one stays.",
    "_resource_id": "By which an API calls the record when it deletes it; null from CSV.",
}


# What a file does that no longer holds a record.
SILENCE = {
    "none": "leaves it in force",
    "day": "replaces what was said of each student's day that it speaks of",
    "span": "ends it, between the file's first and last day of a school",
    "table": "ends it",
    "record": "leaves it in force; other rows of a record that it speaks of are replaced",
}
COSTS = {"row": "the row is set aside", "cell": "the cell is emptied", "nothing": "told"}
# What sets a whole delivery aside, whatever its feed; the last good data stays in force.
REFUSED = {
    "W21": (
        "a required file or column is missing, or a column comes twice; bytes that are not in the "
        "declared encoding; a quote that never ends; a bulk file without rows; a manifest that "
        "does not fit the files; a roster of an earlier school year; a label of another school "
        "year than the days; ids that mean something else than is declared; in strict reading "
        "any leniency"
    ),
    "W22": "nothing says which feed it is",
    "W23": (
        "a zip that is encrypted, nested, too large, packed too tightly, has too many members, "
        "two of one name, folders, links or paths outside itself"
    ),
    "W24": "a file that is still being written, or that is not what its checksum says",
    "W26": "it would end or change more than can be believed: a person decides",
}


def sources_yaml() -> str:
    """dbt's sources: every raw table, and the ledger tables that models may read."""
    raw = [
        {
            "name": contract.raw_name(name),
            "description": table.description,
            "columns": _source_columns(table),
        }
        for contract in load_contracts().values()
        for name, table in contract.tables.items()
    ]
    ops = [{"name": name, "description": text} for name, text in LEDGER_TABLES.items()]
    body = {
        "version": 2,
        "sources": [
            {
                "name": "raw",
                "schema": "raw",
                "description": "The contracts' tables.",
                "tables": raw,
            },
            {"name": "ops", "schema": "ops", "description": "The ledger.", "tables": ops},
        ],
    }
    return f"# {MADE.capitalize()}.\n" + yaml.safe_dump(body, sort_keys=False, width=96)


def feed_page(contract: Contract) -> str:
    """One feed's page for the people who send it."""
    lines = [
        f"<!-- {MADE} -->",
        f"# {contract.title}",
        "",
        contract.description,
        "",
        f"- **Standard**: {contract.standard}",
        f"- **Sent by**: {contract.owner}, {contract.cadence}",
        f"- **Legal basis**: {contract.legal_basis}",
        f"- **Brake**: a file by which more than {contract.brake.count} and more than "
        f"{contract.brake.percent:g} % of a school's records in a table would be "
        f"{' or '.join(contract.brake.watch)}, or all of them would end, waits for a person.",
        "",
    ]
    for name, table in contract.tables.items():
        lines += _table_lines(contract, name, table)
    if contract.ignored_files:
        files = ", ".join(f"`{file}`" for file in contract.ignored_files)
        lines += ["## Archived, not loaded", "", files, ""]
    return "\n".join(lines)


def _scope_of(table: Table) -> str:
    return "record" if table.replaces else table.scope


def feeds_index() -> str:
    """The table of feeds."""
    lines = [
        f"<!-- {MADE} -->",
        "# Feeds",
        "",
        "What is read of Ed-Fi's and HSDS's JSON, and how: [JSON resources](json.md).",
        "",
        "| feed | standard | files | a file that no longer holds a record |",
        "|---|---|---|---|",
    ]
    for contract in load_contracts().values():
        files = ", ".join(f"`{table.file}`" for table in contract.tables.values())
        scopes = sorted({_scope_of(table) for table in contract.tables.values()})
        lines.append(
            f"| [{contract.feed}]({contract.feed}.md) | {contract.standard} | {files} | "
            f"{'; '.join(SILENCE[scope] for scope in scopes)} |"
        )
    return "\n".join([*lines, "", *_standards_lines(), *_refused_lines(), *_code_lines(), ""])


def _standards_lines() -> list[str]:
    """For each standard what is read, what is only archived, and which rules it is held to."""
    standards: dict[str, list[Contract]] = {}
    for contract in load_contracts().values():
        standards.setdefault(PACKAGES[contract.package], []).append(contract)
    lines = [
        "## Standards",
        "",
        "| standard | read | archived, not read | rules between columns and records |",
        "|---|---|---|---|",
    ]
    for standard, contracts in standards.items():
        tables = [table for contract in contracts for table in contract.tables.values()]
        ignored = sorted({file for contract in contracts for file in contract.ignored_files})
        rules = dict.fromkeys(rule.id for table in tables for rule in table.rules)
        cells = (
            ", ".join(f"`{table.file}`" for table in tables),
            ", ".join(f"`{file}`" for file in ignored),
            ", ".join(f"`{rule}`" for rule in rules),
        )
        lines.append(f"| {standard} | {' | '.join(cells)} |")
    return [*lines, ""]


def _refused_lines() -> list[str]:
    lines = ["## Set aside whole", "", "| code | when |", "|---|---|"]
    return [*lines, *(f"| {code} | {when} |" for code, when in REFUSED.items()), ""]


def _code_lines() -> list[str]:
    """Every diagnostic with its code, as `ops.diagnostic` tells it by file, row and column."""
    lines = [
        "## What is said of rows, cells and files",
        "",
        "By file, row number, column and rule, never by value; `ops.diagnostic` holds it. What is "
        "marked * is a leniency: `strictness: strict` in a sender's profile refuses the delivery.",
        "",
        "| code | rule | costs | meaning | what to do |",
        "|---|---|---|---|---|",
    ]
    for one in load_diagnostics().values():
        mark = " *" if one.leniency else ""
        lines.append(f"| {one.code} | `{one.rule}`{mark} | {one.costs} | {one.says} | {one.do} |")
    own = f"| {CONTRACT_CODE} | a rule of the feed's page | as it says there | | |"
    return [*lines, own]


def _source_columns(table: Table) -> list[dict[str, object]]:
    columns: list[dict[str, object]] = []
    for name, column in table.loaded.items():
        entry: dict[str, object] = {
            "name": table.raw_column(name),
            "description": column.description,
            "data_type": SQL_TYPES[column.type],
        }
        if column.person:
            entry["config"] = {"meta": {"contains_pii": True}}
        columns.append(entry)
    people = [("_student_source_id", table.student), ("_school_source_id", table.school)]
    for name, present in people:
        if present:
            columns.append({"name": name, "description": "The roster's id.", "data_type": "text"})
    columns += [{"name": name, "description": note} for name, note in SYSTEM_NOTES.items()]
    return columns


def _table_lines(contract: Contract, name: str, table: Table) -> Iterable[str]:
    required = " (required)" if table.required else ""
    yield from (f"## `{table.file}`{required}", "", table.description, "")
    yield from (
        f"Key: {', '.join(f'`{key}`' for key in table.key)}. "
        f"In the warehouse: `raw.{contract.raw_name(name)}`. A file that no longer holds a record "
        f"{SILENCE[_scope_of(table)]}.",
        "",
        "| column | required | type | meaning | what is checked |",
        "|---|---|---|---|---|",
    )
    references = {reference.column: reference for reference in table.references}
    for column, spec in table.columns.items():
        checks = _checks(spec)
        if column in references:
            checks.append(f"names a record of `{references[column].table}`")
        yield (
            f"| `{column}` | {_required(spec)} | {spec.type} | "
            f"{spec.description} | {'; '.join(checks)} |"
        )
    yield ""
    for rule in table.rules:
        yield f"- `{rule.id}`: {COSTS[rule.costs]} when {rule.message}."
    if table.rules:
        yield ""


def _required(column: Column) -> str:
    if column.required_until:
        return f"to {column.required_until}"
    return "yes" if column.required else ""


def _checks(column: Column) -> list[str]:
    checks = []
    if column.refused:
        checks.append("never read")
    if column.codes:
        extra = " or `ext:…`" if column.extensible else ""
        checks.append("one of " + " ".join(f"`{code}`" for code in column.codes) + extra)
    if column.words:
        spoken = [f"`{word}`" for words in column.words.values() for word in words]
        checks.append("in words " + ", ".join(spoken))
    if column.codes_from:
        checks.append(f"a code of the seed `{column.codes_from}`")
    if column.minimum is not None:
        checks.append(f"at least {column.minimum:g}")
    if column.maximum is not None:
        checks.append(f"at most {column.maximum:g}")
    if column.on_bad == "cell":
        checks.append("a bad value costs the cell, not the row")
    if column.aliases:
        checks.append("also spelt " + ", ".join(f"`{alias}`" for alias in column.aliases))
    return checks


def written_files() -> dict[str, str]:
    """Everything that is made from the contracts: path below the project's root -> text."""
    pages = {f"docs/feeds/{feed}.md": feed_page(c) for feed, c in load_contracts().items()}
    return {
        "dbt_project/models/staging/_raw_sources.yml": sources_yaml(),
        "docs/feeds/README.md": feeds_index(),
        "docs/feeds/json.md": resources_page(MADE),
        **pages,
    }
