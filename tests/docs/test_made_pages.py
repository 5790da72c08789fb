"""What is made from the contracts is what stands in the tree."""

from pathlib import Path

import pytest

from lib.source_reading import ROOT
from wraparound.contracts.documents import written_files
from wraparound.contracts.loader import load_contracts


@pytest.mark.parametrize("name", sorted(map(str, written_files())))
def test_a_made_file_is_up_to_date(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == written_files()[name], (
        "run `wraparound contracts write`"
    )


def test_every_feed_has_a_page_and_no_page_is_left_over() -> None:
    there = {path.stem for path in Path(ROOT / "docs" / "feeds").glob("*.md")}

    assert there == {*load_contracts(), "README", "json"}
