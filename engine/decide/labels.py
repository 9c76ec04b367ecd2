"""The labels of a household: tags that its facts carry. They decide nothing; they serve to find people.

A label is worked out after all policies, from the same rows, so that it may ask `qualifies` of this very decision.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from engine.decide.decision import Decision
from engine.decide.explain import Explainer, Line
from engine.decide.kept import Kept
from engine.decide.layout import Layout
from engine.decide.outcomes import Outcomes, word
from engine.decide.program import Program
from engine.decide.remembered import Memory, Raw, memory_of
from engine.decide.run import Run
from engine.language.model import Label
from engine.language.rulebook import policies_asked
from engine.language.types import day_number


@dataclass(frozen=True, slots=True)
class Carried:
    """One label for one subject: `member` is "" for the household; `word` is yes, no or unknown."""

    label: Label
    member: str
    raw: Raw
    layout: Layout

    @property
    def word(self) -> str:
        return word(self.raw[0], self.raw[1])


def carried(decision: Decision) -> tuple[Carried, ...]:
    """Every label in the rulebook's order, each member's in the order of their ids.

    Left out: a label on days before its figures are known, and where only some policies were decided, one that asks
    about another.
    """
    members = decision.run.ids
    return tuple(
        Carried(label, who, raw, layout)
        for label, raws, layout in _all(decision)
        for who, raw in zip(members if label.level == "member" else ("",), raws, strict=True)
    )


def _all(decision: Decision) -> list[tuple[Label, list[Raw], Layout]]:
    """The outcomes of every label that is carried or not."""
    memory = memory_of(decision.edition.parameters, day_number(decision.on))
    shown = _SHOWN(decision.edition.order, decision)
    return [(label, *_run(decision.program, decision.run, memory, label)) for label in shown]


def _shown(_: Any, decision: Decision) -> list[Label]:
    """The labels for the policies decided on the day."""
    decided = {*decision.edition.by_id, *decision.edition.not_in_force}
    return [
        label
        for label in decision.program.rulebook.labels
        if label.policy.in_force(decision.on) and policies_asked(label.policy) <= decided
    ]


_SHOWN = Kept(_shown, 100)  # by the policies in force in their order, made once for each edition


def _run(program: Program, run: Run, memory: Memory, label: Label) -> tuple[list[Raw], Layout]:
    function = program.labels[label.id, label.policy.from_date]
    remembered = memory.of(function)
    if label.level == "household":
        return [remembered.household(run.whole, run.members)], function.layout
    return remembered.everyone(run.whole, run.members), function.layout


def as_json(decision: Decision) -> bytes:
    """The labels in canonical JSON: label -> yes, no or unknown; of a label for members: member -> the same."""
    found: list[str] = []
    for label, raws, _ in _all(decision):
        words = [word(raw[0], raw[1]) for raw in raws]
        if label.level == "member":
            each = [f'"{who}":"{said}"' for who, said in zip(decision.run.ids, words, strict=True)]
            found.append(f'"{label.id}":{{{",".join(each)}}}')
        else:
            found.append(f'"{label.id}":"{words[0]}"')
    found.sort()  # the keys' order: a quotation mark stands before every character of an id
    return f"{{{','.join(found)}}}".encode("ascii")


def as_data(decision: Decision) -> dict[str, str | dict[str, str]]:
    """The same as plain data."""
    found: dict[str, str | dict[str, str]] = json.loads(as_json(decision))
    return found


def explain_label(explainer: Explainer, each: Carried) -> Line:
    """One label with its reasons, as an answer has them."""
    decision, policy = explainer.decision, each.label.policy
    members = decision.run.ids
    memory = memory_of(decision.edition.wide_parameters, day_number(decision.on))
    wide, _ = _run(decision.program, decision.wide, memory, each.label)
    place = members.index(each.member) if each.member else 0
    outcomes = Outcomes(each.layout, each.raw[3], members, wide[place][3])
    when = explainer.condition(policy.when, outcomes, policy, each.member)
    parts = when.parts if policy.when.kind == "all" else (when,)
    words = {"yes": ("有", "yes"), "no": ("没有", "no"), "unknown": ("不明", "not known")}[each.word]
    who = explainer.say(f"（成员 {each.member}）", f" ({each.member})") if each.member else ""
    text = each.label.title[explainer.lang] + who + explainer.say(f"：{words[0]}", f": {words[1]}")
    return Line(each.word, text, parts, each.label.id, each.member, place=str(each.label.at))
