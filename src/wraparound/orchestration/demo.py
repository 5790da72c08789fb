"""`make demo`: two nights of a synthetic district, through real Airflow, with nobody's help.

Files are renamed into the inbox; the events do the rest. Only publishing is asked for, because
nobody wants to wait for half past five.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from wraparound.contracts.district import District, load_district
from wraparound.district.making import make_district
from wraparound.district.plan import DistrictPlan
from wraparound.district.school_days import make_school_year
from wraparound.errors import AirflowMissing, SettingsWrong
from wraparound.orchestration import local_airflow, nights
from wraparound.orchestration.demo_report import Follower, final_summary
from wraparound.orchestration.process_group import wait_until
from wraparound.orchestration.runs import AirflowClient
from wraparound.settings import Settings
from wraparound.warehouse import connection as connections
from wraparound.warehouse import embedded, migrate

Echo = Callable[[str], None]

SEED = 2026
FEW_DAYS = 40
# Only so that a hang ends: on a busy machine one step may need minutes.
PATIENCE_SECONDS = 900.0
LOOK_EVERY = 1.0


@dataclass(frozen=True)
class DemoSize:
    """How big the district of a demo is."""

    schools: int = 4
    students: int = 1200


@dataclass(frozen=True)
class DemoNight:
    """One night: through which school day, known since when, and what is wrong with its files.

    `events_build` is off where the files' last day is not the newest school day: a build that an
    event wakes is for the newest, so publishing would have to build a second time.
    """

    title: str
    through: date
    since: date | None = None
    defects: tuple[str, ...] = ()
    events_build: bool = True


class Clock:
    """Puts the seconds since the start in front of a line."""

    def __init__(self, echo: Echo) -> None:
        self._echo = echo
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def __call__(self, text: str) -> None:
        self._echo(f"[{self.seconds:4.0f} s] {text}")


def run_demo(settings: Settings, echo: Echo, *, size: DemoSize | None = None) -> None:
    """Run two nights and tell about them.

    Raises:
        SettingsWrong: the home holds a warehouse that no demo made.
        AirflowMissing: Airflow did not start, or a run did not end well or in time.
    """
    size = size or DemoSize()
    say = Clock(echo)
    district = load_district(settings.district_file)
    _take_home(settings, say=say)
    start_everything(settings, say=say)
    for night in demo_nights(district):
        _run_night(settings, night, size=size, say=say)
    _mark(settings, finished=True)
    echo("")
    for line in final_summary(settings):
        echo(line)
    echo(f"\n{say.seconds:.0f} seconds in all. `make down` stops everything.")


def start_everything(settings: Settings, *, say: Echo) -> None:
    """The warehouse and Airflow, ready for files."""
    server = embedded.up(settings)
    say(f"Warehouse: PostgreSQL {server.version} is up.")
    migrate.migrate(settings)
    local_airflow.start(settings, on_progress=say)


def demo_nights(district: District, *, today: date | None = None) -> list[DemoNight]:
    """The last two school days there were, by today's date in the district."""
    today = today or datetime.now(ZoneInfo(district.time_zone)).date()
    year = _school_year(district, today=today)
    held = [day for day in make_school_year(year, seed=SEED).days if day <= today]
    first, second = held[-2:]
    flaws = ("unknown_code", "duplicate_file", "renamed_column")
    return [
        DemoNight("First night", first, events_build=False),
        DemoNight("Second night", second, since=first, defects=flaws),
    ]


def school_year_of(day: date) -> int:
    """The year in which the generator's school year, August to June, ends."""
    return next(
        year
        for year in (day.year, day.year + 1)
        if day <= make_school_year(year, seed=SEED).days[-1]
    )


def drop(files: list[Path], *, inbox: Path) -> dict[str, str]:
    """Rename files into the inbox as a sender would, all at once.

    Returns: the sha256 of each, by file name.
    """
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    for path in files:
        path.rename(inbox / path.name)
    return hashes


def _school_year(district: District, *, today: date) -> int:
    """This school year, or the last one while this one is too young to tell anything."""
    year = district.school_year_of(today)
    held = make_school_year(year, seed=SEED).held_by(today)
    return year if held >= FEW_DAYS else year - 1


def _run_night(settings: Settings, night: DemoNight, *, size: DemoSize, say: Clock) -> None:
    say("")
    say(f"{night.title}: files through {night.through:%A %d %B %Y}")
    files = _make_files(settings, night, size=size)
    follower = Follower(settings, say=say)
    client = AirflowClient(local_airflow.login(settings))
    wait_until(lambda: "build" in client.dag_ids(), seconds=PATIENCE_SECONDS)
    client.pause("build", paused=not night.events_build)
    try:
        hashes = drop(files, inbox=settings.inbox)
        say(
            f"{len(hashes)} files were renamed into {settings.inbox}; nothing else is done by hand"
        )
        _await_loaded(settings, hashes=set(hashes.values()), night=night, follower=follower)
        _publish(settings, night, client=client, follower=follower)
    finally:
        client.pause("build", paused=False)


def _publish(
    settings: Settings, night: DemoNight, *, client: AirflowClient, follower: Follower
) -> None:
    run = client.trigger("publish", params={"as_of": night.through.isoformat()})
    ended = client.await_end(
        run,
        seconds=PATIENCE_SECONDS,
        every=LOOK_EVERY,
        on_progress=lambda _run: follower.tell_news(),
    )
    follower.tell_news()
    if ended.state != "success":
        raise AirflowMissing(
            f"The publish run failed; its log is in {settings.log_dir / 'airflow'}, "
            f"or see {local_airflow.login(settings).url}."
        )


def _make_files(settings: Settings, night: DemoNight, *, size: DemoSize) -> list[Path]:
    folder = settings.home / "demo" / night.through.isoformat()
    shutil.rmtree(folder, ignore_errors=True)
    plan = DistrictPlan(
        schools=size.schools,
        students=size.students,
        seed=SEED,
        school_year=school_year_of(night.through),
        through=night.through,
        since=night.since,
        defects=night.defects,
    )
    make_district(plan, folder)
    return sorted(path for path in folder.iterdir() if path.is_file())


def _await_loaded(
    settings: Settings, *, hashes: set[str], night: DemoNight, follower: Follower
) -> None:
    """Wait until every file came to an end in the ledger, and the build has seen them all."""
    moved = time.monotonic()
    while True:
        if follower.tell_news():
            moved = time.monotonic()
        built = not night.events_build or not nights.build_needed(settings)
        if built and _all_settled(settings, hashes):
            return
        failure = follower.build_failure
        if failure:
            raise AirflowMissing(f"The build failed: {failure}")
        if time.monotonic() > moved + PATIENCE_SECONDS:
            raise AirflowMissing(
                f"Nothing has moved for {PATIENCE_SECONDS:.0f} seconds; see "
                f"{settings.log_dir}/airflow-*.log."
            )
        time.sleep(LOOK_EVERY)


def _all_settled(settings: Settings, hashes: set[str]) -> bool:
    with connections.connect(settings) as connection:
        row = connection.execute(
            "select count(distinct sha256) as n from ops.arrival"
            " where sha256 = any(%s) and state <> 'pending'",
            [sorted(hashes)],
        ).fetchone()
    return row is not None and row["n"] == len(hashes)


def _marker(settings: Settings) -> Path:
    return settings.home / "demo.json"


def _mark(settings: Settings, *, finished: bool) -> None:
    _marker(settings).write_text(json.dumps({"finished": finished}), encoding="utf-8")


def _take_home(settings: Settings, *, say: Echo) -> None:
    """Begin with an empty warehouse; never empty one that a demo did not make."""
    if settings.warehouse_url is not None:
        raise SettingsWrong(
            "The demo begins by emptying its warehouse, so it uses the embedded one only. "
            "Unset WRAPAROUND_WAREHOUSE_URL."
        )
    marker = _marker(settings)
    if not marker.exists() and settings.postgres_dir.exists():
        raise SettingsWrong(
            f"{settings.home} holds a warehouse that the demo did not make. "
            "Set WRAPAROUND_HOME to an empty folder to try the demo."
        )
    settings.make_folders()
    if marker.exists():
        say("Clearing away what the last demo left.")
        if not json.loads(marker.read_text(encoding="utf-8"))["finished"]:
            local_airflow.stop(settings)
        _empty(settings)
    _mark(settings, finished=False)


def _empty(settings: Settings) -> None:
    for folder in (settings.inbox, settings.archive, settings.lists, settings.outbox):
        shutil.rmtree(folder, ignore_errors=True)
    settings.make_folders()
    with connections.connect(
        settings, database=connections.MAINTENANCE_DATABASE, autocommit=True
    ) as connection:
        connection.execute("drop database if exists wraparound with (force)")
