"""The little Markdown the pages need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*_\[\]<>|])")


def escaped(text: str) -> str:
    """Text of the rules as it is: nothing in it is taken for Markdown."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table; nothing where it has no rows. Cells are Markdown already."""
    found = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}", *found] if found else []


def bullet(depth: int, text: str) -> str:
    """A line of a nested list."""
    return f"{'  ' * depth}- {text}"


def link(text: str, to: str) -> str:
    return f"[{escaped(text)}]({to})"


def joined(blocks: Iterable[Sequence[str]]) -> str:
    """Blocks of lines with one empty line between them; empty blocks leave no trace."""
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"
