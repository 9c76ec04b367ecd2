"""Lists written as Parquet some rows at a time, read back by two readers."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.sweep import listed
from engine.sweep.coded import Coded
from engine.sweep.listed import Texts, write


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
