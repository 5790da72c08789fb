"""The front door: a whole night at the keyboard, and what the reading commands tell of it."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner, Result

from lib.returned_lists import decide
from lib.warehouse_in_tests import share_what_dbt_reads
from wraparound.cli import main
from wraparound.district import FEEDS
from wraparound.orchestration import nights
from wraparound.publishing import freeze
from wraparound.settings import Settings, load_settings
from wraparound.warehouse import connection as connections
from wraparound.warehouse import embedded, ledger

FRIDAY = date(2026, 11, 20)
SMALL = ["--schools", "2", "--students", "60", "--seed", "3", "--school-year", "2027"]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home of its own, with its own embedded server.

    Not in pytest's own folder: another pytest of the same user closes that to the server's user.
    """
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        patch.setenv("WRAPAROUND_HOME", str(folder / "home with a space"))
        yield folder
        embedded.down(load_settings())


def run(*words: str, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["--quiet", *words], catch_exceptions=False)
    assert result.exit_code == exit_code, result.output
    return result


@contextmanager
def beside(*words: str) -> Iterator[None]:
    """While inside, another process does this."""
    begin = "from wraparound.cli import main; main()"
    with subprocess.Popen([sys.executable, "-c", begin, "--quiet", *words]) as other:
        yield
    assert other.returncode == 0


def told(*words: str) -> list[dict[str, object]]:
    found = json.loads(run(*words, "--json").stdout)
    assert isinstance(found, list)
    return found


@pytest.fixture(scope="module")
def first_night(home: Path) -> Path:
    """One published night of a small district with an unknown code in its attendance."""
    out = home / "feeds"
    defect = ["--defect", "unknown_code", "--defect", "duplicate_file"]
    run("district", "make", *SMALL, "--through", "2026-11-19", "--out", str(out), *defect)
    with beside("up"):
        run("land", str(out))
    share_what_dbt_reads(load_settings())
    run("night", "--as-of", "2026-11-19")
    return out


def test_a_night_publishes_every_school(first_night: Path) -> None:
    releases = told("release", "list")

    assert [(r["state"], r["as_of_date"]) for r in releases] == [("published", "2026-11-19")]
    schools = releases[0]["schools"]
    assert isinstance(schools, list)
    assert [s["school_source_id"] for s in schools if s["live"]] == ["sch-01", "sch-02"]


def test_every_row_of_every_arrival_is_accounted_for(first_night: Path) -> None:
    arrivals = told("arrivals")

    assert {str(arrival["feed"]) for arrival in arrivals} == set(FEEDS)
    for arrival in arrivals:
        out = ("rows_loaded", "rows_unchanged", "rows_quarantined", "rows_duplicate")
        assert arrival["state"] == "loaded"
        assert arrival["rows_in"] == sum(int(str(arrival[name])) for name in out)


QUERIES = sorted((load_settings().project_root / "docs" / "queries").glob("*.sql"))


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_an_example_query_answers_as_the_role_it_names(first_night: Path, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    (role,) = re.findall(r"^-- Role: (\w+)$", text, re.M)
    with connections.connect(load_settings(), role=f"wraparound_{role}") as connection:
        rows = connection.execute(text).fetchall()
    assert rows or "-- May be empty: " in text


def test_every_column_of_a_mart_says_in_the_database_what_it_means(first_night: Path) -> None:
    query = """
        select count(*) as columns, count(col_description(a.attrelid, a.attnum)) as described
        from pg_attribute a inner join pg_class c on c.oid = a.attrelid
        where c.relnamespace::regnamespace::text in ('marts', 'reports') and a.attnum > 0
          and c.relkind = 'r' and not a.attisdropped
    """
    with connections.connect(load_settings()) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    assert row["columns"] == row["described"] > 300


def test_what_is_built_is_the_builders(first_night: Path) -> None:
    query = """
        select distinct pg_get_userbyid(relowner) as owner from pg_class
        where relnamespace::regnamespace::text = any (%s) and relkind in ('r', 'v')
    """
    with connections.connect(load_settings()) as connection:
        owners = connection.execute(query, [["seeds", "staging", "marts", "reports"]]).fetchall()
    assert owners == [{"owner": "wraparound_builder"}]


def test_the_servers_worker_leaves_what_is_made_anew_alone(first_night: Path) -> None:
    query = """
        select count(*) as there,
            count(*) filter (where reloptions @> '{autovacuum_enabled=false}') as left_alone
        from pg_class
        where relnamespace::regnamespace::text = any (%s) and relkind = 'r'
    """
    with connections.connect(load_settings()) as connection:
        anew = connection.execute(query, [["intermediate", "marts", "reports"]]).fetchone()
        standing = connection.execute(query, [["raw", "ops", "seeds"]]).fetchone()
    assert anew is not None
    assert standing is not None
    assert anew["there"] == anew["left_alone"] > 100
    assert standing["there"] > standing["left_alone"] == 0


def test_a_build_has_looked_at_every_raw_table(first_night: Path) -> None:
    query = """
        select count(*) as there, count(*) filter (where reltuples < 0) as never_seen
        from pg_class where relnamespace = 'raw'::regnamespace and relkind = 'r'
    """
    with connections.connect(load_settings()) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    assert row["there"] > row["never_seen"] == 0


def test_a_table_known_by_some_columns_only_is_looked_at(first_night: Path) -> None:
    macro = load_settings().dbt_project / "macros" / "analyze_raw.sql"
    text = macro.read_text(encoding="utf-8")
    body = text.partition("-%}\n    set role")[2].partition("{%- endmacro")[0]
    body = body.replace("{{ var('statistics_target') }}", "25")
    seen = "select from pg_stats where tablename = 'roster__users' and attname = 'family_name'"
    with connections.connect(load_settings(), autocommit=True) as connection:
        connection.execute(
            "select pg_clear_attribute_stats('raw', 'roster__users', 'family_name', false),"
            " pg_stat_reset()"
        )
        assert connection.execute(seen).fetchone() is None
        connection.execute("set role" + body.replace("{{ target.role }}", "postgres"))
        assert connection.execute(seen).fetchone() is not None


def test_a_plan_follows_its_student_to_another_school(first_night: Path) -> None:
    settings = load_settings()
    compiled = settings.dbt_dir / "target" / "compiled" / "wraparound" / "models"
    model = (compiled / "marts" / "fct_success_plans.sql").read_text(encoding="utf-8")
    whole = "select * from marts.fct_success_plans where has_caring_adult_at_school"
    with connections.connect(settings) as connection:
        before = connection.execute(f"{whole} order by student_key limit 1").fetchone()
        assert before is not None
        connection.execute(
            "update intermediate.int_students_placed set school_key = 3 - school_key"
            " where student_key = %s",
            (before["student_key"],),
        )
        after = connection.execute(
            f"select * from ({model}) as rebuilt where student_key = %s", (before["student_key"],)
        ).fetchone()
        connection.rollback()
    assert after is not None
    assert (after["plan_id"], after["school_key"]) == (before["plan_id"], 3 - before["school_key"])
    assert after["exception_reason"] == "adult_not_at_school"


def test_a_second_copy_of_a_file_is_one_arrival(first_night: Path) -> None:
    (attendance,) = [a for a in told("arrivals") if a["feed"] == "attendance"]

    assert attendance["received_count"] == 2


def test_what_was_set_aside_is_listed_by_file_row_column_and_rule(first_night: Path) -> None:
    findings = told("quarantine", "list")

    assert {f["rule"] for f in findings} == {"unknown_code"}
    assert {f["file_name"] for f in findings} <= {p.name for p in first_night.iterdir()}
    assert all(int(str(f["row_number"])) > 1 and f["count"] == 1 for f in findings)


def test_what_was_set_aside_can_be_worked_with_at_the_keyboard(
    first_night: Path, home: Path
) -> None:
    (attendance,) = [a for a in told("arrivals") if a["feed"] == "attendance"]
    number = str(attendance["arrival_id"])

    shown = run("quarantine", "show", "--rule", "unknown_code", "--limit", "2").stdout
    run("receipt", number, "--html", str(home / "receipt.html"))
    exported = run("quarantine", "export", number, "--out", str(home / "back"), "--by", "T. Elm")

    assert "Send a code of the feed's page" in shown
    assert "unknown_code" in (home / "receipt.html").read_text(encoding="utf-8")
    assert "attendance" in exported.stdout
    assert [p.stat().st_mode & 0o777 for p in (home / "back").iterdir()] == [0o600]
    assert json.loads(run("receipt", number, "--json").stdout)["release"]["release_id"] == 1
    assert "counted nothing" in run("brake", "show", number).stdout
    assert "Nothing was waiting." in run("ingest", "--dry-run").stdout
    assert isinstance(told("watch"), list)


def test_each_school_has_a_page_and_a_workbook(first_night: Path) -> None:
    lists = load_settings().lists

    assert (lists / "index.html").exists()
    for school in ("sch-01", "sch-02"):
        assert {p.name for p in (lists / school).iterdir()} >= {"index.html", "list.xlsx"}


def test_the_same_files_again_change_nothing(first_night: Path) -> None:
    before = told("arrivals")
    run("land", str(first_night))
    ingested = told("ingest")

    assert ingested == []
    assert [a["batch_id"] for a in told("arrivals")] == [a["batch_id"] for a in before]


QUIET_NIGHT = """
import json, sys
from datetime import date
from wraparound.orchestration import nights
from wraparound.settings import load_settings

said = []
done = nights.night(load_settings(), as_of=date(2026, 11, 19), say=said.append)
written = [one["school_source_id"] for one in done["release"]["lists"] if one["is_new"]]
heavy = sorted({"dbt", "great_expectations", "xlsxwriter"} & set(sys.modules))
print(json.dumps({"build": done["build"], "written": written, "heavy": heavy, "said": said}))
"""


def test_a_night_with_nothing_new_starts_nothing(first_night: Path) -> None:
    released = told("release", "list")
    done = subprocess.run(
        [sys.executable, "-c", QUIET_NIGHT], capture_output=True, text=True, check=True
    )

    found = json.loads(done.stdout)
    assert (found["build"], found["written"], found["heavy"]) == (None, [], [])
    assert found["said"] == ["nothing is new since release 1: nothing was built or checked"]
    assert told("release", "list") == released
    # Or it would be told as a night that did not come.
    assert json.loads(run("status", "--json").stdout)["events"][0]["kind"] == "night"


def test_a_night_with_nothing_new_writes_a_lost_list(first_night: Path) -> None:
    shutil.rmtree(load_settings().lists / "sch-02")
    run("night", "--as-of", "2026-11-19")

    assert (load_settings().lists / "sch-02" / "index.html").exists()
    assert [r["release_id"] for r in told("release", "list")] == [1]


def test_another_rule_makes_another_night(
    first_night: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = load_settings()
    assert not nights.build_needed(settings, as_of=date(2026, 11, 19))
    changed = tmp_path / "expectations"
    shutil.copytree(settings.expectations, changed)
    suite = next(iter(sorted(changed.glob("*.json"))))
    suite.write_text(suite.read_text() + " ")

    monkeypatch.setattr(Settings, "expectations", changed)

    assert nights.build_needed(settings, as_of=date(2026, 11, 19))


@pytest.fixture(scope="module")
def second_night(first_night: Path, home: Path) -> Path:
    """The night after, with two copies of a list come back; the folder of its lists.

    The roster lacks most children of sch-01, and somebody released the brake on it unseen.
    """
    lists = load_settings().lists
    for who, decision in (("AB", "accept suggestion"), ("CD", "family declined")):
        copy = home / f"{who}.xlsx"
        shutil.copy(lists / "sch-02" / "list.xlsx", copy)
        decide(copy, row=2, decision=decision, decided_on=FRIDAY, decided_by=who)
        decide(copy, row=3, decision="not now", decided_on=FRIDAY, decided_by=who)
        run("land", str(copy))
    out = home / "second"
    run(
        *("district", "make", *SMALL, "--since", "2026-11-19", "--through", "2026-11-20"),
        *("--out", str(out), "--defect", "truncated_roster"),
    )
    run("land", str(out))
    run("ingest", exit_code=4)
    [braked] = [a for a in told("arrivals") if a["state"] == "braked"]
    run("brake", "release", str(braked["arrival_id"]), "--by", "R. Reed", "--reason", "In a hurry")
    with beside("night", "--as-of", "2026-11-20"):
        run("night", "--as-of", "2026-11-20")
    return lists


def test_what_was_decided_is_on_the_next_list(second_night: Path) -> None:
    page = (second_night / "sch-02" / "index.html").read_text(encoding="utf-8")

    assert "Nov 20, CD: family declined" in page
    assert "Nov 20, AB: accept suggestion. Not counted: overruled on the same day." in page


def test_a_decision_that_cannot_be_read_is_told_by_its_row(second_night: Path) -> None:
    found = [row for row in told("quarantine", "list") if row["rule"] == "reason_missing"]

    assert [(row["column"], row["row_number"]) for row in found] == [("reason", 3)] * 2


def shown(lists: Path, page: str) -> str:
    return (lists / page).read_text(encoding="utf-8")


LOST = "Many children left the roster at once"


def test_a_school_whose_roster_was_truncated_is_held_and_the_other_published(
    second_night: Path,
) -> None:
    newest, _ = told("release", "list")  # one of each night, though two did the second
    schools = newest["schools"]
    assert isinstance(schools, list)

    assert {s["school_source_id"]: s["live"] for s in schools} == {"sch-01": False, "sch-02": True}
    held = shown(second_night, "sch-01/index.html")
    assert "last good list, of Thursday, November 19, 2026" in held
    assert "Held back since the list of Friday, November 20, 2026." in held
    assert LOST in held
    assert LOST not in shown(second_night, "sch-02/index.html")
    for page in ("index.html", "nights.html"):
        assert "Held back since the list of Friday" in shown(second_night, page)
    assert "newer ones are held" in run("status").stdout


def test_who_lifts_a_hold_is_recorded_and_the_list_is_shown(second_night: Path) -> None:
    run(
        "release",
        "approve",
        "--school",
        "sch-01",
        "--by",
        "R. Reed",
        "--reason",
        "A school closes",
    )

    held = shown(second_night, "sch-01/index.html")
    assert "Held back since" not in held
    assert LOST in held
    assert "a person lifted the hold" in shown(second_night, "nights.html")
    with connections.connect(load_settings()) as connection:
        lifted = connection.execute(
            "select distinct granted_by, reason, expires_at is not null as ends from ops.override"
        ).fetchall()
    assert lifted == [{"granted_by": "R. Reed", "reason": "A school closes", "ends": True}]


def test_an_older_release_can_be_made_anew_from_the_archive(second_night: Path) -> None:
    # What became of a delivery since, its night did not know.
    with connections.connect(load_settings(), autocommit=True) as connection:
        connection.execute(
            "insert into ops.arrival (feed, sender, file_name, sha256, byte_count, state,"
            " received_at) select 'attendance', sender, 'later.csv', '', 0, 'refused',"
            " '2000-01-03' from ops.arrival where feed = 'attendance' limit 1"
        )
        reports = told("release", "replay", "1")
        connection.execute("delete from ops.arrival where file_name = 'later.csv'")

    assert {str(one["table"]) for one in reports} == set(freeze.KEYS)
    assert [one["table"] for one in reports if not one["same"]] == []
    # What the nights read of the project serves the scratch database too.
    log = load_settings().dbt_dir / "scratch" / "logs" / "dbt.log"
    assert "Unable to do partial parsing" not in log.read_text(encoding="utf-8")
    assert "W43" in run("release", "replay", "9", exit_code=7).stderr


def test_a_second_night_can_be_rolled_back(second_night: Path) -> None:
    assert [r["state"] for r in told("release", "list")] == ["published", "superseded"]

    run("release", "rollback")

    newest, older = told("release", "list")
    assert isinstance(older["schools"], list)
    assert older["state"] == "published"
    assert all(school["live"] for school in older["schools"])
    assert newest["state"] != "published"


def test_status_and_doctor_speak_of_the_night(first_night: Path) -> None:
    status = run("status").stdout

    assert "Live lists: 2 schools" in status
    assert "unknown_code" in status
    assert "MISSING" not in run("doctor").stdout


def half_made(settings: Settings, program: str, *words: str) -> None:
    """A server's folder, as one leaves it who was killed while it was made."""
    assert program == "initdb"
    (Path(words[-1]) / "PG_VERSION").write_text("18\n")
    raise KeyboardInterrupt


def test_a_server_starts_in_place_of_one_whose_folder_was_half_made_or_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with TemporaryDirectory() as folder:
        settings = replace(load_settings(), home=Path(folder) / "home")
        with monkeypatch.context() as patch:
            patch.setattr(embedded, "_run", half_made)
            with pytest.raises(KeyboardInterrupt):
                embedded.up(settings)
        embedded.up(settings)
        try:
            settings.postgres_dir.rename(Path(folder) / "removed")
            assert embedded.up(settings).running
        finally:
            embedded.down(settings)


def test_a_server_starts_and_stops_though_another_has_its_number_now_or_none() -> None:
    with TemporaryDirectory() as folder:
        settings = replace(load_settings(), home=Path(folder) / "home")
        embedded.up(settings)
        embedded.down(settings)
        socket = embedded.socket_dir(settings)
        # Of the server's own user: of another's it is known that it is no server.
        server = settings.postgres_dir.stat().st_uid
        locks = (settings.postgres_dir / "postmaster.pid", socket / ".s.PGSQL.5432.lock")

        def left_by_the_dead() -> None:
            socket.mkdir(mode=0o700, exist_ok=True)
            for lock in locks:
                lock.write_text(f"{other.pid}\n{settings.postgres_dir}\n")

        with subprocess.Popen(["sleep", "60"], user=server) as other:
            left_by_the_dead()
            try:
                assert not embedded.down(settings)
                left_by_the_dead()
                assert embedded.up(settings).running
                assert embedded.down(settings)
                assert other.poll() is None
            finally:
                other.kill()
                embedded.down(settings)
        left_by_the_dead()
        assert not embedded.down(settings)


def test_a_night_of_no_school_says_why_it_shows_no_list(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wraparound.orchestration.nights.load_settings", lambda: settings)
    with connections.connect(settings) as connection:
        connection.execute(
            "with release as (insert into ops.release (as_of_date, state)"
            " values ('2026-11-20', 'rejected') returning release_id)"
            " insert into ops.verdict (release_id, rule_id, severity, failing_count, message)"
            " select release_id, 'T.none', 'hold', 1, 'No school came out.' from release"
        )
    assert run("release", "show", "1").stdout.splitlines() == [
        "Release 1 for 2026-11-20: rejected.",
        "  No school came out.",
    ]


def test_landing_a_file_that_was_put_back_says_that_it_counts_anew(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("wraparound.orchestration.nights.load_settings", lambda: settings)
    caplog.set_level("INFO", logger="wraparound")
    file = tmp_path / "consents.csv"
    for text in ("one\n1\n", "one\n2\n", "one\n1\n"):
        file.write_text(text, encoding="utf-8")
        run("land", "--feed", "consents", str(file))
    assert caplog.messages[-1] == "consents.csv: came before arrival 2, and counts anew"

    run("land", "--feed", "consents", "--effective-at", "2026-03-13T12:00:00", str(file))
    with connections.connect(settings) as connection:
        newest = ledger.arrivals(connection)[-1]
    assert newest["effective_at"] == datetime(2026, 3, 13, 16, tzinfo=UTC), "noon in New York"


def test_an_unknown_feed_ends_with_the_code_of_its_family(home: Path) -> None:
    stranger = home / "mystery.csv"
    stranger.write_text("one,two\n1,2\n", encoding="utf-8")

    result = run("land", str(stranger), exit_code=4)

    assert "W22" in result.stderr
    assert "--feed" in result.stderr
