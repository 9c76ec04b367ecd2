"""Facts are read strictly: nothing is coerced, every fault is told at once, no value is repeated."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engine.language.household import HouseholdError, Known, read_household
from tests.little import family, policy, program_of

VOCABULARY = program_of(policy("category"), policy("mine", when="- away", level="member")).vocabulary


def fact(name: str, value: Any) -> Known | None:
    return read_household(family({name: value}), VOCABULARY).members[0].facts.get(name)


@pytest.mark.parametrize(
    ("name", "value", "lo", "hi"),
    [
        ("income", "1650.00", 165000, 165000),
        ("income", Decimal("0.1"), 10, 10),
        ("income", 3, 300, 300),
        ("income", {"lowest": 1, "highest": "2.50"}, 100, 250),
        ("income", {"lowest": 1}, 100, 10000000),
        ("income", {"value": 5, "source": "税务", "verified": True}, 500, 500),
        ("income", {"value": {"lowest": 1, "highest": 2}, "source": "自报"}, 100, 200),
        ("born", "2000-02-29", 20000229, 20000229),
        ("born", date(2000, 1, 2), 20000102, 20000102),
        ("born", {"earliest": "2000-01-01", "latest": "2000-12-31"}, 20000101, 20001231),
        ("away", True, True, True),
        ("badge", "green", 2, 2),
        ("badges", ["red", "blue"], 5, 5),
        ("badges", [], 0, 0),
    ],
)
def test_values(name: str, value: Any, lo: int, hi: int) -> None:
    found = fact(name, value)
    assert found is not None and (found.lo, found.hi) == (lo, hi)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("income", 0.1, "wrong-kind"),  # a binary float
        ("income", True, "wrong-kind"),
        ("income", "1,650", "wrong-kind"),
        ("income", "１６５０", "wrong-kind"),  # full-width digits
        ("income", "1e3", "wrong-kind"),
        ("income", Decimal("NaN"), "wrong-kind"),
        ("income", "1.005", "too-precise"),
        ("income", Decimal("1E-30"), "too-precise"),
        ("income", -1, "outside-limits"),
        ("income", 10**9, "outside-limits"),
        ("income", {"lowest": 2, "highest": 1}, "ends-swapped"),
        ("income", {"low": 2}, "unknown-part"),
        ("income", {"value": 2, "lowest": 1}, "unknown-part"),
        ("income", [1], "wrong-kind"),
        ("born", "20240701", "wrong-kind"),
        ("born", "2023-02-29", "wrong-kind"),
        ("away", "no", "wrong-kind"),
        ("away", 1, "wrong-kind"),
        ("badge", "Red", "not-a-choice"),
        ("badges", "red", "wrong-kind"),
        ("badges", ["red", "pink"], "not-a-choice"),
        ("receiving", ["mien"], "no-such-policy"),
        ("receiving", ["category"], "policy-of-other-level"),
        ("incme", 1, "unknown-fact"),
        ("car", True, "unknown-fact"),
    ],
)
def test_nothing_is_coerced_and_nothing_is_echoed(name: str, value: Any, code: str) -> None:
    with pytest.raises(HouseholdError) as refused:
        read_household(family({name: value}), VOCABULARY)
    (problem,) = refused.value.problems
    assert problem.code == code and problem.path.startswith("/members/0/")
    for lang in ("zh", "en"):
        assert "1,650" not in problem.message(lang) and "pink" not in problem.message(lang)


def test_null_and_absent_are_both_unknown_but_told_apart() -> None:
    member = read_household(family({"income": None}), VOCABULARY).members[0]
    assert member.facts == {} and member.null == {"income"} and member.receiving is None
    assert read_household(family({"receiving": []}), VOCABULARY).members[0].receiving == frozenset()


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(HouseholdError) as refused:
        read_household(family({"income": "x"}, {"badge": "y", "born": 1}, car="z", nothing=1), VOCABULARY)
    assert [p.path for p in refused.value.problems] == ["/car", "/nothing", "/members/0/income", "/members/1/badge", "/members/1/born"]


@pytest.mark.parametrize("raw", [None, [], "x", 1, {}, {"members": None}, {"members": {}}, {"members": [1]}, {"members": [{"id": ""}]}])
def test_what_is_no_household(raw: Any) -> None:
    with pytest.raises(HouseholdError):
        read_household(raw, VOCABULARY)


def test_at_most_sixty_members() -> None:
    assert len(read_household({"members": [{"id": f"m{n}"} for n in range(60)]}, VOCABULARY).members) == 60
    with pytest.raises(HouseholdError):
        read_household({"members": [{"id": f"m{n}"} for n in range(61)]}, VOCABULARY)
