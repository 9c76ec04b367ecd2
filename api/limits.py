"""What a request may cost before it is looked at: how often, how large, how slow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from api.problems import Problem
from engine.ledger.ratelimit import Verdict, allow
from engine.ledger.volatile import Volatile

if TYPE_CHECKING:
    from api.settings import Limits

__all__ = ["body_of", "spend"]

_CHUNK = 64 * 1024


def spend(volatile: Volatile, key_id: str, limits: Limits) -> Verdict:
    """One call of this key, counted over all workers. Raises Problem when it has none left."""
    # the wall clock: all workers share it, and what survives a restart stays comparable
    now = time.time_ns() // 1000
    verdict = allow(volatile, key_id, now, per_minute=limits.per_minute, burst=limits.burst)
    if not verdict.allowed:
        raise Problem("too-many", headers={"Retry-After": str(verdict.retry_after)})
    return verdict


def body_of(request: Request, limit: int, seconds: float) -> bytes:
    """The body, of at most `limit` bytes, arrived within `seconds`. Raises Problem.

    A client that drips a byte now and then would otherwise hold a thread for as long as it likes.
    """
    length = request.content_length
    if length is not None and length > limit:
        raise Problem("body-too-large", limit=limit)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem("not-json")
    deadline = time.monotonic() + seconds
    found: list[bytes] = []
    size = 0
    try:
        while size <= limit and (chunk := request.stream.read(min(_CHUNK, limit + 1 - size))):
            found.append(chunk)
            size += len(chunk)
            if time.monotonic() > deadline:
                raise Problem("slow-body")
    except RequestEntityTooLarge:
        raise Problem("body-too-large", limit=limit) from None
    except OSError:  # the socket's own time limit, or the client went away
        raise Problem("slow-body") from None
    if size > limit:
        raise Problem("body-too-large", limit=limit)
    return b"".join(found)
