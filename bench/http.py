"""Decisions a second over HTTP, each on disk before it is answered; evaluations; and a Flask endpoint that only parses
JSON, on the same server, in the same run.

    python -m bench.http [--seconds 10] [--connections 1,16,64] [--rules DIR] [--workers N]

Writes bench/http.json and prints a table. The load comes from wrk on the same machine where there is one (apt install
wrk), else from a small asyncio client of this file, which takes more of the machine for itself. The service runs as
`jiuzhu serve` runs it. The last table is CPU per decision by part, in one process without HTTP.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from api.server import keep_from_collecting
from api.settings import Limits
from api.wire import read_json
from engine.decide import compile_rulebook, decide
from engine.language.household import read_household
from engine.language.rulebook import load_texts
from engine.language.shipped import rule_files
from engine.ledger import entries, rulebooks
from engine.ledger.append import Writer
from engine.ledger.keyring import create_keyring
from engine.ledger.phrases import Phrases
from engine.ledger.recording import Recorded, index_of
from engine.ledger.store import Store
from engine.population.make import City
from engine.population.marginals import read
from engine.sweep.lookup import facts_of
from engine.sweep.run import Job, Sweep

ROOT = Path(__file__).parent.parent
HERE = Path(__file__).parent
AT = "2026-11-21T08:00:00Z"
ON = date(2025, 8, 1)

_LUA = """
wrk.method = "POST"
local bodies, at = {{}}, 0
for line in io.lines("{body}") do table.insert(bodies, line) end
function request()
  at = at % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[at])
end
wrk.headers["Content-Type"], wrk.headers["Authorization"] = "application/json", "Bearer {token}"
local threads, bad = {{}}, 0
function setup(thread) table.insert(threads, thread) end
function init() wrong = 0 end
function response(status) if status >= 300 then wrong = wrong + 1 end end
function done(summary, latency)
  for _, thread in ipairs(threads) do bad = bad + thread:get("wrong") end
  bad = bad + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format('\\nRESULT {{"requests":%d,"seconds":%.3f,"wrong":%d,"p50":%.3f,"p95":%.3f,"p99":%.3f}}\\n',
    summary.requests, summary.duration / 1e6, bad, latency:percentile(50) / 1e3,
    latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
"""

PARSE_ONLY = """
import sys
from flask import Flask, request
import api.server as server
from api.settings import Settings
from pathlib import Path

app = Flask("parse")

@app.post("/parse")
def parse():
    return {"members": len(request.get_json()["household"]["members"])}

server.create_app = lambda settings: app
server.warm_up = server.keep_index = lambda app: None
server.serve(Settings(data=Path(sys.argv[1])), f"127.0.0.1:{sys.argv[2]}", int(sys.argv[3]), 32)
"""


def households(many: int) -> list[dict[str, Any]]:
    """Households of the synthetic city, no two alike, as somebody who knows every fact of them would send them."""
    rulebook = load_texts(rule_files(str(ROOT)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        City(read(), many, 3, Decimal(0), folder).make()
        job = Job(str(folder / "households"), str(folder / "persons"), ON, folder / "none")
        household, member = (sweep := Sweep(rulebook, job)).tables(copied=False)
        people: dict[Any, list[dict[str, Any]]] = {}
        for row in _rows(sweep, member):
            facts = {"id": str(row[member.member_id]), **facts_of(member, row)}
            people.setdefault(row[member.household_id], []).append(facts)
        found = [
            {**facts_of(household, row), "members": people[row[household.household_id]]}
            for row in _rows(sweep, household)
        ]
        sweep.close()
    plain_: list[dict[str, Any]] = json.loads(json.dumps(found, default=str))
    return plain_


def _rows(sweep: Sweep, table: Any) -> list[dict[str, Any]]:
    result = sweep.connection.execute(f"SELECT * FROM read_parquet({list(table.files)})")
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def bodies(many: int) -> list[str]:
    """Requests, a line each."""
    return [json.dumps({"household": each, "on": ON.isoformat()}, ensure_ascii=False) for each in households(many)]


# -- the load --


def load(
    process: subprocess.Popen[bytes], url: str, token: str, body: Path, connections: int, seconds: int
) -> dict[str, Any]:
    """Requests one after the other on each connection: how many a second, how long each took in milliseconds, and how
    much CPU time of the server's workers it took, which says something on a busy machine too."""
    before = _cpu(process)
    if shutil.which("wrk"):
        script = body.with_suffix(".lua")
        script.write_text(_LUA.format(body=body, token=token))
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(script), url]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = re.search(r"^RESULT (.*)$", text, re.M)
        assert found, text
        result = json.loads(found[1])
    else:
        result = asyncio.run(_load(url, token, body.read_bytes(), connections, seconds))
    return {
        "connections": connections,
        "per_second": round(result["requests"] / result["seconds"], 1),
        **{name: round(result[name], 2) for name in ("p50", "p95", "p99")},
        "cpu_us_each": round((_cpu(process) - before) * 1e6 / max(1, result["requests"])),
        "wrong": result["wrong"],
    }


def _cpu(process: subprocess.Popen[bytes]) -> float:
    """CPU seconds that the children of a process have used."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        return 0.0
    ticks = 0
    for pid in children.read_text().split():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


async def _load(url: str, token: str, body: bytes, connections: int, seconds: int) -> dict[str, Any]:
    host, _, path = url.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    head: bytes = (
        f"POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: %d\r\n\r\n"
    ).encode()
    requests = itertools.cycle([head % len(each) + each for each in body.splitlines()])
    waits: list[float] = []
    wrong = 0
    stop = time.monotonic() + seconds

    async def one() -> None:
        nonlocal wrong
        reader, writer = await asyncio.open_connection(name, int(port))
        while time.monotonic() < stop:
            start = time.perf_counter()
            writer.write(next(requests))
            answer = await reader.readuntil(b"\r\n\r\n")
            size = re.search(rb"content-length: (\d+)", answer, re.I)
            assert size
            await reader.readexactly(int(size[1]))
            waits.append((time.perf_counter() - start) * 1000)
            wrong += not answer.startswith(b"HTTP/1.1 20")
        writer.close()

    began = time.monotonic()
    await asyncio.gather(*(one() for _ in range(connections)))
    steps = statistics.quantiles(waits, n=100)
    took = time.monotonic() - began
    return {
        "requests": len(waits), "seconds": took, "wrong": wrong, "p50": steps[49], "p95": steps[94], "p99": steps[98],
    }  # fmt: skip


# -- what is measured --


@contextmanager
def service(folder: Path, rules: str, workers: int) -> Iterator[tuple[subprocess.Popen[bytes], str, str]]:
    """`jiuzhu serve`; its process, its address and a caseworker's key."""
    out = folder / "out.txt"
    command = [sys.executable, "-c", "from engine.commands.serve import serve; serve()", "--port", "0"]
    command += ["--data", str(folder / "data"), "--rules", rules, "--workers", str(workers), "--rate", "100000000"]
    with out.open("wb") as to:
        process = subprocess.Popen(command, stdout=to, stderr=subprocess.DEVNULL, cwd=ROOT)
    try:
        url, token = _wait_for(process, out, r"(?s)(http://\S+?)/\n.*caseworker\s+(jz_\S+)")
        _until_ready(f"{url}/readyz")
        yield process, url, token
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def parser(folder: Path, workers: int) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The endpoint that only parses JSON, on the same server."""
    port = 8997
    command = [sys.executable, "-c", PARSE_ONLY, str(folder), str(port), str(workers)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    try:
        _until_ready(f"http://127.0.0.1:{port}/parse")
        yield process, f"http://127.0.0.1:{port}/parse"
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(process: subprocess.Popen[bytes], out: Path, pattern: str) -> tuple[str, str]:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = re.search(pattern, out.read_text())
        if found:
            return found[1], found[2]
        assert process.poll() is None, out.read_text()
        time.sleep(0.1)
    raise TimeoutError(out.read_text())


def _until_ready(url: str) -> None:
    from urllib.error import HTTPError, URLError
    from urllib.request import urlopen

    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            urlopen(url, timeout=5).read()
            return
        except HTTPError:
            return  # it answers
        except (URLError, OSError):
            time.sleep(0.1)
    raise TimeoutError(url)


def parts(folder: Path, rules: str, sent_bodies: list[str]) -> dict[str, float]:
    """CPU microseconds of each part of a decision, in one process: the first half of the bodies warms the
    memories, the other half, which nobody has seen yet, is measured."""
    rulebook = load_texts(rule_files(rules))
    program, phrases = compile_rulebook(rulebook), Phrases(rulebook)
    store = Store.create(folder / "parts.db", AT)
    writer = Writer(store, create_keyring(folder / "parts.key"))
    writer.append(rulebooks.rulebook(dict(rulebook.files), rulebook.digest, "bench", AT))
    keep_from_collecting()
    limits = Limits()
    spent: dict[str, float] = {}
    size = 0

    def timed(name: str, work: Callable[..., Any], *given: Any) -> Any:
        start = time.process_time_ns()
        found = work(*given)
        spent[name] = spent.get(name, 0) + time.process_time_ns() - start
        return found

    warm = len(sent_bodies) // 2
    for number, body in enumerate(sent_bodies):
        if number == warm:
            spent.clear()
            size = 0
        sent = timed("parse", read_json, body.encode(), limits)
        household = timed("validate", read_household, sent["household"], program.vocabulary)
        decision = timed("decide", decide, program, household, ON)
        timed("what hangs on what", getattr, decision, "answers")
        recorded = Recorded(decision)
        content = timed("record", getattr, recorded, "body")
        index = timed("index", index_of, decision, phrases, "bench", "h_" + "0" * 24)
        draft = timed("draft", entries.decision, content, index, AT)
        timed("hash, pack and store", writer.append, draft)
        timed("answer", getattr, recorded, "brief")
        size += len(content)
    many = len(sent_bodies) - warm
    return {name: round(total / many / 1000, 1) for name, total in spent.items()} | {"document_bytes": size // many}


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m bench.http")
    arguments.add_argument("--seconds", type=int, default=10)
    arguments.add_argument("--connections", default="1,16,64")
    arguments.add_argument("--rules", default=str(ROOT))
    arguments.add_argument("--households", type=int, default=2000, help="how many different ones are sent in turn")
    arguments.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = arguments.parse_args()
    connections = [int(each) for each in given.connections.split(",")]
    runs: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory(dir=os.environ.get("JIUZHU_BENCH_DIR")) as name:
        folder = Path(name)
        body = folder / "bodies.jsonl"
        sent = bodies(given.households)
        body.write_text("\n".join(sent) + "\n")
        with parser(folder, given.workers) as (process, url):
            runs["parse JSON only"] = [load(process, url, "-", body, each, given.seconds) for each in connections]
        with service(folder, given.rules, given.workers) as (process, url, token):
            for label, path in (("evaluation", "/v1/evaluations"), ("durable decision", "/v1/decisions")):
                load(process, url + path, token, body, connections[0], 2)
                runs[label] = [load(process, url + path, token, body, each, given.seconds) for each in connections]
        spent = parts(folder, given.rules, sent)
    result = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "load": round(os.getloadavg()[0], 1)},
        "load": "wrk" if shutil.which("wrk") else "asyncio",
        "workers": given.workers,
        "households": given.households,
        "policies": len(load_texts(rule_files(given.rules)).ids()),
        "runs": runs,
        "cpu_us_by_part": spent,
    }
    (HERE / "http.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    show(result)


def show(result: dict[str, Any]) -> None:
    out = Console()
    table = Table("request", "connections", "a second", "p50 ms", "p95 ms", "p99 ms", "CPU µs", "wrong", box=None)
    for label, rows in result["runs"].items():
        for row in rows:
            table.add_row(
                label,
                *(
                    f"{row[name]:,}"
                    for name in ("connections", "per_second", "p50", "p95", "p99", "cpu_us_each", "wrong")
                ),
            )
    out.print(table)
    table = Table("part of a decision", "CPU µs", box=None)
    for name, spent in result["cpu_us_by_part"].items():
        table.add_row(name, f"{spent:,}")
    out.print(table)


if __name__ == "__main__":
    main()
