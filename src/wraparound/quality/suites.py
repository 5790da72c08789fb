"""Suites of expectations in, counts out.

A suite is a JSON file under `expectations/`. Great Expectations runs it, told to keep
counts only: no value of a row is fetched into a result, a log or an error.

Which schools a rule fails for is asked of Great Expectations too, by the same rule over one
school's rows at a time and only where the rule failed. Its own way of telling (an index of
failing rows) would carry the failing values along.
"""

import logging
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wraparound.errors import GateUnreadable, WarehouseMissing, may_pass
from wraparound.quality.gx_lean import import_great_expectations, rule_that_counts
from wraparound.quality.verdicts import Concerns, Outcome, RuleResult, Severity

# Great Expectations drops an entry whose severity it does not know, so ours are translated.
SEVERITIES: Mapping[Severity, str] = {"notice": "warning", "hold": "critical"}
COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}
SQL_RULE = "unexpected_rows_expectation"
# The rules that look at one row at a time, so that they can be asked of one school's rows.
ROW_WISE = (
    "expect_column_values_",
    "expect_column_pair_values_",
    "expect_multicolumn_",
    "expect_compound_columns_",
    SQL_RULE,
)
# A rule in SQL counts rows. Read by Great Expectations itself, as its suite can be, it would
# fetch some, so it may only select what says nothing about a child.
SQL_START = re.compile(r"select (school_key|1) from \{batch\}(\s|$)")

RelationOf = Callable[[str], tuple[str, str]]


class Strict(BaseModel):
    """A model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Meta(Strict):
    """Who answers for a rule, why it exists, what to do, and until when it is believed."""

    rule_id: str = Field(pattern=r"^[a-z_]+\.[a-z_]+$")
    owner: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    what_to_do: str = Field(min_length=1)
    concerns: Concerns
    review_by: date


class Rule(Strict):
    """One expectation; `relation` overrides the suite's. `reason` is what a coordinator reads."""

    type: str
    kwargs: dict[str, Any]
    severity: Severity
    meta: Meta
    description: str = Field(min_length=1)
    relation: str | None = None

    @model_validator(mode="after")
    def _can_be_asked_per_school(self) -> "Rule":
        if self.meta.concerns == "school":
            if not self.type.startswith(ROW_WISE):
                raise ValueError("concerns a school but does not look at rows")
            if self.kwargs.get("mostly", 1) != 1:
                # A share over all schools would hide one bad school among good ones.
                raise ValueError("concerns a school, so it cannot use 'mostly'")
        if self.type == SQL_RULE and not SQL_START.match(self.query):
            raise ValueError("must start with 'select school_key from {batch}' or 'select 1 …'")
        return self

    @property
    def query(self) -> str:
        """The SQL of a rule in SQL; empty for the others."""
        return str(self.kwargs.get("unexpected_rows_query", ""))


class Suite(Strict):
    """One file of rules on one relation, or on several that belong together."""

    name: str
    relation: str
    expectations: tuple[Rule, ...] = Field(min_length=1)

    def by_relation(self) -> dict[str, tuple[Rule, ...]]:
        """The rules of each relation, in the order of the file."""
        rules: dict[str, list[Rule]] = {}
        for rule in self.expectations:
            rules.setdefault(rule.relation or self.relation, []).append(rule)
        return {relation: tuple(listed) for relation, listed in rules.items()}


def load_suites(folder: Path) -> tuple[Suite, ...]:
    """Read every suite of a folder, in the order of their names.

    Raises:
        GateUnreadable: a file is not a suite, a name is not its file's, or two rules share
            an id.
    """
    suites = tuple(_load(path) for path in sorted(folder.glob("*.json")))
    if not suites:
        raise GateUnreadable(f"{folder} holds no suite: an empty gate would pass everything.")
    ids = [rule.meta.rule_id for suite in suites for rule in suite.expectations]
    repeated = sorted({rule_id for rule_id in ids if ids.count(rule_id) > 1})
    if repeated:
        raise GateUnreadable(f"Several rules are called {', '.join(repeated)}. Rename them.")
    return suites


def _load(path: Path) -> Suite:
    try:
        suite = Suite.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise GateUnreadable(f"{path.name}: {where}: {first['msg']}.") from None
    if suite.name != path.stem:
        raise GateUnreadable(f"{path.name} is called '{suite.name}': name it after its file.")
    return suite


def run_suites(
    suites: Sequence[Suite],
    *,
    connection_string: str,
    relation_of: RelationOf,
    as_of: date,
    school_keys: Iterable[int] = (),
) -> tuple[RuleResult, ...]:
    """Run every rule once and return one result per rule, in the order of the files.

    `relation_of` turns a suite's relation into (schema, table); `$as_of` inside a rule
    becomes the date. A rule that cannot be run is a result, not an error.

    Raises:
        GateUnreadable: Great Expectations would not run every rule of a file.
        WarehouseMissing: the server was lost or full meanwhile, which says nothing of the data.
    """
    with _quietly():
        runner = _Runner(connection_string, relation_of, as_of, tuple(school_keys))
        try:
            results = tuple(
                result
                for suite in suites
                for relation, rules in suite.by_relation().items()
                for result in runner.run(suite.name, relation, rules)
            )
        finally:
            runner.close()
    if runner.troubles:
        raise WarehouseMissing.lost(runner.troubles[0])
    return results


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence a library that warns about itself, and whose log may quote a cell."""
    logger = logging.getLogger("great_expectations")
    did_propagate, had_handlers = logger.propagate, logger.handlers
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Its many loggers all report here: nothing goes further.
        logger.propagate, logger.handlers = False, [logging.NullHandler()]
        try:
            yield
        finally:
            logger.propagate, logger.handlers = did_propagate, had_handlers


@dataclass(frozen=True)
class _Answer:
    outcome: Outcome
    failing_count: int = 0


class _Runner:
    """Great Expectations behind one door: rules and a relation in, answers out."""

    def __init__(
        self,
        connection_string: str,
        relation_of: RelationOf,
        as_of: date,
        school_keys: tuple[int, ...],
    ) -> None:
        gx = import_great_expectations()
        from sqlalchemy import event

        self._gx = gx
        self._counted = {SQL_RULE: rule_that_counts()}
        self._relation_of = relation_of
        self._as_of = as_of
        self._school_keys = school_keys
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False, "metric_calculations": False}
        # SQLSTATEs, where there were any, of what the server and no rule failed by.
        self.troubles: list[str | None] = []
        try:
            self._source = context.data_sources.add_postgres(
                "warehouse", connection_string=connection_string
            )
        except gx.datasource.fluent.interfaces.TestConnectionError:
            raise WarehouseMissing.lost(None) from None
        # One finds the tables, the other asks.
        for engine in (self._source.get_engine(), self._source.get_execution_engine().engine):
            event.listen(engine, "handle_error", self._note)

    def _note(self, failure: Any) -> None:
        state = getattr(failure.original_exception, "sqlstate", None)
        if may_pass(state):
            self.troubles.append(state)

    def close(self) -> None:
        """Give the connections back."""
        self._source.get_execution_engine().close()
        self._source.get_engine().dispose()

    def run(self, suite: str, relation: str, rules: tuple[Rule, ...]) -> tuple[RuleResult, ...]:
        expectations = self._build(suite, rules)
        answers = self._ask(relation, expectations)
        failed = [
            rule
            for rule in rules
            if rule.meta.concerns == "school" and answers[rule.meta.rule_id].outcome == "failed"
        ]
        schools = self._ask_schools(suite, relation, tuple(failed))
        return tuple(
            RuleResult(
                rule_id=rule.meta.rule_id,
                suite=suite,
                relation=relation,
                severity=rule.severity,
                concerns=rule.meta.concerns,
                outcome=answers[rule.meta.rule_id].outcome,
                message=rule.meta.reason,
                failing_count=answers[rule.meta.rule_id].failing_count,
                schools=tuple(schools.get(rule.meta.rule_id, ())),
                is_past_review=rule.meta.review_by < self._as_of,
            )
            for rule in rules
        )

    def _build(self, suite: str, rules: tuple[Rule, ...]) -> Any:
        """Make their suite of ours, and make sure that nothing was dropped on the way."""
        entries = [
            {
                "type": self._counted.get(rule.type, rule.type),
                "kwargs": _filled(rule.kwargs, as_of=self._as_of),
                "severity": SEVERITIES[rule.severity],
                "meta": {"rule_id": rule.meta.rule_id},
            }
            for rule in rules
        ]
        try:
            built = self._gx.ExpectationSuite(name=suite, expectations=entries)
        except Exception as error:
            raise GateUnreadable(
                f"{suite}.json: a rule has arguments that it does not take "
                f"({type(error).__name__}). Compare it with the documentation of its type."
            ) from None
        kept = {expectation.meta["rule_id"] for expectation in built.expectations}
        dropped = [rule.meta.rule_id for rule in rules if rule.meta.rule_id not in kept]
        if dropped or len(built.expectations) != len(rules):
            raise GateUnreadable(
                f"{suite}.json: {', '.join(dropped)} would silently not be run. "
                "Its type is not one that Great Expectations knows."
            )
        return built

    def _ask(self, relation: str, expectations: Any, school_key: int | None = None) -> Any:
        """Return rule_id to answer; results come in any order, so they are matched by id."""
        rule_ids = [expectation.meta["rule_id"] for expectation in expectations.expectations]
        unchecked = dict.fromkeys(rule_ids, _Answer("could_not_check"))
        try:
            with self._batch(relation, school_key) as batch:
                found = batch.validate(expectations, result_format=COUNTS_ONLY)
        except Exception:  # no table, no connection, no right: all the same, nothing was checked
            return unchecked
        answers = {r.expectation_config.meta["rule_id"]: _answer(r) for r in found.results}
        return unchecked | answers

    @contextmanager
    def _batch(self, relation: str, school_key: int | None) -> Iterator[Any]:
        """The rows of a relation, or of one school in it, for as long as they are asked of: its
        catalogue is written anew with each, and would grow with the schools."""
        schema, table = self._relation_of(relation)
        if school_key is None:
            asset = self._source.add_table_asset(relation, table_name=table, schema_name=schema)
        else:
            query = f'select * from "{schema}"."{table}" where school_key = {school_key:d}'  # noqa: S608 - our own names, an integer
            asset = self._source.add_query_asset(relation, query=query)
        try:
            yield asset.add_batch_definition_whole_table("whole").get_batch()
        finally:
            self._source.delete_asset(relation)

    def _ask_schools(
        self, suite: str, relation: str, rules: tuple[Rule, ...]
    ) -> dict[str, list[tuple[int, int]]]:
        """Return rule_id to (school_key, failing rows) of each school that fails it."""
        found: dict[str, list[tuple[int, int]]] = {}
        if not rules:
            return found
        expectations = self._build(suite, rules)
        for school_key in self._school_keys:
            for rule_id, answer in self._ask(relation, expectations, school_key).items():
                # A school that could not be asked again is not thereby cleared.
                if answer.outcome != "passed":
                    found.setdefault(rule_id, []).append((school_key, answer.failing_count))
        return found


def _answer(result: Any) -> _Answer:
    if result.success:
        return _Answer("passed")
    details = dict(result.result or {})
    if not details or _raised(result.exception_info):
        return _Answer("could_not_check")
    if "unexpected_count" in details:
        return _Answer("failed", int(details["unexpected_count"]))
    observed = details.get("observed_value")
    is_row_count = "unexpected_rows" in str(result.expectation_config.type)
    return _Answer("failed", int(observed) if is_row_count and observed else 1)


def _raised(exception_info: Any) -> bool:
    """Tell whether a check broke: the flag stands on top, or under each broken metric."""
    info = dict(exception_info or {})
    nested = [value for value in info.values() if isinstance(value, dict)]
    return any(entry.get("raised_exception") for entry in (info, *nested))


def _filled(kwargs: Any, *, as_of: date) -> Any:
    if isinstance(kwargs, dict):
        return {key: _filled(value, as_of=as_of) for key, value in kwargs.items()}
    if isinstance(kwargs, list):
        return [_filled(value, as_of=as_of) for value in kwargs]
    return kwargs.replace("$as_of", as_of.isoformat()) if isinstance(kwargs, str) else kwargs
