"""What a build and a load were made with, so that the same need not be done again."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("build", sa.Column("inputs_hash", sa.Text(), nullable=True), schema="ops")
    op.add_column("batch", sa.Column("reading_hash", sa.Text(), nullable=True), schema="ops")
