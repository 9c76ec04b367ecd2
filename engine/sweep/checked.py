"""From the rows of two tables to the checked tables of one chunk: typed, numbered, and without whatever is in doubt.

A household is decided as a whole or not at all: where a row of it is set aside, all its rows are. Every row read is
either in a checked table or among the rejects, with a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from engine.language.household import MOST_MEMBERS
from engine.language.model import Rulebook
from engine.language.types import Base
from engine.sweep.columns import HOUSEHOLD_KEY, MEMBER_KEY, Columns, State
from engine.sweep.reading import ID, Reading, name, readings, text, worked_out
from engine.sweep.source import Table
from engine.sweep.words import REASONS, reason

PLACE = "place"  # the subdistrict, by which the summary is split; no rule reads it
DRAWN = "receiving"  # what is received, as text; the rules read one truth a policy
Counted = Callable[[Table, Sequence[str]], Sequence[Any]]
Refused = Mapping[str, Any]  # by fact the numbers (`hno`) of the households of which it cannot be
Reject = tuple[str, str | None, int, str | None, str | None, str | None, str]  # a row of the table `rejects`
REJECTS = {
    "tbl": pa.string(),
    "file": pa.string(),
    "line": pa.int64(),
    "household_id": pa.string(),
    "id": pa.string(),
    "col": pa.string(),
    "reason": pa.string(),
}


def impossible(fact: str) -> str:
    """Why a household is set aside of which a fact cannot be."""
    return "nobody-counts" if fact == "size" else "cannot-be"


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows read and decided. `unreadable` lines of a CSV file are told apart: nobody knows whose they are."""

    households_read: int = 0
    persons_read: int = 0
    households: int = 0
    persons: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.households_read + other.households_read,
            self.persons_read + other.persons_read,
            self.households + other.households,
            self.persons + other.persons,
        )


@dataclass(slots=True)
class Checker:
    """Makes the checked tables `household` and `member` of a chunk, and the table `rejects`."""

    connection: duckdb.DuckDBPyConnection
    rulebook: Rulebook
    columns: Columns
    household: Table
    member: Table
    needed: frozenset[str]  # columns of the checked tables that some rule in force reads; the others are checked only
    readings: dict[str, list[Reading]] = field(default_factory=dict)
    drawn: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for table in (self.household, self.member):
            self.readings[table.level], self.drawn[table.level] = readings(table, self.rulebook, self.columns)

    def run(self, query: str) -> list[tuple[object, ...]]:
        return self.connection.execute(query).fetchall()

    def one(self, query: str) -> int:
        found = self.run(query)[0][0]
        assert isinstance(found, int)
        return found

    # -- the tables of a chunk --

    def clear(self) -> None:
        """No rejects yet."""
        self.run(
            "CREATE OR REPLACE TABLE rejects(tbl VARCHAR, file VARCHAR, line BIGINT, "
            "household_id VARCHAR, id VARCHAR, col VARCHAR, reason VARCHAR)"
        )

    def load(self, households: str, persons: str) -> Counts:
        """Check the rows of two relations (SQL text; with columns `file_` and `row_`)."""
        self.clear()
        for table, rows, key in ((self.household, households, HOUSEHOLD_KEY), (self.member, persons, MEMBER_KEY)):
            self.run(f"CREATE OR REPLACE TABLE {table.level}_rows AS {self.typed(table, rows)}")
            shown = f"rowid AS {key}, household_id, packed.*"
            self.run(f"CREATE OR REPLACE VIEW {table.level} AS SELECT {shown} FROM {table.level}_rows")
        read = self.one("SELECT count(*) FROM household"), self.one("SELECT count(*) FROM member")
        self.faults()
        self.whole()
        self.set_aside()
        return Counts(*read, self.one("SELECT count(*) FROM household"), self.one("SELECT count(*) FROM member"))

    def typed(self, table: Table, relation: str) -> str:
        """The query behind a checked table. A row with a fault keeps a list of (column, reason) in `bad`.

        All but the household stands in one STRUCT column, because DuckDB sketches the values of every plain one, which
        takes longer than keeping them.
        """
        every = self.readings[table.level]
        values = [f"{expr} AS {worked_out(made)}" for one in every for made, expr in one.columns]
        columns = [
            f"{name(made)} := {worked_out(made)}" for one in every for made, _ in one.columns if made in self.needed
        ]
        faults = [fault for one in every for fault in one.faults]
        doubts = [one.doubt for one in every if one.doubt]
        household_id = f"CAST({name(table.household_id)} AS VARCHAR)"
        if table.level == "household":
            own = [(table.household_id, "household-without-id", f"{household_id} IS NULL OR {household_id} = ''")]
            keys = [f"{PLACE} := {self.place_of(table)}"]
            source = f"({relation}) AS s"
        else:
            id = f"CAST({name(table.member_id)} AS VARCHAR)"
            number, home = worked_out(HOUSEHOLD_KEY), worked_out(PLACE)
            own = [
                (table.member_id, "member-without-id", f"{id} IS NULL OR NOT regexp_full_match({id}, {text(ID)})"),
                (table.household_id, "person-without-household", f"{number} IS NULL"),
            ]
            keys = [f"{HOUSEHOLD_KEY} := {number}", f"id := {id}", f"{PLACE} := {home}"]
            values += [f"h.{HOUSEHOLD_KEY} AS {number}", f"h.{PLACE} AS {home}"]
            numbered = (
                f"(SELECT household_id AS key_, min({HOUSEHOLD_KEY}) AS {HOUSEHOLD_KEY}, "
                f"any_value({PLACE}) AS {PLACE} FROM household GROUP BY household_id)"
            )
            key = f"CAST(s.{name(table.household_id)} AS VARCHAR)"
            source = f"({relation}) AS s LEFT JOIN {numbered} AS h ON {key} = h.key_"
        doubts += [f"coalesce({test}, FALSE)" for _, _, test in own]
        told = ", ".join(
            f"CASE WHEN {test} THEN {text(column + chr(31) + code)} END" for column, code, test in [*faults, *own]
        )
        bad = f"bad := CASE WHEN {' OR '.join(doubts)} THEN [{told}] END"
        parts = [*keys, *columns, f"{DRAWN} := {self.drawn[table.level]}", "file_ := file_", "row_ := row_", bad]
        return (
            f"SELECT {household_id} AS household_id, struct_pack({', '.join(parts)}) AS packed "
            f"FROM (SELECT {', '.join(['s.*', *values])} FROM {source})"
        )

    def place(self) -> str:
        fact = self.rulebook.facts.get("subdistrict")
        return fact.name if fact is not None and fact.type.base is Base.TEXT and fact.level == "household" else ""

    def place_of(self, table: Table) -> str:
        """The subdistrict of a household, as text."""
        found = (f"CAST({name(r.column)} AS VARCHAR)" for r in table.reads if r.fact.name == self.place())
        return next(found, "NULL::VARCHAR")

    # -- what is set aside --

    def faults(self) -> None:
        """Rows that are wrong in themselves, and rows that are there twice."""
        for level, tbl in (("household", "households"), ("member", "persons")):
            id = "NULL" if level == "household" else "id"
            parts = "split_part(b, chr(31), 1), split_part(b, chr(31), 2)"
            self.run(
                f"INSERT INTO rejects SELECT {text(tbl)}, file_, row_, household_id, {id}, {parts} FROM "
                f"(SELECT *, unnest(bad) AS b FROM {level} WHERE bad IS NOT NULL) WHERE b IS NOT NULL"
            )
        self.run(
            "INSERT INTO rejects SELECT 'households', file_, row_, household_id, NULL, "
            "'household_id', 'household-id-twice' FROM household "
            "WHERE household_id IN (SELECT household_id FROM household GROUP BY household_id HAVING count(*) > 1)"
        )
        self.run(
            "INSERT INTO rejects SELECT 'persons', m.file_, m.row_, m.household_id, m.id, 'id', "
            "'member-id-twice' FROM member m JOIN "
            f"(SELECT {HOUSEHOLD_KEY}, id FROM member WHERE id IS NOT NULL GROUP BY "
            f"{HOUSEHOLD_KEY}, id HAVING count(*) > 1) t "
            f"ON m.{HOUSEHOLD_KEY} = t.{HOUSEHOLD_KEY} AND m.id = t.id"
        )

    def whole(self) -> None:
        """Households without members, or with too many."""
        count = f"(SELECT {HOUSEHOLD_KEY}, count(*) AS n FROM member GROUP BY {HOUSEHOLD_KEY})"
        self.run(
            f"INSERT INTO rejects SELECT 'households', h.file_, h.row_, h.household_id, NULL, NULL, "
            f"CASE WHEN c.n IS NULL THEN 'no-members' ELSE 'too-many-members' END FROM household h "
            f"LEFT JOIN {count} c ON h.{HOUSEHOLD_KEY} = c.{HOUSEHOLD_KEY} WHERE (c.n IS NULL OR c.n > {MOST_MEMBERS}) "
            # of a doubled household only one carries the members: it is told apart already
            f"AND h.household_id NOT IN (SELECT household_id FROM rejects WHERE reason = 'household-id-twice')"
        )

    def set_aside(self) -> None:
        """Take out every household of which a row was set aside, and say so of its other rows."""
        if self.one("SELECT count(*) FROM rejects"):
            self.aside("SELECT DISTINCT household_id FROM rejects WHERE household_id IS NOT NULL")

    def aside(self, ids: str) -> None:
        """Move the households of these ids, and all rows of theirs, to the rejects."""
        self.run(f"CREATE OR REPLACE TEMP TABLE aside AS {ids}")
        for level, tbl in (("household", "households"), ("member", "persons")):
            id = "NULL" if level == "household" else "id"
            out = "household_id IN (FROM aside) OR household_id IS NULL"
            self.run(
                f"INSERT INTO rejects SELECT {text(tbl)}, file_, row_, household_id, {id}, NULL, "
                f"'with-its-household' FROM {level} x "
                f"WHERE ({out}) AND NOT EXISTS (SELECT 1 FROM rejects r WHERE r.tbl = "
                f"{text(tbl)} AND r.file = x.file_ AND r.line = x.row_)"
            )
            self.run(f"DELETE FROM {level}_rows WHERE {out}")
        self.run("DROP TABLE aside")

    def cannot_be(self, found: Refused) -> tuple[int, int]:
        """Set aside households whose facts lead to a value that cannot be. Households and persons that are left."""
        rows = {
            HOUSEHOLD_KEY: np.concatenate(list(found.values())),
            "fact": np.repeat(list(found), [len(each) for each in found.values()]),
            "why": np.repeat([impossible(fact) for fact in found], [len(each) for each in found.values()]),
        }
        self.connection.register("cannot_", pa.table(rows))
        self.run("CREATE OR REPLACE TEMP TABLE cannot AS FROM cannot_")
        self.connection.unregister("cannot_")
        refused = f"cannot c JOIN household h ON c.{HOUSEHOLD_KEY} = h.{HOUSEHOLD_KEY}"
        self.run(
            "INSERT INTO rejects SELECT 'households', h.file_, h.row_, h.household_id, NULL, c.fact, c.why "
            f"FROM {refused}"
        )
        self.aside(f"SELECT DISTINCT h.household_id FROM {refused}")
        self.run("DROP TABLE cannot")
        return self.one("SELECT count(*) FROM household"), self.one("SELECT count(*) FROM member")

    def reject(self, rows: Sequence[Reject]) -> None:
        """Add to the rejects."""
        columns = zip(*rows, strict=True)
        table = pa.table(
            [pa.array(each, kind) for each, kind in zip(columns, REJECTS.values(), strict=True)], [*REJECTS]
        )
        self.connection.register("rejected_", table)
        self.run("INSERT INTO rejects FROM rejected_")
        self.connection.unregister("rejected_")

    # -- what is known of the chunk --

    def states(self, counted: Counted | None = None) -> dict[str, State]:
        """For every fact that a rule reads, and for what is received, what the chunk knows: which columns have gaps.

        `counted` counts the rows of a table and those where each of some columns is known; else DuckDB does.
        """
        there = open_states(self.household, self.member)
        found: dict[str, State] = {}
        for table in (self.household, self.member):
            read = self.tested(table, there)
            found |= {key: State.RANGE for key in read if there[key] is State.RANGE}
            tested = {key: made for key, made in read.items() if key not in found}
            if not tested:
                continue
            every, *known = (counted or self.counted)(table, list(tested.values()))
            for key, many in zip(tested, known, strict=True):
                found[key] = State.KNOWN if many == every else State.ABSENT if not many else State.GAPS
        return found

    def counted(self, table: Table, columns: Sequence[str]) -> Sequence[Any]:
        shown = ", ".join(["count(*)", *(f"count({name(column)})" for column in columns)])
        return self.run(f"SELECT {shown} FROM {table.level}")[0]

    def tested(self, table: Table, there: Mapping[str, State]) -> dict[str, str]:
        """For every fact (and `receiving`) that a rule reads, one of its columns: null where it is not known."""
        found: dict[str, str] = {}
        for column in self.columns.all():
            if column.level == table.level and column.name in self.needed and column.key in there:
                found.setdefault(column.key, column.name)
        return found


def open_states(household: Table, member: Table) -> dict[str, State]:
    """The states of all columns where nothing is known but which there are: each may have gaps."""
    found: dict[str, State] = {}
    for table in (household, member):
        for read in table.reads:
            if read.fact.type.base is not Base.TEXT:
                found[read.fact.name] = State.RANGE if read.ranged else State.GAPS
        if table.receiving:
            found[f"receiving:{table.level}"] = State.GAPS
    return found


def rejects_query() -> str:
    """The rejects as people read them: table, file, row, household, person, column, reason in both languages."""

    def words(lang: str) -> str:
        return (
            "CASE reason "
            + " ".join(f"WHEN {text(code)} THEN {text(reason(code, lang))}" for code in REASONS)
            + " ELSE reason END"
        )

    return (
        'SELECT tbl AS "table", file, line AS row, household_id, id, col AS "column", reason, '
        f"{words('zh')} AS reason_zh, {words('en')} AS reason_en FROM rejects"
    )
