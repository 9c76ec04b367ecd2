"""The shipped rules over tables: any row is what `explain` says of its household, and so is every border."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bench import city_tables
from engine.decide import Program
from engine.language.household import Household, Known, read_household
from engine.language.model import Fact
from engine.language.types import Base
from engine.sweep.lookup import raw_household
from engine.sweep.run import Job, Sweep
from tests import shipped
from tests.sweep import city
from tests.sweep.side_by_side import answered, compare, evaluate, first

ON = date(2025, 8, 1)
WHOLE = os.environ.get("JIUZHU_SOAK") == "1"


@pytest.fixture(scope="module")
def program() -> Program:
    return shipped.program()


@pytest.mark.parametrize("unknown", [0.0, 0.1], ids=["all known", "one in ten not known"])
def test_any_row_is_what_explain_says(program: Program, unknown: float, tmp_path: Path) -> None:
    """A city is swept with every policy; a sample of its households is read back and decided by the evaluator."""
    tables = city_tables.write(program.rulebook, 1500, tmp_path, unknown)
    one = city.sweep(program, *tables, tmp_path / "out", on=ON, conditions=True, everyone=True)
    (compiled, _), *_ = reversed(one.plans.scripts.values())
    rows = answered(tmp_path / "out", compiled)
    reader = Sweep(program.rulebook, Job(*map(str, tables), ON, tmp_path / "again", threads=1))
    lie = reader.tables(copied=False)
    differences, cells, aside = [], 0, 0
    for number in range(0, 1500, 5 if WHOLE else 50):
        name = f"h{number:09d}"
        raw = raw_household(reader.connection, *lie, name)
        assert raw is not None
        wanted = None if raw["members"] == [] else evaluate(program, read_household(raw, program.vocabulary), ON, name)
        ours = rows.get(name)
        if wanted is None or ours is None:
            aside += 1
            assert wanted is ours, name
            continue
        cells += len(wanted)
        differences += [
            f"{key}: sweep {ours.get(key, 'nothing')}, evaluator {wanted.get(key, 'nothing')}"
            for key in {**wanted, **ours}
            if ours.get(key, "nothing") != wanted.get(key, "nothing")
        ]
    reader.close()
    assert not differences, first(differences)
    assert cells > 10_000 and aside < 10


def test_borders_with_facts_withheld_come_to_the_same(program: Program, tmp_path: Path) -> None:
    """The examples stand on both sides of every border (the checker asks for it): each once a step to the side of where
    it stands, once with something that it knew withheld."""
    chance, households, names = random.Random(7), [], set()
    seen = 0
    for policy, example, household in shipped.examples():
        if example.on != ON or not program.rulebook.jurisdictions[policy.jurisdiction].in_force:
            continue
        seen += 1
        if WHOLE or seen % 6 == 0:
            households += [moved(household, program, chance), withheld(household, chance)]
            names.add(policy.id)
    found = compare(program, households, ON, tmp_path)
    assert not found.differences, first(found.differences)
    assert found.cells > 50_000 and len(names) > 40


def moved(household: Household, program: Program, chance: random.Random) -> Household:
    """One number or date of the household or of one member a smallest step to the side, where its limits allow."""
    facts = program.rulebook.facts
    whose: Any = chance.choice((household, *household.members))
    near = [name for name, known in whose.facts.items() if known.lo == known.hi and _can_move(facts[name])]
    if not near:
        return household
    name = chance.choice(near)
    fact, at = facts[name], whose.facts[name].lo
    step = chance.choice((-1, 1))
    if fact.type.base is Base.DATE:  # a day that exists
        step = -1 if at % 100 > 1 else 1
    if not fact.type.least * fact.type.scale <= at + step <= fact.type.most * fact.type.scale:
        step = -step
    return _with(household, whose, {**whose.facts, name: Known(at + step, at + step)})


def withheld(household: Household, chance: random.Random) -> Household:
    """A third of what is known of the household and of each member is not."""
    def some(facts: dict[str, Known]) -> dict[str, Known]:
        return {name: known for name, known in facts.items() if chance.randrange(3)}

    members = tuple(replace(m, facts=some(m.facts)) for m in household.members)
    return replace(household, facts=some(household.facts), members=members, open=-1)


def _can_move(fact: Fact) -> bool:
    return fact.type.numeric or fact.type.base is Base.DATE


def _with(household: Household, whose: Any, facts: dict[str, Known]) -> Household:
    if whose is household:
        return replace(household, facts=facts, open=-1)
    return replace(household, members=tuple(replace(m, facts=facts) if m is whose else m for m in household.members), open=-1)
