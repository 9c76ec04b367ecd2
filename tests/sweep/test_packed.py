"""Parquet written from arrays, read back by two readers that know nothing of each other."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet
import pytest

from engine.sweep import packed
from engine.sweep.adding import added, plus, sorted_by
from engine.sweep.coded import FEW, Coded, coded
from engine.sweep.packed import Packed

KIND = {"TINYINT": np.int8, "SMALLINT": np.int16, "BIGINT": np.int64}


def numbers(rng: np.random.Generator, kind: str, many: int) -> np.ndarray:
    """Few or many different numbers, alone or in runs, as wide as the column or narrower."""
    kind = str(rng.choice([narrow for narrow in KIND if np.can_cast(KIND[narrow], KIND[kind])]))
    limits = np.iinfo(KIND[kind])
    different = rng.integers(limits.min + 1, limits.max, int(rng.choice([1, 2, 3, 4, 5, 16, 17, 200, 300, 70_000])), KIND[kind], endpoint=True)
    values = rng.choice(different, many)
    if rng.random() < 0.5:
        values = np.where(rng.random(many) < 0.9, KIND[kind](0), values)
    if rng.random() < 0.3:
        values = np.sort(values)
    if rng.random() < 0.3:  # side by side, as statuses are
        values = rng.integers(0, 3, many).astype(KIND[kind])
    return values.astype(KIND[kind])


def texts(rng: np.random.Generator, many: int) -> Coded:
    values = ["", "a", "户H0001", "x" * 300, *(str(n) for n in range(int(rng.choice([0, 10, 1000]))))]
    return Coded(rng.integers(-1, len(values), many), values)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_written_is_read(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    many = int(rng.choice([1, 7, 8, 9, 1000, 80_001]))
    monkeypatch.setattr(packed, "GROUP", int(rng.choice([5, 64, 1000, 122_880])) if many <= 1000 else 30_000)
    columns: list[Packed] = []
    said: dict[str, list[object]] = {}
    for number, kind in enumerate(["TINYINT", "SMALLINT", "BIGINT"] * 4):
        values = numbers(rng, kind, many)
        columns.append(Packed(f"{kind}_{number}", kind, values))
        said[columns[-1].name] = values.tolist()
    truths = rng.random(many) < 0.4
    columns.append(Packed("truth", "BOOLEAN", truths))
    said["truth"] = truths.tolist()
    columns.append(Packed("nothing", "BIGINT", None))
    said["nothing"] = [None] * many
    told = texts(rng, many)
    columns.append(Packed("文本", "VARCHAR", told))
    said["文本"] = [None if code < 0 else told.values[code] for code in told.codes.tolist()]
    path = tmp_path / "x.parquet"
    packed.write(path, columns, many)

    assert pyarrow.parquet.read_table(path).to_pydict() == said
    with duckdb.connect() as connection:
        read = connection.execute(f"SELECT * EXCLUDE file_row_number FROM read_parquet('{path}', file_row_number = true) ORDER BY file_row_number").fetchall()
        assert read == list(zip(*said.values(), strict=True))
        kinds = connection.execute(f"DESCRIBE FROM '{path}'").fetchall()
        assert [row[1] for row in kinds] == [column.kind for column in columns]
        for column in columns:  # a filter is answered from the least and the most that the footer names
            if column.kind in KIND and column.values is not None:
                one = said[column.name][0]
                found = connection.execute(f'SELECT count(*) FROM \'{path}\' WHERE "{column.name}" = {one}').fetchone()
                assert found == (said[column.name].count(one),)


def test_no_row_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    packed.write(path, [Packed("a", "BIGINT", np.zeros(0, np.int64)), Packed("b", "VARCHAR", Coded(np.zeros(0, np.int64), []))], 0)
    assert pyarrow.parquet.read_table(path).to_pydict() == {"a": [], "b": []}
    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT * FROM '{path}'").fetchall() == []


@pytest.mark.parametrize("different", [3, FEW + 10])
def test_texts_as_codes(different: int) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t AS SELECT i, CASE WHEN i % 7 > 0 THEN 'v''' || (i % {different}) END AS v FROM range(9000) r(i)")
        number, found = coded(connection, "t", "i", ["v"])
        said = dict(connection.execute("FROM t").fetchall())
    codes, values = found["v"].codes, found["v"].values
    assert {int(n): None if code < 0 else values[code] for n, code in zip(number, codes, strict=True)} == said
    some = np.flatnonzero(codes >= 0)
    by = some[np.argsort(found["v"].rank(some), kind="stable")]
    assert [values[code] for code in codes[by]] == sorted(v for v in said.values() if v is not None)


def test_sorted_as_lexsort_does() -> None:
    rng = np.random.default_rng(3)
    for ends in ((0, 3), (-5, 70_000), (-(2**63), 2**63 - 1), (4, 5)):
        for many in (1, 2, 3, 500):
            keys = [rng.integers(*ends, many), rng.integers(-3, 3, many), rng.integers(0, 9, many).astype(np.int16)]
            assert np.array_equal(sorted_by(*keys), np.lexsort(keys))
            assert np.array_equal(sorted_by(keys[1], keys[0]), np.lexsort((keys[1], keys[0])))
    assert sorted_by(np.zeros(0, np.int64)).tolist() == []


def test_added_up_exactly() -> None:
    large = np.array([2**62, 2**62 - 1, -(2**62)])
    assert added(np.array([0, 0, 1]), 2, large).tolist() == [2**63 - 1, -(2**62)]
    with pytest.raises(OverflowError):
        added(np.array([0, 0]), 1, np.array([2**62, 2**62]))


def test_row_by_row_added_exactly() -> None:
    assert plus(np.array([2**62, -(2**63)]), np.array([2**62 - 1, 2**63 - 1])).tolist() == [2**63 - 1, -1]
    for one in (2**62, -(2**62) - 1):
        with pytest.raises(OverflowError):
            plus(np.array([0, one]), np.array([0, one]))
