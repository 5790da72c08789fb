"""Great Expectations without what none of our rules uses."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType
from typing import Any

# Statistical tests and their charts: a third of what importing it takes, in time and memory.
# A rule that wants them gets them: they are run when something in them is first asked for.
SELDOM_USED = ("scipy.stats", "altair")


class _OnFirstUse(MetaPathFinder):
    """Finds modules as always, but leaves running the seldom used ones until they are used."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in SELDOM_USED:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


def import_great_expectations() -> Any:
    """Import Great Expectations."""
    finder = _OnFirstUse()
    sys.meta_path.insert(0, finder)
    try:
        import great_expectations
    finally:
        sys.meta_path.remove(finder)
    return great_expectations
