"""Diagnostics as data: rows that something is told of, the catalog, and all of it as one view."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

# Of a rule of one table the contract's own words come first; a delivery that was set aside whole
# is told in its own.
DIAGNOSTIC = """
create view ops.diagnostic as
with told as (
    select arrival_id, feed, table_name, file_name, row_number, column_name, rule,
        scope as severity, state, 1 as occurrences, null as own_code, null as own_message
    from ops.quarantine
    union all
    select arrival_id, feed, table_name, file_name, row_number, column_name, rule,
        'notice', 'open', 1, null, null
    from ops.row_notice
    union all
    select arrival.arrival_id, arrival.feed, notice ->> 'table', arrival.file_name, null,
        notice ->> 'column', notice ->> 'rule', 'notice', 'open',
        (notice ->> 'count')::integer, null, null
    from ops.arrival, jsonb_array_elements(arrival.notices) as notice
    union all
    select arrival_id, feed, null, file_name, null, null, 'delivery_' || state, 'delivery',
        'open', 1, code, message
    from ops.arrival
    where state in ('refused', 'braked')
)
select told.arrival_id, coalesce(told.own_code, own.code, general.code) as code, told.severity,
    told.feed, told.table_name, told.file_name, told.row_number, told.column_name, told.rule,
    told.occurrences, told.state,
    coalesce(told.own_message, own.message, general.message) as message,
    coalesce(own.what_to_do, general.what_to_do) as what_to_do
from told
left join ops.diagnostic_rule as own
    on told.feed = own.feed and told.table_name = own.table_name and told.rule = own.rule
left join ops.diagnostic_rule as general
    on general.feed = '' and general.table_name = '' and told.rule = general.rule
"""


def upgrade() -> None:
    op.create_table(
        "row_notice",
        sa.Column("arrival_id", sa.BigInteger(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("row_number", sa.BigInteger(), nullable=False),
        sa.Column("column_name", sa.Text(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        schema="ops",
    )
    op.create_index(op.f("ix_row_notice_arrival_id"), "row_notice", ["arrival_id"], schema="ops")
    op.create_table(
        "diagnostic_rule",
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("costs", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("what_to_do", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("feed", "table_name", "rule", name=op.f("pk_diagnostic_rule")),
        schema="ops",
    )
    op.execute(DIAGNOSTIC)
