"""From which schools a release was taken back: it is not shown there again by itself."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column(
        "release_school",
        sa.Column("taken_back", sa.Boolean(), nullable=False, server_default=sa.false()),
        schema="ops",
    )


def downgrade() -> None:
    op.drop_column("release_school", "taken_back", schema="ops")
