"""How many policies a rulebook holds that decide something themselves, and how many merely follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.language.checks import top_level
from engine.language.model import Item, Policy, Rulebook
from engine.language.tree import Citation, Expr
from engine.language.types import Base

# Who counts in the household is asked of every policy that follows a household's status: no condition of its own.
_WHO = {"counted"}


@dataclass(frozen=True, slots=True)
class Census:
    """The policies of a rulebook, each in one of three lists, in catalogue order.

    counted     a condition of their own and an article: some condition reads a fact or a figure and not only what other
                policies come to, and an article of law is cited
    followers   referrals, and what merely follows the status other policies give
    no_article  a condition of their own, but only documents without an article are cited
    with_sum    those of `counted` that give a sum of which every figure has been published
    """

    counted: tuple[str, ...]
    followers: tuple[str, ...]
    no_article: tuple[str, ...]
    with_sum: tuple[str, ...]


def census(rulebook: Rulebook) -> Census:
    """Counts the policies; of several texts of one policy it is enough that one fits."""
    texts = {name: rulebook.versions(name) for name in rulebook.ids()}
    own = [name for name, each in texts.items() if any(map(_has_condition, each)) and each[-1].kind != "referral"]
    counted = tuple(name for name in own if any(map(_has_article, texts[name])))
    return Census(
        counted,
        tuple(name for name in texts if name not in own),
        tuple(name for name in own if name not in counted),
        tuple(name for name in counted if any(_has_sum(rulebook, each) for each in texts[name])),
    )


def _has_condition(policy: Policy) -> bool:
    lets = {let.name: [let.expr] if let.expr else top_level(let.condition) for let in policy.lets}
    return any(_reads_itself(expr, lets) for expr in top_level(policy.when))


def _reads_itself(expr: Expr, lets: dict[str, list[Expr]]) -> bool:
    for node in expr.walk():
        if node.op == "parameter" or (node.op == "fact" and node.name not in _WHO):
            return True
        if node.op == "let" and any(_reads_itself(each, lets) for each in lets[node.name]):
            return True
    return False


def _has_article(policy: Policy) -> bool:
    cites: list[Citation] = [*policy.cite, *(cite for node in policy.when.walk() for cite in node.cite)]
    cites += [cite for item in policy.gives for cite in item.cite]
    return any(cite.law and cite.article for cite in cites)


def _has_sum(rulebook: Rulebook, policy: Policy) -> bool:
    return any(_published(rulebook, policy, item) for item in policy.gives)


def _published(rulebook: Rulebook, policy: Policy, item: Item) -> bool:
    """Whether an item's sum is worked out from figures, each published on some day the policy is in force."""
    if item.amount is None:
        return False
    lets = {let.name: let.expr for let in policy.lets}
    figures = set(_worked_from(item.amount, lets, rulebook))
    return bool(figures) and all(_is_published(rulebook, name, policy) for name in figures)


def _worked_from(expr: Expr, lets: dict[str, Expr | None], rulebook: Rulebook) -> Iterator[str]:
    """The figures whose value goes into the expression's: not those a test or the key of a table reads."""
    below: Expr | None = None
    if expr.op == "parameter":
        yield expr.name
        return
    if expr.op == "let":
        below = lets[expr.name]
    elif expr.op == "fact" and expr.name in rulebook.facts:
        below = rulebook.facts[expr.name].expr
    if below is not None:
        yield from _worked_from(below, lets, rulebook)
    if expr.type.base is Base.YES_NO:
        return
    for arg in expr.args:
        if arg.type.base is not Base.YES_NO:
            yield from _worked_from(arg, lets, rulebook)


def _is_published(rulebook: Rulebook, name: str, policy: Policy) -> bool:
    """Whether a figure, or a row of its table, above nought is published for some day the policy is in force."""
    values = rulebook.parameters[name].values
    until = [later.from_date for later in values[1:]] + [None]
    return any(
        (value.value or any(row.value for row in value.rows))
        and (policy.to_date is None or value.from_date <= policy.to_date)
        and (end is None or end > policy.from_date)
        for value, end in zip(values, until, strict=True)
    )


__all__ = ["Census", "census"]
