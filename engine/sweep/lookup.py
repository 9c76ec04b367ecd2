"""One household of a sweep, as it stood in the tables: the plain data the evaluator reads."""

from __future__ import annotations

from typing import Any

import duckdb

from engine.language.types import Base
from engine.sweep import split
from engine.sweep.reading import EMPTY, name
from engine.sweep.source import RANGES, Read, Table


def raw_household(
    connection: duckdb.DuckDBPyConnection, household: Table, member: Table, household_id: str
) -> dict[str, Any] | None:
    """The facts of a household and its members; None where the tables have no such household.

    Where rows are doubled or wrong they come out as they are: reading them strictly says what is wrong.
    """
    wholes = _rows(connection, household, household_id)
    if not wholes:
        return None
    found = facts_of(household, wholes[0])
    found["members"] = [
        {"id": str(row[member.member_id]), **facts_of(member, row)} for row in _rows(connection, member, household_id)
    ]
    return found


def _rows(connection: duckdb.DuckDBPyConnection, table: Table, household_id: str) -> list[dict[str, Any]]:
    source = split.relation(table.files, table.copied)
    query = f"SELECT * FROM ({source}) WHERE CAST({name(table.household_id)} AS VARCHAR) = ?"
    result = connection.execute(query, [household_id])
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def facts_of(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """The facts of one row, as plain data."""
    found: dict[str, Any] = {}
    for read in table.reads:
        value = row[read.column] if read.column else None
        if read.ranged and value is None:
            least, most = (row[column] if column else None for column in (read.least, read.most))
            if least is not None or most is not None:
                ends = RANGES.get(read.fact.type.base, ("lowest", "highest"))
                found[read.fact.name] = dict(zip(ends, (least, most), strict=True))
                continue
        found[read.fact.name] = None if value is None else _value(read, value)
    if table.receiving:
        drawn = row[table.receiving]
        if drawn is not None:
            told = {str(k): v for k, v in table.receiving_values.items()}
            found["receiving"] = [told.get(each, each) for each in _listed(drawn)]
    return found


def _value(read: Read, value: Any) -> Any:
    told = {str(k): v for k, v in read.values.items()}
    base = read.fact.type.base
    if base is Base.CHOICES:
        return [told.get(each, each) for each in _listed(value)]
    if str(value) in told:
        return told[str(value)]
    if base is Base.YES_NO and isinstance(value, str):
        return {"true": True, "false": False}.get(value, value)
    return str(value) if base in (Base.TEXT, Base.CHOICE) else value


def _listed(value: Any) -> list[str]:
    if isinstance(value, str):
        return [] if value == EMPTY else value.split(";")
    return list(value)
