"""What to do about a row that was set aside, by the rule that it broke: for senders and people."""

from wraparound.contracts.loader import contract_of

ASK = "Correct the row and send it again."
ADVICE = {
    "student_unknown": "The roster does not know this student yet; the row waits for it.",
    "school_unknown": "The roster does not know this school yet; the row waits for it.",
    "reference_missing": "It names a record that has not come; the row or the cell waits for it.",
    "unknown_code": "Send a code of the feed's page, or have this one mapped in the profile.",
    "required_value_missing": "The column must not be empty. " + ASK,
    "out_of_range": "The value is outside what the feed's page allows. " + ASK,
    "too_long": "An id or a code is longer than 255 bytes. " + ASK,
    "conflicting_duplicate": "Two rows of one key differ; the last one was taken. Send one.",
    "ragged_row": "The row has more or fewer cells than the header: look for a stray quote.",
    "control_character": "The row holds bytes that no text has. Export it again.",
    "line_break_in_field": "A cell that is one line holds a line break. " + ASK,
}


def advice(feed: str, table: str, rule: str) -> str:
    """One sentence or two; the contract's own words where the rule is one of its table."""
    if rule in ADVICE:
        return ADVICE[rule]
    known = contract_of(feed).tables.get(table)
    for own in known.rules if known else ():
        if own.id == rule:
            return f"Set aside when {own.message}. {ASK}"
    if rule.startswith("not_a"):
        kind = rule.removeprefix("not_an_").removeprefix("not_a_")
        return f"The value cannot be read as {kind}. {ASK}"
    return ASK
