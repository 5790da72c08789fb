"""Children whose records were destroyed, and those whose records must not be."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"

NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.add_column(
        "destruction",
        sa.Column(
            "rows_by_table",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        schema="ops",
    )
    op.create_table(
        "destroyed_student",
        sa.Column("student_key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("destruction_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["destruction_id"],
            ["ops.destruction.destruction_id"],
            name=op.f("fk_destroyed_student_destruction_id"),
        ),
        sa.PrimaryKeyConstraint(
            "student_key", "destruction_id", name=op.f("pk_destroyed_student")
        ),
        schema="ops",
    )
    op.create_table(
        "legal_hold",
        sa.Column("legal_hold_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("student_source_id", sa.Text(), nullable=True),
        sa.Column("placed_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.Column("lifted_reason", sa.Text(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("legal_hold_id", name=op.f("pk_legal_hold")),
        schema="restricted",
    )


def downgrade() -> None:
    op.drop_table("legal_hold", schema="restricted")
    op.drop_table("destroyed_student", schema="ops")
    op.drop_column("destruction", "rows_by_table", schema="ops")
