"""Where the warehouse is, as its URL says: read as SQLAlchemy reads it."""

import socket
from dataclasses import replace

import pytest
from sqlalchemy.engine import make_url

from wraparound.errors import SettingsWrong, WarehouseMissing
from wraparound.settings import load_settings
from wraparound.warehouse import connection
from wraparound.warehouse.connection import address


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://",
        "postgresql://db.example/wraparound",
        "postgresql+psycopg://loader@db.example:5433/oak",
        "postgresql://loader@[::1]:5433/oak",
        "postgres://loader:maple@db.example/oak",
        "postgresql://loader:a/b+c#d?e:f@db.example:5433/oak",
        "postgresql://lo%40der:m%2Fple%25@db.example/oak",
        "postgresql://postgres@localhost/oak?host=/tmp/a%20socket",
        "postgresql://postgres@/oak?host=/tmp/socket",
    ],
)
def test_a_url_is_read_as_sqlalchemy_reads_it(url: str) -> None:
    where = address(replace(load_settings({}), warehouse_url=url))
    read = make_url(url)

    assert where.host == (read.query.get("host") or read.host or "localhost")
    assert (where.port, where.user) == (read.port or 5432, read.username or "postgres")
    assert (where.password, where.database) == (
        read.password or "",
        read.database or "wraparound",
    )


@pytest.mark.parametrize("url", ["oak", "postgresql:/oak", "postgresql://db.example:oak/x", ""])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(SettingsWrong, match="not a database URL"):
        address(replace(load_settings({}), warehouse_url=url))


def test_another_kind_of_database_is_refused() -> None:
    with pytest.raises(SettingsWrong, match="must begin with postgresql"):
        address(replace(load_settings({}), warehouse_url="sqlite:///oak"))


def test_what_would_be_left_out_of_a_url_is_refused() -> None:
    """A connection that was to be checked must not be made unchecked."""
    url = "postgresql://db.example/oak?host=/tmp/socket&sslmode=verify-full"
    with pytest.raises(SettingsWrong, match=r"says 'sslmode', which is not read .* PGSSLMODE"):
        address(replace(load_settings({}), warehouse_url=url))


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://127.0.0.1:{silent.getsockname()[1]}/oak"
        settings = replace(load_settings({}), warehouse_url=url)
        with (
            pytest.raises(WarehouseMissing, match="does not answer"),
            connection.connect(settings),
        ):
            pass
