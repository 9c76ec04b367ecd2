"""Verifying checkpoints: those stored among themselves, and all of them against the logs."""

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from engine.language import canonical
from engine.ledger.chain import LOGS
from engine.ledger.checkpoint import Checkpoint, read_checkpoint
from engine.ledger.errors import LedgerError
from engine.ledger.findings import Finding, finding
from engine.ledger.verify_chain import Chain

__all__ = ["Claim", "check", "claims"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A checkpoint to hold the logs against. `number`: where it is stored; None for one kept elsewhere.
    `checkpoint`: None when what is stored cannot be read as one."""

    number: int | None
    checkpoint: Checkpoint | None

    @property
    def name(self) -> str:
        if self.number is not None:
            return str(self.number)
        return f"{self.checkpoint.document.get('number')} (kept)" if self.checkpoint else "?"

    def size(self, log: str) -> int | None:
        return self.checkpoint.size(log) if self.checkpoint else None


def claims(connection: sqlite3.Connection, kept: Collection[Checkpoint]) -> list[Claim]:
    """The checkpoints in the ledger, in order, then those kept elsewhere."""
    rows = connection.execute("SELECT number, document, signature FROM checkpoint ORDER BY number")
    return [Claim(number, _read(document, signature)) for number, document, signature in rows] + [
        Claim(None, checkpoint) for checkpoint in kept
    ]


def _read(document: str, signature: bytes) -> Checkpoint | None:
    try:
        checkpoint = read_checkpoint(
            json.dumps({"checkpoint": json.loads(document), "signature": signature.hex()})
        )
    except (ValueError, TypeError, AttributeError, RecursionError, LedgerError):
        return None
    return checkpoint if canonical.dumps(checkpoint.document) == document.encode() else None


def check(
    connection: sqlite3.Connection,
    claimed: list[Claim],
    chains: Mapping[str, Chain],
    ledger_id: str,
    trusted: Collection[str] | None,
) -> Iterator[Finding]:
    """Findings about `claimed`, once the logs were walked."""
    yield from _among_themselves(connection, [claim for claim in claimed if claim.number is not None])
    for claim in claimed:
        checkpoint = claim.checkpoint
        if checkpoint is None:
            continue  # said already
        if not checkpoint.signed_by(trusted):
            yield finding("checkpoint-signature", claim.name)
        elif checkpoint.document["ledger"] != ledger_id:
            yield finding("other-ledger", claim.name)
        else:
            yield from _against_logs(claim.name, checkpoint, chains)


def _among_themselves(connection: sqlite3.Connection, stored: list[Claim]) -> Iterator[Finding]:
    previous: str | None = None
    last = 0
    for claim in stored:
        checkpoint, number = claim.checkpoint, claim.number or 0
        for gone in range(last + 1, min(number, last + 10)):
            yield finding("checkpoint-changed", gone)
        last = number
        if checkpoint is None or checkpoint.document.get("number") != number:
            yield finding("checkpoint-changed", number)
            previous = None
            continue
        if previous is not None and checkpoint.document.get("previous") != previous:
            yield finding("checkpoint-changed", number)
        previous = checkpoint.digest.hex()
    row = connection.execute("SELECT size, hash FROM head WHERE log = 'checkpoints'").fetchone()
    meant = (last, bytes.fromhex(previous) if previous else bytes(32))
    if row is not None and type(row[0]) is int and row[0] > last and row[1] != meant[1]:
        yield finding("checkpoint-changed", last + 1)
    elif row != meant and (previous is not None or not stored):
        yield finding("head-changed", "checkpoints", detail=last)


def _against_logs(name: str, checkpoint: Checkpoint, chains: Mapping[str, Chain]) -> Iterator[Finding]:
    for log in LOGS:
        chain, claim = chains[log], checkpoint.document["logs"][log]
        size = claim["size"]
        if size > chain.size:
            yield finding("checkpoint-beyond", name, detail=log)
        elif size in chain.roots and (chain.roots[size].hex(), chain.heads[size].hex()) != (
            claim["root"],
            claim["head"],
        ):
            yield finding("checkpoint-mismatch", name, detail=log)
