"""What is remembered of other households changes no byte of an answer, and what is put together from kept pieces is what
it would be if it were written anew."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from engine.decide import Program, compile_rulebook, decide, remembered
from engine.decide.record import Written, brief, canonical, record
from engine.decide.run import run
from engine.language.canonical import dumps
from engine.language.household import Household, HouseholdError, read_household
from engine.ledger.phrases import Phrases
from engine.ledger.recording import index_of
from tests import shipped, worlds
from tests.little import decided, family, policy, program_of

WORLDS, HOUSEHOLDS = 15, 12

City = tuple[Program, date, list[Household]]


def city(number: int) -> City:
    """A random rulebook, a day of it, and households many of which are alike, as those of a city are."""
    chance = random.Random(f"remembered {number}")
    world = worlds.world_of(chance)
    program = compile_rulebook(world.rulebook)
    on = worlds.day_of(chance, world)
    found: list[Household] = []
    while len(found) < 3 * HOUSEHOLDS:
        raw = worlds.raw_household(chance, world, on)
        for _ in range(3):
            try:
                household = read_household(raw, program.vocabulary)
                decide(program, household, on)
            except HouseholdError:
                break
            found.append(household)
            level = chance.choice([raw, *raw["members"]])  # the next of the three differs in one fact
            names = [name for name in level if name not in ("id", "members")]
            if names:
                name = chance.choice(names)
                level[name] = None if chance.randrange(2) else worlds.raw_household(chance, world, on)["members"][0].get(name)
    return program, on, found


def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is remembered from one decision to the next."""
    monkeypatch.setattr(remembered, "MOST_IN_ALL", -1)


def written(found: City) -> Iterator[tuple[bytes, bytes, bytes]]:
    program, on, households = found
    phrases = Phrases(program.rulebook)
    for household in households:
        decision = decide(program, household, on)
        yield canonical(decision), Written(decision).brief, index_of(decision, phrases, "k", "h_1").written()


# Two: kept, thrown away and given up all the time; thirty in all: every memory let go all the time.
@pytest.mark.parametrize(("most", "in_all"), [(2, 20_000), (400, 20_000), (400, 30)])
@pytest.mark.parametrize("number", range(WORLDS))
def test_what_is_remembered_changes_no_byte(
    number: int, most: int, in_all: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = city(number)
    with monkeypatch.context() as patched:
        forgetful(patched)
        alone = list(written(found))
    monkeypatch.setattr(remembered, "MOST", most)
    monkeypatch.setattr(remembered, "MOST_IN_ALL", in_all)
    assert list(written(found)) == alone
    assert list(written(found)) == alone


@pytest.mark.parametrize("number", range(WORLDS))
def test_pieces_make_what_the_whole_would_be(number: int) -> None:
    program, on, households = city(number)
    for household in households:
        decision = decide(program, household, on)
        made = record(decision)
        assert canonical(decision) == dumps(made)
        assert Written(decision).brief == dumps(brief(made))


def test_a_function_that_is_never_asked_the_same_thing_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST", 10)
    program = program_of(policy(when="- id: poor\n  if: per_head < standard"))
    for income in range(40):
        decision = decided(program, family({"income": income}))
    (each,) = decision.edition.order
    memory = remembered.memory_of(decision.edition.parameters, 20200601).of(each.function(decision.household.open))
    assert memory.found is None and decision.answers[0].status == "eligible"


def test_all_days_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each day has its own memory, and there is no end of days under the same figures."""
    monkeypatch.setattr(remembered, "MOST_IN_ALL", 50)
    program = program_of(policy(when="- id: poor\n  if: per_head < standard"))
    edition, most = program.edition(date(2020, 6, 1)), 0
    for number in range(300):
        household = read_household(family({"income": number}), program.vocabulary)
        run(program, replace(edition, on=edition.on + timedelta(days=number)), household)
        most = max(most, sum(each.size() for _, days in remembered._MEMORY.found.values() for each in days.values()))
    assert 25 < most <= 50 + 50 // 4 + 10  # counted at every quarter, and at most one decision later


def test_every_slot_a_function_reads_is_in_its_key() -> None:
    """The slots named in a function's text are those it says it reads."""
    program = shipped.program()
    for functions in (program.functions, program.flat_functions, program.labels):
        for key in functions:
            function = functions[key]
            read = {"h": set[int](), "m": set[int](), "each": set[int]()}
            for row, at in re.findall(r"\b(h|m\d*)\[(\d+)\]", function.source):
                read[row if row in ("h", "m") else "each"].add(int(at))
            assert tuple(map(tuple, map(sorted, read.values()))) == (
                function.reads.whole, function.reads.own, function.reads.each,
            ), key  # fmt: skip
            assert function.reads.members == (" in ms:" in function.source), key


def test_a_household_of_two_is_not_one_of_one() -> None:
    """Nothing is read of the members, but there is a row of outcomes for each of them."""
    program = program_of(policy(when="- id: driven\n  if: any_member(car)"))
    for members in ([{}], [{}, {}], [{}, {}, {}]):
        (answer,) = decided(program, family(*members, car=True)).answers
        assert len(answer.outcomes.each("driven")) == len(members)


def test_equal_is_not_the_same() -> None:
    """1 == True, but 1 is no yes, also where yes was read before."""
    program = program_of(policy())
    fact = next(f for f in program.rulebook.facts.values() if f.type.base.value == "yes_no" and f.level == "household")
    for _ in range(2):
        read_household(family({}, **{fact.name: True}), program.vocabulary)
        with pytest.raises(HouseholdError):
            read_household(family({}, **{fact.name: 1}), program.vocabulary)
