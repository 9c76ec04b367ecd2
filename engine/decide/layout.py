"""Where a value stands: slots of facts in the lists the generated code reads, and places of outcomes in a trace row.

Household facts stand in one list, each member's in a list of their own. Every fact takes two slots (least and most, or
certainly and possibly), a derived quotient two more for its denominators. A policy takes three pairs: whether it is
received, whether this decision finds it eligible, and whether that may be granted (not withheld).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.language.model import Rulebook
from engine.language.types import Base, Type


@dataclass(frozen=True, slots=True)
class Slot:
    """Two neighbouring slots `at` and `at + 1`; `scale` parts make one; `d` the slots of the denominators, if any."""

    level: str
    at: int
    scale: int = 1
    d: int | None = None


RECEIVES, QUALIFIES, GRANTED = "receives", "qualifies", "granted"


@dataclass(slots=True)
class Slots:
    """The slots of every fact and policy, and the lists a household starts from."""

    facts: dict[str, Slot] = field(default_factory=dict)
    policies: dict[tuple[str, str], Slot] = field(default_factory=dict)
    template: dict[str, list[int | bool]] = field(default_factory=lambda: {"household": [], "member": []})

    # per level: the "possibly received" slot of every policy, and each policy's place
    receives: dict[str, tuple[list[int], dict[str, int]]] = field(
        default_factory=lambda: {"household": ([], {}), "member": ([], {})}
    )

    def _take(self, level: str, lo: int | bool, hi: int | bool, scale: int = 1) -> Slot:
        rows = self.template[level]
        rows += [lo, hi]
        return Slot(level, len(rows) - 2, scale)

    def with_denominators(self, name: str, scale: int) -> Slot:
        """Give a derived quotient its two slots for denominators."""
        slot = self.facts[name]
        rows = self.template[slot.level]
        rows += [1, 1]
        self.facts[name] = Slot(slot.level, slot.at, scale, len(rows) - 2)
        return self.facts[name]


def unknown_ends(kind: Type, every: int) -> tuple[int | bool, int | bool]:
    """The two ends of a value nobody knows; `every` is all bits of its choices."""
    if kind.base is Base.YES_NO:
        return False, True
    if kind.base is Base.CHOICE:
        return every, every
    if kind.base is Base.CHOICES:
        return 0, every
    return int(kind.least * kind.scale), int(kind.most * kind.scale)


def slots_of(rulebook: Rulebook) -> Slots:
    """A slot for every fact and policy of a rulebook."""
    slots = Slots()
    for fact in rulebook.facts.values():
        if fact.type.base is Base.TEXT:
            continue
        every = rulebook.choices[fact.type.choices].every if fact.type.choices else 0
        slots.facts[fact.name] = slots._take(fact.level, *unknown_ends(fact.type, every), fact.type.scale)
    for policy in rulebook.ids():
        level = rulebook.level(policy)
        for word in (RECEIVES, QUALIFIES, GRANTED):
            slots.policies[word, policy] = slots._take(level, False, True)
        blank, places = slots.receives[level]
        places[policy] = slots.policies[RECEIVES, policy].at
        blank.append(places[policy] + 1)
    return slots


@dataclass(frozen=True, slots=True)
class Fixed:
    """An outcome known when the rule was compiled."""

    value: int | bool


Ref = int | Fixed  # a place in the trace row, or a fixed value


@dataclass(frozen=True, slots=True)
class NumberAt:
    """Where the ends of a number stand: numerators, constant and running denominators."""

    lo: Ref
    lo_k: int
    lo_d: Ref
    hi: Ref
    hi_k: int
    hi_d: Ref


@dataclass(frozen=True, slots=True)
class MaskAt:
    """Where a choice's possible values stand (`may` for a list of choices, whose sure ones are `must`)."""

    may: Ref
    must: Ref


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one condition's outcome stands in its row; `inner` where the rows of its members stand."""

    certain: Ref
    possible: Ref
    left: NumberAt | MaskAt | None = None
    right: NumberAt | MaskAt | None = None
    inner: int | None = None
    rows: Layout | None = None


@dataclass(slots=True)
class Layout:
    """The places of one trace row: conditions by id, intermediate results by name."""

    conditions: dict[str, Entry] = field(default_factory=dict)
    lets: dict[str, NumberAt | MaskAt] = field(default_factory=dict)
    amounts: dict[str, NumberAt] = field(default_factory=dict)
