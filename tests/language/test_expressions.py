"""The expression language: what reads, what it yields, and what is refused at which character."""

from __future__ import annotations

from fractions import Fraction

import pytest

from engine.language.expressions import Names, Scope, read_expression
from engine.language.places import Place
from engine.language.problems import Problems
from engine.language.rulebook import load_texts
from engine.language.tree import Expr
from engine.language.types import Base
from tests.little import policy, texts

BOOK = load_texts(texts(policy("category"), policy("mine", when="- away", level="member")))
NAMES = Names(BOOK.choices, BOOK.facts, BOOK.parameters, {"category": "household", "mine": "member"})


def read(text: str, level: str = "household") -> tuple[Expr | None, list[tuple[str, int, int, str]]]:
    """The tree of an expression, and its problems as (code, first column, width, English hint)."""
    problems = Problems(lines={"t": [text]})
    expr = read_expression(text, Place("t", 1, 1), Scope(NAMES, problems, level))
    return expr, [(p.code, p.place.column, p.place.width, p.hint[0]) for p in problems.sorted()]


@pytest.mark.parametrize(
    ("text", "base", "unit", "least", "most"),
    [
        ("rent + standard", Base.MONEY, "CNY/month", 0, 110000),
        ("rent - standard", Base.MONEY, "CNY/month", -10000, 100000),
        ("-rent", Base.MONEY, "CNY/month", -100000, 0),
        ("rent * size", Base.MONEY, "CNY/month", 0, 6000000),
        ("rent / size", Base.MONEY, "CNY/month", 0, 100000),
        ("yearly(rent)", Base.MONEY, "CNY/year", 0, 1200000),
        ("rent / standard", None, "", None, None),
        ("rent / max(standard, hidden)", Base.NUMBER, "number", 0, 500),
        ("min(rent, standard)", Base.MONEY, "CNY/month", 0, 10000),
        ("rent if car else 0", Base.MONEY, "CNY/month", 0, 100000),
        ("by_size[size]", Base.MONEY, "CNY/month", 0, 100000),
        ("count_members(away)", Base.WHOLE, "number", 0, 60),
        ("sum_members(income)", Base.MONEY, "CNY/month", 0, 6000000),
        ("month_of(on)", Base.WHOLE, "number", 1, 12),
        ("rent * area", Base.MONEY, "CNY·m2/month", 0, 100000000),
    ],
)
def test_types_units_and_ranges(text: str, base: Base | None, unit: str, least: int | None, most: int | None) -> None:
    expr, problems = read(text)
    if base is None:
        assert expr is None and problems[0][0] == "divisor-may-be-zero"
        return
    assert expr is not None and not problems
    assert (expr.type.base, str(expr.type.unit), expr.type.least, expr.type.most) == (base, unit, Fraction(least or 0), Fraction(most or 0))


@pytest.mark.parametrize(
    ("text", "code", "column", "width", "hint"),
    [
        ("rnt < standard", "unknown-name", 1, 3, "did you mean 'rent'?"),
        ("rent < standrad", "unknown-name", 8, 8, "did you mean 'standard'?"),
        ("anymember(away)", "unknown-function", 1, 9, "did you mean 'any_member'?"),
        ("qualifies(categry)", "unknown-policy", 11, 7, "did you mean 'category'?"),
        ("rent < 1650", "number-in-rule", 8, 4, "only 0, 1, 2, 12 and 100 may stand in a rule; declare the rest in rules/parameters"),
        ("rent < 1e3", "not-allowed", 8, 3, ""),
        ("rent < yearly(standard)", "units-differ", 1, 23, "yearly(x) and monthly(x) turn one into the other"),
        ("rent < 2", "units-differ", 1, 8, ""),
        ("rent < area", "units-differ", 1, 11, ""),
        ("income > 0", "wrong-level", 1, 6, ""),
        ("qualifies(mine)", "wrong-level", 11, 4, ""),
        ("car == true", "compared-with-true", 1, 11, ""),
        ("car == True", "compared-with-true", 1, 11, ""),
        ("car and rent < standard or car", "brackets-needed", 1, 30, ""),
        ('any_member(badge == "rde")', "unknown-choice", 21, 5, "did you mean 'red'?"),
        ('any_member(badge < "red")', "choice-compared", 12, 13, ""),
        ("rate", "table-without-key", 1, 4, ""),
        ("rent[size]", "not-a-table", 1, 4, ""),
        ("by_size[size, size]", "keys-do-not-fit", 1, 19, ""),
        ("by_size[rent]", "units-differ", 9, 4, ""),
        ("balance * (rent - standard)", "both-factors-cross-zero", 1, 27, "use max(0, …) for the one that cannot be negative"),
        ("rent / balance", "divisor-may-be-zero", 8, 7, "declare `lowest` above zero for it, or divide by max(1, …)"),
        ("round_to(balance, 1)", "rounds-below-zero", 10, 7, "round max(0, …)"),
        ("round_to(rent, 7)", "wrong-arguments", 16, 1, ""),
        ("rent is standard", "not-allowed", 1, 16, ""),
        ("rent.real", "not-allowed", 1, 9, ""),
        ("__import__('os')", "unknown-function", 1, 10, ""),
        ("(lambda: 1)()", "not-allowed", 1, 13, ""),
        ('f"{rent}"', "not-allowed", 1, 9, ""),
        ('any_member(badge == "re" "d")', "not-allowed", 21, 8, "write one plain text in quotes"),
        ("rent ** 2", "not-allowed", 1, 9, ""),
        ("rent if", "expression-syntax", 1, 1, ""),
        ("rent ＜ standard", "not-allowed", 6, 1, "use plain brackets, commas and quotes"),
        ("any_member(away, when=away)", "wrong-arguments", 1, 27, ""),
        ("min_members(income)", "wrong-arguments", 1, 19, ""),
        ("(" * 31 + "car" + ")" * 31, "expression-too-deep", 1, 1, ""),
        ("car or " * 200 + "car", "expression-too-long", 1, 1, ""),
        ("not " * 60 + "car", "expression-too-deep", 1, 1, ""),
    ],
)  # fmt: skip
def test_what_is_refused_and_where(text: str, code: str, column: int, width: int, hint: str) -> None:
    expr, problems = read(text)
    assert expr is None
    assert problems == [(code, column, width, hint)]


@pytest.mark.parametrize(
    "text", ["age >= grown", "qualifies(mine)", "qualifies(category)", "car", 'badge in ["red", "green"]', '"red" in badges']
)
def test_a_member_rule_reads_both_levels(text: str) -> None:
    assert read(text, "member")[1] == []


@pytest.mark.parametrize(
    ("when", "code"),
    [
        ("not holds(category)", "holds-is-negated"),
        ("none: [holds(category)]", "holds-is-negated"),
        ("any_member(away, where=holds(category))", "holds-is-negated"),
        ("rent < (standard if holds(category) else hidden)", "holds-is-negated"),
        ("count_members(away and holds(category)) > 0", "holds-is-negated"),
        ("holds(category)", ""),
        ("any_member(away) and holds(category)", ""),
        ("not receives(category)", ""),
        ("not qualifies(category)", ""),
    ],
)
def test_holds_stands_only_where_more_helps(when: str, code: str) -> None:
    from tests.little import problems_of

    codes = [p.code for p in problems_of(policy("category"), policy("asks", when=f"- {when}"))]
    assert codes == ([code] if code else [])
