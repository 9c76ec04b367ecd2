"""Whatever stands in an address or a form of the workbench and the reading room gets an answer in words, never a 5xx."""

from __future__ import annotations

import itertools

import pytest
from browser import Browser, House

HOSTILE = [
    "\x00", "٣", "９９", "2025-02-30", "9999-12-31", "0001-01-01", "-1", "1e9", "0", "1" * 40, "x" * 3000, "<script>", "'; --", "../..",
    "%", "\ud7ff\ufffd", "null", "[]", "{", "h_" + "0" * 24, "a" * 64, "低保\u202e", "\n", "=1+1",
]  # fmt: skip
ADDRESSES = {
    "policy": [
        ("/workbench", ["q", "on", "group", "kind", "for", "department", "status", "nothing"]),
        ("/workbench/policies/elder_allowance", ["on"]),
        ("/workbench/policies/elder_allowance/examples/1", ["text", "on"]),
        ("/workbench/compare/minimum_living_allowance", ["then", "now"]),
        ("/workbench/files/policies.yaml", ["rulebook", "on"]),
        ("/workbench/edit", ["file", "like"]),
    ],
    "auditor": [
        ("/reading", ["text", "policy", "status", "kind", "on_from", "decided_to", "rulebook", "caseworker", "household", "before", "limit", "why", "zzz"]),
        ("/reading/access", ["case", "who", "before", "limit"]),
        ("/reading/reason", ["back"]),
        ("/reading/1", ["identity"]),
    ],
}  # fmt: skip


def signed_in(house: House, role: str) -> Browser:
    who = Browser(house).sign_in(role)
    if role == "auditor":
        page = who.get("/reading/reason")
        who.send(page, page.form("/reading/reason"), {"why": "试探"})
    return who


@pytest.mark.parametrize("role", ADDRESSES)
def test_addresses(house: House, role: str) -> None:
    who = signed_in(house, role)
    for address, names in ADDRESSES[role]:
        for place, (name, value) in enumerate(itertools.product(names, HOSTILE)):
            if len(names) > 4 and (place + len(name)) % 5:  # a fifth of them, each value somewhere
                continue
            answer = who.client.get(address, query_string={name: value}, headers={"Accept": "text/html"})
            assert answer.status_code < 500, (address, name, value)
            assert answer.status_code != 303 or not answer.headers["Location"].startswith(("//", "http"))
            assert "<script>" not in answer.get_data(as_text=True).replace("<script src", "")


def test_forms_of_the_editor(house: House) -> None:
    who = signed_in(house, "policy")
    page = who.get("/workbench/edit?file=rules/older_people/elder_allowance.yaml")
    own = dict(page.fields(page.form(id="editor")))
    for number, name in enumerate(("file", "text", "family", "on", "as")):
        for value in HOSTILE[number % 2 :: 2]:
            for action in ("/workbench/check", "/workbench/download") + (("/workbench/try",) if name in ("family", "on") else ()):
                pairs = {**own, "as": "patch", name: value}
                answer = who.client.post(action, data=pairs, headers={"Accept": "text/html"})
                assert answer.status_code < 500, (action, name, value)


def test_forms_of_the_reading_room(house: House) -> None:
    who = signed_in(house, "auditor")
    token = dict(who.get("/reading").fields(who.get("/reading").form("/sign-out")))
    for value in HOSTILE:
        for action, name in (
            ("/reading/person", "name"), ("/reading/person", "id_number"), ("/reading/reason", "why"), ("/reading/reason", "back"),
            ("/reading/ledger", "checkpoint"), ("/reading/1/replay", "against"), ("/reading/99/bundle", "x"),
        ):  # fmt: skip
            answer = who.client.post(action, data={**token, name: value}, headers={"Accept": "text/html"})
            assert answer.status_code < 500, (action, name, value)
            assert not answer.headers.get("Location", "/").startswith(("//", "http"))
