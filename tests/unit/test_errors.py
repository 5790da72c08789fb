"""One family of errors: a code each, an exit code by family, and a place in the runbooks."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.source_reading import ROOT, modules
from wraparound import errors
from wraparound.errors import WraparoundError

RUNBOOK = ROOT / "docs" / "runbooks" / "README.md"
ROW = re.compile(r"^\| (W\d\d) \| .+ \| \[.+\]\((?P<page>[\w-]+\.md)#(?P<anchor>[\w-]+)\) \|$")
# What may be raised without a code: wrong use of Python, of click, or of a model; and what a full
# disk would say later.
NOT_OURS = {
    "ValueError",
    "LookupError",
    "OSError",
    "SystemExit",
    "AssertionError",
    "UsageError",
    "ClickException",
    "AirflowFailException",
    "AirflowSkipException",
}


def family(base: type[WraparoundError] = WraparoundError) -> Iterator[type[WraparoundError]]:
    yield base
    for child in base.__subclasses__():
        yield from family(child)


def runbook_rows() -> dict[str, tuple[str, str]]:
    lines = RUNBOOK.read_text(encoding="utf-8").splitlines()
    found = [(line[2:5], row) for line in lines if (row := ROW.match(line))]
    assert len(found) == len({code for code, _ in found})
    return {code: (row["page"], row["anchor"]) for code, row in found}


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [error.code for error in family()]

    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"W\d\d", code) for code in codes)


def test_the_screen_at_the_top_shows_the_family_as_it_is() -> None:
    shown = re.findall(r"── (\w+) +(W\d\d)  exit (\d)", errors.__doc__ or "")

    assert {(e.__name__, e.code, str(e.exit_code)) for e in family()} - set(shown) == {
        ("WraparoundError", "W00", "1")
    }


def test_every_code_has_one_row_in_the_runbook_and_no_row_is_left_over() -> None:
    assert set(runbook_rows()) == {error.code for error in family()}


@pytest.mark.parametrize("code", [error.code for error in family()])
def test_the_row_leads_to_a_section_that_names_the_code(code: str) -> None:
    page, anchor = runbook_rows()[code]
    text = (RUNBOOK.parent / page).read_text(encoding="utf-8")
    sections = re.split(r"^#+ ", text, flags=re.MULTILINE)
    there = [part for part in sections if slug(part.splitlines()[0] if part else "") == anchor]

    assert len(there) == 1
    assert code in there[0]


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def test_the_command_line_tells_the_exit_codes() -> None:
    from wraparound.cli import main

    told = {int(number) for number in re.findall(r"\b(\d) [a-zA-Z]", main.help or "")}

    assert {error.exit_code for error in family()} - {1} <= told


@pytest.mark.parametrize("name", modules())
def test_what_is_raised_is_of_the_family(name: str) -> None:
    ours = {error.__name__ for error in family()}
    raised = {
        called(node.exc)
        for node in ast.walk(modules()[name])
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
    }

    made_elsewhere = {title for title in raised if title[:1].islower() or title[:1] == "_"}
    local = {n.name for n in ast.walk(modules()[name]) if isinstance(n, ast.ClassDef)}
    assert raised - made_elsewhere - ours - NOT_OURS - local == set()


def called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)


def test_runbooks_name_no_code_that_does_not_exist() -> None:
    known = {error.code for error in family()}
    pages: list[Path] = sorted((ROOT / "docs").rglob("*.md"))
    named = {code for p in pages for code in re.findall(r"\bW\d\d\b", p.read_text("utf-8"))}

    assert named <= known
