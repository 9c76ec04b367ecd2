"""Random graphs over integers of every width, worked out on arrays and in Python's integers, which have no width."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.sweep.dag import Dag, Level, Node, Term, TooLarge, span_of
from engine.sweep.vector import Block, Goal, chosen, narrowest, vector

WIDTHS = (0, 1, 6, 7, 8, 14, 15, 16, 30, 31, 32, 45, 62)
Row = dict[Any, Any]  # of a household or member: the value of each column


class Graph:
    """A graph made at random, and its values of any household by the meaning of each node."""

    def __init__(self, rng: random.Random):
        self.rng, self.dag = rng, Dag()
        self.columns: dict[tuple[Level, str], tuple[tuple[int, int] | None, bool]] = {}  # range (None: truth), gaps
        self.nodes: list[Node] = []
        for level in (Level.HOUSEHOLD, Level.MEMBER):
            for n in range(6):
                span, gaps, name = self.span() if n else None, rng.random() < 0.4, f"{level.name}{n}"
                self.columns[level, name] = span, gaps
                where_null: Any = rng.random() < 0.5 if span is None else rng.choice(span)
                made = self.dag.filled(level, name, where_null, span) if gaps else self.dag.column(level, name, span)
                self.nodes.append(made)
        while len(self.nodes) < 70:
            try:
                made = self.more()
            except TooLarge:
                continue
            if isinstance(made, Node):
                self.nodes.append(made)

    def span(self) -> tuple[int, int]:
        ends = [self.rng.choice((-1, 1)) * (2 ** self.rng.choice(WIDTHS) - self.rng.randint(0, 1)) for _ in "ab"]
        return min(ends), max(ends)

    def some(self, truth: bool) -> Node:
        return self.rng.choice([node for node in self.nodes if node.boolean is truth])

    def number(self) -> Term:
        return self.some(False) if self.rng.random() < 0.7 else self.rng.choice(self.span())

    def more(self) -> Term:
        dag, rng = self.dag, self.rng
        ways: list[Callable[[], Term]] = [
            lambda: dag.arithmetic(rng.choice("+-*"), self.some(False), self.number()),
            lambda: dag.arithmetic("-", self.number(), self.some(False)),
            lambda: dag.floor(self.some(False), 2 ** rng.choice(WIDTHS) + rng.randint(0, 2)),
            lambda: dag.compare(rng.choice(["<", "<=", "=="]), self.some(False), self.number()),
            lambda: dag.both(self.some(True), self.some(True)),
            lambda: dag.either(self.some(True), self.some(True)),
            lambda: dag.no(self.some(True)),
            lambda: dag.one_of(node := self.some(False), tuple({rng.choice(span_of(node)) + n * rng.randint(0, 2) for n in range(rng.randint(1, 12))})),
            lambda: dag.pick(self.some(True), self.number(), self.number()),
            lambda: dag.pick(self.some(True), self.some(True), self.some(True)),
            lambda: dag.aggregate(rng.choice(["any", "every"]), self.member(True)),
            lambda: dag.aggregate(rng.choice(["sum", "least", "most"]), self.member(False)),
        ]
        return rng.choice(ways)()

    def member(self, truth: bool) -> Node:
        return self.rng.choice([node for node in self.nodes if node.level is Level.MEMBER and node.boolean is truth])

    # -- what it means --

    def value(self, term: Term, home: Row, member: Row | None) -> Any:
        if not isinstance(term, Node):
            return term
        if term.op in ("column", "filled"):
            column = term if term.op == "column" else term.args[0]
            found = (home if term.level is Level.HOUSEHOLD else member or {})[column.args[0]]
            return term.args[1] if found is None else found
        if term.op in ("any", "every", "sum", "least", "most"):
            every = [self.value(term.args[0], home, each) for each in home["members"]]
            return {"any": any, "every": all, "sum": sum, "least": min, "most": max}[term.op](every)
        if term.op == "in":
            return self.value(term.args[0], home, member) in term.args[1:]
        a, *rest = (self.value(arg, home, member) for arg in term.args)
        b = rest[0] if rest else None
        means: dict[str, Callable[[], Any]] = {
            "+": lambda: a + b,
            "-": lambda: a - b,
            "*": lambda: a * b,
            "//": lambda: a // b,
            "floor": lambda: a // b,
            "<": lambda: a < b,
            "<=": lambda: a <= b,
            "==": lambda: a == b,
            "and": lambda: a and b,
            "or": lambda: a or b,
            "not": lambda: not a,
            "case": lambda: b if a else rest[1],
        }
        return means[term.op]()

    def city(self) -> list[Row]:
        def row(level: Level) -> Row:
            found: Row = {}
            for (where, name), (span, gaps) in self.columns.items():
                if where is level:
                    known = not gaps or self.rng.random() < 0.7
                    found[name] = None if not known else self.rng.random() < 0.5 if span is None else self.rng.choice([*span, self.rng.randint(*span)])
            return found

        return [{**row(Level.HOUSEHOLD), "members": [row(Level.MEMBER) for _ in range(self.rng.randint(1, 5))]} for _ in range(25)]

    def block(self, city: list[Row]) -> Block:
        sizes = [len(home["members"]) for home in city]
        rows = {Level.HOUSEHOLD: city, Level.MEMBER: [member for home in city for member in home["members"]]}
        columns: dict[Any, Any] = {}
        for (level, name), (span, _) in self.columns.items():
            values = [row[name] for row in rows[level]]
            unknown = np.array([value is None for value in values])
            kind = np.bool_ if span is None else self.rng.choice([narrowest(*span, 0), np.int64])
            columns[level, name] = np.array([value or 0 for value in values], kind), unknown if unknown.any() else None
        home = np.repeat(np.arange(len(city)), sizes)
        return Block(len(city), columns, home, np.cumsum(sizes) - sizes)


@pytest.mark.parametrize("seed", range(60))
def test_arrays_and_integers_without_width_agree(seed: int) -> None:
    graph = Graph(random.Random(seed))
    city = graph.city()
    cannot = graph.rng.choice([False, *(n for n in graph.nodes if n.boolean and n.level is Level.HOUSEHOLD)])
    truths = {str(n.number): n for n in graph.nodes if n.boolean}
    goals = [*(Goal(node, node.level) for node in graph.nodes), *(Goal(node, node.level, name) for name, node in truths.items())]
    graph.rng.shuffle(goals)
    steps = vector(goals, cannot)
    values = steps.run(graph.block(city))
    decided = [home for home in city if not (cannot and graph.value(cannot, home, None))]
    for name, node in truths.items():
        rows = [(home, member) for home in decided for member in ([None] if node.level is Level.HOUSEHOLD else home["members"])]
        assert values[steps.counts[name]] == sum(graph.value(node, home, member) for home, member in rows), node.op
    for node in graph.nodes:
        found = steps.of(values, node, node.level).tolist()
        if node.level is Level.HOUSEHOLD:
            wanted = [graph.value(node, home, None) for home in city]
        else:
            wanted = [graph.value(node, home, member) for home in city for member in home["members"]]
        assert found == wanted, (node.op, node.span, node.args)


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.int64])
def test_one_of_two_at_the_ends_of_a_width(kind: Any) -> None:
    """The difference does not fit, and what comes out does."""
    least, most = int(np.iinfo(kind).min), int(np.iinfo(kind).max)
    test = np.array([True, False])
    for yes, no in ((least, most), (most, least), (-1, most)):
        for first in (yes, np.full(2, yes, kind)):
            for second in (no, np.full(2, no, kind)):
                assert chosen(test, first, second, kind).tolist() == [yes, no]
