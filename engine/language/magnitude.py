"""How large the integers behind a rule can grow, worked out from the declared ranges alone.

The sweep carries every number in 64 bits. This fold runs a rule on intervals instead of values and remembers the
largest integer any step could reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from engine.language import ends
from engine.language.ends import Folded, Mask, Num, Q, Several, Term, Truth
from engine.language.fold import Fold
from engine.language.model import Parameter, Rulebook
from engine.language.tree import Expr
from engine.language.types import Type

LARGEST = 2**63 - 1
MOST_MEMBERS = 60


@dataclass(frozen=True, eq=False, slots=True)
class Span:
    """The least and most an integer term can be. Two spans are the same only if they are one object."""

    least: int
    most: int


class _Unknown:
    """A truth nobody knows at this point."""


UNKNOWN = Truth(_Unknown(), _Unknown())


class Magnitude(Fold):
    """Runs rules on intervals; `largest` is the greatest absolute integer met."""

    def __init__(self, parameters: dict[str, Parameter], lets: dict[str, Folded] | None = None):
        self.parameters = parameters
        self.lets = lets if lets is not None else {}
        self.largest = 0
        self.seen: dict[tuple[str, str], Folded] = {}

    def _met(self, least: int, most: int) -> Span:
        self.largest = max(self.largest, abs(least), abs(most))
        return Span(least, most)

    @staticmethod
    def _ends(term: Term) -> tuple[int, int]:
        return (term.least, term.most) if isinstance(term, Span) else (int(term), int(term))

    def infix(self, op: str, left: Term, right: Term) -> Term:
        if op in ("and", "or", "<", "<=", "=="):
            return _Unknown()
        (a, b), (c, d) = self._ends(left), self._ends(right)
        if op == "+":
            return self._met(a + c, b + d)
        if op == "-":
            return self._met(a - d, b - c)
        if op == "*":
            corners = (a * c, a * d, b * c, b * d)
            return self._met(min(corners), max(corners))
        c, d = max(c, 1), max(d, 1)
        corners = (a // c, a // d, b // c, b // d)
        return self._met(min(corners), max(corners))

    def compare(self, op: str, a: Term, b: Term) -> Term:
        for term in (a, b):
            self._met(*self._ends(term))
        return _Unknown()

    def negation(self, term: Term) -> Term:
        return term

    def choose(self, test: Term, yes: Term, no: Term) -> Term:
        if isinstance(yes, _Unknown) or isinstance(no, _Unknown) or isinstance(yes, bool):
            return _Unknown()
        (a, b), (c, d) = self._ends(yes), self._ends(no)
        return self._met(min(a, c), max(b, d))

    def keep(self, term: Term) -> Term:
        return term

    def of_type(self, kind: Type, key: tuple[str, str]) -> Folded:
        """A value of a type, somewhere in its limits; the same object for the same name."""
        if key not in self.seen:
            if kind.numeric or kind.base == "date":
                span = self._met(_parts(kind.least, kind.scale), _parts(kind.most, kind.scale))
                self.seen[key] = Num(Q(span, kind.scale), Q(span, kind.scale))
            else:
                self.seen[key] = (
                    UNKNOWN if kind.base == "yes_no" else Mask(None) if kind.base == "choice" else Several(None, None)
                )
        return self.seen[key]

    def fact(self, expr: Expr) -> Folded:
        return self.of_type(expr.type, ("fact", expr.name))

    def parameter(self, expr: Expr, keys: list[Folded]) -> Num:
        found = self.of_type(self.parameters[expr.name].type, ("parameter", expr.name + str(expr.at)))
        assert isinstance(found, Num)
        return found

    def let(self, expr: Expr) -> Folded:
        return self.lets[expr.name]

    def today(self) -> Num:
        found = self.of_type(Type("date", least=Fraction(18000101), most=Fraction(99991231)), ("on", ""))  # type: ignore[arg-type]
        assert isinstance(found, Num)
        return found

    def policy(self, expr: Expr) -> Truth:
        return UNKNOWN

    def members(self, expr: Expr) -> Folded:
        self.value(expr.args[1])
        if expr.op in ("any_member", "every_member", "count_members"):
            self.value(expr.args[0])
            return UNKNOWN if expr.op != "count_members" else Num(Q(Span(0, MOST_MEMBERS)), Q(Span(0, MOST_MEMBERS)))
        body = self.number(expr.args[0])
        if expr.op != "sum_members":
            return ends.least_of(self, body, self.number(expr.args[2]))
        total: Q = body.hi
        n = self._met(min(0, MOST_MEMBERS * self._ends(total.n)[0]), max(0, MOST_MEMBERS * self._ends(total.n)[1]))
        if isinstance(total.d, Span):  # adding quotients multiplies their denominators
            self._met(0, total.d.most**8)
        return Num(Q(n, total.k, total.d), Q(n, total.k, total.d))

    def marginal(self, x: Num, schedule: Expr) -> Num:
        rate, bands = self.parameters[schedule.name].type.scale, 100
        n = self.mul(self.mul(x.hi.n, bands), rate)
        return Num(Q(n, x.hi.k * bands * rate, x.hi.d), Q(n, x.hi.k * bands * rate, x.hi.d))

    def choice(self, name: str, values: tuple[str, ...]) -> Mask:
        return Mask(None)

    def choice_in(self, x: Mask, name: str, values: tuple[str, ...]) -> Truth:
        return UNKNOWN

    def choice_same(self, x: Mask, y: Mask) -> Truth:
        return UNKNOWN

    def several_has(self, x: Several, name: str, value: str) -> Truth:
        return UNKNOWN

    def if_choice(self, test: Truth, x: Mask, y: Mask) -> Mask:
        return x


def _parts(value: Fraction, scale: int) -> int:
    """`int(value * scale)`, without reducing the product to lowest terms first."""
    n = value.numerator * scale
    return n // value.denominator if n >= 0 else -(-n // value.denominator)


def largest_integer(rulebook: Rulebook, expr: Expr, lets: dict[str, Folded]) -> tuple[int, Folded]:
    """The greatest integer that working out `expr` can meet, and its folded value."""
    fold = Magnitude(rulebook.parameters, lets)
    value = fold.value(expr)
    return fold.largest, value
