"""Work that makes a great many objects, nearly all of which stay: the search for circles of them can wait."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """No search for circles inside. What is in no circle goes at once, as always.

    Reading the rules makes some 200,000 objects; looked through each time there are a quarter more, that was a third of
    all the time. Whoever finds the collector already off leaves it off, so that two threads that read at once, in
    whatever order they end, leave it on.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
