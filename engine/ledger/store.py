"""The ledger's file: opening it, reading from it on any thread, and having it alone to write.

SQLite in WAL mode with synchronous=FULL: a commit that has returned has been synced to disk. Readers see a
snapshot and block nobody. Writers queue on a lock file, in the kernel: SQLite's own waiting is
sleep-and-retry, which with several processes at work leaves one of them behind.
"""

import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from engine.ledger import schema
from engine.ledger.chain import LOGS, genesis
from engine.ledger.connections import Connections
from engine.ledger.entries import instant
from engine.ledger.errors import NotFound, StoreFailed

__all__ = ["Store", "connect", "sync_folder"]

_BUSY_MS = 30_000


def connect(path: str | Path, *, readonly: bool = False) -> sqlite3.Connection:
    """A connection with the pragmas every user of the ledger needs, in autocommit: transactions are said
    aloud.

    It may move between threads, one at a time. It must not cross a fork.
    """
    mode = "ro" if readonly else "rw"
    try:
        connection = sqlite3.connect(
            f"{Path(path).absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
    except sqlite3.Error:
        raise NotFound(f"打不开台账文件 {path}", f"the ledger {path} cannot be opened", "no-ledger") from None
    pragmas = [f"busy_timeout = {_BUSY_MS}"]
    if readonly:
        pragmas.append("query_only = ON")
    else:
        pragmas += (
            "synchronous = FULL",
            "foreign_keys = ON",
            "recursive_triggers = ON",  # else INSERT OR REPLACE deletes past the triggers
            "secure_delete = ON",  # an erased key is overwritten, not only unlinked
            "trusted_schema = OFF",
        )
    try:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.DatabaseError:
        connection.close()
        raise StoreFailed(f"{path} 不是台账", f"{path} is not a ledger", "not-a-ledger") from None
    return connection


class Store:
    """One ledger file. Safe to share between threads. Open it after a fork, not before (see Writer)."""

    def __init__(self, path: str | Path) -> None:
        """Open an existing ledger, bringing its tables up to date. Raises NotFound, StoreFailed."""
        self.path = Path(path)
        self._readers = Connections(lambda: connect(self.path, readonly=True))
        with closing(connect(self.path)) as connection:
            schema.check(connection)
            if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):  # a copy, opened to be written
                with _locked(self.path):
                    connection.execute("PRAGMA journal_mode = WAL")
            if connection.execute("PRAGMA user_version").fetchone() != (schema.VERSION,):
                with self.alone(connection):
                    schema.migrate(connection)
            row = connection.execute("SELECT id, created_at FROM ledger").fetchone()
        if row is None:
            raise StoreFailed(f"{path} 没有台账标识", f"{path} lacks the ledger's id", "not-a-ledger")
        self.id: str = row[0]
        self.created_at: str = row[1]

    @classmethod
    def create(cls, path: str | Path, at: str, *, ledger_id: str | None = None) -> "Store":
        """Make a new ledger at `path`, readable by its owner alone. Raises StoreFailed if something is
        there."""
        path = Path(path)
        with _locked(path):
            if path.exists():
                raise StoreFailed(f"{path} 已存在", f"{path} is there already", "already-there")
            _build(path, instant(at), ledger_id or secrets.token_hex(16))
        return cls(path)

    @classmethod
    def open_or_create(cls, path: str | Path, at: str) -> "Store":
        """The ledger at `path`, made there if there is none; safe when several processes start at once."""
        path = Path(path)
        with _locked(path):
            if not path.exists():
                _build(path, instant(at), secrets.token_hex(16))
        return cls(path)

    def reader(self) -> sqlite3.Connection:
        """This thread's read-only connection. Do not close it."""
        return self._readers.get()

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """A read-only connection on one unchanging state of the ledger, for as long as the block runs."""
        with closing(connect(self.path, readonly=True)) as connection:
            connection.execute("BEGIN")
            yield connection

    @contextmanager
    def alone(self, connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        """A write transaction on `connection`, the only one among all threads and processes; committed at
        the end, rolled back on an exception."""
        with _locked(self.path), _transaction(connection):
            yield connection


def _build(path: Path, at: str, ledger_id: str) -> None:
    """Built beside its place and moved there whole, so that a crash leaves no half-made ledger."""
    building = Path(f"{path}.new")
    try:
        building.unlink(missing_ok=True)
        os.close(os.open(building, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(connect(building)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            with _transaction(connection):
                schema.migrate(connection)
                connection.execute("INSERT INTO ledger VALUES (1, ?, ?)", (ledger_id, at))
                for log in LOGS.values():
                    first = genesis(ledger_id, at, log)
                    connection.execute("INSERT INTO head VALUES (?, 0, ?)", (log.name, first))
        os.replace(building, path)
        sync_folder(path)
    except OSError as error:
        why = error.strerror or "?"
        raise StoreFailed(f"不能新建台账 {path}：{why}", f"cannot make the ledger {path}: {why}") from None


def sync_folder(path: Path) -> None:
    """Make the name of a file just moved to `path` durable."""
    folder = os.open(path.absolute().parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        handle = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        why = error.strerror or "?"
        raise StoreFailed(f"锁不住 {path}：{why}", f"cannot lock {path}: {why}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)  # said aloud: a process forked meanwhile holds the same open file
        os.close(handle)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
