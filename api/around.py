"""What is done around every request: an id, the time it took, a log line, a count, and the headers that every answer
has. As WSGI middleware, so that it sees whatever the application makes of a request."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from api.logs import log
from api.metrics import Metrics

__all__ = ["KEY", "LABEL", "PROBLEM", "REQUEST_ID", "SECURITY", "Around"]

REQUEST_ID, LABEL, KEY, PROBLEM = "jiuzhu.request_id", "jiuzhu.label", "jiuzhu.key", "jiuzhu.problem"
"""Where the application leaves what is logged: the request's id, `METHOD /path/{template}`, the key's id, the code."""

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
}
"""Headers of every answer that does not say otherwise itself."""

_ALL = list(SECURITY.items())


class Around:
    """The application with all of that around it."""

    def __init__(self, app: Callable[..., Iterable[bytes]], metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics
        self.last = time.monotonic()  # when a request last ended

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        started = time.perf_counter_ns()
        id = environ[REQUEST_ID] = request_id(environ.get("HTTP_X_REQUEST_ID"))
        status = 500

        def start(line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal status
            status = int(line[:3])
            given = {name for name, _ in headers}
            headers = [*headers, ("X-Request-Id", id), *(each for each in _ALL if each[0] not in given)]
            return start_response(line, headers, exc_info)

        try:
            return self._app(environ, start)
        finally:  # the body is made by now: nothing here streams
            microseconds = (time.perf_counter_ns() - started) // 1000
            self.last = time.monotonic()
            label = environ.get(LABEL)
            if label is not None:
                self._metrics.timed(label, status, microseconds)
            log(
                "request",
                logging.ERROR if status >= 500 else logging.INFO,
                request_id=id,
                route=label,
                status=status,
                ms=microseconds / 1000,
                key=environ.get(KEY),
                problem=environ.get(PROBLEM),
            )


def request_id(given: str | None) -> str:
    """The caller's id if it is a UUID, so that nothing else can be slipped into the logs; else a new one."""
    if given and len(given) == 36:
        try:
            return str(uuid.UUID(given))
        except ValueError:
            pass
    return str(uuid.uuid4())
