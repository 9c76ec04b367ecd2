"""A sweep from two tables to a folder of answers, chunk by chunk.

    manifest.json            what was swept, under which rules, which chunks are done
    households/part-*        one row for each household decided        persons/part-*   one row for each person
                             for whom some policy is not ineligible (or, on request, for everyone)
    rejects/part-*           rows set aside, with the reason            sql/*.sql        the statements that were run
    gap/part-*  sums/part-*  missing/part-*                             what the lists at the end are made of
    summary.csv, gap.parquet, missing.csv, rejects.csv                  made at the end, from the parts

A file gets its name once it is whole. Stopping at any moment leaves whole chunks and a manifest that says which.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from engine import __version__
from engine.language.model import Rulebook
from engine.sweep import gap, reports, since, split, sums
from engine.sweep import manifest as manifests
from engine.sweep.checked import open_states
from engine.sweep.chunk import PARTS, Decider, Task
from engine.sweep.columns import Columns, State
from engine.sweep.compile import Compiled, compile_sweep
from engine.sweep.engines import sql_text
from engine.sweep.job import CHUNK, Job, Stopped, connect
from engine.sweep.lookup import raw_household
from engine.sweep.manifest import Manifest
from engine.sweep.outputs import masked_conditions
from engine.sweep.plans import Plans, written
from engine.sweep.since import Since
from engine.sweep.source import Mapped, SourceError, Table, files_of, table_of
from engine.sweep.workers import Lost, Workers, limit_of, processes

# How much of a chunk lies behind it when a part of the work begins, as measured.
SHARES = {"check": 0.0, "stages": 0.35, "answers": 0.6, "lists": 0.8}


@dataclass(frozen=True, slots=True)
class Step:
    """Where a sweep is: `done` of `chunks`, and what it is doing."""

    done: int
    chunks: int
    what: str

    @property
    def share(self) -> float:
        """How much of the whole is done, from 0 to 1."""
        return min(1.0, (self.done + SHARES.get(self.what, 0.0)) / self.chunks) if self.chunks else 0.0


class OtherSweep(Exception):
    """The folder holds another sweep; `differs` says in what."""

    def __init__(self, differs: tuple[str, ...]):
        self.differs = differs
        super().__init__(", ".join(differs))


Tell = Callable[[Step], None]


class Sweep:
    """One sweep. `run` does what is left of it; `stop` may be called from another thread."""

    def __init__(self, rulebook: Rulebook, job: Job, tell: Tell = lambda step: None):
        self.rulebook, self.job, self.tell = rulebook, job, tell
        self.columns, self.plans = Columns.of(rulebook), Plans(rulebook, job)
        self.work = job.work
        self.connection = connect(job.memory_limit, job.threads, self.work)
        self.manifest = Manifest({})
        self.stopped = False
        self.deciding: Decider | Workers | None = None
        self.since: Since | None = None
        self.digested: dict[str, list[str]] = {}

    def stop(self) -> None:
        """End the query that is running; `run` then raises Stopped."""
        self.stopped = True
        self.connection.interrupt()
        if self.deciding is not None:
            self.deciding.stop()

    def step(self, done: int, chunks: int, what: str) -> None:
        self.tell(Step(done, chunks, what))
        self.go_on()

    def go_on(self) -> None:
        """Raises Stopped once somebody asked for it."""
        if self.stopped:
            raise Stopped

    def close(self) -> None:
        self.connection.close()
        shutil.rmtree(self.work / "spill", ignore_errors=True)

    # -- the whole --

    def tables(self, copied: bool = True) -> tuple[Table, Table]:
        """The two tables as they lie; with `copied`, CSV is copied to Parquet first."""
        found: list[Table] = []
        reasons: list[tuple[str, str]] = []
        for level, pattern in (("household", self.job.households), ("member", self.job.persons)):
            try:
                files = files_of(pattern)
                copy = copied and files[0].endswith(".csv")
                if copy:
                    self.step(0, 0, "read")
                    files = split.as_parquet(self.connection, files, self.work / f"{level}_csv")
                described = self.connection.execute(f"DESCRIBE {split.relation(files, copy)}").fetchall()
                kinds = {str(row[0]): str(row[1]) for row in described if row[0] not in ("file_", "row_")}
                table = table_of(self.rulebook, level, files, kinds, self.job.mapped.get(level, Mapped()))
                found.append(replace(table, copied=copy))
            except SourceError as error:
                reasons += error.reasons
            except duckdb.Error as error:
                first = str(error).splitlines()[0]
                reasons.append((f"{pattern}: {first}", f"{pattern}：{first}"))
        if reasons:
            raise SourceError(reasons)
        return found[0], found[1]

    def same(self) -> dict[str, Any]:
        """All that must not change while a sweep is taken up again."""
        job = self.job
        inputs = [*files_of(job.households), *files_of(job.persons)]
        mapped = hashlib.sha256(repr(sorted((k, asdict(v)) for k, v in job.mapped.items())).encode()).hexdigest()
        return {
            "rulebook": self.rulebook.digest,
            "on": job.on.isoformat(),
            "engine": __version__,
            "duckdb": duckdb.__version__,
            "inputs": manifests.fingerprint(inputs),
            "mapping": mapped,
            "chunk": job.chunk,
            "conditions": job.conditions,
            "everyone": job.everyone,
            "jurisdictions": sorted(job.jurisdictions) if job.jurisdictions else None,
            "only": sorted(job.only) if job.only is not None else None,
            "labels": sorted(job.labels),
            "run_on": job.engine,
            "since": _identity(job.since),
        }

    def run(self) -> Manifest:
        """Sweep what is left.

        Raises SourceError, OtherSweep, NoEarlierSweep or CannotSweep before anything is written, Stopped at any time.
        """
        try:
            return self._run()
        except duckdb.InterruptException:
            raise Stopped from None

    def _run(self) -> Manifest:
        out = self.job.out
        same, before = self.same(), manifests.read(out)
        if before is not None and before.same != same:
            raise OtherSweep(tuple(k for k in same if before.same.get(k) != same[k]))
        household, member = self.tables()
        compiled, needed = self.plans.widest(household, member)
        self.digested = since.digested(self.made(household, member, needed))
        cuts = split.chunks_of(
            self.connection, household, member, self.job.chunk, self.work, lambda what: self.step(0, 0, what)
        )
        self.manifest = before or Manifest(same)
        self.manifest.chunks = len(cuts)
        self.manifest.about = self.about(household, member, compiled)
        if self.job.since is not None:
            self.since = since.earlier(self.job.since, same, self.digested)
            self.manifest.about["since"] = {"folder": os.path.abspath(self.job.since), "differs": self.since.differs}
        for name in (".", *PARTS, "sql"):
            (out / name).mkdir(parents=True, exist_ok=True)
            for half in (out / name).glob("*.part"):
                half.unlink()
        self.manifest.write(out)
        task = Task(self.rulebook, self.job, household, member, needed, self.digested, self.since)
        self.chunks(task, cuts)
        self.step(len(cuts), len(cuts), "report")
        if not self.manifest.finished:
            self.hand_on(compiled, len(cuts))
            sums.finish(self.connection, compiled, out)
            gap.finish(compiled, out, self.go_on)
            reports.finish(self.connection, self.rulebook, out)
            if self.since is not None:
                since.lists(self.connection, compiled, self.since, out, None if self.since.differs else self.job.kept)
                kept = sum(each["kept"] for each in self.manifest.done.values())
                self.manifest.about["since"] |= {"kept": kept, **since.counted(self.connection, out)}
            self.manifest.finished = True
            self.manifest.write(out)
        self.step(len(cuts), len(cuts), "done")
        for folder in self.work.glob("*"):
            shutil.rmtree(folder, ignore_errors=True)
        return self.manifest

    def chunks(self, task: Task, cuts: list[split.Cut]) -> None:
        """Decide the chunks that are not done yet: here, or in processes of their own."""
        left = [number for number in range(1, len(cuts) + 1) if str(number) not in self.manifest.done]
        limit = limit_of(self.connection)
        many = processes(self.job, limit, len(left))
        if many > 1:
            self.deciding = workers = Workers(task, many, limit)
            self.step(len(self.manifest.done), len(cuts), "decide")
            found = workers.decide(left)
        else:

            def step(what: str) -> None:
                self.step(len(self.manifest.done), len(cuts), what)

            self.deciding = here = Decider(task, self.connection, self.work, self.plans, step)
            found = ((number, here.decide(number, cuts[number - 1])) for number in left)
        with closing(found):
            self.done(found, many > 1)
        self.deciding = None

    def done(self, found: Iterable[tuple[int, dict[str, Any]]], together: bool) -> None:
        """Note each chunk at once, and before anything that a stop could end: its files have their names."""
        for number, said in found:
            self.manifest.done[str(number)] = said
            self.manifest.done = dict(sorted(self.manifest.done.items(), key=lambda chunk: int(chunk[0])))
            self.manifest.write(self.job.out)
            if together:
                self.step(len(self.manifest.done), self.manifest.chunks, "decide")

    def about(self, household: Table, member: Table, compiled: Compiled) -> dict[str, Any]:
        """What a reader of the answers needs: where the rows came from, what was not read, what the masks mean."""
        return {
            "households": os.path.abspath(self.job.households),
            "persons": os.path.abspath(self.job.persons),
            "mapping": {level: asdict(mapped) for level, mapped in self.job.mapped.items()},
            "columns_not_read": {"households": household.ignored, "persons": member.ignored},
            "facts_without_column": [*household.absent, *member.absent],
            "digest_of": self.digested,
            "not_in_force": list(compiled.not_in_force),
            "conditions": {a.policy.id: masked_conditions(a) for a in compiled.answers} if self.job.conditions else {},
        }

    def made(self, household: Table, member: Table, needed: frozenset[str]) -> dict[str, list[str]]:
        """The columns of the two checked tables that a rule reads."""
        there = open_states(household, member)
        found: dict[str, list[str]] = {"household": [], "member": []}
        for column in self.columns.all():
            if column.name in needed and column.key in there:
                found[column.level].append(column.name)
        return found

    def hand_on(self, compiled: Compiled, chunks: int) -> None:
        if self.since is not None and not self.since.differs:
            since.hand_on(self.connection, compiled, self.since, self.job.kept, self.job.out, chunks)


def _identity(folder: Path | None) -> str | None:
    """Which earlier sweep a folder holds."""
    if folder is None:
        return None
    found = manifests.read(folder)
    if found is None or not found.finished:
        raise since.NoEarlierSweep(str(folder))
    return hashlib.sha256(json.dumps([found.same, found.done], sort_keys=True).encode()).hexdigest()


def sql_of(
    rulebook: Rulebook,
    on: date,
    engine: str,
    gaps: bool,
    jurisdictions: frozenset[str] | None,
    only: frozenset[str] | None,
    conditions: bool = False,
    everyone: bool = False,
) -> str:
    """The whole script, for tables in which every fact has a column: without gaps, or with gaps in every one."""
    state = State.GAPS if gaps else State.KNOWN
    states = {fact.name: state for fact in rulebook.facts.values()} | {
        f"receiving:{level}": state for level in ("household", "member")
    }
    compiled = compile_sweep(rulebook, on, states, jurisdictions, only)
    return sql_text(written(compiled, conditions, everyone), engine)


def look_up(rulebook: Rulebook, found: Manifest, household_id: str) -> dict[str, Any] | None:
    """One household of a sweep as it stands in the tables, as plain data; None where it is not there.

    Raises SourceError where the tables are gone or cannot be read any more.
    """
    mapping = {level: Mapped(each["columns"], each["values"]) for level, each in found.about["mapping"].items()}
    with TemporaryDirectory() as folder:
        job = Job(
            found.about["households"],
            found.about["persons"],
            date.fromisoformat(found.same["on"]),
            Path(folder),
            mapping,
        )
        one = Sweep(rulebook, job)
        try:
            return raw_household(one.connection, *one.tables(copied=False), household_id)
        except duckdb.Error as error:  # a table that is no longer what it was
            first = str(error).splitlines()[0]
            raise SourceError(
                [(f"{job.households}, {job.persons}: {first}", f"{job.households}、{job.persons}：{first}")]
            ) from None
        finally:
            one.close()


def changed(found: Manifest) -> bool:
    """Whether the tables of a sweep have changed since. Raises SourceError where they are gone."""
    files = [*files_of(found.about["households"]), *files_of(found.about["persons"])]
    return bool(manifests.fingerprint(files) != found.same["inputs"])


def set_aside(folder: Path, household_id: str) -> list[tuple[str, int, str, str, str]]:
    """Why a household was not decided: (table, row, column, Chinese, English) of each of its rows set aside."""
    if not list((folder / "rejects").glob("part-*.parquet")):
        return []
    query = (
        'SELECT "table", row, coalesce("column", \'\'), reason_zh, reason_en '
        f"FROM {reports.parquet(folder / 'rejects' / 'part-*.parquet')} "
        "WHERE household_id = ? AND reason <> 'with-its-household' ORDER BY ALL"
    )
    with duckdb.connect() as connection:
        return [
            (str(t), int(r), str(c), str(zh), str(en))
            for t, r, c, zh, en in connection.execute(query, [household_id]).fetchall()
        ]


__all__ = [
    "CHUNK",
    "Job",
    "Lost",
    "OtherSweep",
    "Step",
    "Stopped",
    "Sweep",
    "changed",
    "connect",
    "look_up",
    "set_aside",
    "sql_of",
]
