"""Finding a condition of a policy or a derived fact by its id."""

from __future__ import annotations

from engine.decide.program import Program
from engine.language.model import Policy
from engine.language.tree import Condition, Expr

_KNOWN: dict[int, tuple[Policy, dict[str, Condition]]] = {}


def conditions_of(policy: Policy) -> dict[str, Condition]:
    """Every condition node of a policy by id (worked out once for each policy object)."""
    found = _KNOWN.get(id(policy))
    if found is None or found[0] is not policy:
        if len(_KNOWN) > 2_000:
            _KNOWN.clear()
        found = _KNOWN[id(policy)] = policy, {node.id: node for tree in policy.conditions() for node in tree.walk()}
    return found[1]


def leaf_expression(program: Program, policy: Policy | None, id: str) -> Expr | None:
    """The expression of a leaf of a policy, or of a derived fact."""
    if policy is not None:
        node = conditions_of(policy).get(id)
        return node.expr if node else None
    fact = program.rulebook.facts.get(id.split(".")[0])
    if fact is None or fact.condition is None:
        return None
    return next((node.expr for node in fact.condition.walk() if node.id == id), None)
