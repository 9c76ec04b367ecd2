"""Every endpoint with every role: allowed or refused, and no endpoint that is not in the table."""

from __future__ import annotations

from typing import Any

import pytest
from api_live import Live

from api.app import BLUEPRINTS, ENDPOINTS
from api.auth import HELD, MAY_HOLD, SCOPES

ROLES = ("caseworker", "policy", "auditor", "admin")

NOBODY = {"household": {"members": [{"id": "a"}]}}

# (method, path, body, roles that may) — "any": without a key
TABLE: list[tuple[str, str, Any, str]] = [
    ("POST", "/v1/decisions", {"household": {"members": [{"id": "a"}]}}, "caseworker"),
    ("GET", "/v1/decisions", None, "caseworker auditor"),
    ("GET", "/v1/decisions/{id}", None, "caseworker auditor"),
    ("POST", "/v1/decisions/{id}/confirmation", {}, "caseworker"),
    ("POST", "/v1/decisions/{id}/departure", {"reason": "x"}, "caseworker"),
    ("POST", "/v1/decisions/{id}/correction", {**NOBODY, "reason": "x"}, "caseworker"),
    ("POST", "/v1/decisions/{id}/replay", {"why": "x"}, "auditor"),
    ("POST", "/v1/evaluations", {"household": {"members": [{"id": "a"}]}}, "caseworker policy"),
    ("POST", "/v1/households/find", {"phone": "02100000000", "why": "x"}, "auditor"),
    ("GET", "/v1/policies", None, "caseworker policy auditor admin"),
    ("GET", "/v1/policies/{name}", None, "caseworker policy auditor admin"),
    ("GET", "/v1/facts", None, "caseworker policy auditor admin"),
    ("GET", "/v1/parameters", None, "caseworker policy auditor admin"),
    ("POST", "/v1/rules/check", {"files": {}, "examples": False}, "policy admin"),
    ("POST", "/v1/rules/reload", {}, "admin"),
    ("GET", "/v1/ledger/head", None, "auditor admin"),
    ("GET", "/v1/ledger/proof?entry=1", None, "auditor admin"),
    ("POST", "/v1/ledger/verify", {}, "auditor admin"),
    ("GET", "/v1/ledger/access", None, "auditor"),
    ("POST", "/v1/events", {"events": []}, "admin"),
    ("GET", "/v1/orders", None, "caseworker auditor"),
    ("GET", "/v1/orders/{number}", None, "caseworker auditor"),
    ("POST", "/v1/orders/{number}/steps", {"action": "visit"}, "caseworker"),
    ("POST", "/v1/advisers", {"adviser": "a1", "subdistrict": "华阳路街道"}, "admin"),
    ("GET", "/metrics", None, "admin"),
    ("GET", "/healthz", None, "any"),
    ("GET", "/readyz", None, "any"),
    ("GET", "/openapi.json", None, "any"),
    ("GET", "/reference", None, "any"),
    ("GET", "/reference.css", None, "any"),
]


def test_the_table_has_every_endpoint() -> None:
    declared = {(each.method, each.path.replace("policies/{id}", "policies/{name}")) for each in ENDPOINTS}
    assert declared == {(method, path.partition("?")[0]) for method, path, _, _ in TABLE}
    assert {each.tag for each in ENDPOINTS} <= {each.name for each in BLUEPRINTS}


@pytest.mark.parametrize("role", ["", *ROLES])
@pytest.mark.parametrize(("method", "path", "body", "may"), TABLE, ids=[f"{m} {p}" for m, p, _, _ in TABLE])
def test_who_may(small: Live, method: str, path: str, body: Any, may: str, role: str) -> None:
    where = path.replace("{name}", "minimum").replace("{number}", "1")
    if "{id}" in path:
        sent = {"household": {"members": [{"id": "a"}]}}
        made = small.post("/v1/decisions", "caseworker", sent)
        where = path.replace("{id}", str(made.json["id"]))
    if role == "auditor" and method == "GET" and path.startswith("/v1/decisions"):
        where += "?why=audit"
    answer = small.call(method, where, role, body)
    if may == "any" or role in may.split():
        # there is no order of any number here: who may is told so
        assert answer.status in ((404,) if "{number}" in path else (200, 201)), answer.body
    elif not role:
        assert (answer.status, answer.json["code"]) == (401, "no-key")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    else:
        assert (answer.status, answer.json["code"]) == (403, "not-allowed")
        assert answer.json["scope"] in SCOPES


@pytest.mark.parametrize(
    "header",
    [
        "", "Bearer", "Bearer ", "Basic YTpi", "Bearer jz_000000000000_" + "A" * 43, "Bearer x", "jz_1",
        "Bearer \u00e9",
    ],
)  # fmt: skip
def test_a_bad_key_is_refused_without_saying_why(small: Live, header: str) -> None:
    answer = small.get("/v1/facts", headers={"Authorization": header})
    assert answer.status == 401 and answer.json["code"] in ("no-key", "key-refused")
    assert "expired" not in answer.json["title"] and "WWW-Authenticate" in answer.headers


def test_a_revoked_and_an_expired_key_open_nothing_any_more(small: Live) -> None:
    from engine.ledger.keys import Keys

    keys = Keys(small.data / "keys.db")
    key, token = keys.create("caseworker", "2026-01-01T00:00:00Z")
    assert small.get("/v1/facts", token=token).status == 200
    keys.revoke(key.id, "2026-01-02T00:00:00Z")
    assert small.get("/v1/facts", token=token).json["code"] == "key-refused"
    _, old = keys.create("caseworker", "2020-01-01T00:00:00Z", expires_at="2020-01-02T00:00:00Z")
    assert small.get("/v1/facts", token=old).json["code"] == "key-refused"


def test_a_key_with_scopes_holds_exactly_these(small: Live) -> None:
    scraper = small.new_key("admin", "metrics")
    assert small.get("/metrics", token=scraper).status == 200
    assert small.get("/v1/facts", token=scraper).status == 403
    # a scope the role may not have opens nothing, even if it stands in the file
    odd = small.new_key("policy", "decisions:read", "catalogue")
    assert small.get("/v1/decisions", token=odd).status == 403
    assert small.get("/v1/facts", token=odd).status == 200


def test_no_role_both_changes_the_rules_and_decides() -> None:
    for role in ROLES:
        assert HELD[role] <= MAY_HOLD[role] <= SCOPES.keys()
        assert not {"rules:reload", "decisions:write"} <= MAY_HOLD[role]


def test_a_caseworker_sees_own_cases_and_a_supervisor_all(small: Live) -> None:
    other, boss = small.new_key("caseworker"), small.new_key("caseworker", "decisions:read", "cases:all")
    sent = {"household": {"members": [{"id": "a"}]}}
    id = small.post("/v1/decisions", "caseworker", sent).json["id"]
    assert small.get(f"/v1/decisions/{id}", "caseworker").status == 200
    assert small.get(f"/v1/decisions/{id}?why=x", token=other).json["code"] == "not-your-case"
    why = small.get(f"/v1/decisions/{id}", token=boss)
    assert why.status == 400 and why.json["errors"][0]["code"] == "why-required"
    assert small.get(f"/v1/decisions/{id}?why=handover", token=boss).status == 200
    assert small.get(f"/v1/decisions?caseworker={'0' * 12}", "caseworker").json["code"] == "not-your-case"
    mine = small.get("/v1/decisions?limit=200", token=other).json["items"]
    assert mine == []
    for action, body in (("confirmation", {}), ("departure", {"reason": "x"})):
        answer = small.post(f"/v1/decisions/{id}/{action}", "", body, token=other)
        assert answer.json["code"] == "not-your-case"
