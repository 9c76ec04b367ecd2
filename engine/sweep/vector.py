"""The graph worked out on arrays: every node once for a block of some thousand households, by NumPy.

The graph is the one the SQL is written from (`engine/sweep/render.py`). What is asked of it is worked out one after the
other, each with whatever it is made of and is not there yet: what has been asked is soon let go, so that little of a
block stands at any time. A value of the household's is an array with one place a household of
the block, one of the member's with one place a member, one of a pair's with one for each member beside each member of
the household.

An integer is as wide as its declared range needs, 8 to 64 bits: narrow ones take a fraction of the time. Sums, products
and differences are worked out in the width of what comes out. On the way there they may wrap, which is arithmetic
modulo 2^width: what comes out lies within its range, so it is exact. `Dag.node` has seen to it that no range passes 64
bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from engine.sweep.dag import AGGREGATES, Level, Node, Term, span_of

Array = Any  # numpy.ndarray
Values = list[Array]


@dataclass(frozen=True, slots=True)
class Block:
    """Some households with all their members: the columns read, and whose place is whose."""

    households: int
    columns: Mapping[tuple[Level, str], tuple[Array, Array | None]]  # values, and where they are not known
    home: Array  # for each member the place of its household
    firsts: Array  # for each household the place of its first member

    def pairs(self) -> tuple[Array, Array, Array]:
        """(own, other, first): each member beside every member of its household, and where a member's pairs begin."""
        ends = np.append(self.firsts[1:], len(self.home))
        beside = (ends - self.firsts)[self.home]  # how many there are beside each member, with itself
        first = np.cumsum(beside) - beside
        own = np.repeat(np.arange(len(self.home)), beside)
        other = np.arange(len(own)) - first[own] + self.firsts[self.home][own]
        return own, other, first


TRUTHS: Mapping[str, Callable[..., Array]] = {
    "<": np.less,
    "<=": np.less_equal,
    "==": np.equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "case": np.where,
}
NUMBERS: Mapping[str, Any] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "//": np.floor_divide,  # NumPy rounds down, also below zero: what SQL needs two forms for
    "floor": np.floor_divide,
}
DIVIDED = ("//", "floor")  # not to be worked out modulo anything
EXTREMES: Mapping[str, Any] = {"least": np.minimum, "most": np.maximum}
FEW_TO_COMPARE = 8  # an `in` over no more integers compares with each
MOST_IN_TABLE = 4096  # an `in` over no more different integers is looked up in a table


@dataclass(frozen=True, slots=True)
class Step:
    """`values[into] = work(*values[args])`, and what is not needed any more after it."""

    work: Callable[..., Array]
    args: tuple[int, ...]
    into: int
    done_with: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Goal:
    """What is asked: a term for each row of a level; or, under a name, only for how many rows it holds."""

    term: Term
    level: Level
    counted: str = ""


@dataclass(frozen=True, slots=True)
class Vector:
    """The steps that work out what is asked, and where it then stands.

    left    by level, where it stands which rows are decided (None: all)
    counts  where the number stands of each goal that is counted, by its name
    """

    steps: tuple[Step, ...]
    start: Values  # the constants, in their places
    places: Mapping[tuple[Node, Level], int]
    left: Mapping[Level, int]
    counts: Mapping[str, int]
    pairs: bool  # whether anything is asked of members beside each other

    def run(self, block: Block) -> Values:
        """The values of a block by place; those of the terms are there, what led to them is gone."""
        values = list(self.start)
        values[BLOCK] = block
        if self.pairs:
            values[OWN], values[OTHER], values[FIRST] = block.pairs()
        values[HOME], values[FIRSTS] = block.home, block.firsts
        for step in self.steps:
            values[step.into] = step.work(*[values[arg] for arg in step.args])
            for place in step.done_with:
                values[place] = None
        return values

    def of(self, values: Values, term: Term, level: Level) -> Any:
        """The value of a term for each row of a level: an array, or what is the same for everybody."""
        return values[self.places[term, level]] if isinstance(term, Node) else term


# The first places of all values.
BLOCK, HOME, FIRSTS, OWN, OTHER, FIRST = range(GIVEN := 6)


def vector(goals: Iterable[Goal], cannot: Term = False) -> Vector:
    """How these goals are worked out, in their order. Of households for which `cannot` holds nothing is counted."""
    return _Making().run(goals, cannot)


class _Making:
    def __init__(self) -> None:
        self.start: Values = [None] * GIVEN
        self.at: dict[tuple[Node, Level], int] = {}  # where a node stands, with one value for each row of a level
        self.steps: list[tuple[Callable[..., Array], tuple[int, ...], int]] = []
        self.pairs = False

    def run(self, goals: Iterable[Goal], cannot: Term) -> Vector:
        left = {Level.HOUSEHOLD: self.step(_left, self.asked(cannot, Level.HOUSEHOLD), FIRSTS)}
        left[Level.MEMBER] = self.step(_left_of, left[Level.HOUSEHOLD], HOME)
        places: dict[tuple[Node, Level], int] = {}
        counts: dict[str, int] = {}
        for goal in goals:
            place = self.asked(goal.term, goal.level)
            if goal.counted:
                rows = HOME if goal.level is Level.MEMBER else FIRSTS
                counts[goal.counted] = self.step(_count, place, left[goal.level], rows)
            elif isinstance(goal.term, Node):
                places[goal.term, goal.level] = place
        kept = {*places.values(), *left.values(), *counts.values()}
        return Vector(tuple(self.freed(kept)), self.start, places, left, counts, self.pairs)

    def asked(self, term: Term, level: Level) -> int:
        """Where a term stands, once it and whatever it is made of is worked out."""
        todo = [term] if isinstance(term, Node) else []
        while todo:
            node = todo[-1]
            before = [] if node.op == "filled" else [arg for arg in node.nodes if (arg, arg.level) not in self.at]
            if before:
                todo += before
                continue
            todo.pop()
            if (node, node.level) not in self.at:
                self.at[node, node.level] = self.made(node)
                self.pairs |= node.level is Level.PAIR
        return self.place(term, level)

    def step(self, work: Callable[..., Array], *args: int) -> int:
        self.start.append(None)
        self.steps.append((work, args, len(self.start) - 1))
        return len(self.start) - 1

    def place(self, term: Term, level: Level) -> int:
        """Where a term stands with one value for each row of a level; a constant has one for all."""
        if not isinstance(term, Node):
            self.start.append(bool(term) if isinstance(term, bool) else int(term))
            return len(self.start) - 1
        key = term, level
        if key not in self.at:
            if level is Level.MEMBER:
                self.at[key] = self.step(_taken, self.at[term, Level.HOUSEHOLD], HOME)
            else:  # beside a member stands another: what is the member's own comes as `outer`
                self.at[key] = self.step(_taken, self.place(term, Level.MEMBER), OTHER)
        return self.at[key]

    def made(self, node: Node) -> int:
        if node.op in ("column", "filled"):
            return self.column(node)
        if node.op == "outer":
            return self.step(_taken, self.at[node.args[0], Level.MEMBER], OWN)
        if node.op in AGGREGATES:
            return self.together(node)
        if node.op == "in":
            return self.among(node)
        args = [self.place(arg, node.level) for arg in node.args]
        if node.op == "case" and not node.boolean:
            return self.step(_case(node), *args)
        if node.boolean:
            return self.step(TRUTHS[node.op], *args)
        ufunc, kind = NUMBERS[node.op], narrowest(node, *_integers(node), *(node.args if node.op in DIVIDED else ()))
        return self.step(lambda a, b: ufunc(a, b, dtype=kind), *args)

    def column(self, node: Node) -> int:
        column, where_null = (node.args[0], node.args[1]) if node.op == "filled" else (node, None)
        key, kind = (node.level, str(column.args[0])), np.bool_ if node.boolean else narrowest(node)
        if where_null is None:
            return self.step(lambda block: block.columns[key][0].astype(kind, copy=False), BLOCK)
        return self.step(lambda block: _filled(block.columns[key], where_null, kind), BLOCK)

    def together(self, node: Node) -> int:
        """An aggregate over the members of each household, or over the pairs of each member."""
        over, firsts = (Level.PAIR, FIRST) if node.level is Level.MEMBER else (Level.MEMBER, FIRSTS)
        (body,) = node.args
        whose = OWN if over is Level.PAIR else HOME
        kind = np.bool_ if node.boolean else narrowest(node)
        if isinstance(body, Node):
            rows = self.place(body, over)
        else:
            rows = self.step(lambda like: np.full(len(like), body, kind), whose)
        if node.boolean:
            return self.step(_any if node.op == "any" else _every, rows, whose, firsts)
        if node.op == "sum":
            return self.step(lambda rows, firsts: _sum(rows, firsts).astype(kind), rows, firsts)
        ufunc = EXTREMES[node.op]
        return self.step(lambda rows, firsts: ufunc.reduceat(rows, firsts, dtype=kind), rows, firsts)

    def among(self, node: Node) -> int:
        """Whether an integer is one of some."""
        x, each = node.args[0], sorted(int(value) for value in node.args[1:])
        values = np.array(each, np.int64)
        rows = self.place(x, node.level)
        least, most = x.span
        if each[-1] - each[0] == len(each) - 1:
            low, high = each[0], each[-1]
            return self.step(lambda rows: (rows >= low) & (rows <= high), rows)
        if len(each) <= FEW_TO_COMPARE:
            return self.step(lambda rows: reduce(np.logical_or, (rows == value for value in each)), rows)
        if least >= 0 and most < MOST_IN_TABLE:
            table = np.zeros(most + 1, np.bool_)
            table[values[(values >= 0) & (values <= most)]] = True
            return self.step(lambda rows: table[rows], rows)
        return self.step(lambda rows: np.isin(rows, values), rows)

    def freed(self, kept: set[int]) -> Iterable[Step]:
        """The steps, each with what is read by it for the last time."""
        last: dict[int, int] = {}
        for number, (_, args, into) in enumerate(self.steps):
            last[into] = number
            last |= {arg: number for arg in args}
        gone: dict[int, list[int]] = {}
        for place, number in last.items():
            if place >= GIVEN and place not in kept and self.start[place] is None:
                gone.setdefault(number, []).append(place)
        for number, (work, args, into) in enumerate(self.steps):
            yield Step(work, args, into, tuple(gone.get(number, ())))


def narrowest(*terms: Any) -> Any:
    """The narrowest signed integers that hold each of some terms."""
    spans = [span_of(term) for term in terms]
    least, most = min(low for low, _ in spans), max(high for _, high in spans)
    kinds = (np.int8, np.int16, np.int32)
    return next((k for k in kinds if np.iinfo(k).min <= least and most <= np.iinfo(k).max), np.int64)


def _integers(node: Node) -> Iterator[int]:
    return (arg for arg in node.args if not isinstance(arg, Node))


def _taken(values: Array, rows: Array) -> Array:
    return values[rows]


def spread(truth: Any, rows: int) -> Array:
    """A truth for each row, also where it is the same for all."""
    return np.full(rows, truth, np.bool_) if np.ndim(truth) == 0 else truth


def _left(cannot: Any, rows: Array) -> Array | None:
    """Which households are decided; None where all are."""
    return np.logical_not(spread(cannot, len(rows))) if np.any(cannot) else None


def _left_of(left: Array | None, home: Array) -> Array | None:
    """The same for members."""
    return None if left is None else left[home]


def _count(holds: Any, left: Array | None, rows: Array) -> int:
    """For how many rows that are decided a truth holds."""
    holds = spread(holds, len(rows))
    return int(np.count_nonzero(holds if left is None else holds & left))


def _case(node: Node) -> Callable[..., Array]:
    """One of two integers by a truth."""
    _, yes, no = node.args
    kind = narrowest(node, *(term for term in (yes, no) if not isinstance(term, Node)))
    if not isinstance(no, Node) and no == 0:
        return lambda test, yes, no: np.multiply(yes, test, dtype=kind)
    return lambda test, yes, no: chosen(test, yes, no, kind)


def chosen(test: Array, yes: Any, no: Any, kind: Any) -> Array:
    """`yes` where the test holds, else `no`, as integers of a kind: what `np.where` gives, in a third of its time."""
    if np.ndim(yes) == np.ndim(no) == 0:
        yes = np.array([yes], kind)  # of two numbers alone NumPy would warn where their difference wraps
    found = np.multiply(np.subtract(yes, no, dtype=kind), test, dtype=kind)
    return np.add(found, no, out=found, dtype=kind)


def _any(rows: Array, whose: Array, firsts: Array) -> Array:
    """For each of `firsts`, whether it holds for one of its rows: a fraction of the time of `reduceat` on truths."""
    found = np.zeros(len(firsts), np.bool_)
    found[whose[np.flatnonzero(rows)]] = True
    return found


def _every(rows: Array, whose: Array, firsts: Array) -> Array:
    return ~_any(~rows, whose, firsts)


def _sum(rows: Array, firsts: Array) -> Array:
    """The sum of the rows of each of `firsts`, as the difference of two running sums (modulo 2^64)."""
    running = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(rows, out=running[1:])
    found: Array = np.diff(running[firsts], append=running[-1:])
    return found


def _filled(column: tuple[Array, Array | None], where_null: int | bool, kind: Any) -> Array:
    """A column with a value where it is null; there it holds nothing, 0 or False."""
    values, unknown = column
    if unknown is None or not where_null:
        return values.astype(kind, copy=False)
    if kind is np.bool_:
        return values | unknown
    return np.add(values, np.multiply(unknown, where_null, dtype=kind), dtype=kind)
