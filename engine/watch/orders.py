"""Orders: a confirmed alert becomes work for one adviser, and everything done about it is said, step by step.

States: new (nobody to give it to yet) → assigned → visited → settled or not_needed, the last with a reason. A second
alert of the same rule about the same people joins the order that is open. Every step is one row of `outbox`, from where
it goes to the ledger in the order it was taken.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from engine.language import canonical
from engine.language.workdays import UnknownYear, workdays_after
from engine.watch.book import Watchbook
from engine.watch.store import WatchStore

OPEN = ("new", "assigned", "visited")
CLOSED = ("settled", "not_needed")
# action -> (states it may be taken in, state it leads to; "" stays)
ACTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "assign": (("new",), "assigned"),
    "hand_over": (("assigned", "visited"), ""),
    "visit": (("assigned",), "visited"),
    "settle": (("visited",), "settled"),
    "not_needed": (OPEN, "not_needed"),
}
ACTION_WORDS: dict[str, tuple[str, str]] = {
    "open": ("建立", "opened"),
    "assign": ("派单", "assigned"),
    "attach": ("并入新预警", "another alert joined"),
    "visit": ("已走访", "visited"),
    "settle": ("办结", "settled"),
    "not_needed": ("无需办理", "not needed"),
    "hand_over": ("转交", "handed over"),
    "escalate": ("逾期上报", "escalated, late"),
    "withdraw": ("预警依据已更正", "an alert lost its ground"),
}
STATE_WORDS: dict[str, tuple[str, str]] = {
    "new": ("待派", "new"),
    "assigned": ("已派", "assigned"),
    "visited": ("已走访", "visited"),
    "settled": ("已办结", "settled"),
    "not_needed": ("无需办理", "not needed"),
}
WITH_REASON = frozenset({"not_needed", "hand_over", "settle"})
LONGEST_REASON = 500


class OrderError(Exception):
    """A step cannot be taken; `code` no-order, not-now, no-adviser, no-reason; zh and en say why."""

    def __init__(self, code: str, zh: str, en: str):
        self.code, self.zh, self.en = code, zh, en
        super().__init__(f"{zh} / {en}")


@dataclass(frozen=True, slots=True)
class Order:
    """One order as it stands. `due` None: the calendar of that year was not known; `adviser` "" for nobody yet."""

    number: int
    household: str
    rule: str
    member: str
    subdistrict: str
    urgency: str
    opened: date
    due: date | None
    state: str
    adviser: str
    escalated: bool
    steps: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an order. `entry`: its number in the ledger, None until it is there."""

    step: int
    at: str
    entry: int | None
    body: dict[str, Any]


_COLUMNS = "number, household, rule, member, subdistrict, urgency, opened, due, state, adviser, escalated, steps"


def _order(row: tuple[Any, ...]) -> Order:
    opened, due = date.fromisoformat(row[6]), date.fromisoformat(row[7]) if row[7] else None
    number, household, rule, member, subdistrict, urgency = row[:6]
    state, adviser, escalated, steps = row[8:]
    return Order(
        number, household, rule, member, subdistrict, urgency, opened, due, state, adviser or "", bool(escalated), steps
    )


class Desk:
    """The orders of one watch. Methods that take a `db` run inside the caller's transaction."""

    def __init__(self, store: WatchStore, book: Watchbook):
        self.store, self.book = store, book

    # -- what the watch does --

    def open(
        self,
        db: sqlite3.Connection,
        alerts: Iterable[str],
        today: date,
        at: str,
        home: Callable[[str], str],
        trace: Callable[[str, str, str, date], list[list[Any]]] = lambda household, rule, subject, since: [],
    ) -> None:
        """An order for each alert, or the open one of the same rule about the same people."""
        for name in alerts:
            query = "SELECT household, rule, subject, since, known FROM alert WHERE id = ?"
            household, rule, subject, since, known = db.execute(query, (name,)).fetchone()
            member = "" if rule in self.book.compared else subject
            row = db.execute(
                "SELECT number FROM work_order WHERE household = ? AND rule = ? AND member = ? "
                "AND state IN ('new', 'assigned', 'visited')",
                (household, rule, member),
            ).fetchone()
            ground = {
                "alert": name,
                "since": since,
                "subject": subject,
                "events_known": known,
                "rulebook": self.book.rulebook.digest,
                "trace": trace(household, rule, subject, date.fromisoformat(since)),
            }
            if row is not None:
                number = row[0]
                self._say(db, number, "attach", "watch", at, ground)
            else:
                number = self._new(db, household, rule, member, home(household), today, at, ground)
            db.execute("UPDATE alert SET ordered = ? WHERE id = ?", (number, name))

    def _new(
        self,
        db: sqlite3.Connection,
        household: str,
        rule: str,
        member: str,
        subdistrict: str,
        today: date,
        at: str,
        ground: dict[str, Any],
    ) -> int:
        alert = self.book.rules.get(rule) or self.book.compared[rule]
        due, why = self.due(alert.urgency, today)
        found = db.execute(
            "INSERT INTO work_order (household, rule, member, subdistrict, urgency, opened, due, state) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, 'new')",
            (household, rule, member, subdistrict, alert.urgency, today.isoformat(), due and due.isoformat()),
        )
        number = int(found.lastrowid or 0)
        about = {
            "household": household,
            "rule": rule,
            "member": member or None,
            "subdistrict": subdistrict,
            "urgency": alert.urgency,
            "due": due.isoformat() if due else None,
            **({"due_not_known": why} if why else {}),
        }
        self._say(db, number, "open", "watch", at, {**about, **ground})
        self._route(db, number, subdistrict, at)
        return number

    def due(self, urgency: str, today: date) -> tuple[date | None, str]:
        """The last working day to act, and why it is not known where it is not."""
        value = self.book.rulebook.parameters[self.book.rulebook.due].on(today)
        rows = {row.keys: row.value for row in value.rows} if value else {}
        days = rows.get((urgency,))
        if days is None:
            return None, f"no figure of {self.book.rulebook.due} for {urgency}"
        try:
            return workdays_after(today, int(days), self.book.rulebook.calendar), ""
        except UnknownYear as error:
            return None, str(error)

    def _route(self, db: sqlite3.Connection, number: int, subdistrict: str, at: str) -> None:
        """To the adviser of the subdistrict with the fewest open orders; nobody there: it stays new."""
        found = db.execute(
            "SELECT adviser.id FROM adviser LEFT JOIN work_order ON work_order.adviser = adviser.id "
            "AND work_order.state IN ('assigned', 'visited') WHERE adviser.subdistrict = ? AND adviser.active "
            "GROUP BY adviser.id ORDER BY count(work_order.number), adviser.id LIMIT 1",
            (subdistrict,),
        ).fetchone()
        if found is not None:
            db.execute("UPDATE work_order SET adviser = ?, state = 'assigned' WHERE number = ?", (found[0], number))
            self._say(db, number, "assign", "watch", at, {"to": found[0]})

    def withdraw(self, db: sqlite3.Connection, alerts: Iterable[str], at: str) -> None:
        """Alerts that lost their ground: their order says so, and closes if nobody was there and no other stands."""
        for name in alerts:
            (number,) = db.execute("SELECT ordered FROM alert WHERE id = ?", (name,)).fetchone()
            if number is None:
                continue
            order = self._one(db, number)
            self._say(db, number, "withdraw", "watch", at, {"alert": name})
            left = db.execute("SELECT 1 FROM alert WHERE ordered = ? AND standing LIMIT 1", (number,)).fetchone()
            if left is None and order.state in ("new", "assigned"):
                db.execute("UPDATE work_order SET state = 'not_needed' WHERE number = ?", (number,))
                reason = "预警依据已被更正 / the ground of the alert was corrected"
                self._say(db, number, "not_needed", "watch", at, {"reason": reason})

    def escalate(self, db: sqlite3.Connection, today: date, at: str) -> list[int]:
        """Say of every open order that is late, once, that it is."""
        late = db.execute(
            "SELECT number, due FROM work_order WHERE due < ? AND NOT escalated "
            "AND state IN ('new', 'assigned', 'visited') ORDER BY number",
            (today.isoformat(),),
        ).fetchall()
        for number, due in late:
            db.execute("UPDATE work_order SET escalated = 1 WHERE number = ?", (number,))
            self._say(db, number, "escalate", "watch", at, {"due": due})
        return [number for number, _ in late]

    # -- what people do --

    def act(self, number: int, action: str, by: str, at: str, *, reason: str = "", to: str = "") -> Order:
        """Take one step. Raises OrderError; `to`: the adviser of assign and hand_over."""
        if action not in ACTIONS:
            raise OrderError("not-now", f"没有“{action}”这一步", f"there is no step '{action}'")
        if action in WITH_REASON and not reason.strip():
            raise OrderError("no-reason", "请写明理由", "say why")
        if len(reason) > LONGEST_REASON:
            raise OrderError("no-reason", f"理由不超过 {LONGEST_REASON} 字", f"at most {LONGEST_REASON} characters")
        states, leads = ACTIONS[action]
        with self.store.alone() as db:
            order = self._one(db, number)
            if order.state not in states:
                state = STATE_WORDS[order.state]
                raise OrderError("not-now", f"工单{state[0]}，不能这样做", f"the order is {state[1]}: not now")
            if action in ("assign", "hand_over"):
                known = db.execute("SELECT 1 FROM adviser WHERE id = ? AND active", (to,)).fetchone()
                if known is None or to == order.adviser:
                    raise OrderError(
                        "no-adviser", "没有这位顾问，或者工单已经在其手中", "no such adviser, or has it already"
                    )
                db.execute("UPDATE work_order SET adviser = ? WHERE number = ?", (to, number))
            if leads:
                db.execute("UPDATE work_order SET state = ? WHERE number = ?", (leads, number))
            said = {key: value for key, value in (("to", to), ("from", order.adviser), ("reason", reason)) if value}
            if action not in ("assign", "hand_over"):
                said.pop("to", None)
                said.pop("from", None)
            self._say(db, number, action, by, at, said)
            return self._one(db, number)

    def adviser(self, name: str, subdistrict: str, active: bool = True) -> None:
        """Enter an adviser, or change where one works."""
        with self.store.alone() as db:
            db.execute(
                "INSERT INTO adviser VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE "
                "SET subdistrict = excluded.subdistrict, active = excluded.active",
                (name, subdistrict, active),
            )

    def route_waiting(self, at: str) -> int:
        """Give orders that waited for an adviser to those who are there by now; how many went."""
        with self.store.alone() as db:
            waiting = db.execute("SELECT number, subdistrict FROM work_order WHERE state = 'new' ORDER BY number")
            before = waiting.fetchall()
            for number, subdistrict in before:
                self._route(db, number, subdistrict, at)
            (left,) = db.execute("SELECT count(*) FROM work_order WHERE state = 'new'").fetchone()
        return len(before) - int(left)

    def advisers(self) -> list[tuple[str, str, bool, int]]:
        """Every adviser: id, subdistrict, active, open orders."""
        return [
            (name, where, bool(active), count)
            for name, where, active, count in self.store.db.execute(
                "SELECT adviser.id, adviser.subdistrict, active, count(work_order.number) FROM adviser "
                "LEFT JOIN work_order ON work_order.adviser = adviser.id "
                "AND work_order.state IN ('assigned', 'visited') GROUP BY adviser.id ORDER BY 1"
            )
        ]

    # -- reading --

    def order(self, number: int) -> Order:
        """One order. Raises OrderError."""
        return self._one(self.store.db, number)

    def _one(self, db: sqlite3.Connection, number: int) -> Order:
        row = db.execute(f"SELECT {_COLUMNS} FROM work_order WHERE number = ?", (number,)).fetchone()
        if row is None:
            raise OrderError("no-order", f"没有第 {number} 号工单", f"there is no order {number}")
        return _order(row)

    def page(
        self,
        *,
        adviser: str | None = None,
        state: str | None = None,
        subdistrict: str | None = None,
        late: date | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[Order]:
        """Orders, newest first; `late`: open ones due before that day; `before`: for the next page."""
        conditions: dict[str, Any] = {
            "adviser = ?": adviser,
            "state = ?": state,
            "subdistrict = ?": subdistrict,
            "state IN ('new', 'assigned', 'visited') AND due < ?": late and late.isoformat(),
            "number < ?": before,
        }
        used = {text: value for text, value in conditions.items() if value is not None}
        where = f"WHERE {' AND '.join(used)}" if used else ""
        query = f"SELECT {_COLUMNS} FROM work_order {where} ORDER BY number DESC LIMIT ?"
        return [_order(row) for row in self.store.db.execute(query, (*used.values(), limit))]

    def steps(self, number: int) -> list[Step]:
        """Everything that was said of an order, first to last."""
        query = "SELECT step, at, entry, body FROM outbox WHERE number = ? ORDER BY step"
        rows = self.store.db.execute(query, (number,))
        return [Step(step, at, entry, json.loads(body)) for step, at, entry, body in rows]

    def alerts_of(self, number: int) -> list[tuple[str, str, str, int, bool]]:
        """The alerts of an order: id, subject, since, events known then, whether it stands."""
        query = "SELECT id, subject, since, known, standing FROM alert WHERE ordered = ? ORDER BY since, subject"
        return [(*row[:4], bool(row[4])) for row in self.store.db.execute(query, (number,))]

    def _say(self, db: sqlite3.Connection, number: int, action: str, by: str, at: str, about: dict[str, Any]) -> None:
        db.execute("UPDATE work_order SET steps = steps + 1 WHERE number = ?", (number,))
        (step,) = db.execute("SELECT steps FROM work_order WHERE number = ?", (number,)).fetchone()
        body = canonical.dumps({**about, "action": action, "by": by, "order": number, "step": step})
        db.execute("INSERT INTO outbox (number, step, at, body) VALUES (?, ?, ?, ?)", (number, step, at, body))
