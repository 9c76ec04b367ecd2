"""A list of many rows written as Parquet, some of them at a time.

Texts of which there are few go to the file as a dictionary and places in it. Numbers go as they are, and so do texts of
which there are many: their dictionary would be made anew for every row group, which takes longer than to write them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.sweep.ahead import ahead
from engine.sweep.coded import FEW, Coded
from engine.sweep.vector import Array

PAGE = 1 << 16  # bytes: who reads many such files at once holds a page of every column of each


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts of many rows, to be written. `values`: those that there are, or, where they are many, that of each row."""

    codes: Array | None
    values: pa.Array

    @staticmethod
    def of(coded: Coded) -> Texts:
        codes, values = coded.codes.astype(np.int32), pa.array(coded.values, pa.string())
        return Texts(codes, values) if len(values) <= FEW else Texts(None, values.take(_places(codes)))

    def at(self, rows: Array | slice) -> pa.Array:
        """Those of some rows."""
        if self.codes is None:
            return self.values[rows] if isinstance(rows, slice) else self.values.take(pa.array(rows))
        return pa.DictionaryArray.from_arrays(_places(self.codes[rows]), self.values, safe=False)  # they are its places


def _places(codes: Array) -> pa.Array:
    return pa.array(codes, mask=codes < 0)


def write(path: Path, tables: Iterable[pa.Table]) -> None:
    """A file with a row group for each table, of which there is at least one."""
    tables = iter(tables)
    first = next(tables)
    few = [field.name for field in first.schema if pa.types.is_dictionary(field.type)]
    told = [name for name in first.schema.names if name not in few]  # of few texts every row group has the same
    options = {"use_dictionary": few, "write_statistics": told, "data_page_size": PAGE, "compression": "snappy"}
    with pq.ParquetWriter(path, first.schema, store_schema=False, **options) as file:

        def written(table: pa.Table) -> None:
            file.write_table(table, row_group_size=max(len(table), 1))

        for _ in ahead(written, chain([first], tables), 1):  # the next is made while one is written
            pass


def grouped(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The rows of some tables, at most so many to a table; the first one stands even if it has none."""
    for number, table in enumerate(tables):
        for start in range(0, max(len(table), number == 0), rows):
            yield table.slice(start, rows)
