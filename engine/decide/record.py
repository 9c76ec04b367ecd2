"""A decision as canonical data: what is stored, hashed, replayed and compared.

`FORMAT` names the shape; it grows by one with every change of it. Numbers are decimal text (or `n/d` where a quotient
does not end), truths are `yes`, `no`, `unknown`. What is fixed by the rulebook (texts, citations, places) is not
repeated: the rulebook's digest stands for it, and the explainer joins the two when they are read.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from engine import __version__
from engine.decide.amounts import Amount
from engine.decide.best import Combination
from engine.decide.conditions import leaf_expression
from engine.decide.decision import Answer, Decision
from engine.decide.outcomes import Masked, Outcome, Span
from engine.language.canonical import digest, dumps
from engine.language.checks import expressions_of, parameters_read
from engine.language.household import canonical_household
from engine.language.model import DatedValue, Parameter
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
        found["trace"] = [trace_row(decision, outcome, answer) for outcome in answer.outcomes.all()]
        found["lets"] = {
            let.name: shown_value(decision, let.expr, answer.outcomes.let(let.name))
            for let in answer.policy.lets
            if let.expr is not None
        }
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


def trace_row(decision: Decision, outcome: Outcome, answer: Answer | None = None) -> list[Any]:
    """[condition, member, outcome] and, where there are values, the observed and the required one."""
    row: list[Any] = [outcome.id, outcome.member or None, outcome.word]
    if outcome.left is not None or outcome.right is not None:
        left, right = _sides(decision, outcome, answer)
        row += [left, right]
    return row


def _sides(decision: Decision, outcome: Outcome, answer: Answer | None) -> tuple[Any, Any]:
    expr = leaf_expression(decision.program, answer.policy if answer else None, outcome.id)
    left, right = expr.args if expr is not None and len(expr.args) == 2 else (None, None)
    return shown_value(decision, left, outcome.left), shown_value(decision, right, outcome.right)


def shown_value(decision: Decision, expr: Expr | None, value: Span | Masked | None) -> Any:
    """A value as canonical data: text where it is settled, `[least, most]` or a list of choices where it is not."""
    if value is None:
        return None
    if isinstance(value, Masked):
        assert expr is not None
        choices = decision.program.rulebook.choices[expr.type.choices]
        names = list(choices.names(value.may))
        return names[0] if len(names) == 1 and value.may == value.must else names
    is_date = expr is not None and expr.type.base is Base.DATE
    least, most = _text(value.least, is_date), _text(value.most, is_date)
    return least if value.least == value.most else [least, most]


def _text(value: Fraction, is_date: bool) -> str:
    return day_of(int(value)).isoformat() if is_date else decimal_text(value)


def _derived(decision: Decision) -> dict[str, Any]:
    """The ends of every derived fact: the household's as one value, the members' in the order of their ids."""
    program, run = decision.program, decision.run
    found: dict[str, Any] = {}
    for fact in program.rulebook.facts.values():
        if not fact.derived:
            continue
        rows = [run.whole] if fact.level == "household" else run.members
        values = [fact_value(decision, fact.name, row) for row in rows]
        found[fact.name] = values[0] if fact.level == "household" else values
    return found


def fact_value(decision: Decision, name: str, row: list[Any]) -> Any:
    """A fact's ends as canonical data, read from the list of its household or member."""
    program = decision.program
    fact, slot = program.rulebook.facts[name], program.slots.facts[name]
    lo, hi = row[slot.at], row[slot.at + 1]
    if fact.type.base is Base.YES_NO:
        return "yes" if lo else "unknown" if hi else "no"
    if fact.type.base in (Base.CHOICE, Base.CHOICES):
        several = fact.type.base is Base.CHOICES
        names = list(program.rulebook.choices[fact.type.choices].names(hi if several else lo))
        return names[0] if len(names) == 1 and not several else names
    d = (1, 1) if slot.d is None else (row[slot.d], row[slot.d + 1])
    least, most = Fraction(lo, slot.scale * d[0]), Fraction(hi, slot.scale * d[1])
    is_date = fact.type.base is Base.DATE
    return _text(least, is_date) if least == most else [_text(least, is_date), _text(most, is_date)]


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


def _figures(decision: Decision) -> dict[str, Any]:
    """Every parameter a policy in force reads, with the value of the day, its first day, source and sureness."""
    rulebook = decision.program.rulebook
    names: dict[str, None] = {}
    for each in decision.edition.order:
        for name in parameters_read(rulebook, expressions_of(each.policy)):
            names.setdefault(name)
    return {name: figure(rulebook.parameters[name], decision.edition.figures[name]) for name in sorted(names)}


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
        found["value"] = None if value.value is None else decimal_text(value.value)
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
