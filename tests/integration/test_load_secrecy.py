"""Nothing of a child stands in messages, logs, the ledger, or the server's log."""

import logging
from textwrap import dedent

from lib.district_builders import a_district, records
from lib.feed_builders import Child, Roster, a_file, attendance
from lib.warehouse_in_tests import (
    any_of,
    arrivals,
    landed_and_loaded,
    places_with,
    query,
    server_log,
)
from wraparound.district import DEFECTS
from wraparound.orchestration import dbt, nights
from wraparound.warehouse import connection as connections

ROW_DEFECTS = ("orphan_rows", "unknown_code", "wrong_type", "ragged_rows", "repeated_rows")
PACKAGE = ("latin1", "missing_column", "renamed_column", "truncated_roster", "bad_zip")


def names_of(folder):
    """Names and ids of every child of a district."""
    users = [u for u in records(folder / "roster.zip", "users.csv") if u["role"] == "student"]
    return sorted(
        {u["sourcedId"] for u in users}
        | {u["username"] for u in users if u["username"]}
        | {f"{u['givenName']} {u['familyName']}" for u in users}
        | {u["identifier"] for u in users if len(u["identifier"]) > 5}
    )


def test_no_defect_brings_a_child_into_the_ledger_or_a_log(server, settings, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    sound = a_district(tmp_path / "sound", schools=2, students=24)
    everybody = any_of(names_of(sound))
    landed_and_loaded(settings, sound)
    for defect in (*ROW_DEFECTS, *PACKAGE):
        assert defect in DEFECTS
        spoiled = a_district(tmp_path / defect, schools=2, students=24, defects=(defect,))
        landed_and_loaded(settings, spoiled)
    assert len({a["state"] for a in arrivals(settings)}) > 1
    assert query(settings, "select 1 from ops.quarantine limit 1")
    assert places_with(settings, everybody) == []
    said = " ".join(record.getMessage() for record in caplog.records)
    for text in (said, server_log(server)):
        assert [name for name in names_of(sound) if name in text] == []


def test_a_canary_in_every_cell_is_told_nowhere(server, rostered, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    canary = "Zwitscherling"
    child = Child(canary)
    header = "studentUniqueId,schoolId,eventDate,attendanceEventCategoryDescriptor"
    files = [
        attendance(tmp_path / "1", [[canary] * 6]),
        attendance(tmp_path / "2", [("T-Alder1", "T-S1", "2026-10-01", canary, canary, canary)]),
        a_file(tmp_path / "3", "attendance.csv", f"{canary},x\n{canary},y\n"),
        a_file(tmp_path / "4", "attendance.csv", f"{header}\n{canary},{canary}\n"),
        a_file(tmp_path / "5", "attendance.csv", f'{header}\n"{canary},{canary}\n'),
        a_file(tmp_path / "6", "attendance.csv", f"{header}\n{canary}\0{canary}\n"),
        a_file(tmp_path / "7", "attendance.csv", f"{header}\n{canary},é\n".encode("latin-1")),
        a_file(tmp_path / "8", "staff.csv", f"{canary},{canary}\n"),
        Roster((child, Child(canary, school=canary))).write(tmp_path / "9"),
    ]
    for file in files:
        landed_and_loaded(rostered, file)
        nights.replay_waiting(rostered)
    assert len(arrivals(rostered)) == len(files) + 1
    assert places_with(rostered, canary) == []
    said = " ".join(record.getMessage() for record in caplog.records)
    assert canary not in said
    assert canary not in server_log(server)


SMALL_PROJECT = {
    "dbt_project.yml": "{name: small, profile: small, model-paths: [models]}",
    "profiles.yml": """
        small:
          target: here
          outputs:
            here:
              type: postgres
              host: "{{ env_var('DBT_HOST') }}"
              port: "{{ env_var('DBT_PORT') | int }}"
              user: "{{ env_var('DBT_USER') }}"
              password: "{{ env_var('DBT_PASSWORD') }}"
              dbname: "{{ env_var('DBT_DBNAME') }}"
              schema: small
              threads: 1
    """,
    "models/cast.sql": "{{ config(materialized='table') }} select name::integer from public.kept",
    "models/twice.sql": "{{ config(materialized='table', post_hook='create unique index only_one"
    " on {{ this }} (name)') }} select name from public.kept, (values (1), (2)) as n",
    "models/gone.sql": "select no_such_column from public.kept",
}


def test_no_error_of_a_build_tells_a_value(server, settings, tmp_path, monkeypatch):
    """Neither dbt's log, nor its results, nor the server's log; names in the SQL are told."""
    for name, text in SMALL_PROJECT.items():
        (tmp_path / "small" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "small" / name).write_text(dedent(text))
    with connections.connect(settings) as connection:
        connection.execute("create table public.kept as select 'Zwitscherling'::text as name")
    for name, value in connections.dbt_environment(settings).items():
        monkeypatch.setenv(name, value)
    places = (f"--{what}={tmp_path / 'small'}" for what in ("project-dir", "profiles-dir"))
    written = tmp_path / "written"
    options = (f"--target-path={written}", f"--log-path={written}", "--log-level-file=debug")

    done = dbt._dbt("run", "--no-partial-parse", "--log-level=none", *places, *options)

    assert done.exception is None, done.exception
    assert {result.status for result in done.result.results} == {"error"}
    told = (written / "dbt.log").read_text() + (written / "run_results.json").read_text()
    assert "Zwitscherling" not in told + server_log(server)
    assert "InvalidTextRepresentation (SQLSTATE 22P02)" in told
    assert "UniqueViolation (SQLSTATE 23505) at small.twice" in told
    assert 'column "no_such_column" does not exist' in told
