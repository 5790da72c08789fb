"""Great Expectations as it is imported here."""

import subprocess
import sys

LOOK = """
import sys
from wraparound.quality.gx_lean import import_great_expectations
import_great_expectations()
print(sorted({"altair.vegalite", "scipy.stats._stats_py"} & sys.modules.keys()))
"""


def test_charts_and_statistics_are_not_run_when_it_is_imported() -> None:
    # In a process of its own: another test may have asked for them in this one.
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
