"""What a rule found, in counts: never a value, never a child."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["notice", "hold"]
Concerns = Literal["school", "all"]
Outcome = Literal["passed", "failed", "could_not_check"]

UNCHECKED = "This could not be checked, so it counts as failed."


@dataclass(frozen=True)
class Finding:
    """One row of the verdict table: a rule that failed for one school, or for all of them.

    `school_key` is None where every school is concerned; `failing_count` counts rows.
    """

    rule_id: str
    severity: Severity
    school_key: int | None
    failing_count: int
    message: str


@dataclass(frozen=True)
class RuleResult:
    """The answer to one rule, with the schools it failed for.

    `schools` pairs a school_key with its failing rows; it is empty for a rule that
    passed, that concerns all schools, or that could not be checked.
    """

    rule_id: str
    suite: str
    relation: str
    severity: Severity
    concerns: Concerns
    outcome: Outcome
    message: str
    failing_count: int = 0
    schools: tuple[tuple[int, int], ...] = ()
    is_past_review: bool = False

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return what to write down; nothing for a rule that passed."""
        if self.outcome == "passed":
            return ()
        if self.outcome == "could_not_check":
            # A check that did not run proves nothing: it holds, whatever its severity says.
            return (Finding(self.rule_id, "hold", None, 0, f"{self.message} {UNCHECKED}"),)
        if self.schools:
            return tuple(
                Finding(self.rule_id, self.severity, school_key, count, self.message)
                for school_key, count in self.schools
            )
        return (Finding(self.rule_id, self.severity, None, self.failing_count, self.message),)


def findings_of(results: tuple[RuleResult, ...]) -> tuple[Finding, ...]:
    """Return the findings of all results, in the order of rule_id and school."""
    found = [finding for result in results for finding in result.findings]
    return tuple(sorted(found, key=lambda f: (f.rule_id, f.school_key or 0)))
