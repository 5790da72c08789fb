"""How each need stood on its last list and the one before, and with what value it began."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "first_value": sa.Numeric(),
    "last_value": sa.Numeric(),
    "last_rank": sa.Integer(),
    "last_level": sa.Text(),
    "last_state": sa.Text(),
    "prior_seen_date": sa.Date(),
    "prior_rank": sa.Integer(),
    "prior_level": sa.Text(),
    "prior_state": sa.Text(),
}


def upgrade() -> None:
    for name, kind in COLUMNS.items():
        op.add_column("need_history", sa.Column(name, kind, nullable=True), schema="ops")
