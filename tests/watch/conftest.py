"""What the tests of the watch share: the shipped rules, a file to watch in, a seeded year of events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from engine.decide.program import Program
from engine.language.model import Rulebook
from engine.watch.book import Watchbook, watchbook
from engine.watch.store import WatchStore
from engine.watch.watch import Watch
from tests import shipped
from tests.loops import size

ROOT = Path(__file__).parents[2]
HOUSEHOLDS = size("JIUZHU_EVENTS_HOUSEHOLDS")
KILLS = size("JIUZHU_WATCH_KILLS")
TODAY, AT = date(2025, 3, 3), "2025-03-03T01:00:00.000000Z"


@pytest.fixture(scope="session")
def rulebook() -> Rulebook:
    return shipped.rulebook()


@pytest.fixture(scope="session")
def program() -> Program:
    return shipped.program()


@pytest.fixture(scope="session")
def book(rulebook: Rulebook) -> Watchbook:
    return watchbook(rulebook)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[WatchStore]:
    found = WatchStore(tmp_path / "watch.db")
    yield found
    found.close()


@pytest.fixture
def watch(store: WatchStore, book: Watchbook) -> Watch:
    return Watch(store, book)
