"""Connections to the warehouse: the embedded server, or any PostgreSQL 16+ by its URL."""

import re
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, unquote

import psycopg
from psycopg.rows import dict_row

from wraparound.errors import SettingsWrong, WarehouseMissing
from wraparound.settings import Settings
from wraparound.warehouse import embedded

DATABASE = "wraparound"
AIRFLOW_DATABASE = "airflow"
MAINTENANCE_DATABASE = "postgres"
OLDEST_VERSION = 160000
# As SQLAlchemy reads them, whose import takes longer than a small load. A password may hold all
# but an @ as it stands.
DATABASE_URL = re.compile(
    r"(?P<driver>[\w+]+)://(?:(?P<user>[^:/]*)(?::(?P<password>[^@]*))?@)?"
    r"(?P<host>\[[^/?]+\]|[^/:?]*)(?::(?P<port>\d*))?(?:/(?P<database>[^?]*))?(?:\?(?P<query>.*))?"
)
# A time without a zone means the same on every server, wherever it stands. And who was killed must
# not hold its locks until its statement ends.
SESSION = "-c timezone=UTC -c client_connection_check_interval=5s"
# A server that takes a connection and says nothing; the driver would wait for two minutes, and a
# scheduler that has to tell of a task with it.
ANSWER_SECONDS = 20
Row = dict[str, Any]
Connection = psycopg.Connection[Row]


@dataclass(frozen=True)
class Address:
    """Where the warehouse is; `host` is a folder for the embedded server."""

    host: str
    port: int
    user: str
    password: str
    database: str

    def url(self, driver: str) -> str:
        """A SQLAlchemy URL, with the socket folder as a query where the host is one."""
        login = quote(self.user, safe="")
        if self.password:
            login += ":" + quote(self.password, safe="")
        if self.host.startswith("/"):
            # The host part is for readers that insist on one; the query's host wins.
            return (
                f"{driver}://{login}@localhost/{self.database}?host={quote(self.host, safe='/')}"
            )
        return f"{driver}://{login}@{self.host}:{self.port}/{self.database}"


def address(settings: Settings, *, database: str = DATABASE) -> Address:
    """Where the warehouse is, without talking to it."""
    if settings.warehouse_url is None:
        return Address(str(embedded.socket_dir(settings)), 5432, "postgres", "", database)
    url = DATABASE_URL.fullmatch(settings.warehouse_url)
    if url is None:
        raise SettingsWrong("WRAPAROUND_WAREHOUSE_URL is not a database URL.")
    if not url["driver"].startswith("postgres"):
        raise SettingsWrong("WRAPAROUND_WAREHOUSE_URL must begin with postgresql://.")
    query = parse_qs(url["query"] or "", keep_blank_values=True)
    _refuse_unread(query.keys() - {"host"})
    name = url["database"] or DATABASE
    return Address(
        query.get("host", [url["host"].strip("[]") or "localhost"])[0],
        int(url["port"] or 5432),
        unquote(url["user"] or "postgres"),
        unquote(url["password"] or ""),
        {DATABASE: name, MAINTENANCE_DATABASE: database}.get(database, f"{name}_{database}"),
    )


def _refuse_unread(names: Set[str]) -> None:
    """Nobody may take a connection for a safe one because the URL says so: what asks for it is
    read by each driver's library from its own variables, and not from there."""
    if names:
        name = min(names)
        raise SettingsWrong(
            f"WRAPAROUND_WAREHOUSE_URL says '{name}', which is not read from it. Take it out, and "
            "set the variable that every driver reads instead: sslmode is PGSSLMODE, sslrootcert "
            "PGSSLROOTCERT."
        )


def sqlalchemy_url(settings: Settings) -> str:
    """The warehouse as SQLAlchemy names it, psycopg 3."""
    return address(settings).url("postgresql+psycopg")


def airflow_metadata_url(settings: Settings) -> str:
    """Airflow's own database on the same server."""
    return address(settings, database=AIRFLOW_DATABASE).url("postgresql+psycopg2")


def dbt_environment(settings: Settings) -> dict[str, str]:
    """What dbt's profile reads."""
    where = address(settings)
    return {
        "DBT_HOST": where.host,
        "DBT_PORT": str(where.port),
        "DBT_USER": where.user,
        "DBT_PASSWORD": where.password,
        "DBT_DBNAME": where.database,
    }


@contextmanager
def connect(
    settings: Settings,
    *,
    database: str = DATABASE,
    role: str | None = None,
    autocommit: bool = False,
) -> Iterator[Connection]:
    """One connection with dict rows; commits at the end, rolls back on an error.

    `role` is assumed for the session (`SET ROLE`), so that its rights apply.

    Raises:
        WarehouseMissing: nothing answers; the message says what to try.
    """
    where = address(settings, database=database)
    is_ours = settings.warehouse_url is None
    if is_ours and not embedded.is_marked(settings):
        embedded.up(settings)
    try:
        connection = _open(where, autocommit=autocommit)
    except WarehouseMissing:
        if not is_ours:
            raise
        # Whether it answers is not asked first: it would cost each connection a process.
        embedded.up(settings)
        connection = _open(where, autocommit=autocommit)
    with connection:
        if role is not None:
            from psycopg import sql

            connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        yield connection


@contextmanager
def alone(settings: Settings, step: str) -> Iterator[None]:
    """One process at a time does this step; the others wait for it, however long it takes."""
    with connect(settings, autocommit=True) as lock:
        lock.execute("set lock_timeout = 0")
        lock.execute("select pg_advisory_lock(hashtext(%s))", (f"wraparound.{step}",))
        yield


def _open(where: Address, *, autocommit: bool) -> Connection:
    try:
        return psycopg.connect(
            host=where.host,
            port=where.port,
            user=where.user,
            password=where.password or None,
            dbname=where.database,
            autocommit=autocommit,
            row_factory=dict_row,
            application_name="wraparound",
            connect_timeout=ANSWER_SECONDS,
            # Nothing personal in notices: they are not asked for.
            options="-c client_min_messages=error -c search_path=pg_catalog -c lock_timeout=60s"
            f" -c idle_in_transaction_session_timeout=30min {SESSION}",
        )
    except psycopg.OperationalError as exc:
        raise WarehouseMissing(
            f"The warehouse at {where.host} does not answer. Run `wraparound doctor`."
        ) from exc


@contextmanager
def avoiding(connection: Connection, *ways: str) -> Iterator[None]:
    """Keep the planner from some ways, such as `enable_nestloop`, in a part of a transaction."""
    for way in ways:
        connection.execute(f"set local {way} = off")
    yield
    for way in ways:
        connection.execute(f"set local {way} = on")


def database_exists(settings: Settings, *, database: str) -> bool:
    """Whether a database of that name is on the server."""
    name = address(settings, database=database).database
    with connect(settings, database=MAINTENANCE_DATABASE, autocommit=True) as connection:
        found = connection.execute(
            "select 1 from pg_database where datname = %s", [name]
        ).fetchone()
    return found is not None
