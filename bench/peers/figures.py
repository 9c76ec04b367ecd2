"""The figures of the twenty-five rules as plain numbers, for the peers that take them from outside.

Money in fen, ratios in parts of ten thousand, other numbers in their smallest parts; tables by choice or as
(from, value) rows.
"""

from __future__ import annotations

from typing import Any

from bench.peers.jiuzhu import ON
from engine.decide.program import Program
from engine.language.types import Base


def figures(program: Program) -> dict[str, Any]:
    """Every figure of the day: a number, `{choice: number}`, or `[(from, number), …]`."""
    edition = program.edition(ON)
    found: dict[str, Any] = {}
    for name, parameter in program.rulebook.parameters.items():
        given = edition.parameters[program.index[name]]
        if not parameter.keys:
            found[name] = given
        elif parameter.keys[0].band:
            part = (100 if parameter.keys[0].type.base is Base.MONEY else 1) // parameter.keys[0].type.scale
            found[name] = [(start * part, value) for start, value in given.rows.items()]
        else:
            found[name] = dict(given.rows)
    return found


def further(program: Program) -> dict[str, int]:
    """What a band table adds for each whole number past its last row, where it adds anything."""
    edition = program.edition(ON)
    tables = {
        name: edition.parameters[program.index[name]] for name, p in program.rulebook.parameters.items() if p.keys
    }
    return {name: table.each for name, table in tables.items() if table.each}


def banded(rows: list[tuple[int, int]], key: str, each: int = 0) -> str:
    """A table by bands as nested `c ? x : y` over `key`; `each` for every whole number past the last row."""
    (start, value), *higher = sorted(rows, reverse=True)
    last = f"{value} + {each} * ({key} - {start})" if each else str(value)
    text = str(higher[-1][1]) if higher else last
    for number, (at, amount) in enumerate(reversed([*higher])):
        if number:
            text = f"({key} >= {at} ? {amount} : {text})"
    return f"({key} >= {start} ? {last} : {text})" if higher else text


def chosen(rows: dict[str, int], key: str) -> str:
    """A table by choice as nested `c ? x : y` over `key`."""
    *named, (_, otherwise) = rows.items()
    text = str(otherwise)
    for choice, value in reversed(named):
        text = f'({key} == "{choice}" ? {value} : {text})'
    return text
