"""Counts for Prometheus, right with any number of workers.

One small file is mapped into every worker. Each worker owns one row of whole numbers and only ever writes
that one, so nothing is locked between them; whoever is asked adds up all rows. A row is claimed with a file
lock, which the death of its owner lets go, and its counts stay: totals never go back. No label holds
anything a caller sent.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

__all__ = ["Metrics", "Series"]

_ROWS = 64
_HEAD = 64  # bytes: the digest of the layout, so that a file of another one is made anew
BUCKETS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000)


class Series:
    """What can be counted: a name, its labels in every combination that can occur, what it means."""

    def __init__(self, name: str, help: str, labels: Sequence[str] = (), rows: Iterable[tuple[str, ...]] = ((),)):
        self.name, self.help, self.labels, self.rows = name, help, tuple(labels), tuple(rows)


class Metrics:
    """The counters of one service. Safe to share between threads, and to keep across a fork."""

    def __init__(self, path: str | Path, routes: Iterable[str], statuses: Iterable[int]) -> None:
        """`routes`: `METHOD /path/{template}`, as they are labelled."""
        self.path = Path(path)
        routes, known = tuple(routes), tuple(str(status) for status in statuses)
        pairs = [(route, status) for route in routes for status in known]
        self._series = (
            Series("jiuzhu_requests_total", "requests answered", ("route", "status"), pairs),
            Series("jiuzhu_decisions_total", "decisions recorded"),
            Series("jiuzhu_settled_total", "decisions confirmed or departed from"),
            Series("jiuzhu_repeated_total", "calls answered from an earlier one with the same Idempotency-Key"),
            Series("jiuzhu_rules_refused_total", "rulebooks refused at reload"),
            Series("jiuzhu_events_total", "events taken by the watch"),
        )
        self._at: dict[tuple[str, tuple[str, ...]], int] = {}
        for series in self._series:
            for row in series.rows:
                self._at[series.name, row] = len(self._at)
        self._times = {route: len(self._at) + n * (len(BUCKETS_MS) + 2) for n, route in enumerate(routes)}
        self._width = len(self._at) + len(routes) * (len(BUCKETS_MS) + 2)
        self._layout = hashlib.sha256(repr((list(self._at), routes, BUCKETS_MS)).encode()).digest().ljust(_HEAD, b"\0")
        self._lock = threading.Lock()
        self._pid = 0

    def count(self, name: str, *labels: str, times: int = 1) -> None:
        """One more, or so many. A label that was not foreseen is not counted: labels never come from a caller."""
        at = self._at.get((name, labels))
        if at is not None:
            self._add(((at, times),))

    def timed(self, route: str, status: int, microseconds: int) -> None:
        """A request on `route`, answered with `status` after so long."""
        found = []
        at = self._at.get(("jiuzhu_requests_total", (route, str(status))))
        if at is not None:
            found.append((at, 1))
        start = self._times.get(route)
        if start is not None:
            place = next((n for n, ms in enumerate(BUCKETS_MS) if microseconds <= ms * 1000), len(BUCKETS_MS))
            found += [(start + place, 1), (start + len(BUCKETS_MS) + 1, microseconds)]
        self._add(found)

    def text(self, more: Iterable[str] = ()) -> str:
        """Everything in Prometheus' text form, `more` lines at the end."""
        return "\n".join([*self._lines(), *more, ""])

    def _add(self, changes: Iterable[tuple[int, int]]) -> None:
        if self._pid != os.getpid():
            self._open()
        with self._lock:
            own = self._own
            for at, more in changes:
                own[at] += more

    def _open(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                return
            handle = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            size = _HEAD + _ROWS * self._width * 8
            fcntl.flock(handle, fcntl.LOCK_EX)
            try:
                if os.fstat(handle).st_size != size or os.pread(handle, _HEAD, 0) != self._layout:
                    os.ftruncate(handle, 0)
                    os.ftruncate(handle, size)
                    os.pwrite(handle, self._layout, 0)
            finally:
                fcntl.flock(handle, fcntl.LOCK_UN)
            numbers = memoryview(mmap.mmap(handle, size))[_HEAD:].cast("Q")
            self._all = [numbers[n * self._width : (n + 1) * self._width] for n in range(_ROWS)]
            self._own = self._all[_claim(handle)]
            self._handle = handle  # kept open: it holds the claim
            self._pid = os.getpid()

    def _lines(self) -> Iterator[str]:
        if self._pid != os.getpid():
            self._open()
        sums = [sum(row[at] for row in self._all) for at in range(self._width)]
        for series in self._series:
            yield f"# HELP {series.name} {series.help}"
            yield f"# TYPE {series.name} counter"
            for row in series.rows:
                value = sums[self._at[series.name, row]]
                if value or not row:
                    yield f"{series.name}{_labels(series.labels, row)} {value}"
        name = "jiuzhu_request_duration_seconds"
        yield f"# HELP {name} from the first line of a request to its answer"
        yield f"# TYPE {name} histogram"
        for route, start in self._times.items():
            counts = sums[start : start + len(BUCKETS_MS) + 1]
            if not any(counts):
                continue
            running = 0
            for ms, count in zip((*BUCKETS_MS, None), counts, strict=True):
                running += count
                edge = "+Inf" if ms is None else f"{ms / 1000:g}"
                yield f"{name}_bucket{_labels(('route', 'le'), (route, edge))} {running}"
            yield f"{name}_sum{_labels(('route',), (route,))} {sums[start + len(BUCKETS_MS) + 1] / 1e6:.6f}"
            yield f"{name}_count{_labels(('route',), (route,))} {running}"


def _claim(handle: int) -> int:
    """The first row nobody holds. The lock is on one byte of the file, so it goes with the process."""
    for row in range(_ROWS):
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, row)
        except OSError:
            continue
        return row
    return _ROWS - 1  # more workers than rows: two share the last one, and may lose a count


def _labels(names: Sequence[str], values: Sequence[str]) -> str:
    if not names:
        return ""
    return "{" + ",".join(f'{name}="{value}"' for name, value in zip(names, values, strict=True)) + "}"
