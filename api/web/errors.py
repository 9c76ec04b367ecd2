"""What went wrong, in words: a page for people where the API would answer with problem+json."""

from __future__ import annotations

from flask import Response, request

from api.around import REQUEST_ID
from api.problems import Problem
from api.web.visit import visiting

__all__ = ["error_page", "is_page"]

_MACHINES = ("/v1/", "/healthz", "/readyz", "/metrics", "/openapi.json")


def is_page() -> bool:
    """Whether whoever asks is a person at a browser."""
    if request.path.startswith(_MACHINES):
        return False
    return "text/html" in request.headers.get("Accept", "") or request.headers.get("HX-Request") == "true"


def error_page(problem: Problem) -> Response:
    """The problem as a page; for a part of a page, as a notice above it."""
    visit = visiting()
    document = problem.document(visit.lang, request.environ[REQUEST_ID])
    faults = document.get("errors", [])
    found = visit.page("error.html", problem.status, problem=document, code=problem.code, faults=faults)
    for name, value in problem.headers.items():
        if name != "WWW-Authenticate":  # a browser would ask for a password that nobody has
            found.headers[name] = value
    return found
