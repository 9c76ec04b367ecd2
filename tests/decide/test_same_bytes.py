"""The same facts give the same bytes, in whatever order they come."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

from engine.decide import decide
from engine.decide.examples import example_household
from engine.decide.record import canonical, in_full, record
from engine.language.household import Known, canonical_household, household_json, read_household
from engine.language.rulebook import load_texts
from tests import shipped
from tests.little import decided, family, policy, program_of, texts


def shuffled(value: Any, by: random.Random) -> Any:
    """The same data with keys and members in another order."""
    if isinstance(value, dict):
        keys = list(value)
        by.shuffle(keys)
        found = {key: shuffled(value[key], by) for key in keys}
        if "members" in found:
            by.shuffle(found["members"])
        return found
    return [shuffled(item, by) for item in value] if isinstance(value, list) else value


def test_order_of_members_and_keys_changes_no_byte() -> None:
    program = shipped.program()
    by = random.Random(7)
    for version, example, household in shipped.examples()[::20]:
        decision = decide(program, household, example.on)
        raw = shuffled(example_household(program.rulebook, example), by)
        again = decided(program, raw, example.on)
        assert canonical(again) == canonical(decision), version.id


def test_order_of_files_changes_no_digest() -> None:
    files = texts(policy("one"), policy("two"))
    backwards = dict(reversed(files.items()))
    assert load_texts(files).digest == load_texts(backwards).digest
    files["rules/main/policy_0.yaml"] += "# a remark\n"
    assert load_texts(files).digest != load_texts(backwards).digest


def test_a_household_reads_back_from_its_canonical_form() -> None:
    program = program_of(policy())
    raw = family(
        {"born": {"earliest": "1990-01-01", "latest": "1990-12-31"}, "income": {"value": "12.50", "source": "公司", "verified": True}},
        {"badge": "red", "badges": ["blue", "red"], "away": None, "receiving": []},
        car=None, rent={"lowest": "1.00", "highest": "2.00"},
    )
    household = read_household(raw, program.vocabulary)
    again = read_household(json.loads(json.dumps(canonical_household(household, program.vocabulary))), program.vocabulary)
    assert again == household


def test_a_changed_copy_of_a_household_does_not_say_what_was_read() -> None:
    """What is written of a household as it is read belongs to it alone."""
    program = program_of(policy())
    raw = family({"income": "12.50"}, {"badges": ["blue", "red"], "away": None}, receiving=[], rent="3.00")
    household = read_household(raw, program.vocabulary)
    copy = replace(household)
    assert household.read and not copy.read
    assert household_json(copy, program.vocabulary) == household_json(household, program.vocabulary)
    poorer = replace(household, facts={**household.facts, "rent": Known(100, 100)})
    assert canonical_household(poorer, program.vocabulary)["rent"] == "1"


def test_the_record_says_what_an_auditor_needs() -> None:
    program = program_of(policy(when="- id: poor\n  if: per_head < standard"))
    decision = decided(program, family({"income": 999, "away": False, "born": "1990-05-01"}, receiving=[]))
    made = record(decision)
    assert made["rulebook"] == program.rulebook.digest and made["format"] == "jiuzhu-decision-5"
    assert made["answers"][0]["truths"] == "yy" and len(made["evidence"]) == 64
    whole = in_full(made, decision)
    (answer,) = whole["answers"]
    assert answer["trace"] == [["poor", None, "yes", "999", "1000"], ["when", None, "yes"]]
    assert whole["figures"]["standard"] == {"from": "2020-01-01", "source": "a notice", "verified": True, "value": "1000"}
    assert whole["declared"] == {"given": 3, "sourced": 0, "verified": 0}
