"""The statements on DuckDB, inside the process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import duckdb

from engine.sweep.queries import Script, Statement
from engine.sweep.reading import text
from engine.sweep.reports import PARQUET

DIALECT = "duckdb"


def create(statement: Statement) -> str:
    """The statement as it stands in a script: views are worked out where they are read, tables are kept."""
    if statement.keep == "answer":
        return statement.sql(DIALECT)
    kind = "VIEW" if statement.keep == "view" else "TABLE"
    return f"CREATE OR REPLACE TEMP {kind} {statement.name} AS\n{statement.sql(DIALECT)}"


class Duck:
    """Runs a script over the tables of one connection; each stage is dropped once a later one has read it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection):
        self.connection = connection
        self.kept: list[Statement] = []

    def refused(self, script: Script) -> str:
        last = ""
        for statement in script.statements:
            if statement.keep == "answer":
                continue
            self.connection.execute(create(statement))
            self.kept.append(statement)
            if statement.keep == "table" and statement.name.startswith("household_"):
                if last:
                    self.connection.execute(f"DROP TABLE {last}")
                    self.kept = [s for s in self.kept if s.name != last]
                last = statement.name
        return next((s.sql(DIALECT) for s in script.statements if s.name == "cannot_be"), "")

    def answer(self, script: Script, to: Mapping[str, Path]) -> dict[str, str]:
        """The answers stay as tables until the chunk is done with: the lists and sums are made of them."""
        for statement in script.statements:
            if statement.name in to:
                self.connection.execute(
                    f"CREATE OR REPLACE TEMP TABLE {statement.name} AS\n{statement.sql(DIALECT)}"
                )
                self.kept.append(replace(statement, keep="table"))
                self.connection.execute(f"COPY {statement.name} TO {text(str(to[statement.name]))} ({PARQUET})")
        return {statement.name: statement.name for statement in script.statements if statement.name in to}

    def counts(self, script: Script) -> dict[str, int]:
        found: dict[str, int] = {}
        for statement in script.statements:
            if statement.name.endswith("_counts"):
                result = self.connection.execute(statement.sql(DIALECT))
                names = [column[0] for column in result.description or ()]
                found |= {name: many or 0 for name, many in zip(names, result.fetchone() or (), strict=True)}
        return found

    def fewer(self) -> None:
        """Nothing to do: the statements read the checked tables where they lie."""

    def finish(self) -> None:
        for statement in reversed(self.kept):
            self.connection.execute(
                f"DROP {'VIEW' if statement.keep == 'view' else 'TABLE'} IF EXISTS {statement.name}"
            )
        self.kept.clear()
