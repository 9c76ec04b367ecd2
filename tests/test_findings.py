"""What was once found wrong, each with the least that shows it: it stays right."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from engine.decide.examples import check_examples
from engine.language.canonical import dumps
from engine.language.household import HouseholdError, canonical_household, read_household
from engine.language.problems import Problem, Problems
from engine.language.rulebook import read_texts
from tests.little import FACTS, PARAMETERS, decided, family, policy, problems_of, program_of, texts

ODD_TABLE = """\
odd:
  label: {zh: 表, en: odd}
  type: money
  unit: CNY/month
  highest: 1000.00
  keys: [colour, {band: whole_number, unit: people}]
  values:
    - from: 2020-01-01
      source: a notice
      verified: true
      rows: {red: [{from: 5, value: 1.00}], otherwise: [{from: 1, value: 2.00}]}
"""
PAID = "- {id: sum, title: {zh: 钱, en: sum}, amount: AMOUNT, per: month MORE}"


def paid(amount: str, more: str = "") -> str:
    return PAID.replace("AMOUNT", amount).replace(" MORE", more)


def codes(*policies: str, **changed: str) -> list[str]:
    return [problem.code for problem in problems_of(*policies, **changed)]


# -- answers that are wrong --


def test_every_choice_of_a_table_has_its_bands_from_the_lowest_key_on() -> None:
    """The first band is looked for among all rows together; a key without a row then decides `no` from nothing."""
    found = codes(policy(level="member", when="- rent < odd[badge, size]"), parameters=PARAMETERS + ODD_TABLE)
    assert found == ["row-missing"]


def test_a_derived_quotient_is_not_a_whole_number_of_fen() -> None:
    """A third of 100 yuan is paid as 33.33 although nothing says how it is rounded."""
    assert codes(policy(gives=paid("per_head"))) == ["amount-not-rounded"]


def test_a_derived_whole_number_is_whole() -> None:
    half = (
        "    half: {label: {zh: 半, en: half}, type: whole_number, is: size / 2, lowest: 0, highest: 30}\n    per_head:"
    )
    assert codes(policy(), facts=FACTS.replace("    per_head:", half)) == ["wrong-type"]


def test_a_derived_list_of_choices_is_what_it_says() -> None:
    """It is never stored: every member's list stays unknown."""
    mine = "    mine: {label: {zh: 我的, en: mine}, type: choices, choices: colour, is: badges}\n"
    program = program_of(policy(level="member", when="- '\"red\" in mine'"), facts=FACTS + mine)
    decision = decided(program, family({"badges": ["red"]}))
    assert decision.answer("help", "a").status == "eligible"


def test_a_choice_between_lists_of_choices_is_refused() -> None:
    """It once passed the reader, and deciding it ended in an AttributeError."""
    assert codes(policy(level="member", when="- '\"red\" in (badges if car else badges)'")) == ["wrong-type"]


def test_a_result_and_a_condition_cannot_have_one_name() -> None:
    """The outcome of one overwrites the other's in the trace."""
    let = "rich: {zh: 富, en: rich, is: rent > standard}"
    assert codes(policy(let=let, when="- {id: rich, if: rent < standard}\n- not rich")) == ["name-taken"]


def test_what_is_added_past_the_last_band_is_added_to_an_unpublished_row() -> None:
    """`null` and `each_further`: the row lies in its limits, and more is added to it."""
    table = PARAMETERS.replace("{from: 3, value: 250.00}], each", "{from: 3, value: null}], each")
    table = table.replace("highest: 100000.00\n  keys", "highest: 99990.00\n  keys")
    program = program_of(policy(when="- rent < by_size[size]"), parameters=table)
    decision = decided(program, family(*[{"away": False}] * 6, rent=Decimal("99999.00")))
    assert decision.answer("help").status == "undetermined"


def test_a_month_is_not_paid_less_than_never() -> None:
    months = "    spell: {label: {zh: 月, en: m}, type: whole_number, unit: months, lowest: -5, highest: 5}\n    car:"
    program = program_of(
        policy(gives=paid("standard", ", for_months: spell")), facts=FACTS.replace("    car:", months, 1)
    )
    decision = decided(program, {"car": True, "spell": -3, "members": [{"id": "a"}]})
    assert decision.answer("help").amounts[0].yearly == (0, 0)


def test_what_is_not_in_force_changes_no_choice() -> None:
    """`base` asks about `late`, which begins next year: what `base` pays cannot differ between the choices."""
    late = policy("late", more="in_force: {from: 2021-01-01}\nexcludes: [one]")
    one, two = policy("one", gives=paid("standard"), more="excludes: [two]"), policy("two")
    base = policy("base", when="- rent < standard or qualifies(late)", gives=paid("hidden"))
    decision = decided(program_of(late, one, two, base), {"car": True, "members": [{"id": "a"}]})
    (combination,) = decision.combinations
    assert sorted((o.least, o.most) for o in combination.options) == [(0, 0), (1_200_000, 1_200_000)]


# -- the reader lets pass what means nothing --


def test_limits_of_a_date_are_read_or_refused() -> None:
    """`lowest` and `highest` of a date are passed over in silence."""
    facts = FACTS.replace("type: date}", "type: date, lowest: 1950-01-01}")
    if codes(policy(), facts=facts):
        return
    try:
        read_household(family({"born": "1850-01-01"}), program_of(policy(), facts=facts).vocabulary)
    except HouseholdError:
        return
    raise AssertionError("a date of birth before 1950 was neither refused nor its limit")


def test_a_figure_of_law_can_be_a_date() -> None:
    cutoff = "cutoff:\n  label: {zh: 日, en: day}\n  type: date\n"
    cutoff += "  values: [{from: 2020-01-01, value: 1990-01-01, source: a law, verified: true}]\n"
    assert codes(policy(level="member", when="- born < cutoff"), parameters=PARAMETERS + cutoff) == []


def test_slices_are_of_the_unit_that_is_sliced() -> None:
    """A sum a year is cut by borders a month."""
    assert codes(policy(when="- marginal(yearly(rent), slices) > 0")) == ["units-differ"]


def test_each_further_needs_one_band_to_go_on_from() -> None:
    parameters = PARAMETERS.replace(
        "rows: {red: 0.9, green: 0.5, otherwise: null}", "rows: {red: 0.9, otherwise: 0.5}\n      each_further: 5"
    )
    assert codes(policy(), parameters=parameters)


def test_a_rule_holds_no_truth_written_as_python() -> None:
    """`True` passes; the language has no such word."""
    assert codes(policy(when="- car and True"))


# -- exceptions where problems were promised --


@pytest.mark.parametrize(
    "example",
    [
        "{says: {zh: 例, en: e}, on: 2020-06-01, like: [pair], expect: {}}",
        "{says: {zh: 例, en: e}, on: 2020-06-01, like: {a: b}, expect: {}}",
        "{says: {zh: 例, en: e}, on: 2020-06-01, household: 5, expect: {}}",
        "{says: {zh: 例, en: e}, on: 2020-06-01, like: pair, without: 5, expect: {}}",
        "{says: {zh: 例, en: e}, on: 2020-06-01, like: pair, household: {members: 5}, expect: {}}",
        "{says: {zh: 例, en: e}, on: 2020-06-01, like: pair, household: {members: [5]}, expect: {}}",
        "{says: {zh: 例, en: e}, on: 2020-06-01, like: pair, household: {members: [{id: [a]}]}, expect: {}}",
    ],
)
def test_a_broken_example_is_told(example: str) -> None:
    text = re.sub(r"examples:\n.*", f"examples:\n  - {example}", policy())
    assert codes(text) or check_examples(program_of(text))


@pytest.mark.parametrize("pair", ["pair:\n", "pair: 5\n", "pair: {members: 5}\n", "pair: {members: [[]]}\n"])
def test_a_broken_named_household_is_told(pair: str) -> None:
    assert codes(policy(), households=pair) or check_examples(program_of(policy(), households=pair))


def test_bytes_that_are_no_text_are_told_by_whoever_read_them() -> None:
    """`engine.language.shipped` keeps them as marks, which the reader then cannot encode."""
    assert read_texts({**texts(policy()), "rules/households.yaml": "pair: \udcff"})[1]


def test_a_household_that_is_read_can_be_written_down() -> None:
    note = "    note: {label: {zh: 注, en: note}, type: text}\n    car:"
    program = program_of(policy(), facts=FACTS.replace("    car:", note, 1))
    try:
        household = read_household({"note": "\ud800", "members": [{"id": "a"}]}, program.vocabulary)
    except HouseholdError:
        return
    try:
        dumps(canonical_household(household, program.vocabulary))
    except ValueError as error:
        raise AssertionError(str(error)) from error


def test_problems_are_noted_where_they_were_asked_to_be() -> None:
    """An empty list of problems counts as none given."""
    noted = Problems()
    read_texts(texts("policy: [\n"), noted)
    assert len(noted) > 0


# -- words --


@pytest.mark.parametrize(
    "text",
    [
        policy(when="- car.real"),
        policy(when="- size"),
        policy(more="review: {zh: 每年}"),
        policy("one", when="- qualifies(two)"),
    ],
    ids=["not-allowed", "wrong-type", "missing-label", "circle"],
)
def test_the_chinese_sentence_is_chinese(text: str) -> None:
    found = problems_of(text, policy("two", when="- qualifies(one)")) if "two" in text else problems_of(text)
    assert found
    for problem in found:
        assert not re.search(r"[A-Za-z]{3,}(?![^“]*”)", _without_names(problem)), problem.message("zh")


def _without_names(problem: Problem) -> str:
    """The Chinese sentence without what is quoted or is a name or unit of the rules."""
    sentence = re.sub(r"“[^”]*”|[a-z_]+ → .*", "", problem.message("zh"))
    return re.sub(r"\b(CNY|one|two)\b", "", sentence)


def test_the_little_rulebook_is_right_without_them() -> None:
    assert problems_of(policy()) == ()
