"""A parameter's figure, table or schedule on one day, as constants and CASE.

A row's figure is a candidate where the keys may still be at that row. The least candidate is the first that is possible
when they stand in rising order; the most, in falling order. A figure that is not published may be anything between the
parameter's limits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from engine.language.ends import Backend, Folded, Mask, Num, Q
from engine.language.model import ChoiceSet, DatedValue, Key, Parameter
from engine.sweep import choices
from engine.sweep.columns import Code
from engine.sweep.dag import Dag, Figure, Term


@dataclass(frozen=True, slots=True)
class Candidate:
    """One row that may be the one: where it may, and the least and most it then gives."""

    possible: Term
    least: Term
    most: Term


def outer_limits(parameter: Parameter) -> tuple[int, int]:
    scale = parameter.type.scale
    return int(parameter.type.least * scale), int(parameter.type.most * scale)


def single(parameter: Parameter, value: DatedValue | None) -> Num:
    """A parameter that is one number."""
    k = parameter.type.scale
    if value is not None and value.value is not None:
        q = Q(Figure(int(value.value * k), parameter.name), k)
        return Num(q, q)
    least, most = outer_limits(parameter)
    return Num(
        Q(Figure(least, f"{parameter.name}: not published"), k), Q(Figure(most, f"{parameter.name}: not published"), k)
    )


def whole_parts(b: Backend, q: Q, scale: int) -> Term:
    """The whole parts of a number, `scale` parts to one: enough to find its band."""
    shared = math.gcd(q.k, scale)
    found: Term = b.floor(b.mul(q.n, scale // shared), b.mul(q.d, q.k // shared))
    return found


@dataclass(frozen=True, slots=True)
class Lookup:
    """Reads a table of figures by keys that may be known only in part."""

    b: Backend
    dag: Dag
    parameter: Parameter
    value: DatedValue | None
    choices: dict[str, ChoiceSet]

    def read(self, keys: list[Folded]) -> Num:
        k = self.parameter.type.scale
        if self.value is None:
            least, most = outer_limits(self.parameter)
            return Num(Q(least, k), Q(most, k))
        ends = [self._ends(declared, key) for declared, key in zip(self.parameter.keys, keys, strict=True)]
        found = self._candidates(nested(self.value, self.parameter), 0, ends, True, self.parameter.name)
        sure = all(_settled(key) for key in ends)
        lo = Q(self._extreme(found, sure, lambda c: c.least, 1), k)
        if sure and all(c.least is c.most for c in found):
            return Num(lo, lo)
        return Num(lo, Q(self._extreme(found, sure, lambda c: c.most, -1), k))

    def _ends(self, declared: Key, key: Folded) -> Any:
        if isinstance(key, Mask):
            return key.term
        assert isinstance(key, Num)
        lo = whole_parts(self.b, key.lo, declared.type.scale)
        return (lo, lo) if key.exact else (lo, whole_parts(self.b, key.hi, declared.type.scale))

    def _candidates(self, rows: Any, at: int, ends: list[Any], possible: Term, label: str) -> list[Candidate]:
        if possible is False:
            return []
        if at == len(ends):
            if rows is None:
                least, most = (Figure(n, f"{label}: not published") for n in outer_limits(self.parameter))
                return [Candidate(possible, least, most)]
            figure = Figure(rows, label)
            return [Candidate(possible, figure, figure)]
        key = self.parameter.keys[at]
        if not key.band:
            values = self.choices[key.choices].values
            found = []
            for name, below in rows.items():
                may = choices.may_be(self.dag, ends[at], values.index(name))
                found += self._candidates(below, at + 1, ends, self.b.both(possible, may), f"{label}[{name}]")
            return found
        return self._bands(rows, at, ends, possible, label)

    def _bands(self, rows: Any, at: int, ends: list[Any], possible: Term, label: str) -> list[Candidate]:
        b, key = self.b, self.parameter.keys[at]
        least, most = ends[at]
        starts = list(rows)
        each = int((self.value.each_further or 0) * self.parameter.type.scale) if self.value else 0
        found: list[Candidate] = []
        for n, start in enumerate(starts):
            last = n + 1 == len(starts)
            begun = True if n == 0 else b.compare("<=", start, most)
            over = True if last else b.compare("<", least, starts[n + 1])
            here = b.both(possible, b.both(begun, over))
            shown = start // key.type.scale if start % key.type.scale == 0 else Fraction(start, key.type.scale)
            below = self._candidates(rows[start], at + 1, ends, here, f"{label}[{shown}…]")
            if last and each:
                below = [c for one in below for c in self._further(one, rows[start], each, least, most, start, key)]
            found += below
        return found

    def _further(
        self, one: Candidate, row: Any, each: int, least: Term, most: Term, start: int, key: Key
    ) -> list[Candidate]:
        """The last band, where each whole number past its first adds something."""
        b = self.b
        if one.least is not one.most:  # not published: the limits hold for it as they are
            return [one]
        found = []
        for end in (least,) if least is most else (least, most):
            past = b.sub(end, start)
            more = b.floor(b.pick(b.compare("<=", 0, past), past, 0), key.type.scale)
            figure = b.add(one.least, b.mul(more, each))
            found.append(Candidate(one.possible, figure, figure))
        return found

    def _extreme(self, found: list[Candidate], sure: bool, end: Callable[[Candidate], Term], sign: int) -> Term:
        """The least (sign 1) or most (-1) of the candidates that are possible: exactly one, where the keys are sure."""
        b = self.b
        if not found:  # the checker sees to it that every key has a row
            return outer_limits(self.parameter)[0 if sign == 1 else 1]
        fixed = [(c.possible, end(c)) for c in found if isinstance(end(c), int)]
        if not sure:
            fixed.sort(key=lambda each: sign * int(each[1]))  # type: ignore[arg-type]
        value: Term = 0
        any_fixed: Term = False
        for n, (possible, figure) in enumerate(reversed(fixed)):
            value = figure if n == 0 else b.pick(possible, figure, value)
            any_fixed = b.either(any_fixed, possible)
        for candidate in found:
            figure = end(candidate)
            if isinstance(figure, int):
                continue
            if any_fixed is False:
                value = figure
            elif sure:
                value = b.pick(candidate.possible, figure, value)
            else:
                first, second = (value, figure) if sign == 1 else (figure, value)
                better = b.pick(b.compare("<=", first, second), value, figure)
                value = b.pick(candidate.possible, b.pick(any_fixed, better, figure), value)
            any_fixed = b.either(any_fixed, candidate.possible)
        return value


def _settled(key: Any) -> bool:
    """Whether exactly one row of the table is possible at this key."""
    if isinstance(key, Code):
        return key.sure
    return isinstance(key, tuple) and key[0] is key[1]


def marginal(b: Backend, x: Num, parameter: Parameter, value: DatedValue | None) -> Num:
    """Each rate on its own slice of an amount that is not below zero."""
    k = parameter.type.scale
    ends = [
        Q(_slices(b, q.n, b.mul(q.d, q.k), parameter, value, end), q.k * 100 * k, q.d)
        for end, q in enumerate((x.lo, x.hi))
    ]
    same = x.exact and value is not None and value.published
    return Num(ends[0], ends[0] if same else ends[1])


def _slices(b: Backend, n: Term, d: Term, parameter: Parameter, value: DatedValue | None, end: int) -> Term:
    """Σ rate · slice of n/d, over d · 100 · the scale of the rates."""
    outer = outer_limits(parameter)
    if value is None:
        whole: Term = b.mul(n, 100 * outer[end])
        return whole
    rows = nested(value, parameter)
    starts, scale = list(rows), parameter.keys[0].type.scale
    total: Term = 0
    for at, start in enumerate(starts):
        rate = outer[end] if rows[start] is None else rows[start]
        above = b.sub(b.mul(n, 100), b.floor(b.mul(d, start * 100), scale))
        if at + 1 < len(starts):
            slice_ = b.floor(b.mul(d, (starts[at + 1] - start) * 100), scale)
            above = b.pick(b.compare("<=", above, slice_), above, slice_)
        above = b.pick(b.compare("<=", above, 0), 0, above)
        total = b.add(total, b.mul(above, Figure(rate, f"{parameter.name}[{Fraction(start, scale)}…]")))
    return total


def nested(value: DatedValue, table: Parameter) -> dict[Any, Any]:
    """Rows as nested mappings, by choice or by the first number of a band; numbers in smallest parts."""
    root: dict[Any, Any] = {}
    for row in value.rows:
        keys = [
            int(key * declared.type.scale) if isinstance(key, Fraction) else key
            for key, declared in zip(row.keys, table.keys, strict=True)
        ]
        here = root
        for key in keys[:-1]:
            here = here.setdefault(key, {})
        here[keys[-1]] = None if row.value is None else int(row.value * table.type.scale)
    return root
