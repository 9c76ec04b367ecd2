"""Random rulebooks as the texts of their YAML files, and random households for them.

A `Maker` draws everything from one `random.Random`, so the same code serves hypothesis (`st.randoms`) and the long
seeded loops. Rules are drawn with their type, unit and range, so that most of them pass the reader; a policy
that does not is left out. Limits are narrow and figures are drawn from the range of what they are
compared with: borders are met all the time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from engine.language.household import Household, Vocabulary, read_household
from engine.language.model import Rulebook
from engine.language.rulebook import read_texts
from engine.language.tree import Expr

DAY = date(2025, 7, 1)  # the day most things happen around
PERIOD_UNIT = {
    "once": "CNY",
    "week": "CNY/week",
    "fortnight": "CNY/fortnight",
    "month": "CNY/month",
    "year": "CNY/year",
}
LITERALS = (0, 1, 2, 12, 100)
STEPS = {"0.01": 2, "0.1": 1, "1": 0, "10": 0, "100": 0}


@dataclass(frozen=True)
class World:
    """A rulebook that reads without problems, and what households and days to try it on."""

    files: dict[str, str]
    rulebook: Rulebook
    days: tuple[date, ...]
    pools: dict[str, tuple[Fraction, ...]] = field(default_factory=dict)  # fact -> figures it is compared with


@dataclass(frozen=True)
class Term:
    """An expression that is being made: its text, kind, unit and range. `whole` where it is a whole number."""

    text: str
    kind: str  # number | date | truth | choice:<list> | choices:<list>
    unit: str = ""
    lo: Fraction = Fraction(0)
    hi: Fraction = Fraction(0)
    whole: bool = False
    facts: tuple[str, ...] = ()  # the asked numbers it reads, so that figures near it are known
    literal: bool = False

    def wrapped(self) -> str:
        """The text as an operand: in brackets unless it is one name, number, call or table row."""
        return self.text if self.text.isidentifier() or self.text.isdigit() or self.call else f"({self.text})"

    @property
    def call(self) -> bool:
        """Whether the text is one call or one table row, so that it needs no brackets."""
        head, bracket, rest = self.text.partition("(")
        if not head.isidentifier():
            head, bracket, rest = self.text.partition("[")
        if not (head.isidentifier() and bracket):
            return False
        depth = 1
        for at, ch in enumerate(rest):
            depth += (ch in "([") - (ch in ")]")
            if depth == 0:
                return at == len(rest) - 1
        return False


@dataclass(frozen=True)
class Place:
    """Where an expression stands: whose facts are bare, which lets exist, whether `holds` may stand here."""

    level: str
    members: bool = False  # inside any_member(…)
    lets: tuple[Term, ...] = ()
    policies: tuple[tuple[str, str], ...] = ()  # (name, level) that may be asked
    holds: bool = False
    lets_with_holds: frozenset[str] = frozenset()

    @property
    def reads_members(self) -> bool:
        return self.members or self.level == "member"

    def inside(self) -> Place:
        return replace(self, members=True)

    def strict(self) -> Place:
        return replace(self, holds=False)


class NoLuck(Exception):
    """Nothing of this kind can be drawn here."""


def decimal(value: Fraction, places: int = 2) -> str:
    """A number as YAML text; rounded to `places`."""
    scaled = round(value * 10**places)
    text = str(Decimal(scaled).scaleb(-places))
    return text if "E" not in text else f"{Decimal(text):f}"


def quoted(text: str) -> str:
    """Text as a YAML scalar that no YAML rule changes."""
    return "'" + text.replace("'", "''") + "'"


class Maker:
    """Draws a rulebook. `say` is the source of all chance."""

    def __init__(self, chance: random.Random, policies: int | None = None):
        self.r = chance
        self.choices: dict[str, list[str]] = {}
        self.asked: list[tuple[str, str, Term, str]] = []  # name, level, term, yaml
        self.derived: list[tuple[str, str, Term, str]] = []
        self.parameters: dict[str, tuple[Term, str]] = {}
        self.tables: dict[str, tuple[Term, list[tuple[str, Any]], str]] = {}  # name -> term, keys, yaml
        self.files: dict[str, str] = {}
        self.policies: dict[str, tuple[str, str]] = {}  # name -> level, group
        self.pools: dict[str, list[Fraction]] = {}
        self.days: list[date] = [DAY]
        self.count = 0
        self.wanted = policies
        self.since: date | None = None  # the first day of the policy that is being written

    # -- chance --

    def pick(self, options: Any) -> Any:
        options = list(options)
        if not options:
            raise NoLuck
        return options[self.r.randrange(len(options))]

    def maybe(self, percent: int) -> bool:
        return self.r.randrange(100) < percent

    def number(self, lo: Fraction, hi: Fraction, places: int) -> Fraction:
        step = 10**places
        if places and self.maybe(25):
            step = 2  # halves meet rounding where it turns
        least, most = -((-lo * step) // 1), (hi * step) // 1
        return Fraction(self.r.randrange(int(least), int(most) + 1) if most > least else int(least), step)

    def likely(self, x: Term) -> tuple[Fraction, Fraction]:
        """Where a number mostly lies in small households: a part of its range if that is wide."""
        most = {"people": 5, "years": 20, "months": 240}.get(x.unit)
        if most is not None and x.hi > most:
            return x.lo, max(x.lo + 1, Fraction(most))
        return (x.lo / 15, x.hi / 15) if x.hi - x.lo > 100 else (x.lo, x.hi)

    def fresh(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def first_that(self, makers: list[Callable[[], Any]]) -> Any:
        """The first of some makers, in random order, that has luck."""
        todo = list(makers)
        while todo:
            try:
                return todo.pop(self.r.randrange(len(todo)))()
            except NoLuck:
                continue
        raise NoLuck

    # -- the vocabulary --

    def vocabulary(self) -> None:
        for name in ("ca", "cb")[: 1 + self.maybe(60)]:
            self.choices[name] = [f"{name}_{letter}" for letter in "abcde"[: self.r.randrange(2, 6)]]
        self.ask("counts", "member", "yes_no")
        for level in ("household", "member"):
            for _ in range(self.r.randrange(1, 3)):
                self.ask(self.fresh("y"), level, "yes_no")
                self.ask(self.fresh("n"), level, "number")
            self.ask(self.fresh("m"), level, "money")
            self.ask(self.fresh("c"), level, "choice")
            if self.maybe(60):
                self.ask(self.fresh("d"), level, "date")
            if self.maybe(60):
                self.ask(self.fresh("s"), level, "choices")
            if self.maybe(30):
                self.ask(self.fresh("t"), level, "text")
        self.derive(
            "size",
            "household",
            Term("count_members(counted)", "number", "people", Fraction(1), Fraction(60), True),
            "lowest: 1, highest: 60",
        )
        self.derive("counted", "member", Term(self.pick(["counts", "counts", "not counts"]), "truth"))
        for _ in range(self.r.randrange(0, 5)):
            self.lucky(self.derived_fact)

    def ask(self, name: str, level: str, kind: str) -> None:
        label = f"label: {{zh: {name}, en: {name}}}"
        if kind in ("yes_no", "text"):
            self.asked.append(
                (name, level, Term(name, "truth" if kind == "yes_no" else "text"), f"{{{label}, type: {kind}}}")
            )
            return
        if kind == "date":
            self.asked.append((name, level, Term(name, "date", facts=(name,)), f"{{{label}, type: date}}"))
            return
        if kind in ("choice", "choices"):
            listed = self.pick(self.choices)
            self.asked.append(
                (name, level, Term(name, f"{kind}:{listed}"), f"{{{label}, type: {kind}, choices: {listed}}}")
            )
            return
        if kind == "money":
            kind, unit, places = "money", self.pick(["CNY", "CNY/month", "CNY/month", "CNY/year"]), 2
        else:
            kind, unit, places = self.pick(
                [
                    ("whole_number", "people", 0),
                    ("whole_number", "", 0),
                    ("number", "", 2),
                    ("ratio", "", 4),
                    ("whole_number", "years", 0),
                    ("whole_number", "months", 0),
                    ("number", "m2", 1),
                ]
            )
        lo, hi = (
            self.pick([(0, 1), (0, 3), (0, 10), (1, 4), (0, 20), (-3, 3), (-2, 0), (5, 6)])
            if kind != "ratio"
            else (0, 1)
        )
        extra = f", lowest: {lo}, highest: {hi}" if kind != "ratio" or self.maybe(50) else ""
        if unit:
            extra += f", unit: {unit}"
        if kind == "number":
            extra += f", step: {['1', '0.1', '0.01'][places]}"
        term = Term(name, "number", unit, Fraction(lo), Fraction(hi), kind == "whole_number", (name,))
        self.asked.append((name, level, term, f"{{{label}, type: {kind}{extra}}}"))

    def derive(self, name: str, level: str, term: Term, limits: str = "") -> None:
        parts = [f"label: {{zh: {name}, en: {name}}}", f"is: {quoted(term.text)}"]
        kind, _, listed = term.kind.partition(":")
        if kind == "number":
            base = (
                "whole_number"
                if term.whole
                else ("money" if "CNY" in term.unit and term.unit.split("/")[0] == "CNY" else "number")
            )
            parts += [f"type: {base}", *([f"unit: {term.unit}"] if term.unit else []), limits]
        else:
            parts.append("type: yes_no" if kind == "truth" else f"type: {kind}")
            parts += [f"choices: {listed}"] if listed else []
        self.derived.append((name, level, replace(term, text=name), f"{{{', '.join(p for p in parts if p)}}}"))

    def derived_fact(self) -> None:
        level = self.pick(["household", "member"])
        where = Place(level)
        kind = self.pick(
            ["number", "number", "number", "number", "truth", "truth", "truth", "choice", "choices", "date"]
        )
        if kind in ("choice", "choices"):
            kind = f"{kind}:{self.pick(self.choices)}"
        term = self.term(where, kind, 3)
        name = self.fresh("x")
        limits = ""
        if kind == "number":
            lo, hi = Fraction(term.lo.__floor__()), Fraction(term.hi.__ceil__())
            if self.maybe(25) and hi - lo > 2:  # narrower limits on purpose: some households cannot be
                lo, hi = lo + self.maybe(50), hi - self.maybe(50)
            limits = f"lowest: {lo}, highest: {hi}"
            term = replace(term, lo=lo, hi=hi, whole=term.whole and self.maybe(50))
        self.derive(name, level, term, limits)

    # -- figures of law --

    def parameter(self, unit: str, near: Term, whole: bool | None = None) -> Term:
        """A figure that `near` may be compared with: somewhere in its range."""
        name = self.fresh("p")
        whole = near.whole and self.maybe(70) if whole is None else whole
        kind, places = self.figure_type(unit, whole)
        lo, hi = Fraction((near.lo - 1).__floor__()), Fraction((near.hi + 1).__ceil__())
        pool = [p for f in near.facts for p in self.pools.get(f, [])]

        def figure() -> str:
            if self.maybe(20):
                return "null"
            inside = [p for p in pool if lo <= p <= hi and (p * 10**places).denominator == 1]
            value = self.pick(inside) if inside and self.maybe(30) else self.number(*self.likely(near), places)
            value = min(max(value, lo), hi)
            for fact in near.facts:
                self.pools.setdefault(fact, []).append(value)
            return decimal(value, places)

        values = self.dated(lambda day: f"    - {{from: {day}, value: {figure()}, source: 某文件, verified: true}}\n")
        unit_line = f"  unit: {unit}\n" if unit else ""
        step = f"  step: {['1', '0.1', '0.01'][places]}\n" if kind == "number" else ""
        head = f"  label: {{zh: 标准, en: figure}}\n  type: {kind}\n{unit_line}{step}"
        text = f"{head}  lowest: {lo}\n  highest: {hi}\n  values:\n{values}"
        self.parameters[name] = (Term(name, "number", unit, lo, hi, kind == "whole_number"), text)
        return self.parameters[name][0]

    def figure_type(self, unit: str, whole: bool) -> tuple[str, int]:
        if unit.split("/")[0] == "CNY":
            return "money", 2
        return ("whole_number", 0) if whole else ("number", self.pick([0, 1, 2]))

    def dated(self, value: Callable[[date], str]) -> str:
        # a figure a policy reads has a value from the policy's first day on; a derived fact may have to do without
        late = self.since is None and self.maybe(20)
        first = date(2015, 1, 1) if self.since is None or self.maybe(70) else self.since
        days = [DAY + timedelta(days=self.r.randrange(-3, 4))] if late else [first]
        if self.maybe(35):
            days.append(DAY + timedelta(days=self.pick([-7, -5, -2, -1, 0, 1, 2, 4])))
        days = sorted({d for d in days if d >= days[0]})
        self.days += [d for d in days if d.year > 2016]
        return "".join(value(day) for day in days)

    def table(self, where: Place, unit: str, near: Term, whole: bool = False) -> Term:
        """A row of a table: one key or two, each a choice or a band."""
        kind, places = self.figure_type(unit, whole)
        lo, hi = Fraction((near.lo - 1).__floor__()), Fraction((near.hi + 1).__ceil__())
        keys: list[tuple[str, Any]] = []
        args: list[str] = []
        banded = 0
        for _ in range(self.pick([1, 1, 2])):
            if self.maybe(45):
                listed = self.pick(self.choices)
                args.append(self.term(where.strict(), f"choice:{listed}", 1).text)
                keys.append(("choice", listed))
            else:
                key = self.term(where.strict(), "number", 1)
                bands = sorted(
                    {key.lo.__floor__()}
                    | {int(self.number(*self.likely(key), 0)) for _ in range(self.r.randrange(0, 3))}
                )
                args.append(key.text)
                keys.append(("band", (key.unit, [Fraction(b) for b in bands], key)))
                banded += 1
        last_band = keys[-1][0] == "band"

        goes_on = banded == 1 and last_band and self.maybe(60)

        def figure() -> str:
            if self.maybe(10):
                return "null"
            return decimal(self.number(*self.likely(near), places), places)

        def rows(at: int, indent: str) -> str:
            what, about = keys[at]
            last = at == len(keys) - 1
            if what == "choice":
                names = self.choices[about]
                shown = [n for n in names if self.maybe(70)]
                if len(shown) < len(names):
                    shown.append("otherwise")
                return "".join(
                    f"{indent}{n}: {figure()}\n" if last else f"{indent}{n}:\n{rows(at + 1, indent + '  ')}"
                    for n in shown
                )
            found = ""
            for start in about[1]:
                found += f"{indent}- from: {decimal(start, 0)}\n"
                found += (
                    f"{indent}  value: {figure()}\n" if last else f"{indent}  rows:\n{rows(at + 1, indent + '    ')}"
                )
            return found

        further = ""
        if goes_on:
            span = keys[-1][1][2]
            past = (span.hi - keys[-1][1][1][-1]).__floor__()
            step = self.pick([Fraction(1), Fraction(1, 2), Fraction(-1)] if not whole else [Fraction(1), Fraction(-1)])
            further = (
                f"      each_further: {decimal(step, 0 if whole or kind == 'number' else 2)}\n"
                if kind != "number" or step.denominator == 1
                else ""
            )
            if further:
                lo, hi = min(lo, lo + step * past), max(hi, hi + step * past)
        values = self.dated(
            lambda day: (
                f"    - from: {day}\n      source: 某文件\n      verified: true\n"
                f"{further}      rows:\n{rows(0, '        ')}"
            )
        )
        name = self.fresh("q")
        shown_keys = ", ".join(
            about
            if what == "choice"
            else f"{{band: {self.band_type(about[2])}{', unit: ' + about[0] if about[0] else ''}}}"
            for what, about in keys
        )
        unit_line = f"  unit: {unit}\n" if unit else ""
        step_line = f"  step: {['1', '0.1', '0.01'][places]}\n" if kind == "number" else ""
        head = f"  label: {{zh: 表, en: table}}\n  type: {kind}\n{unit_line}{step_line}  keys: [{shown_keys}]\n"
        text = f"{head}  lowest: {decimal(lo)}\n  highest: {decimal(hi)}\n  values:\n{values}"
        self.parameters[name] = (Term(name, "table"), text)
        return Term(f"{name}[{', '.join(args)}]", "number", unit, lo, hi, kind == "whole_number")

    def band_type(self, key: Term) -> str:
        if key.unit.split("/")[0] == "CNY":
            return "money"
        return "whole_number" if key.whole else "number"

    def schedule(self, x: Term) -> str:
        name = self.fresh("r")
        starts = sorted(
            {self.pick([0, 0, 1])}
            | {
                int(self.number(max(x.lo, Fraction(1)), max(x.hi, Fraction(2)), 0))
                for _ in range(self.r.randrange(0, 3))
            }
        )

        def rate() -> str:
            return "null" if self.maybe(15) else decimal(self.number(Fraction(0), Fraction(1), 1), 2)

        unit = f", unit: {x.unit}" if x.unit else ""
        values = self.dated(
            lambda day: (
                f"    - from: {day}\n      source: 某文件\n      verified: true\n      rows:\n"
                + "".join(f"        - {{from: {start}, value: {rate()}}}\n" for start in starts)
            )
        )
        head = "  label: {zh: 分段, en: slices}\n  type: ratio\n"
        text = f"{head}  keys: [{{band: {self.band_type(x)}{unit}}}]\n  values:\n{values}"
        self.parameters[name] = (Term(name, "table"), text)
        return name

    # -- expressions --

    def names(self, where: Place, kind: str) -> list[Term]:
        found = [
            let for let in where.lets if let.kind == kind and (where.holds or let.text not in where.lets_with_holds)
        ]
        for _, level, term, _ in (*self.asked, *self.derived):
            if term.kind == kind and (level == "household" or where.reads_members):
                found.append(term)
        return found

    def term(self, where: Place, kind: str, depth: int, unit: str | None = None) -> Term:
        """An expression of a kind (and unit, for numbers)."""
        if kind == "number":
            return self.a_number(where, depth, unit)
        if kind == "truth":
            return self.truth(where, depth)
        if kind == "date":
            return self.a_date(where, depth)
        return self.a_choice(where, kind, depth)

    def a_date(self, where: Place, depth: int) -> Term:
        names = self.names(where, "date")
        if depth > 1 and len(names) > 0 and self.maybe(20):
            a, b, c = self.pick([*names, Term("on", "date")]), self.pick(names), self.truth(where.strict(), depth - 2)
            return Term(f"{a.text} if {c.wrapped()} else {b.text}", "date", facts=a.facts + b.facts)
        return self.pick([*names, *names, Term("on", "date")])  # type: ignore[no-any-return]

    def a_choice(self, where: Place, kind: str, depth: int) -> Term:
        names = self.names(where, kind)
        if not names:
            raise NoLuck
        if depth > 0 and self.maybe(25):
            a, b = self.pick(names), self.pick(names)
            return Term(f"{a.text} if {self.truth(where.strict(), depth - 1).wrapped()} else {b.text}", kind)
        return self.pick(names)  # type: ignore[no-any-return]

    def a_number(self, where: Place, depth: int, unit: str | None = None) -> Term:
        where = where.strict()
        simple = [t for t in self.names(where, "number") if unit is None or t.unit == unit]
        if depth <= 0 or self.maybe(15):
            if simple:
                return self.pick(simple)  # type: ignore[no-any-return]
            if unit in (None, "people", "times", ""):
                return Term("size", "number", "people", Fraction(1), Fraction(60), True)
            return self.parameter(unit or "", Term("", "number", unit or "", Fraction(0), Fraction(10)))
        return self.first_that(
            [  # type: ignore[no-any-return]
                *[lambda: self.pick(simple)] * 2,
                *[lambda: self.arithmetic(where, depth, unit)] * 5,
                *[lambda: self.over_members(where, depth, unit)] * 4,
                *[lambda: self.time(where, depth, unit)] * 3,
                lambda: self.conditional(where, depth, unit),
                *[lambda: self.looked_up(where, depth, unit)] * 2,
            ]
        )

    def same_unit(self, where: Place, depth: int, like: Term) -> Term:
        """Another number that may be added to or compared with `like`."""
        if self.maybe(40):
            return self.parameter(like.unit, like)
        literals = [n for n in LITERALS if n == 0 or not like.unit.startswith("CNY")]
        if self.maybe(20) and not like.literal:
            inside = [n for n in literals if like.lo <= n <= like.hi] or [0]
            n = self.pick(inside)
            return Term(str(n), "number", like.unit, Fraction(n), Fraction(n), True, literal=True)
        return self.a_number(where, depth - 1, like.unit)

    def arithmetic(self, where: Place, depth: int, unit: str | None) -> Term:
        op = self.pick(["+", "-", "*", "*", "/", "negative", "min", "max", "round_to", "marginal", "marginal", "-"])
        x = self.a_number(where, depth - 1, unit)
        if op in ("+", "-", "min", "max"):
            y = self.same_unit(where, depth, x)
            corners = {
                "+": (x.lo + y.lo, x.hi + y.hi),
                "-": (x.lo - y.hi, x.hi - y.lo),
                "min": (min(x.lo, y.lo), min(x.hi, y.hi)),
                "max": (max(x.lo, y.lo), max(x.hi, y.hi)),
            }[op]
            text = f"{op}({x.text}, {y.text})" if op in ("min", "max") else f"{x.wrapped()} {op} {y.wrapped()}"
            return Term(text, "number", x.unit, *corners, x.whole and y.whole, x.facts + y.facts)
        if op == "negative":
            return Term(f"-{x.wrapped()}", "number", x.unit, -x.hi, -x.lo, x.whole, x.facts)
        if op == "round_to":
            if x.lo < 0:
                x = Term(f"max(0, {x.text})", "number", x.unit, Fraction(0), max(x.hi, Fraction(0)), x.whole, x.facts)
            step = self.pick(STEPS)
            return Term(f"round_to({x.text}, {step})", "number", x.unit, Fraction(0), x.hi + 100, False, x.facts)
        if op == "marginal":
            if not x.unit.startswith("CNY") or x.literal:
                raise NoLuck
            if x.lo < 0:
                x = Term(f"max(0, {x.text})", "number", x.unit, Fraction(0), max(x.hi, Fraction(0)), x.whole, x.facts)
            return Term(f"marginal({x.text}, {self.schedule(x)})", "number", x.unit, Fraction(0), x.hi, False, x.facts)
        y = self.a_number(where, depth - 1, self.pick(["", "people"]))
        if op == "/":
            if y.lo <= 0:
                y = Term(f"max(1, {y.text})", "number", y.unit, Fraction(1), max(Fraction(1), y.hi), y.whole, y.facts)
            values = [a / b for a in (x.lo, x.hi) for b in (y.lo, y.hi)]
        else:
            if x.lo < 0 < x.hi and y.lo < 0 < y.hi:
                y = Term(f"max(0, {y.text})", "number", y.unit, Fraction(0), y.hi, y.whole, y.facts)
            values = [a * b for a in (x.lo, x.hi) for b in (y.lo, y.hi)]
        if max(map(abs, values)) > 10**6:
            raise NoLuck
        left, right = (y, x) if op == "*" and self.maybe(50) else (x, y)
        unit_found = x.unit if x.unit not in ("people", "times") else ""
        return Term(
            f"{left.wrapped()} {op} {right.wrapped()}",
            "number",
            unit_found,
            min(values),
            max(values),
            op == "*" and x.whole and y.whole,
            x.facts,
        )

    def over_members(self, where: Place, depth: int, unit: str | None) -> Term:
        inner = where.inside()
        narrowed = f", where={self.pick(['counted', self.truth(inner, depth - 2).text])}" if self.maybe(70) else ""
        if unit in (None, "people", "") and self.maybe(40):
            return Term(
                f"count_members({self.truth(inner, depth - 1).text}{narrowed})",
                "number",
                "people",
                Fraction(0),
                Fraction(60),
                True,
            )
        own = [t for t in self.names(inner, "number") if unit is None or t.unit == unit]
        x = self.pick(own) if self.maybe(60) and own else self.a_number(inner, depth - 1, unit)
        if x.literal:
            raise NoLuck
        if self.maybe(40):
            lo, hi = min(Fraction(0), 60 * x.lo), max(Fraction(0), 60 * x.hi)
            if max(-lo, hi) > 10**6:
                raise NoLuck
            return Term(f"sum_members({x.text}{narrowed})", "number", x.unit, lo, hi, x.whole, x.facts)
        otherwise = self.same_unit(where, min(depth, 1), x)
        if otherwise.literal and otherwise.lo != 0 and x.unit not in ("", "people", "times"):
            otherwise = Term("0", "number", x.unit, Fraction(0), Fraction(0), True, literal=True)
        text = f"{self.pick(['min', 'max'])}_members({x.text}{narrowed}, otherwise={otherwise.text})"
        return Term(
            text,
            "number",
            x.unit,
            min(x.lo, otherwise.lo),
            max(x.hi, otherwise.hi),
            x.whole and otherwise.whole,
            x.facts,
        )

    def time(self, where: Place, depth: int, unit: str | None) -> Term:
        if unit in (None, "years") and self.maybe(70):
            a, b = self.a_date(where, depth - 1), self.a_date(where, depth - 1)
            return Term(
                f"years_between({a.text}, {b.text})", "number", "years", Fraction(0), Fraction(8200), True, a.facts
            )
        if unit in (None, "months") and self.maybe(70):
            a, b = self.a_date(where, depth - 1), self.a_date(where, depth - 1)
            return Term(
                f"months_between({a.text}, {b.text})", "number", "months", Fraction(0), Fraction(98400), True, a.facts
            )
        if unit in (None, "") and self.maybe(60):
            return Term(
                f"month_of({self.a_date(where, depth - 1).text})", "number", "", Fraction(1), Fraction(12), True
            )
        if unit is not None and unit not in ("CNY/month", "CNY/year", "CNY/week"):
            raise NoLuck
        op, to, per = self.pick([("yearly", "CNY/year", 1), ("monthly", "CNY/month", 12), ("weekly", "CNY/week", 52)])
        if unit is not None:
            op, to, per = {
                "CNY/year": ("yearly", unit, 1),
                "CNY/month": ("monthly", unit, 12),
                "CNY/week": ("weekly", unit, 52),
            }[unit]
        source, times = self.pick([("CNY/month", 12), ("CNY/year", 1), ("CNY/week", 52)])
        x = self.a_number(where, depth - 1, source)
        factor = Fraction(times, per)
        return Term(f"{op}({x.text})", "number", to, x.lo * factor, x.hi * factor, False, x.facts)

    def conditional(self, where: Place, depth: int, unit: str | None) -> Term:
        x = self.a_number(where, depth - 1, unit)
        y = self.same_unit(where, depth - 1, x)
        test = self.truth(where, depth - 1)
        return Term(
            f"{x.wrapped()} if {test.wrapped()} else {y.wrapped()}",
            "number",
            x.unit,
            min(x.lo, y.lo),
            max(x.hi, y.hi),
            x.whole and y.whole,
            x.facts,
        )

    def looked_up(self, where: Place, depth: int, unit: str | None) -> Term:
        unit = self.pick(["CNY/month", "CNY", "", "years"]) if unit is None else unit
        near = Term(
            "",
            "number",
            unit,
            *self.pick([(Fraction(0), Fraction(10)), (Fraction(0), Fraction(3)), (Fraction(-2), Fraction(2))]),
        )
        if self.maybe(40):
            return self.parameter(unit, near)
        return self.table(where, unit, near)

    def truth(self, where: Place, depth: int) -> Term:
        if depth <= 0:
            return self.first_that(
                [
                    lambda: self.pick(self.names(where, "truth")),
                    lambda: self.choice_test(where, 0),
                    lambda: self.asks(where),
                ]
            )  # type: ignore[no-any-return]
        return self.first_that(
            [  # type: ignore[no-any-return]
                *[lambda: self.comparison(where, depth)] * 6,
                *[lambda: self.choice_test(where, depth)] * 3,
                *[lambda: self.joined(where, depth)] * 3,
                *[lambda: self.some_member(where, depth)] * 3,
                *[lambda: self.asks(where)] * 4,
                lambda: self.pick(self.names(where, "truth")),
                lambda: self.date_test(where, depth),
                lambda: self.branches(where, depth),
                lambda: Term(self.pick(["True", "False"]), "truth") if self.maybe(20) else self.asks(where),
            ]
        )

    def comparison(self, where: Place, depth: int) -> Term:
        where = where.strict()
        x = self.a_number(where, depth - 1)
        y = self.same_unit(where, depth - 1, x)
        op = self.pick(["<", "<=", ">", ">=", "==", "!=", "<", "<=", ">", ">="])
        if op in ("<", "<=", ">", ">="):
            a, b = (x, y) if op in ("<", "<=") else (y, x)
            strict = op in ("<", ">")
            if (a.lo >= b.hi if strict else a.lo > b.hi) or (a.hi < b.lo if strict else a.hi <= b.lo):
                raise NoLuck
        if x.literal and y.literal:
            raise NoLuck
        if self.maybe(15) and not x.literal and op in ("<", "<="):
            low = self.parameter(x.unit, x)
            return Term(f"{low.text} {op} {x.wrapped()} {op} {y.wrapped()}", "truth")
        return Term(f"{x.wrapped()} {op} {y.wrapped()}", "truth")

    def date_test(self, where: Place, depth: int) -> Term:
        a, b = self.a_date(where.strict(), depth - 1), self.a_date(where.strict(), depth - 1)
        if a.text == b.text == "on":
            raise NoLuck
        op = self.pick(["<", "<=", ">", ">=", "==", "!="])
        return Term(f"{a.wrapped()} {op} {b.wrapped()}", "truth")

    def choice_test(self, where: Place, depth: int) -> Term:
        where = where.strict()
        listed = self.pick(self.choices)
        values = self.choices[listed]
        if self.names(where, f"choices:{listed}") and self.maybe(40):
            x = self.a_choice(where, f"choices:{listed}", depth - 1)
            return Term(f'"{self.pick(values)}" {self.pick(["in", "not in"])} {x.wrapped()}', "truth")
        x = self.a_choice(where, f"choice:{listed}", depth - 1)
        kind = self.r.randrange(3)
        if kind == 0:
            return Term(f'{x.wrapped()} {self.pick(["==", "!="])} "{self.pick(values)}"', "truth")
        if kind == 1:
            y = self.a_choice(where, f"choice:{listed}", 0)
            return Term(f"{x.wrapped()} {self.pick(['==', '!='])} {y.wrapped()}", "truth")
        some = ", ".join(f'"{v}"' for v in values if self.maybe(50)) or f'"{values[0]}"'
        return Term(f"{x.wrapped()} {self.pick(['in', 'not in'])} [{some}]", "truth")

    def joined(self, where: Place, depth: int) -> Term:
        op = self.pick(["and", "or", "not"])
        if op == "not":
            return Term(f"not {self.truth(where.strict(), depth - 1).wrapped()}", "truth")
        parts = [self.truth(where, depth - 1).wrapped() for _ in range(self.pick([2, 2, 3]))]
        return Term(f" {op} ".join(parts), "truth")

    def some_member(self, where: Place, depth: int) -> Term:
        narrowed = (
            f", where={self.pick(['counted', self.truth(where.inside().strict(), 0).text])}" if self.maybe(60) else ""
        )
        return Term(
            f"{self.pick(['any_member', 'every_member'])}({self.truth(where.inside(), depth - 1).text}{narrowed})",
            "truth",
        )

    def branches(self, where: Place, depth: int) -> Term:
        a, b, c = (self.truth(where.strict(), depth - 1).wrapped() for _ in range(3))
        return Term(f"{a} if {c} else {b}", "truth")

    def asks(self, where: Place) -> Term:
        name, level = self.pick(where.policies)
        words = ["receives", "qualifies", "qualifies", *["holds"] * (5 if where.holds else 0)]
        asked = f"{self.pick(words)}({name})"
        if level == "member" and not where.reads_members:
            return Term(f"any_member({asked})", "truth")
        return Term(asked, "truth")

    # -- policies --

    def policy(
        self,
        name: str,
        level: str,
        group: str,
        version: int = 0,
        force: str = "{from: 2016-01-01}",
        apart: tuple[str, ...] = (),
    ) -> str:
        own: dict[str, str] = {}
        away = group == "away"
        asked = tuple(
            (other, lv) for other, (lv, gr) in self.policies.items() if other != name and (away or gr != "away")
        )
        self.since = date.fromisoformat(force[7:17])
        where = Place(level, policies=asked, holds=True)
        lets = ""
        for _ in range(self.pick([0, 0, 1, 1, 2])):
            kind = self.pick(["number", "number", "number", "truth", "truth", "truth", "choice", "choices", "date"])
            kind = f"{kind}:{self.pick(self.choices)}" if kind in ("choice", "choices") else kind
            try:
                term = self.term(where, kind, 2)
            except NoLuck:
                continue
            if term.literal or term.text in ("True", "False"):
                continue
            let = self.fresh("l")
            listed = f", choices: {kind.partition(':')[2]}" if ":" in kind else ""
            lets += f"  {let}: {{zh: 中间, en: between, is: {quoted(term.text)}{listed}}}\n"
            rests = "holds(" in term.text or any(
                w in term.text.replace("(", " ").replace(")", " ").split() for w in where.lets_with_holds
            )
            more = where.lets_with_holds | {let} if rests else where.lets_with_holds
            where = replace(where, lets=(*where.lets, replace(term, text=let, literal=False)), lets_with_holds=more)
        when = self.group(where, 2, "  ")
        gives = "".join(self.item(where) for _ in range(self.pick([0, 1, 1, 2])))
        own["when"] = when
        excludes = f"excludes: [{', '.join(apart)}]\n" if apart else ""
        notes = (
            f"notes:\n  - {{if: {quoted(self.truth(where, 1).text)}, says: {{zh: 提示, en: advice}}}}\n"
            if self.maybe(20)
            else ""
        )
        documents = (
            f"documents:\n  - {{zh: 证明, en: a paper, if: {quoted(self.truth(where, 1).text)}}}\n"
            if self.maybe(15)
            else ""
        )
        return (
            f"policy: {name}\ntitle: {{zh: 政策, en: a policy}}\n"
            f"kind: {self.pick(['category', 'benefit'])}\nfor: {level}\n"
            f"department: {{zh: 民政, en: Civil affairs}}\nin_force: {force}\ncite: {{law: 某法, article: 第一条}}\n"
            + (f"let:\n{lets}" if lets else "")
            + f"when:\n{when}"
            + (f"gives:\n{gives}" if gives else "")
            + excludes
            + notes
            + documents
            + "examples:\n  - {says: {zh: 例, en: an example}, on: 2025-07-01, expect: {status: eligible}}\n"
        )

    def group(self, where: Place, depth: int, indent: str) -> str:
        key = self.pick(["all", "any", "all", "any", "none"])
        inner = where if key != "none" else where.strict()
        found = f"{indent}{key}:\n"
        for _ in range(self.pick([1, 2, 2, 3])):
            if depth > 1 and self.maybe(25):
                body = self.group(inner, depth - 1, indent + "    ")
                found += f"{indent}  -{body[len(indent) + 3 :]}"
            elif self.maybe(30):
                found += f"{indent}  - id: {self.fresh('w')}\n{indent}    if: {quoted(self.truth(inner, 3).text)}\n"
            else:
                found += f"{indent}  - {quoted(self.truth(inner, 3).text)}\n"
        return found

    def item(self, where: Place) -> str:
        name = self.fresh("g")
        if self.maybe(10):
            return f"  - {{id: {name}, title: {{zh: 实物, en: in kind}}}}\n"
        per = self.pick(["month", "month", "month", "once", "year", "week", "fortnight"])
        x = self.money(where.strict(), PERIOD_UNIT[per])
        mode, step = self.pick(["half_up", "up", "down"]), self.pick(["0.01", "0.01", "0.1", "1", "10", "0.05"])
        plain = x.text.isidentifier() and x.text[0] in "mp" and self.maybe(50)
        rounding = "" if plain else f"    round: {{to: {step}, mode: {mode}}}\n"
        when = f"    if: {quoted(self.truth(where, 2).text)}\n" if self.maybe(30) else ""
        months = ""
        if self.maybe(25) and per == "month":
            known = [t.text for t in self.names(where.strict(), "number") if t.unit == "months"]
            months = f"    for_months: {quoted(self.pick(['12', '2', *known]))}\n"
        key = "up_to" if self.maybe(15) else "amount"
        amount = f"    {key}: {quoted(x.text)}\n    per: {per}\n"
        return f"  - id: {name}\n    title: {{zh: 补贴, en: sum}}\n{amount}{rounding}{when}{months}"

    def money(self, where: Place, unit: str) -> Term:
        if self.maybe(35):  # a sum that is mostly above zero
            x = self.first_that([lambda: self.a_number(where, 2, unit), lambda: self.pick(self.names(where, "number"))])
            if x.unit == unit:
                more = self.parameter(unit, Term("", "number", unit, abs(x.lo) + 1, abs(x.lo) + abs(x.hi) + 9))
                return Term(f"{more.text} + {x.wrapped()}", "number", unit, more.lo + x.lo, more.hi + x.hi)
        return self.first_that(  # type: ignore[no-any-return]
            [
                lambda: self.a_number(where, 2, unit),
                lambda: self.parameter(unit, Term("", "number", unit, Fraction(0), Fraction(20))),
            ]
        )

    # -- the whole --

    def lucky(self, make: Callable[[], None], tries: int = 6) -> None:
        """Make something, and take it back where luck runs out half way."""
        for _ in range(tries):
            kept = self.snapshot()
            try:
                return make()
            except NoLuck:
                self.restore(kept)
            finally:
                self.since = None

    def snapshot(self) -> tuple[Any, ...]:
        return (
            list(self.asked),
            list(self.derived),
            dict(self.parameters),
            dict(self.files),
            dict(self.policies),
            {k: list(v) for k, v in self.pools.items()},
            list(self.days),
        )

    def restore(self, kept: tuple[Any, ...]) -> None:
        self.asked, self.derived, self.parameters, self.files, self.policies, self.pools, self.days = kept

    def texts(self) -> dict[str, str]:
        facts = "choices:\n"
        for name, values in self.choices.items():
            facts += f"  {name}:\n" + "".join(f"    {v}: {{zh: 选项, en: {v}}}\n" for v in values)
        for heading, rows in (("facts", self.asked), ("derived", self.derived)):
            facts += f"{heading}:\n"
            for level in ("household", "member"):
                own = [(name, text) for name, lv, _, text in rows if lv == level]
                facts += f"  {level}:\n" + "".join(f"    {name}: {text}\n" for name, text in own) if own else ""
        groups = sorted({path.split("/")[1] for path in self.files})
        catalogue = "title: {zh: 目录, en: catalogue}\nvocabulary: rules/facts.yaml\njurisdictions:\n"
        catalogue += "  here: {title: {zh: 此地, en: here}}\n  there: {title: {zh: 彼地, en: there}, in_force: false}\n"
        found = {"rules/facts.yaml": facts}
        if self.parameters:
            found["rules/parameters/p.yaml"] = "".join(
                f"{name}:\n{text}" for name, (_, text) in self.parameters.items()
            )
            catalogue += "parameters: [rules/parameters/*.yaml]\n"
        catalogue += "groups:\n" if groups else "groups: {}\n"
        for group in groups:
            place = "there" if group == "away" else "here"
            catalogue += (
                f"  {group}: {{title: {{zh: 组, en: group}}, jurisdiction: {place}, files: [rules/{group}/*.yaml]}}\n"
            )
        return {"policies.yaml": catalogue, **found, **self.files}

    def add_policy(self) -> None:
        name = self.fresh("k")
        level = self.pick(["household", "member"])
        group = "away" if self.maybe(8) else "a_group"
        # mostly beside one of the same level, sometimes across; the file's name gives the place in the catalogue
        others = [other for other, (lv, gr) in self.policies.items() if gr == group and (lv == level or self.maybe(25))]
        apart = tuple({self.pick(others) for _ in range(self.pick([1, 1, 2]))}) if others and self.maybe(45) else ()
        path = f"rules/{group}/{self.pick('abc')}_{name}"
        cut = DAY + timedelta(days=self.r.randrange(-3, 4))
        kind = self.r.randrange(10)
        self.days += [cut] if kind < 5 else []
        forces = ["{from: 2016-01-01}"]
        if kind == 0:
            forces = [f"{{from: 2016-01-01, to: {cut}}}"]
        elif kind == 1:
            forces = [f"{{from: {cut}, new: {self.pick(['true', 'false'])}}}"]
        elif kind == 2:
            forces = [f"{{from: 2016-01-01, to: {cut - timedelta(days=self.pick([1, 3]))}}}", f"{{from: {cut}}}"]
        for version, force in enumerate(forces):
            self.files[f"{path}_{version}.yaml"] = self.policy(name, level, group, version, force, apart)
        self.policies[name] = (level, group)

    def world(self) -> World:
        self.vocabulary()
        for _ in range(self.wanted or self.pick([1, 2, 3, 4, 4, 5, 6])):
            self.lucky(self.add_policy)
        while True:  # without the policies the reader finds fault with, and those that ask about them
            rulebook, problems = read_texts(self.texts())
            if rulebook is not None and not problems:
                break
            faulty = {problem.place.file.rsplit("_", 1)[0] for problem in problems}
            kept = {path: text for path, text in self.files.items() if path.rsplit("_", 1)[0] not in faulty}
            if len(kept) == len(self.files) or not kept:
                raise NoLuck(problems)
            self.files = kept
        near = {name: tuple(values) for name, values in self.pools.items()}
        days = sorted({d + timedelta(days=n) for d in self.days for n in (-1, 0, 1)})
        return World(self.texts(), rulebook, tuple(days), near)


def world_of(chance: random.Random, policies: int | None = None) -> World:
    """A random world; the same chance gives the same world."""
    while True:
        try:
            return Maker(chance, policies).world()
        except NoLuck:
            continue


# ----------------------------------------------------------------------------------------------------- households


def vocabulary_of(rulebook: Rulebook, last: list[Any] = []) -> Vocabulary:  # noqa: B006
    """The vocabulary of a rulebook; the last one is kept, for many households of a world are read one after another."""
    if not last or last[0] is not rulebook:
        last[:] = rulebook, Vocabulary.of(rulebook.facts, rulebook.choices, {p.id: p.level for p in rulebook.policies})
    found: Vocabulary = last[1]
    return found


def raw_household(
    chance: random.Random, world: World, on: date, unknown: int = 25, members: int | None = None
) -> dict[str, Any]:
    """A household as plain data; each fact is left out or null in `unknown` of a hundred cases, or a range."""
    drawn = _Drawn(chance, world, on, unknown)
    many = members if members is not None else chance.choice((1, 1, 2, 2, 3, 3, 4))
    raw = drawn.level("household")
    names = ["a", "b", "c", "d", "e", "f", "g", "h"][:many]
    chance.shuffle(names)
    raw["members"] = [{"id": name, **drawn.level("member")} for name in names]
    return raw


@dataclass
class _Drawn:
    chance: random.Random
    world: World
    on: date
    unknown: int

    def maybe(self, percent: int) -> bool:
        return self.chance.randrange(100) < percent

    def level(self, level: str) -> dict[str, Any]:
        book = self.world.rulebook
        raw: dict[str, Any] = {}
        for fact in book.facts.values():
            if fact.derived or fact.level != level:
                continue
            if self.maybe(self.unknown):
                if self.maybe(50):
                    raw[fact.name] = None
                continue
            raw[fact.name] = self.value(fact)
        if not self.maybe(self.unknown):
            own = [name for name in book.ids() if book.level(name) == level]
            raw["receiving"] = [name for name in own if self.maybe(25)]
        elif self.maybe(30):
            raw["receiving"] = None
        return raw

    def value(self, fact: Any) -> Any:
        base = fact.type.base.value
        if base == "yes_no":
            return self.maybe(50) if fact.name != "counts" else self.maybe(80)
        if base == "text":
            return "街道"
        if base in ("choice", "choices"):
            names = self.world.rulebook.choices[fact.type.choices].values
            return self.chance.choice(names) if base == "choice" else [n for n in names if self.maybe(40)]
        point = self.day if base == "date" else lambda: self.number(fact)
        if self.maybe(self.unknown // 2 + (8 if self.unknown else 0)):
            a, b = sorted([point(), point()])
            low, high = ("earliest", "latest") if base == "date" else ("lowest", "highest")
            if self.maybe(20):
                return {low: a} if self.maybe(50) else {high: b}
            return {low: a, high: b}
        return {"value": point(), "source": "某处", "verified": True} if self.maybe(5) else point()

    def number(self, fact: Any) -> Decimal | int:
        scale = fact.type.scale
        least, most = int(fact.type.least * scale), int(fact.type.most * scale)
        near = [int(value * scale) + step for value in self.world.pools.get(fact.name, ()) for step in (-1, 0, 0, 1)]
        near = [n for n in near if least <= n <= most]
        part = scale // 2 if scale > 1 and self.maybe(40) else scale
        whole = list(range(least, most + 1, part))[:40]
        options = near if near and self.maybe(50) else whole if self.maybe(60) else []
        n = self.chance.choice(options) if options else self.chance.randrange(least, most + 1)
        return n if scale == 1 else Decimal(n) / scale

    def day(self) -> date:
        years = self.chance.choice((0, 0, 1, 1, 2, 3, 5, 9, 18))
        day = date(self.on.year - years, self.on.month, min(self.on.day, 28)) + timedelta(
            days=self.chance.choice((-1, 0, 0, 1, -31, 40))
        )
        return date(2024, 2, 29) if self.maybe(5) else day


def household_of(
    chance: random.Random, world: World, on: date, unknown: int = 25, members: int | None = None
) -> Household:
    """A random household of a world, read as the service reads it."""
    return read_household(raw_household(chance, world, on, unknown, members), vocabulary_of(world.rulebook))


def day_of(chance: random.Random, world: World) -> date:
    return chance.choice(world.days)


def expressions(rulebook: Rulebook) -> Iterator[Expr]:
    """Every expression node of a rulebook."""
    for fact in rulebook.facts.values():
        if fact.expr is not None:
            yield from fact.expr.walk()
        if fact.condition is not None:
            yield from fact.condition.exprs()
    for policy in rulebook.policies:
        for condition in policy.conditions():
            yield from condition.exprs()
        for let in policy.lets:
            if let.expr is not None:
                yield from let.expr.walk()
        for item in policy.gives:
            for expr in (item.amount, item.for_months):
                if expr is not None:
                    yield from expr.walk()
