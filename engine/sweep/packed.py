"""Parquet of many narrow columns, written from NumPy arrays.

They do not pass through DuckDB, which looks at each value several times before it writes it. Of few texts a dictionary
goes to the file and places in it; numbers as they are, because most are the same for everybody and compress to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.sweep.coded import Coded
from engine.sweep.listed import Texts
from engine.sweep.vector import Array

GROUP = 122_880  # rows to a row group, as DuckDB has them: it reads one of them at a time
COMPRESSION = {"compression": "lz4"}  # twice as large as zstd makes them, in half the time
KINDS: dict[str, pa.DataType] = {  # as DuckDB calls them
    "VARCHAR": pa.string(),
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "BIGINT": pa.int64(),
    "UBIGINT": pa.uint64(),
}


@dataclass(frozen=True, slots=True)
class Packed:
    """One column: its name, its type as DuckDB calls it, and its values (None: all null)."""

    name: str
    kind: str
    values: Array | Coded | None

    @property
    def nullable(self) -> bool:
        if isinstance(self.values, Coded):
            return bool(np.any(self.values.codes < 0))
        return self.values is None


def write(path: Path, columns: Sequence[Packed], rows: int) -> None:
    """A file of so many rows, a row group after the other: what is written of one is let go before the next is made."""
    texts = {column.name: Texts.of(column.values) for column in columns if isinstance(column.values, Coded)}
    kinds = {column.name: KINDS[column.kind] for column in columns} | {
        called: found.at(slice(0, 0)).type for called, found in texts.items()
    }
    schema = pa.schema([pa.field(column.name, kinds[column.name], nullable=column.nullable) for column in columns])
    few = [called for called in texts if pa.types.is_dictionary(kinds[called])]
    # to look numbers up in a dictionary and to note the least and most of them takes longer than to write them
    how = {"use_dictionary": few, "write_statistics": [*texts], **COMPRESSION}
    with pq.ParquetWriter(path, schema, store_schema=False, **how) as file:
        for start in range(0, max(rows, 1), GROUP):
            here = slice(start, min(start + GROUP, rows))
            made = [_column(column, here, texts.get(column.name)) for column in columns]
            file.write_table(pa.table(made, schema=schema), row_group_size=GROUP)


def _column(column: Packed, here: slice, texts: Texts | None) -> pa.Array:
    if texts is not None:
        return texts.at(here)
    if column.values is None:
        return pa.nulls(here.stop - here.start, KINDS[column.kind])
    assert not isinstance(column.values, Coded)
    values, kind = column.values[here], KINDS[column.kind]
    if pa.types.is_boolean(kind):  # as bits: what pyarrow takes eight times as long for
        bits = pa.py_buffer(np.packbits(values, bitorder="little"))
        return pa.Array.from_buffers(kind, len(values), [None, bits], null_count=0)
    return pa.array(values.astype(kind.to_pandas_dtype(), copy=False))
