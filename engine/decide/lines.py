"""A line of an explanation: one sentence, with those it rests on below it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from engine.decide.outcomes import NO, UNKNOWN, YES

MARKS = {YES: "✓", NO: "✗", UNKNOWN: "?", "": " "}


class Line(NamedTuple):
    """One sentence of an explanation, with those it rests on below it.

    A tuple: the reasons of one household under the whole catalogue are some four thousand of them.
    """

    outcome: str  # yes | no | unknown | "" (a heading)
    text: str
    parts: tuple[Line, ...] = ()
    id: str = ""
    member: str = ""
    cite: str = ""
    place: str = ""
    figures: tuple[str, ...] = ()
    says: str = ""

    @property
    def mark(self) -> str:
        return MARKS[self.outcome]

    def data(self) -> dict[str, Any]:
        """As JSON values, empty parts left out."""
        found: dict[str, Any] = {"outcome": self.outcome, "text": self.text}
        for key in ("id", "member", "cite", "place", "says"):
            if value := getattr(self, key):
                found[key] = value
        if self.figures:
            found["figures"] = list(self.figures)
        if self.parts:
            found["parts"] = [part.data() for part in self.parts]
        return found

    def walk(self) -> Iterator[Line]:
        yield self
        for part in self.parts:
            yield from part.walk()
