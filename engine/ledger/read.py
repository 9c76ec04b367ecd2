"""Reading entries back, each checked against its own digests as it is read."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from engine.ledger.chain import DECISIONS, LOGS, header_of_entry, leaf_hash
from engine.ledger.entries import Entry
from engine.ledger.errors import Damaged, NotFound
from engine.ledger.pack import unpack

__all__ = ["about", "documents", "entries", "entry", "head"]

_COLUMNS = f'{DECISIONS.columns}, body, "index"'


def entry(connection: sqlite3.Connection, seq: int) -> Entry:
    """Entry number `seq`. Raises NotFound; Damaged when it does not fit its own digests (the chain and what
    is beside it are the business of `verify`)."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM entry WHERE seq = ?", (seq,)).fetchone()
    if row is None:
        raise NotFound(f"没有第 {seq} 号记录", f"there is no entry {seq}")
    return _entry(row)


def documents(connection: sqlite3.Connection, seq: int) -> tuple[bytes, bytes | None]:
    """The body and the index of entry `seq` as canonical bytes, unread. Raises NotFound, Damaged."""
    row = connection.execute('SELECT body, "index" FROM entry WHERE seq = ?', (seq,)).fetchone()
    if row is None:
        raise NotFound(f"没有第 {seq} 号记录", f"there is no entry {seq}")
    return unpack(row[0]), None if row[1] is None else unpack(row[1])


def about(connection: sqlite3.Connection, seq: int) -> tuple[Entry, ...]:
    """What was later said about decision `seq`: its confirmations, departures and corrections, oldest
    first."""
    query = f"SELECT {_COLUMNS} FROM entry WHERE refers = ? ORDER BY seq"
    return tuple(_entry(row) for row in connection.execute(query, (seq,)))


def entries(
    connection: sqlite3.Connection, first: int = 1, last: int | None = None, *, decisions: bool = True
) -> Iterator[Entry]:
    """Entries `first` to `last` (both included; None: the newest), in order, read as they are asked for.

    `decisions` False: the body of a decision is left unread (None), for whoever needs only what it is found by.
    """
    body = "body" if decisions else "CASE kind WHEN 'decision' THEN NULL ELSE body END"
    query = f'SELECT {DECISIONS.columns}, {body}, "index" FROM entry WHERE seq BETWEEN ? AND ? ORDER BY seq'
    for row in connection.execute(query, (first, 2**62 if last is None else last)):
        yield _entry(row)


def head(connection: sqlite3.Connection, log: str = "decisions") -> tuple[int, str]:
    """Size of a log ("decisions" or "access") and the hash of its last entry, in hex."""
    if log not in LOGS:
        raise NotFound(f"没有名为 {log} 的日志", f"there is no log called {log}")
    row = connection.execute("SELECT size, hash FROM head WHERE log = ?", (log,)).fetchone()
    if row is None:
        raise Damaged("台账缺少头记录", "the ledger's heads are missing")
    return row[0], row[1].hex()


def _entry(row: tuple[Any, ...]) -> Entry:
    seq, kind, at, refers, household, identity, request_key, request_body, body_digest, index_digest = row[
        :10
    ]
    previous, hash, packed_body, packed_index = row[10:]
    body = None if packed_body is None else unpack(packed_body)
    index = None if packed_index is None else unpack(packed_index)
    fits = leaf_hash(header_of_entry(row)) == hash
    for document, digest in ((body, body_digest), (index, index_digest)):
        fits = fits and (document is None or hashlib.sha256(document).digest() == digest)
    if not fits:
        raise Damaged(f"第 {seq} 号记录已被改动", f"entry {seq} was changed")
    return Entry(
        seq,
        kind,
        at,
        refers,
        household,
        identity and identity.hex(),
        request_key and request_key.hex(),
        request_body and request_body.hex(),
        body_digest.hex(),
        index_digest and index_digest.hex(),
        previous.hex(),
        hash.hex(),
        None if body is None else json.loads(body),
        None if index is None else json.loads(index),
    )
