"""A household's facts on a day, from its events alone: a pure fold, whatever the order they arrived in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from engine.language.household import Household, Known, Member
from engine.language.model import EventType
from engine.watch.book import Watchbook
from engine.watch.events import CORRECTION, Event


def standing(events: Iterable[Event]) -> list[Event]:
    """The events that were not undone, in the order of (day, source, id). A correction undoes one event of its own
    source and household, whether it came before or after it."""
    listed = list(events)
    undone = {(each.source, each.corrects) for each in listed if each.type == CORRECTION}
    return sorted((e for e in listed if e.type != CORRECTION and e.key not in undone), key=lambda e: e.order)


class _Level:
    """The facts of the household, or of one member, while they are folded."""

    __slots__ = ("facts", "null", "receiving", "texts")

    def __init__(self, source: Household | Member | None = None):
        self.facts: dict[str, Known] = dict(source.facts) if source else {}
        self.texts: dict[str, str] = dict(source.texts) if source else {}
        self.null: frozenset[str] = source.null if source else frozenset()
        self.receiving: frozenset[str] | None = source.receiving if source else None

    def take(self, event: Event, expired: bool) -> None:
        for name, known in event.facts:
            if known is None or expired:
                self.facts.pop(name, None)
            else:
                self.facts[name] = known
        for name, text in event.texts:
            self.texts[name] = text

    def draw(self, event: Event, kind: EventType) -> None:
        """What is drawn, once it is known at all: where it is not, one grant says nothing of the rest."""
        if self.receiving is not None:
            named = frozenset({event.policy})
            self.receiving = self.receiving | named if kind.does == "grant" else self.receiving - named


def fold(book: Watchbook, events: Sequence[Event], day: date) -> Household | None:
    """The facts on `day`, of `standing` events; None before the household was registered, or when nobody is left."""
    whole: _Level | None = None
    members: dict[str, _Level] = {}
    kinds = book.events
    for event in events:
        if event.day > day:
            break
        kind = kinds.get(event.type)
        if kind is None:
            continue  # a kind that the rules no longer know
        if kind.does == "register":
            assert event.whole is not None
            whole = _Level(event.whole)
            members = {member.id: _Level(member) for member in event.whole.members}
        elif kind.does == "join":
            assert event.whole is not None
            members[event.member] = _Level(event.whole.members[0])
        elif kind.does == "leave":
            members.pop(event.member, None)
        else:
            level = members.get(event.member) if event.member else whole
            if level is not None:
                if kind.does:
                    level.draw(event, kind)
                else:
                    level.take(event, event.until is not None and day > event.until)
    if whole is None or not members:
        return None
    _add_up(book, events, day, members)
    return _household(book, whole, members)


def _add_up(book: Watchbook, events: Sequence[Event], day: date, members: dict[str, _Level]) -> None:
    """Sums over the year: at least what the events say. Bills nobody told of may be missing, so the most stays open."""
    first = {"calendar_year": date(day.year, 1, 1), "rolling_year": _year_before(day)}
    earliest = min(first.values())
    totals: dict[tuple[str, str], int] = {}
    kinds = book.events
    for event in events:
        if event.day > day:
            break
        if not event.fields or event.day < earliest or event.member not in members:
            continue
        kind = kinds.get(event.type)
        for each in kind.sums if kind is not None else ():
            if event.day >= first[each.over]:
                for name, value in event.fields:
                    if name == each.of:
                        totals[event.member, each.fact] = totals.get((event.member, each.fact), 0) + value
    for (name, fact), total in totals.items():
        most = book.vocabulary.limits[fact][1]
        members[name].facts[fact] = Known(min(total, most), most)


def _year_before(day: date) -> date:
    """The first day of the year that ends with `day`: the day after the same date a year before."""
    try:
        return date.fromordinal(day.replace(year=day.year - 1).toordinal() + 1)
    except ValueError:  # 29 February
        return date(day.year - 1, 3, 1)


def _household(book: Watchbook, whole: _Level, members: dict[str, _Level]) -> Household:
    open_ = _open(book, "household", whole)
    found = []
    for name in sorted(members):
        level = members[name]
        open_ |= _open(book, "member", level)
        found.append(Member(name, level.facts, level.null - level.facts.keys(), level.receiving, level.texts))
    null = whole.null - whole.facts.keys()
    return Household(whole.facts, tuple(found), null, whole.receiving, whole.texts, open_)


def _open(book: Watchbook, level: str, source: _Level) -> int:
    """The bits of what is not settled (see `Household.open`)."""
    bits, settled = book.bits[level], 0
    for name, known in source.facts.items():
        if known[0] == known[1]:
            settled |= bits[name]
    if source.receiving is not None:
        settled |= bits["receiving"]
    return book.every[level] & ~settled


__all__ = ["fold", "standing"]
