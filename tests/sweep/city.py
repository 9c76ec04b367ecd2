"""A handful of households as two tables, for the tests of reading, chunks and reports."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from engine.decide import Program
from engine.language.household import Household
from engine.sweep import split
from engine.sweep.lookup import facts_of
from engine.sweep.run import Job, Step, Sweep
from tests.sweep.every_operator import ON
from tests.sweep.side_by_side import write_tables

Rows = list[dict[str, str]]


def tables(households: Sequence[Household], program: Program, folder: Path) -> tuple[Path, Path]:
    return write_tables(households, program.rulebook, folder)


def rows(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, found: Rows) -> None:
    columns = list(dict.fromkeys(name for row in found for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(found)


def as_parquet(source: Path, to: Path, order: str = "household_id", rows_to_a_group: int = 2048, types: str = "*") -> Path:
    """A CSV file as Parquet, all text or with the types given."""
    query = f"SELECT {types} FROM read_csv('{source}', all_varchar=true, header=true, nullstr='', allow_quoted_nulls=false) ORDER BY {order}"
    duckdb.sql(f"COPY ({query}) TO '{to}' (FORMAT parquet, ROW_GROUP_SIZE {rows_to_a_group})")
    return to


def sweep(program: Program, households: Path, persons: Path, out: Path, tell: Callable[[Step], None] = lambda step: None, **more: Any) -> Sweep:
    """A sweep to its end."""
    job = Job(str(households), str(persons), more.pop("on", ON), out, threads=1, **more)
    one = Sweep(program.rulebook, job, tell)
    try:
        one.run()
    finally:
        one.close()
    return one


def raw_households(one: Sweep) -> dict[str, dict[str, Any]]:
    """Every household of a sweep's tables as `raw_household` gives one, in two queries for all of them."""
    household, member = one.tables()
    found: dict[str, dict[str, Any]] = {}
    for table in (household, member):
        result = one.connection.execute(f"FROM ({split.relation(table.files, table.copied)})")
        names = [column[0] for column in result.description or ()]
        for row in (dict(zip(names, values, strict=True)) for values in result.fetchall()):
            if table is household:
                found[str(row[table.household_id])] = {**facts_of(table, row), "members": []}
            else:
                members = found[str(row[table.household_id])]["members"]
                members.append({"id": str(row[table.member_id]), **facts_of(table, row)})
    return found


def read(out: Path, folder: str) -> list[dict[str, Any]]:
    """The rows of every part, in an order of their own."""
    found = duckdb.sql(f"SELECT * FROM read_parquet('{out}/{folder}/part-*.parquet', union_by_name=true)")
    names = found.columns
    return sorted((dict(zip(names, row, strict=True)) for row in found.fetchall()), key=lambda r: [str(v) for v in r.values()])


def csv_of(out: Path, name: str) -> Rows:
    return rows(out / name)
