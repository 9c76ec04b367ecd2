"""The pages in this process: one application on a folder of its own, with the rules of the house, for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from browser import Browser, House

from api.app import create_app
from api.settings import Settings, instant_of
from engine.language.shipped import rule_files

ROOT = Path(__file__).parent.parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("web"))


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
