"""One fold from a checked expression to ends, shared by every engine that decides.

The operator table says how each operator's ends follow from its operands'; the engine writes only the leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from engine.language import ends
from engine.language.ends import Folded, Truth
from engine.language.leaves import Leaves
from engine.language.operators import OPERATORS
from engine.language.tree import Expr


class Fold(Leaves):
    """Walks expressions. An engine subclasses it and writes the leaves."""

    def value(self, expr: Expr) -> Folded:
        """The ends of an expression."""
        leaf = _LEAVES.get(expr.op)
        if leaf is not None:
            return leaf(self, expr)
        return OPERATORS[expr.op].ends(self, expr)

    def literal(self, expr: Expr) -> Folded:
        value = expr.value
        if isinstance(value, Fraction):
            return ends.constant(value)
        if isinstance(value, bool):
            return Truth(value, value)
        assert isinstance(value, str)
        return self.choice(expr.type.choices, (value,))


_LEAVES: dict[str, Callable[[Fold, Expr], Folded]] = {
    "literal": lambda fold, expr: fold.literal(expr),
    "fact": lambda fold, expr: fold.fact(expr),
    "parameter": lambda fold, expr: fold.parameter(expr, [fold.value(key) for key in expr.args]),
    "let": lambda fold, expr: fold.let(expr),
    "on": lambda fold, expr: fold.today(),
    "receives": lambda fold, expr: fold.policy(expr),
    "qualifies": lambda fold, expr: fold.policy(expr),
    "holds": lambda fold, expr: fold.policy(expr),
    "any_member": lambda fold, expr: fold.members(expr),
    "every_member": lambda fold, expr: fold.members(expr),
    "count_members": lambda fold, expr: fold.members(expr),
    "sum_members": lambda fold, expr: fold.members(expr),
    "min_members": lambda fold, expr: fold.members(expr),
    "max_members": lambda fold, expr: fold.members(expr),
}
