"""The front door: signing in with a key, signing out, and the language."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request

from api.auth import scopes_of
from api.problems import Problem
from api.settings import instant_of
from api.web.rooms import ROOMS
from api.web.visit import Visit, keep_lang, on_this_machine, page, signed_in
from api.words import LANGS
from engine.ledger.keys import ApiKey, KeyRefused

blueprint = Blueprint("front", __name__)


@page(blueprint, "GET", "/", scope="", zh="救助", en="Jiuzhu")
def front(visit: Visit) -> Response:
    return visit.away(_first_room(visit.key) if visit.key else "/sign-in")


@page(blueprint, "GET", "/sign-in", scope="", zh="登录", en="Sign in")
def sign_in(visit: Visit) -> Response:
    back = inside(request.args.get("back"))
    if visit.key is not None:
        return visit.away(back or _first_room(visit.key))
    return visit.page("sign_in.html", back=back, refused=False, plain=_plain())


@page(blueprint, "POST", "/sign-in", scope="", zh="登录", en="Sign in")
def enter(visit: Visit) -> Response:
    back = inside(visit.form.get("back"))
    try:
        key = visit.service.home.keys.authenticate(visit.form.get("key", "").strip(), instant_of(visit.service.now()))
    except KeyRefused:
        return visit.page("sign_in.html", 401, back=back, refused=True, plain=_plain())
    signed_in(visit, key)
    return visit.away(back or _first_room(key))


@page(blueprint, "POST", "/sign-out", scope="", zh="退出", en="Sign out")
def leave(visit: Visit) -> Response:
    signed_in(visit, None)
    return visit.away("/sign-in")


@blueprint.get("/language/<lang>")
def language(lang: str) -> Response:
    if lang not in LANGS:
        raise Problem("not-found")
    found = Response(status=303, headers={"Location": redirect(inside(request.args.get("back")) or "/").location})
    keep_lang(found, lang)
    return found


def _first_room(key: ApiKey) -> str:
    held = scopes_of(key)
    return next((room.address for room in ROOMS if room.scope in held), "/reference")


def inside(address: str | None) -> str:
    """An address of this service to go back to, or nothing: never a way to another host."""
    if not address or len(address) > 2000 or not address.startswith("/") or address.startswith(("//", "/\\")):
        return ""
    return "" if any(letter < " " or letter == "\\" for letter in address) else address


def _plain() -> bool:
    """Whether the way here is not encrypted: the cookie would not be kept, and the key could be read on the way."""
    forwarded = request.headers.get("X-Forwarded-Proto", "")
    return not (on_this_machine() or request.is_secure or forwarded == "https")
