"""Of each school's list, whether its needs were written to the need history: all were."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column(
        "pointer",
        sa.Column("is_remembered", sa.Boolean(), nullable=False, server_default=sa.true()),
        schema="release",
    )


def downgrade() -> None:
    op.drop_column("pointer", "is_remembered", schema="release")
