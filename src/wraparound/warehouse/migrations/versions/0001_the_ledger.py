"""The ledger, its schemas and the roles."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    _create_schemas()
    _create_roles()
    op.create_table(
        "arrival",
        sa.Column("arrival_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("byte_count", sa.BigInteger(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "effective_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.Column("claim", sa.Text(), server_default="", nullable=False),
        sa.Column("rows_in", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_loaded", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_unchanged", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "rows_quarantined", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("rows_duplicate", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_ended", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("received_count", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "notices",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "state in ('pending', 'loaded', 'refused', 'braked', 'superseded')",
            name=op.f("ck_arrival_state"),
        ),
        sa.PrimaryKeyConstraint("arrival_id", name=op.f("pk_arrival")),
        sa.UniqueConstraint(
            "feed", "sender", "sha256", "claim", name=op.f("uq_arrival_feed_sender_sha256_claim")
        ),
        schema="ops",
    )
    op.create_index(op.f("ix_arrival_state"), "arrival", ["state"], unique=False, schema="ops")
    op.create_table(
        "build",
        sa.Column("build_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), server_default="running", nullable=False),
        sa.Column("models_built", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("tests_failed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("input_batch_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "state in ('running', 'succeeded', 'failed')", name=op.f("ck_build_state")
        ),
        sa.PrimaryKeyConstraint("build_id", name=op.f("pk_build")),
        schema="ops",
    )
    op.create_table(
        "event",
        sa.Column("event_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "happened_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("dag_id", sa.Text(), nullable=True),
        sa.Column("task_id", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column(
            "detail",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event")),
        schema="ops",
    )
    op.create_index(
        op.f("ix_event_happened_at"), "event", ["happened_at"], unique=False, schema="ops"
    )
    op.create_table(
        "feed_state",
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("last_arrival_id", sa.BigInteger(), nullable=False),
        sa.Column("last_batch_id", sa.BigInteger(), nullable=False),
        sa.Column("last_loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("feed", "sender", name=op.f("pk_feed_state")),
        schema="ops",
    )
    op.create_table(
        "need_history",
        sa.Column("student_key", sa.BigInteger(), nullable=False),
        sa.Column("school_key", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("first_seen_date", sa.Date(), nullable=False),
        sa.Column("last_seen_date", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint(
            "student_key", "school_key", "rule_id", name=op.f("pk_need_history")
        ),
        schema="ops",
    )
    op.create_table(
        "override",
        sa.Column("override_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("school_key", sa.Integer(), nullable=True),
        sa.Column("rule_id", sa.Text(), nullable=True),
        sa.Column("granted_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "granted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("override_id", name=op.f("pk_override")),
        schema="ops",
    )
    op.create_table(
        "release",
        sa.Column("release_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("build_id", sa.BigInteger(), nullable=True),
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("previous_release_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), server_default="building", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.Text(), nullable=True),
        sa.Column("pinned", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "state in ('building', 'audited', 'published', 'superseded', 'rejected')",
            name=op.f("ck_release_state"),
        ),
        sa.PrimaryKeyConstraint("release_id", name=op.f("pk_release")),
        schema="ops",
    )
    op.create_table(
        "school_crosswalk",
        sa.Column("school_source_id", sa.Text(), nullable=False),
        sa.Column("school_key", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.PrimaryKeyConstraint("school_source_id", name=op.f("pk_school_crosswalk")),
        sa.UniqueConstraint("school_key", name=op.f("uq_school_crosswalk_school_key")),
        schema="ops",
    )
    op.create_table(
        "student_crosswalk",
        sa.Column("student_source_id", sa.Text(), nullable=False),
        sa.Column("student_key", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("student_source_id", name=op.f("pk_student_crosswalk")),
        sa.UniqueConstraint("student_key", name=op.f("uq_student_crosswalk_student_key")),
        schema="ops",
    )
    op.create_table(
        "batch",
        sa.Column("batch_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("arrival_id", sa.BigInteger(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["arrival_id"], ["ops.arrival.arrival_id"], name=op.f("fk_batch_arrival_id")
        ),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_batch")),
        schema="ops",
    )
    op.create_table(
        "delivery",
        sa.Column("delivery_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("release_id", sa.BigInteger(), nullable=False),
        sa.Column("school_key", sa.Integer(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("byte_count", sa.BigInteger(), nullable=False),
        sa.Column(
            "delivered_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["release_id"], ["ops.release.release_id"], name=op.f("fk_delivery_release_id")
        ),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_delivery")),
        schema="ops",
    )
    op.create_index(
        op.f("ix_delivery_release_id"), "delivery", ["release_id"], unique=False, schema="ops"
    )
    op.create_table(
        "quarantine",
        sa.Column("quarantine_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("arrival_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("row_number", sa.BigInteger(), nullable=False),
        sa.Column("column_name", sa.Text(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), server_default="row", nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.CheckConstraint("scope in ('row', 'cell')", name=op.f("ck_quarantine_scope")),
        sa.Column("superseded_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state in ('open', 'released', 'superseded')", name=op.f("ck_quarantine_state")
        ),
        sa.PrimaryKeyConstraint("quarantine_id", name=op.f("pk_quarantine")),
        schema="ops",
    )
    op.create_index(
        op.f("ix_quarantine_arrival_id"), "quarantine", ["arrival_id"], unique=False, schema="ops"
    )
    op.create_index(
        "ix_quarantine_open",
        "quarantine",
        ["feed", "table_name"],
        unique=False,
        schema="ops",
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "release_school",
        sa.Column("release_id", sa.BigInteger(), nullable=False),
        sa.Column("school_key", sa.Integer(), nullable=False),
        sa.Column("school_source_id", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("live", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("student_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "verdict in ('pass', 'notice', 'hold')", name=op.f("ck_release_school_verdict")
        ),
        sa.ForeignKeyConstraint(
            ["release_id"], ["ops.release.release_id"], name=op.f("fk_release_school_release_id")
        ),
        sa.PrimaryKeyConstraint("release_id", "school_key", name=op.f("pk_release_school")),
        schema="ops",
    )
    op.create_table(
        "verdict",
        sa.Column("verdict_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("release_id", sa.BigInteger(), nullable=False),
        sa.Column("school_key", sa.Integer(), nullable=True),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("failing_count", sa.BigInteger(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.CheckConstraint("severity in ('notice', 'hold')", name=op.f("ck_verdict_severity")),
        sa.ForeignKeyConstraint(
            ["release_id"], ["ops.release.release_id"], name=op.f("fk_verdict_release_id")
        ),
        sa.PrimaryKeyConstraint("verdict_id", name=op.f("pk_verdict")),
        schema="ops",
    )
    op.create_index(
        op.f("ix_verdict_release_id"), "verdict", ["release_id"], unique=False, schema="ops"
    )
    op.create_table(
        "pointer",
        sa.Column("school_key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("school_source_id", sa.Text(), nullable=False),
        sa.Column("release_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["release_id"], ["ops.release.release_id"], name=op.f("fk_pointer_release_id")
        ),
        sa.PrimaryKeyConstraint("school_key", name=op.f("pk_pointer")),
        schema="release",
    )
    op.create_table(
        "quarantine_line",
        sa.Column("arrival_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("row_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("record_key", sa.BigInteger(), nullable=True),
        sa.Column("cells", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint(
            "arrival_id", "table_name", "file_name", "row_number", name=op.f("pk_quarantine_line")
        ),
        schema="restricted",
    )
    op.create_table(
        "batch_table",
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("rows_in", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_created", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_changed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_unchanged", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "rows_quarantined", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("rows_duplicate", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_ended", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["ops.batch.batch_id"], name=op.f("fk_batch_table_batch_id")
        ),
        sa.PrimaryKeyConstraint("batch_id", "table_name", name=op.f("pk_batch_table")),
        schema="ops",
    )
    op.create_table(
        "disclosure",
        sa.Column("disclosure_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("release_id", sa.BigInteger(), nullable=False),
        sa.Column("school_key", sa.Integer(), nullable=False),
        sa.Column("recipient_type", sa.Text(), nullable=False),
        sa.Column("recipient_id", sa.Text(), nullable=True),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("records_scope", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("student_keys", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column(
            "disclosed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["ops.delivery.delivery_id"], name=op.f("fk_disclosure_delivery_id")
        ),
        sa.PrimaryKeyConstraint("disclosure_id", name=op.f("pk_disclosure")),
        schema="ops",
    )
    op.create_table(
        "touched",
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("student_source_id", sa.Text(), nullable=False),
        sa.Column("first_date", sa.Date(), nullable=True),
        sa.Column("last_date", sa.Date(), nullable=True),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["ops.batch.batch_id"], name=op.f("fk_touched_batch_id")
        ),
        sa.PrimaryKeyConstraint("batch_id", "student_source_id", name=op.f("pk_touched")),
        schema="ops",
    )
    _grant()


SCHEMAS = ("restricted", "raw", "release", "coordinator", "analytics")
ROLES = (
    "wraparound_engineer",
    "wraparound_loader",
    "wraparound_builder",
    "wraparound_publisher",
    "wraparound_coordinator",
    "wraparound_analyst",
)
# What each group of people or programs may do, beyond what the owner does.
GRANTS = (
    "grant usage on schema ops to wraparound_engineer",
    "grant select on all tables in schema ops to wraparound_engineer",
    "revoke select on ops.student_crosswalk, ops.need_history, ops.touched, ops.disclosure"
    " from wraparound_engineer",
    "grant usage on schema ops, restricted, raw to wraparound_loader",
    "grant select, insert, update, delete on all tables in schema ops, restricted"
    " to wraparound_loader",
    "grant usage on schema raw, ops to wraparound_builder",
    "grant select on all tables in schema ops to wraparound_builder",
    "grant usage on schema ops, release, coordinator to wraparound_publisher",
    "grant select, insert, update, delete on all tables in schema ops, release"
    " to wraparound_publisher",
    "grant usage on schema release, coordinator to wraparound_coordinator",
    "grant select on release.pointer to wraparound_coordinator",
    "grant usage on schema analytics to wraparound_analyst",
    "revoke all on schema public from public",
)


def _create_schemas() -> None:
    for schema in SCHEMAS:
        op.execute(f"create schema if not exists {schema}")


def _create_roles() -> None:
    """Roles belong to the server, not the database, so another database may have made them."""
    for role in ROLES:
        op.execute(
            f"do $$ begin create role {role} nologin;"
            " exception when duplicate_object then null; end $$"
        )


def _grant() -> None:
    for grant in GRANTS:
        op.execute(grant)
