"""One fold from a checked expression to ends, shared by every engine that decides.

A `Fold` walks an `Expr`; the operator table says how each operator's ends follow from its operands'; the engine says
only how it reads a fact, a parameter, another policy, the members, and how it carries a choice.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from fractions import Fraction

from engine.language import ends
from engine.language.ends import Backend, Folded, Mask, Num, Several, Truth
from engine.language.operators import OPERATORS
from engine.language.tree import Expr


class Fold(Backend):
    """Walks expressions. An engine subclasses it and writes the leaves."""

    # -- leaves: what only the engine knows --

    @abstractmethod
    def fact(self, expr: Expr) -> Folded: ...

    @abstractmethod
    def parameter(self, expr: Expr, keys: list[Folded]) -> Num: ...

    @abstractmethod
    def let(self, expr: Expr) -> Folded: ...

    @abstractmethod
    def today(self) -> Num:
        """`on`, as yyyymmdd."""

    @abstractmethod
    def policy(self, expr: Expr) -> Truth:
        """receives, qualifies or holds."""

    @abstractmethod
    def members(self, expr: Expr) -> Folded:
        """any_member, every_member, count_members, sum_members, min_members, max_members."""

    @abstractmethod
    def marginal(self, x: Num, schedule: Expr) -> Num: ...

    # -- choices --

    @abstractmethod
    def choice(self, name: str, values: tuple[str, ...]) -> Mask:
        """A choice written in the rule."""

    @abstractmethod
    def choice_in(self, x: Mask, name: str, values: tuple[str, ...]) -> Truth: ...

    @abstractmethod
    def choice_same(self, x: Mask, y: Mask) -> Truth: ...

    @abstractmethod
    def several_has(self, x: Several, name: str, value: str) -> Truth: ...

    @abstractmethod
    def if_choice(self, test: Truth, x: Mask, y: Mask) -> Mask: ...

    # -- the walk --

    def value(self, expr: Expr) -> Folded:
        """The ends of an expression."""
        leaf = _LEAVES.get(expr.op)
        if leaf is not None:
            return leaf(self, expr)
        return OPERATORS[expr.op].ends(self, expr)

    def number(self, expr: Expr) -> Num:
        found = self.value(expr)
        assert isinstance(found, Num), expr
        return found

    def truth(self, expr: Expr) -> Truth:
        found = self.value(expr)
        assert isinstance(found, Truth), expr
        return found

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

