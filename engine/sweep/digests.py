"""A digest of what was read of each household: its row, and its members' rows, whatever their order.

By it a later sweep knows the households that have not changed (`engine/sweep/since.py`). 64 bits, which nobody has a
reason to forge: that two different states of one household have the same digest is as good as impossible.

A row's digest is a sum of products, one for each column, whose factors come from the column's name (multilinear
hashing, Carter and Wegman 1979). The engines that keep no arrays let DuckDB hash the columns: their digests are others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from engine.sweep.coded import Coded
from engine.sweep.dag import Level
from engine.sweep.reading import name, text
from engine.sweep.tables import Tables
from engine.sweep.vector import Array

WORD = np.uint64


def digests(connection: duckdb.DuckDBPyConnection, tables: Tables, columns: Mapping[str, Sequence[str]]) -> Array:
    """The digest of each household of the tables, in their order."""
    whole = tables.in_order(Level.HOUSEHOLD, _rows(connection, tables, Level.HOUSEHOLD, columns["household"]))
    each = tables.in_order(Level.MEMBER, _mixed(_rows(connection, tables, Level.MEMBER, columns["member"])))
    members = np.bitwise_xor.reduceat(each, tables.firsts[:-1]) if len(each) else each
    return _mixed(whole * _factor("household") + _mixed(members))


def _rows(connection: duckdb.DuckDBPyConnection, tables: Tables, level: Level, columns: Sequence[str]) -> Array:
    """The sum of products of each row of a level."""
    total = np.zeros(tables.rows(level), WORD)
    truths: dict[int, Array] = {}  # eight to a byte: a product for each would take as long as for a number

    def truth(place: int, holds: Array) -> None:
        byte = truths.setdefault(place // 8, np.zeros(len(total), np.uint8))
        byte |= holds.view(np.uint8) * np.uint8(1 << place % 8)

    for place, column in enumerate(columns):
        if column in tables.who[level]:
            total += _texts(connection, tables.who[level][column]) * _factor(column)
            continue
        values, unknown = tables.columns[level, column]
        if unknown is not None:
            truth(2 * place + 1, unknown)
        if values.dtype == np.bool_:
            truth(2 * place, values)
        else:
            total += values.astype(WORD) * _factor(column)
    for byte, bits in truths.items():
        total += bits.astype(WORD) * _factor(f"truths {byte}")
    return total


def _texts(connection: duckdb.DuckDBPyConnection, texts: Coded) -> Array:
    """A number for each text, 0 where there is none."""
    shown = pa.table({"place": np.arange(len(texts.values)), "value": pa.array(texts.values, pa.string())})
    connection.register("texts_", shown)
    found = connection.sql("SELECT place, hash(value) AS hashed FROM texts_").fetchnumpy()
    connection.unregister("texts_")
    numbers = np.zeros(len(texts.values) + 1, WORD)
    numbers[np.ma.getdata(found["place"])] = np.ma.getdata(found["hashed"])
    return numbers[texts.codes]


def _factor(called: str) -> Any:
    """An odd number that looks like any other."""
    return WORD(int.from_bytes(hashlib.blake2b(called.encode(), digest_size=8).digest(), "big") | 1)


def _mixed(words: Array) -> Array:
    """Every bit spread over all (the end of SplitMix64), so that members cannot make up for one another."""
    words = (words ^ (words >> WORD(30))) * WORD(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> WORD(27))) * WORD(0x94D049BB133111EB)
    return words ^ (words >> WORD(31))


def write_digests(connection: duckdb.DuckDBPyConnection, columns: Mapping[str, Sequence[str]], path: Path) -> None:
    """The digest of every household in the checked tables, by DuckDB."""
    whole, member = (", ".join(map(name, columns[level])) for level in ("household", "member"))
    own = f"SELECT household_id, hash({whole}) AS whole FROM household"
    members = f"SELECT household_id, bit_xor(hash({member})) AS members FROM member GROUP BY household_id"
    query = f"SELECT household_id, hash(whole, members) AS digest FROM ({own}) JOIN ({members}) USING (household_id)"
    connection.execute(f"COPY ({query}) TO {text(str(path))} (FORMAT parquet)")
