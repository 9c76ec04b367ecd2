"""Where the watch keeps its events, alerts and orders: one SQLite file beside the ledger, in WAL,
synced at every commit.

Events are never changed. Alerts and the state of orders can be worked out from events and from the ledger again; what
orders say goes to the ledger through `outbox`, in the order it was written here.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = 1
_TABLES = """
CREATE TABLE event (
  seq INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  id TEXT NOT NULL,
  household TEXT NOT NULL,
  body BLOB NOT NULL,
  UNIQUE (source, id)
) STRICT;
CREATE INDEX event_by_household ON event (household, seq);
CREATE TABLE household (
  id TEXT PRIMARY KEY,
  events INTEGER NOT NULL,
  unchecked TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE pass (day TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE alert (
  id TEXT PRIMARY KEY,
  household TEXT NOT NULL,
  rule TEXT NOT NULL,
  subject TEXT NOT NULL,
  since TEXT NOT NULL,
  until TEXT,
  standing INTEGER NOT NULL CHECK (standing IN (0, 1)),
  known INTEGER NOT NULL,
  ordered INTEGER REFERENCES work_order (number)
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_by_household ON alert (household, rule);
CREATE TABLE work_order (
  number INTEGER PRIMARY KEY,
  household TEXT NOT NULL,
  rule TEXT NOT NULL,
  member TEXT NOT NULL,
  subdistrict TEXT NOT NULL,
  urgency TEXT NOT NULL,
  opened TEXT NOT NULL,
  due TEXT,
  state TEXT NOT NULL CHECK (state IN ('new', 'assigned', 'visited', 'settled', 'not_needed')),
  adviser TEXT,
  escalated INTEGER NOT NULL DEFAULT 0,
  steps INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX work_order_open ON work_order (household, rule, member) WHERE state IN ('new', 'assigned', 'visited');
CREATE INDEX work_order_by_adviser ON work_order (adviser, state);
CREATE INDEX work_order_due ON work_order (due) WHERE state IN ('new', 'assigned', 'visited');
CREATE TABLE adviser (
  id TEXT PRIMARY KEY,
  subdistrict TEXT NOT NULL,
  active INTEGER NOT NULL CHECK (active IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE TABLE tally (name TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY,
  number INTEGER NOT NULL REFERENCES work_order (number),
  step INTEGER NOT NULL,
  at TEXT NOT NULL,
  body BLOB NOT NULL,
  entry INTEGER,
  UNIQUE (number, step)
) STRICT;
CREATE INDEX outbox_waiting ON outbox (seq) WHERE entry IS NULL;
CREATE TRIGGER event_no_update BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'event: never changed'); END;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'event: never deleted'); END;
CREATE TRIGGER outbox_no_rewrite BEFORE UPDATE OF number, step, at, body ON outbox
  BEGIN SELECT RAISE(ABORT, 'outbox: what was said is not changed'); END;
"""


class WatchStoreError(Exception):
    """The file of the watch cannot be used; the message says why, in both languages."""


class WatchStore:
    """One file of the watch. One connection, used by one thread at a time; other processes wait for their turn."""

    def __init__(self, path: str | Path):
        """Open the file, made if it is not there. Raises WatchStoreError."""
        self.path = Path(path)
        try:
            with self._locked():
                self.db = sqlite3.connect(self.path, isolation_level=None, timeout=30, check_same_thread=False)
                for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "trusted_schema = OFF"):
                    self.db.execute(f"PRAGMA {pragma}")
                self.db.execute("PRAGMA cache_size = -16000")
                self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise WatchStoreError(f"打不开预警文件 {path}：{error} / cannot open the watch's file: {error}") from None
        self.path.chmod(0o600)

    def _prepare(self) -> None:
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise WatchStoreError(
                f"{self.path} 是较新的版本写的，请升级程序 / {self.path} was written by a later version; upgrade"
            )
        if version == 0:
            self.db.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        handle = os.open(f"{self.path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)
            os.close(handle)

    @contextmanager
    def alone(self) -> Iterator[sqlite3.Connection]:
        """A write transaction, the only one among all processes: on disk at the end, or none of it."""
        with self._locked():
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield self.db
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise

    def tally(self) -> dict[str, int]:
        """What proposals came to since the file was made, by name (see `Tally`)."""
        return dict(self.db.execute("SELECT name, count FROM tally ORDER BY name").fetchall())

    def close(self) -> None:
        self.db.close()
