"""Disciplinary actions: a row for each discipline, with all the incidents that it followed.

The raw tables are made from the contracts; a migration only brings along one that stands.
"""

from alembic import op

revision = "0008"
down_revision = "0007"

TABLE = "raw.discipline__actions"
KEY = "discipline_action_identifier, student_unique_id, discipline_date"


def upgrade() -> None:
    _where_it_stands(
        _key_of(f"{KEY}, discipline_descriptor"),
        f"alter table {TABLE} alter column incident_identifier type text[]"
        " using array_remove(array[incident_identifier], null)",
        f"alter table {TABLE} rename column incident_identifier to incident_identifiers",
    )


def downgrade() -> None:
    _where_it_stands(
        # Of several disciplines one is left.
        "delete from raw.discipline__actions as a using raw.discipline__actions as b"
        " where a.ctid > b.ctid and"
        " (a.discipline_action_identifier, a.student_unique_id, a.discipline_date) ="
        " (b.discipline_action_identifier, b.student_unique_id, b.discipline_date)",
        _key_of(KEY),
        f"alter table {TABLE} rename column incident_identifiers to incident_identifier",
        f"alter table {TABLE} alter column incident_identifier type text"
        " using incident_identifier[1]",
    )


def _key_of(columns: str) -> str:
    return (
        f"alter table {TABLE} drop constraint discipline__actions_key,"
        f" add constraint discipline__actions_key unique nulls not distinct ({columns})"
    )


def _where_it_stands(*statements: str) -> None:
    # The last build's views read the column that changes; the next build makes them again.
    built = "drop view if exists staging.stg_discipline__actions cascade"
    body = "; ".join((built, *statements))
    op.execute(
        f"do $do$ begin if to_regclass('{TABLE}') is not null then {body}; end if; end $do$"
    )
