"""The watch: events in, alerts out. The alerts are a function of the events and the passes alone, in whatever order and
however often the events arrive.

For every rule the days that count are those of the events that can move it, and those of the passes. On each of them
the facts are folded from the events up to that day, and the rule is met or not. An alert begins on the first day it is
met. An event that comes late, or a correction, makes the days from its own day on be looked at again.
"""

from __future__ import annotations

import json
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from engine.watch.book import Watchbook, later
from engine.watch.episodes import Episode, alert_id, redrawn
from engine.watch.events import CORRECTION, NAME, Event, EventError, EventProblem, read_event
from engine.watch.fold import fold, standing
from engine.watch.judge import changes, trace, truths
from engine.watch.orders import Desk
from engine.watch.propose import EvaluatorAlone, Look, Proposer, Tally
from engine.watch.store import WatchStore

KEPT_HOUSEHOLDS = 4_096
TAKEN, REPEATED, REFUSED = "taken", "repeated", "refused"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one event: taken, repeated (it was there already) or refused, with every problem."""

    source: str
    id: str
    status: str
    problems: tuple[EventProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch or a pass came to: a receipt for each event, alerts begun, alerts whose ground went."""

    receipts: tuple[Receipt, ...]
    raised: tuple[str, ...]
    withdrawn: tuple[str, ...]


@dataclass(slots=True)
class _Work:
    """One household with rules to look at again, each from its own day on."""

    household: str
    events: list[Event]
    standing: list[Event]
    dirty: dict[str, date]
    known: int
    days: dict[date, set[str]] = field(default_factory=dict)
    met: dict[str, dict[date, frozenset[str]]] = field(default_factory=dict)


class Watch:
    """One watch over one file. Not for several threads at once: the caller holds a lock, or has one of its own."""

    def __init__(self, store: WatchStore, book: Watchbook, proposer: Proposer | None = None):
        self.store, self.book = store, book
        self.proposer = proposer or EvaluatorAlone()
        self.tally = Tally()
        self.desk = Desk(store, book)
        self._households: OrderedDict[str, list[Event]] = OrderedDict()
        self._counted: dict[str, int] = {}

    # -- events --

    def take(self, raws: Sequence[Any], today: date, at: str) -> Outcome:
        """Take a batch of events; when this returns, those taken are on disk with the alerts and orders they lead to.

        `today` and `at` are the edge's clock: the day orders are opened, the time their entries carry.
        """
        read: list[Event | Receipt] = []
        for raw in raws:
            try:
                read.append(read_event(raw, self.book))
            except EventError as error:
                read.append(Receipt(_text(raw, "source"), _text(raw, "id"), REFUSED, error.problems))
        try:
            with self.store.alone() as db:
                receipts, new = self._insert(db, read)
                last = self._passes(db)[-1:]
                works = [self._work(db, household, events, last) for household, events in new.items()]
                raised, withdrawn = self._look(db, [w for w in works if w.dirty], self.proposer, today, at)
        except BaseException:
            self._households.clear()  # what was not committed may be in it
            raise
        return Outcome(tuple(receipts), tuple(raised), tuple(withdrawn))

    def _insert(
        self, db: sqlite3.Connection, read: Iterable[Event | Receipt]
    ) -> tuple[list[Receipt], dict[str, list[Event]]]:
        receipts: list[Receipt] = []
        new: dict[str, list[Event]] = {}
        for event in read:
            if isinstance(event, Receipt):
                receipts.append(event)
                continue
            body = sqlite3.Binary(event.body)
            done = db.execute(
                "INSERT INTO event (source, id, household, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (event.source, event.id, event.household, body),
            )
            if done.rowcount:
                receipts.append(Receipt(event.source, event.id, TAKEN))
                new.setdefault(event.household, []).append(event)
                continue
            (before,) = db.execute("SELECT body FROM event WHERE source = ? AND id = ?", event.key).fetchone()
            if before == event.body:
                receipts.append(Receipt(event.source, event.id, REPEATED))
            else:
                receipts.append(Receipt(event.source, event.id, REFUSED, (EventProblem("/id", "differs"),)))
        return receipts, new

    def events_of(self, db: sqlite3.Connection, household: str, known: int | None = None) -> list[Event]:
        """Every event of a household as it arrived; `known`: only those written by then.

        What the rules in force can no longer read (a kind of event, a fact that is gone) is left out and counted.
        """
        query = "SELECT body FROM event WHERE household = ? AND seq <= ? ORDER BY seq"
        rows = db.execute(query, (household, known if known is not None else 2**62))
        found: list[Event] = []
        for (body,) in rows:
            try:
                found.append(read_event(json.loads(body, parse_float=Decimal), self.book))
            except EventError:
                self.tally.unreadable += 1
        return found

    def _work(self, db: sqlite3.Connection, household: str, new: list[Event], last: list[date]) -> _Work:
        row = db.execute("SELECT events, unchecked FROM household WHERE id = ?", (household,)).fetchone()
        count, unchecked = row or (0, None)
        events = self._households.pop(household, None)
        if events is None and not count:
            events = []
        fresh = events is not None and len(events) == count
        events = [*events, *new] if events is not None and fresh else self.events_of(db, household)
        self._households[household] = events
        if len(self._households) > KEPT_HOUSEHOLDS:
            self._households.popitem(last=False)
        first = min(self._dirty_day(event, events) for event in new).isoformat()
        unchecked = first if unchecked is None else min(first, unchecked)
        db.execute(
            "INSERT INTO household VALUES (?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET events = excluded.events, unchecked = excluded.unchecked",
            (household, len(events), unchecked),
        )
        (known,) = db.execute("SELECT max(seq) FROM event").fetchone()
        return _Work(household, events, standing(events), self._dirty(events, new, last), known)

    def _dirty_day(self, event: Event, events: list[Event]) -> date:
        return min((each.day for each in _undone(event, events)), default=event.day)

    def _dirty(self, events: list[Event], new: list[Event], last: list[date]) -> dict[str, date]:
        """The rules to look at again, each from which day on."""
        found: dict[str, date] = {}
        undone = {(each.source, each.corrects) for each in events if each.type == CORRECTION}
        for event in new:
            for each in _undone(event, events) if event.type == CORRECTION else [event]:
                if event.type != CORRECTION and event.key in undone:
                    continue
                rules = [*self.book.moved_by.get(each.type, ())]
                if last and last[0] >= each.day:
                    rules += self.book.compared
                for rule in rules:
                    found[rule] = min(found.get(rule, each.day), each.day)
        return found

    def _passes(self, db: sqlite3.Connection) -> list[date]:
        return [date.fromisoformat(day) for (day,) in db.execute("SELECT day FROM pass ORDER BY day")]

    # -- looking --

    def _look(
        self, db: sqlite3.Connection, works: list[_Work], proposer: Proposer, today: date, at: str
    ) -> tuple[list[str], list[str]]:
        if not works:
            return [], []
        passes = self._passes(db)
        looks: list[tuple[_Work, Look]] = []
        for work in works:
            self._timeline(work, passes)
            for day in sorted(work.days):
                facts = fold(self.book, work.standing, day)
                rules = frozenset(work.days[day])
                if facts is None:
                    self._met(work, day, dict.fromkeys(rules, frozenset()))
                    continue
                plain = frozenset(rules & self.book.rules.keys())
                if plain:
                    looks.append((work, Look(facts, day, plain)))
                for rule in rules - plain:
                    days = self.book.compared[rule].compare
                    then = fold(self.book, work.standing, later(day, days.days)) if days and days.days else facts
                    self._met(work, day, {rule: changes(self.book, facts, then, day, rule)})
        proposals = proposer.propose([look for _, look in looks])
        for (work, look), proposed in zip(looks, proposals, strict=True):
            found = truths(self.book, look.household, look.day, proposed) if proposed else {}
            if proposer is self.proposer:  # not of a pass, where the evaluator looks at everything
                self.tally.looked += len(look.rules)
                self.tally.proposed += len(proposed)
                self.tally.confirmed += sum(1 for who in found.values() if who)
            self._met(work, look.day, {rule: found.get(rule, frozenset()) for rule in look.rules})
        raised: list[str] = []
        withdrawn: list[str] = []
        for work in works:
            self._draw(db, work, raised, withdrawn)
        self.desk.open(
            db, raised, today, at, lambda household: self._home(db, household), lambda *about: self._trace(db, *about)
        )
        self.desk.withdraw(db, withdrawn, at)
        self._count(db)
        return raised, withdrawn

    def _count(self, db: sqlite3.Connection) -> None:
        """Add what is new in the tally to the counts in the file, which every process adds to."""
        for name, count in self.tally.counts().items():
            if count != self._counted.get(name, 0):
                db.execute(
                    "INSERT INTO tally VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET count = count + excluded.count",
                    (name, count - self._counted.get(name, 0)),
                )
        self._counted = self.tally.counts()

    def _timeline(self, work: _Work, passes: list[date]) -> None:
        """Which rules are looked at on which days."""
        for rule, first in work.dirty.items():
            days = {day for day in passes if day >= first}
            if rule in self.book.rules:
                days |= {
                    event.day
                    for event in work.standing
                    if event.day >= first and rule in self.book.moved_by.get(event.type, ())
                }
            work.met[rule] = {}
            for day in days:
                work.days.setdefault(day, set()).add(rule)

    def _met(self, work: _Work, day: date, met: dict[str, frozenset[str]]) -> None:
        for rule, who in met.items():
            work.met[rule][day] = who

    def _draw(self, db: sqlite3.Connection, work: _Work, raised: list[str], withdrawn: list[str]) -> None:
        """Bring the alerts of a household in line with what its days came to."""
        rows = db.execute(
            "SELECT id, rule, subject, since, until, standing FROM alert WHERE household = ?", (work.household,)
        ).fetchall()
        for rule, first in work.dirty.items():
            mine = {row[0]: row for row in rows if row[1] == rule}
            known = [_episode(row) for row in mine.values() if row[5]]
            found, gone = redrawn(known, first, work.met[rule])
            for each in found:
                name = alert_id(work.household, rule, each.subject, each.since)
                row, until = mine.get(name), each.until and each.until.isoformat()
                if row is None:
                    db.execute(
                        "INSERT INTO alert VALUES (?, ?, ?, ?, ?, ?, 1, ?, NULL)",
                        (name, work.household, rule, each.subject, each.since.isoformat(), until, work.known),
                    )
                    raised.append(name)
                elif not row[5] or row[4] != until:
                    db.execute("UPDATE alert SET until = ?, standing = 1 WHERE id = ?", (until, name))
                    if not row[5]:
                        db.execute("UPDATE alert SET known = ? WHERE id = ?", (work.known, name))
                        raised.append(name)
            for each in gone:
                name = alert_id(work.household, rule, each.subject, each.since)
                db.execute("UPDATE alert SET standing = 0 WHERE id = ?", (name,))
                withdrawn.append(name)

    def _home(self, db: sqlite3.Connection, household: str) -> str:
        """The subdistrict of a household by its latest events; "" where it is not known."""
        events = self._households.get(household)
        facts = fold(self.book, standing(events or self.events_of(db, household)), date.max)
        return facts.texts.get("subdistrict", "") if facts is not None else ""

    def _trace(self, db: sqlite3.Connection, household: str, rule: str, subject: str, since: date) -> list[list[Any]]:
        """The evaluator's trace that confirms an alert; empty for a comparison, whose subject says what changed."""
        if rule not in self.book.rules:
            return []
        facts = fold(self.book, standing(self._households.get(household) or self.events_of(db, household)), since)
        assert facts is not None
        return trace(self.book, facts, since, rule, subject)

    # -- the pass --

    def tick(
        self, day: date, today: date, at: str, progress: Callable[[int, int], None] = lambda done, of: None
    ) -> Outcome:
        """The periodic pass: the evaluator alone looks at every household on `day`, compares what is coming, and makes
        good what proposals missed since the last pass (`tally.missed`, `tally.invented`)."""
        raised: list[str] = []
        withdrawn: list[str] = []
        alone = EvaluatorAlone()
        with self.store.alone() as db:
            db.execute("INSERT INTO pass VALUES (?) ON CONFLICT DO NOTHING", (day.isoformat(),))
            for (rule,) in db.execute("SELECT DISTINCT rule FROM alert WHERE standing AND until IS NULL").fetchall():
                if rule not in self.book.rules and rule not in self.book.compared:  # a rule that was taken back
                    gone = (day.isoformat(), rule)
                    db.execute("UPDATE alert SET until = ? WHERE rule = ? AND standing AND until IS NULL", gone)
        (many,) = self.store.db.execute("SELECT count(*) FROM household").fetchone()
        done, last = 0, ""
        while True:
            with self.store.alone() as db:
                query = "SELECT id, unchecked FROM household WHERE id > ? ORDER BY id LIMIT 200"
                rows = db.execute(query, (last,)).fetchall()
                if not rows:
                    break
                works = [self._pass_over(db, household, day, unchecked) for household, unchecked in rows]
                checked = [w for w, (_, unchecked) in zip(works, rows, strict=True) if unchecked is not None]
                self._make_good(db, checked, alone, today, at)
                began, ended = self._look(db, works, alone, today, at)
                raised += began
                withdrawn += ended
                last = rows[-1][0]
                db.execute("UPDATE household SET unchecked = NULL WHERE id <= ? AND unchecked IS NOT NULL", (last,))
            done += len(rows)
            progress(done, many)
        with self.store.alone() as db:
            self.desk.escalate(db, today, at)
        return Outcome((), tuple(raised), tuple(withdrawn))

    def _pass_over(self, db: sqlite3.Connection, household: str, day: date, unchecked: str | None) -> _Work:
        events = self._households.get(household) or self.events_of(db, household)
        (known,) = db.execute("SELECT max(seq) FROM event").fetchone()
        rules = {**self.book.rules, **self.book.compared}
        return _Work(household, events, standing(events), dict.fromkeys(rules, day), known)

    def _make_good(
        self, db: sqlite3.Connection, works: list[_Work], alone: EvaluatorAlone, today: date, at: str
    ) -> None:
        """Look again, with the evaluator alone, at the days of the events since the last pass."""
        if self.proposer.name == alone.name:
            return
        again = []
        for work in works:
            (unchecked,) = db.execute("SELECT unchecked FROM household WHERE id = ?", (work.household,)).fetchone()
            first = date.fromisoformat(unchecked)
            again.append(
                _Work(work.household, work.events, work.standing, dict.fromkeys(self.book.rules, first), work.known)
            )
        raised, withdrawn = self._look(db, again, alone, today, at)
        self.tally.missed += len(raised)
        self.tally.invented += len(withdrawn)
        self._count(db)

    # -- reading --

    def alerts(self) -> list[tuple[str, str, str, str, str | None]]:
        """Every alert that stands: household, rule, subject, since, until."""
        query = "SELECT household, rule, subject, since, until FROM alert WHERE standing ORDER BY 1, 2, 3, 4"
        return list(self.store.db.execute(query))

    def close(self) -> None:
        self.proposer.close()
        self.store.close()


def _undone(event: Event, events: list[Event]) -> list[Event]:
    """The event a correction undoes, where it is there; else the event itself."""
    if event.type != CORRECTION:
        return [event]
    return [each for each in events if each.source == event.source and each.id == event.corrects]


def _episode(row: tuple[Any, ...]) -> Episode:
    return Episode(row[2], date.fromisoformat(row[3]), date.fromisoformat(row[4]) if row[4] else None)


def _text(raw: Any, key: str) -> str:
    """A name to answer with, if it is one: what was sent in its place may be anything."""
    value = raw.get(key) if isinstance(raw, dict) else None
    return value if isinstance(value, str) and NAME.match(value) else ""
