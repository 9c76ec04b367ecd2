"""The graph run on NumPy arrays, inside the process: the answers of the SQL in a fraction of its time.

Nothing is decided here that the statements do not say: `Script` carries the terms they were written from. The checked
tables come out of DuckDB; the answers are written from the arrays (`engine/sweep/packed.py`).
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.sweep.checked import Refused
from engine.sweep.coded import Coded
from engine.sweep.dag import Level, Node, Term, span_of
from engine.sweep.digests import digests
from engine.sweep.packed import Packed, write
from engine.sweep.queries import Output, Script
from engine.sweep.reports import Answers
from engine.sweep.tables import TABLES, Tables
from engine.sweep.vector import Array, Block, Values, Vector, vector

BLOCK = 16_384  # members to a block: what is worked on stays in the processor's cache
KINDS = {"status": "TINYINT", "truth": "BOOLEAN", "number": "BIGINT", "further": "BIGINT"}  # in the file of the answers


@dataclass(frozen=True, slots=True)
class Shape:
    """How one column of the answers is kept: its dtype (None: null for everybody), and what stands for null."""

    output: Output
    dtype: Any
    none: int = 0

    @property
    def constant(self) -> bool:
        return self.dtype is None


def shape(output: Output) -> Shape:
    if output.kind == "status":
        return Shape(output, np.int8)
    if output.kind == "truth":
        return Shape(output, np.bool_)
    least, most = span_of(output.terms[0])
    if output.kind == "number":
        return Shape(output, _narrowest(least, most))
    if output.terms[0] is output.terms[1] or _equal_constants(output.terms):
        return Shape(output, None)
    none = least - 1 if least > -(2**63) else most + 1
    return Shape(output, _narrowest(min(least, none), max(most, none)), none)


def _equal_constants(terms: tuple[Term, ...]) -> bool:
    return not any(isinstance(term, Node) for term in terms) and terms[0] == terms[1]


def _narrowest(least: int, most: int) -> Any:
    kinds = (np.int8, np.int16, np.int32)
    return next((k for k in kinds if np.iinfo(k).min <= least and most <= np.iinfo(k).max), np.int64)


@dataclass(slots=True)
class Held:
    """The answers of one level as they are found: an array a column, filled from the front. See `reports.Answers`."""

    level: Level
    shapes: Mapping[str, Shape]  # by the name of the column
    keys_shown: tuple[str, ...]  # columns of the checked table that say who it is
    room: int
    arrays: dict[str, Array] = field(default_factory=dict)
    rows: Array = None  # the places of the rows, as they were read
    home: Array = None  # the place of the household among all
    filled: int = 0
    homes: Held | None = None  # the answers of the households
    who: Mapping[str, Coded] = field(default_factory=dict)  # of every row that was read

    def __post_init__(self) -> None:
        self.rows, self.home = np.empty(self.room, np.int64), np.empty(self.room, np.int64)
        self.arrays = {n: np.empty(self.room, s.dtype) for n, s in self.shapes.items() if not s.constant}

    def add(self, rows: Array, home: Array, kept: Array | None, values: Values, steps: Vector) -> None:
        """The rows of a block, or those of them where `kept` holds."""
        some: Any = slice(None) if kept is None else np.flatnonzero(kept)
        here = rows[some]
        at, to = self.filled, self.filled + len(here)
        self.rows[at:to], self.home[at:to] = here, home[some]
        for called, shape in self.shapes.items():
            if not shape.constant:
                found = _answer(shape, [steps.of(values, term, self.level) for term in shape.output.terms])
                self.arrays[called][at:to] = found if np.ndim(found) == 0 else found[some]
        self.filled = to

    def leave(self, kept: Array) -> None:
        """Keep the rows where `kept`, a truth for every row that was read, holds."""
        some = kept[self.rows[: self.filled]]
        self.rows, self.home = self.rows[: self.filled][some], self.home[: self.filled][some]
        self.arrays = {name: array[: self.filled][some] for name, array in self.arrays.items()}
        self.filled = len(self.rows)

    def above(self, connection: duckdb.DuckDBPyConnection, status: str, columns: Iterable[str]) -> dict[str, Array]:
        rows = np.flatnonzero(self.arrays[status][: self.filled] > 0)
        return {"n_": rows, **{each: self.column(each, rows) for each in (status, *columns)}}

    def column(self, called: str, rows: Array) -> Array:
        shape = self.shapes[called]
        if shape.constant:
            return np.ma.masked_array(np.zeros(len(rows), np.int64), True)
        found = self.arrays[called][rows]
        if shape.output.kind == "further":
            return np.ma.masked_array(found.astype(np.int64), found == shape.none)
        return found.astype(np.int64) if shape.output.kind == "number" else found

    def numbers(self, connection: duckdb.DuckDBPyConnection, column: str) -> Array:
        return self.arrays[column][: self.filled]

    def texts(self, connection: duckdb.DuckDBPyConnection, columns: Iterable[str]) -> Mapping[str, Coded]:
        """What is their household's is read there."""
        found: dict[str, Coded] = {}
        for each in columns:
            if each in self.who:
                found[each] = self.who[each].of(self.rows[: self.filled])
            elif self.homes:
                found[each] = self.homes.texts(connection, [each])[each].of(self.whose(connection))
        return found

    def whose(self, connection: duckdb.DuckDBPyConnection) -> Array:
        assert self.homes is not None
        found: Array = np.searchsorted(self.homes.home[: self.homes.filled], self.home[: self.filled])
        return found

    def write(self, connection: duckdb.DuckDBPyConnection, file: Path) -> None:
        texts = self.texts(connection, self.keys_shown)
        columns = [Packed(each, "VARCHAR", texts[each]) for each in self.keys_shown]
        for called, shape in self.shapes.items():
            values = None if shape.constant else self.arrays[called][: self.filled]
            null = shape.none if shape.output.kind == "further" else None
            columns.append(Packed(called, KINDS[shape.output.kind], values, null))
        write(file, columns, self.filled)


def _answer(shape: Shape, values: list[Any]) -> Any:
    first, *other = values
    if shape.output.kind == "status":
        certain, possible = (np.asarray(value, np.bool_) for value in values)
        if certain is possible:  # nothing is open
            return certain.view(np.int8) << 1
        return certain.view(np.int8) + (certain | possible)
    if shape.output.kind == "further":
        return np.where(first == other[0], shape.none, first)
    return first


class Arrays:
    """Runs the terms of a script over the checked tables of one connection, or over arrays that hold them already.

    `between` is called between blocks.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        tables: Tables | None = None,
        between: Callable[[], None] = lambda: None,
        threads: int | None = None,
    ):
        self.connection, self.tables, self.between = connection, tables, between
        self.threads = threads or os.cpu_count() or 1
        self.found: dict[Level, Held] = {}
        self.counted: dict[str, int] = {}

    def refused(self, script: Script) -> Refused:
        steps = self.steps(script)
        cannot: dict[str, list[Array]] = {fact: [] for fact, _ in script.refused}
        self.tables = tables = self.tables or Tables.checked(self.connection, script.reads)
        self.found = {
            level: Held(
                level,
                {o.name: shape(o) for o in script.outputs if o.level is level},
                script.keys[level],
                tables.rows(level),
                who=tables.who[level],
            )
            for level in TABLES
        }
        self.found[Level.MEMBER].homes = self.found[Level.HOUSEHOLD]
        self.counted = {output.name: 0 for output in script.counts}
        start = 0
        for block, rows, values in self.worked_out(steps, tables):
            self.between()
            self.block(script, block, start, rows, values, steps)
            start += block.households
            for fact, term in script.refused:
                holds = _rows(steps.of(values, term, Level.HOUSEHOLD), block.households)
                cannot[fact].append(tables.keys[Level.HOUSEHOLD][rows[Level.HOUSEHOLD][holds]])
        refused = {fact: np.concatenate(found) for fact, found in cannot.items() if found}
        return {fact: found for fact, found in refused.items() if len(found)}

    def worked_out(self, steps: Vector, tables: Tables) -> Iterator[tuple[Block, dict[Level, Array], Values]]:
        """Block after block, some at once: NumPy lets go of the lock while it works."""
        many = self.threads
        with ThreadPoolExecutor(many) as pool:
            ahead: deque[tuple[Block, dict[Level, Array], Future[Values]]] = deque()
            for block, rows in tables.blocks(BLOCK):
                ahead.append((block, rows, pool.submit(steps.run, block)))
                if len(ahead) > many:
                    first, its_rows, values = ahead.popleft()
                    yield first, its_rows, values.result()
            while ahead:
                first, its_rows, values = ahead.popleft()
                yield first, its_rows, values.result()

    def steps(self, script: Script) -> Vector:
        if script.vector is None:
            terms = [(term, output.level) for output in (*script.outputs, *script.counts) for term in output.terms]
            terms += [(term, Level.HOUSEHOLD) for _, term in script.refused]
            script.vector = vector([*terms, (script.cannot, Level.HOUSEHOLD), (script.worth_a_row, Level.MEMBER)])
        found: Vector = script.vector
        return found

    def block(
        self, script: Script, block: Block, start: int, rows: Mapping[Level, Array], values: Values, steps: Vector
    ) -> None:
        """Keep the answers of a block, whose first household is number `start` of the chunk."""
        cannot = steps.of(values, script.cannot, Level.HOUSEHOLD)
        decided: dict[Level, Array | None] = {Level.HOUSEHOLD: None, Level.MEMBER: None}
        if np.any(cannot):
            can = np.logical_not(_rows(cannot, block.households))
            decided = {Level.HOUSEHOLD: can, Level.MEMBER: can[block.home]}
        homes = np.arange(start, start + block.households)
        self.found[Level.HOUSEHOLD].add(rows[Level.HOUSEHOLD], homes, decided[Level.HOUSEHOLD], values, steps)
        for output in script.counts:
            holds = steps.of(values, output.terms[0], output.level)
            where = decided[output.level]
            if where is not None:
                holds = holds & where
            many = len(rows[output.level]) * bool(holds) if np.ndim(holds) == 0 else np.count_nonzero(holds)
            self.counted[output.name] += int(many)
        worth = steps.of(values, script.worth_a_row, Level.MEMBER)
        where = decided[Level.MEMBER]
        if worth is not True:
            worth = _rows(worth, len(block.home))
            where = worth if where is None else where & worth
        self.found[Level.MEMBER].add(rows[Level.MEMBER], start + block.home, where, values, steps)

    def answer(self, script: Script, to: Mapping[str, Path]) -> dict[str, Answers]:
        found: dict[str, Answers] = {}
        for level, (table, _) in TABLES.items():
            statement, held = f"{table}_answers", self.found[level]
            if statement in to and (held.shapes or level is Level.HOUSEHOLD):
                held.write(self.connection, to[statement])
                found[statement] = held
        return found

    def counts(self, script: Script) -> dict[str, int]:
        return self.counted

    def digests(self, columns: Mapping[str, Sequence[str]], file: Path) -> None:
        held = self.found[Level.HOUSEHOLD]
        assert self.tables is not None
        found = digests(self.connection, self.tables, columns)[held.home[: held.filled]]
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


def _rows(truth: Any, many: int) -> Array:
    return np.full(many, truth, np.bool_) if np.ndim(truth) == 0 else truth
