"""Other tools at the same work, each in an environment of its own, installed when asked for.

Each does its first step only: rows of a file in a table, or six checks of one table. `lacks`
tells what ours does in the same time and they do not.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.measuring import Cost, Summary, measured
from benchmarks.warehouses import (
    THEIRS,
    copy_of,
    database_like,
    empty_database,
    must_agree,
    rows_of_ours,
    rows_of_theirs,
)
from wraparound.warehouse.connection import address

TOOLS = Path(__file__).parent / "peer_tools"
# None of them may tell its maker of a run.
QUIET = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "SLING_DISABLE_TELEMETRY": "true",
    "SODA_CORE_TELEMETRY_ENABLED": "false",
}
OURS_CHECKS = "the gate's library; the load has made the same checks row by row before"
WHOLE = "no key, no quarantine, no ledger, no hash of rows: one bad cell ends it"
FAULTS = ["accepted", "student", "unique"]


@dataclass(frozen=True)
class Peer:
    """A tool that loads: its environment, a word more for it, and where its rows stand."""

    tool: str
    lacks: str
    columns: str = THEIRS
    relation: str = "public.attendance"
    how: tuple[str, ...] = ()


AS_NAMED = '"studentUniqueId", "schoolId", "eventDate", "attendanceEventCategoryDescriptor"'
IN_DLT = "student_unique_id, school_id, event_date, attendance_event_category_descriptor"
DLT = {"columns": f"{IN_DLT}, trim_scale(event_duration)", "relation": "peer.attendance"}
PEERS = {
    "pandas to_sql": Peer("pandas", WHOLE, f'{AS_NAMED}, trim_scale("eventDuration")'),
    "Sling": Peer("sling", WHOLE, f"{AS_NAMED.lower()}, trim_scale(eventduration)"),
    "dlt, Arrow": Peer("dlt", "as dlt, rows", how=("arrow",), **DLT),
    "dlt, rows": Peer(
        "dlt",
        "no key, no quarantine, no hash of rows, but a ledger: one bad cell ends it",
        how=("rows",),
        **DLT,
    ),
    "earthmover": Peer(
        "earthmover", "no database: JSON lines for an API; no key, no types, no quarantine"
    ),
}


def peers(bench: Bench) -> list[Summary]:
    """The year's attendance, all of it good, into a typed table."""
    kinds: dict[str, Callable[[], Cost]] = {
        "ours": lambda: _ours(bench),
        "baseline": bench.loaded_plainly,
    }
    for name, peer in PEERS.items():
        python = environment(bench, peer.tool)
        kinds[name] = lambda peer=peer, python=python: _loaded(bench, peer, python)
    notes = {name: peer.lacks for name, peer in PEERS.items()}
    return [replace(each, note=notes.get(each.name, "")) for each in bench.runs(kinds)]


def checks(bench: Bench) -> list[Summary]:
    """Six checks of one table (key, no holes, known codes); three of them have to fail."""
    url = database_like(bench.server, bench.plain(), "checked")
    bench.theirs(url, "spoil.sql")
    soda, socket = environment(bench, "soda"), address(bench.server).host
    contract, project = str(TOOLS / "soda.yml"), str(TOOLS / "dbt")
    kinds = {
        "ours": lambda: bench.ours(bench.like("checked"), "checks"),
        "baseline": lambda: bench.theirs(url, "checks.sql"),
        "Soda": lambda: _run(bench, soda, "check_soda.py", contract, socket),
        "dbt tests": lambda: _run(bench, Path(sys.executable), "check_dbt.py", project, socket),
    }
    named = {
        name: lambda run=run, name=name: _same_faults(run(), name) for name, run in kinds.items()
    }
    return [
        replace(each, note=OURS_CHECKS if each.name == "ours" else "")
        for each in bench.runs(named)
    ]


def environment(bench: Bench, tool: str) -> Path:
    """The Python of a tool's own environment, made where its lock is not the one installed."""
    lock, folder = TOOLS / f"{tool}.lock", bench.server.home.parent / "peers" / tool
    python, mark = folder / "bin" / "python", folder / "installed.lock"
    if not mark.exists() or mark.read_bytes() != lock.read_bytes():
        bench.say(f"  installing {tool} ...")
        uv = str(Path(sys.executable).parent / "uv")
        make = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)]
        fill = [uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes"]
        for command in (make, [*fill, "--only-binary", ":all:", "-r", str(lock)]):
            subprocess.run(command, check=True)
        shutil.copyfile(lock, mark)
    return python


def _ours(bench: Bench) -> Cost:
    fresh = copy_of(bench.server, bench.with_roster(), "run_ours")
    cost = bench.ours(fresh, "load", bench.files.attendance("full"))
    must_agree(rows_of_ours(fresh), bench.rows_of_plain(), what="ours beside peers")
    return cost


def _loaded(bench: Bench, peer: Peer, python: Path) -> Cost:
    url = empty_database(bench.server, "run_peer")
    file, socket = str(bench.files.attendance("full")), address(bench.server).host
    cost = _run(bench, python, f"load_{peer.tool}.py", file, socket, *peer.how)
    made = _folder(bench) / "attendance.jsonl"
    if made.exists():
        bench.theirs(url, "read_json_lines.sql", file=made)
    found = rows_of_theirs(bench.server, "run_peer", columns=peer.columns, relation=peer.relation)
    must_agree(found, bench.rows_of_plain(), what=peer.tool)
    return cost


def _run(bench: Bench, python: Path, script: str, *words: str) -> Cost:
    """A tool's script in an empty folder of its own."""
    shutil.rmtree(_folder(bench), ignore_errors=True)
    _folder(bench).mkdir(parents=True)
    command = [str(python), str(TOOLS / script), *words]
    return measured(
        bench.server, command, settings=bench.server, more=QUIET, folder=_folder(bench)
    )


def _folder(bench: Bench) -> Path:
    return bench.server.home / "peer"


def _same_faults(cost: Cost, name: str) -> Cost:
    said = (cost.said.get("checks"), cost.said.get("failed"))
    must_agree(said, (6, FAULTS), what=f"checks by {name}")
    return cost
