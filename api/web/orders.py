"""Orders of the watch: an adviser's own, the head's all; one order with its reasons; a step at a time."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from api.problems import Problem
from api.v1 import orders as api
from api.watching import watching
from api.web.reading import people_of
from api.web.reading_reason import reason_of, to_reason
from api.web.visit import Visit, page
from engine.watch.orders import ACTIONS, LONGEST_REASON, STATE_WORDS, WITH_REASON

__all__ = ["blueprint"]

blueprint = Blueprint("order-pages", __name__)

PAGE = 30
_STEPS: dict[str, tuple[str, str]] = {
    "assign": ("派单", "Assign"),
    "visit": ("记为已走访", "Visited"),
    "settle": ("办结", "Settle"),
    "hand_over": ("转交", "Hand over"),
    "not_needed": ("无需办理", "Not needed"),
}


@page(blueprint, "GET", "/orders", scope="orders:read", zh="工单", en="Orders")
def list_(visit: Visit) -> Response:
    given = {name: visit.query.get(name, "") for name in ("state", "subdistrict", "late", "adviser", "before")}
    query: dict[str, Any] = {"limit": PAGE}
    if given["state"] in STATE_WORDS:
        query["state"] = given["state"]
    if given["subdistrict"].strip():
        query["subdistrict"] = given["subdistrict"].strip()[:100]
    if given["late"]:
        query["late"] = True
    if given["before"].isascii() and given["before"].isdigit() and 0 < len(given["before"]) < 16:
        query["before"] = int(given["before"])
    everyone = visit.may("cases:all")
    names = people_of(visit)
    if everyone and given["adviser"] in names:
        query["adviser"] = given["adviser"]
    visit.query = query
    found = api.list_orders(visit).get_json()
    with watching(visit.service) as watch:
        advisers = watch.desk.advisers() if everyone else []
    older = found["orders"][-1]["order"] if found["next"] else None
    return visit.page(
        "orders/list.html", rows=found["orders"], older=older, given=given, everyone=everyone, names=names,
        advisers=advisers, states={name: words[visit.lang == "en"] for name, words in STATE_WORDS.items()},
        today=visit.service.today().isoformat(),
    )  # fmt: skip


@page(blueprint, "GET", "/orders/<entry:number>", scope="orders:read", zh="工单", en="Order")
def one(visit: Visit, number: int) -> Response:
    return _one(visit, number, "", {})


def _one(visit: Visit, number: int, fault: str, sent: dict[str, str], status: int = 200) -> Response:
    with watching(visit.service) as watch:
        order = api._order(visit, watch, number)
        where = {name: place for name, place, active, _ in watch.desk.advisers() if active and name != order.adviser}
    visit.query = {}
    if order.adviser != visit.who.id:
        why = reason_of(visit)
        if not why and visit.may("decisions:read"):
            return to_reason(visit)
        visit.query = {"why": why or "主管查看工单"}
    found = api.read_order(visit, number).get_json()["order"]
    may = visit.may("orders:write") and (order.adviser == visit.who.id or visit.may("cases:all"))
    steps = [
        (name, words[visit.lang == "en"], name in WITH_REASON, name in ("assign", "hand_over"))
        for name, words in _STEPS.items()
        if may and order.state in ACTIONS[name][0] and (name != "assign" or visit.may("cases:all"))
    ]
    return visit.page(
        "orders/order.html", status, order=found, steps=steps, names=people_of(visit), where=where, fault=fault,
        sent=sent, most=LONGEST_REASON, late=bool(order.due and order.due < visit.service.today()),
    )  # fmt: skip


@page(blueprint, "POST", "/orders/<entry:number>", scope="orders:write", zh="工单", en="Order")
def step(visit: Visit, number: int) -> Response:
    sent = {name: visit.form.get(name, "").strip() for name in ("action", "reason", "to")}
    body = {name: value for name, value in sent.items() if value}
    try:
        api.step_order(visit.sends(body), number)
    except Problem as problem:
        if problem.code not in ("invalid", "not-now"):
            raise
        return _one(visit, number, _said(visit, problem), sent, 422)
    lost = sent["action"] == "hand_over" and not visit.may("cases:all")
    return visit.away("/orders" if lost else request.path)


def _said(visit: Visit, problem: Problem) -> str:
    found = problem.document(visit.lang, "")
    faults = [f"{each['message']}" for each in found.get("errors", [])]
    return "；".join(faults) or str(found.get("detail") or found.get("title"))
