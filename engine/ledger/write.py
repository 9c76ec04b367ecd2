"""Putting drafts into the ledger, inside a transaction that the caller holds alone."""

import hashlib
import sqlite3
from collections.abc import Sequence

from engine.language import canonical
from engine.ledger import identity, merkle, rulebooks
from engine.ledger.access import AccessDraft, body_of
from engine.ledger.chain import ACCESS, DECISIONS, LOGS, Log, header_of_access, header_of_entry, leaf_hash
from engine.ledger.entries import Draft, Receipt, Request
from engine.ledger.errors import KeyMissing, LedgerError, NotFound, Refused, RequestConflict, StoreFailed
from engine.ledger.keyring import Keyring
from engine.ledger.pack import pack

__all__ = ["Outcome", "answered", "request_key", "write"]

Outcome = Receipt | LedgerError

_ENTRY = """INSERT INTO entry (seq, kind, at, refers, household, identity, request_key, request_body, body_digest,
            index_digest, previous, hash, body, "index") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_ACCESS = """INSERT INTO access (seq, kind, at, body_digest, previous, hash, who, "case", why, what)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

Packed = tuple[bytes, bytes | None]
"""A draft's body and index as stored; made before the transaction, since compressing is most of the work."""


def request_key(request: Request) -> bytes:
    """What is stored of an idempotency key: a digest of owner and key, so that two callers never share one."""
    return hashlib.sha256(canonical.dumps({"key": request.key, "owner": request.owner})).digest()


def answered(connection: sqlite3.Connection, request: Request) -> Receipt | None:
    """The receipt of an earlier call with this key and body; None if the key is new.

    Raises RequestConflict when the key was used with another body.
    """
    query = "SELECT seq, hash, request_body FROM entry WHERE request_key = ?"
    row = connection.execute(query, (request_key(request),)).fetchone()
    if row is None:
        return None
    seq, hash, body = row
    if body.hex() != request.body:
        raise RequestConflict(
            "这个 Idempotency-Key 已用于另一份请求；请换一个", "this Idempotency-Key came with another body; use a new one"
        )
    return Receipt(seq, hash.hex(), repeated=True)


def packed(draft: Draft | AccessDraft) -> Packed:
    """The draft's documents as they will be stored."""
    if isinstance(draft, AccessDraft):
        return b"", None
    return pack(draft.body), None if draft.index is None else pack(draft.index)


def write(
    connection: sqlite3.Connection, drafts: Sequence[tuple[Draft | AccessDraft, Packed]], keyring: Keyring | None
) -> list[Outcome]:
    """Write `drafts` in order. One that is refused leaves no trace and does not stop the others: its outcome is the
    exception. Anything unforeseen is raised, and the caller rolls all of it back."""
    heads = {log: (size, hash) for log, size, hash in connection.execute("SELECT log, size, hash FROM head")}
    if heads.keys() != LOGS.keys():
        raise StoreFailed("台账缺少头记录", "the ledger's heads are missing", "damaged")
    before = dict(heads)
    outcomes: list[Outcome] = []
    for draft, documents in drafts:
        log = ACCESS if isinstance(draft, AccessDraft) else DECISIONS
        size, previous = heads[log.name]
        try:
            if isinstance(draft, AccessDraft):
                receipt, hash = _add_access(connection, draft, size + 1, previous)
            else:
                receipt, hash = _add(connection, draft, documents, size + 1, previous, keyring)
        except LedgerError as refused:
            outcomes.append(refused)
            continue
        outcomes.append(receipt)
        if not receipt.repeated:
            heads[log.name] = receipt.seq, hash
    for log in LOGS.values():
        _move_head(connection, log, before[log.name][0], *heads[log.name])
    return outcomes


def _move_head(connection: sqlite3.Connection, log: Log, old: int, new: int, hash: bytes) -> None:
    if new > old:
        connection.execute("UPDATE head SET size = ?, hash = ? WHERE log = ?", (new, hash, log.name))
        merkle.store_nodes(connection, log, old, new)


def _add(
    connection: sqlite3.Connection, draft: Draft, documents: Packed, seq: int, previous: bytes, keyring: Keyring | None
) -> tuple[Receipt, bytes]:
    if draft.request is not None:
        earlier = answered(connection, draft.request)
        if earlier is not None:
            return earlier, b""
    if draft.kind == "rulebook" and draft.rulebook is not None:
        known = _known_rulebook(connection, draft)
        if known is not None:
            return known, b""
    _check(connection, draft)
    # Nothing above wrote. Whatever is written below is written whole, or the caller rolls back.
    who = None
    if draft.identity:
        if keyring is None or draft.household is None:
            raise KeyMissing("没有密钥文件，不能登记身份信息", "identities cannot be recorded without the key file")
        who = identity.record(connection, keyring, draft.household, draft.identity)
    row = (
        seq,
        draft.kind,
        draft.at,
        draft.refers,
        draft.household,
        who,
        request_key(draft.request) if draft.request else None,
        bytes.fromhex(draft.request.body) if draft.request else None,
        hashlib.sha256(draft.body).digest(),
        hashlib.sha256(draft.index).digest() if draft.index else None,
        previous,
    )
    hash = leaf_hash(header_of_entry(row))
    connection.execute(_ENTRY, (*row, hash, *documents))
    if draft.kind == "rulebook":
        rulebooks.store(connection, draft.files)
        connection.execute("INSERT INTO rulebook (digest, seq) VALUES (?, ?)", (draft.rulebook, seq))
    elif draft.kind == "erasure" and draft.household is not None:
        identity.forget(connection, draft.household)
    return Receipt(seq, hash.hex()), hash


def _add_access(
    connection: sqlite3.Connection, draft: AccessDraft, seq: int, previous: bytes
) -> tuple[Receipt, bytes]:
    what = draft.what.decode()
    body = hashlib.sha256(body_of(draft.who, draft.case, draft.why, what)).digest()
    row = (seq, draft.kind, draft.at, body, previous)
    hash = leaf_hash(header_of_access(row))
    connection.execute(_ACCESS, (*row, hash, draft.who, draft.case, draft.why, what))
    return Receipt(seq, hash.hex()), hash


def _check(connection: sqlite3.Connection, draft: Draft) -> None:
    if draft.kind in ("decision", "correction"):
        if draft.rulebook is None or rulebooks.seq_of(connection, draft.rulebook) is None:
            raise Refused(
                "规则集尚未入账，请先登记", "the rulebook is not on record; record it first", "unknown-rulebook"
            )
    if draft.kind in ("confirmation", "departure", "correction"):
        found = connection.execute("SELECT kind FROM entry WHERE seq = ?", (draft.refers,)).fetchone()
        if found is None or found[0] not in ("decision", "correction"):
            raise NotFound(f"没有第 {draft.refers} 号决定", f"there is no decision {draft.refers}", "no-decision")
    if draft.kind == "erasure":
        household = draft.household
        if identity.is_erased(connection, household or ""):
            raise Refused("该户的身份信息早已删除", "the household's identity was erased before", "erased-before")
        known = connection.execute("SELECT 1 FROM household_key WHERE household = ?", (household,)).fetchone()
        if known is None:
            raise NotFound("台账里没有该户的身份信息", "the ledger holds no identity of this household", "no-identity")


def _known_rulebook(connection: sqlite3.Connection, draft: Draft) -> Receipt | None:
    seq = rulebooks.seq_of(connection, draft.rulebook or "")
    if seq is None:
        return None
    stored = rulebooks.load(connection, draft.rulebook or "")
    if stored != dict(draft.files):
        raise Refused(
            "同一摘要的规则集已入账，但文件不同", "a rulebook of this digest is on record with other files", "bad-rulebook"
        )
    (hash,) = connection.execute("SELECT hash FROM entry WHERE seq = ?", (seq,)).fetchone()
    return Receipt(seq, hash.hex(), repeated=True)
