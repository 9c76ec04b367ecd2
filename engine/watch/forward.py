"""Alert rules as rules of durable-rules: what must at least be so for an alert to be raised.

Each rule becomes a few conjunctions of comparisons between one whole number and a constant, over one message that holds
the facts of the household and of one member. What that cannot say is left out, so a compiled rule may propose too much
and never too little: policies asked, sums, quotients, and whatever speaks of two members at once are for the evaluator.

What durable-rules cannot be trusted with is refused here, before it ever sees it (see docs/watch.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import product
from typing import Any

from engine.decide.layout import RECEIVES
from engine.decide.program import Edition
from engine.language.model import Alert
from engine.language.tree import Condition, Expr
from engine.language.types import Base
from engine.watch.book import Watchbook

MOST_RULES = 60
MOST_WAYS = 24  # conjunctions of one rule; more, and it is left to the evaluator
LARGEST = 2**53  # beyond this a JSON number is not the same number to everybody
SENTINEL = "end"
OPERATORS = frozenset({"$lt", "$lte", "$gt", "$gte", "$neq"})

# A comparison of a field with a constant: (field, operator, constant); operator "" is equality.
Atom = tuple[str, str, int]
# Atoms with whose they are: "" the household's, "self" the member's of a rule for members, else the member function's.
Scoped = tuple[str, Atom]
Ways = tuple[frozenset[Scoped], ...]
ALWAYS: Ways = (frozenset(),)
NEVER: Ways = ()


class NotForDurableRules(ValueError):
    """A ruleset asks of durable-rules what it was seen to do wrong."""


@dataclass(frozen=True, slots=True)
class Forward:
    """The compiled rules of the days between two turns of the law.

    ruleset  what durable-rules is given; rule ids are `<alert>.<n>`
    fields   field -> (level, place in the row of the evaluator's own layout)
    always   alerts it cannot say anything about: they are always proposed
    """

    ruleset: dict[str, Any]
    fields: dict[str, tuple[str, int]]
    always: frozenset[str]


def compile_rules(book: Watchbook, day: date, wanted: frozenset[str]) -> Forward:
    """Those wanted of the alert rules in force on `day`. Raises NotForDurableRules where our own output is unsafe."""
    edition = book.edition(day, wanted)
    fields: dict[str, tuple[str, int]] = {}
    ruleset: dict[str, Any] = {}
    always: set[str] = set()
    for name, alert in book.rules.items():
        if name not in wanted or name not in edition.by_id:
            continue
        ways = _Compiler(book, edition, alert, fields).ways()
        if ways is None or frozenset() in ways or len(ruleset) + len(ways) > MOST_RULES:
            always.add(name)
            continue
        for number, way in enumerate(ways):
            ruleset[f"{name}.{number}"] = {"all": [{"m": _conjunction(way)}]}
    ruleset[SENTINEL] = {"all": [{"m": {SENTINEL: 1}}]}
    refuse(ruleset)
    return Forward(ruleset, fields, frozenset(always))


def _conjunction(way: frozenset[Atom]) -> dict[str, Any]:
    parts = [{field: value} if not op else {op: {field: value}} for field, op, value in sorted(way)]
    return parts[0] if len(parts) == 1 else {"$and": parts}


def refuse(ruleset: dict[str, Any]) -> None:
    """Raises NotForDurableRules for anything but conjunctions of whole-number comparisons, at most 60 rules of them."""
    if len(ruleset) > MOST_RULES + 1:
        raise NotForDurableRules(f"{len(ruleset)} rules: over about a hundred, nothing fires")
    if SENTINEL not in ruleset:
        raise NotForDurableRules("no sentinel: a run that stopped half-way would look like one that found nothing")
    for name, rule in ruleset.items():
        if set(rule) != {"all"} or len(rule["all"]) != 1 or set(rule["all"][0]) != {"m"}:
            raise NotForDurableRules(f"{name}: one message, one conjunction; no any, no joins, no missing-test")
        tests = rule["all"][0]["m"]
        parts = tests["$and"] if set(tests) == {"$and"} else [tests]
        for part in parts:
            _refuse_part(name, part)


def _refuse_part(name: str, part: Any) -> None:
    if not isinstance(part, dict) or len(part) != 1:
        raise NotForDurableRules(f"{name}: a part is one comparison")
    ((op, inside),) = part.items()
    if op.startswith("$"):
        if op not in OPERATORS:
            raise NotForDurableRules(f"{name}: '{op}' is not trusted")
        if not isinstance(inside, dict) or len(inside) != 1:
            raise NotForDurableRules(f"{name}: '{op}' compares one field with one number")
        ((op, inside),) = inside.items()
    if op.startswith("$") or not isinstance(inside, int) or isinstance(inside, bool) or abs(inside) > LARGEST:
        raise NotForDurableRules(f"{name}: only whole numbers up to 2^53 are compared")


class _Compiler:
    """One alert's condition, turned into ways it can be met."""

    def __init__(self, book: Watchbook, edition: Edition, alert: Alert, fields: dict[str, tuple[str, int]]):
        self.book, self.edition, self.alert, self.fields = book, edition, alert, fields
        self.scopes = 0

    def ways(self) -> tuple[frozenset[Atom], ...] | None:
        """The conjunctions over one message; None where there are too many. A conjunction without atoms: always."""
        assert self.alert.policy is not None
        scope = "self" if self.alert.level == "member" else ""
        found = self.condition(self.alert.policy.when, True, scope)
        if found is None:
            return None
        return tuple(dict.fromkeys(self.one_message(way) for way in found))

    def one_message(self, way: frozenset[Scoped]) -> frozenset[Atom]:
        """The atoms one message can hold: the household's, and those of one member; the rest is left out."""
        by_scope: dict[str, set[Atom]] = {}
        for scope, atom in way:
            by_scope.setdefault(scope, set()).add(atom)
        own = by_scope.pop("", set())
        most = max(by_scope.items(), key=lambda pair: (len(pair[1]), pair[0]), default=("", set[Atom]()))[1]
        return frozenset(own | most)

    def condition(self, node: Condition, good: bool, scope: str) -> Ways | None:
        """Ways in which a condition is certainly met (`good`), or certainly not met."""
        kind = node.kind
        if kind == "not":
            return self.condition(node.parts[0], not good, scope)
        if kind == "leaf":
            assert node.expr is not None
            return self.leaf(node.expr, good, scope)
        if kind in ("any_member", "every_member"):
            if (kind == "any_member") is not good:
                return ALWAYS  # of every member: one message cannot say it
            self.scopes += 1
            inner = f"member{self.scopes}"
            where = self.condition(node.parts[0], True, inner)
            return self.both(where, self.condition(node.parts[1], good, inner))
        parts = [self.condition(part, good is not (kind == "none"), scope) for part in node.parts]
        every = (kind in ("all", "none")) is good
        if every:
            found: Ways | None = ALWAYS
            for part in parts:
                found = self.both(found, part)
            return found
        if any(part is None for part in parts):
            return None
        joined = tuple(dict.fromkeys(way for part in parts if part is not None for way in part))
        return joined if len(joined) <= MOST_WAYS else None

    def both(self, a: Ways | None, b: Ways | None) -> Ways | None:
        if a is None or b is None:
            return None if a is b else (b if a is None else a)  # one side alone is still necessary
        if len(a) * len(b) > MOST_WAYS:
            return a if len(a) >= len(b) else b
        return tuple(dict.fromkeys(x | y for x, y in product(a, b)))

    def leaf(self, expr: Expr, good: bool, scope: str) -> Ways | None:
        op = expr.op
        if op == "fact" and expr.type.base is Base.YES_NO:
            return self.truth(expr, good, scope)
        if op == "receives":
            level, at = self.book.program.slots.policies[RECEIVES, expr.name].level, self.slot_of_receives(expr.name)
            return self.atom(level, at if good else at + 1, "", int(good), scope)
        if op in ("<", "<=", ">", ">=", "==", "!=") and expr.args[0].type.numeric:
            return self.compared(op, expr.args[0], expr.args[1], good, scope)
        if op in ("==", "!=", "in", "not in") and expr.args[0].type.base is Base.CHOICE:
            return self.chosen(expr, good, scope)
        return ALWAYS

    def slot_of_receives(self, policy: str) -> int:
        return self.book.program.slots.policies[RECEIVES, policy].at

    def truth(self, expr: Expr, good: bool, scope: str) -> Ways | None:
        slot = self.book.program.slots.facts[expr.name]
        return self.atom(slot.level, slot.at if good else slot.at + 1, "", int(good), scope)

    def compared(self, op: str, left: Expr, right: Expr, good: bool, scope: str) -> Ways | None:
        """A number against a figure: it is certainly so only if the end that could contradict it is so."""
        constant = self.constant(right)
        if constant is None:
            constant = self.constant(left)
            if constant is None:
                return ALWAYS
            left, op = right, {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(op, op)
        if left.op != "fact":
            return ALWAYS
        slot = self.book.program.slots.facts[left.name]
        bound = constant * slot.scale
        if slot.d is not None or bound.denominator != 1 or abs(bound) > LARGEST:
            return ALWAYS
        if not good:
            op = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}[op]
        value = int(bound)
        if op in ("<", "<="):
            return self.atom(slot.level, slot.at + 1, "$lt" if op == "<" else "$lte", value, scope)
        if op in (">", ">="):
            return self.atom(slot.level, slot.at, "$gt" if op == ">" else "$gte", value, scope)
        return self.atom(slot.level, slot.at, "", value, scope) if op == "==" else ALWAYS

    def constant(self, expr: Expr) -> Fraction | None:
        """A number that is the same for everybody on these days: a literal, or a published figure that is no table."""
        if expr.op == "literal" and isinstance(expr.value, Fraction):
            return expr.value
        if expr.op == "parameter" and not expr.args:
            value = self.edition.figures[expr.name]
            return value.value if value is not None else None
        return None

    def chosen(self, expr: Expr, good: bool, scope: str) -> Ways | None:
        """A choice among some: asked facts alone, which hold one value or are not known at all."""
        left, right = expr.args
        if left.op != "fact" or right.op != "literal":
            return ALWAYS
        fact = self.book.rulebook.facts[left.name]
        if fact.derived:
            return ALWAYS
        slot, choices = self.book.program.slots.facts[left.name], self.book.rulebook.choices[fact.type.choices]
        names = right.value if isinstance(right.value, tuple) else (str(right.value),)
        bits = [choices.bit(name) for name in names]
        if (expr.op in ("==", "in")) is good:
            found: list[frozenset[Scoped]] = []
            for bit in bits:
                found += self.atom(slot.level, slot.at, "", bit, scope)
            return tuple(found)
        whole: Ways | None = ALWAYS
        for bit in bits:
            whole = self.both(whole, self.atom(slot.level, slot.at, "$neq", bit, scope))
        return whole

    def atom(self, level: str, at: int, op: str, value: int, scope: str) -> Ways:
        """One comparison; of a member's fact only where it is known which member is meant."""
        if level == "member" and not scope:
            return ALWAYS
        name = f"{level[0]}{at}"
        self.fields[name] = (level, at)
        return (frozenset({("" if level == "household" else scope, (name, op, value))}),)


__all__ = ["Forward", "NotForDurableRules", "compile_rules", "refuse"]
