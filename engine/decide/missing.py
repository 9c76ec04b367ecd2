"""Which unknown facts an open answer waits for.

A fact is missing when it is unknown, read by an unsettled condition, and no condition above that one is settled. Where
the condition asks about another policy, that policy's own missing facts count.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.decide.outcomes import Masked, Outcomes, Span
from engine.decide.remembered import Raw
from engine.decide.run import Run
from engine.language.model import Fact, Let, Policy
from engine.language.tree import Condition, Expr
from engine.language.types import Base

Wanted = tuple[str, str]  # (fact, member id; "" for the household)


@dataclass(frozen=True, slots=True)
class _Scope:
    """Whose conditions are looked at: a policy's for its subject (with its outcomes), or a derived fact's."""

    policy: Policy | None = None
    subject: str = ""
    outcomes: Outcomes | None = None


class Missing:
    """Looks through one run; remembers what each open answer waits for."""

    def __init__(self, run: Run):
        self.run = run
        self.members = run.ids
        self.places = {member: place for place, member in enumerate(self.members)}
        self.found: dict[tuple[str, str], frozenset[Wanted]] = {}
        self.facts: dict[Wanted, frozenset[Wanted]] = {}  # what each fact comes down to
        self.lets: dict[tuple[str, str, str], frozenset[Wanted]] = {}  # (policy, subject, result)

    def of_policy(self, name: str, member: str) -> frozenset[Wanted]:
        """What an undetermined answer waits for; empty where it is settled or only an unpublished figure is open."""
        key = (name, member)
        if key not in self.found:
            self.found[key] = frozenset()
            raw = self._raw(name, member)
            if raw is not None and raw[0] != raw[1]:
                scope = self._scope(name, member, raw)
                assert scope.policy is not None and scope.outcomes is not None
                found: set[Wanted] = set()
                self._condition(scope.policy.when, scope.outcomes, scope, member, found)
                self.found[key] = frozenset(found)
        return self.found[key]

    def of_amount(self, name: str, member: str, item: int) -> frozenset[Wanted]:
        """What an open amount (or an item's own `if`) waits for."""
        raw = self._raw(name, member)
        assert raw is not None
        scope = self._scope(name, member, raw)
        assert scope.policy is not None and scope.outcomes is not None
        wanted = scope.policy.gives[item]
        found: set[Wanted] = set()
        if wanted.condition is not None:
            self._condition(wanted.condition, scope.outcomes, scope, member, found)
        for expr in (wanted.amount, wanted.for_months):
            if expr is not None:
                self._reads(expr, scope, member, found)
        return frozenset(found)

    def _scope(self, name: str, member: str, raw: Raw) -> _Scope:
        outcomes = Outcomes(self.run.functions[name].layout, raw[3], self.members)
        return _Scope(self.run.edition.by_id[name].policy, member, outcomes)

    def _raw(self, name: str, member: str) -> Raw | None:
        raws = self.run.first.get(name)
        if raws is None:
            return None
        level = self.run.edition.by_id[name].policy.level
        return raws[0] if level == "household" else raws[self.places[member]]

    # -- conditions: each adds what it waits for to `found` (a set grown in place: thousands of facts stay cheap) --

    def _condition(
        self, node: Condition, outcomes: Outcomes, scope: _Scope, member: str, found: set[Wanted]
    ) -> None:
        certain, possible = outcomes.truth(node.id)
        if certain == possible:
            return
        if node.kind == "leaf":
            assert node.expr is not None
            self._reads(node.expr, scope, member, found)
        elif node.kind in ("any_member", "every_member"):
            where, body = node.parts
            for name, inner in outcomes.each(node.id):
                (belongs, may_belong), (meets, may_meet) = inner.truth(where.id), inner.truth(body.id)
                settles = not may_meet if node.kind == "any_member" else meets
                if not may_belong or settles or (belongs and meets == may_meet):
                    continue  # it is settled what this member does to the condition
                self._condition(where, inner, scope, name, found)
                self._condition(body, inner, scope, name, found)
        else:
            for part in node.parts:
                self._condition(part, outcomes, scope, member, found)

    # -- expressions: every unknown fact they read --

    def _reads(self, expr: Expr, scope: _Scope, member: str, found: set[Wanted]) -> None:
        if expr.op == "fact":
            found |= self._fact(self.run.program.rulebook.facts[expr.name], member)
        elif expr.op == "let":
            assert scope.policy is not None
            key = (scope.policy.id, scope.subject, expr.name)
            if key not in self.lets:
                let = next(let for let in scope.policy.lets if let.name == expr.name)
                self.lets[key] = self._let(let, scope)
            found |= self.lets[key]
        elif expr.op in ("receives", "qualifies", "holds"):
            self._policy(expr, member, found)
        elif expr.op.endswith("_members") or expr.op in ("any_member", "every_member"):
            for name in self.members:
                for arg in expr.args[:2]:
                    self._reads(arg, scope, name, found)
            for arg in expr.args[2:]:
                self._reads(arg, scope, member, found)
        else:
            for arg in expr.args:
                self._reads(arg, scope, member, found)

    def _let(self, let: Let, scope: _Scope) -> frozenset[Wanted]:
        """An intermediate result is its subject's, also where it is read inside the members."""
        assert scope.outcomes is not None
        found: set[Wanted] = set()
        if let.condition is not None:
            self._condition(let.condition, scope.outcomes, scope, scope.subject, found)
        elif let.expr is not None and not settled(scope.outcomes.let(let.name)):
            self._reads(let.expr, scope, scope.subject, found)
        return frozenset(found)

    def _policy(self, expr: Expr, member: str, found: set[Wanted]) -> None:
        subject = "" if expr.level == "household" else member
        if expr.op != "qualifies":
            certain, possible = self.run.received(expr.name, None if not subject else self.places[subject])
            if certain != possible:
                found.add(("receiving", subject))
        if expr.op != "receives" and expr.name in self.run.first:
            found |= self.of_policy(expr.name, subject)

    def _fact(self, fact: Fact, member: str) -> frozenset[Wanted]:
        subject = member if fact.level == "member" else ""
        key = (fact.name, subject)
        if key not in self.facts:
            if fact.derived:
                self.facts[key] = self._derived(fact, subject)
            else:
                self.facts[key] = frozenset() if self._known(fact, subject) else frozenset((key,))
        return self.facts[key]

    def _known(self, fact: Fact, member: str) -> bool:
        slot = self.run.program.slots.facts[fact.name]
        row = self.run.members[self.places[member]] if fact.level == "member" else self.run.whole
        lo, hi = row[slot.at], row[slot.at + 1]
        return bool(lo & (lo - 1) == 0) if fact.type.base is Base.CHOICE else bool(lo == hi)

    def _derived(self, fact: Fact, member: str) -> frozenset[Wanted]:
        layout = self.run.derived_layouts[fact.name]
        rows = self.run.derived[fact.name]
        row = rows[self.places[member]] if fact.level == "member" else rows
        outcomes = Outcomes(layout, row, self.members)
        found: set[Wanted] = set()
        if fact.condition is not None:
            self._condition(fact.condition, outcomes, _Scope(), member, found)
        elif fact.expr is not None and not self._settled(fact, member):
            self._reads(fact.expr, _Scope(), member, found)
        return frozenset(found)

    def _settled(self, fact: Fact, member: str) -> bool:
        slot = self.run.program.slots.facts[fact.name]
        row = self.run.members[self.places[member]] if fact.level == "member" else self.run.whole
        lo, hi = row[slot.at], row[slot.at + 1]
        if fact.type.base is Base.CHOICE:
            return bool(lo & (lo - 1) == 0)
        if slot.d is not None:
            return bool(lo * row[slot.d + 1] == hi * row[slot.d])
        return bool(lo == hi)


def settled(value: Span | Masked | None) -> bool:
    """Whether a value has only one possibility left."""
    if isinstance(value, Span):
        return value.least == value.most
    return value is None or (value.may == value.must and value.may & (value.may - 1) == 0)
