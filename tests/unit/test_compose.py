"""docker-compose.yml and the Dockerfile, held against the project: no container engine needed."""

import json
import os
import re
import shlex
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from wraparound.cli import main as command_line
from wraparound.errors import SettingsWrong
from wraparound.orchestration.service_group import SERVICES
from wraparound.settings import Settings, load_settings
from wraparound.warehouse import connection, embedded

ROOT = Path(__file__).resolve().parents[2]
LIB = ROOT / "tests" / "lib"
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PROJECT = "/opt/wraparound"
HOME = "/var/lib/wraparound"
# ${NAME:?message}, ${NAME:-default} or ${NAME}
SUBSTITUTION = re.compile(r"\$\{(?P<name>\w+)(?:(?P<kind>:[?-])(?P<rest>[^}]*))?\}")
SECRET = re.compile(r"PASSWORD|SECRET|KEY|TOKEN")
READ_BY_SETTINGS = {
    "WRAPAROUND_ROOT",
    "WRAPAROUND_HOME",
    "WRAPAROUND_DISTRICT_FILE",
    "WRAPAROUND_WAREHOUSE_URL",
}
READ_BY_POSTGRES = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "POSTGRES_INITDB_ARGS"}
READ_BY_OTHERS = {
    "AIRFLOW_HOME",
    "DBT_SEND_ANONYMOUS_USAGE_STATS",
    "DO_NOT_TRACK",
    "GX_ANALYTICS_ENABLED",
    "PATH",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
    "VIRTUAL_ENV",
}


def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(TEXT)
    return read


def substituted(text: str) -> str:
    """The text as Compose hands it on, every secret being `hidden`."""
    return SUBSTITUTION.sub(
        lambda found: (found["rest"] or "") if found["kind"] == ":-" else "hidden", text
    )


def services() -> dict[str, dict[str, Any]]:
    read: dict[str, dict[str, Any]] = yaml.safe_load(substituted(TEXT))["services"]
    return read


def ours() -> dict[str, dict[str, Any]]:
    return {name: one for name, one in services().items() if "build" in one}


def commands() -> list[list[str]]:
    """Every command line of our image: what services run, and how they are asked for health."""
    found = [service["command"] for service in ours().values()]
    checks = [
        service["healthcheck"]["test"] for service in ours().values() if "healthcheck" in service
    ]
    return found + [check[1:] for check in checks] + [shlex.split(first_account())]


def first_account() -> str:
    """The command that the comment at the top gives for the first account."""
    comment = " ".join(re.findall(r"^# +(.*?)\\?$", TEXT, flags=re.MULTILINE))
    found = re.search(r"docker compose run --rm migrate-airflow (airflow .*? ADDRESS)", comment)
    assert found
    return found[1]


@lru_cache(maxsize=1)
def airflow_says() -> dict[str, Any]:
    """What the installed Airflow knows, with the auth manager of the services."""
    words = [command[1:] for command in commands() if command[0] == "airflow"]
    manager = ours()["api-server"]["environment"]["AIRFLOW__CORE__AUTH_MANAGER"]
    done = subprocess.run(
        [sys.executable, LIB / "airflow_words.py"],
        input=json.dumps(words),
        env={**os.environ, "AIRFLOW__CORE__AUTH_MANAGER": manager},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    said: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return said


@pytest.fixture(scope="module", autouse=True)
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Airflow writes a configuration file into its home as soon as it is imported."""
    home = tmp_path_factory.mktemp("airflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(home))
        patch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", f"sqlite:///{home}/airflow.db")
        yield


def test_the_file_follows_the_compose_schema() -> None:
    schema = json.loads((LIB / "compose_schema.json").read_text(encoding="utf-8"))

    jsonschema.Draft202012Validator(schema).validate(compose())


def test_the_four_services_of_airflow_run_from_one_image() -> None:
    running = {name for name, one in ours().items() if one["restart"] == "unless-stopped"}

    assert running == set(SERVICES)
    assert len({one["image"] for one in ours().values()}) == 1


def test_the_database_is_postgresql_18() -> None:
    assert services()["postgres"]["image"] == "postgres:18"


def test_what_a_service_waits_for_exists_and_can_become_so() -> None:
    for service in services().values():
        for name, wanted in service.get("depends_on", {}).items():
            other = services()[name]
            if wanted["condition"] == "service_healthy":
                assert "healthcheck" in other
            if wanted["condition"] == "service_completed_successfully":
                assert other["restart"] == "no"


def test_everything_waits_for_the_migrations() -> None:
    for name in SERVICES:
        assert set(ours()[name]["depends_on"]) == {"migrate-airflow"}
    assert set(ours()["migrate-airflow"]["depends_on"]) == {"migrate-warehouse"}


def test_every_service_that_stays_is_asked_for_its_health() -> None:
    lacking = {
        name
        for name, one in services().items()
        if one["restart"] != "no" and "healthcheck" not in one
    }

    assert lacking == set()


def test_airflow_knows_every_command() -> None:
    assert airflow_says()["refused"] == []


def test_wraparound_knows_every_command() -> None:
    asked = [command[1:] for command in commands() if command[0] == "wraparound"]

    assert asked == [["up"]]
    assert all(words[0] in command_line.commands for words in asked)


def test_every_other_command_is_python_that_compiles() -> None:
    others = [command for command in commands() if command[0] not in ("airflow", "wraparound")]

    for program, option, code in others:
        assert (program, option) == ("python", "-c")
        compile(code, "health", "exec")


def test_every_variable_is_read_by_somebody() -> None:
    known = {f"AIRFLOW__{option}" for option in airflow_says()["options"]}
    known |= READ_BY_SETTINGS | READ_BY_OTHERS
    given = {name for one in ours().values() for name in one["environment"]}
    baked = set(re.findall(r"(?:^ENV |^ {4})(\w+)=", DOCKERFILE, flags=re.MULTILINE))

    assert (given | baked) - known == set()
    assert set(services()["postgres"]["environment"]) == READ_BY_POSTGRES


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("WRAPAROUND_HOME", "/elsewhere", "home"),
        ("WRAPAROUND_DISTRICT_FILE", str(ROOT / "pyproject.toml"), "district_file"),
        ("WRAPAROUND_WAREHOUSE_URL", "postgresql://elsewhere/x", "warehouse_url"),
    ],
)
def test_settings_read_what_they_are_said_to_read(name: str, value: str, field: str) -> None:
    assert str(getattr(load_settings({name: value}), field)) == value


def test_settings_look_for_the_project_where_they_are_told() -> None:
    with pytest.raises(SettingsWrong, match="/elsewhere"):
        load_settings({"WRAPAROUND_ROOT": "/elsewhere"})


def test_no_secret_has_a_default() -> None:
    for found in SUBSTITUTION.finditer(TEXT):
        if SECRET.search(found["name"]):
            assert found["kind"] == ":?", found["name"]


def test_every_secret_comes_from_the_environment() -> None:
    for service in compose()["services"].values():
        for name, value in service.get("environment", {}).items():
            if SECRET.search(name) or "://wraparound:" in value:
                assert SUBSTITUTION.search(value), name


def test_the_comment_names_every_secret_and_no_other() -> None:
    needed = {found["name"] for found in SUBSTITUTION.finditer(TEXT) if found["kind"] == ":?"}

    assert set(re.findall(r"^# +(WRAPAROUND_\w+)", TEXT, flags=re.MULTILINE)) == needed


def test_only_this_machine_reaches_the_page() -> None:
    published = {name: one["ports"] for name, one in services().items() if "ports" in one}

    assert published == {"api-server": ["127.0.0.1:8080:8080"]}


def test_ports_agree_with_one_another() -> None:
    environment = ours()["api-server"]["environment"]
    health = " ".join(ours()["api-server"]["healthcheck"]["test"])
    scheduler = " ".join(ours()["scheduler"]["healthcheck"]["test"])

    assert environment["AIRFLOW__API__PORT"] == "8080"
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == (
        "http://api-server:8080/execution/"
    )
    assert "127.0.0.1:8080/" in health
    assert (
        f"127.0.0.1:{environment['AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT']}/"
        in scheduler
    )


def test_the_warehouse_and_airflow_agree_on_the_database() -> None:
    environment = ours()["scheduler"]["environment"]
    settings = load_settings({"WRAPAROUND_WAREHOUSE_URL": environment["WRAPAROUND_WAREHOUSE_URL"]})
    postgres = services()["postgres"]["environment"]
    where = connection.address(settings)

    assert (where.host, where.user, where.database) == (
        "postgres",
        postgres["POSTGRES_USER"],
        postgres["POSTGRES_DB"],
    )
    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == connection.airflow_metadata_url(
        settings
    )
    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"] == (
        connection.address(settings, database=connection.AIRFLOW_DATABASE).url(
            "postgresql+psycopg"
        )
    )


def test_postgres_keeps_rows_out_of_its_log_as_the_embedded_server_does() -> None:
    wanted = {
        line.replace("'", "").replace(" ", "")
        for line in embedded.CONFIGURATION.splitlines()
        if line.startswith(("log_", "timezone", "jit"))
    }

    assert wanted == {word for word in services()["postgres"]["command"] if "=" in word}


def test_postgres_sorts_text_as_the_embedded_server_does() -> None:
    given = services()["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split()

    assert set(embedded.LOCALE) < set(given)


def test_volumes_are_declared_and_used() -> None:
    used = {
        mount.split(":")[0]
        for one in services().values()
        for mount in one.get("volumes", ())
        if not mount.startswith(("./", "/"))
    }

    assert used == set(compose()["volumes"])


def test_mounts_are_where_the_settings_look() -> None:
    folders = folders_of(settings_inside())
    for name, service in ours().items():
        for mount in service.get("volumes", ()):
            source, target, *_ = mount.split(":")
            if source.startswith("./"):
                assert (ROOT / source).is_file()
                assert target == service["environment"]["WRAPAROUND_DISTRICT_FILE"]
            else:
                assert folders[source] == target, name


def test_a_service_gets_the_folders_that_it_works_in() -> None:
    mounted = {
        name: {mount.split(":")[0] for mount in service.get("volumes", ())}
        for name, service in ours().items()
    }

    assert mounted["scheduler"] >= {"inbox", "archive", "lists", "outbox", "logs"}
    assert mounted["triggerer"] >= {"inbox", "archive"}
    assert not mounted["api-server"] & {"inbox", "archive", "lists", "outbox"}
    assert not mounted["dag-processor"] & {"inbox", "archive", "lists", "outbox"}


def settings_inside() -> Settings:
    return Settings(
        project_root=Path(PROJECT),
        home=Path(HOME),
        district_file=Path(PROJECT) / "config" / "district.yml",
    )


def folders_of(settings: Settings) -> dict[str, str]:
    return {
        "inbox": str(settings.inbox),
        "archive": str(settings.archive),
        "lists": str(settings.lists),
        "outbox": str(settings.outbox),
        "logs": str(settings.log_dir),
    }


def test_the_image_makes_the_folders_private_and_ours() -> None:
    line = re.search(r"for folder in ([\w. ]+); do", DOCKERFILE)
    assert line
    made = set(line[1].split())
    settings = settings_inside()
    wanted = {
        path.name
        for path in (settings.airflow_home, settings.dbt_dir, settings.run_dir)
        if path.parent == settings.home
    }

    assert made == {".", *wanted, *folders_of(settings)}
    assert "--mode=0700 --owner=10001" in DOCKERFILE


def test_the_image_looks_where_the_project_was_copied() -> None:
    assert f"WORKDIR {PROJECT}" in DOCKERFILE
    assert f"WRAPAROUND_ROOT={PROJECT}" in DOCKERFILE
    assert f"WRAPAROUND_HOME={HOME}" in DOCKERFILE
    environment = ours()["scheduler"]["environment"]
    for option, folder in (("DAGS_FOLDER", "dags"), ("PLUGINS_FOLDER", "plugins")):
        assert environment[f"AIRFLOW__CORE__{option}"] == f"{PROJECT}/{folder}"
        assert f"COPY {folder} ./{folder}" in DOCKERFILE


def test_everything_that_is_copied_exists_and_is_not_ignored() -> None:
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, flags=re.MULTILINE)
        for source in line.split()[:-1]
    ]
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert all((ROOT / source).exists() for source in copied)
    assert {f"!{source}" for source in copied} == {line for line in ignore if line[:1] == "!"}
    assert "*" in ignore


def test_the_image_does_not_run_as_root() -> None:
    last_stage = DOCKERFILE.split("FROM ")[-1]

    assert re.findall(r"^USER (.*)$", last_stage, flags=re.MULTILINE) == ["10001:10001"]
    assert all("user" not in one and "privileged" not in one for one in services().values())


def test_the_image_installs_from_the_lock() -> None:
    assert DOCKERFILE.count("--require-hashes -r requirements") == 2
    assert DOCKERFILE.count("--only-binary :all:") == 2
