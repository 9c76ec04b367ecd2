"""Exact arithmetic on ranges, worked out end by end, once for every engine.

An unknown number is a range: a `Num` carries its least and its most, each an exact quotient `n / (k·d)` of integers
(`k` known when the rule is compiled, `d` only when it runs, both above zero). A truth is (certainly, possibly). The
operations below say how ends combine; a `Backend` says how its engine writes an integer sum, product or choice. Where
both ends are the same term the second is never computed.

Sources: R. E. Moore, *Interval Analysis* (1966), for arithmetic by ends and corners; S. C. Kleene, *Introduction to
Metamathematics* (1952) §64, for the three-valued tables.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

# A term is an int or bool known at compile time, or whatever the backend builds for a value known only at run time.
Term = Any


@dataclass(frozen=True, slots=True)
class Q:
    """An exact quotient n / (k·d): `k` an int, `d` a term or 1."""

    n: Term
    k: int = 1
    d: Term = 1


@dataclass(frozen=True, slots=True)
class Num:
    """A number as (least, most); `exact` where both ends are one term."""

    lo: Q
    hi: Q

    @property
    def exact(self) -> bool:
        return self.lo is self.hi


@dataclass(frozen=True, slots=True)
class Truth:
    """Kleene's three values as (certainly, possibly); `exact` where both are one term."""

    certain: Term
    possible: Term

    @property
    def exact(self) -> bool:
        return self.certain is self.possible


@dataclass(frozen=True, slots=True)
class Mask:
    """A choice: the set of values it may still have, as the backend carries it."""

    term: Term


@dataclass(frozen=True, slots=True)
class Several:
    """A list of choices: those it surely holds and those it may hold."""

    must: Term
    may: Term


Folded = Any  # Num | Truth | Mask | Several


class Backend(ABC):
    """How one engine writes integers and truths. Constants are folded here, so that every engine folds alike."""

    @abstractmethod
    def infix(self, op: str, left: Term, right: Term) -> Term:
        """`left op right` for + - * // < <= == and or."""

    @abstractmethod
    def negation(self, term: Term) -> Term:
        """not term."""

    @abstractmethod
    def choose(self, test: Term, yes: Term, no: Term) -> Term:
        """yes where test, else no; both may be evaluated."""

    @abstractmethod
    def keep(self, term: Term) -> Term:
        """Name a term that is used more than once."""

    def add(self, a: Term, b: Term) -> Term:
        if _number(a) and _number(b):
            return a + b
        if _is(a, 0):
            return b
        return a if _is(b, 0) else self.infix("+", a, b)

    def sub(self, a: Term, b: Term) -> Term:
        if _number(a) and _number(b):
            return a - b
        return a if _is(b, 0) else self.infix("-", a, b)

    def mul(self, a: Term, b: Term) -> Term:
        if _number(a) and _number(b):
            return a * b
        if _is(a, 0) or _is(b, 0):
            return 0
        if _is(a, 1):
            return b
        return a if _is(b, 1) else self.infix("*", a, b)

    def floor(self, a: Term, b: Term) -> Term:
        """a // b for b above zero."""
        if _number(a) and _number(b):
            return a // b
        return a if _is(b, 1) else self.infix("//", a, b)

    def compare(self, op: str, a: Term, b: Term) -> Term:
        if _number(a) and _number(b):
            return {"<": a < b, "<=": a <= b, "==": a == b}[op]
        return self.infix(op, a, b)

    def both(self, a: Term, b: Term) -> Term:
        if a is False or b is False:
            return False
        if a is True:
            return b
        return a if b is True else self.infix("and", a, b)

    def either(self, a: Term, b: Term) -> Term:
        if a is True or b is True:
            return True
        if a is False:
            return b
        return a if b is False else self.infix("or", a, b)

    def no(self, a: Term) -> Term:
        return (not a) if isinstance(a, bool) else self.negation(a)

    def pick(self, test: Term, yes: Term, no: Term) -> Term:
        if isinstance(test, bool):
            return yes if test else no
        return yes if yes is no or (_number(yes) and _number(no) and yes == no) else self.choose(test, yes, no)


def _number(term: Term) -> bool:
    return isinstance(term, int) and not isinstance(term, bool)


def _is(term: Term, value: int) -> bool:
    return _number(term) and bool(term == value)


# ---------------------------------------------------------------------------------------------------- quotients


def constant(value: Fraction) -> Num:
    """A number known when the rule is compiled."""
    q = Q(value.numerator, value.denominator)
    return Num(q, q)


def kept(b: Backend, q: Q) -> Q:
    """The same quotient with its parts named."""
    return Q(b.keep(q.n), q.k, b.keep(q.d))


def _pair(b: Backend, x: Q, y: Q) -> tuple[Term, Term]:
    """The numerators of x and y over one common positive denominator."""
    common = math.lcm(x.k, y.k)
    left, right = b.mul(x.n, common // x.k), b.mul(y.n, common // y.k)
    if x.d is y.d or (_number(x.d) and _number(y.d)) or x.d == y.d:
        return left, right
    return b.mul(left, y.d), b.mul(right, x.d)


def _common_d(b: Backend, x: Q, y: Q) -> Term:
    if x.d is y.d or x.d == y.d:
        return x.d
    return b.mul(x.d, y.d)


def q_add(b: Backend, x: Q, y: Q) -> Q:
    left, right = _pair(b, x, y)
    return kept(b, Q(b.add(left, right), math.lcm(x.k, y.k), _common_d(b, x, y)))


def q_sub(b: Backend, x: Q, y: Q) -> Q:
    left, right = _pair(b, x, y)
    return kept(b, Q(b.sub(left, right), math.lcm(x.k, y.k), _common_d(b, x, y)))


def q_mul(b: Backend, x: Q, y: Q) -> Q:
    # (n / d) · d is n: a gap per head times the heads must not grow the integers
    if not _number(x.d) and x.d == y.n:
        return kept(b, Q(x.n, x.k * y.k, y.d))
    if not _number(y.d) and y.d == x.n:
        return kept(b, Q(y.n, x.k * y.k, x.d))
    k = x.k * y.k
    n = b.mul(x.n, y.n)
    if _number(n):
        return kept(b, _reduced(n, k, b.mul(x.d, y.d)))
    return kept(b, Q(n, k, b.mul(x.d, y.d)))


def _reduced(n: int, k: int, d: Term) -> Q:
    shared = math.gcd(n, k) or 1
    return Q(n // shared, k // shared, d)


def q_less(b: Backend, x: Q, y: Q) -> Term:
    left, right = _pair(b, x, y)
    return b.compare("<", left, right)


def q_at_most(b: Backend, x: Q, y: Q) -> Term:
    left, right = _pair(b, x, y)
    return b.compare("<=", left, right)


def q_same(b: Backend, x: Q, y: Q) -> Term:
    left, right = _pair(b, x, y)
    return b.compare("==", left, right)


def q_pick(b: Backend, test: Term, x: Q, y: Q) -> Q:
    if isinstance(test, bool):
        return x if test else y
    test = b.keep(test)
    if x.k == y.k and (x.d is y.d or x.d == y.d):
        return kept(b, Q(b.pick(test, x.n, y.n), x.k, x.d))
    common = math.lcm(x.k, y.k)
    n = b.pick(test, b.mul(x.n, common // x.k), b.mul(y.n, common // y.k))
    return kept(b, Q(n, common, b.pick(test, x.d, y.d)))


def q_least(b: Backend, x: Q, y: Q) -> Q:
    return x if x is y else q_pick(b, q_at_most(b, x, y), x, y)


def q_most(b: Backend, x: Q, y: Q) -> Q:
    return x if x is y else q_pick(b, q_at_most(b, x, y), y, x)


# ------------------------------------------------------------------------------------------------------ numbers


@dataclass(frozen=True, slots=True)
class Range:
    """The limits a number is declared or worked out to have."""

    least: Fraction
    most: Fraction


def add(b: Backend, x: Num, y: Num) -> Num:
    lo = q_add(b, x.lo, y.lo)
    return Num(lo, lo if x.exact and y.exact else q_add(b, x.hi, y.hi))


def sub(b: Backend, x: Num, y: Num) -> Num:
    lo = q_sub(b, x.lo, y.hi)
    return Num(lo, lo if x.exact and y.exact else q_sub(b, x.hi, y.lo))


def negative(b: Backend, x: Num) -> Num:
    return sub(b, constant(Fraction(0)), x)


def mul(b: Backend, x: Num, y: Num, rx: Range, ry: Range) -> Num:
    """The product by corners. At most one of the two may lie on both sides of zero (the checker refuses the rest)."""
    if x.exact and y.exact:
        q = q_mul(b, x.lo, y.lo)
        return Num(q, q)
    if ry.least < 0 < ry.most:
        x, y, rx, ry = y, x, ry, rx
    if ry.least < 0:  # y is at or below zero: turn both round
        flipped = Range(-rx.most, -rx.least)
        return mul(b, negative(b, x), negative(b, y), flipped, Range(-ry.most, -ry.least))
    # here y is at least zero
    if y.exact:
        return Num(q_mul(b, x.lo, y.lo), q_mul(b, x.hi, y.lo))
    if rx.least >= 0:
        return Num(q_mul(b, x.lo, y.lo), q_mul(b, x.hi, y.hi))
    if rx.most <= 0:
        return Num(q_mul(b, x.lo, y.hi), q_mul(b, x.hi, y.lo))
    below = b.keep(b.compare("<", x.lo.n, 0))
    lo = q_mul(b, x.lo, q_pick(b, below, y.hi, y.lo))
    above = b.keep(b.compare("<", x.hi.n, 0))
    hi = q_mul(b, x.hi, q_pick(b, above, y.lo, y.hi))
    return Num(lo, hi)


def div(b: Backend, x: Num, y: Num, rx: Range, ry: Range) -> Num:
    """x / y for y declared above zero."""

    def over(q: Q) -> Q:
        if _number(q.n) and _number(q.d):
            return _reduced(q.k * q.d, q.n, 1)
        return kept(b, Q(b.mul(q.d, q.k), q.n, 1)) if _number(q.n) else kept(b, Q(b.mul(q.d, q.k), 1, q.n))

    lo = over(y.hi)
    return mul(b, x, Num(lo, lo if y.exact else over(y.lo)), rx, Range(1 / ry.most, 1 / ry.least))


def least_of(b: Backend, x: Num, y: Num) -> Num:
    lo = q_least(b, x.lo, y.lo)
    return Num(lo, lo if x.exact and y.exact else q_least(b, x.hi, y.hi))


def most_of(b: Backend, x: Num, y: Num) -> Num:
    lo = q_most(b, x.lo, y.lo)
    return Num(lo, lo if x.exact and y.exact else q_most(b, x.hi, y.hi))


def clamp(b: Backend, x: Num, least: Fraction | None, most: Fraction | None) -> Num:
    """x with its ends drawn into its declared limits."""
    if least is not None:
        x = most_of(b, x, constant(least))
    if most is not None:
        x = least_of(b, x, constant(most))
    return x


def q_round(b: Backend, q: Q, step: Fraction, mode: str) -> Q:
    """q, not below zero, rounded to a multiple of `step`: half_up, up or down."""
    sn, sd = step.numerator, step.denominator
    unit = b.mul(q.d, q.k * sn)  # k·d·sn
    n = b.mul(q.n, sd)
    if mode == "half_up":
        count = b.floor(b.add(b.mul(n, 2), unit), b.mul(unit, 2))
    elif mode == "up":
        count = b.floor(b.sub(b.add(n, unit), 1), unit)
    else:
        count = b.floor(n, unit)
    return kept(b, Q(b.mul(count, sn), sd))


def rounded(b: Backend, x: Num, step: Fraction, mode: str) -> Num:
    lo = q_round(b, x.lo, step, mode)
    return Num(lo, lo if x.exact else q_round(b, x.hi, step, mode))


def if_number(b: Backend, test: Truth, x: Num, y: Num) -> Num:
    """x where test, y where not, the hull of both where it is not known."""
    if test.exact:
        lo = q_pick(b, test.certain, x.lo, y.lo)
        return Num(lo, lo if x.exact and y.exact else q_pick(b, test.certain, x.hi, y.hi))
    lo = q_pick(b, test.certain, x.lo, q_pick(b, test.possible, q_least(b, x.lo, y.lo), y.lo))
    hi = q_pick(b, test.certain, x.hi, q_pick(b, test.possible, q_most(b, x.hi, y.hi), y.hi))
    return Num(lo, hi)


# ------------------------------------------------------------------------------------------------------- truths


def compared(b: Backend, op: str, x: Num, y: Num) -> Truth:
    """x op y: settled when every pair of values gives the same answer."""
    if op in (">", ">="):
        x, y, op = y, x, {">": "<", ">=": "<="}[op]
    if op == "!=":
        return negated(b, compared(b, "==", x, y))
    exact = x.exact and y.exact
    if op == "==":
        if exact:
            same = b.keep(q_same(b, x.lo, y.lo))
            return Truth(same, same)
        point = b.both(q_same(b, x.lo, x.hi) if not x.exact else True, q_same(b, y.lo, y.hi) if not y.exact else True)
        certain = b.keep(b.both(point, q_same(b, x.lo, y.lo)))
        possible = b.keep(b.both(q_at_most(b, x.lo, y.hi), q_at_most(b, y.lo, x.hi)))
        return Truth(certain, possible)
    test = q_less if op == "<" else q_at_most
    certain = b.keep(test(b, x.hi, y.lo))
    return Truth(certain, certain if exact else b.keep(test(b, x.lo, y.hi)))


def negated(b: Backend, x: Truth) -> Truth:
    certain = b.keep(b.no(x.possible))
    return Truth(certain, certain if x.exact else b.keep(b.no(x.certain)))


DEEPEST_CHAIN = 60
"""Truths in one expression: each adds a pair of brackets, and Python takes no more than 200, one inside the other."""


def all_of(b: Backend, truths: list[Truth]) -> Truth:
    certain: Term = True
    possible: Term = True
    for place, truth in enumerate(truths, 1):
        certain = b.both(certain, truth.certain)
        possible = b.both(possible, truth.possible)
        if place % DEEPEST_CHAIN == 0:
            certain, possible = b.keep(certain), b.keep(possible)
    certain = b.keep(certain)
    return Truth(certain, certain if all(t.exact for t in truths) else b.keep(possible))


def any_of(b: Backend, truths: list[Truth]) -> Truth:
    certain: Term = False
    possible: Term = False
    for place, truth in enumerate(truths, 1):
        certain = b.either(certain, truth.certain)
        possible = b.either(possible, truth.possible)
        if place % DEEPEST_CHAIN == 0:
            certain, possible = b.keep(certain), b.keep(possible)
    certain = b.keep(certain)
    return Truth(certain, certain if all(t.exact for t in truths) else b.keep(possible))


def if_truth(b: Backend, test: Truth, x: Truth, y: Truth) -> Truth:
    """x where test, y where not; where it is not known, settled only if both agree."""
    if test.exact:
        certain = b.keep(b.pick(test.certain, x.certain, y.certain))
        exact = x.exact and y.exact
        return Truth(certain, certain if exact else b.keep(b.pick(test.certain, x.possible, y.possible)))
    certain = b.pick(test.certain, x.certain, b.pick(test.possible, b.both(x.certain, y.certain), y.certain))
    possible = b.pick(test.certain, x.possible, b.pick(test.possible, b.either(x.possible, y.possible), y.possible))
    return Truth(b.keep(certain), b.keep(possible))
