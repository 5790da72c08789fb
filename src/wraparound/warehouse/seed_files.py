"""Seeds as a district edits them, read before a build put them into the warehouse."""

import csv
from pathlib import Path

from wraparound.errors import SettingsWrong


def seed_rows(name: str, *columns: str, seeds: Path) -> list[tuple[str, ...]]:
    """The cells of some columns, for each row of a seed, as text.

    Raises:
        SettingsWrong: the seed is missing, or one of the columns.
    """
    try:
        with (seeds / name).open(encoding="utf-8", newline="") as stream:
            return [tuple(row[column] for column in columns) for row in csv.DictReader(stream)]
    except (OSError, KeyError) as exc:
        raise SettingsWrong(f"The seed {name} is missing, or a column of it.") from exc
