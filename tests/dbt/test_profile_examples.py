"""The page of ten children is the one that the models give."""

from lib.release_builders import PROJECT_ROOT
from wraparound.orchestration import examples
from wraparound.warehouse import connection as connections


def page_of(built_town):
    with connections.connect(built_town) as connection:
        return examples.examples_page(connection)


def test_the_page_is_up_to_date(built_town):
    written = (PROJECT_ROOT / examples.PAGE).read_text(encoding="utf-8")

    assert written == page_of(built_town), "run `wraparound district examples`"


def test_what_is_withheld_is_told_nowhere(built_town):
    _, _, last = page_of(built_town).rpartition("\n## 10. ")

    for word in ("Shelter", "Doubled-up", "Hotels", "FM-02", "McKinney", "meals", "foster"):
        assert word not in last
