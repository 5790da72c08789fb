"""Whom a batch touched is no longer written down: every build is whole, and nobody asked."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.drop_table("touched", schema="ops")


def downgrade() -> None:
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
    op.execute("grant select, insert, update on ops.touched to wraparound_loader")
