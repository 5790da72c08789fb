"""What the local Airflow is told: its folder, secrets, password and environment."""

import base64
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wraparound.settings import Settings, environment_for, kept_once
from wraparound.warehouse import connection

HOST = "127.0.0.1"
USER = "admin"


@dataclass(frozen=True)
class Login:
    """Where the local Airflow answers, and who may come in."""

    url: str
    user: str
    password: str


def login_for(settings: Settings, *, port: int) -> Login:
    """The one account of the local Airflow; its password is made once and kept 0600."""
    passwords = _kept_once(
        settings.airflow_home / "passwords.json", make=lambda: {USER: secrets.token_urlsafe(15)}
    )
    return Login(url=f"http://{HOST}:{port}", user=USER, password=passwords[USER])


def airflow_environment(settings: Settings, *, port: int) -> dict[str, str]:
    """Every environment variable of the four services; none of the caller's AIRFLOW_ ones."""
    inherited = {
        name: value
        for name, value in environment_for(settings).items()
        if not name.startswith("AIRFLOW_") and not name.startswith("_AIRFLOW_")
    }
    options = {
        **_core_options(settings),
        **_api_options(settings, port=port),
        **_clock_options(),
        **_log_options(settings),
    }
    return inherited | {
        "AIRFLOW_HOME": str(settings.airflow_home),
        "PYTHONUNBUFFERED": "1",
        **_as_variables(options),
        **records_environment(settings),
    }


def records_environment(settings: Settings) -> dict[str, str]:
    """The variables that say where Airflow keeps its records of runs."""
    url = connection.airflow_metadata_url(settings)
    scheme, rest = url.split("://", 1)
    return _as_variables(
        {
            "database__sql_alchemy_conn": url,
            "database__sql_alchemy_conn_async": f"{scheme.split('+')[0]}+psycopg://{rest}",
            "database__sql_alchemy_pool_size": "3",
        }
    )


def _as_variables(options: dict[str, str]) -> dict[str, str]:
    return {f"AIRFLOW__{name.upper()}": value for name, value in options.items()}


def _core_options(settings: Settings) -> dict[str, str]:
    return {
        "core__dags_folder": str(settings.project_root / "dags"),
        "core__plugins_folder": str(settings.project_root / "plugins"),
        "core__load_examples": "False",
        "core__dags_are_paused_at_creation": "False",
        "core__executor": "LocalExecutor",
        "core__parallelism": str(max(2, min(4, os.cpu_count() or 2))),
        "core__hostname_callable": "socket.gethostname",
        "core__fernet_key": _secrets(settings)["fernet_key"],
        "core__simple_auth_manager_users": f"{USER}:admin",
        "core__simple_auth_manager_passwords_file": str(settings.airflow_home / "passwords.json"),
    }


def _api_options(settings: Settings, *, port: int) -> dict[str, str]:
    kept = _secrets(settings)
    return {
        "api__host": HOST,
        "api__port": str(port),
        "api__base_url": f"http://{HOST}:{port}",
        "api__workers": "1",
        "api__secret_key": kept["secret_key"],
        "api__instance_name": "Wraparound",
        "api_auth__jwt_secret": kept["jwt_secret"],
        # A build may outlast the default of ten minutes on a slow machine.
        "execution_api__jwt_expiration_time": "3600",
    }


def _clock_options() -> dict[str, str]:
    return {
        "scheduler__scheduler_idle_sleep_time": "0.5",
        "scheduler__task_instance_heartbeat_timeout": "60",
        "scheduler__task_queued_timeout": "120",
        "scheduler__task_queued_timeout_check_interval": "30",
        "scheduler__orphaned_tasks_check_interval": "30",
        "dag_processor__parsing_processes": "1",
        # A file that changes is read at once; this is for those that do not.
        "dag_processor__refresh_interval": "60",
        "dag_processor__min_file_process_interval": "600",
        "triggerer__job_heartbeat_sec": "2",
    }


def _log_options(settings: Settings) -> dict[str, str]:
    folder = settings.log_dir / "airflow"
    return {
        "logging__base_log_folder": str(folder),
        "logging__dag_processor_child_process_log_directory": str(folder / "dag_processor"),
        "logging__file_task_handler_new_folder_permissions": "0o700",
        "logging__file_task_handler_new_file_permissions": "0o600",
        "logging__uvicorn_logging_level": "WARNING",
        "logging__colored_console_log": "False",
        "logging__namespace_levels": "great_expectations=WARNING alembic=WARNING",
    }


def _secrets(settings: Settings) -> dict[str, str]:
    return _kept_once(
        settings.airflow_home / "secrets.json",
        make=lambda: {
            "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "secret_key": secrets.token_urlsafe(32),
            "jwt_secret": secrets.token_urlsafe(48),
        },
    )


def _kept_once(path: Path, *, make: Callable[[], dict[str, str]]) -> dict[str, str]:
    kept: dict[str, str] = json.loads(kept_once(path, make=lambda: json.dumps(make()).encode()))
    return kept
