"""An edit of the rules says who would move, and leaves no trace."""

import json

import pytest
from click.testing import CliRunner

from lib.release_builders import PROJECT_ROOT
from wraparound.cli import main
from wraparound.errors import SettingsWrong
from wraparound.orchestration.rules_diff import rules_diff
from wraparound.settings import environment_for
from wraparound.warehouse import connection as connections

SEEDS = PROJECT_ROOT / "dbt_project" / "seeds"


def edited(folder, seed, *changes):
    """A folder with one seed in which texts were replaced, each of them found once."""
    text = (SEEDS / f"{seed}.csv").read_text(encoding="utf-8")
    for before, after in changes:
        assert text.count(before) == 1
        text = text.replace(before, after)
    folder.mkdir(exist_ok=True)
    (folder / f"{seed}.csv").write_text(text, encoding="utf-8")
    return folder


def asked(settings, statement):
    with connections.connect(settings) as connection:
        return connection.execute(statement).fetchall()


@pytest.fixture(scope="module")
def stricter(built_town, tmp_path_factory):
    """What it would do to ask from 8 % of missed days on, and to show fewer strengths."""
    folder = tmp_path_factory.mktemp("edits")
    edited(
        folder,
        "need_rules",
        ("AT-01,1,need,missed_share,KG,,>=,10,100", "AT-01,1,need,missed_share,KG,,>=,8,100"),
        ("GR-S1,1,strength,average_mark", "GR-S1,2,strength,average_mark"),
    )
    edited(folder, "settings", ("strengths_shown,3,", "strengths_shown,2,"))
    return rules_diff(built_town, seeds=folder, keys_wanted=True)


def test_who_enters_the_queue_is_who_lies_between_the_limits(built_town, stricter):
    between = asked(
        built_town,
        "select student_key from reports.rpt_students where has_sufficient_days"
        " and days_absent * 100 >= 8 * days_enrolled and days_absent * 100 < 10 * days_enrolled",
    )
    entered = [move for move in stricter.moves if move.what == "AT-01"]

    assert {move.after for move in entered} == {"in the queue"}
    assert sum(move.count for move in entered) == len(between) > 0
    assert {key for move in entered for key in move.student_keys} == {
        row["student_key"] for row in between
    }


def test_levels_and_tiers_move_with_the_rule_and_nothing_else_does(stricter):
    assert {move.what for move in stricter.moves} <= {"tier", "academics", "AT-01"}
    assert ("mild", "moderate") in {
        (move.before, move.after) for move in stricter.moves if move.what == "academics"
    }


def test_a_rule_that_changed_under_its_old_version_is_named(stricter):
    assert stricter.unversioned == ("AT-01",)


def test_changed_settings_are_told(stricter):
    assert stricter.settings == (("strengths_shown", "3", "2"),)


def test_nothing_of_the_trial_stays(built_town, stricter):
    assert asked(built_town, "select 1 from pg_namespace where nspname like 'trial%'") == []
    (row,) = asked(
        built_town,
        "select threshold_numerator as limit from seeds.need_rules"
        " where rule_id = 'AT-01' and concern_level = 'moderate'",
    )
    assert row["limit"] == 10


def test_without_an_edit_nobody_moves_and_the_door_says_so(built_town):
    runner = CliRunner(env=environment_for(built_town, base={}))

    said = runner.invoke(main, ["-q", "rules", "diff", "--json"])

    assert said.exit_code == 0, said.output
    found = json.loads(said.stdout)
    assert (found["is_changed"], found["moves"]) == (False, [])


@pytest.mark.parametrize(
    "name", [pytest.param("my_rules.csv", id="a strange file"), pytest.param("", id="no file")]
)
def test_a_folder_that_holds_no_seed_is_refused(built_town, tmp_path, name):
    if name:
        (tmp_path / name).write_text("rule_id\n", encoding="utf-8")

    with pytest.raises(SettingsWrong, match=r"dbt_project/seeds"):
        rules_diff(built_town, seeds=tmp_path)
