"""The family of four the real catalogue is measured with, and the list of the twenty-five rules."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from engine.decide import Decision, Program
from engine.decide.remembered import Memory, memory_of
from engine.decide.run import run
from engine.language.fields import plain
from engine.language.household import Household, HouseholdError, Vocabulary, read_household
from engine.language.model import Fact
from engine.language.problems import Problems
from engine.language.source import read_yaml
from engine.language.types import Base, day_number, day_of

ROOT = Path(__file__).parents[1]
EXAMPLE = "docs/examples/complex.yaml"
LIST = "bench/rules25.yaml"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def read_plain(path: str) -> Any:
    """A YAML file of the project as plain data, read strictly."""
    problems = Problems()
    node = read_yaml((ROOT / path).read_bytes(), path, problems)
    assert node is not None and not len(problems), problems.sorted()
    return plain(node)


def family_of_four() -> dict[str, Any]:
    """The example of three generations and a second child: plain facts, as a caseworker would send them."""
    facts: dict[str, Any] = read_plain(EXAMPLE)
    child = next(member for member in facts["members"] if member["id"] == "c")
    return {**facts, "members": [*facts["members"], {**child, "id": "d", "birth_date": "2016-03-04"}]}


def forgetful(program: Program, on: date) -> Callable[[Household], Decision]:
    """`decide` with nothing remembered from one household to the next: every function runs for everybody."""
    there = program.edition(on)
    edition = replace(there, parameters=(*there.parameters[:-1], there.parameters[-1]))  # equal, yet another memory
    functions = (*program.functions.values(), *program.flat_functions.values(), *program.labels.values())
    forgets: Memory | None = None

    def decided(household: Household) -> Decision:
        nonlocal forgets
        memory = memory_of(edition.parameters, day_number(on))
        if memory is not forgets:  # the first time, and whenever all memories were let go
            for each in functions:
                memory.of(each).found = None
            forgets = memory
        return Decision(program, edition, household, run(program, edition, household))

    return decided


# What a first conversation often leaves open: one member's income and savings, and what was spent on health.
GAPS = ("other_income", "savings", "yearly_medical_costs")


def with_gaps(facts: dict[str, Any]) -> dict[str, Any]:
    """The same family, some facts of it not known."""

    def without(given: dict[str, Any]) -> dict[str, Any]:
        return {key: None if key in GAPS else value for key, value in given.items()}

    first, second, *others = facts["members"]
    return {**without(facts), "members": [first, without(second), *others]}


def others(facts: dict[str, Any], vocabulary: Vocabulary, many: int, seed: int = 1) -> list[Household]:
    """Families like this one with other sums and other days of birth: what was said of one is not yet said of another."""
    random, found = Random(seed), []
    while len(found) < many:
        drawn = {**_other(facts, random), "members": [_other(member, random) for member in facts["members"]]}
        try:
            found.append(read_household(drawn, vocabulary))
        except HouseholdError:
            continue  # a sum past its limits
    return found


def _other(given: dict[str, Any], random: Random) -> dict[str, Any]:
    def drawn(value: Any) -> Any:
        if isinstance(value, Decimal):
            return Decimal(random.randrange(1_000_000)) / 100
        if isinstance(value, str) and _DAY.fullmatch(value):
            return (
                f"{int(value[:4]) + random.randrange(-3, 4)}-{random.randrange(1, 13):02}-{random.randrange(1, 29):02}"
            )
        return value

    return {key: drawn(value) for key, value in given.items()}


def nothing_open(facts: dict[str, Any], vocabulary: Vocabulary) -> dict[str, Any]:
    """The same family with every fact it leaves out answered: no, none, the first choice, or the least there can be."""

    def level(name: str, given: dict[str, Any]) -> dict[str, Any]:
        asked = {fact.name: _least(fact, vocabulary) for fact in vocabulary.facts[name].values()}
        known = {key: value for key, value in given.items() if value is not None}
        return {"receiving": [], **asked, **known}

    return {**level("household", facts), "members": [level("member", member) for member in facts["members"]]}


def _least(fact: Fact, vocabulary: Vocabulary) -> Any:
    base = fact.type.base
    if base is Base.YES_NO:
        return False
    if base is Base.TEXT:
        return ""
    if base is Base.CHOICES:
        return []
    if base is Base.CHOICE:
        values = vocabulary.choices[fact.type.choices].values
        return "none" if "none" in values else values[0]
    if base is Base.DATE:
        return day_of(int(fact.type.least)).isoformat()
    return Decimal(fact.type.least.numerator) / Decimal(fact.type.least.denominator)
