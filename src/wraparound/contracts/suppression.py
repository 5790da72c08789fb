"""How small a count may be before analysts no longer see it: policies, as strict models."""

import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

PRESETS = "suppression_policies.json"


class Policy(BaseModel):
    """A suppression policy.

    A count is hidden below `numerator_minimum`; every count of a group below
    `denominator_minimum` (up to it where `denominator_inclusive`) is hidden with it.
    `complementary`: `none` hides nothing more, `row` hides a second count of the same group,
    `table` hides until no total minus published counts narrows a hidden one below
    `numerator_minimum` possible values. `percent_coding` lists (group size from, percent): a
    share within so many percent of 0 or of 100 is told as a bound only, that of nobody as well:
    were zeros told apart, a bound of few would be a number.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    numerator_minimum: int = Field(ge=2)
    denominator_minimum: int = Field(ge=1)
    denominator_inclusive: bool = False
    publish_zero: bool = True
    complementary: Literal["none", "row", "table"] = "table"
    percent_coding: tuple[tuple[int, int], ...] = ()
    rate_precision: int = Field(default=3, ge=0, le=6)
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _bounds_hold_nothing_as_well(self) -> "Policy":
        if self.percent_coding and self.publish_zero:
            raise ValueError("with percent_coding no zeros are told (publish_zero: false)")
        return self

    @property
    def fingerprint(self) -> str:
        """The name, with a short hash where a district changed the preset of that name."""
        if self == policy_of(self.name):
            return self.name
        digest = hashlib.sha256(self.model_dump_json().encode()).hexdigest()
        return f"{self.name}+{digest[:8]}"

    def is_small(self, count: int) -> bool:
        """Tell whether a count by itself says too much."""
        return not (count == 0 and self.publish_zero) and count < self.numerator_minimum

    def is_small_group(self, size: int) -> bool:
        """Tell whether a group is too small for any of its counts to be told."""
        limit = self.denominator_minimum + self.denominator_inclusive
        return size < limit

    def coded_percent(self, size: int) -> int:
        """How near to 0 or 100 percent a share of a group is told as a bound; 0 is never."""
        fitting = [p for least, p in sorted(self.percent_coding, reverse=True) if size >= least]
        return fitting[0] if fitting else 0


@cache
def presets() -> dict[str, dict[str, Any]]:
    """The policies that come with the package, by name."""
    text = (files("wraparound.contracts") / PRESETS).read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text)
    return found


def policy_of(name: str, **changes: Any) -> Policy:
    """Return a preset with what a district changes in it.

    Raises:
        ValueError: there is no such preset, or a key is unknown.
    """
    if name not in presets():
        raise ValueError(f"is no policy; known: {', '.join(presets())}")
    return Policy.model_validate({**presets()[name], "name": name, **changes})
