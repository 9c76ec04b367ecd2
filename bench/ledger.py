"""How many durable appends a second: one at a time, and in groups; and what else the ledger costs.

    python bench/ledger.py [SECONDS]      writes bench/ledger.json and prints a table

Every append is on disk (WAL, synchronous=FULL) before the next of its thread begins. The decision is of the size
that a household of four against some fifty policies gives: about 16 kB of canonical JSON, 1 kB of Chinese text.
"""

import json
import os
import platform
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.language import canonical
from engine.ledger import checkpoint, entries, merkle, proofs, rulebooks
from engine.ledger.append import Writer
from engine.ledger.chain import DECISIONS
from engine.ledger.entries import DecisionIndex, PolicyLine, Request
from engine.ledger.identity import Person
from engine.ledger.keyring import create_keyring, load_keyring
from engine.ledger.ratelimit import allow
from engine.ledger.search import Query, search
from engine.ledger.search_index import SearchIndex
from engine.ledger.store import Store, connect
from engine.ledger.verify import verify
from engine.ledger.volatile import Volatile
from engine.ledger.write import prepare, write

AT = "2026-11-21T08:00:00Z"
FILES = {"policies.yaml": "title: {zh: 目录, en: catalogue}\n"}
RULEBOOK = rulebooks.digest_of(FILES)
TEXT = "人均月收入低于最低生活保障标准，家庭财产未超过限额，可领取最低生活保障金；残疾等级不明，"


def decision_body(chance: random.Random) -> bytes:
    conditions = [
        {"id": f"c{n}", "truth": chance.choice(("yes", "no", "unknown")), "observed": [chance.randrange(10**7), 1]}
        for n in range(250)
    ]
    return canonical.dumps({"facts": {"members": 4}, "trace": conditions})


def draft(chance: random.Random, body: bytes, key: str) -> entries.Draft:
    lines = tuple(PolicyLine(f"policy_{n}", "household", "eligible", n, n + chance.randrange(99)) for n in range(50))
    household = f"{chance.getrandbits(64):016x}"
    index = DecisionIndex(lines, "2026-11-21", RULEBOOK, "0.1.0", "key-a", household, TEXT * 8)
    people = tuple(
        Person(member, f"张{chance.randrange(10**6)}", str(chance.randrange(10**17, 10**18))) for member in "abcd"
    )
    return entries.decision(body, index, AT, request=Request("key-a", key, "0" * 64), identity=people)


def new_ledger(folder: Path) -> tuple[Store, Writer]:
    store = Store.create(folder / "ledger.db", AT)
    writer = Writer(store, create_keyring(folder / "identity.key"))
    writer.append(rulebooks.rulebook(FILES, RULEBOOK, "admin", AT))
    return store, writer


def appends(folder: Path, threads: int, seconds: float) -> dict[str, Any]:
    """Appends a second by `threads` threads of one process, and how long each waited, in milliseconds."""
    _, writer = new_ledger(folder)
    waits: list[float] = []
    stop = time.perf_counter() + seconds

    def work(number: int) -> None:
        chance = random.Random(number)
        body = decision_body(chance)
        count = 0
        while (begun := time.perf_counter()) < stop:
            writer.append(draft(chance, body, f"{number}-{count}"))
            waits.append((time.perf_counter() - begun) * 1000)
            count += 1

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    cpu = time.process_time()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    cut = statistics.quantiles(waits, n=100)
    return {
        "threads": threads,
        "per_second": round(len(waits) / seconds),
        "p50_ms": round(cut[49], 2),
        "p95_ms": round(cut[94], 2),
        "p99_ms": round(cut[98], 2),
        "cpu_us_each": round((time.process_time() - cpu) / len(waits) * 1e6),
    }


def processes(folder: Path, count: int, threads: int, seconds: float) -> dict[str, Any]:
    """Appends a second by several processes at once on one ledger."""
    store, _ = new_ledger(folder)
    command = [sys.executable, __file__, "--child", str(folder), str(threads), str(seconds)]
    running = [subprocess.Popen([*command, str(n)], stdout=subprocess.PIPE, text=True) for n in range(count)]
    written = sum(int(child.communicate()[0]) for child in running)
    assert verify(store.path).sizes["decisions"] == written + 1
    return {"processes": count, "threads": threads, "per_second": round(written / seconds)}


def child(folder: Path, threads: int, seconds: float, name: str) -> None:
    store = Store(folder / "ledger.db")
    writer = Writer(store, load_keyring(folder / "identity.key"))
    written: list[int] = []
    stop = time.perf_counter() + seconds

    def work(number: int) -> None:
        chance = random.Random(f"{name} {number}")
        body = decision_body(chance)
        count = 0
        while time.perf_counter() < stop:
            writer.append(draft(chance, body, f"{name}-{number}-{count}"))
            count += 1
        written.append(count)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(sum(written))


def microseconds(act: Callable[[], object], times: int) -> float:
    """The median of single calls, in CPU time: what else the machine does counts less then."""
    spent = []
    for _ in range(times):
        begun = time.process_time()
        act()
        spent.append(time.process_time() - begun)
    return round(statistics.median(spent) * 1e6, 1)


def parts(folder: Path, size: int) -> dict[str, Any]:
    """What the parts cost on a ledger of `size` decisions, in CPU time."""
    store, writer = new_ledger(folder)
    chance = random.Random(1)
    body = decision_body(chance)
    keyring = writer._keyring
    one = draft(chance, body, "one")
    result: dict[str, Any] = {
        "decisions": size,
        "body_bytes": len(body),
        "canonical_us": microseconds(lambda: canonical.dumps(json.loads(body)), 200)
        - microseconds(lambda: json.loads(body), 200),
        "draft_us": microseconds(lambda: draft(chance, body, "one"), 200),
        "prepare_us": microseconds(lambda: prepare(one, keyring), 200),
    }
    connection = connect(store.path)
    for first in range(0, size, 500):
        drafts = [prepare(draft(chance, body, f"f{n}"), keyring) for n in range(first, min(size, first + 500))]
        with store.alone(connection):
            begun = time.process_time()
            write(connection, drafts, keyring)
            spent = time.process_time() - begun
    result["write_us"] = round(spent / len(drafts) * 1e6, 1)  # of the last 500, when the ledger is largest
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    result["bytes_each"] = round(store.path.stat().st_size / size)
    reader = store.reader()
    source = merkle.Hashes(reader, DECISIONS)
    result["root_us"] = microseconds(lambda: merkle.root(source, size), 50)
    result["inclusion_us"] = microseconds(lambda: proofs.inclusion(reader, chance.randint(1, size)), 50)
    result["consistency_us"] = microseconds(lambda: proofs.consistency(reader, chance.randint(1, size)), 50)
    key = checkpoint.create_signing_key(folder / "signing.pem")
    result["checkpoint_us"] = microseconds(lambda: checkpoint.make(store, key, AT), 5)
    begun = time.process_time()
    assert verify(store.path).ok
    result["verify_us_each"] = round((time.process_time() - begun) / size * 1e6, 1)
    begun = time.process_time()
    index = SearchIndex(store)
    index.catch_up()
    result["index_us_each"] = round((time.process_time() - begun) / size * 1e6, 1)
    result["index_bytes_each"] = round(index.path.stat().st_size / size)
    for name, query in (
        ("words", Query(words="生活")),
        ("policy", Query(policy="policy_1", status="eligible")),
        ("caseworker", Query(caseworker="key-a")),
        ("person", Query(name="张1")),
    ):
        result[f"search_{name}_us"] = microseconds(lambda query=query: search(index, query, keyring=keyring), 20)  # type: ignore[misc]
    volatile = Volatile(folder / "volatile.db")
    result["rate_limit_us"] = microseconds(lambda: allow(volatile, "k", 0, per_minute=10**6, burst=10**6), 500)
    return result


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5
    rows = []
    scratch = Path(__file__).parents[1] / ".work"  # on the disk the project is on: /tmp may be memory
    scratch.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        for threads in (1, 8, 32):
            folder = Path(name) / str(threads)
            folder.mkdir()
            rows.append(appends(folder, threads, seconds))
        several = []
        for count, threads in ((2, 8), (4, 8)):
            folder = Path(name) / f"p{count}"
            folder.mkdir()
            several.append(processes(folder, count, threads, seconds))
        folder = Path(name) / "parts"
        folder.mkdir()
        costs = parts(folder, int(os.environ.get("JIUZHU_LEDGER_SIZE", "20000")))
    report = {
        "machine": {
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
        },
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "appends": rows,
        "processes": several,
        "parts": costs,
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"{'threads':>8} {'appends/s':>10} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8} {'CPU µs':>8}")
    for row in rows:
        print("{threads:>8} {per_second:>10} {p50_ms:>8} {p95_ms:>8} {p99_ms:>8} {cpu_us_each:>8}".format(**row))
    for row in several:
        print("{processes} processes x {threads} threads: {per_second} appends/s".format(**row))
    for key, value in costs.items():
        print(f"  {key:<22} {value}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), sys.argv[5])
    else:
        main()
