"""Sentences made ready and remembered are those a plain walk through tree and table makes anew each time."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest

from engine.decide import compile_rulebook, decide
from engine.decide.decision import Answer, Decision
from engine.decide.examples import run_examples
from engine.decide.explain import Explainer, cited
from engine.decide.lines import Line
from engine.decide.outcomes import NO, Outcomes
from engine.language.household import HouseholdError
from engine.language.model import Policy
from engine.language.tree import Condition
from tests import shipped
from tests.worlds import day_of, household_of, world_of


class Plain:
    """The walk as one would write it down: nothing is made ready, nothing remembered, every outer limit moved."""

    def __init__(self, decision: Decision, lang: str):
        self.decision, self.lang = decision, lang
        self.by = Explainer(decision, lang)
        self.members = tuple(member.id for member in decision.household.members)

    def answer(self, answer: Answer) -> Line:
        table = Outcomes(answer.layout, answer.raw[3], self.members, self.decision.wide_raw(answer)[3])
        return self.condition(answer.policy.when, table, answer.policy, answer.member)

    def condition(self, node: Condition, table: Outcomes, policy: Policy | None, member: str) -> Line:
        cite, place, says = cited(node.cite, self.lang), str(node.at), node.says[self.lang]
        word, name = table.word(node.id), node.id
        if node.expr is not None:
            found = table.get(name)
            figures = tuple(dict.fromkeys(e.name for e in node.expr.walk() if e.op == "parameter"))
            text = self.by.leaf(node.expr, word, found.left, found.right, policy)
            return Line(word, text, self.below(node, member), name, member, cite, place, figures, says)
        if node.kind in ("any_member", "every_member"):
            where, body = node.parts
            lines = []
            for who, inner in table.each(name):
                if inner.word(where.id) != NO:
                    line = self.condition(body, inner, policy, who)
                    text = f"成员 {who}：{line.text}" if self.lang == "zh" else f"{who}: {line.text}"
                    lines.append(
                        Line(line.outcome, text, line.parts, line.id, who, line.cite, line.place, line.figures)
                    )
            return Line(
                word, self.by.wording.condition(node, policy), tuple(lines), name, member, cite, place, says=says
            )
        parts = tuple(self.condition(part, table, policy, member) for part in node.parts)
        if node.kind == "not" and node.parts[0].kind == "leaf":
            (line,) = parts
            return Line(word, line.text, line.parts, name, member, cite or line.cite, place, line.figures, says)
        return Line(word, says or self.by.wording.condition(node, policy), parts, name, member, cite, place)

    def below(self, node: Condition, member: str) -> tuple[Line, ...]:
        assert node.expr is not None
        fact = self.decision.program.rulebook.facts.get(node.expr.name) if node.expr.op == "fact" else None
        if fact is None or fact.condition is None:
            return ()
        near, far = self.decision.run.derived[fact.name], self.decision.wide.derived[fact.name]
        if fact.level == "member":
            near, far = near[self.members.index(member)], far[self.members.index(member)]
        table = Outcomes(self.decision.run.derived_layouts[fact.name], near, self.members, far)
        line = self.condition(fact.condition, table, None, member)
        return (line,) if line.parts or fact.condition.kind == "leaf" else ()


def same(decision: Decision) -> None:
    for lang, again in itertools.product(("zh", "en"), (False, True)):
        explainer, plain = Explainer(decision, lang), Plain(decision, lang)
        for answer in decision.answers:
            when = explainer.told(answer.policy.when, answer)
            assert when == plain.answer(answer), (answer.policy.id, answer.member, lang, again)
            place = range(len(answer.amounts)) if answer.possible else ()
            assert [explainer.open_above(answer, n) for n in place] == [decision.open_above(answer, n) for n in place]


def worlds(seed: int) -> Iterator[Decision]:
    chance = random.Random(seed)
    world = world_of(chance)
    program = compile_rulebook(world.rulebook)
    for unknown in (0, 0, 25, 25, 60):
        on = day_of(chance, world)
        try:
            yield decide(program, household_of(chance, world, on, unknown), on)
        except HouseholdError:
            continue


@pytest.mark.parametrize("seed", range(40))
def test_random_rules_and_households(seed: int) -> None:
    for decision in worlds(seed):
        same(decision)


def test_the_catalogue() -> None:
    for _, _, decision in run_examples(shipped.program(), every=60):
        same(decision)
