"""The statements on Spark: each stage kept as Parquet.

Needs pyspark and Java. ANSI mode is on, so that an overflow is an error and not a wrong number.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from engine.sweep.checked import Refused
from engine.sweep.digests import write_digests
from engine.sweep.duck import by_fact, leave_out
from engine.sweep.queries import Script, Statement
from engine.sweep.reports import Answers, Rows

DIALECT = "spark"


def create(statement: Statement) -> str:
    if statement.keep == "answer":
        return statement.sql(DIALECT)
    return f"CREATE OR REPLACE TEMPORARY VIEW {statement.name} AS\n{statement.sql(DIALECT)}"


def session(master: str = "local[*]", memory: str = "2g") -> Any:
    """A session as the sweep needs it. Raises ImportError where pyspark is not installed."""
    from pyspark.sql import SparkSession

    return (
        SparkSession.builder.master(master)
        .appName("jiuzhu sweep")
        .config("spark.sql.ansi.enabled", "true")
        .config("spark.driver.memory", memory)
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "8")
        .getOrCreate()
    )


class Spark:
    """Runs a script on Spark. The checked tables are handed over as Parquet in `work`.

    Every stage is written as Parquet and read again: a plan that holds all the stages before it grows beyond what
    Spark's analysis can bear.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, work: Path, spark: Any):
        self.connection, self.work, self.spark = connection, work, spark

    def _hand_over(self, as_: str = "") -> None:
        for name in ("household", "member"):
            path = self.work / f"{name}{as_}.parquet"
            self.connection.execute(f"COPY (SELECT * FROM {name}) TO '{path!s}' (FORMAT parquet)")
            self.spark.read.parquet(str(path)).createOrReplaceTempView(name)

    def refused(self, script: Script) -> Refused:
        self._hand_over()
        for statement in script.statements:
            if statement.keep == "answer":
                continue
            frame = self.spark.sql(statement.sql(DIALECT))
            if statement.keep == "table":
                path = str(self.work / statement.name)
                frame.write.mode("overwrite").parquet(path)
                frame = self.spark.read.parquet(path)
            frame.createOrReplaceTempView(statement.name)
        found = next((s for s in script.statements if s.name == "cannot_be"), None)
        if found is None:
            return {}
        path = str(self.work / "cannot_be")
        self.spark.sql(found.sql(DIALECT)).write.mode("overwrite").parquet(path)
        return by_fact(self.connection, f"SELECT * FROM read_parquet('{path}/*.parquet')")

    def digests(self, columns: Mapping[str, Sequence[str]], file: Path) -> None:
        write_digests(self.connection, columns, file)

    def answer(self, script: Script, to: Mapping[str, Path]) -> dict[str, Answers]:
        for statement in script.statements:
            if statement.name in to:
                folder = self.work / statement.name
                self.spark.sql(statement.sql(DIALECT)).coalesce(1).write.mode("overwrite").parquet(str(folder))
                (part,) = folder.glob("*.parquet")
                shutil.move(part, to[statement.name])
        return {s.name: Rows(to[s.name], to["household_answers"]) for s in script.statements if s.name in to}

    def counts(self, script: Script) -> dict[str, int]:
        found: dict[str, int] = {}
        for statement in script.statements:
            if statement.name.endswith("_counts"):
                row = self.spark.sql(statement.sql(DIALECT)).first().asDict()
                found |= {name: many or 0 for name, many in row.items()}
        return found

    def fewer(self, kept: Path) -> None:
        leave_out(self.connection, kept)
        self._hand_over("_left")  # beside the others, which the stages may still read

    def finish(self) -> None:
        for folder in self.work.glob("household_*"):
            shutil.rmtree(folder, ignore_errors=True)
        for folder in self.work.glob("pairs_*"):
            shutil.rmtree(folder, ignore_errors=True)
