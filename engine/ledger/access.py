"""The second log: who looked at which case, when and why. Chained like the first, in the same file, so that
one commit takes entries of both. It holds no identity field; `why` is the reader's own words, and readers
are told so."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.language import canonical
from engine.ledger.entries import instant
from engine.ledger.errors import Refused

__all__ = ["KINDS", "Access", "AccessDraft", "access", "body_of", "page"]

KINDS = ("read", "identity", "search", "replay", "export", "administer")
"""read: a case. identity: its people, decrypted. search: cases were looked for. replay: a case was decided
again.
export: entries or proofs left the house. administer: keys, rules or backups."""


@dataclass(frozen=True, slots=True)
class AccessDraft:
    """A look before it is recorded. Make one with `access`."""

    kind: str
    at: str
    who: str
    case: int | None
    why: str
    what: bytes


@dataclass(frozen=True, slots=True)
class Access:
    """A recorded look."""

    seq: int
    kind: str
    at: str
    who: str
    case: int | None
    why: str
    what: Any
    hash: str


def access(
    kind: str, who: str, why: str, at: str, *, case: int | None = None, what: Mapping[str, Any] | None = None
) -> AccessDraft:
    """A look by API key id `who` at entry `case` (None: at no single one). `what`: details, a canonical
    JSON object; of a search by person the fields used, never the words looked for. Raises Refused."""
    if kind not in KINDS:
        raise Refused(
            f"查阅种类须为 {'、'.join(KINDS)} 之一", f"the kind is one of {', '.join(KINDS)}", "bad-access"
        )
    if not who or not why.strip() or len(why) > 500:
        raise Refused(
            "查阅须写明何人、何故（500 字以内）",
            "a look says who and why, in at most 500 characters",
            "bad-access",
        )
    return AccessDraft(kind, instant(at), who, case, why, canonical.dumps(dict(what or {})))


def body_of(who: str, case: int | None, why: str, what: str) -> bytes:
    """The document whose digest stands in the header: {case, what, who, why}, with `what` as canonical
    text."""
    head = canonical.dumps({"case": case})[:-1]
    tail = canonical.dumps({"who": who, "why": why})[1:]
    return head + b',"what":' + what.encode() + b"," + tail


def page(
    connection: sqlite3.Connection,
    *,
    case: int | None = None,
    who: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> tuple[Access, ...]:
    """Looks, newest first: at one case, by one key, or all; those before number `before`, for the next
    page."""
    conditions = {'"case" = ?': case, "who = ?": who, "seq < ?": before}
    used = {text: value for text, value in conditions.items() if value is not None}
    where = f"WHERE {' AND '.join(used)}" if used else ""
    query = (
        f'SELECT seq, kind, at, who, "case", why, what, hash FROM access {where} ORDER BY seq DESC LIMIT ?'
    )
    rows = connection.execute(query, (*used.values(), limit))
    return tuple(
        Access(seq, kind, at, by, on, reason, json.loads(what), hash.hex())
        for seq, kind, at, by, on, reason, what, hash in rows
    )
