"""Which school year a file is about, read from its content and not from its name."""

from psycopg import sql

from wraparound.contracts.models import Table
from wraparound.errors import ContractBroken
from wraparound.warehouse.connection import Connection

LABEL = "schoolYear"


def refuse_older_roster(connection: Connection, *, file_name: str) -> None:
    """A roster of an earlier school year than the one in force is last year's file.

    Speaks of the sessions just judged, in the temporary table `good`.

    Raises:
        ContractBroken: naming both school years.
    """
    row = connection.execute(
        "select (select max(school_year) from pg_temp.good) as theirs,"
        " (select max(school_year) from raw.roster__academic_sessions"
        "   where _deleted_at is null) as ours"
    ).fetchone()
    if row and row["theirs"] and row["ours"] and row["theirs"] < row["ours"]:
        raise ContractBroken(
            f"{file_name} is the roster of school year {row['theirs']}, and the one in force is "
            f"{row['ours']}. The whole arrival was set aside: it looks like last year's file."
        )


def refuse_wrong_label(
    connection: Connection, *, table: Table, file_name: str, year_starts: str
) -> None:
    """A file that calls most of its days by another school year is not what it says.

    Speaks of the rows just judged, in the temporary table `good`; `year_starts` is the month and
    day on which a school year begins.

    Raises:
        ContractBroken: naming the year of the label and the years of the days.
    """
    if table.day is None or LABEL not in table.columns:
        return
    row = connection.execute(
        sql.SQL(
            "select count(*) as labelled, count(*) filter (where label <> year) as wrong,"
            " mode() within group (order by label) filter (where label <> year) as label,"
            " min(year) filter (where label <> year) as first_year,"
            " max(year) filter (where label <> year) as last_year"
            " from (select {label} as label, extract(year from {day})::integer"
            "  + (to_char({day}, 'MM-DD') >= {starts})::integer as year"
            "  from pg_temp.good where {label} is not null) as years"
        ).format(
            label=sql.Identifier(table.raw_column(LABEL)),
            day=sql.Identifier(table.raw_column(table.day)),
            starts=sql.Literal(year_starts),
        )
    ).fetchone()
    if not row or row["wrong"] * 2 <= row["labelled"]:
        return
    years = " to ".join(str(year) for year in sorted({row["first_year"], row["last_year"]}))
    raise ContractBroken(
        f"{file_name} says school year {row['label']} in {row['wrong']} of {row['labelled']} rows "
        f"whose days are of school year {years}. The whole arrival was set aside: ask the sender "
        "which is right. If it is the days, leave the column of the school year out of the "
        "sender's profile."
    )
