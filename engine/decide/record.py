"""A decision as canonical data: what is stored, hashed, replayed and compared.

`FORMAT` names the shape; it grows by one with every change of it. Numbers are decimal text (or `n/d` where a quotient
does not end), truths are `yes`, `no`, `unknown`. What is fixed by the rulebook (texts, citations, places) is not
repeated: the rulebook's digest stands for it, and the explainer joins the two when they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any

from engine import __version__
from engine.decide.amounts import Amount
from engine.decide.best import Combination
from engine.decide.conditions import leaf_expression
from engine.decide.decision import Answer, Decision
from engine.decide.kept import Kept
from engine.decide.layout import Entry, Fixed, Layout, MaskAt, NumberAt, Ref, Slots
from engine.decide.outcomes import NO, UNKNOWN, YES
from engine.decide.program import Program
from engine.language.canonical import digest, dumps
from engine.language.checks import expressions_of, parameters_read
from engine.language.household import canonical_household
from engine.language.model import ChoiceSet, DatedValue, Fact, Parameter, Policy
from engine.language.tree import Expr
from engine.language.types import Base, day_of, decimal_text

FORMAT = "jiuzhu-decision-1"


def record(decision: Decision, trace: bool = True) -> dict[str, Any]:
    """The decision as canonical data. `trace` False leaves out the table of outcomes (answers and amounts stay)."""
    found: dict[str, Any] = {
        "format": FORMAT,
        "engine": __version__,
        "rulebook": decision.program.rulebook.digest,
        "on": decision.on.isoformat(),
        "household": canonical_household(decision.household, decision.program.vocabulary),
        "answers": [_answer(decision, answer, trace) for answer in decision.answers],
        "not_in_force": list(decision.not_in_force),
        "missing": [
            {
                "fact": m.fact,
                "member": m.member or None,
                "asked": m.asked,
                "policies": [[policy, member or None] for policy, member in m.policies],
                "amounts": [[policy, member or None] for policy, member in m.amounts],
                "most": yuan(m.most),
            }
            for m in decision.missing
        ],
        "combinations": [_combination(decision, each) for each in decision.combinations],
        "totals": {per: _ends(*ends) for per, ends in decision.totals.items()},
        "figures": _figures(decision),
        "declared": declared(decision),
    }
    if trace:
        found["derived"] = _derived(decision)
    return found


def canonical(decision: Decision) -> bytes:
    """The decision in canonical JSON, the same byte for byte for the same rulebook, facts, day and engine."""
    return dumps(record(decision))


def decision_digest(decision: Decision) -> str:
    return digest(record(decision))


def yuan(fen: int) -> str:
    """Fen as yuan with two decimals: the text of an amount everywhere."""
    sign, whole = ("-" if fen < 0 else ""), abs(fen)
    return f"{sign}{whole // 100}.{whole % 100:02d}"


def _ends(least: int, most: int) -> dict[str, str]:
    return {"least": yuan(least), "most": yuan(most)}


def _answer(decision: Decision, answer: Answer, trace: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "policy": answer.policy.id,
        "version": answer.policy.from_date.isoformat(),
        "member": answer.member or None,
        "status": answer.status,
        "receives": answer.receives,
        "conditional_on": None if answer.conditional_on is None else list(answer.conditional_on),
        "missing": [[fact, member or None] for fact, member in decision.missing_for(answer)],
        "caveats": [{"code": c.code, "name": c.name} for c in decision.caveats(answer)],
        "amounts": [_amount(decision, answer, place, each) for place, each in enumerate(answer.amounts)],
    }
    if trace:
        outcomes = answer.outcomes
        table = _TABLES(outcomes.layout, decision.program, answer.policy)
        found["trace"] = table.rows(outcomes.row, outcomes.members)
        found["lets"] = table.results(outcomes.row)
    return found


def _amount(decision: Decision, answer: Answer, place: int, each: Amount) -> dict[str, Any]:
    given = "yes" if each.given else "unknown" if each.possible else "no"
    found: dict[str, Any] = {"item": each.item.id, "given": given}
    if each.item.per:
        found |= {"per": each.item.per, **_ends(each.least, each.most), "up_to": each.item.up_to}
        if each.item.paid_to != "household":
            found["paid_to"] = each.item.paid_to
        if each.item.for_months is not None:
            found["months"] = {"least": each.months[0], "most": each.months[1]}
        if each.least != each.most and decision.open_above(answer, place):
            found["open_above"] = True  # `most` is an outer limit of the language, not a finding
        if each.least != each.most and not each.item.up_to and answer.possible:
            found["waits_for"] = [[fact, member or None] for fact, member in decision.amount_waits_for(answer, place)]
    return found


def _derived(decision: Decision) -> dict[str, Any]:
    """The ends of every derived fact: the household's as one value, the members' in the order of their ids."""
    run = decision.run
    return {
        name: shown(run.whole) if level == "household" else [shown(row) for row in run.members]
        for name, level, shown in _DERIVED(decision.program.slots, decision.program)
    }


def _combination(decision: Decision, each: Combination) -> dict[str, Any]:
    open_ = [(each.group.policies[0], each.member, o.policies) in decision.open_options for o in each.options]
    return {
        "policies": list(each.group.policies),
        "member": each.member or None,
        "options": [
            {
                "policies": list(o.policies),
                **_ends(o.least, o.most),
                **({"open_above": True} if open_above else {}),
                "gives_up": list(o.gives_up),
                "may_give_up": list(o.may_give_up),
            }
            for o, open_above in zip(each.options, open_, strict=True)
        ],
        "best": each.best,
        "runner_up": each.runner_up,
        "tie": list(each.tie),
    }


def day_text(number: Fraction) -> str:
    """The date behind yyyymmdd as text."""
    return day_of(int(number)).isoformat()


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
        text = day_text if parameter.type.base is Base.DATE else decimal_text
        found["value"] = None if value.value is None else text(value.value)
    return found


def declared(decision: Decision) -> dict[str, int]:
    """How much the decision rests on what is only declared: facts given, those from a named source, those verified."""
    given = sourced = verified = 0
    everyone = [decision.household.facts, *(member.facts for member in decision.household.members)]
    for known in (known for facts in everyone for known in facts.values()):
        given += 1
        sourced += bool(known.source)
        verified += known.verified is True
    return {"given": given, "sourced": sourced, "verified": verified}


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
            return _number(_dated if is_date else _decimal, (lo, place.lo_k, lo_d), (hi, place.hi_k, hi_d))
        if isinstance(place, MaskAt):
            assert expr is not None
            return _choice(program.rulebook.choices[expr.type.choices], self._at(place.may), self._at(place.must))
        return lambda row: None


@lru_cache(maxsize=1 << 15)
def _decimal(n: int, d: int) -> str:
    return decimal_text(Fraction(n, d))


@lru_cache(maxsize=1 << 15)
def _dated(n: int, d: int) -> str:
    return day_of(int(Fraction(n, d))).isoformat()


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
    text = _dated if fact.type.base is Base.DATE else _decimal
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
