"""Take the pictures of docs/a-held-school.md anew: `make pictures`, some minutes on two cores.

An invented night is run through a real Airflow in a home of its own: its roster lacks most
children of a school, and somebody released the brake on it unseen.
"""

import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any
from urllib.parse import quote

from wraparound.district import DistrictPlan, make_district
from wraparound.orchestration import local_airflow, nights
from wraparound.orchestration.demo import start_everything
from wraparound.orchestration.runs import AirflowClient
from wraparound.settings import Settings
from wraparound.warehouse import embedded, ledger
from wraparound.warehouse.connection import connect

ROOT = Path(__file__).resolve().parents[2]
THURSDAY, FRIDAY = date(2026, 11, 19), date(2026, 11, 20)
SCHOOL = "sch-01"
SECONDS = 900


def main() -> None:
    """Run the night, take the pictures, stop everything."""
    with TemporaryDirectory(prefix="wr-pictures-", ignore_cleanup_errors=True) as home:
        settings = Settings(
            project_root=ROOT,
            home=Path(home),
            district_file=ROOT / "config" / "district.yml",
        )
        try:
            hold_a_school(settings)
            take(settings)
        finally:
            local_airflow.stop(settings)
            embedded.down(settings)


def hold_a_school(settings: Settings) -> None:
    """A good night, then one in which the gate holds the first school."""
    embedded.up(settings)
    for day, defects in ((THURSDAY, ()), (FRIDAY, ("truncated_roster",))):
        plan = DistrictPlan(
            schools=4, students=160, seed=3, school_year=2027, through=day, defects=defects
        )
        folder = settings.home / f"senders-{day}"
        make_district(plan, folder)
        nights.land(settings, [folder])
        braked = [one for one in nights.ingest(settings) if one["state"] == "braked"]
        with connect(settings) as connection:
            for one in braked:
                ledger.decide_brake(
                    connection, one["arrival_id"], release=True, by="R. Reed", reason="In a hurry"
                )
        if day == THURSDAY:
            nights.night(settings, as_of=day)
        else:
            nights.ingest(settings)
            nights.build(settings, as_of=day)


def take(settings: Settings) -> None:
    """Publish in Airflow, and photograph what each person sees."""
    start_everything(settings, say=lambda _: None)
    airflow = AirflowClient(local_airflow.login(settings))
    airflow.pause("maintain", paused=True)
    airflow.await_end(
        airflow.trigger("publish", params={"as_of": FRIDAY.isoformat()}), seconds=SECONDS
    )
    lists = settings.lists
    photograph(lists.joinpath(SCHOOL, "index.html").as_uri(), "held-list", size=(1000, 620))
    photograph(lists.joinpath("nights.html").as_uri(), "nights", size=(1000, 620))
    with signed_in(settings, airflow.token, question(settings, airflow.token)) as url:
        photograph(url, "required-action", size=(1200, 700))


def question(settings: Settings, token: str) -> str:
    """The path of the page that asks, as soon as it does."""
    page = "/api/v2/dags/~/dagRuns/~/hitlDetails?response_received=false"
    request = urllib.request.Request(
        local_airflow.login(settings).url + page, headers={"Authorization": f"Bearer {token}"}
    )
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with urllib.request.urlopen(request) as answer:
            asked = json.load(answer)["hitl_details"]
        if asked:
            run = quote(asked[0]["task_instance"]["dag_run_id"])
            return f"/dags/approve/runs/{run}/tasks/ask/mapped/0/required_actions"
        time.sleep(1)
    raise SystemExit("Airflow asked nothing.")


@contextmanager
def signed_in(settings: Settings, token: str, path: str) -> Iterator[str]:
    """An address that leads a browser to a page of Airflow as the one who is signed in."""

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            # A cookie is a host's, whatever the port.
            self.send_header("Set-Cookie", f"_token={token}; Path=/")
            self.send_header("Location", local_airflow.login(settings).url + path)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing: the token is in it."""

    with HTTPServer(("127.0.0.1", 0), Door) as door:
        Thread(target=door.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{door.server_port}/"
        door.shutdown()


def photograph(url: str, name: str, *, size: tuple[int, int]) -> None:
    """Keep what a browser shows of a page, beside this file."""
    with TemporaryDirectory() as profile:
        subprocess.run(
            [
                *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                f"--user-data-dir={profile}",
                f"--window-size={size[0]},{size[1]}",
                "--virtual-time-budget=30000",
                f"--screenshot={Path(__file__).with_name(f'{name}.png')}",
                url,
            ],
            check=True,
            capture_output=True,
        )


if __name__ == "__main__":
    main()
