"""The page of the standards' JSON resources: what is read of each, and into which table."""

from wraparound.contracts.loader import contract_of
from wraparound.contracts.resources import Filled, Resource, Standard, load_standards

HEAD = """# JSON resources

Ed-Fi and HSDS are read as their APIs give them: one record a line, an array, a page whose records
stand in a list, or a single object; with or without a byte order mark; an empty page is none. Only
UTF-8, unless the sender's profile declares another encoding.

## How to deliver

- As a tree, in a folder or a zip: `RESOURCE/incremental/upserts/rundate=2026-03-13/page.json`, and
  `deletes` or `keyChanges` beside `upserts`. The tree is one delivery of all its feeds. What it
  says is true from the first moment of each run date.
- As files named by resource: `students.json`, `students_2026-03-13.jsonl`,
  `students_deletes.json`.

## In which order

By run date, and within one by the rule of Ed-Fi's own publisher: keys that changed, then what came
or changed, parents before children, then what went, children before parents. An older run date
never overwrites a newer one, in whatever order they arrive. A page ends nothing by its silence,
unless the sender's profile gives the feed a `scope`.

## Deletes and changed keys

A delete names a record by its id at the API, or by its key. It ends the record and what else was
read of it. Where records in force still name it, nothing is ended, and the delete is set aside as
`still_named`: a school with students in it stays, and so do they. A delete of a record that is not
here is counted (`deletes_of_unknown_records`). A changed key moves the record to its new key.

## What is set aside

A record that is not JSON, or not built as its standard says, with the number of its line (of its
place, in an array); the others are loaded. Entries of a list inside of records are numbered in
their own order. Each value is checked as on the page of its feed: a descriptor loses its namespace
and must be a code of the column; a code that nobody mapped is a finding. Map it under `codes` in
the sender's profile, where `columns` may give a path of the sender's own, too. A file that breaks
off is refused whole.

## What nobody reads

Members that a resource's section names as not kept are left in the archive. Any other member that
is read nowhere is kept beside its row, by its name, used nowhere, and told once per delivery as
`column_unknown`; so are the members of a standard's extension, `_ext`. Members that sound like a
password or a social security number are not kept, nor are those whose names may be values.
"""


def resources_page(made: str) -> str:
    """The page of every resource that is read from JSON."""
    lines = [f"<!-- {made} -->", HEAD]
    for standard in load_standards():
        lines += _standard_lines(standard)
    return "\n".join(lines)


def _standard_lines(standard: Standard) -> list[str]:
    lines = [f"## {standard.standard}", ""]
    for name, resource in standard.resources.items():
        lines += [f"### `{name}`", "", *_resource_lines(resource)]
    return lines


def _resource_lines(resource: Resource) -> list[str]:
    also = ", ".join(f"`{name}`" for name in resource.also)
    lines = [resource.description, ""]
    if also:
        lines += [f"Also named {also}.", ""]
    lines += ["| fills | column | from |", "|---|---|---|"]
    for filled in resource.fills:
        table = f"[{filled.feed}]({filled.feed}.md) `{filled.table}`"
        for column, path in _paths(filled).items():
            lines.append(f"| {table} | `{column}` | {path} |")
            table = ""
    if resource.not_kept:
        paths = ", ".join(f"`{path}`" for path in resource.not_kept)
        lines += ["", f"Not kept: {paths}."]
    return [*lines, ""]


def _paths(filled: Filled) -> dict[str, str]:
    """Each column in the contract's order, and where it comes from, in words of Markdown."""
    found: dict[str, str] = {}
    for column in contract_of(filled.feed).tables[filled.table].columns:
        path = filled.columns.get(column)
        look_up = filled.look_ups.get(column)
        if path is not None:
            parts = (path,) if isinstance(path, str) else path
            found[column] = " : ".join(f"`{part}`".replace("|", "\\|") for part in parts)
            found[column] += ", and a day" if column in filled.last_days else ""
        elif column in filled.constants:
            found[column] = f"always `{filled.constants[column]}`"
        elif look_up is not None:
            found[column] = f"of the record of `{look_up.table}` that `{look_up.by}` names"
    return found
