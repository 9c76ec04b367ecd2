"""What to sweep, and how a sweep ends early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from engine.sweep.source import Mapped

CHUNK = 131_072  # households: as many as their tables have to a row group, mostly


@dataclass(frozen=True, slots=True)
class Job:
    """What to sweep. `households` and `persons` name files, folders or patterns.

    threads  how many cores may be used; None: every one
    """

    households: str
    persons: str
    on: date
    out: Path
    mapped: Mapping[str, Mapped] = field(default_factory=dict)
    jurisdictions: frozenset[str] | None = None
    chunk: int = CHUNK
    memory_limit: str = "2GB"
    threads: int | None = None
    only: frozenset[str] | None = None  # policies
    conditions: bool = False
    everyone: bool = False
    engine: str = "numpy"
    master: str = "local[*]"
    since: Path | None = None  # the folder of an earlier sweep: what has not changed keeps its answers
    labels: frozenset[str] = frozenset()  # written beside the answers

    @property
    def work(self) -> Path:
        """What is needed only until the sweep has ended."""
        return self.out / ".work"

    @property
    def kept(self) -> Path:
        """Where the households of each chunk are noted that keep the answers they have."""
        return self.work / "kept"


class Stopped(Exception):
    """The sweep was asked to stop."""


def connect(memory_limit: str, threads: int | None, work: Path) -> duckdb.DuckDBPyConnection:
    """A session in memory that spills to `work` when it reaches its limit."""
    work.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(":memory:")
    for setting, value in (("memory_limit", memory_limit), ("temp_directory", str(work / "spill"))):
        connection.execute(f"SET {setting} = '{value.replace(chr(39), chr(39) * 2)}'")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET enable_progress_bar = false")  # it would write into what we print
    if threads is not None:
        connection.execute(f"SET threads = {threads}")
    return connection
