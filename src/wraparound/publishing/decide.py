"""Findings and overrides in, one verdict per school out. No database, no clock."""

from collections.abc import Iterable
from dataclasses import dataclass

from wraparound.quality.verdicts import Finding

MISSING_RULE = "release.school_missing"
MISSING_MESSAGE = "The school has no students in this night's data."
GATE_RULE = "release.gate_ran"
# Nobody can answer for a list that nothing was asked of, or that is not there.
NOT_LIFTED = frozenset({GATE_RULE, MISSING_RULE})


@dataclass(frozen=True)
class School:
    """One school of a candidate, or of an earlier release that the candidate lost."""

    school_key: int
    school_source_id: str
    student_count: int


@dataclass(frozen=True)
class Override:
    """A named person's reasoned, time-limited lifting of a hold.

    `school_key` None lifts for every school, `rule_id` None every rule that can be lifted.
    """

    school_key: int | None
    rule_id: str | None
    granted_by: str
    reason: str

    def lifts(self, finding: Finding, *, school_key: int) -> bool:
        """Tell whether this override covers a finding of a school."""
        same_school = self.school_key is None or self.school_key == school_key
        same_rule = self.rule_id is None or self.rule_id == finding.rule_id
        return same_school and same_rule and finding.rule_id not in NOT_LIFTED


@dataclass(frozen=True)
class Verdict:
    """What one school may do with one release.

    A lifted hold is a notice: the list leaves, and says what was found.
    """

    school: School
    holds: tuple[Finding, ...] = ()
    notices: tuple[Finding, ...] = ()
    lifted: tuple[Finding, ...] = ()

    @property
    def word(self) -> str:
        """Return `hold`, `notice` or `pass`, the gravest first."""
        return "hold" if self.holds else "notice" if self.notices or self.lifted else "pass"

    @property
    def may_publish(self) -> bool:
        """Tell whether the school gets this release."""
        return not self.holds

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return the messages behind the word, once each, holds first."""
        messages = [f.message for f in (*self.holds, *self.lifted, *self.notices)]
        return tuple(dict.fromkeys(messages))


def decide(
    schools: Iterable[School],
    *,
    findings: Iterable[Finding],
    overrides: Iterable[Override] = (),
) -> tuple[Verdict, ...]:
    """Return one verdict per school, in the order of school_source_id."""
    found, lifting = tuple(findings), tuple(overrides)
    ordered = sorted(schools, key=lambda school: school.school_source_id)
    return tuple(_verdict(school, found, lifting) for school in ordered)


def _verdict(
    school: School, findings: tuple[Finding, ...], overrides: tuple[Override, ...]
) -> Verdict:
    own = [f for f in findings if f.school_key in (None, school.school_key)]
    missing = Finding(MISSING_RULE, "hold", school.school_key, 0, MISSING_MESSAGE)
    if school.student_count == 0 and missing not in own:
        own.append(missing)
    graves = [f for f in own if f.severity == "hold"]
    lifted = tuple(
        f for f in graves if any(o.lifts(f, school_key=school.school_key) for o in overrides)
    )
    return Verdict(
        school=school,
        holds=tuple(f for f in graves if f not in lifted),
        notices=tuple(f for f in own if f.severity == "notice"),
        lifted=lifted,
    )
