"""Entries as callers see them. Each is made from what is stored alone, so that a repeated call gets the
same answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.decide import Decision
from engine.decide.explain import explain
from engine.decide.record import brief
from engine.language.canonical import dumps
from engine.ledger.access import Access
from engine.ledger.entries import Entry
from engine.ledger.identity import Person
from engine.ledger.recording import document_of
from engine.ledger.search import Hit

__all__ = ["Case", "explained", "hit", "later", "people", "read_of"]


@dataclass(frozen=True, slots=True)
class Case:
    """A decision or correction, as it was written or as it was read back: the two show the same.

    decision  its answers, in canonical JSON
    """

    seq: int
    kind: str
    at: str
    household: str | None
    caseworker: str
    hash: str
    on: str
    rulebook: str
    engine: str
    decision: bytes
    refers: int | None = None
    reason: str = ""

    @staticmethod
    def of(entry: Entry, decision: bytes | None = None) -> Case:
        """`decision`: other than briefly."""
        document = document_of(entry)
        return Case(
            entry.seq, entry.kind, entry.at, entry.household, entry.index["caseworker"], entry.hash, document["on"],
            document["rulebook"], document["engine"], dumps(brief(document)) if decision is None else decision,
            entry.refers, entry.body["reason"] if entry.kind == "correction" else "",
        )  # fmt: skip

    def parts(self) -> dict[str, bytes]:
        """What is told of it, each part as JSON by its name."""
        found = {
            "id": self.seq,
            "kind": self.kind,
            "decided_at": self.at,
            "on": self.on,
            "household_id": self.household,
            "caseworker": self.caseworker,
            "rulebook": self.rulebook,
            "engine": self.engine,
            "hash": self.hash,
        }
        found |= {"corrects": self.refers, "reason": self.reason} if self.kind == "correction" else {}
        return {"decision": self.decision, **{name: dumps(value) for name, value in found.items()}}


def explained(decision: Decision, lang: str) -> list[dict[str, Any]]:
    """The reasons of a decision in sentences: the one place where they are asked for."""
    return [line.data() for line in explain(decision, lang)]


def later(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """What was said about a decision afterwards."""
    found = []
    for entry in entries:
        row = {"id": entry.seq, "kind": entry.kind, "at": entry.at, "by": entry.body["by"]}
        for name in ("note", "reason", "instead"):
            if entry.body.get(name):
                row[name] = entry.body[name]
        found.append(row)
    return found


def people(persons: Sequence[Person]) -> dict[str, dict[str, str]]:
    """Who the people are, by member id, as the `identity` of a request has them."""
    names = ("name", "id_number", "phone", "address")
    return {who.subject: {name: value for name in names if (value := getattr(who, name))} for who in persons}


def read_of(access: Access) -> dict[str, Any]:
    """One line of the access log."""
    return {
        "id": access.seq,
        "kind": access.kind,
        "at": access.at,
        "who": access.who,
        "case": access.case,
        "why": access.why,
        "what": access.what,
    }


def hit(found: Hit) -> dict[str, Any]:
    """One line of a search."""
    return {
        "id": found.seq,
        "hash": found.hash,
        "kind": found.kind,
        "at": found.at,
        "refers": found.refers,
        "household_id": found.household,
        "on": found.on,
        "rulebook": found.rulebook,
        "engine": found.engine,
        "caseworker": found.caseworker,
    }
