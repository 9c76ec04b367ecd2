"""The columns of the two checked tables, and what a rule reads from them.

A fact is one column of whole numbers (fen, yyyymmdd, the code of a choice), a truth one of booleans; a list of choices
one boolean a choice; `receiving` one boolean a policy. Where a column has gaps in a chunk, two ends are read from it;
where it has none, one; where it does not exist, both ends are constants. Past this file nothing is null.

A choice is carried as its code: its place in the list of choices, or the number of choices where it is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from engine.language.ends import Folded, Mask, Num, Q, Several, Truth
from engine.language.model import ChoiceSet, Fact, Rulebook
from engine.language.types import Base
from engine.sweep.dag import Dag, Level, Node, Term

HOUSEHOLD_KEY, MEMBER_KEY = "hno", "mno"  # numbers of rows within a chunk
KEYS = (HOUSEHOLD_KEY, MEMBER_KEY, "household_id", "id", "people", "place", "receiving", "bad", "file_", "row_")
LEVELS = {"household": Level.HOUSEHOLD, "member": Level.MEMBER}


class State(Enum):
    """What a chunk knows of a column."""

    ABSENT = "absent"  # there is no such column: unknown for everybody
    KNOWN = "known"  # nowhere null
    GAPS = "gaps"  # null somewhere
    RANGE = "range"  # two columns, least and most


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a checked table: the fact (or policy, for `receiving`) it carries and which part of it."""

    name: str
    level: str
    fact: str
    part: str = ""  # least, most; a choice of a list; "receiving"

    @property
    def key(self) -> str:
        """What its state is known by."""
        return f"receiving:{self.level}" if self.part == "receiving" else self.fact


@dataclass(frozen=True, slots=True)
class Code:
    """A choice as a code: the place of its value in `values`.

    `sure` where it is nowhere the code of `not known`, which is `count`.
    """

    term: Term
    values: tuple[str, ...]
    sure: bool

    @property
    def count(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Hull:
    """A choice as one truth for each value it may still have."""

    may: tuple[Term, ...]


@dataclass(slots=True)
class Columns:
    """The names of every column a rulebook can have, each taken once."""

    rulebook: Rulebook
    facts: dict[str, Column] = field(default_factory=dict)
    least: dict[str, Column] = field(default_factory=dict)
    most: dict[str, Column] = field(default_factory=dict)
    several: dict[str, dict[str, Column]] = field(default_factory=dict)
    receives: dict[str, Column] = field(default_factory=dict)
    taken: set[str] = field(default_factory=lambda: set(KEYS))

    @staticmethod
    def of(rulebook: Rulebook) -> Columns:
        found = Columns(rulebook)
        asked = [f for f in rulebook.facts.values() if not f.derived]
        for fact in asked:
            if fact.type.base is not Base.CHOICES:
                found.facts[fact.name] = found._take(fact.name, fact)
        for fact in asked:
            if fact.type.base is Base.CHOICES:
                values = rulebook.choices[fact.type.choices].values
                found.several[fact.name] = {
                    v: found._take(f"{fact.name}__{v if v.isascii() and v.isidentifier() else n}", fact, v)
                    for n, v in enumerate(values)
                }
            elif fact.type.numeric or fact.type.base is Base.DATE:
                found.least[fact.name] = found._take(f"{fact.name}__least", fact, "least")
                found.most[fact.name] = found._take(f"{fact.name}__most", fact, "most")
        for policy in rulebook.ids():
            name = found._free(f"receives__{policy}")
            found.receives[policy] = Column(name, rulebook.level(policy), policy, "receiving")
        return found

    def all(self) -> Iterator[Column]:
        """Every column, each once."""
        for group in (self.facts, self.least, self.most, self.receives):
            yield from group.values()
        for values in self.several.values():
            yield from values.values()

    def _take(self, name: str, fact: Fact, part: str = "") -> Column:
        return Column(self._free(name), fact.level, fact.name, part)

    def _free(self, name: str) -> str:
        while name.lower() in self.taken:
            name += "_"
        self.taken.add(name.lower())
        return name


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads facts from the checked tables of a chunk, whose columns are in these states."""

    dag: Dag
    columns: Columns
    states: Mapping[str, State]  # by fact; `receiving` under `receiving:household` and `receiving:member`

    def state(self, fact: str) -> State:
        return self.states.get(fact, State.ABSENT)

    def fact(self, fact: Fact) -> Folded:
        """The ends of an asked fact."""
        base = fact.type.base
        if base is Base.YES_NO:
            return self._truth(self.columns.facts[fact.name], self.state(fact.name))
        if base is Base.CHOICE:
            return Mask(self._code(fact, self.columns.rulebook.choices[fact.type.choices]))
        if base is Base.CHOICES:
            state = self.state(fact.name)
            truths = {value: self._truth(column, state) for value, column in self.columns.several[fact.name].items()}
            return Several({v: t.certain for v, t in truths.items()}, {v: t.possible for v, t in truths.items()})
        return self._number(fact)

    def received(self, policy: str) -> Truth:
        """Whether a policy is drawn already."""
        column = self.columns.receives[policy]
        return self._truth(column, self.state(f"receiving:{column.level}"))

    def _truth(self, column: Column, state: State) -> Truth:
        level = LEVELS[column.level]
        if state is State.ABSENT:
            return Truth(False, True)
        if state is State.KNOWN:
            term = self.dag.column(level, column.name, None)
            return Truth(term, term)
        return Truth(*(self.dag.filled(level, column.name, end, None) for end in (False, True)))

    def _code(self, fact: Fact, choices: ChoiceSet) -> Code:
        values, state = choices.values, self.state(fact.name)
        count = len(values)
        if count == 1:
            return Code(0, values, True)
        level, name = LEVELS[fact.level], self.columns.facts[fact.name].name
        if state is State.ABSENT:
            return Code(count, values, False)
        if state is State.KNOWN:
            return Code(self.dag.column(level, name, (0, count - 1)), values, True)
        return Code(self.dag.filled(level, name, count, (0, count)), values, False)

    def _number(self, fact: Fact) -> Num:
        scale, level, state = fact.type.scale, LEVELS[fact.level], self.state(fact.name)
        span = int(fact.type.least * scale), int(fact.type.most * scale)
        ends: tuple[Term, ...]
        if state is State.ABSENT:
            ends = span
        elif state is State.KNOWN:
            end: Node = self.dag.column(level, self.columns.facts[fact.name].name, span)
            ends = (end, end)
        elif state is State.GAPS:
            ends = tuple(self.dag.filled(level, self.columns.facts[fact.name].name, end, span) for end in span)
        else:
            ends = tuple(
                self.dag.column(level, names[fact.name].name, span) for names in (self.columns.least, self.columns.most)
            )
        lo = Q(ends[0], scale)
        return Num(lo, lo if ends[0] is ends[1] or ends[0] == ends[1] else Q(ends[1], scale))
