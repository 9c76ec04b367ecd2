"""From the rows of two tables straight into arrays, where nothing is wrong with any of them.

Of most chunks every row is good. Then nothing but the keys need stand in a table, and the values go from the files into
arrays without being kept in between, which takes longer than to read and check them. Where there is the least doubt
about a row this gives nothing, and the chunk goes the long way of `engine/sweep/checked.py`, which says what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.language.household import MOST_MEMBERS
from engine.sweep.checked import DRAWN, PLACE, Checker, Counts
from engine.sweep.columns import HOUSEHOLD_KEY, MEMBER_KEY
from engine.sweep.dag import Level
from engine.sweep.reading import ID, name, text, worked_out
from engine.sweep.source import Table
from engine.sweep.split import relation
from engine.sweep.tables import Column, Tables, column
from engine.sweep.vector import Array

FILE = 1 << 40  # rows to a file: a row is numbered by its file and its place in it


@dataclass(frozen=True, slots=True)
class Straight:
    """A chunk without faults: its arrays, and a digest of each household in the order of `tables`."""

    counts: Counts
    tables: Tables
    digests: Array

    def counted(self, table: Table, columns: Sequence[str]) -> Sequence[int]:
        """How many rows a table has, and in how many each of some columns is known."""
        level = Level.HOUSEHOLD if table.level == "household" else Level.MEMBER
        every = self.tables.rows(level)
        unknown = (self.tables.columns[level, each][1] for each in columns)
        return [every, *(every if each is None else every - int(np.count_nonzero(each)) for each in unknown)]


def straight(checker: Checker, households: str, persons: str, digested: Mapping[str, Sequence[str]]) -> Straight | None:
    """Read a chunk, given as two relations; None where a row of it is in doubt.

    Leaves the tables `household` and `member`, with who they are and nothing else. `digested` says what goes into the
    digests, by level.
    """
    checker.clear()
    read = {
        level: (table, rows, _files(checker, table))
        for level, table, rows in (
            (Level.HOUSEHOLD, checker.household, households),
            (Level.MEMBER, checker.member, persons),
        )
    }
    if not all(files and _keys(checker, table, rows, files) for table, rows, files in read.values()):
        return None
    columns: dict[tuple[Level, str], Column] = {}
    keys: dict[Level, Array] = {}
    made: dict[Level, Mapping[str, Array]] = {}
    for level, (table, rows, files) in read.items():
        found = _values(checker, table, rows, files, digested[table.level])
        if found is None:
            return None
        made[level], good = found
        keys[level] = np.ma.getdata(made[level]["key_"])
        columns |= {(level, each): values for each, values in good.items()}
    tables = Tables.of(columns, keys, _whose(checker, keys[Level.MEMBER]))
    members = tables.members()
    if np.any(members < 1) or np.any(members > MOST_MEMBERS) or _twice(tables, made[Level.MEMBER]["id_"], members):
        return None
    digests = _digests(tables, {level: np.ma.getdata(found["digest_"]) for level, found in made.items()})
    counts = Counts(*(len(keys[level]) for level in read), *(len(keys[level]) for level in read))
    return Straight(counts, tables, digests)


def _number(files: Sequence[str]) -> str:
    """The number of a row, the same whenever it is read."""
    ways = " ".join(f"WHEN {text(file)} THEN {n * FILE}::BIGINT" for n, file in enumerate(files))
    return f"(CASE file_ {ways} END + row_)"


def _files(checker: Checker, table: Table) -> Sequence[str]:
    """The files that rows say they are from: of our own copies, what they are copies of."""
    if not table.copied:
        return table.files
    found = checker.run(f"SELECT DISTINCT file_ FROM ({relation(table.files, True)}) ORDER BY file_")
    return [str(file) for (file,) in found]


def _keys(checker: Checker, table: Table, rows: str, files: Sequence[str]) -> bool:
    """The table of who the rows are; whether everybody is somebody, and nobody twice."""
    household_id = f"CAST({name(table.household_id)} AS VARCHAR)"
    if table.level == "household":
        parts = [f"{HOUSEHOLD_KEY} := {_number(files)}", f"{PLACE} := {checker.place_of(table)}"]
        source = f"({rows}) AS s"
    else:
        number, home, whose = (worked_out(each) for each in (HOUSEHOLD_KEY, PLACE, "household_id"))
        parts = [f"{HOUSEHOLD_KEY} := {number}", f"{MEMBER_KEY} := {_number(files)}"]
        parts += [f"id := CAST({name(table.member_id)} AS VARCHAR)", f"{PLACE} := {home}"]
        numbered = f"(SELECT household_id AS {whose}, {HOUSEHOLD_KEY} AS {number}, {PLACE} AS {home} FROM household)"
        source = f"({rows}) AS s LEFT JOIN {numbered} AS h ON h.{whose} = {household_id}"
    parts.append(f"{DRAWN} := {checker.drawn[table.level]}")
    checker.run(
        f"CREATE OR REPLACE TABLE {table.level}_rows AS SELECT {household_id} AS household_id, "
        f"struct_pack({', '.join(parts)}) AS packed FROM {source}"
    )
    key = HOUSEHOLD_KEY if table.level == "household" else MEMBER_KEY
    whence = f"[{', '.join(map(text, files))}][packed.{key} // {FILE} + 1] AS file_, packed.{key} % {FILE} AS row_"
    checker.run(
        f"CREATE OR REPLACE VIEW {table.level} AS SELECT household_id, packed.*, {whence} FROM {table.level}_rows"
    )
    missing = f"household_id IS NULL OR household_id = '' OR {HOUSEHOLD_KEY} IS NULL"
    good = f"count(*) FILTER ({missing}) = 0"
    if table.level == "household":
        good += " AND count(*) = count(DISTINCT household_id)"
    return bool(checker.run(f"SELECT {good} FROM {table.level}")[0][0])


def _values(
    checker: Checker, table: Table, rows: str, files: Sequence[str], digested: Iterable[str]
) -> tuple[Mapping[str, Array], dict[str, Column]] | None:
    """Every column that a rule reads, as it stands in the checked table; None where a value is in doubt."""
    every = checker.readings[table.level]
    told, tests, limits = [], [], {}
    for one in every:
        first = one.columns[0][0]
        least = one.least if one.tells and one.faults and first in checker.needed else None
        for made, expr in one.columns:
            if least is not None and made == first:
                source = name(one.faults[0][0])
                limits[made] = least  # what is there and is no good becomes less, in the type that good values have
                expr = f"coalesce({expr}, CASE WHEN {source} IS NOT NULL THEN {least - 1}::{one.kind} END)"
            told.append(f"{expr} AS {worked_out(made)}")
        if one.doubt and least is None:
            tests.append(one.doubt)
    here = {"household_id": f"CAST({name(table.household_id)} AS VARCHAR)", DRAWN: checker.drawn[table.level]}
    extra = [f"{_number(files)} AS key_"]
    if table.level == "household":
        here[PLACE] = checker.place_of(table)
    else:
        here["id"] = f"CAST({name(table.member_id)} AS VARCHAR)"
        tests.append(f"coalesce({here['id']} IS NULL OR NOT regexp_full_match({here['id']}, {text(ID)}), FALSE)")
        extra.append(f"hash({here['id']}) AS id_")
    hashed = ", ".join(here.get(each) or worked_out(each) for each in digested)
    extra += [f"({' OR '.join(tests) or 'FALSE'}) AS doubt_", f"hash({hashed}) AS digest_"]
    wanted = [made for one in every for made, _ in one.columns if made in checker.needed]
    shown = [f"{worked_out(made)} AS {name(made)}" for made in wanted]
    query = f"SELECT {', '.join([*shown, *extra])} FROM (SELECT {', '.join(['s.*', *told])} FROM ({rows}) AS s)"
    found = checker.connection.sql(query).fetchnumpy()
    if np.any(np.ma.filled(found["doubt_"], True)):
        return None
    read = {made: column(found[made]) for made in wanted}
    for made, least in limits.items():
        values, unknown = read[made]
        low = np.min(values, initial=least, where=True if unknown is None else ~unknown)
        if low < least:
            return None
    return found, read


def _whose(checker: Checker, members: Array) -> Array:
    """The number of the household of each member."""
    found = checker.connection.sql(f"SELECT {MEMBER_KEY}, {HOUSEHOLD_KEY} FROM member").fetchnumpy()
    numbers, whose = (np.ma.getdata(found[key]) for key in (MEMBER_KEY, HOUSEHOLD_KEY))
    by = np.argsort(numbers, kind="stable")
    return whose[by][np.searchsorted(numbers[by], members)]


def _twice(tables: Tables, ids: Array, members: Array) -> bool:
    """Whether two members of a household may have the same id: whether the hashes of two are the same."""
    hashed = tables.in_order(Level.MEMBER, np.ma.getdata(ids))
    home = np.repeat(np.arange(len(members)), members)
    return any(
        np.any((hashed[apart:] == hashed[:-apart]) & (home[apart:] == home[:-apart]))
        for apart in range(1, int(members.max(initial=1)))
    )


def _digests(tables: Tables, of: Mapping[Level, Array]) -> Array:
    """(of the household, of its members together) for each household."""
    whole, each = (tables.in_order(level, of[level]) for level in (Level.HOUSEHOLD, Level.MEMBER))
    return np.stack([whole, np.bitwise_xor.reduceat(each, tables.firsts[:-1])]) if len(each) else np.stack([whole] * 2)
