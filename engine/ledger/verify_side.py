"""Verifying what stands beside the chain: identities, their keys and search tokens, rulebooks and their
files."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from engine.language.canonical import NotCanonical
from engine.ledger import identity
from engine.ledger.errors import Damaged
from engine.ledger.findings import Finding, finding
from engine.ledger.pack import unpack

__all__ = ["identities", "rulebooks"]


def identities(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Every identity against its digest in the chain; keys and tokens against the identity, or gone if
    erased."""
    erased = {
        household for (household,) in connection.execute("SELECT household FROM entry WHERE kind = 'erasure'")
    }
    keys: dict[Any, tuple[Any, ...]] = {}
    for household, *key in connection.execute("SELECT household, master, wrapped, salt FROM household_key"):
        keys[household] = tuple(key)
        if household in erased:
            yield finding("identity-key", household)
    there: set[Any] = set()
    owners: set[Any] = set()
    query = "SELECT digest, household, key_digest, same, tokens_digest, sealed FROM identity ORDER BY digest"
    for digest, household, of_key, same, of_tokens, sealed in connection.execute(query):
        there.add(digest)
        owners.add(household)
        if _row_digest(household, of_key, same, of_tokens, sealed) != digest:
            yield finding("identity-changed", _hex(digest))
            continue
        tokens = _tokens(connection, digest, household)
        if household in erased:
            if tokens:
                yield finding("identity-tokens", _hex(digest))
        elif household not in keys or _key_digest(keys[household]) != of_key:
            yield finding("identity-key", household)
        elif identity.tokens_digest(keys[household][2], tokens) != of_tokens:
            yield finding("identity-tokens", _hex(digest))
    yield from _strays(connection, keys, there, owners)


def _strays(
    connection: sqlite3.Connection, keys: dict[Any, tuple[Any, ...]], there: set[Any], owners: set[Any]
) -> Iterator[Finding]:
    for household in sorted(keys.keys() - owners, key=str):
        yield finding("identity-key", household)
    used = set()
    query = "SELECT seq, identity FROM entry WHERE identity IS NOT NULL ORDER BY seq"
    for seq, digest in connection.execute(query):
        used.add(digest)
        if digest not in there:
            yield finding("identity-missing", seq, log="decisions")
    for digest in sorted(there - used, key=str):
        yield finding("identity-extra", _hex(digest))
    owner = dict(connection.execute("SELECT digest, household FROM identity").fetchall())
    for digest, household in connection.execute(
        "SELECT DISTINCT identity, household FROM person_token"
    ).fetchall():
        if owner.get(digest) != household:
            yield finding("identity-tokens", _hex(digest))


def _tokens(connection: sqlite3.Connection, digest: Any, household: Any) -> list[bytes]:
    query = "SELECT token FROM person_token WHERE household = ? AND identity = ? ORDER BY token"
    return [
        token if type(token) is bytes else b"" for (token,) in connection.execute(query, (household, digest))
    ]


def _row_digest(*columns: Any) -> bytes | None:
    try:
        return identity.row_digest(*columns)
    except (NotCanonical, TypeError, AttributeError):
        return None


def _key_digest(columns: tuple[Any, ...]) -> bytes | None:
    try:
        return identity.key_digest(*columns)
    except (NotCanonical, TypeError, AttributeError):
        return None


def rulebooks(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Every rulebook against the entry that recorded it, and every file against its digest there."""
    listed = dict(connection.execute("SELECT digest, seq FROM rulebook").fetchall())
    needed: dict[bytes, str] = {}
    for seq, body in connection.execute(
        "SELECT seq, body FROM entry WHERE kind = 'rulebook' ORDER BY seq"
    ).fetchall():
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
