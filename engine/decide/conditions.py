"""Finding a condition of a policy or a derived fact by its id."""

from __future__ import annotations

from engine.decide.program import Program
from engine.language.model import Policy
from engine.language.tree import Condition, Expr


def conditions_of(program: Program, policy: Policy) -> dict[str, Condition]:
    """Every condition node of a policy version by id."""
    return program.conditions[policy.id, policy.from_date]


def leaf_expression(program: Program, policy: Policy | None, id: str) -> Expr | None:
    """The expression of a leaf of a policy, or of a derived fact."""
    if policy is not None:
        node = conditions_of(program, policy).get(id)
        return node.expr if node else None
    fact = program.rulebook.facts.get(id.split(".")[0])
    if fact is None or fact.condition is None:
        return None
    return next((node.expr for node in fact.condition.walk() if node.id == id), None)
