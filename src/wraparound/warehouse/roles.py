"""Who may do what: every right of every role, granted anew after each migration.

Roles are groups without a login. Nothing is anybody's by default: a table that is not named
here is its owner's alone. The published parents and their views get their one grant where
they are made, in `publishing`, beside the policy that guards their rows.
"""

from psycopg import sql

from wraparound.warehouse.connection import Connection, Row

LOADER, BUILDER, PUBLISHER = "wraparound_loader", "wraparound_builder", "wraparound_publisher"
ENGINEER, AUDITOR = "wraparound_engineer", "wraparound_auditor"
COORDINATOR, ANALYST = "wraparound_coordinator", "wraparound_analyst"
PROGRAMS = (LOADER, BUILDER, PUBLISHER)
READERS = (ENGINEER, AUDITOR, COORDINATOR, ANALYST)

# The schemas that dbt fills; it drops and makes their tables at will.
BUILT = ("seeds", "staging", "intermediate", "marts", "reports")

# What happened, in ids and counts: no child, no line of a file.
LEDGER = (
    "arrival, batch, batch_table, brake_count, build, delivery, diagnostic, diagnostic_rule,"
    " dispatch, destruction, event, feed_state, lifted_rule, override, quarantine, release,"
    " release_school, row_notice, school_crosswalk, verdict"
)
RIGHTS: tuple[tuple[str, str, str, str], ...] = (
    # role, verbs, schema, tables
    (ENGINEER, "select", "ops", LEDGER),
    (ENGINEER, "select", "release", "pointer"),
    (AUDITOR, "select", "ops", LEDGER),
    (AUDITOR, "select", "ops", "destroyed_student, disclosure, disclosure_head"),
    (LOADER, "select, insert, update", "ops", "arrival, batch, batch_table, feed_state"),
    (LOADER, "select, insert, update", "ops", "student_crosswalk, school_crosswalk"),
    (LOADER, "select, insert, update", "ops", "student_change"),
    (LOADER, "select, insert, update", "restricted", "student_identity"),
    (LOADER, "select, insert, update, delete", "ops", "quarantine, brake_count"),
    (LOADER, "select, insert, delete", "ops", "row_notice"),
    (LOADER, "select", "ops", "destroyed_student, lifted_rule"),
    (LOADER, "select, insert", "ops", "event"),
    (LOADER, "select, insert, update, delete", "restricted", "quarantine_line"),
    (BUILDER, "select", "ops", "inquiry_baseline"),
    (BUILDER, "select", "ops", "arrival, attendance_set_aside, feed_state, need_history, release"),
    (BUILDER, "select", "ops", "release_school, school_crosswalk, student_crosswalk"),
    (BUILDER, "select", "ops", "student_change"),
    (PUBLISHER, "select, insert, update", "ops", "release, release_school, need_history"),
    (PUBLISHER, "select, insert, delete", "ops", "verdict"),
    (PUBLISHER, "select, insert", "ops", "inquiry_baseline"),
    (PUBLISHER, "select, insert", "ops", "delivery, disclosure, event, override"),
    (PUBLISHER, "select, insert, update", "ops", "dispatch, disclosure_head"),
    (PUBLISHER, "select", "ops", "arrival, build, feed_state, school_crosswalk, student_change"),
    (PUBLISHER, "select, insert, update, delete", "release", "pointer, assignment"),
    (PUBLISHER, "select, insert, delete", "restricted", "gate_finding, metric_count"),
    (PUBLISHER, "select", "raw", "staff__assignments, consents__consents"),
    (COORDINATOR, "select", "release", "pointer, assignment"),
    (ANALYST, "select", "analytics", "student, metric"),
)
USAGE = {
    ENGINEER: ("ops", "release", *BUILT),
    AUDITOR: ("ops",),
    LOADER: ("ops", "raw", "restricted"),
    BUILDER: ("ops", "raw"),
    PUBLISHER: ("ops", "raw", "restricted", "staging", "reports"),
    COORDINATOR: ("release", "coordinator"),
    ANALYST: ("analytics",),
}
# Who owns what a schema holds, and may therefore make and drop it.
OWNERS = {
    "raw": LOADER,
    "release": PUBLISHER,
    "coordinator": PUBLISHER,
    "analytics": PUBLISHER,
    **dict.fromkeys(BUILT, BUILDER),
}
# What everybody may call on a new server, and readers have no need of: objects that outlive them
# and can be given to anybody, and locks that a night waits for.
SHUT = r"^(lo_creat|lo_from_bytea|pg_(try_)?advisory_)"
# These stay with the owner of the database, so that no program can loosen their guards.
KEPT = ("release.pointer", "release.assignment")


def ensure_rights(connection: Connection) -> None:
    """Bring roles, owners and grants to what this module says; again changes nothing."""
    for role in (*PROGRAMS, *READERS):
        _ensure_role(connection, role)
    for role in PROGRAMS:
        # Where the login is not a superuser it must be able to become them.
        connection.execute(sql.SQL("grant {} to current_user").format(sql.Identifier(role)))
    for schema, owner in OWNERS.items():
        _ensure_owner(connection, schema, owner=owner)
    close_database(connection)
    for schema in ("ops", "restricted", "raw", "release", "coordinator", "analytics", *BUILT):
        _close_schema(connection, schema)
    for role, verbs, schema, tables in RIGHTS:
        _grant(connection, role, verbs=verbs, schema=schema, tables=tables)
    for role, schemas in USAGE.items():
        for schema in schemas:
            connection.execute(
                sql.SQL("grant usage on schema {} to {}").format(
                    sql.Identifier(schema), sql.Identifier(role)
                )
            )
    _share_what_is_built(connection)


def _ensure_role(connection: Connection, role: str) -> None:
    """Roles belong to the server, so another database may have made them."""
    connection.execute(
        sql.SQL(
            "do $$ begin create role {} nologin;"
            " exception when duplicate_object or unique_violation then null; end $$"
        ).format(sql.Identifier(role))
    )


def _ensure_owner(connection: Connection, schema: str, *, owner: str) -> None:
    """Give a schema's tables and views to a role, and let it make more of them."""
    name, role = sql.Identifier(schema), sql.Identifier(owner)
    connection.execute(sql.SQL("create schema if not exists {}").format(name))
    connection.execute(sql.SQL("grant usage, create on schema {} to {}").format(name, role))
    strangers = connection.execute(
        "select c.relname from pg_catalog.pg_class c"
        " where c.relnamespace = to_regnamespace(%s) and c.relkind in ('r', 'p', 'v', 'm')"
        " and pg_get_userbyid(c.relowner) <> %s"
        " and not (c.relnamespace::regnamespace || '.' || c.relname) = any (%s)"
        " order by c.oid",
        [schema, owner, list(KEPT)],
    ).fetchall()
    for row in strangers:
        connection.execute(
            sql.SQL("alter table {}.{} owner to {}").format(
                name, sql.Identifier(row["relname"]), role
            )
        )


def close_database(connection: Connection) -> None:
    """Nobody makes temporary tables, functions or large objects, or holds the locks of a night,
    but the programs that need them.

    The functions belong to who made the server: where that is somebody else, they stay open, and
    `wraparound doctor` says so.
    """
    row = connection.execute("select current_database() as name").fetchone()
    assert row is not None
    name = sql.Identifier(row["name"])
    connection.execute(sql.SQL("revoke temporary, create on database {} from public").format(name))
    connection.execute("revoke all on schema public from public")
    for role in PROGRAMS:
        connection.execute(
            sql.SQL("grant temporary on database {} to {}").format(name, sql.Identifier(role))
        )
    _shut_functions(connection)


def open_functions(connection: Connection) -> list[Row]:
    """What readers have no need of, and everybody may call: `name`, and whether it `is_ours`."""
    return connection.execute(
        "select p.oid::regprocedure::text as name, pg_has_role(p.proowner, 'usage') as is_ours"
        " from pg_catalog.pg_proc p"
        " where p.pronamespace = 'pg_catalog'::regnamespace and p.proname ~ %s"
        " and has_function_privilege('public', p.oid, 'execute')",
        [SHUT],
    ).fetchall()


def _shut_functions(connection: Connection) -> None:
    for row in open_functions(connection):
        if not row["is_ours"]:
            continue
        name = sql.SQL(row["name"])
        connection.execute(sql.SQL("revoke execute on function {} from public").format(name))
        connection.execute(
            sql.SQL("grant execute on function {} to {}").format(
                name, sql.SQL(", ").join(map(sql.Identifier, PROGRAMS))
            )
        )


def _close_schema(connection: Connection, schema: str) -> None:
    """Take back whatever anybody but the owner holds on the plain tables of a schema."""
    held = connection.execute(
        "select distinct c.relname, a.grantee from pg_catalog.pg_class c,"
        # Of the table, and of single columns: both go with what is revoked on the table.
        " lateral (select c.relacl as acl union all select attacl from pg_catalog.pg_attribute"
        "  where attrelid = c.oid) granted, lateral aclexplode(granted.acl) a"
        " where c.relnamespace = to_regnamespace(%s) and a.grantee <> c.relowner"
        # Published parents and views keep the one grant that goes with their policy.
        " and not (c.relkind in ('p', 'v') and %s in ('release', 'coordinator'))",
        [schema, schema],
    ).fetchall()
    for row in held:
        who = (
            sql.SQL("public")
            if row["grantee"] == 0
            else sql.Identifier(_role_name(connection, row["grantee"]))
        )
        connection.execute(
            sql.SQL("revoke all on {}.{} from {}").format(
                sql.Identifier(schema), sql.Identifier(row["relname"]), who
            )
        )
    connection.execute(
        sql.SQL("revoke execute on all functions in schema {} from public").format(
            sql.Identifier(schema)
        )
    )


def _role_name(connection: Connection, oid: int) -> str:
    row = connection.execute("select pg_get_userbyid(%s) as name", [oid]).fetchone()
    return str(row["name"]) if row else ""


def _grant(connection: Connection, role: str, *, verbs: str, schema: str, tables: str) -> None:
    listed = sql.SQL(", ").join(
        sql.Identifier(schema, table.strip()) for table in tables.split(",")
    )
    connection.execute(
        sql.SQL("grant {} on {} to {}").format(sql.SQL(verbs), listed, sql.Identifier(role))
    )


def _share_what_is_built(connection: Connection) -> None:
    """Let the rights on dbt's tables outlive their being made anew each night."""
    readers = {schema: [ENGINEER] for schema in BUILT}
    for schema in ("staging", "reports"):
        readers[schema].append(PUBLISHER)
    connection.execute(
        sql.SQL("grant select on all tables in schema raw to {}").format(sql.Identifier(BUILDER))
    )
    for schema, roles in (*readers.items(), ("raw", [BUILDER])):
        for maker in (sql.SQL(""), sql.SQL("for role {}").format(sql.Identifier(OWNERS[schema]))):
            connection.execute(
                sql.SQL(
                    "alter default privileges {} in schema {} grant select on tables to {}"
                ).format(
                    maker,
                    sql.Identifier(schema),
                    sql.SQL(", ").join(map(sql.Identifier, roles)),
                )
            )
        connection.execute(
            sql.SQL("grant select on all tables in schema {} to {}").format(
                sql.Identifier(schema), sql.SQL(", ").join(map(sql.Identifier, roles))
            )
        )
