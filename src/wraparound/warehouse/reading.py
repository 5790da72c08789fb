"""How a file was read: where nothing of that changed, an equal line means an equal row."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from wraparound.contracts.district import FeedProfile
from wraparound.contracts.models import Contract

# Our own code that decides what a line means.
ROOMS = ("contracts", "landing", "warehouse")


def reading_hash(
    contract: Contract, *, profile: FeedProfile, lifted: frozenset[str], seeds: Path
) -> str:
    """One hash of contract, sender's profile, lifted rules, code maps and our code."""
    digest = hashlib.sha256()
    digest.update(contract.model_dump_json().encode())
    digest.update(profile.model_dump_json().encode())
    digest.update(" ".join(sorted(lifted)).encode())
    maps = {c.codes_from for table in contract.tables.values() for c in table.columns.values()}
    digest.update(_hash_of(seeds / f"{name}.csv" for name in sorted(filter(None, maps))))
    digest.update(_code_hash())
    return digest.hexdigest()


@lru_cache(maxsize=1)
def _code_hash() -> bytes:
    """Of the code as it was when the process first asked, for each of many small files."""
    package = Path(__file__).resolve().parents[1]
    return _hash_of(path for room in ROOMS for path in sorted((package / room).glob("*.py")))


def _hash_of(files: Iterable[Path]) -> bytes:
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode())
        # A map that is missing is told where it is needed.
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.digest()
