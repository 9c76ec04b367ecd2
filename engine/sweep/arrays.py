"""The graph run on NumPy arrays, inside the process: the answers of the SQL in a fraction of its time.

Nothing is decided here that the statements do not say: `Script` carries the terms they were written from. The tables
are read into arrays by `engine/sweep/straight.py`, or come out of DuckDB where a row was in doubt (`tables.py`); the
answers are written from the arrays (`packed.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.sweep.checked import Refused
from engine.sweep.coded import Coded
from engine.sweep.dag import Level
from engine.sweep.digests import digests
from engine.sweep.packed import Packed, write
from engine.sweep.queries import Output, Script
from engine.sweep.reports import Answers
from engine.sweep.tables import TABLES, Tables
from engine.sweep.vector import Array, Block, Goal, Values, Vector, narrowest, spread, vector

BLOCK = 131_072  # members to a block: with fewer, Python's share of each step grows
KINDS = {"status": "TINYINT", "truth": "BOOLEAN", "number": "BIGINT", "further": "BIGINT"}  # in the file of the answers


@dataclass(frozen=True, slots=True)
class Shape:
    """How one column of the answers is kept: its dtype (None: null for everybody)."""

    output: Output
    dtype: Any

    @property
    def constant(self) -> bool:
        return self.dtype is None


def shape(output: Output) -> Shape:
    if output.kind == "status":
        return Shape(output, np.int8)
    if output.kind == "truth":
        return Shape(output, np.bool_)
    return Shape(output, None if output.nowhere else narrowest(output.terms[0]))


@dataclass(frozen=True, slots=True)
class Piece:
    """The answers of one level in one block."""

    rows: Array  # which rows they are, as they were read
    home: Array  # the places of their households among all
    arrays: Mapping[str, Array]


@dataclass(slots=True)
class Held:
    """The answers of one level: an array a column. See `reports.Answers`."""

    level: Level
    shapes: Mapping[str, Shape]  # by the name of the column
    keys_shown: tuple[str, ...]  # columns of the checked table that say who it is
    who: Mapping[str, Coded]  # of every row that was read
    arrays: dict[str, Array] = field(default_factory=dict)
    rows: Array = None  # the places of the rows, as they were read
    home: Array = None  # the place of the household among all
    homes: Held | None = None  # the answers of the households
    homed: Array = None  # for each row the number of the row of its household, once somebody asked

    def piece(self, rows: Array, home: Array, kept: Array | None, values: Values, steps: Vector) -> Piece:
        """The answers of a block, for all its rows or those where `kept` holds."""
        some: Any = slice(None) if kept is None else np.flatnonzero(kept)
        arrays: dict[str, Array] = {}
        here = rows[some]
        for called, shape in self.shapes.items():
            if not shape.constant:
                found = _answer(shape, [steps.of(values, term, self.level) for term in shape.output.terms])
                if np.ndim(found):
                    arrays[called] = found[some].astype(shape.dtype, copy=False)
                else:
                    arrays[called] = np.full(len(here), found, shape.dtype)
        return Piece(here, home[some], arrays)

    def gather(self, pieces: list[Piece]) -> None:
        """Put the pieces together, a column at a time."""
        nothing = np.empty(0, np.int64)
        self.rows, self.home = (
            np.concatenate([nothing, *each]) for each in ([p.rows for p in pieces], [p.home for p in pieces])
        )
        left = [dict(piece.arrays) for piece in pieces]
        pieces.clear()
        for called, shape in self.shapes.items():
            if not shape.constant:
                self.arrays[called] = np.concatenate([np.empty(0, shape.dtype), *(each.pop(called) for each in left)])

    @property
    def filled(self) -> int:
        return len(self.rows)

    def leave(self, kept: Array) -> None:
        """Keep the rows where `kept`, a truth for every row that was read, holds."""
        some = np.flatnonzero(kept[self.rows])
        self.rows, self.home = self.rows[some], self.home[some]
        self.arrays = {name: array[some] for name, array in self.arrays.items()}
        self.homed = None

    def above(
        self, connection: duckdb.DuckDBPyConnection, status: str, columns: Iterable[str], low: int = 0
    ) -> dict[str, Array]:
        rows = np.flatnonzero(self.arrays[status] > low)
        return {"n_": rows, **{each: self.column(each, rows) for each in (status, *columns)}}

    def column(self, called: str, rows: Array) -> Array:
        shape = self.shapes[called]
        if shape.constant:
            return None
        found = self.arrays[called][rows]
        return found.astype(np.int64) if shape.output.kind in ("number", "further") else found

    def numbers(self, connection: duckdb.DuckDBPyConnection, column: str) -> Array:
        return self.arrays[column]

    def texts(self, connection: duckdb.DuckDBPyConnection, columns: Iterable[str]) -> Mapping[str, Coded]:
        """What is their household's is read there."""
        found: dict[str, Coded] = {}
        for each in columns:
            if each in self.who:
                found[each] = self.who[each].of(self.rows)
            elif self.homes:
                found[each] = self.homes.texts(connection, [each])[each].of(self.whose(connection))
        return found

    def whose(self, connection: duckdb.DuckDBPyConnection) -> Array:
        assert self.homes is not None
        if self.homed is None:
            self.homed = np.searchsorted(self.homes.home, self.home)
        return self.homed

    def write(self, connection: duckdb.DuckDBPyConnection, file: Path) -> None:
        texts = self.texts(connection, self.keys_shown)
        columns = [Packed(each, "VARCHAR", texts[each]) for each in self.keys_shown]
        for called, shape in self.shapes.items():
            values = None if shape.constant else self.arrays[called]
            columns.append(Packed(called, KINDS[shape.output.kind], values))
        write(file, columns, self.filled)


def _answer(shape: Shape, values: list[Any]) -> Any:
    if shape.output.kind == "status":
        certain, possible = (np.asarray(value, np.bool_) for value in values)
        if certain is possible:  # nothing is open
            return certain.view(np.int8) + certain.view(np.int8)
        return certain.view(np.int8) + (certain | possible)
    return values[0]


class Arrays:
    """Runs the terms of a script over the checked tables of one connection, or over arrays that hold them already.

    `between` is called between blocks.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        tables: Tables | None = None,
        between: Callable[[], None] = lambda: None,
    ):
        self.connection, self.tables, self.between = connection, tables, between
        self.found: dict[Level, Held] = {}
        self.counted: dict[str, int] = {}

    def refused(self, script: Script) -> Refused:
        steps = self.steps(script)
        self.tables = tables = self.tables or Tables.checked(self.connection, script.reads)
        self.found = {
            level: Held(
                level,
                {o.name: shape(o) for o in script.outputs if o.level is level},
                script.keys[level],
                tables.who[level],
            )
            for level in TABLES
        }
        self.found[Level.MEMBER].homes = self.found[Level.HOUSEHOLD]
        pieces: dict[Level, list[Piece]] = {level: [] for level in TABLES}
        cannot: dict[str, list[Array]] = {fact: [] for fact, _ in script.refused}
        self.counted = {output.name: 0 for output in script.counts}
        start = 0
        for block, where in tables.blocks(BLOCK):
            self.between()
            found = self.block(script, steps, block, start, where)
            start += block.households
            for level, piece in found.pieces.items():
                pieces[level].append(piece)
            for fact, rows in found.cannot.items():
                cannot[fact].append(tables.keys[Level.HOUSEHOLD][rows])
            for name, many in found.counted.items():
                self.counted[name] += many
        for level, held in self.found.items():
            held.gather(pieces[level])
        refused = {fact: np.concatenate(rows) for fact, rows in cannot.items() if rows}
        return {fact: rows for fact, rows in refused.items() if len(rows)}

    def steps(self, script: Script) -> Vector:
        """How the terms are worked out: what is asked of a policy together, for it is made of much the same."""
        if script.vector is None:
            goals = [Goal(term, Level.HOUSEHOLD) for _, term in script.refused]
            policies: dict[str, list[Goal]] = {}
            counts = set(script.counts)
            for output in (*script.outputs, *script.counts):
                counted = output.name if output in counts else ""
                policy = policies.setdefault(output.name.partition("__")[0], [])
                policy += [Goal(term, output.level, counted) for term in output.terms]
            goals += chain.from_iterable(policies.values())
            script.vector = vector([*goals, Goal(script.worth_a_row, Level.MEMBER)], script.cannot)
        found: Vector = script.vector
        return found

    def block(self, script: Script, steps: Vector, block: Block, start: int, rows: Mapping[Level, Array]) -> _Found:
        """The answers of a block, whose first household is number `start` of the chunk."""
        values = steps.run(block)
        kept: dict[Level, Array | None] = {level: values[place] for level, place in steps.left.items()}
        worth = steps.of(values, script.worth_a_row, Level.MEMBER)
        if worth is not True:
            worth = spread(worth, len(block.home))
            kept[Level.MEMBER] = worth if (where := kept[Level.MEMBER]) is None else where & worth
        homes = {Level.HOUSEHOLD: np.arange(start, start + block.households), Level.MEMBER: start + block.home}
        refused = {
            fact: rows[Level.HOUSEHOLD][spread(steps.of(values, term, Level.HOUSEHOLD), block.households)]
            for fact, term in script.refused
        }
        pieces = {
            level: held.piece(rows[level], homes[level], kept[level], values, steps)
            for level, held in self.found.items()
        }
        return _Found(pieces, refused, {name: values[place] for name, place in steps.counts.items()})

    def answer(self, script: Script, to: Mapping[str, Path]) -> dict[str, Answers]:
        found: dict[str, Answers] = {}
        for level, (table, _) in TABLES.items():
            statement, held = f"{table}_answers", self.found[level]
            if statement in to:
                held.write(self.connection, to[statement])
                found[statement] = held
        return found

    def counts(self, script: Script) -> dict[str, int]:
        return self.counted

    def digests(self, columns: Mapping[str, Sequence[str]], file: Path) -> None:
        held = self.found[Level.HOUSEHOLD]
        assert self.tables is not None
        found = digests(self.connection, self.tables, columns)[held.home]
        ids = held.texts(self.connection, ["household_id"])["household_id"]
        write(file, [Packed("household_id", "VARCHAR", ids), Packed("digest", "UBIGINT", found)], held.filled)

    def fewer(self, kept: Path) -> None:
        assert self.tables is not None
        ids = self.tables.who[Level.HOUSEHOLD]["household_id"]
        gone = pc.is_in(pa.array(ids.values, pa.string()), value_set=pq.read_table(kept)["household_id"])
        left = ~gone.to_numpy(zero_copy_only=False)[ids.codes]
        self.found[Level.HOUSEHOLD].leave(left)
        self.found[Level.MEMBER].leave(left[self.tables.whose])

    def finish(self) -> None:
        self.found, self.counted = {}, {}


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found of one block: `cannot` by fact the rows of households of which it cannot be."""

    pieces: Mapping[Level, Piece]
    cannot: Mapping[str, Array]
    counted: Mapping[str, int]
