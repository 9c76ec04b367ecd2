"""Who may do what: scopes, and which of them each role holds.

A key made without scopes holds those of its role. A key made with scopes holds exactly these, each of which
must be one its role may have: so a key for a scraper can hold `metrics` alone, and a supervisor's
caseworker key `cases:all` besides.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from api.problems import Problem
from api.settings import instant_of
from api.words import Words
from engine.ledger.keys import ApiKey, KeyRefused, Keys

__all__ = ["HELD", "MAY_HOLD", "SCOPES", "bearer", "require", "scopes_of"]

SCOPES: dict[str, Words] = {
    "catalogue": Words("查阅政策、事实和参数", "read policies, facts and parameters"),
    "evaluations": Words("试算，不入账", "try a household without recording it"),
    "decisions:write": Words("作出决定，确认、改作他定、更正", "decide, confirm, depart from and correct decisions"),
    "decisions:read": Words("查阅、检索本人经办的决定", "read and search decisions one made oneself"),
    "cases:all": Words("及于他人经办的个案", "the same for others' cases"),
    "identity:read": Words("查看姓名、证件号等身份信息", "see names, identity numbers and the like"),
    "replay": Words("复算决定", "decide a decision again"),
    "access:read": Words("查看谁查阅过个案", "see who read a case"),
    "ledger:read": Words("读取台账头与证明", "read the ledger's head and proofs"),
    "ledger:verify": Words("核验台账", "verify the ledger"),
    "rules:check": Words("校验规则文件", "check rule files"),
    "rules:reload": Words("重新载入规则", "reload the rules"),
    "metrics": Words("读取运行指标", "read metrics"),
    "events:write": Words("报送事件", "send events"),
    "orders:read": Words("查阅本人的工单", "read one's own orders"),
    "orders:write": Words("办理本人的工单", "take steps of one's own orders"),
    "advisers:write": Words("登记救助顾问", "enter advisers"),
}

HELD: dict[str, frozenset[str]] = {
    "caseworker": frozenset(
        {
            "catalogue",
            "evaluations",
            "decisions:write",
            "decisions:read",
            "identity:read",
            "orders:read",
            "orders:write",
        }
    ),
    "policy": frozenset({"catalogue", "evaluations", "rules:check"}),
    "auditor": frozenset(
        {
            "catalogue",
            "decisions:read",
            "cases:all",
            "replay",
            "access:read",
            "ledger:read",
            "ledger:verify",
            "orders:read",
        }
    ),
    "admin": frozenset(
        {
            "catalogue",
            "rules:check",
            "rules:reload",
            "ledger:read",
            "ledger:verify",
            "metrics",
            "events:write",
            "advisers:write",
        }
    ),
}
"""Role -> the scopes a key of it holds when none were named."""

MAY_HOLD: dict[str, frozenset[str]] = {
    "caseworker": HELD["caseworker"] | {"cases:all", "replay"},
    "policy": HELD["policy"],
    "auditor": HELD["auditor"] | {"identity:read"},
    "admin": HELD["admin"],
}
"""Role -> the scopes its keys may be made with. No role may both change the rules and decide cases."""


def scopes_of(key: ApiKey) -> frozenset[str]:
    """What a key may do."""
    return (key.scopes & MAY_HOLD[key.role]) if key.scopes else HELD[key.role]


def allowed_scopes(role: str, scopes: Collection[str]) -> frozenset[str]:
    """Those of `scopes` that a key of `role` may not have."""
    return frozenset(scopes) - MAY_HOLD[role]


def bearer(keys: Keys, header: str | None, at: datetime) -> ApiKey:
    """The key of an Authorization header. Raises Problem, which never says why a key was refused."""
    scheme, _, token = (header or "").partition(" ")
    if not header or scheme.lower() != "bearer":
        raise Problem("no-key", headers={"WWW-Authenticate": 'Bearer realm="jiuzhu"'})
    try:
        return keys.authenticate(token.strip(), instant_of(at))
    except KeyRefused:
        challenge = 'Bearer realm="jiuzhu", error="invalid_token"'
        raise Problem("key-refused", headers={"WWW-Authenticate": challenge}) from None


def require(key: ApiKey, scope: str) -> None:
    """Raises Problem where the key does not hold the scope."""
    if scope not in scopes_of(key):
        challenge = f'Bearer realm="jiuzhu", error="insufficient_scope", scope="{scope}"'
        raise Problem("not-allowed", headers={"WWW-Authenticate": challenge}, scope=scope, role=key.role)
