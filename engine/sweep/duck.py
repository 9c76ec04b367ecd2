"""The statements on DuckDB, inside the process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from engine.sweep.queries import Script, Statement
from engine.sweep.reading import name, text
from engine.sweep.reports import PARQUET, Rows

DIALECT = "duckdb"


def create(statement: Statement) -> str:
    """The statement as it stands in a script: views are worked out where they are read, tables are kept."""
    if statement.keep == "answer":
        return statement.sql(DIALECT)
    kind = "VIEW" if statement.keep == "view" else "TABLE"
    return f"CREATE OR REPLACE TEMP {kind} {statement.name} AS\n{statement.sql(DIALECT)}"


def packed(table: str, query: str, columns: Sequence[str], apart: Sequence[str] = ()) -> str:
    """Statements that keep a query as a table of one STRUCT column, and a view of its columns under `table`.

    Of every plain column of a table DuckDB sketches how many different values it has, which takes longer than keeping
    it; of the parts of a STRUCT it does not. `apart` stay plain: columns by which rows are looked for.
    """
    plain = [name(column) for column in columns if column in apart]
    rest = [name(column) for column in columns if column not in apart]
    made = ", ".join([*plain, f"struct_pack({', '.join(f'{column} := {column}' for column in rest)}) AS packed"])
    shown = ", ".join(name(c) if c in apart else f"packed.{name(c)} AS {name(c)}" for c in columns)
    return (
        f"CREATE OR REPLACE TEMP TABLE {table}_kept AS SELECT {made} FROM (\n{query}\n);\n"
        f"CREATE OR REPLACE TEMP VIEW {table} AS SELECT {shown} FROM {table}_kept"
    )


class Duck:
    """Runs a script over the tables of one connection; each stage is dropped once a later one has read it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection):
        self.connection = connection
        self.kept: list[str] = []  # tables
        self.views: list[str] = []

    def keep(self, statement: Statement, apart: Sequence[str] = ()) -> None:
        """Work a statement out and keep what it gives, under its name."""
        self.connection.execute(packed(statement.name, statement.sql(DIALECT), statement.columns, apart))
        self.kept.append(statement.name)

    def drop(self, kept: str) -> None:
        self.connection.execute(f"DROP VIEW IF EXISTS {kept}")
        self.connection.execute(f"DROP TABLE IF EXISTS {kept}_kept")

    def refused(self, script: Script) -> str:
        last = ""
        for statement in script.statements:
            if statement.keep == "view":
                self.connection.execute(create(statement))
                self.views.append(statement.name)
            elif statement.keep == "table":
                self.keep(statement)
                if statement.name.startswith("household_"):
                    if last:
                        self.kept.remove(last)
                        self.drop(last)
                    last = statement.name
        return next((s.sql(DIALECT) for s in script.statements if s.name == "cannot_be"), "")

    def answer(self, script: Script, to: Mapping[str, Path]) -> dict[str, Rows]:
        """The answers stay as tables until the chunk is done with: the lists and sums are made of them."""
        found: dict[str, Rows] = {}
        for statement in script.statements:
            if statement.name in to:
                apart = [column for column in statement.columns if column.endswith("__status")]
                self.keep(statement, apart)
                self.connection.execute(f"COPY {statement.name} TO {text(str(to[statement.name]))} ({PARQUET})")
                found[statement.name] = Rows(f"{statement.name}_kept", frozenset(statement.columns) - frozenset(apart))
        return found

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
        for view in reversed(self.views):
            self.connection.execute(f"DROP VIEW IF EXISTS {view}")
        for kept in self.kept:
            self.drop(kept)
        self.views.clear()
        self.kept.clear()
