"""The pages in this process: one application on a folder of its own, with the rules of the house, for all tests here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import Browser, House

from api.app import create_app
from api.settings import Settings, instant_of
from engine.language.shipped import rule_files

if TYPE_CHECKING:
    from playwright.sync_api import Browser as Chromium
    from screen import Tab, Tabs

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The service, its clock in our hands, and a key for each role."""
    clock = [datetime(2026, 11, 22, 1, 0, tzinfo=UTC)]

    def tick() -> datetime:
        clock[0] += timedelta(milliseconds=1)
        return clock[0]

    app = create_app(Settings(tmp_path_factory.mktemp("pages"), clock=tick))
    service = app.extensions["jiuzhu"]
    service.active.activate(rule_files(str(ROOT)), "start", instant_of(tick()), examples=False)
    keys = {
        role: service.home.keys.create(role, instant_of(tick()), label=f"窗口 {role}")[1]
        for role in ("caseworker", "policy", "auditor", "admin")
    }
    yield House(app, clock, keys)


@pytest.fixture
def browser(house: House) -> Browser:
    """A visitor who is not signed in."""
    return Browser(house)


@pytest.fixture
def caseworker(house: House) -> Browser:
    return Browser(house).sign_in("caseworker")


@pytest.fixture
def auditor(house: House) -> Browser:
    return Browser(house).sign_in("auditor")


@pytest.fixture
def policy(house: House) -> Browser:
    return Browser(house).sign_in("policy")


@pytest.fixture(scope="session")
def address(house: House) -> Iterator[str]:
    """Where the pages are served for a real browser."""
    from screen import serving

    with serving(house) as found:
        yield found


@pytest.fixture(scope="session")
def chrome() -> Iterator[Chromium]:
    """Chromium. Without it these tests are left out, and say so; on the build machine (CI=true) they fail."""
    from screen import HOW, browser_path, chromium

    if browser_path() is None:
        if os.environ.get("CI") == "true":
            pytest.fail(HOW)
        pytest.skip(HOW)
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def tabs(chrome: Chromium, house: House, address: str) -> Tabs:
    from screen import Tabs

    return Tabs(chrome, house, address)


@pytest.fixture
def tab(tabs: Tabs, request: pytest.FixtureRequest) -> Iterator[Callable[..., Tab]]:
    """Opens tabs: `tab(lang="en", width=390, script=False)`; see screen.Tab."""
    opened: list[Tab] = []
    failed = request.session.testsfailed

    def open_(**how: Any) -> Tab:
        opened.append(tabs.open(**how))
        return opened[-1]

    yield open_
    for each in opened:
        if request.session.testsfailed == failed:
            tabs.give_back(each)
        else:  # nobody knows in what state it is
            each.page.context.close()
