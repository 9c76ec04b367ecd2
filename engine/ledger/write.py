"""Putting drafts into the ledger, inside a transaction that the caller holds alone."""

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from engine.language import canonical
from engine.ledger import identity, merkle, rulebooks
from engine.ledger.access import AccessDraft, body_of
from engine.ledger.chain import ACCESS, DECISIONS, LOGS, Log, header_of_access, header_of_entry, leaf_hash
from engine.ledger.entries import Draft, Receipt, Request
from engine.ledger.errors import KeyMissing, LedgerError, NotFound, Refused, RequestConflict, StoreFailed
from engine.ledger.keyring import Keyring
from engine.ledger.pack import pack

__all__ = ["Outcome", "Prepared", "answered", "prepare", "request_key", "write"]

Outcome = Receipt | LedgerError

_ENTRY = """INSERT INTO entry (seq, kind, at, refers, household, identity, request_key, request_body, body_digest,
            index_digest, previous, hash, body, "index") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_ACCESS = """INSERT INTO access (seq, kind, at, body_digest, previous, hash, who, "case", why, what)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A draft with all that can be worked out before the ledger is held: most of the work is compressing."""

    draft: Draft | AccessDraft
    body: bytes
    body_digest: bytes
    index: bytes | None
    index_digest: bytes | None
    request_key: bytes | None
    people: identity.Prepared | None = None


def request_key(request: Request) -> bytes:
    """What is stored of an idempotency key: a digest of owner and key, so that two callers never share
    one."""
    return hashlib.sha256(canonical.dumps({"key": request.key, "owner": request.owner})).digest()


def answered(connection: sqlite3.Connection, request: Request) -> Receipt | None:
    """The receipt of an earlier call with this key and body; None if the key is new.

    Raises RequestConflict when the key was used with another body.
    """
    return _answered(connection, request_key(request), request.body)


def _answered(connection: sqlite3.Connection, key: bytes, sent: str) -> Receipt | None:
    query = "SELECT seq, hash, request_body FROM entry WHERE request_key = ?"
    row = connection.execute(query, (key,)).fetchone()
    if row is None:
        return None
    seq, hash, body = row
    if body.hex() != sent:
        raise RequestConflict(
            "这个 Idempotency-Key 已用于另一份请求；请换一个",
            "this Idempotency-Key came with another body; use a new one",
        )
    return Receipt(seq, hash.hex(), repeated=True)


def prepare(draft: Draft | AccessDraft, keyring: Keyring | None) -> Prepared:
    """Digests and stored forms of a draft's documents, and its people as they will be sealed."""
    if isinstance(draft, AccessDraft):
        body = body_of(draft.who, draft.case, draft.why, draft.what.decode())
        return Prepared(draft, b"", hashlib.sha256(body).digest(), None, None, None)
    index = draft.index
    return Prepared(
        draft,
        pack(draft.body),
        hashlib.sha256(draft.body).digest(),
        None if index is None else pack(index),
        None if index is None else hashlib.sha256(index).digest(),
        None if draft.request is None else request_key(draft.request),
        identity.prepare(keyring, draft.household or "", draft.identity) if keyring and draft.identity else None,
    )


def write(
    connection: sqlite3.Connection, drafts: Sequence[Prepared], keyring: Keyring | None
) -> list[Outcome]:
    """Write `drafts` in order. One that is refused leaves no trace and does not stop the others: its
    outcome is the exception. Anything unforeseen is raised, and the caller rolls all of it back."""
    heads = {log: (size, hash) for log, size, hash in connection.execute("SELECT log, size, hash FROM head")}
    if not heads.keys() >= LOGS.keys():
        raise StoreFailed("台账缺少头记录", "the ledger's heads are missing", "damaged")
    before = dict(heads)
    outcomes: list[Outcome] = []
    for prepared in drafts:
        add, log = (_add_access, ACCESS) if isinstance(prepared.draft, AccessDraft) else (_add, DECISIONS)
        size, previous = heads[log.name]
        try:
            receipt, hash = add(connection, prepared, size + 1, previous, keyring)
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
    connection: sqlite3.Connection, prepared: Prepared, seq: int, previous: bytes, keyring: Keyring | None
) -> tuple[Receipt, bytes]:
    draft = prepared.draft
    assert isinstance(draft, Draft)
    earlier = _earlier(connection, draft, prepared.request_key)
    if earlier is not None:
        return earlier, b""
    _check(connection, draft)
    who = None
    if draft.identity:
        if keyring is None or prepared.people is None or draft.household is None:
            raise KeyMissing(
                "没有密钥文件，不能登记身份信息", "identities cannot be recorded without the key file"
            )
        who = identity.record(connection, keyring, draft.household, prepared.people)
    row = (
        seq,
        draft.kind,
        draft.at,
        draft.refers,
        draft.household,
        who,
        prepared.request_key,
        None if draft.request is None else bytes.fromhex(draft.request.body),
        prepared.body_digest,
        prepared.index_digest,
        previous,
    )
    hash = leaf_hash(header_of_entry(row))
    connection.execute(_ENTRY, (*row, hash, prepared.body, prepared.index))
    if draft.kind == "rulebook":
        rulebooks.store(connection, draft.files)
        connection.execute("INSERT INTO rulebook (digest, seq) VALUES (?, ?)", (draft.rulebook, seq))
    elif draft.kind == "erasure" and draft.household is not None:
        identity.forget(connection, draft.household)
    return Receipt(seq, hash.hex()), hash


def _add_access(
    connection: sqlite3.Connection, prepared: Prepared, seq: int, previous: bytes, _: Keyring | None
) -> tuple[Receipt, bytes]:
    draft = prepared.draft
    assert isinstance(draft, AccessDraft)
    row = (seq, draft.kind, draft.at, prepared.body_digest, previous)
    hash = leaf_hash(header_of_access(row))
    connection.execute(_ACCESS, (*row, hash, draft.who, draft.case, draft.why, draft.what.decode()))
    return Receipt(seq, hash.hex()), hash


def _earlier(connection: sqlite3.Connection, draft: Draft, key: bytes | None) -> Receipt | None:
    """The receipt of what is on record already: the same call, or the same rulebook."""
    if draft.request is not None and key is not None:
        found = _answered(connection, key, draft.request.body)
        if found is not None:
            return found
    return _known_rulebook(connection, draft) if draft.kind == "rulebook" else None


def _check(connection: sqlite3.Connection, draft: Draft) -> None:
    decides = draft.kind in ("decision", "correction")
    if decides and rulebooks.seq_of(connection, draft.rulebook or "") is None:
        raise Refused(
            "规则集尚未入账，请先登记", "the rulebook is not on record; record it first", "unknown-rulebook"
        )
    if draft.kind in ("confirmation", "departure", "correction"):
        found = connection.execute("SELECT kind FROM entry WHERE seq = ?", (draft.refers,)).fetchone()
        if found is None or found[0] not in ("decision", "correction"):
            raise NotFound(
                f"没有第 {draft.refers} 号决定", f"there is no decision {draft.refers}", "no-decision"
            )
    if draft.kind == "erasure":
        household = draft.household
        if identity.is_erased(connection, household or ""):
            raise Refused(
                "该户的身份信息早已删除", "the household's identity was erased before", "erased-before"
            )
        known = connection.execute("SELECT 1 FROM identity WHERE household = ?", (household,)).fetchone()
        if known is None:
            raise NotFound(
                "台账里没有该户的身份信息", "the ledger holds no identity of this household", "no-identity"
            )


def _known_rulebook(connection: sqlite3.Connection, draft: Draft) -> Receipt | None:
    seq = rulebooks.seq_of(connection, draft.rulebook or "")
    if seq is None:
        return None
    stored = rulebooks.load(connection, draft.rulebook or "")
    if stored != dict(draft.files):
        raise Refused(
            "同一摘要的规则集已入账，但文件不同",
            "a rulebook of this digest is on record with other files",
            "bad-rulebook",
        )
    (hash,) = connection.execute("SELECT hash FROM entry WHERE seq = ?", (seq,)).fetchone()
    return Receipt(seq, hash.hex(), repeated=True)
