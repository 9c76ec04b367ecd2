"""What expressions read, also through derived facts."""

from __future__ import annotations

from engine.language.checks import fact_expressions
from engine.language.model import Rulebook
from engine.language.tree import Expr


def facts_read(rulebook: Rulebook, exprs: list[Expr]) -> frozenset[str]:
    """The names of all facts the expressions read, derived ones and those these are worked out from."""
    found: set[str] = set()
    todo = list(exprs)
    while todo:
        for node in todo.pop().walk():
            if node.op == "fact" and node.name not in found:
                found.add(node.name)
                todo += fact_expressions(rulebook.facts[node.name])
    return frozenset(found)
