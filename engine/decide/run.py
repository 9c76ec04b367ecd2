"""Runs a program over a household: once as it is, and again with some policies withheld.

Withholding a policy means that no `holds` of it may rest on this decision: only what is already received counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.decide.layout import GRANTED, QUALIFIES, RECEIVES, Layout
from engine.decide.program import Edition, Function, Program, Refused, refusal, start, widen
from engine.decide.remembered import Memory, Raw, Remembered, memory_of
from engine.language.household import Household
from engine.language.types import day_number

Withheld = frozenset[tuple[str, int | None]]  # (policy, member's place; None: for everybody)


@dataclass(slots=True)
class Run:
    """The outcome of running a household: per policy one Raw per subject, and what reruns need."""

    program: Program
    edition: Edition
    household: Household
    whole: list[Any]
    members: list[list[Any]]
    derived: dict[str, Any]
    derived_layouts: dict[str, Layout]
    derived_unpublished: frozenset[str]
    functions: dict[str, Function]  # of each policy: the flat one where all it reads is settled
    ids: tuple[str, ...]  # of the members, in their order
    first: dict[str, list[Raw]] = field(default_factory=dict)
    again: dict[tuple[Withheld, frozenset[str] | None], dict[str, list[Raw]]] = field(default_factory=dict)

    def received(self, policy: str, member: int | None) -> tuple[bool, bool]:
        """Whether a policy is surely, possibly drawn already."""
        slot = self.program.slots.policies[RECEIVES, policy]
        row = self.whole if slot.level == "household" or member is None else self.members[member]
        return row[slot.at], row[slot.at + 1]

    def withhold(self, withheld: Withheld, wanted: frozenset[str] | None = None) -> dict[str, list[Raw]]:
        """The outcome with these withheld; only what can differ is run again, and of it what is wanted (None: all)."""
        key = withheld, wanted
        found = self.again.get(key)
        if found is None:
            found = self.again[key] = _rerun(self, withheld, wanted)
        return found

    def differs(self, policy: str, member: int | None) -> bool:
        """Whether `holds(policy)` says more than `receives(policy)` for anybody (or for one member)."""
        for place, raw in enumerate(self.first.get(policy, ())):
            if member is not None and place != member:
                continue
            certain, possible = self.received(policy, place)
            if (raw[0] and not certain) or (raw[1] and not possible):
                return True
        return False


def run(program: Program, edition: Edition, household: Household, wide: bool = False) -> Run:
    """Decide every policy in force, in order. Raises HouseholdError where the facts cannot be.

    `wide` moves every outer limit outwards: an end that moves with it was never knowledge, only a limit.
    """
    whole, members = start(program, household)
    values = edition.parameters
    if wide:
        values = edition.wide_parameters
        widen(program, whole, members)
    on = day_number(edition.on)
    for level, at, possible in edition.fixed:
        for row in (whole,) if level == "household" else members:
            row[at], row[at + 1] = False, possible
    try:
        flat = edition.derive_flat is not None and not edition.derive_flat & household.open
        derive = program.derive_flat() if flat else program.derive
        derived, unpublished = derive.run(whole, members, values, on)
    except Refused as refused:
        raise refusal(program, refused.fact) from None
    steps, functions = _steps(program, edition, household.open, memory_of(values, on))
    found = Run(
        program, edition, household, whole, members, derived, derive.layouts, frozenset(unpublished), functions,
        tuple(member.id for member in household.members),
    )  # fmt: skip
    first = found.first
    for name, for_household, qualifies, granted, decide in steps:
        if for_household:
            raw = decide.household(whole, members)
            whole[qualifies] = whole[granted] = raw[0]
            whole[qualifies + 1] = whole[granted + 1] = raw[1]
            first[name] = [raw]
        else:
            raws = first[name] = decide.everyone(whole, members)
            for row, raw in zip(members, raws, strict=True):
                row[qualifies] = row[granted] = raw[0]
                row[qualifies + 1] = row[granted + 1] = raw[1]
    return found


# A policy to decide: its id, whether it is decided for the household, the slots of its answer, and its function.
_Step = tuple[str, bool, int, int, Remembered]
_MOST_STEPS = 200


def _steps(
    program: Program, edition: Edition, open_: int, memory: Memory
) -> tuple[list[_Step], dict[str, Function]]:
    """What is to be done for households in which the same facts are open, in order; and each policy's function."""
    known = memory.kept.get(open_)
    if known is not None and known[0] is edition.order:
        return known[1], known[2]
    slots = program.slots.policies
    functions = {each.policy.id: each.function(open_) for each in edition.order}
    steps = [
        (
            each.policy.id,
            each.policy.level == "household",
            slots[QUALIFIES, each.policy.id].at,
            slots[GRANTED, each.policy.id].at,
            memory.of(functions[each.policy.id]),
        )
        for each in edition.order
    ]
    if len(memory.kept) >= _MOST_STEPS:
        memory.kept.clear()
    memory.kept[open_] = edition.order, steps, functions
    return steps, functions


def _rerun(before: Run, withheld: Withheld, wanted: frozenset[str] | None) -> dict[str, list[Raw]]:
    program, edition = before.program, before.edition
    slots, memory = program.slots.policies, memory_of(edition.parameters, day_number(edition.on))
    steps, _ = _steps(program, edition, before.household.open, memory)
    whole = list(before.whole)
    members = [list(row) for row in before.members]
    changed: set[str] = set()
    for name, member in withheld:
        if name not in before.first:
            continue
        slot = slots[GRANTED, name]
        for row in _rows(slot.level, whole, members, member):
            if row[slot.at] or row[slot.at + 1]:
                row[slot.at] = row[slot.at + 1] = False
                changed |= edition.dependents[name]
    if wanted is not None:
        changed &= wanted
    found: dict[str, list[Raw]] = {}
    for name, for_household, qualifies, granted, decide in steps if changed else ():
        if name not in changed:
            continue
        rows = [whole] if for_household else members
        raws = [decide.household(whole, members)] if for_household else decide.everyone(whole, members)
        for place, (row, raw) in enumerate(zip(rows, raws, strict=True)):
            row[qualifies], row[qualifies + 1] = raw[0], raw[1]
            kept = (name, None) not in withheld and (name, place) not in withheld
            row[granted], row[granted + 1] = (raw[0], raw[1]) if kept else (False, False)
        found[name] = raws
    return found


def _rows(level: str, whole: list[Any], members: list[list[Any]], member: int | None) -> list[list[Any]]:
    if level == "household":
        return [whole]
    return members if member is None else [members[member]]


def conditional(found: Run) -> dict[tuple[str, int], tuple[str, ...]]:
    """The conditional answers, by policy and subject, with what must be granted first in the order to apply.

    An answer is conditional if it differs where every `holds` is read as `receives`. Policies are then withheld one
    after another, last decided first; one whose withholding changes the answer is kept and granted again.
    """
    program, edition = found.program, found.edition
    held = [each.policy.id for each in edition.order if each.policy.id in program.held]
    differing = frozenset(name for name in held if found.differs(name, None))
    if not differing:
        return {}
    everything: Withheld = frozenset((name, None) for name in held)
    second = found.withhold(everything)
    hanging: list[tuple[str, int]] = []
    for name, raws in second.items():
        for place, raw in enumerate(raws):
            first = found.first[name][place]
            # where it is not settled there is no answer that could hang on anything
            if first[0] == first[1] and (raw[0], raw[1]) != (first[0], first[1]):
                hanging.append((name, place))
    names = {name for name, _ in hanging}
    wanted = frozenset(names | {each for each in second if not names.isdisjoint(edition.dependents[each])})
    return {key: _rests_on(found, held, differing, wanted, *key) for key in hanging}


def _rests_on(
    found: Run, held: list[str], differing: frozenset[str], wanted: frozenset[str], name: str, place: int
) -> tuple[str, ...]:
    first, dependents = found.first[name][place], found.edition.dependents
    withheld: set[tuple[str, int | None]] = set()
    needed: list[str] = []
    for other in reversed(held):
        if name not in dependents[other]:
            continue
        if other not in differing and not any(other in dependents[each] for each, _ in withheld):
            continue  # it grants nothing that is not received, and nothing withheld could have made it: no difference
        trial = frozenset({*withheld, (other, None)})
        raw = found.withhold(trial, wanted).get(name, found.first[name])[place]
        if (raw[0], raw[1]) == (first[0], first[1]):
            withheld.add((other, None))
        else:
            needed.append(other)
    return tuple(reversed(needed))
