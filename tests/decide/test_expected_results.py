"""An example may expect an intermediate result (`let`), exactly or as not known."""

from __future__ import annotations

import pytest

from engine.decide import compile_rulebook
from engine.decide.examples import check_examples
from engine.language.problems import Problem
from engine.language.rulebook import load_texts
from tests.little import FACTS, texts

HELP = """\
policy: help
title: {zh: 帮助, en: help}
kind: benefit
for: member
department: {zh: 民政, en: Civil affairs}
in_force: {from: 2020-01-01}
cite: {law: 某条例, article: 第一条}
let:
  third: {zh: 三分之一, en: a third, is: per_head / size, unit: CNY/month}
  dear: {zh: 房租高, en: a high rent, is: rent > income}
  mine: {zh: 我的颜色, en: my colour, is: badge}
  birthday: {zh: 生日, en: birthday, is: born}
when:
  all:
    - car
    - third > 0
    - dear or mine == "red"
    - birthday < on
gives:
  - {id: ITEM, title: {zh: 钱, en: money}, amount: standard, per: month}
examples:
  - says: {zh: 例, en: an example}
    on: 2020-06-02
    like: pair
    household: {car: CAR, rent: RENT, members: [{id: b, away: false, income: 1.00}, {id: a, income: INCOME, badge: BADGE, born: BORN}]}
    expect: {a: {EXPECT}}
"""


def problems(expect: str, **given: str) -> tuple[Problem, ...]:
    """What is said of one expectation (the statuses and borders an example does not show left aside)."""
    facts = {"CAR": "true", "RENT": "5.00", "INCOME": "2.00", "BADGE": "red", "BORN": "1990-01-01", "ITEM": "money"}
    text = HELP
    for name, value in {**facts, **given, "EXPECT": expect}.items():
        text = text.replace(name, value)
    found = check_examples(compile_rulebook(load_texts(texts(text, facts=FACTS))))
    return tuple(each for each in found if each.code not in ("boundary-not-shown", "no-example-with-status"))


@pytest.mark.parametrize(
    ("expect", "given"),
    [
        ("third: 0.75", {}),  # three yuan between two, and again
        ("third: 3/4", {}),
        ("third: {least: 0.50, most: 0.75}", {"INCOME": "{lowest: 1.00, highest: 2.00}"}),
        ("third: {most: 0.75}", {"INCOME": "{lowest: 1.00, highest: 2.00}"}),
        ("third: unknown", {"INCOME": "null"}),
        ("dear: true", {}),
        ("dear: false", {"RENT": "2.00"}),
        ("dear: unknown", {"RENT": "null"}),
        ("mine: red", {}),
        ("mine: green", {"BADGE": "green"}),
        ("mine: unknown", {"BADGE": "null"}),
        ("mine: [red, green, blue]", {"BADGE": "null"}),
        ("birthday: 1990-01-01", {}),
        ("birthday: unknown", {"BORN": "null"}),
    ],
)
def test_it_comes_out_as_expected(expect: str, given: dict[str, str]) -> None:
    assert problems(expect, **given) == ()


@pytest.mark.parametrize(
    ("expect", "given", "said"),
    [
        ("third: 0.74", {}, "help of a: third should be 0.74, but comes out as 0.75"),
        ("third: 2/3", {"INCOME": "3.00"}, "help of a: third should be 2/3, but comes out as 1"),
        ("third: 0.75", {"INCOME": "{lowest: 1.00, highest: 2.00}"}, "should be 0.75, but comes out as 0.5 … 0.75"),
        ("third: unknown", {}, "should be unknown, but comes out as 0.75"),
        ("third: {least: 0.75, most: 0.80}", {}, "should be 0.75 … 0.80, but comes out as 0.75"),
        ("dear: true", {"RENT": "null"}, "should be True, but comes out as unknown"),
        ("dear: unknown", {}, "should be unknown, but comes out as yes"),
        ("mine: blue", {}, "should be blue, but comes out as red"),
        ("mine: red", {"BADGE": "null"}, "should be red, but comes out as red | green | blue"),
        ("mine: unknown", {}, "should be unknown, but comes out as red"),
        ("birthday: 1990-01-02", {}, "should be 1990-01-02, but comes out as 1990-01-01"),
        ("thirds: 0.75", {}, "help of a: thirds should be 0.75, but comes out as no such item or intermediate result"),
    ],
)
def test_it_does_not(expect: str, given: dict[str, str], said: str) -> None:
    (problem,) = problems(expect, **given)
    assert problem.code == "example-fails"
    assert said in problem.text("en")


def test_a_name_nearly_right_is_named() -> None:
    (problem,) = problems("thirds: 0.75")
    assert "'third'" in problem.text("en")


def test_an_item_and_a_result_of_one_name_are_told_apart() -> None:
    """An example that names it could not say which of the two it expects."""
    codes = {each.code for each in problems("dear: true", ITEM="dear")}
    assert "name-taken" in codes
