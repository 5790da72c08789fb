"""House rules of the dbt project, held against its manifest and its files."""

import csv
import json
import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from lib.release_builders import PROJECT_ROOT
from lib.warehouse_in_tests import share_what_dbt_reads
from wraparound.contracts.loader import contract_of
from wraparound.orchestration.dbt import read_manifest
from wraparound.settings import Settings

PROJECT = PROJECT_ROOT / "dbt_project"
EXCEPTIONS = Path(__file__).with_name("manifest_exceptions.csv")
# Columns that speak of one child wherever they stand beside a student.
PERSONAL = {
    "student_source_id",
    "student_name",
    "sort_name",
    "given_name",
    "family_name",
    "birth_date",
}
# Words that rules may use as places in their wording.
PLACES = {"numerator", "denominator", "present", "magnitude", "percent", "detail"}
LONGEST_MODEL = 205


@cache
def manifest():
    """What dbt reads of the project; no warehouse is asked."""
    with TemporaryDirectory() as home:
        settings = Settings(
            project_root=PROJECT_ROOT,
            home=Path(home),
            district_file=PROJECT_ROOT / "config" / "district.yml",
        )
        share_what_dbt_reads(settings)
        return read_manifest(settings)


def nodes(kind):
    return [node for node in manifest()["nodes"].values() if node["resource_type"] == kind]


def models(*layers):
    return [node for node in nodes("model") if not layers or layer_of(node) in layers]


def layer_of(node):
    return node["fqn"][1]


def parents(node, kind):
    return [name for name in node["depends_on"]["nodes"] if name.startswith(f"{kind}.")]


def unless_excepted(rule, names):
    """The names that no row of the exceptions' file excuses."""
    with EXCEPTIONS.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        excused = {row["name"] for row in rows if row["rule"] == rule}
    return sorted(set(names) - excused)


def sql_files(folder="models"):
    return sorted((PROJECT / folder).rglob("*.sql"))


def without_comments(text):
    return re.sub(r"--[^\n]*", "", text)


def seed_rows(name):
    with (PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_description_says_the_grain():
    silent = [
        node["name"]
        for node in models() + nodes("seed")
        if not node["description"].startswith("One row per ")
    ]
    assert silent == []


def test_yaml_sleeps_beside_its_model():
    astray = [
        node["name"]
        for node in models() + nodes("seed")
        if not node["patch_path"]
        or Path(node["patch_path"].split("://")[1]).with_suffix("")
        != Path(node["original_file_path"]).with_suffix("")
    ]
    assert astray == []


def test_only_staging_reads_sources():
    readers = [node["name"] for node in models() if parents(node, "source")]
    assert readers == [node["name"] for node in models("staging")]


def test_each_source_table_has_one_reader():
    read = [name for node in models("staging") for name in parents(node, "source")]
    doubled = [name.split(".")[-1] for name in set(read) if read.count(name) > 1]
    assert unless_excepted("reader", doubled) == []


def test_layers_do_not_skip_or_turn_back():
    forbidden = {
        "staging": {"staging", "intermediate", "marts", "reports"},
        "intermediate": {"reports"},
        "marts": {"reports"},
        "reports": {"staging"},
    }
    layers = {node["unique_id"]: layer_of(node) for node in models()}
    wrong = [
        f"{node['name']} <- {parent.split('.')[-1]}"
        for node in models()
        for parent in parents(node, "model")
        if layers[parent] in forbidden[layer_of(node)]
    ]
    assert wrong == []


def test_names_say_the_layer():
    prefixes = {
        "staging": "stg_",
        "intermediate": "int_",
        "marts": ("dim_", "fct_", "bridge_"),
        "reports": "rpt_",
    }
    wrong = [n["name"] for n in models() if not n["name"].startswith(prefixes[layer_of(n)])]
    assert wrong == []


def test_every_model_has_a_key():
    # Staging reads raw tables, whose natural keys the warehouse itself enforces.
    tested = {
        parent
        for test in nodes("test")
        if (test.get("test_metadata") or {}).get("name") in {"primary_key", "unique_combination"}
        for parent in test["depends_on"]["nodes"]
    }
    keyless = [
        node["name"]
        for node in models("intermediate", "marts", "reports") + nodes("seed")
        if node["unique_id"] not in tested
        and not any(c["type"] == "primary_key" for c in node.get("constraints", []))
    ]
    assert unless_excepted("key", keyless) == []


def test_every_column_is_described():
    silent = [
        f"{node['name']}.{column['name']}"
        for node in models() + nodes("seed")
        for column in node["columns"].values()
        if not column["description"].strip()
    ]
    assert silent == []
    assert [node["name"] for node in models() + nodes("seed") if not node["columns"]] == []


def test_borders_are_contracted():
    open_borders = [
        node["name"]
        for node in models("staging", "marts", "reports")
        if not node["config"]["contract"]["enforced"]
    ]
    assert open_borders == []


def test_people_are_marked():
    unmarked = [
        f"{node['name']}.{name}"
        for node in models()
        for name, column in node["columns"].items()
        if name in PERSONAL
        and {"student_key", "student_source_id", "user_source_id"} & set(node["columns"])
        and not column["config"]["meta"].get("contains_pii")
    ]
    assert unmarked == []


def test_what_leaves_with_people_names_its_basis():
    based = {
        name
        for exposure in manifest()["exposures"].values()
        if exposure["config"]["meta"].get("legal_basis") not in {None, "none"}
        for name in exposure["depends_on"]["nodes"]
    }
    baseless = [
        node["name"]
        for node in models("reports")
        if any(c["config"]["meta"].get("contains_pii") for c in node["columns"].values())
        and node["unique_id"] not in based
    ]
    assert baseless == []


@pytest.mark.parametrize("path", sql_files("tests"), ids=lambda path: path.stem)
def test_a_failing_test_explains_itself(path):
    if path.parent.name == "generic":
        return
    text = path.read_text(encoding="utf-8")
    for heading in ("-- What: ", "-- Why it matters: ", "-- What to do: "):
        assert heading in text


@pytest.mark.parametrize(
    ("word", "pattern"),
    [
        pytest.param("clock", r"\bnow\s*\(|current_(date|time)|clock_timestamp", id="a clock"),
        pytest.param("chance", r"\brandom\s*\(|gen_random", id="chance"),
        pytest.param("config", r"\bconfig\s*\(", id="config in a model"),
        pytest.param("decimal", r"(?<![\w.])\d+\.\d+", id="a decimal literal"),
    ],
)
def test_models_hold_none_of(word, pattern):
    holders = [
        path.stem
        for path in sql_files()
        if re.search(pattern, without_comments(path.read_text(encoding="utf-8")))
    ]
    assert unless_excepted(word, holders) == []


def test_distinct_says_why_there_are_doubles():
    silent = []
    for path in sql_files():
        lines = path.read_text(encoding="utf-8").splitlines()
        silent += [
            f"{path.stem}:{number + 1}"
            for number, line in enumerate(lines)
            if "select distinct" in line
            and not any(
                above.lstrip().startswith("--") for above in lines[max(0, number - 5) : number]
            )
        ]
    assert silent == []


def test_models_can_be_read_in_one_go():
    long_ones = [
        path.stem
        for path in sql_files()
        if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST_MODEL
    ]
    assert long_ones == []


def test_every_seed_row_names_its_source():
    sourceless = [
        path.stem
        for path in sorted((PROJECT / "seeds").glob("*.csv"))
        for row in seed_rows(path.stem)
        if not row["source"].strip()
    ]
    assert sourceless == []


def test_wordings_use_known_places():
    wordings = [row["wording"] for row in seed_rows("need_rules")]
    wordings += [row["context_wording"] for row in seed_rows("indicators")]
    used = {place for wording in wordings for place in re.findall(r"{(\w*)}", wording)}
    assert used <= PLACES


@pytest.mark.parametrize(
    ("seed", "column", "other", "key"),
    [
        ("need_rules", "indicator_id", "indicators", "indicator_id"),
        ("need_rules", "concern_level", "concern_levels", "concern_level"),
        ("need_rules", "grade_from", "grade_levels", "grade_code"),
        ("need_rules", "grade_to", "grade_levels", "grade_code"),
        ("indicators", "domain", "domains", "domain"),
        ("indicators", "source_feed", "feed_freshness", "feed"),
        ("indicators", "privacy_scope", "privacy_scopes", "privacy_scope"),
        ("need_services", "rule_id", "need_rules", "rule_id"),
        ("need_services", "service_category", "service_categories", "service_category"),
        ("service_terms", "service_category", "service_categories", "service_category"),
        ("next_steps", "referral_state", "referral_states", "referral_state"),
        ("strength_services", "service_category", "service_categories", "service_category"),
    ],
)
def test_seeds_agree(seed, column, other, key):
    known = {row[key] for row in seed_rows(other)} | {""}
    assert {row[column] for row in seed_rows(seed)} <= known


def test_no_grade_is_known_twice_in_another_case():
    # Grades are held against a roster in any letter case: two of one would double its children.
    codes = [row["grade_code"].upper() for row in seed_rows("grade_levels")]
    assert len(set(codes)) == len(codes)


def test_levels_of_a_test_are_all_known():
    # A scale of which one word is missing would set the children of that level aside.
    scales = {}
    for row in seed_rows("performance_levels"):
        scales.setdefault((row["source"].split(",")[0], row["level_count"]), set()).add(
            row["level_rank"]
        )
    odd = [name for name, ranks in scales.items() if len(ranks) != int(name[1])]
    assert len(scales) >= 6
    assert odd == []


def test_reasons_are_those_that_the_feed_takes():
    column = contract_of("service_events").tables["events"].columns["reason"]
    assert [row["reason"] for row in seed_rows("referral_reasons")] == list(column.codes)


def test_changes_of_state_are_between_states_that_the_feed_takes():
    states = set(contract_of("service_events").tables["events"].columns["state"].codes)
    rows = seed_rows("referral_transitions")
    assert {row["to_state"] for row in rows} == states
    assert {row["from_state"] for row in rows} == states - {"entered-in-error"} | {"none"}


def test_each_criterion_of_fit_has_the_bit_of_its_order():
    # The models set bit (order - 1) for each; the order is theirs, the effect a district's.
    names = [
        *("provider_known", "active", "referable", "assured", "age", "grade", "school", "area"),
        *("not_served", "not_parked", "reachable", "language", "schedule", "cost"),
        *("accessible", "near", "held", "named"),
    ]
    rows = seed_rows("fit_criteria")
    assert [row["criterion"] for row in rows] == names
    assert [int(row["criterion_order"]) for row in rows] == list(range(1, len(names) + 1))
    assert {row["effect"] for row in rows} <= {"exclude", "prefer", "ignore"}
    # Whom the district does not refer to, it never suggests.
    assert rows[names.index("referable")]["effect"] == "exclude"


def test_levels_of_a_rule_rise_with_its_threshold():
    rank = {row["concern_level"]: int(row["level_rank"]) for row in seed_rows("concern_levels")}
    bands = {}
    for row in seed_rows("need_rules"):
        if row["rule_kind"] == "need":
            threshold = int(row["threshold_numerator"]) / int(row["threshold_denominator"])
            sign = 1 if row["comparison"] in {">=", ">"} else -1
            bands.setdefault(row["rule_id"], []).append(
                (rank[row["concern_level"]], sign * threshold)
            )
    unordered = [
        rule for rule, pairs in bands.items() if sorted(pairs) != sorted(pairs, key=lambda p: p[1])
    ]
    assert unordered == []


def test_every_referral_has_a_category_and_every_state_a_step():
    opening = {
        row["rule_id"] for row in seed_rows("need_rules") if row["opens_referral"] == "true"
    }
    assert opening <= {row["rule_id"] for row in seed_rows("need_services")}
    stepped = {row["referral_state"] for row in seed_rows("next_steps")}
    assert {row["referral_state"] for row in seed_rows("referral_states")} <= stepped


def test_living_situation_and_meals_are_withheld_unless_a_district_says_otherwise():
    listed = {row["privacy_scope"] for row in seed_rows("privacy_scopes")
              if row["may_be_listed"] == "true"}  # fmt: skip
    scope_of = {row["indicator_id"]: row["privacy_scope"] for row in seed_rows("indicators")}

    for indicator in ("program_homeless", "program_foster_care", "program_meals"):
        assert scope_of[indicator]
        assert scope_of[indicator] not in listed


def columns_of_rules():
    """Relation and column of every rule of the gate that names a column."""
    for file in (PROJECT.parent / "expectations").glob("*.json"):
        suite = json.loads(file.read_text(encoding="utf-8"))
        for rule in suite["expectations"]:
            named = [rule["kwargs"].get(key) for key in ("column", "column_A", "column_B")]
            named.append(rule["kwargs"].get("row_condition", {}).get("column", {}).get("name"))
            for column in filter(None, named):
                yield rule.get("relation", suite.get("relation")), column


def test_the_gate_asks_for_columns_that_are_there():
    known = {node["name"]: set(node["columns"]) for node in nodes("model")}
    asked = set(columns_of_rules())
    assert len(asked) > 20
    assert sorted(pair for pair in asked if pair[1] not in known.get(pair[0], ())) == []
