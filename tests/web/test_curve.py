"""The curve of benefits by income is held against deciding every single yuan."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from engine.decide import Decision, Program, decide
from engine.decide.amounts import TIMES
from engine.decide.curve import Curve, curve_of
from engine.language.household import read_household
from tests.little import policy
from tests.little import program_of as compiled

ON = date(2022, 1, 1)


def program_of(when: str, amount: str, per: str) -> Program:
    """One policy of one item."""
    gives = f"""
        - id: money
          title: {{zh: 钱, en: money}}
          amount: {amount}
          per: {per}
          round: {{to: 0.01, mode: half_up}}
    """
    return compiled(policy(when=f"- {when}", gives=gives))


def household(income: Any, **more: Any) -> dict[str, Any]:
    return {
        "car": False,
        "receiving": [],
        **more,
        "members": [{"id": "a", "income": income, "away": False, "receiving": []}],
    }


def decided(program: Program, income: Any, **more: Any) -> Decision:
    return decide(program, read_household(household(income, **more), program.vocabulary), ON)


def yearly(program: Program, yuan: int, **more: Any) -> int:
    totals = decided(program, yuan, **more).totals
    return sum(least * TIMES[per] for per, (least, _) in totals.items() if per != "once")


def at(curve: Curve, income: int) -> float:
    """The benefits of a year at an income, read off the curve."""
    for before, after in zip(curve.points, curve.points[1:], strict=False):
        if before.income <= income <= after.income:
            part = (income - before.income) / (after.income - before.income)
            return before.benefits + part * (after.benefits - before.benefits)
    raise AssertionError(income)


RULES = {
    "a step": ("per_head < standard", "standard - per_head + standard", "month"),
    "a taper": ("per_head < standard", "standard - per_head", "month"),
    "two steps": ("per_head < standard", "standard if per_head < standard / 2 else standard / 12", "month"),
    "yearly money": ("per_head < standard", "yearly(standard)", "year"),
    "nothing": ("car", "standard", "month"),
}


@pytest.mark.parametrize("name", RULES)
def test_every_yuan_is_as_the_curve_says(name: str) -> None:
    when, amount, per = RULES[name]
    program = program_of(when, amount, per)
    curve = curve_of(decided(program, 300), "a", "income", 1_500_00)
    assert curve.complete and curve.own == 300_00
    exact = [yearly(program, yuan) for yuan in range(1501)]
    for yuan in range(1501):
        assert abs(at(curve, yuan * 100) - exact[yuan]) <= 24, yuan
    cliffs = [yuan for yuan in range(1500) if exact[yuan] - exact[yuan + 1] > 1200 + 24]
    assert [cliff.at // 100 for cliff in curve.cliffs] == cliffs
    assert [cliff.loses for cliff in curve.cliffs] == [exact[y] - exact[y + 1] - 1200 for y in cliffs]
    assert bool(cliffs) == (name not in ("a taper", "nothing"))
    if cliffs:
        assert curve.next_cliff is not None and curve.next_cliff.at // 100 == min(cliffs)
        assert curve.cliffs[0].policies == ("help",)


def test_an_income_above_every_cliff_has_no_next_one_and_an_unknown_one_no_distance() -> None:
    program = program_of(*RULES["a step"])
    assert curve_of(decided(program, 1200), "a", "income", 1_500_00).next_cliff is None
    unknown = curve_of(decided(program, None), "a", "income", 1_500_00)
    assert unknown.own is None and unknown.next_cliff is None and len(unknown.cliffs) == 1


def test_what_waits_for_another_fact_counts_as_nothing_and_is_told() -> None:
    program = program_of("(per_head < standard) and (not car)", "standard", "month")
    curve = curve_of(decided(program, 300, car=None), "a", "income", 1_500_00)
    assert not curve.cliffs and {point.benefits for point in curve.points} == {0}


def test_a_fact_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        curve_of(decided(program_of(*RULES["a step"]), 300), "a", "no_such", 100_00)
