"""What every table engine must do: spell the statements and run them over the checked tables of one chunk.

A new engine is one file like `duck.py` or `spark.py`, and one row in `ENGINES`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from engine.sweep.checked import Refused
from engine.sweep.queries import Script
from engine.sweep.reports import Answers


class Engine(Protocol):
    """Runs a script. The checked tables of the chunk are `household` and `member` of the DuckDB session that checks."""

    def refused(self, script: Script) -> Refused:
        """Work out the stages. Gives the households whose facts cannot be, of facts of which there are some."""
        ...

    def digests(self, columns: Mapping[str, Sequence[str]], file: Path) -> None:
        """Write a digest of what these columns (by level) say of each household decided."""
        ...

    def answer(self, script: Script, to: Mapping[str, Path]) -> dict[str, Answers]:
        """Write the answers as Parquet: statement name -> file.

        Gives where they can be read until `finish`, by statement name.
        """
        ...

    def counts(self, script: Script) -> dict[str, int]:
        """The counted columns: name -> number."""
        ...

    def fewer(self, kept: Path) -> None:
        """Leave out the households of this file (Parquet, `household_id`): they keep the answers they have."""
        ...

    def finish(self) -> None:
        """Forget the stages of the chunk."""
        ...


# The engines, and in which dialect of SQL each says what it does.
DIALECTS = {"numpy": "duckdb", "duckdb": "duckdb", "spark": "spark"}


def sql_text(script: Script, engine: str) -> str:
    """The whole script as an auditor reads and runs it."""
    from engine.sweep.duck import create as duck_create
    from engine.sweep.spark import create as spark_create

    create = {"duckdb": duck_create, "spark": spark_create}[DIALECTS[engine]]
    parts = []
    for statement in script.statements:
        parts.append(f"-- {statement.name}: {statement.about}\n{create(statement)};")
    return "\n\n".join(parts) + "\n"
