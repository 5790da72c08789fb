"""The data dictionary is made from the manifest alone."""

import csv
import io

from click.testing import CliRunner

from lib.warehouse_in_tests import share_what_dbt_reads
from wraparound.cli import main
from wraparound.orchestration.dbt import write_site
from wraparound.orchestration.dictionary import (
    described_tables,
    dictionary_csv,
    dictionary_html,
)
from wraparound.settings import load_settings

SET_BY_COMMANDS = (
    "DBT_HOST",
    "DBT_DBNAME",
    "WRAPAROUND_AS_OF_DATE",
    "WRAPAROUND_SCHOOL_YEAR_STARTS",
)


def a_model(name, *, layer, columns):
    return {
        "resource_type": "model",
        "name": name,
        "fqn": ["wraparound", layer, name],
        "description": "One row per\n  tree.",
        "columns": {column["name"]: column for column in columns},
    }


def a_column(name, *, description="What it is.", person=False):
    meta = {"contains_pii": True} if person else {}
    return {"name": name, "description": description, "config": {"meta": meta}}


def a_manifest():
    models = [
        a_model("fct_trees", layer="marts", columns=[a_column("height", description="a < b")]),
        a_model("rpt_trees", layer="reports", columns=[a_column("sort_name", person=True)]),
        a_model("int_trees_cut", layer="intermediate", columns=[a_column("height")]),
    ]
    return {"nodes": {model["name"]: model for model in models}}


def test_people_read_reports_and_marts_only():
    names = [table.name for table in described_tables(a_manifest())]

    assert names == ["rpt_trees", "fct_trees"]


def test_the_csv_has_a_line_for_each_column():
    text = dictionary_csv(described_tables(a_manifest()))
    rows = list(csv.DictReader(io.StringIO(text)))

    assert [(row["column"], row["grain"], row["about_a_person"]) for row in rows] == [
        ("sort_name", "One row per tree.", "yes"),
        ("height", "One row per tree.", "no"),
    ]


def test_the_page_escapes_what_it_is_told():
    page = dictionary_html(described_tables(a_manifest()))

    assert "a &lt; b" in page
    assert "<script" not in page


def test_the_command_writes_the_page_and_the_csv(tmp_path, monkeypatch):
    monkeypatch.setenv("WRAPAROUND_HOME", str(tmp_path / "home"))
    for name in SET_BY_COMMANDS:
        monkeypatch.setenv(name, "none")  # what the command sets is taken back afterwards
    share_what_dbt_reads(load_settings())

    done = CliRunner().invoke(main, ["dictionary", "--out", str(tmp_path / "out")])

    assert done.exit_code == 0, done.output
    text = (tmp_path / "out" / "dictionary.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {"rpt_students", "dim_students"} <= {row["table"] for row in rows}
    assert all(row["grain"].startswith("One row per") for row in rows)
    assert "rpt_referral_queue" in (tmp_path / "out" / "dictionary.html").read_text()


def test_the_site_leads_from_the_tables_to_each_list(built_town, tmp_path, monkeypatch):
    for name in SET_BY_COMMANDS:
        monkeypatch.setenv(name, "none")
    write_site(built_town, tmp_path / "models.html")

    page = (tmp_path / "models.html").read_text(encoding="utf-8")
    for list_or_page in ("coordinator_list", "coordinator_workbook", "district_index"):
        assert f"exposure.wraparound.{list_or_page}" in page
    assert "One row per" in page
