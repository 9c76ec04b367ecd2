"""The caseworker's desk: a household is filled in, the answer stands beside it, and what is decided goes on record."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, Response
from werkzeug.datastructures import MultiDict

from api import schemas
from api.active import Rules
from api.deciding import Asked, ask
from api.problems import Problem
from api.v1 import decisions
from api.web.cases import opened
from api.web.draft import IDENTITY, Draft, Place, draft_of, pairs_of, read_place
from api.web.questions import Form, form_of
from api.web.shown import Shown
from api.web.visit import Visit, page
from engine.language.household import MOST_MEMBERS
from engine.language.types import Base
from engine.language.words import Wording

__all__ = ["Case", "blueprint", "look"]

blueprint = Blueprint("desk", __name__)


@dataclass(frozen=True, slots=True)
class Case:
    """A draft with what follows from it.

    asked   what was decided; None where nothing could be
    form    the questions
    shown   the answer, in the visitor's language; None where there is none
    faults  what is wrong, that belongs to no fact of the form
    wrong   how many facts were left out because they could not be read
    """

    draft: Draft
    asked: Asked | None
    form: Form
    shown: Shown | None
    faults: tuple[str, ...]
    on_fault: str
    identity_faults: Mapping[tuple[str, str], str]
    wrong: int
    names: Mapping[str, str]


@page(blueprint, "GET", "/desk", scope="decisions:write", zh="受理", en="Desk")
def new(visit: Visit) -> Response:
    """An empty case; or one begun from an example household (`example`), from a decision that it corrects (`corrects`),
    or from the last decision of the same household (`like`)."""
    rules = visit.service.active.current()
    given = visit.query
    pairs = [("on", given.get("on") or visit.service.today().isoformat()), ("once", secrets.token_hex(12))]
    if "example" in given:
        pairs += _example(rules, given["example"])
    elif "corrects" in given or "like" in given:
        pairs += _earlier(visit, rules, _entry(given.get("corrects", given.get("like", ""))), "corrects" in given)
    else:
        pairs.append(("member", "a"))
        first = next(iter(rules.program.vocabulary.facts["member"].values()))
        if first.type.base is Base.CHOICE and "self" in rules.program.vocabulary.choices[first.type.choices].words:
            pairs.append((f"m/a/{first.name}", "self"))
    draft = draft_of(MultiDict(pairs), rules.program.vocabulary)
    return _show(visit, rules, draft, examples=not {"example", "corrects", "like"} & set(given))


def _example(rules: Rules, name: str) -> list[tuple[str, str]]:
    households = rules.program.rulebook.households
    if name not in households:
        raise Problem("not-found")
    return pairs_of(households[name], rules.program.vocabulary)


def _earlier(visit: Visit, rules: Rules, id: int, corrects: bool) -> list[tuple[str, str]]:
    """The fields of a decision on record; reading it is a look like any other."""
    found = opened(visit, id)
    pairs = pairs_of(found.stored["household"], rules.program.vocabulary)
    for who, said in found.people.items():
        pairs += [(f"i/{who}/{name}", value) for name, value in said.items()]
    if corrects:
        return [*pairs, ("corrects", str(id)), ("on", found.stored["on"])]
    return [*pairs, ("household_id", found.entry.household or "")]


@page(blueprint, "POST", "/desk", scope="decisions:write", zh="受理", en="Desk")
def change(visit: Visit) -> Response:
    """The form as it stands now, and what a button of it asked for."""
    rules = visit.service.active.current()
    draft = draft_of(visit.form, rules.program.vocabulary)
    return _show(visit, rules, done(draft, visit.form.get("do", "")))


@page(blueprint, "POST", "/desk/save", scope="decisions:write", zh="受理", en="Desk")
def save(visit: Visit) -> Response:
    """Put the decision on record, as POST /v1/decisions does: once, however often the form is sent."""
    rules = visit.service.active.current()
    draft = draft_of(visit.form, rules.program.vocabulary)
    body = draft.body(rules.program.vocabulary)
    body.setdefault("on", visit.service.today().isoformat())
    made = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
    visit.sends(body, f"page-{draft.once[:40]}-{made[:32]}" if draft.once.isalnum() else "")
    try:
        if draft.corrects:
            visit.sent["reason"] = draft.reason
            visit.sent.pop("household_id", None)
            answer = decisions.correct(visit, _entry(draft.corrects))
        else:
            answer = decisions.decide(visit)
    except Problem as problem:
        if problem.code != "invalid":
            raise
        return _show(visit, rules, draft, status=422, saving=True)
    return visit.away(f"/cases/{answer.get_json()['id']}")


def _entry(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 16):
        raise Problem("not-found")
    return int(text)


def done(draft: Draft, do: str) -> Draft:
    """The draft after a button: `add`, `remove:b`, `person:b`, `open:key`, `close:key`, `cite:m/b/savings`."""
    what, _, which = do.partition(":")
    if what == "add" and len(draft.members) < MOST_MEMBERS:
        id = draft.next_member()
        return replace(draft, members=(*draft.members, id), person=id)
    if what == "remove" and which in draft.members and len(draft.members) > 1:
        members = tuple(id for id in draft.members if id != which)
        given = {place: each for place, each in draft.given.items() if place[0] != which}
        identity = {who: said for who, said in draft.identity.items() if who != which}
        return replace(draft, members=members, given=given, identity=identity, person="")
    if what == "person" and (which in draft.members or not which):
        return replace(draft, person=which)
    if what == "open" and which not in draft.open:
        return replace(draft, open=(*draft.open, which)[-40:])
    if what == "close":
        return replace(draft, open=tuple(key for key in draft.open if key != which))
    if what == "cite" and (found := read_place(which, draft.members)):
        return replace(draft, cited=draft.cited | {found[0]})
    return draft


def look(visit: Visit, rules: Rules, draft: Draft) -> Case:
    """Decide the draft as far as it can be read: what is wrong is left out, told beside its field, and counted."""
    vocabulary, lang = rules.program.vocabulary, visit.lang
    faults: dict[Place, tuple[str, ...]] = {}
    others: list[str] = []
    identity: dict[tuple[str, str], str] = {}
    on_fault, asked, body = "", None, draft.body(vocabulary)
    for _ in range(2):
        try:
            asked = ask(rules, schemas.DECISION, body, visit.service.today())
            break
        except Problem as problem:
            if problem.code != "invalid":
                raise
            for each in problem.document(lang, "").get("errors", []):
                said = each["message"] + (visit.say("；", "; ") + each["hint"] if each.get("hint") else "")
                parts = each.get("pointer", "").split("/")[1:]
                place = _fact_at(parts, draft)
                if place is not None:
                    faults[place] = (*faults.get(place, ()), said)
                elif parts[:1] == ["on"]:
                    on_fault = said
                elif parts[:1] == ["identity"] and len(parts) == 3:
                    identity[parts[1], parts[2]] = said
                else:
                    others.append(said)
            body = draft.body(vocabulary, without=faults)
            if on_fault:
                body.pop("on", None)
            if identity:
                body.pop("identity", None)
    decision = asked.decision if asked else None
    names = {id: _name(visit, rules, draft, id) for id in draft.members}
    shown = Shown(decision, lang, draft.open, lambda member: names.get(member, member)) if decision else None
    wording = Wording(rules.program.rulebook, lang, decision.on if decision else None)
    drawn = {name: wording.policy(name) for name in rules.program.rulebook.ids()}
    form = form_of(draft, vocabulary, decision, faults, lang, drawn)
    return Case(
        draft, asked, form, shown, tuple(dict.fromkeys(others)), on_fault, identity,
        len(faults) + bool(on_fault) + len(identity), names,
    )  # fmt: skip


def _fact_at(parts: list[str], draft: Draft) -> Place | None:
    """Which fact of the form a JSON pointer leads to."""
    if parts[:1] != ["household"] or len(parts) < 2:
        return None
    if parts[1] != "members":
        return "", parts[1]
    if len(parts) > 3 and parts[2].isdigit() and int(parts[2]) < len(draft.members) and parts[3] != "id":
        return draft.members[int(parts[2])], parts[3]
    return None


def _name(visit: Visit, rules: Rules, draft: Draft, id: str) -> str:
    """`张三（本人）`; without a name `成员 a（本人）`."""
    name = draft.identity.get(id, {}).get("name") or visit.say(f"成员 {id}", f"member {id}")
    fact = next(iter(rules.program.vocabulary.facts["member"].values()))
    given = draft.given.get((id, fact.name))
    words = rules.program.vocabulary.choices[fact.type.choices].words if fact.type.choices else {}
    if given is None or given.value not in words:
        return name
    return visit.say(f"{name}（{words[given.value].zh}）", f"{name} ({words[given.value].en})")


def _show(
    visit: Visit, rules: Rules, draft: Draft, status: int = 200, saving: bool = False, examples: bool = False
) -> Response:
    case = look(visit, rules, draft)
    found = _examples(visit, rules) if examples else []
    return visit.page(
        "desk/case.html", status, case=case, draft=draft, examples=found, saving=saving, identity_fields=IDENTITY,
        most=MOST_MEMBERS,
    )  # fmt: skip


def _examples(visit: Visit, rules: Rules) -> list[tuple[str, str]]:
    """(name, what it is in words) of every example household; the words are made from its facts."""
    wording = Wording(rules.program.rulebook, visit.lang)
    fact = next(iter(rules.program.vocabulary.facts["member"].values()))
    found = []
    for name, household in rules.program.rulebook.households.items():
        members: list[dict[str, Any]] = household.get("members", [])
        chosen = members if fact.type.base is Base.CHOICE else []
        who = [wording.choice(fact.type.choices, m[fact.name]) for m in chosen if isinstance(m.get(fact.name), str)]
        count = visit.say(f"{len(members)} 人", f"{len(members)} {'people' if len(members) > 1 else 'person'}")
        said = [count, visit.say("、", ", ").join(who)] if who else [count]
        found.append((name, name.replace("_", " ") + visit.say("：", ": ") + visit.say("，", ", ").join(said)))
    return found
