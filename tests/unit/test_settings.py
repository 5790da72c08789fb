"""Settings are read once, and say everything that is missing at once."""

import os
from pathlib import Path

import pytest

from wraparound.contracts.district import load_district
from wraparound.errors import SettingsWrong
from wraparound.settings import at_once, environment_for, kept_once, load_settings

ROOT = Path(__file__).resolve().parents[2]


def test_home_is_in_the_checkout_by_default() -> None:
    settings = load_settings({})

    assert settings.project_root == ROOT
    assert settings.home == ROOT / ".wraparound"
    assert settings.warehouse_url is None


def test_the_environment_moves_home_and_district_file(tmp_path: Path) -> None:
    district = tmp_path / "other.yml"
    district.write_text("name: Elm\ntime_zone: America/Chicago\n", encoding="utf-8")
    settings = load_settings(
        {"WRAPAROUND_HOME": str(tmp_path / "h"), "WRAPAROUND_DISTRICT_FILE": str(district)}
    )

    assert settings.inbox == tmp_path / "h" / "inbox"
    assert load_district(settings.district_file).name == "Elm"


def test_a_checkout_named_from_here_is_the_same_for_programs_that_start_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)

    settings = load_settings({"WRAPAROUND_ROOT": "."})

    assert settings.home.is_absolute()
    assert (settings.project_root / "config").samefile(ROOT / "config")


def test_everything_missing_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsWrong) as caught:
        load_settings({"WRAPAROUND_ROOT": str(tmp_path)})

    for what in ("dbt project", "expectations", "district file", "WRAPAROUND_ROOT"):
        assert what in str(caught.value)


def test_a_child_process_sees_the_same_settings(tmp_path: Path) -> None:
    settings = load_settings({"WRAPAROUND_HOME": str(tmp_path)})

    assert load_settings(environment_for(settings, base={})) == settings


def test_private_folders_are_private(tmp_path: Path) -> None:
    settings = load_settings({"WRAPAROUND_HOME": str(tmp_path / "home")})
    settings.make_folders()

    for folder in (settings.home, settings.inbox, settings.archive, settings.lists):
        assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("name: [", "not YAML", id="not yaml"),
        pytest.param("name: A\ntime_zone: Mars/Base\n", "time_zone", id="no such zone"),
        pytest.param("name: A\ntime_zone: UTC\ncolour: red\n", "colour", id="unknown key"),
        pytest.param(
            "name: A\ntime_zone: UTC\nsenders: {x: {feeds: {attendance: {student_id: name}}}}\n",
            "sourcedId, identifier, or userIds:TYPE",
            id="undeclared meaning of ids",
        ),
    ],
)
def test_a_wrong_district_file_says_where(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "district.yml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(SettingsWrong, match=r"district\.yml") as caught:
        load_district(path)

    assert said in str(caught.value)


@pytest.mark.parametrize(("cores", "pieces"), [(1, 2), (3, 3), (64, 4)])
def test_a_larger_machine_works_on_more_at_once(
    monkeypatch: pytest.MonkeyPatch, cores: int, pieces: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(cores)))

    assert at_once() == pieces


def test_a_secret_that_was_not_finished_is_made_anew(tmp_path: Path) -> None:
    """What a killed starter left half made would be read for ever."""
    path = tmp_path / "secret"

    def killed() -> bytes:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept_once(path, make=killed)
    assert kept_once(path, make=lambda: b"first") == b"first"
    assert kept_once(path, make=lambda: b"second") == b"first"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
