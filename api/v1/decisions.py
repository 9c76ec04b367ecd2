"""Decide and record; read, search, confirm, depart from, correct and replay what was decided."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, time, timedelta
from typing import Any

from flask import Blueprint, Response, request

from api import answers, schemas, views
from api.cases import case, looked, own_case, reason
from api.deciding import ask
from api.endpoint import Call, answer, body_as, endpoint
from api.paging import next_page
from api.problems import Fault, Problem, fault_of_input
from api.settings import CHINA, instant_of
from engine import __version__
from engine.decide import Decision
from engine.decide.record import in_full
from engine.language.canonical import dumps, joined
from engine.language.household import HouseholdError
from engine.ledger import entries, read, rulebooks
from engine.ledger.access import page as reads_of
from engine.ledger.entries import Draft, Entry, Receipt, Request
from engine.ledger.errors import Erased, NotFound
from engine.ledger.identity import Person, of_entry
from engine.ledger.inflight import working
from engine.ledger.recording import Recorded, document_of, index_of
from engine.ledger.replay import again, against, replay
from engine.ledger.search import Query, search
from engine.ledger.write import answered

blueprint = Blueprint("decisions", __name__)

Entered = tuple[Draft, Recorded | None]
"""A draft and, of a decision, what goes on record."""

WRITES = (
    "invalid",
    "bad-json",
    "not-json",
    "body-too-large",
    "in-flight",
    "other-body",
    "refused",
    "erased",
    "store-failed",
    "not-ready",
)


@endpoint(
    blueprint, "POST", "/v1/decisions", scope="decisions:write",
    zh="对一个家庭作出决定并入账", en="Decide a household and put it on record",
    body=schemas.DECISION, gives=answers.DECIDED, status=201, problems=WRITES, idempotent=True,
)  # fmt: skip
def decide(call: Call) -> Response:
    def make(sent: Request | None) -> Entered:
        rules = call.service.active.current()
        asked = ask(rules, schemas.DECISION, call.sent, call.service.today())
        household = _household(call, asked.body.get("household_id"))
        made = Recorded(asked.decision, asked.jurisdictions)
        index = index_of(asked.decision, rules.phrases, call.who.id, household)
        draft = entries.decision(made.body, index, call.service.at(), request=sent, identity=asked.people)
        return draft, made

    return _recorded(call, make)


@endpoint(
    blueprint, "POST", "/v1/decisions/<entry:id>/correction", scope="decisions:write",
    zh="更正：用新的事实重新作出决定，原决定保留", en="Correct: decide again with other facts; the old decision stays",
    body=schemas.CORRECTION, gives=answers.DECIDED, status=201,
    problems=(*WRITES, "not-found", "not-your-case", "corrected"), idempotent=True,
)  # fmt: skip
def correct(call: Call, id: int) -> Response:
    def make(sent: Request | None) -> Entered:
        old = case(call, id)
        _not_corrected(call, id)
        rules = call.service.active.current()
        asked = ask(rules, schemas.CORRECTION, call.sent, call.service.today())
        made = Recorded(asked.decision, asked.jurisdictions)
        index = index_of(asked.decision, rules.phrases, call.who.id, old.household or "")
        why, at = asked.body["reason"], call.service.at()
        draft = entries.correction(
            id, made.body, index, call.who.id, why, at, request=sent, identity=asked.people
        )
        return draft, made

    return _recorded(call, make, about=id)


@endpoint(
    blueprint, "POST", "/v1/decisions/<entry:id>/confirmation", scope="decisions:write",
    zh="经办人确认决定", en="A person adopts the decision",
    body=schemas.CONFIRMATION, empty_ok=True, gives=answers.SETTLED, status=201,
    problems=(*WRITES, "not-found", "not-your-case", "already-settled", "corrected"), idempotent=True,
)  # fmt: skip
def confirm(call: Call, id: int) -> Response:
    def make(sent: Request | None) -> Entered:
        body = body_as(call, schemas.CONFIRMATION)
        _open(call, id)
        note = body.get("note", "")
        return entries.confirmation(id, call.who.id, call.service.at(), note=note, request=sent), None

    return _recorded(call, make, about=id)


@endpoint(
    blueprint, "POST", "/v1/decisions/<entry:id>/departure", scope="decisions:write",
    zh="经办人另作决定，须说明理由", en="A person decides otherwise, and says why",
    body=schemas.DEPARTURE, gives=answers.SETTLED, status=201,
    problems=(*WRITES, "not-found", "not-your-case", "already-settled", "corrected"), idempotent=True,
)  # fmt: skip
def depart(call: Call, id: int) -> Response:
    def make(sent: Request | None) -> Entered:
        body = body_as(call, schemas.DEPARTURE)
        entry = _open(call, id)
        _part_of(document_of(entry), body.get("instead") or [])
        instead, at = _instead(body.get("instead")), call.service.at()
        return entries.departure(id, call.who.id, body["reason"], at, instead=instead, request=sent), None

    return _recorded(call, make, about=id)


@endpoint(
    blueprint, "GET", "/v1/decisions/<entry:id>", scope="decisions:read",
    zh="查阅一项决定及其全部依据", en="One decision with everything it rests on",
    query=schemas.DECISION_QUERY, gives=answers.CASE,
    problems=("bad-query", "not-found", "not-your-case", "not-allowed"),
)  # fmt: skip
def read_decision(call: Call, id: int) -> Response:
    query = call.query
    entry = case(call, id)
    why = reason(call, query.get("why"), own_case(call, entry))
    asked = {name: True for name in ("identity", "reads") if query.get(name)}
    for name, scope in (("identity", "identity:read"), ("reads", "access:read")):
        if name in asked and not call.may(scope):
            raise Problem("not-allowed", scope=scope, role=call.who.role)
    looked(call, "identity" if "identity" in asked else "read", why, id)
    connection = call.service.home.store.reader()
    explain, trace = query.get("explain", True), query.get("trace", True)
    stored = document_of(entry)
    decision = again(call.service.programs.get(stored["rulebook"]), stored) if explain or trace else None
    whole = dumps(in_full(stored, decision)) if trace and decision is not None else None
    found = views.Case.of(entry, whole).parts()
    more: dict[str, Any] = {}
    said = read.about(connection, id)
    more["later"] = views.later(said)
    corrected = next((each.seq for each in said if each.kind == "correction"), None)
    if corrected:
        more["corrected_by"] = corrected
    if explain and decision is not None:
        more["explanation"] = views.explained(decision, call.lang)
    if "identity" in asked:
        more["identity"] = identity_of(call, entry)
    if "reads" in asked:
        more["reads"] = [views.read_of(each) for each in reads_of(connection, case=id, limit=200)]
    found |= {name: dumps(value) for name, value in more.items()}
    return answer(joined(found), headers={"Content-Language": call.lang, "Vary": "Accept-Language"})


@endpoint(
    blueprint, "GET", "/v1/decisions", scope="decisions:read",
    zh="检索决定，新的在前", en="Search decisions, newest first",
    query=schemas.SEARCH_QUERY, gives=answers.HITS, problems=("bad-query",),
)  # fmt: skip
def search_decisions(call: Call) -> Response:
    query = call.query
    others = call.may("cases:all")
    wanted = _search(query)
    own = wanted.caseworker in (None, call.who.id) if not others else wanted.caseworker == call.who.id
    if not others:
        if wanted.caseworker not in (None, call.who.id):
            raise Problem("not-your-case", scope="cases:all")
        wanted = Query(**{**{name: getattr(wanted, name) for name in wanted.given()}, "caseworker": call.who.id})
    why = reason(call, query.get("why"), own)
    limit = query.get("limit", 50)
    home = call.service.home
    looked(call, "search", why, what={"fields": list(wanted.given())})
    page = search(home.index, wanted, before=query.get("before"), limit=limit)
    given = {name: value for name, value in request.args.to_dict().items() if name != "before"}
    next_, headers = next_page("/v1/decisions", given, page.before)
    items = [views.hit(each) for each in page.hits]
    return answer({"items": items, "next": next_, "behind": page.behind}, headers=headers)


@endpoint(
    blueprint, "POST", "/v1/decisions/<entry:id>/replay", scope="replay",
    zh="复算：按当时的规则，或与其他规则对照", en="Decide again, by the rules of its day or against others",
    body=schemas.REPLAY, empty_ok=True, gives=answers.REPLAYED,
    problems=("invalid", "bad-json", "not-json", "not-found", "not-your-case"),
)  # fmt: skip
def replay_decision(call: Call, id: int) -> Response:
    body = body_as(call, schemas.REPLAY)
    entry = case(call, id)
    why = reason(call, body.get("why"), own_case(call, entry), "/why", "pointer")
    other = body.get("against")
    digest = call.service.active.current().digest if other == "current" else other
    home = call.service.home
    if digest is not None and rulebooks.seq_of(home.store.reader(), digest) is None:
        raise Problem("invalid", [Fault("no-such-rulebook", "/against")])
    looked(call, "replay", why, id, {"against": digest})
    if digest is None:
        return answer(replay(call.service.programs, entry).data())
    try:
        return answer(against(call.service.programs, call.service.programs.get(digest), entry).data())
    except HouseholdError as error:
        raise Problem("invalid", [fault_of_input(each, "/against") for each in error.problems]) from None


# -- recording --


def _recorded(call: Call, make: Callable[[Request | None], Entered], about: int | None = None) -> Response:
    """Write what `make` makes, once for each Idempotency-Key. `about`: the decision it is about, one call
    at a time."""
    home = call.service.home
    connection = home.store.reader()
    sent = call.idempotency()
    now = int(call.service.now().timestamp() * 1_000_000)
    with ExitStack() as held:
        if sent is not None:
            if earlier := answered(connection, sent):
                return _repeated(call, earlier)
            held.enter_context(working(home.volatile, sent, now))
            if earlier := answered(connection, sent):
                return _repeated(call, earlier)
        if about is not None:
            held.enter_context(working(home.volatile, Request("decision", str(about), "0" * 64), now))
        with call.service.turns.turn():
            draft, made = make(sent)
            told = made.brief if made else b""
        receipt = home.writer.append(draft)
    if receipt.repeated:
        return _repeated(call, receipt)
    call.service.metrics.count("jiuzhu_decisions_total" if made else "jiuzhu_settled_total")
    if made is None:
        return _settled(read.entry(connection, receipt.seq), {})
    decided = made.decision
    written = views.Case(
        receipt.seq, draft.kind, draft.at, draft.household, call.who.id, receipt.hash, decided.on.isoformat(),
        decided.program.rulebook.digest, __version__, told, draft.refers, call.sent.get("reason", ""),
    )  # fmt: skip
    return _decided(call, written, {}, decided)


def _repeated(call: Call, receipt: Receipt) -> Response:
    """The answer of an earlier call, made again from what it put on record."""
    call.service.metrics.count("jiuzhu_repeated_total")
    entry = read.entry(call.service.home.store.reader(), receipt.seq)
    headers = {"Idempotent-Replayed": "true"}
    if entry.index is None:
        return _settled(entry, headers)
    stored = document_of(entry)
    decision = again(call.service.programs.get(stored["rulebook"]), stored) if _wants_reasons(call) else None
    return _decided(call, views.Case.of(entry), headers, decision)


def _wants_reasons(call: Call) -> bool:
    return call.sent.get("explain") is True


def _settled(entry: Entry, headers: dict[str, str]) -> Response:
    headers = {**headers, "Location": f"/v1/decisions/{entry.refers}"}
    return answer({"decision": entry.refers, "hash": entry.hash, **views.later([entry])[0]}, 201, headers)


def _decided(call: Call, found: views.Case, headers: dict[str, str], decision: Decision | None) -> Response:
    headers = {**headers, "Location": f"/v1/decisions/{found.seq}"}
    parts = found.parts()
    if decision is not None and _wants_reasons(call):
        parts["explanation"] = dumps(views.explained(decision, call.lang))
        headers |= {"Content-Language": call.lang, "Vary": "Accept-Language"}
    return answer(joined(parts), 201, headers)


def _household(call: Call, given: str | None) -> str:
    """The household's id: a new random one, or one that the ledger knows and the caller may use. Raises
    Problem."""
    if given is None:
        return f"h_{secrets.token_hex(12)}"
    caseworker = None if call.may("cases:all") else call.who.id
    with call.service.turns.aside():  # the index may have much to catch up with
        page = search(call.service.home.index, Query(household=given, caseworker=caseworker), limit=1)
    if not page.hits:
        if page.behind:  # it may be among the newest entries, which are not searched yet
            raise Problem("not-ready", headers={"Retry-After": "1"})
        raise Problem("invalid", [Fault("no-such-household", "/household_id")])
    return given


def _open(call: Call, id: int) -> Entry:
    """A decision that nobody has settled yet."""
    entry = case(call, id)
    said = _not_corrected(call, id)
    if any(each.kind in ("confirmation", "departure") for each in said):
        raise Problem("already-settled")
    return entry


def _not_corrected(call: Call, id: int) -> tuple[Entry, ...]:
    said = read.about(call.service.home.store.reader(), id)
    newer = next((each.seq for each in said if each.kind == "correction"), None)
    if newer is not None:
        raise Problem("corrected", corrected_by=newer)
    return said


def _part_of(stored: dict[str, Any], instead: list[dict[str, Any]]) -> None:
    known = {(each["policy"], each.get("member")) for each in stored["answers"]}
    faults = [
        Fault("no-such-decision-part", f"/instead/{place}")
        for place, each in enumerate(instead)
        if (each["policy"], each.get("member")) not in known
    ]
    if faults:
        raise Problem("invalid", faults)


def _instead(instead: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    if instead is None:
        return None
    return [
        {**each, **({"amount": f"{each['amount'] // 100}.{each['amount'] % 100:02d}"} if "amount" in each else {})}
        for each in instead
    ]


def identity_of(call: Call, entry: Entry) -> dict[str, Any] | None:
    """Who the people are; of a correction that named nobody, those of the decision it corrects. None:
    erased."""
    home = call.service.home
    connection = home.store.reader()
    persons: tuple[Person, ...] = ()
    try:
        while not (persons := of_entry(connection, home.keyring, entry.seq)) and entry.refers is not None:
            entry = read.entry(connection, entry.refers)
    except Erased:
        return None
    except NotFound:  # pragma: no cover - an entry refers to an earlier one, always
        pass
    return views.people(persons)


def _search(query: dict[str, Any]) -> Query:
    kind = query.get("kind", "decision")
    on = query.get("on")

    def day(name: str, other: Any = None) -> str | None:
        found = query.get(name, other)
        return None if found is None else found.isoformat()

    def instant(name: str, later: bool) -> str | None:
        found = query.get(name)
        if found is None:
            return None
        try:
            start = datetime.combine(found, time(), CHINA) + (timedelta(days=1) if later else timedelta())
            return instant_of((start - timedelta(microseconds=1)) if later else start.astimezone(UTC))
        except OverflowError:
            raise Problem(
                "bad-query", [Fault.of("outside", name, "parameter", lowest="1800-01-02", highest="9999-12-30")]
            ) from None

    return Query(
        household=query.get("household"),
        kind=None if kind == "any" else kind,
        policy=query.get("policy"),
        status=query.get("status"),
        on_from=day("on_from", on),
        on_to=day("on_to", on),
        at_from=instant("decided_from", False),
        at_to=instant("decided_to", True),
        rulebook=query.get("rulebook"),
        caseworker=query.get("caseworker"),
        words=query.get("text"),
    )
