"""What if: decide a household without recording it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from api import answers, schemas, views
from api.deciding import ask
from api.endpoint import Call, answer, endpoint
from engine import __version__
from engine.decide.record import in_full, record

blueprint = Blueprint("evaluations", __name__)


@endpoint(
    blueprint, "POST", "/v1/evaluations", scope="evaluations",
    zh="试算一个家庭，不入账", en="Try a household; nothing is recorded",
    body=schemas.EVALUATION, gives=answers.EVALUATED,
    problems=("invalid", "bad-json", "not-json", "body-too-large"),
)  # fmt: skip
def evaluate(call: Call) -> Response:
    rules = call.service.active.current()
    asked = ask(rules, schemas.EVALUATION, call.sent, call.service.today())
    trace = asked.body.get("trace", False)
    found = record(asked.decision)
    document: dict[str, Any] = {
        "on": asked.on.isoformat(),
        "rulebook": rules.digest,
        "engine": __version__,
        "decision": in_full(found, asked.decision) if trace else views.brief(found),
    }
    headers = {}
    if asked.body.get("explain", False):
        document["explanation"] = views.explained(asked.decision, call.lang)
        headers = {"Content-Language": call.lang, "Vary": "Accept-Language"}
    return answer(document, headers=headers)
