"""Files that are each in the order of the list of the gap made into one list in that order, with few rows of each held.

The rows of a household are beside one another in one file, so that only households are compared, a quarter of the rows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.sweep.ahead import ahead
from engine.sweep.vector import Array

HELD = 800_000  # rows, of all files together
HOUSEHOLD = "household_id"
NOTHING = np.iinfo(np.int64).max  # after every number
ORDER = [("household_least", "descending"), ("household_most", "descending"), (HOUSEHOLD, "ascending")]  # null: last
Key = tuple[int, int, int, str]  # of a household: in the same order upwards


def merged(paths: Sequence[Path], few: Sequence[str]) -> Iterator[pa.Table]:
    """The rows of all files in the order of the list, some at a time, and no rows first.

    few  the columns whose texts are few: they are read as dictionaries, unless a file has them otherwise

    Raises ValueError where a file is not in this order.
    """
    few = [column for column in few if all(_dictionaries(path, column) for path in paths)]
    parts = [_Part.of(path, few, max(1, HELD // len(paths))) for path in paths]
    yield parts[0].rows
    yield from ahead(_in_order, _rounds(parts))


def _rounds(parts: list[_Part]) -> Iterator[list[_Homes]]:
    """Again and again the households that come before all that are not read yet, of every part that holds such."""
    while parts := [part for part in parts if part.more or part.left]:
        for part in parts:
            while part.more and (part.left < 2 or part.rows_left < part.many):  # of the last household more may come
                part.read()
        stop = min((part.last for part in parts if part.more), default=None)
        found = [part.before(stop) for part in parts if part.left and (stop is None or part.first < stop)]
        if found:
            yield found


def _dictionaries(path: Path, column: str) -> bool:
    """Whether a file has a column as dictionaries and places in them."""
    file = pq.read_metadata(path)
    at = file.schema.names.index(column)
    return all(file.row_group(group).column(at).has_dictionary_page for group in range(file.num_row_groups))


@dataclass(frozen=True, slots=True)
class _Homes:
    """Rows of whole households, how many of each, and what households are put in order by."""

    rows: pa.Table
    lengths: Array
    keys: pa.Table


@dataclass(slots=True)
class _Part:
    """A file, of which some rows are held that are not listed yet: of each as many, or the one with fewest would end
    every round after a few rows of all others.

    many         rows that are read at once
    starts       where the rows of each household held begin, and where the last ones end
    keys         of each household held
    least        of each the first number of its key
    next         the household that is listed next: the others before it are listed
    first, last  the keys of it, and of the last one held
    """

    path: Path
    many: int
    rest: Iterator[pa.RecordBatch]
    rows: pa.Table
    starts: Array
    keys: pa.Table
    least: Array
    next: int = 0
    more: bool = True
    first: Key = (0, 0, 0, "")
    last: Key = (0, 0, 0, "")

    @staticmethod
    def of(path: Path, few: Sequence[str], many: int) -> _Part:
        # not read ahead: that would hold the whole file
        file = pq.ParquetFile(path, read_dictionary=few, pre_buffer=False)
        nobody = file.schema_arrow.empty_table()
        none = np.zeros(0, np.int64)
        return _Part(path, many, file.iter_batches(many), nobody, np.zeros(1, np.int64), nobody, none)

    @property
    def left(self) -> int:
        """How many households are held and not listed."""
        return len(self.starts) - 1 - self.next

    @property
    def rows_left(self) -> int:
        return int(self.starts[-1] - self.starts[self.next])

    def read(self) -> None:
        """Hold some more rows, and what is listed no longer."""
        batch = next(self.rest, None)
        self.more = batch is not None
        if batch is None:
            return
        self.rows = pa.concat_tables([self.rows.slice(self.starts[self.next]), pa.Table.from_batches([batch])])
        ids = self.rows[HOUSEHOLD]
        other = pc.not_equal(ids.slice(1), ids.slice(0, len(ids) - 1)).to_numpy()
        self.starts = np.concatenate([[0], np.flatnonzero(other) + 1, [len(ids)]])
        self.keys = self.rows.select([key for key, _ in ORDER]).take(pa.array(self.starts[:-1])).combine_chunks()
        least, most, ids = self.keys.columns
        self.least, after = (np.where(ends.is_null(), NOTHING, -ends.fill_null(0).to_numpy()) for ends in (least, most))
        if not _ascending(self.least, after, ids):
            raise ValueError(f"{self.path} is not in order")
        self.next, self.first, self.last = 0, self.key(0), self.key(len(self.keys) - 1)

    def key(self, household: int) -> Key:
        least, most, id = (column[household].as_py() for column in self.keys.columns)
        return (NOTHING if least is None else -least), most is None, -(most or 0), id

    def before(self, stop: Key | None) -> _Homes:
        """The households that come before one, or all of them: they are listed now."""
        start, end = self.next, len(self.keys)
        if stop is not None:
            low, high = (int(np.searchsorted(self.least, stop[0], side)) for side in ("left", "right"))
            end = bisect_left(range(end), stop, lo=max(low, start), hi=max(high, start), key=self.key)
        self.next = end
        if self.left:
            self.first = self.key(end)
        rows = self.rows.slice(self.starts[start], self.starts[end] - self.starts[start])
        return _Homes(rows, np.diff(self.starts[start : end + 1]), self.keys.slice(start, end - start))


def _ascending(first: Array, second: Array, ids: pa.ChunkedArray) -> bool:
    """Whether rows are in the order of two numbers and a text, each only once."""
    tied = np.flatnonzero((first[1:] == first[:-1]) & (second[1:] == second[:-1]))
    lower, higher = (ids.take(pa.array(rows)) for rows in (tied, tied + 1))
    if not pc.all(pc.less(lower, higher), min_count=0).as_py():
        return False
    return bool(np.all((first[1:] > first[:-1]) | (first[1:] == first[:-1]) & (second[1:] >= second[:-1])))


def _in_order(parts: Sequence[_Homes]) -> pa.Table:
    """The rows of all parts, in the order of their households."""
    if len(parts) == 1:
        return parts[0].rows.unify_dictionaries().combine_chunks()
    rows = pa.concat_tables([part.rows for part in parts]).unify_dictionaries().combine_chunks()
    lengths = np.concatenate([part.lengths for part in parts])
    by = pc.sort_indices(pa.concat_tables([part.keys for part in parts]), ORDER).to_numpy()
    starts = (np.cumsum(lengths) - lengths)[by]
    lengths = lengths[by]
    before = np.cumsum(lengths) - lengths
    return rows.take(pa.array(np.repeat(starts - before, lengths) + np.arange(len(rows))))
