"""Finding households by a person, through a keyed hash: nothing is decrypted, and what is looked for is in
no address."""

from __future__ import annotations

from flask import Blueprint, Response

from api import answers, schemas
from api.cases import looked, reason
from api.endpoint import Call, answer, body_as, endpoint
from api.problems import Fault, Problem
from engine.ledger.errors import Refused
from engine.ledger.identity import FIELDS

AT_ONCE = 2_000  # entries indexed before a search, at most: a second or two

blueprint = Blueprint("households", __name__)


@endpoint(
    blueprint, "POST", "/v1/households/find", scope="cases:all",
    zh="按姓名、证件号或电话查找家庭", en="Find households by a name, identity number or phone, whole",
    body=schemas.PERSON_SEARCH, gives=answers.FOUND, problems=("invalid", "bad-json", "not-json"),
)  # fmt: skip
def find_households(call: Call) -> Response:
    body = body_as(call, schemas.PERSON_SEARCH)
    given = [name for name in FIELDS if name in body]
    if len(given) != 1:
        raise Problem("invalid", [Fault.of("one-of-these", choices=", ".join(FIELDS))])
    why = reason(call, body.get("why"), False, "/why", "pointer")
    home = call.service.home
    looked(call, "search", why, what={"fields": given})
    try:
        home.index.catch_up(AT_ONCE)
        households = home.index.find(home.keyring, given[0], body[given[0]])
    except Refused:  # nothing but punctuation
        raise Problem("invalid", [Fault.of("too-short", f"/{given[0]}", least=1)]) from None
    return answer({"households": list(households), "behind": home.index.behind()})
