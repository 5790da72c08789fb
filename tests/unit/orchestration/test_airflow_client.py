"""The client of the API, against a small server of our own."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest

from wraparound.errors import AirflowMissing
from wraparound.orchestration.airflow_home import Login
from wraparound.orchestration.runs import AirflowClient, Run

TOKEN = "a-token"


class Airflow(BaseHTTPRequestHandler):
    """Answers like Airflow's API; a run ends after it was looked at twice."""

    states: ClassVar[list[str]] = []
    asked: ClassVar[list[tuple[str, str, Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(("POST", self.path, body))
        if self.path == "/auth/token":
            self._answer({"access_token": TOKEN}, status=201)
        elif self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._answer({"detail": "who are you"}, status=401)
        else:
            self._answer(self._run("queued"))

    def do_GET(self) -> None:
        self.asked.append(("GET", self.path, None))
        if self.path.startswith("/api/v2/dags?"):
            self._answer({"dags": [{"dag_id": "build"}, {"dag_id": "ingest"}]})
        elif self.path == "/api/v2/importErrors":
            self._answer({"total_entries": 0})
        elif self.path.startswith("/api/v2/dags/gone"):
            self._answer({"detail": "Canary Unmistakable"}, status=404)
        elif "?" in self.path:
            self._answer({"dag_runs": [self._run("success")]})
        else:
            self._answer(self._run(self.states.pop(0)))

    def do_PATCH(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(("PATCH", self.path, body))
        self._answer({"dag_id": "build"} | body)

    def log_message(self, *_args: Any) -> None:
        """Keep quiet."""

    def _run(self, state: str) -> dict[str, str]:
        return {"dag_id": "publish", "dag_run_id": "manual 1", "state": state}

    def _answer(self, body: Any, *, status: int = 200) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


@pytest.fixture
def client() -> Iterator[AirflowClient]:
    Airflow.asked.clear()
    Airflow.states[:] = ["running", "success"]
    server = HTTPServer(("127.0.0.1", 0), Airflow)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield AirflowClient(Login(f"http://127.0.0.1:{server.server_port}", "admin", "secret"))
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_dag_is_paused_and_let_go(client: AirflowClient) -> None:
    client.pause("build", paused=True)
    client.pause("build", paused=False)

    assert Airflow.asked[-2:] == [
        ("PATCH", "/api/v2/dags/build", {"is_paused": True}),
        ("PATCH", "/api/v2/dags/build", {"is_paused": False}),
    ]


def test_a_run_is_started_with_its_params(client: AirflowClient) -> None:
    run = client.trigger("publish", params={"as_of": "2026-10-01"})

    assert run == Run("publish", "manual 1", "queued")
    assert Airflow.asked[-1] == (
        "POST",
        "/api/v2/dags/publish/dagRuns",
        {"logical_date": None, "conf": {"as_of": "2026-10-01"}},
    )


def test_one_login_serves_many_questions(client: AirflowClient) -> None:
    client.trigger("publish")
    client.trigger("publish")

    assert [path for _verb, path, _body in Airflow.asked].count("/auth/token") == 1


def test_waiting_tells_each_look_and_ends_with_the_run(client: AirflowClient) -> None:
    seen: list[str] = []
    ended = client.await_end(
        Run("publish", "manual 1", "queued"),
        seconds=5,
        every=0,
        on_progress=lambda run: seen.append(run.state),
    )

    assert ended.state == "success"
    assert seen == ["running", "success"]


def test_a_run_that_does_not_end_is_said_so(client: AirflowClient) -> None:
    with pytest.raises(AirflowMissing, match="did not end within 0 seconds"):
        client.await_end(Run("publish", "manual 1", "running"), seconds=0, every=0)


def test_what_is_there_is_told(client: AirflowClient) -> None:
    assert client.dag_ids() == {"build", "ingest"}
    assert client.import_errors() == 0
    assert client.runs("publish") == [Run("publish", "manual 1", "success")]


def test_a_refusal_is_told_without_the_servers_text(client: AirflowClient) -> None:
    with pytest.raises(AirflowMissing, match="status 404") as caught:
        client.run("gone", "x")

    assert "Canary" not in str(caught.value)


def test_nobody_answering_is_said_so() -> None:
    with pytest.raises(AirflowMissing, match="does not answer"):
        AirflowClient(Login("http://127.0.0.1:1", "admin", "secret")).dag_ids()
