"""From a decision to what is put on record: its document, and what it can be found by."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from engine import __version__
from engine.decide import Decision
from engine.decide.amounts import worth
from engine.decide.kept import once
from engine.decide.record import Written
from engine.language import canonical
from engine.ledger.entries import DecisionIndex, Entry
from engine.ledger.errors import NotFound
from engine.ledger.phrases import Phrases

__all__ = ["Recorded", "document", "document_of", "index_of", "lines_of"]


class Recorded(Written):
    """A decision as it goes into the ledger: the record, and the jurisdictions that were asked for (None: those in
    force). With `engine`, `rulebook`, `on` and `household` in it, all that it followed from."""

    def __init__(self, decision: Decision, jurisdictions: Collection[str] | None = None):
        super().__init__(decision)
        self.jurisdictions = None if jurisdictions is None else sorted(jurisdictions)

    @once
    def body(self) -> bytes:
        """What is stored, hashed and replayed, in canonical JSON."""
        return canonical.joined({**self.parts, "jurisdictions": canonical.dumps(self.jurisdictions)})


def document(decision: Decision, jurisdictions: Collection[str] | None = None) -> dict[str, Any]:
    """The same as data."""
    found: dict[str, Any] = json.loads(Recorded(decision, jurisdictions).body)
    return found


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


def lines_of(decision: Decision) -> bytes:
    """A PolicyLine for each answer, in canonical JSON; its amounts are what it is worth in the twelve months from `on`,
    in fen."""
    members = {each.id: canonical.dumps(each.id) for each in decision.household.members} | {"": b'"household"'}
    lines = []
    for answer in decision.answers:
        said = answer.raw.said
        line = said.get("line")
        if line is None:
            least, most = worth(answer.amounts) if answer.possible else (0, 0)
            line = said["line"] = (
                b'["%b",' % answer.policy.id.encode("ascii"),
                b',"%b",%d,%d]' % (answer.status.encode("ascii"), least, most),
            )
        lines.append(line[0] + members[answer.member] + line[1])
    return b"[%b]" % b",".join(lines)


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
