"""Texts of many rows as codes: each text once, and for each row which it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np

from engine.sweep.reading import name, text
from engine.sweep.vector import Array

FEW = 4096  # up to so many different texts, DuckDB gives each row its code; more are handed over row by row
ONCE = "household_id"  # different in nearly every row: not worth counting


@dataclass(frozen=True, slots=True)
class Coded:
    """`codes` are places among `values`, below zero where it is null."""

    codes: Array
    values: Sequence[str]

    @staticmethod
    def each(values: Sequence[str]) -> Coded:
        """The text of every row."""
        return Coded(np.arange(len(values)), values)

    @staticmethod
    def none(rows: int) -> Coded:
        """Null for every row."""
        return Coded(np.full(rows, -1), [])

    @staticmethod
    def together(parts: Sequence[Coded]) -> Coded:
        """The rows of all parts after each other."""
        places: dict[str, int] = {}
        codes = []
        for part in parts:
            place = [places.setdefault(value, len(places)) for value in part.values]
            codes.append(np.array([*place, -1], np.int64)[part.codes])
        return Coded(np.concatenate(codes), list(places))

    def text(self, row: int) -> str | None:
        code = int(self.codes[row])
        return None if code < 0 else self.values[code]

    def of(self, rows: Any) -> Coded:
        """The texts of some rows."""
        return Coded(self.codes[rows], self.values)

    def rank(self, rows: Array) -> Array:
        """Numbers in the order of the texts of some rows, none of which is null."""
        by = np.argsort(np.array(self.values, object), kind="stable")  # as good as nothing where they are in order
        place = np.empty(len(by), np.int64)
        place[by] = np.arange(len(by))
        found: Array = place[self.codes[rows]]
        return found


def coded(
    connection: duckdb.DuckDBPyConnection, source: str, key: str, columns: Iterable[str]
) -> tuple[Array, dict[str, Coded]]:
    """The number of each row of a relation (SQL) by its column `key`, and its texts."""
    known: dict[str, list[str]] = {}
    shown = [f"{key} AS n_"]
    for column in columns:
        here = name(column)
        found: list[tuple[str | None]] = []
        if column != ONCE:
            found = connection.sql(f"SELECT DISTINCT {here} FROM {source} LIMIT {FEW + 2}").fetchall()
        if 0 < len(found) <= FEW:
            known[column] = sorted(value for (value,) in found if value is not None)
            # to turn text into a value of an ENUM is to look it up once
            kind = f"ENUM({', '.join(map(text, known[column]))})"
            here = f"enum_code(CAST({here} AS {kind}))::INTEGER" if known[column] else "NULL::INTEGER"
        shown.append(f"{here} AS {name(column)}")
    rows = connection.sql(f"SELECT {', '.join(shown)} FROM {source}").fetchnumpy()
    made: dict[str, Coded] = {}
    for column in columns:
        if column in known:
            made[column] = Coded(np.ma.filled(rows[column], -1), known[column])
        else:
            codes = np.where(np.ma.getmaskarray(rows[column]), -1, np.arange(len(rows["n_"])))
            made[column] = Coded(codes, np.ma.filled(rows[column], "").tolist())
    return np.ma.getdata(rows["n_"]), made
