"""An order as people and programs read it: its rule, its reasons in words, what the household may be entitled to."""

from __future__ import annotations

from datetime import date
from typing import Any

from engine.watch.book import Watchbook, later
from engine.watch.fold import fold, standing
from engine.watch.judge import entitlements, grounds
from engine.watch.orders import ACTION_WORDS, STATE_WORDS, Order, Step
from engine.watch.watch import Watch


def brief(book: Watchbook, order: Order, lang: str) -> dict[str, Any]:
    """One line of a list of orders."""
    alert = book.rules.get(order.rule) or book.compared.get(order.rule)
    words = book.rulebook.choices
    urgency = words["alert_urgency"].words.get(order.urgency) if "alert_urgency" in words else None
    return {
        "order": order.number,
        "rule": order.rule,
        "title": alert.title[lang] if alert else order.rule,
        "household": order.household,
        "member": order.member or None,
        "subdistrict": order.subdistrict,
        "urgency": order.urgency,
        "urgency_words": urgency[lang] if urgency else order.urgency,
        "opened": order.opened.isoformat(),
        "due": order.due.isoformat() if order.due else None,
        "state": order.state,
        "state_words": STATE_WORDS[order.state][lang != "zh"],
        "adviser": order.adviser or None,
        "escalated": order.escalated,
    }


def detail(watch: Watch, order: Order, lang: str) -> dict[str, Any]:
    """Everything of an order. The sentences are made now, from the events that were known when its alert was raised."""
    book, desk = watch.book, watch.desk
    alert = book.rules.get(order.rule) or book.compared.get(order.rule)
    found = brief(book, order, lang)
    if alert is not None:
        found["cause"] = alert.cause
        found["department"] = alert.department[lang]
        found["to_do"] = [words[lang] for words in alert.do]
        found["cite"] = [cite.words(lang) for cite in alert.cite]
        if alert.year is not None:
            found["year"] = {"means": alert.year[0], "verified": all(cite.verified for cite in alert.year[1])}
    found["alerts"] = [
        _alert(watch, order, name, subject, date.fromisoformat(since), known, stands, lang)
        for name, subject, since, known, stands in desk.alerts_of(order.number)
    ]
    facts = fold(book, standing(watch.events_of(watch.store.db, order.household)), order.opened)
    found["may_be_entitled_to"] = [] if facts is None else entitlements(book, facts, order.opened, lang)
    found["steps"] = [step_view(each, lang) for each in desk.steps(order.number)]
    return found


def _alert(
    watch: Watch, order: Order, name: str, subject: str, since: date, known: int, stands: bool, lang: str
) -> dict[str, Any]:
    book = watch.book
    found: dict[str, Any] = {"alert": name, "since": since.isoformat(), "stands": stands, "reasons": []}
    if order.rule in book.compared:
        found["change"] = _change(book, order.rule, subject, since, lang)
        return found
    facts = fold(book, standing(watch.events_of(watch.store.db, order.household, known)), since)
    if facts is not None and order.rule in book.rules:
        found["reasons"] = grounds(book, facts, since, order.rule, subject, lang).reasons
    return found


def _change(book: Watchbook, rule: str, subject: str, since: date, lang: str) -> dict[str, Any]:
    policy, member, word = subject.split("/")
    compare = book.compared[rule].compare
    versions = book.rulebook.versions(policy)
    assert compare is not None
    found = {"policy": policy, "member": member or None, "change": word}
    if versions:
        found["title"] = versions[-1].title_on(since)[lang]
    if compare.days:
        found["by"] = later(since, compare.days).isoformat()
    else:
        found["parameter"] = compare.parameter
    return found


def step_view(step: Step, lang: str) -> dict[str, Any]:
    """One step: what was done, by whom, when, and its number in the ledger."""
    said = {key: value for key, value in step.body.items() if key in ("to", "from", "reason", "due", "alert")}
    action = step.body["action"]
    return {
        "step": step.step,
        "action": action,
        "action_words": ACTION_WORDS[action][lang != "zh"],
        "by": step.body["by"],
        "at": step.at,
        "entry": step.entry,
        **said,
    }
