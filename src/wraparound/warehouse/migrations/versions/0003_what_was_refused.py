"""Working with what was refused: the brake's counts, lifted rules, bytes that came again."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NOW = sa.text("clock_timestamp()")
COUNTS = ("rows_before", "rows_created", "rows_changed", "rows_ended")


def upgrade() -> None:
    _add_last_received()
    _create_brake_count()
    _create_lifted_rule()


def _add_last_received() -> None:
    op.add_column(
        "arrival",
        sa.Column("last_received_at", sa.DateTime(timezone=True), nullable=True),
        schema="ops",
    )
    op.execute("update ops.arrival set last_received_at = received_at")
    op.alter_column(
        "arrival", "last_received_at", nullable=False, server_default=NOW, schema="ops"
    )


def _create_brake_count() -> None:
    op.create_table(
        "brake_count",
        sa.Column("arrival_id", sa.BigInteger(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("school_source_id", sa.Text(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)
            for name in COUNTS
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("threshold", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["arrival_id"], ["ops.arrival.arrival_id"], name=op.f("fk_brake_count_arrival_id")
        ),
        sa.PrimaryKeyConstraint(
            "arrival_id", "table_name", "school_source_id", name=op.f("pk_brake_count")
        ),
        schema="ops",
    )


def _create_lifted_rule() -> None:
    op.create_table(
        "lifted_rule",
        sa.Column("lifted_rule_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("until_date", sa.Date(), nullable=False),
        sa.Column("granted_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("lifted_rule_id", name=op.f("pk_lifted_rule")),
        schema="ops",
    )
