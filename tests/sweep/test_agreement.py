"""The sweep and the evaluator say the same of every household: each status, condition and fen."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engine.decide import Program, compile_rulebook
from engine.language.household import Household
from engine.sweep.fold import CannotSweep
from tests import shipped, worlds
from tests.loops import Did, size
from tests.sweep.side_by_side import Compared, compare, first

CELLS = size("JIUZHU_CELLS")
HOUSEHOLDS = 300  # to a random rulebook
PARTS = 6  # of the examples' days and of the random cells, so that workers can share them
SEED = int(os.environ.get("JIUZHU_SEED", "1"))


@pytest.fixture(scope="module")
def program() -> Program:
    return shipped.program()


Day = tuple[date, frozenset[str] | None]


@pytest.fixture(scope="module")
def examples(program: Program) -> dict[Day, tuple[set[str], list[Household]]]:
    """By day and jurisdiction: the policies whose examples fall on it, and the households."""
    found: dict[Day, tuple[set[str], list[Household]]] = defaultdict(lambda: (set(), []))
    for policy, example, household in shipped.examples():
        home = program.rulebook.jurisdictions[policy.jurisdiction]
        names, households = found[example.on, None if home.in_force else frozenset({policy.jurisdiction})]
        names.add(policy.id)
        households.append(household)
    return found


def test_every_policy_has_examples_to_compare(program: Program, examples: Any) -> None:
    assert {name for names, _ in examples.values() for name in names} == set(program.rulebook.ids())


@pytest.mark.parametrize("part", range(PARTS), ids="part {}".format)
def test_the_examples_of_every_policy_come_to_the_same(
    program: Program, examples: Any, tmp_path: Path, part: int
) -> None:
    """Each day's examples in one sweep of the policies they stand beside; some eighty days, shared out."""
    found = Compared()
    busiest = max(examples, key=lambda day: len(examples[day][1]))  # the next test's
    days = sorted((day for day in examples if day != busiest), key=lambda day: (day[0], sorted(day[1] or ())))
    for day in days[part::PARTS]:
        names, households = examples[day]
        found = found + compare(program, households, day[0], tmp_path, day[1], only=frozenset(names))
    assert not found.differences, first(found.differences)
    assert found.cells > 1_000


@pytest.mark.parametrize("two_ends", [False, True], ids=["as the columns are", "as if every column had gaps"])
def test_the_whole_catalogue_comes_to_the_same(program: Program, examples: Any, two_ends: bool, tmp_path: Path) -> None:
    """The day with most examples, every policy in force."""
    on, places = max(examples, key=lambda day: len(examples[day][1]))
    households = examples[on, places][1]
    found = compare(program, households[::3] if two_ends else households, on, tmp_path, places, two_ends)
    assert not found.differences, first(found.differences)
    assert found.cells > 10_000


@pytest.mark.parametrize("part", range(PARTS), ids="part {}".format)
def test_random_rules_and_households_come_to_the_same(tmp_path: Path, part: int, did: Did) -> None:
    """Random rulebooks, random households with facts missing or only known in part: JIUZHU_CELLS of them, none differs.

    A rulebook takes as long to compile and to plan as some hundred households to decide, hence so many to each."""
    found, beyond, tried, decided = Compared(), 0, 0, 0
    chance = random.Random(SEED * PARTS + part)
    while found.cells < -(-CELLS // PARTS):
        seed = chance.randrange(2**32)
        here = random.Random(seed)
        world = worlds.world_of(here)
        program, on = compile_rulebook(world.rulebook), worlds.day_of(here, world)
        unknown = here.choice((0, 0, 10, 25, 50))
        households = [worlds.household_of(here, world, on, unknown) for _ in range(HOUSEHOLDS)]
        tried += 1
        try:
            one = compare(program, households, on, tmp_path, two_ends=here.randrange(4) == 0)
        except CannotSweep:
            beyond += 1
            continue
        found = found + one
        decided += len(households)
        assert not one.differences, f"world {seed}\n{first(one.differences)}"
    assert beyond <= tried / 5, f"{beyond} of {tried} rulebooks were beyond the compiler"
    did("JIUZHU_CELLS", cells=found.cells, rulebooks=tried - beyond, households=decided)
