"""Jiuzhu itself on the twenty-five rules, and the plain facts it reads."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from bench.catalogue import forgetful
from bench.peers import Answers, Facts, Peer
from bench.peers.households import plain
from engine.decide import Decision, Program, compile_rulebook
from engine.language.household import Household, read_household
from engine.language.rulebook import load

RULES = Path(__file__).parents[1] / "rules25"
ON = date(2025, 8, 1)


def program25() -> Program:
    """The twenty-five rules, compiled."""
    return compile_rulebook(load(RULES))


def answers_of(decision: Decision) -> Answers:
    """Settled answers in the shape that is compared; what is not settled is left out."""
    found: Answers = {}
    for answer in decision.answers:
        amounts = answer.amounts
        if answer.certain == answer.possible and all(a.least == a.most for a in amounts):
            found[answer.policy.id, answer.member] = answer.certain, sum(a.least for a in amounts)
    return found


class Jiuzhu(Peer):
    name = "Jiuzhu"
    how = "every answer with both its ends and every trace row kept, nothing remembered; from a read household"

    def __init__(self, program: Program):
        self.program, self.anew = program, forgetful(program, ON)

    def prepare(self, facts: Facts) -> Household:
        return read_household(plain(facts), self.program.vocabulary)

    def decide(self, prepared: Household) -> Decision:
        return self.anew(prepared)

    def answers(self, decided: Decision, facts: Facts) -> Answers:
        return answers_of(decided)


class JiuzhuFromFacts(Jiuzhu):
    """The same from plain facts: every fact is checked on the way in."""

    name = "Jiuzhu, from plain facts"
    how = "the same, reading and checking every fact first"

    def prepare(self, facts: Facts) -> Any:
        return plain(facts)

    def decide(self, prepared: Any) -> Decision:
        return self.anew(read_household(prepared, self.program.vocabulary))
