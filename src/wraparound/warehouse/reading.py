"""How a file was read: where nothing of that changed, an equal line means an equal row."""

import hashlib
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
    package = Path(__file__).resolve().parents[1]
    files = [seeds / f"{name}.csv" for name in sorted(name for name in maps if name)]
    files += [path for room in ROOMS for path in sorted((package / room).glob("*.py"))]
    for path in files:
        digest.update(path.name.encode())
        # A map that is missing is told where it is needed.
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()
