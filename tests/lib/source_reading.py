"""Our own source, read as syntax trees, for the tests that hold it to the house's habits."""

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "wraparound"
Function = ast.FunctionDef | ast.AsyncFunctionDef


@lru_cache(maxsize=1)
def modules() -> dict[str, ast.Module]:
    """Every module of the package by its path below `src/wraparound`."""
    return {
        path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(SOURCE.rglob("*.py"))
    }


def room_of(name: str) -> str:
    """The room of a module or of a dotted import: its first part."""
    return name.removeprefix("wraparound.").split("/")[0].split(".")[0]


def imports(tree: ast.AST) -> set[str]:
    """Every module that is imported anywhere below, by its dotted name."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "wraparound":
            found |= {f"wraparound.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            # What is taken from a package may be one of its modules.
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def imports_when_imported(tree: ast.Module) -> set[str]:
    """What importing the module imports: not what its functions import when they are called."""
    found: set[str] = set()
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= imports(node)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += [
                child
                for child in ast.iter_child_nodes(node)
                if not (isinstance(node, ast.If) and _only_for_types(node) and child in node.body)
            ]
    return found


def _only_for_types(node: ast.If) -> bool:
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def functions(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    """Every function and method by its qualified name."""
    waiting: list[tuple[str, ast.AST]] = [("", tree)]
    while waiting:
        prefix, node = waiting.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{prefix}{child.name}"
                waiting.append((f"{name}.", child))
                if not isinstance(child, ast.ClassDef):
                    yield name, child
            else:
                waiting.append((prefix, child))


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every string that is not a docstring, with its line."""
    silent = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in silent:
            yield node.lineno, node.value
