"""Three generations under one roof: a severely disabled adult without work, an 82-year-old, and a child at school.

What they may draw, what excludes what, and the order to apply in, worked out by hand from the figures of August 2025:
three people with 1,200 yuan a month together, dibao 1,650 yuan a person.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner

from engine.cli import main
from tests.little import ROOT

FAMILY = ["decide", str(ROOT / "docs/examples/complex.yaml"), "--on", "2025-08-01", "--rules", str(ROOT)]

# (policy, who) → the sums of its items; "a" the adult, "b" the older person, "c" the child, None the household
SUMS: dict[tuple[str, str | None], list[str]] = {
    ("minimum_living_allowance", None): ["3750.00", "495.00"],  # 3 × 1,650 − 1,200; and 2,145 − 1,650 for the child
    ("jobless_severe_disability", "a"): ["2145.00"],
    ("dibao_single_person", "a"): ["1650.00"],
    ("disability_living_subsidy", "a"): ["450.00"],
    ("disability_nursing_subsidy", "a"): ["350.00"],
    ("medical_aid", "b"): ["13500.00", "0.00"],  # nine tenths of the 15,000 left after insurance
    ("elder_allowance", "b"): ["180.00"],
    ("elder_service_subsidy", "b"): ["1036.00"],  # dibao, care level 2
    ("assistive_device_rental", "b"): ["2000.00"],  # half of 4,000
    ("elder_meal_subsidy", "b"): ["120.00", "80.00"],  # 20 days at 6 yuan, 20 deliveries at 4
    ("home_adaptation", None): ["5000.00"],  # the whole 6,000 under dibao, up to the cap
}
# Sums that are published nowhere, help in kind: all they may draw besides.
BESIDES = {
    ("dibao_extra_help", "a"),
    ("dibao_extra_help", "b"),
    ("dibao_extra_help", "c"),
    ("education_aid_compulsory", "c"),
    ("medical_premium_aid", "a"),
    ("medical_premium_aid", "b"),
    ("medical_premium_aid", "c"),
    ("severe_disability_care", "a"),
    ("rehabilitation_aids", "a"),
    ("disability_insurance_premium", "a"),
    ("barrier_free_home", None),
    ("long_term_care_insurance", "b"),
    ("long_term_care_own_share", "b"),
    ("family_carer_support", "b"),
    ("four_medical_linkages", "a"),
    ("four_medical_linkages", "b"),
    ("four_medical_linkages", "c"),
    ("medical_aid", "a"),
    ("medical_aid", "c"),
}


@pytest.fixture(scope="module")
def decision() -> dict[str, Any]:
    result = CliRunner().invoke(main, [*FAMILY, "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_all_that_they_may_draw(decision: dict[str, Any]) -> None:
    eligible = {(a["policy"], a["member"]): a for a in decision["answers"] if a["status"] == "eligible"}
    assert set(eligible) == set(SUMS) | BESIDES
    for key, sums in SUMS.items():
        found = [item for item in eligible[key]["amounts"] if item.get("least") is not None]
        assert [item["least"] for item in found] == [item["most"] for item in found] == sums, key
    undetermined = {a["policy"] for a in decision["answers"] if a["status"] == "undetermined"}
    assert undetermined == {"price_subsidy"}, "the trigger of the price subsidy is published nowhere"


def test_what_excludes_what(decision: dict[str, Any]) -> None:
    (combination,) = decision["combinations"]
    both = ["disability_living_subsidy", "disability_nursing_subsidy"]
    choices = [option["policies"] for option in combination["options"]]
    assert choices == [
        ["minimum_living_allowance", *both],
        ["dibao_single_person", *both],
        [*both, "jobless_severe_disability"],
    ]
    assert choices[combination["best"]] == ["minimum_living_allowance", *both]


def test_together_a_month(decision: dict[str, Any]) -> None:
    """Dibao 3,750 + 495, the two subsidies 450 + 350, the older person's 180 + 120 + 80 + 1,036, care 900 of 1,000."""
    least = Decimal(decision["totals"]["month"]["least"])
    assert least == 3750 + 495 + 450 + 350 + 180 + 120 + 80 + 1036 + 900
    assert decision["totals"]["once"]["least"] == "5000.00"
    assert decision["totals"]["year"]["least"] == "15500.00"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_person_sees_choice_and_order(lang: str) -> None:
    text = CliRunner().invoke(main, [*FAMILY, "--lang", lang], env={"COLUMNS": "200"}).stdout
    marks = {
        "zh": ("不能同时享受的政策", "★ 最低生活保障", "申请顺序"),
        "en": ("What may not be drawn together", "★ Minimum living allowance", "The order to apply in"),
    }[lang]
    places = [text.find(mark) for mark in marks]
    assert -1 not in places and places == sorted(places), text[-3000:]
    order = text[places[2] :].split("\n\n")[0].replace("\n", "")
    names = {
        "zh": ["最低生活保障", "医疗救助", "养老服务补贴"],
        "en": ["Minimum living", "Medical aid", "Elder service subsidy"],
    }[lang]
    at = [order.find(name) for name in names]
    assert -1 not in at and at == sorted(at), order
