"""How an endpoint is declared: one line says its address, who may call it, what it takes and what it gives.
From these lines come the checks made before it runs, the OpenAPI document, and the tests' table of
endpoints and roles."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, request
from marshmallow import Schema, ValidationError

from api.around import KEY, LABEL
from api.auth import bearer, require, scopes_of
from api.fields import StrictSchema, faults_of, parameter_faults
from api.limits import body_of, spend
from api.problems import Fault, Problem, fault_of_number
from api.schemas import NO_QUERY
from api.service import Service, service
from api.wire import dumps, read_json
from api.words import Words, preferred
from engine.language.identity_number import IdentityNumberError
from engine.ledger.entries import Request
from engine.ledger.keys import ApiKey

__all__ = ["ENDPOINTS", "Call", "Endpoint", "answer", "checked", "endpoint"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One declared endpoint.

    scope       what a key must hold; "" for none, open to all
    body        schema of the body; None where there is none
    empty_ok    the body may be left out
    gives       schema of the answer, where it is JSON; `status` and `media` of it
    problems    codes it may answer with, beside those every endpoint has
    idempotent  it takes an Idempotency-Key
    cached      it has an ETag
    """

    method: str
    rule: str
    scope: str
    tag: str
    summary: Words
    query: StrictSchema
    body: StrictSchema | None
    empty_ok: bool
    gives: Schema | None
    status: int
    media: str
    problems: tuple[str, ...]
    idempotent: bool
    cached: bool
    name: str

    @property
    def path(self) -> str:
        """The address as OpenAPI writes it."""
        return self.rule.replace("<entry:", "{").replace("<name:", "{").replace("<", "{").replace(">", "}")

    @property
    def label(self) -> str:
        """How it is named in metrics and logs."""
        return f"{self.method} {self.path}"


ENDPOINTS: list[Endpoint] = []


@dataclass(slots=True)
class Call:
    """A request that passed: its key, its query and body as read, and the service behind it."""

    service: Service
    key: ApiKey | None
    query: dict[str, Any]
    raw: bytes = b""
    sent: Any = None
    _scopes: frozenset[str] | None = field(default=None, repr=False)

    @property
    def who(self) -> ApiKey:
        assert self.key is not None
        return self.key

    @property
    def lang(self) -> str:
        return preferred(request.accept_languages)

    def may(self, scope: str) -> bool:
        """Whether the caller's key holds a scope."""
        if self._scopes is None:
            self._scopes = scopes_of(self.who)
        return scope in self._scopes

    def idempotency(self) -> Request | None:
        """The Idempotency-Key of the request, if it sent one. Raises Problem for one of a wrong form."""
        text = request.headers.get("Idempotency-Key")
        if text is None:
            return None
        if len(text) > 2 and text[0] == text[-1] == '"':
            text = text[1:-1]  # a structured field's string; the bare form is taken as well
        if not 1 <= len(text) <= 128 or not all("!" <= letter <= "~" for letter in text):
            raise Problem("bad-request", [Fault.of("key-form", "Idempotency-Key", "header")])
        about = hashlib.sha256(f"{request.method} {request.path}\n".encode() + self.raw)
        return Request(self.who.id, text, about.hexdigest())


def endpoint(
    blueprint: Blueprint,
    method: str,
    rule: str,
    *,
    scope: str,
    zh: str,
    en: str,
    query: StrictSchema = NO_QUERY,
    body: StrictSchema | None = None,
    empty_ok: bool = False,
    gives: Schema | None = None,
    status: int = 200,
    media: str = "application/json",
    problems: tuple[str, ...] = (),
    idempotent: bool = False,
    cached: bool = False,
) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Declare an endpoint. The function gets a `Call`, then what the address holds."""

    def declare(view: Callable[..., Response]) -> Callable[..., Response]:
        spec = Endpoint(
            method, rule, scope, blueprint.name, Words(zh, en), query, body, empty_ok, gives, status, media, problems,
            idempotent, cached, view.__name__,
        )  # fmt: skip
        ENDPOINTS.append(spec)
        label = spec.label

        def run(**path: Any) -> Response:
            here = service()
            environ = request.environ
            environ[LABEL] = label
            key = None
            if scope:
                key = bearer(here.home.keys, request.headers.get("Authorization"), here.now())
                environ[KEY] = key.id
                require(key, scope)
                spend(here.home.volatile, key.id, here.settings.limits)
            call = Call(here, key, _query(spec.query))
            if body is not None:
                _read_body(call, spec)
            return view(call, **path)

        blueprint.add_url_rule(rule, view.__name__, run, methods=[method])
        return view

    return declare


def _query(schema: StrictSchema) -> dict[str, Any]:
    if not request.query_string:
        return {}
    given = request.args
    faults = [Fault.of("twice", _plain(name), "parameter") for name, values in given.lists() if len(values) > 1]
    try:
        found: dict[str, Any] = schema.load(given.to_dict())
    except ValidationError as error:
        assert isinstance(error.messages, dict)
        faults += parameter_faults(error.messages, schema)
    if faults:
        raise Problem("bad-query", faults)
    return found


def _plain(name: str) -> str:
    return name if name.isascii() and name.isidentifier() and len(name) <= 40 else ""


def _read_body(call: Call, spec: Endpoint) -> None:
    limits = call.service.settings.limits
    limit = limits.rules_body if spec.scope == "rules:check" else limits.body
    call.raw = body_of(request, limit, limits.body_seconds)
    if not call.raw and spec.empty_ok:
        call.sent = {}
        return
    if request.mimetype != "application/json":
        raise Problem("not-json")
    call.sent = read_json(call.raw, limits)


def checked(schema: StrictSchema, sent: Any) -> tuple[dict[str, Any], list[Any]]:
    """What of a body passed, and the faults of the rest."""
    try:
        return schema.load(sent), []
    except ValidationError as error:
        faults = []
        for found in faults_of(error.messages, schema):
            if isinstance(found, tuple):
                cause, place = found
                assert isinstance(cause, IdentityNumberError)
                found = fault_of_number(cause, place)
            faults.append(found)
        valid = error.valid_data
        return valid if isinstance(valid, dict) else {}, faults


def body_as(call: Call, schema: StrictSchema) -> dict[str, Any]:
    """The body, all of it right. Raises Problem with every fault."""
    found, faults = checked(schema, call.sent)
    if faults:
        raise Problem("invalid", faults)
    return found


def answer(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer, of data or of JSON written already. What is about people is not to be kept by anything on the
    way."""
    body = document if isinstance(document, bytes) else dumps(document)
    found = Response(body, status, mimetype="application/json")
    found.headers["Cache-Control"] = "no-store"
    if headers:
        found.headers.update(headers)
    return found
