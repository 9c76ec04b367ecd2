"""Two inputs of any size, cut into chunks of whole households.

Parquet in the order of household_id is read where it lies, by ranges of the id; anything else is copied once into parts
by a hash of the id. Either way all rows of one household are in one chunk.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from csv import Error as CsvError
from csv import reader
from dataclasses import dataclass
from pathlib import Path

import duckdb

from engine.sweep.reading import name, text
from engine.sweep.source import SourceError, Table, family


@dataclass(frozen=True, slots=True)
class Cut:
    """The relations (SQL text) of one chunk's households and persons."""

    households: str
    persons: str


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
    listed = ", ".join(text(file) for file in household.files)
    (many,) = connection.execute(f"SELECT sum(num_rows) FROM parquet_file_metadata([{listed}])").fetchone() or (0,)
    sources = relation(household.files, household.copied), relation(member.files, member.copied)
    number = max(1, -(-int(many or 0) // size))
    if number == 1:
        return [Cut(*sources)]
    bounds = _ordered(connection, household, size)
    if bounds is not None and _ordered(connection, member, size) is not None:
        return [
            Cut(
                *(
                    _between(source, table, low, high)
                    for source, table in zip(sources, (household, member), strict=True)
                )
            )
            for low, high in bounds
        ]
    say("split")
    made = []
    for table, source in ((household, sources[0]), (member, sources[1])):
        folder = work / f"{table.level}_parts"
        id = f"CAST({name(table.household_id)} AS VARCHAR)"
        if not (folder / "done").is_file():
            connection.execute(
                f"COPY (SELECT *, coalesce(hash({id}) % {number}, 0) AS part_ FROM ({source})) TO {text(str(folder))} "
                "(FORMAT parquet, PARTITION_BY (part_), OVERWRITE_OR_IGNORE)"
            )
            (folder / "done").touch()
        made.append([_part(folder, n) for n in range(number)])
    return [Cut(*pair) for pair in zip(*made, strict=True)]


def _part(folder: Path, number: int) -> str:
    found = sorted(str(p) for p in (folder / f"part_={number}").glob("*.parquet"))
    if not found:  # no row of this table fell into the part: its shape, and nothing in it
        any_ = next(str(p) for p in sorted(folder.glob("part_=*/*.parquet")))
        return f"SELECT * FROM read_parquet({text(any_)}, hive_partitioning=false) WHERE FALSE"
    listed = ", ".join(text(file) for file in found)
    return f"SELECT * FROM read_parquet([{listed}], hive_partitioning=false)"


def _ordered(
    connection: duckdb.DuckDBPyConnection, table: Table, size: int
) -> list[tuple[str | None, str | None]] | None:
    """Ranges of household_id with about `size` rows each, where the row groups follow each other by it; else None."""
    whole = family(table.household_id_kind) == "whole"
    groups: list[tuple[int | str, int | str, int]] = []
    for file in table.files:
        rows = connection.execute(
            "SELECT stats_min_value, stats_max_value, row_group_num_rows FROM "
            "parquet_metadata(?) WHERE path_in_schema = ? ORDER BY row_group_id",
            [file, table.household_id],
        ).fetchall()
        for least, most, many in rows:
            if least is None or most is None:
                return None
            groups.append((int(least), int(most), many) if whole else (least, most, many))
    if any(before[1] > after[0] for before, after in itertools.pairwise(groups)):  # type: ignore[operator]
        return None
    cuts: list[str] = []
    rows_here = 0
    for least, _, many in groups:
        if rows_here and rows_here + many > size:
            cut = str(least) if whole else text(str(least))
            if not cuts or cuts[-1] != cut:
                cuts.append(cut)
            rows_here = 0
        rows_here += many
    edges: list[str | None] = [None, *cuts, None]
    return list(itertools.pairwise(edges))


def _between(source: str, table: Table, low: str | None, high: str | None) -> str:
    id = name(table.household_id)
    tests = [f"{id} >= {low}"] if low is not None else []
    tests += [f"{id} < {high}"] if high is not None else []
    test = " AND ".join(tests)
    if low is None:
        test = f"({test}) OR {id} IS NULL" if test else "TRUE"
    return f"SELECT * FROM ({source}) WHERE {test}"
