"""The watch of a worker: opened when it is first asked for, on the rules in force, used by one thread at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app

from api.service import Service
from engine.watch.entries import send_steps
from engine.watch.room import open_watch
from engine.watch.watch import Watch

__all__ = ["watching"]


class _Room:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.watch: Watch | None = None
        self.pid = 0

    def current(self, service: Service) -> Watch:
        """The watch on today's rules; another process's, after a fork, is left alone."""
        rulebook = service.active.current().program.rulebook
        watch = self.watch if self.pid == os.getpid() else None
        if watch is not None and watch.book.rulebook.digest != rulebook.digest:
            watch.close()
            watch = None
        if watch is None:
            watch = open_watch(service.home.folder.path, rulebook)
        self.watch, self.pid = watch, os.getpid()
        return watch


@contextmanager
def watching(service: Service) -> Iterator[Watch]:
    """The watch, for as long as the block runs; what was said of orders is in the ledger when it ends."""
    room: _Room = current_app.extensions.setdefault("jiuzhu_watch", _Room())
    with room.lock:
        watch = room.current(service)
        yield watch
        send_steps(watch.store, service.home.writer)
