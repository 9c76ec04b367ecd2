"""Which unknown facts an undetermined answer waits for, as truths of the same graph.

A fact is missing when it is unknown, read by an unsettled condition, and no condition above that one is settled. Where
a condition asks about another policy, that policy's own missing facts count (DESIGN: *Missing*).
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.ends import Folded, Mask, Num, Several, Truth
from engine.language.model import Fact, Policy
from engine.language.tree import Condition, Expr
from engine.sweep import choices
from engine.sweep.columns import LEVELS, Code
from engine.sweep.compile import Compiled
from engine.sweep.dag import Level, Term
from engine.sweep.fold import SqlFold

Waits = dict[str, Term]  # fact (or `receiving`) -> whether the answer waits for it


class Waiting:
    """What every answer waits for. Works on what the compiler folded; folds nothing anew."""

    def __init__(self, compiled: Compiled):
        self.compiled, self.rulebook = compiled, compiled.rulebook
        self.policies: dict[str, Waits] = {}
        self.facts: dict[str, Waits] = {}

    def policy(self, name: str) -> Waits:
        """What an undetermined answer waits for, for its household or member."""
        if name not in self.policies:
            policy = self.compiled.in_force[name]
            self.policies[name] = {}
            self.policies[name] = _One(self, self.compiled.folds[name], policy).condition(policy.when)
        return self.policies[name]

    def fact(self, fact: Fact) -> Waits:
        """What an unsettled derived fact waits for; an asked one waits for itself."""
        if fact.name not in self.facts:
            self.facts[fact.name] = self._fact(fact)
        return self.facts[fact.name]

    def _fact(self, fact: Fact) -> Waits:
        if not fact.derived:
            if fact.name not in self.compiled.facts:
                return {}
            fold = SqlFold(self.compiled.world, LEVELS[fact.level], {})
            open_ = self.open_value(fold, self.compiled.facts[fact.name])
            return {} if open_ is False else {fact.name: open_}
        fold = self.compiled.folds[fact.name]
        one = _One(self, fold, None)
        if fact.condition is not None:
            return one.condition(fact.condition)
        assert fact.expr is not None
        open_ = self.open_value(fold, self.compiled.facts[fact.name])
        return {} if open_ is False else one.gated(open_, one.reads(fact.expr))

    def open_value(self, fold: SqlFold, value: Folded) -> Term:
        """Whether a value has more than one possibility left."""
        if isinstance(value, Truth):
            return unsettled(fold, value)
        if isinstance(value, Num):
            if value.exact:
                return False
            left = fold.mul(fold.mul(value.lo.n, value.hi.k), value.hi.d)
            right = fold.mul(fold.mul(value.hi.n, value.lo.k), value.lo.d)
            apart: Term = fold.no(fold.compare("==", left, right))
            return apart
        if isinstance(value, Several):
            return next((unsettled(fold, Truth(must, value.may[v])) for v, must in value.must.items()), False)
        assert isinstance(value, Mask)
        return self._several_left(fold, value.term)

    def _several_left(self, fold: SqlFold, choice: choices.Choice) -> Term:
        if isinstance(choice, Code):
            return False if choice.sure else choices.is_one_of(fold.dag, choice, frozenset({choice.count}))
        found: Term = fold.no(choices.single(fold, choice.may))
        return found


def unsettled(fold: SqlFold, truth: Truth) -> Term:
    return False if truth.exact else fold.both(truth.possible, fold.no(truth.certain))


class _One:
    """One policy or derived fact."""

    def __init__(self, all_: Waiting, fold: SqlFold, policy: Policy | None):
        self.all, self.fold, self.policy = all_, fold, policy

    def gated(self, gate: Term, found: Waits) -> Waits:
        made = {name: self.fold.both(gate, term) for name, term in found.items()}
        return {name: term for name, term in made.items() if term is not False}

    def merged(self, many: Iterable[Waits]) -> Waits:
        found: Waits = {}
        for each in many:
            for name, term in each.items():
                found[name] = self.fold.either(found.get(name, False), term)
        return found

    def condition(self, node: Condition) -> Waits:
        open_ = unsettled(self.fold, self.fold.truths[node.id])
        if open_ is False:
            return {}
        if node.kind == "leaf":
            assert node.expr is not None
            return self.gated(open_, self.reads(node.expr))
        if node.kind not in ("any_member", "every_member"):
            return self.gated(open_, self.merged(self.condition(part) for part in node.parts))
        where, body = node.parts
        belongs, meets = self.fold.truths[where.id], self.fold.truths[body.id]
        settles = self.fold.no(meets.possible) if node.kind == "any_member" else meets.certain
        self.fold.depth += 1
        inner = self.gated(
            self.fold.both(belongs.possible, self.fold.no(settles)),
            self.merged((self.condition(where), self.condition(body))),
        )
        self.fold.depth -= 1
        return self.gated(open_, self.somebody(inner))

    def somebody(self, inner: Waits) -> Waits:
        return {name: self.fold.over("any", term) for name, term in inner.items()}

    def reads(self, expr: Expr) -> Waits:
        """Every unknown fact an expression reads."""
        if expr.op == "fact":
            return self.all.fact(self.all.rulebook.facts[expr.name])
        if expr.op == "let":
            return self.let(expr.name)
        if expr.op in ("receives", "qualifies", "holds"):
            return self.asked(expr)
        if expr.op.endswith("_members") or expr.op in ("any_member", "every_member"):
            self.fold.depth += 1
            inner = self.merged(self.reads(arg) for arg in expr.args[:2])
            self.fold.depth -= 1
            return self.merged((self.somebody(inner), *(self.reads(arg) for arg in expr.args[2:])))
        return self.merged(self.reads(arg) for arg in expr.args)

    def let(self, name: str) -> Waits:
        """An intermediate result is its subject's, also where it is read inside the members."""
        assert self.policy is not None
        let = next(let for let in self.policy.lets if let.name == name)
        depth, self.fold.depth = self.fold.depth, 0
        if let.condition is not None:
            found = self.condition(let.condition)
        else:
            assert let.expr is not None
            open_ = self.all.open_value(self.fold, self.fold.lets[name])
            found = {} if open_ is False else self.gated(open_, self.reads(let.expr))
        self.fold.depth = depth
        if depth and self.fold.home is Level.MEMBER:
            return {fact: self.fold.dag.outer(term) for fact, term in found.items()}
        return found

    def asked(self, expr: Expr) -> Waits:
        found: list[Waits] = []
        if expr.op != "qualifies":
            open_ = unsettled(self.fold, self.all.compiled.reader.received(expr.name))
            found.append({} if open_ is False else {"receiving": open_})
        if expr.op != "receives" and expr.name in self.all.compiled.folds:
            found.append(self.all.policy(expr.name))
        return self.merged(found)
