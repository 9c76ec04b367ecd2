"""Policy staff's journeys in a real browser: both languages, phone and desk, with and without JavaScript, by keyboard
alone; axe on every page and state."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from screen import WIDTHS, Tab

Open = Callable[..., Tab]
FILE = "rules/older_people/elder_allowance.yaml"


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_rule_from_the_catalogue_to_a_patch(tab: Open, lang: str, width: int) -> None:
    one = tab(lang=lang, width=width).sign_in("policy").check()
    page = one.page
    page.fill("#q", "elder allowance" if lang == "en" else "老年综合津贴")
    one.until("document.querySelectorAll('table.catalogue tbody tr').length === 1")
    one.check()
    page.click("table.catalogue tbody a")
    page.wait_for_url("**/workbench/policies/elder_allowance*")
    one.check()
    page.click("#yaml summary")
    one.check()
    page.click("#examples tbody a >> nth=0")
    page.wait_for_url("**/examples/1*")
    one.check()
    one.go(f"/workbench/edit?file={FILE}").check()
    text = page.input_value("#text")
    page.fill("#text", text.replace("elder_allowance_age", "elder_alowance_age", 1))
    page.wait_for_selector(".problems li")
    one.check()
    page.click(".problems a[data-line]")
    line = page.evaluate("document.getElementById('text').value.slice(0, document.getElementById('text').selectionStart).split('\\n').length")
    assert str(line) == page.get_attribute(".problems a[data-line]", "data-line")
    page.fill("#text", text.replace("kind: benefit", "kind: service", 1))
    page.wait_for_selector(".notice.good + details, .notice.good ~ details")
    one.check()
    page.click("#found details summary")
    one.check()
    with page.expect_download() as coming:
        page.click("button[value=patch]")
    patch = coming.value.path().read_text(encoding="utf-8")
    assert "+kind: service" in patch and "-kind: benefit" in patch


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_task_of_the_workbench_without_javascript(tab: Open, lang: str) -> None:
    one = tab(lang=lang, width=390, script=False).come_as("policy").go("/workbench")
    page = one.page
    page.fill("#q", "dibao_single_person")
    page.click("search form button")
    assert page.locator("table.catalogue tbody tr").count() == 1
    one.go(f"/workbench/edit?like={FILE}")
    page.fill("#file", "rules/older_people/second.yaml")
    page.fill("#text", page.input_value("#text").replace("policy: elder_allowance", "policy: second_allowance"))
    page.select_option("#family", "older_person")
    with page.expect_navigation():  # a click alone does not wait for the page it asks for
        page.click("#editor button >> nth=0")
    assert one.say("没有问题。", "No problems.") in page.inner_text("#found")
    assert one.say("个例子都得出所列结果", "come to what they say") in page.inner_text("#found")
    assert page.is_visible("table.then-now")  # the family gets what the new policy gives
    assert page.input_value("#file") == "rules/older_people/second.yaml"
    page.fill("#text", page.input_value("#text").replace("elder_allowance_age", "elder_alowance_age", 1))
    with page.expect_navigation():  # a click alone does not wait for the page it asks for
        page.click("#editor button >> nth=0")
    page.wait_for_selector(".problems li")
    one.check()


def test_the_workbench_by_keyboard_alone(tab: Open) -> None:
    one = tab(lang="en").come_as("policy").go(f"/workbench/edit?file={FILE}")
    page = one.page
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "text":
            break
    page.keyboard.press("Control+Home")
    page.keyboard.type("x")
    page.wait_for_selector(".problems li")
    page.keyboard.press("Backspace")
    page.wait_for_selector("#found .notice.good")
    seen = set()
    for _ in range(12):  # out of the text again, to every button
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.value || document.activeElement.id"))
    assert {"file", "patch"} <= seen


def test_other_pages_of_the_workbench(tab: Open) -> None:
    for lang, width in (("zh", 390), ("en", 1280)):
        one = tab(lang=lang, width=width).come_as("policy")
        for address in (
            "/workbench?q=nothing-like-this", f"/workbench/files/{FILE}#L20", "/workbench/files/policies.yaml",
            "/workbench/compare/minimum_living_allowance?then=2015-04-01&now=2024-07-01", "/workbench/edit",
            "/workbench/policies/minimum_living_allowance", "/workbench/policies/rent_subsidy?on=2013-01-01",
            "/workbench/policies/no_such_policy", "/workbench?on=never",
        ):  # fmt: skip
            one.go(address).check()
