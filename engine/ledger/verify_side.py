"""Verifying what stands beside the chain: identities and their keys, rulebooks and their
files."""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

from engine.language.canonical import NotCanonical
from engine.ledger import identity
from engine.ledger.errors import Damaged
from engine.ledger.findings import Finding, finding
from engine.ledger.pack import unpack

__all__ = ["identities", "rulebooks"]


def identities(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Every identity against its digest in the chain; its key against the identity, or gone if it was erased."""
    erased = {household for (household,) in connection.execute("SELECT household FROM entry WHERE kind = 'erasure'")}
    numbers: dict[Any, Any] = {}  # digest -> number; 0 once an entry names it
    last = 0
    query = """SELECT i.number, i.household, i.digest, i.key_digest, i.sealed,
                      k.household, k.master, k.wrapped, k.same, k.tokens, k.salt
               FROM identity i LEFT JOIN household_key k ON k.identity = i.number ORDER BY i.number"""
    for number, household, digest, of_key, sealed, owner, *key in connection.execute(query):
        if number != last + 1:
            yield finding("identity-changed", last + 1)
        last = number
        numbers[digest] = number
        if _attempt(identity.row_digest, household, of_key, sealed) != digest:
            yield finding("identity-changed", number)
        elif household in erased:
            if owner is not None:
                yield finding("identity-key", household)
        elif owner != household or _attempt(identity.key_digest, *key) != of_key:
            yield finding("identity-key", household)
    strays = "SELECT household FROM household_key WHERE identity NOT IN (SELECT number FROM identity) ORDER BY 1"
    for (household,) in connection.execute(strays):
        yield finding("identity-key", household)
    query = "SELECT seq, identity FROM entry WHERE identity IS NOT NULL ORDER BY seq"
    for seq, digest in connection.execute(query):
        if digest in numbers:
            numbers[digest] = 0
        else:
            yield finding("identity-missing", seq, log="decisions")
    for number in numbers.values():
        if number:
            yield finding("identity-extra", number)


def _attempt(digest: Callable[..., bytes], *columns: Any) -> bytes | None:
    """A digest of columns that may hold anything by now; None when it cannot be worked out."""
    try:
        return digest(*columns)
    except (NotCanonical, TypeError, AttributeError):
        return None


def rulebooks(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Every rulebook against the entry that recorded it, and every file against its digest there."""
    listed = dict(connection.execute("SELECT digest, seq FROM rulebook").fetchall())
    needed: dict[bytes, str] = {}
    for seq, body in connection.execute("SELECT seq, body FROM entry WHERE kind = 'rulebook' ORDER BY seq").fetchall():
        try:
            document = json.loads(unpack(body))
            name, files = (
                document["rulebook"],
                [(path, bytes.fromhex(digest)) for path, digest in document["files"]],
            )
        except (Damaged, ValueError, KeyError, TypeError):
            listed = {digest: number for digest, number in listed.items() if number != seq}
            continue  # the walk along the chain has named the entry
        if listed.pop(name, None) != seq:
            yield finding("rulebook-changed", name)
        needed.update((digest, path) for path, digest in files)
    for name in sorted(listed, key=str):
        yield finding("rulebook-changed", name)
    there = set()
    for digest, text in connection.execute("SELECT digest, text FROM rulebook_file ORDER BY digest"):
        there.add(digest)
        if digest not in needed:
            yield finding("rule-file-extra", _hex(digest))
        elif _unpacked_digest(text) != digest:
            yield finding("rule-file-changed", needed[digest])
    for digest in sorted(needed.keys() - there):
        yield finding("rule-file-changed", needed[digest])


def _unpacked_digest(blob: Any) -> bytes | None:
    try:
        return hashlib.sha256(unpack(blob)).digest()
    except (Damaged, TypeError):
        return None


def _hex(digest: Any) -> str:
    return digest.hex() if type(digest) is bytes else str(digest)
