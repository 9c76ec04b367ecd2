"""What a decision rests on, in full: the outcome of every condition for every member, intermediate results, derived
facts, and the figures of the day.

It is long (several times the record) and follows from the record: the rules are on record by their digest, the facts
and the day stand in it. So it is worked out when somebody reads it; the record holds every truth, and a digest of all
values, by which the same engine version shows that it is the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from engine.decide.conditions import leaf_expression
from engine.decide.decision import Answer, Decision
from engine.decide.kept import Kept
from engine.decide.layout import Entry, Fixed, Layout, MaskAt, NumberAt, Ref, Slots
from engine.decide.outcomes import NO, UNKNOWN, YES
from engine.decide.program import Program
from engine.language.checks import expressions_of, parameters_read
from engine.language.model import ChoiceSet, DatedValue, Fact, Parameter, Policy
from engine.language.tree import Expr
from engine.language.types import Base, day_text, decimal_text, part_text

WORDS = {"y": YES, "n": NO, "u": UNKNOWN}
"""The letters of `truths`."""


def evidence(decision: Decision) -> dict[str, Any]:
    """The table of outcomes and the intermediate results of every answer, the derived facts, the figures of the day.

    `answers` stand in the order of the record's.
    """
    return {
        "answers": [trace_of(decision, answer) for answer in decision.answers],
        "derived": _derived(decision),
        "figures": _figures(decision),
    }


def trace_of(decision: Decision, answer: Answer) -> dict[str, Any]:
    """One answer's table of outcomes, rows of [condition, member, outcome] and, where there are values, the observed
    and the required one; and its intermediate results."""
    table = _TABLES(answer.layout, decision.program, answer.policy)
    row = answer.raw[3]
    return {"trace": table.rows(row, answer.members), "lets": table.results(row)}


def digest_of(decision: Decision) -> str:
    """The SHA-256 over every value that was worked out: that of the facts and derived facts as ends, then those of each
    policy's rows, by its name."""
    run = decision.run
    facts = hashlib.sha256(repr([run.whole, run.members]).encode("ascii")).digest()
    rows = (raw.digest for name in sorted(run.first) for raw in run.first[name])
    return hashlib.sha256(b"".join((facts, *rows))).hexdigest()


def truths_of(answer: Answer) -> str:
    """Every outcome of an answer as a letter, y, n or u, in the order of its conditions.

    For each condition with outcomes of its members (`any_member` and its kin) there follow, in brackets, the letters of
    every member between strokes, as in `yyn(ny/nn)`.
    """
    return answer.raw.truths


def outcomes_in(truths: str, layout: Layout, members: Sequence[str]) -> list[tuple[str, str | None, str]]:
    """The truths on record as (condition, member, outcome). Raises ValueError where they are not of this layout."""
    found: list[tuple[str, str | None, str]] = []
    rest = _read(truths, layout, members, None, found)
    if rest:
        raise ValueError(f"more truths than conditions: {rest!r}")
    return found


def _read(
    text: str, layout: Layout, members: Sequence[str], member: str | None, found: list[tuple[str, str | None, str]]
) -> str:
    """Read one table's letters; gives back what follows."""
    size = len(layout.conditions)
    own, text = text[:size], text[size:]
    if len(own) < size or not set(own) <= set(WORDS):
        raise ValueError(f"not the outcomes of {size} conditions: {own!r}")
    found += [(id, member, WORDS[letter]) for id, letter in zip(layout.conditions, own, strict=True)]
    for rows in [entry.rows for entry in layout.conditions.values() if entry.rows is not None]:
        text = _after("(", text)
        for place, name in enumerate(members):
            text = _read(_after("/", text) if place else text, rows, members, name, found)
        text = _after(")", text)
    return text


def _after(sign: str, text: str) -> str:
    if not text.startswith(sign):
        raise ValueError(f"expected {sign!r} before {text[:20]!r}")
    return text[1:]


def _derived(decision: Decision) -> dict[str, Any]:
    """The ends of every derived fact: the household's as one value, the members' in the order of their ids."""
    run = decision.run
    return {
        name: shown(run.whole) if level == "household" else [shown(row) for row in run.members]
        for name, level, shown in _DERIVED(decision.program.slots, decision.program)
    }


def _figures(decision: Decision) -> dict[str, Any]:
    """Every parameter a policy in force reads, with the value of the day, its first day, source and sureness."""
    rulebook, dated = decision.program.rulebook, decision.edition.figures
    read = _READ(rulebook.facts)  # a policy reads figures through these facts too
    names: set[str] = set()
    for each in decision.edition.order:
        names |= read(each.policy, rulebook)
    found: dict[str, Any] = {}
    for name in sorted(names):
        value = dated[name]
        found[name] = None if value is None else _FIGURES(value, rulebook.parameters[name])
    return found


def _day(number: Fraction) -> str:
    return day_text(int(number))


def figure(parameter: Parameter, value: DatedValue | None) -> dict[str, Any] | None:
    """A dated figure as canonical data; None before its first value."""
    if value is None:
        return None
    found: dict[str, Any] = {"from": value.from_date.isoformat(), "source": value.source, "verified": value.verified}
    if parameter.keys:
        found["rows"] = [
            [
                *(decimal_text(key) if isinstance(key, Fraction) else key for key in row.keys),
                None if row.value is None else decimal_text(row.value),
            ]
            for row in value.rows
        ]
    else:
        text = _day if parameter.type.base is Base.DATE else decimal_text
        found["value"] = None if value.value is None else text(value.value)
    return found



# -- how values are written: worked out once for each layout, rulebook and day, then read for every household --

_Row = Sequence[Any]
_Shown = Callable[[_Row], Any]  # a value of a row as canonical data


class _Table:
    """Writes the table of outcomes of one policy's function.

    A row is [condition, member, outcome] and, where there are values, the observed and the required one: text where it
    is settled, `[least, most]` or a list of choices where it is not.
    """

    def __init__(self, layout: Layout, program: Program, policy: Policy):
        self.fixed: list[int | bool] = []  # what was known when the rule was compiled; it stands at the end of the row
        self.entries = [self._entry(id, entry, program, policy) for id, entry in layout.conditions.items()]
        lets = [(let.name, layout.lets.get(let.name), let.expr) for let in policy.lets if let.expr is not None]
        self.lets = [(name, self._value(place, expr, program)) for name, place, expr in lets]

    def rows(self, row: _Row, members: tuple[str, ...], member: str | None = None) -> list[list[Any]]:
        """The whole table, conditions in the order they were written, members inside them."""
        found: list[list[Any]] = []
        row = (*row, *self.fixed)
        for id, certain, possible, left, right, inner, below in self.entries:
            word = YES if row[certain] else UNKNOWN if row[possible] else NO
            found.append([id, member, word, left(row), right(row)] if left and right else [id, member, word])
            if below is not None:
                for name, each in zip(members, row[inner], strict=True):
                    found += below.rows(each, members, name)
        return found

    def results(self, row: _Row) -> dict[str, Any]:
        """The intermediate results."""
        row = (*row, *self.fixed)
        return {name: shown(row) for name, shown in self.lets}

    def _entry(
        self, id: str, entry: Entry, program: Program, policy: Policy
    ) -> tuple[str, int, int, _Shown | None, _Shown | None, int, _Table | None]:
        left = right = None
        if entry.left is not None or entry.right is not None:
            expr = leaf_expression(program, policy, id)
            sides = expr.args if expr is not None and len(expr.args) == 2 else (None, None)
            left, right = self._value(entry.left, sides[0], program), self._value(entry.right, sides[1], program)
        below = None if entry.inner is None or entry.rows is None else _Table(entry.rows, program, policy)
        return id, self._at(entry.certain), self._at(entry.possible), left, right, entry.inner or 0, below

    def _at(self, ref: Ref) -> int:
        if not isinstance(ref, Fixed):
            return ref
        self.fixed.insert(0, ref.value)
        return -len(self.fixed)

    def _value(self, place: NumberAt | MaskAt | None, expr: Expr | None, program: Program) -> _Shown:
        if isinstance(place, NumberAt):
            is_date = expr is not None and expr.type.base is Base.DATE
            lo, lo_d, hi, hi_d = (self._at(ref) for ref in (place.lo, place.lo_d, place.hi, place.hi_d))
            if place.lo == place.hi and place.lo_d == place.hi_d and place.lo_k == place.hi_k:
                hi, hi_d = lo, lo_d
            return _number(_dated if is_date else part_text, (lo, place.lo_k, lo_d), (hi, place.hi_k, hi_d))
        if isinstance(place, MaskAt):
            assert expr is not None
            return _choice(program.rulebook.choices[expr.type.choices], self._at(place.may), self._at(place.must))
        return lambda row: None


def _dated(n: int, d: int) -> str:
    return day_text(n // d)


def _number(text: Callable[[int, int], str], low: tuple[int, int, int], high: tuple[int, int, int]) -> _Shown:
    """A number whose ends stand at these places: numerator, constant and running denominator."""
    (lo, lo_k, lo_d), (hi, hi_k, hi_d) = low, high
    if low == high:
        return lambda row: text(row[lo], lo_k * row[lo_d])

    def both(row: _Row) -> Any:
        least, most = text(row[lo], lo_k * row[lo_d]), text(row[hi], hi_k * row[hi_d])
        return least if least == most else [least, most]

    return both


def _choice(choices: ChoiceSet, may: int, must: int) -> _Shown:
    """One choice by its name, several as a list; also where a list of choices holds but one for sure."""
    names = cache(choices.names)

    def shown(row: _Row) -> Any:
        found = names(row[may])
        return found[0] if len(found) == 1 and row[may] == row[must] else list(found)

    return shown


def _fact(program: Program, fact: Fact) -> _Shown:
    """A fact's ends as canonical data, read from the list of its household or member."""
    slot = program.slots.facts[fact.name]
    lo, hi = slot.at, slot.at + 1
    if fact.type.base is Base.YES_NO:
        return lambda row: YES if row[lo] else UNKNOWN if row[hi] else NO
    if fact.type.base is Base.CHOICE:
        return _choice(program.rulebook.choices[fact.type.choices], lo, lo)
    if fact.type.base is Base.CHOICES:
        names = cache(program.rulebook.choices[fact.type.choices].names)
        return lambda row: list(names(row[hi]))
    text = _dated if fact.type.base is Base.DATE else part_text
    if slot.d is not None:
        return _number(text, (lo, slot.scale, slot.d), (hi, slot.scale, slot.d + 1))

    def ends(row: _Row) -> Any:
        least = text(row[lo], slot.scale)
        return least if row[lo] == row[hi] else [least, text(row[hi], slot.scale)]

    return ends


def _derived_of(slots: Slots, program: Program) -> list[tuple[str, str, _Shown]]:
    facts = program.rulebook.facts.values()
    return [(fact.name, fact.level, _fact(program, fact)) for fact in facts if fact.derived]


def _read_through(facts: dict[str, Fact]) -> Kept[frozenset[str]]:
    return Kept(lambda policy, rulebook: frozenset(parameters_read(rulebook, expressions_of(policy))), 2_000)


_TABLES = Kept(_Table, 2_000)
_READ = Kept(_read_through, 20)
_FIGURES = Kept(lambda value, parameter: figure(parameter, value), 2_000)
_DERIVED = Kept(_derived_of, 20)
