"""Sentences: what was observed, what is required, since when, by which article; an outer limit is never a number."""

from __future__ import annotations

from typing import Any

import pytest

from engine.decide.explain import Explainer
from tests.decide.test_meaning import ADULT
from tests.little import decided, family, policy, program_of


def lines(condition: str, lang: str, gives: str = "", **facts: Any) -> list[str]:
    found = decided(program_of(policy(when=f"- {condition}", gives=gives)), family(ADULT, **facts))
    explained = Explainer(found, lang).answer(found.answer("help"))
    return [f"{line.mark} {line.text}" for line in explained.walk()]


@pytest.mark.parametrize(
    ("condition", "facts", "zh", "en"),
    [
        ("rent < standard", {"rent": 999}, "✓ 房租 999.00 元/月，低于标准 1,000.00 元/月（2020-01-01 起）", "✓ rent 999.00 yuan/month: below standard 1,000.00 yuan/month (since 2020-01-01)"),
        ("rent < standard", {"rent": 1000}, "✗ 房租 1,000.00 元/月；要求：低于标准 1,000.00 元/月（2020-01-01 起）", "✗ rent 1,000.00 yuan/month; required: below standard 1,000.00 yuan/month (since 2020-01-01)"),
        ("rent < standard", {}, "? 房租 未知；要求：低于标准 1,000.00 元/月（2020-01-01 起）", "? rent not known; required: below standard 1,000.00 yuan/month (since 2020-01-01)"),
        ("rent < standard", {"rent": {"lowest": 500}}, "? 房租 不低于 500.00 元/月（上限未知）；要求：低于标准 1,000.00 元/月（2020-01-01 起）", "? rent at least 500.00 yuan/month (no upper limit known); required: below standard 1,000.00 yuan/month (since 2020-01-01)"),
        ("car", {"car": True}, "✓ 有车：是", "✓ owns a car: yes"),
        ("car", {}, "? 有车：未知", "? owns a car: not known"),
        ("rent < hidden", {"rent": 300}, "? 房租 300.00 元/月；要求：低于未公布的数 未公布（2020-01-01 起）", "? rent 300.00 yuan/month; required: below an unpublished figure not published (since 2020-01-01)"),
        ("sum_members(income) / size < standard", {}, "✗ 成员收入之和 ÷ 人数 1,500.00 元/月；要求：低于标准 1,000.00 元/月（2020-01-01 起）", "✗ members' income together ÷ size 1,500.00 yuan/month; required: below standard 1,000.00 yuan/month (since 2020-01-01)"),
    ],
)  # fmt: skip
def test_a_condition_in_words(condition: str, facts: dict[str, Any], zh: str, en: str) -> None:
    assert lines(condition, "zh", **facts)[1] == zh
    assert lines(condition, "en", **facts)[1] == en


GIVES = """
- id: money
  title: {zh: 补助, en: grant}
  amount: max(0, standard - rent)
  per: month
"""


@pytest.mark.parametrize(
    ("facts", "headline"),
    [
        ({"rent": 400}, "✓ help：符合，每月 600.00 元"),
        ({"rent": {"lowest": 400, "highest": 700}}, "✓ help：符合，每月 600.00 元以内（最低 300.00 元）"),
        ({}, "✓ help：符合，每月 1,000.00 元以内（最低 0.00 元）"),
    ],
)
def test_amounts_in_the_headline(facts: dict[str, Any], headline: str) -> None:
    assert lines("size < 12", "zh", GIVES, **facts)[0] == headline


def test_an_open_upper_end_is_never_a_number() -> None:
    gives = GIVES.replace("max(0, standard - rent)", "rent")
    assert lines("size < 12", "zh", gives)[0] == "✓ help：符合，金额尚不能确定"


def test_every_line_keeps_its_place_and_article() -> None:
    program = program_of(policy(when="- {id: poor, if: rent < standard, cite: {law: 某条例, article: 第二条}}"))
    found = decided(program, family(ADULT, rent=1))
    (line,) = Explainer(found, "zh").answer(found.answer("help")).parts
    assert (line.cite, line.place, line.figures) == ("《某条例》第二条", "rules/main/policy_0.yaml:10:22", ("standard",))
