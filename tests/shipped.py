"""The rules of the house, read and compiled once in a process. To read them takes over a second of a processor, and
to compile each day that some example is of takes several: so whoever only reads them takes these, and nobody changes
them. A test that patches the engine makes a rulebook of its own: a program keeps what it has compiled.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from engine.decide.examples import example_household
from engine.decide.program import Program, compile_rulebook
from engine.language.household import Household, HouseholdError, read_household
from engine.language.model import Example, Policy, Rulebook
from engine.language.rulebook import load
from engine.language.shipped import rule_files

ROOT = Path(__file__).resolve().parent.parent


@cache
def files() -> dict[str, str]:
    return rule_files(str(ROOT))


@cache
def rulebook() -> Rulebook:
    return load(ROOT)


@cache
def program() -> Program:
    return compile_rulebook(rulebook())


@cache
def examples() -> tuple[tuple[Policy, Example, Household], ...]:
    """Every example of a policy with its household, read but not decided."""
    found = []
    for policy in rulebook().policies:
        for example in policy.examples:
            try:
                household = read_household(example_household(rulebook(), example), program().vocabulary)
            except HouseholdError:
                continue
            found.append((policy, example, household))
    return tuple(found)
