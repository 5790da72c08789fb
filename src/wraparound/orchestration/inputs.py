"""What else than rows a night is made from: rules, code maps, models, expectations, settings."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from wraparound.settings import Settings

PROJECT_PARTS = ("models", "seeds", "macros", "snapshots")
# Our own code that says what a candidate is and whether it may be shown.
PACKAGE_PARTS = ("publishing", "quality")


def inputs_hash(settings: Settings) -> str:
    """One hash of every file that changes a night without any row's having changed."""
    digest = hashlib.sha256()
    for path in _files(settings):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _files(settings: Settings) -> Iterator[Path]:
    package = Path(__file__).resolve().parents[1]
    folders = [settings.dbt_project / part for part in PROJECT_PARTS]
    folders += [settings.expectations, *(package / part for part in PACKAGE_PARTS)]
    yield settings.dbt_project / "dbt_project.yml"
    yield settings.district_file
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                yield path
