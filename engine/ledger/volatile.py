"""What the workers of one machine share and may lose: rate limits, and which requests are being worked on.

A SQLite file of its own with synchronous=OFF: a write costs tens of microseconds and no sync. It survives a
worker that dies; after a power cut it may be gone or damaged, and is made anew.
"""

import sqlite3
from pathlib import Path

from engine.ledger.connections import Connections, made_private
from engine.ledger.errors import StoreFailed

__all__ = ["Volatile"]

_TABLES = """
CREATE TABLE IF NOT EXISTS bucket (
  name TEXT PRIMARY KEY, level INTEGER NOT NULL, at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS working (
  key BLOB PRIMARY KEY, until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""


class Volatile:
    """The shared file. Safe to use from threads."""

    def __init__(self, path: str | Path) -> None:
        """Open the file at `path`, making it if it is not there, and making it anew if it is damaged."""
        self.path = Path(path)
        self._connections = Connections(self._open)
        try:
            self.connection().executescript(_TABLES)
        except sqlite3.DatabaseError:
            self._connections.drop()
            for end in ("", "-wal", "-shm"):
                Path(f"{self.path}{end}").unlink(missing_ok=True)
            self.connection().executescript(_TABLES)

    def connection(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit."""
        return self._connections.get()

    def _open(self) -> sqlite3.Connection:
        try:
            made_private(self.path)
        except OSError as error:
            why = error.strerror or "?"
            raise StoreFailed(f"打不开 {self.path}：{why}", f"cannot open {self.path}: {why}") from None
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=5, check_same_thread=False)
        try:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection
