"""The checked tables of a chunk as arrays, the members in the order of their households."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np

from engine.sweep.checked import DRAWN, PLACE
from engine.sweep.coded import Coded, coded
from engine.sweep.columns import HOUSEHOLD_KEY, MEMBER_KEY
from engine.sweep.dag import Level
from engine.sweep.reading import name
from engine.sweep.vector import Array, Block

# Who the rows are: texts that are handed on, and that no rule reads.
TEXTS = {Level.HOUSEHOLD: ("household_id", PLACE, DRAWN), Level.MEMBER: ("id", DRAWN)}
TABLES = {Level.HOUSEHOLD: ("household", HOUSEHOLD_KEY), Level.MEMBER: ("member", MEMBER_KEY)}
Column = tuple[Array, Array | None]  # values, and where they are not known


def column(found: Array) -> Column:
    """A column as DuckDB gives it: masked where something is null. There it holds nothing, 0 or False."""
    unknown = np.ma.getmask(found)
    if unknown is np.ma.nomask or not unknown.any():
        return np.ma.getdata(found), None
    return found.filled(0), unknown


def _part(found: Column, rows: Any) -> Column:
    values, unknown = found
    return values[rows], None if unknown is None else unknown[rows]


def _places(rows: Any) -> Array:
    return np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows


@dataclass(frozen=True, slots=True)
class Tables:
    """Columns in the order in which they were read, and by `order` the rows: household after household."""

    columns: Mapping[tuple[Level, str], Column]
    keys: Mapping[Level, Array]  # the number of each row
    whose: Array  # for each member the place of its household, as they were read
    who: Mapping[Level, Mapping[str, Coded]]  # see TEXTS
    order: Mapping[Level, Array | None]  # None where the rows lie in it already
    firsts: Array  # the place of each household's first member, and at the end how many members there are

    @staticmethod
    def of(
        columns: Mapping[tuple[Level, str], Column],
        keys: Mapping[Level, Array],
        whose: Array,
        who: Mapping[Level, Mapping[str, Coded]],
    ) -> Tables:
        """`whose` is the number of each member's household."""
        found: dict[Level, Array | None] = {}
        rows = {Level.HOUSEHOLD: keys[Level.HOUSEHOLD], Level.MEMBER: whose}
        for level, by in rows.items():
            found[level] = np.argsort(by, kind="stable") if np.any(by[1:] < by[:-1]) else None
        households, members = (by if (o := found[level]) is None else by[o] for level, by in rows.items())
        firsts = np.append(np.searchsorted(members, households), len(members))
        places = keys[Level.HOUSEHOLD] if (o := found[Level.HOUSEHOLD]) is None else households
        home = np.searchsorted(places, whose)
        return Tables(columns, keys, home if o is None else o[home], who, found, firsts)

    @staticmethod
    def checked(connection: duckdb.DuckDBPyConnection, reads: Mapping[str, Sequence[str]]) -> Tables:
        """The checked tables of a connection; `reads` says which columns."""
        columns: dict[tuple[Level, str], Column] = {}
        keys: dict[Level, Array] = {}
        who: dict[Level, Mapping[str, Coded]] = {}
        whose: Array = None
        for level, (table, key) in TABLES.items():
            wanted = dict.fromkeys([HOUSEHOLD_KEY, key, *reads[table]])
            rows = connection.sql(f"SELECT {', '.join(map(name, wanted))} FROM {table}").fetchnumpy()
            keys[level], whose = np.ma.getdata(rows[key]), np.ma.getdata(rows[HOUSEHOLD_KEY])
            columns |= {(level, each): column(rows[each]) for each in reads[table]}
            numbers, texts = coded(connection, table, key, TEXTS[level])
            by = np.argsort(numbers, kind="stable")
            here = by[np.searchsorted(numbers[by], keys[level])]
            who[level] = {called: text.of(here) for called, text in texts.items()}
        return Tables.of(columns, keys, whose, who)

    def rows(self, level: Level) -> int:
        return len(self.keys[level])

    def members(self) -> Array:
        """How many members each household has."""
        return np.diff(self.firsts)

    def in_order(self, level: Level, values: Array) -> Array:
        """One value for each row, household after household."""
        order = self.order[level]
        return values if order is None else values[order]

    def blocks(self, size: int) -> Iterator[tuple[Block, dict[Level, Array]]]:
        """Whole households, about `size` members at a time; and the places of the rows of both, as they were read."""
        households = len(self.keys[Level.HOUSEHOLD])
        start = 0
        while start < households:
            end = int(np.searchsorted(self.firsts, self.firsts[start] + size, side="left"))
            end = min(max(end, start + 1), households)
            firsts = self.firsts[start : end + 1] - self.firsts[start]
            rows: dict[Level, Any] = {}
            for level, (low, high) in (
                (Level.HOUSEHOLD, (start, end)),
                (Level.MEMBER, (int(self.firsts[start]), int(self.firsts[end]))),
            ):
                order = self.order[level]
                rows[level] = slice(low, high) if order is None else order[low:high]
            block = Block(
                end - start,
                {key: _part(each, rows[key[0]]) for key, each in self.columns.items()},
                np.repeat(np.arange(end - start), np.diff(firsts)),
                firsts[:-1],
            )
            yield block, {level: _places(found) for level, found in rows.items()}
            start = end
