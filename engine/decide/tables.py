"""A parameter's table on one day: rows found by keys that may be only partly known."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from engine.language.model import ChoiceSet, DatedValue, Parameter


class Table:
    """Called with the notebook of unpublished figures and the keys' ends; gives least and most in smallest parts.

    A choice key comes as its set of possible values, a band key as two whole numbers of parts. The answer is the hull
    of every row the keys may still have. Answers are remembered: tables are small and asked the same thing often.
    """

    def __init__(
        self, parameter: Parameter, value: DatedValue | None, choices: dict[str, ChoiceSet], outer: tuple[int, int]
    ):
        self.name = parameter.name
        self.outer = outer
        scale = parameter.type.scale
        self.keys = parameter.keys
        self.choices = choices
        self.value = value
        self.each = int((value.each_further or 0) * scale) if value else 0
        self.rows = _nested(value, parameter) if value else None
        self.found: dict[tuple[int, ...], tuple[int, int, bool]] = {}

    def __call__(self, unpublished: list[str], *ends: int) -> tuple[int, int]:
        found = self.found.get(ends)
        if found is None:
            if len(self.found) > 10_000:  # a table asked with ever new bands must not grow without bound
                self.found.clear()
            found = self.found[ends] = self._hull(ends)
        if found[2]:
            unpublished.append(self.name)
        return found[0], found[1]

    def _hull(self, ends: tuple[int, ...]) -> tuple[int, int, bool]:
        if self.rows is None:
            return *self.outer, True
        rows = self._possible(self.rows, 0, ends)
        if not rows:
            return *self.outer, True
        return min(low for low, _, _ in rows), max(high for _, high, _ in rows), any(open_ for _, _, open_ in rows)

    def _possible(self, rows: Any, at: int, ends: tuple[int, ...]) -> list[tuple[int, int, bool]]:
        """Every row the keys may still have, as least, most and whether its figure is not published."""
        if at == len(self.keys):
            return [(*self.outer, True) if rows is None else (rows, rows, False)]
        key = self.keys[at]
        if not key.band:
            names = self.choices[key.choices].names(ends[0])
            return [v for name in names for v in self._possible(rows[name], at + 1, ends[1:])]
        least, most = ends[0], ends[1]
        starts = list(rows)
        found: list[tuple[int, int, bool]] = []
        for n, start in enumerate(starts):
            last = n + 1 == len(starts)
            if start > most or (not last and starts[n + 1] <= least):
                continue
            below = self._possible(rows[start], at + 1, ends[2:])
            if last and self.each:  # each whole number past the last band adds so much, and so on
                more = [self.each * (max(end - start, 0) // key.type.scale) for end in (least, most)]
                below = [(low + min(more), high + max(more), open_) for low, high, open_ in below]
            found += below
        return found

    # -- schedules: each rate on its own slice --

    def marginal_lo(self, unpublished: list[str], n: int, d: int) -> int:
        return self._marginal(unpublished, n, d, 0)

    def marginal_hi(self, unpublished: list[str], n: int, d: int) -> int:
        return self._marginal(unpublished, n, d, 1)

    def _marginal(self, unpublished: list[str], n: int, d: int, end: int) -> int:
        """Σ rate · slice for the amount n/d, as the numerator over d · 100 · the table's scale."""
        if self.rows is None:
            unpublished.append(self.name)
            return n * 100 * self.outer[end]
        starts = list(self.rows)
        scale = self.keys[0].type.scale
        total = 0
        for at, start in enumerate(starts):
            rate = self.rows[start]
            if rate is None:
                unpublished.append(self.name)
                rate = self.outer[end]
            above = n * 100 - start * d * 100 // scale
            if at + 1 < len(starts):
                above = min(above, (starts[at + 1] - start) * d * 100 // scale)
            total += rate * max(above, 0)
        return total


def _nested(value: DatedValue, table: Parameter) -> dict[Any, Any]:
    """Rows as nested mappings, by choice or by the first number of a band; numbers in smallest parts."""
    root: dict[Any, Any] = {}
    for row in value.rows:
        here = root
        keys = [
            int(key * declared.type.scale) if isinstance(key, Fraction) else key
            for key, declared in zip(row.keys, table.keys, strict=True)
        ]
        for key in keys[:-1]:
            here = here.setdefault(key, {})
        here[keys[-1]] = None if row.value is None else int(row.value * table.type.scale)
    return root
