"""One service for all of these tests, with the rules of the house; and one with a small rulebook of its own, for tests
that change the rules. All tests of this folder share a worker (tests/conftest.py), so that each is started once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from api_live import ROOT, SMALL, Live, as_json

from engine.language.fields import plain
from engine.language.problems import Problems
from engine.language.source import read_yaml


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The service with the rules of the house."""
    service = Live(tmp_path_factory.mktemp("live"), ROOT, "--rate", "1000000")
    yield service
    service.stop()


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A service with a small rulebook, in a folder where tests may change it."""
    folder = tmp_path_factory.mktemp("small")
    shutil.copytree(SMALL, folder / "rules")
    service = Live(folder, folder / "rules", "--rate", "1000000")
    yield service
    service.stop()


@pytest.fixture(scope="session")
def family() -> dict[str, Any]:
    """A household that the rules of the house can settle."""
    path = ROOT / "docs/examples/family.yaml"
    node = read_yaml(path.read_bytes(), path.name, Problems())
    assert node is not None
    return as_json(plain(node))
