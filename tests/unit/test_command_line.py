"""The first page that a newcomer reads: `wraparound --help`."""

import errno
from collections.abc import Iterator

import click
import psycopg
import pytest
from click.testing import CliRunner

from wraparound.cli import CHAPTERS, Family, main
from wraparound.cli.telling import WORDS, show
from wraparound.errors import WarehouseMissing
from wraparound.orchestration import nights

# They need no warehouse, or make one, or must run where it is not as expected.
WITHOUT_WAREHOUSE = (
    *("contracts write", "profile suggest", "dictionary", "district make", "district defects"),
    *("district examples", "demo", "up", "down", "doctor", "url", "airflow stop"),
    "airflow status",
)


def test_every_command_stands_once_in_a_chapter():
    assert sorted(name for names in CHAPTERS.values() for name in names) == sorted(main.commands)


def test_the_help_tells_of_every_chapter():
    text = CliRunner().invoke(main, ["--help"]).output
    assert [f"{chapter}:" for chapter in CHAPTERS if f"{chapter}:\n" not in text] == []


def test_a_night_tells_what_was_set_aside_beside_its_release(monkeypatch):
    loaded = {"arrival_id": 7, "feed": "attendance", "state": "loaded", "code": None}
    arrivals = [loaded | {"message": "12 rows are set aside."}, loaded | {"message": None}]
    done = {"arrivals": arrivals, "waiting": ["8 waits."], "release": {"state": "published"}}
    monkeypatch.setattr(nights, "prepare", lambda _: None)
    monkeypatch.setattr(nights, "night", lambda *_, **__: done)
    monkeypatch.setattr("wraparound.cli.night._tell_release", lambda *_, **__: None)
    result = CliRunner().invoke(main, ["night"])
    assert result.stderr == "W27: 8 waits.\narrival 7 (attendance): 12 rows are set aside.\n"
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (psycopg.errors.AdminShutdown("the row was T-Alder"), "W02: The warehouse was lost"),
        (psycopg.errors.ReadOnlySqlTransaction("T-Alder"), "W02: The warehouse was lost"),
        (OSError(errno.EROFS, "Read-only", "lists/index.html"), "W01: lists/index.html cannot"),
    ],
)
def test_what_the_machine_does_to_a_command_is_told_in_our_words(error, told):
    @click.group(cls=Family)
    def group():
        """Stands for ours."""

    @group.command()
    def stopped():
        raise error

    result = CliRunner().invoke(group, ["stopped"])
    assert result.exit_code == 3
    assert result.output.startswith(told)
    assert "T-Alder" not in result.output


def test_of_an_error_that_nobody_foresaw_the_places_are_told_and_not_the_text():
    """It may quote a row, and what a night says stands in a log."""
    name = "T-Alder"

    @click.group(cls=Family)
    def group():
        """Stands for ours."""

    @group.command()
    def surprised():
        raise psycopg.errors.UniqueViolation(f"Key (student)=({name}) already exists.")

    result = CliRunner().invoke(group, ["surprised"])
    assert result.exit_code == 1
    assert "T-Alder" not in result.output
    last = result.output.splitlines()[-1]
    assert last.startswith("W00: Nobody foresaw this")
    assert "UniqueViolation (SQLSTATE 23505) at " in last
    assert f"{__file__}:" in last
    assert ", in surprised" in result.output


@pytest.mark.parametrize("option", ["--by", "--reason"])
def test_nobody_decides_by_saying_nothing(option):
    words = {"--by": "R. Reed", "--reason": "Twins", option: "  "}
    given = [word for pair in words.items() for word in pair]
    result = CliRunner().invoke(main, ["student", "same", "T-Alder", *given])
    assert result.exit_code == 2
    assert option in result.output


def test_each_name_and_each_reason_is_more_than_blanks():
    def found(command):
        for below in getattr(command, "commands", {}).values():
            yield from found(below)
        yield from (one for one in command.params if {"--by", "--reason"} & set(one.opts))

    signed = list(found(main))
    assert len(signed) > 10
    assert [one for one in signed if one.type is not WORDS] == []


def leaves(group: click.Group, *, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with the words that call it."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, before=f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def words_for(command: click.Command, *, folder: str) -> Iterator[str]:
    """What a command cannot be called without."""
    for param in command.params:
        if isinstance(param.type, click.Path):
            value = folder
        elif isinstance(param.type, click.DateTime):
            value = "2026-11-19"
        else:
            value = "7"
        if isinstance(param, click.Argument) and (param.required or param.nargs == -1):
            yield value
        elif param.required:
            yield from (param.opts[0], value)


@pytest.mark.parametrize(
    ("words", "command"),
    [pytest.param(*leaf, id=leaf[0]) for leaf in leaves(main) if leaf[0] not in WITHOUT_WAREHOUSE],
)
def test_every_command_first_brings_the_warehouse_up_to_date(
    words, command, monkeypatch, tmp_path
):
    def prepare(_settings):
        raise WarehouseMissing("It was to be prepared.")

    monkeypatch.setenv("WRAPAROUND_HOME", str(tmp_path))
    monkeypatch.setenv("WRAPAROUND_WAREHOUSE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    monkeypatch.setattr(nights, "prepare", prepare)
    given = [*words.split(), *words_for(command, folder=str(tmp_path))]
    assert CliRunner().invoke(main, given).output == "W02: It was to be prepared.\n"


@pytest.mark.parametrize("name", ["[north] Oak", "Oak [/b]", ":evergreen_tree: Oak"])
def test_a_name_in_a_table_is_told_as_it_is(capsys, name):
    show([{"school": name}], columns=["school"], json_wanted=False, empty="")
    assert name in capsys.readouterr().out
