"""The harness compares like with like; how long anything takes is not looked at."""

import re
from dataclasses import replace

import pytest
from benchmarks import peers
from benchmarks.bench import PREPARED, Bench
from benchmarks.deliveries import SIZES, make_deliveries
from benchmarks.page import write_page
from benchmarks.scenarios import as_result, first_load, sent_again
from benchmarks.warehouses import Disagreement, database_like, forget, must_agree

DATABASES = (*PREPARED, "run_ours", "run_plain", "checked")


@pytest.fixture
def bench(server, tmp_path):
    """A prepared harness on the session's server, with homes of its own."""
    files = make_deliveries(SIZES["xs"], tmp_path / "files")
    (tmp_path / "district.yml").write_text("name: Test District\ntime_zone: America/New_York\n")
    measured = replace(server, district_file=tmp_path / "district.yml")
    ready = Bench(measured, SIZES["xs"], files, lambda text: None)
    yield ready
    for name in DATABASES:
        forget(server, name)


def test_ours_and_the_baseline_end_in_the_same_rows(bench, tmp_path):
    results = {s.__name__: as_result(s(bench)) for s in (first_load, sent_again)}

    for scenario in results.values():
        assert scenario["ratio"] > 0
        assert scenario["ours"]["wal_mb"] > 0
        assert scenario["ours"]["peak_rss_mb"] > 0
        assert set(scenario["ours"]["stages"]) == {"archive", "load"}
    machine = {"cores": 2, "memory_gb": 1, "load": [0.0], "measured_at": "today"}
    scenarios = {name: found | {"machine": machine} for name, found in results.items()}
    whole = {"size": "xs", "rows": bench.files.rows, "scenarios": scenarios}
    write_page(whole, tmp_path)
    assert {path.name for path in tmp_path.glob("*.svg")} == {f"xs-{name}.svg" for name in results}


def test_the_baseline_of_the_checks_finds_what_was_spoilt(bench):
    url = database_like(bench.server, bench.plain(), "checked")
    bench.theirs(url, "spoil.sql")

    said = bench.theirs(url, "checks.sql").said

    assert said == {"checks": 6, "failed": peers.FAULTS}


def test_peers_are_pinned_by_hash_and_name_no_host():
    tools = {peer.tool for peer in peers.PEERS.values()} | {"soda"}

    for tool in tools:
        lock = (peers.TOOLS / f"{tool}.lock").read_text(encoding="utf-8")
        pins = [line for line in lock.splitlines() if "==" in line and not line.startswith(" ")]
        assert pins
        assert all(pin.endswith("\\") for pin in pins), "a pin without hashes"
        assert not re.search(r"https?://|file:|@ ", lock)


def test_a_run_with_other_rows_is_void():
    must_agree((2, 7), (2, 7), what="same")

    with pytest.raises(Disagreement, match="sent_again"):
        must_agree((2, 7), (2, 8), what="sent_again")
