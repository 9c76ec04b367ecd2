"""The steps of orders go to the ledger: in the order they were taken, each once, whatever is killed in between.

A step is on disk in the watch's own file before it is sent. It is sent with a request key made of its order and number,
so that a step which reached the ledger just before a crash is found there again and not written twice.
"""

from __future__ import annotations

import hashlib

from engine.ledger import entries
from engine.ledger.append import Writer
from engine.ledger.entries import Request
from engine.ledger.errors import LedgerError
from engine.watch.store import WatchStore

AT_ONCE = 200


def send_steps(store: WatchStore, writer: Writer) -> int:
    """Write every waiting step to the ledger; how many. Raises what the ledger raises; what is left waits."""
    sent = 0
    while True:
        with store.alone() as db:
            rows = db.execute(
                "SELECT seq, number, step, at, body FROM outbox WHERE entry IS NULL ORDER BY seq LIMIT ?", (AT_ONCE,)
            ).fetchall()
            if not rows:
                return sent
            drafts = [
                entries.order(body, at, Request("watch", f"{number}.{step}", hashlib.sha256(body).hexdigest()))
                for _, number, step, at, body in rows
            ]
            for (seq, *_), outcome in zip(rows, writer.append_all(drafts), strict=True):
                if isinstance(outcome, LedgerError):
                    raise outcome
                db.execute("UPDATE outbox SET entry = ? WHERE seq = ?", (outcome.seq, seq))
                sent += 1
