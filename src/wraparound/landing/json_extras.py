"""Members of JSON records that nobody reads: kept apart by name, as unknown columns of CSV are."""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from wraparound.contracts.models import SECRET

# What a member may be called to be told: a word, not an id, a day or a sentence.
NAME = re.compile(r"[A-Za-z_$@]+\d{0,2}")
NAME_MAX = 64
# Of more different names than this some are values: a mapping by people, or by days.
NAMES_MAX = 60


@dataclass(frozen=True)
class Level:
    """One object on the way to a row: how deep it stands, under which path, and those of its
    members that somebody reads or that have no place here."""

    depth: int
    path: str
    known: frozenset[str]


@dataclass
class Extras:
    """What was met of unknown members: by path the number of rows that hold it.

    `kept` are kept, `refused` sound like a secret, `unnamed` counts what cannot be told or kept.
    """

    kept: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    unnamed: int = 0

    @property
    def is_kept(self) -> bool:
        """Whether anything is: of so many names that they are values, nothing."""
        return 0 < len(self.kept) <= NAMES_MAX

    @property
    def lost(self) -> int:
        """The number of members that were neither kept nor are told by name."""
        return self.unnamed + (sum(self.kept.values()) if len(self.kept) > NAMES_MAX else 0)

    def of(self, stack: list[tuple[Any, int]], levels: tuple[Level, ...]) -> str | None:
        """The unknown members of the objects of a row, as one JSON object; None without any."""
        found: dict[str, Any] = {}
        for level in levels:
            holder = stack[level.depth][0]
            if type(holder) is not dict or holder.keys() <= level.known:
                continue
            for name, value in holder.items():
                if name in level.known:
                    continue
                try:
                    self._keep(name, value, path=level.path, found=found)
                except RecursionError:
                    # Lists in lists, hundreds deep: JSON that can be read and not be written.
                    self.unnamed += 1
        return json.dumps(found, ensure_ascii=False) if found else None

    def _keep(self, name: str, value: Any, *, path: str, found: dict[str, Any]) -> None:
        if value in (None, "", [], {}):
            return
        if len(name) > NAME_MAX or NAME.fullmatch(name) is None:
            self.unnamed += 1
            return
        path += name
        if SECRET.search(name):
            self.refused[path] += 1
        elif type(value) is dict:
            for inner, held in value.items():
                self._keep(inner, held, path=f"{path}.", found=found)
        elif _can_be_stored(kept := _without_secrets(value)):
            self.kept[path] += 1
            found[path] = kept
        else:
            self.unnamed += 1


def _without_secrets(value: Any) -> Any:
    """A list as it is, but for members inside of it that sound like a secret."""
    if isinstance(value, list):
        return [_without_secrets(entry) for entry in value]
    if isinstance(value, dict):
        return {n: _without_secrets(v) for n, v in value.items() if not SECRET.search(n)}
    return value


def _can_be_stored(value: Any) -> bool:
    """Whether the database can hold it: no NUL, no half of a character."""
    text = json.dumps(value, ensure_ascii=False)
    if "\\u0000" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
