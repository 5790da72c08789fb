"""What every role may in truth do to every relation, found out by trying."""

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any

import psycopg

ROLES = ("engineer", "auditor", "loader", "builder", "publisher", "coordinator", "analyst")
SCHEMAS = ("ops", "restricted", "raw", "release", "coordinator", "analytics", "reports")
# What one letter of the matrix stands for, and the statement that tries it.
VERBS = {
    "S": "select 1 from {relation} limit 1",
    "I": "insert into {relation} default values",
    "U": "update {relation} set {column} = null where false",
    "D": "delete from {relation} where false",
    "T": "truncate {relation}",
    "A": "alter table {relation} set (autovacuum_enabled = false)",
}
# Refused for lack of a right, or because there is no such thing to do to a view: no either way.
# Whatever else goes wrong (a null, a key that points here) goes wrong after the right was granted.
TRYING = """
    create function public.may(who text, statement text) returns boolean language plpgsql as $$
    begin
        begin
            execute format('set local role %I', who);
            execute statement;
            raise exception 'undo' using errcode = 'U0000';
        exception
            when insufficient_privilege or wrong_object_type
                or object_not_in_prerequisite_state then return false;
            when others then return true;
        end;
    end $$
"""


def found_matrix(connection: psycopg.Connection[Any]) -> dict[str, dict[str, str]]:
    """Return relation -> role -> the letters of what works; the connection is rolled back.

    Relations that differ in a number alone are one, and so are the tables of a schema that
    are treated alike by everybody and not named elsewhere.
    """
    connection.commit()
    connection.execute(TRYING)
    found: dict[str, dict[str, str]] = {}
    for relation, column in _relations(connection):
        rights = {role: _letters(connection, role, relation, column) for role in ROLES}
        name = relation.rstrip("0123456789")
        name = f"{name}N" if name.endswith("_r") else relation
        assert found.setdefault(name, rights) == rights, f"releases of {name} differ"
    connection.rollback()
    return _folded(found, "raw")


def _relations(connection: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    query = """
        select c.relnamespace::regnamespace || '.' || c.relname as relation, a.attname as attname
        from pg_catalog.pg_class c
        inner join lateral (
            select quote_ident(attname) as attname from pg_catalog.pg_attribute
            where attrelid = c.oid and attnum > 0 and not attisdropped
              and attidentity = ''
            order by attnum desc limit 1
        ) a on true
        where c.relnamespace::regnamespace::text = any (%s)
          and c.relkind in ('r', 'p', 'v', 'm', 'f')
        order by c.relnamespace::regnamespace::text, c.relname
    """
    rows = connection.execute(query, (list(SCHEMAS),)).fetchall()
    return [(row["relation"], row["attname"]) for row in rows]


def _letters(connection: psycopg.Connection[Any], role: str, relation: str, column: str) -> str:
    statements = [text.format(relation=relation, column=column) for text in VERBS.values()]
    row = connection.execute(
        "select string_agg(case when public.may(%s, s) then letter else '' end, '' order by n)"
        " as letters from unnest(%s::text[], %s::text[]) with ordinality as t (letter, s, n)",
        (f"wraparound_{role}", list(VERBS), statements),
    ).fetchone()
    return str(row["letters"]) if row else ""


def _folded(found: dict[str, dict[str, str]], schema: str) -> dict[str, dict[str, str]]:
    """Say once what is true of most tables of a schema."""
    alike: dict[tuple[tuple[str, str], ...], list[str]] = defaultdict(list)
    for name, rights in found.items():
        if name.startswith(f"{schema}."):
            alike[tuple(rights.items())].append(name)
    most, names = max(alike.items(), key=lambda item: len(item[1]))
    folded = {name: rights for name, rights in found.items() if name not in names}
    return dict(sorted((folded | {f"{schema}.*": dict(most)}).items()))


def read_matrix(path: Path) -> dict[str, dict[str, str]]:
    """Return the reviewed matrix."""
    with path.open(newline="", encoding="utf-8") as file:
        return {row.pop("relation"): row for row in csv.DictReader(file)}


def write_matrix(matrix: dict[str, dict[str, str]], path: Path) -> None:
    """Write a matrix to be reviewed."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["relation", *ROLES], lineterminator="\n")
        writer.writeheader()
        writer.writerows({"relation": name, **rights} for name, rights in matrix.items())
