"""The watch of one data folder, as the service and the commands open it: its file beside the ledger."""

from __future__ import annotations

from pathlib import Path

from engine.language.model import Rulebook
from engine.watch.book import watchbook
from engine.watch.durable import proposer_for
from engine.watch.propose import EvaluatorAlone
from engine.watch.store import WatchStore
from engine.watch.watch import Watch

FILE = "watch.db"


def open_watch(folder: str | Path, rulebook: Rulebook, *, alone: bool = False) -> Watch:
    """The watch of a data folder. `alone`: without durable-rules even where it is installed. Raises WatchStoreError."""
    book = watchbook(rulebook)
    watch = Watch(WatchStore(Path(folder) / FILE), book)
    watch.proposer = EvaluatorAlone() if alone else proposer_for(book, watch.tally)
    return watch
