"""Why one reads: said once in a session, put on record with every case that is then opened.

It lies in the file that the workers share and may lose, under the session, never in an address or a browser.
"""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response, request

from api.web.front import inside
from api.web.session import LONGEST
from api.web.visit import Visit, here, page

__all__ = ["blueprint", "reason_of", "to_reason"]

blueprint = Blueprint("reading-reason", __name__)

MOST = 200
_TABLE = (
    "CREATE TABLE IF NOT EXISTS reason (session TEXT PRIMARY KEY, why TEXT NOT NULL, until INTEGER NOT NULL) STRICT"
)


def reason_of(visit: Visit) -> str:
    """Why this session reads; "" where it has not been said."""
    assert visit.session is not None
    connection = visit.service.home.volatile.connection()
    connection.execute(_TABLE)
    row = connection.execute("SELECT why FROM reason WHERE session = ?", (visit.session.id,)).fetchone()
    return "" if row is None else str(row[0])


def to_reason(visit: Visit) -> Response:
    """To the page that asks for the reason, and back from there."""
    back = here() if request.method == "GET" else "/reading"
    return visit.away(f"/reading/reason?back={quote(back, safe='/')}")


@page(blueprint, "GET", "/reading/reason", scope="decisions:read", zh="查阅事由", en="Why you read")
def ask(visit: Visit) -> Response:
    back = inside(visit.query.get("back")) or "/reading"
    return visit.page("reading/reason.html", back=back, why=reason_of(visit), fault="", most=MOST)


@page(blueprint, "POST", "/reading/reason", scope="decisions:read", zh="查阅事由", en="Why you read")
def keep(visit: Visit) -> Response:
    back = inside(visit.form.get("back")) or "/reading"
    why = " ".join(visit.form.get("why", "").split())
    if not 2 <= len(why) <= MOST or any("\ud800" <= letter <= "\udfff" for letter in why):
        fault = visit.say("请写明事由，2 至 {n} 个字", "say why, in 2 to {n} characters", n=MOST)
        return visit.page("reading/reason.html", 422, back=back, why=why[:MOST], fault=fault, most=MOST)
    assert visit.session is not None
    connection = visit.service.home.volatile.connection()
    connection.execute(_TABLE)
    connection.execute("DELETE FROM reason WHERE until < ?", (visit.session.last,))
    connection.execute(
        "INSERT OR REPLACE INTO reason VALUES (?, ?, ?)", (visit.session.id, why, visit.session.started + LONGEST)
    )
    return visit.away(back)
