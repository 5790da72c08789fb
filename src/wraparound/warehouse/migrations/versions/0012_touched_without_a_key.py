"""Whom a batch touched is written down for each table, without a key to be kept up."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute(
        "alter table ops.touched drop constraint fk_touched_batch_id, drop constraint pk_touched"
    )
    # A key had made it so; it stays.
    op.execute(
        "alter table ops.touched alter batch_id set not null, alter student_source_id set not null"
    )


def downgrade() -> None:
    op.execute(
        "create temp table each on commit drop as select batch_id, student_source_id,"
        " min(first_date) as first_date, max(last_date) as last_date,"
        " sum(row_count)::bigint as row_count from ops.touched group by 1, 2"
    )
    op.execute("truncate ops.touched")
    op.execute("insert into ops.touched table each")
    op.execute(
        "alter table ops.touched add constraint pk_touched"
        " primary key (batch_id, student_source_id), add constraint fk_touched_batch_id"
        " foreign key (batch_id) references ops.batch (batch_id)"
    )
