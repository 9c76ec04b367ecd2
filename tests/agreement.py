"""The engine's decision in the shape of the naive one, and where the two differ."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Any

from engine.decide import Decision, Program, decide
from engine.decide.outcomes import Masked, Outcomes, Span
from engine.language.household import Household, HouseholdError
from engine.language.model import ChoiceSet, Rulebook
from engine.language.types import Base, Type
from tests import naive

Subject = str | None
FIELDS = (
    "facts",
    "status",
    "truths",
    "lets",
    "amounts",
    "conditional_on",
    "missing",
    "missing_order",
    "not_in_force",
    "worth",
    "best",
)


def three(certain: bool, possible: bool) -> bool | None:
    assert not (certain and not possible), "certain but not possible"
    return True if certain else None if possible else False


def masked(found: Masked, choices: ChoiceSet, several: bool) -> Any:
    if several:
        return naive.Several(frozenset(choices.names(found.must)), frozenset(choices.names(found.may)))
    return frozenset(choices.names(found.may))


def value(found: Span | Masked | None, kind: Type, rulebook: Rulebook) -> Any:
    if isinstance(found, Span):
        return found.least, found.most
    assert isinstance(found, Masked)
    return masked(found, rulebook.choices[kind.choices], kind.base is Base.CHOICES)


def engine_answer(decision: Decision) -> naive.Answer:
    """Everything the engine says, as the naive evaluator says it."""
    rulebook, run, members = decision.program.rulebook, decision.run, decision.household.members
    found = naive.Answer({}, {}, {}, {}, {})
    for fact in rulebook.facts.values():
        if fact.derived:
            rows = (
                {None: run.whole}
                if fact.level == "household"
                else {m.id: r for m, r in zip(members, run.members, strict=True)}
            )
            for at, (subject, row) in enumerate(rows.items()):
                found.facts[fact.name, subject] = slot_value(decision, fact.name, row)
                trace = run.derived[fact.name] if subject is None else run.derived[fact.name][at]
                outcomes = Outcomes(decision.run.derived_layouts[fact.name], trace, tuple(m.id for m in members))
                found.truths.update(truths(fact.name, subject, outcomes))
    for answer in decision.answers:
        name, subject = answer.policy.id, answer.member or None
        found.status[name, subject] = answer.status
        found.truths.update(truths(name, subject, answer.outcomes))
        for let in answer.policy.lets:
            if let.condition is not None:
                outcome = answer.outcomes.get(let.condition.id)
                found.lets[name, subject, let.name] = three(outcome.certain, outcome.possible)
            else:
                found.lets[name, subject, let.name] = value(answer.outcomes.let(let.name), let.type, rulebook)
        for each in answer.amounts:
            if each.item.amount is not None:
                found.amounts[name, subject, each.item.id] = Fraction(each.least), Fraction(each.most)
        if answer.conditional_on is not None:
            found.conditional_on[name, subject] = answer.conditional_on
        if answer.status == "undetermined":
            found.missing[name, subject] = {(fact, member or None) for fact, member in decision.missing_for(answer)}
    found.missing_order = [(m.fact, m.member or None) for m in decision.missing if m.policies]
    found.not_in_force = decision.not_in_force
    for each in decision.combinations:
        key = (each.group.policies, each.member or None)
        found.worth[key] = {o.policies: (Fraction(o.least), Fraction(o.most)) for o in each.options}
        found.best[key] = None if each.best is None else each.options[each.best].policies
    return found


def truths(
    owner: str, subject: Subject, outcomes: Outcomes
) -> Iterator[tuple[tuple[str, Subject, str, Subject], bool | None]]:
    for outcome in outcomes.all():
        yield (owner, subject, outcome.id, outcome.member or None), three(outcome.certain, outcome.possible)


def slot_value(decision: Decision, name: str, row: list[Any]) -> Any:
    """What stands in a fact's slots."""
    rulebook = decision.program.rulebook
    kind, slot = rulebook.facts[name].type, decision.program.slots.facts[name]
    lo, hi = row[slot.at], row[slot.at + 1]
    if kind.base is Base.YES_NO:
        return three(lo, hi)
    if kind.base in (Base.CHOICE, Base.CHOICES):
        return masked(Masked(hi, lo), rulebook.choices[kind.choices], kind.base is Base.CHOICES)
    low, high = (1, 1) if slot.d is None else (row[slot.d], row[slot.d + 1])
    return Fraction(lo, slot.scale * low), Fraction(hi, slot.scale * high)


def right_answer(
    rulebook: Rulebook, household: Household, on: date, jurisdictions: frozenset[str] | None = None
) -> naive.Answer | naive.Refused:
    """What the naive evaluator says, a refusal included."""
    try:
        return naive.answer(rulebook, household, on, jurisdictions)
    except naive.Refused as refused:
        return refused


def differences(
    program: Program, household: Household, on: date, jurisdictions: frozenset[str] | None = None
) -> list[str]:
    """Where the engine and the naive evaluator disagree, in words; empty where they agree on everything."""
    wanted = right_answer(program.rulebook, household, on, jurisdictions)
    return differences_from(wanted, program, household, on, jurisdictions)


def differences_from(
    wanted: naive.Answer | naive.Refused,
    program: Program,
    household: Household,
    on: date,
    jurisdictions: frozenset[str] | None = None,
) -> list[str]:
    """Where the engine departs from what is right."""
    try:
        decision = decide(program, household, on, jurisdictions)
    except HouseholdError as error:
        if isinstance(wanted, naive.Answer):
            return [f"refused: {error}"]
        codes = {(code, label(program, fact)) for code, fact, _ in wanted.problems}
        said = [(p.code, dict(p.words).get("fact", label(program, "size"))) for p in error.problems]
        return [f"refused for {each}, not for {sorted(codes)}" for each in said if each not in codes]
    if isinstance(wanted, naive.Refused):
        return [f"not refused: {wanted}"]
    found = engine_answer(decision)
    said: list[str] = []
    for name in FIELDS:
        ours, theirs = getattr(found, name), getattr(wanted, name)
        if isinstance(theirs, dict):
            for key in {**theirs, **ours}:
                if key not in ours or key not in theirs or ours[key] != theirs[key]:
                    here, there = shown(ours.get(key, "nothing")), shown(theirs.get(key, "nothing"))
                    said.append(f"{name} {key}: engine {here}, naive {there}")
            if name == "worth" and not said:  # the order of the choices decides between equals
                said += [f"{name} {key}: order" for key in theirs if list(ours[key]) != list(theirs[key])]
        elif ours != theirs:
            said.append(f"{name}: engine {shown(ours)}, naive {shown(theirs)}")
    return said


def label(program: Program, fact: str) -> str:
    found = program.rulebook.facts.get(fact)
    return found.label.zh if found else ""


def shown(found: Any) -> str:
    if isinstance(found, Fraction):
        return str(found)
    if isinstance(found, tuple):
        return "(" + ", ".join(map(shown, found)) + ")"
    if isinstance(found, dict):
        return "{" + ", ".join(f"{shown(k)}: {shown(v)}" for k, v in found.items()) + "}"
    return repr(found)
