"""Which values of a query get a name, and the layers of SELECT in which they are worked out.

A value read more than once is worked out once, in a layer of its own below those that read it; a fact or an
intermediate result of the rules always gets its name, so that the SQL reads like the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from engine.sweep.compile import Named
from engine.sweep.dag import Node
from engine.sweep.render import Writer, comment, identifier, table
from engine.sweep.stages import Stop, walk

SMALL = 3  # what is no larger is written again rather than named
LONG = 40  # what is longer gets a name, so that a line can be read


@dataclass(slots=True)
class Names:
    """The names of nodes, each taken once in the whole plan."""

    hints: Mapping[Node, Named]
    taken: set[str] = field(default_factory=set)
    given: dict[Node, str] = field(default_factory=dict)

    def of(self, node: Node) -> str:
        if node not in self.given:
            if node.op == "column":
                return str(node.args[0])
            hint = self.hints.get(node)
            name = hint.name if hint else f"x{node.number}"
            while name.lower() in self.taken:
                name += "_"
            self.taken.add(name.lower())
            self.given[node] = name
        return self.given[node]

    def about(self, node: Node) -> str:
        hint = self.hints.get(node)
        return hint.about if hint else ""


def alias(value: exp.Expression, name: str, about: str = "") -> exp.Expression:
    """`value AS name`, with a comment; a column of that very name stays as it is."""
    found: exp.Expression
    if isinstance(value, exp.Column) and value.name == name:
        found = value
    else:
        found = exp.Alias(this=value, alias=identifier(name))
    if about:
        found.add_comments([f" {comment(about)} "])
    return found


def select(columns: Iterable[exp.Expression], source: str) -> exp.Select:
    return exp.Select(expressions=list(columns), from_=exp.From(this=table(source)))


@dataclass(slots=True)
class Layered:
    """The layers of one query over its rows, and a writer for what is read on top of them."""

    ctes: list[tuple[str, exp.Select]]
    writer: Writer
    top: str  # the name of the last layer


def layered(targets: Iterable[Node], leaf: Stop, names: Names, rows: str, prefix: str) -> Layered:
    """Work out what the targets read more than once, in layers over `rows`, whose columns are the leaves."""
    wanted = list(targets)
    nodes = walk(wanted, leaf)
    named = _named(wanted, nodes, leaf, names)
    depth: dict[Node, int] = {}
    called: dict[Node, str] = {}
    layers: dict[int, list[Node]] = {}
    for node in nodes:
        if leaf(node):
            depth[node] = 0
            called[node] = names.of(node)
            continue
        depth[node] = max((depth[arg] for arg in node.nodes), default=0)
        if node in named:
            depth[node] += 1
            called[node] = names.of(node)
            layers.setdefault(depth[node], []).append(node)
    writer, ctes, top = Writer(called), [], rows
    for number in sorted(layers):
        made = [alias(writer.whole(n, own=False), names.of(n), names.about(n)) for n in layers[number]]
        step = f"{prefix}{number}"
        ctes.append((step, select([exp.Star(), *made], top)))
        top = step
    return Layered(ctes, writer, top)


def _named(targets: list[Node], nodes: list[Node], leaf: Stop, names: Names) -> set[Node]:
    uses: dict[Node, int] = {}
    for node in (*targets, *(arg for n in nodes if not leaf(n) for arg in n.nodes)):
        uses[node] = uses.get(node, 0) + 1
    size: dict[Node, int] = {}
    named: set[Node] = set()
    for node in nodes:
        if leaf(node):
            size[node] = 1
            continue
        size[node] = 1 + sum(1 if arg in named else size[arg] for arg in node.nodes)
        often = uses.get(node, 0) > 1 and size[node] > SMALL
        hint = names.hints.get(node)
        if often or size[node] > LONG or (hint is not None and hint.always):
            named.add(node)
    return named
