"""API keys: 256 random bits, shown once and stored hashed; found by a prefix; with role, scopes, expiry,
revocation.

They lie in a SQLite file of their own, beside the ledger: a key is changed when it is revoked, and the
ledger's file is one in which nothing is; and copies of the ledger go to auditors, who have no business with
keys.

A plain SHA-256 is right for 256 random bits: there is nothing to guess, so nothing for a slow hash to slow
down.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import sqlite3
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from engine.ledger.connections import Connections
from engine.ledger.entries import instant
from engine.ledger.errors import LedgerError, NotFound, Refused, StoreFailed

__all__ = ["ROLES", "ApiKey", "KeyRefused", "Keys"]

ROLES = ("caseworker", "policy", "auditor", "admin")

_TOKEN = re.compile(r"jz_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_TABLE = """
CREATE TABLE IF NOT EXISTS api_key (
  id TEXT PRIMARY KEY,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  role TEXT NOT NULL,
  scopes TEXT NOT NULL CHECK (json_valid(scopes)),
  label TEXT NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT,
  revoked_at TEXT
) STRICT, WITHOUT ROWID
"""
_COLUMNS = "id, role, scopes, label, created_at, expires_at, revoked_at"


class KeyRefused(LedgerError):
    """The token opens nothing. `code` says why: key-malformed, key-unknown, key-expired, key-revoked. Tell
    a caller only that it was refused; the code is for the log."""

    code = "key-refused"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is listed: all but the secret. `id` is also the prefix in the token, and stands for the
    caller in the ledger. Times are ISO UTC; `expires_at` None: never; `revoked_at` None: not revoked."""

    id: str
    role: str
    scopes: frozenset[str]
    label: str
    created_at: str
    expires_at: str | None
    revoked_at: str | None


class Keys:
    """The keys in one file. Safe to use from threads."""

    def __init__(self, path: str | Path) -> None:
        """Open the file at `path`, making it, readable by its owner alone, if it is not there."""
        self.path = Path(path)
        self._connections = Connections(self._open)
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            self._connections.get().execute(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise StoreFailed(f"打不开密钥库 {path}：{error}", f"cannot open the keys {path}: {error}") from None

    def create(
        self,
        role: str,
        at: str,
        *,
        scopes: Collection[str] = (),
        label: str = "",
        expires_at: str | None = None,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> tuple[ApiKey, str]:
        """A new key, and its token: the one time it is shown. `scopes`: what it may do beyond or within its
        role, as the caller names them. `label`: whose it is, in words. Raises Refused."""
        if role not in ROLES:
            raise Refused(
                f"角色须为 {'、'.join(ROLES)} 之一", f"the role is one of {', '.join(ROLES)}", "bad-key"
            )
        at, expires_at = instant(at), None if expires_at is None else instant(expires_at)
        if expires_at is not None and expires_at <= at:
            raise Refused("到期时间须在创建之后", "a key expires after it is made", "bad-key")
        id, secret = random(6).hex(), base64.urlsafe_b64encode(random(32)).decode().rstrip("=")
        token = f"jz_{id}_{secret}"
        key = ApiKey(id, role, frozenset(scopes), label, at, expires_at, None)
        row = (id, _hash(token), role, json.dumps(sorted(key.scopes)), label, at, expires_at, None)
        self._connections.get().execute("INSERT INTO api_key VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        return key, token

    def authenticate(self, token: str, at: str) -> ApiKey:
        """The key that `token` is, at time `at`. Raises KeyRefused."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise KeyRefused("密钥格式不对", "this is not a key", "key-malformed")
        query = f"SELECT hash, {_COLUMNS} FROM api_key WHERE id = ?"
        row = self._connections.get().execute(query, (match[1],)).fetchone()
        if row is None or not hmac.compare_digest(row[0], _hash(token)):
            raise KeyRefused("没有这把密钥", "there is no such key", "key-unknown")
        return _live(_key(row[1:]), at)

    def live(self, id: str, at: str) -> ApiKey:
        """The key of this id, for one who showed its token before. Raises KeyRefused when it is no longer good."""
        row = self._connections.get().execute(f"SELECT {_COLUMNS} FROM api_key WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise KeyRefused("没有这把密钥", "there is no such key", "key-unknown")
        return _live(_key(row), at)
    def revoke(self, id: str, at: str) -> ApiKey:
        """Revoke a key for good, from now on; revoking again changes nothing. Raises NotFound."""
        connection = self._connections.get()
        query = "UPDATE api_key SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"
        connection.execute(query, (instant(at), id))
        row = connection.execute(f"SELECT {_COLUMNS} FROM api_key WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise NotFound(f"没有密钥 {id}", f"there is no key {id}", "no-key")
        return _key(row)

    def all(self) -> tuple[ApiKey, ...]:
        """Every key, oldest first."""
        return tuple(
            map(_key, self._connections.get().execute(f"SELECT {_COLUMNS} FROM api_key ORDER BY created_at, id"))
        )

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=10, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection


def _live(key: ApiKey, at: str) -> ApiKey:
    """The key, unless it is over. Raises KeyRefused."""
    at = instant(at)
    if key.revoked_at is not None:
        raise KeyRefused("密钥已吊销", "the key was revoked", "key-revoked")
    if key.expires_at is not None and key.expires_at <= at:
        raise KeyRefused("密钥已过期", "the key has expired", "key-expired")
    return key


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _key(row: tuple[str, str, str, str, str, str | None, str | None]) -> ApiKey:
    id, role, scopes, *rest = row
    label, created_at, expires_at, revoked_at = rest
    return ApiKey(
        id, role, frozenset(json.loads(scopes)), str(label), str(created_at), expires_at, revoked_at
    )
