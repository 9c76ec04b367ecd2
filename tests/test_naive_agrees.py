"""The engine and the naive evaluator agree on everything: on random rulebooks and on the real catalogue."""

from __future__ import annotations

import os
import random
from collections import Counter
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from engine.decide import compile_rulebook
from engine.language.household import HouseholdError, read_household
from engine.language.model import Rulebook
from engine.language.operators import OPERATORS
from tests import naive, shipped, worlds
from tests.agreement import differences
from tests.loops import size

WORLDS = int(1.6 * size("JIUZHU_EXAMPLES"))  # rulebooks in the seeded loop
PLACES = (None, None, None, frozenset({"there"}), frozenset({"here", "there"}))


def compared(seed: int, households: int = 6) -> list[str]:
    """The disagreements in one seeded world."""
    chance = random.Random(seed)
    world = worlds.world_of(chance)
    program = compile_rulebook(world.rulebook)
    found = []
    for _ in range(households):
        on = worlds.day_of(chance, world)
        raw = worlds.raw_household(chance, world, on, chance.choice((0, 10, 30, 60)))
        household = read_household(raw, worlds.vocabulary_of(world.rulebook))
        places = chance.choice(PLACES)
        said = differences(program, household, on, places)
        found += [f"seed {seed}, {on}, {sorted(places or ())}, {raw}:\n  " + "\n  ".join(said)] if said else []
    return found


@pytest.mark.parametrize("part", range(8), ids="part {}".format)
def test_the_engine_agrees_with_the_naive_evaluator(part: int) -> None:
    found = [text for seed in range(part, WORLDS, 8) for text in compared(seed)]
    assert not found, "\n".join(found[:3])


# Making a rulebook small takes minutes: JIUZHU_SHRINK=1 asks for it.
PHASES = tuple(
    phase for phase in Phase if phase not in (Phase.shrink, Phase.explain) or os.environ.get("JIUZHU_SHRINK") == "1"
)


@settings(phases=PHASES)
@given(st.randoms(use_true_random=False))
def test_the_engine_agrees_and_a_disagreement_is_made_small(chance: random.Random) -> None:
    world = worlds.world_of(chance, policies=chance.choice((1, 2, 3)))
    on = worlds.day_of(chance, world)
    household = worlds.household_of(chance, world, on, chance.choice((0, 20, 50)))
    assert differences(compile_rulebook(world.rulebook), household, on) == []


# ------------------------------------------------------------------------------------------- the worlds are not dull


@cache
def seen() -> Counter[str]:
    """What a hundred and ten worlds with four households each hold."""
    found: Counter[str] = Counter()
    for seed in range(110):
        chance = random.Random(seed)
        world = worlds.world_of(chance)
        book = world.rulebook
        found.update(f"op {expr.op}" for expr in worlds.expressions(book))
        trees = [c for p in book.policies for c in p.conditions()] + [
            f.condition for f in book.facts.values() if f.condition
        ]
        found.update(f"kind {node.kind}" for tree in trees for node in tree.walk())
        found.update(f"type {fact.type.base}" for fact in book.facts.values())
        found.update(f"derived {fact.level} {fact.type.base}" for fact in book.facts.values() if fact.derived)
        for parameter in book.parameters.values():
            found.update(f"key {'band' if key.band else 'choice'}" for key in parameter.keys)
            found[f"keys {len(parameter.keys)}"] += 1
            found["not published"] += any(not value.published for value in parameter.values)
            found["each_further"] += any(value.each_further for value in parameter.values)
        for policy in book.policies:
            found[f"for {policy.level}"] += 1
            found.update(f"per {item.per}, {item.round_mode}" for item in policy.gives)
            found["up_to"] += any(item.up_to for item in policy.gives)
            found["for_months"] += any(item.for_months is not None for item in policy.gives)
            found["item if"] += any(item.condition is not None for item in policy.gives)
        found.update(f"excludes {group.level}" for group in book.exclusions)
        for _ in range(4):
            _look(world, chance, found)
    return found


def _look(world: worlds.World, chance: random.Random, found: Counter[str]) -> None:
    on = worlds.day_of(chance, world)
    found["figure before its first day"] += any(p.on(on) is None for p in world.rulebook.parameters.values())
    try:
        answer = naive.answer(world.rulebook, worlds.household_of(chance, world, on), on)
    except naive.Refused as refused:
        found.update(f"refused {code}" for code, _, _ in refused.problems)
        return
    found.update(answer.status.values())
    found.update(f"truth {truth}" for truth in answer.truths.values())
    found.update(f"conditional on {len(names)}" for names in answer.conditional_on.values())
    found["not in force"] += len(answer.not_in_force)
    found.update("best named" if best is not None else "best open" for best in answer.best.values())
    found.update("missing receiving" for name, _ in answer.missing_order if name == "receiving")
    found["range of money"] += sum(0 < low < high for low, high in answer.amounts.values())
    found["part of a fen"] += sum(
        low.denominator > 1 for value in answer.facts.values() if isinstance(value, tuple) for low in value
    )


def test_every_operator_occurs() -> None:
    leaves = {"literal", "fact", "parameter", "let", "on"}
    assert {name for name in seen() if name.startswith("op ")} == {f"op {name}" for name in {*OPERATORS, *leaves}}
    assert min(seen()[f"op {name}"] for name in OPERATORS) >= 5


@pytest.mark.parametrize(
    "what",
    [
        *(f"kind {kind}" for kind in ("all", "any", "none", "not", "any_member", "every_member", "leaf")),
        *(
            f"type {kind}"
            for kind in ("money", "whole_number", "number", "ratio", "yes_no", "date", "choice", "choices", "text")
        ),
        *(
            f"derived {level} {kind}"
            for level in ("household", "member")
            for kind in ("money", "whole_number", "number", "yes_no", "choice")
        ),
        "key band",
        "key choice",
        "keys 1",
        "keys 2",
        "not published",
        "each_further",
        "figure before its first day",
        "for household",
        "for member",
        "up_to",
        "for_months",
        "item if",
        "excludes household",
        "excludes member",
        *(
            f"per {per}, {mode}"
            for per in ("once", "week", "fortnight", "month", "year")
            for mode in ("half_up", "up", "down")
        ),
        "refused nobody-counts",
        "refused cannot-be",
        "eligible",
        "ineligible",
        "undetermined",
        "truth True",
        "truth False",
        "truth None",
        "conditional on 1",
        "not in force",
        "best named",
        "best open",
        "missing receiving",
        "range of money",
        "part of a fen",
    ],
)
def test_the_worlds_reach(what: str) -> None:
    assert seen()[what] > 0


# ------------------------------------------------------------------------------------------------ the real catalogue


def changed(chance: random.Random, rulebook: Rulebook, raw: dict[str, Any], level: str) -> dict[str, Any]:
    """A household's or member's facts with some forgotten, some widened to a range, some brought to a figure of law."""
    found = dict(raw)
    figures = _figures(rulebook)
    for fact in rulebook.facts.values():
        if fact.derived or fact.level != level or fact.type.base == "text":
            continue
        dice = chance.randrange(100)
        if dice < 8:
            found.pop(fact.name, None)
        elif dice < 14:
            found[fact.name] = None
        elif dice < 30:
            found[fact.name] = _value(chance, rulebook, fact, figures)
    if chance.randrange(100) < 30:
        own = [name for name in rulebook.ids() if rulebook.level(name) == level]
        found["receiving"] = chance.choice((None, chance.sample(own, min(2, len(own)))))
    return found


def _value(chance: random.Random, rulebook: Rulebook, fact: Any, figures: list[Any]) -> Any:
    base = fact.type.base
    if base in ("choice", "choices"):
        names = rulebook.choices[fact.type.choices].values
        return chance.choice(names) if base == "choice" else [n for n in names if chance.randrange(3) == 0]
    if base == "yes_no":
        return bool(chance.randrange(2))
    if base == "date":
        return str(chance.randrange(1930, 2025)) + chance.choice(("-07-31", "-08-01", "-08-02", "-01-15", "-02-28"))
    scale = fact.type.scale
    least, most = int(fact.type.least * scale), int(fact.type.most * scale)

    def number() -> int:
        near = int(chance.choice(figures) * scale) * chance.choice((1, 1, 2, 3, 12)) + chance.choice((-1, 0, 1))
        return min(max(near, least), most)

    def shown(n: int) -> Any:
        return n if scale == 1 else Decimal(n) / scale

    if chance.randrange(3) == 0:
        low, high = sorted((number(), number()))
        return {"lowest": shown(low), "highest": shown(high)}
    return shown(number())


def _figures(rulebook: Rulebook) -> list[Any]:
    found = [0]
    for parameter in rulebook.parameters.values():
        for value in parameter.values:
            found += [
                v for v in (value.value, *(row.value for row in value.rows)) if v is not None and parameter.type.numeric
            ]
    return found


@pytest.mark.parametrize("part", range(4), ids="part {}".format)
def test_the_engine_agrees_on_the_catalogue(part: int) -> None:
    program = shipped.program()
    rulebook = program.rulebook
    chance = random.Random(part)
    days = sorted(
        {policy.from_date for policy in rulebook.policies}
        | {v.from_date for p in rulebook.parameters.values() for v in p.values}
    )
    days = [day for day in days if day.year >= 2016]
    tried = 0
    for _ in range(max(8, WORLDS // 20)):
        base = chance.choice(list(rulebook.households.values()))
        raw = changed(chance, rulebook, {k: v for k, v in base.items() if k != "members"}, "household")
        raw["members"] = [changed(chance, rulebook, member, "member") for member in base["members"]]
        on = chance.choice(days)
        try:
            household = read_household(raw, program.vocabulary)
        except HouseholdError:
            continue
        said = differences(program, household, on)
        assert not said, f"{on} {raw}\n" + "\n".join(said[:20])
        tried += 1
    assert tried > 5
