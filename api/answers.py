"""What answers hold, for the OpenAPI document. Answers are written as they are; the tests hold them to
these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import INCLUDE

from api.fields import Anything, Flag, OneOf, StrictSchema, Text, Whole

STATUS = {"type": "string", "enum": ["eligible", "ineligible", "undetermined"]}
TRUTH = {"type": "string", "enum": ["yes", "no", "unknown"]}
MONEY = {"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2}$"}
NULLABLE_TEXT = {"type": ["string", "null"]}
INSTANT = {"type": "string", "format": "date-time"}
DIGEST = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
WORDS = {
    "type": "object",
    "properties": {"zh": {"type": "string"}, "en": {"type": "string"}},
    "required": ["zh", "en"],
    "additionalProperties": False,
}


def listing(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": dict(items)}


def shape(
    required: Mapping[str, Any], optional: Mapping[str, Any] | None = None, *, open_: bool = False
) -> dict[str, Any]:
    """An object with these members, and no others unless `open_`."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": sorted(required),
        "additionalProperties": open_,
    }


ENDS = shape({"least": MONEY, "most": MONEY})
PAIR = {"type": "array", "items": NULLABLE_TEXT, "minItems": 2, "maxItems": 2}
AMOUNT = shape(
    {"item": {"type": "string"}, "given": TRUTH},
    {
        "per": {"type": "string"}, "least": MONEY, "most": MONEY, "up_to": {"type": "boolean"},
        "paid_to": {"type": "string"}, "open_above": {"type": "boolean"},
        "months": shape({"least": {"type": "integer"}, "most": {"type": "integer"}}), "waits_for": listing(PAIR),
    },
    open_=True,
)  # fmt: skip
ANSWER = shape(
    {
        "policy": {"type": "string"}, "version": {"type": "string", "format": "date"}, "member": NULLABLE_TEXT,
        "status": STATUS, "receives": TRUTH, "conditional_on": {"type": ["array", "null"], "items": {"type": "string"}},
        "missing": listing(PAIR), "caveats": listing(shape({"code": {"type": "string"}}, open_=True)),
        "amounts": listing(AMOUNT),
    },
    {"trace": {"type": "array"}, "lets": {"type": "object"}},
    open_=True,
)  # fmt: skip
MISSING = shape({"fact": {"type": "string"}, "member": NULLABLE_TEXT, "asked": {"type": "boolean"}}, open_=True)
ANSWERS = {
    "answers": listing(ANSWER),
    "not_in_force": listing({"type": "string"}),
    "missing": listing(MISSING),
    "combinations": listing(shape({"policies": listing({"type": "string"})}, open_=True)),
    "totals": {"type": "object", "additionalProperties": ENDS},
    "declared": shape({"given": {"type": "integer"}}, open_=True),
}
BY_MEMBER = {"type": "object", "additionalProperties": TRUTH}
LABELS = {"type": "object", "additionalProperties": {"anyOf": [TRUTH, BY_MEMBER]}}
DOCUMENT = shape(ANSWERS, {"household": {"type": "object"}, "labels": LABELS}, open_=True)
LINE: dict[str, Any] = {
    "type": "object",
    "properties": {"outcome": {"type": "string"}, "text": {"type": "string"}, "parts": {"type": "array"}},
    "required": ["outcome", "text"],
}
LATER = shape(
    {"id": {"type": "integer"}, "kind": {"type": "string"}, "at": INSTANT, "by": {"type": "string"}},
    {"note": {"type": "string"}, "reason": {"type": "string"}, "instead": {"type": "array"}},
)
READ = shape(
    {
        "id": {"type": "integer"}, "kind": {"type": "string"}, "at": INSTANT, "who": {"type": "string"},
        "case": {"type": ["integer", "null"]}, "why": {"type": "string"}, "what": {"type": "object"},
    }
)  # fmt: skip
HIT = shape(
    {"id": {"type": "integer"}, "hash": DIGEST, "kind": {"type": "string"}, "at": INSTANT},
    {
        "refers": {"type": ["integer", "null"]}, "household_id": NULLABLE_TEXT, "on": NULLABLE_TEXT,
        "rulebook": NULLABLE_TEXT, "engine": NULLABLE_TEXT, "caseworker": NULLABLE_TEXT,
    },
)  # fmt: skip
RULE_PROBLEM = shape(
    {
        "file": {"type": "string"}, "line": {"type": "integer"}, "column": {"type": "integer"},
        "code": {"type": "string"}, "message": WORDS, "hint": WORDS,
    },
    open_=True,
)  # fmt: skip
LOG_HEAD = shape({"size": {"type": "integer"}, "head": DIGEST, "root": DIGEST})
CHECKPOINT = {
    "type": ["object", "null"],
    "properties": {"checkpoint": {"type": "object"}, "signature": {"type": "string"}},
}


class Answered(StrictSchema):
    """Base of answers: described as they are made."""


class Decided(Answered):
    id = Whole(lowest=1, required=True)
    kind = OneOf("decision", "correction", required=True)
    decided_at = Anything(INSTANT, required=True)
    on = Anything({"type": "string", "format": "date"}, required=True)
    household_id = Text(most=26, required=True)
    caseworker = Text(most=40, required=True)
    rulebook = Anything(DIGEST, required=True)
    engine = Text(most=40, required=True)
    hash = Anything(DIGEST, required=True)
    decision = Anything(DOCUMENT, required=True)
    explanation = Anything(listing(LINE))
    corrects = Whole(lowest=1)
    reason = Text(most=1000)


class Case(Decided):
    later = Anything(listing(LATER), required=True)
    corrected_by = Whole(lowest=1)
    identity = Anything({"type": ["object", "null"], "additionalProperties": {"type": "object"}})
    reads = Anything(listing(READ))


class Settled(Answered):
    decision = Whole(lowest=1, required=True)
    id = Whole(lowest=1, required=True)
    kind = OneOf("confirmation", "departure", required=True)
    at = Anything(INSTANT, required=True)
    by = Text(most=40, required=True)
    hash = Anything(DIGEST, required=True)
    note = Text(most=1000)
    reason = Text(most=1000)
    instead = Anything({"type": "array"})


class Hits(Answered):
    items = Anything(listing(HIT), required=True)
    behind = Whole(required=True)
    next = Anything(NULLABLE_TEXT, required=True)


class Reads(Answered):
    items = Anything(listing(READ), required=True)
    next = Anything(NULLABLE_TEXT, required=True)


class Evaluated(Answered):
    on = Anything({"type": "string", "format": "date"}, required=True)
    rulebook = Anything(DIGEST, required=True)
    engine = Text(most=40, required=True)
    decision = Anything(DOCUMENT, required=True)
    explanation = Anything(listing(LINE))


class Replayed(Answered):
    """A replay (with `ok`), or a comparison with other rules (with `same`)."""

    class Meta(StrictSchema.Meta):
        unknown = INCLUDE

    decision = Whole(lowest=1, required=True)
    ok = Flag()
    same = Flag()
    same_bytes = Flag()
    differences = Anything({"type": "array"})
    changes = Anything({"type": "array"})
    left_out = Anything(listing({"type": "string"}))


class Found(Answered):
    households = Anything(listing({"type": "string"}), required=True)
    behind = Whole(required=True)


class Policies(Answered):
    rulebook = Anything(DIGEST, required=True)
    on = Anything({"type": "string", "format": "date"}, required=True)
    items = Anything(listing(shape({"id": {"type": "string"}, "title": WORDS}, open_=True)), required=True)


class PolicyDetail(Answered):
    class Meta(StrictSchema.Meta):
        unknown = INCLUDE

    id = Text(required=True)
    rulebook = Anything(DIGEST, required=True)
    on = Anything({"type": "string", "format": "date"}, required=True)
    in_force = Anything({"type": ["object", "null"]}, required=True)
    versions = Anything({"type": "array"}, required=True)


class FactsListed(Answered):
    rulebook = Anything(DIGEST, required=True)
    items = Anything(listing(shape({"name": {"type": "string"}}, open_=True)), required=True)
    choices = Anything({"type": "object"}, required=True)


class ParametersListed(Answered):
    rulebook = Anything(DIGEST, required=True)
    on = Anything({"type": "string", "format": "date"}, required=True)
    items = Anything(listing(shape({"name": {"type": "string"}}, open_=True)), required=True)


class RulesChecked(Answered):
    ok = Flag(required=True)
    digest = Anything({"type": ["string", "null"]}, required=True)
    problems = Anything(listing(RULE_PROBLEM), required=True)


class RulesLoaded(Answered):
    digest = Anything(DIGEST, required=True)
    before = Anything(DIGEST, required=True)
    changed = Flag(required=True)
    since = Anything(INSTANT, required=True)
    policies = Whole(required=True)


class Head(Answered):
    ledger = Text(most=64, required=True)
    logs = Anything(shape({"decisions": LOG_HEAD, "access": LOG_HEAD}), required=True)
    checkpoint = Anything(CHECKPOINT, required=True)


class Proof(Answered):
    class Meta(StrictSchema.Meta):
        unknown = INCLUDE

    proof = OneOf("inclusion", "consistency", required=True)
    log = OneOf("decisions", "access", required=True)
    path = Anything(listing({"type": "string"}), required=True)


class Verified(Answered):
    ok = Flag(required=True)
    first_broken = Anything({"type": ["integer", "null"]}, required=True)
    sizes = Anything({"type": "object", "additionalProperties": {"type": "integer"}}, required=True)
    heads = Anything({"type": "object", "additionalProperties": {"type": "string"}}, required=True)
    findings = Anything(
        listing(shape({name: {"type": "string"} for name in ("code", "log", "place", "message")})), required=True
    )


class Health(Answered):
    status = OneOf("ok", required=True)


class Ready(Answered):
    status = OneOf("ready", required=True)
    rulebook = Anything(DIGEST, required=True)
    engine = Text(most=40, required=True)


DECIDED, CASE, SETTLED, HITS, READS = Decided(), Case(), Settled(), Hits(), Reads()
EVALUATED, REPLAYED, FOUND = Evaluated(), Replayed(), Found()
POLICIES, POLICY, FACTS, PARAMETERS = Policies(), PolicyDetail(), FactsListed(), ParametersListed()
RULES_CHECKED, RULES_LOADED = RulesChecked(), RulesLoaded()
HEAD, PROOF, VERIFIED = Head(), Proof(), Verified()
HEALTH, READY = Health(), Ready()
