"""An expression that is a condition becomes a tree whose every node has a name and an outcome."""

from __future__ import annotations

from engine.language.places import Place
from engine.language.problems import Problems
from engine.language.tree import Condition, Expr

_GROUPS = {"and": "all", "or": "any"}


def condition_of(expr: Expr, name: str, text: str) -> Condition:
    """The condition tree of a checked yes-or-no expression; `name` is its id, its parts are `name.1`, `name.2` …"""
    if expr.op in _GROUPS:
        parts = tuple(condition_of(arg, f"{name}.{n}", text) for n, arg in enumerate(expr.args, 1))
        return Condition(_GROUPS[expr.op], name, parts, at=expr.at, text=text)
    if expr.op == "not":
        return Condition("not", name, (condition_of(expr.args[0], f"{name}.1", text),), at=expr.at, text=text)
    if expr.op in ("any_member", "every_member"):
        body, where = expr.args
        everyone = Condition("all", f"{name}.where", at=where.at)
        narrowed = everyone if where.value is True else condition_of(where, f"{name}.where", text)
        return Condition(expr.op, name, (narrowed, condition_of(body, f"{name}.member", text)), at=expr.at, text=text)
    return Condition("leaf", name, expr=expr, at=expr.at, text=text)


def holds_only_helps(condition: Condition, problems: Problems, with_holds: frozenset[str] = frozenset()) -> bool:
    """Note every `holds` (or `let` that rests on one) that stands where more of it could hurt; True where any is used.

    `with_holds` names the lets that rest on `holds`.
    """
    return _polarity(condition, True, "", problems, with_holds)


_WHERE = {
    "not": ("'not'", "否定"),
    "none": ("'none'", "none（均不）"),
    "where": ("'where'", "where"),
    "inside": ("a comparison, an amount, a count or the test of 'if'", "比较、金额、计数或 if 的条件"),
}


def _polarity(node: Condition, good: bool, why: str, problems: Problems, lets: frozenset[str]) -> bool:
    if node.kind == "leaf":
        assert node.expr is not None
        expr = node.expr
        if expr.op == "holds" or (expr.op == "let" and expr.name in lets):
            if not good:
                negated(problems, expr.name, expr.at, why)
            return True
        return refuse_inside(expr, problems, lets)
    found = False
    for number, part in enumerate(node.parts):
        if node.kind in ("not", "none"):
            found |= _polarity(part, not good if node.kind == "not" else False, node.kind, problems, lets)
        elif node.kind in ("any_member", "every_member") and number == 0:
            found |= _polarity(part, False, "where", problems, lets)
        else:
            found |= _polarity(part, good, why, problems, lets)
    return found


def refuse_inside(expr: Expr, problems: Problems, lets: frozenset[str] = frozenset()) -> bool:
    """Note every `holds` inside a comparison, a number or a test."""
    found = False
    for node in expr.walk():
        if node.op == "holds" or (node.op == "let" and node.name in lets):
            negated(problems, node.name, node.at, "inside")
            found = True
    return found


def negated(problems: Problems, name: str, at: Place, why: str) -> None:
    en, zh = _WHERE[why]
    hint = (f"write qualifies({name}) or receives({name})", f"请写 qualifies({name}) 或 receives({name})")
    problems.add("holds-is-negated", at, hint, name=name, where=en, where_zh=zh)
