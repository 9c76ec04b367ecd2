"""What a decision can be found by in words: names of policies, how they came out, and the conditions that
settled it.

The sentences of an explanation take longer to make than the decision itself, and nobody has asked for them
when a decision is recorded. So the conditions are put into words once for each policy version, without the
values observed, and a decision picks those that count. They come from the rulebook's own labels: nothing a
household said is in them.
"""

from __future__ import annotations

from datetime import date

from engine.decide import Decision
from engine.decide.decision import Answer
from engine.decide.outcomes import term
from engine.language.model import Policy, Rulebook
from engine.language.operators import OPERATORS
from engine.language.tree import Condition
from engine.language.words import STATUS, Wording

__all__ = ["Phrases"]

_Leaf = tuple[str, bool, str]  # condition id, under a `not`, the condition in words

_HEADS = {"eligible": "满足", "ineligible": "未满足", "undetermined": "尚不能确定"}


class Phrases:
    """The words of one rulebook's conditions, in Chinese. Made as they are needed; may be shared between
    threads."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._rulebook = rulebook
        self._leaves: dict[tuple[str, date], tuple[_Leaf, ...]] = {}

    def of(self, decision: Decision) -> str:
        """The text of a decision: a line for each policy, `title：status。head：condition；condition`.

        Of an eligible answer the conditions that speak for it, of an ineligible one those against it, of an
        open one those not known; members whose answers read the same share a line.
        """
        lines: dict[str, None] = {}
        for answer in decision.answers:
            said = answer.raw.said
            line = said.get("phrase")
            if line is None:
                line = said["phrase"] = self._line(decision, answer)
            lines[line] = None
        waits = dict.fromkeys(self._fact(each.fact) for each in decision.missing)
        if waits:
            lines[f"尚缺：{'、'.join(waits)}"] = None
        return "\n".join(lines)

    def _line(self, decision: Decision, answer: Answer) -> str:
        """One answer's line. Most answers of most households come out in one of a few ways: each is worded once."""
        title = answer.policy.title_on(decision.on).zh
        return f"{title}：{STATUS[answer.status].zh}。{self._why(answer)}"

    def _why(self, answer: Answer) -> str:
        row, places = answer.raw[3], answer.layout.conditions
        wanted = (answer.certain, answer.possible)
        turned = (not answer.possible, not answer.certain)
        chosen: dict[str, None] = {}
        for id, negated, words in self._of(answer.policy):
            place = places.get(id)
            if place is None:
                continue
            found = bool(term(row, place.certain)), bool(term(row, place.possible))
            if found == (turned if negated else wanted):
                chosen[words] = None
        return f"{_HEADS[answer.status]}：{'；'.join(chosen)}"

    def _fact(self, name: str) -> str:
        fact = self._rulebook.facts.get(name)
        return fact.label.zh if fact else "正在享受的待遇"

    def _of(self, policy: Policy) -> tuple[_Leaf, ...]:
        key = (policy.id, policy.from_date)
        found = self._leaves.get(key)
        if found is None:
            found = self._leaves[key] = self._make(policy)
        return found

    def _make(self, policy: Policy) -> tuple[_Leaf, ...]:
        wording = Wording(self._rulebook, "zh", policy.from_date)
        found: list[_Leaf] = []

        def walk(node: Condition, negated: bool) -> None:
            if node.kind in ("leaf", "any_member", "every_member"):
                words = node.says.zh or wording.condition(node, policy)
                found.append((node.id, negated, OPERATORS["not"].zh.format(words) if negated else words))
                return
            for part in node.parts:
                walk(part, negated != (node.kind in ("none", "not")))

        walk(policy.when, False)
        return tuple(found)
