"""Parquet of many narrow columns, written from NumPy arrays.

Most answers are few different values, most often the same one for everybody. DuckDB looks at each of them several times
before it writes it, which was a fifth of a sweep. Here a column goes into a row group as a dictionary of its different
values and, for each row, a place in it, packed into as few bits as it needs.

https://parquet.apache.org/docs/file-format/ says what stands where.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from engine.sweep.coded import Coded
from engine.sweep.thrift import I32, Struct, struct, varint
from engine.sweep.vector import Array

MAGIC = b"PAR1"
GROUP = 122_880  # rows to a row group
# Parquet's numbers for what is used of it: types, what they are converted to, encodings, kinds of page, compression.
BOOLEAN, INT32, INT64, BYTE_ARRAY = map(I32, (0, 1, 2, 6))
UTF8, INT_8, INT_16 = map(I32, (0, 15, 16))
PLAIN, RLE, RLE_DICTIONARY = map(I32, (0, 3, 8))
DATA_PAGE, DICTIONARY_PAGE = map(I32, (0, 2))
GZIP = I32(2)
OPTIONAL = I32(1)
KINDS: dict[str, tuple[I32, I32 | None, Any]] = {  # as DuckDB calls them; the last is what a value is in a page
    "VARCHAR": (BYTE_ARRAY, UTF8, None),
    "BOOLEAN": (BOOLEAN, None, None),
    "TINYINT": (INT32, INT_8, np.dtype("<i4")),
    "SMALLINT": (INT32, INT_16, np.dtype("<i4")),
    "BIGINT": (INT64, None, np.dtype("<i8")),
}
WIDTHS = (1, 2, 4, 8, 16, 32)  # bits to a place in a dictionary: those that fit whole bytes, or fill them
BESIDE = 4  # numbers no further apart are all put into the dictionary, whether they are there or not


@dataclass(frozen=True, slots=True)
class Packed:
    """One column: its name, its type as DuckDB calls it, its values (None: all null), and what stands for null."""

    name: str
    kind: str
    values: Array | Coded | None
    null: int | None = None


def write(path: Path, columns: Sequence[Packed], rows: int) -> None:
    """A file of so many rows."""
    groups: list[Struct] = []
    with path.open("wb") as file:
        file.write(MAGIC)
        for start in range(0, rows, GROUP):
            many = min(GROUP, rows - start)
            chunks = [_chunk(file, column, slice(start, start + many), many) for column in columns]
            groups.append({1: chunks, 2: sum(chunk[3][6] for chunk in chunks), 3: many})
        schema: list[Struct] = [{4: "schema", 5: I32(len(columns))}]
        for column in columns:
            kind, converted, _ = KINDS[column.kind]
            schema.append({1: kind, 3: OPTIONAL, 4: column.name, 6: converted})
        ordered: list[Struct] = [{1: {}} for _ in columns]  # the least and the most are those of the column's type
        footer = struct({1: I32(1), 2: schema, 3: rows, 4: groups, 6: "jiuzhu", 7: ordered})
        file.write(footer + len(footer).to_bytes(4, "little") + MAGIC)


@dataclass(frozen=True, slots=True)
class _Body:
    """The values of a column in a row group that are not null, as a page has them."""

    encoding: I32
    page: bytes
    dictionary: bytes = b""
    entries: int = 0
    least: bytes | None = None
    most: bytes | None = None


def _chunk(file: BinaryIO, column: Packed, here: slice, many: int) -> Struct:
    """Write one column of one row group; what the footer says of it."""
    kind, _, dtype = KINDS[column.kind]
    there, body = _body(column, here, dtype)
    known = many if there is None else int(np.count_nonzero(there))
    levels = _packed(there, 1) if there is not None and 0 < known < many else _same(many, int(known > 0))
    pages: list[tuple[Struct, bytes]] = []
    if body.entries:
        pages.append(({1: DICTIONARY_PAGE, 7: {1: I32(body.entries), 2: PLAIN}}, body.dictionary))
    header: Struct = {1: DATA_PAGE, 5: {1: I32(many), 2: body.encoding, 3: RLE, 4: RLE}}
    pages.append((header, len(levels).to_bytes(4, "little") + levels + body.page))
    starts, whole = [], 0
    for header, content in pages:
        starts.append(file.tell())
        pressed = _pressed(content)
        sizes = {2: I32(len(content)), 3: I32(len(pressed))}
        told = struct(dict(sorted((header | sizes).items())))
        file.write(told + pressed)
        whole += len(told) + len(content)
    meta: Struct = {1: kind, 2: [PLAIN, RLE, RLE_DICTIONARY], 3: [column.name], 4: GZIP, 5: many, 6: whole}
    meta |= {7: file.tell() - starts[0], 9: starts[-1], 11: starts[0] if body.entries else None}
    return {2: starts[0], 3: meta | {12: {3: many - known, 5: body.most, 6: body.least}}}


def _body(column: Packed, here: slice, dtype: Any) -> tuple[Array | None, _Body]:
    """Where there is a value (None: everywhere), and the values."""
    if column.values is None:
        return np.zeros(here.stop - here.start, np.bool_), _Body(PLAIN, b"")
    if isinstance(column.values, Coded):
        codes = column.values.codes[here]
        there = codes >= 0
        return there, _texts(codes[there], column.values)
    values = column.values[here]
    shown: Array | None = None
    if column.null is not None:
        shown = values != column.null
        values = values[shown]
    if not len(values):
        return shown, _Body(PLAIN, b"")
    if column.kind == "BOOLEAN":
        return shown, _Body(PLAIN, np.packbits(values, bitorder="little").tobytes())
    return shown, _numbers(values, dtype)


def _texts(codes: Array, texts: Coded) -> _Body:
    if not len(codes):
        return _Body(PLAIN, b"")
    used = np.zeros(len(texts.values), np.bool_)
    used[codes] = True
    some = np.flatnonzero(used)
    place = np.empty(len(used), np.int32)
    place[some] = np.arange(len(some))
    plain = texts.plain()
    dictionary = b"".join([plain[code] for code in some.tolist()])
    return _Body(RLE_DICTIONARY, _places(place[codes], len(some)), dictionary, len(some))


def _numbers(values: Array, dtype: Any) -> _Body:
    least, most = int(values.min()), int(values.max())
    if most - least < BESIDE:
        different = np.arange(least, most + 1)
        places = _places(values - least, len(different))
    else:
        heads = np.flatnonzero(np.append(True, values[1:] != values[:-1]))  # of runs: many have what the one before has
        different, which = np.unique(values[heads], return_inverse=True)
        places = _places(np.repeat(which, np.diff(heads, append=len(values))), len(different))
    ends = (np.array(end, dtype).tobytes() for end in (least, most))
    return _Body(RLE_DICTIONARY, places, different.astype(dtype).tobytes(), len(different), *ends)


def _places(places: Array, entries: int) -> bytes:
    """Places in a dictionary of so many entries, after the number of bits to each."""
    if entries == 1:
        return b"\1" + _same(len(places), 0)
    width = next(width for width in WIDTHS if entries <= 1 << width)
    return bytes([width]) + _packed(places, width)


def _same(many: int, value: int) -> bytes:
    """A run of one value of one bit, `many` times."""
    return varint(many << 1) + bytes([value])


def _packed(values: Array, width: int) -> bytes:
    """A run of values of so many bits each, eight together, the first in the lowest bits."""
    eights = -(-len(values) // 8)
    head = varint(eights << 1 | 1)
    if width == 1:
        return head + np.packbits(values.astype(np.bool_), bitorder="little").tobytes()
    kind: Any = np.uint8 if width <= 8 else f"<u{width // 8}"
    padded = np.zeros(eights * 8, kind)
    padded[: len(values)] = values
    if width < 8:
        parts = padded.reshape(-1, 8 // width)
        padded = parts[:, 0].copy()
        for place in range(1, 8 // width):
            padded |= parts[:, place] << place * width
    return head + padded.tobytes()


def _pressed(content: bytes) -> bytes:
    work = zlib.compressobj(1, zlib.DEFLATED, 31)  # 31: as a file of gzip
    return work.compress(content) + work.flush()
