"""The hash chain: what of an entry is hashed, and how one entry holds the one before it.

An entry's *header* is canonical JSON: its number, kind and time, what it refers to, the digests of all that
it carries, and the hash of the entry before. The entry's hash is SHA-256(0x00 || header): the leaf hash of
RFC 9162 section 2.1.1. So one hash serves the chain and the Merkle tree, and a header plus a proof is all
an auditor needs.

There are two logs in one ledger, of the same make: `decisions`, and `access` (who read which case, when and
why).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.language import canonical

__all__ = [
    "ACCESS",
    "DECISIONS",
    "FORMAT",
    "LOGS",
    "Log",
    "genesis",
    "header_of_access",
    "header_of_entry",
    "leaf_hash",
]

FORMAT = 1
"""The shape of the headers below. A later shape gets a later number; old entries keep theirs."""


@dataclass(frozen=True, slots=True)
class Log:
    """One chained log: its name in headers and checkpoints, its table, and the columns its header is made
    of."""

    name: str
    table: str
    columns: str


DECISIONS = Log(
    "decisions",
    "entry",
    "seq, kind, at, refers, household, identity, request_key, request_body, body_digest, index_digest, previous, hash",
)
ACCESS = Log("access", "access", "seq, kind, at, body_digest, previous, hash")
LOGS = {log.name: log for log in (DECISIONS, ACCESS)}


def leaf_hash(header: bytes) -> bytes:
    """SHA-256(0x00 || header), RFC 9162 section 2.1.1."""
    return hashlib.sha256(b"\x00" + header).digest()


def genesis(ledger_id: str, created_at: str, log: Log) -> bytes:
    """What stands as `previous` in a log's first entry: it ties the chain to this ledger and to this log."""
    first = {"created_at": created_at, "format": FORMAT, "ledger": ledger_id, "log": log.name}
    return hashlib.sha256(canonical.dumps(first)).digest()


def header_of_entry(row: Sequence[Any]) -> bytes:
    """The header of a row of `DECISIONS.columns`; its last column, the hash, is not read. BLOBs are bytes."""
    seq, kind, at, refers, household, identity, request_key, request_body, body, index, previous = row[:11]
    request = request_body if request_key is None else request_key  # neither may be there without the other
    return canonical.dumps(
        {
            "at": at,
            "body": body.hex(),
            "format": FORMAT,
            "household": household,
            "identity": None if identity is None else identity.hex(),
            "index": None if index is None else index.hex(),
            "kind": kind,
            "log": DECISIONS.name,
            "previous": previous.hex(),
            "refers": refers,
            "request": None if request is None else {"body": request_body.hex(), "key": request_key.hex()},
            "seq": seq,
        }
    )


def header_of_access(row: Sequence[Any]) -> bytes:
    """The header of a row of `ACCESS.columns`; its last column, the hash, is not read."""
    seq, kind, at, body, previous = row[:5]
    return canonical.dumps(
        {
            "at": at,
            "body": body.hex(),
            "format": FORMAT,
            "kind": kind,
            "log": ACCESS.name,
            "previous": previous.hex(),
            "seq": seq,
        }
    )
