"""The truths of a trace row, a letter each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import add, itemgetter
from typing import Any

from engine.decide.layout import Fixed, Layout, Ref


def letters_of(layout: Layout) -> Callable[[Sequence[Any]], str]:
    """Writes the truths of rows of this layout: y, n or u for each condition, in their order; then, for each with
    outcomes of its members, theirs in brackets, as in `yyn(ny/nn)`."""
    fixed: list[int | bool] = []

    def at(ref: Ref) -> int:
        if not isinstance(ref, Fixed):
            return ref
        fixed.insert(0, ref.value)
        return -len(fixed)

    entries = list(layout.conditions.values())
    certain, possible = [at(entry.certain) for entry in entries], [at(entry.possible) for entry in entries]
    # a place more than there are conditions, so that one condition too gives a tuple
    surely, maybe = itemgetter(*certain, *certain[:1]), itemgetter(*possible, *possible[:1])
    inner = [(entry.inner, letters_of(entry.rows)) for entry in entries if entry.inner is not None and entry.rows]
    size, more = len(entries), tuple(fixed)
    settled = certain == possible  # nothing can be unknown to the function: both ends stand in one place

    def letters(row: Sequence[Any]) -> str:
        full = (*row, *more) if more else row
        if settled:
            text = bytes(surely(full))[:size].translate(_ONE).decode("ascii")
        else:
            text = bytes(map(add, surely(full), maybe(full)))[:size].translate(_SUM).decode("ascii")
        for place, below in inner:
            text += f"({'/'.join(map(below, row[place]))})"
        return text

    return letters


def telling_of(layout: Layout) -> Callable[[Sequence[Any]], Any]:
    """What the letters of a row of this layout hang on, as a key: two rows with the same have the same letters. Letters
    take several times as long to write as this to read."""
    entries = list(layout.conditions.values())
    places = {ref for each in entries for ref in (each.certain, each.possible) if not isinstance(ref, Fixed)}
    own: Callable[[Sequence[Any]], Any] = itemgetter(*sorted(places)) if places else lambda row: None
    inner = [(entry.inner, telling_of(entry.rows)) for entry in entries if entry.inner is not None and entry.rows]
    if not inner:
        return own
    return lambda row: (own(row), *[tuple(map(below, row[place])) for place, below in inner])


_ONE = b"ny" + bytes(254)
_SUM = b"nuy" + bytes(253)
"""Certainly and possibly, added: neither, the second alone, both."""

