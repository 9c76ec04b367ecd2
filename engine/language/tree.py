"""The checked tree of an expression and of a condition: what every engine folds.

One node shape for all expressions keeps the folds short: `op` is a row of the operator table (or one of the leaf names
below), `args` its operands, `type` what it yields with the limits its value can have, `at` where it was written.

Leaf ops: `literal`, `fact`, `parameter`, `let`, `on`, `receives`, `qualifies`, `holds`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from engine.language.places import NOWHERE, Place
from engine.language.types import Type


@dataclass(frozen=True, slots=True)
class Expr:
    """One node of an expression.

    name   fact, parameter, let or policy that is read; for a table, `args` are its keys
    value  of a literal: a Fraction, a truth, or the name(s) of choices
    level  `household` or `member`: whose fact is read (for `member`, the innermost member's)
    """

    op: str
    type: Type
    args: tuple[Expr, ...] = ()
    name: str = ""
    value: Fraction | bool | str | tuple[str, ...] | None = None
    level: str = ""
    at: Place = NOWHERE

    def walk(self) -> Iterator[Expr]:
        """This node and all below it."""
        yield self
        for arg in self.args:
            yield from arg.walk()


@dataclass(frozen=True, slots=True)
class Citation:
    """Where it is written. `verified` False puts a caveat on what rests on it."""

    law: str = ""
    article: str = ""
    document: str = ""
    url: str = ""
    note: str = ""
    verified: bool = True

    def words(self, lang: str = "zh") -> str:
        parts = [f"《{self.law}》{self.article}" if self.law else self.article, self.document]
        return " ".join(part for part in parts if part) or self.note


@dataclass(frozen=True, slots=True)
class Words:
    """The same in Chinese and English."""

    zh: str
    en: str

    def __getitem__(self, lang: str) -> str:
        return self.zh if lang == "zh" else self.en


NO_WORDS = Words("", "")


@dataclass(frozen=True, slots=True)
class Condition:
    """A node of a condition tree.

    kind  `all`, `any`, `none`, `not`: a group over `parts`
          `every_member`, `any_member`: `parts` are (where, body), read for each member
          `leaf`: `expr` is a comparison, a membership test, a yes-or-no fact or a policy test
    id    the condition's name in the trace, unique within its policy version
    """

    kind: str
    id: str
    parts: tuple[Condition, ...] = ()
    expr: Expr | None = None
    at: Place = NOWHERE
    text: str = ""
    says: Words = NO_WORDS
    cite: tuple[Citation, ...] = ()
    verified: bool = True

    def walk(self) -> Iterator[Condition]:
        """This node and all below it, parents first."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def exprs(self) -> Iterator[Expr]:
        """Every expression node of the leaves."""
        for node in self.walk():
            if node.expr is not None:
                yield from node.expr.walk()


TRUE_CONDITION = Condition("all", "always")


@dataclass(frozen=True, slots=True)
class Scoped:
    """A note of which names an expression or condition reads, by kind (built once, at load)."""

    facts: frozenset[str] = field(default_factory=frozenset)
    parameters: frozenset[str] = field(default_factory=frozenset)
    policies: frozenset[str] = field(default_factory=frozenset)
