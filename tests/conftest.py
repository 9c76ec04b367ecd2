"""How long the tests look, which tests share a worker, and what all of them read once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import settings

from engine.language import rulebook
from engine.language.problems import Problems
from tests import sharing, shipped
from tests.loops import KEY, Did, size, told

SOAK = os.environ.get("JIUZHU_SOAK") == "1"
SLOW = os.environ.get("JIUZHU_SLOW") == "1" or os.environ.get("CI") == "true"


# The short run draws the same cases every time: what makes it fail is a change. New cases are for the soak.
settings.register_profile(
    "jiuzhu", max_examples=size("JIUZHU_EXAMPLES"), derandomize=not SOAK, deadline=None, print_blob=True
)
settings.load_profile("jiuzhu")


# ------------------------------------------------------------------------------------------------ sharing the work


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not SLOW and "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="NOT RUN: slow; set JIUZHU_SLOW=1 (or CI=true) to run it"))
    items.sort(key=lambda item: sharing.place(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    return sharing.scheduler(config, log) if config.getvalue("dist") == "loadgroup" else None


# -------------------------------------------------------------------------------------------- reading the rules once


def once(read: Callable[..., Any], known: dict[Any, Any]) -> Callable[..., Any]:
    """The nodes of a file of the shipped rules are read once in a process: most of the time of reading the rules goes
    there, and over a hundred tests read them with one file changed. The nodes are tuples that nobody changes; any other
    text, and one with a problem, is read as ever."""

    def reading(text: bytes | str, file: str, problems: Problems) -> Any:
        content = text if isinstance(text, str) else text.decode(errors="replace")
        if shipped.files().get(file) != content:
            return read(text, file, problems)
        if file not in known:
            apart = Problems()
            found = read(text, file, apart)
            if found is None or len(apart):
                return read(text, file, problems)
            known[file] = found
        problems.lines[file] = content.splitlines()
        return known[file]

    return reading


@pytest.fixture(scope="session", autouse=True)
def _shipped_files_are_read_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rulebook, "read_yaml", once(rulebook.read_yaml, {}))
        patch.setattr(rulebook, "read_without_examples", once(rulebook.read_without_examples, {}))
        yield


# ------------------------------------------------------------------------------------------ what the long loops did


@pytest.fixture
def did(record_property: Callable[[str, object], None]) -> Did:
    return lambda setting, **counts: record_property(KEY, (setting, counts))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    lines = told(each for each in terminalreporter.stats.get("passed", ()) if each.when == "call")
    if lines:
        terminalreporter.section("what the long loops did")
        for line in lines:
            terminalreporter.write_line(line)
