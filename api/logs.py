"""Logs: one JSON object a line on standard error. They name requests, keys and entries by number, never a
person.

What is logged is chosen field by field. Paths are logged as templates, queries and bodies not at all, and
of an exception only its type and where it was raised: its message could hold what someone sent.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

__all__ = ["JsonFormatter", "log", "set_up", "where"]

_LOGGER = logging.getLogger("jiuzhu")


class JsonFormatter(logging.Formatter):
    """A record's own fields as JSON. A message that is not one of ours is cut down to its logger's name."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        found: dict[str, Any] = {"at": moment, "level": record.levelname.lower(), "pid": record.process}
        fields = getattr(record, "fields", None)
        if fields is None:
            found["event"] = "other"
            found["logger"] = record.name
        else:
            found |= fields
        if record.exc_info and record.exc_info[1] is not None:
            found["error"] = type(record.exc_info[1]).__name__
            found["where"] = where(record.exc_info[2])
        return json.dumps(found, ensure_ascii=False)


def where(trace: TracebackType | None) -> list[str]:
    """The frames of a traceback: module file, line and function, without a single value."""
    frames = traceback.extract_tb(trace)
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-12:]]


def log(event: str, level: int = logging.INFO, *, exc: BaseException | None = None, **fields: Any) -> None:
    """One line. `fields` must not hold what a caller sent."""
    if _LOGGER.isEnabledFor(level):
        info = (type(exc), exc, exc.__traceback__) if exc is not None else None
        _LOGGER.log(level, event, extra={"fields": {"event": event, **fields}}, exc_info=info)


def set_up(level: int = logging.INFO) -> None:
    """Send the service's logs, and what libraries log at warning or above, to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    _LOGGER.handlers[:] = [handler]
    _LOGGER.propagate = False
    _LOGGER.setLevel(level)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
