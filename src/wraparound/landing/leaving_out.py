"""Which rows a sender's profile leaves out: by patterns of values, alike in CSV and in JSON."""

import re
from collections.abc import Iterable

from wraparound.landing.csv_source import SPACES

LEFT_OUT = "left_out_by_profile"
SIGNS = {"*": ".*", "?": "."}


def as_regex(pattern: str) -> str:
    """A pattern, in which * is any text, ? any sign, and all else itself, for Python and for SQL.

    It is held against a value without the blanks around it.
    """
    return "^" + "".join(SIGNS.get(sign) or re.escape(sign) for sign in pattern) + "$"


def is_left_out(value: str, patterns: Iterable[str]) -> bool:
    """Whether a value is like one of the patterns."""
    text = value.strip(SPACES)
    return any(re.fullmatch(as_regex(pattern), text, re.DOTALL) for pattern in patterns)
