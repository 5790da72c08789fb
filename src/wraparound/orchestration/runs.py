"""A small client of the local Airflow's REST API: trigger a DAG and await its end."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from wraparound.errors import AirflowMissing
from wraparound.orchestration.airflow_home import Login

ENDED = ("success", "failed")


@dataclass(frozen=True)
class Run:
    """One run of a DAG, as the API tells it."""

    dag_id: str
    run_id: str
    state: str

    @property
    def ended(self) -> bool:
        """It will not change any more."""
        return self.state in ENDED


class AirflowClient:
    """Talks to one Airflow as one user.

    Raises:
        AirflowMissing: from every method, when the API does not answer or refuses.
    """

    def __init__(self, login: Login, *, timeout: float = 20.0) -> None:
        self._login = login
        self._timeout = timeout
        self._token: str | None = None

    @property
    def token(self) -> str:
        """What Airflow knows the user by; asked for once."""
        if self._token is None:
            self._token = self._log_in()
        return self._token

    def trigger(self, dag_id: str, *, params: Mapping[str, Any] | None = None) -> Run:
        """Start a run by hand."""
        body = {"logical_date": None, "conf": dict(params or {})}
        return _run(self._ask("POST", f"/api/v2/dags/{quote(dag_id)}/dagRuns", body=body))

    def pause(self, dag_id: str, *, paused: bool) -> None:
        """Let no event and no clock wake a DAG, or let them again."""
        self._ask("PATCH", f"/api/v2/dags/{quote(dag_id)}", body={"is_paused": paused})

    def run(self, dag_id: str, run_id: str) -> Run:
        """One run as it is now."""
        return _run(self._ask("GET", f"/api/v2/dags/{quote(dag_id)}/dagRuns/{quote(run_id)}"))

    def runs(self, dag_id: str, *, limit: int = 20) -> list[Run]:
        """The newest runs of a DAG, newest first."""
        query = urlencode({"order_by": "-id", "limit": limit})
        answer = self._ask("GET", f"/api/v2/dags/{quote(dag_id)}/dagRuns?{query}")
        return [_run(item) for item in answer["dag_runs"]]

    def dag_ids(self) -> set[str]:
        """The DAGs that are parsed."""
        answer = self._ask("GET", "/api/v2/dags?limit=100")
        return {item["dag_id"] for item in answer["dags"]}

    def import_errors(self) -> int:
        """How many DAG files cannot be read."""
        return int(self._ask("GET", "/api/v2/importErrors")["total_entries"])

    def await_end(
        self,
        run: Run,
        *,
        seconds: float,
        on_progress: Callable[[Run], object] | None = None,
        every: float = 0.5,
    ) -> Run:
        """Look until the run has ended; `on_progress` is told at each look."""
        deadline = time.monotonic() + seconds
        while not run.ended:
            if time.monotonic() > deadline:
                raise AirflowMissing(
                    f"The run of '{run.dag_id}' did not end within {seconds:.0f} seconds; "
                    f"look at {self._login.url}."
                )
            time.sleep(every)
            run = self.run(run.dag_id, run.run_id)
            if on_progress:
                on_progress(run)
        return run

    def _ask(self, method: str, path: str, *, body: Mapping[str, Any] | None = None) -> Any:
        return self._send(method, path, body=body, token=self.token)

    def _log_in(self) -> str:
        body = {"username": self._login.user, "password": self._login.password}
        return str(self._send("POST", "/auth/token", body=body)["access_token"])

    def _send(
        self, method: str, path: str, *, body: Mapping[str, Any] | None, token: str | None = None
    ) -> Any:
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(  # noqa: S310 - always http to the local Airflow
            self._login.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers=headers,
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            error.close()
            raise AirflowMissing(
                f"Airflow refused {method} {path.split('?')[0]} with status {error.code}."
            ) from None
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise AirflowMissing(
                f"Airflow at {self._login.url} does not answer ({type(error).__name__})."
            ) from None


def _run(item: Mapping[str, Any]) -> Run:
    return Run(dag_id=item["dag_id"], run_id=item["dag_run_id"], state=item["state"])
