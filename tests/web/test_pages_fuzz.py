"""Whatever a form holds, no page fails: a wrong entry is told, never a 5xx."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from browser import Browser, House
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["", "0", "-1", "1e9", "9" * 40, "1.005", "²", "１２", "yes", "?", "unknown", "about", "some", "2025-02-30",
         "0000-00-00", "99999", "a", "b", "h", "m/a/savings", "open:x.", "person:zz", "remove:a", "cite:m/a/savings",
         "minimum_living_allowance|", "\x00", "\ud7ff", "<script>alert(1)</script>", "11010519491231002X"]
    ),
)  # fmt: skip
PAGES = ("/desk", "/desk/save", "/desk/what-if", "/cases", "/cases/1/confirmation", "/cases/1/departure")


@pytest.fixture(scope="module")
def fields(house: House) -> list[str]:
    """Every field a form of the desk may have."""
    facts = house.service.active.current().program.vocabulary.facts
    names = [f"h/{name}" for name in facts["household"]] + [f"m/{m}/{name}" for m in ("a", "b") for name in facts["member"]]
    names += ["h/receiving", "m/a/receiving", "h/no_such", "m/zz/savings", "m/a", "h", "i/a/name", "i/a/id_number", "i/household/address"]
    names += [f"{name}/{part}" for name in names[:40] for part in ("how", "high", "source", "verified", "nonsense")]
    names += ["on", "member", "person", "open", "cited", "ahead", "do", "once", "household_id", "corrects", "reason", "lang"]
    names += ["what", "was", "new/m/a/labour_income", "chart", "income", "upto", "text", "policy", "status", "from", "to", "before",
              "note", "which-0", "status-0", "amount-0", "per-0"]  # fmt: skip
    return names


@pytest.fixture(scope="module")
def someone(house: House) -> Browser:
    return Browser(house).sign_in("caseworker")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_form_makes_a_page_fail(someone: Browser, fields: list[str], data: Any) -> None:
    token = someone.get("/cases").form("/sign-out").one("input", name="_token")["value"]
    some = data.draw(st.lists(st.tuples(st.sampled_from(fields), TEXTS), max_size=25))
    members = data.draw(st.lists(st.one_of(st.sampled_from(["a", "b", "a.b", "A_9"]), TEXTS), min_size=0, max_size=4))
    pairs = [*(("member", each) for each in members), *some, ("_token", token)]
    address = data.draw(st.sampled_from(PAGES))
    page = someone.post(address, pairs)
    assert page.status < 500, (address, pairs)
    assert "<script>alert(1)" not in page.html


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.lists(st.tuples(st.sampled_from(["example", "on", "like", "corrects", "why", "all", "back"]), TEXTS), max_size=3))
def test_no_address_makes_a_page_fail(someone: Browser, query: list[tuple[str, str]]) -> None:
    for path in ("/desk", "/cases/1", "/cases/1/sheet", "/sign-in", "/language/en"):
        answer = someone.client.get(f"{path}?{urlencode(query)}", headers={"Accept": "text/html"})
        assert answer.status_code < 500, (path, query)
