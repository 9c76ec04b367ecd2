"""The application: the endpoints, and what becomes of requests that fail."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.routing import BaseConverter

from api import health, reference
from api.active import ActiveRules
from api.around import PROBLEM, REQUEST_ID, Around
from api.endpoint import ENDPOINTS
from api.logs import log
from api.metrics import Metrics
from api.problems import KINDS, Problem, of_ledger, response
from api.service import Service
from api.settings import Settings, instant_of
from api.v1 import catalogue, decisions, evaluations, events, households, ledger, orders, rules
from api.web import (
    assets,
    cases,
    desk,
    front,
    reading,
    reading_bundle,
    reading_case,
    reading_reason,
    what_if,
    workbench,
    workbench_compare,
    workbench_edit,
)
from api.web import (
    orders as order_pages,
)
from api.web.errors import error_page, is_page
from api.web.session import Sessions, secret_of
from api.web.visit import PAGES
from api.words import preferred
from engine.ledger.errors import LedgerError
from engine.ledger.home import open_home
from engine.ledger.programs import Programs

__all__ = ["ENDPOINTS", "create_app", "open_service"]

BLUEPRINTS = (
    decisions.blueprint, evaluations.blueprint, households.blueprint, catalogue.blueprint, rules.blueprint,
    ledger.blueprint, events.blueprint, orders.blueprint, health.blueprint, reference.blueprint,
    assets.blueprint, front.blueprint,
    desk.blueprint, cases.blueprint, what_if.blueprint, workbench.blueprint, workbench_compare.blueprint,
    workbench_edit.blueprint, order_pages.blueprint, reading.blueprint, reading_reason.blueprint,
    reading_case.blueprint, reading_bundle.blueprint,
)  # fmt: skip
STATUSES = sorted({200, 201, 303, 304, *(kind.status for kind in KINDS.values())})


class Entry(BaseConverter):
    """The number of an entry in an address: nothing that SQLite or another reader would round."""

    regex = "[1-9][0-9]{0,14}"

    def to_python(self, value: str) -> int:
        return int(value)


class Name(BaseConverter):
    """A name of the rule language in an address."""

    regex = "[a-z][a-z0-9_]{0,63}"


def open_service(settings: Settings) -> Service:
    """Open the data folder. The rules are whichever were activated last; see ActiveRules.activate."""
    home = open_home(settings.data, instant_of(settings.clock()))
    secret_of(home.folder)  # before the workers are there, so that all sign by the same
    programs = Programs(home.store)
    metrics = Metrics(settings.data / "metrics", [*(each.label for each in ENDPOINTS), *PAGES], STATUSES)
    return Service(settings, home, programs, ActiveRules(home, programs), metrics)


def create_app(settings: Settings) -> Flask:
    """The WSGI application. In a server of several processes each makes its own, after it was forked."""
    app = Flask("api", static_folder=None, template_folder=str(Path(__file__).parent / "web" / "templates"))
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True, "undefined": StrictUndefined}
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.url_map.converters.update(entry=Entry, name=Name)
    app.url_map.strict_slashes = True
    app.url_map.merge_slashes = False
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    service = app.extensions["jiuzhu"] = open_service(settings)
    app.extensions["jiuzhu-sessions"] = Sessions(service.home.folder, service.home.volatile)
    app.wsgi_app = Around(app.wsgi_app, service.metrics)  # type: ignore[method-assign]
    app.register_error_handler(Problem, _problem)
    app.register_error_handler(LedgerError, _ledger_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _failure)
    return app


def _said(problem: Problem) -> Response:
    request.environ[PROBLEM] = problem.code
    if is_page():
        return error_page(problem)
    return response(problem, preferred(request.accept_languages), request.environ[REQUEST_ID])


def _problem(problem: Problem) -> Response:
    return _said(problem)


def _ledger_error(error: LedgerError) -> Response:
    problem = of_ledger(error)
    if problem.status >= 500:
        log("ledger-error", logging.ERROR, exc=error, request_id=request.environ[REQUEST_ID], code=error.code)
    return _said(problem)


def _http_error(error: HTTPException) -> Response:
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        return _said(Problem("no-such-method", headers={"Allow": allowed}))
    if isinstance(error, RequestEntityTooLarge):
        return _said(Problem("body-too-large"))
    if isinstance(error, NotFound):
        return _said(Problem("not-found"))
    if error.code is not None and error.code >= 500:
        return _said(Problem("internal"))
    if error.code is not None and 300 <= error.code < 400:
        return Response(status=404) if error.response is None else _redirect(error)
    return _said(Problem("bad-request"))


def _redirect(error: HTTPException) -> Any:
    return error.get_response()


def _failure(error: Exception) -> Response:
    log("failure", logging.ERROR, exc=error, request_id=request.environ[REQUEST_ID])
    return _said(Problem("internal"))
