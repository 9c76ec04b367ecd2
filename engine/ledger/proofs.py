"""Proofs as JSON, in the manner of RFC 9162, for `docs/verify_proof.py` or any other checker.
docs/ledger.md has the format. A proof says nothing alone: it leads to a root, and the root is believed
because a checkpoint holds it."""

import json
import sqlite3
from typing import Any

from engine.ledger import merkle
from engine.ledger.chain import DECISIONS, LOGS, Log, header_of_access, header_of_entry
from engine.ledger.errors import NotFound, Refused
from engine.ledger.pack import unpack
from engine.ledger.read import head

__all__ = ["consistency", "header", "inclusion"]


def header(connection: sqlite3.Connection, log: Log, seq: int) -> bytes:
    """The header of an entry, as it was hashed. Raises NotFound."""
    row = connection.execute(f"SELECT {log.columns} FROM {log.table} WHERE seq = ?", (seq,)).fetchone()
    if row is None:
        raise NotFound(f"没有第 {seq} 号记录", f"there is no entry {seq}")
    return header_of_entry(row) if log is DECISIONS else header_of_access(row)


def inclusion(
    connection: sqlite3.Connection,
    seq: int,
    *,
    size: int | None = None,
    log: str = "decisions",
    body: bool = False,
) -> dict[str, Any]:
    """That entry `seq` is in the log of the first `size` entries (None: all there are).

    {"proof": "inclusion", "log", "size", "root", "seq", "header": {…}, "path": [hex, …]}, and with `body` the
    decision's own document under "body". Raises NotFound; Refused when the size does not cover the entry.
    """
    chosen, size = _log(connection, log, size)
    if not 1 <= seq <= size:
        raise Refused(
            f"前 {size} 条记录不含第 {seq} 号；请先做新的检查点",
            f"the first {size} entries do not hold number {seq}; make a new checkpoint first",
            "not-covered",
        )
    source = merkle.Hashes(connection, chosen)
    proof: dict[str, Any] = {
        "proof": "inclusion",
        "log": log,
        "size": size,
        "root": merkle.root(source, size).hex(),
        "seq": seq,
        "header": json.loads(header(connection, chosen, seq)),
        "path": [item.hex() for item in merkle.inclusion(source, seq - 1, size)],
    }
    if body and chosen is DECISIONS:
        (packed,) = connection.execute("SELECT body FROM entry WHERE seq = ?", (seq,)).fetchone()
        proof["body"] = json.loads(unpack(packed))
    return proof


def consistency(
    connection: sqlite3.Connection, old: int, *, new: int | None = None, log: str = "decisions"
) -> dict[str, Any]:
    """That the first `old` entries are still the same among the first `new` (None: all there are).

    {"proof": "consistency", "log", "old": {"size", "root"}, "new": {"size", "root"}, "path": [hex, …]}.
    Raises Refused for sizes the log does not have.
    """
    chosen, new = _log(connection, log, new)
    if not 0 < old <= new:
        raise Refused(f"没有从 {old} 到 {new} 的证明", f"there is no proof from {old} to {new}", "bad-proof")
    source = merkle.Hashes(connection, chosen)
    return {
        "proof": "consistency",
        "log": log,
        "old": {"size": old, "root": merkle.root(source, old).hex()},
        "new": {"size": new, "root": merkle.root(source, new).hex()},
        "path": [item.hex() for item in merkle.consistency(source, old, new)],
    }


def _log(connection: sqlite3.Connection, name: str, size: int | None) -> tuple[Log, int]:
    there, _ = head(connection, name)
    if size is None:
        size = there
    if not 0 <= size <= there:
        raise Refused(f"日志只有 {there} 条记录", f"the log has {there} entries", "bad-proof")
    return LOGS[name], size
