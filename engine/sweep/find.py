"""Finds households by label: each test is yes, no or not known of a household, and all of them together are again.

A label of members is carried by a household if some member carries it. With `same_person` all labels of members must
fall on one and the same member.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.language.model import Rulebook
from engine.sweep import split
from engine.sweep.checked import PLACE, Checker
from engine.sweep.compile import Compiled
from engine.sweep.duck import DIALECT, Duck
from engine.sweep.outputs import label_column
from engine.sweep.queries import Script
from engine.sweep.reading import text
from engine.sweep.run import Job, Step, Sweep
from engine.sweep.source import Table


@dataclass(frozen=True, slots=True)
class Test:
    """A label that must be carried, or must not."""

    label: str
    wanted: bool = True


@dataclass(slots=True)
class Found:
    """How many households were looked at, fit, may fit, and were set aside because a fact that is read is wrong.

    by_place  subdistrict -> (households that fit, households that may)
    """

    households: int = 0
    fit: int = 0
    not_known: int = 0
    set_aside: int = 0
    by_place: dict[str | None, tuple[int, int]] = field(default_factory=dict)
    first: list[dict[str, Any]] = field(default_factory=list)


COLUMNS = ("household_id", PLACE, "found", "persons")


class Finder:
    """One search over two tables. `job.labels` are the labels named by `tests`; `job.out` a folder to work in."""

    def __init__(
        self,
        rulebook: Rulebook,
        job: Job,
        tests: tuple[Test, ...],
        same_person: bool = False,
        tell: Callable[[Step], None] = lambda step: None,
    ):
        wanted = frozenset(test.label for test in tests)
        self.sweep = Sweep(rulebook, replace(job, only=frozenset(), labels=wanted, everyone=True), tell)
        self.tests, self.same_person = tests, same_person
        self.levels = {label.id: label.level for label in rulebook.labels}

    def stop(self) -> None:
        self.sweep.stop()

    def close(self) -> None:
        self.sweep.close()

    def run(self, to: Path | None = None, first: int = 20) -> Found:
        """Look at every household; write all that fit or may fit to `to` (CSV), and keep the first few that fit.

        Raises SourceError, CannotSweep, and duckdb.InterruptException where it was stopped.
        """
        one = self.sweep
        household, member = one.tables()
        compiled, needed = one.plans.widest(household, member)
        keys = {column.key for column in one.columns.all() if column.name in needed}
        household, member = narrowed(household, keys), narrowed(member, keys)
        cuts = split.chunks_of(one.connection, household, member, one.job.chunk, one.work, self.say)
        checker = Checker(one.connection, one.rulebook, one.columns, household, member, needed)
        found = Found()
        one.connection.execute(
            "CREATE OR REPLACE TABLE hits (household_id VARCHAR, place VARCHAR, found TINYINT, persons VARCHAR)"
        )
        for number, cut in enumerate(cuts):
            one.step(number, len(cuts), "check")
            counts = checker.load(cut.households.sql, cut.persons.sql)
            compiled, made = one.plans.plan(checker.states())
            one.step(number, len(cuts), "answers")
            self.chunk(compiled, made, checker)
            left = checker.one("SELECT count(*) FROM household")
            found.households += left
            found.set_aside += counts.households_read - left
        self.sum_up(found, first)
        if to is not None:
            self.write(to)
        one.step(len(cuts), len(cuts), "done")
        return found

    def say(self, what: str) -> None:
        self.sweep.step(0, 0, what)

    def chunk(self, compiled: Compiled, made: Script, checker: Checker) -> None:
        engine = Duck(self.sweep.connection)
        try:
            cannot = engine.refused(made)
            if cannot:
                checker.cannot_be(cannot)
            answers = {s.name: s.sql(DIALECT) for s in made.statements if s.name.endswith("_answers")}
            self.sweep.connection.execute(f"INSERT INTO hits {self.hits(compiled, answers)}")
        finally:
            engine.finish()

    def hits(self, compiled: Compiled, answers: dict[str, str]) -> str:
        """The households that fit (2) or may fit (1), with the members on whom the labels of members fall."""
        there = {answer.policy.id for answer in compiled.labels}
        tests = [test for test in self.tests if test.label in there]
        members = [test for test in tests if self.levels[test.label] == "member"]
        wholes = [_value("h", test) for test in tests if self.levels[test.label] == "household"]
        # before its figures are known a label is not known of anybody
        wholes += ["1"] * (len(self.tests) - len(tests))
        if not members:
            value = _least(wholes)
            query = (
                f"SELECT household_id, {PLACE}, {value} AS found, NULL AS persons FROM "
                f"({answers['household_answers']}) h"
            )
        else:
            together = _least([_value("m", test) for test in members])
            each = (
                [f"max({together})"]
                if self.same_person
                else [f"max({_value('m', t)})" if t.wanted else f"min({_value('m', t)})" for t in members]
            )
            on_them = together if self.same_person else _most([_value("m", t) for t in members if t.wanted] or ["0"])
            listed = f"array_to_string(list_sort(list(id) FILTER ({on_them} = 2)), ';')"
            per = (
                f"SELECT household_id, {_least(each)} AS value, {listed} AS persons FROM "
                f"({answers['member_answers']}) m GROUP BY household_id"
            )
            value = _least([*wholes, "p.value"])
            query = (
                f"SELECT h.household_id, h.{PLACE}, {value} AS found, p.persons FROM "
                f"({answers['household_answers']}) h "
                f"JOIN ({per}) p ON p.household_id = h.household_id"
            )
        return f"SELECT household_id, {PLACE}, found::TINYINT, persons FROM ({query}) WHERE found > 0"

    def sum_up(self, found: Found, first: int) -> None:
        run = self.sweep.connection.execute
        for place, fit, may in run(
            f"SELECT {PLACE}, count(*) FILTER (found = 2), count(*) FILTER (found = 1) FROM hits "
            "GROUP BY 1 ORDER BY 2 DESC, 1"
        ).fetchall():
            found.by_place[place] = fit, may
            found.fit += fit
            found.not_known += may
        rows = run(
            f"SELECT household_id, {PLACE}, persons FROM hits WHERE found = 2 ORDER BY household_id LIMIT {first}"
        ).fetchall()
        found.first = [
            {"household_id": h, "subdistrict": p, "persons": (who or "").split(";") if who else []}
            for h, p, who in rows
        ]

    def write(self, to: Path) -> None:
        """All that fit or may fit, sorted by id, as CSV; whole or not at all."""
        half = to.with_name(to.name + ".part")
        self.sweep.connection.execute(
            f"COPY (SELECT household_id, {PLACE} AS subdistrict, CASE found WHEN 2 THEN 'yes' "
            "ELSE 'unknown' END AS found, persons "
            f"FROM hits ORDER BY household_id) TO {text(str(half))} (FORMAT csv, HEADER)"
        )
        half.replace(to)


def _value(table: str, test: Test) -> str:
    column = f"{table}.{label_column(test.label)}"
    return column if test.wanted else f"(2 - {column})"


def _least(values: list[str]) -> str:
    return f"least({', '.join(values)})" if len(values) > 1 else values[0]


def _most(values: list[str]) -> str:
    return f"greatest({', '.join(values)})" if len(values) > 1 else values[0]


def narrowed(table: Table, keys: set[str]) -> Table:
    """The table with only the facts that are read, so that a search over a city takes seconds; and the subdistrict."""
    reads = tuple(read for read in table.reads if read.fact.name in keys or read.fact.name == "subdistrict")
    return replace(table, reads=reads, receiving=table.receiving if f"receiving:{table.level}" in keys else "")
