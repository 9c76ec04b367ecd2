"""Who is signed in: a signed cookie that names a key (never the key itself), and tokens that prove a form is ours.

A session ends when it was idle too long, when it is old, when its key is revoked or expires, and when the person signs
out. The signing key is a file of the data folder; without it everyone signs in anew, and nothing else is lost.
"""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask import Response
from itsdangerous import BadSignature, URLSafeSerializer

from engine.ledger.errors import KeyMissing
from engine.ledger.home import Folder
from engine.ledger.keyring import read_private, write_private
from engine.ledger.volatile import Volatile

__all__ = ["COOKIE", "IDLE", "LONGEST", "Session", "Sessions", "secret_of"]

COOKIE = "jiuzhu"
IDLE = 30 * 60
"""Seconds after the last request at which a session ends."""
LONGEST = 12 * 3600
"""Seconds after signing in at which it ends whatever happens."""
_FORM = 24 * 3600  # a form may lie open over a new sign-in, but not for ever
_RENEW = 60  # the cookie is written anew at most this often

_ENDED = "CREATE TABLE IF NOT EXISTS ended (session TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID"


@dataclass(frozen=True, slots=True)
class Session:
    """One browser. `key`: id of the API key it signed in with, "" for a visitor; times in seconds since 1970."""

    id: str
    key: str
    started: int
    last: int

    @property
    def subject(self) -> str:
        """Whose forms it may send: those of its key, also from before a new sign-in; a visitor's only its own."""
        return self.key or self.id


class Sessions:
    """Reads and writes the cookies of one service. Safe to share between threads."""

    def __init__(self, folder: Folder, volatile: Volatile) -> None:
        secret = secret_of(folder)
        self._cookies = URLSafeSerializer(secret, salt="jiuzhu session")
        self._forms = URLSafeSerializer(secret, salt="jiuzhu form")
        self._volatile = volatile

    def read(self, cookie: str | None, at: datetime) -> Session | None:
        """The session of a cookie; None where there is none, or it is over, or it is not ours."""
        if not cookie or len(cookie) > 400:
            return None
        try:
            id, key, started, last = self._cookies.loads(cookie)
            found = Session(str(id), str(key), int(started), int(last))
        except (BadSignature, ValueError, TypeError):
            return None
        now = _seconds(at)
        if now - found.last > IDLE or now - found.started > LONGEST or self._ended(found.id):
            return None
        return found

    def begin(self, at: datetime, key: str = "") -> Session:
        """A new session: of a visitor, or of a key that was just shown. Never the id of an older one."""
        return Session(secrets.token_urlsafe(12), key, _seconds(at), _seconds(at))

    def end(self, session: Session) -> None:
        """Sign out: its cookie is worth nothing from now on, wherever it was copied to."""
        connection = self._volatile.connection()
        connection.execute(_ENDED)
        connection.execute("DELETE FROM ended WHERE until < ?", (session.last - LONGEST,))
        connection.execute("INSERT OR IGNORE INTO ended VALUES (?, ?)", (session.id, session.started + LONGEST))

    def keep(self, response: Response, session: Session, at: datetime, *, fresh: bool, secure: bool) -> None:
        """Write the cookie, where it is new (`fresh`) or its last request was a while ago."""
        now = _seconds(at)
        if not fresh and now - session.last < _RENEW:
            return
        kept = replace(session, last=now)
        value = self._cookies.dumps([kept.id, kept.key, kept.started, kept.last])
        text = value if isinstance(value, str) else value.decode()
        response.set_cookie(COOKIE, text, httponly=True, samesite="Strict", secure=secure, path="/")

    def token(self, session: Session, at: datetime) -> str:
        """What a form of this session carries."""
        value = self._forms.dumps([session.subject, _seconds(at)])
        return value if isinstance(value, str) else value.decode()

    def is_own(self, session: Session, token: Any, at: datetime) -> bool:
        """Whether a form was made for this session (or for this key, before a new sign-in)."""
        if not isinstance(token, str) or len(token) > 400:
            return False
        try:
            subject, made = self._forms.loads(token)
            return bool(subject == session.subject and 0 <= _seconds(at) - int(made) + _RENEW <= _FORM)
        except (BadSignature, ValueError, TypeError):
            return False

    def _ended(self, id: str) -> bool:
        connection = self._volatile.connection()
        connection.execute(_ENDED)
        return connection.execute("SELECT 1 FROM ended WHERE session = ?", (id,)).fetchone() is not None


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def secret_of(folder: Folder) -> bytes:
    """The signing key, made when it is first asked for. The start of the service does so, before there are workers."""
    path = folder.session_key
    if not path.exists():
        with contextlib.suppress(KeyMissing):  # another worker was quicker
            write_private(path, secrets.token_hex(32).encode(), replace=False)
    return read_private(path)
