"""Orders of the watch: an adviser's own, or with cases:all everybody's; and the steps taken."""

from __future__ import annotations

from flask import Blueprint, Response, request

from api.answers import INSTANT, NULLABLE_TEXT, listing, shape
from api.cases import looked, reason
from api.endpoint import Call, answer, body_as, endpoint
from api.fields import Anything, Flag, OneOf, StrictSchema, Text, Whole
from api.paging import next_page
from api.problems import Fault, Problem
from api.watching import watching
from api.words import Words
from engine.watch.orders import ACTIONS, LONGEST_REASON, STATE_WORDS, Order, OrderError
from engine.watch.views import brief, detail, step_view
from engine.watch.watch import Watch

blueprint = Blueprint("orders", __name__)

OWN = "顾问查看本人的工单"
LISTS = "查看工单列表"
_ADVISER = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}"
_ORDER = {
    "order": {"type": "integer"}, "rule": {"type": "string"}, "title": {"type": "string"},
    "household": {"type": "string"}, "member": NULLABLE_TEXT, "subdistrict": {"type": "string"},
    "urgency": {"type": "string"}, "urgency_words": {"type": "string"}, "opened": {"type": "string"},
    "due": NULLABLE_TEXT, "state": {"type": "string", "enum": list(STATE_WORDS)}, "state_words": {"type": "string"},
    "adviser": NULLABLE_TEXT, "escalated": {"type": "boolean"},
}  # fmt: skip
_STEP = shape(
    {
        "step": {"type": "integer"}, "action": {"type": "string"}, "action_words": {"type": "string"},
        "by": {"type": "string"}, "at": INSTANT, "entry": {"type": ["integer", "null"]},
    },
    open_=True,
)  # fmt: skip
_NO_ORDER = Words("没有这个编号的工单", "there is no order of this number")


class OrdersQuery(StrictSchema):
    state = OneOf(*STATE_WORDS)
    adviser = Text(most=40, pattern=_ADVISER, form="a key's id")
    subdistrict = Text(most=100)
    late = Flag(from_text=True, metadata={"description": "只要逾期未办的 / open and past due"})
    before = Whole(lowest=1, from_text=True)
    limit = Whole(lowest=1, highest=200, from_text=True)


class OrderQuery(StrictSchema):
    why = Text(most=200, open_=True, metadata={"description": "查阅理由，写入查阅日志 / for the access log"})


class StepRequest(StrictSchema):
    """One step of an order."""

    action = OneOf(*ACTIONS, required=True)
    reason = Text(
        most=LONGEST_REASON,
        open_=True,
        metadata={"description": "settle、not_needed、hand_over 必填 / needed for these"},
    )
    to = Text(most=40, pattern=_ADVISER, form="a key's id", metadata={"description": "派给、转交给谁 / to whom"})


class AdviserRequest(StrictSchema):
    """An adviser and where he or she works."""

    adviser = Text(most=40, pattern=_ADVISER, form="a key's id", required=True)
    subdistrict = Text(most=100, required=True)
    active = Flag(metadata={"description": "是否派单，默认 true / gets orders; default true"})


class OrdersListed(StrictSchema):
    orders = Anything(listing(shape(_ORDER)), required=True)
    next = Anything(NULLABLE_TEXT, required=True)


class OrderShown(StrictSchema):
    order = Anything(shape(_ORDER, open_=True), required=True)


class OrderStepped(StrictSchema):
    order = Anything(shape(_ORDER), required=True)
    steps = Anything(listing(_STEP), required=True)


class AdviserEntered(StrictSchema):
    adviser = Text(most=40, required=True)
    subdistrict = Text(most=100, required=True)
    active = Flag(required=True)
    routed = Whole(required=True)


ORDERS_QUERY, ORDER_QUERY, STEP, ADVISER = OrdersQuery(), OrderQuery(), StepRequest(), AdviserRequest()
LISTED, SHOWN, STEPPED, ENTERED = OrdersListed(), OrderShown(), OrderStepped(), AdviserEntered()


@endpoint(
    blueprint, "GET", "/v1/orders", scope="orders:read",
    zh="列出工单：顾问本人的；有 cases:all 的为全部", en="Orders: an adviser's own; with cases:all, everybody's",
    query=ORDERS_QUERY, gives=LISTED, problems=("bad-query",),
)  # fmt: skip
def list_orders(call: Call) -> Response:
    query = dict(call.query)
    limit = min(query.get("limit", 50), call.service.settings.limits.page)
    everyone = call.may("cases:all")
    if not everyone and query.get("adviser", call.who.id) != call.who.id:
        raise Problem("not-your-case", scope="cases:all")
    looked(call, "search", LISTS if everyone else OWN, what={"orders": sorted(query)})
    with watching(call.service) as watch:
        found = watch.desk.page(
            adviser=query.get("adviser") if everyone else call.who.id,
            state=query.get("state"),
            subdistrict=query.get("subdistrict"),
            late=call.service.today() if query.get("late") else None,
            before=query.get("before"),
            limit=limit + 1,
        )
        rows = [brief(watch.book, order, call.lang) for order in found[:limit]]
    before = rows[-1]["order"] if len(found) > limit else None
    more, link = next_page("/v1/orders", {k: v for k, v in request.args.items() if k != "before"}, before)
    return answer({"orders": rows, "next": more}, headers=_said(call) | link)


@endpoint(
    blueprint, "GET", "/v1/orders/<entry:number>", scope="orders:read",
    zh="一张工单：理由、要做的事、可能符合的政策、经过", en="One order: reasons, what to do, what may be due, steps",
    query=ORDER_QUERY, gives=SHOWN, problems=("bad-query", "not-found", "not-your-case"),
)  # fmt: skip
def read_order(call: Call, number: int) -> Response:
    with watching(call.service) as watch:
        order = _order(call, watch, number)
        own = order.adviser == call.who.id
        why = call.query.get("why") or (OWN if own else reason(call, None, own))
        looked(call, "read", why, what={"order": number})
        found = detail(watch, order, call.lang)
    return answer({"order": found}, headers=_said(call))


@endpoint(
    blueprint, "POST", "/v1/orders/<entry:number>/steps", scope="orders:write",
    zh="办理一步：派单、走访、办结、无需办理、转交", en="Take a step: assign, visit, settle, not needed, hand over",
    body=STEP, gives=STEPPED, status=201,
    problems=("invalid", "bad-json", "not-json", "body-too-large", "not-found", "not-your-case", "not-now"),
)  # fmt: skip
def step_order(call: Call, number: int) -> Response:
    body = body_as(call, STEP)
    with watching(call.service) as watch:
        _order(call, watch, number)
        if body["action"] == "assign" and not call.may("cases:all"):
            raise Problem("not-your-case", scope="cases:all")
        try:
            order = watch.desk.act(
                number,
                body["action"],
                call.who.id,
                call.service.at(),
                reason=body.get("reason", ""),
                to=body.get("to", ""),
            )
        except OrderError as error:
            raise _problem(error) from None
    with watching(call.service) as watch:
        steps = [step_view(each, call.lang) for each in watch.desk.steps(number)]
        row = brief(watch.book, order, call.lang)
    return answer({"order": row, "steps": steps}, 201, headers=_said(call))


@endpoint(
    blueprint, "POST", "/v1/advisers", scope="advisers:write",
    zh="登记救助顾问（密钥编号）所在街镇；等着派的工单随即派出",
    en="Enter an adviser (a key's id) and the subdistrict; orders that waited go out",
    body=ADVISER, gives=ENTERED, problems=("invalid", "bad-json", "not-json", "body-too-large"),
)  # fmt: skip
def enter_adviser(call: Call) -> Response:
    body = body_as(call, ADVISER)
    active = body.get("active", True)
    looked(call, "administer", "登记救助顾问", what={"adviser": body["adviser"], "active": active})
    with watching(call.service) as watch:
        watch.desk.adviser(body["adviser"], body["subdistrict"], active)
        went = watch.desk.route_waiting(call.service.at())
    return answer({**body, "active": active, "routed": went})


def _order(call: Call, watch: Watch, number: int) -> Order:
    try:
        order = watch.desk.order(number)
    except OrderError:
        raise Problem("not-found", detail=_NO_ORDER) from None
    if order.adviser != call.who.id and not call.may("cases:all"):
        raise Problem("not-your-case", scope="cases:all")
    return order


def _problem(error: OrderError) -> Problem:
    if error.code == "no-reason":
        return Problem("invalid", [Fault("required", "/reason")])
    if error.code == "no-adviser":
        return Problem("invalid", [Fault("no-adviser", "/to")])
    return Problem("not-now", detail=Words(error.zh, error.en))


def _said(call: Call) -> dict[str, str]:
    return {"Content-Language": call.lang, "Vary": "Accept-Language"}
