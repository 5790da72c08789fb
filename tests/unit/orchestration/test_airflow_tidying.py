"""What Airflow leaves behind goes when it is old, and nothing else does."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from wraparound.errors import AirflowMissing
from wraparound.orchestration import airflow_home, airflow_tidying
from wraparound.settings import Settings

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    district = tmp_path / "district.yml"
    district.write_text("name: D\ntime_zone: UTC\nairflow_days: 30\n", encoding="utf-8")
    settings = Settings(project_root=tmp_path, home=tmp_path, district_file=district)
    settings.make_folders()
    monkeypatch.setattr(airflow_tidying, "_records_are_here", lambda _: False)
    return settings


def written(path, *, days):
    """A log to which somebody wrote so many days ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a line\n", encoding="utf-8")
    moment = (NOW - timedelta(days=days)).timestamp()
    for one in (path, path.parent, path.parent.parent):
        os.utime(one, (moment, moment))
    return path


def test_logs_of_tasks_go_after_their_days_and_folders_with_them(settings):
    logs = settings.log_dir / "airflow"
    old = written(logs / "dag_id=build" / "run_id=1" / "attempt=1.log", days=31)
    young = written(logs / "dag_id=publish" / "run_id=2" / "attempt=1.log", days=29)
    # What the lists' log is held against is no log of Airflow's.
    heads = written(settings.log_dir / "disclosure-heads.log", days=400)

    done = airflow_tidying.tidy_airflow(settings, now=NOW)

    assert done == {"logs_deleted": 1, "service_logs_cut": 0}
    assert (young.exists(), heads.exists()) == (True, True)
    assert not old.parent.parent.exists()


def test_the_log_of_a_service_that_runs_keeps_its_newest_lines(settings, monkeypatch):
    monkeypatch.setattr(airflow_tidying, "SERVICE_LOG_BYTES", 20)
    log = settings.log_dir / "airflow-scheduler.log"
    with log.open("ab") as service:
        service.write(b"the first line\nthe second\nthe third\n")
        service.flush()
        done = airflow_tidying.tidy_airflow(settings, now=NOW)
        service.write(b"the fourth\n")

    assert done["service_logs_cut"] == 1
    assert log.read_bytes() == b"the third\nthe fourth\n"


@pytest.mark.parametrize("status", [0, 1])
def test_airflow_is_asked_to_delete_its_records(settings, monkeypatch, status):
    asked = []
    monkeypatch.setattr(airflow_tidying, "_records_are_here", lambda _: True)
    monkeypatch.setattr(
        airflow_home.connection, "airflow_metadata_url", lambda _: "postgresql+x://records"
    )

    def run(words, *, env, **_):
        asked.append((words[3:], env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]))
        return airflow_tidying.subprocess.CompletedProcess(words, status)

    monkeypatch.setattr(airflow_tidying.subprocess, "run", run)
    if status:
        with pytest.raises(AirflowMissing):
            airflow_tidying.tidy_airflow(settings, now=NOW)
    else:
        airflow_tidying.tidy_airflow(settings, now=NOW)

    [(words, url)] = asked
    assert words[:2] == ["db", "clean"]
    assert words[words.index("--clean-before-timestamp") + 1] == "2026-10-23T08:00:00+00:00"
    assert "trigger" not in words[words.index("--tables") + 1].split(",")
    assert url == "postgresql+x://records"
