"""What must be true of a rulebook beyond each file's own grammar: one function a check, all in `CHECKS`.

Checks that need an answer (examples and their borders) are in `engine/decide/examples.py`: they run the engine.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction

from engine.language.ends import Folded
from engine.language.magnitude import LARGEST, largest_integer
from engine.language.model import Fact, Let, Parameter, Policy, Rulebook
from engine.language.problems import Problems
from engine.language.tree import Condition, Expr
from engine.language.types import Base, decimal_text

Check = Callable[[Rulebook, Problems], None]


def expressions_of(policy: Policy) -> list[Expr]:
    """Every expression of a policy, in file order."""
    return [*(expr for let in policy.lets for expr in _of_let(let)), *_beside_lets(policy)]


def _of_let(let: Let) -> list[Expr]:
    return [let.expr] if let.expr is not None else top_level(let.condition)


def _beside_lets(policy: Policy) -> list[Expr]:
    found = top_level(policy.when)
    for item in policy.gives:
        found += top_level(item.condition)
        found += [expr for expr in (item.amount, item.for_months) if expr is not None]
    for note in policy.notes:
        found += top_level(note.condition)
    for document in policy.documents:
        found += top_level(document.condition)
    return found


def top_level(condition: Condition | None) -> list[Expr]:
    """The leaves' expressions of a condition tree."""
    return [node.expr for node in condition.walk() if node.expr is not None] if condition else []


def fact_expressions(fact: Fact) -> list[Expr]:
    return [fact.expr] if fact.expr is not None else top_level(fact.condition)


def parameters_read(rulebook: Rulebook, exprs: list[Expr]) -> dict[str, Expr]:
    """The parameters read, also through derived facts; each with the expression that reads it first."""
    found: dict[str, Expr] = {}
    done: set[str] = set()
    todo = list(exprs)
    while todo:
        for node in todo.pop(0).walk():
            if node.op == "parameter":
                found.setdefault(node.name, node)
            elif node.op == "fact" and node.name not in done:
                done.add(node.name)
                todo += fact_expressions(rulebook.facts[node.name]) if node.name in rulebook.facts else []
    return found


def dates_do_not_overlap(rulebook: Rulebook, problems: Problems) -> None:
    for name in rulebook.ids():
        versions = rulebook.versions(name)
        for earlier, later in itertools.pairwise(versions):
            if earlier.to_date is None or earlier.to_date >= later.from_date:
                day = later.from_date - timedelta(days=1)
                hint = (f"give the earlier one in_force.to {day}", f"请在较早版本写 in_force.to: {day}")
                problems.add("dates-overlap", later.at, hint, other=earlier.at)


def figures_cover_the_policy(rulebook: Rulebook, problems: Problems) -> None:
    """A figure a policy reads has a value (perhaps null) from the policy's first day on."""
    for policy in rulebook.policies:
        for name, expr in parameters_read(rulebook, expressions_of(policy)).items():
            values = rulebook.parameters[name].values
            if values and values[0].from_date > policy.from_date:
                hint = (
                    "begin the policy later, or add {from: …, value: null} for the days without a known figure",
                    "请推迟政策起始日，或为没有数值的日子补上 {from: …, value: null}",
                )
                at = expr.at if expr.at.file == policy.at.file else policy.at
                problems.add(
                    "dates-leave-gap",
                    at,
                    hint,
                    name=name,
                    first=values[0].from_date,
                    policy=policy.id,
                    needed=policy.from_date,
                )


def tables_cover_their_keys(rulebook: Rulebook, problems: Problems) -> None:
    """The first band of a table begins at or below the least its key can be."""
    exprs = [expr for policy in rulebook.policies for expr in expressions_of(policy)]
    exprs += [expr for fact in rulebook.facts.values() for expr in fact_expressions(fact)]
    for top in exprs:
        for node in top.walk():
            if node.op != "parameter" or not node.args:
                continue
            parameter = rulebook.parameters[node.name]
            for at, (key, arg) in enumerate(zip(parameter.keys, node.args, strict=True)):
                for first in _first_bands(parameter, at) if key.band else ():
                    if first > arg.type.least:
                        hint = (
                            "begin the first band lower, or declare `lowest` for the key",
                            "请降低首段起点，或为该键声明 lowest",
                        )
                        problems.add("row-missing", arg.at, hint, name=node.name, key=decimal_text(arg.type.least))
                        break


def _first_bands(parameter: Parameter, at: int) -> list[Fraction]:
    """Where the bands of one key begin, for each value and each choice of the keys before it."""
    found: list[Fraction] = []
    for value in parameter.values:
        starts: dict[tuple[str | Fraction, ...], list[Fraction]] = {}
        for row in value.rows:
            start = row.keys[at]
            assert isinstance(start, Fraction)
            starts.setdefault(row.keys[:at], []).append(start)
        found += [min(each) for each in starts.values()]
    return found


def conditions_can_hold(rulebook: Rulebook, problems: Problems) -> None:
    """A comparison whose sides' declared ranges already settle it is no condition."""
    for policy in rulebook.policies:
        for condition in policy.conditions():
            for leaf in condition.walk():
                if leaf.expr is not None:
                    _look_at_ranges(leaf.expr, problems)


def _look_at_ranges(expr: Expr, problems: Problems) -> None:
    if expr.op not in ("<", "<=", ">", ">=") or expr.args[0].type.base is Base.CHOICE:
        return
    left, right = expr.args
    if expr.op in (">", ">="):
        left, right = right, left
    strict = expr.op in ("<", ">")
    a, b = left.type, right.type
    never = a.least >= b.most if strict else a.least > b.most
    always = a.most < b.least if strict else a.most <= b.least
    if never or always:
        words = {
            "left": _source(left, problems),
            "right": _source(right, problems),
            "left_range": f"{decimal_text(a.least)} … {decimal_text(a.most)}",
            "right_range": f"{decimal_text(b.least)} … {decimal_text(b.most)}",
        }
        problems.add("never-holds" if never else "always-holds", expr.at, **words)


def _source(expr: Expr, problems: Problems) -> str:
    """The text of an expression as it stands in its file."""
    lines = problems.lines.get(expr.at.file, [])
    if not 0 < expr.at.line <= len(lines):
        return expr.name or expr.op
    return lines[expr.at.line - 1][expr.at.column - 1 : expr.at.column - 1 + expr.at.width]


def integers_of_facts_fit(rulebook: Rulebook, problems: Problems) -> None:
    """No integer behind a derived fact can pass 64 bits, whatever the facts within their declared ranges."""
    for fact in rulebook.facts.values():
        for expr in fact_expressions(fact):
            _fits(rulebook, expr, {}, problems)


def integers_of_policies_fit(rulebook: Rulebook, problems: Problems) -> None:
    """Nor any behind a policy."""
    for policy in rulebook.policies:
        lets: dict[str, Folded] = {}
        for let in policy.lets:
            for expr in _of_let(let):
                lets[let.name] = _fits(rulebook, expr, lets, problems)
        for expr in _beside_lets(policy):
            _fits(rulebook, expr, lets, problems)


def _fits(rulebook: Rulebook, expr: Expr, lets: dict[str, Folded], problems: Problems) -> Folded:
    largest, value = largest_integer(rulebook, expr, lets)
    if largest > LARGEST:
        hint = ("narrow the `highest` of the facts and parameters it reads", "请收窄所读事实和参数的 highest")
        problems.add("overflow", expr.at, hint, size=f"{largest:.1e}" if largest < 10**300 else "10^300")
    return value


def derived_facts_stay_in_limits(rulebook: Rulebook, problems: Problems) -> None:
    """What a derived fact can come to lies within its limits, unless narrower ones are declared on purpose."""
    for fact in rulebook.facts.values():
        if fact.expr is None or not fact.type.numeric:
            continue
        if (
            fact.expr.type.least < fact.type.least
            and fact.type.least == 0
            and not _declares(rulebook, fact, "lowest", problems)
        ):
            hint = ("declare `lowest` for it, or write max(0, …)", "请声明 lowest，或写 max(0, …)")
            problems.add(
                "out-of-range",
                fact.expr.at,
                hint,
                text=f"{decimal_text(fact.expr.type.least)} ('{fact.name}')",
                lowest=decimal_text(fact.type.least),
                highest=decimal_text(fact.type.most),
            )


def _declares(rulebook: Rulebook, fact: Fact, key: str, problems: Problems) -> bool:
    """Whether the lines of the fact's declaration name `key` (the model keeps limits, not who set them)."""
    lines = problems.lines.get(fact.at.file, [])
    for line in lines[fact.at.line - 1 : fact.at.line + 15]:
        if f"{key}:" in line:
            return True
        if line is not lines[fact.at.line - 1] and line.strip() and len(line) - len(line.lstrip()) < fact.at.column:
            return False
    return False


def policies_keep_to_their_place(rulebook: Rulebook, problems: Problems) -> None:
    """A policy asks only about policies of its own jurisdiction or of one that is in force with it."""
    at_home = {name for name, j in rulebook.jurisdictions.items() if j.in_force}
    homes: dict[str, set[str]] = {}
    for policy in rulebook.policies:
        homes.setdefault(policy.id, set()).add(policy.jurisdiction)
    for policy in rulebook.policies:
        for expr in expressions_of(policy):
            for node in expr.walk():
                if node.op in ("qualifies", "holds", "receives"):
                    theirs = homes.get(node.name, set())
                    if theirs and policy.jurisdiction not in theirs and not (theirs & at_home):
                        problems.add(
                            "called-in-rule-of-other-jurisdiction",
                            node.at,
                            name=node.name,
                            other=", ".join(sorted(theirs)),
                            own=policy.jurisdiction,
                        )


def every_policy_is_cited_and_tried(rulebook: Rulebook, problems: Problems) -> None:
    for policy in rulebook.policies:
        if not policy.examples:
            problems.add("no-examples", policy.at, name=policy.id)


CHECKS: tuple[Check, ...] = (
    dates_do_not_overlap,
    figures_cover_the_policy,
    tables_cover_their_keys,
    conditions_can_hold,
    integers_of_facts_fit,
    integers_of_policies_fit,
    derived_facts_stay_in_limits,
    policies_keep_to_their_place,
    every_policy_is_cited_and_tried,
)

# Those of the vocabulary alone: done once for a rulebook, not again for its alerts and its labels.
CHECKS_OF_FACTS: tuple[Check, ...] = (integers_of_facts_fit, derived_facts_stay_in_limits)
