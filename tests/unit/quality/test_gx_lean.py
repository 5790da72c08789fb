"""Great Expectations as it is imported here."""

import subprocess
import sys

LOOK = """
import sys
from wraparound.quality.gx_lean import import_great_expectations, rule_that_counts
import_great_expectations()
from great_expectations.expectations.registry import get_expectation_impl
print(get_expectation_impl(rule_that_counts()).metric_dependencies)
print(sorted({"altair.vegalite", "scipy.stats._stats_py"} & sys.modules.keys()))
"""


def test_it_runs_no_charts_and_statistics_and_a_rule_in_sql_asks_for_a_count_only() -> None:
    # In a process of its own: another test may have asked for them in this one.
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["('unexpected_rows_query.row_count',)", "[]"]
