"""Great Expectations without what none of our rules uses, and without rows."""

import sys
from collections.abc import Sequence
from functools import cache
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


@cache
def rule_that_counts() -> str:
    """Make its rule in SQL one that only counts, and return its type: its own also fetches some
    rows, which says no more and asks twice."""
    from great_expectations.expectations.core import UnexpectedRowsExpectation

    base: Any = UnexpectedRowsExpectation

    class UnexpectedRowsCounted(base):  # type: ignore[misc]
        metric_dependencies = ("unexpected_rows_query.row_count",)

        def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
            count = metrics["unexpected_rows_query.row_count"]
            return {"success": count == 0, "result": {"observed_value": count}}

    return str(UnexpectedRowsCounted.expectation_type)
