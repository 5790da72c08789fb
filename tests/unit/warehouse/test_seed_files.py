"""Seeds read by the program itself, outside of a build."""

import pytest

from wraparound.errors import SettingsWrong
from wraparound.warehouse.seed_files import seed_rows


def test_the_cells_of_some_columns_are_told_row_by_row(tmp_path):
    (tmp_path / "trees.csv").write_text("name,height,source\nAlder,20,a book\nBirch,,\n")
    rows = seed_rows("trees.csv", "height", "name", seeds=tmp_path)
    assert rows == [("20", "Alder"), ("", "Birch")]


@pytest.mark.parametrize("name", ["shrubs.csv", "trees.csv"])
def test_a_seed_or_a_column_that_is_missing_is_named(tmp_path, name):
    (tmp_path / "trees.csv").write_text("name\nAlder\n")
    with pytest.raises(SettingsWrong, match=name):
        seed_rows(name, "height", seeds=tmp_path)
