"""Composed closures: every operation of the checked tree is a Python closure over those below it.

The usual way to run a rule tree without generating code; measured with both ends of every value and with one. It keeps
no outcome of any condition: answers and amounts only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.peers import Answers, Facts
from bench.peers.jiuzhu import ON, Jiuzhu
from bench.peers.terms import Graph, Node, Unit, graph
from engine.decide.program import Edition, Program, start
from engine.language.ends import Term
from engine.language.household import Household

Row = list[Any]
Closure = Callable[[Row, Row, Row], Any]  # (household with its members last, member, what was worked out once)
Found = tuple[str, int, tuple[Any, ...]]  # policy, place of the member, its values

# Each operator three times: over two closures, over a closure and a constant, over a constant and a closure.
_BINARY: dict[str, tuple[Callable[..., Closure], Callable[..., Closure], Callable[..., Closure]]] = {
    "+": (
        lambda a, b: lambda h, m, t: a(h, m, t) + b(h, m, t),
        lambda a, k: lambda h, m, t: a(h, m, t) + k,
        lambda k, b: lambda h, m, t: k + b(h, m, t),
    ),
    "-": (
        lambda a, b: lambda h, m, t: a(h, m, t) - b(h, m, t),
        lambda a, k: lambda h, m, t: a(h, m, t) - k,
        lambda k, b: lambda h, m, t: k - b(h, m, t),
    ),
    "*": (
        lambda a, b: lambda h, m, t: a(h, m, t) * b(h, m, t),
        lambda a, k: lambda h, m, t: a(h, m, t) * k,
        lambda k, b: lambda h, m, t: k * b(h, m, t),
    ),
    "//": (
        lambda a, b: lambda h, m, t: a(h, m, t) // b(h, m, t),
        lambda a, k: lambda h, m, t: a(h, m, t) // k,
        lambda k, b: lambda h, m, t: k // b(h, m, t),
    ),
    "<": (
        lambda a, b: lambda h, m, t: a(h, m, t) < b(h, m, t),
        lambda a, k: lambda h, m, t: a(h, m, t) < k,
        lambda k, b: lambda h, m, t: k < b(h, m, t),
    ),
    "<=": (
        lambda a, b: lambda h, m, t: a(h, m, t) <= b(h, m, t),
        lambda a, k: lambda h, m, t: a(h, m, t) <= k,
        lambda k, b: lambda h, m, t: k <= b(h, m, t),
    ),
    "==": (
        lambda a, b: lambda h, m, t: a(h, m, t) == b(h, m, t),
        lambda a, k: lambda h, m, t: a(h, m, t) == k,
        lambda k, b: lambda h, m, t: k == b(h, m, t),
    ),
    "|": (
        lambda a, b: lambda h, m, t: a(h, m, t) | b(h, m, t),
        lambda a, k: lambda h, m, t: a(h, m, t) | k,
        lambda k, b: lambda h, m, t: k | b(h, m, t),
    ),
    "and": (
        lambda a, b: lambda h, m, t: a(h, m, t) and b(h, m, t),
        lambda a, k: lambda h, m, t: a(h, m, t) and k,
        lambda k, b: lambda h, m, t: k and b(h, m, t),
    ),
    "or": (
        lambda a, b: lambda h, m, t: a(h, m, t) or b(h, m, t),
        lambda a, k: lambda h, m, t: a(h, m, t) or k,
        lambda k, b: lambda h, m, t: k or b(h, m, t),
    ),
    "meets": (
        lambda a, b: lambda h, m, t: a(h, m, t) & b(h, m, t) != 0,
        lambda a, k: lambda h, m, t: a(h, m, t) & k != 0,
        lambda k, b: lambda h, m, t: k & b(h, m, t) != 0,
    ),
    "misses": (
        lambda a, b: lambda h, m, t: a(h, m, t) & b(h, m, t) == 0,
        lambda a, k: lambda h, m, t: a(h, m, t) & k == 0,
        lambda k, b: lambda h, m, t: k & b(h, m, t) == 0,
    ),
}


class _Linker:
    """Turns the nodes of one unit into closures."""

    def __init__(self) -> None:
        self.places: dict[int, int] = {}  # node number -> where its value is kept
        self.made: dict[int, Closure] = {}

    def steps(self, nodes: list[Node]) -> list[tuple[int, Closure]]:
        found = []
        for node in nodes:
            made = self.make(node)
            self.places[node.number] = len(self.places)
            found.append((self.places[node.number], made))
        return found

    def closure(self, term: Term) -> Closure:
        if not isinstance(term, Node):
            return lambda h, m, t: term
        if term.number in self.places:
            at = self.places[term.number]
            return lambda h, m, t: t[at]
        if term.number not in self.made:
            self.made[term.number] = self.make(term)
        return self.made[term.number]

    def make(self, node: Node) -> Closure:
        op, args = node.op, node.args
        if op in _BINARY:
            both, right, left = _BINARY[op]
            if not isinstance(args[1], Node):
                return right(self.closure(args[0]), args[1])
            if not isinstance(args[0], Node):
                return left(args[0], self.closure(args[1]))
            return both(self.closure(args[0]), self.closure(args[1]))
        if op in ("h", "m"):
            at = args[0]
            return (lambda h, m, t: h[at]) if op == "h" else (lambda h, m, t: m[at])
        if op == "not":
            inner = self.closure(args[0])
            return lambda h, m, t: not inner(h, m, t)
        if op == "pick":
            test, yes, no = (self.closure(arg) for arg in args)
            return lambda h, m, t: yes(h, m, t) if test(h, m, t) else no(h, m, t)
        if op == "item":
            pair, at = self.closure(args[0]), args[1]
            return lambda h, m, t: pair(h, m, t)[at]
        if op == "table":
            table, keys = args[0], [self.closure(arg) for arg in args[1:]]
            if len(keys) == 1:
                key = keys[0]
                return lambda h, m, t: table(key(h, m, t))
            return lambda h, m, t: table(*[key(h, m, t) for key in keys])
        if op == "table_ends":
            table, keys = args[0], [self.closure(arg) for arg in args[1:]]
            return lambda h, m, t: table([], *[key(h, m, t) for key in keys])
        if op == "marginal":
            table, end, n, d = args[0], args[1], self.closure(args[2]), self.closure(args[3])
            worked = table.marginal_hi if end else table.marginal_lo
            return lambda h, m, t: worked([], n(h, m, t), d(h, m, t))
        assert op == "members", op
        return self.loop(node)

    def loop(self, node: Node) -> Closure:
        assert node.inner is not None
        steps = self.steps(node.inner.nodes)
        roots = [self.closure(arg) for arg in node.args]
        if len(roots) == 1:
            return _one_end(node.kind, steps, roots[0])
        return _both_ends(node.kind, steps, *roots)


def _one_end(kind: str, steps: list[tuple[int, Closure]], root: Closure) -> Closure:
    def each(h: Row, t: Row) -> Any:
        for m in h[-1]:
            for at, step in steps:
                t[at] = step(h, m, t)
            yield root(h, m, t)

    if kind == "sum":
        return (lambda h, m, t: sum(each(h, t))) if steps else (lambda h, m, t: sum([root(h, one, t) for one in h[-1]]))
    combine = any if kind == "any" else all
    return lambda h, m, t: combine(each(h, t))


def _both_ends(kind: str, steps: list[tuple[int, Closure]], first: Closure, second: Closure) -> Closure:
    def total(h: Row, m: Row, t: Row) -> tuple[Any, Any]:
        least = most = 0
        for one in h[-1]:
            for at, step in steps:
                t[at] = step(h, one, t)
            least += first(h, one, t)
            most += second(h, one, t)
        return least, most

    def some(h: Row, m: Row, t: Row) -> tuple[Any, Any]:
        certain = possible = False
        for one in h[-1]:
            for at, step in steps:
                t[at] = step(h, one, t)
            certain = certain or first(h, one, t)
            possible = possible or second(h, one, t)
        return certain, possible

    def every(h: Row, m: Row, t: Row) -> tuple[Any, Any]:
        certain = possible = True
        for one in h[-1]:
            for at, step in steps:
                t[at] = step(h, one, t)
            certain = certain and first(h, one, t)
            possible = possible and second(h, one, t)
        return certain, possible

    return {"sum": total, "any": some, "every": every}[kind]


def _unit(unit: Unit) -> Callable[[Row, Row], list[Any]]:
    """The values of one unit's roots, as a function of the household's row and one member's."""
    linker = _Linker()
    steps = linker.steps(unit.block.nodes)
    roots = [linker.closure(root) for root in unit.roots]
    size = len(linker.places)

    def values(h: Row, m: Row) -> list[Any]:
        t: Row = [None] * size
        for at, step in steps:
            t[at] = step(h, m, t)
        return [root(h, m, t) for root in roots]

    return values


def compiled(made: Graph) -> Callable[[Row, list[Row]], list[Found]]:
    """The whole edition as one function over filled rows: every answer with its amounts."""
    ends = 2 if made.bounds else 1
    steps: list[tuple[Unit, Callable[[Row, Row], list[Any]]]] = [(unit, _unit(unit)) for unit in made.units]

    def run(whole: Row, members: list[Row]) -> list[Found]:
        whole.append(members)
        found: list[Found] = []
        for unit, values in steps:
            for place, row in enumerate((whole,) if unit.level == "household" else members):
                got = values(whole, row)
                if unit.policy is None:
                    for at, value in zip(unit.writes, got, strict=True):
                        row[at] = value
                else:
                    for at in unit.slots:
                        row[at : at + ends] = got[:ends]
                    found.append((unit.name, place, tuple(got)))
        return found

    return run


def rows(program: Program, edition: Edition, household: Household) -> tuple[Row, list[Row]]:
    """The lists both forms read, filled by the engine's own `start`."""
    whole, members = start(program, household)
    for level, at, possible in edition.fixed:
        for row in (whole,) if level == "household" else members:
            row[at], row[at + 1] = False, possible
    return whole, members


def answers_of(program: Program, found: list[Found], bounds: bool, household: Household) -> Answers:
    """Settled answers in the shape that is compared."""
    answers: Answers = {}
    for name, place, values in found:
        member = household.members[place].id if program.rulebook.level(name) == "member" else ""
        if not bounds:
            answers[name, member] = bool(values[0]), sum(values[1:])
        elif values[0] == values[1] and values[2::2] == values[3::2]:
            answers[name, member] = bool(values[0]), sum(values[2::2])
    return answers


class Closures(Jiuzhu):
    """The closures on a read household."""

    def __init__(self, program: Program, bounds: bool):
        super().__init__(program)
        self.bounds = bounds
        self.edition = program.edition(ON)
        self.run = compiled(graph(program, self.edition, bounds))
        self.name = "closures, with bounds" if bounds else "closures, no bounds"
        self.how = (
            "both ends of every value" if bounds else "every fact known"
        ) + "; no outcome kept; from a read household"

    def decide(self, prepared: Household) -> Any:
        return self.run(*rows(self.program, self.edition, prepared))

    def answers(self, decided: Any, facts: Facts) -> Answers:
        return answers_of(self.program, decided, self.bounds, self.prepare(facts))
