"""The brake: what an arrival would change is counted before it is applied."""

from collections.abc import Callable
from dataclasses import dataclass

from psycopg import sql

from wraparound.contracts.models import Brake
from wraparound.errors import ArrivalBraked
from wraparound.warehouse.batches import Arrival
from wraparound.warehouse.connection import Connection
from wraparound.warehouse.merging import Merge

Sql = sql.Composable


@dataclass(frozen=True)
class Counted:
    """What would become of one school's records in one table; `school` is None for all."""

    school: str | None
    before: int
    created: int
    changed: int
    ended: int

    def reason(self, brake: Brake, *, watch: tuple[str, ...]) -> str | None:
        """Why this cannot be believed, or None. What was empty before is a beginning."""
        if not self.before:
            return None
        if self.ended and self.ended >= self.before and not self.created:
            return f"would end {self.ended} of {self.before}"
        for word in watch:
            count = {"created": self.created, "changed": self.changed, "ended": self.ended}[word]
            if count > brake.count and count * 100 > brake.percent * self.before:
                verb = {"created": "add", "changed": "change", "ended": "end"}[word]
                joint = "to" if word == "created" else "of"
                return f"would {verb} {count} {joint} {self.before}"
        return None


def brake(connection: Connection, merge: Merge, *, arrival: Arrival) -> None:
    """Stop before more is changed than can be believed; a person may release it.

    Raises:
        ArrivalBraked: naming table, school and counts.
    """
    if merge.scope == "day" or merge.is_replay or arrival.brake_released:
        return  # each record that ends on a day has another in its place
    rule = merge.contract.brake
    has_schools = _school_of(merge) is not None
    for counted in _count(connection, merge):
        # A new school adds to tables in which nobody can see that it is one.
        reason = counted.reason(rule, watch=rule.watch if has_schools else ("ended",))
        if reason is None:
            continue
        where = f" of school {counted.school}" if counted.school else ""
        raise ArrivalBraked(
            f"{reason} records{where} in {merge.contract.raw_name(merge.name)} (the brake is "
            f"more than {rule.count} and more than {rule.percent:g} %, or all). Nothing was "
            f"applied. Look at the file, then `wraparound brake release {arrival.arrival_id} "
            f"--by NAME --reason …` or `wraparound brake reject {arrival.arrival_id} --by NAME "
            "--reason …`."
        )


def _count(connection: Connection, merge: Merge) -> list[Counted]:
    """By school where the table has schools, else for the whole table."""
    school = _school_of(merge)
    school_of = school or (lambda _: sql.SQL("null::text"))
    rows = connection.execute(
        sql.SQL(
            "select school, grouping(school) = 1 as is_whole, sum(b)::bigint as before,"
            " sum(c)::bigint as created, sum(h)::bigint as changed, sum(e)::bigint as ended from"
            " (select {r} as school, count(*) as b, 0 as c, 0 as h, 0 as e from {raw} as r"
            "   where r._deleted_at is null and r._sender = {sender} group by 1"
            "  union all select {r}, 0, 0, 0, count(*) from {raw} as r"
            "   inner join pg_temp.ending as n on r.ctid = n.at group by 1"
            "  union all select {g}, 0,"
            "   count(*) filter (where f.fate = 'created' and not g._ends),"
            "   count(*) filter (where f.fate = 'changed' and not g._ends),"
            "   count(*) filter (where f.fate = 'changed' and g._ends)"
            "   from pg_temp.good as g inner join pg_temp.fate as f on g._row = f._row"
            "   group by 1) as counts"
            " group by grouping sets ((school), ()) order by is_whole, school"
        ).format(
            raw=merge.raw, sender=sql.Literal(merge.sender), r=school_of("r"), g=school_of("g")
        )
    ).fetchall()
    return [
        Counted(row["school"], row["before"], row["created"], row["changed"], row["ended"])
        for row in rows
        if row["before"] is not None and row["is_whole"] == (school is None)
    ]


def _school_of(merge: Merge) -> Callable[[str], Sql] | None:
    """From a row to the school that it belongs to; of several organizations, the first."""
    table = merge.table
    if table.school:
        return lambda alias: sql.Identifier(alias, "_school_source_id")
    named = [
        r for r in table.references if r.table == "orgs" and not r.column.startswith("parent")
    ]
    if not named:
        return None
    column = table.raw_column(named[0].column)
    if named[0].many:
        return lambda alias: sql.SQL("{}[1]").format(sql.Identifier(alias, column))
    return lambda alias: sql.Identifier(alias, column)
