"""Lists written as Parquet some rows at a time and read back by two readers, and parts of the gap made into one list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.sweep import listed, merged
from engine.sweep.coded import Coded
from engine.sweep.listed import Texts, grouped, write


@pytest.mark.parametrize("few", [0, 5])
def test_what_is_written_is_read(few: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether texts are few or many is nothing that a reader sees."""
    monkeypatch.setattr(listed, "FEW", few)
    codes, values = np.array([0, 2, -1, 1, 2]), ["", "户", "b"]
    texts, many = Texts.of(Coded(codes, values)), np.array([2**62, -5, 0, 7, 7])
    order = [np.array([4, 2]), np.array([0]), np.zeros(0, np.int64), np.array([1, 3, 2])]
    write(tmp_path / "x.parquet", (pa.table({"text": texts.at(rows), "number": many[rows]}) for rows in order))
    said = [(None if codes[row] < 0 else values[codes[row]], int(many[row])) for row in np.concatenate(order)]
    read = pq.read_table(tmp_path / "x.parquet")
    assert read.schema.types == [pa.string(), pa.int64()]
    assert list(zip(*read.to_pydict().values(), strict=True)) == said
    assert duckdb.sql(f"FROM '{tmp_path}/x.parquet'").fetchall() == said


def test_a_list_of_nobody(tmp_path: Path) -> None:
    write(tmp_path / "x.parquet", [pa.table({"text": Texts.of(Coded(np.zeros(0, np.int64), [])).at(np.zeros(0, np.int64))})])
    assert duckdb.sql(f"FROM '{tmp_path}/x.parquet'").fetchall() == []
    assert pq.read_table(tmp_path / "x.parquet").to_pydict() == {"text": []}


def test_rows_in_groups() -> None:
    tables = [pa.table({"n": np.arange(start, stop)}) for start, stop in ((0, 0), (0, 3), (3, 4), (4, 25), (25, 27))]
    found = [table["n"].to_pylist() for table in grouped(tables, 5)]
    assert found == [[], [0, 1, 2], [3], *(list(range(start, min(start + 5, 25))) for start in range(4, 25, 5)), [25, 26]]
    assert [len(table) for table in grouped(tables[:1], 5)] == [0]


ORDER = "household_least DESC NULLS LAST, household_most DESC NULLS LAST, household_id, row"
SCHEMA = pa.schema(
    {
        "household_id": pa.string(),
        "household_least": pa.int64(),
        "household_most": pa.int64(),
        "row": pa.int64(),
        "id": pa.dictionary(pa.int32(), pa.string()),
    }
)


def parts(rng: np.random.Generator, folder: Path) -> list[Path]:
    """Rows of households, some of them worth the same, in files that are each in order."""
    files: list[list[dict[str, Any]]] = [[], [], [], []]
    in_ranges = rng.random() < 0.5
    for home in range(int(rng.choice([0, 3, 120]))):
        least = None if rng.random() < 0.1 else int(rng.integers(-3, 3)) * 2**60
        most = None if least is None else least + int(rng.integers(0, 2))
        file = files[home // 30 if in_ranges else int(rng.integers(0, 4))]
        for row in range(int(rng.choice([1, 2, 5, 40], p=[0.4, 0.3, 0.25, 0.05]))):
            file.append(dict(zip(SCHEMA.names, (f"户{home}", least, most, row, str(rng.choice(["", "m0", "m1"]))), strict=True)))
    for number, rows in enumerate(files):
        rows.sort(key=lambda r: (r["household_least"] is None, -(r["household_least"] or 0), -(r["household_most"] or 0), r["household_id"], r["row"]))
        write(folder / f"{number}.parquet", grouped([pa.Table.from_pylist(rows, SCHEMA)], int(rng.integers(3, 50))))
    return [folder / f"{number}.parquet" for number in range(len(files))]


@pytest.mark.parametrize("seed", range(12))
def test_parts_make_one_list(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few rows are held, and where a household has more of them, or all are worth the same."""
    rng = np.random.default_rng(seed)
    paths = parts(rng, tmp_path)
    monkeypatch.setattr(merged, "HELD", int(rng.choice([1, 8, 50, 1000])))
    found = pa.concat_tables(merged.merged(paths, ["id"])).to_pylist()
    told = duckdb.sql(f"FROM '{tmp_path}/*.parquet' ORDER BY {ORDER}")
    assert [tuple(row.values()) for row in found] == told.fetchall()


def test_a_part_in_disorder_is_refused(tmp_path: Path) -> None:
    rows = {"household_id": ["b", "a"], "household_least": [1, 1], "household_most": [1, 1]}
    write(tmp_path / "x.parquet", [pa.table(rows)])
    with pytest.raises(ValueError, match="not in order"):
        list(merged.merged([tmp_path / "x.parquet"], []))
