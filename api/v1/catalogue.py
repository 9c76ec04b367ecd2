"""What the law says, as it is loaded: policies, facts, parameters. All in both languages, all with ETags."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from api import answers, schemas
from api.active import Rules
from api.endpoint import Call, answer, endpoint
from api.etags import mark, tagged
from api.problems import Fault, Problem
from engine.decide.evidence import figure
from engine.language.model import Fact, Parameter, Policy, Rulebook
from engine.language.tree import Citation, Words
from engine.language.types import Base, decimal_text
from engine.language.words import Wording

blueprint = Blueprint("catalogue", __name__)


@endpoint(
    blueprint, "GET", "/v1/policies", scope="catalogue",
    zh="某一天的政策目录", en="The catalogue on a day",
    query=schemas.ON_QUERY, gives=answers.POLICIES, problems=("bad-query",), cached=True,
)  # fmt: skip
def list_policies(call: Call) -> Response:
    rules, on, places = _asked(call)
    tag, unchanged = tagged(request, ("policies", rules.digest, on.isoformat(), *sorted(places or ())))
    if unchanged is not None:
        return mark(unchanged, tag)
    rulebook = rules.program.rulebook
    in_force = rulebook.in_force(on, places)
    items = [_listed(rulebook, name, in_force.get(name), on) for name in rulebook.ids()]
    return mark(answer({"rulebook": rules.digest, "on": on.isoformat(), "items": items}), tag)


@endpoint(
    blueprint, "GET", "/v1/policies/<name:id>", scope="catalogue",
    zh="一项政策的全文", en="One policy, whole",
    query=schemas.ON_QUERY, gives=answers.POLICY, problems=("bad-query", "not-found"), cached=True,
)  # fmt: skip
def read_policy(call: Call, id: str) -> Response:
    rules, on, places = _asked(call)
    rulebook = rules.program.rulebook
    versions = rulebook.versions(id)
    if not versions:
        raise Problem("not-found")
    tag, unchanged = tagged(request, ("policy", id, rules.digest, on.isoformat(), *sorted(places or ())))
    if unchanged is not None:
        return mark(unchanged, tag)
    found = rulebook.in_force(on, places).get(id)
    document = {
        "id": id,
        "rulebook": rules.digest,
        "on": on.isoformat(),
        "in_force": None if found is None else _whole(rulebook, found, on),
        "versions": [
            {"from": p.from_date.isoformat(), "to": p.to_date and p.to_date.isoformat(), "file": p.at.file}
            for p in versions
        ],
    }
    return mark(answer(document), tag)


@endpoint(
    blueprint, "GET", "/v1/facts", scope="catalogue",
    zh="可以填报的事实", en="The facts a household may say",
    gives=answers.FACTS, cached=True,
)  # fmt: skip
def list_facts(call: Call) -> Response:
    rules = call.service.active.current()
    tag, unchanged = tagged(request, ("facts", rules.digest))
    if unchanged is not None:
        return mark(unchanged, tag)
    rulebook = rules.program.rulebook
    choices = {
        name: {value: _words(each.words[value]) for value in each.values} for name, each in rulebook.choices.items()
    }
    items = [_fact(fact) for fact in rulebook.facts.values()]
    return mark(answer({"rulebook": rules.digest, "items": items, "choices": choices}), tag)


@endpoint(
    blueprint, "GET", "/v1/parameters", scope="catalogue",
    zh="某一天的标准与参数", en="The figures of law on a day",
    query=schemas.ON_QUERY, gives=answers.PARAMETERS, problems=("bad-query",), cached=True,
)  # fmt: skip
def list_parameters(call: Call) -> Response:
    rules, on, _ = _asked(call)
    tag, unchanged = tagged(request, ("parameters", rules.digest, on.isoformat()))
    if unchanged is not None:
        return mark(unchanged, tag)
    items = [_parameter(each, on) for each in rules.program.rulebook.parameters.values()]
    return mark(answer({"rulebook": rules.digest, "on": on.isoformat(), "items": items}), tag)


def _asked(call: Call) -> tuple[Rules, Any, frozenset[str] | None]:
    rules = call.service.active.current()
    place = call.query.get("jurisdiction")
    known = rules.program.rulebook.jurisdictions
    if place is not None and place not in known:
        raise Problem("bad-query", [Fault.of("no-such-place", "jurisdiction", "parameter", choices=", ".join(known))])
    return rules, call.query.get("on") or call.service.today(), None if place is None else frozenset({place})


def _words(words: Words) -> dict[str, str]:
    return {"zh": words.zh, "en": words.en}


def _cited(cites: tuple[Citation, ...]) -> list[dict[str, Any]]:
    names = ("law", "article", "document", "url", "note")
    return [
        {**{name: value for name in names if (value := getattr(cite, name))}, "verified": cite.verified}
        for cite in cites
    ]


def _listed(rulebook: Rulebook, id: str, found: Policy | None, on: Any) -> dict[str, Any]:
    newest = rulebook.versions(id)[-1]
    shown = found or newest
    return {
        "id": id,
        "title": _words(shown.title_on(on)),
        "kind": shown.kind,
        "for": shown.level,
        "group": shown.group,
        "jurisdiction": shown.jurisdiction,
        "department": _words(shown.department),
        "in_force": found is not None,
        "from": None if found is None else found.from_date.isoformat(),
        "to": None if found is None or found.to_date is None else found.to_date.isoformat(),
    }


def _whole(rulebook: Rulebook, policy: Policy, on: Any) -> dict[str, Any]:
    zh, en = Wording(rulebook, "zh", on), Wording(rulebook, "en", on)
    days = policy.decision_days

    def tree(node: Any) -> dict[str, Any]:
        found = {
            "id": node.id,
            "kind": node.kind,
            "text": {"zh": zh.condition(node, policy), "en": en.condition(node, policy)},
            "cite": _cited(node.cite),
        }
        if node.says.zh:
            found["says"] = _words(node.says)
        if node.text:
            found["rule"] = node.text
        if node.parts:
            found["parts"] = [tree(part) for part in node.parts]
        return found

    return {
        **_listed(rulebook, policy.id, policy, on),
        "cite": _cited(policy.cite),
        "when": tree(policy.when),
        "gives": [
            {
                "id": item.id,
                "title": _words(item.title),
                "per": item.per or None,
                "up_to": item.up_to,
                "amount": None
                if item.amount is None
                else {"zh": zh.expression(item.amount, policy), "en": en.expression(item.amount, policy)},
                "cite": _cited(item.cite),
            }
            for item in policy.gives
        ],
        "excludes": [each.policy for each in policy.excludes],
        "documents": [_words(each.words) for each in policy.documents],
        "apply": {"where": _words(policy.where), "channel": _words(policy.channel)},
        "decision_days": None if days is None else {"days": days.days, "working": days.working},
        "review": _words(policy.review),
        "file": policy.at.file,
        "text": policy.text,
    }


def _fact(fact: Fact) -> dict[str, Any]:
    kind = fact.type
    found: dict[str, Any] = {
        "name": fact.name,
        "of": fact.level,
        "type": str(kind.base),
        "label": _words(fact.label),
        "unit": {"zh": kind.unit.words("zh"), "en": kind.unit.words("en")},
        "derived": fact.derived,
        "sensitive": fact.sensitive,
        "question": _words(fact.question),
        "help": _words(fact.help),
        "subject": _words(fact.subject),
        "department": _words(fact.department),
    }
    if kind.choices:
        found["choices"] = kind.choices
    if kind.numeric:
        found |= {
            "lowest": decimal_text(kind.least),
            "highest": decimal_text(kind.most),
            "step": decimal_text(kind.step),
        }
    elif kind.base is Base.DATE:
        found |= {"lowest": "1800-01-01", "highest": "9999-12-31"}
    return found


def _parameter(parameter: Parameter, on: Any) -> dict[str, Any]:
    kind = parameter.type
    return {
        "name": parameter.name,
        "label": _words(parameter.label),
        "type": str(kind.base),
        "unit": {"zh": kind.unit.words("zh"), "en": kind.unit.words("en")},
        "keys": [key.choices or {"band": str(key.type.base)} for key in parameter.keys],
        "value": figure(parameter, parameter.on(on)),
        "values": [figure(parameter, value) for value in parameter.values],
        "note": parameter.note,
    }
