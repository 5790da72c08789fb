"""The catalog of what may be said: whole, unique, and in words."""

import re
from collections import Counter
from pathlib import Path

import pytest

import wraparound
from wraparound.contracts.diagnostics import (
    CONTRACT_CODE,
    advice,
    all_said,
    diagnostic_of,
    is_leniency,
    load_diagnostics,
)
from wraparound.contracts.models import Rule
from wraparound.landing.json_source import UNUSABLE_RULES
from wraparound.warehouse.findings import WAITING_RULES

SOURCES = [
    path.read_text(encoding="utf-8")
    for path in sorted((Path(wraparound.__file__).parent / "warehouse").glob("*.py"))
]
SAID_IN_CODE = re.compile(r'(?:Notice\(|rule=|rule = )\s*"([a-z_]+)"')
# A rule, then the column that it is about: how leniencies are listed.
LISTED = re.compile(r'\("([a-z_]+_in_[a-z_]+|status_inactive|school_year_as_range)", ')


def test_every_rule_that_code_names_is_in_the_catalog():
    named = {rule for text in SOURCES for rule in SAID_IN_CODE.findall(text)}
    named |= {rule for text in SOURCES for rule in LISTED.findall(text)}
    assert len(named) > 15
    assert {*named, *UNUSABLE_RULES, *WAITING_RULES} - set(load_diagnostics()) == set()


def test_no_rule_stands_twice_in_the_catalog():
    catalog = Path(wraparound.__file__).parent / "contracts" / "diagnostics.yml"
    rules = Counter(re.findall(r"rule: (\w+)", catalog.read_text(encoding="utf-8")))
    assert [rule for rule, count in rules.items() if count > 1] == []


def test_codes_are_unique_and_no_contract_repeats_a_rule_of_the_catalog():
    codes = Counter(one.code for one in load_diagnostics().values())
    assert [code for code, count in codes.items() if count > 1 or code == CONTRACT_CODE] == []
    own = {said.diagnostic.rule for said in all_said() if said.feed}
    assert own & set(load_diagnostics()) == set()


def test_only_what_costs_nothing_is_a_leniency():
    assert {one.costs for one in load_diagnostics().values() if one.leniency} == {"nothing"}
    assert is_leniency("status_filled_in_bulk")
    assert not is_leniency("column_missing")
    assert not is_leniency("not_at_a_school")


def test_a_contracts_own_rule_speaks_in_its_own_words():
    known = diagnostic_of("roster", "roles", "end_before_begin")
    assert known is not None
    assert (known.code, known.says) == (CONTRACT_CODE, "EndDate is before beginDate.")
    assert advice("roster", "users", "not_a_date").startswith("The value cannot be read as a date")
    assert advice("roster", "users", "never heard of") == "Correct the row and send it again."


@pytest.mark.parametrize(
    "ways",
    [
        pytest.param({}, id="neither way"),
        pytest.param({"check": "true", "breaks": "true", "costs": "cell"}, id="both ways"),
        pytest.param({"breaks": "true"}, id="a row for what other records say"),
    ],
)
def test_a_rule_goes_one_way_and_takes_no_row_for_another_record(ways):
    with pytest.raises(ValueError, match=r"either|other records"):
        Rule.model_validate({"id": "x", "column": "y", "message": "z", **ways})
