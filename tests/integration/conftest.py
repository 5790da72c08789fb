"""One embedded server for the session, and a fresh warehouse for each test that asks."""

import pytest

from lib import need_feeds
from lib.feed_builders import Roster, children
from lib.release_builders import a_server
from lib.warehouse_in_tests import a_fresh_warehouse, landed_and_loaded
from wraparound.orchestration import nights
from wraparound.warehouse import connection as connections

ROSTER = Roster((*children(6), *children(4, school="T-S2", prefix="East")))


@pytest.fixture(scope="session")
def server():
    """Settings of a running server with a migrated warehouse, to make copies of."""
    with a_server() as settings:
        yield settings


@pytest.fixture
def settings(server, tmp_path):
    """A fresh warehouse, with a home and a district file of its own."""
    with a_fresh_warehouse(server, tmp_path) as fresh:
        yield fresh


@pytest.fixture
def connection(settings):
    """A connection to the fresh warehouse, as its owner."""
    with connections.connect(settings) as opened:
        yield opened


@pytest.fixture(scope="session")
def with_roster(server, tmp_path_factory):
    """A warehouse that holds ROSTER, to make copies of."""
    home = tmp_path_factory.mktemp("rostered")
    with a_fresh_warehouse(server, home) as settings:
        (arrival,) = landed_and_loaded(settings, ROSTER.write(home / "files"))
        assert arrival["state"] == "loaded", arrival["message"]
        yield settings


@pytest.fixture
def rostered(with_roster, tmp_path):
    """A fresh warehouse that holds ROSTER already."""
    with a_fresh_warehouse(with_roster, tmp_path) as fresh:
        yield fresh


@pytest.fixture
def roster():
    """The roster that `rostered` holds: six children in T-S1, four in T-S2."""
    return ROSTER


@pytest.fixture(scope="session")
def thursday(server, tmp_path_factory):
    """The district from need to service after a published night, to make copies of."""
    home = tmp_path_factory.mktemp("thursday")
    with a_fresh_warehouse(server, home) as settings:
        files = [make(home / "files") for make in need_feeds.ALL]
        for arrival in landed_and_loaded(settings, *files, effective_at=need_feeds.SENT_AT):
            assert arrival["state"] == "loaded", arrival["message"]
        told = nights.night(settings, as_of=need_feeds.THURSDAY)
        assert told["release"]["state"] == "published", told["release"]
        yield settings
