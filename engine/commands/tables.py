"""What the commands over tables share: work that Ctrl-C reaches while an engine is busy, and how they refuse."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NoReturn, TypeVar

from engine.commands.common import console, fail
from engine.sweep.fold import CannotSweep
from engine.sweep.source import SourceError
from engine.sweep.workers import Lost

T = TypeVar("T")
LOST = (
    "认定分块的一个进程中途结束，多半是内存不足",
    "a process that was deciding a chunk ended, most likely for want of memory",
)


def until_done(work: Callable[[], T], stop: Callable[[], None]) -> T:
    """What `work` gives, from a thread of its own; what it raises is raised here.

    At Ctrl-C `stop` is called until the work has ended, and KeyboardInterrupt goes on from here.
    """
    found: list[T] = []
    failed: list[BaseException] = []
    ended = threading.Event()  # a thread whose join was broken off by Ctrl-C says that it is dead while it runs on

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:  # handed to the thread that waits
            failed.append(error)
        finally:
            ended.set()

    threading.Thread(target=run, name="work").start()
    try:
        while not ended.wait(0.2):
            pass
    except KeyboardInterrupt:
        while not ended.is_set():
            stop()
            ended.wait(0.2)
        raise
    if failed:
        raise failed[0]
    return found[0]


def fail_on(error: SourceError | CannotSweep | Lost, lang: str) -> NoReturn:
    """Say why the tables (every reason) or a rule cannot be swept, or what ended, and leave."""
    if isinstance(error, Lost):
        fail(*LOST, lang)
    if isinstance(error, CannotSweep):
        fail(f"{error.at}：{error.why[1]}", f"{error.at}: {error.why[0]}", lang, 1)
    out, many = console(stderr=True), len(error.reasons)
    for en, zh in error.reasons:
        out.print(zh if lang == "zh" else en, style="red", soft_wrap=True, markup=False)
    fail(f"{many} 处问题，未开始", f"{many} problem(s); nothing was begun", lang)
