"""Verifying a chained log: every entry against its own hash, its neighbours, its documents, and the head."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.language.canonical import NotCanonical
from engine.ledger.access import body_of
from engine.ledger.chain import ACCESS, DECISIONS, Log, genesis, header_of_access, header_of_entry, leaf_hash
from engine.ledger.errors import Damaged
from engine.ledger.findings import Finding, finding
from engine.ledger.merkle import STRIDE, Spine
from engine.ledger.pack import unpack

__all__ = ["Chain", "missing", "walk"]

_DOCUMENTS = {DECISIONS.name: 'body, "index"', ACCESS.name: 'who, "case", why, what'}


@dataclass
class Chain:
    """What walking a log gave. `roots`: size -> Merkle root, for the sizes asked for; `nodes`: those that
    should be stored. Both stay as they are from the first missing entry on: `whole` says whether there was
    none."""

    size: int = 0
    hash: bytes = b""
    whole: bool = True
    roots: dict[int, bytes] = field(default_factory=dict)
    heads: dict[int, bytes] = field(default_factory=dict)
    nodes: dict[tuple[int, int], bytes] = field(default_factory=dict)


def walk(
    connection: sqlite3.Connection,
    log: Log,
    ledger: tuple[str, str],
    sizes: set[int],
    chain: Chain,
    progress: Callable[[int], None] = lambda done: None,
) -> Iterator[Finding]:
    """Walk a log from its first entry, filling `chain`; findings as they come.

    `ledger`: its id and creation time. `sizes`: at which sizes to note root and head.
    """
    spine = Spine()
    link: bytes | None = genesis(*ledger, log)
    last = 0
    for seq, row in _rows(connection, log):
        progress(seq)
        if row is None:
            yield finding("unreadable", seq, log=log.name)
            chain.whole, link, last = False, None, seq
            continue
        if seq > last + 1:
            yield missing(log, last + 1, seq - 1)
            chain.whole, link = False, None
        columns, documents = row[: log.columns.count(",") + 1], row[log.columns.count(",") + 1 :]
        code, detail, place, hash = _judge(connection, log, columns, link)
        if code:
            yield finding(code, place, log=log.name, detail=detail)
        if code != "digest-changed":
            yield from _documents(log, columns, documents)
        link, last = (None if code in ("moved", "replaced") else hash), seq
        if chain.whole:
            for level, place, node in spine.push(hash):
                if level % STRIDE == 0:
                    chain.nodes[level, place] = node
            if seq in sizes:
                chain.roots[seq], chain.heads[seq] = spine.root(), hash
        chain.size, chain.hash = seq, hash
    if 0 in sizes:
        chain.roots[0], chain.heads[0] = Spine().root(), genesis(*ledger, log)
    if not last:
        chain.hash = genesis(*ledger, log)


def missing(log: Log, first: int, last: int) -> Finding:
    """The finding for entries `first` to `last`, which are not there."""
    return finding("missing", first, log=log.name, detail=f"–{last}" if last > first else "")


def _rows(connection: sqlite3.Connection, log: Log) -> Iterator[tuple[int, tuple[Any, ...] | None]]:
    """All rows in order; None in place of one that the database cannot read. When a page is damaged, the
    rest is looked up one by one, so that one damaged page does not hide what lies behind it."""
    query = f"SELECT {log.columns}, {_DOCUMENTS[log.name]} FROM {log.table}"
    last = 0
    try:
        for row in connection.execute(f"{query} NOT INDEXED ORDER BY seq"):
            yield row[0], row
            last = row[0]
        return
    except sqlite3.DatabaseError:
        pass
    for seq in range(last + 1, _most(connection) + 1):
        try:
            found = connection.execute(f"{query} WHERE seq = ?", (seq,)).fetchone()
        except sqlite3.DatabaseError:
            yield seq, None
        else:
            if found is not None:
                yield seq, found


def _most(connection: sqlite3.Connection) -> int:
    """More entries than the file has room for; a head that claims them was changed."""
    (pages,), (size,) = (
        connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size")
    )
    return int(pages * size // 128)  # an entry holds at least four digests of 32 bytes


def _judge(
    connection: sqlite3.Connection, log: Log, columns: tuple[Any, ...], link: bytes | None
) -> tuple[str, object, int, bytes]:
    """What is wrong with an entry's header ("" for nothing), a detail, the number to blame, and the hash
    that the next entry should hold."""
    seq, previous, hash = columns[0], columns[-2], columns[-1]
    computed = _hash(log, columns)
    if computed == hash and (link is None or previous == link):
        return "", "", seq, hash
    follower = _follower(connection, log, seq)
    if computed == hash:
        if seq == 1:
            return "ledger-changed", "", seq, hash
        return "replaced", "", (seq - 1 if follower == hash else seq), hash
    code, detail, hash = _blame(connection, log, columns, link, computed, follower)
    return code, detail, seq, hash


def _blame(
    connection: sqlite3.Connection,
    log: Log,
    columns: tuple[Any, ...],
    link: bytes | None,
    computed: bytes | None,
    follower: bytes | None,
) -> tuple[str, object, bytes]:
    """Which part of a header that does not fit its hash was changed; a detail; the hash the next entry
    should hold."""
    previous, hash = columns[-2], columns[-1]
    if computed is not None and computed == follower and (link is None or previous == link):
        return "hash-changed", "", computed
    if type(hash) is not bytes:
        return "hash-changed", "", computed or b""
    if link is not None and _hash(log, (*columns[:-2], link, hash)) == hash:
        return "previous-changed", "", hash
    came_from = _came_from(connection, log, columns)
    if came_from is not None:
        return "moved", came_from, hash
    for name, attempt in _digests_mended(connection, log, columns):
        if _hash(log, attempt) == hash:
            return "digest-changed", name, hash
    return "header-changed", "", hash


def _hash(log: Log, columns: tuple[Any, ...]) -> bytes | None:
    try:
        return leaf_hash(header_of_entry(columns) if log is DECISIONS else header_of_access(columns))
    except (NotCanonical, AttributeError, TypeError):  # a column no longer holds what it could have held
        return None


def _follower(connection: sqlite3.Connection, log: Log, seq: int) -> bytes | None:
    """The hash that the next entry, or the head after the last, holds of this one."""
    try:
        row = connection.execute(f"SELECT previous FROM {log.table} WHERE seq = ?", (seq + 1,)).fetchone()
        if row is None:
            row = connection.execute(
                "SELECT hash FROM head WHERE log = ? AND size = ?", (log.name, seq)
            ).fetchone()
    except sqlite3.DatabaseError:
        return None
    return None if row is None or type(row[0]) is not bytes else row[0]


def _came_from(connection: sqlite3.Connection, log: Log, columns: tuple[Any, ...]) -> int | None:
    """The number under which this entry was written, if it was written and stands under another now."""
    query = f"SELECT seq FROM {log.table} WHERE hash = ? OR previous = ?"
    try:
        near: list[int] = [seq for (seq,) in connection.execute(query, (columns[-2], columns[-1]))]
    except sqlite3.DatabaseError:
        return None
    for number in sorted({seq + step for seq in near for step in (-1, 1)} - {columns[0]}):
        if _hash(log, (number, *columns[1:])) == columns[-1]:
            return number
    return None


def _digests_mended(
    connection: sqlite3.Connection, log: Log, columns: tuple[Any, ...]
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The header with one digest put back to what the document beside it has."""
    try:
        row = connection.execute(
            f"SELECT {_DOCUMENTS[log.name]} FROM {log.table} WHERE seq = ?", (columns[0],)
        ).fetchone()
    except sqlite3.DatabaseError:
        return
    names = log.columns.split(", ")
    for name, column, document in zip(
        ("body", "index"), ("body_digest", "index_digest"), _read(log, row), strict=False
    ):
        if document is not None and column in names:
            place = names.index(column)
            yield name, (*columns[:place], hashlib.sha256(document).digest(), *columns[place + 1 :])


def _documents(log: Log, columns: tuple[Any, ...], documents: tuple[Any, ...]) -> Iterator[Finding]:
    names = log.columns.split(", ")
    body, index = _read(log, documents)
    if body is None or hashlib.sha256(body).digest() != columns[names.index("body_digest")]:
        yield finding("body-changed", columns[0], log=log.name)
    if log is DECISIONS:
        digest = columns[names.index("index_digest")]
        if (documents[1] is not None or digest is not None) and (
            index is None or hashlib.sha256(index).digest() != digest
        ):
            yield finding("index-changed", columns[0], log=log.name)


def _read(log: Log, documents: tuple[Any, ...]) -> tuple[bytes | None, bytes | None]:
    """An entry's documents as they were digested; None for one that is not there or cannot be unpacked."""
    if log is ACCESS:
        try:
            return body_of(*documents), None
        except (NotCanonical, AttributeError, TypeError, UnicodeEncodeError):
            return None, None
    return _unpacked(documents[0]), _unpacked(documents[1])


def _unpacked(blob: Any) -> bytes | None:
    try:
        return unpack(blob) if type(blob) is bytes else None
    except Damaged:
        return None
