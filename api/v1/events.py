"""Events for the watch: what the registers tell, one or many at a time."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from api.endpoint import Call, answer, body_as, endpoint
from api.fields import Anything, Many, StrictSchema, Whole
from api.watching import watching
from engine.watch.watch import Receipt

MOST_EVENTS = 1_000

blueprint = Blueprint("events", __name__)

_EVENT = {
    "type": "object",
    "properties": {
        "source": {"type": "string"}, "id": {"type": "string"}, "type": {"type": "string"},
        "household": {"type": "string"}, "member": {"type": "string"}, "day": {"type": "string"},
        "until": {"type": "string"}, "says": {"type": "object"}, "policy": {"type": "string"},
        "corrects": {"type": "string"},
    },
}  # fmt: skip
_RECEIPT = {
    "type": "object",
    "properties": {
        "source": {"type": "string"}, "id": {"type": "string"},
        "status": {"type": "string", "enum": ["taken", "repeated", "refused"]},
        "problems": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["source", "id", "status"],
}  # fmt: skip


class EventsRequest(StrictSchema):
    """One event or many; each is judged by itself."""

    events = Many(
        Anything(_EVENT),
        most=MOST_EVENTS,
        required=True,
        metadata={"description": "事件；同一来源和编号只算一次 / events; the same source and id count once"},
    )


class EventsTaken(StrictSchema):
    """What became of each, in the order they were sent; how many alerts began and how many lost their ground."""

    receipts = Many(Anything(_RECEIPT), most=MOST_EVENTS, required=True)
    raised = Whole(required=True)
    withdrawn = Whole(required=True)


EVENTS, TAKEN = EventsRequest(), EventsTaken()


@endpoint(
    blueprint, "POST", "/v1/events", scope="events:write",
    zh="接收事件；每个事件各自判断，接收的已经落盘", en="Take events, each judged by itself; those taken are on disk",
    body=EVENTS, gives=TAKEN, problems=("invalid", "bad-json", "not-json", "body-too-large"),
)  # fmt: skip
def take_events(call: Call) -> Response:
    sent = body_as(call, EVENTS)["events"]
    with watching(call.service) as watch:
        outcome = watch.take(sent, call.service.today(), call.service.at())
    call.service.metrics.count("jiuzhu_events_total", times=sum(each.status == "taken" for each in outcome.receipts))
    receipts = [_receipt(each) for each in outcome.receipts]
    return answer({"receipts": receipts, "raised": len(outcome.raised), "withdrawn": len(outcome.withdrawn)})


def _receipt(found: Receipt) -> dict[str, Any]:
    row: dict[str, Any] = {"source": found.source, "id": found.id, "status": found.status}
    if found.problems:
        row["problems"] = [
            {
                "pointer": each.path,
                "code": each.code,
                "message": {"zh": each.message("zh"), "en": each.message("en")},
                "hint": {"zh": each.hint[1], "en": each.hint[0]},
            }
            for each in found.problems
        ]
    return row
