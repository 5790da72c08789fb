"""Which tests stay together on one core."""

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


def pytest_xdist_make_scheduler(config, log):
    """Where tests go by file, go by what they share."""
    if config.getoption("dist") == "loadfile":
        return ByWhatIsShared(config, log)
    return None
