"""The caseworker's journeys in a real browser: both languages, phone and desk, with and without JavaScript, by keyboard
alone; axe on every page and state."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from screen import WIDTHS, Tab

Open = Callable[..., Tab]
FAMILY = "/desk?example=ordinary_family&on=2025-08-01"
WAGE = "#f-m-a-labour_income"
DIBAO = "[id='row-minimum_living_allowance.']"


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_family_from_the_example_to_the_printed_sheet(tab: Open, lang: str, width: int) -> None:
    one = tab(lang=lang, width=width).go("/sign-in").check()
    one.sign_in("caseworker").check()
    page = one.page
    page.click("#examples summary")
    page.click("a[href='/desk?example=ordinary_family']")
    page.fill("#on", "2025-08-01")
    page.press("#on", "Tab")
    one.settled()
    page.click("button[value='person:a']")
    page.wait_for_selector(WAGE)
    page.fill(WAGE, "")
    page.press(WAGE, "Tab")
    page.wait_for_selector(f"#ask-{WAGE[1:]}")  # the one question it asks
    assert one.say("每月 0.00 至 3,950.00 元", "between 0.00 and 3,950.00 yuan a month") in page.inner_text(DIBAO)
    page.fill(WAGE, "2000")
    page.press(WAGE, "Tab")
    page.wait_for_selector(f"{DIBAO}.yes")
    page.click(f"{DIBAO} button")
    page.wait_for_selector(".reasons")
    assert "1,950.00" in page.inner_text(".reasons")
    one.check()
    page.click("button[formaction='/desk/what-if']")
    page.wait_for_selector("#what")
    page.fill("#f-new-m-a-labour_income", "4000")
    page.press("#f-new-m-a-labour_income", "Enter")
    page.wait_for_selector("#moved table")
    page.click("button[name=chart]")
    page.wait_for_selector("svg.chart")
    one.check()
    page.click("button[formaction='/desk']")
    page.wait_for_selector("#answer")
    page.click("button[formaction='/desk/save']")
    page.wait_for_url("**/cases/*")
    page.click("#otherwise summary")
    one.check()
    page.click("a[href$='/sheet']")
    page.wait_for_url("**/sheet")
    one.check()
    page.emulate_media(media="print")
    assert not page.is_visible("header.top") and page.is_visible("article")
    page.emulate_media(media="screen")
    one.go("/cases").check()
    one.go("/cases/99999999").check()


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_task_without_javascript(tab: Open, lang: str, width: int) -> None:
    one = tab(lang=lang, width=width, script=False).sign_in("caseworker").go(FAMILY)
    page = one.page
    page.click("button[value='person:a']")
    page.fill(WAGE, "")
    page.press(WAGE, "Enter")  # the first button of the form is the one that changes nothing else
    page.wait_for_selector(f"#ask-{WAGE[1:]}")
    page.select_option(f"{WAGE}-how", "about")
    page.click("button.default")
    page.wait_for_selector(f"{WAGE}-high")
    page.fill(WAGE, "1000")
    page.fill(f"{WAGE}-high", "1500")
    page.click("button.default")
    page.wait_for_selector(f"{DIBAO}.yes")
    assert one.say("每月 2,450.00 至 2,950.00 元", "between 2,450.00 and 2,950.00 yuan a month") in page.inner_text(
        DIBAO
    )
    page.click(f"{DIBAO} button")
    page.wait_for_selector(".reasons")
    page.click("#add")
    page.click("button[value='remove:d']")
    page.wait_for_selector("#person-c")
    assert not page.locator("#person-d").count()
    page.click("button[formaction='/desk/what-if']")
    page.click("button[name=chart]")
    page.wait_for_selector("svg.chart")
    page.click("button[formaction='/desk']")
    page.click("button[formaction='/desk/save']")
    page.wait_for_url("**/cases/*")
    page.fill("#note", one.say("情况属实", "as it is"))
    page.click("form[action$='/confirmation'] button")
    page.wait_for_selector(".notice.good")
    assert one.say("已确认 ·", "Confirmed ·") in page.inner_text("main")
    page.click("a[href$='/sheet']")
    page.wait_for_url("**/sheet")
    assert one.say("可以享受", "You can have") in page.inner_text("main")
    assert not page.is_visible("[data-print]")  # a button that would do nothing is not shown
    one.check()


def test_by_keyboard_alone(tab: Open) -> None:
    one = tab(lang="en")
    page = one.go("/sign-in").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "key"
    page.keyboard.type(one.house.keys["caseworker"])
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk")
    one.go("/desk")
    _tab_to(one, "f-m-a-birth_date")
    page.keyboard.type("1950-03-04")
    page.keyboard.press("Tab")
    page.wait_for_selector("#ask-f-m-a-birth_date.done")
    one.settled()
    assert page.evaluate("document.activeElement.id") == "f-m-a-birth_date-how"  # where it was before the answer came
    _tab_to(one, "f-m-a-hukou")
    page.keyboard.type("Shanghai")  # a list chooses by its first letters
    page.keyboard.press("Tab")
    page.wait_for_selector("[id^='row-elder_allowance'].yes")
    one.check()


def _tab_to(one: Tab, id: str) -> None:
    for _ in range(120):
        if one.page.evaluate("document.activeElement.id") == id:
            return
        one.page.keyboard.press("Tab")
    raise AssertionError(f"{id} is not reached with the Tab key")


def test_typing_goes_on_while_an_answer_is_on_its_way(tab: Open) -> None:
    one = tab().come_as("caseworker").go(FAMILY)
    page = one.page
    page.click("button[value='person:a']")
    page.wait_for_selector(WAGE)
    page.fill(WAGE, "2100")
    page.press(WAGE, "Tab")  # sends; the next field is typed into before the answer is there
    page.fill("#f-m-a-savings", "7000")
    one.until("document.querySelector('#total-month').innerText.includes('1,850.00')")
    one.settled()
    assert page.input_value("#f-m-a-savings") == "7000" and page.input_value(WAGE) == "2100"
    assert page.evaluate("document.activeElement.id") == "f-m-a-savings"


def test_what_was_folded_stays_folded_when_the_answer_moves(tab: Open) -> None:
    one = tab().come_as("caseworker").go(FAMILY)
    page = one.page
    page.click("#status-ineligible summary")
    page.click("#status-eligible summary")
    page.click("details.group:has(#f-h-living_area) > summary")
    page.fill("#f-h-living_area", "70")
    page.press("#f-h-living_area", "Tab")
    one.settled()
    page.wait_for_timeout(200)
    assert page.get_attribute("#status-ineligible", "open") is not None
    assert page.get_attribute("#status-eligible", "open") is None
    assert page.is_visible("#f-h-living_area")  # its group too


def test_a_session_that_ended_keeps_what_was_filled_in(tab: Open) -> None:
    one = tab().come_as("caseworker").go(FAMILY)
    page = one.page
    page.click("button[value='person:a']")
    page.wait_for_selector(WAGE)
    kept = page.context.cookies()
    page.context.clear_cookies()
    page.fill(WAGE, "1500")
    page.press(WAGE, "Tab")
    page.wait_for_selector("#notice .notice")
    assert "登录已失效" in page.inner_text("#notice") and page.input_value(WAGE) == "1500"
    one.check()
    page.context.add_cookies(kept)  # signed in again in another window
    page.fill(WAGE, "1600")
    page.press(WAGE, "Tab")
    one.until("document.querySelector('#total-month').innerText.includes('2,350.00')")
    assert page.inner_text("#notice").strip() == ""


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_wrong_entries_and_eight_members(tab: Open, lang: str) -> None:
    one = tab(lang=lang, width=390).come_as("caseworker").go(FAMILY)
    page = one.page
    for name in "defgh":
        page.click("#add")
        page.wait_for_selector(f"#person-{name}[aria-pressed=true]")
    assert page.locator("input[name=member]").count() == 8
    told = page.locator(".people button").all_inner_texts()
    assert [each[: len(one.say("成员 d", "member d"))] for each in told[4:-1]] == [
        one.say(f"成员 {m}", f"member {m}") for m in "defgh"
    ]
    assert told[-1] == one.say("＋ 添加成员", "+ add a member")
    page.click("button[value='person:']")
    page.click("details.group:has(#f-h-living_area) > summary")
    page.fill("#f-h-living_area", "a lot")
    page.press("#f-h-living_area", "Tab")
    page.wait_for_selector("#f-h-living_area[aria-invalid]")
    one.check()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_rarer_pages(tab: Open, lang: str) -> None:
    """A key refused, a correction, a case settled otherwise, a room that is closed, a case that is not one's own."""
    one = tab(lang=lang).go("/sign-in")
    page = one.page
    page.fill("#key", "jz_nonsense")
    page.press("#key", "Enter")
    page.wait_for_selector("#refused")
    one.check()
    one.sign_in("caseworker").go(FAMILY)
    page.click("#save")
    page.wait_for_url("**/cases/*")
    id = page.url.rsplit("/", 1)[1]
    page.click("#otherwise summary")
    page.fill("#reason", one.say("入户核查，情况有变", "a visit found otherwise"))
    page.select_option("select[name='which-0']", index=1)
    page.fill("input[name='amount-0']", "1500")
    page.click("form[action$='/departure'] button")
    page.wait_for_selector(".notice.open li")
    one.check()
    one.go(f"/desk?corrects={id}").check()
    scopes = ["decisions:read", "decisions:write", "cases:all", "identity:read", "catalogue"]
    at = "2026-01-01T00:00:00Z"
    one.house.keys["above"] = one.house.service.home.keys.create("caseworker", at, scopes=scopes)[1]
    above = tab(lang=lang).come_as("above").go(f"/cases/{id}").check()
    above.page.fill("#why", one.say("督导抽查", "a supervisor's check"))
    above.page.press("#why", "Enter")
    above.page.wait_for_selector("#answer-title")
    above.check()
    tab(lang=lang).come_as("auditor").go("/desk").check()
