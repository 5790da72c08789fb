"""Whose each student id is, and which ids were given to what looks like another child."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

STATES = "'open', 'same', 'another', 'past', 'withdrawn'"
IN_FORCE = "state in ('open', 'another')"
# Who stands in the roster before the first load that could tell.
REMEMBER = """
    do $do$
    begin
        if to_regclass('raw.roster__users') is not null then
            insert into restricted.student_identity
            select x.student_key, x.student_source_id,
                concat_ws(' ', u.given_name, u.middle_name), u.family_name, d.birth_date
            from ops.student_crosswalk as x
            inner join raw.roster__users as u on u.sourced_id = x.student_source_id
            left join raw.roster__demographics as d
                on d.sourced_id = u.sourced_id and d._deleted_at is null;
        end if;
    end $do$
"""


def upgrade() -> None:
    op.create_table(
        "student_change",
        sa.Column("change_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("student_source_id", sa.Text(), nullable=False),
        sa.Column("earlier_key", sa.BigInteger(), nullable=False),
        sa.Column("student_key", sa.BigInteger(), nullable=False),
        sa.Column("told_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_since_date", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"state in ({STATES})", name=op.f("ck_student_change_state")),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_student_change")),
        sa.UniqueConstraint("student_key", name=op.f("uq_student_change_student_key")),
        schema="ops",
    )
    op.create_index(
        op.f("ix_student_change_in_force"),
        "student_change",
        ["student_source_id"],
        unique=True,
        postgresql_where=sa.text(IN_FORCE),
        schema="ops",
    )
    op.create_table(
        "student_identity",
        sa.Column("student_key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("student_source_id", sa.Text(), nullable=False),
        sa.Column("given_names", sa.Text(), nullable=True),
        sa.Column("family_names", sa.Text(), nullable=True),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("student_key", name=op.f("pk_student_identity")),
        schema="restricted",
    )
    op.create_index(
        op.f("ix_student_identity_student_source_id"),
        "student_identity",
        ["student_source_id"],
        schema="restricted",
    )
    op.execute(REMEMBER)


def downgrade() -> None:
    op.drop_table("student_identity", schema="restricted")
    op.drop_table("student_change", schema="ops")
