"""What a worker does when nobody asks: keep the search index in step with the ledger, so that the first search after a
busy morning does not have all of it to do."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time

from api.around import Around
from api.logs import log
from engine.ledger.errors import LedgerError
from engine.ledger.search_index import SearchIndex

__all__ = ["start"]

QUIET_SECONDS = 1.0  # without a request here, before anything is done
FEW = 5  # entries that all workers together may have appended meanwhile, for it to be quiet
AT_ONCE = 20  # entries, some hundredths of a second: a request that comes meanwhile waits no longer


def start(around: Around, index: SearchIndex) -> threading.Thread:
    """Begin, in a thread that ends with the process. Call it after the fork."""
    thread = threading.Thread(target=_keep, args=(around, index), name="idle", daemon=True)
    thread.start()
    return thread


def _keep(around: Around, index: SearchIndex) -> None:
    while True:
        try:
            before = index.behind()
            time.sleep(QUIET_SECONDS)
            if index.behind() - before > FEW:  # the other workers are busy, and would have to wait for this core
                continue
            while time.monotonic() - around.last >= QUIET_SECONDS and index.catch_up(AT_ONCE):
                pass
        except (LedgerError, sqlite3.Error, OSError) as error:  # a search will say what is wrong
            log("index-waits", logging.WARNING, exc=error)
            time.sleep(60)
