"""Chunks decided in processes of their own, one to a core.

Threads of one process would take each other's time: NumPy and pyarrow let go of the interpreter for some microseconds
at once, and everything between is done by one thread at a time.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import re
import signal
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.queues import Queue
from typing import Any

import duckdb

from engine.sweep import split
from engine.sweep.chunk import Decider, Task
from engine.sweep.job import Job, Stopped, connect
from engine.sweep.plans import Plans

PROCESS = 900 << 20  # bytes that a process holds, as measured with chunks of the usual size
UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
# Memory given back stays with the process, for the next chunk will ask for as much: to get it anew from the system each
# time took a sixth of all the time. Where the C library is another one than glibc, this says nothing.
KEPT = {
    "MALLOC_TRIM_THRESHOLD_": str(PROCESS),
    "MALLOC_MMAP_THRESHOLD_": str(PROCESS),
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}


class Lost(Exception):
    """A process ended that was deciding a chunk, of which nothing is left: most often for want of memory."""


def processes(job: Job, memory_limit: int, chunks: int) -> int:
    """How many processes decide so many chunks: one to a core, as many as the memory limit has room for; 1: none but
    the one that asks."""
    if job.engine != "numpy":  # DuckDB and Spark share out the work themselves
        return 1
    return max(1, min(job.threads or cores(), chunks, memory_limit // PROCESS))


def cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def limit_of(connection: duckdb.DuckDBPyConnection) -> int:
    """The memory limit of a session, in bytes."""
    (said,) = connection.execute("SELECT current_setting('memory_limit')").fetchone() or ("",)
    found = re.fullmatch(r"([\d.]+) (\w+)", str(said))
    assert found, said
    return int(float(found[1]) * UNITS[found[2]])


class Workers:
    """Processes that decide chunks. `stop` may be called from another thread."""

    def __init__(self, task: Task, many: int, memory_limit: int):
        self.task, self.many, self.memory_limit = task, many, memory_limit
        self.context = multiprocessing.get_context("spawn")
        self.heard, self.told = self.context.Pipe(duplex=False)

    def stop(self) -> None:
        """End what is being decided."""
        self.told.close()

    def decide(self, numbers: Iterable[int]) -> Generator[tuple[int, dict[str, Any]], None, None]:
        """The chunks of these numbers with what the manifest says of each, as they are done.

        Raises Stopped, Lost, and whatever a chunk raised.
        """
        # Handed over by a thread of its own: what stands among the arguments of a process must be read by it before the
        # next one is started, and it reads nothing before it has imported all.
        handed: Queue[bytes] = self.context.Queue()
        whole = pickle.dumps(self.task)
        for _ in range(self.many):
            handed.put(whole)
        begin = handed, self.heard, f"{self.memory_limit // self.many >> 20}MiB"
        pool = ProcessPoolExecutor(self.many, self.context, _begin, begin)
        try:
            with _unheard(), _keeping():
                waiting = {pool.submit(_decide, number): number for number in numbers}
            for each in as_completed(waiting):
                yield waiting[each], each.result()
        except BrokenProcessPool:
            raise Lost from None
        finally:
            self.stop()
            pool.shutdown(cancel_futures=True)
            self.heard.close()
            handed.close()
            handed.cancel_join_thread()  # nobody reads what is left in it


@contextmanager
def _unheard() -> Iterator[None]:
    """Processes started inside hear no Ctrl-C: whoever started them does, and stops them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _keeping() -> Iterator[None]:
    """Processes started inside keep the memory they gave back."""
    before = {name: os.environ.get(name) for name in KEPT}
    os.environ.update({name: value for name, value in KEPT.items() if before[name] is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]


# ----------------------------------------------------------------------------------------- inside such a process


class _Here:
    """What a process holds from its beginning to its end."""

    decider: Decider | None = None
    cuts: Sequence[split.Cut] = ()
    stopped = False


def _begin(handed: Queue[bytes], heard: Connection, memory_limit: str) -> None:
    threading.Thread(target=_listen, args=(heard,), daemon=True).start()  # first: who started it may end meanwhile
    task: Task = pickle.loads(handed.get())
    work = task.job.work / "spill" / str(os.getpid())
    connection = connect(memory_limit, 1, work)
    _Here.decider = Decider(task, connection, work, Plans(task.rulebook, task.job))
    if _Here.stopped:
        _Here.decider.stop()
    _Here.cuts = split.chunks_of(
        connection, task.household, task.member, task.job.chunk, task.job.work, lambda what: None
    )


def _listen(heard: Connection) -> None:
    """Stop once the other end of a pipe is closed: by who started this process, or because that one is no more."""
    heard.poll(None)
    _Here.stopped = True
    if _Here.decider is not None:
        _Here.decider.stop()
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _decide(number: int) -> dict[str, Any]:
    assert _Here.decider is not None
    try:
        return _Here.decider.decide(number, _Here.cuts[number - 1])
    except duckdb.InterruptException:
        raise Stopped from None
