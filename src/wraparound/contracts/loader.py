"""The contracts that ship with the package."""

from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType

import yaml

from wraparound.contracts.models import Contract, Table
from wraparound.errors import FeedUnknown

# The C loader reads the contracts ten times faster; both are safe loaders.
FAST_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@lru_cache(maxsize=1)
def load_contracts() -> "MappingProxyType[str, Contract]":
    """Every feed's contract by feed name, in load order."""
    folder = files("wraparound.contracts") / "feeds"
    texts = [
        entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".yml")
    ]
    read = [
        Contract.model_validate(yaml.load(text, Loader=FAST_LOADER))  # noqa: S506
        for text in texts
    ]
    ordered = sorted(read, key=lambda contract: (contract.order, contract.feed))
    return MappingProxyType({contract.feed: contract for contract in ordered})


def contract_of(feed: str) -> Contract:
    """One feed's contract.

    Raises:
        FeedUnknown: no contract has that name.
    """
    contracts = load_contracts()
    if feed not in contracts:
        raise FeedUnknown(
            f"There is no feed called '{feed}'. Known feeds: {', '.join(contracts)}."
        )
    return contracts[feed]


def family_tables(family: str) -> dict[str, tuple[Contract, str, Table]]:
    """The tables that may come in one package, by file name: (contract, table name, table).

    OneRoster packages carry the roster and the gradebook, two feeds of one family.
    """
    return {
        table.file: (contract, name, table)
        for contract in load_contracts().values()
        if contract.family == family
        for name, table in contract.tables.items()
    }


def ignored_files(family: str) -> frozenset[str]:
    """The files of a family's standard that are archived and not read."""
    return frozenset(
        file
        for contract in load_contracts().values()
        if contract.family == family
        for file in contract.ignored_files
    )
