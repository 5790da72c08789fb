"""The data dictionary: every table that people read, from dbt's manifest, as HTML and CSV."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

LAYERS = ("reports", "marts")
HEADER = ("layer", "table", "grain", "column", "type", "description", "about_a_person")
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}"
    "td,th{border-bottom:1px solid #ccc;padding:.3rem .5rem;text-align:left;vertical-align:top}"
)


@dataclass(frozen=True)
class DescribedColumn:
    """A column as its YAML tells of it."""

    name: str
    data_type: str
    description: str
    is_about_a_person: bool


@dataclass(frozen=True)
class DescribedTable:
    """A table as its YAML tells of it; `grain` begins "One row per"."""

    layer: str
    name: str
    grain: str
    columns: tuple[DescribedColumn, ...]


def described_tables(manifest: Mapping[str, Any]) -> list[DescribedTable]:
    """The reports and marts of a parsed manifest.json, by layer and name."""
    tables = [
        DescribedTable(
            layer=node["fqn"][1],
            name=node["name"],
            grain=_one_line(node["description"]),
            columns=tuple(_columns(node)),
        )
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["fqn"][1] in LAYERS
    ]
    return sorted(tables, key=lambda table: (LAYERS.index(table.layer), table.name))


def dictionary_csv(tables: list[DescribedTable]) -> str:
    """One line per column, with its table's grain."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEADER)
    for table in tables:
        for column in table.columns:
            person = "yes" if column.is_about_a_person else "no"
            writer.writerow(
                (table.layer, table.name, table.grain, column.name, column.data_type,
                 column.description, person)
            )  # fmt: skip
    return stream.getvalue()


def dictionary_html(tables: list[DescribedTable]) -> str:
    """One page, no scripts and nothing from elsewhere."""
    parts = "".join(
        f"<li><a href='#{escape(table.name)}'>{escape(table.name)}</a>" for table in tables
    )
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Data dictionary</title>"
        f"<style>{STYLE}</style><h1>Data dictionary</h1><ul>{parts}</ul>"
        f"{''.join(_section(table) for table in tables)}</html>\n"
    )


def _section(table: DescribedTable) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(column.name)}</code><td>{escape(column.data_type)}"
        f"<td>{escape(column.description)}<td>{'yes' if column.is_about_a_person else ''}"
        for column in table.columns
    )
    return (
        f"<h2 id='{escape(table.name)}'>{escape(table.layer)}.{escape(table.name)}</h2>"
        f"<p>{escape(table.grain)}<table><tr><th>Column<th>Type<th>Description"
        f"<th>About a person{rows}</table>"
    )


def _columns(node: Mapping[str, Any]) -> Iterator[DescribedColumn]:
    for column in node["columns"].values():
        yield DescribedColumn(
            name=column["name"],
            data_type=column.get("data_type") or "",
            description=_one_line(column["description"]),
            is_about_a_person=bool(column["config"]["meta"].get("contains_pii")),
        )


def _one_line(text: str) -> str:
    return " ".join(text.split())
