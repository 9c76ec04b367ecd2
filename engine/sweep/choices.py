"""Choices in SQL: codes where one value or none is known, one truth a value where only some are left.

No bit is ever set or tested, because engines do not agree on bits.
"""

from __future__ import annotations

from engine.language.ends import Backend, Truth
from engine.sweep.columns import Code, Hull
from engine.sweep.dag import Dag, Figure, Term

Choice = Code | Hull


def any_term(b: Backend, terms: list[Term]) -> Term:
    """Whether any of some truths is true."""
    found: Term = False
    for term in terms:
        found = b.either(found, term)
    return found


def is_one_of(dag: Dag, code: Code, values: frozenset[int]) -> Term:
    if isinstance(code.term, int):
        return code.term in values
    return dag.one_of(
        code.term, tuple(Figure(v, "not known" if v == code.count else code.values[v]) for v in sorted(values))
    )


def may_be(dag: Dag, x: Choice, value: int) -> Term:
    """Whether a choice may have a value."""
    if isinstance(x, Hull):
        return x.may[value]
    return is_one_of(dag, x, frozenset({value} if x.sure else {value, x.count}))


def hull(dag: Dag, x: Choice, count: int) -> tuple[Term, ...]:
    return tuple(may_be(dag, x, value) for value in range(count))


def within(b: Backend, dag: Dag, x: Choice, values: frozenset[int], count: int) -> Truth:
    """Whether a choice is one of some values: settled when those are all or none of what it may be."""
    if len(values) == count:
        return Truth(True, True)
    if isinstance(x, Code):
        certain = is_one_of(dag, x, values)
        if x.sure or not values:
            return Truth(certain, certain)
        return Truth(certain, is_one_of(dag, x, values | {x.count}))
    inside = any_term(b, [x.may[v] for v in range(count) if v in values])
    outside = any_term(b, [x.may[v] for v in range(count) if v not in values])
    return Truth(b.no(outside), inside)


def same(b: Backend, dag: Dag, x: Choice, y: Choice, count: int) -> Truth:
    """Whether two choices are the same: yes where each is one value and it is one, no where they share none."""
    xs, ys = hull(dag, x, count), hull(dag, y, count)
    possible = any_term(b, [b.both(p, q) for p, q in zip(xs, ys, strict=True)])
    if isinstance(x, Code) and isinstance(y, Code):
        certain = b.compare("==", x.term, y.term)
        if x.sure or y.sure:
            return Truth(certain, certain if x.sure and y.sure else possible)
        return Truth(b.both(certain, b.no(is_one_of(dag, x, frozenset({x.count})))), possible)
    return Truth(b.both(possible, b.both(single(b, xs), single(b, ys))), possible)


def single(b: Backend, may: tuple[Term, ...]) -> Term:
    count: Term = 0
    for term in may:
        count = b.add(count, b.pick(term, 1, 0))
    found: Term = b.compare("==", count, 1)
    return found


def chosen(b: Backend, dag: Dag, test: Truth, x: Choice, y: Choice, count: int) -> Choice:
    """x where the test holds, y where not, what either may be where that is not known."""
    if test.exact and isinstance(x, Code) and isinstance(y, Code):
        return Code(b.pick(test.certain, x.term, y.term), x.values, x.sure and y.sure)
    found = []
    for p, q in zip(hull(dag, x, count), hull(dag, y, count), strict=True):
        unsettled = q if test.exact else b.pick(test.possible, b.either(p, q), q)
        found.append(b.pick(test.certain, p, unsettled))
    return Hull(tuple(found))


__all__ = ["Choice", "any_term", "chosen", "hull", "is_one_of", "may_be", "same", "single", "within"]
