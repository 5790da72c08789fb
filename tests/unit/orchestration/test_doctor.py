"""What `doctor` says of a machine, as far as no warehouse is needed for it."""

import shutil
from pathlib import Path

import pytest

from wraparound.orchestration.doctor import examine
from wraparound.settings import Settings

ROOT = Path(__file__).parents[3]


@pytest.fixture
def settings(tmp_path):
    """A project of its own whose lists are in Spanish, and no warehouse."""
    shutil.copytree(ROOT / "dbt_project" / "seeds", tmp_path / "dbt_project" / "seeds")
    written = (ROOT / "config" / "district.yml").read_text(encoding="utf-8")
    file = tmp_path / "district.yml"
    file.write_text(written.replace("language: en", "language: es"), encoding="utf-8")
    return Settings(project_root=tmp_path, home=tmp_path / "home", district_file=file)


def of_language(settings):
    return [each for each in examine(settings) if each.text.startswith("language")]


def test_nothing_is_said_of_a_language_that_is_whole(settings):
    assert of_language(settings) == []


def test_texts_that_are_told_in_english_are_counted(settings):
    path = settings.seeds / "next_steps.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("Send the", "Post the"), "utf-8")
    (finding,) = of_language(settings)
    assert not finding.is_well
    assert 'es: texts of lists told in English: 1, such as "Post the referral."' in finding.text
