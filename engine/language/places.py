"""Where a thing stands in a file: every value that is read keeps its place."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """A file, and in it a line and a column (both from 1, columns in characters), over `width` characters.

    A tuple, like the nodes of a file: a rulebook has fifty thousand of them.
    """

    file: str
    line: int = 1
    column: int = 1
    width: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def shifted(self, start: int, end: int) -> Place:
        """The characters from `start` to `end` (from 0) of the text that begins here."""
        return Place(self.file, self.line, self.column + start, end - start if end > start else 1)


NOWHERE = Place("")
