"""The how-to pages, followed word by word: what they tell to write is written, and then works."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lib.documents import blocks, text_of
from lib.feed_builders import a_file
from lib.source_reading import ROOT
from lib.warehouse_in_tests import findings, landed_and_loaded, query, write_district
from wraparound.orchestration import nights

NAMES = {"NAME": "clubs", "THINGS": "meetings"}
# A path in back ticks on a line of its own, and the block that belongs into that file.
FILES = re.compile(r"^`([\w/.]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COPIED = ("src/wraparound", "dbt_project", "config", "expectations", "docs/feeds")
# Staging is enough to see a feed arrive, and the rest takes minutes.
NOT_BUILT = ("models/intermediate", "models/marts", "models/reports", "analyses")


def filled_in(text: str) -> str:
    for word, name in NAMES.items():
        text = text.replace(word, name)
    return text


@pytest.fixture
def checkout(rostered, tmp_path):
    """A copy of the project, and the environment of one who works in it."""
    root = tmp_path / "checkout"
    for name in COPIED:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in NOT_BUILT:
        shutil.rmtree(root / "dbt_project" / name, ignore_errors=True)
    for file in [
        *(root / "dbt_project" / "tests").glob("*.sql"),
        *(root / "dbt_project").rglob("*exposures*.yml"),
    ]:
        file.unlink()
    environment = os.environ | {
        "PYTHONPATH": str(root / "src"),
        "WRAPAROUND_ROOT": str(root),
        "WRAPAROUND_HOME": str(rostered.home),
        "WRAPAROUND_WAREHOUSE_URL": str(rostered.warehouse_url),
        "WRAPAROUND_DISTRICT_FILE": str(rostered.district_file),
    }
    return root, environment


def run(line: str, *, root: Path, environment: dict[str, str]) -> str:
    program, *words = shlex.split(line)
    assert program == "wraparound"
    done = subprocess.run(
        [sys.executable, "-m", "wraparound.cli", *words],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_a_feed_is_added_as_the_page_says(checkout, rostered):
    root, environment = checkout
    page = text_of(ROOT / "docs" / "adding-a-feed.md")
    written = FILES.findall(page)
    assert len(written) == 4
    for name, body in written:
        path = root / filled_in(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")

    told = {
        line: run(line, root=root, environment=environment)
        for block in blocks(filled_in(page))
        for line in block.splitlines()
    }

    assert "docs/feeds/clubs.md" in told["wraparound contracts write"]
    listed = told["wraparound quarantine list --feed clubs"]
    assert "student_unknown" in listed
    assert "out_of_range" in listed
    assert query(
        rostered,
        "select student_source_id, minute_count from staging.stg_clubs__meetings order by 1",
    ) == [
        {"student_source_id": "T-Alder1", "minute_count": 45},
        {"student_source_id": "T-Birch2", "minute_count": None},
    ]


def test_a_sender_is_added_as_the_page_says(rostered, roster, tmp_path):
    page = text_of(ROOT / "docs" / "adding-a-sender.md")
    write_district(rostered, blocks(page, language="yaml")[0])
    header, _ = blocks(page)[0].splitlines()
    child, other = roster.students[:2]
    rows = [
        f"{child.identifier},N{child.school},03/13/2027,U",
        f"{other.identifier},N{other.school},03/14/2027,X",
    ]
    path = a_file(tmp_path, "att_export_13.csv", "\n".join([header, *rows]) + "\n")

    (arrival,) = landed_and_loaded(rostered, path, sender="example_export")

    assert (arrival["feed"], arrival["rows_loaded"]) == ("attendance", 1)
    ((_, row, _, rule, _),) = findings(rostered)
    assert (row, rule) == (3, "unknown_code")
    district = rostered.district_file.read_text().replace(
        "T: Tardy", "T: Tardy\n                X: Tardy"
    )
    rostered.district_file.write_text(district)
    nights.replay_arrival(rostered, arrival["arrival_id"])
    assert query(
        rostered,
        "select _student_source_id as student, event_date::text as day,"
        " attendance_event_category_descriptor as code from raw.attendance__events order by 2",
    ) == [
        {"student": child.id, "day": "2027-03-13", "code": "Unexcused Absence"},
        {"student": other.id, "day": "2027-03-14", "code": "Tardy"},
    ]
