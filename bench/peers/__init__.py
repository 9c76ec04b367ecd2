"""What Jiuzhu is measured beside: one module each, all giving the same answers (`tests/test_bench_agrees.py`).

A peer's `prepare` turns plain facts into the form its engine takes; `decide` is what is timed; `answers` reads its
result as `{(policy, member or ""): (eligible, fen)}`, fen being 0 where nothing is paid or nothing is due.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

Facts = dict[str, Any]
Answers = dict[tuple[str, str], tuple[bool, int]]


class NotInstalled(Exception):
    """The peer's library is not here: `pip install '.[bench]'`."""


class Peer(ABC):
    """One engine with the twenty-five rules written for it. `name` and `how` are read by people."""

    name: str
    how: str
    packages: tuple[str, ...] = ()

    @abstractmethod
    def prepare(self, facts: Facts) -> Any:
        """The form the engine takes; not timed."""

    @abstractmethod
    def decide(self, prepared: Any) -> Any:
        """All twenty-five rules for one household; timed."""

    @abstractmethod
    def answers(self, decided: Any, facts: Facts) -> Answers:
        """What was decided, in the shape that is compared."""
