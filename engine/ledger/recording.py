"""From a decision to what is put on record: its document, and what it can be found by."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from engine import __version__
from engine.decide import Decision
from engine.decide.amounts import worth
from engine.decide.record import record
from engine.ledger.entries import DecisionIndex, Entry, PolicyLine
from engine.ledger.errors import NotFound
from engine.ledger.phrases import Phrases

__all__ = ["document", "document_of", "index_of", "lines_of"]


def document(decision: Decision, jurisdictions: Collection[str] | None = None) -> dict[str, Any]:
    """What is stored, hashed and replayed: the decision's record, and the jurisdictions that were asked for
    (None: those in force). With `engine`, `rulebook`, `on` and `household` in the record, all that it
    followed from."""
    asked = None if jurisdictions is None else sorted(jurisdictions)
    return {**record(decision), "jurisdictions": asked}


def index_of(decision: Decision, phrases: Phrases, caseworker: str, household_id: str) -> DecisionIndex:
    """What the decision can be found by. `caseworker`: id of the API key that asked."""
    return DecisionIndex(
        policies=lines_of(decision),
        on=decision.on.isoformat(),
        rulebook=decision.program.rulebook.digest,
        engine=__version__,
        caseworker=caseworker,
        household_id=household_id,
        explanation=phrases.of(decision),
    )


def lines_of(decision: Decision) -> tuple[PolicyLine, ...]:
    """One line for each answer; its amounts are what it is worth in the twelve months from `on`, in fen."""
    return tuple(
        PolicyLine(
            answer.policy.id,
            answer.member or "household",
            answer.status,
            *(worth(answer.amounts) if answer.possible else (0, 0)),
        )
        for answer in decision.answers
    )


def document_of(entry: Entry) -> dict[str, Any]:
    """The document of a decision or of a correction. Raises NotFound for any other entry."""
    if entry.kind == "decision":
        found: dict[str, Any] = entry.body
    elif entry.kind == "correction":
        found = entry.body["decision"]
    else:
        raise NotFound(
            f"第 {entry.seq} 号记录不是决定", f"entry {entry.seq} is not a decision", "no-decision"
        )
    return found
