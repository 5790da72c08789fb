"""One child's profile as Markdown: what a coordinator reads, with every number's reason."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

DOMAINS = {
    "academics": "Academics",
    "social_emotional_behavioral": "Social, emotional, behavioral",
    "health": "Health",
    "family": "Family",
}
LEVELS = {"no_concern": "no concern", "not_known": "not known"}
DIFFERENCES = {
    "more_support": "the suggestion asks for more support",
    "less_support": "the suggestion asks for less support",
    "same": "both agree",
    "not_comparable": "nothing to compare",
}
SIGNS = {">=": "at least", ">": "more than", "<=": "at most", "<": "less than"}
MOST_NEEDS = 6


def profile_text(student: Row, *, profiles: Sequence[Row]) -> str:
    """Return a child's profile: head, four domains, and the evidence of each need.

    `student` is a row of rpt_students, `profiles` the four rows of rpt_need_profiles.
    """
    lines = [*_head(student), "", *_domains(profiles), ""]
    lines += [*_evidence(profiles), _queue(student)]
    return "\n".join(lines) + "\n"


def _head(student: Row) -> Iterator[str]:
    facts = [
        f"grade {student['grade_level']}",
        f"{student['age_years']} years" if student["age_years"] is not None else None,
        student["homeroom"],
        f"{student['home_language']} at home" if student["home_language"] else None,
        "a record of this child waits for a correction" if student["is_held"] else None,
    ]
    yield f"**{student['student_name']}**, {', '.join(fact for fact in facts if fact)}"
    yield ""
    decided = "not reviewed yet"
    if student["decided_tier"]:
        who = f" by {student['decided_by']}" if student["decided_by"] else ""
        decided = f"decided **{student['decided_tier']}**{who} on {student['decided_on']}"
    elif student["last_year_tier"]:
        decided += f", last year {student['last_year_tier']}"
    yield (
        f"- Tier: suggested **{student['suggested_tier'].replace('_', ' ')}**, {decided}: "
        f"{DIFFERENCES[student['tier_difference']]}."
    )
    yield f"- Why suggested: {student['suggested_tier_reasons'][0]}"
    yield f"- Attendance: {_attendance(student)}"


def _attendance(student: Row) -> str:
    if student["absence_rate"] is None:
        return "no school day counts yet."
    told = (
        f"missed {float(student['days_absent']):g} of {student['days_enrolled']} days "
        f"({100 * student['absence_rate']:.1f} %)"
    )
    if not student["has_sufficient_days"]:
        return f"{told}; too few days to judge."
    return f"{told}, {student['attendance_band'].replace('_', ' ')}."


def _domains(profiles: Sequence[Row]) -> Iterator[str]:
    yield "| Domain | Level | Strengths | Needs |"
    yield "|---|---|---|---|"
    by_domain = {row["domain"]: row for row in profiles}
    for domain, label in DOMAINS.items():
        row = by_domain[domain]
        level = LEVELS.get(row["level"], str(row["level"]))
        level += " (held)" if row["is_held"] else ""
        cells = [_sentences(row, kind) for kind in ("strength", "need")]
        yield f"| {label} | {level} | {' | '.join(cells)} |"


def _sentences(row: Row, kind: str) -> str:
    return " ".join(signal["wording"] for signal in _of_kind(row, kind)) or "none seen"


def _of_kind(row: Row, kind: str) -> Iterator[Row]:
    return (signal for signal in row["evidence"] if signal["kind"] == kind)


def _evidence(profiles: Sequence[Row]) -> Iterator[str]:
    needs = [need for row in profiles for need in _of_kind(row, "need")]
    if not needs:
        return
    yield "| Need | Level | Found | Limit | Rule | From | Data through |"
    yield "|---|---|---|---|---|---|---|"
    ranked = sorted(needs, key=lambda need: (-RANK[need["level"]], need["rule_id"]))
    for need in ranked[:MOST_NEEDS]:
        limit = f"{SIGNS[need['comparison']]} {need['threshold']:g}"
        yield (
            f"| {need['wording']} | {need['level']} | {need['value']:g} | {limit} | "
            f"{need['rule_id']}, version {need['rule_version']} | "
            f"{need['source_feed'].replace('_', ' ')} | {need['data_through'] or 'not said'} |"
        )
    if len(ranked) > MOST_NEEDS:
        yield f"\nand {len(ranked) - MOST_NEEDS} more."
    yield ""


RANK = {"mild": 1, "moderate": 2, "severe": 3}


def _queue(student: Row) -> str:
    count = student["open_need_count"]
    if count == 0:
        return "Nothing of this child is in the queue."
    return f"In the queue: {count} {'need' if count == 1 else 'needs'}."
