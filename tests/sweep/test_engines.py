"""The same sweep on arrays and in SQL leaves the same folder; good rows go straight into arrays, others the long way."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from engine.decide import Program, compile_rulebook
from engine.population import make, marginals
from engine.sweep import chunk as running
from engine.sweep.run import Sweep
from engine.sweep.typed import Doubt
from tests import shipped
from tests.sweep import city, every_operator

FOLDERS = ("households", "persons", "gap", "sums", "missing", "rejects")
FILES = ("summary.csv", "missing.csv", "rejects.csv")


@pytest.fixture(scope="module")
def program() -> Program:
    return compile_rulebook(every_operator.world().rulebook)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each chunk on arrays, whether it went straight."""
    found: list[bool] = []
    straight = running.straight.straight

    def told(*args: Any) -> Any:
        result = straight(*args)
        found.append(result is not None)
        return result

    monkeypatch.setattr(running.straight, "straight", told)
    return found


def both(program: Program, households: Path, persons: Path, folder: Path, **more: Any) -> dict[str, Sweep]:
    return {
        engine: city.sweep(program, households, persons, folder / f"by_{engine}", engine=engine, **more)
        for engine in ("numpy", "duckdb")
    }


def same(folder: Path) -> None:
    ours, theirs = folder / "by_numpy", folder / "by_duckdb"
    for name in FOLDERS:
        assert city.read(ours, name) == city.read(theirs, name), name
    for name in FILES:
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name
    assert _gap(ours) == _gap(theirs)


def _gap(out: Path) -> list[Any]:
    return duckdb.sql(f"SELECT * FROM '{out}/gap.parquet'").fetchall()


@pytest.mark.parametrize("missing", ["0", "0.15"])
def test_the_long_way_comes_to_the_same(missing: str, tmp_path: Path, taken: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    make.City(marginals.read(), 300, 6, Decimal(missing), tmp_path / "city").make()
    at = tmp_path / "city" / "households", tmp_path / "city" / "persons"
    for way in ("straight", "long"):
        city.sweep(shipped.program(), *at, tmp_path / way, on=date(2025, 8, 1), engine="numpy")
        monkeypatch.setattr(running.straight, "_straight", _doubt)
    assert taken == [True, False]
    for name in (*FOLDERS, "digests"):
        assert city.read(tmp_path / "straight", name) == city.read(tmp_path / "long", name), name


def _doubt(*_: Any) -> None:
    raise Doubt


@pytest.mark.parametrize("everyone", [False, True])
@pytest.mark.parametrize("missing", ["0", "0.15"])
def test_a_city_under_all_rules(missing: str, everyone: bool, tmp_path: Path, taken: list[bool]) -> None:
    make.City(marginals.read(), 300, 5, Decimal(missing), tmp_path / "city").make()
    at = tmp_path / "city" / "households", tmp_path / "city" / "persons"
    both(shipped.program(), *at, tmp_path, on=date(2025, 8, 1), everyone=everyone)
    same(tmp_path)
    assert taken == [True]


def test_two_chunks_that_lie_in_disorder(program: Program, tmp_path: Path, taken: list[bool]) -> None:
    plain = city.tables(every_operator.households(60, 20, seed=4), program, tmp_path)
    for path in plain:  # two files a table, of which neither comes before the other
        (tmp_path / path.stem).mkdir()
        rows = city.rows(path)
        for half in (0, 1):
            city.write(part := tmp_path / f"{path.stem}{half}.csv", rows[half::2])
            city.as_parquet(part, tmp_path / path.stem / f"{half}.parquet", "random()")
    both(program, *(tmp_path / path.stem for path in plain), tmp_path, chunk=20)
    same(tmp_path)
    assert len(taken) > 1


@pytest.mark.parametrize("other", ["* EXCLUDE (rent)", "* EXCLUDE (household_id)", "* REPLACE (NULL AS place)", "* REPLACE (lower(owns) = 'true' AS owns)", "* REPLACE (household_id[2:]::INTEGER AS household_id)"])
def test_files_of_one_table_that_do_not_have_the_same_columns(other: str, program: Program, tmp_path: Path) -> None:
    """A column that one file lacks or has in another type, and household ids that are numbers in one and texts in another."""
    plain = city.tables(every_operator.households(60, 20, seed=4), program, tmp_path)
    rows = [city.rows(path) for path in plain]
    named = {row["household_id"]: f"h{number:03}" for number, row in enumerate(rows[0])}
    for path, found in zip(plain, rows, strict=True):
        (tmp_path / path.stem).mkdir()
        for half in (0, 1):
            those = [{**row, "household_id": named[row["household_id"]]} for row in found if int(named[row["household_id"]][1:]) // 30 == half]
            city.write(part := tmp_path / f"{path.stem}{half}.csv", those)
            types = other if half and path.stem == "households" else "*"
            city.as_parquet(part, tmp_path / path.stem / f"{half}.parquet", rows_to_a_group=10, types=types)
    both(program, *(tmp_path / path.stem for path in plain), tmp_path, chunk=20)
    same(tmp_path)


def test_one_bad_row_sends_its_chunk_the_long_way(program: Program, tmp_path: Path, taken: list[bool]) -> None:
    good = city.tables(every_operator.households(40, 0, seed=9), program, tmp_path)
    both(program, *good, tmp_path / "good")
    same(tmp_path / "good")
    wholes, persons = (city.rows(path) for path in good)
    faults: list[tuple[str, list[dict[str, str]], list[dict[str, str]]]] = [
        ("a choice that is none", [{**wholes[0], "place": "purple"}, *wholes[1:]], persons),
        ("a household twice", [*wholes, wholes[0]], persons),
        ("a household without members", [*wholes, {**wholes[0], "household_id": "alone"}], persons),
        ("a person of nobody", wholes, [*persons, {**persons[0], "household_id": "nobody"}]),
        ("a person twice", wholes, [*persons, persons[0]]),
        ("no household", [*wholes, {**wholes[0], "household_id": ""}], persons),
        ("an id that is none", wholes, [{**persons[0], "id": "!"}, *persons[1:]]),
    ]
    straight = [number for number, went in enumerate(taken) if went]
    for number, (_, *rows) in enumerate(faults):
        folder = tmp_path / f"fault{number}"
        folder.mkdir()
        paths = folder / "households.csv", folder / "persons.csv"
        for path, found in zip(paths, rows, strict=True):
            city.write(path, found)
        both(program, *paths, folder)
        same(folder)
    assert taken[len(taken) - len(faults) :] == [False] * len(faults), "what is in doubt went straight"
    assert straight == [0], "what is good did not go straight"


def test_nobody_at_all(program: Program, tmp_path: Path) -> None:
    """Tables without a row, and a chunk of which every row is set aside."""
    plain = city.tables(every_operator.households(3, 0, seed=9), program, tmp_path)
    nobody, refused = tmp_path / "nobody", tmp_path / "refused"
    for folder in (nobody, refused):
        folder.mkdir()
        for path in plain:
            head, *rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
            named = [f"{row.partition(',')[0]},!{row.partition(',')[2]}" for row in rows]  # no id, and no choice, begins so
            (folder / path.name).write_text("".join([head, *(named if folder is refused else [])]), encoding="utf-8")
        both(program, *(folder / path.name for path in plain), folder)
        same(folder)
