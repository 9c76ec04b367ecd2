"""How long the tests look: how many random cases are drawn, and whether the slow tests run."""

import os

import pytest
from hypothesis import settings

SOAK = os.environ.get("JIUZHU_SOAK") == "1"
SLOW = os.environ.get("JIUZHU_SLOW") == "1" or os.environ.get("CI") == "true"


def _examples() -> int:
    """Random cases for each property test: JIUZHU_EXAMPLES, a whole number above zero; 100 if not set."""
    text = os.environ.get("JIUZHU_EXAMPLES", "100")
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise pytest.UsageError(f"JIUZHU_EXAMPLES must be a whole number above zero, not {text!r}")
    return int(text)


# The short run draws the same cases every time: what makes it fail is a change. New cases are for the soak.
settings.register_profile(
    "jiuzhu", max_examples=_examples(), derandomize=not SOAK, deadline=None, print_blob=True
)
settings.load_profile("jiuzhu")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if SLOW:
        return
    skip = pytest.mark.skip(reason="NOT RUN: slow; set JIUZHU_SLOW=1 (or CI=true) to run it")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)
