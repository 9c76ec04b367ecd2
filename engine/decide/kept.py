"""What is worked out once for an object and kept: rulebooks and the law of a day are replaced, never changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

Made = TypeVar("Made")


class Kept(Generic[Made]):
    """A function of an object, its result kept for as long as it is asked of the same object; at most `most` results.

    The object is kept alive with its result: let it be a small part that no other rulebook shares, never a program.
    """

    def __init__(self, make: Callable[..., Made], most: int):
        self.make, self.most = make, most
        self.found: dict[int, tuple[Any, Made]] = {}

    def __call__(self, of: Any, *more: Any) -> Made:
        known = self.found.get(id(of))
        if known is None or known[0] is not of:
            if len(self.found) >= self.most:
                self.found.clear()
            known = self.found[id(of)] = of, self.make(of, *more)
        return known[1]
