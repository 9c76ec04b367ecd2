"""Logs: one JSON object a line on standard error. They name requests, keys and entries by number, never a person.

What is logged is chosen field by field. Paths are logged as templates, queries and bodies not at all, and of an
exception only its type and where it was raised: its message could hold what someone sent.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

__all__ = ["log", "set_up", "where"]

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
_threshold = logging.CRITICAL + 1  # silent until `set_up`


def where(trace: TracebackType | None) -> list[str]:
    """The frames of a traceback: module file, line and function, without a single value."""
    frames = traceback.extract_tb(trace)
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-12:]]


def log(event: str, level: int = logging.INFO, *, exc: BaseException | None = None, **fields: Any) -> None:
    """One line. `fields` must not hold what a caller sent."""
    if level < _threshold:
        return
    found = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": logging.getLevelName(level).lower(),
        "pid": os.getpid(),
        "event": event,
        **fields,
    }
    if exc is not None:
        found["error"] = type(exc).__name__
        found["where"] = where(exc.__traceback__)
        code = getattr(exc, "sqlite_errorname", None)  # a name such as SQLITE_BUSY, never a value
        if code:
            found["sqlite"] = code
    line = (_encode(found) + "\n").encode(errors="backslashreplace")
    with contextlib.suppress(OSError, ValueError):  # nobody may be listening any more
        os.write(sys.stderr.fileno(), line)  # one call, so that lines of several threads and workers stay whole


class _Others(logging.Handler):
    """What libraries log: that they did, and where from; the message is theirs and may hold anything."""

    def emit(self, record: logging.LogRecord) -> None:
        exc = record.exc_info[1] if record.exc_info else None
        log("other", record.levelno, exc=exc, logger=record.name)


def set_up(level: int = logging.INFO) -> None:
    """Log from `level` on, and what libraries log from warnings on."""
    global _threshold
    _threshold = level
    root = logging.getLogger()
    root.handlers[:] = [_Others()]
    root.setLevel(logging.WARNING)
