"""One chunk of a sweep decided: from the rows of two tables to the part files of its answers.

A process of its own may do this (see `engine/sweep/workers.py`): all that it needs is in a `Task`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from engine.language.model import Rulebook
from engine.language.uncollected import uncollected
from engine.sweep import gap_part, reports, since, split, straight, sums
from engine.sweep import manifest as manifests
from engine.sweep.checked import Checker, rejects_query
from engine.sweep.columns import LEVELS, Columns, State
from engine.sweep.dag import Level
from engine.sweep.duck import Duck
from engine.sweep.engines import Engine, sql_text
from engine.sweep.job import Job, Stopped
from engine.sweep.outputs import waits
from engine.sweep.plans import KEYS, Plans
from engine.sweep.reading import text
from engine.sweep.since import Since
from engine.sweep.source import Table
from engine.sweep.tables import TEXTS, Tables

PARTS = ("households", "persons", "rejects", "gap", "sums", "missing", "digests")


@dataclass(frozen=True, slots=True)
class Task:
    """What all chunks of a sweep have in common."""

    rulebook: Rulebook
    job: Job
    household: Table
    member: Table
    needed: frozenset[str]  # columns of the checked tables that some rule in force reads
    digested: Mapping[str, Sequence[str]]  # what goes into a digest
    since: Since | None  # an earlier sweep


class Decider:
    """Decides chunks, one after the other. `step` is told what is being done; `stop` may be called from elsewhere."""

    def __init__(
        self,
        task: Task,
        connection: duckdb.DuckDBPyConnection,
        work: Path,
        plans: Plans,
        step: Callable[[str], None] = lambda what: None,
    ):
        self.task, self.job, self.connection, self.work = task, task.job, connection, work
        self.plans, self.tell, self.stopped = plans, step, False
        rulebook = task.rulebook
        self.checker = Checker(connection, rulebook, Columns.of(rulebook), task.household, task.member, task.needed)

    def stop(self) -> None:
        """End the query that is running; what decides then raises Stopped."""
        self.stopped = True
        self.connection.interrupt()

    def go_on(self) -> None:
        """Raises Stopped once somebody asked for it."""
        if self.stopped:
            raise Stopped

    def step(self, what: str) -> None:
        self.tell(what)
        self.go_on()

    def decide(self, number: int, cut: split.Cut) -> dict[str, Any]:
        """Write the parts of a chunk, all or none; gives what the manifest says of it."""
        with uncollected():  # what a chunk needs is let go with it
            return self._decide(number, cut)

    def _decide(self, number: int, cut: split.Cut) -> dict[str, Any]:
        self.step("check")
        quick = straight.straight(self.checker, cut) if self.job.engine == "numpy" else None
        if quick:
            self.checker.clear()
        counts = quick.counts if quick else self.checker.load(cut.households.sql, cut.persons.sql)
        states = self.checker.states(quick.counted if quick else None)
        compiled, made = self.plans.plan(states)
        spelled = sql_text(made, self.job.engine)
        plan = hashlib.sha256(spelled.encode()).hexdigest()[:12]
        if not (self.job.out / "sql" / f"{plan}.sql").exists():
            manifests.replace_text(self.job.out / "sql" / f"{plan}.sql", spelled)
        with _Parts(self.job.out, number, PARTS) as files, self.engine(quick.tables if quick else None) as engine:
            self.step("stages")
            if cannot := engine.refused(made):
                households, persons = (
                    quick.cannot_be(self.checker, cannot) if quick else self.checker.cannot_be(cannot)
                )
                counts = replace(counts, households=households, persons=persons)
            engine.digests(self.task.digested, files["digests"])
            waited = engine.counts(made)
            kept = self.keep(number, files["digests"])
            if kept:
                engine.fewer(kept_of(self.job, number))
            self.step("answers")
            answers = engine.answer(
                made, {"household_answers": files["households"], "member_answers": files["persons"]}
            )
            if "member_answers" not in answers:  # no member policy is in force
                rows = f"SELECT {', '.join(KEYS[Level.MEMBER])} FROM member WHERE {self.job.everyone}"
                self.connection.execute(f"COPY ({rows}) TO {text(str(files['persons']))} (FORMAT parquet)")
            self.step("lists")
            self.connection.execute(f"COPY ({rejects_query()}) TO {text(str(files['rejects']))} (FORMAT parquet)")
            told = {
                level: answers.get(f"{level}_answers") or reports.Rows(files[folder], files["households"])
                for level, folder in reports.TABLE.items()
            }
            gap_part.gap(self.connection, compiled, told, files["gap"])
            sums.sums(self.connection, compiled, told, files["sums"])
            reports.missing(self.connection, waited, waits(compiled), files)
        gaps = sorted(name for name, state in states.items() if state is not State.KNOWN)
        return {"counts": asdict(counts), "kept": kept, "plan": plan, "open": gaps}

    def keep(self, number: int, digests: Path) -> int:
        """Of a sweep since another: note the households that have not changed. How many."""
        if self.task.since is None or self.task.since.differs:
            return 0
        kept = kept_of(self.job, number)
        kept.parent.mkdir(parents=True, exist_ok=True)
        return since.keep(self.connection, self.task.since, digests, kept)

    @contextmanager
    def engine(self, tables: Tables | None) -> Iterator[Engine]:
        """What runs the script of a chunk; at the end it forgets the chunk."""
        engine = self.engine_for(tables)
        try:
            yield engine
        finally:
            engine.finish()

    def engine_for(self, tables: Tables | None) -> Engine:
        if self.job.engine == "spark":
            from engine.sweep.spark import Spark, session

            return Spark(self.connection, self.work, session(self.job.master))
        if self.job.engine == "numpy":
            from engine.sweep.arrays import Arrays

            if tables is None:
                reads = {
                    level: [c for c in found if c not in TEXTS[LEVELS[level]]]
                    for level, found in self.task.digested.items()
                }
                tables = Tables.checked(self.connection, reads)
            return Arrays(self.connection, tables, self.go_on)
        return Duck(self.connection)


def kept_of(job: Job, number: int) -> Path:
    """Where the households of a chunk are noted that keep the answers they have."""
    return job.kept / f"part-{number:05d}.parquet"


class _Parts:
    """The files of a chunk under their working names; they get their own all together, or go."""

    def __init__(self, out: Path, number: int, folders: tuple[str, ...]):
        self.whole = {folder: out / folder / f"part-{number:05d}.parquet" for folder in folders}
        self.half = {folder: path.with_name(path.name + ".part") for folder, path in self.whole.items()}

    def __enter__(self) -> dict[str, Path]:
        return self.half

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        for folder, half in self.half.items():
            if kind is None and half.exists():
                half.replace(self.whole[folder])
            else:
                half.unlink(missing_ok=True)

