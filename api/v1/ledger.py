"""What proves the ledger: its head, proofs, verification, and who looked at what."""

from __future__ import annotations

import threading
import time

from flask import Blueprint, Response, request

from api import answers, schemas, views
from api.cases import case, looked, own_case, reason
from api.endpoint import Call, answer, body_as, endpoint
from api.paging import next_page
from api.problems import Fault, Problem
from api.wire import dumps
from engine.ledger import merkle, proofs, read
from engine.ledger.access import page
from engine.ledger.chain import LOGS
from engine.ledger.checkpoint import Checkpoint, latest, read_checkpoint
from engine.ledger.errors import NotFound, Refused
from engine.ledger.verify import verify

blueprint = Blueprint("ledger", __name__)

_VERIFYING = threading.Lock()


@endpoint(
    blueprint, "GET", "/v1/ledger/head", scope="ledger:read",
    zh="台账的长度、末端哈希与默克尔根", en="The ledger's sizes, heads and Merkle roots",
    gives=answers.HEAD,
)  # fmt: skip
def read_head(call: Call) -> Response:
    store = call.service.home.store
    with store.snapshot() as connection:
        logs = {}
        for name, log in LOGS.items():
            size, last = read.head(connection, name)
            root = merkle.root(merkle.Hashes(connection, log), size).hex()
            logs[name] = {"size": size, "head": last, "root": root}
        newest = latest(connection)
    return answer({"ledger": store.id, "logs": logs, "checkpoint": newest and newest.file()})


@endpoint(
    blueprint, "GET", "/v1/ledger/proof", scope="ledger:read",
    zh="证明一条记录在册（entry），或前若干条未变（old）",
    en="That an entry is in the log (entry), or the first so many are unchanged (old)",
    query=schemas.PROOF_QUERY, gives=answers.PROOF, problems=("bad-query", "not-found"),
)  # fmt: skip
def prove(call: Call) -> Response:
    query = call.query
    if ("entry" in query) == ("old" in query):
        raise Problem("bad-query", [Fault.of("one-of-these", "entry", "parameter", choices="entry, old")])
    log, size = query.get("log", "decisions"), query.get("size")
    body = query.get("body", False) and log == "decisions" and "entry" in query
    if body:
        if not call.may("decisions:read"):
            raise Problem("not-allowed", scope="decisions:read", role=call.who.role)
        entry = case(call, query["entry"])
        looked(call, "export", reason(call, query.get("why"), own_case(call, entry)), query["entry"], {"proof": True})
    with call.service.home.store.snapshot() as connection:
        try:
            if "entry" in query:
                found = proofs.inclusion(connection, query["entry"], size=size, log=log, body=body)
            else:
                found = proofs.consistency(connection, query["old"], new=size, log=log)
        except Refused:
            name = "entry" if "entry" in query else "old"
            raise Problem("bad-query", [Fault("not-covered", name, "parameter")]) from None
        except NotFound:
            raise Problem("not-found") from None
    return answer(found)


@endpoint(
    blueprint, "POST", "/v1/ledger/verify", scope="ledger:verify",
    zh="核验整个台账，指出第一处被改动的记录", en="Verify the whole ledger and name what was changed",
    body=schemas.VERIFY, empty_ok=True, gives=answers.VERIFIED,
    problems=("invalid", "bad-json", "not-json", "busy", "too-long"),
)  # fmt: skip
def verify_ledger(call: Call) -> Response:
    body = body_as(call, schemas.VERIFY)
    kept = _checkpoints(body.get("checkpoints", []))
    deadline = time.monotonic() + call.service.settings.limits.verify_seconds

    def progress(log: str, done: int) -> None:
        if time.monotonic() > deadline:
            raise Problem("too-long")

    if not _VERIFYING.acquire(blocking=False):
        raise Problem("busy", headers={"Retry-After": "10"})
    try:
        trusted, limit = body.get("trusted"), body.get("limit", 100)
        report = verify(call.service.home.store.path, checkpoints=kept, trusted=trusted, limit=limit, progress=progress)
    finally:
        _VERIFYING.release()
    lang = call.lang
    findings = [
        {"code": each.code, "log": each.log, "place": each.place, "message": each.zh if lang == "zh" else each.en}
        for each in report.findings
    ]
    return answer(
        {
            "ok": report.ok,
            "first_broken": report.first_broken,
            "sizes": report.sizes,
            "heads": report.heads,
            "findings": findings,
        },
        headers={"Content-Language": lang, "Vary": "Accept-Language"},
    )


@endpoint(
    blueprint, "GET", "/v1/ledger/access", scope="access:read",
    zh="查阅日志：谁在何时因何查阅过什么，新的在前",
    en="The access log: who looked at what, when and why, newest first",
    query=schemas.ACCESS_QUERY, gives=answers.READS, problems=("bad-query",),
)  # fmt: skip
def list_reads(call: Call) -> Response:
    query = call.query
    limit = query.get("limit", 50)
    found = page(
        call.service.home.store.reader(),
        case=query.get("case"), who=query.get("who"), before=query.get("before"), limit=limit + 1,
    )  # fmt: skip
    before = found[limit - 1].seq if len(found) > limit else None
    given = {name: value for name, value in request.args.to_dict().items() if name != "before"}
    next_, headers = next_page("/v1/ledger/access", given, before)
    return answer({"items": [views.read_of(each) for each in found[:limit]], "next": next_}, headers=headers)


def _checkpoints(files: list[object]) -> list[Checkpoint]:
    kept, faults = [], []
    for place, each in enumerate(files):
        try:
            kept.append(read_checkpoint(dumps(each)))
        except (Refused, TypeError, ValueError):
            faults.append(Fault("bad-checkpoint", f"/checkpoints/{place}"))
    if faults:
        raise Problem("invalid", faults)
    return kept
