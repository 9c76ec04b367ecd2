"""Events a second through the watch: with durable-rules, with the evaluator alone, and in plain Python, in one run.

    python -m bench watch [--households N] [--batch N] [--rounds N] [--out FILE]

The same seeded year of events goes through each. "Plain Python" keeps facts in dicts and has the rules that need no
policy typed in by hand: no store, no trace, no law by date; it is what the same work could cost at the least. The two
others write every event, alert and order to disk (synchronous=FULL), a batch a commit. The latency is from the moment
an event is handed over, in a batch of one, to the moment its order is on disk.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

from engine.language.rulebook import load
from engine.watch.book import Watchbook, watchbook
from engine.watch.durable import DurableRules, installed
from engine.watch.make import year_of_events
from engine.watch.store import WatchStore
from engine.watch.watch import Watch

ROOT = Path(__file__).parent.parent
TODAY, AT = date(2025, 3, 3), "2025-03-03T01:00:00.000000Z"
Raw = dict[str, Any]


def cpu() -> float:
    """Processor seconds of this process and of the children that ended."""
    found = os.times()
    return found.user + found.system + found.children_user + found.children_system


def child_cpu(pid: int) -> float:
    """Processor seconds of a child that lives."""
    parts = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def through(book: Watchbook, events: list[Raw], batch: int, durable: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        watch = Watch(WatchStore(Path(folder) / "watch.db"), book)
        if durable:
            watch.proposer = DurableRules(book, watch.tally)
        for place in {raw["says"]["subdistrict"] for raw in events if raw["type"] == "register"}:
            watch.desk.adviser(f"adviser-{hash(place) & 0xFFFF}", place)
        began, spent = time.perf_counter(), cpu()
        for at in range(0, len(events), batch):
            watch.take(events[at : at + batch], TODAY, AT)
        wall, busy = time.perf_counter() - began, cpu() - spent
        if isinstance(watch.proposer, DurableRules) and watch.proposer.pid is not None:
            busy += child_cpu(watch.proposer.pid)
        found = {
            "events_per_second": round(len(events) / wall),
            "events_per_processor_second": round(len(events) / busy),
            "alerts": len(watch.alerts()),
            **watch.tally.counts(),
        }
        found["latency"] = latency(watch, book)
        watch.close()
        return found


def latency(watch: Watch, book: Watchbook, many: int = 200) -> dict[str, float]:
    """Milliseconds from an event that raises an alert to its order on disk."""
    fresh = [raw for raw in year_of_events(many, 2025, 99) if raw["type"] == "register"]
    for raw in fresh:
        raw["household"] = f"late-{raw['household']}"
        raw["id"] = f"late-{raw['id']}"
    watch.take(fresh, TODAY, AT)
    times = []
    for number, raw in enumerate(fresh):
        bill = {
            "source": "late", "id": str(number), "type": "medical_bill", "household": raw["household"], "member": "m0",
            "day": "2025-06-01", "says": {"self_paid": "60000.00"},
        }  # fmt: skip
        began = time.perf_counter()
        outcome = watch.take([bill], TODAY, AT)
        times.append((time.perf_counter() - began) * 1000)
        assert outcome.raised, "every one of these is over the line"
    times.sort()
    return {"p50_ms": round(statistics.median(times), 1), "p95_ms": round(times[int(len(times) * 0.95)], 1)}


def plain(events: list[Raw]) -> dict[str, Any]:
    """Three of the rules by hand, in memory."""
    began, spent = time.perf_counter(), cpu()
    households: dict[str, dict[str, Raw]] = {}
    drawn: dict[str, set[str]] = {}
    paid: dict[tuple[str, str], int] = {}
    standing: set[tuple[str, str, str]] = set()
    raised = 0
    for raw in events:
        name, kind, who = raw["household"], raw["type"], raw.get("member", "")
        if kind == "register":
            households[name] = {each["id"]: dict(each) for each in raw["says"]["members"]}
            drawn[name] = set(raw["says"]["receiving"])
        elif name not in households or kind == "correction":
            continue
        members = households[name]
        if kind == "medical_bill":
            yuan, _, fen = raw["says"]["self_paid"].partition(".")
            paid[name, raw["day"][:4]] = paid.get((name, raw["day"][:4]), 0) + int(yuan) * 100 + int(fen)
        elif kind == "death":
            members[who] |= {"deceased": True, "living_arrangement": "apart"}
        elif kind == "graduation":
            members[who] |= {"graduating": True, "schooling": "none", **raw["says"]}
        elif kind in ("benefit_granted", "benefit_ended"):
            (drawn[name].add if kind == "benefit_granted" else drawn[name].discard)(raw["policy"])
        elif who and kind != "register":
            members[who] |= raw.get("says") or {}
        today = int(raw["day"].replace("-", ""))
        now = set()
        if paid.get((name, raw["day"][:4]), 0) > 50_000_00:
            now.add((name, "heavy", ""))
        for each in members.values():
            age = (today - int(each["birth_date"].replace("-", ""))) // 10000
            if each["deceased"] and 18 <= age <= 60 and each["employment"] == "employed":
                now.add((name, "died", each["id"]))
            if each["graduating"] and each["employment"] == "unemployed" and "minimum_living_allowance" in drawn[name]:
                now.add((name, "graduate", each["id"]))
        raised += len(now - standing)
        standing |= now
    wall, busy = time.perf_counter() - began, cpu() - spent
    return {
        "events_per_second": round(len(events) / wall),
        "events_per_processor_second": round(len(events) / max(busy, 0.01)),
        "alerts": raised,
    }


def quietest(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The round in which the machine was least in the way; the least latency of all rounds."""
    best = dict(max(rows, key=lambda row: float(row["events_per_second"])))
    if "latency" in best:
        best["latency"] = min((row["latency"] for row in rows), key=lambda each: float(each["p95_ms"]))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--households", type=int, default=2_000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3, help="interleaved; the quietest is shown")
    parser.add_argument("--out", default=str(ROOT / "bench" / "watch.json"))
    asked = parser.parse_args()
    book = watchbook(load(ROOT))
    events = list(year_of_events(asked.households, 2025, 1))
    through(book, events[:500], asked.batch, False)  # functions are compiled when they are first needed
    load_before = os.getloadavg()[0]
    rounds: dict[str, list[dict[str, Any]]] = {"plain Python": [], "evaluator alone": [], "durable-rules": []}
    for _ in range(asked.rounds):
        rounds["plain Python"].append(plain(events))
        rounds["evaluator alone"].append(through(book, events, asked.batch, False))
        if installed():
            rounds["durable-rules"].append(through(book, events, asked.batch, True))
    found: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": {"python": platform.python_version(), "processors": os.cpu_count()},
        "events": len(events),
        "households": asked.households,
        "batch": asked.batch,
        "rounds": asked.rounds,
        **{name: quietest(rows) for name, rows in rounds.items() if rows},
    }
    found["load_average"] = [round(load_before, 1), round(os.getloadavg()[0], 1)]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT)
    found["commit"] = commit.stdout.strip()
    Path(asked.out).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    show(found)


def show(found: dict[str, Any]) -> None:
    out = sys.stdout
    out.write(f"{found['events']} events of {found['households']} households, {found['batch']} a commit; ")
    out.write(f"load average before and after: {found['load_average']}\n")
    for name in ("plain Python", "evaluator alone", "durable-rules"):
        row = found.get(name)
        if row:
            late = row.get("latency", {})
            out.write(
                f"{name:16} {row['events_per_second']:>8} events/s  {row['events_per_processor_second']:>8} "
                f"a processor second  {row['alerts']:>6} alerts  p95 {late.get('p95_ms', '-')} ms\n"
            )


if __name__ == "__main__":
    main()
