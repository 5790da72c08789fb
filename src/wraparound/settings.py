"""What the machine says: read once from the environment, into one frozen object."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from wraparound.errors import SettingsWrong

# Python waits for the server half of the time, so two even on one core; what each piece holds of
# memory, here and there, and one disk set the end. Measures of a machine.
AT_ONCE_LEAST = 2
AT_ONCE_MOST = 4


def at_once() -> int:
    """How many steps of a build, lines of arrivals or lists are worked on at a time."""
    return max(AT_ONCE_LEAST, min(len(os.sched_getaffinity(0)), AT_ONCE_MOST))


@dataclass(frozen=True)
class Settings:
    """Where things are. Every folder below `home` is private to its owner (mode 0700).

    Raises:
        SettingsWrong: from `load_settings`, naming everything that is missing at once.
    """

    project_root: Path
    home: Path
    district_file: Path
    warehouse_url: str | None = None

    @property
    def inbox(self) -> Path:
        """Where senders rename finished files into. Holds personal data."""
        return self.home / "inbox"

    @property
    def archive(self) -> Path:
        """Every accepted byte, by content hash, for its retention. Holds personal data."""
        return self.home / "archive"

    @property
    def lists(self) -> Path:
        """The rendered list of each school. Holds personal data."""
        return self.home / "lists"

    @property
    def outbox(self) -> Path:
        """What waits to be sent. Holds personal data."""
        return self.home / "outbox"

    @property
    def packets(self) -> Path:
        """What providers are told, unless another folder is named. Holds personal data."""
        return self.home / "packets"

    @property
    def postgres_dir(self) -> Path:
        """The embedded server's data directory. Holds personal data."""
        return self.home / "pg"

    @property
    def dbt_dir(self) -> Path:
        """dbt's target and log folders. Counts and SQL, no rows."""
        return self.home / "dbt"

    @property
    def airflow_home(self) -> Path:
        """Airflow's own folder. No rows."""
        return self.home / "airflow"

    @property
    def log_dir(self) -> Path:
        """Logs: ids, row numbers and counts only."""
        return self.home / "logs"

    @property
    def run_dir(self) -> Path:
        """Process ids and locks."""
        return self.home / "run"

    @property
    def dbt_project(self) -> Path:
        """The dbt project beside the package."""
        return self.project_root / "dbt_project"

    @property
    def seeds(self) -> Path:
        """Rules and code maps that a district edits."""
        return self.dbt_project / "seeds"

    @property
    def expectations(self) -> Path:
        """The suites of the gate."""
        return self.project_root / "expectations"

    def make_folders(self) -> None:
        """Create the private folders; doing it again changes nothing."""
        for folder in (
            self.home,
            self.inbox,
            self.archive,
            self.lists,
            self.outbox,
            self.dbt_dir,
            self.log_dir,
            self.run_dir,
        ):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read WRAPAROUND_HOME, _ROOT, _DISTRICT_FILE and _WAREHOUSE_URL, with defaults."""
    env = os.environ if environ is None else environ
    root = _absolute(env.get("WRAPAROUND_ROOT"), default=Path(__file__).resolve().parents[2])
    settings = Settings(
        project_root=root,
        home=_absolute(env.get("WRAPAROUND_HOME"), default=root / ".wraparound"),
        district_file=_absolute(
            env.get("WRAPAROUND_DISTRICT_FILE"), default=root / "config" / "district.yml"
        ),
        warehouse_url=env.get("WRAPAROUND_WAREHOUSE_URL") or None,
    )
    missing = [
        f"{what} ({path})"
        for what, path in (
            ("the dbt project", settings.dbt_project),
            ("the expectations folder", settings.expectations),
            ("the district file", settings.district_file),
        )
        if not path.exists()
    ]
    if missing:
        raise SettingsWrong(
            "Not found: " + ", ".join(missing) + ". Run from a whole checkout, or set "
            "WRAPAROUND_ROOT and WRAPAROUND_DISTRICT_FILE."
        )
    return settings


def environment_for(
    settings: Settings, *, base: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment of a child process that must see the same settings."""
    env = dict(os.environ if base is None else base)
    env |= {
        "WRAPAROUND_ROOT": str(settings.project_root),
        "WRAPAROUND_HOME": str(settings.home),
        "WRAPAROUND_DISTRICT_FILE": str(settings.district_file),
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    if settings.warehouse_url:
        env["WRAPAROUND_WAREHOUSE_URL"] = settings.warehouse_url
    return env


def export_environment(values: Mapping[str, str]) -> None:
    """Set variables of this process, for libraries that read nothing else."""
    os.environ.update(values)


def kept_once(path: Path, *, make: Callable[[], bytes]) -> bytes:
    """Read a private file, or make it: whole and once, so that two starters agree, and nobody
    who is killed leaves a secret that is none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
            # Unlike a rename, it takes no other's place.
            with suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_bytes()


def _absolute(value: str | None, *, default: Path) -> Path:
    return Path(value).expanduser().absolute() if value else default
