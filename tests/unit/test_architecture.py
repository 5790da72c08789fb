"""The house keeps its order: who may import whom, read the clock, or read the environment."""

import ast
import re
from pathlib import Path

import pytest

from lib.source_reading import (
    ROOT,
    functions,
    imports,
    imports_when_imported,
    modules,
    room_of,
    texts,
)

# Low to high. Rooms of one step do not import each other.
STEPS = (
    {"errors"},
    {"settings"},
    {"contracts"},
    {"landing"},
    {"warehouse", "quality"},
    {"publishing"},
    {"orchestration"},
    {"cli"},
)
STEP_OF = {room: number for number, rooms in enumerate(STEPS) for room in rooms}
# The generator stands aside: it imports contracts, and the door and the demo import it.
ASIDE = "district"
MAY_IMPORT_ASIDE = {"cli", "orchestration"}
HEAVY = {"airflow", "dbt", "great_expectations", "pandas", "alembic", "openpyxl"}
# What is imported by them alone, and not by the command line.
MAY_IMPORT_AT_ONCE = {"orchestration/": "airflow", "warehouse/migrations/": "alembic"}

MOST_LINES = 40
# A migration is a list of tables, written once.
LONG_BY_NATURE = re.compile(r"^warehouse/migrations/versions/")
# Longer than they should be: to be shortened, and then taken off. None may join.
STILL_LONG = {
    ("publishing/lists.py", "ListData.from_rows"),
}

CLOCK_CALLS = {"now", "today", "utcnow", "localtime", "gmtime", "time_ns"}
MAY_READ_THE_CLOCK = ("cli/", "orchestration/", "landing/inbox.py")
SQL_CLOCK = re.compile(
    r"\b(now\(\)|clock_timestamp\(|statement_timestamp\(|timeofday\(|current_date\b"
    r"|current_timestamp\b|localtimestamp\b|'now'|'today')",
    re.IGNORECASE,
)
# The ledger and the record of a change say when they were written: stamps, not business.
MAY_STAMP = ("warehouse/", "orchestration/", "publishing/")

every_module = pytest.mark.parametrize("name", modules())


def step_of(room: str) -> int:
    return STEP_OF[room]


def test_every_room_has_a_step() -> None:
    rooms = {room_of(name).removesuffix(".py") for name in modules()} - {"__init__", ASIDE}

    assert rooms == set(STEP_OF)


@every_module
def test_imports_go_downwards(name: str) -> None:
    room = room_of(name).removesuffix(".py")
    theirs = {room_of(i) for i in imports(modules()[name]) if i.startswith("wraparound.")}
    theirs -= {room, "__version__"}
    if room == ASIDE:
        assert theirs <= {"contracts"}
    elif room != "__init__":
        assert ASIDE not in theirs or room in MAY_IMPORT_ASIDE
        assert {other for other in theirs - {ASIDE} if step_of(other) >= step_of(room)} == set()


@every_module
def test_heavy_things_are_imported_inside_functions(name: str) -> None:
    found = {i.split(".")[0] for i in imports_when_imported(modules()[name])} & HEAVY
    allowed = next((a for place, a in MAY_IMPORT_AT_ONCE.items() if name.startswith(place)), "")

    assert found - {allowed} == set()


def test_the_command_line_reaches_airflow_through_no_import() -> None:
    """Followed from module to module, as Python would."""
    seen: set[str] = set()
    waiting = ["cli/__init__.py"]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        # The door imports inside its functions; what it imports there counts as well.
        found = (imports if name.startswith("cli/") else imports_when_imported)(modules()[name])
        assert not any(i.split(".")[0] == "airflow" for i in found), name
        waiting += [path for i in found for path in paths_of(i)]

    assert "orchestration/nights.py" in seen


def paths_of(dotted: str) -> list[str]:
    if not dotted.startswith("wraparound."):
        return []
    path = dotted.removeprefix("wraparound.").replace(".", "/")
    return [p for p in (f"{path}.py", f"{path}/__init__.py") if p in modules()]


@every_module
def test_only_settings_know_the_environment(name: str) -> None:
    tree = modules()[name]
    uses = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv")
    ]
    named = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "os"
        for alias in node.names
    }

    assert name == "settings.py" or (uses == [] and not named & {"environ", "getenv"})


@every_module
def test_functions_are_short(name: str) -> None:
    long = {
        (name, title)
        for title, node in functions(modules()[name])
        if (node.end_lineno or 0) - node.lineno + 1 > MOST_LINES and not LONG_BY_NATURE.match(name)
    }

    assert long - STILL_LONG == set()


@every_module
def test_the_clock_is_read_only_where_a_night_begins(name: str) -> None:
    calls = [
        f"line {node.lineno}"
        for node in ast.walk(modules()[name])
        if isinstance(node, ast.Call) and is_clock(node.func)
    ]

    assert name.startswith(MAY_READ_THE_CLOCK) or calls == []


def is_clock(function: ast.expr) -> bool:
    if not isinstance(function, ast.Attribute):
        return False
    if function.attr == "time":
        return isinstance(function.value, ast.Name) and function.value.id == "time"
    return function.attr in CLOCK_CALLS


@every_module
def test_sql_in_code_reads_the_clock_only_for_stamps(name: str) -> None:
    found = [line for line, text in texts(modules()[name]) if SQL_CLOCK.search(text)]

    assert name.startswith(MAY_STAMP) or found == []


def sql_files() -> list[str]:
    folder = ROOT / "dbt_project"
    kept = ("models", "macros", "tests", "snapshots")
    return [
        path.relative_to(ROOT).as_posix()
        for part in kept
        for path in sorted((folder / part).rglob("*.sql"))
    ]


@pytest.mark.parametrize("name", sql_files())
def test_no_model_reads_the_clock_or_chance(name: str) -> None:
    text = without_comments((ROOT / name).read_text(encoding="utf-8"))

    assert SQL_CLOCK.search(text) is None
    assert re.search(r"\b(random|gen_random_uuid|uuidv[47]|setseed)\s*\(", text) is None
    assert re.search(r"modules\.datetime|run_started_at|invocation_id", text) is None


def without_comments(text: str) -> str:
    text = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
    return re.sub(r"--[^\n]*", "", text)


def python_files() -> list[Path]:
    return [
        path
        for folder in ("src", "dags", "plugins", "tests")
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]


def test_names_of_dag_and_plugin_files_shadow_nothing() -> None:
    stems = [path.stem for folder in ("dags", "plugins") for path in (ROOT / folder).glob("*.py")]

    assert len(stems) == len(set(stems))
    assert not any(stem.startswith("dbt_") for stem in stems)
    assert all(path.stem.startswith("wraparound_") for path in (ROOT / "plugins").glob("*.py"))


def test_names_of_test_modules_are_unique() -> None:
    stems = [path.stem for path in (ROOT / "tests").rglob("test_*.py")]

    assert sorted(stems) == sorted(set(stems))


@every_module
def test_every_module_says_what_it_is_for(name: str) -> None:
    if name.endswith("__init__.py") and not modules()[name].body:
        return
    assert ast.get_docstring(modules()[name])
