"""Of each build, how many batches it was made from; what was built before is built once more."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column(
        "build",
        sa.Column(
            "input_batch_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        schema="ops",
    )


def downgrade() -> None:
    op.drop_column("build", "input_batch_count", schema="ops")
