"""The reading room: searching the ledger, the ledger's own state, and who looked at what."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import Blueprint, Response, request

from api import schemas
from api.problems import Problem
from api.v1 import decisions, households
from api.v1 import ledger as api
from api.web.asked import asked
from api.web.reading_reason import reason_of, to_reason
from api.web.visit import Visit, page
from engine.language.words import STATUS, Wording
from engine.ledger import rulebooks
from engine.ledger.checkpoint import latest

__all__ = ["KINDS_OF_ENTRY", "blueprint", "people_of"]

blueprint = Blueprint("reading", __name__)

PAGE = 30
KINDS_OF_ENTRY = {
    "decision": ("决定", "decision"),
    "correction": ("更正", "correction"),
    "confirmation": ("确认", "confirmation"),
    "departure": ("改作他定", "departure"),
    "erasure": ("删除身份", "erasure"),
    "rulebook": ("载入规则", "rules loaded"),
    "any": ("全部", "all"),
}
LOOKS = {
    "read": ("查阅", "read"),
    "identity": ("查看身份", "saw identities"),
    "search": ("检索", "searched"),
    "replay": ("复算", "replayed"),
    "export": ("导出", "exported"),
    "administer": ("管理", "administered"),
}
CHECKPOINT = 20_000  # bytes of a checkpoint that is pasted


def people_of(visit: Visit) -> dict[str, str]:
    """What each key is called, by its id."""
    return {key.id: key.label or key.id for key in visit.service.home.keys.all()}


@page(blueprint, "GET", "/reading", scope="cases:all", zh="查阅", en="Reading room")
def search(visit: Visit) -> Response:
    why = reason_of(visit)
    if not why:
        return to_reason(visit)
    given = {name: value for name, value in visit.query.items() if value != ""}
    faults: list[str] = []
    items: list[dict[str, Any]] = []
    before, behind = "", 0
    try:
        query = asked(visit, schemas.SEARCH_QUERY)
        visit.query = {**query, "why": why, "limit": PAGE}
        found = decisions.search_decisions(visit).get_json()
        items, behind = found["items"], found["behind"]
        before = parse_qs(urlsplit(found["next"] or "").query).get("before", [""])[0]
    except Problem as problem:
        if problem.code not in ("bad-query", "refused"):
            raise
        faults = said_of(visit, problem)
    return visit.page("reading/search.html", **_form(visit, given, why), items=items, faults=faults, behind=behind,
                      older=_older(before), households=None)  # fmt: skip


@page(blueprint, "POST", "/reading/person", scope="cases:all", zh="查阅", en="Reading room")
def person(visit: Visit) -> Response:
    """By POST, so that no name stands in an address."""
    why = reason_of(visit)
    if not why:
        return to_reason(visit)
    body = {name: value for name in ("name", "id_number", "phone") if (value := visit.form.get(name, "").strip())}
    faults: list[str] = []
    found = None
    try:
        found = households.find_households(visit.sends({**body, "why": why})).get_json()["households"]
    except Problem as problem:
        if problem.code != "invalid":
            raise
        faults = said_of(visit, problem)
    return visit.page("reading/search.html", 422 if faults else 200, **_form(visit, {}, why), items=[], faults=faults,
                      behind=0, older="", households=found)  # fmt: skip


def said_of(visit: Visit, problem: Problem) -> list[str]:
    """A problem in sentences, for the page that shows its form again."""
    document = problem.document(visit.lang, "")
    faults = document.get("errors", [])
    return [": ".join(filter(None, (each.get("parameter"), each["message"]))) for each in faults] or [document["title"]]


def _form(visit: Visit, given: dict[str, str], why: str) -> dict[str, Any]:
    """What the search form needs."""
    rules = visit.service.active.current()
    wording = Wording(rules.program.rulebook, visit.lang)
    names = people_of(visit)
    keys = [key for key in visit.service.home.keys.all() if key.role == "caseworker"]
    return {
        "given": given, "why": why, "names": names, "current": rules.digest,
        "policies": {name: wording.policy(name) for name in rules.program.rulebook.ids()},
        "statuses": {name: words[visit.lang] for name, words in STATUS.items()},
        "kinds": {name: pair[visit.lang != "zh"] for name, pair in KINDS_OF_ENTRY.items() if name != "rulebook"},
        "books": rulebooks.listed(visit.service.home.store.reader())[::-1][:50],
        "caseworkers": {key.id: names[key.id] for key in keys},
    }  # fmt: skip


def _older(before: str) -> str:
    """The address of the next page of what was asked."""
    given = {name: value for name, value in request.args.to_dict().items() if name != "before" and value}
    return f"/reading?{urlencode({**given, 'before': before})}" if before else ""


@page(blueprint, "GET", "/reading/ledger", scope="ledger:read", zh="台账", en="The ledger")
def ledger(visit: Visit) -> Response:
    return visit.page("reading/ledger.html", **_ledger(visit), report=None, faults=[])


@page(blueprint, "POST", "/reading/ledger", scope="ledger:verify", zh="台账", en="The ledger")
def verify(visit: Visit) -> Response:
    """Verify the whole chain, and hold it against a checkpoint that was kept elsewhere."""
    kept, faults = visit.form.get("checkpoint", "").strip(), []
    body: dict[str, Any] = {}
    if kept:
        try:
            body["checkpoints"] = [json.loads(kept[:CHECKPOINT], parse_float=str)]
        except (ValueError, RecursionError):
            faults.append(visit.say("检查点不是合法的 JSON", "the checkpoint is not JSON"))
    report = None
    if not faults:
        try:
            report = api.verify_ledger(visit.sends(body)).get_json()
        except Problem as problem:
            if problem.code not in ("invalid", "busy", "too-long"):
                raise
            faults = said_of(visit, problem)
    return visit.page("reading/ledger.html", 422 if faults else 200, **_ledger(visit), report=report, faults=faults)


def _ledger(visit: Visit) -> dict[str, Any]:
    connection = visit.service.home.store.reader()
    newest = latest(connection)
    names = people_of(visit)
    return {
        "head": api.read_head(visit).get_json(), "checkpoint": newest and newest.document, "names": names,
        "books": rulebooks.listed(connection)[::-1][:20], "current": visit.service.active.current().digest,
        "kept": visit.form.get("checkpoint", "")[:CHECKPOINT],
    }  # fmt: skip


@page(blueprint, "GET", "/reading/access", scope="access:read", zh="查阅日志", en="Access log")
def access(visit: Visit) -> Response:
    given = {name: value for name, value in visit.query.items() if value != ""}
    query = asked(visit, schemas.ACCESS_QUERY)
    visit.query = {**query, "limit": PAGE}
    found = api.list_reads(visit).get_json()
    before = parse_qs(urlsplit(found["next"] or "").query).get("before", [""])[0]
    args = {name: value for name, value in given.items() if name != "before"}
    older = f"/reading/access?{urlencode({**args, 'before': before})}" if before else ""
    looks = {name: pair[visit.lang != "zh"] for name, pair in LOOKS.items()}
    return visit.page(
        "reading/access.html", items=found["items"], older=older, given=given, names=people_of(visit), looks=looks
    )
