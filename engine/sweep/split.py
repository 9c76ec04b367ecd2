"""Two inputs of any size, cut into chunks of whole households.

Parquet in the order of household_id is read where it lies, by ranges of the id; anything else is copied once into parts
by a hash of the id. Either way all rows of one household are in one chunk.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from csv import Error as CsvError
from csv import reader
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from engine.sweep.reading import name, text
from engine.sweep.source import SourceError, Table


@dataclass(frozen=True, slots=True)
class Group:
    """One row group of a Parquet file: how many rows, and between which household ids they are.

    before          how many rows of the file come before it
    least, most     None where the file does not say
    nulls           whether a household id is missing; True also where the file does not say
    """

    file: str
    number: int
    before: int
    rows: int
    least: Any
    most: Any
    nulls: bool
    metadata: Any  # of the file, read once


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one table in a chunk: as a relation (SQL), and where they lie: in `groups`, those from `low` on and
    below `high` (household ids; None: no end). Rows without an id belong to the part without a `low`."""

    sql: str
    groups: tuple[Group, ...]
    low: Any = None
    high: Any = None

    def inside(self, group: Group) -> bool:
        """Whether surely every row of the group belongs to the part."""
        if self.low is None and self.high is None:
            return True
        if group.nulls or group.least is None:
            return False
        return (self.low is None or group.least >= self.low) and (self.high is None or group.most < self.high)


@dataclass(frozen=True, slots=True)
class Cut:
    """One chunk."""

    households: Part
    persons: Part


def groups_of(files: Sequence[str], column: str) -> Iterator[Group]:
    """The row groups of Parquet files, with what they say of the column of the household ids."""
    for file in files:
        found = pq.read_metadata(file)
        columns = (found.schema.column(at).path for at in range(found.num_columns))
        at = next((at for at, path in enumerate(columns) if path == column), None)  # a file may lack it
        before = 0
        for number in range(found.num_row_groups):
            group = found.row_group(number)
            said = _said(None if at is None else group.column(at).statistics)
            yield Group(file, number, before, group.num_rows, *said, found)
            before += group.num_rows


def _said(statistics: Any) -> tuple[Any, Any, bool]:
    """The least and most value, and whether one may be missing."""
    if statistics is None:
        return None, None, True
    nulls = not statistics.has_null_count or statistics.null_count > 0
    if not statistics.has_min_max or not isinstance(statistics.min, str | int):
        return None, None, nulls
    return statistics.min, statistics.max, nulls


def parquet(files: tuple[str, ...] | list[str]) -> str:
    listed = ", ".join(text(file) for file in files)
    return (
        "SELECT * EXCLUDE (file_row_number), file_row_number + 1 AS row_ FROM "
        f"read_parquet([{listed}], filename='file_', file_row_number=true, union_by_name=true)"
    )


def csv(file: str) -> str:
    """A CSV file as text, each row with its file and number: RFC 4180, UTF-8, a header; nothing is guessed."""
    columns = ", ".join(f"{text(column)}: 'VARCHAR'" for column in header(file))
    options = (
        "auto_detect=false, header=true, delim=',', quote='\"', escape='\"', nullstr='', allow_quoted_nulls=false, "
        f"columns={{{columns}}}"
    )
    return f"SELECT *, {text(file)} AS file_, row_number() OVER () AS row_ FROM read_csv({text(file)}, {options})"


def header(file: str) -> list[str]:
    """The column names of a CSV file. Raises SourceError where they cannot be read or one stands twice."""
    try:
        with open(file, encoding="utf-8-sig", newline="") as lines:
            found = next(reader(lines), [])
    except UnicodeDecodeError:
        raise SourceError([_unreadable(file, "not UTF-8 / 不是 UTF-8 编码")]) from None
    twice = sorted({name for name in found if found.count(name) > 1})
    if not found or twice or "" in found:
        raise SourceError([_unreadable(file, "the header lacks a name or has one twice / 表头缺少列名或列名重复")])
    return found


def as_parquet(connection: duckdb.DuckDBPyConnection, files: tuple[str, ...], into: Path) -> tuple[str, ...]:
    """CSV files copied to Parquet once, all text, each row with its file and number.

    Raises SourceError for lines that do not parse.
    """
    into.mkdir(parents=True, exist_ok=True)
    found: list[str] = []
    reasons: list[tuple[str, str]] = []
    for n, file in enumerate(files):
        path = into / f"{n:05d}.parquet"
        try:
            connection.execute(f"COPY ({csv(file)}) TO {text(str(path))} (FORMAT parquet)")
            (many,) = connection.execute(f"SELECT count(*) FROM read_parquet({text(str(path))})").fetchone() or (0,)
            if many == 0 and _lines(file) > 1:
                raise SourceError([_unreadable(file, "no row was found / 没有读到任何一行")])
        except SourceError as error:
            reasons += error.reasons
        except duckdb.InterruptException:
            raise
        except duckdb.Error as error:
            reasons.append(_bad_lines(file) or _unreadable(file, str(error).splitlines()[0]))
        found.append(str(path))
    if reasons:
        raise SourceError(reasons)
    return tuple(found)


def _lines(file: str) -> int:
    """How many of the first lines of a file hold something."""
    with open(file, "rb") as lines:
        return sum(1 for _, line in zip(range(3), lines, strict=False) if line.strip())


def _unreadable(file: str, why: str) -> tuple[str, str]:
    return (
        f"{file}: not readable as CSV (RFC 4180, UTF-8, one kind of line end): {why}",
        f"{file}：无法按 CSV 读取（RFC 4180、UTF-8、统一的换行符）：{why}",
    )


def _bad_lines(file: str) -> tuple[str, str] | None:
    """Which lines do not fit the header; None where that is not what is wrong."""
    bad: list[int] = []
    try:
        with open(file, encoding="utf-8-sig", newline="") as lines:
            rows = reader(lines, strict=True)
            width = len(next(rows))
            bad = [rows.line_num for row in rows if len(row) != width]
    except (UnicodeDecodeError, CsvError):
        pass
    if not bad:
        return None
    listed = ", ".join(map(str, bad[:20])) + (" …" if len(bad) > 20 else "")
    return (
        f"{file}: {len(bad)} line(s) do not fit the header (lines {listed}); nobody knows whose they are, "
        "so nothing is decided: correct them",
        f"{file}：有 {len(bad)} 行与表头的列数不符（第 {listed} 行）；无从知道属于哪一户，因此不作认定，请先更正",
    )


def relation(files: tuple[str, ...], copied: bool) -> str:
    """Rows with their file and number. `copied`: of our own copies of CSV."""
    if files[0].endswith(".csv"):
        return " UNION ALL BY NAME ".join(csv(file) for file in files)
    if copied:
        listed = ", ".join(text(file) for file in files)
        return f"SELECT * FROM read_parquet([{listed}], union_by_name=true)"
    return parquet(files)


def chunks_of(
    connection: duckdb.DuckDBPyConnection,
    household: Table,
    member: Table,
    size: int,
    work: Path,
    say: Callable[[str], None],
) -> list[Cut]:
    """The chunks, in order."""
    tables = household, member
    groups = [tuple(groups_of(table.files, table.household_id)) for table in tables]
    sources = [relation(table.files, table.copied) for table in tables]
    number = max(1, -(-sum(group.rows for group in groups[0]) // size))
    if number == 1:
        return [Cut(*(Part(sql, found) for sql, found in zip(sources, groups, strict=True)))]
    kinds = {type(group.least) for found in groups for group in found}  # numbers and texts have no order together
    if len(kinds) == 1 and all(map(_in_order, groups)):
        return [
            Cut(
                *(
                    Part(_between(sql, table, low, high), tuple(_reached(found, low, high)), low, high)
                    for sql, table, found in zip(sources, tables, groups, strict=True)
                )
            )
            for low, high in _bounds(groups[0], size)
        ]
    say("split")
    made = []
    for table, source in zip(tables, sources, strict=True):
        folder = work / f"{table.level}_parts"
        id = f"CAST({name(table.household_id)} AS VARCHAR)"
        if not (folder / "done").is_file():
            connection.execute(
                f"COPY (SELECT *, coalesce(hash({id}) % {number}, 0) AS part_ FROM ({source})) TO {text(str(folder))} "
                "(FORMAT parquet, PARTITION_BY (part_), OVERWRITE_OR_IGNORE)"
            )
            (folder / "done").touch()
        made.append([_part(folder, n, table.household_id) for n in range(number)])
    return [Cut(*pair) for pair in zip(*made, strict=True)]


def _part(folder: Path, number: int, household_id: str) -> Part:
    found = sorted(str(p) for p in (folder / f"part_={number}").glob("*.parquet"))
    if not found:  # no row of this table fell into the part: its shape, and nothing in it
        any_ = next(str(p) for p in sorted(folder.glob("part_=*/*.parquet")))
        return Part(f"SELECT * FROM read_parquet({text(any_)}, hive_partitioning=false) WHERE FALSE", ())
    listed = ", ".join(text(file) for file in found)
    sql = f"SELECT * FROM read_parquet([{listed}], hive_partitioning=false)"
    return Part(sql, tuple(groups_of(found, household_id)))


def _in_order(groups: Sequence[Group]) -> bool:
    """Whether the row groups follow each other by household id."""
    if any(group.least is None for group in groups):
        return False
    return all(before.most <= after.least for before, after in itertools.pairwise(groups))


def _bounds(groups: Sequence[Group], size: int) -> Iterator[tuple[Any, Any]]:
    """Ranges of the household id with about `size` rows each."""
    cuts: list[Any] = []
    rows_here = 0
    for group in groups:
        if rows_here and rows_here + group.rows > size:
            if not cuts or cuts[-1] != group.least:
                cuts.append(group.least)
            rows_here = 0
        rows_here += group.rows
    return itertools.pairwise([None, *cuts, None])


def _reached(groups: Sequence[Group], low: Any, high: Any) -> Iterator[Group]:
    """The row groups in which a row of the range may lie."""
    for group in groups:
        inside = (low is None or group.most >= low) and (high is None or group.least < high)
        if inside or (group.nulls and low is None):
            yield group


def _between(source: str, table: Table, low: Any, high: Any) -> str:
    id = name(table.household_id)
    low, high = (text(end) if isinstance(end, str) else end for end in (low, high))
    tests = [f"{id} >= {low}"] if low is not None else []
    tests += [f"{id} < {high}"] if high is not None else []
    test = " AND ".join(tests)
    if low is None:
        test = f"({test}) OR {id} IS NULL" if test else "TRUE"
    return f"SELECT * FROM ({source}) WHERE {test}"
