"""The judge of every alert: the evaluator, over the facts of a household on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from engine.decide.decision import Decision
from engine.decide.explain import Explainer
from engine.decide.run import Run, run
from engine.language.household import Household, HouseholdError
from engine.watch.book import Watchbook, later

Subject = str
"""Whom an alert is about: "" the household, a member's id, or of a comparison `policy/member/gained` (or lost)."""


def truths(book: Watchbook, household: Household, day: date, rules: frozenset[str]) -> dict[str, frozenset[Subject]]:
    """Which of the rules are met on `day`, and for whom. A household that cannot be decided meets none."""
    edition = book.edition(day, rules)
    wanted = [name for name in rules if name in edition.by_id]
    found: dict[str, frozenset[Subject]] = {name: frozenset() for name in rules}
    if not wanted:
        return found
    try:
        outcome = run(book.program, edition, household)
    except HouseholdError:
        return found
    for name in wanted:
        found[name] = _met(book, outcome, household, name)
    return found


def _met(book: Watchbook, outcome: Run, household: Household, name: str) -> frozenset[Subject]:
    raws = outcome.first[name]
    by_member = book.rules[name].level == "member"
    return frozenset(
        household.members[place].id if by_member else ""
        for place, raw in enumerate(raws)
        if raw[0] and all(item[3] for item in raw[2])  # certainly met, and `possible` not ruled out
    )


def changes(book: Watchbook, now: Household, then: Household | None, day: date, name: str) -> frozenset[Subject]:
    """What a comparison finds: who gains or loses which policy. `then`: the facts as they will be known on the day."""
    compare = book.compared[name].compare
    assert compare is not None
    edition = book.edition(day, frozenset())
    if compare.days:
        other = book.edition(later(day, compare.days), frozenset())
    else:
        changed = book.changed(edition, compare)
        if changed is None:
            return frozenset()
        other, then = changed, now
    if then is None:
        return frozenset()
    try:
        before, after = run(book.program, edition, now), run(book.program, other, then)
    except HouseholdError:
        return frozenset()
    found: set[Subject] = set()
    names = compare.policies or tuple(before.first)
    for policy in names:
        if policy not in before.first or policy not in after.first:
            continue
        member = book.vocabulary.policies[policy] == "member"
        mine, theirs = _by_subject(before, now, policy, member), _by_subject(after, then, policy, member)
        for who in mine.keys() & theirs.keys():
            if mine[who] != theirs[who]:
                word = "gained" if theirs[who] else "lost"
                if word in compare.counts:
                    found.add(f"{policy}/{who}/{word}")
    return frozenset(found)


def _by_subject(outcome: Run, household: Household, policy: str, member: bool) -> dict[str, bool]:
    return {household.members[place].id if member else "": raw[0] for place, raw in enumerate(outcome.first[policy])}


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why an alert was raised, and what the household may be entitled to, in words."""

    reasons: list[dict[str, Any]]
    entitlements: list[dict[str, Any]]


def trace(book: Watchbook, household: Household, day: date, name: str, subject: Subject) -> list[list[Any]]:
    """The outcome of every condition of a rule for one subject: [condition, member or None, yes|no|unknown]."""
    edition = book.edition(day, frozenset({name}))
    decision = Decision(book.program, edition, household, run(book.program, edition, household))
    answer = decision.answer(name, subject)
    return [[o.id, o.member or None, o.word] for o in answer.outcomes.all()]


def grounds(book: Watchbook, household: Household, day: date, name: str, subject: Subject, lang: str) -> Grounds:
    """The reasons of an alert in sentences, and the policies that are, or may be, due and are not drawn."""
    reasons: list[dict[str, Any]] = []
    if name in book.rules:
        decision = _decision(book, household, day, frozenset({name}))
        if name in decision.edition.by_id:
            answer = decision.answer(name, subject)
            reasons = [line.data() for line in Explainer(decision, lang).answer(answer).parts]
    return Grounds(reasons, entitlements(book, household, day, lang))


def entitlements(book: Watchbook, household: Household, day: date, lang: str) -> list[dict[str, Any]]:
    """Policies the household is found entitled to, or that are not ruled out, and that it is not known to draw."""
    decision = _decision(book, household, day, frozenset())
    return [
        {
            "policy": answer.policy.id,
            "title": answer.policy.title_on(day)[lang],
            "member": answer.member or None,
            "status": answer.status,
        }
        for answer in decision.answers
        if answer.possible and answer.receives != "yes"
    ]


def _decision(book: Watchbook, household: Household, day: date, rules: frozenset[str]) -> Decision:
    edition = book.exact(day, rules)
    return Decision(book.program, edition, household, run(book.program, edition, household))
