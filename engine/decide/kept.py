"""What is worked out once for an object and kept: rulebooks and the law of a day are replaced, never changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Made = TypeVar("Made")
Of = TypeVar("Of")


class once(Generic[Of, Made]):
    """A property that is worked out when it is first read. As functools.cached_property, without its lock: what is
    worked out here may be worked out twice at the same time, and comes out the same."""

    def __init__(self, make: Callable[[Of], Made]):
        self.make, self.name, self.__doc__ = make, make.__name__, make.__doc__

    @overload
    def __get__(self, of: None, owner: object) -> once[Of, Made]: ...

    @overload
    def __get__(self, of: Of, owner: object) -> Made: ...

    def __get__(self, of: Of | None, owner: object) -> Any:
        if of is None:  # read from the class
            return self
        made = of.__dict__[self.name] = self.make(of)
        return made


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
