"""One SQLite connection for each thread of each process, opened when it is first asked for.

A connection must not cross a fork: SQLite's locks belong to the process that took them.
"""

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

__all__ = ["Connections", "abandon", "made_private"]


class Connections:
    """Hands out connections made by `open`, which it is given."""

    def __init__(self, open: Callable[[], sqlite3.Connection]) -> None:
        self._open = open
        self._local = threading.local()

    def get(self) -> sqlite3.Connection:
        """This thread's connection. It is closed with the thread, or by `drop`."""
        if getattr(self._local, "pid", None) != os.getpid():
            abandon(getattr(self._local, "connection", None))
            self._local.connection, self._local.pid = self._open(), os.getpid()
        connection: sqlite3.Connection = self._local.connection
        return connection

    def drop(self) -> None:
        """Close this thread's connection, if it has one; the next `get` opens another."""
        if getattr(self._local, "pid", None) == os.getpid():
            self._local.connection.close()
            self._local.connection, self._local.pid = None, None


def made_private(path: Path) -> None:
    """Make an empty file that nobody else may read, if there is none.

    A file that is there is not touched: closing any descriptor of a file drops all locks that the process holds on it
    (POSIX), SQLite's too; the next other process to come and go would then take itself for the last one and delete the
    write-ahead log under the others.
    """
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


_abandoned: list[sqlite3.Connection] = []


def abandon(connection: sqlite3.Connection | None) -> None:
    """Keep a connection that came across a fork from being closed when it is no longer referred to: closing it
    here would act on the parent's files."""
    if connection is not None:
        _abandoned.append(connection)
