"""From the rows of two tables straight into arrays, where nothing is wrong with any of them.

Of most chunks every row is good. Then nothing need stand in a table of DuckDB: pyarrow reads the row groups, one after
the other, and NumPy looks at every value. Where there is the least doubt about a row this gives nothing, and the chunk
goes the long way of `engine/sweep/checked.py`, which says what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.language.household import MOST_MEMBERS
from engine.sweep.checked import DRAWN, PLACE, Checker, Counts, Refused, Reject, impossible
from engine.sweep.coded import Coded
from engine.sweep.columns import LEVELS
from engine.sweep.dag import Level
from engine.sweep.reading import ID
from engine.sweep.source import Table
from engine.sweep.split import Cut, Group, Part
from engine.sweep.tables import Tables
from engine.sweep.typed import Column, Doubt, Typed, drawn, joined, labelled, typed
from engine.sweep.vector import Array


@dataclass(frozen=True, slots=True)
class Straight:
    """A chunk without faults: its arrays, and where each of their rows lies."""

    counts: Counts
    tables: Tables
    lie: Mapping[Level, _Lying]

    def counted(self, table: Table, columns: Sequence[str]) -> Sequence[int]:
        """How many rows a table has, and in how many each of some columns is known."""
        level = LEVELS[table.level]
        every = self.tables.rows(level)
        unknown = (self.tables.columns[level, each][1] for each in columns)
        return [every, *(every if each is None else every - int(np.count_nonzero(each)) for each in unknown)]

    def cannot_be(self, checker: Checker, found: Refused) -> tuple[int, int]:
        """Set aside households whose facts lead to a value that cannot be. Households and persons that are left."""
        refused = np.unique(np.concatenate(list(found.values())))
        theirs = np.flatnonzero(np.isin(self.tables.whose, refused))
        ids, members = self.tables.who[Level.HOUSEHOLD]["household_id"], self.tables.who[Level.MEMBER]["id"]
        rejects: list[Reject] = []
        for fact, rows in found.items():
            for row in rows.tolist():
                rejects.append(
                    ("households", *self.lie[Level.HOUSEHOLD].at(row), ids.text(row), None, fact, impossible(fact))
                )
        for row, home in zip(theirs.tolist(), self.tables.whose[theirs].tolist(), strict=True):
            whose = ids.text(home), members.text(row)
            rejects.append(("persons", *self.lie[Level.MEMBER].at(row), *whose, None, "with-its-household"))
        checker.reject(rejects)
        return self.counts.households - len(refused), self.counts.persons - len(theirs)


@dataclass(frozen=True, slots=True)
class _Lying:
    """In which file each row lies, and which row of it it is, from 1."""

    file: Coded
    row: Array

    def at(self, row: int) -> tuple[str | None, int]:
        return self.file.text(row), int(self.row[row])


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of one table, or of one row group of it."""

    columns: Mapping[str, Column]
    household_ids: pa.ChunkedArray
    texts: Mapping[str, Coded]
    lie: _Lying

    @staticmethod
    def together(parts: Sequence[_Rows]) -> _Rows:
        if not parts:
            raise Doubt  # a table without a row is told of by the SQL
        return _Rows(
            {name: joined(part.columns[name] for part in parts) for name in parts[0].columns},
            pa.chunked_array([chunk for part in parts for chunk in part.household_ids.chunks], pa.string()),
            {name: Coded.together([part.texts[name] for part in parts]) for name in parts[0].texts},
            _Lying(Coded.together([part.lie.file for part in parts]), np.concatenate([part.lie.row for part in parts])),
        )


def straight(checker: Checker, cut: Cut) -> Straight | None:
    """Read a chunk; None where a row of it is in doubt, or a file is not as pyarrow reads them.

    DuckDB has no part in it.
    """
    try:
        households, members = (
            _Rows.together([reading.group(group) for group in reading.part.groups])
            for reading in (
                _Reading.of(checker, checker.household, cut.households),
                _Reading.of(checker, checker.member, cut.persons),
            )
        )
        return _straight(households, members)
    except (Doubt, pa.ArrowException, OSError):
        return None


def _straight(households: _Rows, members: _Rows) -> Straight:
    ids = households.household_ids.combine_chunks()
    if pc.any(pc.equal(ids, ""), min_count=0).as_py() or not _distinct(ids):
        raise Doubt
    whose = _whose(ids, members.household_ids.combine_chunks())
    columns = {(Level.HOUSEHOLD, each): found for each, found in households.columns.items()}
    columns |= {(Level.MEMBER, each): found for each, found in members.columns.items()}
    named = Coded.each(ids.to_pylist())
    who = {Level.HOUSEHOLD: {"household_id": named, **households.texts}, Level.MEMBER: members.texts}
    tables = Tables.of(columns, {Level.HOUSEHOLD: np.arange(len(ids)), Level.MEMBER: np.arange(len(whose))}, whose, who)
    many = tables.members()
    if np.any(many < 1) or np.any(many > MOST_MEMBERS) or _twice(tables, members.texts["id"].codes, many):
        raise Doubt
    counts = Counts(*(len(ids), len(whose)) * 2)
    return Straight(counts, tables, {Level.HOUSEHOLD: households.lie, Level.MEMBER: members.lie})


def _distinct(ids: pa.StringArray) -> bool:
    if pc.all(pc.less(ids[:-1], ids[1:]), min_count=0).as_py():  # in order: far quicker than to count them
        return True
    return bool(pc.count_distinct(ids).as_py() == len(ids))


def _whose(ids: pa.StringArray, of_members: pa.StringArray) -> Array:
    """For each member the place of its household."""
    another = np.append(True, pc.not_equal(of_members[1:], of_members[:-1]).to_numpy(zero_copy_only=False))
    if of_members.filter(pa.array(another)).equals(ids):  # both in the same order
        return np.cumsum(another) - 1
    found = pc.index_in(of_members, value_set=ids)
    if found.null_count:
        raise Doubt  # a member of no household
    return found.to_numpy().astype(np.int64)


def _twice(tables: Tables, ids: Array, members: Array) -> bool:
    """Whether two members of a household have the same id."""
    ids = tables.in_order(Level.MEMBER, ids)
    home = np.repeat(np.arange(len(members)), members)
    return any(
        np.any((ids[apart:] == ids[:-apart]) & (home[apart:] == home[:-apart]))
        for apart in range(1, int(members.max(initial=1)))
    )


# --------------------------------------------------------------------------------------------- one row group


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is read of the row groups of a table, and how.

    texts       columns of which each text is kept once, by what they are called among the answers
    copied      they are our own copies, which say where each row was copied from
    """

    table: Table
    part: Part
    needed: frozenset[str]
    typed: Sequence[Typed]
    texts: Mapping[str, str]
    copied: bool

    @staticmethod
    def of(checker: Checker, table: Table, part: Part) -> _Reading:
        place = next((read.column for read in table.reads if read.fact.name == checker.place()), "")
        texts = {PLACE: place} if table.level == "household" else {"id": table.member_id}
        columns = part.groups[0].metadata.schema.to_arrow_schema().names if part.groups else ()
        how = typed(table, checker.rulebook, checker.columns, checker.needed)
        return _Reading(table, part, checker.needed, how, texts, "file_" in columns)

    def group(self, group: Group) -> _Rows:
        """One row group. Raises Doubt."""
        table, rows = self.rows(group)
        found = {name: _whole(table[name]) for name in table.column_names}
        columns: dict[str, Column] = {}
        for each in self.typed:
            columns |= {name: column for name, column in each.read(found).items() if name in self.needed}
        texts = {called: _coded(found[column]) for called, column in self.texts.items() if column}
        if PLACE in self.texts and not self.texts[PLACE]:
            texts[PLACE] = Coded.none(len(rows))
        if self.table.member_id:
            _ids(texts["id"])
        texts[DRAWN] = Coded.none(len(rows))
        if self.table.receiving:
            texts[DRAWN] = Coded(*drawn(found[self.table.receiving], self.table.receiving_values))
        ids = pa.chunked_array([found[self.table.household_id].cast(pa.string())])
        file = _coded(found["file_"]) if self.copied else Coded(np.zeros(len(rows), np.int64), [group.file])
        return _Rows(columns, ids, texts, _Lying(file, found["row_"].to_numpy() if self.copied else rows))

    def rows(self, group: Group) -> tuple[pa.Table, Array]:
        """The rows of a group that belong to the part, and which of their file they are."""
        file = pq.ParquetFile(group.file, metadata=group.metadata, read_dictionary=self.dictionaries(group))
        table = file.read_row_group(group.number, columns=self.sources, use_threads=False)
        if len(table.column_names) < len(self.sources):
            raise Doubt  # a file without one of the columns
        rows = group.before + 1 + np.arange(group.rows)
        ids = table[self.table.household_id]
        if ids.null_count and self.part.low is None:
            raise Doubt  # somebody of no household
        if not self.part.inside(group):
            tests = [pc.greater_equal(ids, self.part.low)] if self.part.low is not None else []
            tests += [pc.less(ids, self.part.high)] if self.part.high is not None else []
            inside = np.flatnonzero(pc.fill_null(reduce(pc.and_, tests), False).to_numpy())
            first, many = (int(inside[0]), len(inside)) if len(inside) else (0, 0)
            if not many or inside[-1] - first + 1 == many:  # beside one another: nothing need be copied
                table, rows = table.slice(first, many), rows[first : first + many]
            else:
                table, rows = table.take(pa.array(inside)), rows[inside]
        return table, rows

    def dictionaries(self, group: Group) -> list[str]:
        """Columns of which each text is read once: all but the one in which nearly each is different."""
        kinds = group.metadata.schema.to_arrow_schema()
        texts = {field.name for field in kinds if pa.types.is_string(field.type)}
        return [each for each in self.sources if each in texts and each != self.table.household_id]

    @property
    def sources(self) -> list[str]:
        found = [self.table.household_id, *self.texts.values(), self.table.receiving]
        found += [source for each in self.typed for source in each.sources]
        return [*dict.fromkeys(filter(None, found)), *(("file_", "row_") if self.copied else ())]


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _coded(column: pa.Array) -> Coded:
    codes, values = labelled(column)
    if None in values:
        raise Doubt
    return Coded(codes, [value for value in values if value is not None])


def _ids(found: Coded) -> None:
    """Raises Doubt unless everybody has an id that can be one."""
    good = pc.match_substring_regex(pa.array(found.values, pa.string()), f"^(?:{ID})$")
    if np.any(found.codes < 0) or not pc.all(good, min_count=0).as_py():
        raise Doubt
