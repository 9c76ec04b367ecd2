"""Which policies can come out otherwise under another rulebook: compared by what they mean, with all they read."""

from __future__ import annotations

from datetime import date
from typing import Any

from engine.language.checks import expressions_of, fact_expressions
from engine.language.difference import tree_of
from engine.language.model import Policy, Rulebook
from engine.language.rulebook import policies_asked
from engine.language.tree import Expr


def affected(old: Rulebook, new: Rulebook, on: date, jurisdictions: frozenset[str] | None = None) -> frozenset[str]:
    """The policies in force under either rulebook whose answer, amount or lawful company can differ on the day.

    Two policies that exclude one another are affected together: what may be drawn changes with either.
    """
    sides = [_Meaning(rulebook, on, jurisdictions) for rulebook in (old, new)]
    names = {*sides[0].in_force, *sides[1].in_force}
    found = {name for name in names if sides[0].of(name) != sides[1].of(name)}
    groups = [set(group.policies) & names for side in sides for group in side.rulebook.exclusions]
    if [g.choices for g in old.exclusions] != [g.choices for g in new.exclusions]:
        apart = [{c.policies for g in b.exclusions for c in g.choices} for b in (old, new)]
        found |= {name for choice in apart[0] ^ apart[1] for name in choice} & names
    grown = True
    while grown:
        more = {name for group in groups if group & found for name in group}
        grown = not more <= found
        found |= more
    return frozenset(found)


class _Meaning:
    """What each policy of a rulebook means on a day: trees, figures of the day, facts and policies it rests on."""

    def __init__(self, rulebook: Rulebook, on: date, jurisdictions: frozenset[str] | None):
        self.rulebook, self.on = rulebook, on
        self.in_force = rulebook.in_force(on, jurisdictions)
        self.known: dict[str, Any] = {}

    def of(self, name: str) -> Any:
        if name not in self.known:
            policy = self.in_force.get(name)
            self.known[name] = self.policy(policy) if policy else self.absent(name)
        return self.known[name]

    def absent(self, name: str) -> Any:
        """Of a policy that is not in force, what decides whether it may yet be had."""
        return [(p.from_date, p.to_date, p.new, p.jurisdiction) for p in self.rulebook.versions(name)]

    def policy(self, policy: Policy) -> Any:
        items = [
            (
                *(i.id, i.per, i.up_to, i.paid_to, i.round_to, i.round_mode),
                *(tree_of(i.amount), tree_of(i.condition), tree_of(i.for_months)),
            )
            for i in policy.gives
        ]
        lets = [(let.name, tree_of(let)) for let in policy.lets]
        read = self.read(expressions_of(policy))
        asked = [(name, self.of(name)) for name in sorted(policies_asked(policy))]
        return policy.level, tree_of(policy.when), lets, items, read, asked

    def read(self, exprs: list[Expr]) -> Any:
        """The facts and figures read, through derived facts: types, trees, and the figures of the day."""
        found: dict[str, Any] = {}
        todo = list(exprs)
        while todo:
            for node in todo.pop().walk():
                if node.op == "parameter" and node.name not in found:
                    parameter = self.rulebook.parameters[node.name]
                    value = parameter.on(self.on)
                    figures = None if value is None else (value.value, value.rows, value.each_further)
                    found[node.name] = parameter.type, parameter.keys, figures
                elif node.op == "fact" and node.name not in found:
                    fact = self.rulebook.facts[node.name]
                    found[node.name] = fact.level, fact.type, tree_of(fact.expr), tree_of(fact.condition)
                    todo += fact_expressions(fact)
                choices = node.type.choices
                if choices and choices in self.rulebook.choices:
                    found[f"{choices} "] = self.rulebook.choices[choices].values
        return sorted(found.items())
