"""The findings of a line are found without reading the others of its arrival."""

from alembic import op

revision = "0009"
down_revision = "0008"

LINE = ["arrival_id", "table_name", "file_name", "row_number"]


def upgrade() -> None:
    op.create_index("ix_quarantine_line", "quarantine", LINE, schema="ops")
    op.drop_index("ix_quarantine_arrival_id", "quarantine", schema="ops")


def downgrade() -> None:
    op.create_index("ix_quarantine_arrival_id", "quarantine", ["arrival_id"], schema="ops")
    op.drop_index("ix_quarantine_line", "quarantine", schema="ops")
