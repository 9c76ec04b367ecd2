"""One decision as an auditor reads it: its reasons as trees with their evidence, what came later, who read it, and what
its own rules or today's make of it. Every look is on record before anything is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import Blueprint, Response

from api import views
from api.cases import case, looked
from api.problems import Problem
from api.v1 import decisions
from api.web.facts import told
from api.web.reading import LOOKS, people_of
from api.web.reading_reason import reason_of, to_reason
from api.web.shown import Shown
from api.web.visit import Visit, page
from engine.decide import Decision
from engine.decide.decision import Answer
from engine.decide.explain import Explainer
from engine.language.words import STATUS, Wording
from engine.ledger import read, rulebooks
from engine.ledger.access import page as reads_of
from engine.ledger.checkpoint import latest
from engine.ledger.entries import Entry
from engine.ledger.recording import document_of
from engine.ledger.replay import again

__all__ = ["Read", "blueprint", "opened"]

blueprint = Blueprint("reading-case", __name__)

MOST_READS = 60


@dataclass(slots=True)
class Read:
    """A decision that was opened: its entry, and it made again from what is stored."""

    visit: Visit
    entry: Entry
    stored: Mapping[str, Any]
    why: str

    @property
    def decision(self) -> Decision:
        return again(self.visit.service.programs.get(self.stored["rulebook"]), self.stored)


def opened(visit: Visit, id: int, kind: str = "read", what: Mapping[str, Any] | None = None) -> Read | None:
    """A decision, its look on record; None where no reason was said yet. Raises Problem."""
    why = reason_of(visit)
    if not why:
        return None
    entry = case(visit, id)
    looked(visit, kind, why, id, what)
    return Read(visit, entry, document_of(entry), why)


@page(blueprint, "GET", "/reading/<entry:id>", scope="cases:all", zh="决定", en="Decision")
def decision(visit: Visit, id: int) -> Response:
    wants = visit.query.get("identity") == "1" and visit.may("identity:read")
    found = opened(visit, id, "identity" if wants else "read")
    if found is None:
        return to_reason(visit)
    home = visit.service.home
    connection = home.store.reader()
    made = found.decision
    people = decisions.identity_of(visit, found.entry) if wants else {}
    later = views.later(read.about(connection, id))
    newest = latest(connection)
    reads = []
    if visit.may("access:read"):
        reads = [views.read_of(each) for each in reads_of(connection, case=id, limit=MOST_READS)]
    return visit.page(
        "reading/decision.html",
        entry=found.entry, stored=found.stored, shown=Shown(made, visit.lang), facts=told(made, visit.lang),
        later=later, why=found.why,
        corrected=next((each["id"] for each in later if each["kind"] == "correction"), 0),
        reads=reads, most_reads=MOST_READS, names=people_of(visit), people=people, wants=wants, erased=people is None,
        covered=newest.document if newest is not None and newest.size("decisions") >= id else None,
        current=visit.service.active.current().digest, statuses=("eligible", "undetermined", "ineligible"),
        words_of={name: words[visit.lang] for name, words in STATUS.items()},
        wording=Wording(made.program.rulebook, visit.lang),
        looks={name: pair[visit.lang != "zh"] for name, pair in LOOKS.items()},
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Condition:
    """A row of the table of outcomes: in words, with what was observed and required."""

    id: str
    member: str
    outcome: str
    text: str
    observed: str
    required: str
    place: str


@page(blueprint, "GET", "/reading/<entry:id>/answers/<name:policy>", scope="cases:all", zh="理由", en="Reasons")
def reasons(visit: Visit, id: int, policy: str) -> Response:
    """The reasons of one policy's answers, and the table of outcomes they were made from."""
    found = opened(visit, id, what={"policy": policy})
    if found is None:
        return to_reason(visit)
    made = found.decision
    answers = [each for each in made.answers if each.policy.id == policy]
    if not answers:
        raise Problem("not-found")
    shown = Shown(made, visit.lang)
    rows = [
        (shown.explainer.answer(each), shown.row(policy, each.member), _outcomes(shown.explainer, made, each))
        for each in answers
    ]
    return visit.page(
        "reading/reasons.html", entry=found.entry, stored=found.stored, rows=rows, policy=answers[0].policy,
        title_now=shown.explainer.title(answers[0].policy), current=visit.service.active.current().digest,
    )  # fmt: skip


def _outcomes(explainer: Explainer, made: Decision, answer: Answer) -> list[Condition]:
    """The table of outcomes an answer was made from, with what was observed and required in words: an outer limit is
    no number here either. Advice and papers, which are no part of the answer, are left out."""
    nodes = made.program.conditions[(answer.policy.id, answer.policy.from_date)]
    found = []
    for each in explainer.outcomes(answer).all():
        node = nodes.get(each.id)
        if node is None or each.id.startswith(("notes.", "documents.")):
            continue
        text = explainer.said.condition(node, answer.policy)
        values = ["", ""]
        if node.expr is not None and len(node.expr.args) == 2:
            sides = zip(node.expr.args, (each.left, each.right), strict=True)
            values = [explainer.shown(expr, value) if value is not None else "" for expr, value in sides]
        found.append(Condition(each.id, each.member, each.word, text, values[0], values[1], str(node.at)))
    return found


# -- replay --


@page(blueprint, "POST", "/reading/<entry:id>/replay", scope="replay", zh="复算", en="Replay")
def replay(visit: Visit, id: int) -> Response:
    """Decide again: by the rules of its day, or by others, with what differs."""
    why = reason_of(visit)
    if not why:
        return to_reason(visit)
    other = visit.form.get("against", "")
    body = {"why": why, **({"against": other} if other else {})}
    report = decisions.replay_decision(visit.sends(body), id).get_json()
    names = None
    if other:
        names = _Named(visit, report["rulebook"]["then"], report["rulebook"]["now"])
    connection = visit.service.home.store.reader()
    return visit.page(
        "reading/replay.html", entry=read.entry(connection, id), report=report, other=other, named=names,
        books=rulebooks.listed(connection)[::-1][:50], current=visit.service.active.current().digest,
        words_of={name: words[visit.lang] for name, words in STATUS.items()},
    )  # fmt: skip


class _Named:
    """Policies, conditions, items and figures of two rulebooks in words: the newer one's where it has them."""

    def __init__(self, visit: Visit, then: str, now: str) -> None:
        self.lang = visit.lang
        self.books = [visit.service.programs.get(digest) for digest in (now, then)]

    @cached_property
    def _titles(self) -> dict[str, str]:
        return {p.id: p.title[self.lang] for each in reversed(self.books) for p in each.rulebook.policies}

    def policy(self, name: str) -> str:
        return self._titles.get(name, name)

    def condition(self, policy: str, id: str) -> str:
        for program in self.books:
            for version in reversed(program.rulebook.versions(policy)):
                node = program.conditions[(policy, version.from_date)].get(id)
                if node is not None:
                    return Wording(program.rulebook, self.lang).condition(node, version)
        return id

    def item(self, policy: str, id: str) -> str:
        for program in self.books:
            for version in reversed(program.rulebook.versions(policy)):
                for item in version.gives:
                    if item.id == id:
                        return item.title[self.lang]
        return id

    def figure(self, name: str) -> str:
        found = next((b.rulebook.parameters[name] for b in self.books if name in b.rulebook.parameters), None)
        return name if found is None else found.label[self.lang]
