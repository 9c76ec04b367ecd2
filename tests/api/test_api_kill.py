"""`kill -9` at any moment, under load: nothing acknowledged is lost, nothing is doubled, the chain verifies.

JIUZHU_KILLS says how often (docs/testing.md).
"""

from __future__ import annotations

import http.client
import random
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from api_live import SMALL, Live

from engine.ledger.home import Folder
from engine.ledger.read import entries
from engine.ledger.verify import verify
from tests.loops import Did, size

KILLS = size("JIUZHU_KILLS")


def sent(number: int) -> dict[str, Any]:
    member = {"id": "a", "hukou": "here", "birth_date": "1980-05-01", "monthly_income": f"{number}.00"}
    return {"household": {"owns_car": False, "members": [member]}, "on": "2025-08-01"}


class Client(threading.Thread):
    """Sends decisions one after the other, each until it is acknowledged, and keeps what it was told."""

    def __init__(self, live: Live, first: int, stop: threading.Event) -> None:
        super().__init__()
        self.live, self.next, self.stop = live, first, stop
        self.acknowledged: dict[int, tuple[str, int, str]] = {}  # income -> key, decision, hash
        self.retried = 0
        self.wrong: list[bytes] = []

    def run(self) -> None:
        while not self.stop.is_set():
            number, key = self.next, str(uuid.uuid4())
            self.next += 1
            while not self.stop.is_set():
                try:
                    answer = self.live.post(
                        "/v1/decisions", "caseworker", sent(number), headers={"Idempotency-Key": key}
                    )
                except (OSError, http.client.HTTPException):
                    self.retried += 1
                    time.sleep(0.05)
                    continue
                if answer.status == 201:
                    self.acknowledged[number] = (key, answer.json["id"], answer.json["hash"])
                    break
                if answer.status not in (409, 503):
                    self.wrong.append(answer.body)
                    break
                time.sleep(0.05)


def test_killed_again_and_again_under_load_nothing_is_lost_or_doubled(tmp_path: Path, did: Did) -> None:
    chance = random.Random(20261121)
    live = Live(tmp_path, SMALL, "--rate", "1000000")
    stop = threading.Event()
    clients = [Client(live, 10_000 * n, stop) for n in range(1, 5)]
    for client in clients:
        client.start()
    try:
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.2, 0.8))
            live.kill()
            live.start()
            assert verify(live.data / "ledger.db").ok
    finally:
        time.sleep(0.3)
        stop.set()
        for client in clients:
            client.join()
        live.stop()
    assert not [each for client in clients for each in client.wrong]
    assert sum(client.retried for client in clients) > 0
    report = verify(live.data / "ledger.db")
    assert report.ok, report.findings
    folder = Folder(live.data)
    by_income: dict[int, list[Any]] = {}
    with folder.store().snapshot() as connection:
        for entry in entries(connection):
            if entry.kind == "decision":
                income = int(float(entry.body["household"]["members"][0]["monthly_income"]))
                by_income.setdefault(income, []).append(entry)
    acknowledged = {number: told for client in clients for number, told in client.acknowledged.items()}
    assert len(acknowledged) > 5 * KILLS
    for number, (_, id, hash) in acknowledged.items():
        assert [(each.seq, each.hash) for each in by_income.get(number, [])] == [(id, hash)], number
    assert all(len(found) == 1 for found in by_income.values())
    retried = sum(client.retried for client in clients)
    did("JIUZHU_KILLS", service_kills=KILLS, decisions_acknowledged=len(acknowledged), sent_again=retried)
