"""What a trace row says: truths, observed and required values, intermediate results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
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
    """A number as least and most, exact. An end that is open rests on an outer limit alone and says nothing."""

    least: Fraction
    most: Fraction
    open_below: bool = False
    open_above: bool = False


@dataclass(frozen=True, slots=True)
class Masked:
    """A choice: the bits of the values it may have, and of those it surely has (for a list of choices)."""

    may: int
    must: int


def value_at(
    row: tuple[Any, ...], place: NumberAt | MaskAt | None, wide: tuple[Any, ...] | None = None
) -> Span | Masked | None:
    """The observed or required value behind a place; `wide` is the same row with every outer limit moved outwards."""
    if isinstance(place, NumberAt):
        lo, hi = _ends(row, place)
        if wide is None or lo == hi:
            return Span(lo, hi)
        far_lo, far_hi = _ends(wide, place)
        return Span(lo, hi, far_lo != lo, far_hi != hi)
    if isinstance(place, MaskAt):
        return Masked(term(row, place.may), term(row, place.must))
    return None


def _ends(row: tuple[Any, ...], place: NumberAt) -> tuple[Fraction, Fraction]:
    lo = quotient(term(row, place.lo), place.lo_k * term(row, place.lo_d))
    if place.lo == place.hi and place.lo_d == place.hi_d and place.lo_k == place.hi_k:
        return lo, lo
    return lo, quotient(term(row, place.hi), place.hi_k * term(row, place.hi_d))


# Reducing to lowest terms is most of what a value costs, and figures and noughts come again and again.
quotient = lru_cache(maxsize=1 << 14)(Fraction)


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
    """Every outcome of one answer, found by condition id (and member). `wide` as in `value_at`."""

    def __init__(
        self, layout: Layout, row: tuple[Any, ...], members: tuple[str, ...], wide: tuple[Any, ...] | None = None
    ):
        self.layout, self.row, self.members, self.wide = layout, row, members, wide

    def get(self, id: str) -> Outcome:
        return self._outcome(id, "", self.layout.conditions[id])

    def truth(self, id: str) -> tuple[bool, bool]:
        """Whether a condition is certainly, possibly met, without its values."""
        entry = self.layout.conditions[id]
        return bool(term(self.row, entry.certain)), bool(term(self.row, entry.possible))

    def word(self, id: str) -> str:
        """A condition's outcome, yes, no or unknown, without its values."""
        return word(*self.truth(id))

    def has(self, id: str) -> bool:
        return id in self.layout.conditions

    def each(self, id: str) -> list[tuple[str, Outcomes]]:
        """For an `any_member` or `every_member`: its outcomes for every member."""
        return self._inner(self.layout.conditions[id])

    def _inner(self, entry: Entry) -> list[tuple[str, Outcomes]]:
        if entry.inner is None or entry.rows is None:
            return []
        rows = self.row[entry.inner]
        wide = self.wide[entry.inner] if self.wide is not None else [None] * len(rows)
        return [
            (member, Outcomes(entry.rows, row, self.members, far))
            for member, row, far in zip(self.members, rows, wide, strict=True)
        ]

    def let(self, name: str) -> Span | Masked | None:
        return value_at(self.row, self.layout.lets.get(name), self.wide)

    def all(self, member: str = "") -> Iterator[Outcome]:
        """The whole table, conditions in the order they were written, members inside them."""
        for id, entry in self.layout.conditions.items():
            yield self._outcome(id, member, entry)
            for name, inner in self._inner(entry):
                yield from inner.all(name)

    def _outcome(self, id: str, member: str, entry: Entry) -> Outcome:
        row = self.row
        return Outcome(
            id,
            member,
            bool(term(row, entry.certain)),
            bool(term(row, entry.possible)),
            value_at(row, entry.left, self.wide),
            value_at(row, entry.right, self.wide),
        )
