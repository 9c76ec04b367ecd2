"""Orders on pages: an adviser's own, the head's all, a step at a time; and what a real browser says of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from browser import Browser, House

from api.settings import instant_of
from api.watching import watching

if TYPE_CHECKING:
    from screen import Tab

TODAY_EVENTS = [
    {
        "source": "civil", "id": f"r{n}", "type": "register", "household": f"户{n}".replace("户", "h"), "day": "2026-01-01",
        "says": {
            "subdistrict": "华阳路街道", "receiving": [],
            "members": [
                {"id": "a", "birth_date": "1980-05-01", "hukou": "shanghai", "living_arrangement": "together",
                 "labour_income": "3000.00", "other_income": "0.00", "employment": "employed", "deceased": False},
                {"id": "b", "birth_date": "2012-05-01", "hukou": "shanghai", "living_arrangement": "together",
                 "labour_income": "0.00", "other_income": "0.00", "child_welfare": "none", "deceased": False},
            ],
        },
    }
    for n in (1, 2, 3)
]  # fmt: skip
ALERTS = [
    {"source": "police", "id": "d1", "type": "death", "household": "h1", "member": "a", "day": "2026-11-10"},
    {
        "source": "ybj", "id": "b2", "type": "medical_bill", "household": "h2", "member": "a", "day": "2026-11-11",
        "says": {"self_paid": "60000.00"},
    },
    {
        "source": "ybj", "id": "b3", "type": "medical_bill", "household": "h3", "member": "b", "day": "2026-11-12",
        "says": {"self_paid": "70000.00"},
    },
]  # fmt: skip


@pytest.fixture(scope="module")
def offices(house: House) -> dict[str, str]:
    """Two advisers and their head; three households that need a visit."""
    service, ids = house.service, {}
    for name, scopes in (("adviser", ()), ("other", ()), ("head", ("orders:read", "orders:write", "cases:all"))):
        key, house.keys[name] = service.home.keys.create(
            "caseworker", instant_of(service.now()), label=f"{name} 顾问", scopes=scopes
        )
        ids[name] = key.id
    with house.app.app_context(), watching(service) as watch:
        watch.desk.adviser(ids["adviser"], "华阳路街道")
        watch.take(TODAY_EVENTS, service.today(), service.at())
        assert watch.take(ALERTS, service.today(), service.at()).raised
        watch.desk.adviser(ids["other"], "新泾镇")
    return ids


def rows(page: Any) -> list[str]:
    return [row.text for row in page.root.all("tbody")[0].all("tr")]


def test_an_adviser_sees_his_own_and_the_head_all(browser: Browser, house: House, offices: dict[str, str]) -> None:
    assert len(rows(browser.sign_in("adviser").get("/orders"))) >= 3
    other = Browser(house).sign_in("other")
    assert "没有工单" in other.get("/orders").text
    assert other.get("/orders/1").status == 403
    head = Browser(house).sign_in("head").get("/orders")
    assert "adviser 顾问" in head.text and "新泾镇" in head.text
    assert Browser(house).sign_in("policy").get("/orders").status == 403


def test_an_order_says_why_and_what_to_do(browser: Browser, offices: dict[str, str]) -> None:
    listed = browser.sign_in("adviser").get("/orders")
    link = next(each["href"] for each in listed.root.all("a") if "主要劳动力亡故" in each.text)
    page = browser.get(link)
    for said in ("已经死亡", "当面慰问", "可能符合的政策", "派单", "特急"):
        assert said in page.text, said
    browser.get("/language/en?back=/orders")
    assert "A main labourer has died" in browser.get(link).text
    browser.get("/language/zh?back=/orders")


def test_steps_on_a_page(browser: Browser, house: House, offices: dict[str, str]) -> None:
    mine = browser.sign_in("adviser")
    listed = mine.get("/orders")
    link = next(
        each.all("a")[0]["href"]
        for each in listed.root.all("tbody")[0].all("tr")
        if "自负医疗费用过高" in each.text and "h2" in each.text
    )
    page = mine.get(link)
    answer = mine.send(page, page.form(link), {"action": "not_needed"})
    assert answer.status == 422 and answer.root.one(role="alert").text
    answer = mine.send(page, page.form(link), {"action": "visit"})
    assert answer.status == 303 and "已走访" in mine.get(link).text
    late = mine.send(page, page.form(link), {"action": "visit"})
    assert late.status == 422, "it was done in another window"
    page = mine.get(link)
    sent = {"action": "hand_over", "to": offices["other"], "reason": "迁往新泾镇 <b>"}
    assert mine.send(page, page.form(link), sent).headers["Location"] == "/orders"
    assert mine.get(link).status == 403
    theirs = Browser(house).sign_in("other")
    page = theirs.get(link)
    assert "迁往新泾镇 <b>" in page.text
    theirs.send(page, page.form(link), {"action": "settle", "reason": "已协助申请医疗救助"})
    done = theirs.get(link)
    assert "已办结" in done.text and not [f for f in done.root.all("form") if f.get("action") == link]


@pytest.mark.parametrize("who", ["adviser", "head"])
@pytest.mark.parametrize(("lang", "width"), [("zh", 390), ("en", 1200)])
def test_what_a_real_browser_says(
    tab: Callable[..., Tab], offices: dict[str, str], who: str, lang: str, width: int
) -> None:
    one = tab(lang=lang, width=width, script=True).come_as(who)
    one.go("/orders").check()
    one.go("/orders/1").check()
