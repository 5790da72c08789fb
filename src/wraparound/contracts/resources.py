"""The standards' JSON resources that are read, and which tables each of them fills."""

import re
from datetime import date
from functools import lru_cache
from importlib.resources import files
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

from wraparound.contracts.district import TableProfile
from wraparound.contracts.loader import FAST_LOADER, contract_of, load_contracts

JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
Kind = Literal["key_changes", "upserts", "deletes"]
# In this order within a day: a key that changed, what came or changed, what went.
KINDS: tuple[Kind, ...] = ("key_changes", "upserts", "deletes")
KIND_FOLDERS: dict[str, Kind] = {
    "keychanges": "key_changes",
    "key_changes": "key_changes",
    "upserts": "upserts",
    "deletes": "deletes",
}
RUN_DATE = re.compile(r"^(?:rundate|run_date)=(\d{4}-\d{2}-\d{2})$", re.IGNORECASE)


class Filled(TableProfile):
    """One table that a resource fills. Only the columns that are named are read."""

    feed: str
    table: str


class Resource(BaseModel):
    """One resource: its names, the members of a page that hold records, and what it fills.

    `identity` is the member that deletes and key changes call a record by. `not_kept` are paths
    of members that the standard knows and that serve no purpose here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    also: tuple[str, ...] = ()
    description: str
    identity: str = "id"
    not_kept: tuple[str, ...] = ()
    fills: tuple[Filled, ...]

    @model_validator(mode="after")
    def _names_exist(self) -> "Resource":
        for filled in self.fills:
            table = contract_of(filled.feed).tables[filled.table]
            named = {*filled.columns, *filled.constants, *filled.codes, *filled.last_days}
            unknown = sorted((named | set(filled.replaces)) - set(table.columns))
            if unknown:
                raise ValueError(f"{filled.table} has no column {unknown[0]}")
        if len({(f.feed, f.table) for f in self.fills}) < len(self.fills):
            raise ValueError("fills a table twice")
        return self


class Standard(BaseModel):
    """A standard's resources. `envelope` names the members of a page that hold its records,
    `not_kept` members that any object may have and that serve no purpose here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    standard: str
    envelope: tuple[str, ...] = ()
    not_kept: tuple[str, ...] = ()
    resources: dict[str, Resource]


class Place(BaseModel):
    """What the name of a JSON file says: its resource, what it does to it, and for which day."""

    model_config = ConfigDict(frozen=True)

    name: str
    resource: Resource | None
    envelope: tuple[str, ...] = ()
    not_kept: tuple[str, ...] = ()
    kind: Kind = "upserts"
    run_date: date | None = None


@lru_cache(maxsize=1)
def load_standards() -> tuple[Standard, ...]:
    """Every standard of which JSON is read."""
    folder = files("wraparound.contracts") / "standards"
    found = sorted((e for e in folder.iterdir() if e.name.endswith(".yml")), key=lambda e: e.name)
    return tuple(
        Standard.model_validate(yaml.load(e.read_text(encoding="utf-8"), Loader=FAST_LOADER))  # noqa: S506
        for e in found
    )


@lru_cache(maxsize=1)
def _by_name() -> "MappingProxyType[str, tuple[str, Resource, Standard]]":
    return MappingProxyType(
        {
            spelling.lower(): (name, resource, standard)
            for standard in load_standards()
            for name, resource in standard.resources.items()
            for spelling in (name, *resource.also)
        }
    )


def is_json(file_name: str) -> bool:
    """Whether a file's name says that it is JSON."""
    return file_name.lower().endswith(JSON_SUFFIXES)


@lru_cache(maxsize=4096)
def place_of(file_name: str) -> Place:
    """What a JSON file's path says: RESOURCE/…/deletes/rundate=2026-03-13/page.json, or
    RESOURCE_2026-03-13.json."""
    path = PurePosixPath(file_name)
    folders = [part.lower() for part in path.parts[:-1]]
    run_dates = [day for part in folders if (day := _run_date(part))]
    kinds = [KIND_FOLDERS[part] for part in folders if part in KIND_FOLDERS]
    known = [part for part in folders if part in _by_name()]
    spelling = known[0] if known else _named_by(path.stem.lower())
    name, resource, standard = _by_name().get(spelling, (path.parts[0], None, None))
    ending = path.stem.lower().removeprefix(spelling).strip("_-.")
    return Place(
        name=name,
        resource=resource,
        envelope=standard.envelope if standard else (),
        not_kept=standard.not_kept if standard else (),
        kind=kinds[-1] if kinds else KIND_FOLDERS.get(ending, "upserts"),
        run_date=run_dates[-1] if run_dates else None,
    )


def _run_date(folder: str) -> date | None:
    """The day that a folder's name tells; None of one that no calendar has."""
    told = RUN_DATE.match(folder)
    try:
        return date.fromisoformat(told.group(1)) if told else None
    except ValueError:
        return None


def _named_by(stem: str) -> str:
    """The longest name of a resource with which a file's name begins, and a word ends."""
    fits = [
        spelling
        for spelling in _by_name()
        if stem == spelling or re.match(rf"{re.escape(spelling)}[^a-z]", stem)
    ]
    return max(fits, key=len, default="")


def feeds_in(file_names: tuple[str, ...]) -> tuple[str, ...]:
    """The feeds under which a package of resources is loaded: the first of each family in it."""
    found = {
        filled.feed
        for name in file_names
        if is_json(name) and (place := place_of(name)).resource
        for filled in place.resource.fills
    }
    firsts: dict[str, str] = {}
    for contract in load_contracts().values():
        if contract.feed in found:
            firsts.setdefault(contract.family, contract.feed)
    return tuple(firsts.values())
