"""What can be said of a delivery, as data: codes, what they cost, what they mean, what to do."""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType

import yaml
from pydantic import TypeAdapter

from wraparound.contracts.loader import FAST_LOADER, load_contracts
from wraparound.contracts.models import Strict

# The code of every rule that a contract declares for a table of its own.
CONTRACT_CODE = "D500"
ASK = "Correct the row and send it again."
LOOK = "Correct the record where it is wrong; nothing was lost."


class Diagnostic(Strict):
    """One thing that can be said. `costs` is the row, the cell, either, or nothing; a `leniency`
    is what tolerant reading lets pass and strict reading refuses."""

    code: str
    rule: str
    costs: str
    says: str
    do: str
    leniency: bool = False


@dataclass(frozen=True)
class Said:
    """A diagnostic where it is said: of every feed, or of one table of one feed."""

    feed: str
    table: str
    diagnostic: Diagnostic


@lru_cache(maxsize=1)
def load_diagnostics() -> "MappingProxyType[str, Diagnostic]":
    """Every diagnostic that may be said of any feed, by rule."""
    text = (files("wraparound.contracts") / "diagnostics.yml").read_text(encoding="utf-8")
    # The loader is a safe one; see `loader`.
    read = TypeAdapter(list[Diagnostic]).validate_python(
        yaml.load(text, Loader=FAST_LOADER)  # noqa: S506
    )
    return MappingProxyType({one.rule: one for one in read})


def all_said() -> list[Said]:
    """The catalog: what may be said anywhere, then the rules of each contract's tables."""
    own = [
        Said(contract.feed, name, _of_rule(rule.id, rule.costs, rule.message))
        for contract in load_contracts().values()
        for name, table in contract.tables.items()
        for rule in table.rules
    ]
    return [Said("", "", one) for one in load_diagnostics().values()] + own


def diagnostic_of(feed: str, table: str, rule: str) -> Diagnostic | None:
    """What a rule means, where the contract's own word comes first."""
    contract = load_contracts().get(feed)
    known = contract.tables.get(table) if contract else None
    for own in known.rules if known else ():
        if own.id == rule:
            return _of_rule(own.id, own.costs, own.message)
    return load_diagnostics().get(rule)


def advice(feed: str, table: str, rule: str) -> str:
    """What a rule means and what to do about it, for senders."""
    known = diagnostic_of(feed, table, rule)
    return f"{known.says} {known.do}" if known else ASK


def is_leniency(rule: str) -> bool:
    """Whether strict reading refuses what this rule tells."""
    known = load_diagnostics().get(rule)
    return known is not None and known.leniency


def _of_rule(rule: str, costs: str, message: str) -> Diagnostic:
    says = f"{message[:1].upper()}{message[1:]}."
    do = LOOK if costs == "nothing" else ASK
    return Diagnostic(code=CONTRACT_CODE, rule=rule, costs=costs, says=says, do=do)
