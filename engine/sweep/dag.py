"""Terms of SQL as a graph: every value once, with its level, its stage and the integers it can be.

A node is what `engine/sweep/render.py` later writes as one SQL expression. Two nodes that say the same are the same
object, so that what a second reading of the rules shares with the first is worked out once, and an end that coincides
with the other is never written.

level  whose value it is: the household's, the member's, or a pair's (a member beside another of the same household)
stage  how many grouped passes over members must come before it: an aggregate stands one stage after what it adds up
span   the least and most an integer can be, from the declared ranges: nothing here may pass 64 bits
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

LARGEST = 2**63 - 1
MOST_MEMBERS = 60


class Level(IntEnum):
    """Whose value a node is. A higher level can read a lower one of the same household."""

    HOUSEHOLD = 0
    MEMBER = 1
    PAIR = 2


AGGREGATES = frozenset({"any", "every", "sum", "least", "most"})
BOOLEAN = frozenset({"<", "<=", "==", "and", "or", "not", "in", "any", "every"})


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """One value. `span` is None for a truth."""

    op: str
    args: tuple[Any, ...]  # Terms; for a column its name; for `in` the node and its integers
    level: Level
    stage: int
    span: tuple[int, int] | None
    number: int  # in the order of making: what a node is made of has lower numbers
    size: int  # how much SQL it is when written out in full

    @property
    def nodes(self) -> Iterator[Node]:
        """The nodes it is made of."""
        return (arg for arg in self.args if isinstance(arg, Node))

    @property
    def boolean(self) -> bool:
        return self.span is None


class Figure(int):
    """An integer that stands for a figure of law: it is written with its name beside it."""

    label: str

    def __new__(cls, value: int, label: str) -> Figure:
        found = super().__new__(cls, value)
        found.label = label
        return found

    def __mul__(self, other: Any) -> int:
        return Figure(int(self) * int(other), self.label)

    __rmul__ = __mul__


Term = Node | int | bool


class TooLarge(Exception):
    """An integer behind a rule can pass 64 bits."""


class NotInSql(Exception):
    """Something the rule language can say that no table engine can work out row by row; `why` is (English, Chinese)."""

    def __init__(self, en: str, zh: str):
        self.why = (en, zh)
        super().__init__(en)


def span_of(term: Term) -> tuple[int, int]:
    """The least and most an integer term can be."""
    if isinstance(term, Node):
        assert term.span is not None, term.op
        return term.span
    return int(term), int(term)


def level_of(term: Term) -> Level:
    return term.level if isinstance(term, Node) else Level.HOUSEHOLD


def stage_of(term: Term) -> int:
    return term.stage if isinstance(term, Node) else 0


def _key(arg: Any) -> Any:
    if isinstance(arg, Node):
        return arg.number
    return type(arg).__name__, getattr(arg, "label", ""), arg


@dataclass(slots=True)
class Dag:
    """Makes nodes, each once."""

    made: dict[tuple[Any, ...], Node] = field(default_factory=dict)

    def node(self, op: str, args: tuple[Any, ...], level: Level, stage: int, span: tuple[int, int] | None) -> Node:
        key = (op, level if op == "column" else None, *map(_key, args))
        found = self.made.get(key)
        if found is None:
            if span is not None and max(-span[0], span[1]) > LARGEST:
                raise TooLarge(f"{op}: {span[0]} … {span[1]}")
            size = 1 + sum(arg.size if isinstance(arg, Node) and arg.op not in AGGREGATES else 1 for arg in args)
            found = self.made[key] = Node(op, args, level, stage, span, len(self.made), size)
        return found

    def of(self, op: str, args: tuple[Any, ...], span: tuple[int, int] | None) -> Node:
        """A node that is worked out of its arguments, row by row."""
        return self.node(op, args, max(map(level_of, args)), max(map(stage_of, args)), span)

    # -- columns --

    def column(self, level: Level, name: str, span: tuple[int, int] | None) -> Node:
        """A column that is nowhere null."""
        return self.node("column", (name,), level, 0, span)

    def filled(self, level: Level, name: str, where_null: int | bool, span: tuple[int, int] | None) -> Node:
        """A column with another value where it is null."""
        return self.node("filled", (self.node("column", (name,), level, 0, span), where_null), level, 0, span)

    # -- integers --

    def arithmetic(self, op: str, a: Term, b: Term) -> Term:
        (p, q), (r, s) = span_of(a), span_of(b)
        if op == "+":
            return self.of(op, (a, b), (p + r, q + s))
        if op == "-":
            return 0 if a is b else self.of(op, (a, b), (p - s, q - r))
        if isinstance(a, int):
            a, b, p, q, r, s = b, a, r, s, p, q
        if isinstance(a, Node) and a.op == "*" and isinstance(a.args[1], int) and isinstance(b, int):
            return self.arithmetic("*", a.args[0], a.args[1] * b)  # (x · c) · d is x · cd
        corners = (p * r, p * s, q * r, q * s)
        return self.of(op, (a, b), (min(corners), max(corners)))

    def floor(self, a: Term, b: Term) -> Term:
        """a // b for b above zero. `//` cuts off towards zero in SQL, so that below zero another form is needed."""
        if isinstance(a, Node) and a.op == "*" and isinstance(a.args[1], int) and isinstance(b, int) and a.args[1] > 0:
            shared = math.gcd(a.args[1], b)  # (x · cg) // dg is (x · c) // d
            x, times = a.args[0], a.args[1] // shared
            a, b = (x if times == 1 else self.arithmetic("*", x, times)), b // shared
            if b == 1:
                return a
        (p, q), (r, s) = span_of(a), span_of(b)
        if r < 1:
            raise NotInSql("a divisor that is not declared above zero", "除数未声明为大于零")
        corners = (p // r, p // s, q // r, q // s)
        return self.of("//" if p >= 0 else "floor", (a, b), (min(corners), max(corners)))

    def compare(self, op: str, a: Term, b: Term) -> Term:
        if a is b:
            return op != "<"
        return self.of(op, (a, b), None)

    # -- truths --

    def both(self, a: Term, b: Term) -> Term:
        return a if a is b else self.of("and", (a, b), None)

    def either(self, a: Term, b: Term) -> Term:
        return a if a is b else self.of("or", (a, b), None)

    def no(self, a: Node) -> Term:
        return a.args[0] if a.op == "not" else self.of("not", (a,), None)

    def one_of(self, a: Node, values: tuple[int, ...]) -> Term:
        if not values:
            return False
        return self.of("==", (a, values[0]), None) if len(values) == 1 else self.of("in", (a, *sorted(values)), None)

    def pick(self, test: Node, yes: Term, no: Term) -> Term:
        """yes where test, else no. Truths become AND and OR; a lesser or greater of two keeps the narrower span."""
        if isinstance(yes, bool) or isinstance(no, bool) or (isinstance(yes, Node) and yes.boolean):
            return self._pick_truth(test, yes, no)
        yes = self._guarded(test, yes)
        (p, q), (r, s) = span_of(yes), span_of(no)
        span = (min(p, r), max(q, s))
        if test.op == "<=" and len(test.args) == 2:
            left, right = test.args
            if (left is yes and right is no) or (_same(left, yes) and _same(right, no)):
                span = (min(p, r), min(q, s))
            elif _same(left, no) and _same(right, yes):
                span = (max(p, r), max(q, s))
        return self.of("case", (test, yes, no), span)

    def _pick_truth(self, test: Node, yes: Term, no: Term) -> Term:
        if yes is True:
            return test if no is False else self.either(test, no)
        if yes is False:
            return self.no(test) if no is True else self.both(self.no(test), no)
        if no is False:
            return self.both(test, yes)
        if no is True:
            return self.either(self.no(test), yes)
        return self.of("case", (test, yes, no), None)

    def _guarded(self, test: Node, yes: Term) -> Term:
        """`(b - a) // c` where a <= b: not below zero, whatever the spans say."""
        if not (isinstance(yes, Node) and yes.op == "floor" and test.op == "<="):
            return yes
        difference, divisor = yes.args
        if isinstance(difference, Node) and difference.op == "-":
            b, a = difference.args
            if _same(test.args[0], a) and _same(test.args[1], b):
                assert yes.span is not None
                return self.of("//", (difference, divisor), (max(yes.span[0], 0), max(yes.span[1], 0)))
        return yes

    # -- members --

    def outer(self, a: Term) -> Term:
        """The value of the member for whom the rule is decided, read while looking at another member."""
        if not isinstance(a, Node) or a.level is Level.HOUSEHOLD or a.op == "outer":
            return a
        assert a.level is Level.MEMBER, a.op
        return self.node("outer", (a,), Level.PAIR, a.stage, a.span)

    def aggregate(self, op: str, body: Term) -> Node:
        """`body` over all members of a household; where it reads an `outer` value, over all beside each member."""
        level = Level.MEMBER if level_of(body) is Level.PAIR else Level.HOUSEHOLD
        span = None
        if op not in ("any", "every"):
            span = span_of(body)
            if op == "sum":
                span = (min(0, MOST_MEMBERS * span[0]), max(0, MOST_MEMBERS * span[1]))
        return self.node(op, (body,), level, stage_of(body) + 1, span)


def _same(a: Term, b: Term) -> bool:
    return a is b or (not isinstance(a, Node) and not isinstance(b, Node) and a == b)
