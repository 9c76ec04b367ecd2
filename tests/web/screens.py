"""Pictures of the main pages: `python tests/web/screens.py docs/screens` (or `make screens`). Invented people only."""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from browser import House
from rich.progress import track
from screen import Tab, chromium, open_tab, serving

from api.app import create_app
from api.settings import Settings, instant_of
from engine.language.shipped import rule_files

ROOT = Path(__file__).parent.parent.parent
WAGE = "#f-m-a-labour_income"


@contextmanager
def house() -> Iterator[House]:
    """A service on a folder that is thrown away, with a key for each role."""
    clock = [datetime(2026, 11, 22, 1, 0, tzinfo=UTC)]

    def tick() -> datetime:
        clock[0] += timedelta(milliseconds=1)
        return clock[0]

    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(Path(folder), clock=tick))
        service = app.extensions["jiuzhu"]
        service.active.activate(rule_files(str(ROOT)), "start", instant_of(tick()), examples=False)
        labels = {"caseworker": "华阳路街道 1 号窗口", "policy": "政策科", "auditor": "审计", "admin": "管理员"}
        keys = {r: service.home.keys.create(r, instant_of(tick()), label=label)[1] for r, label in labels.items()}
        yield House(app, clock, keys)


def sign_in(tab: Tab) -> None:
    tab.go("/sign-in")


def new(tab: Tab) -> None:
    tab.sign_in("caseworker").go("/desk")


def family(tab: Tab) -> None:
    """The example household with a wage left out: one question, an open amount, its reasons."""
    tab.sign_in("caseworker").go("/desk?example=ordinary_family&on=2025-08-01")
    page = tab.page
    page.click("button[value='person:a']")
    page.fill(WAGE, "")
    page.press(WAGE, "Tab")
    page.wait_for_selector(f"#ask-{WAGE[1:]}")
    page.click("[id='row-minimum_living_allowance.'] button")
    page.wait_for_selector(".reasons")


def eight(tab: Tab) -> None:
    """Eight members, most of them hardly known."""
    tab.sign_in("caseworker").go("/desk?example=ordinary_family&on=2025-08-01")
    for _ in range(5):
        count = tab.page.locator("input[name=member]").count()
        tab.page.click("#add")
        tab.until(f"document.querySelectorAll('input[name=member]').length === {count + 1}")


def case(tab: Tab) -> None:
    tab.sign_in("caseworker").go("/desk?example=ordinary_family&on=2025-08-01")
    page = tab.page
    page.click("button[value='person:a']")
    page.wait_for_selector("#identity-a")
    page.click("#identity-a summary")
    page.fill("#i-a-name", "张示例")
    page.press("#i-a-name", "Tab")
    tab.settled()
    page.click("button[formaction='/desk/save']")
    page.wait_for_url("**/cases/*")
    page.click("details.row >> nth=0 >> summary >> nth=0")


def sheet(tab: Tab) -> None:
    case(tab)
    tab.page.click("a[href$='/sheet']")
    tab.page.wait_for_url("**/sheet")


def cases(tab: Tab) -> None:
    case(tab)
    tab.go("/cases")


def what_if(tab: Tab) -> None:
    tab.sign_in("caseworker").go("/desk?example=disabled_adult&on=2025-08-01")
    page = tab.page
    page.click("button[formaction='/desk/what-if']")
    page.wait_for_selector("#what")
    page.fill("#f-new-m-a-labour_income", "2000")
    page.press("#f-new-m-a-labour_income", "Enter")
    page.wait_for_selector("#moved table")
    page.click("button[name=chart]")
    page.wait_for_selector("svg.chart")


def policy(tab: Tab) -> None:
    """A policy in words, at its figures over the years."""
    tab.sign_in("policy").go("/workbench/policies/minimum_living_allowance#figure-dibao_standard")


def editor(tab: Tab) -> None:
    """A rule changed as one types: what it means in words, its examples, a family before and after."""
    tab.sign_in("policy").go("/workbench/edit?file=rules/parameters/minimum_living.yaml")
    page = tab.page
    page.select_option("#family", "ordinary_family")
    page.fill("#on", "2025-08-01")
    page.fill("#text", page.input_value("#text").replace("value: 1650.00", "value: 1700.00"))
    page.wait_for_selector("table.then-now", timeout=60_000)


def reading(tab: Tab) -> None:
    """A decision as an auditor reads it, one answer open."""
    case(tab)
    id = tab.page.url.rsplit("/", 1)[1]
    tab.page.context.clear_cookies()
    tab.page.context.add_cookies([{"name": "lang", "value": tab.lang, "url": tab.address}])
    tab.sign_in("auditor").go("/reading")
    page = tab.page
    page.fill("#why", tab.say("第四季度低保审计", "dibao audit, fourth quarter"))
    page.press("#why", "Enter")
    page.wait_for_selector("#policy")
    tab.go(f"/reading/{id}")
    page.click("ul.answers > li >> nth=0 >> summary")
    page.wait_for_selector(".why ul.tree")


SCREENS: dict[str, tuple[Callable[[Tab], None], bool]] = {
    "sign-in": (sign_in, False),
    "new": (new, False),
    "family": (family, False),
    "eight": (eight, False),
    "case": (case, False),
    "sheet": (sheet, True),
    "cases": (cases, False),
    "what-if": (what_if, True),
    "policy": (policy, False),
    "editor": (editor, False),
    "reading": (reading, True),
}
"""Name -> (how to get there, whether the whole page is wanted). A room adds its own rows here."""


def main(folder: Path, only: list[str]) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [
        (name, lang, width) for name in only or SCREENS for lang, width in (("zh", 1280), ("en", 1280), ("zh", 390))
    ]
    with house() as found, serving(found) as address, chromium() as browser:
        for name, lang, width in track(wanted, "pages"):
            tab = open_tab(browser, found, address, lang=lang, width=width)
            way, whole = SCREENS[name]
            way(tab)
            tab.settled()
            tab.page.evaluate("document.activeElement.blur()")
            if name == "editor":
                tab.page.evaluate("scrollTo(0, 0)")
            path = folder / f"{name}-{lang}{'-phone' if width < 500 else ''}.jpg"
            tab.page.screenshot(path=path, full_page=whole, type="jpeg", quality=72)
            tab.page.context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/screens"), sys.argv[2:])
