"""Whose case it is, and that it was looked at: nothing of a case leaves the ledger before the look is on
record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.endpoint import Call
from api.problems import Fault, Problem
from api.words import Words
from engine.ledger import read
from engine.ledger.access import access
from engine.ledger.entries import Entry
from engine.ledger.errors import NotFound

__all__ = ["OWN", "case", "looked", "own_case", "reason"]

NO_DECISION = Words("没有这个编号的决定", "there is no decision of this number")
OWN = "经办人查阅本人经办的个案"


def case(call: Call, seq: int) -> Entry:
    """A decision or correction that the caller may act on. Raises Problem. Not a look yet: see `looked`."""
    try:
        entry = read.entry(call.service.home.store.reader(), seq)
    except NotFound:
        raise Problem("not-found", detail=NO_DECISION) from None
    if entry.kind not in ("decision", "correction"):
        raise Problem("not-found", detail=NO_DECISION)
    if not own_case(call, entry) and not call.may("cases:all"):
        raise Problem("not-your-case", scope="cases:all")
    return entry


def own_case(call: Call, entry: Entry) -> bool:
    """Whether the caller decided it."""
    return bool(entry.index["caseworker"] == call.who.id)


def reason(call: Call, why: str | None, own: bool, place: str = "why", where: str = "parameter") -> str:
    """Why the caller looks. Raises Problem where it must be said and was not."""
    if why:
        return why
    if not own:
        code = "bad-query" if where == "parameter" else "invalid"
        raise Problem(code, [Fault("why-required", place, where)])
    return OWN


def looked(call: Call, kind: str, why: str, case: int | None = None, what: Mapping[str, Any] | None = None) -> None:
    """Put a look on record, on disk, before its answer is made."""
    call.service.home.writer.append(access(kind, call.who.id, why, call.service.at(), case=case, what=what))
