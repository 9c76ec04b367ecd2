"""The checked tree once more, as a graph of terms: what the closures and the flat function are made of.

For measuring only. `bounds=False` gives what a program would do that knows every fact (one end, no ranges, no unknown);
`bounds=True` both ends, as the engine has them. No condition's outcome is kept, figures of the day and the day itself
are constants, notes and documents are left out: all of that makes what is measured beside the engine faster.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, lcm
from typing import Any

from engine.decide.layout import GRANTED, QUALIFIES, RECEIVES, Slot
from engine.decide.program import Edition, Program
from engine.decide.tables import Table
from engine.language import ends
from engine.language.ends import Folded, Mask, Num, Q, Several, Term, Truth
from engine.language.fold import Fold
from engine.language.model import Fact, Item, Policy
from engine.language.tree import Condition, Expr
from engine.language.types import Base, day_number


class Unsupported(Exception):
    """The rulebook uses what these two measured forms do not have."""


@dataclass(eq=False, slots=True)
class Block:
    """The unit itself, or the body of a loop over members."""

    depth: int
    nodes: list[Node] = field(default_factory=list)  # those that get a place of their own, in order


@dataclass(eq=False, slots=True)
class Node:
    """One operation on nodes, constants or (tables) objects; `inner` and `kind` belong to loops over members."""

    op: str
    args: tuple[Any, ...]
    block: Block
    number: int
    kind: str = ""
    inner: Block | None = None
    uses: int = 0
    placed: bool = False


@dataclass(eq=False, slots=True)
class Unit:
    """One derived fact or one policy: what is worked out, and into which slots it goes."""

    name: str
    level: str
    roots: tuple[Term, ...]
    writes: tuple[int, ...]  # a slot for each root (derived facts); none for policies
    loops: bool
    block: Block
    policy: Policy | None = None
    slots: tuple[int, int] = (0, 0)  # of `qualifies` and `granted`


class PlainTable:
    """A table where every key is known: choices by bit, bands by bisection."""

    def __init__(self, table: Table):
        self.each, self.keys = table.each, table.keys
        self.rows = self._plain(table, table.rows, 0)
        self.each_per = table.keys[-1].type.scale

    def _plain(self, table: Table, rows: Any, at: int) -> Any:
        if at == len(table.keys):
            return table.outer[0] if rows is None else rows
        below = [(key, self._plain(table, value, at + 1)) for key, value in rows.items()]
        if table.keys[at].band:
            return [key for key, _ in below], [value for _, value in below]
        return {table.choices[table.keys[at].choices].bit(key): value for key, value in below}

    def __call__(self, *keys: int) -> int:
        found = self.rows
        for key, declared in zip(keys, self.keys, strict=True):
            if not declared.band:
                found = found[key]
                continue
            starts, values = found
            at = bisect_right(starts, key) - 1
            found = values[at]
            if self.each and at == len(starts) - 1:
                found += self.each * ((key - starts[at]) // self.each_per)
        return int(found)


class TermFold(Fold):
    """Folds the expressions of one unit into nodes."""

    def __init__(self, program: Program, edition: Edition, bounds: bool, scales: dict[str, int]):
        self.program, self.edition, self.bounds, self.scales = program, edition, bounds, scales
        self.slots, self.choices = program.slots, program.rulebook.choices
        self.blocks = [Block(0)]
        self.lets: dict[str, Folded] = {}
        self.reads: dict[tuple[str, int, Block], Node] = {}
        self.count = 0
        self.loops = False

    # -- nodes --

    def node(self, op: str, *args: Any, block: Block | None = None) -> Node:
        if block is None:
            block = max((a.block for a in args if isinstance(a, Node)), key=lambda b: b.depth, default=self.blocks[0])
        self.count += 1
        return Node(op, args, block, self.count)

    def infix(self, op: str, left: Term, right: Term) -> Term:
        return self.node(op, left, right)

    def negation(self, term: Term) -> Term:
        return self.node("not", term)

    def choose(self, test: Term, yes: Term, no: Term) -> Term:
        return self.node("pick", test, yes, no)

    def keep(self, term: Term) -> Term:
        return term  # one node is one value: `placed` decides whether it is worked out once

    def read(self, level: str, at: int) -> Node:
        block = self.blocks[0] if level == "household" else self.blocks[-1]
        key = level, at, block
        if key not in self.reads:
            self.reads[key] = self.node("h" if level == "household" else "m", at, block=block)
        return self.reads[key]

    def pair(self, slot: Slot) -> tuple[Node, Node]:
        lo = self.read(slot.level, slot.at)
        return lo, self.read(slot.level, slot.at + 1) if self.bounds else lo

    # -- leaves --

    def fact(self, expr: Expr) -> Folded:
        slot = self.slots.facts[expr.name]
        lo, hi = self.pair(slot)
        if expr.type.base is Base.YES_NO:
            return Truth(lo, hi)
        if expr.type.base is Base.CHOICE:
            return Mask(lo)
        if expr.type.base is Base.CHOICES:
            return Several(lo, hi)
        d_lo: Term = 1
        d_hi: Term = 1
        if slot.d is not None:
            d_lo = self.read(slot.level, slot.d)
            d_hi = self.read(slot.level, slot.d + 1) if self.bounds else d_lo
        scale = self.scales.get(expr.name, slot.scale)
        least = Q(lo, scale, d_lo)
        return Num(least, Q(hi, scale, d_hi) if self.bounds else least)

    def parameter(self, expr: Expr, keys: list[Folded]) -> Num:
        parameter = self.program.rulebook.parameters[expr.name]
        at, k = self.program.index[expr.name], parameter.type.scale
        given = self.edition.parameters[at]
        if not keys:
            least = Q(given, k)
            exact = not self.bounds or self.edition.parameters[at + 1] == given
            return Num(least, least if exact else Q(self.edition.parameters[at + 1], k))
        args: list[Term] = []
        for key, value in zip(parameter.keys, keys, strict=True):
            ends_of = (
                [value.term]
                if isinstance(value, Mask)
                else [self.parts(q, key.type.scale) for q in (value.lo, value.hi)]
            )
            args += ends_of if self.bounds else ends_of[:1]
        if not self.bounds:
            q = Q(self.node("table", PlainTable(given), *args), k)
            return Num(q, q)
        both = self.node("table_ends", given, *args)
        return Num(Q(self.node("item", both, 0), k), Q(self.node("item", both, 1), k))

    def parts(self, q: Q, scale: int) -> Term:
        shared = gcd(q.k, scale)
        return self.floor(self.mul(q.n, scale // shared), self.mul(q.d, q.k // shared))

    def marginal(self, x: Num, schedule: Expr) -> Num:
        at, k = self.program.index[schedule.name], self.program.rulebook.parameters[schedule.name].type.scale
        table = self.edition.parameters[at]
        found = [
            Q(self.node("marginal", table, end, q.n, self.mul(q.d, q.k)), q.k * 100 * k, q.d)
            for end, q in ((0, x.lo), (1, x.hi))[: 2 if self.bounds else 1]
        ]
        return Num(found[0], found[-1])

    def let(self, expr: Expr) -> Folded:
        return self.lets[expr.name]

    def today(self) -> Num:
        q = Q(day_number(self.edition.on))
        return Num(q, q)

    def policy(self, expr: Expr) -> Truth:
        def pair(word: str) -> Truth:
            return Truth(*self.pair(self.slots.policies[word, expr.name]))

        if expr.op != "holds":
            return pair(RECEIVES if expr.op == "receives" else QUALIFIES)
        return ends.any_of(self, [pair(RECEIVES), pair(GRANTED)])

    # -- choices --

    def choice(self, name: str, values: tuple[str, ...]) -> Mask:
        return Mask(sum(self.choices[name].bit(value) for value in values))

    def choice_in(self, x: Mask, name: str, values: tuple[str, ...]) -> Truth:
        inside = sum(self.choices[name].bit(value) for value in set(values))
        if isinstance(x.term, int):
            return Truth(bool(x.term & inside), bool(x.term & inside))
        possible = self.node("meets", x.term, inside)
        if not self.bounds:
            return Truth(possible, possible)
        return Truth(self.node("misses", x.term, self.choices[name].every & ~inside), possible)

    def choice_same(self, x: Mask, y: Mask) -> Truth:
        same = self.node("==", x.term, y.term)
        if not self.bounds:
            return Truth(same, same)
        one = self.node("misses", x.term, self.node("-", x.term, 1))
        return Truth(self.node("and", same, one), self.node("meets", x.term, y.term))

    def several_has(self, x: Several, name: str, value: str) -> Truth:
        bit = self.choices[name].bit(value)
        certain = self.node("meets", x.must, bit)
        return Truth(certain, self.node("meets", x.may, bit) if self.bounds else certain)

    def if_choice(self, test: Truth, x: Mask, y: Mask) -> Mask:
        if not self.bounds:
            return Mask(self.pick(test.certain, x.term, y.term))
        both = self.node("|", x.term, y.term)
        return Mask(self.pick(test.certain, x.term, self.pick(test.possible, both, y.term)))

    # -- members --

    def over_members(self, kind: str, roots: Iterable[Term]) -> Node:
        inner = self.blocks.pop()
        self.loops = True
        found = self.node("members", *roots, block=self.blocks[-1])
        found.kind, found.inner = kind, inner
        return found

    def members(self, expr: Expr) -> Folded:
        self.blocks.append(Block(len(self.blocks)))
        where = self.truth(expr.args[1])
        if expr.op in ("any_member", "every_member"):
            return self._quantified(expr.op, where, self.truth(expr.args[0]))
        if expr.op == "count_members":
            met = ends.all_of(self, [where, self.truth(expr.args[0])])
            least = self.pick(met.certain, 1, 0)
            roots = (least, self.pick(met.possible, 1, 0)) if self.bounds else (least,)
            return self._totals(roots, 1)
        if expr.op != "sum_members":
            raise Unsupported(expr.op)
        x = self.number(expr.args[0])
        if not (isinstance(x.lo.d, int) and isinstance(x.hi.d, int)):
            raise Unsupported("a sum of quotients")
        zero = ends.constant(Fraction(0)).lo
        if not self.bounds:
            q = ends.q_pick(self, where.certain, x.lo, zero)
            return self._totals((q.n,), q.k)
        lo = ends.q_pick(
            self, where.certain, x.lo, ends.q_pick(self, where.possible, ends.q_least(self, x.lo, zero), zero)
        )
        hi = ends.q_pick(
            self, where.certain, x.hi, ends.q_pick(self, where.possible, ends.q_most(self, x.hi, zero), zero)
        )
        return self._totals((lo.n, hi.n), lo.k)

    def _totals(self, roots: tuple[Term, ...], k: int) -> Num:
        total = self.over_members("sum", roots)
        if not self.bounds:
            return Num(q := Q(total, k), q)
        return Num(Q(self.node("item", total, 0), k), Q(self.node("item", total, 1), k))

    def _quantified(self, op: str, where: Truth, body: Truth) -> Truth:
        if op == "any_member":
            met, kind = ends.all_of(self, [where, body]), "any"
        else:
            met, kind = ends.any_of(self, [ends.negated(self, where), body]), "every"
        found = self.over_members(kind, (met.certain, met.possible) if self.bounds else (met.certain,))
        if not self.bounds:
            return Truth(found, found)
        return Truth(self.node("item", found, 0), self.node("item", found, 1))

    # -- conditions --

    def condition(self, node: Condition) -> Truth:
        if node.kind == "leaf":
            assert node.expr is not None
            return self.truth(node.expr)
        if node.kind in ("any_member", "every_member"):
            self.blocks.append(Block(len(self.blocks)))
            where, body = (self.condition(part) for part in node.parts)
            return self._quantified(node.kind, where, body)
        parts = [self.condition(part) for part in node.parts]
        if node.kind == "all":
            return ends.all_of(self, parts)
        if node.kind == "any":
            return ends.any_of(self, parts)
        return ends.negated(self, ends.any_of(self, parts) if node.kind == "none" else parts[0])


@dataclass(frozen=True, slots=True)
class Graph:
    """All units of an edition, in the order they are worked out."""

    program: Program
    edition: Edition
    bounds: bool
    units: tuple[Unit, ...]


def graph(program: Program, edition: Edition, bounds: bool) -> Graph:
    """Every derived fact and every policy in force as terms."""
    facts = [fact for fact in program.rulebook.facts.values() if fact.derived]
    scales: dict[str, int] = {}  # the parts of derived facts: with figures as constants they are not the engine's own
    units = [_derived(TermFold(program, edition, bounds, scales), fact) for fact in facts]
    units += [_policy(TermFold(program, edition, bounds, scales), each.policy) for each in edition.order]
    for unit in units:
        _place(unit)
    return Graph(program, edition, bounds, tuple(units))


def _derived(fold: TermFold, fact: Fact) -> Unit:
    slot, bounds = fold.slots.facts[fact.name], fold.bounds
    roots: tuple[Term, ...]
    writes: tuple[int, ...]
    if fact.condition is not None:
        truth = fold.condition(fact.condition)
        roots, writes = (truth.certain, truth.possible), (slot.at, slot.at + 1)
    else:
        assert fact.expr is not None
        value = fold.value(fact.expr)
        if isinstance(value, Mask):
            roots, writes = (value.term, value.term), (slot.at, slot.at + 1)
        else:
            if bounds:
                worked = fact.expr.type
                least = fact.type.least if worked.least < fact.type.least else None
                value = ends.clamp(fold, value, least, fact.type.most if worked.most > fact.type.most else None)
            k = fold.scales[fact.name] = lcm(value.lo.k, value.hi.k)
            roots = tuple(fold.mul(q.n, k // q.k) for q in (value.lo, value.hi))
            writes = slot.at, slot.at + 1
            if slot.d is not None:
                roots += value.lo.d, value.hi.d
                writes += slot.d, slot.d + 1
    if not bounds:
        roots, writes = roots[::2], writes[::2]
    return Unit(fact.name, fact.level, roots, writes, fold.loops, fold.blocks[0])


def _policy(fold: TermFold, policy: Policy) -> Unit:
    bounds = fold.bounds
    for let in policy.lets:
        fold.lets[let.name] = fold.condition(let.condition) if let.condition is not None else fold.value(let.expr)  # type: ignore[arg-type]
    when = fold.condition(policy.when)
    roots: list[Term] = [when.certain, when.possible] if bounds else [when.certain]
    for item in policy.gives:
        roots += _item(fold, item, when, bounds)
    at = tuple(fold.slots.policies[word, policy.id].at for word in (QUALIFIES, GRANTED))
    return Unit(policy.id, policy.level, tuple(roots), (), fold.loops, fold.blocks[0], policy, (at[0], at[1]))


def _item(fold: TermFold, item: Item, when: Truth, bounds: bool) -> list[Term]:
    """Least and most in fen, or the one amount; nothing for help in kind."""
    given = when if item.condition is None else ends.all_of(fold, [when, fold.condition(item.condition)])
    if item.amount is None:
        return []
    amount = ends.most_of(fold, fold.number(item.amount), ends.constant(Fraction(0)))
    step = item.round_to if item.round_to is not None else Fraction(1, 100)

    def fen(q: Q) -> Term:
        rounded = ends.q_round(fold, q, step, item.round_mode or "down")
        return fold.floor(fold.mul(rounded.n, 100), rounded.k)

    if not bounds:
        return [fold.pick(given.certain, fen(amount.lo), 0)]
    most = fold.pick(given.possible, fen(amount.hi), 0)
    return [0 if item.up_to else fold.pick(given.certain, fen(amount.lo), 0), most]


def _place(unit: Unit) -> None:
    """Mark the nodes that are worked out once and read again: those used twice, or in a loop they do not belong to."""
    seen: list[Node] = []

    def visit(term: Any, user: Block) -> None:
        if not isinstance(term, Node):
            return
        first = term.uses == 0
        term.uses += 1
        again = term.block is not user or (term.uses > 1 and term.op not in ("m", "item"))
        if term.op == "members" or (term.op != "h" and again):
            term.placed = True
        if not first:
            return
        seen.append(term)
        for arg in term.args:
            visit(arg, term.inner or term.block)

    for root in unit.roots:
        visit(root, unit.block)
    for node in sorted(seen, key=lambda n: n.number):
        if node.placed:
            node.block.nodes.append(node)
