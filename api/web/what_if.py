"""What if one fact were otherwise: what moves; and what all benefits come to as an income goes up, with its cliffs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flask import Blueprint, Response
from markupsafe import Markup

from api import schemas
from api.active import Rules
from api.deciding import ask
from api.problems import Problem
from api.web.curve_chart import curve_chart
from api.web.desk import Case, look
from api.web.draft import Draft, Given, Place, draft_of, field_name, read_place
from api.web.questions import hidden, question_of
from api.web.shown import Row, Shown
from api.web.visit import Visit, page
from engine.decide.curve import Curve, curve_of
from engine.language.checks import fact_expressions
from engine.language.model import Fact
from engine.language.types import Base, Unit
from engine.language.words import money_text

__all__ = ["blueprint"]

blueprint = Blueprint("what_if", __name__)

MONTHLY = Unit.parse("CNY/month")
LEAST_TOP, MOST_TOP = 600_000, 10_000_000  # fen: how far a chart reaches if nobody says, and at most


@dataclass(frozen=True, slots=True)
class Moved:
    """One policy (for some people) that comes to something else; None: not in that answer at all."""

    title: str
    members: tuple[str, ...]
    before: Row | None
    after: Row | None


@page(blueprint, "POST", "/desk/what-if", scope="evaluations", zh="假如", en="What if")
def what_if(visit: Visit) -> Response:
    rules = visit.service.active.current()
    vocabulary = rules.program.vocabulary
    draft = draft_of(visit.form, vocabulary)
    case = look(visit, rules, replace(draft, open=()))
    choices = _choices(draft, case, rules)
    what = visit.form.get("what", "")
    place = next((each for each in choices if field_name(each) == what), next(iter(choices), None))
    other: Shown | None = None
    question, faults = None, tuple[str, ...]()
    if place is not None:
        given = _new(visit, place, _fact(rules, place)) if what == visit.form.get("was") else Given()
        question = replace(
            question_of(replace(draft, given={place: given}), vocabulary, place, {}), prefix="new/", faults=()
        )
        if not given.empty:
            other, faults = _otherwise(visit, rules, draft, case, place, given)
            question = replace(question, faults=faults)
    curve = _curve(visit, rules, draft, case)
    return visit.page(
        "desk/what_if.html", case=case, draft=draft, hidden=hidden(draft, vocabulary, ()), place=place,
        question=question, choices=_grouped(visit, choices, case, rules), moved=_moved(case, other) if other else None,
        before=case.shown, after=other, faults=faults, curve=curve, incomes=_incomes(visit, draft, case, rules),
        chart=_chart(visit, curve), upto=visit.form.get("upto", ""), money_of=lambda fen: money_text(fen, visit.lang),
        was=case.shown.explainer.fact_value(_fact(rules, place), place[0])
        if case.shown and place and place[1] != "receiving" and _fact(rules, place).type.base is not Base.TEXT
        else "",
        policy_of=case.shown.explainer.wording.policy if case.shown else str,
    )  # fmt: skip


def _fact(rules: Rules, place: Place) -> Fact:
    return rules.program.vocabulary.facts["member" if place[0] else "household"][place[1]]


def _choices(draft: Draft, case: Case, rules: Rules) -> list[Place]:
    """The facts that can be changed: those said, and those some policy waits for; what is asked for money first."""
    facts = rules.program.vocabulary.facts
    waited = {(m.member, m.fact) for m in case.asked.decision.missing} if case.asked else set()
    found = []
    for member in ("", *draft.members):
        for name, fact in facts["member" if member else "household"].items():
            said = (member, name) in draft.given and not draft.given[member, name].empty
            if fact.type.base is not Base.TEXT and (said or (member, name) in waited):
                found.append((member, name))
    incomes = _income_facts(rules)
    return sorted(found, key=lambda place: place[1] not in incomes)


def _income_facts(rules: Rules) -> frozenset[str]:
    """The monthly money that some derived monthly money of the household is made of: incomes, and no bills or rents."""
    facts = rules.program.rulebook.facts
    found: set[str] = set()
    ahead = [fact for fact in facts.values() if fact.level == "household" and fact.derived and _monthly(fact)]
    seen: set[str] = set()
    while ahead:
        fact = ahead.pop()
        if fact.name in seen:
            continue
        seen.add(fact.name)
        if not fact.derived and _monthly(fact):
            found.add(fact.name)
        read = {node.name for expr in fact_expressions(fact) for node in expr.walk() if node.op == "fact"}
        ahead += [facts[name] for name in read]
    return frozenset(found)


def _monthly(fact: Fact) -> bool:
    return fact.type.base is Base.MONEY and fact.type.unit == MONTHLY


def _grouped(visit: Visit, choices: list[Place], case: Case, rules: Rules) -> list[tuple[str, list[tuple[str, str]]]]:
    """(person, [(field, label)]) for a list to choose from."""
    found: dict[str, list[tuple[str, str]]] = {}
    for place in choices:
        label = _fact(rules, place).label[visit.lang]
        found.setdefault(place[0], []).append((field_name(place), label))
    return [(case.names.get(member, "") or visit.say("家庭", "Household"), found[member]) for member in sorted(found)]


def _new(visit: Visit, place: Place, fact: Fact) -> Given:
    name = f"new/{field_name(place)}"
    many = fact.type.base is Base.CHOICES
    return Given(
        "" if many else visit.form.get(name, "").strip(),
        tuple(visit.form.getlist(name)) if many else (),
        visit.form.get(f"{name}/how", ""),
        visit.form.get(f"{name}/high", "").strip(),
    )


def _otherwise(
    visit: Visit, rules: Rules, draft: Draft, case: Case, place: Place, given: Given
) -> tuple[Shown | None, tuple[str, ...]]:
    """The answer with one fact otherwise, or what is wrong with what was given."""
    body = replace(draft, given={**draft.given, place: given}).body(rules.program.vocabulary)
    try:
        asked = ask(rules, schemas.DECISION, body, visit.service.today())
    except Problem as problem:
        if problem.code != "invalid":
            raise
        return None, tuple(each["message"] for each in problem.document(visit.lang, "").get("errors", []))
    return Shown(asked.decision, visit.lang, (), lambda member: case.names.get(member, member)), ()


def _moved(case: Case, after: Shown) -> list[Moved]:
    """What comes to something else: another status, another amount, other policies to be granted first."""
    assert case.shown is not None
    one, two = _by_subject(case.shown), _by_subject(after)
    alike: dict[tuple[str, Row | None, Row | None], list[str]] = {}
    for key in dict.fromkeys((*one, *two)):
        before, now = one.get(key), two.get(key)
        title = (now or before or one[key]).title
        if _said(before) != _said(now):
            alike.setdefault((title, before, now), []).append(key[1])
    return [
        Moved(title, tuple(after.name(member) for member in members if member), before, now)
        for (title, before, now), members in alike.items()
    ]


def _by_subject(shown: Shown) -> Mapping[tuple[str, str], Row]:
    rows = {}
    for each in (row for rows in shown.rows.values() for row in rows):
        for member in each.subjects:
            rows[each.policy, member] = each
    return rows


def _said(row: Row | None) -> object:
    return row and (row.status, row.amounts, row.condition)


# -- the chart --


def _incomes(visit: Visit, draft: Draft, case: Case, rules: Rules) -> list[tuple[str, str]]:
    """(field, words) of every monthly income of the household."""
    found, incomes = [], _income_facts(rules)
    for member in ("", *draft.members):
        for name, fact in rules.program.vocabulary.facts["member" if member else "household"].items():
            if name in incomes:
                who = case.names.get(member, "")
                label = fact.label[visit.lang]
                words = visit.say(f"{who}的{label}", f"{label} of {who}") if member else label
                found.append((field_name((member, name)), words))
    return found


def _curve(visit: Visit, rules: Rules, draft: Draft, case: Case) -> Curve | None:
    incomes = _incomes(visit, draft, case, rules)
    if case.asked is None or not incomes or "chart" not in visit.form:
        return None
    wanted = visit.form.get("income", "")
    name = wanted if wanted in dict(incomes) else incomes[0][0]
    read = read_place(name, draft.members)
    assert read is not None
    (member, fact), decision = read[0], case.asked.decision
    facts = next(m.facts for m in decision.household.members if m.id == member) if member else decision.household.facts
    own = facts[fact].hi if fact in facts and facts[fact].lo == facts[fact].hi else 0
    upto = visit.form.get("upto", "").replace(",", "").strip()
    top = int(upto) * 100 if upto.isascii() and upto.isdigit() and len(upto) < 9 else max(LEAST_TOP, own * 2)
    limit = int(rules.program.vocabulary.facts["member" if member else "household"][fact].type.most * 100)
    return curve_of(decision, member, fact, min(max(top, 10_000), MOST_TOP, limit))


def _chart(visit: Visit, curve: Curve | None) -> Markup | None:
    if curve is None:
        return None
    return curve_chart(curve, visit.lang)
