"""A file that is put back, after another of its name, is a new word of its sender."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

BEFORE = "uq_arrival_feed_sender_sha256_claim"
AFTER = "uq_arrival_feed_sender_sha256_claim_takes_back"


def upgrade() -> None:
    op.add_column("arrival", sa.Column("takes_back", sa.BigInteger(), nullable=True), schema="ops")
    op.drop_constraint(op.f(BEFORE), "arrival", schema="ops", type_="unique")
    op.create_unique_constraint(
        op.f(AFTER),
        "arrival",
        ["feed", "sender", "sha256", "claim", "takes_back"],
        schema="ops",
        postgresql_nulls_not_distinct=True,
    )


def downgrade() -> None:
    op.drop_constraint(op.f(AFTER), "arrival", schema="ops", type_="unique")
    op.create_unique_constraint(
        op.f(BEFORE), "arrival", ["feed", "sender", "sha256", "claim"], schema="ops"
    )
    op.drop_column("arrival", "takes_back", schema="ops")
