"""How a page is declared, and what its function gets: one line says its address, who may see it and what it is called.

A `Visit` is a `Call` (api/endpoint.py), so whatever takes a call of the API takes a visit: the pages do nothing that
the API cannot, and by the same code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from flask import Blueprint, Response, current_app, redirect, request
from werkzeug.datastructures import MultiDict

from api.around import KEY, LABEL
from api.auth import require, scopes_of
from api.endpoint import Call
from api.limits import body_of, spend
from api.problems import Problem
from api.service import service
from api.settings import instant_of
from api.web.rendering import render
from api.web.rooms import ROOMS
from api.web.session import COOKIE, Session, Sessions
from api.words import LANGS, Words, preferred
from engine.ledger.entries import Request
from engine.ledger.keys import ApiKey, KeyRefused

__all__ = ["LANG_COOKIE", "PAGES", "Visit", "here", "page", "sessions", "visiting"]

LANG_COOKIE = "lang"
TOKEN = "_token"
_FIELDS = 6_000  # of one form
_VISIT = "jiuzhu.visit"

PAGES: list[str] = []
"""Every page, as metrics and logs name it: `METHOD /path/{template}`."""


@dataclass(slots=True)
class Visit(Call):
    """A request of a page that passed: whose it is, its form as sent, and what its answer needs."""

    session: Session | None = None
    form: MultiDict[str, str] = field(default_factory=MultiDict)
    fresh: bool = False
    token: str = ""
    once: str = ""
    _lang: str = field(default="", repr=False)

    @property
    def lang(self) -> str:
        """`zh` or `en`: as just chosen, as chosen before, else as the browser prefers."""
        if not self._lang:
            chosen = (self.form.get("lang", ""), request.cookies.get(LANG_COOKIE, ""))
            known = next((each for each in chosen if each in LANGS), "")
            self._lang = known or preferred(request.accept_languages)
        return self._lang

    def say(self, zh: str, en: str, **words: object) -> str:
        """A sentence in the visitor's language."""
        text = zh if self.lang == "zh" else en
        return text.format(**words) if words else text

    def may(self, scope: str) -> bool:
        """Whether the visitor's key holds a scope; a visitor who is not signed in may nothing."""
        return self.key is not None and scope in scopes_of(self.key)

    @property
    def partial(self) -> bool:
        """Whether only the changed part of the page was asked for (htmx)."""
        return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true"

    def sends(self, body: dict[str, Any], once: str = "") -> Visit:
        """This visit as the call of the API that would send `body`; `once`: its Idempotency-Key."""
        self.sent, self.once = body, once
        self.raw = json.dumps(body, ensure_ascii=False, sort_keys=True, default=str).encode()
        return self

    def idempotency(self) -> Request | None:
        """Of a form, the mark it was made with, so that sending it twice records once."""
        if not self.once:
            return None
        return Request(self.who.id, self.once, hashlib.sha256(b"page\n" + self.raw).hexdigest())

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """The answer: `template` with `values`, in the visitor's language, with the page's headers."""
        session = self.session
        assert session is not None
        more = {
            "visit": self, "token": self.token, "title": request.environ.get("jiuzhu.title"), "here": here(),
            "rooms": [room for room in ROOMS if self.may(room.scope)], "path": request.path,
        }  # fmt: skip
        return finished(self, render(template, self.lang, self.partial, {**more, **values}), status)

    def away(self, address: str) -> Response:
        """Off to another page, with GET."""
        if request.headers.get("HX-Request") == "true":
            return finished(self, "", 200, {"HX-Redirect": address})
        found = redirect(address, 303)
        return finished(self, "", 303, {"Location": found.headers["Location"]})


def finished(visit: Visit, body: str, status: int, headers: dict[str, str] | None = None) -> Response:
    """An answer with what every page has: nothing is kept on the way, nothing from elsewhere is loaded."""
    found = Response(body, status, content_type="text/html; charset=utf-8")
    found.headers["Cache-Control"] = "no-store"
    found.headers["Content-Language"] = visit.lang
    found.headers["Content-Security-Policy"] = POLICY
    found.headers["Vary"] = "Cookie, Accept-Language, HX-Request"
    found.headers.update(headers or {})
    if visit.session is not None:
        sessions().keep(found, visit.session, visit.service.now(), fresh=visit.fresh, secure=not on_this_machine())
    if visit.form.get("lang") in LANGS:
        keep_lang(found, visit.form["lang"])
    return found


POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing but our own files, no script or style inside a page. `data:` is Pico's arrows and ticks."""


def keep_lang(answer: Response, lang: str) -> None:
    answer.set_cookie(
        LANG_COOKIE, lang, max_age=365 * 86400, httponly=True, samesite="Lax", secure=not on_this_machine(), path="/"
    )


def sessions() -> Sessions:
    """The sessions of the service at hand."""
    found: Sessions = current_app.extensions["jiuzhu-sessions"]
    return found


def on_this_machine() -> bool:
    """Whether the browser speaks to a loopback address: the one case in which a cookie may go over plain HTTP."""
    host = urlsplit(f"//{request.host}").hostname or ""
    return host == "localhost" or host == "::1" or host.startswith("127.")


def here() -> str:
    """The address at hand, for coming back to it; never one of another host."""
    path = request.full_path if request.query_string else request.path
    return path if path.startswith("/") and not path.startswith("//") else "/"


def page(
    blueprint: Blueprint, method: str, rule: str, *, scope: str, zh: str, en: str, limit: int | None = None
) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Declare a page. The function gets a `Visit`, then what the address holds.

    scope    what a key must hold (api/auth.py); "" for a page that is open to all
    zh, en   what the page is called in the browser's title
    limit    bytes of its form, where more than Limits.body is needed
    A POST is refused unless it carries the token of a form of ours.
    """

    def declare(view: Callable[..., Response]) -> Callable[..., Response]:
        label = f"{method} {rule.replace('<entry:', '{').replace('<name:', '{').replace('<', '{').replace('>', '}')}"
        PAGES.append(label)
        title = Words(zh, en)

        def run(**path: Any) -> Response:
            request.environ[LABEL] = label
            visit = visiting(title)
            if method == "POST":
                limits = visit.service.settings.limits
                visit.raw = body_of(request, limit or limits.body, limits.body_seconds)
                visit.form = _form(visit.raw)
            if scope:
                if visit.key is None:
                    return _sign_in(visit, method)
                require(visit.key, scope)
                spend(visit.service.home.volatile, visit.key.id, visit.service.settings.limits)
            if method == "POST":
                _own_form(visit)
            return view(visit, **path)

        blueprint.add_url_rule(rule, f"{method} {view.__name__}", run, methods=[method])
        return view

    return declare


def visiting(title: Words | None = None) -> Visit:
    """Who asks: the visit of the request at hand, its session read, its key still good. Made once for each request."""
    found = request.environ.get(_VISIT)
    if isinstance(found, Visit):
        return found
    here_ = service()
    at = here_.now()
    session, key = sessions().read(request.cookies.get(COOKIE), at), None
    if session is not None and session.key:
        try:
            key = here_.home.keys.live(session.key, instant_of(at))
            request.environ[KEY] = key.id
        except KeyRefused:
            session = None
    fresh = session is None
    if session is None:
        session = sessions().begin(at)
    visit = Visit(here_, key, {name: request.args[name] for name in request.args}, session=session, fresh=fresh)
    visit.token = sessions().token(session, at)
    request.environ[_VISIT] = visit
    request.environ["jiuzhu.title"] = title
    return visit


def signed_in(visit: Visit, key: ApiKey | None) -> None:
    """From here on the visit is that of `key`, in a new session; None: a visitor's."""
    at = visit.service.now()
    if visit.session is not None and not visit.fresh:
        sessions().end(visit.session)
    visit.key, visit.session, visit.fresh = key, sessions().begin(at, key.id if key else ""), True
    visit.token = sessions().token(visit.session, at)


def _sign_in(visit: Visit, method: str) -> Response:
    if method != "GET" or visit.partial:
        raise Problem("signed-out")
    return visit.away(f"/sign-in?back={quote(here(), safe='/')}")


def _form(raw: bytes) -> MultiDict[str, str]:
    if request.mimetype != "application/x-www-form-urlencoded":
        raise Problem("not-a-form")
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=_FIELDS, errors="strict")
    except ValueError:  # too many fields, or not UTF-8
        raise Problem("not-a-form") from None
    return MultiDict(pairs)


def _own_form(visit: Visit) -> None:
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    assert visit.session is not None
    given = visit.form.get(TOKEN)
    if site not in ("same-origin", "none") or not sessions().is_own(visit.session, given, visit.service.now()):
        raise Problem("not-our-form")
