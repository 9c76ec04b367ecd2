"""The Merkle tree over a log, as in RFC 9162 section 2.1: its root, inclusion proofs and consistency proofs.

Leaf number i (from zero) is entry i + 1; its hash is the entry's own. Of the inner nodes only those over
256 and 65,536 leaves and so on are stored, each written once, when its last leaf is: a node in between is
folded from at most 128 that are stored, so a proof over a million entries reads a few hundred hashes and an
append writes next to none.
"""

import hashlib
import sqlite3
from typing import Protocol

from engine.ledger.chain import Log

__all__ = [
    "EMPTY",
    "Hashes",
    "Source",
    "Spine",
    "consistency",
    "consistent",
    "included",
    "inclusion",
    "node_hash",
    "root",
    "store_nodes",
]

STRIDE = 8
"""Levels between stored nodes."""

EMPTY = hashlib.sha256(b"").digest()
"""The root of a tree without leaves, RFC 9162 section 2.1.1."""


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right), RFC 9162 section 2.1.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Source(Protocol):
    """Where hashes come from: `full(level, place)` is the root of leaves place * 2**level onwards, 2**level
    of them."""

    def full(self, level: int, place: int) -> bytes: ...


class Hashes:
    """The hashes of one log in a ledger."""

    def __init__(self, connection: sqlite3.Connection, log: Log) -> None:
        self._connection = connection
        self._log = log

    def full(self, level: int, place: int) -> bytes:
        below = level % STRIDE
        row = self._stored(level - below, place << below, 1 << below)
        while len(row) > 1:
            row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
        return row[0]

    def _stored(self, level: int, first: int, count: int) -> list[bytes]:
        if level == 0:
            query = f"SELECT hash FROM {self._log.table} WHERE seq BETWEEN ? AND ? ORDER BY seq"
            rows = self._connection.execute(query, (first + 1, first + count)).fetchall()
        else:
            query = (
                "SELECT hash FROM node WHERE log = ? AND level = ? AND place BETWEEN ? AND ? ORDER BY place"
            )
            rows = self._connection.execute(
                query, (self._log.name, level, first, first + count - 1)
            ).fetchall()
        if len(rows) != count:
            raise ValueError(
                f"{self._log.name}: {count} hashes of level {level} from {first} on, {len(rows)} are there"
            )
        return [hash for (hash,) in rows]


def store_nodes(connection: sqlite3.Connection, log: Log, old: int, new: int) -> None:
    """Write the nodes that a log's growth from `old` to `new` entries completed. Inside the writing
    transaction."""
    source = Hashes(connection, log)
    level = STRIDE
    while new >> level:
        for place in range(old >> level, new >> level):
            row = source._stored(level - STRIDE, place << STRIDE, 1 << STRIDE)
            while len(row) > 1:
                row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
            connection.execute("INSERT INTO node VALUES (?, ?, ?, ?)", (log.name, level, place, row[0]))
        level += STRIDE


def root(source: Source, size: int) -> bytes:
    """The root over the first `size` leaves: MTH of RFC 9162 section 2.1.1."""
    return _range(source, 0, size) if size else EMPTY


def inclusion(source: Source, place: int, size: int) -> list[bytes]:
    """PATH(place, D[size]) of RFC 9162 section 2.1.3.1. Raises ValueError unless 0 <= place < size."""
    if not 0 <= place < size:
        raise ValueError(f"leaf {place} is not among {size}")
    path: list[bytes] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if place < middle:
            path.append(_range(source, middle, stop))
            stop = middle
        else:
            path.append(_range(source, start, middle))
            start = middle
    return path[::-1]


def consistency(source: Source, old: int, new: int) -> list[bytes]:
    """PROOF(old, D[new]) of RFC 9162 section 2.1.4.1. Raises ValueError unless 0 < old <= new."""
    if not 0 < old <= new:
        raise ValueError(f"no consistency between {old} and {new} leaves")
    path: list[bytes] = []
    start, stop, whole = 0, new, True
    while old != stop - start:
        middle = _split(stop - start)
        if old <= middle:
            path.append(_range(source, start + middle, stop))
            stop = start + middle
        else:
            path.append(_range(source, start, start + middle))
            start, old, whole = start + middle, old - middle, False
    if not whole:
        path.append(_range(source, start, stop))
    return path[::-1]


def included(leaf: bytes, place: int, size: int, path: list[bytes], expected: bytes) -> bool:
    """Whether `path` proves the leaf to be number `place` of `size` under root `expected`: RFC 9162,
    2.1.3.2."""
    if not 0 <= place < size:
        return False
    first, second, result = place, size - 1, leaf
    for item in path:
        if second == 0:
            return False
        if first & 1 or first == second:
            result = node_hash(item, result)
            while not first & 1 and first:
                first, second = first >> 1, second >> 1
        else:
            result = node_hash(result, item)
        first, second = first >> 1, second >> 1
    return second == 0 and result == expected


def consistent(old: int, new: int, old_root: bytes, new_root: bytes, path: list[bytes]) -> bool:
    """Whether `path` proves the first `old` of `new` leaves to be those under `old_root`: RFC 9162,
    2.1.4.2."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    if old & (old - 1) == 0:
        path = [old_root, *path]
    if not path:
        return False
    first, second = old - 1, new - 1
    while first & 1:
        first, second = first >> 1, second >> 1
    was = now = path[0]
    for item in path[1:]:
        if second == 0:
            return False
        if first & 1 or first == second:
            was, now = node_hash(item, was), node_hash(item, now)
            while not first & 1 and first:
                first, second = first >> 1, second >> 1
        else:
            now = node_hash(now, item)
        first, second = first >> 1, second >> 1
    return second == 0 and was == old_root and now == new_root


class Spine:
    """A tree that leaves are pushed onto one by one, in memory that grows with log2 of their number."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def push(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf. Returns the nodes it completed, as (level, place, hash), lowest first."""
        done: list[tuple[int, int, bytes]] = []
        level = 0
        while self.size >> level & 1:
            leaf = node_hash(self._peaks.pop(), leaf)
            level += 1
            done.append((level, self.size >> level, leaf))
        self._peaks.append(leaf)
        self.size += 1
        return done

    def root(self) -> bytes:
        """The root over the leaves so far."""
        if not self._peaks:
            return EMPTY
        result = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            result = node_hash(peak, result)
        return result


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def _range(source: Source, start: int, stop: int) -> bytes:
    size = stop - start
    if (
        size & (size - 1) == 0
    ):  # RFC 9162 splits at powers of two, so a range of 2**k leaves starts at a multiple of it
        level = size.bit_length() - 1
        return source.full(level, start >> level)
    middle = start + _split(size)
    return node_hash(_range(source, start, middle), _range(source, middle, stop))
