"""ETags: what depends on the rulebook and the question alone is sent once."""

from __future__ import annotations

import hashlib

from flask import Request, Response

__all__ = ["tagged"]


def tagged(request: Request, parts: tuple[str, ...], body: bytes | None = None) -> tuple[str, Response | None]:
    """The ETag of an answer that follows from `parts`, and the 304 to send if the caller has it already."""
    tag = hashlib.sha256("\0".join(parts).encode() + (body or b"")).hexdigest()[:32]
    if request.if_none_match.contains_weak(tag):
        answer = Response(status=304)
        mark(answer, tag)
        return tag, answer
    return tag, None


def mark(answer: Response, tag: str) -> Response:
    """Put the tag on an answer. It is asked for again each time, for rules change without notice."""
    answer.set_etag(tag)
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer
