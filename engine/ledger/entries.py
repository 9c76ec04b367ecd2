"""What can be written in the ledger: frozen drafts going in, frozen entries coming out.

A draft's body is canonical JSON and opaque here. The few things that auditors look for stand beside it, in a
DecisionIndex; both are digested into the entry, so both are covered by the chain.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.language import canonical
from engine.ledger.errors import Refused
from engine.ledger.identity import Person
from engine.ledger.values import bad, day, digest, instant, name, reason_given

__all__ = [
    "KINDS",
    "DecisionIndex",
    "Draft",
    "Entry",
    "PolicyLine",
    "Receipt",
    "Request",
    "confirmation",
    "correction",
    "decision",
    "departure",
    "erasure",
    "instant",
    "order",
]

KINDS = ("decision", "confirmation", "departure", "correction", "erasure", "rulebook", "order")
"""decision: the engine's proposal. confirmation: a person adopts it. departure: a person decides otherwise,
and why.
correction: a decision made again, naming the old one. erasure: a household's identity was destroyed.
rulebook: the rules themselves, file by file, so that any decision can be made again.
order: one step of a work order of the watch."""

STATUSES = ("eligible", "ineligible", "undetermined")


class PolicyLine(NamedTuple):
    """One answer of a decision. `subject` is "household" or a member's id; amounts are whole fen, least <=
    most."""

    policy: str
    subject: str
    status: str
    least_fen: int
    most_fen: int


@dataclass(frozen=True, slots=True)
class DecisionIndex:
    """What a decision can be found by.

    policies: a line for each answer, or their canonical JSON if the caller has it. on: the day the law was read for,
    YYYY-MM-DD. rulebook: digest of a rulebook already in the ledger.
    engine: version that decided. caseworker: id of the API key that asked. household_id: a random id, never a
    name or number. explanation: the Chinese text, for full-text search; it must hold no identity field.
    """

    policies: tuple[PolicyLine, ...] | bytes
    on: str
    rulebook: str
    engine: str
    caseworker: str
    household_id: str
    explanation: str

    def written(self) -> bytes:
        """As it is digested and stored, in canonical JSON. The household stands in the entry's header instead."""
        lines = self.policies
        told = (self.caseworker, self.engine, self.explanation, self.on, self.rulebook)
        return canonical.joined(
            {
                "policies": lines if isinstance(lines, bytes) else canonical.dumps([list(line) for line in lines]),
                **dict(zip(_TOLD, map(canonical.dumps, told), strict=True)),
            }
        )


_TOLD = ("caseworker", "engine", "explanation", "on", "rulebook")


@dataclass(frozen=True, slots=True)
class Request:
    """An idempotent call: who asked (id of the API key), the Idempotency-Key as sent, SHA-256 of the body
    as hex."""

    owner: str
    key: str
    body: str


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry before it has a place. Make one with the functions below, not by hand."""

    kind: str
    at: str
    body: bytes = field(repr=False)
    index: bytes | None = field(default=None, repr=False)
    rulebook: str | None = None
    refers: int | None = None
    household: str | None = None
    request: Request | None = None
    identity: tuple[Person, ...] = field(default=(), repr=False)
    files: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """That an entry is on disk: its number, and its hash, which is also its leaf in the Merkle tree (hex).

    `repeated`: the idempotency key was used before with the same body; this is the entry written then.
    """

    seq: int
    hash: str
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored entry. Digests and hashes are hex; `body` and `index` are read JSON (index: decisions
    only)."""

    seq: int
    kind: str
    at: str
    refers: int | None
    household: str | None
    identity: str | None
    request_key: str | None
    request_body: str | None
    body_digest: str
    index_digest: str | None
    previous: str
    hash: str
    body: Any
    index: Any


def decision(
    body: Mapping[str, Any] | bytes,
    index: DecisionIndex,
    at: str,
    *,
    request: Request | None = None,
    identity: tuple[Person, ...] = (),
) -> Draft:
    """The engine's decision. `body`: its document, or that document's canonical bytes if the caller has them.

    `identity`: who the people are, if that is known; kept encrypted and apart. Raises Refused.
    """
    _check_index(index)
    return Draft(
        kind="decision",
        at=instant(at),
        body=_bytes(body),
        index=index.written(),
        rulebook=index.rulebook,
        household=index.household_id,
        request=_checked(request),
        identity=_people(identity),
    )


def confirmation(decision: int, by: str, at: str, *, note: str = "", request: Request | None = None) -> Draft:
    """A caseworker (`by`: key id) adopts decision number `decision`."""
    body = {"by": name(by, "by"), "decision": decision, "note": note}
    return _about(decision, "confirmation", body, at, request)


def departure(
    decision: int, by: str, reason: str, at: str, *, instead: Any = None, request: Request | None = None
) -> Draft:
    """A caseworker decides otherwise. The reason is required (个人信息保护法 art. 24: a person may refuse
    what a machine proposed); `instead` is what was decided, as the caller writes it (a canonical JSON
    value)."""
    body = {"by": name(by, "by"), "decision": decision, "instead": instead, "reason": reason_given(reason)}
    return _about(decision, "departure", body, at, request)


def correction(
    old: int,
    body: Mapping[str, Any] | bytes,
    index: DecisionIndex,
    by: str,
    reason: str,
    at: str,
    *,
    request: Request | None = None,
    identity: tuple[Person, ...] = (),
) -> Draft:
    """A decision made again in place of number `old`, which stays as it is. Body: {by, decision, old,
    reason}."""
    _check_index(index)
    head = canonical.dumps({"by": name(by, "by")})[:-1] + b',"decision":'
    tail = canonical.dumps({"old": old, "reason": reason_given(reason)})[1:]
    return Draft(
        kind="correction",
        at=instant(at),
        body=head + _bytes(body) + b"," + tail,  # keys in order, so canonical without reading `body` again
        index=index.written(),
        rulebook=index.rulebook,
        refers=old,
        household=index.household_id,
        request=_checked(request),
        identity=_people(identity),
    )


def erasure(household_id: str, by: str, reason: str, at: str, *, request: Request | None = None) -> Draft:
    """A household's identity is destroyed; its decisions stay (个人信息保护法 art. 47)."""
    body = {
        "by": name(by, "by"),
        "household": name(household_id, "household_id"),
        "reason": reason_given(reason),
    }
    return Draft("erasure", instant(at), canonical.dumps(body), household=household_id, request=_checked(request))


def order(body: bytes, at: str, request: Request) -> Draft:
    """One step of a work order, as the watch wrote it: canonical JSON with `by`, `order`, `step`, `action`.

    The request makes it idempotent: a step sent again is the entry it was."""
    return Draft("order", instant(at), body, request=_checked(request))


def _about(decision: int, kind: str, body: dict[str, Any], at: str, request: Request | None) -> Draft:
    return Draft(kind, instant(at), canonical.dumps(body), refers=decision, request=_checked(request))


def _bytes(body: Mapping[str, Any] | bytes) -> bytes:
    return body if isinstance(body, bytes) else canonical.dumps(body)


def _people(identity: tuple[Person, ...]) -> tuple[Person, ...]:
    if len({person.subject for person in identity}) != len(identity):
        raise Refused("同一成员的身份信息给了两次", "the same member is identified twice", "bad-identity")
    return identity


def _check_index(index: DecisionIndex) -> None:
    name(index.engine, "engine")
    name(index.caseworker, "caseworker")
    name(index.household_id, "household_id")
    digest(index.rulebook, "rulebook")
    day(index.on, "on")
    for policy, subject, status, least, most in () if isinstance(index.policies, bytes) else index.policies:
        name(policy, "policies")
        if not 0 < len(subject) <= 128:
            raise bad("policies", "对象须为 household 或成员编号", "has household or a member's id as subject")
        if status not in STATUSES:
            raise bad("policies", f"状态须为 {'、'.join(STATUSES)}", f"has a status of {', '.join(STATUSES)}")
        if type(least) is not int or type(most) is not int or not 0 <= least <= most:
            raise bad("policies", "金额须为整数分，下限不大于上限", "has amounts in whole fen, least <= most")


def _checked(request: Request | None) -> Request | None:
    if request is not None:
        name(request.owner, "request.owner")
        name(request.key, "request.key")
        digest(request.body, "request.body")
    return request
