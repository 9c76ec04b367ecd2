"""The process that watches is killed, again and again: nothing acknowledged is lost, nothing is counted twice."""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.decide.program import Program
from engine.ledger.home import open_home
from engine.ledger.read import entries
from engine.ledger.verify import verify
from engine.watch.book import Watchbook
from engine.watch.entries import send_steps
from engine.watch.make import year_of_events
from engine.watch.store import WatchStore
from engine.watch.watch import Watch
from tests.loops import Did, size
from tests.watch import oracle
from tests.watch.conftest import AT, KILLS, ROOT, TODAY

FEEDER = """
import json, sys
from datetime import date
from engine.ledger.home import open_home
from engine.language.rulebook import load
from engine.watch.entries import send_steps
from engine.watch.room import open_watch
data, rules, source = sys.argv[1:]
home = open_home(data, "2025-03-03T01:00:00.000000Z")
watch = open_watch(data, load(rules))
watch.desk.adviser("li", "华阳路街道")
print("ready", flush=True)
batch = []
for line in open(source, encoding="utf-8"):
    batch.append(json.loads(line))
    if len(batch) == 7:
        outcome = watch.take(batch, date(2025, 3, 3), "2025-03-03T01:00:00.000000Z")
        for each in outcome.receipts:
            print(each.source, each.id, each.status, flush=True)
        send_steps(watch.store, home.writer)
        batch = []
watch.take(batch, date(2025, 3, 3), "2025-03-03T01:00:00.000000Z")
send_steps(watch.store, home.writer)
print("done", flush=True)
"""


def test_the_service_is_killed_while_events_flow(
    tmp_path: Path, book: Watchbook, program: Program, did: Did
) -> None:
    chance = random.Random(3)
    events: list[dict[str, Any]] = list(year_of_events(16, 2025, 11))
    chance.shuffle(events)
    source, data = tmp_path / "events.jsonl", tmp_path / "data"
    source.write_text("".join(json.dumps(raw, ensure_ascii=False) + "\n" for raw in events), encoding="utf-8")
    acknowledged: set[tuple[str, str]] = set()
    for number in range(KILLS + 1):
        child = subprocess.Popen(
            [sys.executable, "-c", FEEDER, str(data), str(ROOT), str(source)],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert child.stdout is not None
        until = chance.randrange(3, len(events)) if number < KILLS else None
        for count, line in enumerate(child.stdout):
            words = line.split()
            if len(words) == 3 and words[2] in ("taken", "repeated"):
                acknowledged.add((words[0], words[1]))
            if until is not None and count >= until:
                time.sleep(chance.random() / 50)
                child.send_signal(signal.SIGKILL)
                break
        child.stdout.close()
        child.wait(timeout=120)
    home = open_home(data, AT)
    watch = Watch(WatchStore(data / "watch.db"), book)
    stored = set(watch.store.db.execute("SELECT source, id FROM event"))
    assert acknowledged <= stored == {(raw["source"], raw["id"]) for raw in events}
    assert {each[:4] for each in watch.alerts()} == oracle.alerts(program, events)
    send_steps(watch.store, home.writer)
    with home.store.snapshot() as connection:
        said = [
            (each.body["order"], each.body["step"]) for each in entries(connection, 1, 100_000) if each.kind == "order"
        ]
    wanted = watch.store.db.execute("SELECT number, step FROM outbox ORDER BY entry").fetchall()
    assert said == wanted and len(set(said)) == len(said)
    (twice,) = watch.store.db.execute(
        "SELECT count(*) FROM (SELECT 1 FROM work_order WHERE state IN ('new', 'assigned', 'visited') "
        "GROUP BY household, rule, member HAVING count(*) > 1)"
    ).fetchone()
    assert twice == 0
    assert verify(home.folder.ledger).ok
    watch.close()
    did("JIUZHU_WATCH_KILLS", service_kills=KILLS, events_acknowledged=len(acknowledged), orders_steps=len(said))


def _resident() -> int:
    """The memory of this process, in KiB."""
    text = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS"))


def _town(number: int, households: int) -> Iterator[dict[str, Any]]:
    """The year of one town, its names its own."""
    for raw in year_of_events(households, 2025, 9 + number):
        corrects = {"corrects": f"{raw['corrects']}-{number}"} if "corrects" in raw else {}
        yield {**raw, "id": f"{raw['id']}-{number}", "household": f"{raw['household']}-{number}", **corrects}


def _towns(households: int) -> Iterator[dict[str, Any]]:
    """The years of towns of at most a thousand households, one after another: of one city so large the year is made
    again for each stretch of it, which takes longer than the watch does."""
    for number in range(-(-households // 1_000)):
        yield from _town(number, min(1_000, households - number * 1_000))


def test_nothing_is_kept_for_each_event(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept is bounded, but the bounds are far off: with near ones, a second town's year leaves nothing behind.

    Counted in blocks of memory. A few values of an event are new to the memories of dates and sums, a block or two; an
    event that is kept is ten, its outcomes are fifty.
    """
    monkeypatch.setattr("engine.watch.watch.KEPT_HOUSEHOLDS", 0)
    monkeypatch.setattr("engine.decide.remembered.MOST_IN_ALL", 20)
    marks: list[int] = []
    for number in range(2):
        events = list(_town(number, 100))
        for at in range(0, len(events), 250):
            watch.take(events[at : at + 250], TODAY, AT)
        many = len(events)
        del events
        gc.collect()
        marks.append(sys.getallocatedblocks())
    first, second = marks
    assert many > 1_000
    assert second - first < 5 * many, f"{(second - first) / many:.1f} blocks more for each event of the second town"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_memory_stays_flat(watch: Watch, monkeypatch: pytest.MonkeyPatch, did: Did) -> None:
    """JIUZHU_WATCH_EVENTS says how many events; a million in the soak."""
    many = size("JIUZHU_WATCH_EVENTS")
    monkeypatch.setattr(
        "engine.watch.watch.KEPT_HOUSEHOLDS", 20
    )  # as many households pass through the cache as in a city
    households = max(40, many // 12)
    batch: list[dict[str, Any]] = []
    seen, marks = 0, list[int]()
    for raw in _towns(households):
        batch.append(raw)
        if len(batch) == 250:
            watch.take(batch, TODAY, AT)
            seen += len(batch)
            batch = []
            marks.append(_resident())
    half = marks[len(marks) // 2]
    assert seen >= many * 0.8
    assert marks[-1] - half < 16_000, f"{marks[-1] - half} KiB more in the second half"
    did("JIUZHU_WATCH_EVENTS", events=seen, KiB_at_half=half, KiB_at_the_end=marks[-1])
