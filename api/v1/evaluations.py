"""What if: decide a household without recording it."""

from __future__ import annotations

from flask import Blueprint, Response

from api import answers, schemas, views
from api.deciding import ask
from api.endpoint import Call, answer, endpoint
from engine import __version__
from engine.decide.record import Written, in_full, record
from engine.language.canonical import dumps, joined

blueprint = Blueprint("evaluations", __name__)


@endpoint(
    blueprint, "POST", "/v1/evaluations", scope="evaluations",
    zh="试算一个家庭，不入账", en="Try a household; nothing is recorded",
    body=schemas.EVALUATION, gives=answers.EVALUATED,
    problems=("invalid", "bad-json", "not-json", "body-too-large"),
)  # fmt: skip
def evaluate(call: Call) -> Response:
    with call.service.turns.turn():
        return _evaluated(call)


def _evaluated(call: Call) -> Response:
    rules = call.service.active.current()
    asked = ask(rules, schemas.EVALUATION, call.sent, call.service.today())
    trace = asked.body.get("trace", False)
    parts = {
        "on": dumps(asked.on.isoformat()),
        "rulebook": dumps(rules.digest),
        "engine": dumps(__version__),
        "decision": dumps(in_full(record(asked.decision), asked.decision)) if trace else Written(asked.decision).brief,
    }
    headers = {}
    if asked.body.get("explain", False):
        parts["explanation"] = dumps(views.explained(asked.decision, call.lang))
        headers = {"Content-Language": call.lang, "Vary": "Accept-Language"}
    return answer(joined(parts), headers=headers)
