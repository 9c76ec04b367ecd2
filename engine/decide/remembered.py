"""A policy's function asked the same thing twice gives the same answer, so it is worked out once.

What a function reads is known from its text (`Reads`): a few slots of the household, of the person, of every member.
Most people look alike to most policies: to a subsidy for severe disability, everyone who has none. So the values read
are the key, and a household costs a look-up for each answer and a run of the function only for what is new. What is
written about an outcome (its part of the record, its line in the index) is kept too, for whoever writes next about one
that reads the same (`Raw.said`).

Exact by construction: the function is pure, the key holds all that it reads, and one memory serves one function, one
day and one set of figures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Protocol

from engine.decide.kept import Kept, once
from engine.decide.layout import Layout
from engine.decide.letters import letters_of, telling_of

MOST = 400  # outcomes of one function kept at once
MOST_IN_ALL = 20_000  # kept of all functions, days and figures together; then all is let go and begun again
TRUTHS = "truths"  # under which the letters stand among what was said
WORTHWHILE = 0.2  # share of questions asked before, below which remembering costs more than it saves

Row = list[Any]


class Function(Protocol):
    """A compiled function, and what it reads."""

    @property
    def run(self) -> Callable[..., Any]: ...

    @property
    def layout(self) -> Layout: ...

    @property
    def reads(self) -> Reads: ...


@dataclass(frozen=True, slots=True)
class Reads:
    """The slots a function reads: of the household, of the person it decides for, and of every member; and whether it
    goes through the members at all, so that their number counts even where nothing is read of them."""

    whole: tuple[int, ...] = ()
    own: tuple[int, ...] = ()
    each: tuple[int, ...] = ()
    members: bool = False


NOTHING = Reads()


class Raw(tuple[Any, ...]):
    """What a policy's function returns: certainly, possibly, items, trace row, figures that were not published.

    It may be shared between households and threads, so it never changes.
    """

    of: Remembered  # whose outcome it is

    @once
    def truths(self) -> str:
        """The truth of every condition, as `letters_of` writes them."""
        found: str | None = self.said.get(TRUTHS)
        if found is None:
            found = self.said[TRUTHS] = self.of.letters(self[3])
        return found

    @once
    def said(self) -> dict[Any, Any]:
        """What was written about outcomes like this one: those with the same truths, items and unpublished figures,
        whatever the values behind them."""
        return self.of.said_of((self.of.telling(self[3]), *self[:3], *self[4]))

    @once
    def closed(self) -> bool:
        """Whether it is settled and nothing of what it pays is open."""
        certain, possible, items = self[:3]
        if certain != possible:
            return False
        return not certain or all(least == most and given == may for least, most, given, may, *_ in items)

    @once
    def digest(self) -> bytes:
        """The SHA-256 over every value in the trace row: whole numbers, truths and rows of them, as Python writes
        them."""
        return hashlib.sha256(repr(self[3]).encode("ascii")).digest()


class Remembered:
    """One function under one day's figures, with what it was asked before. May be shared between threads."""

    __slots__ = (
        "_alone", "_each", "_members", "_own", "_said", "_whole", "asked", "found", "function", "letters", "made", "on",
        "parameters", "run", "telling",
    )  # fmt: skip

    def __init__(self, function: Function, parameters: tuple[Any, ...], on: int):
        self.function, self.parameters, self.on, self.run = function, parameters, on, function.run
        reads = function.reads
        self._alone = not reads.whole and not reads.members  # nothing is read but the person's own
        self._members = reads.members
        self._whole, self._own, self._each = _values(reads.whole), _values(reads.own), _values(reads.each)
        self.letters, self.telling = letters_of(function.layout), telling_of(function.layout)
        self.found: dict[Any, Raw] | None = {}
        self._said: dict[Any, dict[Any, Any]] = {}
        self.asked = self.made = 0

    def household(self, whole: Row, members: list[Row]) -> Raw:
        """The outcome for a household."""
        found = self.found
        if found is None:
            return self._raw(self.run(whole, members, self.parameters, self.on))
        self.asked += 1
        key = self._shared(whole, members)
        raw = found.get(key)
        return raw if raw is not None else self._keep(key, self.run(whole, members, self.parameters, self.on))

    def everyone(self, whole: Row, members: list[Row]) -> list[Raw]:
        """The outcome for each of its members, in their order."""
        run, found, parameters, on = self.run, self.found, self.parameters, self.on
        if found is None:
            return [self._raw(run(row, whole, members, parameters, on)) for row in members]
        self.asked += len(members)
        own, alone = self._own, self._alone
        shared = None if alone else self._shared(whole, members)
        raws = []
        for row in members:
            key = own(row) if alone else (shared, own(row))
            raw = found.get(key)
            raws.append(raw if raw is not None else self._keep(key, run(row, whole, members, parameters, on)))
        return raws

    def _shared(self, whole: Row, members: list[Row]) -> Any:
        """What is read of the household and of every member."""
        return (self._whole(whole), *map(self._each, members)) if self._members else self._whole(whole)

    def said_of(self, key: Any) -> dict[Any, Any]:
        """What was written about outcomes of one kind."""
        found = self._said.get(key)
        if found is None:
            if len(self._said) >= MOST:
                self._said.clear()
            found = self._said[key] = {}
            _ROOM.new += 1
        return found

    def size(self) -> int:
        """How many things it keeps, itself among them."""
        return 1 + len(self.found or ()) + len(self._said)

    def _raw(self, made: tuple[Any, ...]) -> Raw:
        raw = Raw(made)
        raw.of = self
        return raw

    def _keep(self, key: Any, made: tuple[Any, ...]) -> Raw:
        raw = self._raw(made)
        found = self.found
        self.made += 1
        if found is not None:
            if len(found) >= MOST:
                if self.asked - self.made < WORTHWHILE * self.asked:
                    self.found = None
                    return raw
                found.clear()
                self.asked = self.made = 0
            found[key] = raw
            _ROOM.new += 1
        return raw


class Memory:
    """The memories of all functions under one day's figures. `kept` is for what else is worked out once under them."""

    __slots__ = ("_found", "_on", "_parameters", "kept")

    def __init__(self, parameters: tuple[Any, ...], on: int):
        self._parameters, self._on = parameters, on
        self._found: dict[int, Remembered] = {}
        self.kept: dict[Any, Any] = {}

    def of(self, function: Function) -> Remembered:
        """A function's own."""
        found = self._found.get(id(function))
        if found is None:  # it keeps the function alive, so that no other can take its id
            found = self._found[id(function)] = Remembered(function, self._parameters, self._on)
            _ROOM.new += 1
        return found

    def size(self) -> int:
        """How many things it keeps."""
        return len(self.kept) + sum(each.size() for each in list(self._found.values()))


class _Room:
    """How much all memories may keep together. A bound for each function on each day is none for all of them: a watch
    looks at every day between two turns of the law under the same figures.

    They are counted whenever a quarter of the bound was put in; where it is too much, all is let go. What two threads
    put in at the same time may be noted once: the count comes a little later.
    """

    __slots__ = ("new",)

    def __init__(self) -> None:
        self.new = 0

    def look(self) -> None:
        """Make room where it is time to."""
        if self.new <= MOST_IN_ALL // 4:
            return
        self.new = 0
        memories = [memory for _, days in list(_MEMORY.found.values()) for memory in list(days.values())]
        if sum(memory.size() for memory in memories) > MOST_IN_ALL:
            _MEMORY.found.clear()


def memory_of(parameters: tuple[Any, ...], on: int) -> Memory:
    """What was asked under these figures (a tuple made once for each edition, or for each trial of another figure) on
    this day, yyyymmdd."""
    _ROOM.look()
    days = _MEMORY(parameters)
    found = days.get(on)
    if found is None:
        found = days[on] = Memory(parameters, on)
    return found


def _NOTHING(row: Row) -> None:
    """The values of no slots."""


def _values(places: tuple[int, ...]) -> Callable[[Row], Any]:
    return itemgetter(*places) if places else _NOTHING


_MEMORY: Kept[dict[int, Memory]] = Kept(lambda parameters: {}, 16)
_ROOM = _Room()
