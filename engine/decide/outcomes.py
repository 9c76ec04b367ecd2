"""What a trace row says: truths, observed and required values, intermediate results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from engine.decide.layout import Entry, Fixed, Layout, MaskAt, NumberAt, Ref

NO, UNKNOWN, YES = "no", "unknown", "yes"


def term(row: tuple[Any, ...], ref: Ref) -> Any:
    """The value a place of the row holds."""
    return ref.value if isinstance(ref, Fixed) else row[ref]


def word(certain: bool, possible: bool) -> str:
    """The outcome of a truth: yes, no or unknown."""
    return YES if certain else UNKNOWN if possible else NO


@dataclass(frozen=True, slots=True)
class Span:
    """A number as least and most, exact."""

    least: Fraction
    most: Fraction


@dataclass(frozen=True, slots=True)
class Masked:
    """A choice: the bits of the values it may have, and of those it surely has (for a list of choices)."""

    may: int
    must: int


def value_at(row: tuple[Any, ...], place: NumberAt | MaskAt | None) -> Span | Masked | None:
    """The observed or required value behind a place."""
    if isinstance(place, NumberAt):
        lo = Fraction(term(row, place.lo), place.lo_k * term(row, place.lo_d))
        hi = Fraction(term(row, place.hi), place.hi_k * term(row, place.hi_d))
        return Span(lo, hi)
    if isinstance(place, MaskAt):
        return Masked(term(row, place.may), term(row, place.must))
    return None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One condition's outcome for its subject, or for one member inside `any_member` and its kin."""

    id: str
    member: str
    certain: bool
    possible: bool
    left: Span | Masked | None
    right: Span | Masked | None

    @property
    def word(self) -> str:
        return word(self.certain, self.possible)


class Outcomes:
    """Every outcome of one answer, found by condition id (and member)."""

    def __init__(self, layout: Layout, row: tuple[Any, ...], members: tuple[str, ...]):
        self.layout, self.row, self.members = layout, row, members

    def get(self, id: str) -> Outcome:
        entry = self.layout.conditions[id]
        return _outcome(id, "", entry, self.row)

    def has(self, id: str) -> bool:
        return id in self.layout.conditions

    def each(self, id: str) -> list[tuple[str, Outcomes]]:
        """For an `any_member` or `every_member`: its outcomes for every member."""
        entry = self.layout.conditions[id]
        assert entry.inner is not None and entry.rows is not None
        return [
            (member, Outcomes(entry.rows, row, self.members))
            for member, row in zip(self.members, self.row[entry.inner], strict=True)
        ]

    def let(self, name: str) -> Span | Masked | None:
        return value_at(self.row, self.layout.lets.get(name))

    def amount(self, item: str) -> Span | None:
        found = value_at(self.row, self.layout.amounts.get(item))
        return found if isinstance(found, Span) else None

    def all(self, member: str = "") -> Iterator[Outcome]:
        """The whole table, conditions in the order they were written, members inside them."""
        for id, entry in self.layout.conditions.items():
            yield _outcome(id, member, entry, self.row)
            if entry.inner is not None and entry.rows is not None:
                for name, row in zip(self.members, self.row[entry.inner], strict=True):
                    yield from Outcomes(entry.rows, row, self.members).all(name)


def _outcome(id: str, member: str, entry: Entry, row: tuple[Any, ...]) -> Outcome:
    return Outcome(
        id, member, bool(term(row, entry.certain)), bool(term(row, entry.possible)),
        value_at(row, entry.left), value_at(row, entry.right),
    )
