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

    def added_to(self, earlier: "Counted") -> "Counted":
        """Both together, of what there was before either."""
        return Counted(
            self.school,
            earlier.before,
            earlier.created + self.created,
            earlier.changed + self.changed,
            earlier.ended + self.ended,
        )

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


@dataclass(frozen=True)
class Weighed:
    """What was counted of a school in a table, and what the brake says of it."""

    table: str
    counted: Counted
    reason: str | None
    threshold: str

    @property
    def words(self) -> str:
        """The reason with its place: only our names, a school's id, and counts."""
        school = self.counted.school
        return f"{self.reason} records{f' of school {school}' if school else ''} in {self.table}"


def weigh(connection: Connection, merge: Merge, *, earlier: list[Weighed]) -> list[Weighed]:
    """Count what a file would change, by school, before it is applied; what `earlier` files of
    the arrival change in the same table is added, so that pages weigh what a whole file does.

    A file that replaces single days is not weighed: what ends there has another in its place.
    """
    if merge.scope == "day" or merge.is_replay:
        return earlier
    rule = merge.contract.brake
    # A new school adds to tables in which nobody can see that it is one.
    watch = rule.watch if _school_of(merge) is not None else ("ended",)
    threshold = (
        f"more than {rule.count} and more than {rule.percent:g} % {' or '.join(watch)}, or all "
        f"ended: contract {merge.contract.feed}"
    )
    table = merge.contract.raw_name(merge.name)
    known = {(one.table, one.counted.school): one for one in earlier}
    for counted in _count(connection, merge):
        if counted.created or counted.changed or counted.ended:
            before = known.get((table, counted.school))
            total = counted.added_to(before.counted) if before else counted
            reason = total.reason(rule, watch=watch)
            known[table, counted.school] = Weighed(table, total, reason, threshold)
    return list(known.values())


def stop_if_tripped(weighed: list[Weighed], *, arrival: Arrival) -> None:
    """Stop what changes more than can be believed; a person may release it.

    Raises:
        ArrivalBraked: naming the first table and school, with all that was counted.
    """
    tripped = [one for one in weighed if one.reason is not None]
    if not tripped or arrival.brake_released:
        return
    more = f", and {len(tripped) - 1} more like it" if len(tripped) > 1 else ""
    number = arrival.arrival_id
    raise ArrivalBraked(
        f"{tripped[0].words}{more} (the brake is {tripped[0].threshold}). Nothing was applied. "
        f"Look at it with `wraparound brake show {number}`, then `wraparound brake release "
        f"{number} --by NAME --reason …` or `wraparound brake reject {number} --by NAME "
        "--reason …`.",
        counts=tuple(weighed),
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
