"""Coordinators' rows: of each school only the release that is shown, also below the views."""

from alembic import op

revision = "0014"
down_revision = "0013"

OWN = "school_key = any (array(select a.school_key from release.assignment as a))"
SHOWN = "(school_key, release_id) in (select p.school_key, p.release_id from release.pointer as p)"


def upgrade() -> None:
    _alter_policies(f"{OWN} and {SHOWN}")


def downgrade() -> None:
    _alter_policies(OWN)


def _alter_policies(condition: str) -> None:
    op.execute(f"""
        do $do$
        declare parent regclass;
        begin
            for parent in
                select p.polrelid::regclass from pg_catalog.pg_policy as p
                inner join pg_catalog.pg_class as c on c.oid = p.polrelid
                where p.polname = 'own_schools' and c.relkind = 'p'
                    and c.relnamespace = to_regnamespace('release')
            loop
                execute format('alter policy own_schools on %s using ({condition})', parent);
            end loop;
        end $do$
    """)  # noqa: S608 - our own words
