"""An auditor's journeys in a real browser: both languages, phone and desk, with and without JavaScript, by keyboard
alone; axe on every page and state."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from browser import House
from screen import WIDTHS, Tab

Open = Callable[..., Tab]
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def decided(house: House) -> int:
    body = json.loads((ROOT / "docs/examples/request.json").read_text(encoding="utf-8"))
    head = {"Authorization": f"Bearer {house.keys['caseworker']}"}
    client = house.app.test_client()
    id = client.post("/v1/decisions", json=body, headers=head).get_json()["id"]
    assert client.post(f"/v1/decisions/{id}/confirmation", json={"note": "情况属实"}, headers=head).status_code == 201
    return int(id)


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_decision_from_finding_it_to_taking_it_away(tab: Open, decided: int, lang: str, width: int) -> None:
    one = tab(lang=lang, width=width).come_as("auditor").go("/reading").check()  # asks why
    page = one.page
    page.fill("#why", one.say("第四季度审计", "fourth-quarter audit"))
    page.press("#why", "Enter")
    page.wait_for_selector("#policy")
    one.check()
    page.select_option("#policy", "minimum_living_allowance")
    page.select_option("#status", "eligible")
    page.click("search form button >> nth=0")
    page.wait_for_url("**/reading?*")
    one.check()
    page.click(f"a[href='/reading/{decided}']")
    page.wait_for_url(f"**/reading/{decided}")
    one.check()
    page.click("ul.answers > li >> nth=0 >> summary")
    page.wait_for_selector(".why ul.tree")
    one.settled()
    page.click(".why details summary >> nth=0")
    one.check()
    page.click("form[action$='/replay'] button >> nth=0")
    page.wait_for_url("**/replay")
    assert one.say("逐字节一致", "byte for byte") in page.inner_text("main")
    one.check()
    today = page.locator("#against option", has_text=one.say("现行", "today's"))  # other tests have loaded others
    page.select_option("#against", today.first.get_attribute("value"))
    page.click("form[action$='/replay'] button")
    one.settled()
    assert one.say("没有差别", "Nothing comes out otherwise") in page.inner_text("main")
    one.check()
    one.go(f"/reading/{decided}")
    with page.expect_download() as coming:
        page.click("form[action$='/bundle'] button >> nth=0")
    assert coming.value.suggested_filename == f"decision-{decided}.zip"
    one.go("/reading/ledger").check()
    page.click("form[action='/reading/ledger'] button")
    page.wait_for_selector(".notice.good")
    one.check()
    one.go(f"/reading/access?case={decided}").check()
    one.go("/reading?status=perhaps").check()
    one.go("/reading/99999999").check()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_task_of_the_reading_room_without_javascript(tab: Open, decided: int, lang: str) -> None:
    one = tab(lang=lang, width=390, script=False).sign_in("auditor").go("/reading")
    page = one.page
    page.fill("#why", one.say("抽查", "a sample"))
    page.click("main button")
    page.click("search form button >> nth=0")
    page.click(f"a[href='/reading/{decided}']")
    page.click("ul.answers > li >> nth=0 >> summary")
    page.click(".why a >> nth=0")
    page.wait_for_selector("ul.tree")
    page.click(f"a[href='/reading/{decided}']")
    page.click("form[action$='/replay'] button >> nth=1")
    assert one.say("没有差别", "Nothing comes out otherwise") in page.inner_text("main")
    one.go("/reading")
    page.click("search details summary")
    page.fill("#name", "没有这个人")
    page.click("form[action='/reading/person'] button")
    assert one.say("找到 0 户", "0 household(s)") in page.inner_text("main")
    one.go("/reading/ledger")
    page.click("form[action='/reading/ledger'] button")
    page.wait_for_selector(".notice.good")
    one.check()


def test_the_reading_room_by_keyboard_alone(tab: Open, decided: int) -> None:
    one = tab(lang="en").come_as("auditor").go("/reading")
    page = one.page
    page.focus("#why")
    page.keyboard.type("a sample")
    page.keyboard.press("Enter")
    page.wait_for_selector("#policy")
    one.go(f"/reading/{decided}")
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('ul.answers summary')"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector(".why ul.tree")
