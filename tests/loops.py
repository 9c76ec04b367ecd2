"""How long the long loops are, and what each did.

A loop's size is a setting in the environment; docs/testing.md shows what `make test`, the build machine and `make soak`
give it. What a loop did stands at the end of the run, so that nobody has to believe that a number was reached.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from typing import Any, Protocol

import pytest

# What `make test` runs, where nothing else is said. The build machine's sizes are in .ci/run, the soak's in the Makefile.
DEFAULT = {
    "JIUZHU_EXAMPLES": 100,  # random cases for each property test
    "JIUZHU_COMPLETIONS": 4_000,  # households filled in at random
    "JIUZHU_CELLS": 100_000,  # cells the sweep and the evaluator are compared on
    "JIUZHU_SPARK_EVERY": 6,  # every so manieth policy is tried on Spark
    "JIUZHU_KILLS": 5,  # times the service and a writer are killed
    "JIUZHU_TAMPER": 60,  # changes to the ledger's file, of each sort
    "JIUZHU_FUZZ": 2,  # requests for each endpoint and role
    "JIUZHU_EVENTS_HOUSEHOLDS": 60,  # households of the watch's seeded year
    "JIUZHU_WATCH_KILLS": 4,  # times the watch and its child are killed
    "JIUZHU_WATCH_EVENTS": 3_000,  # events over which memory stays flat
}
KEY = "loop"


class Did(Protocol):
    """`did("JIUZHU_CELLS", cells=100_012)`: what the loop of a setting came to in this test."""

    def __call__(self, setting: str, **counts: int) -> None: ...


def size(setting: str) -> int:
    """How long a loop is asked to be: a whole number above zero."""
    text = os.environ.get(setting) or str(DEFAULT[setting])
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise pytest.UsageError(f"{setting} must be a whole number above zero, not {text!r}")
    return int(text)


def told(reports: Iterable[Any]) -> list[str]:
    """A line for each loop: its counts over all its tests, and their seconds."""
    counts: dict[str, Counter[str]] = {}
    seconds: Counter[str] = Counter()
    for report in reports:
        for key, (setting, found) in [(k, v) for k, v in getattr(report, "user_properties", ()) if k == KEY]:
            assert key == KEY
            counts.setdefault(setting, Counter()).update(found)
            seconds[setting] += report.duration
    return [
        f"{setting}={size(setting)}: "
        + ", ".join(f"{count:,} {what.replace('_', ' ')}" for what, count in found.items())
        + f"; {seconds[setting]:.0f} s"
        for setting, found in sorted(counts.items())
    ]
