"""What a new process does first: load the rules and decide one household. Imports nothing that only measuring needs."""

from __future__ import annotations

from datetime import date

from bench.catalogue import ROOT, family_of_four
from engine.decide import compile_rulebook, decide
from engine.language.household import read_household
from engine.language.rulebook import load


def first_answer() -> None:
    program = compile_rulebook(load(ROOT))
    decision = decide(program, read_household(family_of_four(), program.vocabulary), date(2025, 8, 1))
    assert decision.answers


if __name__ == "__main__":
    first_answer()
