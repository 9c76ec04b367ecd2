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
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from engine import __version__
from engine.language.model import Rulebook
from engine.sweep import gap, gap_part, reports, since, split, straight, sums
from engine.sweep import manifest as manifests
from engine.sweep.checked import DRAWN, PLACE, Checker, open_states, rejects_query
from engine.sweep.columns import LEVELS, Columns, State
from engine.sweep.compile import Compiled, compile_sweep
from engine.sweep.dag import Level
from engine.sweep.duck import Duck
from engine.sweep.engines import Engine, sql_text
from engine.sweep.lookup import raw_household
from engine.sweep.manifest import Manifest
from engine.sweep.outputs import Wanted, masked_conditions, outputs, refusals, waiting, waits
from engine.sweep.queries import Script, columns_read, script
from engine.sweep.reading import text
from engine.sweep.since import Since
from engine.sweep.source import Mapped, SourceError, Table, files_of, table_of
from engine.sweep.straight import Straight
from engine.sweep.tables import TEXTS, Tables

CHUNK = 250_000
PARTS = ("households", "persons", "rejects", "gap", "sums", "missing", "digests")
KEYS: Mapping[Level, tuple[str, ...]] = {
    Level.HOUSEHOLD: ("household_id", PLACE, DRAWN),
    Level.MEMBER: ("household_id", "id", PLACE, DRAWN),
}


@dataclass(frozen=True, slots=True)
class Job:
    """What to sweep. `households` and `persons` name files, folders or patterns."""

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


class Stopped(Exception):
    """The sweep was asked to stop."""


Tell = Callable[[Step], None]


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


class Sweep:
    """One sweep. `run` does what is left of it; `stop` may be called from another thread."""

    def __init__(self, rulebook: Rulebook, job: Job, tell: Tell = lambda step: None):
        self.rulebook, self.job, self.tell = rulebook, job, tell
        self.columns = Columns.of(rulebook)
        self.work = job.out / ".work"
        self.connection = connect(job.memory_limit, job.threads, self.work)
        self.folded: dict[tuple[tuple[str, str], ...], Compiled] = {}
        self.scripts: dict[int, tuple[Compiled, Script]] = {}  # by the identity of what they are made of
        self.manifest = Manifest({})
        self.stopped = False
        self.since: Since | None = None
        self.digested: dict[str, list[str]] = {}
        self.kept = self.work / "kept"

    def stop(self) -> None:
        """End the query that is running; `run` then raises Stopped."""
        self.stopped = True
        self.connection.interrupt()

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

    # -- plans --

    def compiled(self, states: Mapping[str, State]) -> Compiled:
        """What the rules say where the columns are in these states; folded once for each."""
        key = tuple(sorted((name, state.value) for name, state in states.items()))
        if key not in self.folded:
            if len(self.folded) > 20:
                self.folded.clear()
                self.scripts.clear()
            self.folded[key] = compile_sweep(
                self.rulebook, self.job.on, states, self.job.jurisdictions, self.job.only, self.job.labels
            )
        return self.folded[key]

    def widest(self, household: Table, member: Table) -> tuple[Compiled, frozenset[str]]:
        """What the rules say where every column may have gaps, and the columns of the checked tables that they read."""
        found = self.compiled(open_states(household, member))
        made = outputs(found, Wanted(self.job.conditions))
        return found, columns_read(found, made, refusals(found), self.job.everyone, waiting(found))

    def plan(self, states: Mapping[str, State]) -> tuple[Compiled, Script]:
        """The statements for a chunk whose columns are in these states; made once for each."""
        found = self.compiled(states)
        key = id(found)
        if key not in self.scripts:
            self.scripts[key] = (
                found,
                script(
                    found,
                    outputs(found, Wanted(self.job.conditions)),
                    refusals(found),
                    KEYS,
                    self.job.everyone,
                    waiting(found),
                ),
            )
        return self.scripts[key]

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
        compiled, needed = self.widest(household, member)
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
        for name in (*PARTS, "sql"):
            (out / name).mkdir(parents=True, exist_ok=True)
            for half in (out / name).glob("*.part"):
                half.unlink()
        self.manifest.write(out)
        checker = Checker(self.connection, self.rulebook, self.columns, household, member, needed)
        left = [(number, cut) for number, cut in enumerate(cuts, 1) if str(number) not in self.manifest.done]
        with ThreadPoolExecutor(1) as reader:  # reads a chunk while the one before it is worked out
            ahead = [reader.submit(self.straight, checker, cut) for _, cut in left[:1]]
            for at, (number, cut) in enumerate(left, 1):
                self.step(number - 1, len(cuts), "check")
                quick = ahead.pop().result()
                ahead += [reader.submit(self.straight, checker, cut) for _, cut in left[at : at + 1]]
                self.chunk(number, cut, checker, quick)
        self.step(len(cuts), len(cuts), "report")
        if not self.manifest.finished:
            self.hand_on(compiled, len(cuts))
            sums.finish(self.connection, compiled, out)
            gap.finish(compiled, out, self.go_on)
            reports.finish(self.connection, self.rulebook, out)
            if self.since is not None:
                since.lists(self.connection, compiled, self.since, out, None if self.since.differs else self.kept)
                kept = sum(each["kept"] for each in self.manifest.done.values())
                self.manifest.about["since"] |= {"kept": kept, **since.counted(self.connection, out)}
            self.manifest.finished = True
            self.manifest.write(out)
        self.step(len(cuts), len(cuts), "done")
        for folder in self.work.glob("*"):
            shutil.rmtree(folder, ignore_errors=True)
        return self.manifest

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

    # -- one chunk --

    def chunk(self, number: int, cut: split.Cut, checker: Checker, quick: Straight | None) -> None:
        def step(what: str) -> None:
            self.step(number - 1, self.manifest.chunks, what)

        if quick:
            checker.clear()
        counts = quick.counts if quick else checker.load(cut.households.sql, cut.persons.sql)
        states = checker.states(quick.counted if quick else None)
        compiled, made = self.plan(states)
        spelled = sql_text(made, self.job.engine)
        plan = hashlib.sha256(spelled.encode()).hexdigest()[:12]
        if not (self.job.out / "sql" / f"{plan}.sql").exists():
            manifests.replace_text(self.job.out / "sql" / f"{plan}.sql", spelled)
        with self.parts(number, PARTS) as files, self.engine(quick.tables if quick else None) as engine:
            step("stages")
            if cannot := engine.refused(made):
                households, persons = quick.cannot_be(checker, cannot) if quick else checker.cannot_be(cannot)
                counts = replace(counts, households=households, persons=persons)
            engine.digests(self.digested, files["digests"])
            waited = engine.counts(made)
            kept = self.keep(number, files["digests"])
            if kept:
                engine.fewer(self.kept_of(number))
            step("answers")
            answers = engine.answer(
                made, {"household_answers": files["households"], "member_answers": files["persons"]}
            )
            if "member_answers" not in answers:  # no member policy is in force
                rows = f"SELECT {', '.join(KEYS[Level.MEMBER])} FROM member WHERE {self.job.everyone}"
                self.connection.execute(f"COPY ({rows}) TO {text(str(files['persons']))} (FORMAT parquet)")
            step("lists")
            self.connection.execute(f"COPY ({rejects_query()}) TO {text(str(files['rejects']))} (FORMAT parquet)")
            told = {
                level: answers.get(f"{level}_answers") or reports.Rows(files[folder], files["households"])
                for level, folder in reports.TABLE.items()
            }
            gap_part.gap(self.connection, compiled, told, files["gap"])
            sums.sums(self.connection, compiled, told, files["sums"])
            reports.missing(self.connection, waited, waits(compiled), files)
            engine.written()
        # at once, and before any query that a stop could end: a chunk whose files have their names is done
        gaps = sorted(name for name, state in states.items() if state is not State.KNOWN)
        self.manifest.done[str(number)] = {"counts": asdict(counts), "kept": kept, "plan": plan, "open": gaps}
        self.manifest.write(self.job.out)

    def made(self, household: Table, member: Table, needed: frozenset[str]) -> dict[str, list[str]]:
        """The columns of the two checked tables that a rule reads."""
        there = open_states(household, member)
        found: dict[str, list[str]] = {"household": [], "member": []}
        for column in self.columns.all():
            if column.name in needed and column.key in there:
                found[column.level].append(column.name)
        return found

    def keep(self, number: int, digests: Path) -> int:
        """Of a sweep since another: note the households that have not changed. How many."""
        if self.since is None or self.since.differs:
            return 0
        self.kept.mkdir(parents=True, exist_ok=True)
        return since.keep(self.connection, self.since, digests, self.kept_of(number))

    def kept_of(self, number: int) -> Path:
        return self.kept / f"part-{number:05d}.parquet"

    def hand_on(self, compiled: Compiled, chunks: int) -> None:
        if self.since is not None and not self.since.differs:
            since.hand_on(self.connection, compiled, self.since, self.kept, self.job.out, chunks)

    def straight(self, checker: Checker, cut: split.Cut) -> Straight | None:
        """The chunk in arrays, where the engine runs on them and nothing is wrong with any row."""
        if self.job.engine != "numpy":
            return None
        return straight.straight(checker, cut)

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
                    level: [c for c in found if c not in TEXTS[LEVELS[level]]] for level, found in self.digested.items()
                }
                tables = Tables.checked(self.connection, reads)
            return Arrays(self.connection, tables, self.go_on)
        return Duck(self.connection)

    def parts(self, number: int, folders: tuple[str, ...]) -> _Parts:
        return _Parts(self.job.out, number, folders)


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
    made = script(
        compiled, outputs(compiled, Wanted(conditions)), refusals(compiled), KEYS, everyone, waiting(compiled)
    )
    return sql_text(made, engine)


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
