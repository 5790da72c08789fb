"""The pages of ten children and of twenty needs are the ones that the models give."""

from lib.release_builders import PROJECT_ROOT
from wraparound.orchestration import examples
from wraparound.warehouse import connection as connections


def page_of(built_town):
    with connections.connect(built_town) as connection:
        return examples.examples_page(connection)


def test_the_pages_are_up_to_date(built_town):
    with connections.connect(built_town) as connection:
        made = examples.example_files(connection)
    assert len(made) == 3
    for name, text in made.items():
        written = (PROJECT_ROOT / name).read_text(encoding="utf-8")
        assert written == text, f"{name}: run `wraparound district examples`"


def test_what_is_withheld_is_told_nowhere(built_town):
    _, _, last = page_of(built_town).rpartition("\n## 10. ")

    for word in ("Shelter", "Doubled-up", "Hotels", "FM-02", "McKinney", "meals", "foster"):
        assert word not in last
