"""Which children a failed rule is about: keys alone, in a table that only its mender reads.

Great Expectations keeps counts; which rows were counted is asked again here, by our own SQL,
and only of rules that failed.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from psycopg import Connection
from psycopg import errors as pg_errors
from psycopg.sql import SQL, Composable, Identifier, Literal

from wraparound.publishing.freeze import frozen_name
from wraparound.publishing.views import relation_columns
from wraparound.quality.suites import SQL_RULE, Rule, Suite
from wraparound.quality.verdicts import RuleResult

# Enough to begin to mend; the count stands with the verdict.
KEPT_MAX = 1000


def keep_failing_keys(
    connection: Connection[Any],
    suites: Iterable[Suite],
    results: Iterable[RuleResult],
    *,
    release_id: int,
    as_of: date,
) -> int:
    """Write the keys behind each failed rule of the release; commits; returns how many.

    A rule whose rows cannot be asked for one at a time (a share, a sum) leaves none.
    """
    rules = {rule.meta.rule_id: rule for suite in suites for rule in suite.expectations}
    kept = 0
    connection.commit()
    with connection.transaction():
        connection.execute(
            "delete from restricted.gate_finding where release_id = %s", (release_id,)
        )
        for result in results:
            if result.outcome == "failed" and result.relation.startswith("rpt_"):
                kept += _keep(
                    connection, rules[result.rule_id], result, release_id=release_id, as_of=as_of
                )
    return kept


def _keep(
    connection: Connection[Any], rule: Rule, result: RuleResult, *, release_id: int, as_of: date
) -> int:
    table = frozen_name(result.relation, release_id=release_id)
    condition = failing_condition(rule, as_of=as_of)
    if condition is None:
        return 0
    columns = relation_columns(connection, "release", table)
    student = Identifier("student_key") if "student_key" in columns else SQL("null::bigint")
    statement = SQL(
        "insert into restricted.gate_finding (release_id, rule_id, relation, school_key,"
        " student_key) select {}, {}, {}, school_key, {} from {} where {}"
        " order by school_key, 5 limit {}"
    ).format(
        Literal(release_id),
        Literal(result.rule_id),
        Literal(result.relation),
        student,
        Identifier("release", table),
        condition,
        Literal(KEPT_MAX),
    )
    try:
        with connection.transaction():
            return connection.execute(statement).rowcount
    except pg_errors.Error:
        # The verdict stands; only the hint is missing. The driver's text may quote a row.
        return 0


def failing_condition(rule: Rule, *, as_of: date) -> Composable | None:
    """Return the condition that a failing row meets; None where no single row fails."""
    if rule.type == SQL_RULE:
        _, _, where = rule.query.partition(" where ")
        if not where or " group by " in where or " having " in where:
            return None
        # The text is that of a reviewed suite in the repository, not of a row.
        return SQL(where.replace("$as_of", as_of.isoformat()))
    asked = CONDITIONS.get(rule.type)
    return asked(rule.kwargs) if asked else None


def _is_null(kwargs: Mapping[str, Any]) -> Composable:
    return SQL("{} is null").format(Identifier(kwargs["column"]))


def _is_outside(kwargs: Mapping[str, Any]) -> Composable:
    column = Identifier(kwargs["column"])
    ends = [
        SQL("{} {} {}").format(column, SQL(sign), Literal(kwargs[end]))
        for end, sign in (("min_value", "<"), ("max_value", ">"))
        if kwargs.get(end) is not None
    ]
    return SQL(" or ").join(ends)


def _is_not_among(kwargs: Mapping[str, Any]) -> Composable:
    among = SQL(", ").join(Literal(value) for value in kwargs["value_set"])
    return SQL("{} not in ({})").format(Identifier(kwargs["column"]), among)


def _are_apart(kwargs: Mapping[str, Any]) -> Composable:
    return SQL("{} is distinct from {}").format(
        Identifier(kwargs["column_A"]), Identifier(kwargs["column_B"])
    )


CONDITIONS: dict[str, Callable[[Mapping[str, Any]], Composable]] = {
    "expect_column_values_to_not_be_null": _is_null,
    "expect_column_values_to_be_between": _is_outside,
    "expect_column_values_to_be_in_set": _is_not_among,
    "expect_column_pair_values_to_be_equal": _are_apart,
}
