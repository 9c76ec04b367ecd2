"""More facts never flip a settled answer, and who tells everything gets an answer without gaps.

A completion gives every unknown one value inside its range: facts, `receiving`, and figures of law that are not
published (or not yet), which are written into the rulebook. JIUZHU_COMPLETIONS says how many are drawn.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from engine.decide import compile_rulebook, decide
from engine.language.household import (
    Household,
    HouseholdError,
    Known,
    Member,
    canonical_household,
    read_household,
)
from engine.language.model import DatedValue, Fact, Parameter, Row, Rulebook
from engine.language.types import Base
from tests import naive, worlds
from tests.agreement import engine_answer
from tests.loops import Did, size

COMPLETIONS = size("JIUZHU_COMPLETIONS")
PARTS = 8
HOUSEHOLDS = 5  # to a rulebook
BOOKS = 2  # completions of a rulebook's figures
EACH = 4  # completions of a household under each


# ----------------------------------------------------------------------------------------------- making it complete


def a_number(chance: random.Random, least: int, most: int) -> int:
    """Often an end, where a bound is reached; else anything between."""
    return chance.choice((least, most)) if chance.randrange(2) else chance.randint(least, most)


def a_day(chance: random.Random, least: int, most: int) -> int:
    """A day of the calendar as yyyymmdd."""

    def day(number: int) -> int:
        return date(number // 10000, number // 100 % 100, number % 100).toordinal()

    found = date.fromordinal(a_number(chance, day(least), day(most)))
    if chance.randrange(3) == 0:  # most rules only look at the years around their own
        near = date.fromordinal(chance.randint(worlds.DAY.toordinal() - 9000, worlds.DAY.toordinal() + 60))
        found = near if least <= near.year * 10000 + near.month * 100 + near.day <= most else found
    return found.year * 10000 + found.month * 100 + found.day


def a_value(chance: random.Random, fact: Fact, known: Known | None, rulebook: Rulebook) -> Known:
    base = fact.type.base
    if base is Base.YES_NO:
        return known or Known(*[bool(chance.randrange(2))] * 2)
    if base in (Base.CHOICE, Base.CHOICES):
        names = rulebook.choices[fact.type.choices]
        if known is not None:
            return known
        mask = 1 << chance.randrange(len(names.values)) if base is Base.CHOICE else chance.randint(0, names.every)
        return Known(mask, mask)
    least, most = (
        (known.lo, known.hi)
        if known
        else (int(fact.type.least * fact.type.scale), int(fact.type.most * fact.type.scale))
    )
    found = (a_day if base is Base.DATE else a_number)(chance, least, most)
    return Known(found, found)


def completed_facts(chance: random.Random, who: Household | Member, level: str, rulebook: Rulebook) -> dict[str, Any]:
    facts = {
        fact.name: a_value(chance, fact, who.facts.get(fact.name), rulebook)
        for fact in rulebook.facts.values()
        if not fact.derived and fact.level == level and fact.type.base is not Base.TEXT
    }
    own = [name for name in rulebook.ids() if rulebook.level(name) == level]
    drawn = who.receiving if who.receiving is not None else frozenset(name for name in own if chance.randrange(2))
    return {"facts": facts, "receiving": drawn}


def completed(chance: random.Random, household: Household, rulebook: Rulebook) -> Household:
    """The household with every unknown given one value."""
    members = tuple(replace(m, **completed_facts(chance, m, "member", rulebook)) for m in household.members)
    whole = replace(household, members=members, **completed_facts(chance, household, "household", rulebook))
    vocabulary = worlds.vocabulary_of(rulebook)  # told from the start, as a caseworker would: written down and read
    return read_household(canonical_household(whole, vocabulary), vocabulary)


def published(chance: random.Random, rulebook: Rulebook) -> Rulebook:
    """The rulebook with every figure that is not published, or only from a later day, given one value."""

    def figure(parameter: Parameter) -> Fraction:
        scale = parameter.type.scale
        return Fraction(a_number(chance, int(parameter.type.least * scale), int(parameter.type.most * scale)), scale)

    def filled(parameter: Parameter, value: DatedValue, anew: bool = False) -> DatedValue:
        rows = tuple(Row(r.keys, figure(parameter) if anew or r.value is None else r.value) for r in value.rows)
        single = figure(parameter) if not rows and (anew or value.value is None) else value.value
        return replace(value, rows=rows, value=single, each_further=None if anew else value.each_further)

    found = {}
    for name, parameter in rulebook.parameters.items():
        first = parameter.values[0]
        before = replace(filled(parameter, first, anew=True), from_date=date(1900, 1, 1))
        values = (before, *(filled(parameter, value) for value in parameter.values))
        found[name] = replace(parameter, values=values)
    return replace(rulebook, parameters=found)


# ------------------------------------------------------------------------------------------------------- comparing


def inside(value: Any, bounds: Any) -> bool:
    """Whether a value of the completed household is one that the first answer left open."""
    if isinstance(bounds, tuple):
        return bool(bounds[0] <= value[0] and value[1] <= bounds[1])
    if isinstance(bounds, frozenset):
        return bool(value <= bounds)
    if isinstance(bounds, naive.Several):
        return bounds.must <= value.must and value.may <= bounds.may
    return bounds is None or value is bounds


def flips(before: naive.Answer, after: naive.Answer) -> Iterator[str]:
    """What a completion changed that was settled, or left the bounds that were told."""
    for name in ("facts", "truths", "lets", "amounts"):
        first, then = getattr(before, name), getattr(after, name)
        assert first.keys() == then.keys()
        for key, bounds in first.items():
            if not inside(then[key], bounds):
                yield f"{name} {key}: {bounds} became {then[key]}"
    for key, status in before.status.items():
        if status != "undetermined" and after.status[key] != status:
            yield f"status {key}: {status} became {after.status[key]}"
    for key, best in before.best.items():
        if best is not None and key in after.best:  # else nothing is left to choose
            left = set(best) & {name for choice in after.worth[key] for name in choice}
            now = after.best[key]
            # where a part of the best is ruled out, others may be worth exactly as much and stand first in the catalogue
            equal = [o for o, worth in after.worth[key].items() if now is not None and worth == after.worth[key][now]]
            if not any(set(option) >= left for option in equal):
                yield f"best {key}: {best} became {now} of {after.worth[key]}"


def gaps(answer: naive.Answer, rulebook: Rulebook) -> Iterator[str]:
    """What is still open although everything was told."""
    up_to = {(p.id, item.id) for p in rulebook.policies for item in p.gives if item.up_to}
    for name in ("facts", "truths", "lets", "amounts"):
        for key, value in getattr(answer, name).items():
            if not naive.known(value) and not (name == "amounts" and (key[0], key[2]) in up_to):
                yield f"{name} {key}: {value}"
    yield from (f"status {key}" for key, status in answer.status.items() if status == "undetermined")
    yield from (f"missing {fact}" for fact in answer.missing_order)


def all_is_told(rulebook: Rulebook, absent: tuple[str, ...]) -> bool:
    """Whether nothing in force asks about a policy that is not: that may be unknown whatever is told."""
    return not any(e.op in ("qualifies", "holds") and e.name in absent for e in worlds.expressions(rulebook))


@dataclass
class Tally:
    seen: Counter[str]
    wrong: list[str]


def tried(seeds: Iterator[int], wanted: int) -> Tally:
    """Completions of random households in worlds of these seeds, until there are enough."""
    tally = Tally(Counter(), [])
    while tally.seen["completions"] < wanted and len(tally.wrong) < 5:
        seed = next(seeds)
        chance = random.Random(seed)
        world = worlds.world_of(chance)
        program = compile_rulebook(world.rulebook)
        books = [compile_rulebook(published(chance, world.rulebook)) for _ in range(BOOKS)]
        for _ in range(HOUSEHOLDS):
            on = worlds.day_of(chance, world)
            household = worlds.household_of(chance, world, on, chance.choice((10, 30, 60)))
            try:
                before = engine_answer(decide(program, household, on))
            except HouseholdError:
                continue
            tally.seen["households"] += 1
            for _ in range(BOOKS * EACH):
                book = chance.choice(books)
                more = completed(chance, household, world.rulebook)
                try:
                    after = engine_answer(decide(book, more, on))
                except HouseholdError:
                    tally.seen["refused"] += 1
                    continue
                tally.seen["completions"] += 1
                tally.seen["settled"] += sum(s != "undetermined" for s in before.status.values())
                tally.seen["best"] += sum(best is not None for best in before.best.values())
                found = list(flips(before, after))
                if all_is_told(world.rulebook, after.not_in_force):
                    tally.seen["complete"] += 1
                    found += [f"open though all is told: {gap}" for gap in gaps(after, world.rulebook)]
                if found:
                    tally.wrong.append(
                        f"seed {seed}, {on}, {household}\n completed: {more}\n  " + "\n  ".join(found[:6])
                    )
    return tally


@pytest.mark.parametrize("part", range(PARTS), ids="part {}".format)
def test_more_facts_never_flip_a_settled_answer(part: int, did: Did) -> None:
    tally = tried(iter(range(part, 10**9, PARTS)), -(-COMPLETIONS // PARTS))
    assert not tally.wrong, "\n".join(tally.wrong)
    # the test looks at something: not all is refused, settled answers and best choices are among it
    assert tally.seen["completions"] > tally.seen["refused"]
    assert min(tally.seen[what] for what in ("settled", "complete")) > tally.seen["completions"] // 4
    assert tally.seen["best"] > 0
    did("JIUZHU_COMPLETIONS", **{what: tally.seen[what] for what in ("completions", "households", "settled")})


def test_a_flip_is_seen() -> None:
    """The comparison can fail: an answer whose bounds were drawn too tight is caught."""
    tight = naive.Answer(
        {("f", None): (Fraction(1), Fraction(2))},
        {("p", None): "eligible"},
        {},
        {},
        {("p", None, "i"): (Fraction(0), Fraction(5))},
    )
    wide = naive.Answer(
        {("f", None): (Fraction(3), Fraction(3))},
        {("p", None): "ineligible"},
        {},
        {},
        {("p", None, "i"): (Fraction(6), Fraction(6))},
    )
    assert len(list(flips(tight, wide))) == 3
    assert list(flips(tight, tight)) == []
