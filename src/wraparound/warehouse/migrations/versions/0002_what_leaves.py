"""What leaves, to whom, on what ground: assignments, disclosures, dispatches, analytics."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    _create_assignment()
    _create_disclosure()
    _create_dispatch()
    _create_destruction()
    _create_gate_finding()
    _create_analytics()


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=NOW, nullable=False)


def _create_assignment() -> None:
    op.create_table(
        "assignment",
        sa.Column("staff_source_id", sa.Text(), nullable=False),
        sa.Column("school_key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("staff_role", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint(
            "staff_source_id", "school_key", "staff_role", "valid_from", name=op.f("pk_assignment")
        ),
        schema="release",
    )
    for statement in ASSIGNMENT_GUARDS:
        op.execute(statement)


# A reader sees their own assignments of their own day, and the lists follow from those. A
# missing setting is NULL; after a transaction that set it, it is ''. Both mean: nobody.
ASSIGNMENT_GUARDS = (
    "do $$ begin create role wraparound_publisher nologin;"
    " exception when duplicate_object or unique_violation then null; end $$",
    "do $$ begin create role wraparound_coordinator nologin;"
    " exception when duplicate_object or unique_violation then null; end $$",
    "alter table release.assignment enable row level security",
    "alter table release.assignment force row level security",
    "create policy publishing on release.assignment for all to wraparound_publisher"
    " using (true) with check (true)",
    "create policy own_assignments on release.assignment for select to wraparound_coordinator"
    " using (staff_source_id = nullif(current_setting('app.coordinator', true), '')"
    " and valid_from <= nullif(current_setting('app.today', true), '')::date"
    " and (valid_to is null or valid_to > nullif(current_setting('app.today', true), '')::date))",
)


def _create_disclosure() -> None:
    op.drop_table("disclosure", schema="ops")
    op.create_table(
        "disclosure",
        sa.Column("disclosure_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("release_id", sa.BigInteger(), nullable=False),
        sa.Column("school_key", sa.Integer(), nullable=False),
        _moment("disclosed_at"),
        sa.Column("recipient_type", sa.Text(), nullable=False),
        sa.Column("recipient_id", sa.Text(), nullable=True),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("records_scope", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("student_keys", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("disclosure_id", name=op.f("pk_disclosure")),
        schema="ops",
    )
    op.create_index(
        "ix_disclosure_student_keys",
        "disclosure",
        ["student_keys"],
        schema="ops",
        postgresql_using="gin",
    )
    op.create_index("ix_disclosure_delivery_id", "disclosure", ["delivery_id"], schema="ops")
    # One row: the end of the chain. A log that was cut short does not reach it.
    op.create_table(
        "disclosure_head",
        sa.Column("is_head", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("disclosure_id", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.CheckConstraint("is_head", name=op.f("ck_disclosure_head_is_head")),
        sa.PrimaryKeyConstraint("is_head", name=op.f("pk_disclosure_head")),
        schema="ops",
    )
    op.execute("insert into ops.disclosure_head (disclosure_id, hash) values (0, '')")
    for statement in APPEND_ONLY:
        op.execute(statement)


APPEND_ONLY = (
    """
    create function ops.refuse_change() returns trigger language plpgsql
    set search_path = pg_catalog as $$
    begin
        raise exception 'The disclosure log is only ever added to.'
            using errcode = 'insufficient_privilege';
    end $$
    """,
    "create trigger append_only before update or delete on ops.disclosure"
    " for each row execute function ops.refuse_change()",
    "create trigger append_only_whole before truncate on ops.disclosure"
    " for each statement execute function ops.refuse_change()",
    "alter table ops.disclosure enable always trigger append_only",
    "alter table ops.disclosure enable always trigger append_only_whole",
)


def _create_dispatch() -> None:
    """The outbox: one row per release, recipient and channel, at most."""
    op.create_table(
        "dispatch",
        sa.Column("dispatch_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("release_id", sa.BigInteger(), nullable=False),
        sa.Column("school_key", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("recipient_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=True),
        _moment("made_at"),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('list', 'held')", name=op.f("ck_dispatch_kind")),
        sa.CheckConstraint(
            "state in ('waiting', 'sending', 'sent', 'failed', 'unsure', 'dropped')",
            name=op.f("ck_dispatch_state"),
        ),
        sa.PrimaryKeyConstraint("dispatch_id", name=op.f("pk_dispatch")),
        sa.UniqueConstraint(
            "release_id", "school_key", "channel", "recipient_id", name=op.f("uq_dispatch_once")
        ),
        schema="ops",
    )
    op.create_index(
        "ix_dispatch_open",
        "dispatch",
        ["school_key"],
        schema="ops",
        postgresql_where=sa.text("state in ('waiting', 'sending', 'failed')"),
    )


def _create_destruction() -> None:
    """Proof that something was destroyed: what, of which class, how much, never whose."""
    op.create_table(
        "destruction",
        sa.Column("destruction_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _moment("destroyed_at"),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("retention_class", sa.Text(), nullable=False),
        sa.Column("older_than", sa.Date(), nullable=False),
        sa.Column("item_count", sa.BigInteger(), nullable=False),
        sa.Column("byte_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("ordered_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("destruction_id", name=op.f("pk_destruction")),
        schema="ops",
    )


def _create_gate_finding() -> None:
    """Which rows a rule failed for: keys only, for the engineer who has to mend them."""
    op.create_table(
        "gate_finding",
        sa.Column("release_id", sa.BigInteger(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("school_key", sa.Integer(), nullable=True),
        sa.Column("student_key", sa.BigInteger(), nullable=True),
        schema="restricted",
    )
    op.create_index(
        "ix_gate_finding_release_id", "gate_finding", ["release_id"], schema="restricted"
    )


ATTRIBUTES = (
    "attendance",
    "suggested_tier",
    "academics",
    "social_emotional_behavioral",
    "health",
    "family",
)


def _create_analytics() -> None:
    op.create_table(
        "student",
        sa.Column("pseudonym", sa.Text(), nullable=False),
        sa.Column("release_id", sa.BigInteger(), nullable=False),
        sa.Column("grade_band", sa.Text(), nullable=True),
        sa.Column("age_band", sa.Text(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ATTRIBUTES),
        sa.PrimaryKeyConstraint("pseudonym", name=op.f("pk_student")),
        schema="analytics",
    )
    op.create_table(
        "metric",
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("breakdown", sa.Text(), nullable=False),
        sa.Column("group_value", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("release_id", sa.BigInteger(), nullable=False),
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("student_count", sa.BigInteger(), nullable=True),
        sa.Column("rate", sa.Numeric(), nullable=True),
        sa.Column("rate_bound", sa.Text(), nullable=True),
        sa.Column("is_suppressed", sa.Boolean(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "not is_suppressed or num_nonnulls(student_count, rate) = 0",
            name=op.f("ck_metric_is_suppressed"),
        ),
        sa.PrimaryKeyConstraint(
            "metric", "breakdown", "group_value", "category", name=op.f("pk_metric")
        ),
        schema="analytics",
    )
    # The counts behind what analysts see now: tomorrow's must not give them away.
    op.create_table(
        "metric_count",
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("breakdown", sa.Text(), nullable=False),
        sa.Column("group_value", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("student_count", sa.BigInteger(), nullable=False),
        sa.Column("is_suppressed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint(
            "metric", "breakdown", "group_value", "category", name=op.f("pk_metric_count")
        ),
        schema="restricted",
    )
