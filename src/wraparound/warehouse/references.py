"""Who and where: the ids that feeds use, held against the roster."""

from psycopg import sql

from wraparound.contracts.loader import load_contracts
from wraparound.contracts.models import Contract, Reference, Table
from wraparound.errors import ContractBroken
from wraparound.warehouse.connection import Connection
from wraparound.warehouse.raw_tables import key_columns

Sql = sql.Composable
DEFAULT_MEANING = "sourcedId"
ROSTER_OF = {"student": "raw.roster__users", "school": "raw.roster__orgs"}


def same_key(table: Table, left: str, right: str) -> Sql:
    """The natural keys of two rows are equal, an empty part equal to an empty part."""
    return sql.SQL(" and ").join(
        sql.SQL("{} {} {}").format(
            sql.Identifier(left, column),
            # A required part is never null, and plain equality can use index and hash.
            sql.SQL("=" if table.columns[name].required else "is not distinct from"),
            sql.Identifier(right, column),
        )
        for name, column in zip(table.key, key_columns(table), strict=True)
    )


def parent_of(reference: Reference, *, family: str) -> tuple[Sql, Sql]:
    """The raw table and column that a reference names."""
    for contract in load_contracts().values():
        if contract.family == family and reference.table in contract.tables:
            parent = contract.tables[reference.table]
            column = parent.raw_column(reference.to or parent.key[0])
            return (
                sql.Identifier("raw", contract.raw_name(reference.table)),
                sql.Identifier(column),
            )
    raise LookupError(reference.table)


def known_keys(table: Table, reference: Reference, *, contract: Contract) -> Sql:
    """A query of the keys that a reference may name: stored ones, and this file's own.

    Of another feed also those of records that ended, as of students: what is told of last year's
    classes when this year's are here must not hang on which of the two came first.
    """
    raw, column = parent_of(reference, family=contract.family)
    stored = sql.SQL("select {} as k from {}").format(column, raw)
    if reference.table not in contract.tables:
        return stored
    stored = sql.SQL("{} where _deleted_at is null").format(stored)
    if contract.tables[reference.table].file != table.file:
        return stored
    return sql.SQL("{} union all select {} from pg_temp.good").format(stored, column)


def people_ids(what: str, meaning: str) -> Sql:
    """The relation (id, source_id) that rows are joined with to know whom they are about: the
    roster, where the declared field is its key, else a temporary table of `people_lookup`."""
    if meaning == DEFAULT_MEANING:
        return sql.SQL("({})").format(people_lookup(what, meaning))
    return sql.Identifier("pg_temp", f"{what}_ids")


def people_lookup(what: str, meaning: str, *, among: Sql | None = None) -> Sql:
    """A query (id, source_id) of the roster's students or schools, by the declared field; only
    of those `among` a query of few ids."""
    if meaning == DEFAULT_MEANING:
        # No two records have one key.
        return sql.SQL("select sourced_id as id, sourced_id as source_id from {}").format(
            sql.SQL(ROSTER_OF[what])
        )
    wanted: Sql = sql.SQL("id is not null")
    if among is not None:
        # An array, so that the roster is asked by its key and not read.
        wanted = sql.SQL("id = any(array({}))").format(among)
    found = _found(ROSTER_OF[what], meaning)
    # An id that two records carry names neither, unless one of them has ended.
    return sql.SQL(
        "select id, coalesce(min(sourced_id) filter (where _deleted_at is null),"
        "  min(sourced_id)) as source_id from ({}) as f where {} group by id"
        " having count(*) = 1 or count(*) filter (where _deleted_at is null) = 1"
    ).format(found, wanted)


def _found(relation: str, meaning: str) -> Sql:
    if meaning.startswith("userIds:"):
        prefix = "{" + meaning.removeprefix("userIds:") + ":"
        return sql.SQL(
            "select rtrim(substr(u, {}), '}}') as id, sourced_id, _deleted_at from {},"
            " unnest(user_ids) as u where starts_with(u, {})"
        ).format(sql.Literal(len(prefix) + 1), sql.SQL(relation), sql.Literal(prefix))
    return sql.SQL("select {} as id, sourced_id, _deleted_at from {}").format(
        sql.Identifier(meaning), sql.SQL(relation)
    )


def refuse_wrong_meaning(
    connection: Connection, *, ids: Sql, what: str, meaning: str, feed: str, file_name: str
) -> None:
    """Where most of a file's ids match nothing and another field would fit, say which.

    `ids` is a query of them, each once, as `id`.

    Raises:
        ContractBroken: naming the setting that would make them match.
    """
    total = _count(connection, ids)
    known = sql.SQL("select * from {} as known").format(people_ids(what, meaning))
    matched = _matches(connection, ids=ids, lookup=known)
    if total == 0 or matched * 2 >= total:
        return
    best = max(
        (
            (_matches(connection, ids=ids, lookup=people_lookup(what, m)), m)
            for m in _meanings(connection, what)
        ),
        default=(0, ""),
    )
    if best[0] * 2 > total:
        raise ContractBroken(
            f"{file_name}: {total - matched} of {total} {what} ids match no roster record by "
            f"'{meaning}', but {best[0]} match by '{best[1]}'. Nothing was loaded. If that is "
            f"what the sender means, set {what}_id: {best[1]} for feed {feed} in the district "
            "file and land it again."
        )


def _meanings(connection: Connection, what: str) -> list[str]:
    if what == "school":
        return ["sourcedId", "identifier"]
    kinds = connection.execute(
        "select distinct substr(split_part(u, ':', 1), 2) as kind"
        " from raw.roster__users, unnest(user_ids) as u where u like '{%:%}'"
    ).fetchall()
    return ["sourcedId", "identifier", *(f"userIds:{row['kind']}" for row in kinds)]


def _matches(connection: Connection, *, ids: Sql, lookup: Sql) -> int:
    return _count(
        connection,
        sql.SQL("select 1 from ({}) as i inner join ({}) as l using (id)").format(ids, lookup),
    )


def _count(connection: Connection, query: Sql) -> int:
    row = connection.execute(
        sql.SQL("select count(*) as n from ({}) as q").format(query)
    ).fetchone()
    return int(row["n"]) if row else 0
