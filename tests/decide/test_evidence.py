"""A record is brief: what it leaves out must be found again, and be the same."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engine.decide import Decision, Program, decide
from engine.decide.evidence import evidence, outcomes_in
from engine.decide.record import canonical, in_full, record, spelled_out
from engine.language.household import read_household
from tests import shipped

ROOT = Path(__file__).parent.parent.parent
ON = date(2025, 8, 1)
SPARSE: dict[str, Any] = {"members": [{"id": "a", "birth_date": "1950-01-01"}, {"id": "b", "birth_date": "2015-01-01"}, {"id": "c"}]}


@pytest.fixture(scope="module")
def catalogue() -> Program:
    return shipped.program()


@pytest.fixture(scope="module", params=["told", "sparse"])
def decision(request: pytest.FixtureRequest, catalogue: Program) -> Decision:
    told = json.loads((ROOT / "docs/examples/request.json").read_text(encoding="utf-8"))["household"]
    facts = told if request.param == "told" else SPARSE
    return decide(catalogue, read_household(facts, catalogue.vocabulary), ON)


def test_the_letters_on_record_are_the_outcomes_of_the_trace(decision: Decision) -> None:
    answers = record(decision)["answers"]
    several = 0
    for brief, more, answer in zip(answers, evidence(decision)["answers"], decision.answers, strict=True):
        wanted = {(id, member): word for id, member, word, *_ in more["trace"]}
        found = outcomes_in(brief["truths"], answer.layout, answer.members)
        assert {(id, member): word for id, member, word in found} == wanted and len(found) == len(more["trace"])
        several += "(" in brief["truths"]
    assert several


@pytest.mark.parametrize("wrong", ["", "y", "y" * 500, "x"])
def test_letters_of_another_shape_are_refused(decision: Decision, wrong: str) -> None:
    for answer in decision.answers:
        if len(answer.layout.conditions) > 1:
            with pytest.raises(ValueError):
                outcomes_in(wrong, answer.layout, answer.members)


def test_spelled_out_it_names_every_answer_that_waits_for_a_fact(decision: Decision) -> None:
    said = spelled_out(json.loads(canonical(decision)))
    pairs = lambda keys: sorted([policy, member or ""] for policy, member in keys)  # noqa: E731
    assert [(m["fact"], m["member"] or "") for m in said["missing"]] == [(m.fact, m.member) for m in decision.missing]
    for told, missing in zip(said["missing"], decision.missing, strict=True):
        assert pairs(told["policies"]) == pairs(missing.policies)
        assert pairs(told["amounts"]) == pairs(missing.amounts)
    for told, answer in zip(said["answers"], decision.answers, strict=True):
        assert told["missing"] == [[fact, member or None] for fact, member in decision.missing_for(answer)]
        assert (told["member"], told["receives"], told["status"]) == (answer.member or None, answer.receives, answer.status)
        assert len(told["amounts"]) == (len(answer.amounts) if answer.possible else 0)


def test_the_digest_of_the_evidence_follows_every_value(catalogue: Program) -> None:
    def digest(income: str) -> str:
        facts = {"members": [{"id": "a", "birth_date": "1980-01-01", "labour_income": income}]}
        found: str = record(decide(catalogue, read_household(facts, catalogue.vocabulary), ON))["evidence"]
        return found

    assert digest("1000.00") == digest("1000.00") != digest("1000.01")


def test_in_full_it_is_far_longer(decision: Decision) -> None:
    made = record(decision)
    assert len(json.dumps(in_full(made, decision))) > 3 * len(canonical(decision))
