"""The graph run on NumPy arrays, inside the process: the answers of the SQL in a fraction of its time.

Nothing is decided here that the statements do not say: `Script` carries the terms they were written from. The checked
tables come out of DuckDB; the answers are written from the arrays (`engine/sweep/packed.py`).
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from engine.sweep.checked import PLACE
from engine.sweep.coded import ONCE, Coded, coded
from engine.sweep.columns import HOUSEHOLD_KEY
from engine.sweep.dag import Level, Node, Term, span_of
from engine.sweep.packed import Packed, write
from engine.sweep.queries import Output, Script
from engine.sweep.reading import text
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
    keys: Array = None
    home: Array = None  # the place of the household among all
    filled: int = 0
    homes: Held | None = None  # the answers of the households
    coded: dict[str, Coded] = field(default_factory=dict)  # who they are, once somebody asked

    def __post_init__(self) -> None:
        self.keys, self.home = np.empty(self.room, np.int64), np.empty(self.room, np.int64)
        self.arrays = {n: np.empty(self.room, s.dtype) for n, s in self.shapes.items() if not s.constant}

    def add(self, keys: Array, home: Array, rows: Array | None, values: Values, steps: Vector) -> None:
        """The rows of a block, or those of them where `rows` holds."""
        some: Any = slice(None) if rows is None else np.flatnonzero(rows)
        here = keys[some]
        at, to = self.filled, self.filled + len(here)
        self.keys[at:to], self.home[at:to] = here, home[some]
        for called, shape in self.shapes.items():
            if not shape.constant:
                found = _answer(shape, [steps.of(values, term, self.level) for term in shape.output.terms])
                self.arrays[called][at:to] = found if np.ndim(found) == 0 else found[some]
        self.filled = to

    def leave(self, keys: Array) -> None:
        """Keep the rows with these keys."""
        rows = np.isin(self.keys[: self.filled], keys)
        self.keys, self.home = self.keys[: self.filled][rows], self.home[: self.filled][rows]
        self.arrays = {name: array[: self.filled][rows] for name, array in self.arrays.items()}
        self.filled = len(self.keys)

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
        """Read once, of the rows that have an answer; what is their household's is read there."""
        columns = tuple(columns)
        shared = [each for each in columns if self.homes and each in (ONCE, PLACE)]
        missing = [each for each in columns if each not in self.coded and each not in shared]
        if missing:
            table, key = TABLES[self.level]
            numbers, found = coded(connection, table, key, missing)
            by = np.argsort(numbers, kind="stable")
            rows = by[np.searchsorted(numbers[by], self.keys[: self.filled])]
            self.coded |= {each: texts.of(rows) for each, texts in found.items()}
        if shared and self.homes:
            whose = self.whose(connection)
            theirs = self.homes.texts(connection, shared)
            self.coded |= {each: texts.of(whose) for each, texts in theirs.items() if each not in self.coded}
        return {each: self.coded[each] for each in columns}

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
        self.shown: list[str] = []  # what DuckDB reads of the arrays, by name
        self.found: dict[Level, Held] = {}
        self.counted: dict[str, int] = {}

    def refused(self, script: Script) -> str:
        steps = self.steps(script)
        cannot: dict[str, list[Array]] = {fact: [] for fact, _ in script.refused}
        tables = self.tables or Tables.checked(self.connection, script.reads)
        self.found = {
            level: Held(level, {o.name: shape(o) for o in script.outputs if o.level is level}, script.keys[level], many)
            for level, many in ((level, tables.rows(level)) for level in TABLES)
        }
        self.found[Level.MEMBER].homes = self.found[Level.HOUSEHOLD]
        self.counted = {output.name: 0 for output in script.counts}
        start = 0
        for block, keys, values in self.worked_out(steps, tables):
            self.between()
            self.block(script, block, start, keys, values, steps)
            start += block.households
            for fact, term in script.refused:
                cannot[fact].append(
                    keys[Level.HOUSEHOLD][_rows(steps.of(values, term, Level.HOUSEHOLD), block.households)]
                )
        return self.cannot_be({fact: np.concatenate(found) for fact, found in cannot.items() if found})

    def worked_out(self, steps: Vector, tables: Tables) -> Iterator[tuple[Block, dict[Level, Array], Values]]:
        """Block after block, some at once: NumPy lets go of the lock while it works."""
        many = self.threads
        with ThreadPoolExecutor(many) as pool:
            ahead: deque[tuple[Block, dict[Level, Array], Future[Values]]] = deque()
            for block, keys in tables.blocks(BLOCK):
                ahead.append((block, keys, pool.submit(steps.run, block)))
                if len(ahead) > many:
                    first, its_keys, values = ahead.popleft()
                    yield first, its_keys, values.result()
            while ahead:
                first, its_keys, values = ahead.popleft()
                yield first, its_keys, values.result()

    def steps(self, script: Script) -> Vector:
        if script.vector is None:
            terms = [(term, output.level) for output in (*script.outputs, *script.counts) for term in output.terms]
            terms += [(term, Level.HOUSEHOLD) for _, term in script.refused]
            script.vector = vector([*terms, (script.cannot, Level.HOUSEHOLD), (script.worth_a_row, Level.MEMBER)])
        found: Vector = script.vector
        return found

    def block(
        self, script: Script, block: Block, start: int, keys: Mapping[Level, Array], values: Values, steps: Vector
    ) -> None:
        """Keep the answers of a block, whose first household is number `start` of the chunk."""
        cannot = steps.of(values, script.cannot, Level.HOUSEHOLD)
        decided: dict[Level, Array | None] = {Level.HOUSEHOLD: None, Level.MEMBER: None}
        if np.any(cannot):
            rows = np.logical_not(_rows(cannot, block.households))
            decided = {Level.HOUSEHOLD: rows, Level.MEMBER: rows[block.home]}
        homes = np.arange(start, start + block.households)
        self.found[Level.HOUSEHOLD].add(keys[Level.HOUSEHOLD], homes, decided[Level.HOUSEHOLD], values, steps)
        for output in script.counts:
            holds = steps.of(values, output.terms[0], output.level)
            rows = decided[output.level]
            if rows is not None:
                holds = holds & rows
            many = len(keys[output.level]) * bool(holds) if np.ndim(holds) == 0 else np.count_nonzero(holds)
            self.counted[output.name] += int(many)
        worth = steps.of(values, script.worth_a_row, Level.MEMBER)
        rows = decided[Level.MEMBER]
        if worth is not True:
            worth = _rows(worth, len(block.home))
            rows = worth if rows is None else rows & worth
        self.found[Level.MEMBER].add(keys[Level.MEMBER], start + block.home, rows, values, steps)

    def cannot_be(self, found: Mapping[str, Array]) -> str:
        """The households of which a fact cannot be, as a query; empty where there are none."""
        some = {fact: keys for fact, keys in found.items() if len(keys)}
        arms = []
        for number, (fact, keys) in enumerate(some.items()):
            self.connection.register(f"cannot_{number}", {HOUSEHOLD_KEY: keys})
            self.shown.append(f"cannot_{number}")
            arms.append(f"SELECT {HOUSEHOLD_KEY}, {text(fact)} AS fact FROM cannot_{number}")
        return " UNION ALL ".join(arms)

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

    def fewer(self) -> None:
        for level, (table, key) in TABLES.items():
            left = self.connection.sql(f"SELECT {key} FROM {table}").fetchnumpy()[key]
            self.found[level].leave(np.ma.getdata(left))

    def finish(self) -> None:
        for table in self.shown:
            self.connection.unregister(table)
        self.shown, self.found, self.counted = [], {}, {}


def _rows(truth: Any, many: int) -> Array:
    return np.full(many, truth, np.bool_) if np.ndim(truth) == 0 else truth
