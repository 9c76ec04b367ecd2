"""A caseworker's cases: found again, read with their reasons, confirmed or departed from, printed for the family."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, Response

from api import views
from api.cases import case, looked, own_case, reason
from api.problems import Problem
from api.v1 import decisions
from api.web.facts import Told, told
from api.web.shown import Shown
from api.web.visit import Visit, page
from engine.decide import Decision
from engine.decide.decision import ELIGIBLE
from engine.language.words import STATUS, Wording
from engine.ledger import read
from engine.ledger.entries import Entry
from engine.ledger.identity import FIELDS
from engine.ledger.recording import document_of
from engine.ledger.replay import again
from engine.ledger.search import Query, search

__all__ = ["Opened", "blueprint", "opened"]

blueprint = Blueprint("cases", __name__)

PAGE = 20
PRINTED = "经办人打印告知单"


# -- the list --


@dataclass(frozen=True, slots=True)
class Listed:
    """One case of the list, with what it came to."""

    id: int
    at: str
    on: str
    kind: str
    household: str
    people: int
    eligible: tuple[str, ...]
    open: int
    state: str  # "" | confirmation | departure | correction: what was last said about it


@page(blueprint, "GET", "/cases", scope="decisions:write", zh="我的个案", en="My cases")
def list_(visit: Visit) -> Response:
    return _list(visit)


@page(blueprint, "POST", "/cases", scope="decisions:write", zh="我的个案", en="My cases")
def find(visit: Visit) -> Response:
    """By POST, so that no name ever stands in an address."""
    return _list(visit)


def _list(visit: Visit) -> Response:
    asked = {name: visit.form.get(name, "").strip() for name in ("person", "text", "policy", "status", "from", "to")}
    faults = []
    given: dict[str, Any] = {"caseworker": visit.who.id}
    if asked["person"]:
        given[_kind_of(asked["person"])] = asked["person"]
    if asked["text"]:
        if any(letter.isalnum() for letter in asked["text"]):
            given["words"] = asked["text"]
        else:
            faults.append(visit.say("检索词里没有文字", "there is no letter or digit to look for"))
    rules = visit.service.active.current()
    wording = Wording(rules.program.rulebook, visit.lang)
    policies = {name: wording.policy(name) for name in rules.program.rulebook.ids()}
    if asked["policy"] in policies:
        given["policy"] = asked["policy"]
    if asked["status"] in STATUS:
        given["status"] = asked["status"]
    for name, column in (("from", "on_from"), ("to", "on_to")):
        if asked[name]:
            if _is_day(asked[name]):
                given[column] = asked[name]
            else:
                faults.append(visit.say("日期应写作 2025-08-01", "a date is written 2025-08-01"))
    before = visit.form.get("before", "")
    query = Query(**given)
    home = visit.service.home
    looked(visit, "search", reason(visit, None, True), what={"fields": sorted(query.given())})
    found_page = search(
        home.index, query, keyring=home.keyring, limit=PAGE,
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None,
    )  # fmt: skip
    connection = home.store.reader()
    rows = [
        _listed(read.entry(connection, hit.seq), read.about(connection, hit.seq), wording)
        for hit in found_page.hits
        if hit.kind in ("decision", "correction")
    ]
    return visit.page(
        "desk/cases.html", rows=rows, asked=asked, faults=faults, before=found_page.before, behind=found_page.behind,
        policies=policies, statuses={name: words[visit.lang] for name, words in STATUS.items()},
        searching=any(asked.values()),
    )  # fmt: skip


def _kind_of(text: str) -> str:
    """What a person is looked for by: 18 or 15 digits are an identity number, other digits a telephone."""
    digits = sum(letter.isdigit() for letter in text)
    if digits >= 14 and len(text.replace(" ", "")) in (15, 18):
        return FIELDS[1]
    return FIELDS[2] if digits >= 6 else FIELDS[0]


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _listed(entry: Entry, later: tuple[Entry, ...], wording: Wording) -> Listed:
    stored = document_of(entry)
    eligible = dict.fromkeys(a["policy"] for a in stored["answers"] if a["status"] == ELIGIBLE)
    open_ = {a["policy"] for a in stored["answers"] if a["status"] == "undetermined"}
    known = set(wording.rulebook.ids())
    said = [each.kind for each in later if each.kind in ("confirmation", "departure", "correction")]
    return Listed(
        entry.seq, entry.at, stored["on"], entry.kind, entry.household or "", len(stored["household"]["members"]),
        tuple(wording.policy(name) if name in known else name for name in eligible), len(open_),
        "correction" if "correction" in said else said[-1] if said else "",
    )  # fmt: skip


# -- one case --


@dataclass(frozen=True, slots=True)
class Opened:
    """A case as it was read: its entry, decision made again from what is stored, its people, what came later."""

    entry: Entry
    stored: Mapping[str, Any]
    decision: Decision
    own: bool
    people: Mapping[str, Mapping[str, str]]
    erased: bool
    later: list[dict[str, Any]]
    names: Mapping[str, str]

    @property
    def corrected(self) -> int:
        """The correction that took its place; 0 where there is none."""
        return next((each["id"] for each in self.later if each["kind"] == "correction"), 0)

    @property
    def settled(self) -> bool:
        return any(each["kind"] in ("confirmation", "departure") for each in self.later)


def opened(visit: Visit, id: int, why: str = "") -> Opened:
    """Read a case; the look is on record first. Raises Problem `bad-query` where a reason must be given."""
    entry = case(visit, id)
    own = own_case(visit, entry)
    why = reason(visit, why, own)
    identity = visit.may("identity:read")
    looked(visit, "identity" if identity else "read", why, id)
    people = decisions.identity_of(visit, entry) if identity else {}
    stored = document_of(entry)
    decision = again(visit.service.programs.get(stored["rulebook"]), stored)
    later = views.later(read.about(visit.service.home.store.reader(), id))
    names = {m.id: _name(visit, decision, m.id, people or {}) for m in decision.household.members}
    return Opened(entry, stored, decision, own, people or {}, people is None, later, names)


def _name(visit: Visit, decision: Decision, id: str, people: Mapping[str, Mapping[str, str]]) -> str:
    name = people.get(id, {}).get("name") or visit.say(f"成员 {id}", f"member {id}")
    vocabulary = decision.program.vocabulary
    fact = next(iter(vocabulary.facts["member"].values()))
    member = next(m for m in decision.household.members if m.id == id)
    known = member.facts.get(fact.name)
    if known is None or not fact.type.choices:
        return name
    choices = vocabulary.choices[fact.type.choices]
    words = choices.words[choices.names(known.lo)[0]][visit.lang]
    return visit.say(f"{name}（{words}）", f"{name} ({words})")


@page(blueprint, "GET", "/cases/<entry:id>", scope="decisions:read", zh="决定", en="Decision")
def read_case(visit: Visit, id: int) -> Response:
    return _case(visit, id)


@page(blueprint, "POST", "/cases/<entry:id>/confirmation", scope="decisions:write", zh="决定", en="Decision")
def confirm(visit: Visit, id: int) -> Response:
    body = {"note": visit.form["note"].strip()} if visit.form.get("note", "").strip() else {}
    try:
        decisions.confirm(visit.sends(body, _mark(visit)), id)
    except Problem as problem:
        return _refused(visit, id, problem)
    return visit.away(f"/cases/{id}")


@page(blueprint, "POST", "/cases/<entry:id>/departure", scope="decisions:write", zh="决定", en="Decision")
def depart(visit: Visit, id: int) -> Response:
    """Decide otherwise; up to three answers may be named, each with what was decided instead."""
    body: dict[str, Any] = {"reason": visit.form.get("reason", "").strip()}
    instead = []
    for n in range(3):
        which, status = visit.form.get(f"which-{n}", ""), visit.form.get(f"status-{n}", "")
        amount = visit.form.get(f"amount-{n}", "").replace(",", "").strip()
        if which:
            policy, _, member = which.partition("|")
            row: dict[str, Any] = {"policy": policy, "member": member or None, "status": status or "eligible"}
            if amount:
                row |= {"amount": amount, "per": visit.form.get(f"per-{n}") or "month"}
            instead.append(row)
    if instead:
        body["instead"] = instead
    try:
        decisions.depart(visit.sends(body, _mark(visit)), id)
    except Problem as problem:
        return _refused(visit, id, problem)
    return visit.away(f"/cases/{id}")


@page(blueprint, "GET", "/cases/<entry:id>/sheet", scope="decisions:read", zh="告知单", en="For the family")
def sheet(visit: Visit, id: int) -> Response:
    found = opened(visit, id, visit.query.get("why", "") or (PRINTED if _is_own(visit, id) else ""))
    keys = {f"{answer.policy.id}.{answer.member}" for answer in found.decision.answers if answer.certain}
    shown = Shown(found.decision, visit.lang, keys, lambda member: found.names.get(member, member))
    return visit.page("desk/sheet.html", found=found, shown=shown, details=shown.rows[ELIGIBLE])


def _is_own(visit: Visit, id: int) -> bool:
    return own_case(visit, case(visit, id))


def _mark(visit: Visit) -> str:
    once = visit.form.get("once", "")
    return f"page-{once[:64]}" if once.isalnum() else ""


def _refused(visit: Visit, id: int, problem: Problem) -> Response:
    """The case again, with what was wrong above it."""
    if problem.code not in ("invalid", "already-settled", "corrected", "refused"):
        raise problem
    return _case(visit, id, problem)


def _case(visit: Visit, id: int, problem: Problem | None = None) -> Response:
    why = visit.query.get("why", "").strip() or visit.form.get("why", "").strip()
    entry = case(visit, id)
    if not own_case(visit, entry) and not why:
        return visit.page("desk/why.html", id=id)
    found = opened(visit, id, why)
    keys = {f"{answer.policy.id}.{answer.member}" for answer in found.decision.answers if answer.possible}
    if visit.query.get("all"):
        keys |= {f"{answer.policy.id}.{answer.member}" for answer in found.decision.answers}
    shown = Shown(found.decision, visit.lang, keys, lambda member: found.names.get(member, member))
    facts: list[Told] = told(found.decision, visit.lang)
    options = [
        (
            f"{a.policy.id}|{a.member}",
            shown.explainer.title(a.policy) + (f" · {found.names[a.member]}" if a.member else ""),
        )
        for a in found.decision.answers
    ]
    faults = []
    if problem is not None:
        document = problem.document(visit.lang, "")
        faults = [each["message"] for each in document.get("errors", [])] or [document["title"]]
    acts = found.own and visit.may("decisions:write") and not found.settled and not found.corrected
    return visit.page(
        "desk/decision.html", 422 if problem else 200, found=found, shown=shown, facts=facts, options=options,
        faults=faults, once=secrets.token_hex(12), acts=acts, all=bool(visit.query.get("all")), why=why,
    )  # fmt: skip
