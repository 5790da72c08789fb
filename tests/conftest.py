"""Which tests stay together on one core, and a folder for what all cores share."""

import os
from tempfile import TemporaryDirectory

from xdist.scheduler import LoadFileScheduling

# Files that share a built district, which takes longer to make than each of them.
TOGETHER = (
    ("tests/dbt/",),
    (
        "tests/integration/test_children_destroyed.py",
        "tests/integration/test_ids_given_again.py",
        "tests/integration/test_need_to_service.py",
    ),
)


class ByWhatIsShared(LoadFileScheduling):
    """A file is one piece of work, and so are all files that share what they look at."""

    def _split_scope(self, nodeid):
        shared = next((files for files in TOGETHER if nodeid.startswith(files)), None)
        return shared[0] if shared else super()._split_scope(nodeid)


def pytest_configure(config):
    """Where tests go to other processes, give all of them a folder."""
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        folder = TemporaryDirectory(prefix="wr-run-")
        os.environ["WRAPAROUND_TEST_RUN"] = folder.name
        config.add_cleanup(folder.cleanup)


def pytest_xdist_make_scheduler(config, log):
    """Where tests go by file, go by what they share."""
    if config.getoption("dist") == "loadfile":
        return ByWhatIsShared(config, log)
    return None
