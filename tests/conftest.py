"""Which tests stay together on one core."""

from xdist.scheduler import LoadFileScheduling

# The files below it share one built district, which takes longer to make than each of them.
TOGETHER = "tests/dbt/"


class ByWhatIsShared(LoadFileScheduling):
    """A file is one piece of work, and so are all files that share what they look at."""

    def _split_scope(self, nodeid):
        return TOGETHER if nodeid.startswith(TOGETHER) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config, log):
    """Where tests go by file, go by what they share."""
    if config.getoption("dist") == "loadfile":
        return ByWhatIsShared(config, log)
    return None
