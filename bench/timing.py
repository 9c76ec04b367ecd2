"""Timing on a machine that others use too: interleaved rounds, every call timed, the quietest round shown.

Subjects take turns in every round, in an order drawn anew, so that a busy minute hits all of them alike. A ratio is
taken within each round, then the median of the rounds is shown: it hardly moves with the load, where single times do.
"""

from __future__ import annotations

import gc
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from random import Random
from time import perf_counter_ns
from typing import Any


@dataclass(slots=True)
class Subject:
    """One thing that is timed. `per`: how many one call decides (a batch); `every`: takes part each so many rounds."""

    key: str
    call: Callable[[], Any]
    per: int = 1
    every: int = 1
    rounds: dict[int, list[float]] = field(default_factory=dict)  # round -> microseconds of each call, sorted

    @property
    def quietest(self) -> list[float]:
        return min(self.rounds.values(), key=statistics.median)

    @property
    def median(self) -> float:
        """Microseconds: the median of the quietest round."""
        return statistics.median(self.quietest)

    @property
    def p95(self) -> float:
        """Microseconds: 95 in a hundred calls of the quietest round are faster (of all, where a round has under 20)."""
        calls = self.quietest if len(self.quietest) >= 20 else self.calls
        return calls[min(len(calls) - 1, int(len(calls) * 0.95))]

    @property
    def calls(self) -> list[float]:
        return sorted(time for calls in self.rounds.values() for time in calls)

    @property
    def overall(self) -> float:
        """Microseconds: the median of every call of every round, busy ones too."""
        return statistics.median(self.calls)

    def ratio(self, other: Subject) -> float | None:
        """How many times as long this takes as `other`: the median over the rounds both took part in."""
        both = [n for n in self.rounds if n in other.rounds]
        if not both:
            return None
        return statistics.median(statistics.median(self.rounds[n]) / statistics.median(other.rounds[n]) for n in both)

    def data(self) -> dict[str, Any]:
        return {
            "median_us": round(self.median, 2),
            "p95_us": round(self.p95, 2),
            "all_rounds_median_us": round(self.overall, 2),
            "rounds": len(self.rounds),
            "calls": len(self.calls),
        }


def measure(subjects: Sequence[Subject], rounds: int, seconds: float, seed: int = 1) -> None:
    """Time every subject for about `seconds` in each round; at least one call, at most a thousand."""
    random = Random(seed)
    for subject in subjects:
        subject.call()
        subject.call()
    gc.collect()
    gc.freeze()  # what the subjects are made of is not looked through again and again
    try:
        for number in range(rounds):
            taking_part = [s for s in subjects if number % s.every == 0]
            random.shuffle(taking_part)
            for subject in taking_part:
                gc.collect()
                subject.rounds[number] = _times(subject, seconds)
    finally:
        gc.unfreeze()


def _times(subject: Subject, seconds: float) -> list[float]:
    found: list[float] = []
    call, per = subject.call, subject.per * 1_000
    end = perf_counter_ns() + int(seconds * 1e9)
    while True:
        start = perf_counter_ns()
        call()
        now = perf_counter_ns()
        found.append((now - start) / per)
        if now >= end or len(found) == 1_000:
            return sorted(found)


def machine() -> dict[str, Any]:
    """What the times were taken on: no name, no path."""
    model = ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8", errors="replace").splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    return {
        "processor": model or platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def load_average() -> list[float]:
    """How busy the machine was in the last 1, 5 and 15 minutes; empty where nobody knows."""
    return [round(each, 2) for each in os.getloadavg()] if hasattr(os, "getloadavg") else []


def versions(packages: Sequence[str]) -> dict[str, str]:
    """The installed versions of packages; those not installed are left out."""
    found = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
