"""Inquiry cycles: the measure as it stood when the cycle began."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "inquiry_baseline",
        sa.Column("cycle_id", sa.Text(), nullable=False),
        sa.Column("school_key", sa.Integer(), nullable=False),
        sa.Column("metric_id", sa.Text(), nullable=False),
        sa.Column("metric_version", sa.Integer(), nullable=False),
        sa.Column("school_year", sa.Integer(), nullable=False),
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("release_id", sa.BigInteger(), nullable=False),
        sa.Column("numerator", sa.Numeric(), nullable=False),
        sa.Column("denominator", sa.BigInteger(), nullable=False),
        sa.Column("metric_value", sa.Numeric(), nullable=False),
        sa.PrimaryKeyConstraint("cycle_id", "school_key", name=op.f("pk_inquiry_baseline")),
        schema="ops",
    )


def downgrade() -> None:
    op.drop_table("inquiry_baseline", schema="ops")
