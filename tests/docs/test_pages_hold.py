"""What the pages say is there: commands, links, files, models, settings, variables."""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from lib.documents import LINK, blocks, commands, headings, page_name, pages, spans, text_of
from lib.source_reading import ROOT
from wraparound.cli import main
from wraparound.contracts.district import (
    District,
    Expected,
    FeedProfile,
    Layout,
    Sender,
    TableProfile,
    load_district,
)
from wraparound.contracts.leaving import (
    EmailChannel,
    FolderChannel,
    ObjectStoreChannel,
    SftpChannel,
)
from wraparound.contracts.loader import load_contracts
from wraparound.contracts.models import Scope
from wraparound.settings import load_settings

MADE = "docs/feeds/"
CHANNELS = (FolderChannel, SftpChannel, ObjectStoreChannel, EmailChannel)
every_page = pytest.mark.parametrize("path", pages(), ids=page_name)
README = text_of(ROOT / "README.md")
TARGETS = re.compile(r"^([a-z]+):", re.MULTILINE)
# Words in capitals stand for what the reader puts there.
PLACEHOLDER = re.compile(r"^[A-Z]+$")
MODEL = re.compile(r"^(stg|int|fct|dim|bridge|rpt)_[a-z0-9_]+$")
VARIABLE = re.compile(r"\b(WRAPAROUND_[A-Z_]+)\b")


def resolved(words: list[str]) -> click.Command:
    """The command that the words name; click refuses what it does not know.

    Raises:
        click.UsageError: a command, option or number of arguments that is not there.
    """
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group) and words:
        name, *words = words
        found = command.get_command(context, name)
        if found is None:
            if name.startswith("-"):
                break
            raise click.UsageError(f"no command {name}")
        command, context = found, click.Context(found, parent=context)
    if words:
        command.make_parser(context).parse_args(words)
    known = {option for p in command.params for option in p.opts} | {"--help"}
    unknown = {word for word in words if word.startswith("-") and word.split("=")[0] not in known}
    if unknown:
        raise click.UsageError(f"no option {', '.join(sorted(unknown))}")
    return command


@every_page
def test_every_command_exists(path: Path) -> None:
    targets = set(TARGETS.findall(text_of(ROOT / "Makefile")))
    for line in commands(text_of(path)):
        for part in re.split(r"\s*(?:&&|;)\s*", line):
            program, *words = shlex.split(part, comments=True)
            if program == "make":
                assert words, line
                assert set(words) <= targets, line
            else:
                resolved([word for word in words if word != "…"])


def test_the_readme_names_the_three_commands() -> None:
    assert {"make demo", "make down", "make test"} <= set(commands(README))


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 100


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["nonsense"], id="an unknown command"),
        pytest.param(["night", "--nonsense"], id="an unknown option"),
        pytest.param(["release", "nonsense"], id="an unknown part of a group"),
    ],
)
def test_a_command_that_is_not_there_would_be_noticed(words: list[str]) -> None:
    with pytest.raises(click.UsageError):
        resolved(words)


@every_page
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in LINK.findall(text_of(path)):
        assert not target.startswith("/"), target
        if re.match(r"[a-z]+://", target):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.is_file(), target
        assert there.is_relative_to(ROOT), target
        if anchor:
            assert anchor in headings(text_of(there)), target


@every_page
def test_every_model_exists(path: Path) -> None:
    models = {file.stem for file in (ROOT / "dbt_project" / "models").rglob("*.sql")}
    named = {span for span in spans(text_of(path)) if MODEL.match(span)}

    # stg_NAME__THINGS and the like are patterns, and hold capitals.
    assert named <= models


@every_page
def test_every_variable_is_read_somewhere(path: Path) -> None:
    read_by = "".join(
        text_of(ROOT / name) for name in ("src/wraparound/settings.py", "docker-compose.yml")
    )

    assert set(VARIABLE.findall(text_of(path))) <= set(VARIABLE.findall(read_by))


@every_page
def test_every_path_exists(path: Path) -> None:
    roots = {p.name for p in ROOT.iterdir()}
    package = ROOT / "src" / "wraparound"
    for span in spans(text_of(path)):
        first = span.split("/")[0]
        if not re.fullmatch(r"[\w.\-/*]+", span) or "/" not in span or re.search("[A-Z]{3}", span):
            continue
        if first in roots:
            assert (ROOT / span).exists(), span
        elif (package / first).is_dir():
            assert (package / span).exists(), span


@every_page
def test_no_page_names_a_machine_or_a_person(path: Path) -> None:
    assert not re.search(r"/(root|home|Users)/|localhost|@[a-z]+\.[a-z]", text_of(path))


def test_every_room_of_the_package_is_in_the_readme() -> None:
    rooms = {
        p.name for p in (ROOT / "src" / "wraparound").iterdir() if (p / "__init__.py").exists()
    }
    named = set(re.findall(r"`src/wraparound/(\w+)/`", README))

    assert named == rooms


# ------------------------------------------------------------------ the district file


def named_keys(path: Path) -> set[str]:
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", text_of(path), flags=re.MULTILINE)
    return {key for row in rows for key in re.findall(r"`(\w+)`", row)}


def test_the_page_of_the_district_file_explains_every_key_and_no_other() -> None:
    models = (District, Expected, Sender, FeedProfile, Layout, TableProfile, *CHANNELS)
    known = {key for model in models for key in model.model_fields}
    in_a_sentence = set(Sender.model_fields)

    assert named_keys(ROOT / "docs" / "district-file.md") | in_a_sentence == known


def test_the_page_of_the_district_file_names_every_scope() -> None:
    (line,) = re.findall(r"^\| `scope` \|(.*?)\|", text_of(ROOT / "docs/district-file.md"), re.M)

    assert set(re.findall(r"`(\w+)`", line)) == set(Scope.__args__)


def test_the_sample_profile_is_the_one_of_the_district_file(tmp_path: Path) -> None:
    page = text_of(ROOT / "docs" / "adding-a-sender.md")
    sample, laid_out, file_sample, one_file, json_sample = blocks(page, language="yaml")
    file = tmp_path / "district.yml"
    head = "name: Test\ntime_zone: America/New_York\n"
    file.write_text(head + sample, encoding="utf-8")
    ours = load_district(load_settings({}).district_file).senders["example_export"]

    assert load_district(file).senders["example_export"].feeds == ours.feeds
    file.write_text(head + json_sample, encoding="utf-8")
    (sender,) = load_district(file).senders.values()
    assert sender.feeds["providers"].tables
    file.write_text(head + file_sample, encoding="utf-8")
    (sender,) = load_district(file).senders.values()
    assert sender.feeds["roster"].names("relationships.csv")
    file.write_text(head + one_file, encoding="utf-8")
    (sender,) = load_district(file).senders.values()
    assert set(sender.feeds["roster"].tables) >= {"orgs", "users", "school_associations"}
    file.write_text(head + laid_out, encoding="utf-8")
    (sender,) = load_district(file).senders.values()
    assert sender.feeds["attendance"].layout_of("STAD_1.txt").delimiter == "^"


def test_the_sample_profile_fits_its_contract_and_its_sample_file() -> None:
    page = text_of(ROOT / "docs" / "adding-a-sender.md")
    profile: Any = yaml.safe_load(blocks(page, language="yaml")[0])
    shape = profile["senders"]["example_export"]["feeds"]["attendance"]["tables"]["events"]
    columns = load_contracts()["attendance"].tables["events"].columns
    header = blocks(page)[0].splitlines()[0].split(",")

    assert set(shape["columns"]) <= set(columns)
    assert sorted(shape["columns"].values()) == sorted(header)


# ------------------------------------------------------------------ words


def glossary() -> dict[str, str]:
    text = text_of(ROOT / "GLOSSARY.md")
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| ([^|]+) \|$", text, flags=re.MULTILINE)
    return {word: avoid for word, avoid in rows if word not in ("Word", "---")}


def test_the_glossary_says_of_every_word_what_to_avoid() -> None:
    words = glossary()

    assert len(words) > 40
    assert all(avoid.strip() for avoid in words.values())


@pytest.mark.parametrize("word", ["arrival", "batch", "contract", "quarantine", "verdict"])
def test_the_glossary_has_the_words_of_the_ledger(word: str) -> None:
    assert word in glossary()


def test_every_decision_says_what_and_why_and_whom_it_touches() -> None:
    entries = re.split(r"^## ", text_of(ROOT / "DECISIONS.md"), flags=re.MULTILINE)[1:]

    assert entries
    for entry in entries:
        parts = re.findall(r"^\*\*(\w+)\.\*\* ", entry, flags=re.MULTILINE)
        assert parts == ["What", "Why", "Touches"], entry.splitlines()[0]
