"""The first page that a newcomer reads: `wraparound --help`."""

from click.testing import CliRunner

from wraparound.cli import CHAPTERS, main


def test_every_command_stands_once_in_a_chapter():
    assert sorted(name for names in CHAPTERS.values() for name in names) == sorted(main.commands)


def test_the_help_tells_of_every_chapter():
    text = CliRunner().invoke(main, ["--help"]).output
    assert [f"{chapter}:" for chapter in CHAPTERS if f"{chapter}:\n" not in text] == []
