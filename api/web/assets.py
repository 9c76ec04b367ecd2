"""The files a page loads: our own and vendored ones, all from this service. Each address carries the file's digest, so
that a browser keeps it for good and gets the new one at once."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from flask import Blueprint, Response

from api.problems import Problem

__all__ = ["address", "blueprint"]

blueprint = Blueprint("assets", __name__)

_FOLDER = Path(__file__).parent / "static"
_MEDIA = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    """Name -> (its bytes, the first letters of their digest)."""
    found = {}
    for path in sorted(_FOLDER.rglob("*")):
        if path.suffix in _MEDIA:
            body = path.read_bytes()
            found[path.relative_to(_FOLDER).as_posix()] = body, hashlib.sha256(body).hexdigest()[:12]
    return found


def address(name: str) -> str:
    """Where a page finds the file `name` of api/web/static. Raises KeyError for one that is not there."""
    return f"/assets/{_files()[name][1]}/{name}"


@blueprint.get("/assets/<digest>/<path:name>")
def read(digest: str, name: str) -> Response:
    body, own = _files().get(name, (b"", ""))
    if digest != own:
        raise Problem("not-found")
    found = Response(body, content_type=_MEDIA[Path(name).suffix])
    found.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return found
