"""The synthetic city beside published totals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from engine.language.fields import plain
from engine.language.problems import Problems
from engine.language.source import read_yaml

FILE = Path(__file__).with_name("published.yaml")


@dataclass(frozen=True, slots=True)
class Beside:
    """One total: what was published and what the city comes to, in the unit `unit`; `tuned`: used for the city."""

    zh: str
    en: str
    published: Decimal
    found: Decimal
    unit: str  # people, yuan, "" for a mean or share
    source: str
    verified: bool
    tuned: bool

    @property
    def off(self) -> Decimal:
        """How far the city is off, as a share of what was published."""
        return (self.found - self.published) / self.published


def published() -> dict[str, Any]:
    """The published totals, as plain data."""
    problems = Problems()
    node = read_yaml(FILE.read_bytes(), FILE.name, problems)
    assert node is not None and not len(problems), [p.text("en") for p in problems.sorted()]
    found = plain(node)
    assert isinstance(found, dict)
    return found


def measured(city: Path, told: Mapping[str, Any]) -> list[Beside]:
    """The measures of the city's own tables."""
    connection = duckdb.connect(":memory:")
    for table in ("households", "persons"):
        connection.execute(
            f"CREATE VIEW {table} AS SELECT * FROM '{str(city / table).replace(chr(39), chr(39) * 2)}/*.parquet'"
        )
    times = scale(connection, told)
    found = []
    for each in told["measures"]:
        (value,) = connection.execute(f"SELECT {each['sql']} FROM persons").fetchone() or (0,)
        unit = "people" if each["scaled"] else ""
        worked = Decimal(str(value)) * (times if each["scaled"] else 1)
        found.append(_beside(each, each["zh"], each["en"], Decimal(each["value"]), worked, unit))
    return found


def scale(connection: duckdb.DuckDBPyConnection, told: Mapping[str, Any]) -> Decimal:
    """How many real households one of the city stands for."""
    (many,) = connection.execute("SELECT count(*) FROM households").fetchone() or (1,)
    return Decimal(told["city_households"]["value"]) / int(many)


def swept(
    summary: Path, told: Mapping[str, Any], times: Decimal, titles: Mapping[str, tuple[str, str]]
) -> list[Beside]:
    """The policies' totals: people found eligible, and what they are paid in twelve months."""
    found = []
    for each in told["policies"]:
        row = duckdb.sql(
            f"SELECT coalesce(sum(people), 0), coalesce(sum(month_least), 0) FROM '{str(summary).replace(chr(39), chr(39) * 2)}' "
            f"WHERE policy = '{each['policy']}' AND status = 'eligible'"
        ).fetchone() or (0, 0)
        zh, en = titles[each["policy"]]
        people, yuan = Decimal(int(row[0])) * times, Decimal(int(row[1])) * 12 / 100 * times
        found.append(
            _beside(
                each,
                f"{zh}（{each['year']}年，人）",
                f"{en} ({each['year']}, people)",
                Decimal(each["people"]),
                people,
                "people",
            )
        )
        found.append(
            _beside(
                each,
                f"{zh}（{each['year']}年，元）",
                f"{en} ({each['year']}, yuan)",
                Decimal(each["yuan"]),
                yuan,
                "yuan",
            )
        )
    return found


def _beside(each: Mapping[str, Any], zh: str, en: str, value: Decimal, found: Decimal, unit: str) -> Beside:
    return Beside(zh, en, value, found, unit, each["source"], each["verified"], each["tuned"])
