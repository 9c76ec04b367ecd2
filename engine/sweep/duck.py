"""The statements on DuckDB, inside the process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np

from engine.sweep.checked import Refused
from engine.sweep.columns import HOUSEHOLD_KEY
from engine.sweep.digests import write_digests
from engine.sweep.queries import Script, Statement
from engine.sweep.reading import name, text
from engine.sweep.reports import PARQUET, Answers, Rows, parquet

DIALECT = "duckdb"


def create(statement: Statement) -> str:
    """The statement as it stands in a script: views are worked out where they are read, tables are kept."""
    if statement.keep == "answer":
        return statement.sql(DIALECT)
    kind = "VIEW" if statement.keep == "view" else "TABLE"
    return f"CREATE OR REPLACE TEMP {kind} {statement.name} AS\n{statement.sql(DIALECT)}"


def packed(table: str, query: str, columns: Sequence[str]) -> str:
    """Statements that keep a query as a table of one STRUCT column, and a view of its columns under `table`.

    Of every plain column of a table DuckDB sketches how many different values it has, which takes longer than keeping
    it; of the parts of a STRUCT it does not.
    """
    made = ", ".join(f"{name(column)} := {name(column)}" for column in columns)
    shown = ", ".join(f"packed.{name(column)} AS {name(column)}" for column in columns)
    return (
        f"CREATE OR REPLACE TEMP TABLE {table}_kept AS SELECT struct_pack({made}) AS packed FROM (\n{query}\n);\n"
        f"CREATE OR REPLACE TEMP VIEW {table} AS SELECT {shown} FROM {table}_kept"
    )


def by_fact(connection: duckdb.DuckDBPyConnection, query: str) -> Refused:
    """What a query (`hno`, `fact`; empty: nothing) gives, as the numbers by fact."""
    if not query:
        return {}
    found = connection.sql(query).fetchnumpy()
    facts, numbers = (np.ma.getdata(found[column]) for column in ("fact", HOUSEHOLD_KEY))
    return {str(fact): numbers[facts == fact] for fact in dict.fromkeys(facts)}


def leave_out(connection: duckdb.DuckDBPyConnection, kept: Path) -> None:
    """Take the households of a file out of the checked tables."""
    for rows in ("household_rows", "member_rows"):
        connection.execute(f"DELETE FROM {rows} WHERE household_id IN (SELECT household_id FROM {parquet(kept)})")


class Duck:
    """Runs a script over the tables of one connection; each stage is dropped once a later one has read it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection):
        self.connection = connection
        self.kept: list[str] = []  # tables
        self.views: list[str] = []

    def keep(self, statement: Statement) -> None:
        """Work a statement out and keep what it gives, under its name."""
        self.connection.execute(packed(statement.name, statement.sql(DIALECT), statement.columns))
        self.kept.append(statement.name)

    def drop(self, kept: str) -> None:
        self.connection.execute(f"DROP VIEW IF EXISTS {kept}")
        self.connection.execute(f"DROP TABLE IF EXISTS {kept}_kept")

    def refused(self, script: Script) -> Refused:
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
        return by_fact(self.connection, next((s.sql(DIALECT) for s in script.statements if s.name == "cannot_be"), ""))

    def digests(self, columns: Mapping[str, Sequence[str]], file: Path) -> None:
        write_digests(self.connection, columns, file)

    def answer(self, script: Script, to: Mapping[str, Path]) -> dict[str, Answers]:
        """Written at once, and read again for the lists and sums: to keep them as a table as well takes longer."""
        found: dict[str, Answers] = {}
        for statement in script.statements:
            if statement.name in to:
                path = to[statement.name]
                self.connection.execute(f"COPY (\n{statement.sql(DIALECT)}\n) TO {text(str(path))} ({PARQUET})")
                found[statement.name] = Rows(path, to["household_answers"])
        return found

    def counts(self, script: Script) -> dict[str, int]:
        found: dict[str, int] = {}
        for statement in script.statements:
            if statement.name.endswith("_counts"):
                result = self.connection.execute(statement.sql(DIALECT))
                names = [column[0] for column in result.description or ()]
                found |= {name: many or 0 for name, many in zip(names, result.fetchone() or (), strict=True)}
        return found

    def fewer(self, kept: Path) -> None:
        """The statements read the checked tables where they lie."""
        leave_out(self.connection, kept)

    def finish(self) -> None:
        for view in reversed(self.views):
            self.connection.execute(f"DROP VIEW IF EXISTS {view}")
        for kept in self.kept:
            self.drop(kept)
        self.views.clear()
        self.kept.clear()
