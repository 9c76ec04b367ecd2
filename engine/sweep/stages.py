"""The order in which the graph is worked out: households, a grouped pass over members, households again, and so on.

Stage t of the households holds what t passes over the members' table have made known, and only the columns that later
stages read. A member's own values are worked out in each pass from the member's columns and the household's, which is
cheaper than keeping them: the members' table is read, never copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from engine.sweep.dag import AGGREGATES, Dag, Level, Node, Term

Stop = Callable[[Node], bool]


@dataclass(slots=True)
class Stage:
    """One stage: the aggregates its pass over members makes, and the household columns it leaves."""

    number: int
    aggregates: list[Node] = field(default_factory=list)  # per household, over members at stage number - 1
    pairs: list[Node] = field(default_factory=list)  # per member, over those beside it
    columns: list[Node] = field(default_factory=list)  # household nodes of this or an earlier stage, by number


@dataclass(frozen=True, slots=True)
class Plan:
    """Every stage, from the households as they were read to the last; and what the last query of each level writes."""

    stages: tuple[Stage, ...]
    household: tuple[Node, ...]
    member: tuple[Node, ...]


def stored(node: Node) -> Node:
    """What is kept of a node: of a negation, what it negates."""
    while node.op == "not":
        node = node.args[0]
    return node


def nodes_of(terms: Iterable[Term]) -> tuple[Node, ...]:
    return tuple(dict.fromkeys(term for term in terms if isinstance(term, Node)))


def is_base(node: Node) -> bool:
    return node.op == "column"


def walk(targets: Iterable[Node], stop: Stop) -> list[Node]:
    """Every node behind the targets down to those where it stops (they are in it), by number."""
    seen: set[Node] = set()
    todo = list(targets)
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            if not stop(node):
                todo += node.nodes
    return sorted(seen, key=lambda n: n.number)


def plan(dag: Dag, household: Iterable[Term], member: Iterable[Term]) -> Plan:
    """The stages behind these household and member values."""
    wholes, members = nodes_of(household), nodes_of(member)
    last = max((n.stage for n in (*wholes, *members)), default=0)
    stages = [Stage(number) for number in range(last + 1)]
    need: list[set[Node]] = [set() for _ in stages]
    need[last] |= {stored(n) for n in wholes}
    _members_need(members, last, need, stages)
    for stage in reversed(stages):
        stage.columns = sorted(need[stage.number], key=lambda n: n.number)
        if stage.number == 0:
            break
        before = need[stage.number - 1]
        late = [n for n in stage.columns if n.stage == stage.number]
        before |= {n for n in stage.columns if n.stage < stage.number}
        for node in walk(late, _frontier(stage.number)):
            if node.op in AGGREGATES and node.stage == stage.number:
                stage.aggregates.append(node)
            elif _known_before(node, stage.number):
                before.add(stored(node))
        bodies = nodes_of(n.args[0] for n in stage.aggregates)
        _members_need(bodies, stage.number - 1, need, stages)
        pair_bodies = nodes_of(n.args[0] for n in stage.pairs)
        _members_need(pair_bodies, stage.number - 1, need, stages)
    return Plan(tuple(stages), wholes, members)


def _frontier(number: int) -> Stop:
    return lambda n: _known_before(n, number) or n.op in AGGREGATES


def _known_before(node: Node, number: int) -> bool:
    return node.level is Level.HOUSEHOLD and node.stage < number and node.op != "not"


def _members_need(targets: Iterable[Node], at: int, need: list[set[Node]], stages: list[Stage]) -> None:
    """What a pass over members at a stage reads: columns of that stage's households, and pairs made before."""
    for node in member_leaves(targets):
        if node.level is Level.HOUSEHOLD:
            need[at].add(node)
        elif node.op in AGGREGATES and node not in stages[node.stage].pairs:
            stages[node.stage].pairs.append(node)


def member_leaf(node: Node) -> bool:
    """Where a member's value stops being worked out of the member's own columns."""
    return (node.level is Level.HOUSEHOLD and node.op != "not") or is_base(node) or node.op in AGGREGATES


def member_leaves(targets: Iterable[Node]) -> list[Node]:
    return [node for node in walk(targets, member_leaf) if member_leaf(node)]
