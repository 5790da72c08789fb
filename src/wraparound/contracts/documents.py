"""What is written from the contracts: dbt's sources and the pages of docs/feeds."""

from collections.abc import Iterable

import yaml

from wraparound.contracts.loader import load_contracts
from wraparound.contracts.models import SQL_TYPES, Column, Contract, Table

MADE = "made from the contracts by `wraparound contracts write`; edit those"
LEDGER_TABLES = {
    "student_crosswalk": "One row per student id of a source, with our stable key.",
    "school_crosswalk": "One row per school id of a source, with our stable key.",
    "need_history": "One row per student, school and need: first and last seen on a list.",
    "feed_state": "One row per feed and sender: what was loaded last, and when.",
    "quarantine": "One row per finding: file, row, column, rule; no values.",
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
    "_held": "Whether a newer row of it could not be read, so that this one stays.",
    "_resource_id": "By which an API calls the record when it deletes it; null from CSV.",
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


def feeds_index() -> str:
    """The table of feeds."""
    lines = [
        f"<!-- {MADE} -->",
        "# Feeds",
        "",
        "| feed | standard | files | a file that no longer holds a record |",
        "|---|---|---|---|",
    ]
    for contract in load_contracts().values():
        files = ", ".join(f"`{table.file}`" for table in contract.tables.values())
        scopes = sorted({table.scope for table in contract.tables.values()})
        meaning = {
            "none": "leaves it in force",
            "day": "replaces what was said of each student's day that it speaks of",
            "span": "ends it, between the file's first and last day of a school",
            "table": "ends it",
        }
        lines.append(
            f"| [{contract.feed}]({contract.feed}.md) | {contract.standard} | {files} | "
            f"{'; '.join(meaning[scope] for scope in scopes)} |"
        )
    return "\n".join([*lines, ""])


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
        f"In the warehouse: `raw.{contract.raw_name(name)}`.",
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
            f"| `{column}` | {'yes' if spec.required else ''} | {spec.type} | "
            f"{spec.description} | {'; '.join(checks)} |"
        )
    yield ""
    for rule in table.rules:
        yield f"- `{rule.id}`: set aside when {rule.message}."
    if table.rules:
        yield ""


def _checks(column: Column) -> list[str]:
    checks = []
    if column.refused:
        checks.append("never read")
    if column.codes:
        extra = " or `ext:…`" if column.extensible else ""
        checks.append("one of " + " ".join(f"`{code}`" for code in column.codes) + extra)
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
        **pages,
    }
