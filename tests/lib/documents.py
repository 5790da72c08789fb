"""Our own pages, read for the tests that hold them to the project."""

import re
from pathlib import Path

from lib.source_reading import ROOT

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def pages() -> list[Path]:
    """Every page that is written, and every page that is made."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def page_name(path: Path) -> str:
    """The page below the project's root, for test ids."""
    return path.relative_to(ROOT).as_posix()


def text_of(path: Path) -> str:
    """The page's text."""
    return path.read_text(encoding="utf-8")


def blocks(text: str, *, language: str = "") -> list[str]:
    """The fenced blocks of a language; plain ones hold commands, drawings and samples."""
    return [body for name, body in FENCE.findall(text) if name == language]


def spans(text: str) -> list[str]:
    """Whatever stands between single back ticks, outside blocks; a line end inside is a blank."""
    plain = FENCE.sub("", text)
    joined = re.sub(r"(?<!\n)\n(?![\n|#\-*\d])", " ", plain)
    return SPAN.findall(joined)


def commands(text: str) -> list[str]:
    """Every command line that a page tells somebody to type, without its comment."""
    typed = [line for body in blocks(text) for line in body.splitlines()]
    told = [*typed, *spans(text)]
    return [line.split("  #")[0].strip() for line in told if starts_a_command(line)]


def starts_a_command(line: str) -> bool:
    """Whether a line or a span begins with one of our two programs."""
    return line.startswith(("make ", "wraparound "))


def headings(text: str) -> set[str]:
    """The anchors of a page, as the usual renderers make them."""
    found = re.findall(r"^#+ (.+)$", FENCE.sub("", text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in found}
