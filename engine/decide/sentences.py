"""The sentences of a condition tree made ready: once for a tree, a layout of trace rows, a language and a day.

What hangs on no household (the tree's shape, citations, places, where an outcome stands in a row) is worked out then;
of a household only its rows are read. What was said of the same values is remembered, a little for each condition:
most answers are yes, no or one of a few choices, and most figures are the law's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Protocol

from engine.decide.layout import Entry, Fixed, Layout, MaskAt, NumberAt, Ref
from engine.decide.lines import Line
from engine.decide.outcomes import NO, UNKNOWN, YES, Masked, Span, term, value_at
from engine.language.model import Fact, Policy
from engine.language.tree import Condition, Expr

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """What stands in the rule itself, the same for every household: citation, place, figures read, gloss."""

    cite: str
    place: str
    figures: tuple[str, ...]
    says: str


class Phrases(Protocol):
    """The words of one rulebook on one day in one language."""

    lang: str

    def written(self, node: Condition) -> Written: ...

    def condition(self, node: Condition, policy: Policy | None) -> str:
        """The heading of a group."""

    def opened(self, expr: Expr) -> Fact | None:
        """The derived yes-or-no fact a leaf asks about."""


class Teller(Protocol):
    """Who explains one decision."""

    members: tuple[str, ...]

    def leaf(
        self, expr: Expr, word: str, left: Span | Masked | None, right: Span | Masked | None, policy: Policy | None
    ) -> str:
        """The sentence of a leaf with these values."""

    def below(self, fact: Fact, member: str) -> tuple[Line, ...]:
        """The reasons of a derived fact."""


# The line of a condition: from a trace row, the same row with every outer limit moved outwards (None where nothing the
# row rests on is open), the member it is asked of, and who explains the decision.
Say = Callable[[Row, Row | None, str, Teller], Line]

MOST_KEPT = 32  # sentences of one condition
MOST_TREES = 12  # of one policy: a family's own, whose answers are looked at again when one fact has changed

_OF_MEMBERS = ("any_member", "every_member")
_line: Any = tuple.__new__  # a line is a tuple; its class would pass every field by name first


def telling(said: Phrases, node: Condition, layout: Layout, policy: Policy | None) -> Say:
    """How a whole condition tree is told; what was told of the same row is not told again."""
    say = prepared(said, node, layout, policy)
    here, inside = _opened(said, node)
    nested = [entry.inner for entry in layout.conditions.values() if entry.inner is not None]
    known: dict[Any, Line] = {}

    def again(row: Row, wide: Row | None, member: str, by: Teller) -> Line:
        # Reasons of facts are known by their identity: the line that is kept holds them, so none can be another's.
        reasons = [id(line) for fact in here for line in by.below(fact, member)]
        key: tuple[Any, ...] = (row, wide, member, *reasons)
        if nested:
            reasons += [id(line) for fact in inside for name in by.members for line in by.below(fact, name)]
            key = (_firm(row), None if wide is None else _firm(wide), member, by.members, *reasons)
        found = known.get(key)
        if found is None:
            if len(known) >= MOST_TREES:
                known.clear()
            found = known[key] = say(row, wide, member, by)
        return found

    return again


def _opened(said: Phrases, node: Condition, among: bool = False) -> tuple[list[Fact], list[Fact]]:
    """The facts whose reasons a tree shows: of its own subject, and of each member."""
    fact = said.opened(node.expr) if node.expr is not None else None
    found: tuple[list[Fact], list[Fact]] = ([], [])
    if fact is not None:
        found[among].append(fact)
    for part in node.parts:
        for mine, theirs in zip(found, _opened(said, part, among or node.kind in _OF_MEMBERS), strict=True):
            mine.extend(theirs)
    return found


def _firm(row: Any) -> Row:
    """A row with the rows of its members as tuples, so that it can be a key."""
    return tuple([_firm(each) if type(each) is list or type(each) is tuple else each for each in row])


def prepared(said: Phrases, node: Condition, layout: Layout, policy: Policy | None) -> Say:
    """How a condition is told whose outcomes stand in rows of this layout."""
    entry = layout.conditions[node.id]
    if node.kind == "leaf":
        return _leaf(said, node, entry, policy)
    if node.kind in _OF_MEMBERS:
        return _members(said, node, entry, policy)
    word, written = _word(entry), said.written(node)
    id, cite, place, says = node.id, written.cite, written.place, written.says
    parts = [prepared(said, part, layout, policy) for part in node.parts]
    if node.kind == "not" and node.parts[0].kind == "leaf":
        inside = parts[0]

        def turned(row: Row, wide: Row | None, member: str, by: Teller) -> Line:
            line = inside(row, wide, member, by)
            return Line(word(row), line.text, line.parts, id, member, cite or line.cite, place, line.figures, says)

        return turned
    text = says or said.condition(node, policy)

    def group(row: Row, wide: Row | None, member: str, by: Teller) -> Line:
        lines = tuple([part(row, wide, member, by) for part in parts])
        return _line(Line, (word(row), text, lines, id, member, cite, place, (), ""))  # type: ignore[no-any-return]

    return group


def _leaf(said: Phrases, node: Condition, entry: Entry, policy: Policy | None) -> Say:
    expr = node.expr
    assert expr is not None
    written = said.written(node)
    id, cite, place, figures, says = node.id, written.cite, written.place, written.figures, written.says
    opened = said.opened(expr)
    near, far = _reads(entry)
    known: dict[Any, tuple[str, str]] = {}

    def leaf(row: Row, wide: Row | None, member: str, by: Teller) -> Line:
        values = near(row) if far is None or wide is None else (near(row), far(wide))
        found = known.get(values)
        if found is None:
            if len(known) >= MOST_KEPT:
                known.clear()
            word = _of(term(row, entry.certain), term(row, entry.possible))
            left, right = value_at(row, entry.left, wide), value_at(row, entry.right, wide)
            found = known[values] = word, by.leaf(expr, word, left, right, policy)
        word, text = found
        below = by.below(opened, member) if opened is not None else ()
        return _line(Line, (word, text, below, id, member, cite, place, figures, says))  # type: ignore[no-any-return]

    return leaf


def _members(said: Phrases, node: Condition, entry: Entry, policy: Policy | None) -> Say:
    """A condition asked of every member: a line for each whom it is about."""
    word, written = _word(entry), said.written(node)
    id, cite, place, says = node.id, written.cite, written.place, written.says
    text = said.condition(node, policy)
    inner, rows = entry.inner, entry.rows
    if inner is None or rows is None:
        return lambda row, wide, member, by: Line(word(row), text, (), id, member, cite, place, (), says)
    where, body = node.parts
    counts, inside = _word(rows.conditions[where.id]), prepared(said, body, rows, policy)
    named = ("成员 {}：{}" if said.lang == "zh" else "{}: {}").format

    def asked(row: Row, wide: Row | None, member: str, by: Teller) -> Line:
        lines = []
        each_row: tuple[Row, ...] = row[inner]
        for at, name in enumerate(by.members):
            own = each_row[at]
            if counts(own) == NO:
                continue
            line = inside(own, None if wide is None else wide[inner][at], name, by)
            lines.append(
                Line(
                    line.outcome, named(name, line.text), line.parts, line.id, name, line.cite, line.place, line.figures
                )
            )
        return Line(word(row), text, tuple(lines), id, member, cite, place, (), says)

    return asked


def opens(layout: Layout) -> Callable[[Row], bool]:
    """Whether a row of this layout holds a number that is a range: only such a one is told otherwise where the outer
    limits lie elsewhere."""
    pairs: dict[tuple[Ref, Ref], None] = {}
    numbers = [side for entry in layout.conditions.values() for side in (entry.left, entry.right)]
    for number in (*numbers, *layout.lets.values()):
        if isinstance(number, NumberAt):
            if number.lo_k != number.hi_k:
                return lambda row: True
            pairs |= {(number.lo, number.hi): None, (number.lo_d, number.hi_d): None}
    ends = [(low, high) for low, high in pairs if low != high]
    own = _apart(ends)
    inner = [(e.inner, opens(e.rows)) for e in layout.conditions.values() if e.inner is not None and e.rows is not None]
    if not inner:
        return own
    return lambda row: own(row) or any(test(each) for at, test in inner for each in row[at])


def _apart(ends: list[tuple[Ref, Ref]]) -> Callable[[Row], bool]:
    """Whether any two of these places hold different values."""
    if not ends:
        return lambda row: False
    if any(isinstance(ref, Fixed) for end in ends for ref in end):
        return lambda row: any(term(row, low) != term(row, high) for low, high in ends)
    low, high = (itemgetter(*[end[which] for end in ends]) for which in (0, 1))
    return lambda row: bool(low(row) != high(row))


def _of(certain: Any, possible: Any) -> str:
    return YES if certain else UNKNOWN if possible else NO


def _word(entry: Entry) -> Callable[[Row], str]:
    """The outcome that stands in a row."""
    certain, possible = entry.certain, entry.possible
    if isinstance(certain, Fixed) or isinstance(possible, Fixed):
        return lambda row: _of(term(row, certain), term(row, possible))
    return lambda row: YES if row[certain] else UNKNOWN if row[possible] else NO


def _reads(entry: Entry) -> tuple[Callable[[Row], Any], Callable[[Row], Any] | None]:
    """What a leaf's sentence is made of: the values in its row, and those of the row moved outwards."""
    refs: list[Ref] = [entry.certain, entry.possible]
    moved: list[Ref] = []
    for side in (entry.left, entry.right):
        if isinstance(side, NumberAt):
            ends: list[Ref] = [side.lo, side.lo_d, side.hi, side.hi_d]
            refs += ends
            moved += ends
        elif isinstance(side, MaskAt):
            refs += [side.may, side.must]
    return _getter(refs) or _nothing, _getter(moved)


def _getter(refs: list[Ref]) -> Callable[[Row], Any] | None:
    places = list(dict.fromkeys(ref for ref in refs if not isinstance(ref, Fixed)))
    return itemgetter(*places) if places else None


def _nothing(row: Row) -> tuple[()]:
    """All that a leaf reads was known when the rule was compiled."""
    return ()


__all__ = ["Phrases", "Say", "Teller", "Written", "opens", "telling"]
