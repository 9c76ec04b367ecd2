"""Who computes: one request of a worker at a time, in the order they came.

Python runs one thread at a time. Thirty that are each stopped every few milliseconds all end late, some of them many
times as late as others, and each finds the processor's caches full of the others' data. Waiting for a disk or a client
is no computing and takes no turn.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Turns"]


class Turns:
    """The turns of one worker. A lock would do, but for the order: it may go to whoever asks next."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._taken = False
        self._line: deque[threading.Lock] = deque()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn, and hold it."""
        self._wait()
        try:
            yield
        finally:
            self._pass_on()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Give up one's turn while something else is waited for; afterwards stand in line again."""
        self._pass_on()
        try:
            yield
        finally:
            self._wait()

    def _wait(self) -> None:
        with self._mutex:
            if not self._taken:
                self._taken = True
                return
            mine = threading.Lock()
            mine.acquire()
            self._line.append(mine)
        try:
            mine.acquire()  # let go by whoever was before
        except BaseException:  # this thread is being stopped; if its turn has come meanwhile, it is another's
            with self._mutex:
                waiting = mine in self._line
                if waiting:
                    self._line.remove(mine)
            if not waiting:
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        with self._mutex:
            if self._line:
                self._line.popleft().release()
            else:
                self._taken = False
