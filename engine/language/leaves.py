"""What only an engine knows: the leaves of an expression."""

from __future__ import annotations

from abc import abstractmethod

from engine.language.ends import Backend, Folded, Mask, Num, Several, Truth
from engine.language.tree import Expr


class Leaves(Backend):
    """What an engine must write: how it reads a fact, a figure, another policy, the members, and carries a choice."""

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

    # -- whole expressions: the walk is written in `fold.py` --

    @abstractmethod
    def value(self, expr: Expr) -> Folded:
        """The ends of an expression."""

    def number(self, expr: Expr) -> Num:
        found = self.value(expr)
        assert isinstance(found, Num), expr
        return found

    def truth(self, expr: Expr) -> Truth:
        found = self.value(expr)
        assert isinstance(found, Truth), expr
        return found
