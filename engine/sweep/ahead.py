"""Work done in threads a little before it is asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


def ahead(work: Callable[[T], U], items: Iterable[T], many: int = 2) -> Iterator[U]:
    """What `work` makes of each of some items, in their order: in so many threads, a few before they are asked for."""
    with ThreadPoolExecutor(many) as pool:
        begun: deque[Future[U]] = deque()
        for item in items:
            begun.append(pool.submit(work, item))
            if len(begun) > many:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
