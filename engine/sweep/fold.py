"""The shared fold from checked tree to ends, with terms of SQL.

A value known for a household stands in a column of households, one of a member in a column of members. What a rule asks
of all members becomes an aggregate over the members' table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from engine.language import ends
from engine.language.ends import Folded, Mask, Num, Q, Several, Truth
from engine.language.fold import Fold
from engine.language.model import ChoiceSet, DatedValue, Parameter
from engine.language.places import Place
from engine.language.tree import Condition, Expr
from engine.sweep import choices as choose
from engine.sweep import figures
from engine.sweep.columns import Code, Hull
from engine.sweep.dag import LARGEST, Dag, Level, Node, NotInSql, Term, TooLarge, level_of, span_of


class CannotSweep(Exception):
    """A rule cannot be worked out by a table engine. `at` is where it is written, `why` is (English, Chinese)."""

    def __init__(self, at: Place, why: tuple[str, str]):
        self.at, self.why = at, why
        super().__init__(f"{at}: {why[0]}")


@contextmanager
def sayable(at: Place) -> Iterator[None]:
    """Give what has no form in SQL its place."""
    try:
        yield
    except TooLarge:
        why = (
            "an integer behind this can pass 64 bits: narrow the `highest` of the facts and figures it reads",
            "此处的整数可能超出 64 位：请收窄所读事实和参数的 highest",
        )
        raise CannotSweep(at, why) from None
    except NotInSql as error:
        raise CannotSweep(at, error.why) from None


@dataclass(frozen=True, slots=True)
class World:
    """What every fold of one compilation shares."""

    dag: Dag
    choices: Mapping[str, ChoiceSet]
    parameters: Mapping[str, Parameter]
    figures: Mapping[str, DatedValue | None]
    on: int  # yyyymmdd


Asked = Callable[[Expr], Truth]


class SqlFold(Fold):
    """Writes nodes. `home` is whose rule it is; inside a member function the current member is another one."""

    def __init__(self, world: World, home: Level, facts: Mapping[str, Folded], policy: Asked | None = None):
        self.world, self.dag, self.home, self.facts, self.asked = world, world.dag, home, facts, policy
        self.depth = 0
        self.lets: dict[str, Folded] = {}
        self.done: dict[int, Folded] = {}
        self.outcomes: dict[str, Truth] = {}  # of the conditions of its own subject
        self.truths: dict[str, Truth] = {}  # of every condition, also those looked at for each member

    # -- writing --

    def infix(self, op: str, left: Term, right: Term) -> Term:
        if op == "and":
            return self.dag.both(left, right)
        if op == "or":
            return self.dag.either(left, right)
        if op == "//":
            return self.dag.floor(left, right)
        if op in ("+", "-", "*"):
            return self.dag.arithmetic(op, left, right)
        return self.dag.compare(op, left, right)

    def negation(self, term: Term) -> Term:
        assert isinstance(term, Node)
        return self.dag.no(term)

    def choose(self, test: Term, yes: Term, no: Term) -> Term:
        assert isinstance(test, Node)
        return self.dag.pick(test, yes, no)

    def keep(self, term: Term) -> Term:
        return term

    # -- reading --

    def value(self, expr: Expr) -> Folded:
        if id(expr) not in self.done:
            with sayable(expr.at):
                self.done[id(expr)] = super().value(expr)
        return self.done[id(expr)]

    def fact(self, expr: Expr) -> Folded:
        return self.facts[expr.name]

    def parameter(self, expr: Expr, keys: list[Folded]) -> Num:
        parameter, value = self.world.parameters[expr.name], self.world.figures[expr.name]
        if not keys:
            return figures.single(parameter, value)
        return figures.Lookup(self, self.dag, parameter, value, dict(self.world.choices)).read(keys)

    def marginal(self, x: Num, schedule: Expr) -> Num:
        return figures.marginal(self, x, self.world.parameters[schedule.name], self.world.figures[schedule.name])

    def let(self, expr: Expr) -> Folded:
        found = self.lets[expr.name]
        # inside a member function a let is still that of the member the rule is decided for
        return self._of_home(found) if self.depth and self.home is Level.MEMBER else found

    def today(self) -> Num:
        q = Q(self.world.on)
        return Num(q, q)

    def policy(self, expr: Expr) -> Truth:
        assert self.asked is not None, expr
        return self.asked(expr)

    def _of_home(self, found: Folded) -> Folded:
        outer = self.dag.outer
        if isinstance(found, Num):
            lo = Q(outer(found.lo.n), found.lo.k, outer(found.lo.d))
            return Num(lo, lo if found.exact else Q(outer(found.hi.n), found.hi.k, outer(found.hi.d)))
        if isinstance(found, Truth):
            certain = outer(found.certain)
            return Truth(certain, certain if found.exact else outer(found.possible))
        if isinstance(found, Mask):
            if isinstance(found.term, Code):
                return Mask(Code(outer(found.term.term), found.term.values, found.term.sure))
            return Mask(Hull(tuple(outer(term) for term in found.term.may)))
        return Several({k: outer(t) for k, t in found.must.items()}, {k: outer(t) for k, t in found.may.items()})

    # -- choices --

    def _values(self, name: str, values: tuple[str, ...]) -> frozenset[int]:
        return frozenset(self.world.choices[name].values.index(value) for value in values)

    def _count(self, name: str) -> int:
        return len(self.world.choices[name].values)

    def choice(self, name: str, values: tuple[str, ...]) -> Mask:
        (code,) = self._values(name, values)
        return Mask(Code(code, self.world.choices[name].values, True))

    def choice_in(self, x: Mask, name: str, values: tuple[str, ...]) -> Truth:
        return choose.within(self, self.dag, x.term, self._values(name, values), self._count(name))

    def choice_same(self, x: Mask, y: Mask) -> Truth:
        count = x.term.count if isinstance(x.term, Code) else len(x.term.may)
        return choose.same(self, self.dag, x.term, y.term, count)

    def several_has(self, x: Several, name: str, value: str) -> Truth:
        return Truth(x.must[value], x.may[value])

    def if_choice(self, test: Truth, x: Mask, y: Mask) -> Mask:
        count = x.term.count if isinstance(x.term, Code) else len(x.term.may)
        return Mask(choose.chosen(self, self.dag, test, x.term, y.term, count))

    # -- members --

    def members(self, expr: Expr) -> Folded:
        self.depth += 1
        try:
            where = self.truth(expr.args[1])
            body = self.value(expr.args[0])
        finally:
            self.depth -= 1
        if expr.op in ("any_member", "every_member"):
            return self._quantified(expr.op == "any_member", where, body)
        if expr.op == "count_members":
            met = ends.all_of(self, [where, body])
            lo = Q(self.over("sum", self.pick(met.certain, 1, 0)))
            return Num(lo, lo if met.exact else Q(self.over("sum", self.pick(met.possible, 1, 0))))
        if expr.op == "sum_members":
            return self._sum(where, body)
        return self._extreme(where, body, self.number(expr.args[2]), expr.op == "min_members")

    def over(self, op: str, body: Term) -> Term:
        """`body` over all members; every household has at least one."""
        if isinstance(body, bool):
            return body
        found = self.dag.aggregate(op, body)
        return self.dag.outer(found) if self.depth else found

    def _quantified(self, any_: bool, where: Truth, body: Truth) -> Truth:
        met = ends.all_of(self, [where, body]) if any_ else ends.any_of(self, [ends.negated(self, where), body])
        op = "any" if any_ else "every"
        certain = self.over(op, met.certain)
        return Truth(certain, certain if met.exact else self.over(op, met.possible))

    def _sum(self, where: Truth, x: Num) -> Num:
        """Each end added up; one who only may belong adds what draws the end outwards, if anything."""
        lo, hi = self._one_denominator(x)
        if where.exact:
            n, m = (self.pick(where.certain, end.n, 0) for end in (lo, hi))
        else:
            least = self.pick(self.compare("<=", lo.n, 0), lo.n, 0)
            most = self.pick(self.compare("<=", hi.n, 0), 0, hi.n)
            n = self.pick(where.certain, lo.n, self.pick(where.possible, least, 0))
            m = self.pick(where.certain, hi.n, self.pick(where.possible, most, 0))
        total = Q(self.over("sum", n), lo.k, lo.d)
        if where.exact and x.exact:
            return Num(total, total)
        return Num(total, Q(self.over("sum", m), hi.k, hi.d))

    def _extreme(self, where: Truth, x: Num, nobody: Num, least: bool) -> Num:
        """The least or greatest over those who surely and those who possibly belong; over nobody, `otherwise`."""
        lo, hi = self._one_denominator(x)
        op, back = ("least", "most") if least else ("most", "least")
        pull, settle = (lo, hi) if least else (hi, lo)
        near, far = (nobody.lo, nobody.hi) if least else (nobody.hi, nobody.lo)
        first, second = (ends.q_least, ends.q_most) if least else (ends.q_most, ends.q_least)
        sure, some = self.over("any", where.certain), self.over("any", where.possible)
        pulled = self._among(op, where.possible, pull)
        settled = self._among(op, where.certain, settle)
        if where.exact:
            end_pull, end_far = ends.q_pick(self, sure, pulled, near), ends.q_pick(self, sure, settled, far)
            if x.exact and nobody.exact:
                return Num(end_pull, end_pull)
        else:
            end_pull = ends.q_pick(self, sure, pulled, ends.q_pick(self, some, first(self, pulled, near), near))
            unsettled = self._among(back, where.possible, settle)
            end_far = ends.q_pick(self, sure, settled, ends.q_pick(self, some, second(self, unsettled, far), far))
        return Num(end_pull, end_far) if least else Num(end_far, end_pull)

    def _among(self, op: str, belongs: Term, q: Q) -> Q:
        """The least or most of a value among those who belong; where nobody does it is not used."""
        span = span_of(q.n)
        n = self.pick(belongs, q.n, span[1] if op == "least" else span[0])
        return Q(self.over(op, n) if isinstance(n, Node) else n, q.k, q.d)

    def _one_denominator(self, x: Num) -> tuple[Q, Q]:
        """The ends of a member's number over denominators that are the same for the whole household."""
        lo = self._shared(x.lo)
        return lo, lo if x.exact else self._shared(x.hi)

    def _shared(self, q: Q) -> Q:
        if level_of(q.d) is Level.HOUSEHOLD:
            return q
        least, most = span_of(q.d)
        common = math.lcm(*range(max(least, 1), most + 1)) if most - least <= 60 else 0
        if not 0 < common <= LARGEST:
            raise NotInSql(
                "members' quotients with divisors of their own are added or compared: round each with round_to first",
                "各成员除数不同的商相加或比较：请先用 round_to 逐个舍入",
            )
        return Q(self.mul(q.n, self.floor(common, q.d)), q.k * common)

    # -- conditions --

    def condition(self, node: Condition) -> Truth:
        """The truth of a condition tree; the outcomes of its subject's own nodes are noted."""
        if node.kind == "leaf":
            assert node.expr is not None
            truth = self.truth(node.expr)
        elif node.kind in ("any_member", "every_member"):
            self.depth += 1
            try:
                where, body = self.condition(node.parts[0]), self.condition(node.parts[1])
            finally:
                self.depth -= 1
            truth = self._quantified(node.kind == "any_member", where, body)
        else:
            parts = [self.condition(part) for part in node.parts]
            if node.kind == "all":
                truth = ends.all_of(self, parts)
            elif node.kind == "any":
                truth = ends.any_of(self, parts)
            elif node.kind == "none":
                truth = ends.negated(self, ends.any_of(self, parts))
            else:
                truth = ends.negated(self, parts[0])
        self.truths[node.id] = truth
        if not self.depth:
            self.outcomes[node.id] = truth
        return truth


@dataclass(frozen=True, slots=True)
class Amount:
    """One item of one policy: least and most in fen, whether it is given, the months it is paid for."""

    least: Term
    most: Term
    certain: Term
    possible: Term
    months: tuple[Term, Term] = field(default=(12, 12))


def fen(fold: SqlFold, amount: Num, step: Fraction, mode: str) -> tuple[Term, Term]:
    """The two ends of a sum, cut off at zero and rounded once."""
    found: list[Any] = []
    positive = ends.most_of(fold, amount, ends.constant(Fraction(0)))
    for q in (positive.lo,) if positive.exact else (positive.lo, positive.hi):
        rounded = ends.q_round(fold, q, step, mode)
        found.append(fold.floor(fold.mul(rounded.n, 100), rounded.k))
    return found[0], found[-1]
