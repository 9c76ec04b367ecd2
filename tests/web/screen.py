"""A real browser for the pages: Debian's Chromium by Playwright, the application served from this process.

`Tab.check()` is what every page must pass: no axe violation (WCAG 2.2 AA), nothing wider than the screen, no error in
the console, no report of the content security policy, no request to another host.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from browser import Browser, House
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, Playwright, sync_playwright
from werkzeug.serving import make_server

from api.web.session import COOKIE

__all__ = ["FLAGS", "HOW", "Tab", "Tabs", "browser_path", "chromium", "open_tab", "serving"]

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--font-render-hinting=none",
]  # fmt: skip
HOW = "no browser: apt-get install chromium fonts-noto-cjk (or set CHROMIUM=/path/to/chromium)"
AXE = (Path(__file__).parent / "axe-4.14.1.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = {"phone": 390, "desk": 1280}
# what is no fault: an error page is an answer too; a request is given up when a newer one holds all it held
EXPECTED = ("status of 4", "Response Status Error Code 4", "htmx:sendAbort", "htmx:afterRequest,")
_WATCH = """
window.__refused = [];
document.addEventListener("securitypolicyviolation", (e) => window.__refused.push(e.violatedDirective + " " + e.blockedURI));
"""


def browser_path() -> str | None:
    """Where Chromium is; None where it is not."""
    given = os.environ.get("CHROMIUM")
    names = [given] if given else ["chromium", "chromium-browser", "google-chrome"]
    return next((found for name in names if (found := shutil.which(name))), None)


@contextmanager
def serving(house: House) -> Iterator[str]:
    """The application on a port of its own; gives its address."""
    server = make_server("127.0.0.1", 0, house.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def chromium() -> Iterator[Chromium]:
    """The browser. Raises FileNotFoundError with what to install."""
    path = browser_path()
    if path is None:
        raise FileNotFoundError(HOW)
    playwright: Playwright
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield found
        finally:
            found.close()


@dataclass
class Tab:
    """One tab, with what went wrong in it."""

    page: Page
    house: House
    address: str
    lang: str
    width: int
    script: bool
    wrong: list[str] = field(default_factory=list)

    def go(self, path: str) -> Tab:
        self.page.goto(self.address + path)
        return self

    def sign_in(self, role: str) -> Tab:
        self.go("/sign-in")
        self.page.fill("#key", self.house.keys[role])
        self.page.press("#key", "Enter")
        self.page.wait_for_url(lambda url: "/sign-in" not in url)
        return self

    def come_as(self, role: str) -> Tab:
        """As someone who has signed in before: with the cookie that the sign-in page gives. What a journey through that
        page costs is for the tests that are about it."""
        client = Browser(self.house).sign_in(role).client
        kept = client.get_cookie(COOKIE)
        assert kept is not None
        self.page.context.add_cookies(
            [{"name": COOKIE, "value": kept.value, "url": self.address, "httpOnly": True, "sameSite": "Strict"}]
        )
        return self

    def settled(self) -> Tab:
        """Wait until no answer is on its way."""
        self.page.wait_for_load_state()
        if self.script:
            self.until("!document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')")
        return self

    def until(self, expression: str, seconds: float = 15) -> Tab:
        """Wait until an expression is true in the page. (Playwright's own waiting needs eval, which our CSP forbids.)"""
        deadline = time.monotonic() + seconds
        while not self.page.evaluate(expression):
            assert time.monotonic() < deadline, f"never true: {expression}"
            time.sleep(0.03)
        return self

    def say(self, zh: str, en: str) -> str:
        return zh if self.lang == "zh" else en

    def leave(self) -> None:
        """Forget who was here: what comes next in this tab is a person who was never here before."""
        context = self.page.context
        for other in context.pages:
            if other is not self.page:
                other.close()
        self.page.emulate_media(media="null")
        if urlsplit(self.page.url).scheme == "http":
            self.page.evaluate("sessionStorage.clear(); localStorage.clear()")
        self.page.goto("about:blank")
        context.clear_cookies()
        self.wrong.clear()

    def check(self) -> Tab:
        """Everything a page must pass, as it stands."""
        self.settled()
        name = urlsplit(self.page.url).path
        if self.script:
            self.page.evaluate(AXE)
            options = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
            found: dict[str, Any] = self.page.evaluate("(options) => axe.run(document, options)", options)
            violations = [
                f"{name}: {each['id']}: {each['help']}: {[n['html'][:160] + ' ' + n.get('failureSummary', '')[:200] for n in each['nodes'][:3]]}"
                for each in found["violations"]
            ]
            assert not violations, "\n".join(violations)
            wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            widest = self.page.evaluate(
                "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
                ".filter(e => !e.closest('.scroll, .visually-hidden, .skip')).slice(0, 3).map(e => e.outerHTML.slice(0, 150))"
            )
            assert wide <= 0, (name, self.width, wide, widest)
            self.wrong += [f"{name}: csp: {each}" for each in self.page.evaluate("window.__refused || []")]
        assert not self.wrong, self.wrong
        return self


def open_tab(
    browser: Chromium, house: House, address: str, lang: str = "zh", width: int = 1280, script: bool = True
) -> Tab:
    """A tab of a person who was never here before."""
    context = browser.new_context(
        viewport={"width": width, "height": 900 if width > 500 else 844},
        locale="zh-CN" if lang == "zh" else "en-GB",
        java_script_enabled=script,
        device_scale_factor=1,
        reduced_motion="reduce",
    )
    context.set_default_timeout(15_000)
    context.add_init_script(_WATCH)
    page = context.new_page()
    tab = Tab(page, house, address, lang, width, script)
    own = urlsplit(address).netloc

    def elsewhere(url: str) -> None:
        if urlsplit(url).scheme in ("http", "https") and urlsplit(url).netloc != own:
            tab.wrong.append(f"request to {url}")

    page.on("request", lambda request: elsewhere(request.url))
    page.on("pageerror", lambda error: tab.wrong.append(f"error: {error}"))
    page.on(
        "console",
        lambda said: (
            tab.wrong.append(f"console: {said.text}")
            if said.type in ("error", "warning") and not any(known in said.text for known in EXPECTED)
            else None
        ),
    )
    return tab


class Tabs:
    """Tabs that are used again by the next person: to start one takes longer than most pages."""

    def __init__(self, browser: Chromium, house: House, address: str):
        self.browser, self.house, self.address = browser, house, address
        self.free: dict[tuple[str, int, bool], list[Tab]] = {}

    def open(self, lang: str = "zh", width: int = 1280, script: bool = True) -> Tab:
        free = self.free.get((lang, width, script))
        return free.pop() if free else open_tab(self.browser, self.house, self.address, lang, width, script)

    def give_back(self, tab: Tab) -> None:
        tab.leave()
        self.free.setdefault((tab.lang, tab.width, tab.script), []).append(tab)
