"""Room on the pages of the need history, every row of which is written anew each night."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute("alter table ops.need_history set (fillfactor = 50)")


def downgrade() -> None:
    op.execute("alter table ops.need_history reset (fillfactor)")
