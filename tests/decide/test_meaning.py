"""What a rule means, case by case: three values, ranges, exact arithmetic, members, tables, amounts."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from engine.language.household import HouseholdError
from tests.little import decided, family, policy, program_of

ADULT = {"born": date(1990, 5, 1), "away": False, "income": 1500}
CHILD = {"born": date(2015, 2, 28), "away": False, "income": 0}


@pytest.mark.parametrize(
    ("condition", "facts", "status"),
    [
        ("car", {"car": True}, "eligible"),
        ("car", {"car": False}, "ineligible"),
        ("car", {"car": None}, "undetermined"),
        ("car", {}, "undetermined"),
        ("not car", {}, "undetermined"),
        ("car or not car", {}, "undetermined"),  # right, though a clever reader could settle it
        ("car or rent < standard", {"rent": 1}, "eligible"),
        ("car and rent < standard", {"rent": 1000}, "ineligible"),
        ("rent < standard", {"rent": {"lowest": 0, "highest": 999}}, "eligible"),
        ("rent < standard", {"rent": {"lowest": 1000}}, "ineligible"),
        ("rent < standard", {"rent": {"lowest": 999, "highest": 1000}}, "undetermined"),
        ("rent <= standard", {"rent": {"lowest": 999, "highest": 1000}}, "eligible"),
        ("rent == standard", {"rent": 1000}, "eligible"),
        ("rent == standard", {"rent": {"lowest": 999, "highest": 1001}}, "undetermined"),
        ("rent != standard", {"rent": {"lowest": 1001, "highest": 1002}}, "eligible"),
        ("rent < hidden", {"rent": 199}, "eligible"),  # below whatever the unpublished figure can be
        ("rent < hidden", {"rent": 300}, "undetermined"),
        ("rent < hidden", {"rent": 500}, "ineligible"),
    ],
)
def test_truth_of_a_condition(condition: str, facts: dict[str, Any], status: str) -> None:
    decision = decided(program_of(policy(when=f"- {condition}")), family(ADULT, **facts))
    assert decision.answer("help").status == status


@pytest.mark.parametrize(
    ("condition", "members", "status"),
    [
        ("any_member(income > 0)", [ADULT, CHILD], "eligible"),
        ("every_member(income > 0)", [ADULT, CHILD], "ineligible"),
        ("any_member(income > 0)", [CHILD, {"away": False}], "undetermined"),
        ("any_member(income > 0)", [ADULT, {}], "eligible"),
        ("every_member(income > 0)", [ADULT, {}], "undetermined"),
        ("any_member(income > 0, where=away)", [ADULT, CHILD], "ineligible"),  # over nobody
        ("every_member(income > standard, where=away)", [ADULT, CHILD], "eligible"),  # over nobody
        ("every_member(income > 0, where=age < grown)", [ADULT, CHILD], "ineligible"),
        ("count_members(age < grown) == 1", [ADULT, CHILD], "eligible"),
        ("count_members(age < grown) >= 1", [CHILD, {"away": False}], "eligible"),
        ("sum_members(income) <= standard", [ADULT, {"away": False}], "ineligible"),  # 1,500 already passes it
        ("sum_members(income) > standard", [{**CHILD}, {"away": False}], "undetermined"),
        ("min_members(income, otherwise=0) == 0", [ADULT, CHILD], "eligible"),
        ("max_members(income, otherwise=0) > standard", [ADULT, CHILD], "eligible"),
        ("max_members(income, where=away, otherwise=standard) == standard", [ADULT, CHILD], "eligible"),
        ('any_member(badge == "red")', [{"badge": "red"}, {}], "eligible"),
        ('any_member(badge in ["red", "green"])', [{"badge": "blue"}, {}], "undetermined"),
        ('every_member(badge in ["red", "green", "blue"])', [{}, {}], "eligible"),  # every choice it may have is named
        ('any_member("red" in badges)', [{"badges": ["red", "blue"]}], "eligible"),
        ('any_member("red" not in badges)', [{"badges": []}], "eligible"),
        ('any_member("red" in badges)', [{}], "undetermined"),
    ],
)
def test_members(condition: str, members: list[dict[str, Any]], status: str) -> None:
    decision = decided(program_of(policy(when=f"- {condition}")), family(*members))
    assert decision.answer("help").status == status


@pytest.mark.parametrize(
    ("amount", "household", "least", "most"),
    [
        ("standard - per_head", family(ADULT, CHILD), 25000, 25000),
        ("(standard - per_head) * size", family({**ADULT, "income": 1000}, CHILD, CHILD), 200000, 200000),
        ("(standard - per_head) * size", family(ADULT, {"away": False}), 0, 50000),  # 2,000 less 1,500 at the most
        ("max(0, standard - rent)", family(ADULT, rent=2000), 0, 0),
        ("standard - rent", family(ADULT, rent=2000), 0, 0),  # cut off at zero
        ("min(standard, rent)", family(ADULT, rent={"lowest": 300, "highest": 1300}), 30000, 100000),
        ("standard if car else rent", family(ADULT, rent=300), 30000, 100000),  # car unknown: the hull of both
        ("standard if car else rent", family(ADULT, rent=300, car=False), 30000, 30000),
        ("by_size[size]", family(ADULT), 10000, 10000),
        ("by_size[size]", family(*[ADULT] * 3), 25000, 25000),
        ("by_size[size]", family(*[ADULT] * 5), 33000, 33000),
        ("by_size[size]", family(ADULT, ADULT, {"born": date(1990, 1, 1)}), 10000, 25000),  # whether c counts is open
        ("marginal(rent, slices)", family(ADULT, rent=400), 21000, 21000),  # 150 + 60
        ("marginal(rent, slices)", family(ADULT, rent={"lowest": 100, "highest": 400}), 5000, 21000),
        ("round_to(rent, 100)", family(ADULT, rent="150.00"), 20000, 20000),
        ("hidden", family(ADULT), 20000, 50000),
        ("monthly(yearly(rent))", family(ADULT, rent="12.34"), 1234, 1234),
        ("rent / 12", family(ADULT, rent=100), 833, 833),
        ("rent - balance", family(ADULT, rent=100, balance=-50), 15000, 15000),
        ("standard * 2 - rent", family(ADULT, rent={"lowest": 500, "highest": 700}), 130000, 150000),
    ],
)
def test_amounts_are_exact_and_bounded(amount: str, household: dict[str, Any], least: int, most: int) -> None:
    gives = f"""
    - id: money
      title: {{zh: 钱, en: money}}
      amount: {amount}
      per: month
      round: {{to: 0.01, mode: half_up}}
    """
    found = decided(program_of(policy(when="- size < 12", gives=gives)), household)
    assert [(a.least, a.most) for a in found.answer("help").amounts] == [(least, most)]


@pytest.mark.parametrize(("mode", "fen"), [("half_up", 33333), ("up", 33334), ("down", 33333)])
def test_rounding_once_per_item(mode: str, fen: int) -> None:
    gives = f"""
    - id: money
      title: {{zh: 钱, en: money}}
      amount: standard / size
      per: month
      round: {{to: 0.01, mode: {mode}}}
    """
    found = decided(program_of(policy(when="- size < 12", gives=gives)), family(*[ADULT] * 3))
    assert found.answer("help").amounts[0].least == fen


@pytest.mark.parametrize(
    ("born", "on", "age"),
    [
        (date(2002, 2, 28), date(2020, 2, 28), 18),
        (date(2004, 2, 29), date(2022, 2, 28), 17),
        (date(2004, 2, 29), date(2022, 3, 1), 18),  # born on 29 February: of age on 1 March
        (date(2002, 3, 1), date(2020, 2, 29), 17),
        (date(2020, 6, 2), date(2020, 6, 1), 0),
    ],
)
def test_age(born: date, on: date, age: int) -> None:
    program = program_of(policy(when="- any_member(age >= grown)"))
    decision = decided(program, family({"born": born, "away": False}), on)
    assert decision.run.members[0][program.slots.facts["age"].at] == age


def test_the_law_of_the_day() -> None:
    program = program_of(policy(when="- rent < standard"))
    family_ = family(ADULT, rent=1050)
    assert decided(program, family_, date(2020, 12, 31)).answer("help").status == "ineligible"
    assert decided(program, family_, date(2021, 1, 1)).answer("help").status == "eligible"
    later = decided(program, family_, date(2021, 1, 1))
    assert [caveat.code for caveat in later.caveats(later.answer("help"))] == ["not-verified"]
    assert decided(program, family_, date(2019, 12, 31)).not_in_force == ("help",)


def test_a_household_in_which_nobody_counts_is_refused() -> None:
    with pytest.raises(HouseholdError) as refused:
        decided(program_of(policy(when="- size < 12")), family({"away": True}))
    assert [p.code for p in refused.value.problems] == ["nobody-counts"]


def test_an_item_has_its_own_condition_and_months() -> None:
    gives = """
    - id: extra
      title: {zh: 加发, en: extra}
      if: car
      amount: standard
      per: month
    - id: aid
      title: {zh: 实物, en: in kind}
    - id: top
      title: {zh: 最高, en: at most}
      up_to: standard
      per: month
    """
    answer = decided(program_of(policy(when="- size < 12", gives=gives)), family(ADULT)).answer("help")
    extra, aid, top = answer.amounts
    assert (extra.least, extra.most, extra.given, extra.possible) == (0, 100000, False, True)
    assert (aid.least, aid.most, aid.given) == (0, 0, True)
    assert (top.least, top.most, top.yearly) == (0, 100000, (0, 0))


CATEGORY = policy("category", when="- per_head < standard")
OPENED = policy("opened", when="- holds(category)")
FURTHER = policy("further", when="- holds(opened)")
BARRED = policy("barred", when="- not qualifies(category)")


def test_conditional_answers_name_what_must_come_first() -> None:
    program = program_of(CATEGORY, OPENED, FURTHER, BARRED)
    found = decided(program, family({**ADULT, "income": 500}, receiving=[]))
    assert found.answer("category").conditional_on is None
    assert found.answer("opened").conditional_on == ("category",)
    assert found.answer("further").conditional_on == ("category", "opened")
    assert found.answer("barred").status == "ineligible" and found.answer("barred").conditional_on is None
    drawn = decided(program, family({**ADULT, "income": 500}, receiving=["category", "opened"]))
    assert drawn.answer("further").conditional_on is None


def test_either_of_two_ways_is_enough() -> None:
    other = policy("other", when="- rent < standard")
    either = policy("either", when="- any: [holds(category), holds(other)]")
    found = decided(program_of(CATEGORY, other, either), family({**ADULT, "income": 500}, rent=1, receiving=[]))
    assert found.answer("either").conditional_on == ("category",)  # the last decided is withheld first and not needed


MONEY = """
- id: money
  title: {{zh: 钱, en: money}}
  amount: {amount}
  per: month
"""


def test_best_lawful_combination() -> None:
    low = policy("low", when="- size < 12", gives=MONEY.format(amount="by_size[size]"))
    high = policy("high", when="- size < 12", gives=MONEY.format(amount="standard"), more="excludes: [low]")
    hanging = policy("hanging", when="- holds(low)", gives=MONEY.format(amount="standard"))
    found = decided(program_of(low, high), family(ADULT, receiving=[]))
    (choice,) = found.combinations
    assert [o.policies for o in choice.options] == [("low",), ("high",)]
    assert choice.best == 1 and found.totals == {"month": (100000, 100000)}
    # what hangs on a category counts with it
    (choice,) = decided(program_of(low, high, hanging), family(ADULT, receiving=[])).combinations
    assert choice.best == 0
    # what is already drawn is never given up in the best one's name
    (choice,) = decided(program_of(low, high), family(ADULT, receiving=["low"])).combinations
    assert choice.best == 0 and choice.options[1].gives_up == ("low",)
    # and where it is not known what is drawn, nothing that might give it up is named best
    (choice,) = decided(program_of(low, high), family(ADULT)).combinations
    assert choice.best is None


def test_missing_facts_come_in_the_order_that_settles_most() -> None:
    first = policy("first", when="- rent < standard")
    second = policy("second", when="- rent < by_size[size]\n- car")
    found = decided(program_of(first, second), family(ADULT, car=None))
    assert [(m.fact, m.member, m.asked) for m in found.missing] == [("rent", "", False), ("car", "", True)]
    assert found.missing_for(found.answer("second")) == (("rent", ""), ("car", ""))
    settled = decided(program_of(first, second), family(ADULT, rent=100000))
    assert settled.missing == ()  # the rent alone settles both: nothing is asked that cannot matter


def test_only_members_who_matter_are_asked() -> None:
    program = program_of(policy(when="- any_member(income > standard, where=not away)"))
    found = decided(program, family({"away": True}, {"away": False}, {"away": False, "income": 0}))
    assert [(m.fact, m.member) for m in found.missing] == [("income", "b")]
