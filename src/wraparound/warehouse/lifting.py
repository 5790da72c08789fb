"""Rules that a named person lifted for a feed until a day: what broke them is let in, counted."""

from datetime import date

from wraparound.contracts.loader import contract_of
from wraparound.errors import SettingsWrong
from wraparound.warehouse.connection import Connection, Row
from wraparound.warehouse.findings import WAITING_RULES

# What remains readable when it breaks them. A value that cannot be read, and a row of which
# nobody knows whose it is, cannot be let in by anybody's word.
LIFTABLE = ("unknown_code", "out_of_range", "line_break_in_field")


def lift(
    connection: Connection, *, feed: str, rule: str, until: date, by: str, reason: str
) -> None:
    """Record that a rule does not set rows of a feed aside, for what is received until a day.

    Raises:
        SettingsWrong: it is no rule that can be lifted.
        FeedUnknown: there is no such feed.
    """
    rules = [own for table in contract_of(feed).tables.values() for own in table.rules]
    own = list(dict.fromkeys(one.id for one in rules if one.costs in ("row", "cell")))
    if rule in WAITING_RULES:
        raise SettingsWrong(
            f"The rule '{rule}' cannot be lifted: the row would hang on nothing. Nobody's word is "
            "needed: the rows wait, and the ingest in which the record arrives that they name "
            "loads them by itself. Ask the sender for that record; the rows are in `wraparound "
            "quarantine export`. If the ids are of another kind, set student_id or school_id in "
            "the sender's profile and run `wraparound quarantine replay ARRIVAL`."
        )
    if rule not in (*LIFTABLE, *own):
        raise SettingsWrong(
            f"The rule '{rule}' cannot be lifted for feed {feed}: without it a row cannot be "
            f"read, or belongs to nobody. These can: {', '.join((*LIFTABLE, *own))}."
        )
    connection.execute(
        "insert into ops.lifted_rule (feed, rule, until_date, granted_by, reason)"
        " values (%s, %s, %s, %s, %s)",
        [feed, rule, until, by, reason],
    )


def lifted_rules(connection: Connection, *, feed: str, day: date) -> frozenset[str]:
    """The rules that are lifted for what was received on a day of the district."""
    rows = connection.execute(
        "select distinct rule from ops.lifted_rule where feed = %s and until_date >= %s",
        [feed, day],
    ).fetchall()
    return frozenset(row["rule"] for row in rows)


def lifted_on(connection: Connection, *, day: date) -> list[Row]:
    """What is lifted on a day: feed, rule, until when, by whom and why."""
    return connection.execute(
        "select feed, rule, until_date, granted_by, reason from ops.lifted_rule"
        " where until_date >= %s order by feed, rule, until_date",
        [day],
    ).fetchall()


def set_aside_by(connection: Connection, *, feed: str, rule: str) -> list[int]:
    """The arrivals with open findings of a rule in a feed, in the order of their claims."""
    rows = connection.execute(
        "select arrival_id from ops.arrival where state = 'loaded' and arrival_id in"
        " (select arrival_id from ops.quarantine where state = 'open' and feed = %s and rule = %s)"
        " order by effective_at, arrival_id",
        [feed, rule],
    ).fetchall()
    return [row["arrival_id"] for row in rows]
