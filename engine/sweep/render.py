"""Nodes written as SQL: one tree of sqlglot, which every engine then spells in its own way.

Only what all engines agree on is written: whole numbers of 64 bits, + - *, comparisons, AND OR NOT, IN of literals,
CASE with both arms, and `//` where it is not below zero. Nothing is null, so that no engine's rules for null matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlglot import exp

from engine.sweep.dag import AGGREGATES, Figure, Node, Term

BIGINT = exp.DataType.build("BIGINT")
# Words no engine here lets stand bare as a name (the SQL standard's, DuckDB's and Spark's).
RESERVED = frozenset(
    """
    all analyse analyze and anti any array as asc asymmetric between both by case cast check collate column constraint
    create cross current default deferrable desc describe distinct do drop else end except exists false fetch filter
    first for foreign from full grant group having in initially inner intersect interval into is join lambda last
    lateral leading left like limit minus natural not null offset on only or order outer over overlaps partition pivot
    placing primary qualify range references returning right row rows select semi set show some summarize symmetric
    table then time to trailing true union unique unknown unnest unpivot user using values variadic when where window
    with within
    """.split()  # noqa: SIM905
)


def identifier(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=name.lower() in RESERVED)


def column(name: str, table: str = "") -> exp.Column:
    return exp.Column(this=identifier(name), table=identifier(table) if table else None)


def table(name: str, as_: str = "") -> exp.Table:
    return exp.Table(this=identifier(name), alias=exp.TableAlias(this=identifier(as_)) if as_ else None)


def number(value: int) -> exp.Expression:
    text = exp.Literal.number(abs(value))
    found: exp.Expression = exp.Paren(this=exp.Neg(this=text)) if value < 0 else text
    if isinstance(value, Figure) and value.label:
        found.add_comments([f" {comment(value.label)} "])
    return found


def comment(text: str) -> str:
    """Text that cannot end the comment it stands in."""
    return " ".join(text.replace("*/", "* /").replace("/*", "/ *").split())


class Writer:
    """Writes nodes; those in `names` as the column they are called by."""

    def __init__(self, names: Mapping[Node, str]):
        self.names = names

    def write(self, term: Term) -> exp.Expression:
        if isinstance(term, bool):
            return exp.Boolean(this=term)
        if isinstance(term, int):
            return number(term)
        if term in self.names:
            return column(self.names[term])
        return self.work_out(term)

    def whole(self, term: Term, own: bool = True) -> exp.Expression:
        """A value that becomes a column, 64 bits wide; with `own` False worked out even where it has a name."""
        found = self.write(term) if own or not isinstance(term, Node) else self.work_out(term)
        return exp.Cast(this=found, to=BIGINT.copy()) if self._narrow(term) else found

    def _narrow(self, term: Term) -> bool:
        """Whether SQL would make 32 bits of it: literals, and CASE with nothing but literals."""
        if not isinstance(term, Node):
            return not isinstance(term, bool)
        return (
            term.op == "case"
            and not term.boolean
            and all(self._narrow(a) and a not in self.names for a in term.args[1:])
        )

    def work_out(self, node: Node) -> exp.Expression:
        """The node written out, even where it has a name."""
        if node.op in AGGREGATES:
            return self._aggregate(node)
        return getattr(self, f"_{_METHODS[node.op]}")(node)  # type: ignore[no-any-return]

    # -- parts of other terms --

    def operand(self, term: Term) -> exp.Expression:
        found = self.write(term)
        if isinstance(term, Node) and term not in self.names and self._narrow(term):
            return exp.Cast(this=found, to=BIGINT.copy())
        return exp.Paren(this=found) if isinstance(found, exp.Binary | exp.Not) else found

    def side(self, term: Term) -> exp.Expression:
        """A side of a comparison: arithmetic binds closer by itself."""
        found = self.write(term)
        return exp.Paren(this=found) if isinstance(found, exp.Connector | exp.Predicate | exp.Not) else found

    def part(self, term: Term, kind: type[exp.Expression]) -> list[exp.Expression]:
        """The parts of an AND (or OR), flattened where they have no name of their own."""
        if isinstance(term, Node) and term not in self.names and term.op == ("and" if kind is exp.And else "or"):
            return [p for arg in term.args for p in self.part(arg, kind)]
        found = self.write(term)
        return [exp.Paren(this=found) if isinstance(found, exp.Connector) else found]

    # -- operators --

    def _column(self, node: Node) -> exp.Expression:
        raise KeyError(f"the column {node.args[0]} is not in reach")

    def _filled(self, node: Node) -> exp.Expression:
        given, where_null = node.args
        return exp.Coalesce(this=self.write(given), expressions=[self.write(where_null)])

    def _outer(self, node: Node) -> exp.Expression:
        raise KeyError(f"another member's value is not in reach: {node.args[0].op}")

    def _arithmetic(self, node: Node) -> exp.Expression:
        kind: Any = {"+": exp.Add, "-": exp.Sub, "*": exp.Mul, "//": exp.IntDiv}[node.op]
        found: exp.Expression = kind(this=self.operand(node.args[0]), expression=self.operand(node.args[1]))
        return found

    def _floor(self, node: Node) -> exp.Expression:
        """a // b rounded down also below zero: -((b - 1 - a) // b) there, because SQL cuts off towards zero."""
        a, b = node.args
        test = exp.GTE(this=self.side(a), expression=number(0))
        above = exp.IntDiv(this=self.operand(a), expression=self.operand(b))
        less = exp.Sub(this=exp.Sub(this=self.operand(b), expression=number(1)), expression=self.operand(a))
        below = exp.Neg(this=exp.Paren(this=exp.IntDiv(this=exp.Paren(this=less), expression=self.operand(b))))
        return exp.Case().when(test, above).else_(below)

    def _comparison(self, node: Node) -> exp.Expression:
        kind: Any = {"<": exp.LT, "<=": exp.LTE, "==": exp.EQ}[node.op]
        found: exp.Expression = kind(this=self.side(node.args[0]), expression=self.side(node.args[1]))
        return found

    def _in(self, node: Node) -> exp.Expression:
        """IN of literals; a long run of neighbours as a range, because DuckDB makes a join of a long list."""
        values = sorted(int(value) for value in node.args[1:])
        if len(values) > 3 and values[-1] - values[0] == len(values) - 1:
            found: exp.Expression = exp.Between(
                this=self.operand(node.args[0]), low=number(values[0]), high=number(values[-1])
            )
        else:
            found = exp.In(this=self.operand(node.args[0]), expressions=[number(value) for value in values])
        found.add_comments([f" {comment(', '.join(v.label for v in node.args[1:] if isinstance(v, Figure)))} "])
        return found

    def _and(self, node: Node) -> exp.Expression:
        return self._joined(node, exp.And)

    def _or(self, node: Node) -> exp.Expression:
        return self._joined(node, exp.Or)

    def _joined(self, node: Node, kind: type[exp.Expression]) -> exp.Expression:
        found, *rest = [p for arg in node.args for p in self.part(arg, kind)]
        for each in rest:
            found = kind(this=found, expression=each)
        return found

    def _not(self, node: Node) -> exp.Expression:
        inner = node.args[0]
        if isinstance(inner, Node) and inner not in self.names and inner.op in ("<", "<="):
            kind = exp.GTE if inner.op == "<" else exp.GT
            return kind(this=self.side(inner.args[0]), expression=self.side(inner.args[1]))
        return exp.Not(this=self.operand(inner))

    def _case(self, node: Node) -> exp.Expression:
        found = exp.Case()
        rest: Term = node
        while isinstance(rest, Node) and rest.op == "case" and (rest is node or rest not in self.names):
            test, yes, rest = rest.args
            found = found.when(self.write(test), self.write(yes), copy=False)
        return found.else_(self.write(rest), copy=False)

    def _aggregate(self, node: Node) -> exp.Expression:
        body = node.args[0]
        kind: Any
        if node.op in ("any", "every"):
            kind = exp.Max if node.op == "any" else exp.Min
            found: exp.Expression = kind(this=self.write(body))
            return found
        if _counts(node) and body not in self.names:  # what has a name may stand where its parts do not
            return exp.Cast(this=exp.CountIf(this=self.write(body.args[0])), to=BIGINT.copy())
        kind = {"sum": exp.Sum, "least": exp.Min, "most": exp.Max}[node.op]
        return exp.Cast(this=kind(this=self.write(body)), to=BIGINT.copy())


def _counts(node: Node) -> bool:
    """Whether a sum adds 1 for each for whom something holds."""
    body = node.args[0]
    return node.op == "sum" and isinstance(body, Node) and body.op == "case" and body.args[1:] == (1, 0)


_METHODS = {
    "column": "column",
    "filled": "filled",
    "outer": "outer",
    "+": "arithmetic",
    "-": "arithmetic",
    "*": "arithmetic",
    "//": "arithmetic",
    "floor": "floor",
    "<": "comparison",
    "<=": "comparison",
    "==": "comparison",
    "in": "in",
    "and": "and",
    "or": "or",
    "not": "not",
    "case": "case",
}
