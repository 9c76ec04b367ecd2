"""Households of a synthetic city's tables as registrations: what `jiuzhu population make` wrote, as events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

SUMMED = ("self_paid_this_year", "self_paid_twelve_months")
"""Facts the watch adds up from bills: a registration does not carry them."""
AT_ONCE = 500


class NoTables(Exception):
    """The folder holds no city, or what reads it is not installed."""


def registrations(folder: Path, year: int) -> Iterator[dict[str, Any]]:
    """Each household of the tables as it is registered on 1 January, in the order of the tables. Raises NoTables."""
    try:
        duckdb = import_module("duckdb")
    except ModuleNotFoundError:
        raise NoTables("需要 duckdb：pip install 'jiuzhu[sweep]' / needs duckdb: pip install 'jiuzhu[sweep]'") from None
    if not (folder / "households").is_dir() or not (folder / "persons").is_dir():
        raise NoTables(f"{folder} 里没有 households 和 persons 表 / no tables households and persons in {folder}")
    houses, people = f"{folder}/households/*.parquet", f"{folder}/persons/*.parquet"
    with duckdb.connect() as db, duckdb.connect() as other:
        rows = db.execute("SELECT * FROM read_parquet(?) ORDER BY household_id", [houses])
        names = [each[0] for each in rows.description]
        listed = other.execute("SELECT * FROM read_parquet(?) ORDER BY household_id, id", [people])
        theirs = [each[0] for each in listed.description]
        members = _grouped(listed, theirs)
        waiting = next(members, None)
        while part := rows.fetchmany(AT_ONCE):
            for row in part:
                facts = _facts(dict(zip(names, row, strict=True)))
                household = facts.pop("household_id")
                while waiting is not None and waiting[0] < household:
                    waiting = next(members, None)
                own = waiting[1] if waiting is not None and waiting[0] == household else []
                yield {
                    "source": "city", "id": f"r-{household}", "type": "register", "household": str(household),
                    "day": f"{year}-01-01", "says": {**facts, "members": own},
                }  # fmt: skip


def _grouped(rows: Any, names: list[str]) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    """The members of one household after another."""
    of: Any = None
    found: list[dict[str, Any]] = []
    while part := rows.fetchmany(AT_ONCE):
        for row in part:
            facts = _facts(dict(zip(names, row, strict=True)))
            household = facts.pop("household_id")
            facts["id"] = str(facts["id"])
            if found and household != of:
                yield of, found
                found = []
            of = household
            found.append(facts)
    if found:
        yield of, found


def _facts(row: dict[str, Any]) -> dict[str, Any]:
    """What is known of a row, as an event says it: amounts and dates as text."""
    return {
        name: value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, Decimal) else value
        for name, value in row.items()
        if value is not None and name not in SUMMED
    }
