"""A seeded year against the oracle: in order, shuffled, doubled, corrected, by each proposer; and passes between."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engine.decide.program import Program
from engine.watch.book import Watchbook
from engine.watch.durable import DurableRules, installed
from engine.watch.make import year_of_events
from engine.watch.store import WatchStore
from engine.watch.watch import Watch
from tests.loops import Did
from tests.watch import oracle
from tests.watch.conftest import AT, HOUSEHOLDS, TODAY

SEED = 20


@pytest.fixture(scope="module")
def year() -> list[dict[str, Any]]:
    return list(year_of_events(HOUSEHOLDS, 2025, SEED))


@pytest.fixture(scope="module")
def wanted(program: Program, year: list[dict[str, Any]]) -> set[oracle.Alert]:
    return oracle.alerts(program, year)


def fed(watch: Watch, events: list[dict[str, Any]], batch: int = 97) -> set[oracle.Alert]:
    for at in range(0, len(events), batch):
        outcome = watch.take(events[at : at + batch], TODAY, AT)
        assert all(receipt.status != "refused" for receipt in outcome.receipts), outcome.receipts
    return {(household, rule, subject, since) for household, rule, subject, since, _ in watch.alerts()}


def in_order(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return events


def shuffled(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = list(events)
    random.Random(SEED).shuffle(found)
    return found


def doubled(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = [*events, *events]
    random.Random(SEED + 1).shuffle(found)
    return found


def backwards(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list(reversed(events))


def test_the_year_has_something_of_everything(wanted: set[oracle.Alert], year: list[dict[str, Any]]) -> None:
    assert {rule for _, rule, _, _ in wanted} >= {"heavy_medical_costs", "disability_subsidy_not_drawn"}
    assert any(raw["type"] == "correction" for raw in year)


@pytest.mark.parametrize("arrange", [in_order, shuffled, doubled, backwards])
def test_any_order_gives_the_same_alerts(
    watch: Watch, year: list[dict[str, Any]], wanted: set[oracle.Alert], arrange: Any, did: Did
) -> None:
    events = arrange(year)
    assert fed(watch, events) == wanted
    did("JIUZHU_EVENTS_HOUSEHOLDS", events=len(events), alerts=len(wanted))


@pytest.mark.skipif(not installed(), reason="durable-rules is not installed: pip install 'jiuzhu[watch]'")
@pytest.mark.parametrize("arrange", [in_order, doubled])
def test_durable_rules_proposes_them_all(
    store: WatchStore,
    book: Watchbook,
    year: list[dict[str, Any]],
    wanted: set[oracle.Alert],
    arrange: Any,
    did: Did,
) -> None:
    watch = Watch(store, book)
    watch.proposer = DurableRules(book, watch.tally)
    events = arrange(year)
    assert fed(watch, events) == wanted
    assert watch.tally.bypassed == watch.tally.recycled == 0
    assert watch.tally.proposed < watch.tally.looked / 4, "most looks are settled without the evaluator"
    watch.tick(date(2025, 12, 31), TODAY, AT)
    assert (watch.tally.missed, watch.tally.invented) == (0, 0)
    watch.proposer.close()
    looked, proposed = watch.tally.looked, watch.tally.proposed
    did("JIUZHU_EVENTS_HOUSEHOLDS", events_by_durable_rules=len(events), looked=looked, proposed=proposed)


def test_passes_between_late_events_change_nothing(
    watch: Watch, book: Watchbook, program: Program, year: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Two passes after everything, in order; and the same passes in the midst of events that come late."""
    some = [raw for raw in year if int(raw["household"][1:]) < 12]
    passes = ("2025-04-01", "2025-10-01")
    fed(watch, some)
    for day in passes:
        watch.tick(date.fromisoformat(day), TODAY, AT)
    late = Watch(WatchStore(tmp_path / "late.db"), book)
    mixed = shuffled(some)
    half = len(mixed) // 2
    fed(late, mixed[:half])
    late.tick(date(2025, 10, 1), TODAY, AT)
    fed(late, mixed[half:])
    late.tick(date(2025, 4, 1), TODAY, AT)
    assert late.alerts() == watch.alerts()
    conditions = {each[:4] for each in watch.alerts() if each[1] in oracle.MOVERS}
    assert conditions == oracle.alerts(program, some, passes)
    assert {each[1] for each in watch.alerts()} & {"coming_change", "coming_rise"}
    late.close()
