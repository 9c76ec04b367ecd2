"""The sweep and the evaluator say the same of every household: each status, condition and fen."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest

from engine.decide import Program, compile_rulebook
from engine.decide.examples import run_examples
from engine.language.household import Household
from engine.language.rulebook import load
from engine.sweep.fold import CannotSweep
from tests import worlds
from tests.sweep.side_by_side import Compared, compare, first

ROOT = Path(__file__).parent.parent.parent
CELLS = int(os.environ.get("JIUZHU_CELLS", "100000" if os.environ.get("CI") == "true" else "20000"))
SEED = int(os.environ.get("JIUZHU_SEED", "1"))


@pytest.fixture(scope="module")
def program() -> Program:
    return compile_rulebook(load(ROOT))


def test_every_example_comes_to_the_same(program: Program, tmp_path: Path) -> None:
    """The examples of all policies, swept together for each day and jurisdiction they are written for."""
    tried: dict[tuple[date, frozenset[str] | None], list[Household]] = defaultdict(list)
    for policy, example, decision in run_examples(program):
        home = program.rulebook.jurisdictions[policy.jurisdiction]
        tried[example.on, None if home.in_force else frozenset({policy.jurisdiction})].append(decision.household)
    found = Compared()
    for (on, places), households in tried.items():
        found = found + compare(program, households, on, tmp_path, places)
    assert not found.differences, first(found.differences)
    assert found.cells > 1000


def test_every_example_comes_to_the_same_with_two_ends_everywhere(program: Program, tmp_path: Path) -> None:
    """The plan for chunks with gaps gives what the plan for complete ones gives."""
    tried: dict[date, list[Household]] = defaultdict(list)
    for policy, example, decision in run_examples(program):
        if program.rulebook.jurisdictions[policy.jurisdiction].in_force:
            tried[example.on].append(decision.household)
    on = max(tried, key=lambda day: len(tried[day]))
    found = compare(program, tried[on], on, tmp_path, two_ends=True)
    assert not found.differences, first(found.differences)


def test_random_rules_and_households_come_to_the_same(tmp_path: Path) -> None:
    """Random rulebooks, random households with facts missing or only known in part: JIUZHU_CELLS of them, none differs."""
    found, beyond, tried = Compared(), 0, 0
    chance = random.Random(SEED)
    while found.cells < CELLS:
        seed = chance.randrange(2**32)
        here = random.Random(seed)
        world = worlds.world_of(here)
        program, on = compile_rulebook(world.rulebook), worlds.day_of(here, world)
        unknown = here.choice((0, 0, 10, 25, 50))
        households = [worlds.household_of(here, world, on, unknown) for _ in range(60)]
        tried += 1
        try:
            one = compare(program, households, on, tmp_path, two_ends=here.randrange(4) == 0)
        except CannotSweep:
            beyond += 1
            continue
        found = found + one
        assert not one.differences, f"world {seed}\n{first(one.differences)}"
    assert beyond <= tried / 5, f"{beyond} of {tried} rulebooks were beyond the compiler"
