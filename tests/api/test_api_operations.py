"""Reload, limits, metrics, logs, start and stop."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from api_live import ROOT, SERVE, SMALL, Answer, Live

from engine.ledger.home import Folder
from engine.ledger.search_index import SearchIndex

SENT = {
    "household": {
        "owns_car": False,
        "members": [{"id": "a", "hukou": "here", "birth_date": "1980-05-01", "monthly_income": "1000.00"}],
    },
    "on": "2025-08-01",
}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("own")
    shutil.copytree(SMALL, folder / "rules")
    service = Live(folder, folder / "rules", "--rate", "1000000")
    yield service
    service.stop()


@pytest.fixture
def own(started: Live) -> Live:
    """A service whose rules a test may change: they are put back before the next."""
    shutil.rmtree(started.rules)
    shutil.copytree(SMALL, started.rules)
    assert started.post("/v1/rules/reload", "admin").status == 200
    return started


def standard(live: Live, value: str) -> None:
    path = live.rules / "rules/parameters.yaml"
    path.write_text(path.read_text().replace("value: 1650.00", f"value: {value}"))
    examples = live.rules / "rules/minimum.yaml"
    below = f"{float(value) - 0.01:.2f}"
    text = examples.read_text().replace("1649.99", below).replace("1650.00", value)
    examples.write_text(text)


def allowance(live: Live) -> str:
    answer = live.post("/v1/evaluations", "policy", SENT)
    assert answer.status == 200, answer.body
    found: str = answer.json["decision"]["answers"][0]["amounts"][0]["least"]
    return found


def until(test: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_new_rules_decide_in_every_worker_at_once_and_old_decisions_stay(own: Live) -> None:
    first = own.post("/v1/decisions", "caseworker", SENT).json
    assert first["decision"]["answers"][0]["amounts"][0]["least"] == "650.00"
    before = own.get("/readyz").json["rulebook"]
    standard(own, "2000.00")
    assert allowance(own) == "650.00"  # what is on disk decides nothing yet
    answer = own.post("/v1/rules/reload", "admin")
    assert answer.status == 200, answer.body
    assert answer.json["changed"] and answer.json["before"] == before != answer.json["digest"]
    assert {allowance(own) for _ in range(20)} == {"1000.00"}  # both workers, on new connections
    again = own.post("/v1/rules/reload", "admin").json
    assert not again["changed"] and again["since"] == answer.json["since"]
    replayed = own.post(f"/v1/decisions/{first['id']}/replay", "auditor", {"why": "复核"}).json
    assert replayed["ok"] and replayed["same_bytes"]
    today = own.post(f"/v1/decisions/{first['id']}/replay", "auditor", {"why": "复核", "against": "current"}).json
    (change,) = today["changes"]
    assert (change["policy"], change["then"]["amounts"][0]["least"], change["now"]["amounts"][0]["least"]) == (
        "minimum", "650.00", "1000.00",
    )  # fmt: skip
    assert [each["figure"] for each in change["figures"]] == ["standard"]
    back = own.post(f"/v1/decisions/{first['id']}/replay", "auditor", {"why": "复核", "against": before}).json
    assert back["same"]


def test_rules_with_problems_are_refused_with_all_of_them_and_the_old_ones_stay(own: Live) -> None:
    broken = own.rules / "rules/minimum.yaml"
    text = broken.read_text()
    broken.write_text(text.replace("income_per_person < standard", "incme_per_person < standard"))
    (own.rules / "rules/elder.yaml").write_text("policy: elder\n")
    answer = own.post("/v1/rules/reload", "admin", headers={"Accept-Language": "en"})
    assert (answer.status, answer.json["code"]) == (422, "rulebook-has-problems")
    found = answer.json["errors"]
    assert {each["file"] for each in found} == {"rules/minimum.yaml", "rules/elder.yaml"} and len(found) > 5
    assert "did you mean 'income_per_person'?" in {each.get("hint") for each in found}
    assert allowance(own) == "650.00"
    shutil.copy(SMALL / "rules/elder.yaml", own.rules / "rules/elder.yaml")
    broken.write_text(text.replace("allowance: 0.01", "allowance: 0.02"))  # an example that fails counts too
    answer = own.post("/v1/rules/reload", "admin")
    assert [each["code"] for each in answer.json["errors"]] == ["example-fails"]
    (own.rules / "policies.yaml").rename(own.rules / "gone.yaml")
    assert own.post("/v1/rules/reload", "admin").json["code"] == "rulebook-has-problems"
    assert allowance(own) == "650.00" and own.get("/readyz").status == 200


def test_sighup_loads_the_rules_without_a_request_being_lost(own: Live) -> None:
    failed: list[Answer] = []
    stop = threading.Event()

    def keep_asking() -> None:
        while not stop.is_set():
            answer = own.post("/v1/evaluations", "policy", SENT)
            if answer.status != 200:
                failed.append(answer)

    threads = [threading.Thread(target=keep_asking) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        standard(own, "1800.00")
        own.process.send_signal(signal.SIGHUP)
        until(lambda: allowance(own) == "800.00")
        (own.rules / "rules/elder.yaml").write_text("policy: [")
        refused = own.logged().count('"rules-refused"')
        own.process.send_signal(signal.SIGHUP)
        until(lambda: own.logged().count('"rules-refused"') > refused)
        assert allowance(own) == "800.00"
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failed, failed[0].body
    assert len({line["pid"] for line in lines(own) if line["event"] == "request"}) == 2  # the same two workers


def lines(live: Live) -> list[dict[str, Any]]:
    return [json.loads(line) for line in live.logged().splitlines()]


def test_a_worker_that_dies_comes_back_with_the_rules_in_force_not_those_on_disk(own: Live) -> None:
    standard(own, "3000.00")
    old = set(own._workers())
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(set(own._workers()) - old) == 2)
    assert {allowance(own) for _ in range(10)} == {"650.00"}


def test_each_key_has_its_own_allowance_over_all_workers_and_no_key_file_is_made_twice(tmp_path: Path) -> None:
    service = Live(tmp_path, SMALL, "--rate", "60")
    try:
        statuses = [service.get("/v1/facts", "policy").status for _ in range(30)]
        allowed = statuses.count(200)
        assert 12 <= allowed <= 14, statuses  # a burst of a fifth of the rate, and what comes back meanwhile
        refused = service.get("/v1/facts", "policy")
        assert refused.status == 429 and 1 <= int(refused.headers["Retry-After"]) <= 60
        assert service.get("/v1/facts", "auditor").status == 200
        assert service.get("/healthz").status == 200
        named = {**SENT, "identity": {"a": {"name": "赵六"}}}
        assert service.post("/v1/decisions", "caseworker", named).status == 201
    finally:
        service.stop()
    # a lost key file is not made anew: it would open none of the identities there are
    (service.data / "identity.key").rename(tmp_path / "kept")
    refused = run("--port", "0", "--data", str(service.data), "--rules", str(SMALL))
    assert refused.returncode == 2 and "identity.key is gone" in refused.stderr


def test_metrics_count_every_worker(small: Live) -> None:
    def total(line: str) -> int:
        text = small.get("/metrics", "admin").body.decode()
        found = re.search(rf"^{re.escape(line)} (\d+)$", text, re.MULTILINE)
        return int(found[1]) if found else 0

    counted = 'jiuzhu_requests_total{route="POST /v1/decisions",status="201"}'
    before = total(counted), total("jiuzhu_decisions_total")
    threads = [threading.Thread(target=small.post, args=("/v1/decisions", "caseworker", SENT)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (total(counted), total("jiuzhu_decisions_total")) == (before[0] + 20, before[1] + 20)
    text = small.get("/metrics", "admin").body.decode()
    for name in re.findall(r"^([a-z_]+)(?:\{.*\})? [0-9.]+$", text, re.MULTILINE):
        assert f"# TYPE {re.sub('_(bucket|sum|count)$', '', name)} " in text
    buckets = re.findall(r'_bucket\{route="POST /v1/decisions",le="(.*?)"\} (\d+)', text)
    counts = [int(count) for _, count in buckets]
    assert counts == sorted(counts) and buckets[-1][0] == "+Inf" and counts[-1] >= 20


def test_a_log_line_says_which_request_and_not_what_was_in_it(small: Live) -> None:
    id = "123e4567-e89b-42d3-a456-426614174000"
    small.get("/v1/decisions/77777?why=geheim", "caseworker", headers={"X-Request-Id": id})
    (line,) = [each for each in lines(small) if each.get("request_id") == id]
    assert line["route"] == "GET /v1/decisions/{id}" and line["status"] == 404 and line["problem"] == "not-found"
    assert line["key"] == small.tokens["caseworker"].split("_")[1] and "geheim" not in json.dumps(line)
    answer = small.get("/healthz", headers={"X-Request-Id": "110105194912310021"})
    assert answer.headers["X-Request-Id"] != "110105194912310021"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JIUZHU_LANG": "en"}
    command = [sys.executable, "-c", SERVE, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, cwd=ROOT)


def test_the_development_server_and_the_front_door(tmp_path: Path) -> None:
    shutil.copytree(SMALL, tmp_path / "rules")
    service = Live(tmp_path, tmp_path / "rules", "--dev")
    try:
        assert allowance(service) == "650.00"
        standard(service, "1900.00")
        service.process.send_signal(signal.SIGHUP)
        until(lambda: allowance(service) == "900.00")
        front = service.get("/")
        assert front.status == 303 and front.headers["Location"] == "/sign-in"
        page = service.get("/reference", headers={"Accept-Language": "en"})
        assert b"POST /v1/decisions" in page.body and b"<script" not in page.body
        allowed = service.call("OPTIONS", "/v1/facts").headers["Allow"]
        assert set(allowed.split(", ")) == {"GET", "HEAD", "OPTIONS"}
    finally:
        service.process.kill()
        service.process.wait()


def test_the_search_index_catches_up_while_nobody_asks(small: Live) -> None:
    made = small.post("/v1/decisions", "caseworker", {"household": {"members": [{"id": "a"}]}})
    index = SearchIndex(Folder(small.data).store())
    deadline = time.monotonic() + 30
    while index.behind():  # no search was made meanwhile
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (last,) = index.connection().execute("SELECT max(seq) FROM policy_line").fetchone()
    assert last >= made.json["id"]


def test_another_process_that_comes_and_goes_takes_nothing_away(tmp_path: Path) -> None:
    """Two threads hold each file open; then another process opens and closes it. SQLite deletes a write-ahead log when
    the last one leaves: if our locks were gone, it would be deleted under us."""
    from engine.ledger.home import open_home

    home = open_home(tmp_path, "2026-11-21T08:00:00Z")

    def use() -> None:
        for name in ("volatile", "index", "keys"):
            held = getattr(home, name)
            (held.connection() if name != "keys" else held._connections.get()).execute("SELECT 1 FROM sqlite_schema")
        home.index.catch_up()
        home.store.reader().execute("SELECT 1 FROM head")

    home.keys.create("admin", "2026-11-21T08:00:00Z")
    home.volatile.connection().execute("INSERT INTO bucket VALUES ('a', 1, 1)")
    use()
    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
        thread.join()
    names = ("shared.db", "ledger.db-search", "keys.db", "ledger.db")
    look = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM sqlite_schema').fetchall()"
    for name in names:
        assert (tmp_path / f"{name}-wal").exists(), name
        subprocess.run([sys.executable, "-c", look, str(tmp_path / name)], check=True)
        assert (tmp_path / f"{name}-wal").exists(), f"{name}: its log was deleted under us"


def test_another_address_than_loopback_needs_keys_first(tmp_path: Path) -> None:
    refused = run("--host", "0.0.0.0", "--port", "0", "--data", str(tmp_path / "var"), "--rules", str(SMALL))
    assert refused.returncode == 2 and "jiuzhu key create" in refused.stderr and "jz_" not in refused.stdout


def test_rules_with_problems_do_not_start(tmp_path: Path) -> None:
    shutil.copytree(SMALL, tmp_path / "rules")
    (tmp_path / "rules/rules/elder.yaml").write_text("policy: elder\n")
    refused = run("--port", "0", "--data", str(tmp_path / "var"), "--rules", str(tmp_path / "rules"))
    assert refused.returncode == 1 and "rules/elder.yaml:1:1" in refused.stderr


def test_one_data_folder_is_served_once(small: Live) -> None:
    refused = run("--port", "0", "--data", str(small.data), "--rules", str(SMALL))
    assert refused.returncode == 2 and "being served already" in refused.stderr
    assert small.get("/healthz").status == 200


def test_stopping_lets_requests_under_way_finish(own: Live) -> None:
    answers: list[int] = []

    def ask() -> None:
        with contextlib.suppress(ConnectionError):  # one that came after the door was closed
            answers.append(own.post("/v1/decisions", "caseworker", SENT).status)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    until(lambda: len(answers) >= 1)
    assert own.stop() == 0
    for thread in threads:
        thread.join()
    assert answers and set(answers) == {201}
