"""One embedded server for the session, and a fresh warehouse for each test that asks."""

import pytest

from lib.release_builders import a_server
from lib.warehouse_in_tests import a_fresh_warehouse


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
