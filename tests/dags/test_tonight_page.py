"""The Tonight page asks who comes, whatever Airflow does with the applications of plugins."""

import asyncio
from typing import Any

import pytest

from wraparound.orchestration.tonight import QUERIES, TonightApp, _application

# Not ours: Airflow's own web framework, on its first import.
pytestmark = pytest.mark.filterwarnings("ignore:Using `httpx` with")

PERSONAL_COLUMNS = ("file_name", "record_key_hash", "student", "raw_line", "message")


def guards_of(application: Any) -> list[str]:
    return [dependency.dependency.__qualname__ for dependency in application.router.dependencies]


def test_every_route_is_behind_the_login() -> None:
    application = _application()

    assert any("requires_access_view" in name for name in guards_of(application))
    assert [route.path for route in application.routes] == ["/"]


def test_a_stranger_gets_no_page() -> None:
    assert asyncio.run(status_for(TonightApp())) in (401, 403)


@pytest.mark.parametrize("table", QUERIES)
def test_a_table_of_the_page_holds_counts_only(table: str) -> None:
    assert not any(column in QUERIES[table] for column in PERSONAL_COLUMNS)


async def status_for(application: Any) -> int:
    """The status that a request without any credential gets."""
    told: list[int] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "root_path": "",
        "query_string": b"",
        "headers": [],
        "app": application,
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            told.append(message["status"])

    await application(scope, receive, send)
    return told[0]
